"""Attacks by the holder of the store's root account, without the disks and the key: versions, markers, locks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import Retention
from tests.factory.vaults import DAY, RETENTION_DAYS, Version, lock_until
from tests.tamper.case import Expected, Family, Kind, Vault, find, no_block
from tests.tamper.objects import PLACES, Place, holes, key_at
from tests.tamper.records import ATTACKER
from tests.tamper.world import LAST, Objects, heads, history, untouched

ROOT = "holds the store's root"
LOCKED = lock_until(days=400)


def families() -> Iterator[Family]:
    yield Family("versions over a block", ROOT, _covered)
    yield Family("versions under a block, by whoever came first", ROOT, _preceded)
    yield Family("delete markers over a block", ROOT, _marked)
    yield Family("delete markers in place of a block, heads remembered", ROOT, _marked_alone)
    yield Family("locks missing, of another mode or too short", ROOT, _unlocked)
    yield Family("locks extended", "nobody", _extended, Kind.LAWFUL)


def storage(place: Place, field: str) -> Expected:
    return find(Verdict.BAD_STORAGE, *place, field)


def with_versions(place: Place, versions: Sequence[Version]) -> Objects:
    """Return the untouched vault with other versions of one object, named in their order."""
    named = tuple(replace(version, version_id=f"v{number}") for number, version in enumerate(versions, start=1))
    return untouched() | {key_at(place): named}


def other_contents(place: Place) -> Iterator[tuple[str, bytes]]:
    """Yield objects under a key next to its block that are not signed for that place."""
    (own,) = untouched()[key_at(place)]
    assert own.data is not None
    yield "the same", own.data
    yield "garbage", b"garbage"
    yield "nothing", b""
    yield "cut", own.data[:-1]
    sealed = history(place[0]).sealed(place[1])
    yield "signed by the attacker", sealed.altered(sealer="x").signed(ATTACKER).object()
    yield "the old signature", sealed.altered(sealer="x").with_lines(*sealed.lines).object()
    for other in PLACES:
        if other != place:
            yield f"{other[0]}, {other[1]}", untouched()[key_at(other)][0].data or b""


def _covered() -> Iterator[Vault]:
    for place in PLACES:
        (own,), marker = untouched()[key_at(place)], Version("", None, None)
        versions = storage(place, "versions")
        for name, data in other_contents(place):
            other = Version("", data, LOCKED)
            title = f"{key_at(place)}: {name}"
            yield Vault(f"{title} over it", with_versions(place, (own, other)), (versions,))
            marked = (versions, storage(place, "delete_marker"))
            yield Vault(f"{title} over a marker over it", with_versions(place, (own, marker, other)), marked)
            yield Vault(f"{title} and a marker over it", with_versions(place, (own, other, marker)), marked)


def _preceded() -> Iterator[Vault]:
    """The first version is judged, whatever covers it, the true block included."""
    for place in PLACES:
        (own,) = untouched()[key_at(place)]
        for number, data in enumerate((b"garbage", b"")):
            objects = with_versions(place, (Version("", data, LOCKED), own))
            expected = (no_block(*place), storage(place, "versions"))
            yield Vault(f"{key_at(place)}: garbage {number} under it", objects, expected)
        for other in PLACES:
            if other == place:
                continue
            data = untouched()[key_at(other)][0].data or b""
            field = "height" if other[0] == place[0] else "origin"
            expected = (find(Verdict.BROKEN_CHAIN, *place, field), storage(place, "versions"))
            objects = with_versions(place, (Version("", data, LOCKED), own))
            yield Vault(f"{key_at(place)}: {other[0]}, {other[1]} under it", objects, expected)


def _marked() -> Iterator[Vault]:
    for place, number in product(PLACES, (1, 2)):
        (own,) = untouched()[key_at(place)]
        objects = with_versions(place, (own, *[Version("", None, None)] * number))
        yield Vault(f"{key_at(place)}: {number} over it", objects, (storage(place, "delete_marker"),))


def _marked_alone() -> Iterator[Vault]:
    sizes = dict.fromkeys((origin for origin, _ in PLACES), LAST + 1)
    for place in PLACES:
        left = dict.fromkeys(other for other in PLACES if other != place)
        objects = with_versions(place, (Version("", None, None),))
        expected = (storage(place, "delete_marker"), *holes(left, sizes))
        yield Vault(key_at(place), objects, expected, remembered=heads())


def end_of_lock(place: Place) -> int:
    """Return when the lock of a block may end at the earliest, in µs since the epoch."""
    return sealed_at(*place) + RETENTION_DAYS * DAY


def sealed_at(origin: Origin, height: int) -> int:
    return history(origin).blocks[height].header.sealed_at


def _unlocked() -> Iterator[Vault]:
    for place in PLACES:
        (own,), end = untouched()[key_at(place)], end_of_lock(place)
        for lock, field in (
            (None, "retention"),
            (lock_until(mode="GOVERNANCE"), "retention.mode"),
            (lock_until(mode="GOVERNANCE", days=40_000), "retention.mode"),
            (lock_until(mode="compliance"), "retention.mode"),
            (lock_until(mode=""), "retention.mode"),
            (lock_until(end - 1, days=0), "retention.until"),
            (lock_until(sealed_at(*place), days=1), "retention.until"),
            (Retention("COMPLIANCE", datetime(1, 1, 1, tzinfo=UTC)), "retention.until"),
        ):
            objects = with_versions(place, (replace(own, lock=lock),))
            yield Vault(f"{key_at(place)}: {lock}", objects, (storage(place, field),))


def _extended() -> Iterator[Vault]:
    for place in PLACES:
        (own,) = untouched()[key_at(place)]
        locks = (lock_until(end_of_lock(place), days=0), lock_until(days=400), lock_until(days=1_000_000))
        for lock in (*locks, Retention("COMPLIANCE", datetime(9999, 12, 31, tzinfo=UTC))):
            yield Vault(f"{key_at(place)}: {lock}", with_versions(place, (replace(own, lock=lock),)))
