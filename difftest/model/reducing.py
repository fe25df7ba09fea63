"""Steps that combine elements: reductions, running sums, products of matrices.

It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from difftest.model.base import Value, common, line, operand
from difftest.model.elementwise import elementwise

# Reductions.


def _accumulator(dtype: np.dtype) -> np.dtype:
    """Sums and products are accumulated wider: float16 and float32 in float64, small integers in 64 bits."""
    if dtype.kind in "fc":
        return np.dtype("float64" if dtype.kind == "f" else "complex128")
    return np.dtype("uint64" if dtype.kind == "u" else "int64")


def _reduced(
    x: Value, axis: Any, dtype: str | None, operation: Callable[..., Value], keepdims: bool, acc: str | None = None
) -> Value:
    inner = _accumulator(x.dtype)
    outer = x.dtype if x.dtype.kind in "fc" else inner
    if dtype is not None:
        outer = np.dtype(dtype)
        inner = _accumulator(outer) if outer.kind in "fc" else outer
        if x.dtype.kind in "biu" and outer.kind in "iu":
            inner = np.promote_types(x.dtype, outer)
    if acc is not None:
        inner = np.dtype(acc)
    if x.ndim == 0:
        return x.astype(inner).astype(outer)  # nothing to add: NumPy adds 0, which turns -0.0
    return np.asarray(operation(x.astype(inner), axis=axis, keepdims=keepdims, dtype=inner)).astype(outer)


@line
def sum_(x: Value, axis: Any, keepdims: bool = False, dtype: str | None = None, acc_dtype: str | None = None) -> Value:
    return _reduced(x, axis, dtype, np.sum, keepdims, acc_dtype)


@line
def prod(x: Value, axis: Any, keepdims: bool = False, dtype: str | None = None, acc_dtype: str | None = None) -> Value:
    return _reduced(x, axis, dtype, np.prod, keepdims, acc_dtype)


def _as_float(x: Value) -> Value:
    return x if x.dtype.kind in "fc" else x.astype("float64")


def _wide(x: Value) -> Value:
    return x.astype("complex128" if x.dtype.kind == "c" else "float64")


@line
def mean(x: Value, axis: Any, keepdims: Any) -> Value:
    if x.ndim == 0:
        return _as_float(x)
    return np.asarray(np.mean(_wide(x), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def var(x: Value, axis: Any, keepdims: Any, ddof: int = 0, corrected: bool = False) -> Value:
    """The correction is 0 but for rounding."""
    squares = (x.astype("float64") - np.mean(x.astype("float64"), axis=axis, keepdims=True)) ** 2
    total = np.asarray(squares.sum(axis=axis, keepdims=keepdims))
    count = np.asarray(squares.size / max(squares.sum(axis=axis).size, 1) - ddof)
    return np.asarray(total / count).astype(_as_float(x).dtype)


@line
def std(x: Value, axis: Any, keepdims: Any, ddof: int = 0, corrected: bool = False) -> Value:
    return np.sqrt(var(x.astype("float64"), axis, keepdims, ddof)).astype(_as_float(x).dtype)


@line
def max_(x: Value, axis: Any, keepdims: Any) -> Value:
    return np.asarray(np.max(x, axis=axis, keepdims=keepdims))


@line
def min_(x: Value, axis: Any, keepdims: Any) -> Value:
    return np.asarray(np.min(x, axis=axis, keepdims=keepdims))


@line
def all_(x: Value, axis: Any, keepdims: Any) -> Value:
    return np.asarray(np.all(x != 0, axis=axis, keepdims=keepdims))


@line
def any_(x: Value, axis: Any, keepdims: Any) -> Value:
    return np.asarray(np.any(x != 0, axis=axis, keepdims=keepdims))


def _rows(x: Value, axis: Any) -> tuple[Value, list[int]]:
    """The reduced dimensions, in rising order, as one at the end; and all dimensions with reduced ones 1 long."""
    named = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = sorted(a % x.ndim for a in named)
    kept = [k for k in range(x.ndim) if k not in gone]
    rows = x.transpose(*kept, *gone).reshape(*[x.shape[k] for k in kept], math.prod(x.shape[k] for k in gone))
    return rows, [1 if k in gone else n for k, n in enumerate(x.shape)]


def _place(x: Value, axis: Any, keepdims: bool, find: Callable[..., Value]) -> Value:
    rows, spread = _rows(x, axis)
    places = np.asarray(find(rows, axis=-1)).astype("int64")
    return places.reshape(spread) if keepdims else places


@line
def argmax(x: Value, axis: Any, keepdims: bool = False) -> Value:
    return _place(x, axis, keepdims, np.argmax)


@line
def argmin(x: Value, axis: Any, keepdims: bool = False) -> Value:
    return _place(x, axis, keepdims, np.argmin)


@line
def max_and_argmax(x: Value, axis: Any, keepdims: bool = False) -> tuple[Value, Value]:
    return max_(x, axis, keepdims), argmax(x, axis, keepdims)


@line
def ptp(x: Value, axis: Any) -> Value:
    return np.asarray(np.max(x, axis=axis) - np.min(x, axis=axis))


@line
def norm(x: Value, L: Any, axis: Any, keepdims: Any) -> Value:
    if L == 0:
        return np.asarray(np.sum(x != 0, axis=axis, keepdims=keepdims)).astype("int64")
    size = np.abs(x)
    if L in ("inf", "-inf"):
        return np.asarray((np.max if L == "inf" else np.min)(size, axis=axis, keepdims=keepdims))
    powers = elementwise("pow", size, np.array(L, "int8"))
    total = _reduced(powers, axis, None, np.sum, keepdims)
    return elementwise("pow", total, operand(1.0 / L))


@line
def cumsum(x: Value, axis: int | None) -> Value:
    return np.cumsum(x, axis, dtype=_running(x.dtype))


@line
def cumprod(x: Value, axis: int | None) -> Value:
    return np.cumprod(x, axis, dtype=_running(x.dtype))


def _running(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind in "fc" else _accumulator(dtype)


@line
def diff(x: Value, n: int, axis: int) -> Value:
    return np.diff(x, n=n, axis=axis)


# Products of matrices.


@line
def dot(x: Value, y: Value) -> Value:
    return np.asarray(np.dot(x.astype(common(x, y)), y.astype(common(x, y))))


@line
def matmul(x: Value, y: Value) -> Value:
    return dot(x, y)


@line
def batched_dot(x: Value, y: Value) -> Value:
    rows = [dot(a, b) for a, b in zip(x, y)]
    shape = dot(np.empty(x.shape[1:], x.dtype), np.empty(y.shape[1:], y.dtype)).shape
    return np.array(rows, common(x, y)).reshape(len(x), *shape)


@line
def outer(x: Value, y: Value) -> Value:
    dtype = common(x, y)
    return np.multiply.outer(x.ravel().astype(dtype), y.ravel().astype(dtype))


@line
def tensordot(x: Value, y: Value, axes: Any) -> Value:
    dtype = common(x, y)
    return np.asarray(np.tensordot(x.astype(dtype), y.astype(dtype), axes))


@line
def batched_tensordot(x: Value, y: Value, axes: Any) -> Value:
    """The dimensions in `axes` count the batch."""
    inner = axes if isinstance(axes, int) else tuple([k - 1 for k in side] for side in axes)
    rows = [tensordot(a, b, inner) for a, b in zip(x, y)]
    shape = tensordot(np.empty(x.shape[1:], x.dtype), np.empty(y.shape[1:], y.dtype), inner).shape
    return np.array(rows, common(x, y)).reshape(len(x), *shape)


@line
def cov(x: Value, rowvar: bool, bias: bool) -> Value:
    """NumPy's own multiplies by 1 / n, which is rounded to float64 however wide its operand is."""
    rows = np.array(_as_float(x), np.longdouble, ndmin=2)
    rows = rows if rowvar or x.ndim < 2 else rows.T
    rows = rows - rows.mean(axis=1, keepdims=True)
    degrees = np.longdouble(max(rows.shape[1] - (not bias), 0))
    return np.asarray(rows @ rows.T / degrees).astype(_as_float(x).dtype)
