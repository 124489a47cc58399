"""What each state of a log means and what to do about it, for the page that findings and states link to."""

from dataclasses import dataclass

from auditseal_auditor.report_text import MEANINGS
from auditseal_explorer.documents import read_page
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do about a state.

    Attributes:
        state: The state; links go to it.
        meaning: What it means; here and in the steps, words of commands are between backquotes.
        steps: What to do, in order.
        page: The address below `docs` of the page that has more.
    """

    state: str
    meaning: str
    steps: tuple[str, ...]
    page: str

    @property
    def title(self) -> str:
        """The title of the page that has more."""
        return read_page(self.page.partition("#")[0]).title


_KEEP = "Keep everything: the vault with all versions, the state file and the logs. Change and delete nothing."
_AGAIN = "Run `auditseal verify --json` with the same trust file from another machine, and keep its answer."
_REPORT = "Report it to the operators and to those who have to know: someone changed what was sealed."
_FINDING = "how-to/verify.md#act-on-a-finding"
_OTHERS = {
    Verdict.MISSING_LOG: ("See whether the log has sealed its first event yet.", _AGAIN, _KEEP, _REPORT),
    Verdict.STALE: (
        "See whether the services publish, and whether the sealer and the archiver run.",
        "Read the last line of their logs: a halt names its runbook.",
    ),
    Verdict.FORK: (
        _KEEP,
        "Run `auditseal verify --evidence DIR`: it writes both signed notes, which prove it.",
        _REPORT,
    ),
    Verdict.SQUATTED: (_KEEP, "See in the store's access log who wrote the object.", _AGAIN),
}
_PAGES = {
    Verdict.FORK: "runbooks/fork.md",
    Verdict.SQUATTED: "runbooks/squatted.md",
    Verdict.STALE: "alerts/AuditsealNotSealing.md",
}
_STATES = (
    Runbook(
        "index-behind",
        "The index has fewer blocks than the vault.",
        ("Run `auditseal index build`, or keep `auditseal index follow` running.",),
        "alerts/AuditsealIndexStale.md",
    ),
    Runbook(
        "no-lock",
        "The last block has no lock, so an administrator of the store can delete it.",
        (_AGAIN, "Run `auditseal drill`: it shows whether the store locks what is written."),
        "runbooks/worm-refused.md",
    ),
    Runbook(
        "not-read",
        "The vault could not be read to the end, so nothing is said of the rest.",
        ("See whether the store answers and whether this explorer may read it.", "It is tried again by itself."),
        "alerts/AuditsealVerificationIncomplete.md",
    ),
    Runbook(
        "gaps",
        "Kafka had no record at these offsets. The log signed that, so it is not a finding.",
        ("Compare the ranges with transactions and with retention of the events topic.",),
        "alerts/AuditsealOffsetsWithoutRecord.md",
    ),
    Runbook(
        "streams",
        "GAP: numbers of a stream are lost. DUPLICATE: a number has two events. UNEXPECTED: `--expect` does not name"
        " its service. UNCLOSED: the stream runs, or its process ended without closing it.",
        (
            "Of a GAP, ask the service for the events that it could not record, and publish them again.",
            "Of a DUPLICATE or an UNEXPECTED, find out which host wrote: open the stream's events.",
            "Of an UNCLOSED stream whose service has ended, compare its latest event with the service's own log.",
            "Run `auditseal streams --certificate` to keep the states of this time, signed.",
        ),
        "how-to/streams.md",
    ),
    Runbook(
        "silent",
        "A service has recorded nothing for longer than usual.",
        (
            "See whether the service runs.",
            "See above whether the service's streams miss events.",
        ),
        "how-to/streams.md",
    ),
)
RUNBOOKS = (
    *(
        Runbook(
            verdict.value,
            MEANINGS[verdict],
            _OTHERS.get(verdict, (_KEEP, _AGAIN, _REPORT)),
            _PAGES.get(verdict, _FINDING),
        )
        for verdict in Verdict
    ),
    *_STATES,
)
"""All of them: each verdict, and each state that the page on health shows."""
