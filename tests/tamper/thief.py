"""An attacker who holds the signing key from a height on: attacks detected without an anchor, with one, and never.

The key alone makes any history; so what betrays a rewriting is what the attacker can't reach: locked blocks, heads that
were remembered, a checkpoint that somebody else keeps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from auditseal_schemas.block import Block
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER, keys_of, signing_key
from tests.factory.vaults import ORIGINS, genesis, make_messages
from tests.tamper.case import Expected, Family, Kind, Vault, find
from tests.tamper.records import ATTACKER, edits, remade_log
from tests.tamper.world import (
    HEIGHTS,
    LAST,
    TRUST,
    History,
    Objects,
    heads,
    history,
    key_of,
    messages_of,
    seal_messages,
    stored,
    untouched,
)

KEY = "holds the signing key"
RETIRED = "holds a retired key"
NEXT_SIGNER = signing_key("next")
LOG = ORIGINS[0]


def families() -> Iterator[Family]:
    yield Family("one block rewritten, signed, below others", KEY, _one_rewritten)
    yield Family("the log rewritten", KEY, _rewritten, Kind.UNDETECTABLE)
    yield Family("the log rewritten, heads remembered", KEY, _rewritten_remembered)
    yield Family("the log rewritten above the remembered heads", KEY, _rewritten_unreached, Kind.UNDETECTABLE)
    yield Family("the log rewritten, as new versions in the real vault", KEY, _rewritten_over)
    yield Family("the log rewritten with fewer blocks, heads remembered", KEY, _rewritten_shorter)
    yield Family("the log handed to the attacker's key", KEY, _handed_over, Kind.UNDETECTABLE)
    yield Family("the log handed to the attacker's key, heads remembered", KEY, _handed_over_remembered)
    yield Family("blocks that never were put on top", KEY, _continued, Kind.UNDETECTABLE)
    yield Family(
        "blocks that never were put on top, heads remembered", KEY, partial(_continued, heads()), Kind.UNDETECTABLE
    )
    yield Family("blocks that never were put on top, the true one's head remembered", KEY, _continued_known)
    yield Family("a block that never was, as a version beside the true one", KEY, _continued_beside)
    yield Family("a block sealed in the past", KEY, _backdated)
    yield Family("a new run that names another history of the one before", KEY, _forgetful_run)
    yield Family("a key rotated lawfully", "nobody", _rotated, Kind.LAWFUL)
    yield Family("blocks by a key out of its range", RETIRED, _out_of_range)
    yield Family("the announcement of the next key withheld", RETIRED, _withheld)
    yield Family("the log rewritten from before the rotation", RETIRED, _rewritten_before, Kind.UNDETECTABLE)
    yield Family("the log rewritten from before the rotation, heads remembered", RETIRED, _rewritten_before_remembered)


def with_blocks(blocks: Sequence[Block]) -> Objects:
    return untouched() | {key_of(block): stored(block.format(), block.header.sealed_at) for block in blocks}


def fork(origin: Origin, height: int) -> Expected:
    return find(Verdict.FORK, origin, height, "checkpoint.root")


def rewritings() -> Iterator[tuple[str, Origin, int, History]]:
    for origin, height in product(ORIGINS, HEIGHTS):
        for name, edit in edits(height):
            yield (
                f"{origin} from {height} on: {name}",
                origin,
                height,
                remade_log(history(origin), height, edit, SIGNER),
            )


def remembering(origin: Origin, size: int) -> tuple[str, ...]:
    return heads(*(size if one == origin else LAST + 1 for one in ORIGINS))


def _one_rewritten() -> Iterator[Vault]:
    for name, origin, height, log in rewritings():
        if height < LAST:
            expected = find(Verdict.BROKEN_CHAIN, origin, height + 1, "previous")
            yield Vault(name, with_blocks(log.blocks[height : height + 1]), (expected,))


def _rewritten() -> Iterator[Vault]:
    for name, _, _, log in rewritings():
        yield Vault(name, with_blocks(log.blocks))


def _rewritten_remembered() -> Iterator[Vault]:
    for (name, origin, height, log), size in product(rewritings(), range(1, LAST + 2)):
        if size > height:
            expected, notes = (fork(origin, size - 1),), remembering(origin, size)
            yield Vault(f"{name}, {size} remembered", with_blocks(log.blocks), expected, remembered=notes)


def _rewritten_unreached() -> Iterator[Vault]:
    for (name, origin, height, log), size in product(rewritings(), range(LAST + 2)):
        if size <= height:
            yield Vault(f"{name}, {size} remembered", with_blocks(log.blocks), remembered=remembering(origin, size))


def _rewritten_over() -> Iterator[Vault]:
    for name, origin, height, log in rewritings():
        objects, expected = untouched(), []
        for block in log.blocks[height:]:
            (below,), (above,) = untouched()[key_of(block)], stored(block.format())
            objects = objects | {key_of(block): (below, replace(above, version_id="v2"))}
            expected.append(find(Verdict.BAD_STORAGE, origin, block.header.height, "versions"))
            expected.append(fork(origin, block.header.height))
        yield Vault(name, objects, tuple(expected))


def _rewritten_shorter() -> Iterator[Vault]:
    for name, origin, height, log in rewritings():
        for size in range(height + 1, LAST + 1):
            gone = {origin.block_key(above) for above in range(size, LAST + 1)}
            objects = {key: versions for key, versions in with_blocks(log.blocks).items() if key not in gone}
            expected = find(Verdict.TRUNCATED, origin, size, "height")
            yield Vault(f"{name}, {size} blocks", objects, (expected,), remembered=heads())


def handed_over(height: int) -> History:
    """Return a log that announces the attacker's key at a height and is signed by it from there on."""
    log = history(LOG)
    states, blocks, key = [log.states[height]], [], SIGNER
    for number in range(height, len(log.blocks)):
        announced = tuple(map(str, keys_of(LOG, ATTACKER))) if number == height else ()
        blocks.append(seal_messages(states[-1], messages_of(LOG, number), key, next_keys=announced))
        states.append(states[-1].accept(blocks[-1]))
        key = ATTACKER
    return History((*log.blocks[:height], *blocks), (*log.states[:height], *states))


