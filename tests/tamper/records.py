"""Records altered by an attacker who holds everything but the signing key, and makes as much fit as that allows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, product

from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.key import SigningKey
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import RecordEncoder, next_link, parse_record
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import keys_of, signing_key
from tests.factory.messages import Message
from tests.factory.vaults import ORIGINS
from tests.tamper.case import Expected, Family, Vault, find, with_object
from tests.tamper.world import HEIGHTS, LAST, OFFSETS, History, history, key_of, messages_of, seal_messages, stored
from tests.tamper.world import untouched as whole
from tests.vectors.sealed import Sealed, flipped

EVERYTHING = "holds all but the signing key"
ATTACKER = signing_key("attacker")
Edit = Callable[[Sequence[Message]], list[Message]]


def families() -> Iterator[Family]:
    yield Family("records altered, all else as it was", EVERYTHING, _altered)
    yield Family("records altered, the locators made to fit", EVERYTHING, _relocated)
    for name, remake in REMAKES.items():
        yield Family(f"records altered, {name}", EVERYTHING, partial(_remade, remake))
    yield Family("the rest of the log resealed by the attacker", EVERYTHING, partial(_resealed, ()))
    announced = (str(keys_of(ORIGINS[0], ATTACKER)[0]),)
    yield Family(
        "the rest of the log resealed, announcing the attacker's key", EVERYTHING, partial(_resealed, announced)
    )


def edits_of_bytes(block: Block) -> Iterator[tuple[str, list[bytes], int]]:
    """Yield other records in a block's place, and the number of the first that isn't the sealed one."""
    records = list(block.encoded_records())
    numbers = range(len(records))
    for one in numbers:
        rest = [*records[:one], *records[one + 1 :]]
        yield f"{one} dropped", rest, one
        yield f"{one} made empty", [*records[:one], records[one][:3], *records[one + 1 :]], one
        altered = flipped(records[one], len(records[one]) - 4)
        yield f"{one} altered", [*records[:one], altered, *records[one + 1 :]], one
        yield f"{one} with a moved boundary", [*records[:one], moved_boundary(records[one]), *records[one + 1 :]], one
        for at in numbers:
            number = at + 1 if one == at else at
            if number < len(records):
                yield f"{one} once more at {number}", [*records[:number], records[one], *records[number:]], number
        yield f"{one} once more at the end", [*records, records[one]], len(records)
    for one, other in combinations(numbers, 2):
        swapped = list(records)
        swapped[one], swapped[other] = records[other], records[one]
        yield f"{one} and {other} swapped", swapped, one
    yield "all dropped", [], 0


def moved_boundary(record: bytes) -> bytes:
    """Return a record with a byte moved from its value into its key."""
    one = parse_record(record)
    assert one.key
    assert one.value
    key, value = one.key + one.value[:1], one.value[1:]
    return RecordEncoder().encode(one.offset, one.timestamp, key, one.headers or (), value)


def suffered(origin: Origin, height: int, number: int) -> Expected:
    if number == len(OFFSETS[height]):
        return find(Verdict.BAD_ROOT, origin, height, "payload")
    return find(Verdict.BAD_RECORD, origin, height, "record", OFFSETS[height][number])


def chunked(sealed: Sealed, records: Sequence[bytes]) -> Sealed:
    return sealed.stored(records) if records else replace(sealed, chunks=())


def _altered() -> Iterator[Vault]:
    for origin, height in product(ORIGINS, HEIGHTS):
        block, key = history(origin).blocks[height], origin.block_key(height)
        for name, records, number in edits_of_bytes(block):
            data = chunked(Sealed.take_apart(block), records).object()
            yield Vault(f"{key}: {name}", with_object(key, data), (suffered(origin, height, number),))


def _relocated() -> Iterator[Vault]:
    """Locators that fit the altered records do not mislead: the header doesn't commit to them."""
    for origin, height in product(ORIGINS, HEIGHTS):
        block, key = history(origin).blocks[height], origin.block_key(height)
        for name, records, _ in edits_of_bytes(block):
            link, links = block.header.first_link, []
            for record in records:
                link = next_link(link, record)
                links.append(link)
            sealed = replace(chunked(Sealed.take_apart(block), records), locators=make_locators(links))
            expected = find(Verdict.BAD_ROOT, origin, height, "payload")
            yield Vault(f"{key}: {name}", with_object(key, sealed.object()), (expected,))


