"""Shapes: reading them and changing them.

Owns the operations whose elements are their input's, in another arrangement; `joining.py` has those of
several tensors. Elementwise meaning, indexing and reductions live elsewhere. Lengths are int64 scalars; axes are
Python ints.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import INTEGERS, is_discrete
from reference.graph.errors import ShapeError
from reference.graph.types import ScalarType, TensorType
from reference.tensor.basic import (
    NotScalarConstantError,
    as_tensor_variable,
    constant,
    get_scalar_constant_value,
)
from reference.tensor.elemwise import DimShuffle, cast, pad_left

__all__ = [
    "MakeVector", "Rebroadcast", "Reshape", "ScalarFromTensor", "Shape", "Shape_i", "SpecifyShape",
    "TensorFromScalar", "addbroadcast", "as_index", "flatten", "moveaxis", "patternbroadcast",
    "reshape", "scalar_from_tensor", "shape", "shape_i", "shape_padaxis", "shape_padleft", "shape_padright",
    "shape_tuple", "size", "specify_shape", "swapaxes", "tensor_from_scalar", "transpose", "unbroadcast",
]  # fmt: skip

ONE = constant(np.int64(1))


def normalize_axis(axis: Any, rank: int, what: str = "axis") -> int:
    """A Python int in 0..rank-1; ValueError otherwise, TypeError for what is no integer. Constants are accepted."""
    if isinstance(axis, Variable):
        axis = get_scalar_constant_value(axis)
    k = operator.index(axis)
    if not -rank <= k < rank:
        raise ValueError(f"{what} {k} is out of range for a tensor of {rank} dimensions")
    return k % rank


def as_index(x: Any) -> Variable:
    """An integer scalar variable (0-d tensor) for a length, from a number or a variable."""
    v = as_tensor_variable(x)
    if v.type.ndim != 0 or v.type.dtype not in INTEGERS:
        raise TypeError(f"expected an integer scalar, got {v} of type {v.type}")
    return as_int64(v)


def as_int64(v: Variable) -> Variable:
    """`v` as int64; a constant as a constant."""
    if v.type.dtype == "int64":
        return v
    return constant(v.data.astype("int64")) if isinstance(v, Constant) else cast(v, "int64")


def shape_of_argument(shape: Any) -> list[Variable] | Variable:
    """A shape argument as a list of lengths, or an integer vector variable whose length is not known here."""
    if isinstance(shape, Variable):
        if shape.type.ndim == 0:
            return [as_index(shape)]
        if shape.type.ndim != 1 or shape.type.dtype not in INTEGERS:
            raise TypeError(f"a shape is an integer vector, got {shape} of type {shape.type}")
        length = vector_length(shape)
        return shape if length is None else [as_index(element_of(shape, k)) for k in range(length)]
    if isinstance(shape, int | np.integer):
        return [as_index(shape)]
    return [as_index(n) for n in shape]


def vector_length(v: Variable) -> int | None:
    """The length of a vector if the graph tells it, else None."""
    if isinstance(v, Constant):
        return len(v.data)
    if v.type.broadcastable == (True,):
        return 1
    if v.owner is None:
        return None
    op, inputs = v.owner.op, v.owner.inputs
    if isinstance(op, MakeVector):
        return len(inputs)
    if isinstance(op, Shape):
        return inputs[0].type.ndim
    from reference.tensor.joining import Join

    if isinstance(op, Join) and isinstance(inputs[0], Constant):
        lengths = [vector_length(part) for part in inputs[1:]]
        return None if None in lengths else sum(n for n in lengths if n is not None)
    from reference.tensor.elemwise import Elemwise
    from reference.tensor.subtensor import Span, Subtensor

    if isinstance(op, Elemwise):
        lengths = [vector_length(x) for x in inputs if not x.type.broadcastable[0]]
        return next((n for n in lengths if n is not None), None)
    if isinstance(op, Subtensor) and isinstance(op.idx_list[0], Span):
        whole = vector_length(inputs[0])
        if whole is not None and all(isinstance(i, Constant) for i in inputs[1:]):
            values = iter(int(i.data) for i in inputs[1:])
            span = op.idx_list[0]
            parts = [None if p is None else next(values) for p in (span.start, span.stop, span.step)]
            return len(range(whole)[slice(*parts)])
    return None


def element_of(v: Variable, k: int) -> Variable:
    """Element `k` of a vector, without a node where the graph shows it."""
    if isinstance(v, Constant):
        return constant(v.data[k])
    if v.owner is not None and isinstance(v.owner.op, MakeVector):
        return v.owner.inputs[k]
    if v.owner is not None and isinstance(v.owner.op, Shape):
        return shape_i(v.owner.inputs[0], k)
    return v[k]  # type: ignore[index]


@dataclass(frozen=True)
class Shape(Op):
    """The shape of a tensor as an int64 vector."""

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [as_tensor_variable(x)], [TensorType("int64", (False,))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return (np.array(inputs[0].shape, dtype="int64"),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [(constant(np.int64(node.inputs[0].type.ndim)),)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[None]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]


@dataclass(frozen=True)
class Shape_i(Op):
    """The length of dimension `i`."""

    i: int

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if not 0 <= self.i < x.type.ndim:
            raise TypeError(f"{x} of type {x.type} has no dimension {self.i}")
        return Apply(self, [x], [TensorType("int64", ())()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return (np.array(inputs[0].shape[self.i], dtype="int64"),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [()]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[None]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def __str__(self) -> str:
        return f"Shape_i{{{self.i}}}"


def shape(x: Any) -> Variable:
    """The shape of `x`, an int64 vector."""
    return Shape()(x)


def shape_i(x: Variable, i: int) -> Variable:
    """The length of dimension `i`, a constant where the type or the value tells it."""
    if x.type.broadcastable[i]:
        return ONE
    if isinstance(x, Constant):
        return constant(np.int64(x.data.shape[i]))
    return Shape_i(i)(x)


def shape_tuple(x: Variable) -> tuple[Variable, ...]:
    """The lengths of all dimensions, one variable each."""
    return tuple(shape_i(x, i) for i in range(x.type.ndim))


def size(x: Any) -> Variable:
    """The number of elements."""
    from reference.tensor.reduce import prod

    return prod(shape(x))


@dataclass(frozen=True)
class MakeVector(Op):
    """A vector of scalars, cast to `dtype`."""

    dtype: str = "int64"

    def make_node(self, *scalars: Any) -> Apply:
        scalars = tuple(as_tensor_variable(x) for x in scalars)
        for x in scalars:
            if x.type.ndim != 0:
                raise TypeError(f"MakeVector takes scalars, got {x} of type {x.type}")
        return Apply(self, scalars, [TensorType(self.dtype, (len(scalars) == 1,))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return (np.array([x.item() if x.dtype.kind in "biu" else x for x in inputs], dtype=self.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [(constant(np.int64(len(node.inputs))),)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        if is_discrete(self.dtype):
            return [None] * len(inputs)
        return [output_gradients[0][k] for k in range(len(inputs))]


@dataclass(frozen=True)
class TensorFromScalar(Op):
    """A number as a 0-d tensor."""

    def make_node(self, s: Variable) -> Apply:
        if not isinstance(s.type, ScalarType):
            raise TypeError(f"expected a scalar, got {s} of type {s.type}")
        return Apply(self, [s], [TensorType(s.type.dtype, ())()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        return (np.asarray(inputs[0]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [()]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None if is_discrete(outputs[0].type.dtype) else scalar_from_tensor(output_gradients[0])]


@dataclass(frozen=True)
class ScalarFromTensor(Op):
    """A 0-d tensor as a number, as an index needs it."""

    def make_node(self, t: Any) -> Apply:
        t = as_tensor_variable(t)
        if t.type.ndim != 0:
            raise TypeError(f"expected a 0-d tensor, got {t} of type {t.type}")
        return Apply(self, [t], [ScalarType(t.type.dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[Any]:
        return (inputs[0][()],)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None if is_discrete(inputs[0].type.dtype) else tensor_from_scalar(output_gradients[0])]


tensor_from_scalar = TensorFromScalar()
scalar_from_tensor = ScalarFromTensor()


@dataclass(frozen=True, init=False)
class Rebroadcast(Op):
    """Change which dimensions are broadcastable, ``Rebroadcast((0, True), (1, False))``; checked at run time."""

    axes: tuple[tuple[int, bool], ...]

    view_of = {0: 0}

    def __init__(self, *axes: tuple[int, bool]):
        object.__setattr__(self, "axes", tuple((int(axis), bool(value)) for axis, value in axes))

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        pattern = list(x.type.broadcastable)
        for axis, value in self.axes:
            pattern[axis] = value
        return Apply(self, [x], [TensorType(x.type.dtype, tuple(pattern))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        for axis, value in self.axes:
            if value and x.shape[axis] != 1:
                raise ShapeError(f"dimension {axis} was declared broadcastable but the array has shape {x.shape}")
        return (x,)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        known = dict(self.axes)
        return [tuple(ONE if known.get(axis) else n for axis, n in enumerate(shapes[0]))]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [patternbroadcast(output_gradients[0], inputs[0].type.broadcastable)]

    def __str__(self) -> str:
        order = dict(self.axes)
        marks = ["?" if axis not in order else str(int(order[axis])) for axis in range(max(order) + 1)]
        return f"Rebroadcast{{{','.join(marks)}}}"


def patternbroadcast(x: Any, broadcastable: Sequence[bool]) -> Variable:
    """`x` with exactly this broadcast pattern."""
    x = as_tensor_variable(x)
    axes = tuple((k, bool(b)) for k, b in enumerate(broadcastable) if bool(b) != x.type.broadcastable[k])
    return Rebroadcast(*axes)(x) if axes else x


def addbroadcast(x: Any, *axes: int) -> Variable:
    """`x` with these dimensions broadcastable; their length must be 1 at run time."""
    x = as_tensor_variable(x)
    wanted = {normalize_axis(axis, x.type.ndim) for axis in axes}
    return patternbroadcast(x, [b or k in wanted for k, b in enumerate(x.type.broadcastable)])


def unbroadcast(x: Any, *axes: int) -> Variable:
    """`x` with these dimensions no longer broadcastable."""
    x = as_tensor_variable(x)
    wanted = {normalize_axis(axis, x.type.ndim) for axis in axes}
    return patternbroadcast(x, [b and k not in wanted for k, b in enumerate(x.type.broadcastable)])


@dataclass(frozen=True)
class SpecifyShape(Op):
    """The input, after checking that it has the given shape (an int vector)."""

    view_of = {0: 0}

    def make_node(self, x: Any, shape: Any) -> Apply:
        x, shape = as_tensor_variable(x), as_tensor_variable(shape)
        if shape.type.ndim != 1 or shape.type.dtype not in INTEGERS:
            raise TypeError(f"a shape is an integer vector, got {shape} of type {shape.type}")
        pattern = list(x.type.broadcastable)
        if isinstance(shape, Constant):
            if len(shape.data) != x.type.ndim:
                raise ValueError(f"the shape {shape.data} does not fit {x}, which has {x.type.ndim} dimensions")
            pattern = [b or n == 1 for b, n in zip(pattern, shape.data)]
        return Apply(self, [x, shape], [TensorType(x.type.dtype, tuple(pattern))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, wanted = inputs
        if x.shape != tuple(wanted.tolist()):
            raise ShapeError(f"specify_shape: got shape {x.shape}, expected {tuple(wanted.tolist())}")
        return (x,)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        wanted = node.inputs[1]
        return [tuple(cast(element_of(wanted, k), "int64") for k in range(node.inputs[0].type.ndim))]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [specify_shape(output_gradients[0], inputs[1]), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]


def specify_shape(x: Any, shape: Any) -> Variable:
    """`x`, checked at run time to have this shape."""
    return SpecifyShape()(x, shape)


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in C order with `ndim` dimensions; the second input is the shape, -1 once."""

    ndim: int

    view_of = {0: 0}

    def make_node(self, x: Any, shape: Any) -> Apply:
        x, lengths = as_tensor_variable(x), as_tensor_variable(shape)
        if lengths.type.ndim != 1 or (lengths.type.dtype not in INTEGERS and not _is_empty(lengths)):
            raise TypeError(f"a shape is an integer vector, got {lengths} of type {lengths.type}")
        lengths = as_int64(lengths)
        pattern = [False] * self.ndim
        if vector_length(lengths) is not None:
            for k in range(self.ndim):
                try:
                    pattern[k] = int(get_scalar_constant_value(element_of(lengths, k))) == 1
                except NotScalarConstantError:
                    continue
        return Apply(self, [x, lengths], [TensorType(x.type.dtype, tuple(pattern))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, wanted = inputs
        if len(wanted) != self.ndim:
            raise ShapeError(f"{self} got a shape of {len(wanted)} lengths: {wanted.tolist()}")
        try:
            return (x.reshape(tuple(wanted.tolist())),)
        except ValueError:
            raise ShapeError(f"cannot reshape an array of shape {x.shape} into {tuple(wanted.tolist())}") from None

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        from reference.tensor.elemwise import eq, floor_div, mul, switch

        wanted = [element_of(node.inputs[1], k) for k in range(self.ndim)]
        total = mul(ONE, *shapes[0]) if shapes[0] else ONE
        lengths = []
        for k, n in enumerate(wanted):
            if isinstance(n, Constant) and int(n.data) >= 0:
                lengths.append(n)
                continue
            others = [m for j, m in enumerate(wanted) if j != k]
            rest = floor_div(total, mul(ONE, *others)) if others else total
            lengths.append(rest if isinstance(n, Constant) else switch(eq(n, np.int64(-1)), rest, n))
        return [tuple(lengths)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        x = inputs[0]
        return [patternbroadcast(reshape(output_gradients[0], shape(x), ndim=x.type.ndim), x.type.broadcastable), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def __str__(self) -> str:
        return f"Reshape{{{self.ndim}}}"


def _is_empty(v: Variable) -> bool:
    return isinstance(v, Constant) and v.data.size == 0


def reshape(x: Any, newshape: Any, ndim: int | None = None) -> Variable:
    """The elements of `x` in C order in a new shape: numbers, scalars, or a vector with `ndim` given."""
    lengths = shape_of_argument(newshape)
    if isinstance(lengths, list):
        if ndim is not None and ndim != len(lengths):
            raise ValueError(f"the new shape {newshape} has {len(lengths)} dimensions, not ndim={ndim}")
        return Reshape(len(lengths))(x, as_shape_vector(lengths))
    if ndim is None:
        raise ValueError(f"how many dimensions the shape {newshape} has is not known here; pass ndim=")
    return Reshape(ndim)(x, lengths)


def as_shape_vector(lengths: Sequence[Variable]) -> Variable:
    """Lengths as one int64 vector: a constant if all are known."""
    if all(isinstance(n, Constant) for n in lengths):
        return constant(np.array([int(n.data) for n in lengths], dtype="int64"))  # type: ignore[attr-defined]
    return MakeVector("int64")(*lengths)


def flatten(x: Any, ndim: int = 1, outdim: int | None = None) -> Variable:
    """`x` with its last dimensions joined into one, so that `ndim` remain."""
    x = as_tensor_variable(x)
    ndim = ndim if outdim is None else outdim
    if not 1 <= ndim <= max(x.type.ndim, 1):
        raise ValueError(f"cannot flatten {x} of type {x.type} to {ndim} dimensions")
    if ndim == 1:
        return reshape(x, [-1] if x.type.ndim else [1])
    from reference.tensor.elemwise import mul

    lengths = shape_tuple(x)
    flat = reshape(x, [*lengths[: ndim - 1], mul(*lengths[ndim - 1 :])])
    return addbroadcast(flat, *[i for i in range(ndim - 1) if x.type.broadcastable[i]])


def transpose(x: Any, axes: Sequence[int] | None = None) -> Variable:
    """`x` with its dimensions permuted (reversed by default)."""
    x = as_tensor_variable(x)
    order = tuple(range(x.type.ndim))[::-1] if axes is None else tuple(normalize_axis(a, x.type.ndim) for a in axes)
    result = DimShuffle(x.type.broadcastable, order)(x)
    if axes is None and x.name is not None and x.type.ndim > 1:
        result.name = f"{x.name}.T"
    return result


def swapaxes(x: Any, axis1: int, axis2: int) -> Variable:
    """`x` with two dimensions exchanged."""
    x = as_tensor_variable(x)
    order = list(range(x.type.ndim))
    a, b = normalize_axis(axis1, x.type.ndim), normalize_axis(axis2, x.type.ndim)
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


def moveaxis(x: Any, source: int, destination: int) -> Variable:
    """`x` with dimension `source` moved to place `destination`."""
    x = as_tensor_variable(x)
    order = list(range(x.type.ndim))
    order.insert(normalize_axis(destination, x.type.ndim), order.pop(normalize_axis(source, x.type.ndim)))
    return transpose(x, order)


def shape_padleft(x: Any, n_ones: int = 1) -> Variable:
    """`x` with broadcastable dimensions added on the left."""
    x = as_tensor_variable(x)
    return pad_left(x, x.type.ndim + n_ones)


def shape_padright(x: Any, n_ones: int = 1) -> Variable:
    """`x` with broadcastable dimensions added on the right."""
    x = as_tensor_variable(x)
    return DimShuffle(x.type.broadcastable, (*range(x.type.ndim), *("x",) * n_ones))(x)


def shape_padaxis(x: Any, axis: int) -> Variable:
    """`x` with a new broadcastable dimension at `axis`."""
    x = as_tensor_variable(x)
    order: list[int | str] = list(range(x.type.ndim))
    order.insert(normalize_axis(axis, x.type.ndim + 1), "x")
    return DimShuffle(x.type.broadcastable, tuple(order))(x)
