"""Steps that combine elements: reductions, sorting, products of matrices, networks.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from difftest.model.base import Value, common, line

# Reductions.


def _accumulator(dtype: np.dtype, what: str) -> np.dtype:
    """Sums and products: float16 and float32 in float64, small integers in 64 bits."""
    if dtype.kind == "f":
        return np.dtype("float64")
    return np.dtype("uint64" if dtype.kind == "u" else "int64")


def _reduced(x: Value, axis: Any, dtype: str | None, operation: Callable[..., Value], keepdims: bool) -> Value:
    inner = _accumulator(x.dtype, "sum")
    outer = x.dtype if x.dtype.kind == "f" else inner
    if dtype is not None:
        outer = np.dtype(dtype)
        inner = np.dtype("float64") if outer.kind == "f" else outer
    return np.asarray(operation(x.astype(inner), axis=axis, keepdims=keepdims)).astype(outer)


@line
def sum_(x: Value, axis: Any, keepdims: bool, dtype: str | None) -> Value:
    return _reduced(x, axis, dtype, np.sum, keepdims)


@line
def prod(x: Value, axis: Any, keepdims: bool, dtype: str | None) -> Value:
    return _reduced(x, axis, dtype, np.prod, keepdims)


def _as_float(x: Value) -> Value:
    return x if x.dtype.kind == "f" else x.astype("float64")


@line
def mean(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.mean(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def var(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.var(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def std(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.std(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def max_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.max(x, axis=axis, keepdims=keepdims))


@line
def min_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.min(x, axis=axis, keepdims=keepdims))


@line
def all_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.all(x, axis=axis, keepdims=keepdims))


@line
def any_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.any(x, axis=axis, keepdims=keepdims))


@line
def argmax(x: Value, axis: int | None) -> Value:
    return np.asarray(np.argmax(x, axis)).astype("int64")


@line
def argmin(x: Value, axis: int | None) -> Value:
    return np.asarray(np.argmin(x, axis)).astype("int64")


@line
def max_and_argmax(x: Value, axis: int | None) -> tuple[Value, Value]:
    return max_(x, axis, False), argmax(x, axis)


@line
def cumsum(x: Value, axis: int | None) -> Value:
    return np.cumsum(x, axis, dtype=_running(x.dtype))


@line
def cumprod(x: Value, axis: int | None) -> Value:
    return np.cumprod(x, axis, dtype=_running(x.dtype))


def _running(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind == "f" else _accumulator(dtype, "cumsum")


@line
def sort(x: Value, axis: int | None) -> Value:
    return np.sort(x, axis, kind="stable")


@line
def argsort(x: Value, axis: int | None) -> Value:
    return np.argsort(x, axis, kind="stable").astype("int64")


@line
def diff(x: Value, axis: int) -> Value:
    return np.diff(x, axis=axis)


# Products of matrices.


@line
def dot(x: Value, y: Value) -> Value:
    return np.asarray(np.dot(x.astype(common(x, y)), y.astype(common(x, y))))


@line
def batched_dot(x: Value, y: Value) -> Value:
    dtype = common(x, y)
    rows = [np.dot(a, b) for a, b in zip(x.astype(dtype), y.astype(dtype))]
    shape = (*x.shape[:-1], *y.shape[2:])
    return np.array(rows, dtype).reshape(shape)


@line
def outer(x: Value, y: Value) -> Value:
    dtype = common(x, y)
    return np.multiply.outer(x.ravel().astype(dtype), y.ravel().astype(dtype))


@line
def tensordot(x: Value, y: Value, axes: int) -> Value:
    dtype = common(x, y)
    return np.asarray(np.tensordot(x.astype(dtype), y.astype(dtype), axes))


# Networks.


@line
def softmax(x: Value) -> Value:
    wide = x.astype("float64")
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(x.dtype)


@line
def logsoftmax(x: Value) -> Value:
    wide = x.astype("float64")
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).astype(x.dtype)


@line
def relu(x: Value) -> Value:
    return (x + np.abs(x)) * np.array(0.5, common(x, np.zeros((), "float32")))


@line
def binary_crossentropy(x: Value, target: Value) -> Value:
    dtype = common(x, target, np.zeros((), "float32"))  # 1.0 - target: the float constant is a float32
    wide, t = x.astype("float64"), target.astype("float64")
    return (-(t * np.log(wide) + (1 - t) * np.log(1 - wide))).astype(dtype)


@line
def categorical_crossentropy(x: Value, labels: Value) -> Value:
    return -np.log(x.astype("float64"))[np.arange(len(labels)), labels].astype(x.dtype)
