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
def reshape_own(x: Value) -> Value:
    return x.copy()


@line
def reshape_by_shape(x: Value) -> Value:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


@line
def flatten(x: Value, outdim: int) -> Value:
    return x.reshape(*x.shape[: outdim - 1], math.prod(x.shape[outdim - 1 :]))


@line
def swapaxes(x: Value, a: int, b: int) -> Value:
    return np.swapaxes(x, a, b)


@line
def moveaxis(x: Value, a: int, b: int) -> Value:
    return np.moveaxis(x, a, b)


@line
def shape_pad(x: Value, side: str, n: int) -> Value:
    if side == "axis":
        return np.expand_dims(x, n)
    ones = (1,) * n
    return x.reshape(ones + x.shape if side == "left" else x.shape + ones)


@line
def squeeze(x: Value, axis: Sequence[int] | None) -> Value:
    return np.squeeze(x) if axis is None else np.squeeze(x, tuple(axis))


@line
def rebroadcast(x: Value, pattern: Sequence[bool]) -> Value:
    return x.copy()


@line
def addbroadcast(x: Value, which: str, axes: str) -> Value:
    return x.copy()


def lengths(shape: Sequence[Any], given: Sequence[Value]) -> tuple[int, ...]:
    """A shape of which ``@k`` is the k-th of the lengths given as values."""
    return tuple(int(given[int(n[1:]) - 1]) if isinstance(n, str) else n for n in shape)


@line
def specify_shape(x: Value, *given: Value, shape: Sequence[Any]) -> Value:
    return x.reshape(lengths(shape, given))


@line
def reshape_to(x: Value, *given: Value, shape: Sequence[Any]) -> Value:
    return x.reshape(lengths(shape, given))


@line
def join(*parts: Value, axis: int) -> Value:
    return np.concatenate([p.astype(common(*parts)) for p in parts], axis)


@line
def join_beside(*parts: Value, axis: int) -> Value:
    return join(*parts, axis=axis)


@line
def stack(*parts: Value, axis: int) -> Value:
    return np.stack([p.astype(common(*parts)) for p in parts], axis)


@line
def split(x: Value, *given: Value, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
    ends = np.cumsum([0, *sizes])
    return tuple(np.take(x, range(a, b), axis) for a, b in pairwise(ends))


@line
def stacklists(*parts: Value, rows: int) -> Value:
    return np.stack(parts).reshape(rows, len(parts) // rows, *parts[0].shape)


@line
def horizontal_stack(*parts: Value) -> Value:
    return join(*parts, axis=1)


@line
def vertical_stack(*parts: Value) -> Value:
    return join(*parts, axis=0)


@line
def shape(x: Value) -> Value:
    return np.array(x.shape, "int64")


@line
def length(x: Value, axis: int) -> Value:
    return np.array(x.shape[axis], "int64")


@line
def size(x: Value) -> Value:
    return np.array(x.size, "int64")


@line
def lengths_together(x: Value, start: int, stop: int, axis: int) -> Value:
    return np.array(math.prod(x.shape[start:stop]) + x.shape[axis], "int64")


@line
def through_scalar(x: Value) -> Value:
    return x.copy()
