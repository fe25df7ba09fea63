"""Values that NumPy does not have: special functions, safe integer division and powers, casts.

Owns the short formulas that rows of the scalar table are made of; every function takes arrays (or NumPy
scalars) of one dtype and returns the same kind. It must not know rows, dtype rules or gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def by_element(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of Python floats, element by element on float64 arrays."""
    lifted = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(lifted(x), dtype=np.float64)


def _gamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    try:
        return math.gamma(x)
    except OverflowError:
        return math.copysign(math.inf, x)
    except ValueError:
        return math.nan


def _gammaln(x: float) -> float:
    try:
        return math.lgamma(x)
    except (OverflowError, ValueError):
        return math.inf


erf = by_element(math.erf)
erfc = by_element(math.erfc)
gamma = by_element(_gamma)
"""Infinite at 0 with the sign of the zero, NaN at the negative integers."""
gammaln = by_element(_gammaln)
"""log|gamma|, infinite at 0 and at the negative integers."""


def _shifted_up(x: Any, power: int) -> tuple[Any, Any]:
    """Raise every element of `x` > 0 to at least 10 by the recurrence; also the sum of 1/x**power met."""
    total = np.zeros_like(x)
    for _ in range(10):
        low = x < 10
        total = total + np.where(low, 1 / np.where(low, x, 1.0) ** power, 0.0)
        x = np.where(low, x + 1, x)
    return x, total


def _alternating(t: Any, *divisors: float) -> Any:
    """t/d0 - t**2/d1 + t**3/d2 - ... for small positive t."""
    total = np.zeros_like(t)
    for divisor in reversed(divisors):
        total = t * (1 / divisor - total)
    return total


def psi(x: Any) -> Any:
    """The digamma function, the derivative of gammaln; NaN at 0 and at the negative integers.

    Reflection for negative operands, recurrence up to 10, then the asymptotic series in 1/x².
    """
    x = np.asarray(x)
    mirrored = x <= 0
    y, total = _shifted_up(np.where(mirrored, 1 - x, x), 1)
    t = 1 / (y * y)
    series = _alternating(t, 12, 120, 252, 240, 132, 32760 / 691, 12)
    value = np.where(y == np.inf, y, np.log(y) - 0.5 / y - series - total)
    turned = np.pi * (x - np.round(x))
    value = np.where(mirrored, value - np.pi / np.tan(turned), value)
    return np.where(mirrored & (x == np.floor(x)), np.nan, value)


def tri_gamma(x: Any) -> Any:
    """The derivative of psi; infinite at 0 and at the negative integers."""
    x = np.asarray(x)
    mirrored = x <= 0
    y, total = _shifted_up(np.where(mirrored, 1 - x, x), 2)
    r = 1 / y
    t = r * r
    series = _alternating(t, 6, 30, 42, 30, 66 / 5, 2730 / 691, 6 / 7)
    value = r + t / 2 + r * series + total
    sine = np.sin(np.pi * (x - np.round(x)))
    value = np.where(mirrored, (np.pi / sine) ** 2 - value, value)
    return np.where(mirrored & (x == np.floor(x)), np.where(x == -np.inf, np.nan, np.inf), value)


def from_scipy(name: str) -> Callable[..., Any]:
    """The function of that name in scipy.special, imported when it is first needed."""

    def value(*operands: Any) -> Any:
        try:
            from scipy import special
        except ImportError:
            raise ImportError(f"{name} is computed by SciPy, which is missing: pip install scipy") from None
        return getattr(special, name)(*operands)

    return value


def sigmoid(x: Any) -> Any:
    """1/(1+exp(-x)); below -700, where exp(-x) would overflow, it is exp(x)."""
    value = 1 / (1 + np.exp(-x))
    if x.dtype != np.float64 or not (x < -700).any():
        return value
    return np.where(x < -700, np.exp(x), value)


