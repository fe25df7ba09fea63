"""Indexing: reading parts and writing them.

Owns basic indices as views whose offset follows the host's numbers from call to call, and gathers by index
arrays with their bounds check on the device. Scatters, whose order matters, are in scatter.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opencl_backend.context import Context
from opencl_backend.loop import Compute, Lazy, Load, broadcast
from opencl_backend.lower import register
from opencl_backend.plan import Host, Stale
from opencl_backend.runtime import Cell, DeviceArray
from reference.graph.core import Apply, Variable
from reference.graph.errors import ShapeError
from reference.tensor.indexing import IncSubtensor, Subtensor, with_values

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
        known = None if array.known is None else array.known[(*now, ...)]
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
    for axis in range(-value.ndim, 0):
        if value.shape[axis] != shape[axis] and not y.type.broadcastable[axis]:
            raise ShapeError(f"{op}: a value of shape {value.shape} does not fit a part of shape {shape}")
    return Lazy(shape, Load(broadcast(value, shape)))
