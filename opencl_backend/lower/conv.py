"""Convolutions: products of matrices, of which what lies under the filter is one.

Owns how images, filters and results are laid out as `Layout` of the reference says: strided views, copied row by row.
A product sums from the first element of the box (channel, then the filter's lengths) up, or as `multiply` chooses where
bits are free; an image's gradient adds up windows in the order of the places in them. It must not know kernel text.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.kernels.windows import put_back
from opencl_backend.loop import Lazy, Load
from opencl_backend.lower import makes_arrays, register
from opencl_backend.lower.linalg import Operand, multiply
from opencl_backend.runtime import DeviceArray, Number, contiguous_strides, itemsize
from reference.graph.core import Apply, Variable
from reference.tensor.nnet.conv_op import (
    AbstractConv2d,
    AbstractConv2d_gradInputs,
    AbstractConv2d_gradWeights,
    AbstractConv3d,
    AbstractConv3d_gradInputs,
    AbstractConv3d_gradWeights,
)
from reference.tensor.nnet.conv_product import Layout

MOST_KEPT = 1 << 26
"""Bytes of what lies under a filter that are kept from a convolution to the gradient of its filters."""
_READ_COLUMNS = AbstractConv2d | AbstractConv2d_gradWeights | AbstractConv3d | AbstractConv3d_gradWeights

makes_arrays(AbstractConv2d_gradInputs, AbstractConv2d_gradWeights, AbstractConv3d_gradInputs,
             AbstractConv3d_gradWeights)  # fmt: skip


@register(AbstractConv2d, AbstractConv3d)
def forward(ctx: Context, node: Apply) -> Lazy:
    """What lies under each place of the filter, as a row, times the filters"""
    op: Any = node.op
    image, kern = _operands(ctx, node)
    layout = op.layout(image.shape, kern.shape)
    rows, box, filters = _sizes(layout)
    left = Operand(_shared_columns(ctx, node, layout, image), rows * box, box, 1)
    right = Operand(_filters(ctx, layout, kern), box * filters, filters, 1)
    product = _product(ctx, layout, left, right, rows, box, filters)
    d, each = layout.rank, layout.kernel[0] // layout.groups
    shape = (layout.groups, *layout.places, layout.top[0], each)
    product = product.view(shape, contiguous_strides(shape))
    return _arranged(ctx, node, product, (1 + d, 0, 2 + d, *range(1, 1 + d)), layout.top)


@register(AbstractConv2d_gradInputs, AbstractConv3d_gradInputs)
def by_inputs(ctx: Context, node: Apply) -> Lazy:
    """The result's gradient times the filters, added up where they lay"""
    op: Any = node.op
    kern, top = _operands(ctx, node)
    lengths = [int(n) for n in ctx.host(node.inputs[2])]
    layout = op.layout(op.image_shape(kern.shape, top.shape, lengths), kern.shape, top.shape)
    rows, box, filters = _sizes(layout)
    left = Operand(_rows(ctx, layout, top), rows * filters, filters, 1)
    right = Operand(_filters(ctx, layout, kern), box * filters, 1, filters)
    columns = _product(ctx, layout, left, right, rows, filters, box)
    strides = contiguous_strides((layout.groups, *layout.places, layout.top[0], *layout.box))
    d = layout.rank
    places, (group, images, channel, *within) = strides[1 : 1 + d], (strides[0], *strides[1 + d :])
    before = [pad for pad, _ in layout.pads]
    moves = layout.box[1:], layout.dilation, layout.subsample, layout.places
    axes = list(zip(layout.image[2:], before, *moves, places, within))
    leading = ((layout.image[0], images), (layout.groups, group), (layout.box[0], channel))
    image = added_up(ctx, columns, leading, axes)
    return ctx.cast(ctx.loaded(image.view(layout.image, contiguous_strides(layout.image))), node.outputs[0].type.dtype)


@register(AbstractConv2d_gradWeights, AbstractConv3d_gradWeights)
def by_weights(ctx: Context, node: Apply) -> Lazy:
    """What lies under each place of the filter, turned, times the result's gradient"""
    op: Any = node.op
    image, top = _operands(ctx, node)
    lengths = [int(n) for n in ctx.host(node.inputs[2])]
    layout = op.layout(image.shape, op.kernel_shape(image.shape, top.shape, lengths), top.shape)
    rows, box, filters = _sizes(layout)
    left = Operand(_shared_columns(ctx, node, layout, image), rows * box, 1, box)
    right = Operand(_rows(ctx, layout, top), rows * filters, filters, 1)
    product = _product(ctx, layout, left, right, box, rows, filters)
    own, d = len(layout.own), layout.rank
    shape = (layout.groups, *layout.own, *layout.box, filters)
    order = (0, 2 + own + d, *range(1, 2 + own + d))
    product = _turned(layout, product.view(shape, contiguous_strides(shape)), 1)
    return _arranged(ctx, node, product, order, layout.kernel)


