"""Objects as wholes: dropped, swapped, put in wrong places, by an administrator of the disks."""

from collections.abc import Iterator, Mapping
from itertools import combinations, permutations, product

from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import ORIGINS
from tests.tamper.case import Expected, Family, Kind, Vault, find
from tests.tamper.world import HEIGHTS, LAST, Objects, heads, untouched

DISKS = "writes to the disks"
FAR = 999_999_999_999
Place = tuple[Origin, int]
PLACES: tuple[Place, ...] = tuple(product(ORIGINS, HEIGHTS))
FREE: tuple[Place, ...] = tuple(product(ORIGINS, (LAST + 1, LAST + 2, FAR)))
FOREIGN = ("blocks/3.avro", "blocks/000000000001.avro.bak", "blocks/000000000001.AVRO", "old/000000000001.avro", "x")
ELSEWHERE = ("v1/a.example/audit.events/2/0/blocks/000000000000.avro", "v2/000000000000.avro")


def families() -> Iterator[Family]:
    yield Family("the untouched vault", "nobody", _untouched, Kind.LAWFUL)
    yield Family("objects dropped, all sets, below what is left of a log", DISKS, _dropped_below)
    yield Family("objects dropped, only tails", DISKS, _tails, Kind.UNDETECTABLE)
    yield Family("objects dropped, all sets, heads remembered", DISKS, _dropped_remembered)
    yield Family("an old backup restored, heads remembered", DISKS, _restored)
    yield Family("an old backup restored, last block too old", DISKS, _stale)
    yield Family("two objects swapped", DISKS, _swapped)
    yield Family("an object replaced by another", DISKS, _replaced)
    yield Family("an object put once more, at a free height", DISKS, _put_again)
    yield Family("an object put once more, under a foreign name", DISKS, _put_foreign)
    yield Family("an object put once more, elsewhere", DISKS, _put_elsewhere, Kind.LAWFUL)
    yield Family("an object renamed", DISKS, _renamed)
    yield Family("something that is no block, at each height", DISKS, _garbage)
    yield Family("all objects of all logs in any order", DISKS, _shuffled, is_bulk=True)


def key_at(place: Place) -> str:
    return place[0].block_key(place[1])


def misplaced(found: Place, at: Place) -> Expected:
    """The findings of a block in another block's place."""
    return find(Verdict.BROKEN_CHAIN, *at, "height" if found[0] == at[0] else "origin")


def without(*places: Place) -> Objects:
    keys = set(map(key_at, places))
    return {key: versions for key, versions in untouched().items() if key not in keys}


def holes(left: Mapping[Place, object], sizes: Mapping[Origin, int]) -> tuple[Expected, ...]:
    """Return what is found where only some blocks are left, by an auditor who remembers `sizes` blocks of a log."""
    found: list[Expected] = []
    for origin in ORIGINS:
        there = [height for log, height in left if log == origin]
        if not there:
            found.append(find(Verdict.MISSING_LOG, origin, None, "origin"))
            continue
        found += [
            find(Verdict.BROKEN_CHAIN, origin, height, "height") for height in range(max(there)) if height not in there
        ]
        if max(there) + 1 < sizes.get(origin, 0):
            found.append(find(Verdict.TRUNCATED, origin, max(there) + 1, "height"))
    return tuple(found)


def _untouched() -> Iterator[Vault]:
    yield Vault("untouched", untouched())
    for sizes in product(range(LAST + 2), repeat=len(ORIGINS)):
        yield Vault(f"untouched, {sizes} blocks remembered", untouched(), remembered=heads(*sizes))


def _subsets() -> Iterator[tuple[Place, ...]]:
    return (gone for number in range(1, len(PLACES) + 1) for gone in combinations(PLACES, number))


def _drops(sizes: Mapping[Origin, int]) -> Iterator[Vault]:
    for gone in _subsets():
        left = dict.fromkeys(place for place in PLACES if place not in gone)
        names = ", ".join(f"{origin.partition}:{height}" for origin, height in gone)
        notes = heads() if sizes else ()
        yield Vault(f"{names} gone", without(*gone), holes(left, sizes), remembered=notes)


def _dropped_below() -> Iterator[Vault]:
    return (case for case in _drops({}) if case.expected)


def _tails() -> Iterator[Vault]:
    return (case for case in _drops({}) if not case.expected)


def _dropped_remembered() -> Iterator[Vault]:
    return _drops(dict.fromkeys(ORIGINS, LAST + 1))


def _restored() -> Iterator[Vault]:
    """Each backup of the vault, older in at least one log than what is remembered."""
    for sizes, known in product(product(range(1, LAST + 2), repeat=2), product(range(LAST + 2), repeat=2)):
        gone = [place for place in PLACES if place[1] >= sizes[ORIGINS.index(place[0])]]
        left = dict.fromkeys(place for place in PLACES if place not in gone)
        expected = holes(left, dict(zip(ORIGINS, known, strict=True)))
        if expected:
            name = f"a backup with {sizes} blocks, {known} remembered"
            yield Vault(name, without(*gone), expected, remembered=heads(*known))


