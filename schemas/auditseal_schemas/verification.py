"""The verification of a block as data: one table of steps, which every verifier runs slices of.

The table is the one of docs/reference/format.md, section 14: `markdown_table` draws it, and a test compares the page.

| slice | steps | asks |
| --- | --- | --- |
| `PLACE` | 2 and 3 | Is the block this log's, and does it continue where the log is? |
| `CHECKPOINT` | 4 and 5 | Is the checkpoint of the tree that the frontier and the header make? |
| `SIGNATURES` | 6 | Did every valid key sign it? |
| `SIGNED` | 4 to 6 | `CHECKPOINT` and `SIGNATURES` |
| `LINK` | 2 to 6 | `PLACE` and `SIGNED` |
| `STORED` | 7 and 8 | Are the stored bytes those that were signed? |
| `NEXT_KEYS` | 9 | Can the keys that it names sign the next block? |
| `RECORDS` | 10 to 14 | Are the records those that the header states? |
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from auditseal_schemas.block import Block
from auditseal_schemas.expected import Expected
from auditseal_schemas.lazy_property import lazy_property
from auditseal_schemas.link_checks import (
    check_checkpoint,
    check_checkpoint_text,
    check_continuity,
    check_place,
    following_keys,
)
from auditseal_schemas.record_checks import (
    Contents,
    check_count,
    check_events_root,
    check_links,
    check_timestamps,
    read_contents,
)
from auditseal_schemas.stored_checks import check_locators, check_payload
from auditseal_schemas.verdict import Verdict

MALFORMED, BROKEN_CHAIN, BAD_RECORD = Verdict.MALFORMED, Verdict.BROKEN_CHAIN, Verdict.BAD_RECORD
BAD_ROOT, BAD_KEY, BAD_SIGNATURE = Verdict.BAD_ROOT, Verdict.BAD_KEY, Verdict.BAD_SIGNATURE


class Subject:
    """A block under verification.

    Attributes:
        data: The object's bytes, or the block that they were parsed to.
    """

    def __init__(self, data: bytes | Block, expected: Expected | None) -> None:
        self.data, self._expected = data, expected

    @lazy_property
    def block(self) -> Block:
        """The block; parsing it is step 1."""
        return self.data if isinstance(self.data, Block) else Block.parse(self.data)

    @property
    def expected(self) -> Expected:
        """What the block must fit.

        Raises:
            ValueError: The caller didn't give it, and steps 2, 3 and 6 need it.
        """
        if self._expected is None:
            raise ValueError("steps 2, 3 and 6 compare a block with what is expected: pass it to verify()")
        return self._expected

    @lazy_property
    def contents(self) -> Contents:
        """What the records are; reading them is step 10."""
        return read_contents(self.block)


class Rule(NamedTuple):
    """One row of the table.

    Attributes:
        text: The rule, in Markdown; h is the height.
        verdict: The verdict where it is broken.
        field: The finding's field, in Markdown.
    """

    text: str
    verdict: Verdict
    field: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of verification.

    Attributes:
        number: Its number on the page.
        name: What it is about.
        check: Raises a `VerificationError` for the first of the rules that the block breaks.
        rules: The rules, in the order in which they are checked.
    """

    number: int
    name: str
    check: Callable[[Subject], object]
    rules: tuple[Rule, ...]


