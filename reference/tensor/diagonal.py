"""Diagonals, and what is made of them.

Owns no operation: a diagonal is a part of a tensor, indexed by two ranges.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.graph.core import Variable
from reference.graph.dtypes import is_discrete
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.creation import arange, zeros
from reference.tensor.elemwise import add, cast, maximum, minimum, sub, true_div
from reference.tensor.joining import concatenate
from reference.tensor.linalg import dot
from reference.tensor.reduce import mean
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import normalize_axis, shape_i, transpose
from reference.tensor.sort import argsort, take_along_axis
from reference.tensor.subtensor import set_subtensor

__all__ = ["cov", "diag", "diagonal", "permute_row_elements", "trace"]


def _places(length: Any, offset: int) -> tuple[Any, Any]:
    """Rows and columns of the diagonal `offset` (above the main one if positive), `length` of them."""
    steps = arange(length)
    return (steps, add(steps, np.int64(offset))) if offset >= 0 else (sub(steps, np.int64(offset)), steps)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of the matrices along `axis1` and `axis2`, as the last dimension of the result."""
    a = as_tensor_variable(a)
    first, second = normalize_axis(axis1, a.type.ndim), normalize_axis(axis2, a.type.ndim)
    if first == second:
        raise ValueError(f"a diagonal needs two different dimensions, got {axis1} and {axis2} of {a}")
    a = transpose(a, [*(k for k in range(a.type.ndim) if k not in (first, second)), first, second])
    rows, columns = (shape_i(a, k) for k in (a.type.ndim - 2, a.type.ndim - 1))
    fitting = minimum(add(rows, np.int64(min(offset, 0))), sub(columns, np.int64(max(offset, 0))))
    return a[(Ellipsis,) + _places(maximum(fitting, np.int64(0)), offset)]


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return sum_(diagonal(a, offset, axis1, axis2), axis=-1)


def diag(v: Any, k: int = 0) -> Any:
    """The diagonal `k` of a matrix; or, of a vector, the matrix that has it there and zeros elsewhere."""
    v = as_tensor_variable(v)
    if v.type.ndim == 2:
        return diagonal(v, k)
    if v.type.ndim != 1:
        raise ValueError(f"diag takes a vector or a matrix, got {v} of type {v.type}")
    length = shape_i(v, 0)
    side = add(length, np.int64(abs(k)))
    return set_subtensor(zeros((side, side), dtype=v.type.dtype)[_places(length, k)], v)


def permute_row_elements(x: Any, y: Any, inverse: Any = 0) -> Any:
    """The elements of each row (the last dimension) of `x` in the order that `y`, a permutation or one a row,
    gives; or put back from it, if `inverse`."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if not is_discrete(y.type.dtype) or y.type.ndim > x.type.ndim:
        raise TypeError(f"permute_row_elements takes permutations of {x}, got {y} of type {y.type}")
    if isinstance(inverse, Variable):
        raise TypeError("permute_row_elements needs to know `inverse` while the graph is built: 0 or 1")
    places = argsort(y, axis=-1) if inverse else y
    if places.type.ndim < x.type.ndim:
        places = places.dimshuffle(*["x"] * (x.type.ndim - places.type.ndim), *range(places.type.ndim))
    return take_along_axis(x, places, x.type.ndim - 1)


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    """The covariance matrix of variables, each a row of `m` (a column unless `rowvar`); `y` adds variables.

    Divides by the number of observations minus `ddof`, which is 1, or 0 if `bias`.
    """
    observations = [_as_rows(v, rowvar) for v in (m, y) if v is not None]
    rows = concatenate(observations, axis=0) if len(observations) > 1 else observations[0]
    less = (0 if bias else 1) if ddof is None else ddof
    deviations = sub(rows, mean(rows, axis=1, keepdims=True))
    count = maximum(sub(shape_i(rows, 1), np.int64(less)), np.int64(0))
    return true_div(dot(deviations, deviations.T), cast(count, deviations.type.dtype))


def _as_rows(v: Any, rowvar: bool) -> Any:
    v = as_tensor_variable(v)
    if v.type.ndim > 2:
        raise ValueError(f"cov takes vectors and matrices, got {v} of type {v.type}")
    if is_discrete(v.type.dtype):
        v = cast(v, "float64")
    if v.type.ndim < 2:
        return v.dimshuffle("x", 0) if v.type.ndim else v * constant(np.ones((1, 1), v.type.dtype))
    return v if rowvar else v.T
