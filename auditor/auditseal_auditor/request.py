"""What to verify, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditseal_auditor.state.heads import Head
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust


@dataclass(frozen=True, slots=True)
class Request:
    """What to verify, and how.

    Attributes:
        trust: The trust file.
        quick: Check the stored bytes only; hash no record again.
        heads: The remembered heads.
        memory: Where they come from, in the words of the report; empty where nothing is remembered.
        expected: Logs that must exist, whether or not the trust file pins them.
        oldest: The oldest `sealed_at`, in µs since the epoch, that the last block of a log may have; None for any.
        notices: The caller's remarks, which the report repeats.
        now: The time, in µs since the epoch.
        continued: Continue from the remembered heads: read no block below them.
        scrub_period: How long a pass over the blocks below them may take, in µs; None for no such pass.
        cases: Cases of legal holds that are known from elsewhere; the vault must have all of their statements.
    """

    trust: Trust
    quick: bool = False
    heads: Mapping[Origin, Head] = field(default_factory=dict)
    memory: str = ""
    expected: tuple[Origin, ...] = ()
    oldest: int | None = None
    notices: tuple[str, ...] = ()
    now: int = 0
    continued: bool = False
    scrub_period: int | None = None
    cases: tuple[HoldCase, ...] = ()
