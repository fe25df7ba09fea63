"""Shapes, copies and joins, and arrays made of numbers.

Owns what moves elements without computing: most of it is a view (strides and offsets), the rest one copy.
It must not know indexing (subtensor.py) or arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from opencl_backend.context import Context
from opencl_backend.loop import broadcast
from opencl_backend.lower import makes_arrays, on_host_only, reads_shapes, register, takes_expressions
from opencl_backend.plan import Value
from opencl_backend.runtime import DeviceArray, contiguous_strides
from reference.compile.ops import DeepCopyOp, ViewOp
from reference.graph.core import Apply
from reference.graph.errors import ShapeError
from reference.tensor.creation import Alloc, AllocEmpty, ARange, Eye, Tri
from reference.tensor.joining import Join, Split
from reference.tensor.shape import (
    MakeVector,
    Rebroadcast,
    Reshape,
    ScalarFromTensor,
    Shape,
    Shape_i,
    SpecifyShape,
    TensorFromScalar,
)

reads_shapes(Shape, Shape_i)
makes_arrays(Alloc, AllocEmpty, ARange, Eye, Tri)
takes_expressions(Join, Rebroadcast, SpecifyShape)


def slid(array: DeviceArray, axis: int, start: int, length: int) -> DeviceArray:
    """The view of `length` elements from `start` along `axis`."""
    shape = (*array.shape[:axis], length, *array.shape[axis + 1 :])
    assert isinstance(array.offset, int)
    return array.view(shape, array.strides, array.offset + start * array.strides[axis])


@register(TensorFromScalar, ScalarFromTensor, DeepCopyOp, ViewOp)
def same(ctx: Context, node: Apply) -> Value:
    """The input: device values are never written again, so that sharing one is copying it."""
    return ctx.value(node.inputs[0])


@register(Rebroadcast)
def rebroadcast(ctx: Context, node: Apply) -> Value:
    """The input, after the reference's check."""
    shape = ctx.shape(node.inputs[0])
    for axis, value in node.op.axes:  # type: ignore[attr-defined]
        if value and shape[axis] != 1:
            raise ShapeError(f"dimension {axis} was declared broadcastable but the array has shape {shape}")
    return ctx.value(node.inputs[0])


@register(SpecifyShape)
def specify_shape(ctx: Context, node: Apply) -> Value:
    """The input, after the reference's check."""
    x, wanted = node.inputs
    lengths = tuple(ctx.host(wanted).tolist())
    if ctx.shape(x) != lengths:
        raise ShapeError(f"specify_shape: got shape {ctx.shape(x)}, expected {lengths}")
    return ctx.value(x)


@register(Reshape)
def reshape(ctx: Context, node: Apply) -> DeviceArray:
    """Other strides for an array in C order; a copy for any other."""
    x, wanted = node.inputs
    op = node.op
    assert isinstance(op, Reshape)
    lengths = ctx.host(wanted).tolist()
    if len(lengths) != op.ndim:
        raise ShapeError(f"{op} got a shape of {len(lengths)} lengths: {lengths}")
    shape = resolved(ctx.shape(x), lengths)
    value = ctx.value(x)
    # An array that is not written yet may go on waiting for what is made of it.
    array = value if isinstance(value, DeviceArray) and value.is_contiguous else ctx.contiguous(ctx.array(x))
    known = None if array.known is None else array.known.reshape(shape)
    return array.view(shape, contiguous_strides(shape), known=known)


def resolved(shape: Sequence[int], lengths: Sequence[int]) -> tuple[int, ...]:
    """The new shape with -1 replaced; ShapeError if the elements do not fit."""
    total, rest = prod(shape), prod(n for n in lengths if n != -1)
    unknown = lengths.count(-1)
    fits = total == rest if unknown == 0 else unknown == 1 and rest != 0 and total % rest == 0
    if not fits or any(n < -1 for n in lengths):
        raise ShapeError(f"cannot reshape an array of shape {tuple(shape)} into {tuple(lengths)}")
    return tuple(total // rest if n == -1 else n for n in lengths)


@register(Join)
def join(ctx: Context, node: Apply) -> DeviceArray:
    """Every part written to its place; parts that are expressions are computed there."""
    axis_variable, *parts = node.inputs
    axis, shapes = int(ctx.host(axis_variable)), [ctx.shape(p) for p in parts]
    rank = len(shapes[0])
    if not -rank <= axis < rank:
        raise IndexError(f"join axis {axis} is out of range for {rank} dimensions")
    k = axis % rank
    if len({s[:k] + s[k + 1 :] for s in shapes}) != 1:
        raise ShapeError(f"cannot join arrays of shapes {', '.join(map(str, shapes))} along axis {axis}")
    total = sum(s[k] for s in shapes)
    out = ctx.new(node.outputs[0].type.dtype, (*shapes[0][:k], total, *shapes[0][k + 1 :]))
    start = 0
    for part, shape in zip(parts, shapes):
        ctx.emit(ctx.lazy(part), slid(out, k, start, shape[k]))
        start += shape[k]
    return out


@register(Split)
def split(ctx: Context, node: Apply) -> list[DeviceArray]:
    """A view a piece."""
    x, axis_variable, splits = node.inputs
    lengths, k = ctx.host(splits).tolist(), int(ctx.host(axis_variable))
    count = node.op.len_splits  # type: ignore[attr-defined]
    shape = ctx.shape(x)
    if len(lengths) != count or min(lengths, default=0) < 0 or sum(lengths) != shape[k]:
        raise ShapeError(f"cannot split axis {k} of an array of shape {shape} into {count} pieces of {lengths}")
    array = ctx.settled(ctx.array(x))
    starts = [sum(lengths[:j]) for j in range(count)]
    return [slid(array, k % len(shape), start, n) for start, n in zip(starts, lengths)]


@register(MakeVector)
def make_vector(ctx: Context, node: Apply) -> DeviceArray:
    """The device's numbers side by side."""
    dtype = node.outputs[0].type.dtype
    out = ctx.new(dtype, (len(node.inputs),))
    for k, v in enumerate(node.inputs):
        part = ctx.lazy(v)
        ctx.emit(ctx.cast(part, dtype), out.view((), (), k))
    return out


@register(Alloc)
def alloc(ctx: Context, node: Apply) -> DeviceArray:
    """The value with stride 0 where it is repeated."""
    value, *lengths = node.inputs
    shape = checked_shape(ctx, node, lengths)
    array = ctx.array(value)
    offset = len(shape) - array.ndim
    for axis, n in enumerate(array.shape):
        if n != shape[offset + axis] and not (n == 1 and value.type.broadcastable[axis]):
            raise ShapeError(f"alloc cannot spread a value of shape {array.shape} to {shape}")
    return broadcast(array, shape)


def checked_shape(ctx: Context, node: Apply, lengths: Sequence) -> tuple[int, ...]:
    """Lengths as the host knows them; ShapeError if one is negative."""
    shape = tuple(int(ctx.host(n)) for n in lengths)
    if any(n < 0 for n in shape):
        raise ShapeError(f"{node.op} got a negative length: shape {shape}")
    return shape


@register(AllocEmpty, ARange, Eye, Tri)
def made_on_host(ctx: Context, node: Apply) -> DeviceArray:
    """Computed by the reference once a plan, as its arguments do not change within one."""
    (made,) = node.op.perform(node, *[ctx.host(v) for v in node.inputs])
    return ctx.known(made)


on_host_only("a number", TensorFromScalar, ScalarFromTensor)
