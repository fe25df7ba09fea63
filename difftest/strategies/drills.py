"""Drills: small programs about one thing each, everything in its turn.

Owns the list of things: the exhibits, every chain that rewrites are made for, and every step. By chance alone a thing
comes once in many hundred programs, and seldom with the values at which it goes wrong; in drills each comes as often as
any other.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import zip_longest

from difftest.strategies import dtypes, shapes, values
from difftest.strategies.baits import BAITS, Bait
from difftest.strategies.chains import chains
from difftest.strategies.drawing import Entry, Pool
from difftest.strategies.exhibits import Exhibit, operations
from difftest.strategies.layout_exhibits import layouts
from difftest.strategies.loop_chains import loops
from difftest.strategies.loop_moves import moves
from difftest.strategies.registry import STEPS, StepKind

Topic = Bait | StepKind

KINDS = ("grid", "special", "continuous", "special", "margin", "grid")
"""Values of drills: half of them are such as functions disagree at."""

LOOPS = 24
"""So many drills of a round are loops: one step has more forms than all others."""

TRIES = 12
"""So many types are drawn until one fits."""


@cache
def topics() -> tuple[Topic, ...]:
    """Everything there is a drill about, in an order of no meaning that is always the same."""
    every: list[Topic] = [*BAITS, *STEPS.values(), *[STEPS["scan"]] * LOOPS]
    # An odd number of them: what else is asked of a program alternates, and is another for each the next time round.
    every += [STEPS["grad"]] * (1 - len(every) % 2)
    random.Random(0).shuffle(every)
    return tuple(every)


MUCH = 14
"""Steps of loops, once for each gradient more."""


def _work(shown: Exhibit) -> int:
    steps = sum(len(link[2].get("body", ())) for link in shown.links if link[0] == "scan")  # type: ignore[union-attr]
    return steps * (1 + 2 * sum(link[0].startswith("grad") for link in shown.links))


@cache
def exhibits() -> tuple[Exhibit, ...]:
    """All of them, in an order of no meaning that is always the same: what operations, memory and streams do, and
    between it chains and loops, so that a short session shows some of every kind, and first what backends do alone.
    Gradients of large loops, which take a second each, come last."""
    single: list[Exhibit] = [*operations(), *layouts()]
    joined: list[Exhibit] = [*chains(), *loops(), *moves()]
    random.Random(0).shuffle(single)
    random.Random(0).shuffle(joined)
    joined.sort(key=lambda shown: _work(shown) > MUCH)
    pairs = zip_longest(single, joined)
    return tuple(exhibit for pair in pairs for exhibit in pair if exhibit is not None)


PACE, SWAP = 4, 8
"""At first all but one of so many examples are exhibits; so many examples later the one that is none comes at another
place, so that everything else that goes by number comes to both."""


def _place_of(number: int) -> tuple[int, bool]:
    """How many exhibits come before the example of this number, and is it none itself whatever is left?"""
    turn, place = divmod(number, PACE)
    other = number // SWAP % PACE
    return (PACE - 1) * turn + place - (place > other), place == other


def exhibit_of(number: int) -> int | None:
    """Which exhibit the example of this number is; None if it is none."""
    shown, other = _place_of(number)
    return shown if not other and shown < len(exhibits()) else None


def topic_of(number: int) -> Topic | Exhibit | None:
    """What the example of this number is about: an exhibit; of the others a thing for every second one, else None."""
    shown = exhibit_of(number)
    if shown is not None:
        return exhibits()[shown]
    turn, place = divmod(number - min(len(exhibits()), _place_of(number)[0]), 2)
    return None if place else topics()[turn % len(topics())]


def is_compiled(number: int) -> bool:
    """Is it about what only kernels do that are built for it?"""
    shown = exhibit_of(number)
    return shown is not None and exhibits()[shown].compiled


def source_for(topic: Topic, pool: Pool) -> Entry | None:
    """A new input, or shared variable, for the topic to begin with; None if none that fits was drawn."""
    draw = pool.draw
    needs = topic.needs if isinstance(topic, Bait) else topic.takes
    for _ in range(TRIES):
        shape = shapes.shape(draw, choices=pool.lengths)
        pattern = shapes.pattern(draw, shape)
        dtype = draw.choose(pool.dtypes) if draw.flag() else draw.choose(dtypes.SIMPLEST_FIRST)
        value = values.array(draw, pool.kind, dtype, shape)
        if needs is None or needs(Entry("x0", value.data, pattern, firm=True)):
            return pool.source_of(value, pattern, may_be_shared=True)
    return None