def edits(height: int) -> Iterator[tuple[str, Edit]]:
    """Yield edits that leave a block whose records are sound: a person who seals it again can make all of it fit."""
    numbers = range(len(OFFSETS[height]))
    for one in numbers:
        yield f"{one} altered", partial(_rewrite, one)
        yield f"{one} dropped", partial(_drop, one)
        yield f"one more at {one}", partial(_insert, one)
    for one, other in combinations(numbers, 2):
        yield f"{one} and {other} swapped", partial(_swap, one, other)


def _rewrite(number: int, messages: Sequence[Message]) -> list[Message]:
    return [replace(one, content=b"rewritten") if at == number else one for at, one in enumerate(messages)]


def _drop(number: int, messages: Sequence[Message]) -> list[Message]:
    """Drop a record: the last one shortens the block, any other leaves a gap."""
    return [one for at, one in enumerate(messages) if at != number]


def _insert(number: int, messages: Sequence[Message]) -> list[Message]:
    later = [replace(one, at=one.at + 1) for one in messages[number:]]
    return [*messages[:number], replace(messages[number], content=b"never happened"), *later]


def _swap(one: int, other: int, messages: Sequence[Message]) -> list[Message]:
    swapped = list(messages)
    swapped[one] = replace(messages[other], at=messages[one].at)
    swapped[other] = replace(messages[one], at=messages[other].at)
    return swapped


def remade_log(log: History, height: int, edit: Edit, signer: SigningKey, next_keys: tuple[str, ...] = ()) -> History:
    """Return a log with one block's records altered, and this and all later blocks sealed again."""
    states, blocks = [log.states[height]], []
    for number in range(height, len(log.blocks)):
        origin = log.blocks[number].header.origin
        shift = states[-1].next_offset - log.states[number].next_offset
        messages = [replace(one, at=one.at + shift) for one in messages_of(origin, number)]
        altered = edit(messages) if number == height else messages
        blocks.append(seal_messages(states[-1], altered, signer, next_keys=next_keys if number == height else ()))
        own = replace(states[-1], keys=keys_of(origin, signer))
        states.append(own.accept(blocks[-1]))
    return History((*log.blocks[:height], *blocks), (*log.states[: height + 1], *states[1:]))


def kept_note(old: Block, new: Block) -> Block:
    return replace(new, note=old.note)


def kept_signature(old: Block, new: Block) -> Block:
    return replace(new, note=Note(new.note.text, old.note.signatures))


def own_signature(old: Block, new: Block) -> Block:
    return new


def relabelled(old: Block, new: Block) -> Block:
    """Sign with the attacker's key, and give its line the id of the log's."""
    line, true = new.note.signatures[0], old.note.signatures[0]
    return replace(new, note=Note(new.note.text, (replace(line, key_id=true.key_id),)))


def both_lines(old: Block, new: Block) -> Block:
    return replace(new, note=Note(new.note.text, (*old.note.signatures, *new.note.signatures)))


Remake = tuple[Callable[[Block, Block], Block], Verdict, str]
REMAKES: dict[str, Remake] = {
    "all hashes made to fit, the note kept": (kept_note, Verdict.BAD_ROOT, "checkpoint.root"),
    "the root made to fit, too, the signature kept": (kept_signature, Verdict.BAD_SIGNATURE, "note"),
    "signed by the attacker": (own_signature, Verdict.BAD_SIGNATURE, "note"),
    "signed by the attacker with the log's key id": (relabelled, Verdict.BAD_SIGNATURE, "note"),
    "the attacker's line beside the log's": (both_lines, Verdict.BAD_SIGNATURE, "note"),
}


def _remade(remake: Remake) -> Iterator[Vault]:
    make, verdict, field = remake
    for origin, height in product(ORIGINS, HEIGHTS):
        log = history(origin)
        for name, edit in edits(height):
            new = remade_log(log, height, edit, ATTACKER).blocks[height]
            block = make(log.blocks[height], new)
            expected = find(verdict, origin, height, field)
            yield Vault(f"{key_of(new)}: {name}", with_object(key_of(new), block.format()), (expected,))


def _resealed(next_keys: tuple[str, ...]) -> Iterator[Vault]:
    for origin, height in product(ORIGINS[:1] if next_keys else ORIGINS, HEIGHTS):
        for name, edit in edits(height):
            log = remade_log(history(origin), height, edit, ATTACKER, next_keys)
            objects = whole() | {key_of(block): stored(block.format()) for block in log.blocks}
            expected = [find(Verdict.BAD_SIGNATURE, origin, above, "note") for above in range(height, LAST + 1)]
            yield Vault(f"{origin} from {height} on: {name}", objects, tuple(expected))
