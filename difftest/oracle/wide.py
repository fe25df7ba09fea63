"""Arithmetic in the widest float there is, and when its results are exact.

Owns the shadow's number format and the error-free transformations that tell whether an operation rounded. On
machines whose long double is a double, `SLACK` grows accordingly and the bounds with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np

WIDE = np.longdouble
_INFO = np.finfo(WIDE)
SLACK = WIDE(4) * _INFO.eps
"""Relative error granted to one operation of the shadow itself."""
_SPLIT = WIDE(2) ** ((_INFO.nmant + 2) // 2) + 1

INF = WIDE(np.inf)
ZERO = WIDE(0)


def wide(x: np.ndarray) -> np.ndarray:
    return np.asarray(x).astype(WIDE)


_finer = ContextVar("finer", default=False)


@contextmanager
def finer() -> Iterator[None]:
    """Inside, every float dtype rounds as float64 does: bounds tell how well the shadow itself knows the reals."""
    token = _finer.set(True)
    try:
        yield
    finally:
        _finer.reset(token)


def rounds_finer() -> bool:
    return _finer.get()


def unit(dtype: str) -> np.longdouble:
    """Half the distance between 1 and the next number: the relative error of one correct rounding."""
    return _unit("float64" if _finer.get() else dtype)


@cache
def _unit(dtype: str) -> np.longdouble:
    return WIDE(np.finfo(dtype).eps) / 2


def smallest(dtype: str) -> np.longdouble:
    """What a rounding among the subnormals may lose; a device may flush them, so all of the smallest normal."""
    return _smallest("float64" if _finer.get() else dtype)


@cache
def _smallest(dtype: str) -> np.longdouble:
    return WIDE(np.finfo(dtype).tiny)


@cache
def largest(dtype: str) -> np.longdouble:
    return WIDE(np.finfo(dtype).max)


def representable(y: np.ndarray, dtype: str) -> np.ndarray:
    """Where a wide number is a number of this dtype (NaN and infinities are)."""
    same = y.astype(dtype).astype(WIDE) == y
    return same if same.all() else same | np.isnan(y)


def sum_is_exact(a: np.ndarray, b: np.ndarray, total: np.ndarray) -> np.ndarray:
    """TwoSum's residual is zero."""
    part = total - a
    residual = (a - (total - part)) + (b - part)
    return (residual == 0) | ~np.isfinite(total)


def product_is_exact(a: np.ndarray, b: np.ndarray, product: np.ndarray) -> np.ndarray:
    """TwoProduct's residual is zero (an underflow of the residual counts as inexact)."""
    ah, al = _halves(a)
    bh, bl = _halves(b)
    residual = ((ah * bh - product) + ah * bl + al * bh) + al * bl
    return (residual == 0) | ~np.isfinite(product)


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    big = x * _SPLIT
    high = big - (big - x)
    return high, x - high


def quantum(x: np.ndarray) -> np.longdouble:
    """The largest power of two of which every nonzero element is a multiple; 0 if that cannot be told."""
    values = x[(x != 0)]
    if values.size == 0:
        return INF
    if not np.all(np.isfinite(values)):
        return ZERO
    mantissa, exponent = np.frexp(np.abs(values))
    whole = np.ldexp(mantissa, 63).astype(np.uint64)
    lowest = whole & np.add(~whole, np.uint64(1))
    return np.ldexp(lowest.astype(WIDE), exponent - 63).min()


def bits_used(x: np.ndarray) -> np.ndarray:
    """How many significant bits each element needs; 0 for zero."""
    mantissa, _ = np.frexp(np.abs(x))
    whole = np.where(np.isfinite(mantissa), np.ldexp(mantissa, 63), 0).astype(np.uint64)
    lowest = whole & np.add(~whole, np.uint64(1))
    _, trailing = np.frexp(lowest.astype(np.float64))
    return np.where(whole == 0, 0, 64 - trailing)


def gamma(n: int, dtype: str) -> np.longdouble:
    """The classical n u / (1 - n u)."""
    nu = WIDE(max(n, 0)) * unit(dtype)
    return nu / (1 - nu)