STEPS = (
    Step(
        1,
        "object",
        lambda subject: subject.block,
        (Rule("The object parses: container (section 11), header (7), frontier (6) and note (8)", MALFORMED, "any"),),
    ),
    Step(
        2,
        "place",
        lambda subject: check_place(subject.block, subject.expected),
        (
            Rule("`origin` is the pinned one", BROKEN_CHAIN, "`origin`"),
            Rule("`height` is h", BROKEN_CHAIN, "`height`"),
            Rule("At a `start`: the frontier has the pinned root", BAD_ROOT, "`frontier`"),
            Rule("`previous` is the state's", BROKEN_CHAIN, "`previous`"),
            Rule("The frontier is the state's", BROKEN_CHAIN, "`frontier`"),
            Rule("`first_link` is the state's last link", BROKEN_CHAIN, "`first_link`"),
            Rule("`first_offset` is the state's next offset", BROKEN_CHAIN, "`first_offset`"),
        ),
    ),
    Step(
        3,
        "continuity",
        lambda subject: check_continuity(subject.block, subject.expected.known),
        (
            Rule("The last header is not `final`", BROKEN_CHAIN, "`final`"),
            Rule("`cluster_id` is the last header's", BROKEN_CHAIN, "`cluster_id`"),
            Rule("`topic_id` is the last header's", BROKEN_CHAIN, "`topic_id`"),
            Rule("`partitions` is not less than the last header's", BROKEN_CHAIN, "`partitions`"),
            Rule("`last_leader_epoch` is not less, and -1 is less than 0", BROKEN_CHAIN, "`last_leader_epoch`"),
            Rule("`sealed_at` is not less", BROKEN_CHAIN, "`sealed_at`"),
        ),
    ),
    Step(
        4,
        "checkpoint text",
        lambda subject: check_checkpoint_text(subject.block),
        (Rule("The note's text is a checkpoint (section 8) of an origin (section 1)", MALFORMED, "`checkpoint`"),),
    ),
    Step(
        5,
        "checkpoint",
        lambda subject: check_checkpoint(subject.block),
        (
            Rule("The checkpoint's origin is the header's", BAD_ROOT, "`checkpoint.origin`"),
            Rule("Its size is `height` + 1", BAD_ROOT, "`checkpoint.size`"),
            Rule("Its root is that of the frontier with the header's leaf appended", BAD_ROOT, "`checkpoint.root`"),
        ),
    ),
    Step(
        6,
        "signatures",
        lambda subject: subject.block.note.check(subject.expected.keys),
        (Rule("Each valid key has exactly one signature line, and it holds", BAD_SIGNATURE, "`note`"),),
    ),
    Step(
        7,
        "payload",
        lambda subject: check_payload(subject.block),
        (Rule("The data blocks hash to `payload`", BAD_ROOT, "`payload`"),),
    ),
    Step(
        8,
        "locators",
        lambda subject: check_locators(subject.block),
        (
            Rule("The locators hash to `locators`", BAD_ROOT, "`locators`"),
            Rule("They have two bytes for each of `count` records", BAD_ROOT, "`locators`"),
            Rule("The counts of the data blocks add up to `count`", BAD_RECORD, "`count`"),
        ),
    ),
    Step(
        9,
        "next keys",
        lambda subject: following_keys(subject.block.header, ()),
        (Rule("Each of `next_keys` is a verifier key (section 8) of this origin", BAD_KEY, "`next_keys`"),),
    ),
    Step(
        10,
        "records",
        lambda subject: subject.contents,
        (
            Rule("Each data block inflates, whole, within its bound and the rest of `size`", MALFORMED, "`payload`"),
            Rule("Its records are canonical (section 4), one after the other", MALFORMED, "`record…`, with offset"),
            Rule("Each is at the next offset that is in no gap", BAD_RECORD, "`record.offset`, with offset"),
            Rule("Nothing follows the last record of a data block", MALFORMED, "`record`"),
        ),
    ),
    Step(
        11,
        "links",
        lambda subject: check_links(subject.block, subject.contents),
        (
            Rule("Each record's link begins with its locator", BAD_RECORD, "`record`, with offset"),
            Rule("The last record's link is `last_link`", BAD_RECORD, "`last_link`"),
        ),
    ),
    Step(
        12,
        "count",
        lambda subject: check_count(subject.block, subject.contents),
        (
            Rule("The number of records is `count`", BAD_RECORD, "`count`"),
            Rule("Their encoded bytes are `size`", BAD_RECORD, "`count`"),
            Rule("The last record or gap ends at `last_offset`", BAD_RECORD, "`count`"),
        ),
    ),
    Step(
        13,
        "timestamps",
        lambda subject: check_timestamps(subject.block, subject.contents),
        (
            Rule("The smallest timestamp is `min_timestamp`", BAD_RECORD, "`min_timestamp`"),
            Rule("The largest timestamp is `max_timestamp`", BAD_RECORD, "`max_timestamp`"),
        ),
    ),
    Step(
        14,
        "events root",
        lambda subject: check_events_root(subject.block, subject.contents),
        (Rule("The root over the records' links is `events_root`", BAD_ROOT, "`events_root`"),),
    ),
)


def steps(first: int, last: int) -> tuple[Step, ...]:
    """Return the steps of these numbers, both included."""
    return STEPS[first - 1 : last]


PLACE, CHECKPOINT, SIGNATURES = steps(2, 3), steps(4, 5), steps(6, 6)
SIGNED, LINK = CHECKPOINT + SIGNATURES, PLACE + CHECKPOINT + SIGNATURES
STORED, NEXT_KEYS, RECORDS = steps(7, 8), steps(9, 9), steps(10, 14)


def verify(data: bytes | Block, these: tuple[Step, ...], expected: Expected | None = None) -> Block:
    """Run steps on a block and return it, parsed.

    Args:
        data: The object's bytes, or a block that was parsed (step 1 then holds).
        these: The steps, in order.
        expected: What the block must fit; steps 2, 3 and 6 need it.

    Raises:
        VerificationError: The first rule that the block breaks.
    """
    subject = Subject(data, expected)
    for step in these:
        step.check(subject)
    return subject.block


def markdown_table() -> str:
    """Return the table of docs/reference/format.md, section 14: one row a rule."""
    rows = ["| step | rule | verdict | field |", "| --- | --- | --- | --- |"]
    for step in STEPS:
        for index, rule in enumerate(step.rules):
            rows.append(f"| {'' if index else step.number} | {rule.text} | {rule.verdict} | {rule.field} |")
    return "\n".join(rows) + "\n"
