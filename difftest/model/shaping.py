"""Steps that only move elements: shapes, joins, allocation, indices.

It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from difftest.model.base import Value, common, line

# Shape: the elements stay, their places change.


@line
def dimshuffle(x: Value, order: Sequence[Any]) -> Value:
    kept = [k for k in order if k != "x"]
    moved = x.reshape([x.shape[k] for k in range(x.ndim) if k in kept]).transpose(np.argsort(np.argsort(kept)))
    return moved.reshape([1 if k == "x" else x.shape[k] for k in order])


@line
def transpose(x: Value, axes: Sequence[int]) -> Value:
    return np.transpose(x, axes)


@line
def transposed(x: Value) -> Value:
    return x.T


@line
def reshape(x: Value, shape: Sequence[int]) -> Value:
    return x.reshape(shape)


@line
def reshape_by_shape(x: Value) -> Value:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


@line
def flatten(x: Value, outdim: int) -> Value:
    return x.reshape(*x.shape[: outdim - 1], math.prod(x.shape[outdim - 1 :]))


@line
def join(*parts: Value, axis: int) -> Value:
    return np.concatenate([p.astype(common(*parts)) for p in parts], axis)


@line
def stack(*parts: Value, axis: int) -> Value:
    return np.stack([p.astype(common(*parts)) for p in parts], axis)


@line
def split(x: Value, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
    ends = np.cumsum([0, *sizes])
    return tuple(np.take(x, range(a, b), axis) for a, b in pairwise(ends))


@line
def tile(x: Value, reps: Sequence[int]) -> Value:
    return np.tile(x, reps)


@line
def repeat(x: Value, times: int, axis: int) -> Value:
    return np.repeat(x, times, axis)


@line
def alloc(x: Value, shape: Sequence[int]) -> Value:
    return np.broadcast_to(x, shape).copy()


@line
def zeros_like(x: Value) -> Value:
    return np.zeros(x.shape, x.dtype)


@line
def ones_like(x: Value) -> Value:
    return np.ones(x.shape, x.dtype)


@line
def zeros(shape: Sequence[int], dtype: str) -> Value:
    return np.zeros(shape, dtype)


@line
def eye(n: int, m: int, k: int, dtype: str) -> Value:
    return np.eye(n, m, k, dtype)


@line
def arange(start: int, stop: int, step: int, dtype: str) -> Value:
    return np.array(list(range(start, stop, step)), dtype)


@line
def arange_to(n: Value) -> Value:
    return np.arange(int(n), dtype="int64")


@line
def constant(value: Any, dtype: str) -> Value:
    if np.dtype(dtype).kind != "c":
        return np.array(value, dtype)
    pairs = np.array(value, "float64")
    if pairs.shape[-1:] != (2,):
        return np.empty(pairs.shape, dtype)
    return (pairs[..., 0] + 1j * pairs[..., 1]).astype(dtype)


@line
def shape(x: Value) -> Value:
    return np.array(x.shape, "int64")


@line
def length(x: Value, axis: int) -> Value:
    return np.array(x.shape[axis], "int64")
