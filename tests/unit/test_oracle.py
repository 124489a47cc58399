"""The second reader is a judge: no altered byte gets past it, and it agrees with the core."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.log import LogState
from auditseal_schemas.verification import RECORDS, verify
from tests.factory.keys import signing_key, verifier_key
from tests.oracle.reader import PAGE, Refused, long, read_block
from tests.oracle.verifier import Log, values
from tests.vectors.example import KEY, ORIGIN, example_block
from tests.vectors.good import Run, message, origin, plain_trust, trust
from tests.vectors.sealed import flipped

SMALL_ORDER_ON_THE_PAGE = re.findall(r"^    .*\b([0-9a-f]{64})$", PAGE, re.MULTILINE)
VKEY = verifier_key(ORIGIN, KEY)
OBJECT = example_block().format()


def verdict_of_the_oracle(data: bytes) -> str:
    try:
        Log(str(ORIGIN), [str(VKEY)]).accept(read_block(data))
    except Refused as refused:
        return refused.verdict
    return "OK"


def verdict_of_the_core(data: bytes) -> str:
    try:
        block = Block.parse(data)
        LogState.genesis(ORIGIN, (VKEY,)).accept(block)
        verify(block, RECORDS)
    except VerificationError as error:
        return error.verdict
    return "OK"


def test_no_flipped_bit_gets_past_it_and_the_core_says_the_same() -> None:
    assert verdict_of_the_oracle(OBJECT) == verdict_of_the_core(OBJECT) == "OK"
    disagreements = []
    for position in range(len(OBJECT)):
        for bit in range(8):
            data = flipped(OBJECT, position, bit)
            oracle, core = verdict_of_the_oracle(data), verdict_of_the_core(data)
            assert oracle != "OK"
            # Where the stored bytes differ the oracle goes on to name the record: docs/reference/format.md, section 14.
            if oracle != core and (oracle, core) != ("BAD_RECORD", "BAD_ROOT"):
                disagreements.append((position, bit, oracle, core))
    assert disagreements == []


def test_nothing_cut_off_or_added_gets_past_it() -> None:
    cut = {length: verdict_of_the_oracle(OBJECT[:length]) for length in range(len(OBJECT))}
    # Cut right before its data block, the object still is laid out as one.
    (chunk,) = example_block().chunks
    assert cut.pop(len(OBJECT) - 16 - len(chunk.prefix + chunk.deflated)) == "BAD_RECORD"
    assert set(cut.values()) == {"MALFORMED"}
    assert verdict_of_the_oracle(OBJECT + b"\x00") == "MALFORMED"


def lay_out(run: Run, folder: Path) -> Path:
    for key, content in run.objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def run_of(*offsets_and_values: tuple[int, bytes]) -> Run:
    run = Run(origin(0), (signing_key("log 0"),), partitions=1)
    run.add([message(offset, value) for offset, value in offsets_and_values])
    return run


def test_it_returns_what_was_sealed_and_only_that(tmp_path: Path) -> None:
    run = run_of((0, b"a"), (2, b"b"), (3, b"a"))
    found = values(lay_out(run, tmp_path), trust(*run.pinned))
    assert found == {str(run.origin): [(0, b"a"), (2, b"b"), (3, b"a")]}


@pytest.mark.parametrize(
    ("mutant", "verdict"),
    [
        (lambda a, b, c: [a, c], "BAD_RECORD"),
        (lambda a, b, c: [a, b, b, c], "BAD_RECORD"),
        (lambda a, b, c: [a, b[:-3] + b"X" + b[-2:], c], "BAD_RECORD"),
        (lambda a, b, c: [b, a, c], "BAD_RECORD"),
    ],
    ids=["dropped", "doubled", "altered", "swapped"],
)
def test_a_mutated_vault_fails_it(mutant, verdict: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run = run_of((0, b"a"), (1, b"b"), (2, b"c"))
    run.blocks[0] = run.blocks[0].stored(mutant(*run.blocks[0].records()))
    with pytest.raises(Refused) as caught:
        values(lay_out(run, tmp_path), trust(*run.pinned))
    assert caught.value.verdict == verdict
    assert caught.value.place == (str(run.origin), 0)


def test_a_record_beyond_8_mib_that_was_not_replaced_is_refused(tmp_path: Path) -> None:
    run = run_of((0, b"a"))
    (record,) = run.blocks[0].records()
    value = bytes(8 << 20)
    long_record = record[: record.index(b"\x02\x02a")] + b"\x02\x80\x80\x80\x08" + value + b"\x00\x00"
    run.blocks[0] = run.blocks[0].resealed([long_record]).signed(signing_key("log 0"))
    with pytest.raises(Refused) as caught:
        values(lay_out(run, tmp_path), trust(*run.pinned))
    assert (caught.value.verdict, caught.value.offset) == ("MALFORMED", 0)
    with pytest.raises(VerificationError, match="MALFORMED: record at offset 0"):
        verify(Block.parse(run.blocks[0].object()), RECORDS)


def test_an_empty_folder_is_no_vault(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        values(tmp_path, plain_trust())
    assert caught.value.verdict == "MISSING_LOG"


def test_a_line_that_is_not_known_makes_the_trust_file_unusable(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="isn't known"):
        values(tmp_path, plain_trust() + "witness somebody\n")


def test_a_varint_without_an_end_costs_no_time() -> None:
    with pytest.raises(Refused):
        long(b"\x80" * 1_000_000, 0)


def test_it_shares_no_code_with_what_it_judges() -> None:
    for name in ("reader", "verifier"):
        source = (Path(__file__).parents[1] / "oracle" / f"{name}.py").read_text(encoding="utf-8")
        assert "auditseal_schemas" not in source
        assert "import auditseal" not in source
    assert PAGE.startswith("# The format")


@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, *(int(y, 16) for y in SMALL_ORDER_ON_THE_PAGE)])
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_of_small_order_is_refused(y: int, sign: int) -> None:
    blob = b"\x01" + (y | sign << 255).to_bytes(32, "little")
    key_id = sha256(f"{ORIGIN}\n".encode() + blob).hexdigest()[:8]
    with pytest.raises(Refused) as caught:
        Log(str(ORIGIN), [f"{ORIGIN}+{key_id}+{b64encode(blob).decode()}"])
    assert caught.value.verdict == "BAD_KEY"
