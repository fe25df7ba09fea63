"""Elements repeated and spread, and arrays made from nothing.

It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.model.base import Value, line
from difftest.model.shaping import lengths


@line
def tile(x: Value, reps: Sequence[int]) -> Value:
    return np.tile(x, reps)


@line
def repeat(x: Value, *counts: Value, times: Any, axis: int | None) -> Value:
    return np.repeat(x, counts[0].astype("int64") if counts else times, axis)


@line
def roll(x: Value, *shift: Value, by: int, axis: int | None) -> Value:
    return np.roll(x, by, axis)


@line
def alloc(x: Value, *given: Value, shape: Sequence[Any]) -> Value:
    return np.broadcast_to(x, lengths(shape, given)).copy()


@line
def zeros_like(x: Value, dtype: str | None = None) -> Value:
    return np.zeros(x.shape, dtype or x.dtype)


@line
def ones_like(x: Value, dtype: str | None = None) -> Value:
    return np.ones(x.shape, dtype or x.dtype)


@line
def zeros(*given: Value, shape: Sequence[Any], dtype: str) -> Value:
    return np.zeros(lengths(shape, given), dtype)


@line
def ones(*given: Value, shape: Sequence[Any], dtype: str) -> Value:
    return np.ones(lengths(shape, given), dtype)


@line
def eye(n: int, m: int, k: int, dtype: str) -> Value:
    return np.eye(n, m, k, dtype)


@line
def tri(n: int, m: int, k: int, dtype: str) -> Value:
    return np.tri(n, m, k, dtype)


@line
def arange(start: float, stop: float, step: float, dtype: str | None) -> Value:
    length = max(math.ceil((stop - start) / step), 0)
    return np.array([start + k * step for k in range(length)], dtype or "int64")


@line
def arange_to(n: Value) -> Value:
    return np.arange(int(n), dtype="int64")


@line
def arange_symbolic(start: Value, stop: Value, step: int) -> Value:
    return np.arange(int(start), int(stop), step, dtype="int64")


@line
def grid(which: str, spans: str) -> tuple[Value, ...]:
    ranges = [np.arange(*map(int, span.split(":")), dtype="int64") for span in spans.split(", ")]
    return tuple(np.meshgrid(*ranges, indexing="ij", sparse=which == "o"))


@line
def bartlett(n: int) -> Value:
    return np.bartlett(n)


@line
def constant(value: Any, dtype: str) -> Value:
    """A complex number is the pair of its parts."""
    if np.dtype(dtype).kind != "c":
        return np.array(value, dtype)
    pairs = np.array(value, "float64")
    if pairs.shape[-1:] != (2,):
        return np.empty(pairs.shape, dtype)
    result = np.empty(pairs.shape[:-1], dtype)
    result.real, result.imag = pairs[..., 0], pairs[..., 1]
    return result


# Diagonals.


@line
def diagonal(x: Value, k: int, a: int, b: int) -> Value:
    return np.diagonal(x, k, a, b).copy()


@line
def trace(x: Value, k: int) -> Value:
    parts = np.diagonal(x, k)
    wide = {"f": "float64", "c": "complex128", "u": "uint64"}.get(x.dtype.kind, "int64")
    return np.asarray(parts.astype(wide).sum(axis=-1)).astype(x.dtype if x.dtype.kind in "fc" else wide)


@line
def diag(x: Value, k: int) -> Value:
    return np.diag(x, k).copy()


@line
def tril(x: Value, k: int) -> Value:
    """Elements are multiplied by 0 and 1, so that infinite ones leave NaN where they should vanish."""
    return x * np.tri(x.shape[0], x.shape[1], k, x.dtype)


@line
def triu(x: Value, k: int) -> Value:
    return x * (np.ones((), x.dtype) - np.tri(x.shape[0], x.shape[1], k - 1, x.dtype))


@line
def identity_like(x: Value) -> Value:
    return np.eye(*x.shape, dtype=x.dtype)


@line
def fill_diagonal(x: Value, value: Value) -> Value:
    result = x.copy()
    for k in range(min(x.shape)):
        result[(k,) * x.ndim] = value
    return result


@line
def fill_diagonal_offset(x: Value, value: Value, offset: Value) -> Value:
    result = x.copy()
    k = int(offset)
    for row in range(x.shape[0]):
        if 0 <= row + k < x.shape[1]:
            result[row, row + k] = value
    return result


@line
def unravel_index(places: Value, dims: Sequence[int], order: Any) -> tuple[Value, ...]:
    return tuple(v.astype("int64") for v in np.unravel_index(places.astype("int64"), dims, order))


@line
def ravel_multi_index(rows: Value, columns: Value, dims: Sequence[int], mode: Any, order: Any) -> Value:
    return np.asarray(np.ravel_multi_index((rows, columns), dims, mode, order)).astype("int64")  # type: ignore[call-overload]
