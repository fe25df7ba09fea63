"""Reductions: sums, products, extremes, and what is made of them.

Owns the order in which elements are combined, `reduce_in_order`, which is a function of the shape alone:
NumPy's own result changes with memory layout and buffer size. It must not know any backend; a backend
reproduces the order stated here.
"""

from __future__ import annotations

import math
import sys
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import COMPLEX, SIGNED, UNSIGNED, is_discrete, upcast
from reference.graph.types import DisconnectedType, TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import DimShuffle, cast, eq, invert, mul, neg, neq, second, sqrt, switch, true_div
from reference.tensor.shape import ONE, normalize_axis, shape

__all__ = [
    "All", "Any", "Argmax", "Max", "MaxAndArgmax", "Prod", "Sum", "all", "any", "argmax", "argmin", "makeKeepDims",
    "max", "max_and_argmax", "mean", "min", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip

python_any = any


def reduce_in_order(ufunc: np.ufunc, x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Reduce `axes` of `x` one at a time, the last axis first, in an order that the shape alone decides.

    An axis with only length-1 dimensions after it is summed pairwise: at most 128 elements in 8 interleaved
    partial sums, more by halves, the cut rounded down to a multiple of 8. Any other axis is combined
    sequentially, element by element. Products are always sequential. This is what NumPy does with a
    C-contiguous operand, which is what it gets here.
    """
    # Left to itself NumPy widens small integers.
    in_turn = partial(ufunc.reduce, axis=1, dtype=x.dtype)
    pairwise = _sum_in_pairs if ufunc is np.add else in_turn
    if not x.flags.c_contiguous:
        x = x.copy(order="C")
    for axis in sorted(axes, reverse=True):
        length, before, after = x.shape[axis], x.shape[:axis], x.shape[axis + 1 :]
        inner = math.prod(after)
        rows = math.prod(before)
        if inner == 1:
            x = pairwise(x.reshape(rows, length)).reshape(before + after)
        else:
            x = in_turn(x.reshape(rows, length, inner)).reshape(before + after)
    return x


_LONGEST = sys.maxsize if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else 8192
"""How long a row NumPy sums in pairs: before 2.3 longer ones were cut at its buffer's size."""


def _sum_in_pairs(rows: np.ndarray) -> np.ndarray:
    """The sum of each row, pairwise whatever the length."""
    length = rows.shape[1]
    if length <= _LONGEST:
        return np.add.reduce(rows, axis=1, dtype=rows.dtype)
    half = length // 2 - length // 2 % 8
    return _sum_in_pairs(rows[:, :half]) + _sum_in_pairs(rows[:, half:])


def axes_of(axis: t.Any, rank: int) -> tuple[int, ...] | None:
    """An axis argument (None, an int, a constant, a sequence) as a sorted tuple; None stays None."""
    if axis is None:
        return None
    given = axis if isinstance(axis, list | tuple) else np.ravel(axis) if isinstance(axis, np.ndarray) else [axis]
    axes = sorted(normalize_axis(a, rank) for a in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"an axis occurs twice in {axis}")
    return tuple(axes)


def makeKeepDims(x: Variable, y: Variable, axis: t.Any) -> Variable:
    """`y`, a reduction of `x` over `axis`, with the reduced dimensions back as broadcastable ones."""
    rank = x.type.ndim
    axes = axes_of(axis, rank)
    gone = range(rank) if axes is None else axes
    places = iter(range(rank))
    return DimShuffle(y.type.broadcastable, tuple("x" if a in gone else next(places) for a in range(rank)))(y)


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

    def infer_shape(self, node: Apply, shapes: Sequence[t.Any]) -> list[tuple[Variable, ...]]:
        gone = self.axes(node.inputs[0].type.ndim)
        kept = tuple(n for k, n in enumerate(shapes[0]) if k not in gone)
        return [kept for _ in node.outputs]

    def spread(self, reduced: Variable, x: Variable) -> Variable:
        """`reduced` with broadcastable dimensions where `x` was reduced."""
        return makeKeepDims(x, reduced, self.axes(x.type.ndim))


WIDE = {**dict.fromkeys(("bool", *SIGNED), "int64"), **dict.fromkeys(UNSIGNED, "uint64")}
"""What sums and products of integers become."""

_ACCUMULATOR = {**WIDE, "float16": "float32", "float32": "float64", "complex64": "complex128"}


@dataclass(frozen=True)
class Accumulation(Reduction):
    """A reduction that rounds: `dtype` of the result, `acc_dtype` of the arithmetic.

    Left None, integers become 64 bits wide, and float16, float32 and complex64 are accumulated in the
    next wider dtype.
    """

    dtype: str | None = None
    acc_dtype: str | None = None

    ufunc: t.ClassVar[np.ufunc]

    def resolved(self, source: str) -> tuple[str, str]:
        """(dtype, acc_dtype) for an operand dtype."""
        if self.dtype is not None and self.acc_dtype is not None:
            return self.dtype, self.acc_dtype
        dtype = self.dtype or WIDE.get(source, source)
        joint = upcast(source, dtype)
        return dtype, self.acc_dtype or _ACCUMULATOR.get(joint, joint)

    def make_node(self, x: t.Any) -> Apply:
        x = as_tensor_variable(x)
        dtype, acc_dtype = self.resolved(x.type.dtype)
        if x.type.dtype in COMPLEX and not {dtype, acc_dtype} <= set(COMPLEX):
            raise TypeError(f"{self} of {x} of dtype {x.type.dtype}: a complex sum does not become {dtype}")
        if upcast(x.type.dtype, acc_dtype) != acc_dtype:
            raise TypeError(f"{self} of {x} of dtype {x.type.dtype}: adding up in {acc_dtype} loses digits; cast it")
        op = self
        if (dtype, acc_dtype) != (self.dtype, self.acc_dtype):
            op = type(self)(self.axis, dtype, acc_dtype)
        return Apply(op, [x], [op.output_type(x, dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        dtype, acc_dtype = self.resolved(node.inputs[0].type.dtype)
        axes = self.axes(x.ndim)
        total = reduce_in_order(self.ufunc, x.astype(acc_dtype, order="C", copy=False), axes)
        total = np.asarray(total).astype(dtype, copy=False)
        return (total if axes or total is not x else total.copy(),)


class Sum(Accumulation):
    """The sum over `axis`. An empty sum is 0."""

    ufunc = np.add

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        (x,), (g,) = inputs, output_gradients
        return [second(x, self.spread(g, x))]

    def __str__(self) -> str:
        where = "" if self.axis is None else f"axis=[{', '.join(map(str, self.axis))}], "
        return f"Sum{{{where}acc_dtype={self.acc_dtype}}}"


class Prod(Accumulation):
    """The product over `axis`. An empty product is 1."""

    ufunc = np.multiply

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        """The product of the others, found without dividing by zero: where one element is zero only its own
        derivative is not, and where two are, none is."""
        (x,), (g,) = inputs, output_gradients
        zero = eq(x, 0)
        nonzero = switch(zero, 1, x)
        others = self.spread(Prod(self.axis, self.dtype, self.acc_dtype)(nonzero), x)
        zeros = self.spread(Sum(self.axis)(zero), x)
        derivative = switch(eq(zeros, 0), others / nonzero, switch(eq(zeros, 1) & zero, others, 0))
        return [self.spread(g, x) * derivative]

    def __str__(self) -> str:
        return f"Prod{{axis={self.axis}, dtype={self.dtype!r}, acc_dtype={self.acc_dtype!r}}}"


class _Logical(Reduction):
    """A reduction of truth values; anything but 0 is true."""

    ufunc: t.ClassVar[np.ufunc]

    def make_node(self, x: t.Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.dtype != "bool":
            x = neq(x, 0)
        return Apply(self, [x], [self.output_type(x, "bool")()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        result = np.asarray(self.ufunc.reduce(x, axis=self.axes(x.ndim)))
        return (result.copy() if np.may_share_memory(result, x) else result,)

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def __str__(self) -> str:
        name = type(self).__name__
        return name if self.axis is None else f"{name}{{{', '.join(map(str, self.axis))}}}"


class All(_Logical):
    """True where every element is; of nothing, True."""

    ufunc = np.logical_and


class Any(_Logical):
    """True where some element is; of nothing, False."""

    ufunc = np.logical_or


def _first_largest(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The largest element over `axes` and its place there in C order: the first NaN, or the first of equals."""
    kept = tuple(k for k in range(x.ndim) if k not in axes)
    count = int(np.prod([x.shape[k] for k in axes]))
    rows = x.transpose(kept + axes).reshape(*[x.shape[k] for k in kept], count)
    place = np.asarray(rows.argmax(axis=-1), dtype="int64")
    return np.take_along_axis(rows, place[..., None], axis=-1)[..., 0], place


def _check_not_empty(op: Op, x: np.ndarray, axes: tuple[int, ...]) -> None:
    if python_any(x.shape[k] == 0 for k in axes):
        raise ValueError(f"{op} of an array of shape {x.shape}: the extreme of no elements is not defined")


class _Extreme(Reduction):
    """What reductions to the largest element share."""

    def operand(self, x: t.Any) -> Variable:
        x = as_tensor_variable(x)
        if x.type.dtype in COMPLEX:
            raise TypeError(f"complex numbers have no order: {type(self).__name__} of {x} of type {x.type}")
        return x

    def max_gradient(self, x: Variable, largest: Variable, g: Variable) -> Variable:
        """The whole gradient to every element that equals the largest."""
        return switch(eq(self.spread(largest, x), x), self.spread(g, x), 0)


@dataclass(frozen=True)
class MaxAndArgmax(_Extreme):
    """The largest element over `axis`, and its place among the reduced ones in C order.

    The first NaN wins, else the first of equal elements; so the sign of a zero is that of the first.
    """

    axis: tuple[int, ...]

    def make_node(self, x: t.Any) -> Apply:
        x = self.operand(x)
        return Apply(self, [x], [self.output_type(x, x.type.dtype)("max"), self.output_type(x, "int64")("argmax")])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (x,) = inputs
        axes = self.axes(x.ndim)
        _check_not_empty(self, x, axes)
        largest, place = _first_largest(x, axes)
        return np.asarray(largest), np.asarray(place)

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        g = output_gradients[0]
        if isinstance(g.type, DisconnectedType):
            return [None]
        return [self.max_gradient(inputs[0], outputs[0], g)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, True]]


class Max(_Extreme):
    """The largest element over `axis`, as `MaxAndArgmax` gives it."""

    def make_node(self, x: t.Any) -> Apply:
        x = self.operand(x)
        return Apply(self, [x], [self.output_type(x, x.type.dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        axes = self.axes(x.ndim)
        _check_not_empty(self, x, axes)
        largest = np.asarray(np.maximum.reduce(x, axis=axes))
        if largest.dtype.kind == "f" and not largest.all():
            largest = np.asarray(_first_largest(x, axes)[0])
        return (largest.copy() if np.may_share_memory(largest, x) else largest,)

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        return [self.max_gradient(inputs[0], outputs[0], output_gradients[0])]

    def __str__(self) -> str:
        where = "" if self.axis is None else f"{{{', '.join(map(str, self.axis))}}}"
        return f"Reduce{{maximum}}{where}"


@dataclass(frozen=True)
class Argmax(_Extreme):
    """The place of the largest element, as `MaxAndArgmax` gives it."""

    axis: tuple[int, ...]

    def make_node(self, x: t.Any) -> Apply:
        x = self.operand(x)
        return Apply(self, [x], [self.output_type(x, "int64")()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        (x,) = inputs
        axes = self.axes(x.ndim)
        _check_not_empty(self, x, axes)
        return (np.asarray(_first_largest(x, axes)[1]),)

    def L_op(self, inputs: t.Any, outputs: t.Any, output_gradients: t.Any) -> list[t.Any]:
        return [None]


# The functions of the tensor namespace.


def _kept(x: Variable, reduced: Variable, axis: t.Any, keepdims: bool) -> t.Any:
    return makeKeepDims(x, reduced, axis) if keepdims else reduced


def sum(
    input: t.Any,
    axis: t.Any = None,
    dtype: str | None = None,
    keepdims: bool = False,
    acc_dtype: str | None = None,
) -> t.Any:
    """The sum over `axis` (None: all). Sums of integers are 64 bits wide."""
    x = as_tensor_variable(input)
    return _kept(x, Sum(axes_of(axis, x.type.ndim), dtype, acc_dtype)(x), axis, keepdims)


def prod(
    input: t.Any,
    axis: t.Any = None,
    dtype: str | None = None,
    keepdims: bool = False,
    acc_dtype: str | None = None,
    no_zeros_in_input: bool = False,
) -> t.Any:
    """The product over `axis` (None: all). The gradient is right with zeros too, so `no_zeros_in_input`,
    Theano's way to promise that there are none, changes nothing."""
    x = as_tensor_variable(input)
    return _kept(x, Prod(axes_of(axis, x.type.ndim), dtype, acc_dtype)(x), axis, keepdims)


def mean(
    input: t.Any,
    axis: t.Any = None,
    dtype: str | None = None,
    op: bool = False,
    keepdims: bool = False,
    acc_dtype: str | None = None,
) -> t.Any:
    """The sum over `axis` divided by each reduced length; float64 for integers.

    `op`, Theano's way to ask for one operation without gradient, changes nothing.
    """
    x = as_tensor_variable(input)
    if dtype is None and is_discrete(x.type.dtype):
        dtype = "float64"
    if x.type.dtype == "float16" and dtype in (None, "float16"):
        return _named(cast(mean(x, axis, "float32", op, keepdims, acc_dtype), "float16"), "mean")
    total = sum(x, axis, dtype, keepdims, acc_dtype)
    narrow = total.type.dtype in ("float16", "float32", "complex64")
    lengths = cast(shape(x), "float32" if narrow else "float64")
    axes = axes_of(axis, x.type.ndim)
    for k in range(x.type.ndim) if axes is None else axes:
        total = true_div(total, lengths[k])
    return _named(total, "mean")


def _named(x: Variable, name: str) -> Variable:
    x.name = name
    return x


def var(input: t.Any, axis: t.Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False) -> t.Any:
    """The mean of the squared deviations from the mean, in two passes.

    `ddof` is subtracted from the number of elements; `corrected` subtracts the square of the deviations'
    mean, which is 0 but for rounding.
    """
    x = as_tensor_variable(input)
    axes = axes_of(axis, x.type.ndim)
    axes = tuple(range(x.type.ndim)) if axes is None else axes
    deviations = x - mean(x, axes, keepdims=True)
    squares = deviations ** constant(np.asarray(2, dtype=deviations.type.dtype))
    if ddof == 0:
        v = mean(squares, axes, keepdims=keepdims)
    else:
        v = sum(squares, axes, keepdims=keepdims)
        count = mul(ONE, *[shape(x)[k] for k in axes])
        v = true_div(v, cast(count - ddof, v.type.dtype))
    if corrected:
        v = v - mean(deviations, axes, keepdims=keepdims) ** 2
    return _named(v, "var")


def std(input: t.Any, axis: t.Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False) -> t.Any:
    """The square root of `var`."""
    return _named(sqrt(var(input, axis, ddof, keepdims, corrected)), "std")


def max_and_argmax(a: t.Any, axis: t.Any = None, keepdims: bool = False) -> list[t.Any]:
    """The largest elements over `axis` and their places."""
    x = as_tensor_variable(a)
    axes = axes_of(axis, x.type.ndim)
    outputs = MaxAndArgmax(tuple(range(x.type.ndim)) if axes is None else axes)(x)
    return [_kept(x, out, axis, keepdims) for out in outputs]


def max(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """The largest element over `axis`; NaN if one is there. Of no elements it is an error."""
    return max_and_argmax(x, axis, keepdims)[0]


def argmax(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """The place of the first largest element, or of the first NaN."""
    return max_and_argmax(x, axis, keepdims)[1]


def _reversed_order(x: Variable) -> tuple[Variable, t.Any]:
    """`x` with its order turned round, and the function that turns it back; integers by ~, which is exact."""
    turn = invert if is_discrete(x.type.dtype) else neg
    return turn(x), turn


def min(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """The smallest element over `axis`; NaN if one is there. Of no elements it is an error."""
    turned, turn = _reversed_order(as_tensor_variable(x))
    return turn(max(turned, axis, keepdims))


def argmin(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """The place of the first smallest element, or of the first NaN."""
    return argmax(_reversed_order(as_tensor_variable(x))[0], axis, keepdims)


def ptp(a: t.Any, axis: t.Any = None) -> t.Any:
    """The largest minus the smallest element over `axis`."""
    return max(a, axis) - min(a, axis)


def all(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """True where every element over `axis` is true."""
    x = as_tensor_variable(x)
    return _kept(x, All(axes_of(axis, x.type.ndim))(x), axis, keepdims)


def any(x: t.Any, axis: t.Any = None, keepdims: bool = False) -> t.Any:
    """True where some element over `axis` is true."""
    x = as_tensor_variable(x)
    return _kept(x, Any(axes_of(axis, x.type.ndim))(x), axis, keepdims)
