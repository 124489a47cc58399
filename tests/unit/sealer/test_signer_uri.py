"""The URI of a signer: three kinds, no secret in it, and a server only through TLS or on this machine."""

from pathlib import Path

import pytest

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.signer_uri import KmsUri, OpenBaoUri, Pkcs11Uri, SignerUri, parse_signer_uri

MODULE = "module-path=/usr/lib/softhsm/libsofthsm2.so"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("uri", "read", "shown"),
    [
        (
            f"pkcs11:token=audit%20logs;object=sealer;id=%01%ff;type=private?{MODULE}",
            Pkcs11Uri(Path("/usr/lib/softhsm/libsofthsm2.so"), "audit logs", "", "sealer", b"\x01\xff"),
            "pkcs11:token=audit logs;object=sealer;id=01ff",
        ),
        (
            "pkcs11:serial=5e889c05;id=%01?module-path=/m.so",
            Pkcs11Uri(Path("/m.so"), "", "5e889c05", "", b"\x01"),
            "pkcs11:serial=5e889c05;id=01",
        ),
        (
            "openbao://transit/sealer?address=https://bao.example.com:8200/&version=2",
            OpenBaoUri("https://bao.example.com:8200", "transit", "sealer", 2, ""),
            "openbao://transit/sealer",
        ),
        (
            "openbao://team/audit/transit/sealer?address=http://127.0.0.1:8200&version=1&namespace=a/b",
            OpenBaoUri("http://127.0.0.1:8200", "team/audit/transit", "sealer", 1, "a/b"),
            "openbao://team/audit/transit/sealer",
        ),
        (f"awskms:///{ARN}", KmsUri(ARN, "eu-central-1", ""), f"awskms:///{ARN}"),
        (
            f"awskms:///{ARN}?endpoint=http://localhost:4566",
            KmsUri(ARN, "eu-central-1", "http://localhost:4566"),
            f"awskms:///{ARN}",
        ),
    ],
)
def test_a_uri_names_a_key_and_shows_it_without_its_query(uri: str, read: SignerUri, shown: str) -> None:
    assert parse_signer_uri(uri) == read
    assert str(read) == shown


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sealer.pem", "does not name a signer: pkcs11:token="),
        ("hashivault://sealer", "does not name a signer"),
        ("openbao://[x", "can't be read"),
        ("openbao://token@transit/sealer?address=https://a&version=1", "has a user or a fragment"),
        (f"pkcs11:token=a;object=b?{MODULE}#here", "has a user or a fragment"),
        (f"pkcs11:token=a;object=b?{MODULE}&pin-value=314159", "has pin-value: name the PIN's file as secret_file"),
        (f"pkcs11:token=a;object=b?{MODULE}&pin-source=file:/pin", "has pin-source: name the PIN's file"),
        (f"pkcs11:token=a;object=b;slot-id=0?{MODULE}", "has 'slot-id': only id, object, serial, token, type"),
        (f"pkcs11:token=a;object=b?{MODULE}&module-name=x", "has 'module-name': only"),
        (f"pkcs11:token=a;token=b;object=c?{MODULE}", "each name once"),
        (f"pkcs11:token;object=c?{MODULE}", "is not name=value;…"),
        ("pkcs11:token=a;object=b", "needs ?module-path=/…"),
        ("pkcs11:token=a;object=b?module-path=libsofthsm2.so", "needs ?module-path=/…"),
        (f"pkcs11:object=b?{MODULE}", "needs token= or serial=, and object= or id="),
        (f"pkcs11:token=a?{MODULE}", "needs token= or serial=, and object= or id="),
        (f"pkcs11:token=a;object=b;type=public?{MODULE}", "only a private key signs"),
        ("openbao://sealer?address=https://a&version=1", "needs the engine's mount and the key's name"),
        ("openbao://transit/sea%0Aler?address=https://a&version=1", "needs the engine's mount and the key's name"),
        ("openbao://transit/../sys?address=https://a&version=1", "needs the engine's mount and the key's name"),
        ("openbao://transit/sealer?address=https://a", "needs version=N"),
        ("openbao://transit/sealer?address=https://a&version=0", "needs version=N"),
        ("openbao://transit/sealer?address=https://a&version=x", "needs version=N"),
        ("openbao://transit/sealer?version=1", "needs address=https://host:port"),
        ("openbao://transit/sealer?address=https://u:p@a&version=1", "needs address=https://host:port"),
        ("openbao://transit/sealer?address=http://10.0.0.1:8200&version=1", "would send the token unencrypted"),
        ("openbao://transit/sealer?address=https://a&version=1&token=s.1", "takes address, namespace, version after"),
        ("openbao://transit/sealer?address=https://a&version=1&version=2", "takes address, namespace, version after"),
        ("openbao://transit/sealer?address", "has a query that is not name=value&…"),
        ("openbao://transit/sealer?address=https://a&version=1&namespace=a%0Ab", "is not a namespace"),
        ("awskms:///alias/sealer", "is not the ARN of a KMS key"),
        (f"awskms:///{ARN.replace('key/', 'alias/')}", "and not an alias"),
        (f"awskms://kms.example.com/{ARN}", "is not the ARN of a KMS key"),
        (f"awskms:///{ARN}?endpoint=http://kms.example.com", "would send signatures unencrypted"),
        (f"awskms:///{ARN}?region=eu-central-1", "takes endpoint after its ?"),
    ],
)
def test_any_other_uri_is_refused(uri: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_signer_uri(uri)
    assert problem in str(caught.value)
    assert "314159" not in str(caught.value)
    assert "u:p" not in str(caught.value)
