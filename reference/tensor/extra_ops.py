"""What is left of NumPy's everyday functions: running sums, counting, repeating, searching, diagonals.

Most functions here are graphs of other families' operations; an Op stands here only where one is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.config import config
from reference.gradient import grad_undefined
from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import BOOL, INTEGERS, upcast
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.assertion import Assert
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.creation import alloc, arange, bartlett, zeros
from reference.tensor.elemwise import (
    DimShuffle,
    add,
    cast,
    eq,
    ge,
    int_div,
    maximum,
    mod,
    mul,
    pad_left,
    second,
    switch,
    unbroadcast_to,
)
from reference.tensor.joining import join
from reference.tensor.reduce import WIDE
from reference.tensor.reduce import max as max_
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import (
    ONE,
    addbroadcast,
    as_index,
    flatten,
    normalize_axis,
    reshape,
    shape_i,
    shape_padaxis,
    shape_tuple,
)
from reference.tensor.subtensor import inc_subtensor, set_subtensor, take

__all__ = [
    "Choose", "CumOp", "FillDiagonal", "FillDiagonalOffset", "Nonzero", "RepeatOp", "SearchsortedOp", "Unique",
    "bartlett", "bincount", "choose", "compress", "cumprod", "cumsum", "diff", "fill_diagonal",
    "fill_diagonal_offset", "flatnonzero", "nonzero", "nonzero_values", "ravel_multi_index", "repeat",
    "searchsorted", "squeeze", "to_one_hot", "unique", "unravel_index",
]  # fmt: skip


@dataclass(frozen=True)
class CumOp(Op):
    """The running sum (mode "add") or product ("mul") along an axis, of the flattened tensor if it is None.

    Sequential, every step rounded in the result's dtype; integers become 64 bits wide.
    """

    axis: int | None = None
    mode: str = "add"

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        pattern = (False,) if self.axis is None else x.type.broadcastable
        if self.axis is not None and not 0 <= self.axis < x.type.ndim:
            raise ValueError(f"{self} of {x}, which has {x.type.ndim} dimensions")
        return Apply(self, [x], [TensorType(WIDE.get(x.type.dtype, x.type.dtype), pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x = inputs[0].astype(node.outputs[0].type.dtype, copy=False)
        ufunc = np.add if self.mode == "add" else np.multiply
        return (ufunc.accumulate(x.reshape(-1) if self.axis is None else x, axis=self.axis or 0),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0] if self.axis is not None else (mul(ONE, *shapes[0]),)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """A running sum from the other end. That of a product divides by the elements, which must not be 0."""
        (x,), (out,), (g,) = inputs, outputs, output_gradients
        axis = self.axis or 0
        backwards = (*[slice(None)] * axis, slice(None, None, -1))
        if self.mode == "mul":
            g = g * out
        total = CumOp(axis, "add")(g[backwards])[backwards]
        if self.axis is None:
            total = reshape(total, shape_tuple(x))
        return [total / x if self.mode == "mul" else total]

    def __str__(self) -> str:
        return f"CumOp{{{self.axis}, {self.mode}}}"


def _cumulated(x: Any, axis: int | None, mode: str) -> Any:
    x = as_tensor_variable(x)
    return CumOp(None if axis is None else normalize_axis(axis, x.type.ndim), mode)(x)


def cumsum(x: Any, axis: int | None = None) -> Any:
    """The running sum along `axis` (of the flattened tensor if None)."""
    return _cumulated(x, axis, "add")


def cumprod(x: Any, axis: int | None = None) -> Any:
    """The running product along `axis` (of the flattened tensor if None)."""
    return _cumulated(x, axis, "mul")


def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours along `axis`, `n` times over; of bools, whether they differ."""
    x = as_tensor_variable(x)
    before = (slice(None),) * normalize_axis(axis, x.type.ndim)
    for _ in range(n):
        later, earlier = x[before + (slice(1, None),)], x[before + (slice(None, -1),)]
        x = later ^ earlier if x.type.dtype == BOOL else later - earlier
    return x


