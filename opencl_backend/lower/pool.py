"""Pooling: windows are strided views, folded as the reference folds them.

Owns how windows are laid out, and what goes back from them. Sums add up as `Sum` does, an element's gradient in the
order of its places in its windows. It must not know kernel text.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.fold import Fold, run
from opencl_backend.loop import Lazy, Load, spread, transposed
from opencl_backend.lower import register
from opencl_backend.lower.conv import added_up, padded
from opencl_backend.runtime import DeviceArray, contiguous_strides
from reference.graph.core import Apply, Variable
from reference.graph.dtypes import upcast
from reference.tensor.reduce import Sum
from reference.tensor.signal.pool import (
    AveragePoolGrad,
    DownsampleFactorMaxGradGrad,
    Grid,
    MaxPoolGrad,
    Pool,
    lowest,
)

FEW = 9
"""Elements of a window that the interpreter compares one after the other. Compiled, a fold of copied windows is quicker
than a loop that reads each element from afar, but it is two programs to build first."""


@register(Pool)
def pool(ctx: Context, node: Apply) -> DeviceArray | Lazy:
    """The largest, or the sum, of each window; a mean is a sum divided by a count that the host knows"""
    op: Any = node.op
    x, grid = ctx.settled(ctx.array(node.inputs[0])), _grid(ctx, node)
    if op.mode == "max":
        seen = _windows(ctx, grid, x, lowest(np.dtype(x.dtype)))
        d = len(grid.ws)
        if 0 < prod(grid.ws) <= FEW and not ctx.is_large(prod(seen.shape[: x.ndim])):
            return _one_after_the_other(ctx, seen, d)
        return run(ctx, Fold("extreme", x.dtype, x.dtype), seen, x.ndim, d, "Pool")[0]
    return _mean(ctx, grid, op.mode, _total(ctx, grid, _windows(ctx, grid, x, 0)))


@register(MaxPoolGrad)
def by_largest(ctx: Context, node: Apply) -> Lazy:
    """The gradient where an element equals its window's largest, added up over the windows"""
    grid = _agreeing(ctx, node, node.inputs[1:3])
    return _put_back(ctx, node, grid, _chosen(ctx, node, grid, _each(grid, ctx.lazy(node.inputs[2]))))


@register(DownsampleFactorMaxGradGrad)
def at_largest(ctx: Context, node: Apply) -> Lazy:
    """The sum of each window over the elements that equal its largest"""
    grid = _agreeing(ctx, node, node.inputs[1:2])
    image, summed = (ctx.array(v) for v in (node.inputs[0], node.inputs[2]))
    if image.shape != summed.shape:
        _refuse(ctx, node)
    return _total(ctx, grid, _chosen(ctx, node, grid, _windows(ctx, grid, summed, 0)))


@register(AveragePoolGrad)
def by_mean(ctx: Context, node: Apply) -> Lazy:
    """The gradient, divided by the count for a mean, added up over the windows"""
    op: Any = node.op
    grid = _agreeing(ctx, node, node.inputs[1:2])
    return _put_back(ctx, node, grid, _each(grid, _mean(ctx, grid, op.mode, ctx.lazy(node.inputs[1]))))


def _grid(ctx: Context, node: Apply) -> Grid:
    op: Any = node.op
    return op.grid(ctx.shape(node.inputs[0]), [np.asarray(ctx.host(v)) for v in node.inputs[-3:]])


def _agreeing(ctx: Context, node: Apply, pooled: Sequence[Variable]) -> Grid:
    """Where the windows lie; the reference's error if one of these has no element for each of them."""
    grid = _grid(ctx, node)
    shape = ctx.shape(node.inputs[0])
    if any(ctx.shape(v) != (*shape[: len(shape) - len(grid.ws)], *grid.places) for v in pooled):
        _refuse(ctx, node)
    return grid


def _refuse(ctx: Context, node: Apply) -> None:
    values = [np.broadcast_to(np.zeros((), v.type.dtype), ctx.shape(v)) for v in node.inputs[:-3]]
    node.op.perform(node, *values, *[np.asarray(ctx.host(v)) for v in node.inputs[-3:]])


