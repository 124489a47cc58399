"""A state file's JSON: what it holds comes back, and nothing else is taken for it."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from auditseal_auditor.state.heads import Head
from auditseal_auditor.state.state_file import format_heads, parse_heads
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.origin import Origin
from tests.factory.audits import audit
from tests.factory.keys import OTHER_SIGNER, keys_of
from tests.factory.vaults import ORIGINS, make_vault

LOG = ORIGINS[0]
NOW = 1_700_000_000_000_000
DAY = 86_400_000_000


def heads(sizes: tuple[int, ...] = (2,) * 6, *, scrubbed: bool = True) -> dict[Origin, Head]:
    """The heads after a full run, and with half of a pass over the older blocks."""
    vault, _ = make_vault(sizes=sizes)
    found = audit(vault, memory="state", now=NOW).heads_after({})
    if not scrubbed:
        return found
    half = {"heads": found, "now": NOW + DAY // 2, "continued": True, "scrub_period": DAY}
    return audit(vault, memory="state", **half).heads_after(found)


@pytest.mark.parametrize("sizes", [(1,), (2,) * 2, (2,) * 6, (2,) * 7])
@pytest.mark.parametrize("scrubbed", [False, True])
def test_what_is_remembered_comes_back(sizes: tuple[int, ...], scrubbed: bool) -> None:
    remembered = heads(sizes, scrubbed=scrubbed)
    assert parse_heads(format_heads(remembered)) == remembered
    assert all(head.resume for head in remembered.values())


def test_the_frontier_of_the_head_is_kept() -> None:
    said = json.loads(format_heads(heads()))["logs"][str(LOG)]
    assert [len(said["resume"]["frontier"]), len(said["scrub"]["frontier"])] == [(5).bit_count(), (3).bit_count()]
    assert (said["scrub"]["size"], said["scrub"]["began_at"], said["scrub"]["ended_at"]) == (3, NOW, NOW)


def drop(part: str, name: str) -> Callable[[Any], None]:
    return lambda log: log[part].pop(name)


def put(part: str, name: str, value: object) -> Callable[[Any], None]:
    return lambda log: log[part].update({name: value})


HARMS: dict[str, Callable[[Any], None]] = {
    "no head": lambda log: log.pop("head"),
    "no resume": lambda log: log.pop("resume"),
    "more": lambda log: log.update(more=1),
    "a resume of text": lambda log: log.update(resume="x"),
    "a scrub of text": lambda log: log.update(scrub="x"),
    "a frontier that is too short": lambda log: log["resume"]["frontier"].pop(),
    "another frontier": lambda log: log["resume"]["frontier"].reverse(),
    "a frontier of numbers": put("resume", "frontier", [1, 2]),
    "a hash that is no base64": put("resume", "frontier", ["?", "?"]),
    "another key": put("resume", "keys", [str(key) for key in keys_of(LOG, OTHER_SIGNER)]),
    "no keys": put("resume", "keys", []),
    "a key of numbers": put("resume", "keys", [1]),
    "no header": put("resume", "header", ""),
    "a header of something else": put("resume", "header", b64encode(b"header").decode()),
    "quick in words": put("resume", "quick", "no"),
    "no conditions": drop("resume", "conditions"),
    "more in a resume": put("resume", "more", 1),
    "a scrub without its size": drop("scrub", "size"),
    "a scrub of another size": put("scrub", "size", 4),
    "a scrub of size 0": put("scrub", "size", 0),
    "a scrub without keys": put("scrub", "keys", []),
    "a scrub that ended in words": put("scrub", "ended_at", "never"),
    "more in a scrub": put("scrub", "more", 1),
}


@pytest.mark.parametrize("harm", HARMS)
def test_another_form_is_refused(harm: str) -> None:
    said = json.loads(format_heads(heads()))
    HARMS[harm](said["logs"][str(LOG)])
    with pytest.raises((ValueError, VerificationError)):
        parse_heads(json.dumps(said))


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 2, "heads": {}}', '{"version": 3, "logs": {}}', "1"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is not a"):
        parse_heads(text)
