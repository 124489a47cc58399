"""The trials: each weakened source runs in a fork of this process, and the golden vaults judge it there.

The process that calls this is not good for other tests afterwards: `warm_up` forgets the project's modules.
"""

from collections.abc import Iterable, Iterator

from tests.mutation.trial import survives, warm_up
from tests.weaken.weakening import Weakening

JUDGES = (
    "tests/unit/auditor/test_vectors.py",
    "tests/unit/test_vectors.py::test_a_trust_file_that_can_not_be_relied_on_is_refused",
)
_SECONDS = 300  # of CPU for one rule


def unnoticed(weakenings: Iterable[Weakening]) -> Iterator[tuple[Weakening, bool]]:
    """Yield each weakening, and whether every golden vault is judged as before with it.

    Raises:
        SystemExit: The golden vaults aren't judged right with the code as it is, so that they show nothing.
    """
    warm_up(JUDGES)
    for one in weakenings:
        yield one, survives(one.module, one.path, one.source, JUDGES, _SECONDS)
