"""Drills: small programs about one thing each, everything in its turn.

Owns the list of things: the exhibits, every chain that rewrites are made for, and every step. By chance alone a thing
comes once in many hundred programs, and seldom with the values at which it goes wrong; in drills each comes as often as
any other. A session begins with one of each.
"""

from __future__ import annotations

import random
from functools import cache

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


@cache
def exhibits() -> tuple[Exhibit, ...]:
    """All of them, in the order in which a session shows them."""
    return (*operations(), *layouts(), *chains(), *loops(), *moves())


def topic_of(number: int) -> Topic | Exhibit | None:
    """What the example of this number is about: at first each thing once, then every second time one, else None."""
    shown, drilled = exhibits(), topics()
    if number < len(shown):
        return shown[number]
    number -= len(shown)
    if number < len(drilled):
        return drilled[number]
    turn, place = divmod(number - len(drilled), 2)
    return drilled[turn % len(drilled)] if place else None


def is_compiled(number: int) -> bool:
    """Is it about what only kernels do that are built for it?"""
    shown = exhibits()
    return number < len(shown) and shown[number].compiled


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
