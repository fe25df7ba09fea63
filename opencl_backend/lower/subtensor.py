"""Indexing: reading parts and writing them.

Owns basic indices as views whose offset follows the host's numbers from call to call, and gathers by index
arrays with their bounds check on the device. Scatters, whose order matters, are in scatter.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.loop import Compute, Gather, Lazy, Load, broadcast, spread, transposed
from opencl_backend.lower import register, takes_expressions
from opencl_backend.lower.elemwise import Shaped
from opencl_backend.plan import Host, Stale
from opencl_backend.runtime import Cell, DeviceArray
from reference.graph.core import Apply, Variable
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.indexing import (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
    check_index_arrays,
    with_values,
)

Index = Sequence[Any]


def part(shape: Sequence[int], strides: Sequence[int], index: Index) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """(shape, strides, first element) of the view that NumPy's basic `index` takes."""
    lengths: list[int] = []
    steps: list[int] = []
    first = 0
    for axis, entry in enumerate(index):
        n, stride = shape[axis], strides[axis]
        if isinstance(entry, slice):
            if entry.step is not None and int(entry.step) == 0:
                raise ValueError("slice step cannot be zero")
            taken = range(n)[slice(*[None if p is None else int(p) for p in (entry.start, entry.stop, entry.step)])]
            lengths.append(len(taken))
            steps.append(stride * taken.step)
            first += stride * taken.start if len(taken) else 0
        else:
            k = int(entry)
            if not -n <= k < n:
                raise IndexError(f"index {k} is out of bounds for axis {axis} with size {n}")
            first += stride * (k % n)
    rest = len(index)
    return (*lengths, *shape[rest:]), (*steps, *strides[rest:]), first


def viewed(ctx: Context, array: DeviceArray, idx_list: Sequence[Any], values: Sequence[Variable]) -> DeviceArray:
    """The view of `array` at these indices; its offset is recomputed on every call if they may change."""
    sources = [ctx.value(v) for v in values]
    hosts = [s if isinstance(s, Host) else None for s in sources]
    fixed = [None if isinstance(s, Host) else ctx.host(v) for s, v in zip(sources, values)]

    def index() -> tuple[Any, ...]:
        return with_values(idx_list, [f if h is None else h.value for h, f in zip(hosts, fixed)])

    now = index()
    shape, strides, first = part(array.shape, array.strides, now)
    live = any(h is not None and h.live for h in hosts)
    base = array.offset
    if not live and isinstance(base, int):
        known = None if array.known is None else array.known[now + (...,)]
        return array.view(shape, strides, base + first, known)
    cell = Cell(int(base) + first)

    def follow() -> None:
        again = part(array.shape, array.strides, index())
        if again[:2] != (shape, strides):
            raise Stale
        cell.value = int(base) + again[2]

    ctx.plan.steps.append(follow)
    return array.view(shape, strides, cell)


@register(Subtensor)
def subtensor(ctx: Context, node: Apply) -> DeviceArray:
    """A view."""
    x, *values = node.inputs
    return viewed(ctx, ctx.array(x), node.op.idx_list, values)  # type: ignore[attr-defined]


def gathered(
    ctx: Context, array: DeviceArray, shape: Sequence[int], kept: Sequence[tuple[int, int]],
    indices: Sequence[tuple[int, Lazy]],
) -> Lazy:  # fmt: skip
    """Elements of `array` in a loop of that shape.

    kept      (axis of the loop, axis of the array): they run together
    indices   (axis of the array, index values as an expression over the loop)
    """
    strides = [0] * len(shape)
    for axis, source in kept:
        strides[axis] += array.strides[source]
    node = ctx.node
    assert node is not None
    axes = [source for source, _ in indices]
    lengths = [array.shape[source] for source in axes]

    def out_of_range(code: int) -> Exception:
        value, number = code >> 4, (code & 15) - 1
        return IndexError(f"index {value} is out of bounds for axis {axes[number]} with size {lengths[number]}")

    flag = ctx.flag(out_of_range)
    view = array.view(shape, strides)
    part_ = Gather(
        view, tuple(lazy.expr for _, lazy in indices), tuple(array.strides[a] for a in axes), tuple(lengths), flag
    )
    return Lazy(tuple(shape), part_)


@register(AdvancedSubtensor1)
def rows(ctx: Context, node: Apply) -> Lazy | DeviceArray:
    """The rows that an index vector names."""
    x, i = node.inputs
    array, index = ctx.array(x), ctx.lazy(i)
    shape = (index.shape[0], *array.shape[1:])
    if array.shape[0] == 0 and shape[0] > 0:
        raise IndexError(f"{node.op}: an index is out of bounds for axis 0 with size 0")
    spread_index = spread(transposed(index, [0, *["x"] * (len(shape) - 1)]), shape)
    kept = [(axis, axis) for axis in range(1, len(shape))]
    return gathered(ctx, array, shape, kept, [(0, spread_index)])


@register(AdvancedSubtensor)
def advanced(ctx: Context, node: Apply) -> Lazy | DeviceArray:
    """Elements named by index arrays, with slices and integers beside them."""
    x, *values = node.inputs
    op = node.op
    assert isinstance(op, AdvancedSubtensor)
    array = ctx.settled(ctx.array(x))
    plan = advanced_plan(ctx, op.pattern, array.shape, values)
    array = viewed_slices(array, plan)
    if any(array.shape[axis] == 0 for axis, _ in plan.arrays) and prod(plan.shape) > 0:
        raise IndexError(f"{op}: an index is out of bounds for an axis with size 0 of an array of shape {array.shape}")
    return gathered(ctx, array, plan.shape, plan.kept, plan.arrays)


