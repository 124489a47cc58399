"""docs/reference/absence.md says what the code does: its schemas, its terms, and its worked example made again."""

import re
from pathlib import Path

import pytest

from auditseal_schemas.completeness_proof import MAX_COMPLETENESS_BYTES, CompletenessProof
from auditseal_schemas.index_fraud import MAX_FRAUD_BYTES
from auditseal_schemas.index_segment import MAX_ENTRY_BYTES
from auditseal_schemas.merkle import node_hash
from auditseal_schemas.schema import schema_text
from auditseal_schemas.term import TERM_FIELDS
from auditseal_schemas.trust import Trust
from tests.factory import index_example as example
from tests.oracle.absence import FIELDS, check_completeness, check_fraud

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "absence.md").read_text(encoding="utf-8")
FENCES = {
    (kind, name): body
    for kind, name, body in re.findall(r"^```(\w+) (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}


def shown(name: str) -> bytes:
    """Return the bytes that the page shows under a name; a line may name other bytes of the page."""
    data = b""
    for line in FENCES["hex", name].splitlines():
        word = line.split(";")[0].strip()
        if ("text", word) in FENCES:
            data += FENCES["text", word].encode()
        else:
            data += shown(word) if ("hex", word) in FENCES else bytes.fromhex(word)
    return data


def absence_file() -> bytes:
    """Put together what the page says of the second file: where it differs from the first."""
    body = shown("completeness")
    body = body.replace(b"\x16undecodable", b"\x10oversize")
    return body[: body.index(shown("entry")) + len(shown("entry")) + 2] + shown("absence")


@pytest.mark.parametrize("name", ["index_segment", "completeness_proof", "index_fraud"])
def test_the_schemas_on_the_page_are_those_of_the_package(name: str) -> None:
    assert FENCES["avsc", name].encode() == schema_text(name) + b"\n"


def test_the_fields_on_the_page_are_those_of_the_package() -> None:
    assert set(TERM_FIELDS) == FIELDS


def test_the_trust_file_and_the_checkpoints_are_made_again() -> None:
    assert FENCES["text", "trust"] == example.TRUST
    assert FENCES["text", "log_checkpoint"].encode() == example.BLOCK.note.format()
    assert FENCES["text", "index_checkpoint"].encode() == example.INDEX.note.format()


def test_the_terms_are_made_again() -> None:
    segment = example.SEGMENT
    for number, (term, leaf) in enumerate(zip(segment.postings, segment.leaves, strict=True)):
        assert (shown(f"key_{number}"), shown(f"leaf_{number}")) == (leaf.key, leaf.hash)
        offsets = ", ".join(map(str, segment.postings[term]))
        row = f"| `problem` = `{term.value}` | {offsets} | `{segment.encoded(term).hex()}` |"
        assert row in PAGE
    root = node_hash(node_hash(shown("leaf_0"), shown("leaf_1")), shown("leaf_2"))
    assert root == shown("terms_root") == segment.entry.terms_root
    assert shown("key_oversize") == example.OVERSIZE.key
    assert shown("entry") == segment.entry.format()


def test_the_files_are_made_again_and_hold() -> None:
    line = b"auditseal/completeness@v1\n"
    assert line + shown("completeness") == example.completeness().format()
    assert line + absence_file() == example.absence().format()
    trust = Trust.parse(example.TRUST.encode())
    for data, offsets in ((shown("completeness"), (0, 2)), (absence_file(), ())):
        found = CompletenessProof.parse(line + data).check(trust)
        assert [log.offsets for log in found.logs] == [offsets]


def test_the_second_checker_agrees() -> None:
    line = b"auditseal/completeness@v1\n"
    heads, hits = check_completeness(line + shown("completeness"), example.TRUST)
    assert heads == {"a.example/t/0/0": (1, example.BLOCK.checkpoint.root)}
    assert hits == [("a.example/t/0/0", 0), ("a.example/t/0/0", 2)]
    assert check_completeness(line + absence_file(), example.TRUST) == (heads, [])
    assert check_fraud(example.fraud().format(), example.TRUST)


def test_every_limit_is_on_the_page() -> None:
    for limit in (MAX_COMPLETENESS_BYTES, MAX_ENTRY_BYTES):
        assert f"{limit:,} bytes" in PAGE
    assert MAX_FRAUD_BYTES == MAX_COMPLETENESS_BYTES


def test_the_fields_of_a_terms_file_are_numbered_on_its_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "index-files.md").read_text("utf-8")
    listed = page.partition("The fields are numbered from 0:")[2].partition(".\n\n")[0]
    assert tuple(re.findall("`(.+?)`", listed)) == TERM_FIELDS
