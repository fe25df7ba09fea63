"""Reductions.

Owns the way from an Op and its axes to folds: sums and products one axis after the other, the last axis
first, as `reduce_in_order` defines it; extremes and truth values over all their axes at once, which no
order can change. It must not know the kernels' text (fold.py).
"""

from __future__ import annotations

from typing import Any

from opencl_backend.context import Context
from opencl_backend.fold import Fold, run
from opencl_backend.loop import Lazy, Load, transposed
from opencl_backend.lower import not_lowered, register, takes_expressions
from opencl_backend.runtime import DeviceArray
from reference.graph.core import Apply
from reference.tensor import reduce as family

takes_expressions(
    family.Sum, family.Prod, family.All, family.Any, family.Max, family.Argmax, family.MaxAndArgmax
)  # fmt: skip

not_lowered("only what Sum and Prod share", "Accumulation")


@register(family.Sum, family.Prod)
def accumulate(ctx: Context, node: Apply) -> DeviceArray | Lazy:
    """Cast to the accumulator's dtype, then one axis at a time from the last."""
    op: Any = node.op
    (x,) = node.inputs
    dtype, acc = op.resolved(x.type.dtype)
    lazy = ctx.cast(ctx.lazy(x), acc)
    kind = "add" if isinstance(op, family.Sum) else "mul"
    axes = sorted(op.axes(x.type.ndim), reverse=True)
    for axis in axes:
        narrow = acc == "float16" and kind == "add" and _inner(lazy, axis) == 1
        # NumPy sums a row of halves in single precision and rounds once.
        fold = Fold(kind, "float32", acc) if narrow else Fold(kind, acc, dtype if axis == axes[-1] else acc)
        (array,) = run(ctx, fold, lazy, axis, 1, type(op).__name__)
        lazy = Lazy(array.shape, Load(array))
    return ctx.cast(lazy, dtype)


def _inner(lazy: Lazy, axis: int) -> int:
    size = 1
    for n in lazy.shape[axis + 1 :]:
        size *= n
    return size


def gathered(lazy: Lazy, axes: tuple[int, ...]) -> tuple[Lazy, int]:
    """The operand with `axes` side by side and in order, and where they begin."""
    if not axes or axes == tuple(range(axes[0], axes[-1] + 1)):
        return lazy, axes[0] if axes else len(lazy.shape)
    kept = [k for k in range(len(lazy.shape)) if k not in axes]
    return transposed(lazy, [*kept, *axes]), len(kept)


@register(family.All, family.Any)
def logical(ctx: Context, node: Apply) -> DeviceArray:
    """The least or the largest truth value."""
    op: Any = node.op
    (x,) = node.inputs
    lazy, start = gathered(ctx.lazy(x), op.axes(x.type.ndim))
    kind = "min" if isinstance(op, family.All) else "max"
    return run(ctx, Fold(kind, "bool", "bool"), lazy, start, len(op.axes(x.type.ndim)), type(op).__name__)[0]


@register(family.Max, family.Argmax, family.MaxAndArgmax)
def extreme(ctx: Context, node: Apply) -> list[DeviceArray]:
    """The first NaN, or the first of the largest, and its place."""
    op: Any = node.op
    (x,) = node.inputs
    axes = op.axes(x.type.ndim)
    shape = ctx.shape(x)
    if any(shape[k] == 0 for k in axes):
        raise ValueError(f"{op} of an array of shape {shape}: the extreme of no elements is not defined")
    lazy, start = gathered(ctx.lazy(x), axes)
    dtype = x.type.dtype
    fold = Fold("extreme", dtype, dtype, not isinstance(op, family.Argmax), not isinstance(op, family.Max))
    return run(ctx, fold, lazy, start, len(axes), type(op).__name__)
