"""What a proof establishes, as JSON and as text. Nothing of a record gets out unescaped."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from auditseal_auditor.block_json import record_to_json, time_text
from auditseal_auditor.block_text import text_lines
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.event_proof import ProvenRecord

NOT_SHOWN = "not shown by a proof: that the vault is whole, and that these keys were still valid at this height"
"""What `auditseal verify` shows and a proof of one record does not."""


def proven_to_json(proven: ProvenRecord) -> dict[str, Any]:
    """Return what a proof of one record establishes, as what `json.dumps` takes."""
    header = proven.header
    return {
        "kind": "record",
        "origin": str(header.origin),
        "height": header.height,
        "index": proven.index,
        "sealed_time": time_text(header.sealed_at),
        "checkpoint": _checkpoint_to_json(proven.checkpoint),
        "keys": [str(key) for key in proven.keys],
        "record": record_to_json(proven.record),
        "not_shown": NOT_SHOWN,
    }


def heads_to_json(old: Checkpoint, new: Checkpoint) -> dict[str, Any]:
    """Return what a proof of consistency establishes, as what `json.dumps` takes."""
    heads = {"old": _checkpoint_to_json(old), "new": _checkpoint_to_json(new)}
    return {"kind": "consistency", "origin": str(new.origin), **heads}


def proof_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield lines that say the same as the JSON."""
    if shown["kind"] == "consistency":
        old, new = shown["old"]["size"], shown["new"]["size"]
        yield f"OK: the first {old} blocks of {shown['origin']} are a prefix of its first {new}; its keys signed both"
    else:
        place = f"record {shown['index']} of block {shown['height']} of {shown['origin']}"
        yield f"OK: this is {place}, sealed {shown['sealed_time']} and signed by the log's keys"
    yield from text_lines({name: value for name, value in shown.items() if name != "kind"})


def _checkpoint_to_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"size": checkpoint.size, "root": b64encode(checkpoint.root).decode()}
