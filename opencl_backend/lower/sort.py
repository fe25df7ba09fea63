"""Sorting, running totals, and searching.

Owns how an axis becomes the rows of a kernel. It must not know kernel text.
"""

from __future__ import annotations

from math import prod

from opencl_backend.context import Context
from opencl_backend.kernels import sort as kernels
from opencl_backend.loop import Compute, Lazy, chunk
from opencl_backend.runtime import DeviceArray


def cast_to(lazy: Lazy, dtype: str) -> Lazy:
    """The same in another dtype."""
    if lazy.dtype == dtype:
        return lazy
    return Lazy(lazy.shape, Compute(f"Cast{{{dtype}}}", lazy.dtype, dtype, (lazy.dtype,), (lazy.expr,)))


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
        text = kernels.merge_sort(x.dtype, places, ctx.device.fp64)
        numbers = [rows, length, each, x.offset]
        ctx.launch("sort", text, "merge_sort", -(-rows // each), numbers, arrays, elements=x.size)
    return arrays[1], arrays[-2]


def totals(ctx: Context, x: DeviceArray, operator: str, axis: int) -> DeviceArray:
    """Cumulative sums (+) or products (*) along `axis`, element after element."""
    x = ctx.contiguous(x)
    result = ctx.new(x.dtype, x.shape)
    if x.size:
        length, inner = x.shape[axis], prod(x.shape[axis + 1 :])
        columns = x.size // length
        each = chunk(columns, 4 * ctx.device.compute_units, 1, 1)
        text = kernels.running(x.dtype, operator, ctx.device.fp64)
        numbers = [columns, length, inner, each, x.offset]
        ctx.launch("running total", text, "running", -(-columns // each), numbers, [x, result], elements=x.size)
    return result


def searched(ctx: Context, x: DeviceArray, values: DeviceArray) -> DeviceArray:
    """int64: for each value how many elements of the sorted vector `x` are at most as large."""
    x, values = ctx.contiguous(x), ctx.contiguous(values)
    result = ctx.new("int64", values.shape)
    if values.size:
        each = chunk(values.size, 4 * ctx.device.compute_units, 64, 1)
        numbers = [values.size, x.shape[0], each, x.offset, values.offset]
        text = kernels.search(x.dtype, ctx.device.fp64)
        ctx.launch("search", text, "search", -(-values.size // each), numbers, [x, values, result])
    return result


__all__ = ["argsorted", "cast_to", "ordered", "searched", "totals"]
