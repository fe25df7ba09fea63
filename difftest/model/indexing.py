"""Parts of arrays, read and written, in NumPy's meaning.

An index is a tuple of None, "...", integers, (start, stop, step) and "@k" for operand k, which may stand in a slice
too. It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.model.base import Value, line


def index_of(items: Sequence[Any], operands: Sequence[Value]) -> tuple[Any, ...]:
    def one(item: Any) -> Any:
        if item == "...":
            return Ellipsis
        if isinstance(item, str):
            index = operands[int(item[1:]) - 1]
            return int(index) if index.ndim == 0 else index
        return slice(*map(one, item)) if isinstance(item, tuple) else item

    return tuple(map(one, items))


@line
def subtensor(x: Value, *indices: Value, index: Sequence[Any]) -> Value:
    return np.array(x[index_of(index, indices)])


@line
def set_subtensor(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    result = x.copy()
    result[index_of(index, (y, *indices))] = y.astype(x.dtype)
    return result


@line
def inc_subtensor(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    result, places = x.copy(), index_of(index, (y, *indices))
    # Of one dimension, NumPy's add.at reads beyond the end of increments that it has to repeat.
    np.add.at(result, places, np.broadcast_to(y.astype(x.dtype), x[places].shape))
    return result


@line
def places(x: Value, *indices: Value, index: Sequence[Any]) -> Value:
    return subtensor(x, *indices, index=index)


@line
def set_places(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    """Where a place is named twice the last one stays."""
    return set_subtensor(x, y, *indices, index=index)


@line
def inc_places(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    """A place named twice is incremented twice."""
    return inc_subtensor(x, y, *indices, index=index)


@line
def take(x: Value, i: Value, axis: int | None, mode: Any = "raise") -> Value:
    return np.asarray(np.take(x, i.astype("int64"), axis, mode=mode))


@line
def mask(x: Value, which: Value) -> Value:
    return x[which]
