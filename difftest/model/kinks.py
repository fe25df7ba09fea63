"""What a gradient is where there is none: the slopes that the documentation promises at kinks and ties.

Owns `KINKS`, operation -> how values are moved onto the kink, and what each gradient is there. Written from the texts
of `reference/scalar.py`, `reference/tensor/reduce.py` and `reference/tensor/sort.py`, not from any `L_op`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.model.pooling import regions

Array = np.ndarray
Promise = tuple[Array | bool, Array | float]
"""(where something is promised, what the gradient is there)"""


@dataclass(frozen=True)
class Kink:
    """`onto(random, *values)` moves some elements; `promise(weights, *values)` says each input's gradient for these
    gradients of the output. The op's own fields of the names in `attributes` are passed too."""

    onto: Callable[..., Sequence[Array]]
    promise: Callable[..., Sequence[Promise]]
    attributes: tuple[str, ...] = ()


def _some(random: np.random.Generator, x: Array) -> Array:
    return random.random(x.shape) < 0.5


def _moved(place: Callable[..., Any]) -> Callable[..., list[Array]]:
    """Some elements of the first operand go where `place` of all operands says."""

    def onto(random: np.random.Generator, x: Array, *others: Array) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.where(_some(random, x), place(x, *others), x).astype(x.dtype), *others]

    return onto


def _slopes(where: Callable[..., Array], *slopes: float) -> Callable[..., list[Promise]]:
    """A constant slope by each operand."""

    def promise(weights: Array, *values: Array) -> list[Promise]:
        return [(where(*values), weights * slope) for slope in slopes]

    return promise


def _to_the_largest(random: np.random.Generator, x: Array) -> list[Array]:
    return [np.where(_some(random, x), x.max(), x) if x.size else x]


def _largest(weights: Array, x: Array, axis: Sequence[int] | None) -> list[Promise]:
    """The whole gradient to every element that equals the largest."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis)
    g = np.expand_dims(weights, axes)
    return [(bool(np.all(np.isfinite(x))), np.where(x == x.max(axis=axes, keepdims=True), g, 0))]


def _others_of(weights: Array, x: Array, axis: Sequence[int] | None) -> list[Promise]:
    """A product with a zero among its other factors has slope 0."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis)
    zeros = np.sum(x == 0, axis=axes, keepdims=True) - (x == 0)
    return [((zeros > 0) & bool(np.all(np.isfinite(x))), 0.0)]


def _to_the_largest_of_all(random: np.random.Generator, x: Array, *others: Array) -> list[Array]:
    return [*_to_the_largest(random, x), *others]


def _largest_of_windows(
    weights: Array, x: Array, ws: Array, stride: Array, pad: Array, mode: str, ignore_border: bool
) -> list[Promise]:
    """The whole gradient to every element that equals the largest of a window."""
    options = ws.tolist(), ignore_border, stride.tolist(), pad.tolist()
    back = np.zeros(x.shape)
    if mode == "max":
        for place, inside, _ in regions(x, *options)[1]:
            back[inside] += np.where(x[inside] == x[inside].max(), weights[place], 0)
    return [(mode == "max" and bool(np.all(np.isfinite(x))), back)]


def _to_the_first(random: np.random.Generator, x: Array, axis: Array) -> list[Array]:
    return [np.where(_some(random, x), x.flat[0], x) if x.size else x, axis]


def _stable(weights: Array, x: Array, axis: Array) -> list[Promise]:
    """Every gradient goes back to where its element came from; equal elements keep their order."""
    back = np.zeros(x.shape)
    np.put_along_axis(back, np.argsort(x, int(axis), kind="stable"), weights, int(axis))
    return [(bool(np.all(np.isfinite(x))), back)]


def _at_zero(x: Array, *others: Array) -> Array:
    return np.asarray(x == 0)


def _tie(a: Array, b: Array) -> Array:
    return np.asarray(a == b)


def _at_bound(x: Array, low: Array, high: Array) -> Array:
    return np.asarray((low < high) & ((x == low) | (x == high)))


def _whole(x: Array) -> Array:
    return np.asarray(x == np.rint(x))


def _half(x: Array) -> Array:
    return np.asarray(x - np.floor(x) == 0.5)


def _power_of_zero(x: Array, p: Array) -> Array:
    return np.asarray((x == 0) & (p > 1) & np.isfinite(p))


_zero = _moved(lambda *values: 0)
_rounding = Kink(_moved(np.rint), _slopes(_whole, 0))
_halfway = Kink(_moved(lambda x: np.floor(x) + 0.5), _slopes(_half, 0))
_extreme = Kink(_moved(lambda a, b: b), _slopes(_tie, 1, 0))
_maximum = Kink(_to_the_largest, _largest, ("axis",))

KINKS: dict[str, Kink] = {
    "abs_": Kink(_zero, _slopes(_at_zero, 0)),
    "sgn": Kink(_zero, _slopes(_at_zero, 0)),
    "maximum": _extreme,
    "minimum": _extreme,
    "clip": Kink(_moved(lambda x, low, high: np.where(x > 0, high, low)), _slopes(_at_bound, 1, 0, 0)),
    "switch": Kink(_zero, _slopes(_at_zero, 0, 0, 1)),
    "pow": Kink(_zero, _slopes(_power_of_zero, 0, 0)),
    "floor": _rounding,
    "ceil": _rounding,
    "trunc": _rounding,
    "round_half_to_even": _halfway,
    "round_half_away_from_zero": _halfway,
    "Max": _maximum,
    "MaxAndArgmax": _maximum,
    "Prod": Kink(_zero, _others_of, ("axis",)),
    "SortOp": Kink(_to_the_first, _stable),
    "Pool": Kink(_to_the_largest_of_all, _largest_of_windows, ("mode", "ignore_border")),
}
"""Class of an operation, or row of the scalar table -> its promise."""
