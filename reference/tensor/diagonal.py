"""Diagonals: reading one, making a matrix of one, summing one.

Owns nothing but the index arithmetic; a diagonal is a part of its tensor, read and written by indices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import arange, zeros
from reference.tensor.elemwise import maximum, minimum
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import normalize_axis, shape_i, transpose
from reference.tensor.subtensor import set_subtensor

__all__ = ["diag", "diagonal", "trace"]


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Variable:
    """The elements ``a[.., i, .., i + offset, ..]`` of two axes, as the last axis of the result.

    ValueError for fewer than two dimensions, as in `numpy.diagonal`.
    """
    a = as_tensor_variable(a)
    rank = a.type.ndim
    if rank < 2:
        raise ValueError(f"a diagonal needs two dimensions, got {a} of type {a.type}")
    row, column = normalize_axis(axis1, rank), normalize_axis(axis2, rank)
    if row == column:
        raise ValueError(f"a diagonal needs two different axes, got {axis1} and {axis2}")
    rest = [k for k in range(rank) if k not in (row, column)]
    down, right = max(-offset, 0), max(offset, 0)
    length = maximum(minimum(shape_i(a, row) - down, shape_i(a, column) - right), np.int64(0))
    places = arange(length)
    part = transpose(a, [row, column, *rest])[places + down, places + right]
    return transpose(part, [*range(1, rank - 1), 0])


def diag(v: Any, k: int = 0) -> Variable:
    """Diagonal `k` of a matrix; of a vector, the square matrix with it on diagonal `k` and zeros elsewhere."""
    v = as_tensor_variable(v)
    if v.type.ndim == 2:
        return diagonal(v, k)
    if v.type.ndim != 1:
        raise ValueError(f"diag takes a vector or a matrix, got {v} of type {v.type}")
    length = shape_i(v, 0) + abs(k)
    places = arange(shape_i(v, 0))
    matrix = zeros((length, length), dtype=v.type.dtype)
    return set_subtensor(matrix[places + max(-k, 0), places + max(k, 0)], v)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Variable:
    """The sum of a diagonal."""
    return sum_(diagonal(a, offset, axis1, axis2), axis=-1)
