"""Order: sorting, the largest few, searching, counting, what is there at all.

Equal elements keep their order, and NaN comes last. It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.model.base import Value, line


@line
def sort(x: Value, axis: int | None) -> Value:
    return np.sort(x, axis, kind="stable")


@line
def argsort(x: Value, axis: int | None) -> Value:
    return np.argsort(x, axis, kind="stable").astype("int64")


@line
def topk_and_argtopk(x: Value, kth: int, axis: int) -> tuple[Value, Value]:
    """The largest first; of equal ones the first first; NaN is what no number is larger or smaller than."""
    moved = np.moveaxis(x, axis, -1)
    rows = []
    for row in moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1]):
        nan = [k for k, v in enumerate(row.tolist()) if v != v]
        rest = [k for k in range(len(row)) if k not in nan]
        rest.sort(key=lambda k: row[k].item() if kth < 0 else -row[k].item())
        rows.append((rest + nan)[: abs(kth)])
    places = np.array(rows, "int64").reshape(*moved.shape[:-1], min(abs(kth), moved.shape[-1]))
    places = np.moveaxis(places, -1, axis)
    return np.take_along_axis(x, places, axis), places


@line
def topk(x: Value, kth: int, axis: int) -> Value:
    return topk_and_argtopk(x, kth, axis)[0]


@line
def argtopk(x: Value, kth: int, axis: int) -> Value:
    return topk_and_argtopk(x, kth, axis)[1]


@line
def searchsorted(x: Value, v: Value, *sorter: Value, side: Any) -> Value:
    return np.asarray(np.searchsorted(x[sorter[0]] if sorter else x, v, side)).astype("int64")


@line
def unique(x: Value, which: Sequence[bool], axis: int | None) -> Any:
    found: Any = np.unique(x, *which, axis=axis)  # type: ignore[call-overload]
    if not any(which):
        return found
    return tuple(v if k == 0 else np.ravel(v).astype("int64") for k, v in enumerate(found))


@line
def bincount(x: Value, *weights: Value, minlength: int | None) -> Value:
    result = np.zeros(max(max(x.tolist(), default=-1) + 1, minlength or 0), weights[0].dtype if weights else "int64")
    for k, n in enumerate(x.tolist()):
        result[n] += weights[0][k] if weights else 1
    return result


@line
def confusion_matrix(actual: Value, pred: Value) -> tuple[Value, Value]:
    order = np.unique(np.concatenate([actual, pred]))
    counts = [[np.sum((actual == a) & (pred == p)) for p in order] for a in order]
    return np.array(counts, "int64").reshape(len(order), len(order)), order


@line
def take_along_axis(x: Value, i: Value, axis: int) -> Value:
    return np.take_along_axis(x, i.astype("int64"), axis)


@line
def permute_row_elements(x: Value, order: Value, inverse: int) -> Value:
    return x[..., np.argsort(order) if inverse else order]


@line
def to_one_hot(labels: Value, classes: int, dtype: str) -> Value:
    result = np.zeros((len(labels), classes), dtype)
    result[np.arange(len(labels)), labels] = 1
    return result


@line
def nonzero(x: Value, ndim: int) -> Any:
    places = tuple(k.astype("int64") for k in np.nonzero(x))
    return places if ndim > 1 else places[0]


@line
def nonzero_matrix(x: Value) -> Value:
    return np.array(np.nonzero(x), "int64")


@line
def flatnonzero(x: Value) -> Value:
    return np.flatnonzero(x).astype("int64")


@line
def nonzero_values(x: Value) -> Value:
    return x[np.nonzero(x)]


@line
def compress(x: Value, which: Value, axis: int | None) -> Value:
    return np.compress(which, x, axis)


@line
def choose(which: Value, *choices: Value, mode: str) -> Value:
    dtype = np.result_type(*[c.dtype for c in choices])
    places = which.astype("int64")
    places = places % len(choices) if mode == "wrap" else places.clip(0, len(choices) - 1)
    spread = np.broadcast_arrays(places, *[c.astype(dtype) for c in choices])
    result = np.empty(spread[0].shape, dtype)
    for place in np.ndindex(result.shape):
        result[place] = spread[1 + spread[0][place]][place]
    return result
