"""Every header field altered: by somebody without the log's key, and by a dishonest sealer."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER, keys_of
from tests.factory.vaults import ORIGINS
from tests.tamper.case import Expected, Family, Kind, Vault, find, no_block, with_object
from tests.tamper.records import ATTACKER, EVERYTHING
from tests.tamper.world import HEIGHTS, LAST, heads, history
from tests.vectors.sealed import Sealed

LIAR = "holds the signing key"
ZEROS = bytes(32)
ALL_FIELDS = frozenset(Sealed.take_apart(history(ORIGINS[0]).blocks[0]).header)
NO_BLOCK = "no block"
SMALL_ORDER = "AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
Content = tuple[Verdict, str, int | None]


@dataclass(frozen=True)
class Lie:
    """Altered header fields.

    Attributes:
        fields: What is altered.
        link: The answer of steps 1 to 3 of docs/reference/format.md, section 14: NO_BLOCK, a field, or nothing ("").
        content: That of steps 7 to 14: verdict, field and offset.
        key: The next key that step 9 refuses.
    """

    fields: dict[str, Any]
    link: str = ""
    content: Content | None = None
    key: bool = False


def families() -> Iterator[Family]:
    yield Family("header fields altered, the note kept", EVERYTHING, _note_kept)
    for name, signature in (("signature kept", "kept"), ("signed by the attacker", "own")):
        yield Family(f"header fields altered, the root made to fit, {name}", EVERYTHING, partial(_unsigned, signature))
    yield Family("header fields altered and signed", LIAR, _signed)
    yield Family("the last header altered in what nobody can check", LIAR, _credible, Kind.UNDETECTABLE)
    yield Family("the last header altered in what nobody can check, heads remembered", LIAR, _credible_remembered)


def lies(origin: Origin, height: int) -> Iterator[Lie]:
    """Yield at least one false value of each field."""
    yield from _lies_about_the_place(origin, height)
    yield from _lies_about_the_range(origin, height)
    yield from _lies_about_the_records(origin, height)
    yield from _lies_about_the_rest(origin, height)


def _lies_about_the_place(origin: Origin, height: int) -> Iterator[Lie]:
    other = next(one for one in ORIGINS if one != origin)
    later = "" if height == 0 else "{}"  # the first block has none before it to disagree with

    yield Lie({"version": 2}, NO_BLOCK)
    yield Lie({"origin": str(other)}, "origin")
    yield Lie({"origin": "../../x"}, NO_BLOCK)
    yield Lie({"height": 1 if height != 1 else 2}, "height" if height else NO_BLOCK)
    yield Lie({"height": 7}, NO_BLOCK)
    yield Lie({"previous": ZEROS}, "previous")
    yield Lie({"predecessor": {"origin": str(origin), "size": 1, "root": ZEROS, "keys": ["k"]}}, NO_BLOCK)
    yield Lie({"cluster_id": "another"}, later.format("cluster_id"))
    yield Lie({"topic_id": "recreated"}, later.format("topic_id"))
    yield Lie({"topic_id": "\x1b[2J"}, NO_BLOCK)
    yield Lie({"partitions": 1}, NO_BLOCK if origin.partition else later.format("partitions"))
    yield Lie({"partitions": 3})
    yield Lie({"last_leader_epoch": 3}, later.format("last_leader_epoch"))
    yield Lie({"last_leader_epoch": 5})
    yield Lie({"last_leader_epoch": -2}, NO_BLOCK)


def _lies_about_the_range(origin: Origin, height: int) -> Iterator[Lie]:
    header = history(origin).blocks[height].header
    first, last, count = header.first_offset, header.last_offset, header.count
    gaps = [gap._asdict() for gap in header.gaps]
    locators: Content = (Verdict.BAD_ROOT, "locators", None)

    yield Lie({"first_offset": first + 1}, NO_BLOCK)
    if height:
        earlier = {"first": first - 1, "last": first - 1, "cause": 1}
        yield Lie({"first_offset": first - 1, "gaps": [earlier, *gaps]}, "first_offset")
    yield Lie({"last_offset": last + 1}, NO_BLOCK)
    yield Lie({"last_offset": last + 1, "count": count + 1}, content=locators)
    yield Lie({"last_offset": last + 1, "gaps": [*gaps, {"first": last + 1, "last": last + 1, "cause": 0}]})
    yield Lie({"count": count + 1}, NO_BLOCK)
    yield Lie({"count": count - 1}, NO_BLOCK)
    yield Lie({"count": count - 1, "last_offset": last - 1}, content=locators)
    yield Lie({"size": header.size + 1}, content=(Verdict.BAD_RECORD, "count", None))
    yield Lie({"size": header.size - 1}, content=(Verdict.MALFORMED, "payload", None))
    for gap in gaps:
        moved = gap["first"] + 1
        wrong: Content = (Verdict.BAD_RECORD, "record.offset", gap["first"])
        yield Lie({"gaps": [{"first": moved, "last": moved, "cause": 0}]}, content=wrong)
        yield Lie({"gaps": [gap | {"cause": 1}]})
        yield Lie({"gaps": [gap | {"cause": 2}]})
        yield Lie({"gaps": [gap | {"cause": 3}]}, NO_BLOCK)
    yield Lie({"gaps": [{"first": last, "last": last, "cause": 0}, *gaps]}, NO_BLOCK)


def _lies_about_the_records(origin: Origin, height: int) -> Iterator[Lie]:
    header = history(origin).blocks[height].header
    assert header.min_timestamp is not None
    assert header.max_timestamp is not None
    least, most = ((Verdict.BAD_RECORD, field, None) for field in ("min_timestamp", "max_timestamp"))

    yield Lie({"timestamp_type": 1})
    yield Lie({"timestamp_type": 3}, NO_BLOCK)
    yield Lie({"min_timestamp": header.min_timestamp - 1}, content=least)
    yield Lie({"min_timestamp": None}, NO_BLOCK)
    yield Lie({"max_timestamp": header.max_timestamp + 1}, content=most)
    yield Lie({"max_timestamp": header.min_timestamp - 1}, NO_BLOCK)
    yield Lie({"first_link": ZEROS}, "first_link")
    yield Lie({"last_link": ZEROS}, content=(Verdict.BAD_RECORD, "last_link", None))
    yield Lie({"events_root": ZEROS}, content=(Verdict.BAD_ROOT, "events_root", None))
    yield Lie({"payload": ZEROS}, content=(Verdict.BAD_ROOT, "payload", None))
    yield Lie({"locators": ZEROS}, content=(Verdict.BAD_ROOT, "locators", None))


def _lies_about_the_rest(origin: Origin, height: int) -> Iterator[Lie]:
    sealed_at = history(origin).blocks[height].header.sealed_at
    other = next(one for one in ORIGINS if one != origin)

    yield Lie({"sealed_at": sealed_at + 1})
    yield Lie({"sealed_at": sealed_at - 2}, "sealed_at" if height else "")
    yield Lie({"sealed_at": -1}, NO_BLOCK)
    yield Lie({"next_keys": [str(key) for key in keys_of(origin, ATTACKER)]})
    yield Lie({"next_keys": [str(key) for key in keys_of(other, ATTACKER)]}, key=True)
    yield Lie({"next_keys": [f"{origin}+00000000+{SMALL_ORDER}"]}, key=True)
    yield Lie({"next_keys": ["no key"]}, key=True)
    yield Lie({"next_keys": [str(key) for key in keys_of(origin)] * 2}, NO_BLOCK)
    yield Lie({"final": True})
    yield Lie({"sealer": "auditseal/other"})
    yield Lie({"sealer": ""}, NO_BLOCK)
    yield Lie({"extensions": [{"key": "x", "value": b""}]})
    yield Lie({"extensions": [{"key": "!x", "value": b""}]}, NO_BLOCK)


def _told() -> Iterator[tuple[Origin, int, Lie]]:
    for origin, height in product(ORIGINS, HEIGHTS):
        told = list(lies(origin, height))
        assert {name for lie in told for name in lie.fields} == ALL_FIELDS
        yield from ((origin, height, lie) for lie in told)


def _case(origin: Origin, height: int, lie: Lie, sealed: Sealed, *expected: Expected) -> Vault:
    key = origin.block_key(height)
    return Vault(f"{key}: {lie.fields}", with_object(key, sealed.object()), expected)


def _offence(origin: Origin, height: int, lie: Lie) -> Expected:
    if lie.link == NO_BLOCK:
        return no_block(origin, height)
    return find(Verdict.BROKEN_CHAIN, origin, height, lie.link)


def _note_kept() -> Iterator[Vault]:
    for origin, height, lie in _told():
        sealed = history(origin).sealed(height).altered(**lie.fields)
        root = find(Verdict.BAD_ROOT, origin, height, "checkpoint.root")
        yield _case(origin, height, lie, sealed, _offence(origin, height, lie) if lie.link else root)


def _unsigned(signature: str, /) -> Iterator[Vault]:
    for origin, height, lie in _told():
        if lie.key:
            continue  # nobody asks what a block would announce that isn't the log's
        sealed = history(origin).sealed(height).altered(**lie.fields)
        lines = history(origin).sealed(height).lines
        sealed = sealed.signed(ATTACKER) if signature == "own" else sealed.with_lines(*lines)
        if lie.link:
            yield _case(origin, height, lie, sealed, _offence(origin, height, lie))
            continue
        content = (find(lie.content[0], origin, height, *lie.content[1:]),) if lie.content else ()
        yield _case(origin, height, lie, sealed, find(Verdict.BAD_SIGNATURE, origin, height, "note"), *content)


def _signed_lies() -> Iterator[Vault]:
    for origin, height, lie in _told():
        sealed = history(origin).sealed(height).altered(**lie.fields).signed(SIGNER)
        yield _case(origin, height, lie, sealed, *_consequences(origin, height, lie))


def _consequences(origin: Origin, height: int, lie: Lie) -> Iterator[Expected]:
    """Yield the findings of a signed false field: at its block, at the next, which extends the true one, and above."""
    if lie.link:
        yield _offence(origin, height, lie)
        return
    if lie.content:
        yield find(lie.content[0], origin, height, *lie.content[1:])
    if lie.key:
        yield find(Verdict.BAD_KEY, origin, height, "next_keys")
    if height < LAST:
        yield find(Verdict.BROKEN_CHAIN, origin, height + 1, "previous")
    if lie.fields.get("partitions") == 3 and height >= LAST - 1:
        yield find(Verdict.MISSING_LOG, origin, height, "partitions")
    if "next_keys" in lie.fields and not lie.key and height + 2 <= LAST:
        yield find(Verdict.BAD_SIGNATURE, origin, height + 2, "note")


def _signed() -> Iterator[Vault]:
    return (case for case in _signed_lies() if case.expected)


def _credible() -> Iterator[Vault]:
    """The content of the last header that no record has: time, software, what is announced, where a gap comes from."""
    return (case for case in _signed_lies() if not case.expected)


def _credible_remembered() -> Iterator[Vault]:
    for case in _credible():
        origin = next(one for one in ORIGINS if str(one) in case.name)
        fork = find(Verdict.FORK, origin, LAST, "checkpoint.root")
        yield Vault(case.name, case.objects, (fork,), remembered=heads())
