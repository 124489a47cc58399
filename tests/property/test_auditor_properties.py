"""Whatever is done to a small vault: a finding at that place and at no other, and never an exception."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditseal_auditor.state.heads import Head
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.vaults import ORIGINS, MemoryVault, make_log, make_trust, put_log

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (2, 3, 1), partitions=1)
TRUST = make_trust(LOG)
DATA = [block.format() for block in BLOCKS]
BYTES_AT = [(height, position) for height, data in enumerate(DATA) for position in range(len(data))]


def vault_of(*objects: bytes | None) -> MemoryVault:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    for height, data in enumerate(objects):
        if data is None:
            del vault.objects[LOG.block_key(height)]
        else:
            vault.replace(LOG.block_key(height), data)
    return vault


def heights(vault: MemoryVault, *, quick: bool = False) -> set[int | None]:
    return {place[2] for place in places(audit(vault, TRUST, quick=quick))}


def replaced(height: int, data: bytes) -> MemoryVault:
    return vault_of(*(data if number == height else good for number, good in enumerate(DATA)))


@pytest.mark.parametrize("quick", [False, True])
def test_every_changed_byte_is_one_finding_at_its_block(quick: bool) -> None:
    for height, position in BYTES_AT:
        data = bytearray(DATA[height])
        data[position] ^= 1 << position % 8
        found = places(audit(replaced(height, bytes(data)), TRUST, quick=quick))
        assert [place[2] for place in found] == [height], (height, position, found)


def test_every_cut_is_one_finding_at_its_block() -> None:
    for height, position in BYTES_AT[::5]:
        found = places(audit(replaced(height, DATA[height][:position]), TRUST))
        assert [place[2] for place in found] == [height], (height, position, found)


@given(st.integers(0, 2), st.data())
def test_bytes_put_in_or_taken_out(height: int, data: st.DataObject) -> None:
    good = DATA[height]
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    harmed = good[:start] + data.draw(st.binary(max_size=40)) + good[end:]
    assume(harmed != good)
    assert heights(replaced(height, harmed)) == {height}


@given(st.integers(0, 2), st.binary(max_size=200))
def test_any_bytes_in_a_blocks_place(height: int, data: bytes) -> None:
    assert heights(replaced(height, data)) == {height}


@given(st.lists(st.sampled_from([*DATA, None]), min_size=3, max_size=3))
def test_blocks_dropped_swapped_and_doubled(objects: list[bytes | None]) -> None:
    vault = vault_of(*objects)
    heads = {LOG: Head.of(BLOCKS[-1].note)}
    report = audit(vault, TRUST, heads=heads)
    if not vault.objects:
        assert places(report) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]
        return
    found = {finding.height for finding in report.kept_findings}
    wrong = {height for height, data in enumerate(objects) if data != DATA[height]}
    misplaced = {height for height in wrong if objects[height] is not None}
    assert found >= misplaced
    assert found <= wrong
    assert bool(found) == bool(wrong)


KEYS = st.text(max_size=30) | st.binary(max_size=20).map(lambda data: data.decode(errors="surrogateescape"))


@settings(max_examples=200)
@given(st.lists(st.tuples(KEYS, st.sampled_from([b"", *DATA])), max_size=4))
def test_any_names_below_the_log(names: list[tuple[str, bytes]]) -> None:
    vault = vault_of(*DATA)
    for name, data in names:
        vault.put(f"v1/{LOG}/{name}", data)
    foreign = {name for name, _ in names}
    report = audit(vault, TRUST)
    assert {(finding.verdict, finding.field) for finding in report.kept_findings} <= {(Verdict.BAD_STORAGE, "key")}
    assert report.finding_count == len(foreign)


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b""])
def test_the_quick_check_sees_harm_to_storage_as_the_full_one_does(harm: Callable[[bytes], bytes]) -> None:
    for height in range(3):
        vault = replaced(height, harm(DATA[height]))
        assert heights(vault, quick=True) == heights(vault) == {height}
