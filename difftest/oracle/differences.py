"""An opinion on a gradient that knows nothing of gradients: differences of the function itself.

Owns `opinion`, which moves the points of differentiation along a random line, evaluates the function there by its
shadow, and compares the slope with what the gradient says. The slope's error is what two step lengths tell of each
other, and the shadow's own bounds: there is no tolerance. It is silent where the function has no derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.oracle.bounds import FLOATS, Bound, Walk, walk
from difftest.oracle.kinks import Kinks
from difftest.oracle.ulps import executor
from difftest.oracle.wide import INF, SLACK, WIDE, bits_used, finer
from reference.graph.traversal import toposort

STEPS = (WIDE(2) ** -12, WIDE(2) ** -20)
"""Lengths of the step, relative to the point: the second is tried where the first finds fault."""

FEW_BITS = 6
"""A number with so many binary digits is meant as it stands."""

CONVENTIONS = ("ConsiderConstant", "DisconnectedGrad", "GradClip", "GradScale", "UndefinedGrad", "ZeroGrad")
"""Operations whose gradient is meant to differ from their derivative."""


@dataclass(frozen=True)
class Opinion:
    """`verdict` is "agrees", "wrong", "vague" (too wide to mean much), or why there is none."""

    verdict: str
    claimed: float = 0.0
    measured: float = 0.0
    room: float = 0.0

    def __str__(self) -> str:
        return f"along a line the gradient says {self.claimed!r}, differences {self.measured!r} +- {self.room:.3g}"


def opinion(
    outputs: Mapping[Any, np.ndarray],
    gradients: Mapping[Any, Any],
    values: Mapping[Any, Any],
    seed: int = 0,
    base: Walk | None = None,
) -> Opinion:
    """On `gradients`, variable -> what claims to be the gradient of the sum of `outputs`, each times its weights.

    Where there are several, all variables move at once; none of them may be computed from another. `values` are those
    of the graph's inputs; `base` is a walk that knows all this graph's variables already.
    """
    if any(getattr(v.type, "dtype", "") not in FLOATS for v in gradients):
        return Opinion("not a float")
    if any(is_convention(node) for node in toposort(list(outputs))):
        return Opinion("by convention")
    with finer(), np.errstate(all="ignore"):
        known = base or shadow(list(outputs), list(gradients.values()), values)
        return _Line(outputs, gradients, known, seed).opinion()


def shadow(outputs: Sequence[Any], gradients: Sequence[Any], values: Mapping[Any, Any]) -> Walk:
    """What the variables are over the reals, as well as the shadow knows.

    A number that only the gradients mention is that of a formula, rounded to its dtype.
    """
    with finer():
        known = walk(toposort(list(outputs)), values, executor("reference", False)).known
        order = toposort(list(gradients), stop_at=known)
        numbers = {v: _rounded_number(v.data) for v in _constants(order, gradients) if v not in known}
        return walk(order, {}, executor("reference", False), known, numbers)


def _constants(order: Sequence[Any], outputs: Sequence[Any]) -> Iterator[Any]:
    """The floating-point numbers in the nodes and in the steps of their loops, and among the outputs."""
    for v in (*outputs, *(v for node in order for v in node.inputs)):
        if getattr(getattr(v, "type", None), "dtype", "") in FLOATS and hasattr(v, "data"):
            yield v
    for node in order:
        inner = getattr(node.op, "inner_outputs", ())
        yield from _constants(toposort(inner), inner)


def _rounded_number(value: np.ndarray) -> Bound:
    """A number that may stand for a near one, unless it has few digits."""
    exact = Bound.exactly(value)
    if value.dtype == np.float64:
        return exact
    doubt = np.abs(exact.y) * WIDE(np.finfo(value.dtype).eps)
    return Bound(exact.y, np.where(bits_used(exact.y) > FEW_BITS, doubt, 0), exact.dtype)


def is_convention(node: Any) -> bool:
    """True if somewhere in the node a gradient is changed on purpose."""
    if type(node.op).__name__ in CONVENTIONS or getattr(node.op, "truncate_gradient", -1) != -1:
        return True
    return any(map(is_convention, toposort(getattr(node.op, "inner_outputs", ()))))


Moves = Sequence[np.ndarray]
"""How far each of the points moves."""


class _Line:
    """A line through the points of differentiation, and the function along it."""

    def __init__(self, outputs: Mapping[Any, np.ndarray], gradients: Mapping[Any, Any], base: Walk, seed: int):
        self.outputs, self.base = outputs, base
        self.points = {v: base.of(v) for v in gradients}
        self.gradients = [base.of(g) for g in gradients.values()]
        self.random = np.random.default_rng(seed)
        moved = set(gradients)
        self.order = []
        for node in toposort(list(outputs)):
            if self.points.keys().isdisjoint(node.outputs) and not moved.isdisjoint(node.inputs):
                moved.update(node.outputs)
                self.order.append(node)

    def opinion(self) -> Opinion:
        known = (*self.points.values(), *self.gradients, *map(self.base.of, self.outputs))
        if any(b.y is None or not np.all(np.isfinite(b.y)) or not np.all(np.isfinite(b.e)) for b in known):
            return Opinion("not finite")
        found = Opinion("agrees")
        for step in STEPS:
            directions = [self._direction(point) for point in self.points.values()]
            found = self._measured(directions, step)
            if found.verdict != "wrong":
                return found
            if self._bends(directions, step):
                found = Opinion("kink")
        return found

    def _direction(self, point: Bound) -> np.ndarray:
        """For each element a few eighths of its size, up or down: exact, and on the same side of zero."""
        shape = point.y.shape
        eighths = self.random.integers(4, 13, shape) * self.random.choice([-1, 1], shape)
        size = np.ldexp(WIDE(1), np.frexp(np.abs(point.y))[1] - 1)
        return np.asarray(np.where(point.y == 0, WIDE(1), size) * eighths / 8)

    def _measured(self, directions: Moves, step: np.longdouble) -> Opinion:
        claimed = doubt = size = WIDE(0)
        for g, direction in zip(self.gradients, directions):
            terms = g.y * direction
            claimed += np.sum(terms)
            size += np.sum(np.abs(terms))
            doubt += np.sum(g.e * np.abs(direction)) + SLACK * direction.size * np.sum(np.abs(terms))
        (long, long_room), (short, short_room) = self._slope(directions, step), self._slope(directions, step / 2)
        doubt += SLACK * len(directions) * size
        slope, room = (4 * short - long) / 3, np.abs(long - short) + 2 * (long_room + short_room) + doubt
        if not np.isfinite(room) or not np.isfinite(slope):
            return Opinion("not finite")
        if np.abs(claimed - slope) > room:
            return Opinion("wrong", float(claimed), float(slope), float(room))
        vague = room > np.maximum(np.abs(claimed), size) * 2.0**-4
        return Opinion("vague" if vague and room > 2.0**-20 else "agrees", float(claimed), float(slope), float(room))

    def _slope(self, directions: Moves, step: np.longdouble) -> tuple[Any, Any]:
        (high, high_error), (low, low_error) = (self._value([s * step * d for d in directions]) for s in (1, -1))
        return (high - low) / (2 * step), (high_error + low_error) / (2 * step)

    def _value(self, moves: Moves) -> tuple[Any, Any]:
        """The function, and what the shadow does not know of it, at a point near by."""
        places = [(point.y + move, point.dtype) for point, move in zip(self.points.values(), moves)]
        pass_ = self._walked([Bound(y, np.abs(y) * SLACK, dtype) for y, dtype in places])
        total, error = WIDE(0), WIDE(0)
        for variable, weights in self.outputs.items():
            b = pass_.of(variable)
            if b.y.shape != np.shape(weights):
                return INF, INF  # how many elements there are depends on the point: no slope
            total += np.sum(b.y * weights)
            error += np.sum(np.abs(weights) * (b.e + SLACK * b.y.size * np.abs(b.y)))
        return total, error

    def _walked(self, points: Sequence[Bound], watch: Any = None) -> Walk:
        pass_ = Walk(self.base.executor, dict(self.base.known), watch=watch)
        pass_.known.update(zip(self.points, points))
        pass_.nodes(self.order)
        return pass_

    def _bends(self, directions: Moves, step: np.longdouble) -> bool:
        """True if the function may have a kink between the ends of the line."""
        kinks = Kinks()
        around = zip(self.points.values(), directions)
        try:
            self._walked([Bound(point.y, np.abs(d) * step, point.dtype) for point, d in around], kinks)
        except Exception:
            return True
        return bool(kinks.found)
