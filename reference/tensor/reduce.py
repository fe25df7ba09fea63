"""Reductions: sums, products, extremes, and what is made of them.

Owns the order in which elements are combined, `reduce_in_order`, which is a function of the shape alone:
NumPy's own result changes with memory layout and buffer size. It must not know any backend; a backend
reproduces the order stated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import COMPLEX, SIGNED, UNSIGNED, is_discrete, upcast
from reference.graph.types import DisconnectedType, TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import DimShuffle, cast, eq, invert, neg, neq, second, sqrt, switch, true_div
from reference.tensor.shape import makeKeepDims, normalize_axis, shape

__all__ = [
    "All", "Any", "Argmax", "Max", "MaxAndArgmax", "Prod", "Sum", "all", "any", "argmax", "argmin", "max",
    "max_and_argmax", "mean", "min", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip

python_any, python_sum = any, sum


def reduce_in_order(ufunc: np.ufunc, x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Reduce `axes` of `x` one at a time, the last axis first, in an order that the shape alone decides.

    An axis with only length-1 dimensions after it is summed pairwise: at most 128 elements in 8 interleaved
    partial sums, more by halves, the cut rounded down to a multiple of 8. Any other axis is combined
    sequentially, element by element. Products are always sequential. This is what NumPy does with a
    C-contiguous operand, which is what it gets here.
    """
    x = np.ascontiguousarray(x).reshape(x.shape)
    for axis in sorted(axes, reverse=True):
        before, length, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        inner = int(np.prod(after))
        block = x.reshape(int(np.prod(before)), length, inner) if inner != 1 else x.reshape(int(np.prod(before)), length)
        x = ufunc.reduce(block, axis=1).reshape(before + after)
    return x


def axes_of(axis: Any, rank: int) -> tuple[int, ...] | None:
    """An axis argument (None, an int, a constant, a sequence) as a sorted tuple; None stays None."""
    if axis is None:
        return None
    given = axis if isinstance(axis, list | tuple | np.ndarray) else [axis]
    axes = sorted(normalize_axis(a, rank) for a in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"an axis occurs twice in {axis}")
    return tuple(axes)


@dataclass(frozen=True)
class Reduction(Op):
    """What all reductions share: `axis`, a sorted tuple, or None for all."""

    axis: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.axis, int | np.integer):
            object.__setattr__(self, "axis", (int(self.axis),))
        elif self.axis is not None:
            object.__setattr__(self, "axis", tuple(sorted(int(a) for a in self.axis)))

    def axes(self, rank: int) -> tuple[int, ...]:
        """The reduced dimensions of an operand of that rank."""
        if self.axis is None:
            return tuple(range(rank))
        for axis in self.axis:
            if not 0 <= axis < rank:
                raise ValueError(f"{self} reduces axis {axis} of a tensor of {rank} dimensions")
        return self.axis

    def output_type(self, x: Variable, dtype: str) -> TensorType:
        gone = self.axes(x.type.ndim)
        return TensorType(dtype, tuple(b for k, b in enumerate(x.type.broadcastable) if k not in gone))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        gone = self.axes(node.inputs[0].type.ndim)
        kept = tuple(n for k, n in enumerate(shapes[0]) if k not in gone)
        return [kept for _ in node.outputs]

    def spread(self, reduced: Variable, x: Variable) -> Variable:
        """`reduced` with broadcastable dimensions where `x` was reduced."""
        return makeKeepDims(x, reduced, self.axes(x.type.ndim))


_WIDE = {**dict.fromkeys(("bool", *SIGNED), "int64"), **dict.fromkeys(UNSIGNED, "uint64")}
_ACCUMULATOR = {**_WIDE, "float16": "float32", "float32": "float64", "complex64": "complex128"}


@dataclass(frozen=True)
class Accumulation(Reduction):
    """A reduction that rounds: `dtype` of the result, `acc_dtype` of the arithmetic.

    Left None, integers become 64 bits wide, and float16, float32 and complex64 are accumulated in the
    next wider dtype.
    """

    dtype: str | None = None
    acc_dtype: str | None = None

    ufunc: ClassVar[np.ufunc]

    def resolved(self, source: str) -> tuple[str, str]:
        """(dtype, acc_dtype) for an operand dtype."""
        dtype = self.dtype or _WIDE.get(source, source)
        joint = upcast(source, dtype)
        return dtype, self.acc_dtype or _ACCUMULATOR.get(joint, joint)

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        dtype, acc_dtype = self.resolved(x.type.dtype)
        if x.type.dtype in COMPLEX and not {dtype, acc_dtype} <= set(COMPLEX):
            raise TypeError(f"{self} of {x} of dtype {x.type.dtype}: a complex sum does not become {dtype}")
        op = self
        if (dtype, acc_dtype) != (self.dtype, self.acc_dtype):
            op = type(self)(self.axis, dtype, acc_dtype)
        return Apply(op, [x], [op.output_type(x, dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        dtype, acc_dtype = self.resolved(x.dtype.name)
        total = reduce_in_order(self.ufunc, x.astype(acc_dtype, order="C", copy=False), self.axes(x.ndim))
        total = np.asarray(total).astype(dtype, copy=False)
        return (total.copy() if np.may_share_memory(total, x) else total,)


class Sum(Accumulation):
    """The sum over `axis`. An empty sum is 0."""

    ufunc = np.add

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x,), (g,) = inputs, output_gradients
        return [second(x, self.spread(g, x))]

    def R_op(self, inputs: Any, eval_points: Any) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0])]

    def __str__(self) -> str:
        where = "" if self.axis is None else f"axis=[{', '.join(map(str, self.axis))}], "
        return f"Sum{{{where}acc_dtype={self.acc_dtype}}}"


class Prod(Accumulation):
    """The product over `axis`. An empty product is 1."""

    ufunc = np.multiply

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """The product of the others, found without dividing by zero: where one element is zero only its own
        derivative is not, and where two are, none is."""
        (x,), (g,) = inputs, output_gradients
        zero = eq(x, 0)
        nonzero = switch(zero, 1, x)
        others = second(x, self.spread(Prod(self.axis, self.dtype, self.acc_dtype)(nonzero), x))
        zeros = self.spread(Sum(self.axis)(zero), x)
        derivative = switch(eq(zeros, 0), others / nonzero, switch(eq(zeros, 1) & zero, others, 0))
        return [self.spread(g, x) * derivative]

    def __str__(self) -> str:
        return f"Prod{{axis={self.axis}, dtype={self.dtype!r}, acc_dtype={self.acc_dtype!r}}}"


class _Logical(Reduction):
    """A reduction of truth values; anything but 0 is true."""

    ufunc: ClassVar[np.ufunc]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.dtype != "bool":
            x = neq(x, 0)
        return Apply(self, [x], [self.output_type(x, "bool")()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        result = np.asarray(self.ufunc.reduce(x, axis=self.axes(x.ndim)))
        return (result.copy() if np.may_share_memory(result, x) else result,)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def __str__(self) -> str:
        name = type(self).__name__
        return name if self.axis is None else f"{name}{{{', '.join(map(str, self.axis))}}}"


class All(_Logical):
    """True where every element is; of nothing, True."""

    ufunc = np.logical_and


class Any(_Logical):  # type: ignore[no-redef]
    """True where some element is; of nothing, False."""

    ufunc = np.logical_or