def _handed_over() -> Iterator[Vault]:
    for height in HEIGHTS:
        yield Vault(f"from {height} on", with_blocks(handed_over(height).blocks))


def _handed_over_remembered() -> Iterator[Vault]:
    """Both signatures hold for the verifier, who follows the rotation; a third party would need the forged block."""
    for height in HEIGHTS:
        objects = with_blocks(handed_over(height).blocks)
        expected, is_last = (fork(LOG, LAST),), height == LAST
        yield Vault(f"from {height} on", objects, expected, remembered=heads(), provable=is_last)


def continued(origin: Origin, number: int) -> list[Block]:
    """Return blocks that extend the true log with invented records."""
    state, blocks = history(origin).states[-1], []
    for _ in range(number):
        messages = make_messages(origin, range(state.next_offset, state.next_offset + 2))
        blocks.append(seal_messages(state, [replace(one, content=b"never happened") for one in messages], SIGNER))
        state = state.accept(blocks[-1])
    return blocks


def _continued(remembered: tuple[str, ...] = ()) -> Iterator[Vault]:
    for origin, number in product(ORIGINS, (1, 2)):
        yield Vault(f"{origin}: {number}", with_blocks(continued(origin, number)), remembered=remembered)


def true_next(origin: Origin) -> Block:
    state = history(origin).states[-1]
    return seal_messages(state, make_messages(origin, range(state.next_offset, state.next_offset + 2)), SIGNER)


def _continued_known() -> Iterator[Vault]:
    for origin, number in product(ORIGINS, (1, 2)):
        note, expected = true_next(origin).note.format().decode(), (fork(origin, LAST + 1),)
        objects = with_blocks(continued(origin, number))
        yield Vault(f"{origin}: {number}", objects, expected, remembered=(note,))


def _continued_beside() -> Iterator[Vault]:
    for origin in ORIGINS:
        true, (false,) = true_next(origin), continued(origin, 1)
        (below,), (above,) = stored(true.format()), stored(false.format())
        for name, versions in (("over", (below, above)), ("under", (above, below))):
            named = (versions[0], replace(versions[1], version_id="v2"))
            versions_found = find(Verdict.BAD_STORAGE, origin, LAST + 1, "versions")
            objects = untouched() | {key_of(true): named}
            yield Vault(f"{origin}: {name} it", objects, (versions_found, fork(origin, LAST + 1)))


def _backdated() -> Iterator[Vault]:
    for origin, by in product(ORIGINS, (1, 60_000_000, 10**15)):
        state = history(origin).states[-1]
        assert state.head
        unbound = replace(state, head=replace(state.head, sealed_at=0))  # or the draft would not go back in time
        block = seal_messages(unbound, [], SIGNER, now=state.head.sealed_at - by)
        expected = find(Verdict.BROKEN_CHAIN, origin, LAST + 1, "sealed_at")
        yield Vault(f"{origin}: by {by} µs", with_blocks([block]), (expected,))


def _forgetful_run() -> Iterator[Vault]:
    """The next run of a log names another history of the one before than there is."""
    run = replace(LOG, run=1)
    trust = TRUST + f"log {keys_of(run)[0]}\n"
    roots = [state.root for state in history(LOG).states]
    for size, true in enumerate(roots):
        for number, root in enumerate((*roots, bytes(32))):
            if root != true:
                block = seal_messages(
                    genesis(run),
                    [],
                    SIGNER,
                    predecessor=Predecessor(str(LOG), size, root, tuple(map(str, keys_of(LOG)))),
                )
                name = f"{size} blocks, root {number}"
                yield Vault(name, with_blocks([block]), (find(Verdict.BROKEN_CHAIN, run, 0, "predecessor"),), trust)
    block = seal_messages(
        genesis(run), [], SIGNER, predecessor=Predecessor(str(LOG), LAST + 2, roots[-1], tuple(map(str, keys_of(LOG))))
    )
    yield Vault("too many", with_blocks([block]), (find(Verdict.BROKEN_CHAIN, run, 0, "predecessor"),), trust)


