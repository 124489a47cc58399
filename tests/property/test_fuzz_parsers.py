"""Every parser of untrusted bytes, on valid inputs changed in their layers and on any bytes: a short `make fuzz`.

Each input must be read, with these bytes as the one spelling of the value, or be refused by a documented error
whose text fits any terminal, in bounded time: `tests/fuzz/watch.py` says so.
"""

from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.edit import HOSTILE, edit_bytes
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Watch

EXAMPLES = 300
PARSERS = TARGETS.keys() - {"audit", "listing", "s3_listing", "s3_error"}
every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
texts = pytest.mark.parametrize(
    "target",
    [TARGETS[name] for name in ("origin", "vkey", "checkpoint", "note", "trust", "object_key", "s3_error")],
    ids=lambda target: target.name,
)


def mutated(target: Target, which: int, seed: int, depth: int) -> bytes:
    """Return a seed changed `depth` times; the same for the same numbers, so that a failure can be had again."""
    random, seeds = Random(seed), target.seeds()
    data = seeds[which % len(seeds)]
    for _ in range(depth):
        data = target.mutate(data, random, partial(edit_bytes, random=random))
    return data[: target.longest]


@every_target
@settings(max_examples=EXAMPLES, deadline=None)
@given(which=st.integers(0, 31), seed=st.integers(0, 2**64 - 1), depth=st.integers(1, 4))
def test_inputs_changed_in_their_layers(target: Target, which: int, seed: int, depth: int) -> None:
    Watch(target).try_one(mutated(target, which, seed, depth))


@every_target
@settings(max_examples=EXAMPLES // 6, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(target: Target, data: bytes) -> None:
    Watch(target).try_one(data)


@every_target
def test_the_seeds_are_what_they_should_be(target: Target) -> None:
    """A target whose every input is refused at its door would find nothing."""
    watch = Watch(target)
    for seed in target.seeds():
        assert len(seed) <= target.longest
        watch.try_one(seed)
    assert (watch.numbers.accepted > 0) == (target.name != "s3_error")


@every_target
def test_a_good_part_of_the_changed_inputs_get_past_the_first_check(target: Target) -> None:
    watch = Watch(target)
    for seed in range(100):
        watch.try_one(mutated(target, seed, seed, 1))
    assert watch.numbers.accepted >= 3 or target.name == "s3_error"


@every_target
def test_inputs_cut_anywhere(target: Target) -> None:
    watch, seed = Watch(target), target.seeds()[0]
    for length in range(0, len(seed), 1 if target.name in PARSERS else 5):
        watch.try_one(seed[:length])


@texts
def test_hostile_text_at_every_place(target: Target) -> None:
    watch = Watch(target)
    for seed in target.seeds()[:2]:
        for at in range(0, len(seed) + 1, 1 + len(seed) // 150):
            for text in HOSTILE:
                watch.try_one(seed[:at] + text + seed[at:])
                watch.try_one(seed[:at] + text * 40 + seed[at + 1 :])
