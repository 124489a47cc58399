"""What a proof from an index establishes, as JSON: that some records are all that have some terms, or a fraud."""

from base64 import b64encode
from typing import Any

from auditseal_auditor.blocks.block_json import record_to_json
from auditseal_schemas.checkpoint import Checkpoint, TreeHead
from auditseal_schemas.completeness_proof import Completeness, LogHits
from auditseal_schemas.index_fraud import ProvenFraud
from auditseal_schemas.term import Term

NOT_SHOWN = (
    "not shown by a proof of completeness: that the index's owner took the terms from the blocks honestly, and blocks"
    " above the heads"
)
"""What re-deriving the index from the vault shows, and a proof does not."""


def completeness_to_json(found: Completeness) -> dict[str, Any]:
    """Return what a proof of completeness establishes, as what `json.dumps` takes."""
    return {
        "kind": "completeness",
        "terms": list(map(_term_to_json, found.terms)),
        "total": sum(len(log.offsets) for log in found.logs),
        "logs": list(map(_log_to_json, found.logs)),
        "not_covered": list(map(str, found.not_covered)),
        "index": {"name": found.head.name, "key": str(found.index), "checkpoint": _head_to_json(found.head)},
        "not_shown": NOT_SHOWN,
    }


def fraud_to_json(found: ProvenFraud) -> dict[str, Any]:
    """Return what a proof of fraud establishes, as what `json.dumps` takes."""
    segment = found.segment
    return {
        "kind": "fraud",
        "term": _term_to_json(found.term),
        "claim": "the record has the term, and the index omits it"
        if found.is_omitted
        else "the index has the record, which lacks the term",
        "origin": str(found.header.origin),
        "height": found.header.height,
        "segment": {"first_height": segment.first_height, "last_height": segment.last_height},
        "index": {"name": found.head.name, "key": str(found.index), "checkpoint": _head_to_json(found.head)},
        "record": record_to_json(found.record),
    }


def _log_to_json(log: LogHits) -> dict[str, Any]:
    return {
        "origin": str(log.origin),
        "first_height": log.first_height,
        "checkpoint": _head_to_json(log.head),
        "offsets": list(log.offsets),
    }


def _term_to_json(term: Term) -> dict[str, str]:
    return {"field": term.field, "value": term.value}


def _head_to_json(head: Checkpoint | TreeHead) -> dict[str, Any]:
    return {"size": head.size, "root": b64encode(head.root).decode()}
