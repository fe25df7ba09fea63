"""Products of vectors, matrices and batches of them.

Owns `Dot` and `BatchedDot`; everything of higher rank is reshaped to one of the two. Integer products are
exact modulo 2**bits; the order in which a product of floats is summed is the library's own, within the usual
error bound, and float16 is computed in float32 and rounded once. It must not know decompositions or solvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import upcast
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import abs_, mul, neq, pow
from reference.tensor.reduce import max as max_
from reference.tensor.reduce import min as min_
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import (
    ONE,
    as_shape_vector,
    flatten,
    normalize_axis,
    patternbroadcast,
    reshape,
    shape_tuple,
    specify_shape,
    transpose,
)

__all__ = [
    "BatchedDot", "Dot", "batched_dot", "batched_tensordot", "dot", "norm_elements", "outer", "tensordot",
]  # fmt: skip


def _product(multiply: Any, x: np.ndarray, y: np.ndarray, dtype: str) -> np.ndarray:
    wide = "float32" if dtype == "float16" else dtype
    result = multiply(x.astype(wide, copy=False), y.astype(wide, copy=False))
    return np.asarray(result).astype(dtype, copy=False)


def _swapped(x: Variable) -> Variable:
    """The last two dimensions exchanged."""
    rank = x.type.ndim
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


@dataclass(frozen=True)
class Dot(Op):
    """The product of two vectors, of a matrix and a vector, or of two matrices."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        for v in (x, y):
            if v.type.ndim not in (1, 2):
                raise TypeError(f"dot takes vectors and matrices, got {v} of type {v.type}; use T.dot or T.tensordot")
        pattern = (*x.type.broadcastable[:-1], *y.type.broadcastable[1:])
        return Apply(self, [x, y], [TensorType(upcast(x.type.dtype, y.type.dtype), pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, y = inputs
        if x.shape[-1] != y.shape[0]:
            raise ShapeError(
                f"dot: shapes {x.shape} and {y.shape} are not aligned: {x.shape[-1]} (dim {x.ndim - 1}) != "
                f"{y.shape[0]} (dim 0)"
            )
        return (_product(np.dot, x, y, node.outputs[0].type.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        x, y = shapes
        return [(*x[:-1], *y[1:])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, y), (g,) = inputs, output_gradients
        if x.type.ndim == 1 and y.type.ndim == 1:
            return [g * y, g * x]
        gx = outer(g, y) if y.type.ndim == 1 else Dot()(g, y.T)
        gy = outer(x, g) if x.type.ndim == 1 else Dot()(x.T, g)
        return [gx, gy]

    def __str__(self) -> str:
        return "dot"


def dot(a: Any, b: Any) -> Any:
    """The product over the last dimension of `a` and the last but one of `b` (the only one of a vector)."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if a.type.ndim == 0 or b.type.ndim == 0:
        return mul(a, b)
    if a.type.ndim > 2 or b.type.ndim > 2:
        return tensordot(a, b, [[a.type.ndim - 1], [max(0, b.type.ndim - 2)]])
    return Dot()(a, b)


def outer(x: Any, y: Any) -> Any:
    """The matrix of all products of an element of `x` and one of `y`; higher ranks are flattened."""
    column, row = (v if v.type.ndim == 1 else flatten(v) for v in (as_tensor_variable(x), as_tensor_variable(y)))
    return Dot()(column.dimshuffle(0, "x"), row.dimshuffle("x", 0))


@dataclass(frozen=True)
class BatchedDot(Op):
    """``dot(x[i], y[i])`` for every i: inputs of rank 2 (batches of vectors) or 3 (of matrices)."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        for v in (x, y):
            if v.type.ndim not in (2, 3):
                raise TypeError(f"batched_dot takes tensors of 2 or 3 dimensions, got {v} of type {v.type}")
        batch = x.type.broadcastable[0] and y.type.broadcastable[0]
        pattern = (batch, *x.type.broadcastable[1:-1], *y.type.broadcastable[2:])
        return Apply(self, [x, y], [TensorType(upcast(x.type.dtype, y.type.dtype), pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, y = inputs
        if x.shape[0] != y.shape[0] or x.shape[-1] != y.shape[1]:
            raise ShapeError(f"batched_dot: shapes {x.shape} and {y.shape} do not fit: the first lengths must be equal "
                             f"(the batch), and {x.shape[-1]} (last of the first) == {y.shape[1]}")  # fmt: skip
        left = x[:, None, :] if x.ndim == 2 else x
        right = y[:, :, None] if y.ndim == 2 else y
        product = _product(np.matmul, left, right, node.outputs[0].type.dtype)
        return (product.reshape(x.shape[:-1] + y.shape[2:]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        x, y = shapes
        return [(*x[:-1], *y[2:])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, y), (g,) = inputs, output_gradients
        ranks = x.type.ndim, y.type.ndim
        if ranks == (2, 2):
            g = g.dimshuffle(0, "x")
            return [g * y, g * x]
        if ranks == (2, 3):
            return [BatchedDot()(g, _swapped(y)), x.dimshuffle(0, 1, "x") * g.dimshuffle(0, "x", 1)]
        if ranks == (3, 2):
            return [g.dimshuffle(0, 1, "x") * y.dimshuffle(0, "x", 1), BatchedDot()(_swapped(x), g)]
        return [BatchedDot()(g, _swapped(y)), BatchedDot()(_swapped(x), g)]


def batched_dot(a: Any, b: Any) -> Any:
    """``dot(a[i], b[i])`` for every i."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if a.type.ndim == 0 or b.type.ndim == 0:
        raise TypeError(f"batched_dot takes tensors with a first dimension, got {a}: {a.type} and {b}: {b.type}")
    if a.type.ndim == 1:
        return a.dimshuffle(0, *["x"] * (b.type.ndim - 1)) * b
    if b.type.ndim == 1:
        return a * b.dimshuffle(0, *["x"] * (a.type.ndim - 1))
    if a.type.ndim > 3 or b.type.ndim > 3:
        return batched_tensordot(a, b, [[a.type.ndim - 1], [max(1, b.type.ndim - 2)]])
    return BatchedDot()(a, b)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over pairs of dimensions.

    `axes` is how many (the last of `a` with the first of `b`), or two lists of dimensions to be paired.
    """
    return _contracted(as_tensor_variable(a), as_tensor_variable(b), axes, batch=0)


def batched_tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """`tensordot` of ``x[i]`` and ``y[i]`` for every i; dimensions in `axes` count the first one, which they
    may not name."""
    return _contracted(as_tensor_variable(x), as_tensor_variable(y), axes, batch=1)


def _contracted(a: Variable, b: Variable, axes: Any, batch: int) -> Any:
    """Permute so that summed dimensions stand side by side, reshape to one product, and reshape back."""
    summed_a, summed_b = _paired_axes(a, b, axes, batch)
    free_a = [k for k in range(batch, a.type.ndim) if k not in summed_a]
    free_b = [k for k in range(batch, b.type.ndim) if k not in summed_b]
    shape_a, shape_b = shape_tuple(a), shape_tuple(b)
    if len(summed_a) > 1:
        # The product sees only the joint length of the summed dimensions, so each is checked here.
        wanted = [shape_a[summed_a[summed_b.index(k)]] if k in summed_b else n for k, n in enumerate(shape_b)]
        b = specify_shape(b, as_shape_vector(wanted))
    leading = list(range(batch))
    a = transpose(a, (*leading, *free_a, *summed_a))
    b = transpose(b, (*leading, *summed_b, *free_b))
    head = shape_a[:batch]
    rows, columns = _joint([shape_a[k] for k in free_a]), _joint([shape_b[k] for k in free_b])
    left = reshape(a, [*head, rows, _joint([shape_a[k] for k in summed_a])])
    right = reshape(b, [*head, _joint([shape_b[k] for k in summed_b]), columns])
    product = (BatchedDot() if batch else Dot())(left, right)
    lengths = [*head, *[shape_a[k] for k in free_a], *[shape_b[k] for k in free_b]]
    kept_a, kept_b = a.type.broadcastable[batch : batch + len(free_a)], b.type.broadcastable[batch + len(summed_b) :]
    result = reshape(product, lengths)
    return patternbroadcast(result, (*result.type.broadcastable[:batch], *kept_a, *kept_b))


def _joint(lengths: Sequence[Variable]) -> Variable:
    return lengths[0] if len(lengths) == 1 else mul(ONE, *lengths)


def _paired_axes(a: Variable, b: Variable, axes: Any, batch: int) -> tuple[list[int], list[int]]:
    if isinstance(axes, int | np.integer):
        if not 0 <= axes <= min(a.type.ndim, b.type.ndim) - batch:
            raise ValueError(f"tensordot over {axes} dimensions of {a}: {a.type} and {b}: {b.type}")
        return list(range(a.type.ndim - axes, a.type.ndim)), list(range(batch, batch + axes))
    pair = [np.ravel(side).tolist() for side in axes]
    if len(pair) != 2 or len(pair[0]) != len(pair[1]):
        raise ValueError(f"tensordot's axes are a number or two lists of one length, got {axes}")
    left = [normalize_axis(k, a.type.ndim) for k in pair[0]]
    right = [normalize_axis(k, b.type.ndim) for k in pair[1]]
    if len(set(left)) != len(left) or len(set(right)) != len(right):
        raise ValueError(f"tensordot's axes name a dimension twice: {axes}")
    if batch and (0 in left or 0 in right):
        raise ValueError(f"the first dimension is the batch and cannot be summed over: axes {axes}")
    return left, right


def norm_elements(x: Any, L: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The L-norm over `axis`: 0 counts what is not zero, inf and -inf are the extremes of |x|, anything else is
    ``sum(|x|**L) ** (1/L)``."""
    x = as_tensor_variable(x)
    if L is None:
        raise ValueError("norm needs L: 0, inf, -inf or an exponent")
    if L == 0:
        return sum_(neq(x, 0), axis=axis, keepdims=keepdims)
    if L in ("inf", np.inf):
        return max_(abs_(x), axis=axis, keepdims=keepdims)
    if L in ("-inf", -np.inf):
        return min_(abs_(x), axis=axis, keepdims=keepdims)
    return pow(sum_(pow(abs_(x), L), axis=axis, keepdims=keepdims), 1.0 / L)
