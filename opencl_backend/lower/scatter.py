"""Writing where index arrays say: set (the last one wins) and increment (all add up), in index order.

Owns how indices become places in a copy of the tensor. Reading such parts is subtensor.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.kernels.scatter import scatter
from opencl_backend.loop import Lazy, Position, chunk, rebuild, spread, transposed
from opencl_backend.lower import register, takes_expressions
from opencl_backend.lower.subtensor import Advanced, advanced_plan, fitted, gathered, viewed_slices
from opencl_backend.runtime import DeviceArray, Number, contiguous_strides
from reference.graph.core import Apply, Variable
from reference.graph.dtypes import COMPLEX
from reference.tensor.indexing import ARRAY, AdvancedIncSubtensor, AdvancedIncSubtensor1

takes_expressions(AdvancedIncSubtensor)


@register(AdvancedIncSubtensor1)
def write_rows(ctx: Context, node: Apply) -> DeviceArray:
    """The rows that an index vector names."""
    return _written(ctx, node, (ARRAY,))


@register(AdvancedIncSubtensor)
def write_elements(ctx: Context, node: Apply) -> DeviceArray | Lazy:
    """What index arrays, integers and slices name together."""
    op: Any = node.op
    return _one_a_row(ctx, node) or _written(ctx, node, op.pattern)


def _one_a_row(ctx: Context, node: Apply) -> Lazy | None:
    """``x[arange(rows), j]`` as an expression: the column of each element is compared with its row's `j`."""
    op: Any = node.op
    x, y, *index = node.inputs
    shape, dtype = ctx.shape(x), x.type.dtype
    if op.pattern != (ARRAY, ARRAY) or len(shape) != 2 or 0 in shape or dtype in ("bool", *COMPLEX):
        return None
    if any(v.type.dtype == "bool" for v in index) or ctx.shape(index[1]) != shape[:1]:
        return None
    known = ctx.array(index[0]).known
    if known is None or not np.array_equal(known, np.arange(shape[0])):
        return None
    columns = ctx.known(np.arange(shape[1]).reshape(1, -1))
    wanted = ctx.evaluated(gathered(ctx, columns, shape[:1], [], [(1, ctx.lazy(index[1]))]))

    def by_rows(vector: Lazy) -> Lazy:
        return spread(transposed(vector, [0, "x"]), shape)

    here = ctx.step("eq", "int64", spread(ctx.loaded(columns), shape), by_rows(wanted), result="bool")
    old = ctx.lazy(x)
    value = by_rows(ctx.cast(fitted(ctx, op, y, shape[:1]), dtype))
    return ctx.step("switch", dtype, here, value if op.set_instead_of_inc else ctx.step("add", dtype, old, value), old)


def _written(ctx: Context, node: Apply, pattern: Sequence[Any]) -> DeviceArray:
    op: Any = node.op
    x, y, *values = node.inputs
    out = ctx.computed(ctx.lazy(x))
    index = advanced_plan(ctx, pattern, out.shape, values)
    region = viewed_slices(out, index)
    if any(region.shape[axis] == 0 for axis, _ in index.arrays) and prod(index.shape) > 0:
        raise IndexError(f"{op}: an index is out of bounds for an axis with size 0 of an array of shape {out.shape}")
    value, row, column = _values(ctx, op, y, index.shape, out.dtype)
    if prod(index.shape) == 0:
        return out
    rank = _rows_rank(region, index)
    columns = prod(index.shape[rank:])
    places = _places(ctx, region, index, rank)
    each = chunk(columns, 4 * ctx.device.compute_units, 64, 16)
    numbers: list[Number] = [
        places.size, columns, each, region.offset, value.offset, row * columns, column, places.offset,
    ]  # fmt: skip
    text = scatter(out.dtype, op.set_instead_of_inc, ctx.device.fp64)
    size = prod(index.shape)
    items, options = -(-columns // each), ctx.options(size)
    ctx.launch(str(op), text, "scatter", items, numbers, [places, value, out], 1, size, options)
    return out


def _values(ctx: Context, op: Any, y: Variable, shape: tuple[int, ...], dtype: str) -> tuple[DeviceArray, int, int]:
    """y as the part's elements in C order, or (steps 0 and 0) one value for all."""
    whole = fitted(ctx, op, y, shape)
    if ctx.array(y).size == 1:
        return ctx.row_major(ctx.cast(ctx.loaded(ctx.array(y)), dtype)), 0, 0
    return ctx.row_major(ctx.cast(whole, dtype)), 1, 1


def _rows_rank(region: DeviceArray, index: Advanced) -> int:
    """How many dimensions of the part lead; the others lie in the tensor as they lie in the part."""
    strides = contiguous_strides(index.shape)
    beside = dict(index.kept)
    rank = len(index.shape)
    while rank > 0 and rank - 1 in beside and region.strides[beside[rank - 1]] == strides[rank - 1]:
        rank -= 1
    return rank


def _places(ctx: Context, region: DeviceArray, index: Advanced, rank: int) -> DeviceArray:
    """Where in the tensor each row of the part begins."""
    shape = index.shape[:rank]
    total: Lazy | None = None

    def steps(axis: int) -> DeviceArray:
        return ctx.known(np.arange(region.shape[axis], dtype=np.int64) * region.strides[axis])

    terms = []
    for axis, source in index.kept:
        if axis < rank:
            along = transposed(ctx.loaded(steps(source)), [0 if k == axis else "x" for k in range(rank)])
            terms.append(spread(along, shape))
    for source, lazy in index.arrays:
        leading = _leading(lazy, rank)
        terms.append(ctx.evaluated(gathered(ctx, steps(source), shape, [], [(0, leading)])))
    for term in terms:
        total = term if total is None else ctx.step("add", "int64", total, term)
    assert total is not None
    return ctx.row_major(total)


def _leading(lazy: Lazy, rank: int) -> Lazy:
    """An index over the leading dimensions only, along whose others it does not change."""

    def view(array: DeviceArray) -> DeviceArray:
        return array.view(array.shape[:rank], array.strides[:rank])

    def position(part: Position) -> Position:
        return part if part.axis < rank else Position(0, part.start, 0)

    return Lazy(lazy.shape[:rank], rebuild(lazy.expr, view, position))
