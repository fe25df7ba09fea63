"""Tensors made from lengths and numbers.

Owns allocation, ranges and the identity's family. Values come from the arguments alone, never from data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import INTEGERS, is_discrete, upcast
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import cast, eq, maximum, second, switch
from reference.tensor.shape import ONE, as_index, shape_of_argument, shape_tuple

__all__ = [
    "ARange", "Alloc", "AllocEmpty", "Eye", "Tri", "alloc", "arange", "eye", "fill", "identity_like", "mgrid",
    "ogrid", "ones", "ones_like", "tri", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def _lengths_pattern(lengths: Sequence[Variable]) -> tuple[bool, ...]:
    return tuple(isinstance(n, Constant) and int(n.data) == 1 for n in lengths)


def _checked_shape(op: Op, lengths: Sequence[Any]) -> tuple[int, ...]:
    shape = tuple(int(n) for n in lengths)
    if any(n < 0 for n in shape):
        raise ShapeError(f"{op} got a negative length: shape {shape}")
    return shape


@dataclass(frozen=True)
class Alloc(Op):
    """A value spread to a shape: inputs are the value, then one length a dimension.

    The value's dimensions are matched from the right; each is broadcastable or has the given length.
    """

    def make_node(self, value: Any, *lengths: Any) -> Apply:
        value = as_tensor_variable(value)
        sizes = [as_index(n) for n in lengths]
        if value.type.ndim > len(sizes):
            raise TypeError(f"alloc to {len(sizes)} dimensions of {value}, which has {value.type.ndim}")
        pattern = _lengths_pattern(sizes)
        return Apply(self, [value, *sizes], [TensorType(value.type.dtype, pattern)()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        value, *lengths = inputs
        shape = _checked_shape(self, lengths)
        offset = len(shape) - value.ndim
        for axis, n in enumerate(value.shape):
            if n != shape[offset + axis] and not (n == 1 and node.inputs[0].type.broadcastable[axis]):
                raise ShapeError(f"alloc cannot spread a value of shape {value.shape} to {shape}")
        out = np.empty(shape, dtype=value.dtype)
        out[...] = value
        return (out,)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [tuple(node.inputs[1:])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        from reference.tensor.reduce import sum as sum_

        value, g = inputs[0], output_gradients[0]
        if is_discrete(value.type.dtype):
            return [None] * len(inputs)
        offset = g.type.ndim - value.type.ndim
        g = sum_(g, axis=list(range(offset))) if offset else g
        stretched = [k for k, b in enumerate(value.type.broadcastable) if b and not g.type.broadcastable[k]]
        g = sum_(g, axis=stretched, keepdims=True) if stretched else g
        return [g, *[None] * (len(inputs) - 1)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)


@dataclass(frozen=True)
class AllocEmpty(Op):
    """A tensor whose elements nobody should read before writing them; here they are zeros, so that they are
    the same everywhere."""

    dtype: str

    def make_node(self, *lengths: Any) -> Apply:
        sizes = [as_index(n) for n in lengths]
        return Apply(self, sizes, [TensorType(self.dtype, _lengths_pattern(sizes))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        return (np.zeros(_checked_shape(self, inputs), dtype=self.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [tuple(node.inputs)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None] * len(inputs)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * len(node.inputs)


def alloc(value: Any, *shape: Any) -> Variable:
    """`value` spread to the shape given as separate lengths (or one sequence)."""
    if len(shape) == 1 and not isinstance(shape[0], int | np.integer):
        return Alloc()(value, *_known_lengths(shape[0]))
    return Alloc()(value, *shape)


def _known_lengths(shape: Any) -> list[Variable]:
    lengths = shape_of_argument(shape)
    if not isinstance(lengths, list):
        raise ValueError(f"the number of dimensions of the shape {shape} is not known here; pass a tuple")
    return lengths


def zeros(shape: Any, dtype: str | None = None) -> Variable:
    """Zeros of a shape (lengths or a vector of known length), floatX unless `dtype` says otherwise."""
    return Alloc()(np.zeros((), dtype=dtype or config.floatX), *_known_lengths(shape))


def ones(shape: Any, dtype: str | None = None) -> Variable:
    """Ones of a shape, floatX unless `dtype` says otherwise."""
    return Alloc()(np.ones((), dtype=dtype or config.floatX), *_known_lengths(shape))


def fill(a: Any, b: Any) -> Variable:
    """`b` in the shape of `a`."""
    return second(a, b)


def _like(model: Any, value: int, dtype: str | None, opt: bool) -> Variable:
    model = as_tensor_variable(model)
    number = constant(np.asarray(value, dtype=dtype or model.type.dtype))
    if opt and isinstance(model, Constant):
        return constant(np.full(model.data.shape, value, dtype=dtype or model.type.dtype))
    return second(model, number)


def zeros_like(model: Any, dtype: str | None = None, opt: bool = False) -> Variable:
    """Zeros in the shape of `model`."""
    return _like(model, 0, dtype, opt)


def ones_like(model: Any, dtype: str | None = None, opt: bool = False) -> Variable:
    """Ones in the shape of `model`."""
    return _like(model, 1, dtype, opt)


@dataclass(frozen=True)
class ARange(Op):
    """start, start + step, ... up to but not including stop."""

    dtype: str

    def make_node(self, start: Any, stop: Any, step: Any) -> Apply:
        parts = [as_tensor_variable(v) for v in (start, stop, step)]
        for v in parts:
            if v.type.ndim != 0:
                raise TypeError(f"arange takes scalars, got {v} of type {v.type}")
        return Apply(self, parts, [TensorType(self.dtype, (False,))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        start, stop, step = (v.item() for v in inputs)
        if step == 0:
            raise ValueError("arange: the step is 0")
        if self.dtype == "int64" and isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
            return (np.arange(start, stop, step),)
        count = max(int(np.ceil((stop - start) / step)), 0) if self._real() else len(range(start, stop, step))
        # Element k is start + k*step, each operation rounded in the result's dtype.
        k = np.arange(count).astype(self.dtype)
        with np.errstate(all="ignore"):
            first, stride = (np.asarray(v).astype(self.dtype) for v in (inputs[0], inputs[2]))
            return (np.add(first, np.multiply(k, stride)),)

    def _real(self) -> bool:
        return self.dtype not in INTEGERS

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        from reference.tensor.elemwise import ceil, maximum, sub, true_div

        start, stop, step = node.inputs
        if all(v.type.dtype in INTEGERS for v in node.inputs):
            if isinstance(step, Constant) and int(step.data) == 1:
                return [(maximum(sub(cast(stop, "int64"), cast(start, "int64")), np.int64(0)),)]
            raise NotImplementedError
        length = ceil(true_div(sub(cast(stop, "float64"), cast(start, "float64")), cast(step, "float64")))
        return [(maximum(cast(length, "int64"), np.int64(0)),)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        from reference.tensor.reduce import sum as sum_

        (g,) = output_gradients
        if is_discrete(self.dtype):
            return [None] * 3
        return [sum_(g), None, sum_(g * cast(arange(outputs[0].shape[0]), g.type.dtype))]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [True]]


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str | None = None) -> Variable:
    """Evenly spaced numbers as `numpy.arange` gives them; integers give int64."""
    if stop is None:
        start, stop = 0, start
    start, stop, step = as_tensor_variable(start), as_tensor_variable(stop), as_tensor_variable(step)
    if dtype is None:
        dtype = upcast(start.type.dtype, stop.type.dtype, step.type.dtype)
        dtype = "int64" if dtype in ("bool", *INTEGERS) and dtype != "uint64" else dtype
    return ARange(dtype)(start, stop, step)


@dataclass(frozen=True)
class Eye(Op):
    """Ones on diagonal k of an n by m matrix: inputs n, m, k."""

    dtype: str

    def make_node(self, n: Any, m: Any, k: Any) -> Apply:
        sizes = [as_index(v) for v in (n, m, k)]
        return Apply(self, sizes, [TensorType(self.dtype, (False, False))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        n, m = _checked_shape(self, inputs[:2])
        return (np.eye(n, m, int(inputs[2]), dtype=self.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [tuple(node.inputs[:2])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None] * 3

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * 3


@dataclass(frozen=True)
class Tri(Eye):
    """Ones on and below diagonal k of an n by m matrix."""

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        n, m = _checked_shape(self, inputs[:2])
        return (np.tri(n, m, int(inputs[2]), dtype=self.dtype),)


def eye(n: Any, m: Any = None, k: Any = 0, dtype: str | None = None) -> Variable:
    """Ones on diagonal `k` of an `n` by `m` matrix, zeros elsewhere."""
    return Eye(dtype or config.floatX)(n, n if m is None else m, k)


def identity_like(x: Any) -> Variable:
    """The identity with the shape and dtype of the matrix `x`."""
    rows, columns = shape_tuple(as_tensor_variable(x))
    return eye(rows, columns, dtype=x.type.dtype)


def tri(n: Any, m: Any = None, k: Any = 0, dtype: str | None = None) -> Variable:
    """Ones on and below diagonal `k`, zeros above."""
    return Tri(dtype or config.floatX)(n, n if m is None else m, k)


def tril(m: Any, k: Any = 0) -> Variable:
    """The matrix with zeros above diagonal `k`."""
    rows, columns = shape_tuple(m)
    return m * tri(rows, columns, k=k, dtype=m.type.dtype)


def triu(m: Any, k: Any = 0) -> Variable:
    """The matrix with zeros below diagonal `k`."""
    rows, columns = shape_tuple(m)
    return m * (constant(np.ones((), dtype=m.type.dtype)) - tri(rows, columns, k=as_index(k) - ONE, dtype=m.type.dtype))


def bartlett(M: Any) -> Any:
    """The triangular window of `M` points, zero at both ends."""
    count = as_index(M)
    last = cast(maximum(count - 1, ONE), "float64")
    k = cast(arange(count), "float64")
    rising = 2.0 * k / last
    window = switch(k <= last / 2.0, rising, 2.0 - rising)
    return switch(eq(count, 1), ones((count,), dtype="float64"), window)


@dataclass(frozen=True)
class _Grid:
    """`T.mgrid[a:b, c:d]` and `T.ogrid`: ranges along the axes, spread or broadcastable."""

    sparse: bool

    def __getitem__(self, args: Any) -> list[Variable]:
        spans = args if isinstance(args, tuple) else (args,)
        ranges = [arange(0 if s.start is None else s.start, s.stop, 1 if s.step is None else s.step) for s in spans]
        rank = len(ranges)
        shaped = [r.dimshuffle(*["x"] * k, 0, *["x"] * (rank - k - 1)) for k, r in enumerate(ranges)]  # type: ignore[attr-defined]
        if self.sparse:
            return shaped
        lengths = [r.shape[0] for r in ranges]  # type: ignore[attr-defined]
        dtype = upcast(*[r.type.dtype for r in ranges])  # type: ignore[attr-defined]
        return [Alloc()(cast(r, dtype), *lengths) for r in shaped]


mgrid = _Grid(sparse=False)
ogrid = _Grid(sparse=True)
