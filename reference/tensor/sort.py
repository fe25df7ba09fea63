"""Sorting.

Owns the one order: rising, NaN last, equal elements in the order in which they came (every `kind` is stable).
It must not hold operations that merely use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import COMPLEX, is_discrete
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import arange
from reference.tensor.elemwise import cast, invert, neg
from reference.tensor.shape import flatten, normalize_axis, shape_i
from reference.tensor.subtensor import take

__all__ = [
    "ArgSortOp", "SortOp", "argsort", "argtopk", "sort", "take_along_axis", "topk", "topk_and_argtopk",
]  # fmt: skip


@dataclass(frozen=True)
class _Sorting(Op):
    kind: str = "quicksort"
    order: str | None = None

    def operands(self, x: Any, axis: Any) -> tuple[Variable, Variable]:
        x, axis = as_tensor_variable(x), as_tensor_variable(axis)
        if x.type.dtype in COMPLEX:
            raise TypeError(f"complex numbers have no order: sort of {x} of type {x.type}")
        if axis.type.ndim != 0 or not is_discrete(axis.type.dtype):
            raise TypeError(f"the axis of a sort is an integer, got {axis} of type {axis.type}")
        if isinstance(axis, Constant):
            normalize_axis(axis, x.type.ndim, "sort axis")
        return x, axis

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def __str__(self) -> str:
        return f"{type(self).__name__}{{{self.kind}, {self.order}}}"


class SortOp(_Sorting):
    """The elements along an axis in rising order: inputs x, axis."""

    def make_node(self, x: Any, axis: Any = -1) -> Apply:
        x, axis = self.operands(x, axis)
        return Apply(self, [x, axis], [x.type()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, axis = inputs
        return (np.sort(x, axis=int(axis), kind="stable"),)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Every gradient goes back to where its element came from."""
        (x, axis), (g,) = inputs, output_gradients
        k = normalize_axis(axis, x.type.ndim)
        places = argsort(argsort(x, k), k)
        return [take_along_axis(g, places, k), None]


class ArgSortOp(_Sorting):
    """The places from which a sorted tensor takes its elements: inputs x, axis."""

    def make_node(self, x: Any, axis: Any = -1) -> Apply:
        x, axis = self.operands(x, axis)
        return Apply(self, [x, axis], [TensorType("int64", x.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, axis = inputs
        return (np.argsort(x, axis=int(axis), kind="stable").astype("int64", copy=False),)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None, None]


def sort(a: Any, axis: Any = -1, kind: str = "quicksort", order: str | None = None) -> Any:
    """A sorted copy along `axis` (of the flattened tensor if None)."""
    a = as_tensor_variable(a)
    return SortOp(kind, order)(flatten(a), 0) if axis is None else SortOp(kind, order)(a, axis)


def argsort(a: Any, axis: Any = -1, kind: str = "quicksort", order: str | None = None) -> Any:
    """The indices that sort `a` along `axis` (the flattened tensor if None)."""
    a = as_tensor_variable(a)
    return ArgSortOp(kind, order)(flatten(a), 0) if axis is None else ArgSortOp(kind, order)(a, axis)


def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """``x[..., indices[..., j, ...], ...]``: along `axis` the element that `indices`, a tensor of x's rank, names."""
    x, indices = as_tensor_variable(x), as_tensor_variable(indices)
    rank, axis = x.type.ndim, normalize_axis(axis, x.type.ndim)
    if rank == 1:
        return take(x, indices, 0)
    places = [
        indices if k == axis else arange(shape_i(x, k)).dimshuffle(*["x"] * k, 0, *["x"] * (rank - k - 1))
        for k in range(rank)
    ]
    return x[tuple(places)]


def topk_and_argtopk(
    x: Any, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64"
) -> list[Any]:
    """The `kth` largest elements along `axis` (of the flattened tensor if None), largest first, and their places; the
    smallest if `kth` is negative."""
    x = as_tensor_variable(x)
    if axis is None:
        x, axis = flatten(x), 0
    if isinstance(kth, Variable) or int(kth) == 0:
        raise ValueError(f"topk takes a number of elements other than 0, got {kth}")
    turned = x if kth < 0 else invert(x) if is_discrete(x.type.dtype) else neg(x)
    axis = normalize_axis(axis, x.type.ndim)
    places = argsort(turned, axis)[(slice(None),) * axis + (slice(None, abs(int(kth))),)]
    return [take_along_axis(x, places, axis), cast(places, idx_dtype)]


def topk(x: Any, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """The elements of `topk_and_argtopk`."""
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[0]


def argtopk(x: Any, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """The places of `topk_and_argtopk`."""
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[1]
