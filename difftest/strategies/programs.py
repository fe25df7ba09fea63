"""Whole programs: a loop that adds one step at a time to a pool of values.

Owns the loop, the policies that make rewrites fire (undo the last step, repeat it, take a bait), the choice of
outputs, updates and givens, and the swarm: each program may use only about half of the families of steps. Every
program is valid by construction, because the values are known while it grows; nothing is ever filtered out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from difftest import model
from difftest.program import Array, Operand, Program, Step
from difftest.strategies import dtypes, shapes, values
from difftest.strategies.baits import BAITS, Bait
from difftest.strategies.drawing import Draw, Entry, Pool, Tape, hypothesis_source
from difftest.strategies.elementwise import INVERSE
from difftest.strategies.registry import STEPS, StepKind, families

T = TypeVar("T")

WEIGHTS = {"elementwise": 5, "literal": 2, "scan": 2}


@dataclass(frozen=True)
class Profile:
    """What a campaign concentrates on: the families that are never banned, and the number of steps."""

    always: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    steps: int = 8


PROFILES = {
    "all": Profile(),
    "elementwise": Profile(only=("elementwise", "literal", "cast", "dimshuffle", "reduction")),
    "indexing": Profile(always=("subtensor", "set_subtensor")),
    "scan": Profile(always=("scan",)),
    "gradients": Profile(always=("grad",)),
    "large": Profile(steps=20),
}


def programs(profile: str | Profile = "all") -> st.SearchStrategy[Program]:
    """Programs that are valid by construction, simplest first."""
    return _programs(PROFILES[profile] if isinstance(profile, str) else profile)


def drawn(source: Tape | int, profile: str | Profile = "all") -> Program:
    """The one program that a tape, or a seed, draws; without Hypothesis, and alike on every machine."""
    tape = Tape(source) if isinstance(source, int) else source
    return _Growth(Draw(tape), PROFILES[profile] if isinstance(profile, str) else profile).program()


@st.composite
def _programs(draw: Callable[[Any], Any], profile: Profile) -> Program:
    return _Growth(Draw(hypothesis_source(draw)), profile).program()


class _Growth:
    """One program while it grows."""

    def __init__(self, draw: Draw, profile: Profile):
        self.draw, self.profile = draw, profile
        self.pool = Pool(draw, draw.choose(values.KINDS), dtypes.palette(draw))
        self.steps: list[Step] = []
        self.salt = draw.integer(0, 9999)
        self.families = self._swarm()

    def _swarm(self) -> dict[str, list[StepKind]]:
        names = [f for f in families() if not self.profile.only or f in self.profile.only]
        banned = self.draw.integers(0, 1, len(names))
        kept = [f for f, out in zip(names, banned) if not out or f in self.profile.always] or names
        return {f: [k for k in STEPS.values() if k.family == f] for f in kept}

    def program(self) -> Program:
        draw, pool = self.draw, self.pool
        shape = shapes.shape(draw)
        pool.source(pool.dtypes[0], shape, shapes.pattern(draw, shape))
        while len(self.steps) < self.profile.steps and (not self.steps or draw.integer(0, 9)):
            self._grow()
        return finished(draw, pool, self.steps)

    def _grow(self) -> None:
        last = self.steps[-1] if self.steps else None
        if last is not None and draw_repeat(self.draw):
            return self._record(last.step, last.operands, last.attributes)
        entries = self.pool.entries if self.draw.integer(0, 11) == 11 else self.pool.having(lambda e: True)
        x = entries[0] if self.draw.often() else self.draw.choose(entries)
        if not x.vague and self.draw.integer(0, 7) == 7 and not self.profile.only:
            fitting = [bait for bait in BAITS if bait.needs(x)]
            return self.take_bait(x, self._spread(fitting)) if fitting else None
        kind = self._kind(x, last)
        if kind is not None:
            operands, attributes = kind.draw(self.draw, self.pool, x)
            self._record(kind.name, operands, attributes)

    def take_bait(self, x: Entry, bait: Bait) -> None:
        """Write a whole chain on `x`."""
        made: list[str] = []
        for name, operands, attributes in bait.links:
            given = [x.name if o == "x" else made[o] if isinstance(o, int) else o[1] for o in operands]
            self._record(name, tuple(given), attributes)
            made.append(self.steps[-1].results[0])

    def _kind(self, x: Entry, last: Step | None) -> StepKind | None:
        if last is not None and last.step in INVERSE and self.draw.seldom():
            undo = STEPS[INVERSE[last.step]]
            if takes(undo, x):
                return undo
        fitting = {
            family: found for family, kinds in self.families.items() if (found := [k for k in kinds if takes(k, x)])
        }
        if not fitting:
            return None if x.vague else STEPS["identity"]
        names = [f for f in fitting for _ in range(WEIGHTS.get(f, 1))]
        return self._spread(fitting[self._spread(names)])

    def _spread(self, items: list[T]) -> T:
        """A choice that every program makes in an order of its own: Hypothesis prefers small numbers."""
        turned = self.salt * (2 * len(self.steps) + 1)
        return items[(self.draw.integer(0, len(items) - 1) + turned) % len(items)]

    def _record(self, name: str, operands: tuple[Operand, ...], attributes: Any) -> None:
        step = Step(name, operands, dict(attributes))
        entries = [self.pool.named(o) if isinstance(o, str) else None for o in operands]
        opaque = name in model.SHAPE_ONLY or any(e is not None and e.opaque for e in entries)
        given = [o if e is None else e.value for o, e in zip(operands, entries)]
        results = model.value(step, given)
        names = tuple(f"v{len(self.steps)}" + ("" if len(results) == 1 else "abcdef"[k]) for k in range(len(results)))
        self.steps.append(replace(step, results=names))
        known = [e for e in entries if e is not None]
        for label, result in zip(names, results):
            self.pool.add(
                Entry(
                    label,
                    result,
                    declared(step, known, result),
                    roots=_roots(step, known, label, result),
                    needs=frozenset().union(*(e.needs for e in known), [label]),
                    opaque=opaque,
                    vague=STEPS[name].vague,
                )
            )


def takes(kind: StepKind, x: Entry) -> bool:
    """True if the step can be applied to `x`. Of a gradient only another gradient is taken."""
    if x.vague and kind.family != "grad":
        return kind.takes is None
    return kind.takes is None or kind.takes(x)


def draw_repeat(draw: Draw) -> bool:
    """Now and then the last step is written a second time, for merging to find."""
    return draw.integer(0, 11) == 11


def _roots(step: Step, known: Sequence[Entry], label: str, result: np.ndarray) -> frozenset[str]:
    if result.dtype.kind != "f":
        return frozenset()
    if not STEPS[step.step].smooth:
        return frozenset([label])
    return frozenset([label]).union(*(e.roots for e in known))


def declared(step: Step, operands: Sequence[Entry], result: np.ndarray) -> tuple[bool, ...]:
    """The dimensions of the result that are certain to be declared broadcastable."""
    if STEPS[step.step].family in ("elementwise", "literal", "cast") and operands:
        padded = [(True,) * (result.ndim - e.ndim) + e.broadcastable for e in operands]
        return tuple(all(axis) for axis in zip(*padded))
    if step.step == "dimshuffle":
        return tuple(k == "x" or operands[0].broadcastable[k] for k in step.attributes["order"])
    if step.attributes.get("keepdims"):
        axis, rank = step.attributes["axis"], result.ndim
        reduced = range(rank) if axis is None else {a % rank for a in (axis if isinstance(axis, tuple) else (axis,))}
        return tuple(k in reduced or operands[0].broadcastable[k] for k in range(rank))
    return (False,) * result.ndim


def finished(draw: Draw, pool: Pool, steps: list[Step]) -> Program:
    """The program with its outputs, updates and givens; what they do not need is left out."""
    made = [e for e in pool.entries if e.name.startswith("v")]
    wanted = [e for e, out in zip(made, [1, *draw.integers(0, 1, len(made) - 1)]) if out][:4]
    updates = tuple(_updates(draw, pool))
    givens = tuple(_givens(draw, pool, steps)) if draw.seldom() else ()
    program = Program(
        inputs=tuple(pool.inputs),
        shared=tuple(pool.shared),
        steps=tuple(steps),
        outputs=tuple(e.name for e in wanted),
        updates=updates,
        givens=givens,
    )
    program = pruned(program)
    return replace(program, calls=_calls(program))


def _updates(draw: Draw, pool: Pool) -> list[tuple[str, str]]:
    found = []
    for s in pool.shared:
        own = pool.named(s.name)
        assert own is not None
        fitting = [
            e for e in pool.entries
            if e.dtype == own.dtype and e.shape == own.shape and not e.vague and e.name != s.name
        ]  # fmt: skip
        if fitting and draw.often():
            found.append((s.name, draw.choose(fitting).name))
    return found


def _givens(draw: Draw, pool: Pool, steps: list[Step]) -> list[tuple[str, str]]:
    """One or two replacements of a float by another of its type; what replaces reads no replaced input.

    A replaced result is that of a step that always makes a node: a cast to the same dtype is its operand itself.
    """
    found: list[tuple[str, str]] = []
    made = {name for s in steps if STEPS[s.step].family in ("elementwise", "dot", "nnet") for name in s.results}
    keys = [
        e for e in pool.entries if e.dtype in dtypes.FLOATS and not e.vague and (e.name in made or e.name[0] in "xs")
    ]
    for key in keys[:: -1 if draw.flag() else 1]:
        fitting = [
            e for e in pool.entries
            if e is not key and e.dtype == key.dtype and e.shape == key.shape and not e.vague
            and _may_stand_for(e, key)
            and key.name not in e.needs and not any(k in e.needs or e.name == k for k, _ in found)
            and not any(key.name in _needs(pool, by) for _, by in found)
        ]  # fmt: skip
        if fitting and draw.flag():
            found.append((key.name, draw.choose(fitting).name))
        if len(found) == 2:
            break
    return found


def _may_stand_for(e: Entry, key: Entry) -> bool:
    """True if the graph is certain to know at least the broadcastable dimensions that `key` declares."""
    declared_alike = all(a <= b for a, b in zip(key.broadcastable, e.broadcastable))
    return 1 not in key.shape or (key.name.startswith("x") and declared_alike)


def _needs(pool: Pool, name: str) -> frozenset[str]:
    entry = pool.named(name)
    return entry.needs if entry is not None else frozenset()


def pruned(program: Program) -> Program:
    """The same program without the steps, inputs and shared variables that nothing needs."""
    alive = {*program.outputs, *(by for _, by in program.updates), *(by for _, by in program.givens)}
    alive |= {s for s, _ in program.updates}
    steps = []
    for step in reversed(program.steps):
        if alive.intersection(step.results):
            steps.append(step)
            alive.update(o for o in step.operands if isinstance(o, str))
    return replace(
        program,
        inputs=tuple(i for i in program.inputs if i.name in alive),
        shared=tuple(s for s in program.shared if s.name in alive),
        steps=tuple(reversed(steps)),
        givens=tuple((k, by) for k, by in program.givens if k in alive),
    )


def _calls(program: Program) -> tuple[tuple[Array, ...], ...]:
    """Arguments of a second and third call, where there is state: the same numbers in other places."""
    if not program.shared and not any(STEPS[s.step].family == "random" for s in program.steps):
        return ()

    def moved(value: Array, by: int) -> Array:
        if value.data.dtype.kind != "f":
            return value
        return Array(np.roll(value.data.ravel(), by).reshape(value.data.shape), value.layout)

    return tuple(tuple(moved(i.value, by) for i in program.inputs) for by in (1, 2))
