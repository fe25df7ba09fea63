"""Elementwise operations and the permutation of dimensions.

Owns `Elemwise`, which lifts a row of the scalar table to tensors with Theano's static broadcasting, and
`DimShuffle`. What a row means stands in `reference/scalar.py`; here nothing depends on which row it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from reference import scalar
from reference.config import config
from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import BOOL, is_discrete
from reference.graph.errors import ShapeError
from reference.graph.types import NullType, TensorType
from reference.scalar_op import ScalarOp
from reference.tensor.basic import as_tensor_variable

__all__ = ["DimShuffle", "Elemwise", "cast"]


@dataclass(frozen=True, eq=False, init=False)
class Elemwise(Op):
    """A scalar operation applied element by element: a row of the table, or something that gives one by `as_row(name)`.

    Operands of lower rank are padded with broadcastable dimensions on the left. A dimension stretches
    only where its type says broadcastable; run-time lengths must otherwise be equal (ShapeError).
    """

    scalar_op: ScalarOp

    def __init__(
        self, scalar_op: Any, inplace_pattern: Any = None, name: str | None = None, nfunc_spec: Any = None,
        openmp: bool | None = None,
    ):  # fmt: skip
        """Theano's arguments about memory and C are taken, and mean nothing."""
        row = scalar_op if isinstance(scalar_op, ScalarOp) else scalar_op.as_row(name)
        object.__setattr__(self, "scalar_op", row)

    @property
    def name(self) -> str:
        return self.scalar_op.name

    def make_node(self, *inputs: Any) -> Apply:
        operands = [as_tensor_variable(x) for x in inputs]
        rank = max([x.type.ndim for x in operands], default=0)
        operands = [pad_left(x, rank) for x in operands]
        try:
            result = _result_type(self.scalar_op, *[x.type for x in operands])
        except TypeError as error:
            described = ", ".join(f"{x}: {x.type}" for x in operands)
            raise TypeError(f"{error} (operands {described})") from None
        return Apply(self, operands, [result()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return self.thunk(node)(*inputs)

    def plain(self, node: Apply) -> Callable[..., np.ndarray]:
        row = self.scalar_op
        value = row.specialized(*[v.type.dtype for v in node.inputs])
        fresh = isinstance(value, np.ufunc) or (value is not row and row.transcendental)
        return _owned(value) if node.outputs[0].type.ndim == 0 or not fresh else value

    def thunk(self, node: Apply) -> Callable[..., tuple[np.ndarray]]:
        value = self.plain(node)
        if len(node.inputs) == 1:
            return lambda x: (value(x),)
        fitting: Any = None

        def run(*inputs: np.ndarray) -> tuple[np.ndarray]:
            nonlocal fitting
            shapes = [x.shape for x in inputs]
            if shapes != fitting:
                check_broadcast(node, inputs)
                fitting = shapes
            return (value(*inputs),)

        def run_two(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray]:
            nonlocal fitting
            if x.shape != y.shape and (x.shape, y.shape) != fitting:
                check_broadcast(node, (x, y))
                fitting = x.shape, y.shape
            return (value(x, y),)

        return run_two if len(node.inputs) == 2 else run

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        lengths = []
        for axis, stretches in enumerate(node.outputs[0].type.broadcastable):
            fixed = [s[axis] for v, s in zip(node.inputs, shapes) if not v.type.broadcastable[axis]]
            lengths.append(as_tensor_variable(np.int64(1)) if stretches else fixed[0])
        return [tuple(lengths)]

    def L_op(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> Sequence[Any]:
        import reference.tensor as ns

        (output,), (g,) = outputs, output_gradients
        if is_discrete(output.type.dtype):
            return [ns.zeros_like(x, dtype=config.floatX) for x in inputs]
        if self.scalar_op.grad is None:
            raise NotImplementedError(f"the gradient of {self} is not defined")
        # A derivative's formula does arithmetic that bools do not have.
        wide = self.scalar_op.transcendental
        given = [cast(x, output.type.dtype) if wide and x.type.dtype == BOOL else x for x in inputs]
        terms = self.scalar_op.grad(ns, given, output, g)
        return [
            t if t is None or isinstance(t.type, NullType) else unbroadcast_to(t, x, output)
            for t, x in zip(terms, inputs, strict=True)
        ]

    def __str__(self) -> str:
        if self.scalar_op.bare:
            return self.scalar_op.name
        if self.scalar_op.name.startswith("Cast{"):
            return f"Elemwise{{{self.scalar_op.name}}}"
        return f"Elemwise{{{self.scalar_op.name},no_inplace}}"

    __repr__ = __str__


@lru_cache(maxsize=4096)
def _result_type(row: ScalarOp, *operands: TensorType) -> TensorType:
    pattern = tuple(all(axis) for axis in zip(*[x.broadcastable for x in operands]))
    return TensorType(row.output_dtype(*[x.dtype for x in operands]), pattern)


def _owned(value: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """`value` with an array of its own as the result: 0-d results come as scalars, and some rows hand an
    operand through."""

    def run(*inputs: np.ndarray) -> np.ndarray:
        result = np.asarray(value(*inputs))
        return result.copy() if result.base is not None or any(result is x for x in inputs) else result

    return run


def check_broadcast(node: Apply, inputs: Sequence[np.ndarray]) -> None:
    """Raise ShapeError unless the run-time shapes agree wherever the types do not say broadcastable."""
    result_shape(node, [x.shape for x in inputs])


def result_shape(node: Apply, given: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of the result for operands of these shapes; ShapeError if they do not agree."""
    first = given[0]
    if all(shape == first for shape in given):
        return first
    patterns = [v.type.broadcastable for v in node.inputs]
    result = []
    for axis in range(len(first)):
        lengths = {shape[axis] for shape, pattern in zip(given, patterns) if not pattern[axis]}
        result.append(max(lengths, default=1))
        if len(lengths) > 1:
            shapes = ", ".join(map(str, given))
            hint = (
                "; a dimension of length 1 stretches only if its type says so: declare it broadcastable "
                "(T.row, T.col, T.addbroadcast)"
                if 1 in lengths
                else ""
            )
            raise ShapeError(f"dimension mismatch in {node.op}: the operands have shapes {shapes}, axis {axis}{hint}")
    return tuple(result)


def pad_left(x: Variable, rank: int) -> Variable:
    """`x` with broadcastable dimensions added on the left up to `rank`."""
    missing = rank - x.type.ndim
    if missing == 0:
        return x
    return DimShuffle(x.type.broadcastable, ("x",) * missing + tuple(range(x.type.ndim)))(x)


def unbroadcast_to(g: Variable, x: Variable, output: Variable) -> Variable:
    """Sum the gradient `g`, of `output`'s shape or broadcastable to it, over the axes along which `x` was stretched."""
    import reference.tensor as ns

    stretched = [
        axis
        for axis, (mine, out) in enumerate(zip(x.type.broadcastable, output.type.broadcastable))
        if mine and not out
    ]
    if g.type.broadcastable != output.type.broadcastable:
        g = ns.fill(output, g)
    return ns.sum(g, axis=stretched, keepdims=True) if stretched else g


@dataclass(frozen=True)
class DimShuffle(Op):
    """Permute, drop and add dimensions.

    `new_order` lists, for each output dimension, the input dimension it is or 'x' for a new broadcastable
    one. An input dimension that is not listed is dropped and must be broadcastable.
    """

    input_broadcastable: tuple[bool, ...]
    new_order: tuple[int | str, ...]

    view_of = {0: 0}

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_broadcastable", tuple(self.input_broadcastable))
        object.__setattr__(self, "new_order", tuple(self.new_order))
        kept = [axis for axis in self.new_order if axis != "x"]
        rank = len(self.input_broadcastable)
        for axis in kept:
            if not isinstance(axis, int | np.integer) or not 0 <= axis < rank:
                raise ValueError(f"dimshuffle pattern {self.new_order} mentions {axis!r}; the input has rank {rank}")
        if len(set(kept)) != len(kept):
            raise ValueError(f"dimshuffle pattern {self.new_order} mentions a dimension twice")
        for axis in self.dropped:
            if not self.input_broadcastable[axis]:
                raise ValueError(
                    f"dimshuffle pattern {self.new_order} drops dimension {axis}, which is not broadcastable "
                    f"in {self.input_broadcastable}"
                )

    @property
    def dropped(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(len(self.input_broadcastable)) if axis not in self.new_order)

    @property
    def kept(self) -> tuple[int, ...]:
        """The input dimensions that remain, in output order."""
        return tuple(axis for axis in self.new_order if isinstance(axis, int))

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.broadcastable != self.input_broadcastable:
            raise TypeError(f"{self} was made for the pattern {self.input_broadcastable}, got {x} of type {x.type}")
        pattern = tuple(axis == "x" or self.input_broadcastable[axis] for axis in self.new_order)  # type: ignore[index]
        return Apply(self, [x], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        return self.thunk(node)(*inputs)

    def thunk(self, node: Apply) -> Callable[..., tuple[np.ndarray]]:
        dropped = self.dropped
        order = self.kept + dropped
        kept = [None if axis == "x" else slice(None) for axis in self.new_order]
        places = (*kept, *[0] * len(dropped), ...)

        def run(x: np.ndarray) -> tuple[np.ndarray]:
            for axis in dropped:
                if x.shape[axis] != 1:
                    raise ShapeError(f"{self} drops dimension {axis} of shape {x.shape}; its length must be 1")
            return (x.transpose(order)[places],)

        return run

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        one = as_tensor_variable(np.int64(1))
        return [tuple(one if axis == "x" else shapes[0][axis] for axis in self.new_order)]

    def L_op(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> Sequence[Variable]:
        (g,) = output_gradients
        rank = len(self.input_broadcastable)
        back = [self.new_order.index(axis) if axis in self.new_order else "x" for axis in range(rank)]
        return [DimShuffle(g.type.broadcastable, tuple(back))(g)]

    def __str__(self) -> str:
        return f"DimShuffle{{{','.join(map(str, self.new_order))}}}"


def cast(x: Any, dtype: str) -> Variable:
    """`x` converted to `dtype`; itself if it has that dtype already."""
    x = as_tensor_variable(x)
    dtype = TensorType(dtype, ()).dtype
    if x.type.dtype == dtype:
        return x
    if x.type.dtype.startswith("complex") and not dtype.startswith("complex"):
        raise TypeError(f"casting {x} from {x.type.dtype} to {dtype} drops the imaginary part; use T.real or T.abs_")
    return Elemwise(scalar.cast_to(dtype))(x)


_instances = {name: Elemwise(row) for name, row in scalar.TABLE.items()}
_instances.update({alias: _instances[name] for alias, name in scalar.ALIASES.items()})
__all__ += list(_instances)
globals().update(_instances)


def __getattr__(name: str) -> Elemwise:
    raise AttributeError(f"no elementwise operation is called {name!r}; reference.scalar.TABLE lists them")
