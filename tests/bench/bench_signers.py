"""What a signature costs by a key in a file, in SoftHSM and in OpenBao, in one run.

`python -m tests.bench.bench_signers` prints the median milliseconds of each as JSON, and each next to the file's.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from auditseal_schemas.key import Signer, SigningKey
from auditseal_sealer.signers.checked_signer import CheckedSigner
from auditseal_sealer.signers.open_key import open_key
from auditseal_sealer.signers.signer_metrics import SignerMetrics
from auditseal_sealer.signers.signer_uri import parse_signer_uri
from tests.factory.openbao import OpenBaoNode
from tests.factory.secret_files import write_secret
from tests.factory.softhsm import PIN, find_softhsm

_ROUNDS = 500
_TEXT = "audit.example.com/audit.events/0/0\n{}\nGWDCsikEyWRxVyBSGYBZkXRixUctQ4myU7qPavN+K9o=\n"


def measure(directory: Path) -> dict[str, float]:
    """Return the median milliseconds of a signature by each signer. They take turns, so that a load meets all alike."""
    softhsm = find_softhsm()
    softhsm.make_token(directory, "audit")
    os.environ["SOFTHSM2_CONF"] = str(directory / "softhsm2.conf")
    module = f"pkcs11:token=audit;object=sealer?module-path={softhsm.module}"
    with OpenBaoNode(directory / "openbao") as bao:
        signers: dict[str, Signer] = {
            "file": SigningKey.generate(),
            "softhsm": _new_key(module, write_secret(directory / "pin", PIN)),
            "openbao": _new_key(bao.uri("sealer"), write_secret(directory / "token", bao.root_token)),
        }
        times: dict[str, list[float]] = {name: [] for name in signers}
        for number in range(_ROUNDS):
            message = _TEXT.format(number).encode()
            for name, signer in signers.items():
                began = time.perf_counter()
                signer.sign(message)
                times[name].append((time.perf_counter() - began) * 1000)
    return {name: median(taken) for name, taken in times.items()}


def _new_key(uri: str, secret_file: Path) -> CheckedSigner:
    key = open_key(parse_signer_uri(uri), secret_file, 30)
    key.generate()
    return CheckedSigner(key, key.fetch_public(), SignerMetrics())


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Path(directory))
    print(json.dumps({f"{name}_ms": figures[name] for name in figures}))
    print(json.dumps({f"{name}_to_file": figures[name] / figures["file"] for name in figures}))


if __name__ == "__main__":
    main()