def _windows(ctx: Context, grid: Grid, x: DeviceArray, outside: Any) -> Lazy:
    """(..., *places, *ws)"""
    x = padded(ctx, x, grid.around, outside)
    first = x.ndim - len(grid.ws)
    along = x.strides[first:]
    steps = [n * s for n, s in zip(along, grid.stride)]
    return ctx.loaded(x.view((*x.shape[:first], *grid.places, *grid.ws), (*x.strides[:first], *steps, *along)))


def _one_after_the_other(ctx: Context, seen: Lazy, d: int) -> Lazy:
    """The largest of each window: its elements' views, the first of them first, as a tie gives the second operand."""
    assert isinstance(seen.expr, Load)
    array, first = seen.expr.array, len(seen.shape) - d
    largest: Lazy | None = None
    for place in np.ndindex(*seen.shape[first:]):
        begin = int(array.offset) + sum(k * step for k, step in zip(place, array.strides[first:]))
        one = ctx.loaded(array.view(array.shape[:first], array.strides[:first], begin))
        largest = one if largest is None else ctx.step("maximum", seen.dtype, one, largest)
    assert largest is not None
    return largest


def _each(grid: Grid, x: Lazy) -> Lazy:
    """One value a window as one for each of its elements."""
    order = [*range(len(x.shape)), *["x"] * len(grid.ws)]
    return spread(transposed(x, order), (*x.shape, *grid.ws))


def _total(ctx: Context, grid: Grid, seen: Lazy) -> Lazy:
    """The sum of each window, one dimension after the other, the last first."""
    dtype = seen.dtype
    acc = Sum().resolved(dtype)[1]
    lazy = ctx.cast(seen, acc)
    first = len(seen.shape) - len(grid.ws)
    for axis in reversed(range(first, len(seen.shape))):
        lazy = ctx.loaded(run(ctx, Fold("add", acc, dtype if axis == first else acc), lazy, axis, 1, "Pool")[0])
    return lazy


def _mean(ctx: Context, grid: Grid, mode: str, x: Lazy) -> Lazy:
    if mode == "sum":
        return x
    counts = ctx.loaded(ctx.known(grid.counts(mode).astype(x.dtype)))
    missing = len(x.shape) - len(grid.ws)
    counts = spread(transposed(counts, [*["x"] * missing, *range(len(grid.ws))]), x.shape)
    return ctx.step("true_div", x.dtype, x, counts)


def _chosen(ctx: Context, node: Apply, grid: Grid, values: Lazy) -> Lazy:
    """The values where an element equals its window's largest, 0 elsewhere."""
    x, largest = node.inputs[:2]
    joint = upcast(x.type.dtype, largest.type.dtype)
    image = ctx.array(x)
    seen = _windows(ctx, grid, image, lowest(np.dtype(image.dtype)))
    equal = ctx.step("eq", joint, seen, _each(grid, ctx.lazy(largest)), result="bool")
    zero = ctx.loaded(ctx.known(np.zeros((), values.dtype)))
    nothing = spread(transposed(zero, ["x"] * len(values.shape)), values.shape)
    return ctx.step("switch", values.dtype, equal, values, nothing)


def _put_back(ctx: Context, node: Apply, grid: Grid, seen: Lazy) -> Lazy:
    """What stands in windows, added up for each element; float16 in float32."""
    dtype = node.outputs[0].type.dtype
    shape = ctx.shape(node.inputs[0])
    columns = ctx.computed(ctx.cast(seen, "float32" if dtype == "float16" else dtype))
    d = len(grid.ws)
    strides = contiguous_strides(columns.shape)
    leading = (prod(shape[: len(shape) - d]), prod(columns.shape[len(columns.shape) - 2 * d :]))
    moves = grid.ws, (1,) * d, grid.stride, grid.places
    axes = list(zip(grid.lengths, grid.pad, *moves, strides[-2 * d : -d], strides[-d:]))
    image = added_up(ctx, columns, ((1, 0), (1, 0), leading), axes)
    return ctx.cast(ctx.loaded(image.view(shape, contiguous_strides(shape))), dtype)
