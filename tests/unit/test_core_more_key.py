"""The public keys next to those that are refused."""

import pytest

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.key import VerifierKey

PRIME = 2**255 - 19
REFUSED = {0, 1, PRIME - 1, PRIME, PRIME + 1, 2**255 - 1}


@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["even", "odd"])
@pytest.mark.parametrize("y", [0, 1, 2, PRIME - 2, PRIME - 1, PRIME, PRIME + 1, 2**255 - 1], ids=hex)
def test_only_points_of_small_order_and_numbers_from_the_prime_on_are_refused(y: int, sign: int) -> None:
    public = (y | sign).to_bytes(32, "little")
    if y in REFUSED:
        with pytest.raises(VerificationError, match="BAD_KEY"):
            VerifierKey("a.example/t/0/0", public)
    else:
        assert VerifierKey("a.example/t/0/0", public).public == public