def added_up(
    ctx: Context, windows: DeviceArray, leading: Sequence[tuple[int, int]], axes: Sequence[Sequence[int]]
) -> DeviceArray:
    """A new array with the elements that windows stand for: three leading dimensions (length, distance in memory) and
    those that windows move along, whose numbers are those of the kernel."""
    shape = (*(n for n, _ in leading), *(axis[0] for axis in axes))
    out = ctx.new(windows.dtype, shape)
    if out.size == 0:
        return out
    if windows.size == 0:
        ctx.emit(zeros(ctx, out), out)
        return out
    planes, rows = prod(shape[:3]), shape[3]
    parts = rows if ctx.device.style == "gpu" else min(rows, -(-4 * ctx.device.compute_units // planes))
    each = -(-rows // parts)
    parts = -(-rows // each)
    numbers: list[Number] = [
        parts, each, leading[1][0], leading[2][0], windows.offset, *(step for _, step in leading),
        *(n for axis in axes for n in axis),
    ]  # fmt: skip
    text = put_back(windows.dtype, len(axes), ctx.device.fp64)
    ctx.launch("windows", text, "put_back", planes * parts, numbers, [windows, out], 1, windows.size,
               ctx.options(windows.size, text))  # fmt: skip
    return out


def zeros(ctx: Context, like: DeviceArray, value: Any = 0) -> Lazy:
    """One value everywhere."""
    one = ctx.known(np.full((), value, like.dtype))
    return Lazy(like.shape, Load(one.view(like.shape, (0,) * like.ndim)))


def padded(
    ctx: Context, x: DeviceArray, pads: Sequence[tuple[int, int]], value: Any = 0
) -> DeviceArray:
    """The array with so many elements of one value before and after each of its last dimensions."""
    if not any(map(any, pads)):
        return x
    first = x.ndim - len(pads)
    shape = (*x.shape[:first], *(n + before + after for n, (before, after) in zip(x.shape[first:], pads)))
    out = ctx.new(x.dtype, shape)
    ctx.emit(zeros(ctx, out, value), out)
    begin = sum(before * step for (before, _), step in zip(pads, out.strides[first:]))
    ctx.emit(x, out.view(x.shape, out.strides, begin))
    return out


def _operands(ctx: Context, node: Apply) -> list[DeviceArray]:
    """The two operands in the dtype of the arithmetic; float16 is computed in float32."""
    dtype = node.outputs[0].type.dtype
    return [_array(ctx, v, "float32" if dtype == "float16" else dtype) for v in node.inputs[:2]]


def _array(ctx: Context, variable: Variable, dtype: str) -> DeviceArray:
    return ctx.array(variable) if variable.type.dtype == dtype else ctx.computed(ctx.cast(ctx.lazy(variable), dtype))


def _sizes(layout: Layout) -> tuple[int, int, int]:
    """(rows of a product, elements of the box, filters of a group)"""
    return layout.batches[1], prod(layout.box), layout.kernel[0] // layout.groups


def _product(
    ctx: Context, layout: Layout, left: Operand, right: Operand, m: int, depth: int, n: int
) -> DeviceArray:
    """(groups, products, m, n)"""
    batches = layout.groups * layout.batches[0]
    target = ctx.new(left.array.dtype, (batches, m, n))
    if target.size:
        multiply(ctx, left, right, Operand(target, m * n, n, 1), batches, m, n, depth)
    return target


def _shared_columns(ctx: Context, node: Apply, layout: Layout, image: DeviceArray) -> DeviceArray:
    """The columns, made once for a convolution and the gradient of its filters if they are not much to keep."""
    variable = node.inputs[0]
    readers = [reader for reader in ctx.order.readers.get(variable, ()) if isinstance(reader.op, _READ_COLUMNS)]
    nbytes = prod((layout.groups, *layout.batches, *layout.box)) * itemsize(image.dtype)
    if len(readers) < 2 or nbytes > MOST_KEPT:
        return _columns(ctx, layout, image)
    return ctx.once(f"columns of {image.dtype}, {layout}", variable, lambda: _columns(ctx, layout, image))


def _columns(ctx: Context, layout: Layout, image: DeviceArray) -> DeviceArray:
    image = padded(ctx, image, layout.pads)
    images, channel, *along = image.strides
    shape = (layout.groups, *layout.places, layout.top[0], *layout.box)
    places = [n * step for n, step in zip(along, layout.subsample)]
    within = [n * apart for n, apart in zip(along, layout.dilation)]
    return ctx.copied(image.view(shape, (layout.box[0] * channel, *places, images, channel, *within)))


def _filters(ctx: Context, layout: Layout, kern: DeviceArray) -> DeviceArray:
    each = layout.kernel[0] // layout.groups
    kern = _turned(layout, ctx.settled(kern), 0)
    one, *rest = kern.strides
    return ctx.copied(kern.view((layout.groups, *kern.shape[1:], each), (each * one, *rest, one)))


def _turned(layout: Layout, x: DeviceArray, after: int) -> DeviceArray:
    """A view in which the lengths of filters run backwards if they are flipped; `after` dimensions follow them."""
    if not layout.flip:
        return x
    strides, begin = list(x.strides), x.offset
    assert isinstance(begin, int)
    for axis in range(x.ndim - after - layout.rank, x.ndim - after):
        begin += (x.shape[axis] - 1) * strides[axis]
        strides[axis] = -strides[axis]
    return x.view(x.shape, tuple(strides), begin)


def _rows(ctx: Context, layout: Layout, top: DeviceArray) -> DeviceArray:
    each = layout.kernel[0] // layout.groups
    images, filters, *along = top.strides
    shape = (layout.groups, *layout.places, layout.top[0], each)
    return ctx.copied(top.view(shape, (each * filters, *along, images, filters)))


def _arranged(ctx: Context, node: Apply, x: DeviceArray, order: Sequence[int], shape: tuple[int, ...]) -> Lazy:
    """`x`, its dimensions in another order, as an array of the result's shape and dtype."""
    turned = x.view(tuple(x.shape[k] for k in order), tuple(x.strides[k] for k in order))
    array = ctx.copied(turned).view(shape, contiguous_strides(shape))
    return ctx.cast(ctx.loaded(array), node.outputs[0].type.dtype)
