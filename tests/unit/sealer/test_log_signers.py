"""The signers of all logs: which of them sign before a change of keys, and which after it."""

import pytest

from auditseal_schemas.key import Signer, SigningKey
from auditseal_sealer.log_signers import LogSigners
from tests.factory.keys import OTHER_SIGNER, SIGNER, signing_key

FIRST, SECOND, NEXT_FIRST, NEXT_SECOND = SIGNER, OTHER_SIGNER, signing_key("next first"), signing_key("next second")


@pytest.mark.parametrize(
    ("signers", "current", "following"),
    [
        (LogSigners(FIRST), (FIRST,), ()),
        (LogSigners(FIRST, SECOND), (FIRST, SECOND), ()),
        (LogSigners(FIRST, next_first=NEXT_FIRST), (FIRST,), (NEXT_FIRST,)),
        (LogSigners(FIRST, next_second=NEXT_SECOND), (FIRST,), (FIRST, NEXT_SECOND)),
        (LogSigners(FIRST, SECOND, next_first=NEXT_FIRST), (FIRST, SECOND), (NEXT_FIRST, SECOND)),
        (LogSigners(FIRST, SECOND, next_second=NEXT_SECOND), (FIRST, SECOND), (FIRST, NEXT_SECOND)),
        (LogSigners(FIRST, SECOND, NEXT_FIRST, NEXT_SECOND), (FIRST, SECOND), (NEXT_FIRST, NEXT_SECOND)),
    ],
)
def test_a_key_without_a_next_one_stays(
    signers: LogSigners, current: tuple[Signer, ...], following: tuple[Signer, ...]
) -> None:
    assert signers.current == current
    assert signers.following == following


def test_each_signer_that_is_there_is_changed() -> None:
    changed = {id(signer): SigningKey.generate() for signer in (FIRST, SECOND, NEXT_FIRST, NEXT_SECOND)}

    def change(signer: Signer) -> Signer:
        return changed[id(signer)]

    first, second, next_first, next_second = changed.values()
    assert LogSigners(FIRST).each(change) == LogSigners(first)
    assert LogSigners(FIRST, SECOND, NEXT_FIRST, NEXT_SECOND).each(change) == LogSigners(
        first, second, next_first, next_second
    )
