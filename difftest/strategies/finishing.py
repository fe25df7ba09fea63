"""How a program ends: its outputs, updates and givens, and what a second call is given.

Owns the forms of these: an output that is an input, one output twice; state that is swapped, updated from itself, or
left alone; givens that put an expression, a constant, a shared variable or another input in the place of an input or
of an inner variable. It must not know any particular step, but for the few it adds for these ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from difftest.program import Array, Operand, Program, Step
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.registry import STEPS
from difftest.strategies.values import frozen

Pairs = list[tuple[str, str]]
Record = Callable[[str, tuple[Operand, ...], Any], None]
"""Adds a step to the program: its name, operands and attributes."""

FIRM_NODES = ("elementwise", "dot", "nnet")
"""Families whose steps always make a node: a cast to the same dtype, for one, is its operand itself."""


def finished(draw: Draw, pool: Pool, steps: list[Step], record: Record) -> Program:
    """The program with its outputs, updates and givens; what they do not need is left out."""
    outputs = _outputs(draw, pool)
    updates = _updates(draw, pool, record)
    givens = _givens(draw, pool, steps, record) if draw.seldom() else []
    spelled = draw.choose(("list", "dict", "OrderedDict")) if len(givens) + len(updates) and draw.seldom() else "list"
    program = Program(
        inputs=tuple(pool.inputs),
        shared=tuple(pool.shared),
        steps=tuple(steps),
        outputs=tuple(outputs),
        updates=tuple(updates),
        givens=tuple(givens),
        spelling=spelled,
    )
    program = pruned(program)
    return replace(program, calls=_calls(program, pool.pinned))


def _outputs(draw: Draw, pool: Pool) -> list[str]:
    """The newest value, some of the others, and now and then an input, or the same once more."""
    made = [e for e in pool.entries if e.name.startswith("v")]
    wanted = [e.name for e, out in zip(made, [1, *draw.integers(0, 1, len(made) - 1)]) if out][:4]
    if draw.integer(0, 15) == 15:
        wanted.insert(draw.integer(0, len(wanted)), draw.choose(pool.entries).name)
    return wanted


def _updates(draw: Draw, pool: Pool, record: Record) -> Pairs:
    free = [e for s in pool.shared if s.name not in pool.pinned and (e := pool.named(s.name)) is not None]
    for own in free:
        twin = next((e for e in free if e is not own and _alike(e, own)), None)
        if twin is not None and draw.flag():
            return [(own.name, twin.name), (twin.name, own.name)]
    found = []
    for own in free:
        fitting = [e for e in pool.entries if _alike(e, own) and e is not own]
        fitting.sort(key=lambda e: own.name not in e.needs)
        if not draw.often():
            continue
        if not fitting and own.kind != "b":
            record("neg", (own.name,), {})
            fitting = pool.entries[:1]
        if fitting:
            found.append((own.name, draw.choose(fitting).name))
    return found


def _alike(a: Entry, b: Entry) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape


def _givens(draw: Draw, pool: Pool, steps: Sequence[Step], record: Record) -> Pairs:
    """One to three replacements, each by a value of the same type that reads no replaced input."""
    made = {name for s in steps if STEPS[s.step].family in FIRM_NODES for name in s.results}
    keys = [e for e in pool.entries if e.name not in pool.pinned and (e.name in made or e.name[0] in "xs")]
    found: Pairs = []
    for key in keys[:: -1 if draw.flag() else 1]:
        if not draw.flag():
            continue
        fitting = [e for e in pool.entries if e is not key and _alike(e, key) and _may_replace(pool, e, key, found)]
        if (not fitting or draw.seldom()) and 1 not in key.shape and 0 not in key.shape and key.name[0] == "x":
            record("constant", (), {"value": frozen(key.value), "dtype": key.dtype})
            fitting = pool.entries[:1]
        if fitting:
            found.append((key.name, draw.choose(fitting).name))
        if len(found) == 3:
            break
    return found


def _may_replace(pool: Pool, e: Entry, key: Entry, found: Pairs) -> bool:
    """What replaces is taken as it stands, and a replaced input is no longer there to be read."""
    gone = {k for k, _ in found if k.startswith("x")} | ({key.name} if key.name.startswith("x") else set())
    read = set(e.needs) | {e.name}
    for _, by in found:
        other = pool.named(by)
        if other is not None and key.name.startswith("x"):
            read |= other.needs
    # The graph must be certain to know the broadcastable dimensions that the key declares.
    declared_alike = all(a <= b for a, b in zip(key.broadcastable, e.broadcastable))
    return not gone & read and (1 not in key.shape or (key.name.startswith("x") and declared_alike))


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


def _calls(program: Program, pinned: set[str]) -> tuple[tuple[Array, ...], ...]:
    """Arguments of a second and third call, where there is state: the same numbers in other places."""
    if not program.shared and not any(STEPS[s.step].family == "random" for s in program.steps):
        return ()

    def moved(name: str, value: Array, by: int) -> Array:
        if name in pinned:
            return value
        return Array(np.roll(value.data.ravel(), by).reshape(value.data.shape), value.layout)

    return tuple(tuple(moved(i.name, i.value, by) for i in program.inputs) for by in (1, 2))
