"""Mutations of a block's object, layer by layer, repaired around the change so that the next check does not find it.

One part is changed (the wrapper, the header, the checkpoint, a data block as stored, a record within one); then some or
all dependent parts are made to fit: the deflate streams, the header's digests, the links and the root through the
records, the frontier's root, the signature. So a fuzzer's input reaches the last checks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from random import Random

from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container, payload_digest
from auditseal_schemas.deflate import deflate, inflate
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.limits import MIB
from auditseal_schemas.merkle import Frontier, leaf_hash, tree_root
from auditseal_schemas.note import Note, NoteSignature
from auditseal_schemas.record import next_link, scan_record
from tests.factory.keys import KEY, SIGNER
from tests.fuzz.edit import NUMBERS, Edit
from tests.fuzz.mutate_avro import mutate_avro
from tests.fuzz.mutate_record import mutate_record
from tests.fuzz.mutate_text import mutate_note


def mutate_block(donors: Sequence[Container], data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the object with one of its layers changed; `donors` lend their parts."""
    if random.random() < 0.2:
        return edit(data)
    try:
        container = Container.parse(data)
    except MalformedError:
        container = random.choice(donors)
    changed = random.choice(_CHANGES)(container, random, edit, donors)
    return _mended(changed, random).format()


Change = Callable[[Container, Random, Edit, Sequence[Container]], Container]


def _header(container: Container, random: Random, edit: Edit, donors: Sequence[Container]) -> Container:
    headers = [donor.header for donor in donors]
    return replace(container, header=mutate_avro("block_header", b"", headers, container.header, random, edit))


def _frontier(container: Container, random: Random, edit: Edit, donors: Sequence[Container]) -> Container:
    return replace(container, frontier=random.choice((edit(container.frontier), random.choice(donors).frontier)))


def _checkpoint(container: Container, random: Random, edit: Edit, _: Sequence[Container]) -> Container:
    return replace(container, checkpoint=mutate_note(container.checkpoint, random, edit))


def _locators(container: Container, random: Random, edit: Edit, donors: Sequence[Container]) -> Container:
    return replace(container, locators=random.choice((edit(container.locators), random.choice(donors).locators)))


def _chunks(container: Container, random: Random, edit: Edit, donors: Sequence[Container]) -> Container:
    """Move whole data blocks: doubled, dropped, turned round, or another block's."""
    mine, theirs = container.chunks, random.choice(donors).chunks
    return replace(container, chunks=random.choice((mine * 2, mine[:-1], mine[::-1], mine + theirs)))


def _stored(container: Container, random: Random, edit: Edit, _: Sequence[Container]) -> Container:
    """Change a data block as stored: its count, or its deflated bytes."""

    def change(chunk: Chunk) -> Chunk:
        if random.random() < 0.4:
            counts = (chunk.count + 1, max(chunk.count - 1, 0), random.choice(NUMBERS))
            return replace(chunk, count=random.choice(counts))
        return replace(chunk, deflated=edit(chunk.deflated))

    return _with_chunk(container, random, change)


def _records(container: Container, random: Random, edit: Edit, _: Sequence[Container]) -> Container:
    """Change a record within a data block, or the bytes of all, and deflate them again."""

    def change(chunk: Chunk) -> Chunk:
        records = _split(chunk)
        if not records or random.random() < 0.2:
            return replace(chunk, deflated=deflate(edit(b"".join(records))))
        at = random.randrange(len(records))
        match random.randrange(6):
            case 0:
                records.insert(at, random.choice(records))
            case 1:
                del records[at]
            case 2:
                records.reverse()
            case _:
                records[at] = mutate_record(records[at], random, edit)
        return Chunk(len(records), deflate(b"".join(records)))

    return _with_chunk(container, random, change)


def _recut(container: Container, random: Random, _: Edit, __: Sequence[Container]) -> Container:
    """Cut the same records into other data blocks, which is legal."""
    records = [record for chunk in container.chunks for record in _split(chunk)]
    at = random.randrange(len(records) + 1)
    parts = [part for part in (records[:at], records[at:]) if part]
    return replace(container, chunks=tuple(Chunk(len(part), deflate(b"".join(part))) for part in parts))


_CHANGES: tuple[Change, ...] = (
    _header,
    _header,
    _header,
    _frontier,
    _checkpoint,
    _locators,
    _chunks,
    _stored,
    _stored,
    _records,
    _records,
    _records,
    _records,
    _recut,
)


def _with_chunk(container: Container, random: Random, change: Callable[[Chunk], Chunk]) -> Container:
    if not container.chunks:
        return replace(container, chunks=(change(Chunk(1, deflate(b""))),))
    at = random.randrange(len(container.chunks))
    chunks = container.chunks
    return replace(container, chunks=(*chunks[:at], change(chunks[at]), *chunks[at + 1 :]))


def _split(chunk: Chunk) -> list[bytes]:
    """Return the encoded records of a data block, as far as there are any."""
    try:
        content, position, records = inflate(chunk.deflated, MIB), 0, []
        while position < len(content):
            end = scan_record(content, position).end
            records.append(content[position:end])
            position = end
    except MalformedError:
        return []
    return records


def _mended(container: Container, random: Random) -> Container:
    """Make the rest fit: nothing of it, some of it, or all."""
    try:
        header, frontier = Header.parse(container.header), container.frontier
        steps = (_mend_records, _mend_stored)
        wanted = random.choice(((), steps[1:], steps, steps, steps))
        for step in wanted:
            header, container = step(header, container)
        encoded = header.format() if wanted else container.header
        if random.random() < 0.15:
            return replace(container, header=encoded)
        root = Frontier.parse(header.height, frontier).append(leaf_hash(encoded)).root
    except (VerificationError, OverflowError):
        return container  # what was changed can't be mended
    text = Checkpoint(header.origin, header.height + 1, root).format()
    name = str(header.origin)
    signature = NoteSignature(name, _key_id(name), SIGNER.sign(text.encode()))
    return replace(container, header=encoded, checkpoint=Note(text, (signature,)).format())


@lru_cache
def _key_id(name: str) -> bytes:
    return replace(KEY, name=name).key_id


def _mend_records(header: Header, container: Container) -> tuple[Header, Container]:
    """Make the header say of the records what they are, as far as a header can."""
    records = [record for chunk in container.chunks for record in _split(chunk)]
    spans = [scan_record(record, 0) for record in records]
    links = [header.first_link]
    for record in records:
        links.append(next_link(links[-1], record))
    times = [span.timestamp for span in spans]
    mended = partial(
        replace,
        header,
        count=len(records),
        size=sum(map(len, records)),
        last_link=links[-1],
        events_root=tree_root(links[1:]),
        min_timestamp=min(times, default=None),
        max_timestamp=max(times, default=None),
    )
    locators = replace(container, locators=make_locators(links[1:]))
    missing = sum(gap.last - gap.first + 1 for gap in header.gaps)
    return mended(last_offset=header.first_offset + len(records) + missing - 1), locators


def _mend_stored(header: Header, container: Container) -> tuple[Header, Container]:
    """Make the header's digests those of the stored bytes."""
    locators = sha256(container.locators).digest()
    return replace(header, payload=payload_digest(container.chunks), locators=locators), container


def containers(objects: Sequence[bytes]) -> list[Container]:
    """Return the parsed objects, which must be blocks."""
    for data in objects:
        Block.parse(data)
    return [Container.parse(data) for data in objects]