def softplus(x: Any) -> Any:
    """log(1+exp(x)), written so that exp cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def ultra_fast_sigmoid(x: Any) -> Any:
    """A piecewise rational approximation of sigmoid: a fraction, a line and a constant for each sign."""
    half = 0.5 * x
    size = np.abs(half)
    curve = 1.5 * size / (1 + size)
    line = 0.935409070603099 + 0.0458812946797165 * (size - 1.7)
    value = np.where(size < 1.7, curve, np.where(size < 3, line, 0.99505475368673))
    value = np.where(np.isnan(x), x, value)
    return 0.5 * (np.where(half >= 0, value, -value) + 1)


def sign(x: Any) -> Any:
    """-1, 0 or 1; NaN of NaN; for complex numbers x/|x|, and 0 at 0."""
    if x.dtype.kind == "c":
        size = np.abs(x)
        return np.where(size == 0, 0, x / np.where(size == 0, 1, size))
    return np.sign(x) if x.dtype.kind != "b" else np.array(x)


def clip(x: Any, low: Any, high: Any) -> Any:
    """`low` where x < low, else `high` where x > high, else x: a NaN stays, crossed bounds give `low` first."""
    if np.all(low <= high):
        return np.minimum(high, np.maximum(low, x))
    return np.where(x < low, low, np.where(x > high, high, x))


def round_half_away(x: Any) -> Any:
    """The nearest integer, halves away from zero; the sign of zero is kept."""
    whole = np.trunc(x)
    return np.copysign(whole + np.copysign(np.abs(x - whole) >= 0.5, x), x).astype(x.dtype, copy=False)


def power(x: Any, y: Any) -> Any:
    """x**y. For integers modulo 2**bits; a negative exponent truncates: 1 and -1 give 1 or ±1, others 0."""
    if x.dtype.kind == "f" and np.any(y == 0.5):
        # Where one exponent serves all, NumPy takes the square root, which differs at -0 and -inf.
        return np.where((y == 0.5) & ((x == 0) | (x == -np.inf)), np.abs(x), np.power(x, y))
    if x.dtype.kind != "i" or not np.any(y < 0):
        return np.power(x, y)
    small = np.where(x == 1, 1, np.where(x == -1, 1 - 2 * (y & 1), 0)).astype(x.dtype)
    return np.where(y < 0, small, np.power(x, np.maximum(y, 0)))


def join_parts(real: Any, imaginary: Any) -> Any:
    """real + i imaginary, exactly, infinities and signs of zero included."""
    shape = np.broadcast_shapes(np.shape(real), np.shape(imaginary))
    result = np.empty(shape, np.result_type(real, np.complex64))
    result.real, result.imag = real, imaginary
    return result


def from_polar(radius: Any, angle: Any) -> Any:
    return join_parts(radius * np.cos(angle), radius * np.sin(angle))


def fill(shape_of: Any, value: Any) -> Any:
    """`value` stretched to the common shape of the two."""
    result = np.empty(np.broadcast_shapes(shape_of.shape, value.shape), value.dtype)
    result[...] = value
    return result


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """`x` as `dtype`, defined for every value.

    Floats become integers by dropping the fraction; what lies out of range, infinities included, becomes
    the nearest integer of the dtype, and NaN 0. Integers wrap modulo 2**bits. Anything but 0 is True.
    """
    if dtype.kind not in "iu" or x.dtype.kind != "f" or np.size(x) == 0:
        return x.astype(dtype)
    info = np.iinfo(dtype)
    if x.dtype.itemsize == 2:
        x = x.astype(np.float32)
    low, above = x.dtype.type(info.min), x.dtype.type(float(info.max + 1))
    if np.min(x) >= low and np.max(x) < above:
        return x.astype(dtype)
    inside = (x >= low) & (x < above)
    whole = np.where(inside, x, 0).astype(dtype)
    least, most, zero = (dtype.type(v) for v in (info.min, info.max, 0))
    return np.where(inside, whole, np.where(x < low, least, np.where(x >= above, most, zero)))
