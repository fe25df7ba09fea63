"""Sorting: how an axis becomes the rows of a kernel.

Owns the lowering of sort and argsort, and `argsorted` for those who need an order. It must not know kernel text.
"""

from __future__ import annotations

from collections.abc import Callable

from opencl_backend.context import Context
from opencl_backend.kernels.sort import merge_sort
from opencl_backend.loop import Lazy, chunk, transposed
from opencl_backend.lower import register
from opencl_backend.runtime import DeviceArray
from reference.graph.core import Apply
from reference.tensor.shape import normalize_axis
from reference.tensor.sort import ArgSortOp, SortOp


@register(SortOp)
def sort(ctx: Context, node: Apply) -> Lazy:
    """Rising along an axis."""
    return _along(ctx, node, ordered, node.outputs[0].type.dtype)


@register(ArgSortOp)
def argsort(ctx: Context, node: Apply) -> Lazy:
    """The places of the sorted elements."""
    return _along(ctx, node, argsorted, "int64")


def _along(ctx: Context, node: Apply, rows: Callable[[Context, DeviceArray], DeviceArray], dtype: str) -> Lazy:
    """Sort with the axis turned last, and turn it back. float16 is sorted as float32."""
    x, axis = node.inputs
    lazy = ctx.lazy(x)
    rank = len(lazy.shape)
    k = normalize_axis(int(ctx.host(axis)), rank, "sort axis")
    order = [*range(k), *range(k + 1, rank), k]
    if lazy.dtype == "float16":
        lazy = ctx.cast(lazy, "float32")
    result = ctx.loaded(rows(ctx, ctx.row_major(transposed(lazy, order))))
    return ctx.cast(transposed(result, [order.index(a) for a in range(rank)]), dtype)


def argsorted(ctx: Context, x: DeviceArray) -> DeviceArray:
    """int64: for each row (last axis) the places of its elements in order; stable, NaN last."""
    return _sorted(ctx, x, places=True)[1]


def ordered(ctx: Context, x: DeviceArray) -> DeviceArray:
    """Each row (last axis) in order, NaN last."""
    return _sorted(ctx, x, places=False)[0]


def _sorted(ctx: Context, x: DeviceArray, places: bool) -> tuple[DeviceArray, DeviceArray]:
    x = ctx.contiguous(x)
    arrays = [x, ctx.new(x.dtype, x.shape), ctx.new(x.dtype, x.shape)]
    if places:
        arrays += [ctx.new("int64", x.shape), ctx.new("int64", x.shape)]
    if x.size:
        length = x.shape[-1]
        rows = x.size // length
        each = chunk(rows, 4 * ctx.device.compute_units, 1, 1)
        text = merge_sort(x.dtype, places, ctx.device.fp64)
        numbers = [rows, length, each, x.offset]
        options = ctx.options(x.size)
        ctx.launch("sort", text, "merge_sort", -(-rows // each), numbers, arrays, elements=x.size, options=options)
    return arrays[1], arrays[-2]
