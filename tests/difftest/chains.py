"""Every chain of `baits` as a program of its own."""

import numpy as np

from difftest.program import Array, Program
from difftest.strategies import PROFILES
from difftest.strategies.drawing import Draw, Pool
from difftest.strategies.programs import _Growth, pruned


class First(Draw):
    """Makes the choices that everything shrinks to."""

    def integer(self, low, high):
        return low

    def integers(self, low, high, size):
        return [low] * size


BAITED = [
    np.array([[0.5, -1.25], [2.0, 0.75]], "float32"),
    np.array([3, -1, 2], "int64"),
    np.array(0.3),
    np.array([0.1, 0.9]),
]


def baited(data, bait, only_last=False):
    """A program that is the bait's chain on `data`, with every link or the last as output; None if it is not taken."""
    growth = _Growth(First(lambda low, high: low), PROFILES["elementwise"])
    growth.pool = Pool(growth.draw, "grid", ("float64",))
    entry = growth.pool.source_of(Array(data))
    if not bait.needs(entry):
        return None
    growth.take_bait(entry, bait)
    outputs = tuple(r for s in growth.steps[-1 if only_last else 0 :] for r in s.results)
    return pruned(Program(inputs=tuple(growth.pool.inputs), steps=tuple(growth.steps), outputs=outputs))