def _stale() -> Iterator[Vault]:
    newest = sealed_at(LAST)
    for sizes in product(range(1, LAST + 2), repeat=2):
        gone = [place for place in PLACES if place[1] >= sizes[ORIGINS.index(place[0])]]
        old = [(origin, size - 1) for origin, size in zip(ORIGINS, sizes, strict=True) if size <= LAST]
        expected = tuple(find(Verdict.STALE, origin, height, "sealed_at") for origin, height in old)
        if expected:
            yield Vault(f"a backup with {sizes} blocks", without(*gone), expected, oldest=newest)


def sealed_at(height: int) -> int:
    from tests.tamper.world import history

    return history(ORIGINS[0]).blocks[height].header.sealed_at


def _swapped() -> Iterator[Vault]:
    for one, other in combinations(PLACES, 2):
        swapped = {key_at(one): untouched()[key_at(other)], key_at(other): untouched()[key_at(one)]}
        expected = (misplaced(other, one), misplaced(one, other))
        yield Vault(f"{key_at(one)} and {key_at(other)}", untouched() | swapped, expected)


def _replaced() -> Iterator[Vault]:
    for one, other in permutations(PLACES, 2):
        objects = untouched() | {key_at(one): untouched()[key_at(other)]}
        yield Vault(f"{key_at(one)} by {key_at(other)}", objects, (misplaced(other, one),))


def _put_again() -> Iterator[Vault]:
    for place, free in product(PLACES, FREE):
        objects = untouched() | {key_at(free): untouched()[key_at(place)]}
        yield Vault(f"{key_at(place)} at {key_at(free)}", objects, (misplaced(place, free),))


def _put_foreign() -> Iterator[Vault]:
    for place, origin, name in product(PLACES, ORIGINS, FOREIGN):
        key = f"v1/{origin}/{name}"
        objects = untouched() | {key: untouched()[key_at(place)]}
        yield Vault(f"{key_at(place)} as {key}", objects, (find(Verdict.BAD_STORAGE, origin, None, "key"),))


def _put_elsewhere() -> Iterator[Vault]:
    for place, key in product(PLACES, ELSEWHERE):
        yield Vault(f"{key_at(place)} as {key}", untouched() | {key: untouched()[key_at(place)]})


def _renamed() -> Iterator[Vault]:
    """Each object moved to every other height, its own or the other log's, or to a foreign name; heads remembered."""
    sizes = dict.fromkeys(ORIGINS, LAST + 1)
    for one, to in product(PLACES, (*PLACES, *FREE)):
        if one == to:
            continue
        objects = without(one) | {key_at(to): untouched()[key_at(one)]}
        left = dict.fromkeys(place for place in PLACES if place not in (one, to))
        yield Vault(f"{key_at(one)} to {key_at(to)}", objects, _after_move(one, to, left), remembered=heads())
    for one, origin, name in product(PLACES, ORIGINS, FOREIGN):
        objects = without(one) | {f"v1/{origin}/{name}": untouched()[key_at(one)]}
        left = dict.fromkeys(place for place in PLACES if place != one)
        foreign = find(Verdict.BAD_STORAGE, origin, None, "key")
        yield Vault(f"{key_at(one)} to {name}", objects, (foreign, *holes(left, sizes)), remembered=heads())


def _after_move(one: Place, to: Place, left: Mapping[Place, object]) -> tuple[Expected, ...]:
    """Return the findings of a moved block: a hole at its old place, a wrong block at its new one. A block in the wrong
    place does not vouch for the blocks below it, but no height that it covers is missing.
    """
    found = [misplaced(one, to)]
    for origin in ORIGINS:
        sound = [height for log, height in left if log == origin]
        covered = {to[1]} if to[0] == origin else set()
        missing = [height for height in HEIGHTS if height not in sound and height not in covered]
        below = [height for height in missing if height < max(sound)]
        found += [find(Verdict.BROKEN_CHAIN, origin, height, "height") for height in below]
        if any(height > max(sound) for height in missing):
            height = min(height for height in missing if height > max(sound))
            found.append(find(Verdict.TRUNCATED, origin, height, "height"))
    return tuple(found)


def _garbage() -> Iterator[Vault]:
    """Bytes that are no block at each height, used or free: damage below the last sound block, squatted above it."""
    for place, data in product((*PLACES, *FREE), (b"", b"not a block", b"Obj\x01", bytes(4096))):
        squatted = place[1] >= LAST
        lock = untouched()[key_at(PLACES[0])]
        objects = untouched() | {key_at(place): (type(lock[0])("v1", data, lock[0].lock),)}
        verdict = Verdict.SQUATTED if squatted else Verdict.MALFORMED
        yield Vault(f"{data[:12]!r} at {key_at(place)}", objects, (find(verdict, *place),))
        if place[1] == LAST:
            expected = (find(Verdict.MALFORMED, *place),)
            yield Vault(f"{data[:12]!r} at {key_at(place)}, remembered", objects, expected, remembered=heads())


def _shuffled() -> Iterator[Vault]:
    for order in permutations(PLACES):
        moved = [(found, at) for found, at in zip(order, PLACES, strict=True) if found != at]
        if moved:
            objects = {key_at(at): untouched()[key_at(found)] for found, at in zip(order, PLACES, strict=True)}
            name = " ".join(f"{origin.partition}:{height}" for origin, height in order)
            yield Vault(name, objects, tuple(misplaced(found, at) for found, at in moved))
