"""Writing a step down: its results join the pool with the values the model gives them.

Owns what is known of a result beside its value: which dimensions are declared broadcastable, what it depends on, how it
can be differentiated, whether a shape may be made of it. It must not choose anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from difftest import model
from difftest.program import Operand, Step
from difftest.strategies.drawing import Entry, Pool
from difftest.strategies.registry import STEPS, StepKind

RANDOM = "a random draw"
"""Stands among the `needs` of what depends on one."""

DRAWN_INSIDE = "a random draw inside a loop"
"""The same of a draw in the body of a loop: its stream may be known in terms of that body alone."""


def recorded(pool: Pool, label: str, name: str, operands: Sequence[Operand], attributes: Mapping[str, Any]) -> Step:
    """The step called `name`, with results called after `label`, which are added to the pool."""
    step = Step(name, tuple(operands), dict(attributes))
    kind = STEPS[name]
    entries = [pool.named(o) if isinstance(o, str) else None for o in operands]
    known = [e for e in entries if e is not None]
    values = model.value(step, [o if e is None else e.value for o, e in zip(operands, entries)])
    moved = kind.moves is not None and kind.moves(step)
    count = len(values) + moved
    names = tuple(label + ("" if count == 1 else "abcdefgh"[k]) for k in range(count))
    if kind.loose:
        for e in known:
            pool.pin(e)
    # A random number has no derivative by what it was drawn with.
    undefined = kind.family == "random" or (kind.undefined is not None and kind.undefined(step))
    facts = _facts(kind, entries, undefined, derivatives(step)) | {
        "opaque": not model.known(step) or any(e.opaque for e in known)
    }
    needs = frozenset().union(*(e.needs for e in known), _drawn(step, kind))
    for result, value in zip(names, values):
        floating = value.dtype.kind == "f"
        own: dict[str, Any] = {
            "roots": facts["roots"] | {result} if floating else frozenset(),
            "firm": facts["firm"] and (value.dtype.kind in "biu" or all(e.kind == value.dtype.kind for e in known)),
        }
        pool.add(Entry(result, value, declared(step, known, value), needs=needs | {result}, **{**facts, **own}))
    return Step(name, step.operands, step.attributes, names)


def _drawn(step: Step, kind: StepKind) -> list[str]:
    """What its results are to be known for."""
    if kind.moves is not None and kind.moves(step):
        return [RANDOM, DRAWN_INSIDE]
    return [RANDOM] if kind.family == "random" else []


def _facts(kind: StepKind, entries: Sequence[Entry | None], undefined: bool, taken: int) -> dict[str, Any]:
    """What the results have in common. Of complex numbers no gradients are taken."""
    known = [e for e in entries if e is not None]
    without = [
        e.needs for k, e in enumerate(entries) if e is not None and (undefined or k in kind.rough or e.kind == "c")
    ]
    rough: frozenset[str] = frozenset().union(*(e.rough for e in known), *without)
    roots: frozenset[str] = frozenset().union(*(e.roots for e in known)) if kind.smooth else frozenset()
    return {
        "rough": rough,
        "roots": roots - rough,
        "orders": min([kind.orders, *(e.orders for e in known)]) - taken,
        "firm": all(e.firm for e in known) and (kind.firm or not any(e.kind in "fc" for e in known)),
    }


def derivatives(step: Step) -> int:
    """How many times the step differentiates."""
    if STEPS[step.step].family not in ("grad", "curvature"):
        return 0
    return step.attributes.get("order", 2 if step.step in ("Rop", "hessian") else 1)


def declared(step: Step, operands: Sequence[Entry], result: np.ndarray) -> tuple[bool, ...]:
    """The dimensions of the result that are certain to be declared broadcastable."""
    if STEPS[step.step].family in ("elementwise", "literal", "cast") and operands:
        padded = [(True,) * (result.ndim - e.ndim) + e.broadcastable for e in operands]
        return tuple(all(axis) for axis in zip(*padded))
    if "pattern" in step.attributes:
        return tuple(step.attributes["pattern"])
    if step.step == "dimshuffle":
        return tuple(k == "x" or operands[0].broadcastable[k] for k in step.attributes["order"])
    if step.attributes.get("keepdims"):
        axis, rank = step.attributes["axis"], result.ndim
        reduced = range(rank) if axis is None else {a % rank for a in (axis if isinstance(axis, tuple) else (axis,))}
        return tuple(k in reduced or operands[0].broadcastable[k] for k in range(rank))
    return (False,) * result.ndim