def bincount(x: Any, weights: Any = None, minlength: Any = None, assert_nonneg: bool = False) -> Any:
    """How often each of 0, 1, ..., max(x) occurs in the vector `x`, or the sum of its `weights` there; a negative
    number is an error, with `assert_nonneg` or without."""
    x = as_tensor_variable(x)
    if x.type.ndim != 1 or x.type.dtype not in INTEGERS:
        raise TypeError(f"bincount counts a vector of integers, got {x} of type {x.type}")
    x = Assert("bincount counts numbers from 0 up, not negative ones")(cast(x, "int64"), ge(x, 0))
    length = max_(join(0, x, np.array([-1]))) + 1
    if minlength is not None:
        length = maximum(length, as_index(minlength))
    if weights is None:
        return inc_subtensor(zeros((length,), dtype="int64")[x], np.int64(1))
    weights = as_tensor_variable(weights)
    return inc_subtensor(zeros((length,), dtype=weights.type.dtype)[x], weights)


@dataclass(frozen=True)
class RepeatOp(Op):
    """Element i along an axis (of the flattened tensor if None) repeated `repeats[i]` times: inputs x, repeats."""

    axis: int | None = None

    def make_node(self, x: Any, repeats: Any) -> Apply:
        x, repeats = as_tensor_variable(x), as_tensor_variable(repeats)
        if repeats.type.ndim != 1 or repeats.type.dtype not in INTEGERS:
            raise TypeError(f"repeat takes an integer or a vector of integers, got {repeats} of type {repeats.type}")
        pattern = [False] if self.axis is None else list(x.type.broadcastable)
        pattern[self.axis or 0] = False
        return Apply(self, [x, repeats], [TensorType(x.type.dtype, tuple(pattern))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, repeats = inputs
        length = x.size if self.axis is None else x.shape[self.axis]
        if len(repeats) != length or (repeats < 0).any():
            raise ShapeError(f"repeat: {len(repeats)} counts (each at least 0) for {length} elements along the axis")
        return (np.repeat(x, repeats.astype("int64"), axis=self.axis),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        total = cast(sum_(node.inputs[1]), "int64")
        if self.axis is None:
            return [(total,)]
        return [(*shapes[0][: self.axis], total, *shapes[0][self.axis + 1 :])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, repeats), (g,) = inputs, output_gradients
        flat = flatten(x) if self.axis is None else x
        axis = self.axis or 0
        source = RepeatOp(0)(arange(shape_i(flat, axis)), repeats)
        total = inc_subtensor(take(second(flat, np.zeros((), g.type.dtype)), source, axis), g)
        return [reshape(total, shape_tuple(x)) if self.axis is None else total, None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element along `axis` (of the flattened tensor if None) `repeats` times, or ``repeats[i]`` times."""
    x, repeats = as_tensor_variable(x), as_tensor_variable(repeats)
    if repeats.type.ndim == 1:
        if not repeats.type.broadcastable[0]:
            return RepeatOp(None if axis is None else normalize_axis(axis, x.type.ndim))(x, repeats)
        repeats = repeats[0]
    if axis is None:
        x, axis = flatten(x), 0
    k = normalize_axis(axis, x.type.ndim)
    lengths = list(shape_tuple(x))
    count = as_index(repeats)
    spread = alloc(shape_padaxis(x, k + 1), *lengths[: k + 1], count, *lengths[k + 1 :])
    return reshape(spread, [*lengths[:k], mul(lengths[k], count), *lengths[k + 1 :]])


def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without its broadcastable dimensions, or without those in `axis`, whose length must be 1."""
    x = as_tensor_variable(x)
    if axis is None:
        gone = [k for k, b in enumerate(x.type.broadcastable) if b]
    else:
        gone = [normalize_axis(k, x.type.ndim) for k in (axis if isinstance(axis, list | tuple) else [axis])]
        x = addbroadcast(x, *gone)
    return DimShuffle(x.type.broadcastable, tuple(k for k in range(x.type.ndim) if k not in gone))(x)


@dataclass(frozen=True)
class Nonzero(Op):
    """Where a tensor is not zero: a matrix with a row a dimension, in C order."""

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.ndim == 0:
            raise ValueError(f"nonzero takes a tensor with dimensions, got {x} of type {x.type}")
        return Apply(self, [x], [TensorType("int64", (False, False))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return (np.array(np.nonzero(inputs[0]), dtype="int64"),)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]


def nonzero(a: Any, return_matrix: bool = False) -> Any:
    """The indices of the elements that are not zero: a tuple of vectors, one a dimension, or one matrix."""
    places = Nonzero()(a)
    return places if return_matrix else tuple(places[k] for k in range(as_tensor_variable(a).type.ndim))


def flatnonzero(a: Any) -> Any:
    """The places, in the flattened tensor, of the elements that are not zero."""
    a = as_tensor_variable(a)
    return nonzero(flatten(a), return_matrix=True)[0]


def nonzero_values(a: Any) -> Any:
    """The elements that are not zero, in C order."""
    a = as_tensor_variable(a)
    return take(flatten(a), flatnonzero(a), 0)


def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The elements along `axis` (of the flattened tensor if None) where the vector `condition` is true."""
    return take(x, flatnonzero(condition), axis)


@dataclass(frozen=True)
class SearchsortedOp(Op):
    """Where to insert values so that a sorted vector stays sorted: inputs x, v and perhaps the order of x."""

    side: str = "left"

    def make_node(self, x: Any, v: Any, sorter: Any = None) -> Apply:
        x, v = as_tensor_variable(x), as_tensor_variable(v)
        if x.type.ndim != 1:
            raise ValueError(f"searchsorted looks into a vector, got {x} of type {x.type}")
        inputs = [x, v]
        if sorter is not None:
            sorter = as_tensor_variable(sorter)
            if sorter.type.ndim != 1 or sorter.type.dtype not in INTEGERS:
                raise TypeError(f"searchsorted's sorter is a vector of integers, got {sorter} of type {sorter.type}")
            inputs.append(sorter)
        return Apply(self, inputs, [TensorType("int64", v.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        x, v, *sorter = inputs
        ordered = x[sorter[0]] if sorter else x
        return (np.asarray(np.searchsorted(ordered, v, side=self.side), dtype="int64"),)  # type: ignore[call-overload]

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[1]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None] * len(inputs)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]][: len(node.inputs)]


def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where to insert each of `v` into the sorted vector `x`: before equal elements, or after (side='right')."""
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted's side is 'left' or 'right', not {side!r}")
    return SearchsortedOp(side)(x, v, sorter) if sorter is not None else SearchsortedOp(side)(x, v)


@dataclass(frozen=True)
class FillDiagonalOffset(Op):
    """A matrix with the diagonal `offset` set to a value: inputs a, value, offset."""

    def make_node(self, a: Any, value: Any, offset: Any) -> Apply:
        a, value, offset = as_tensor_variable(a), as_tensor_variable(value), as_index(offset)
        if a.type.ndim != 2:
            raise TypeError(f"fill_diagonal_offset takes a matrix, got {a} of type {a.type}")
        return Apply(self, [a, _diagonal_value(self, a, value), offset], [TensorType(a.type.dtype, (False, False))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        a, value, offset = inputs
        result = a.copy()
        k = int(offset)
        rows = np.arange(max(0, -k), max(0, min(a.shape[0], a.shape[1] - k)))
        result[rows, rows + k] = value
        return (result,)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        a, _, offset = inputs
        (g,) = output_gradients
        diagonal = self(second(a, np.int8(0)), np.int8(1), offset)
        return [switch(diagonal, 0, g), sum_(switch(diagonal, g, 0)), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]


@dataclass(frozen=True)
class FillDiagonal(Op):
    """A tensor with the elements whose indices are all equal set to a value: inputs a, value."""

    def make_node(self, a: Any, value: Any) -> Apply:
        a, value = as_tensor_variable(a), as_tensor_variable(value)
        if a.type.ndim < 2:
            raise TypeError(f"fill_diagonal takes a tensor of at least 2 dimensions, got {a} of type {a.type}")
        return Apply(self, [a, _diagonal_value(self, a, value)], [TensorType(a.type.dtype, a.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        a, value = inputs
        if a.ndim > 2 and len(set(a.shape)) > 1:
            raise ShapeError(f"fill_diagonal of more than 2 dimensions needs equal lengths, got shape {a.shape}")
        result = a.copy()
        result[(np.arange(min(a.shape)),) * a.ndim] = value
        return (result,)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (g,) = output_gradients
        diagonal = self(second(inputs[0], np.int8(0)), np.int8(1))
        return [switch(diagonal, 0, g), sum_(switch(diagonal, g, 0))]


def _diagonal_value(op: Op, a: Variable, value: Variable) -> Variable:
    if value.type.ndim != 0:
        raise TypeError(f"{op}: the value is a scalar, got {value} of type {value.type}")
    if not np.can_cast(value.type.dtype, a.type.dtype, casting="same_kind"):
        raise TypeError(f"{op}: a {value.type.dtype} value ({value}) does not go into {a} of type {a.type}")
    return cast(value, a.type.dtype)


def fill_diagonal(a: Any, val: Any) -> Any:
    """`a` with its main diagonal set to the scalar `val`."""
    return FillDiagonal()(a, val)


def fill_diagonal_offset(a: Any, val: Any, offset: Any) -> Any:
    """The matrix `a` with its diagonal `offset` (above the main one if positive) set to the scalar `val`."""
    return FillDiagonalOffset()(a, val, offset)


def to_one_hot(y: Any, nb_class: Any, dtype: str | None = None) -> Any:
    """A matrix with a row for each element of the integer vector `y`: 1 in that column, else 0."""
    y = as_tensor_variable(y)
    rows = shape_i(y, 0)
    return set_subtensor(zeros((rows, nb_class), dtype=dtype or config.floatX)[arange(rows), y], np.int8(1))


@dataclass(frozen=True)
class Unique(Op):
    """The sorted distinct elements along an axis (of the flattened tensor if None), and on demand where each
    first occurs, which of them each element is, and how often each occurs."""

    return_index: bool = False
    return_inverse: bool = False
    return_counts: bool = False
    axis: int | None = None

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        pattern = (False,) * (1 if self.axis is None else x.type.ndim)
        extra = self.return_index + self.return_inverse + self.return_counts
        counts = [TensorType("int64", (False,))() for _ in range(extra)]
        return Apply(self, [x], [TensorType(x.type.dtype, pattern)(), *counts])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        wanted = (self.return_index, self.return_inverse, self.return_counts)
        found: Any = np.unique(inputs[0], *wanted, axis=self.axis)  # type: ignore[call-overload]
        values, *counts = found if isinstance(found, tuple) else (found,)
        return (values, *[np.asarray(c, dtype="int64").reshape(-1) for c in counts])

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [grad_undefined(self, 0, inputs[0])]


def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None
) -> Any:
    """The sorted distinct elements of `ar`, with the counts that `numpy.unique` gives on demand."""
    return Unique(return_index, return_inverse, return_counts, axis)(ar)


@dataclass(frozen=True)
class Choose(Op):
    """Element by element, the one of several tensors that an integer names: inputs index, then the choices.

    `mode` 'raise', 'wrap' or 'clip' says what an integer out of range does.
    """

    mode: str = "raise"

    def make_node(self, index: Any, *choices: Any) -> Apply:
        operands = [as_tensor_variable(v) for v in (index, *choices)]
        if not choices or operands[0].type.dtype not in ("bool", *INTEGERS):
            raise TypeError(f"choose takes integers and at least one choice, got {index} and {len(choices)} choices")
        rank = max(v.type.ndim for v in operands)
        operands = [pad_left(v, rank) for v in operands]
        dtype = upcast(*[v.type.dtype for v in operands[1:]])
        pattern = tuple(all(axis) for axis in zip(*[v.type.broadcastable for v in operands]))
        return Apply(self, operands, [TensorType(dtype, pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        index, *choices = inputs
        index = index.astype("int64")
        if self.mode == "raise" and index.size and not (index.min() >= 0 and index.max() < len(choices)):
            raise ValueError(f"choose: an index lies outside 0..{len(choices) - 1}")
        index = index % len(choices) if self.mode == "wrap" else index.clip(0, len(choices) - 1)
        stacked = np.stack(np.broadcast_arrays(*[c.astype(node.outputs[0].type.dtype) for c in choices], index)[:-1])
        chosen = np.take_along_axis(stacked, np.broadcast_to(index, stacked.shape[1:])[None], axis=0)
        return (np.asarray(chosen[0]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        lengths = []
        for axis, stretches in enumerate(node.outputs[0].type.broadcastable):
            fixed = [s[axis] for v, s in zip(node.inputs, shapes) if not v.type.broadcastable[axis]]
            lengths.append(ONE if stretches else fixed[0])
        return [tuple(lengths)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        index, *choices = inputs
        (out,), (g,) = outputs, output_gradients
        if self.mode == "wrap":
            index = mod(index, np.int64(len(choices)))
        elif self.mode == "clip":
            index = as_tensor_variable(index).clip(0, len(choices) - 1)
        terms = [switch(eq(index, np.int64(k)), g, 0) for k in range(len(choices))]
        return [None, *[unbroadcast_to(t, c, out) for t, c in zip(terms, choices)]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] + [[True]] * (len(node.inputs) - 1)


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """Element by element, ``choices[a]``, for a list of tensors. `mode` is 'raise', 'wrap' or 'clip'."""
    if out is not None:
        raise NotImplementedError("choose does not write into `out`: graphs have no in-place operations")
    if isinstance(choices, Variable) or mode not in ("raise", "wrap", "clip"):
        raise TypeError(
            f"choose takes a list of tensors and mode 'raise', 'wrap' or 'clip', got {choices} and {mode!r}"
        )
    return Choose(mode)(a, *choices)


def unravel_index(indices: Any, dims: Any, order: str = "C", ndim: int | None = None) -> tuple[Any, ...]:
    """The coordinates, in a tensor with lengths `dims`, of places in the flattened tensor.

    `ndim` says how many lengths there are where the graph does not tell.
    """
    indices = cast(as_tensor_variable(indices), "int64")
    lengths = [as_index(dims[k]) for k in range(ndim)] if ndim is not None else [as_index(n) for n in dims]
    coordinates = []
    for n in lengths[::-1] if order == "C" else lengths:
        coordinates.append(mod(indices, n))
        indices = int_div(indices, n)
    return tuple(coordinates[::-1] if order == "C" else coordinates)


def ravel_multi_index(multi_index: Sequence[Any], dims: Any, mode: str = "raise", order: str = "C") -> Any:
    """The places in the flattened tensor of coordinates in a tensor with lengths `dims`.

    Coordinates outside are taken modulo the length ("wrap") or moved to the border ("clip"); with "raise"
    there must be none.
    """
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    pairs = [(cast(as_tensor_variable(i), "int64"), as_index(dims[k])) for k, i in enumerate(multi_index)]
    place: Any = constant(np.int64(0))
    for i, n in pairs if order == "C" else pairs[::-1]:
        if mode != "raise":
            i = mod(i, n) if mode == "wrap" else i.clip(0, n - 1)
        place = add(mul(place, n), i)
    return place
