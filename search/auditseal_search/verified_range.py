"""A run of a log's blocks, read from a vault, verified and turned into rows. It runs in any process.

The caller checks with `ChainCheck` what only the log's order can show: that each block extends the one before, and
that the keys valid at its height signed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.header import Header
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import CHECKPOINT, LINK, RECORDS, SIGNED, STORED, verify
from auditseal_search.columns import ROW
from auditseal_search.free_memory import release_free_memory
from auditseal_search.record_batch import rows_of
from auditseal_vault.errors import NotStoredError
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, keys_at, parse_in_place


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a block can't be indexed, as plain values: they pass from one process to another.

    Attributes:
        height: The block.
        verdict: What `verify` would say of it.
        problem: What is wrong.
    """

    height: int
    verdict: Verdict
    problem: str


@dataclass(frozen=True, slots=True)
class VerifiedRange:
    """What a run of heights holds, up to the first block that is at fault.

    Attributes:
        heads: The blocks without locators and records, in order.
        rows: The rows of their records, with the columns that were wanted: all of `ROW`, or some.
        fault: Why the range ends before its last height, None where it doesn't.
    """

    heads: tuple[Block, ...]
    rows: pa.Table
    fault: Fault | None


def read_range(
    vault: VaultReader, pinned: PinnedLog, heights: range, columns: Sequence[str] = tuple(ROW.names)
) -> VerifiedRange:
    """Read the blocks of some heights, and check all of them that one block alone can show.

    Args:
        vault: Where they are.
        pinned: Their log.
        heights: The heights.
        columns: The columns of the rows that are wanted.

    Raises:
        UnavailableError: The vault can't be read.
    """
    blocks, fault = list[Block](), None
    try:
        for stored in LogReader(vault, pinned.origin).stored_range(heights):
            blocks.append(verify(parse_in_place(stored, pinned.origin), CHECKPOINT + STORED + RECORDS))
    except (VerificationError, NotStoredError) as error:
        fault = _fault(heights[len(blocks)], error)
    heads = tuple(replace(block, locators=b"", chunks=()) for block in blocks)
    rows = rows_of(blocks, pinned.schemas).select(columns)
    release_free_memory()
    return VerifiedRange(heads, rows, fault)


def _fault(height: int, error: VerificationError | NotStoredError) -> Fault:
    if isinstance(error, VerificationError):
        return Fault(height, error.verdict, str(error))
    return Fault(height, Verdict.BROKEN_CHAIN, f"the block is missing, and blocks above it exist: {error}")


class ChainCheck:
    """The state of a log while its blocks are indexed in order.

    Attributes:
        height: The next height.
    """

    def __init__(self, vault: VaultReader, pinned: PinnedLog, size: int) -> None:
        """Begin after the first `size` blocks, or where the trust file starts the log.

        Raises:
            VerificationError: The block before doesn't hold.
            NotStoredError: The vault doesn't have it.
            UnavailableError: The vault can't be read.
        """
        self._pinned = pinned
        self._start = pinned.start if pinned.start and size <= pinned.start.height else None
        self.height = self._start.height if self._start else size
        self._state = None if self._start else _state_at(vault, pinned, size)

    @property
    def head(self) -> Header | None:
        """The header of the last block so far, None before one."""
        return self._state.head if self._state else None

    @property
    def root(self) -> bytes | None:
        """The root of the tree of all headers so far, None at a start in the middle."""
        return self._state.root if self._state else None

    def accept(self, block: Block) -> None:
        """Continue with the next block, whose stored bytes were checked.

        Raises:
            VerificationError: It does not extend the one before, or isn't signed by the keys valid at its height.
        """
        expected = self._expected
        verify(block, LINK, expected)
        self._state = LogState.after(block, expected.keys)
        self.height += 1

    @property
    def _expected(self) -> Expected:
        if self._state:
            return self._state.expected
        root = self._start.root if self._start else None
        return Expected(origin=self._pinned.origin, height=self.height, keys=self._pinned.keys, start_root=root)


def _state_at(vault: VaultReader, pinned: PinnedLog, size: int) -> LogState:
    """Return the state after a log's first `size` blocks, from the last of them."""
    if size == 0:
        return LogState.genesis(pinned.origin, pinned.keys)
    log = LogReader(vault, pinned.origin)
    block = log.block(size - 1)
    keys = keys_at(log, pinned, block)
    verify(block, SIGNED, Expected.of(block.header, keys))
    return LogState.after(block, keys)
