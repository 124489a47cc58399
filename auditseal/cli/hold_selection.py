"""The blocks that `auditseal hold add` names: by their heights, or by the events in them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from auditseal.cli.querying import answer_from_rows, read_query
from auditseal.cli.vault_options import parse_origin, tell
from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.ranges import join_ranges
from auditseal_schemas.trust import Trust
from auditseal_search.answer import Grade
from auditseal_search.gathered import Gathered
from auditseal_vault.errors import NotStoredError
from auditseal_vault.interface import StoredVersion, VaultReader
from auditseal_vault.log_reader import LogReader
from auditseal_vault.oldest import oldest_versions

_RANGE = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", re.ASCII)
Wanted = dict[Origin, dict[int, StoredVersion]]
"""The version of each block that counts, by log and height."""


def held_by_heights(reader: VaultReader, pinned: Trust, origin: str, text: str) -> Wanted:
    """Return the blocks of a log at some heights.

    Raises:
        ConfigurationError: The text names no heights.
        VerificationError: MISSING_LOG, the trust file does not pin the log.
        NotStoredError: The vault has no block at one of the heights.
        UnavailableError: The store can't be read.
    """
    log, parts = pinned.log_of(parse_origin(origin)).origin, join_ranges(_parse_heights(text))
    highest, last = LogReader(reader, log).exact_height(), parts[-1][-1]
    if highest is None or last > highest:
        known = "no block" if highest is None else f"blocks 0 to {highest}"
        raise NotStoredError(f"{reader.url} has {known} of {log}, and block {last} can't be held: give others")
    return {log: {height: version for part in parts for height, version in _versions(reader, log, part)}}


def held_by_filter(reader: VaultReader, query: str, trust: Path, vault: str | None, index: str | None) -> Wanted:
    """Return the blocks that have an event which matches a filter; an incomplete search ends the command.

    Raises:
        ConfigurationError: No event matches.
        UnavailableError: The store can't be read. Further errors as `answer_from_rows`.
    """
    condition = read_query("hold add", query)
    heights = answer_from_rows(_heights_of, condition, trust, vault, index)
    if not heights:
        raise ConfigurationError(f"--filter {quoted(query)}: no event matches, and no block was held: change it")
    return {
        log: {height: version for part in _as_ranges(found_in) for height, version in _versions(reader, log, part)}
        for log, found_in in heights.items()
    }


def _heights_of(found: Gathered) -> dict[Origin, set[int]]:
    """Return the heights of the blocks with a hit; an incomplete search ends the command."""
    if found.account.grade is not Grade.COMPLETE:
        tell("hold add", "nothing was held, because the search is not complete and a block may be missing:")
        for line in found.account.lines():
            tell("hold add", line)
        raise typer.Exit(found.account.exit_code)
    heights = defaultdict[Origin, set[int]](set)
    with found.searcher() as searcher:
        for origin, height, _, _ in searcher.places():
            heights[Origin.parse(origin)].add(height)
    return heights


def format_heights(heights: Iterable[int]) -> str:
    """Return some heights, at least one, as `--heights` takes them: 3,10-20."""
    parts = (f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in _as_ranges(heights))
    return ",".join(parts)


def _versions(reader: VaultReader, origin: Origin, heights: range) -> Iterator[tuple[int, StoredVersion]]:
    return zip(heights, oldest_versions(reader, origin, heights), strict=True)


def _parse_heights(text: str) -> Iterator[range]:
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not first <= last <= MAX_HEIGHT:
            raise ConfigurationError(f"--heights: {quoted(part)} names no heights: write 17, or 3,10-20")
        yield range(first, last + 1)


def _as_ranges(heights: Iterable[int]) -> tuple[range, ...]:
    return join_ranges(range(height, height + 1) for height in heights)
