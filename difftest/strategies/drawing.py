"""Drawing for programs: cheap primitive choices, and the pool of values that steps consume.

Owns `Draw`, the few choices there are, its two sources (`hypothesis_source`, and `Tape`, which is a seed or a
recording), and `Pool`, the typed values made so far, newest first, so that a step that is deleted while shrinking
re-wires to its neighbour. It must not know any particular step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from difftest.program import Array, Input, Operand, Shared

T = TypeVar("T")

LENGTHS = (2, 3, 1, 4, 5, 0)
"""The lengths of dimensions, simplest first."""

Source = Callable[[int, int], int]
"""(low, high) -> an integer of low..high."""

_integers = lru_cache(maxsize=None)(st.integers)


def hypothesis_source(draw: Callable[[Any], Any]) -> Source:
    """Choices made, and shrunk, by Hypothesis."""
    return lambda low, high: draw(_integers(low, high))


class Tape:
    """Choices made by a seed, after those of a recorded beginning; `choices` records them all.

    A recorded choice that is out of range is brought into it, so that any beginning leads to a valid program.
    """

    def __init__(self, seed: int, beginning: Sequence[int] = ()):
        self.choices: list[int] = []
        self._beginning = beginning
        self._random = random.Random(seed).random

    def __call__(self, low: int, high: int) -> int:
        place = len(self.choices)
        if place < len(self._beginning):
            chosen = min(max(self._beginning[place], low), high)
        else:
            chosen = low + int(self._random() * (high - low + 1))
        self.choices.append(chosen)
        return chosen


class Draw:
    """Choices; each shrinks to the first item, the smallest number, or False."""

    def __init__(self, source: Source):
        self._source = source

    def integer(self, low: int, high: int) -> int:
        return self._source(low, high) if high > low else low

    def integers(self, low: int, high: int, size: int) -> list[int]:
        return [self.integer(low, high) for _ in range(size)]

    def choose(self, items: Sequence[T]) -> T:
        return items[self.integer(0, len(items) - 1)]

    def flag(self) -> bool:
        return self.integer(0, 1) == 1

    def often(self) -> bool:
        """Three times out of four; shrinks to True."""
        return self.integer(0, 3) < 3

    def seldom(self) -> bool:
        """One time out of four; shrinks to False."""
        return self.integer(0, 3) == 3


@dataclass(frozen=True, eq=False)
class Entry:
    """A value of the program under construction.

    `value` is the model's. `broadcastable` holds only what is certain to be declared: a dimension of length 1
    that the graph knows better is merely not stretched. `roots` are the names of the inputs, shared variables and
    steps with respect to which it can be differentiated, `orders` times at most; `rough` those it depends on with an
    undefined gradient; `needs` all it depends on. `opaque`: the model knows only dtype and shape, not the values.
    `firm`: no float was computed on the way, so that a shape may be made of the values.
    """

    name: str
    value: np.ndarray
    broadcastable: tuple[bool, ...]
    roots: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    opaque: bool = False
    rough: frozenset[str] = frozenset()
    orders: int = 9
    firm: bool = False

    @cached_property
    def dtype(self) -> str:
        return str(self.value.dtype.name)

    @cached_property
    def kind(self) -> str:
        """The letter of the dtype's kind: b, i, u, f or c."""
        return self.value.dtype.kind

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @cached_property
    def ndim(self) -> int:
        return self.value.ndim

    @cached_property
    def size(self) -> int:
        return self.value.size


class Pool:
    """The values made so far, newest first, and the inputs that steps asked for.

    `pinned` holds the names whose values decide over a shape or lie in a range that something needs: no given and no
    update may change them.
    """

    def __init__(self, draw: Draw, kind: str, dtypes: tuple[str, ...], lengths: tuple[int, ...] = LENGTHS):
        self.draw, self.kind, self.dtypes, self.lengths = draw, kind, dtypes, lengths
        self.entries: list[Entry] = []
        self.inputs: list[Input] = []
        self.shared: list[Shared] = []
        self.pinned: set[str] = set()

    def add(self, entry: Entry) -> Entry:
        self.entries.insert(0, entry)
        return entry

    def having(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        return [e for e in self.entries if wanted(e)]

    def named(self, name: Operand) -> Entry | None:
        return next((e for e in self.entries if e.name == name), None)

    def source(self, dtype: str, shape: tuple[int, ...], broadcastable: tuple[bool, ...] | None = None) -> Entry:
        """A new input, or now and then a new shared variable, of this type."""
        from difftest.strategies import values

        value = values.array(self.draw, self.kind, dtype, shape)
        return self.source_of(value, broadcastable, may_be_shared=True)

    def source_of(
        self, value: Array, broadcastable: tuple[bool, ...] | None = None, may_be_shared: bool = False
    ) -> Entry:
        """A new input with this very value."""
        pattern = (False,) * value.data.ndim if broadcastable is None else broadcastable
        if may_be_shared and not any(pattern) and self.draw.seldom():
            name = f"s{len(self.shared)}"
            self.shared.append(Shared(name, value))
        else:
            name = f"x{len(self.inputs)}"
            self.inputs.append(Input(name, pattern, value))
        roots = frozenset([name]) if value.data.dtype.kind in "fiu" else frozenset()
        return self.add(Entry(name, value.data, pattern, roots, needs=frozenset([name]), firm=True))

    def fixed(self, values: Any, dtype: str) -> Entry:
        """A new input with these values, which nothing may change: indices, labels, masks."""
        made = self.source_of(Array(np.array(values, dtype)), may_be_shared=True)
        self.pin(made)
        return made

    def pin(self, e: Entry) -> Entry:
        """Keep everything that the value of `e` depends on as it is."""
        self.pinned |= e.needs
        return e

    def fitting(self, x: Entry, wanted: Callable[[Entry], bool], dtype: str, shape: tuple[int, ...]) -> Entry:
        """`x` if it is what is wanted, else an earlier value that is, else a new input."""
        if wanted(x):
            return x
        return next((e for e in self.entries if wanted(e)), None) or self.source(dtype, shape)

    def number(self, n: int) -> Entry:
        """A scalar of value `n`, to be a length, an index or a number of times."""
        known = self.having(lambda e: e.firm and e.ndim == 0 and e.kind in "iu" and int(e.value) == n)
        if known and self.draw.often():
            return self.pin(self.draw.choose(known))
        return self.fixed(n, self.draw.choose(("int64", "int32", "int8", "int16")))

    def partner(self, x: Entry, dtype: str | None = None, fits: Callable[[Entry], bool] | None = None) -> Entry:
        """An operand to stand beside `x`: an earlier value of its shape or broadcastable to it, or a new input."""
        from difftest.strategies import shapes

        draw = self.draw
        candidates = self.having(
            lambda e: broadcasts(e, x) and (dtype is None or e.dtype == dtype) and (fits is None or fits(e))
        )
        if candidates and draw.often():
            return draw.choose(candidates)
        shape, pattern = shapes.stretched(draw, x.shape)
        return self.source(dtype or draw.choose(self.dtypes), shape, pattern)


def broadcasts(a: Entry, b: Entry) -> bool:
    """True if the two are certain to broadcast together, to at most 64 elements."""
    total = 1
    for k in range(1, max(a.ndim, b.ndim) + 1):
        la, sa = (a.shape[-k], a.broadcastable[-k]) if k <= a.ndim else (1, True)
        lb, sb = (b.shape[-k], b.broadcastable[-k]) if k <= b.ndim else (1, True)
        if la != lb and not (la == 1 and sa) and not (lb == 1 and sb):
            return False
        total *= lb if la == 1 else la
    return total <= 64
