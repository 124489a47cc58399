"""An ML-DSA-44 key whose signatures are kept in a file: the algorithm makes other ones each time.

FIPS 204 has a deterministic variant, which `cryptography` doesn't offer. So `tests.vectors.make` writes each signature
to `ml_dsa_signatures.json`, and takes it from there the next time. Delete the file to have all of them made again.
"""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

from auditseal_schemas.key import SigningKey
from auditseal_schemas.public_key import ML_DSA_44

NAME = "ml_dsa_signatures.json"
_FILE = Path(__file__).with_name(NAME)
_KNOWN: dict[str, str] = json.loads(_FILE.read_bytes()) if _FILE.exists() else {}
_USED: dict[str, str] = {}


class RecordedKey:
    """An ML-DSA-44 key; its seed is public, as that of all test keys."""

    algorithm = ML_DSA_44

    def __init__(self, name: str) -> None:
        seed = sha256(f"auditseal test key {name}".encode()).digest()
        self._key = SigningKey.from_seed(seed, ML_DSA_44)
        self.public = self._key.public

    def sign(self, message: bytes) -> bytes:
        """Return the signature that was made first."""
        place = sha256(self.public + message).hexdigest()
        _USED[place] = _KNOWN.setdefault(place, b64encode(self._key.sign(message)).decode())
        return b64decode(_USED[place])


def signatures_file() -> bytes:
    """Return the file of all signatures that were asked for."""
    return (json.dumps(_USED, indent=0, sort_keys=True) + "\n").encode()
