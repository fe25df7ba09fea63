"""An opinion on a gradient that knows nothing of gradients: differences of the function itself.

Owns `opinion`, which moves the point of differentiation along a random line, evaluates the function there by its
shadow, and compares the slope with what the gradient says. The slope's error is what two step lengths tell of each
other, and the shadow's own bounds: there is no tolerance. It is silent where the function has no derivative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.oracle.bounds import FLOATS, Bound, Walk, walk
from difftest.oracle.kinks import Kinks
from difftest.oracle.ulps import executor
from difftest.oracle.wide import SLACK, WIDE, bits_used, finer
from reference.graph.traversal import ancestors, toposort

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
    wrt: Any,
    gradient: Any,
    values: Mapping[Any, Any],
    seed: int = 0,
    base: Walk | None = None,
) -> Opinion:
    """On `gradient`, which claims to be that of the sum of `outputs`, each times its weights, with respect to `wrt`.

    `values` are those of the graph's inputs; `base` is a walk that knows all this graph's variables already.
    """
    if getattr(wrt.type, "dtype", "") not in FLOATS:
        return Opinion("not a float")
    if any(is_convention(node) for node in toposort(list(outputs))):
        return Opinion("by convention")
    with finer(), np.errstate(all="ignore"):
        return _Line(outputs, wrt, gradient, base or shadow(list(outputs), [gradient], values), seed).opinion()


def shadow(outputs: Sequence[Any], gradients: Sequence[Any], values: Mapping[Any, Any]) -> Walk:
    """What the variables are over the reals, as well as the shadow knows.

    A number that only the gradients mention is that of a formula, rounded to its dtype.
    """
    with finer():
        known = walk(toposort(list(outputs)), values, executor("reference", False)).known
        for v in ancestors(list(gradients)):
            if v not in known and getattr(getattr(v, "type", None), "dtype", "") in FLOATS and hasattr(v, "data"):
                known[v] = _rounded_number(v.data)
        return walk(toposort(list(gradients), stop_at=known), {}, executor("reference", False), known)


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


class _Line:
    """A line through the point of differentiation, and the function along it."""

    def __init__(self, outputs: Mapping[Any, np.ndarray], wrt: Any, gradient: Any, base: Walk, seed: int):
        self.outputs, self.wrt, self.base = outputs, wrt, base
        self.point, self.gradient = base.of(wrt), base.of(gradient)
        self.random = np.random.default_rng(seed)
        moved = {wrt}
        self.order = []
        for node in toposort(list(outputs)):
            if wrt not in node.outputs and not moved.isdisjoint(node.inputs):
                moved.update(node.outputs)
                self.order.append(node)

    def opinion(self) -> Opinion:
        known = (self.point, self.gradient, *map(self.base.of, self.outputs))
        if any(b.y is None or not np.all(np.isfinite(b.y)) or not np.all(np.isfinite(b.e)) for b in known):
            return Opinion("not finite")
        found = Opinion("agrees")
        for step in STEPS:
            direction = self._direction()
            found = self._measured(direction, step)
            if found.verdict != "wrong":
                return found
            if self._bends(direction, step):
                found = Opinion("kink")
        return found

    def _direction(self) -> np.ndarray:
        """For each element a few eighths of its size, up or down: exact, and on the same side of zero."""
        shape = self.point.y.shape
        eighths = self.random.integers(4, 13, shape) * self.random.choice([-1, 1], shape)
        size = np.ldexp(WIDE(1), np.frexp(np.abs(self.point.y))[1] - 1)
        return np.asarray(np.where(self.point.y == 0, WIDE(1), size) * eighths / 8)

    def _measured(self, direction: np.ndarray, step: np.longdouble) -> Opinion:
        g = self.gradient
        claimed, doubt = np.sum(g.y * direction), np.sum(g.e * np.abs(direction))
        doubt += SLACK * direction.size * np.sum(np.abs(g.y * direction))
        (long, long_room), (short, short_room) = self._slope(direction, step), self._slope(direction, step / 2)
        slope, room = (4 * short - long) / 3, np.abs(long - short) + 2 * (long_room + short_room) + doubt
        if not np.isfinite(room) or not np.isfinite(slope):
            return Opinion("not finite")
        if np.abs(claimed - slope) > room:
            return Opinion("wrong", float(claimed), float(slope), float(room))
        vague = room > np.maximum(np.abs(claimed), np.sum(np.abs(g.y * direction))) * 2.0**-4
        return Opinion("vague" if vague and room > 2.0**-20 else "agrees", float(claimed), float(slope), float(room))

    def _slope(self, direction: np.ndarray, step: np.longdouble) -> tuple[Any, Any]:
        (high, high_error), (low, low_error) = (self._value(sign * step * direction) for sign in (1, -1))
        return (high - low) / (2 * step), (high_error + low_error) / (2 * step)

    def _value(self, move: np.ndarray) -> tuple[Any, Any]:
        """The function, and what the shadow does not know of it, at a point near by."""
        y = self.point.y + move
        pass_ = self._walked(Bound(y, np.abs(y) * SLACK, self.point.dtype))
        total, error = WIDE(0), WIDE(0)
        for variable, weights in self.outputs.items():
            b = pass_.of(variable)
            total += np.sum(b.y * weights)
            error += np.sum(np.abs(weights) * (b.e + SLACK * b.y.size * np.abs(b.y)))
        return total, error

    def _walked(self, point: Bound, watch: Any = None) -> Walk:
        pass_ = Walk(self.base.executor, dict(self.base.known), watch=watch)
        pass_.known[self.wrt] = point
        pass_.nodes(self.order)
        return pass_

    def _bends(self, direction: np.ndarray, step: np.longdouble) -> bool:
        """True if the function may have a kink between the ends of the line."""
        kinks = Kinks()
        try:
            self._walked(Bound(self.point.y, np.abs(direction) * step, self.point.dtype), kinks)
        except Exception:
            return True
        return bool(kinks.found)
