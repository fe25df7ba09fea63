"""The inside of a loop while it is drawn: names that only the step knows, and what it reads from outside.

Owns `Inside`, a pool whose new inputs become inputs of the whole program, captured or passed as non-sequences, and
`Body`, which adds steps of the ordinary registry to it. It must not know sequences, states or what becomes of the
results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from difftest.program import Array, Operand, Step
from difftest.strategies.drawing import Entry, Pool
from difftest.strategies.recording import DRAWN_INSIDE, RANDOM, recorded
from difftest.strategies.registry import STEPS, StepKind

DEEPEST = 2

INSIDE = {
    "elementwise": 8, "literal": 3, "dot": 3, "cast": 1, "reduction": 2, "argmax": 1, "cumulative": 1, "dimshuffle": 2,
    "reshape": 1, "join": 1, "subtensor": 2, "set_subtensor": 2, "nnet": 2, "shapes": 1, "alloc": 1, "random": 2,
    "print": 1, "scan": 2, "grad": 6, "choice": 2,
}  # fmt: skip
"""Families whose steps a body may hold, and how often each comes."""

ROOM = 16
"""The most elements of what a body hands on."""


class Inside(Pool):
    """The pool of a body: local values, and those of the surrounding pool under the names they have there."""

    def __init__(self, surroundings: Pool):
        super().__init__(surroundings.draw, surroundings.kind, surroundings.dtypes, surroundings.lengths)
        self.surroundings = surroundings
        self.pinned = surroundings.pinned
        self.depth: int = surroundings.depth + 1 if isinstance(surroundings, Inside) else 1
        self.explicit: list[tuple[str, Entry]] = []
        self.captured: list[Entry] = []

    def source_of(
        self, value: Array, broadcastable: tuple[bool, ...] | None = None, may_be_shared: bool = False
    ) -> Entry:
        return self.admit(self.surroundings.source_of(value, broadcastable, may_be_shared))

    def admit(self, e: Entry, explicit: bool | None = None) -> Entry:
        """A value from outside. What depends on a random draw is drawn anew in every step if it is captured."""
        known = self.named(e.name)
        if known is not None:
            return known
        if DRAWN_INSIDE in e.needs:
            explicit = True
        if explicit is None:
            explicit = self.draw.often() if RANDOM in e.needs else self.draw.seldom()
        if explicit:
            name = self.local("w", len(self.explicit))
            self.explicit.append((name, e))
            return self.add(replace(e, name=name, needs=e.needs - {RANDOM, DRAWN_INSIDE}))
        self.captured.append(e)
        return self.add(replace(e))

    @property
    def outside(self) -> list[Entry]:
        """What the body reads from outside."""
        return [*(e for _, e in self.explicit), *self.captured]

    def local(self, letter: str, number: int) -> str:
        return f"{letter * self.depth}{number}"

    def enter(
        self, name: str, value: np.ndarray, broadcastable: tuple[bool, ...], opaque: bool, firm: bool = False
    ) -> Entry:
        """A local name that changes from step to step."""
        own = frozenset([name])
        roots = own if value.dtype.kind == "f" else frozenset()
        return self.add(Entry(name, value, broadcastable, roots, own, opaque, firm=firm))


class Body:
    """The steps of one body, while it grows."""

    def __init__(self, pool: Inside):
        self.pool, self.draw = pool, pool.draw
        self.steps: list[Step] = []
        self.likings = [f for f, times in INSIDE.items() for _ in range(times) if f != "scan" or pool.depth < DEEPEST]

    def record(self, name: str, operands: Sequence[Operand], attributes: Any = None) -> Entry:
        """Add a step; its first result."""
        step = recorded(self.pool, self.pool.local("t", len(self.steps)), name, operands, attributes or {})
        self.steps.append(step)
        made = self.pool.named(step.results[0])
        assert made is not None
        return made

    def grow(self) -> None:
        """One step more, on a local value."""
        local = [e for e in self.pool.entries if e.size <= ROOM] or self.pool.entries
        x = local[0] if self.draw.often() else self.draw.choose(local)
        kind = self._kind(x)
        operands, attributes = kind.draw(self.draw, self.pool, x)
        self.record(kind.name, operands, attributes)

    def _kind(self, x: Entry) -> StepKind:
        for _ in range(3):
            family = self.draw.choose(self.likings)
            fitting = [k for k in _kinds(family) if k.takes is None or k.takes(x)]
            if fitting:
                return self.draw.choose(fitting)
        return STEPS["identity"]

    def fitting(self, e: Entry, least: Callable[[Entry], bool] = lambda e: True) -> list[Entry]:
        """The local values of the dtype and shape of `e`."""
        return [o for o in self.pool.entries if o.dtype == e.dtype and o.shape == e.shape and least(o)]

    def like(self, e: Entry) -> Entry:
        """A value that a state like `e` can take next, computed from some other value."""
        draw = self.draw
        made = {r for s in self.steps for r in s.results}
        fitting = self.fitting(e, lambda o: o.name in made)
        if fitting and draw.often():
            return draw.choose(fitting)
        others = [
            o for o in self.pool.entries
            if o is not e and o.kind != "b" and np.promote_types(o.dtype, e.dtype) == e.dtype and _fits_into(o, e)
        ]  # fmt: skip
        if e.kind == "b":
            return self.record("neq", (e.name, draw.choose(self.fitting(e)).name))
        other = draw.choose(others) if others else e
        rows = ("add", "mul", "sub") if e.kind == "c" else ("add", "mul", "maximum", "sub")
        return self.record(draw.choose(rows), (e.name, other.name))

    def contracted(self, e: Entry) -> Entry:
        """Nine times out of ten something smaller, so that no loop runs away."""
        draw = self.draw
        if e.kind in "bu" or draw.integer(0, 9) == 9:
            return e
        if e.kind == "i":
            return self.record("clip", (e.name, 0, draw.choose((3, 7))))
        ways = {"float16": ("tanh", "clip"), "complex64": ("tanh", "half"), "complex128": ("tanh", "half")}
        how = draw.choose(ways.get(e.dtype, ("tanh", "half", "clip")))
        if how == "half":
            return self.record("literal", (e.name, 0.5), {"op": "*", "swapped": draw.flag()})
        return self.record("clip", (e.name, -2, 2)) if how == "clip" else self.record("tanh", (e.name,))

    def condition(self) -> Entry | None:
        """A scalar that may be true some time: of a local value that is known and changes."""
        candidates = [
            e for e in self.pool.entries if not e.opaque and e.kind in "iuf" and e.size and e.name[0] in "rht"
        ]
        if not candidates:
            return None
        x = self.draw.choose(candidates)
        if x.ndim:
            how = self.draw.choose(({"dtype": None}, {}))
            x = self.record("sum" if how else "max", (x.name,), {"axis": None, "keepdims": False, **how})
        # What is computed is seldom a short number: no rounding decides.
        limit: int | float = self.draw.choose((0.7, 0.1, 1.9, -0.6) if x.kind == "f" else (1, 0, 2, 4))
        return self.record(
            "literal",
            (x.name, limit),
            {"op": self.draw.choose((">", "<", ">=")), "swapped": False},
        )

    def live(self, wanted: Sequence[str]) -> list[Step]:
        """The steps that the wanted values need."""
        alive = set(wanted)
        kept = []
        for step in reversed(self.steps):
            if alive.intersection(step.results):
                kept.append(step)
                alive.update(o for o in step.operands if isinstance(o, str))
        return kept[::-1]


def _fits_into(o: Entry, e: Entry) -> bool:
    """True if `o` beside `e` gives the shape of `e`."""
    if o.ndim > e.ndim:
        return False
    padded = ((1,) * (e.ndim - o.ndim) + o.shape, (True,) * (e.ndim - o.ndim) + o.broadcastable)
    mine = zip(e.shape, e.broadcastable)
    return all(a == n or (a == 1 and sa and not sb) for a, sa, (n, sb) in zip(*padded, mine))


def _kinds(family: str) -> list[StepKind]:
    """The steps of a family whose results have the same shape in every step."""
    if family not in _KINDS:
        _KINDS[family] = [k for k in STEPS.values() if k.family == family and not k.loose and k.name != "mask"]
    return _KINDS[family]


_KINDS: dict[str, list[StepKind]] = {}
