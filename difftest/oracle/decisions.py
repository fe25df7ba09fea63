"""Where a value jumps: comparisons, switch, signs, rounding to integers, conversions.

Owns the question mark. A decision is certain if the hull of its operands does not straddle the threshold; else its
result is the hull of both branches, or, for a truth value, either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from difftest.oracle.bounds import FLOATS, Bound, rounded
from difftest.oracle.wide import INF, WIDE, ZERO

Decision = Callable[[Sequence[Bound], str], Bound]


def _truth(value: np.ndarray, sure: np.ndarray) -> Bound:
    shape = np.broadcast_shapes(value.shape, sure.shape)
    return Bound(
        np.broadcast_to(value, shape).astype(WIDE), np.where(np.broadcast_to(sure, shape), ZERO, WIDE(1)), "bool"
    )


def _compared(f: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Decision:
    def decide(operands: Sequence[Bound], dtype: str) -> Bound:
        a, b = operands
        apart = (a.low > b.high) | (b.low > a.high)
        return _truth(f(a.y, b.y), apart | (a.certain & b.certain))

    return decide


def switched(operands: Sequence[Bound], dtype: str) -> Bound:
    cond, a, b = operands
    y = np.where(cond.y != 0, a.y, b.y)
    e = np.where(cond.y != 0, a.e, b.e)
    sure = cond.certain | (cond.low > 0) | (cond.high < 0)
    either = np.maximum(a.e, b.e) + np.abs(a.y - b.y)
    agree = (a.y == b.y) & (a.e == 0) & (b.e == 0)
    return Bound(y, np.where(sure | agree, e, np.where(np.isnan(either), INF, either)), dtype)


def _stepped(f: Callable[[np.ndarray], np.ndarray]) -> Decision:
    """A rising step function: the hull of its values at the ends; nothing rounds."""

    def decide(operands: Sequence[Bound], dtype: str) -> Bound:
        (x,) = operands
        y = f(x.y)
        e = np.maximum(f(x.high) - y, y - f(x.low))
        return Bound(y, np.where(x.certain, ZERO, e), dtype)

    return decide


def _tested(f: Callable[[np.ndarray], np.ndarray]) -> Decision:
    def decide(operands: Sequence[Bound], dtype: str) -> Bound:
        (x,) = operands
        return _truth(f(x.y), np.isfinite(x.e))

    return decide


def _away(x: np.ndarray) -> np.ndarray:
    whole = np.trunc(x)
    return whole + np.sign(x) * (np.abs(x - whole) >= 0.5)


DECISIONS: dict[str, Decision] = {
    "eq": _compared(np.equal), "neq": _compared(np.not_equal), "lt": _compared(np.less), "le": _compared(np.less_equal),
    "gt": _compared(np.greater), "ge": _compared(np.greater_equal), "switch": switched,
    "floor": _stepped(np.floor), "ceil": _stepped(np.ceil), "trunc": _stepped(np.trunc), "sgn": _stepped(np.sign),
    "round_half_to_even": _stepped(np.rint), "round_half_away_from_zero": _stepped(_away),
    "isnan": _tested(np.isnan), "isinf": _tested(np.isinf),
}  # fmt: skip


def converted(x: Bound, dtype: str) -> Bound:
    """A conversion: to a float rounds, to an integer drops the fraction and saturates, to bool asks for zero."""
    if dtype in FLOATS:
        return rounded(x.y, x.e, dtype, exact=True)
    if dtype == "bool":
        return _truth(x.y != 0, x.certain | (x.low > 0) | (x.high < 0))
    info = np.iinfo(dtype)
    if x.dtype not in FLOATS:
        inside = (x.low >= info.min) & (x.high <= info.max)
        y = np.where(inside, x.y, ZERO)
        if x.exact:
            return Bound.exactly(np.asarray(x.raw).astype(dtype))
        return Bound(y, np.where(inside, x.e, INF), dtype)

    def whole(v: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(v), ZERO, np.clip(np.trunc(v), WIDE(info.min), WIDE(info.max)))

    y = whole(x.y)
    e = np.maximum(whole(x.high) - y, y - whole(x.low))
    return Bound(y, np.where(x.certain, ZERO, e), dtype)
