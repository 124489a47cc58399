"""A block, a record or a proof as text, from its JSON: one value a line, all escaped, nothing without bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from auditseal_auditor.report_text import printable

_MOST_CHARACTERS = 1_000
_MOST_ITEMS = 50
_MORE = "--json shows all"


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A text that is shown line by line. Never one that an outsider wrote, who could then write lines of our output."""

    text: str


def record_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield the record of what `block_to_json` returned. A part that the record doesn't have says so."""
    yield "record"
    yield from _lines(_with_absent_parts(shown["record"]), "  ")


def place_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield the block of what `block_to_json` returned in one line: where it is."""
    header = shown["header"]
    yield f"block: {header['height']} of {header['origin']}, {printable(shown['object'])}"


def block_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield the block of what `block_to_json` returned: its header, checkpoint and keys."""
    rest = {name: value for name, value in shown.items() if name not in {"version", "verified", "record"}}
    rest["checkpoint"] = rest["checkpoint"] | {"note": _Paragraph(rest["checkpoint"]["note"])}
    yield from _lines(rest, "")


def verified_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield what was verified, and what was not, of what `block_to_json` returned."""
    yield "verified"
    yield from (f"  {printable(claim)}" for claim in shown["verified"])


def text_lines(value: Any) -> Iterator[str]:
    """Yield nested values, one to a line and all escaped; empty values are left out, long ones are cut."""
    yield from _lines(value, "")


def proof_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield what a proof establishes, of what `block_json` returned: first what it shows, in one line."""
    yield printable(_headline(shown))
    yield from text_lines({name: value for name, value in shown.items() if name != "kind"})


def _headline(shown: dict[str, Any]) -> str:
    """Return the sentence that a proof comes down to."""
    match shown["kind"]:
        case "consistency":
            old, new = shown["old"]["size"], shown["new"]["size"]
            return (
                f"OK: the first {old} blocks of {shown['origin']} are a prefix of its first {new}; its keys signed both"
            )
        case "completeness":
            terms = " and ".join(f"{term['field']} = {term['value']}" for term in shown["terms"])
            hits = f"these are all {shown['total']:,} records" if shown["total"] else "there is no record"
            logs = (
                "1 log up to this head" if len(shown["logs"]) == 1 else f"{len(shown['logs'])} logs up to these heads"
            )
            return f"OK: {hits} with {terms}, in {logs}; the index {shown['index']['name']} signed it"
        case "fraud":
            place = f"offset {shown['record']['offset']} of {shown['origin']}"
            return f"FRAUD: the index {shown['index']['name']} signed something false of {place}: {shown['claim']}"
    place = f"record {shown['index']} of block {shown['height']} of {shown['origin']}"
    return f"OK: this is {place}, sealed {shown['sealed_time']} and signed by the log's keys"


def _with_absent_parts(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with words in place of parts that are null or empty: else neither would have a line."""
    headers = record["headers"]
    return record | {
        "key": _said(record["key"], "null: the record has no key"),
        "headers": _headers_said(headers),
        "value": _value_said(record),
    }


def _headers_said(headers: list[dict[str, Any]] | None) -> object:
    if headers is None:
        return "null: they could not be read"
    return [header | {"value": _said(header["value"], "null")} for header in headers] or "none"


def _value_said(record: dict[str, Any]) -> str | None:
    if record["event"]:
        return None
    absent = "null: the record was too long, and its length and hash were sealed" if record["oversize"] else None
    return _said(record["value"], absent or "null: the record has no value")


def _said(digits: str | None, absent: str) -> str:
    return absent if digits is None else digits or "empty"


def _lines(value: Any, indent: str) -> Iterator[str]:
    """Yield nested values; see `text_lines`."""
    items = list(value.items()) if isinstance(value, dict) else [("-", item) for item in value]
    items = [(name, item) for name, item in items if not (item is None or item in ([], {}, ""))]
    for name, item in items[:_MOST_ITEMS]:
        label = printable(_cut(str(name)))
        if isinstance(item, (dict, list)):
            yield f"{indent}{label}"
            yield from _lines(item, f"{indent}  ")
        elif isinstance(item, _Paragraph):
            yield f"{indent}{label}"
            yield from (f"{indent}  {printable(line)}" for line in item.text.split("\n") if line)
        else:
            colon = "" if name == "-" else ":"
            yield f"{indent}{label}{colon} {printable(_cut(str(item)))}"
    if len(items) > _MOST_ITEMS:
        yield f"{indent}… and {len(items) - _MOST_ITEMS:,} more; {_MORE}"


def _cut(text: str) -> str:
    """Return the beginning of a long text, with its length."""
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}… ({_MOST_CHARACTERS:,} of {len(text):,} characters; {_MORE})"