@dataclass(frozen=True)
class Rotation:
    """A log that goes from one key to another: `signers` and `announced` of each block."""

    signers: Sequence[SigningKey]
    announced: Sequence[Sequence[SigningKey]]

    def log(self, *, text: bytes = b"") -> History:
        """Return it; with `text` all records say this instead of the truth."""
        states, blocks = [genesis(LOG)], []
        for height, (signer, following) in enumerate(zip(self.signers, self.announced, strict=True)):
            messages = [replace(one, content=text or one.content) for one in messages_of(LOG, height)]
            keys = tuple(map(str, keys_of(LOG, *following))) if following else ()
            blocks.append(seal_messages(states[-1], messages, signer, next_keys=keys))
            own: LogState = replace(states[-1], keys=keys_of(LOG, signer))
            states.append(own.accept(blocks[-1]))
        return History(tuple(blocks), tuple(states))


AT_0 = Rotation((SIGNER, NEXT_SIGNER, NEXT_SIGNER), ((NEXT_SIGNER,), (), ()))
AT_1 = Rotation((SIGNER, SIGNER, NEXT_SIGNER), ((), (NEXT_SIGNER,), ()))


def _rotated() -> Iterator[Vault]:
    for name, rotation in (("at 0", AT_0), ("at 1", AT_1)):
        yield Vault(name, with_blocks(rotation.log().blocks))
    twice = Rotation((SIGNER, NEXT_SIGNER, SIGNER), ((NEXT_SIGNER,), (SIGNER,), ()))
    yield Vault("and back", with_blocks(twice.log().blocks))


def _out_of_range() -> Iterator[Vault]:
    """A key that signs before it is announced, or after another one was; what it signs is sound otherwise."""
    cases = (
        ("retired, at 1 and 2", AT_0, (SIGNER, SIGNER, SIGNER), (1, 2)),
        ("retired, at 2", AT_1, (SIGNER, SIGNER, SIGNER), (2,)),
        ("retired, at 2 of two", AT_0, (SIGNER, NEXT_SIGNER, SIGNER), (2,)),
        ("early, at 0, so that nothing vouches for it", AT_0, (NEXT_SIGNER, NEXT_SIGNER, NEXT_SIGNER), (0, 1, 2)),
        ("early, at 1, so that nothing vouches for it", AT_1, (SIGNER, NEXT_SIGNER, NEXT_SIGNER), (1, 2)),
        ("early, at 0", AT_1, (NEXT_SIGNER, SIGNER, NEXT_SIGNER), (0,)),
    )
    for name, rotation, signers, heights in cases:
        blocks = replace(rotation, signers=signers).log().blocks
        expected = tuple(find(Verdict.BAD_SIGNATURE, LOG, height, "note") for height in heights)
        yield Vault(name, with_blocks(blocks), expected)
    again = [*AT_1.log().blocks[:2], history(LOG).blocks[2]]
    yield Vault("the log as if it had never rotated, above", with_blocks(again), (_previous(2),))


def _previous(height: int) -> Expected:
    return find(Verdict.BROKEN_CHAIN, LOG, height, "previous")


def _withheld() -> Iterator[Vault]:
    """The block that announces is replaced by one that doesn't, or gone: what is above can't be vouched for."""
    for rotation, height in ((AT_0, 0), (AT_1, 1)):
        blocks = rotation.log().blocks
        above = tuple(find(Verdict.BAD_SIGNATURE, LOG, later, "note") for later in range(height + 2, LAST + 1))
        silent = replace(rotation, announced=((),) * 3, signers=(SIGNER,) * 3).log().blocks[height]
        objects = with_blocks([*blocks[:height], silent, *blocks[height + 1 :]])
        yield Vault(f"{height}, rewritten", objects, (_previous(height + 1), *above))
        objects = {key: versions for key, versions in with_blocks(blocks).items() if key != key_of(blocks[height])}
        unsigned = tuple(find(Verdict.BAD_SIGNATURE, LOG, later, "note") for later in range(height + 1, LAST + 1))
        yield Vault(f"{height}, gone", objects, unsigned)


def _rewritten_before() -> Iterator[Vault]:
    """A retired key signs blocks below its end: a history without any rotation, or with one to the attacker."""
    stays = Rotation((SIGNER,) * 3, ((),) * 3)
    leaves = Rotation((SIGNER, ATTACKER, ATTACKER), ((ATTACKER,), (), ()))
    for name, rotation in (("never rotated", stays), ("rotated to the attacker", leaves)):
        yield Vault(name, with_blocks(rotation.log(text=b"rewritten").blocks))


def _rewritten_before_remembered() -> Iterator[Vault]:
    for case in _rewritten_before():
        for size in range(1, LAST + 2):
            note = AT_1.log().blocks[size - 1].note.format().decode()
            is_provable = "never" in case.name and size <= 2
            name = f"{case.name}, {size} remembered"
            yield Vault(name, case.objects, (fork(LOG, size - 1),), remembered=(note,), provable=is_provable)