class Advanced:
    """How the dimensions of an advanced index run, for given values.

    shape    of the result (of the part)
    slices   for each dimension of the indexed array the slice that is taken of it, or None
    kept     (axis of the result, axis of the array) for slices and untouched dimensions
    arrays   (axis of the array, its index values over the result)
    """

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.slices: list[slice | None] = []
        self.kept: list[tuple[int, int]] = []
        self.arrays: list[tuple[int, Lazy]] = []


def advanced_plan(ctx: Context, pattern: Sequence[Any], shape: Sequence[int], values: Sequence[Variable]) -> Advanced:
    """Where the dimensions of ``x[pattern with values]`` go, by NumPy's rule."""
    check_index_arrays(values, [Shaped(ctx.shape(v)) for v in values])
    index = with_values(pattern, values)
    plan = Advanced()
    found: list[tuple[int, Lazy]] = []
    places: list[int] = []
    lengths: list[tuple[int, int]] = []
    axis = before = 0
    for k, entry in enumerate(index):
        if isinstance(entry, slice):
            taken = slice(*[None if p is None else int(ctx.host(p)) for p in (entry.start, entry.stop, entry.step)])
            plan.slices.append(taken)
            lengths.append((axis, len(range(shape[axis])[taken])))
            axis += 1
            continue
        if not places:
            before = len(lengths)
        places.append(k)
        for lazy in _index_values(ctx, entry, shape[axis:]):
            found.append((axis, lazy))
            plan.slices.append(None)
            axis += 1
    lengths += [(a, shape[a]) for a in range(axis, len(shape))]
    plan.slices += [slice(None)] * (len(shape) - axis)
    rank = max(len(lazy.shape) for _, lazy in found)
    padded = [(a, transposed(z, [*["x"] * (rank - len(z.shape)), *range(len(z.shape))])) for a, z in found]
    common = tuple(
        next((z.shape[d] for _, z in padded if z.shape[d] != 1), 1 if any(z.shape[d] == 1 for _, z in padded) else 0)
        for d in range(rank)
    )
    front = before if places[-1] - places[0] == len(places) - 1 else 0
    plan.shape = (*[n for _, n in lengths[:front]], *common, *[n for _, n in lengths[front:]])
    plan.kept = [(k if k < front else k + rank, a) for k, (a, _) in enumerate(lengths)]
    after = len(lengths) - front
    for a, z in padded:
        wide = transposed(spread(z, common), [*["x"] * front, *range(rank), *["x"] * after])
        plan.arrays.append((a, spread(wide, plan.shape)))
    return plan


def _index_values(ctx: Context, entry: Variable, shape: Sequence[int]) -> list[Lazy]:
    """An index as integer expressions: one, or one a dimension of a mask."""
    if isinstance(entry.type, TensorType) and entry.type.dtype == "bool":
        mask = np.asarray(ctx.host(entry))
        for axis, (n, wanted) in enumerate(zip(mask.shape, shape)):
            if n not in (0, wanted):  # of no length, it takes nothing from any axis, as NumPy has it
                raise IndexError(
                    f"boolean index did not match indexed array along axis {axis}; size of axis is {wanted} but "
                    f"size of corresponding boolean axis is {n}"
                )
        return [ctx.loaded(ctx.known(np.asarray(places, np.int64))) for places in np.nonzero(mask)]
    if isinstance(ctx.value(entry), Host) and not isinstance(entry.type, TensorType):
        return [ctx.loaded(ctx.known(np.asarray(ctx.host(entry))))]
    return [ctx.lazy(entry)]


def viewed_slices(array: DeviceArray, plan: Advanced) -> DeviceArray:
    """The array after the slices of an advanced index; indexed dimensions stay whole."""
    index = [slice(None) if taken is None else taken for taken in plan.slices]
    shape, strides, first = part(array.shape, array.strides, index)
    base = array.offset
    assert isinstance(base, int)
    return array.view(shape, strides, base + first)


takes_expressions(AdvancedSubtensor1, AdvancedSubtensor)


@register(IncSubtensor)
def inc_subtensor(ctx: Context, node: Apply) -> DeviceArray:
    """A copy, and the new part written into it."""
    x, y, *values = node.inputs
    op = node.op
    assert isinstance(op, IncSubtensor)
    source = ctx.array(x)
    out = ctx.copied(source)
    region = viewed(ctx, out, op.idx_list, values)
    ctx.emit(written(ctx, node, source, region, y, values), region)
    return out


def written(
    ctx: Context, node: Apply, source: DeviceArray, region: DeviceArray, y: Variable, values: Sequence[Variable]
) -> Lazy:
    """What a basic write puts into `region`."""
    op = node.op
    assert isinstance(op, IncSubtensor)
    new = ctx.cast(fitted(ctx, op, y, region.shape), source.dtype)
    if op.set_instead_of_inc:
        return new
    old = Load(viewed(ctx, source, op.idx_list, values))
    dtype = source.dtype
    return Lazy(region.shape, Compute("add", dtype, dtype, (dtype, dtype), (old, new.expr)))


def fitted(ctx: Context, op: Any, y: Variable, shape: tuple[int, ...]) -> Lazy:
    """`y` spread over a part of that shape; the reference's error where it does not fit."""
    value = ctx.array(y)
    strict = [op.fits and not stretches for stretches in y.type.broadcastable]
    for axis in range(-value.ndim, 0):
        if value.shape[axis] not in (shape[axis], 1) or (value.shape[axis] != shape[axis] and strict[axis]):
            raise ShapeError(f"{op}: a value of shape {value.shape} does not fit a part of shape {shape}")
    return Lazy(shape, Load(broadcast(value, shape)))
