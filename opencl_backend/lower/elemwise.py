"""Elementwise operations and DimShuffle.

Owns the step from a row of the scalar table and its dtypes to an expression. It must not know what any
row computes: that is `scalar_c`'s.
"""

from __future__ import annotations

from math import prod

from opencl_backend import scalar_c
from opencl_backend.context import Context
from opencl_backend.loop import Compute, Lazy, Load, broadcast, spread, transposed
from opencl_backend.lower import register, takes_expressions
from opencl_backend.plan import Host
from opencl_backend.runtime import DeviceArray
from reference.graph.core import Apply
from reference.tensor.elemwise import DimShuffle, Elemwise, check_broadcast


def no_row(node: Apply) -> str | None:
    """Why the C table cannot compute this node."""
    op = node.op.scalar_op  # type: ignore[attr-defined]
    if op.python:
        return None
    try:
        scalar_c.by_name(op.name)
    except KeyError as error:
        return str(error.args[0])
    return None


@register(Elemwise, refuse=no_row)
def elemwise(ctx: Context, node: Apply) -> Lazy | DeviceArray:
    """One step on the operands' expressions, spread to the common shape."""
    shape = common_shape(ctx, node)
    op = node.op.scalar_op  # type: ignore[attr-defined]
    if op.name == "second":
        return broadcast(ctx.array(node.inputs[1]), shape)
    operands = []
    for v in node.inputs:
        lazy = ctx.lazy(v)
        if lazy.shape != shape and lazy.weight and lazy.size < prod(shape):
            # Repeating the work for every copy would cost more than a loop of its own.
            array = ctx.array(v)
            lazy = Lazy(array.shape, Load(array))
        operands.append(spread(lazy, shape))
    dtypes = [v.type.dtype for v in node.inputs]
    casts = op.operand_dtypes(*dtypes)
    out = node.outputs[0].type.dtype
    if op.name in ("identity", f"Cast{{{dtypes[0]}}}") and dtypes[0] == out:
        return operands[0]
    return Lazy(shape, Compute(op.name, casts[-1], out, casts, tuple(o.expr for o in operands)))


def common_shape(ctx: Context, node: Apply) -> tuple[int, ...]:
    """The shape that the operands are stretched to, after the reference's check."""
    shapes = [ctx.shape(v) for v in node.inputs]
    if len(shapes) > 1:
        check_broadcast(node, [Shaped(s) for s in shapes])
    pattern = [v.type.broadcastable for v in node.inputs]
    return tuple(next((s[k] for s, b in zip(shapes, pattern) if not b[k]), 1) for k in range(len(shapes[0])))


class Shaped:
    """Something that has a shape, for the reference's own check."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.ndim = len(shape)


@register(DimShuffle)
def dimshuffle(ctx: Context, node: Apply) -> Lazy:
    """Another order of the strides."""
    op = node.op
    assert isinstance(op, DimShuffle)
    (x,) = node.inputs
    if isinstance(ctx.value(x), Host):
        ctx.array(x)
    lazy = ctx.lazy(x)
    op_shape_check(op, lazy.shape)
    return transposed(lazy, op.new_order)


def op_shape_check(op: DimShuffle, shape: tuple[int, ...]) -> None:
    """The error of the reference for a dropped axis that is longer than 1."""
    from reference.graph.errors import ShapeError

    for axis in op.dropped:
        if shape[axis] != 1:
            raise ShapeError(f"{op} drops dimension {axis} of an array of shape {shape}; its length must be 1")


takes_expressions(Elemwise, DimShuffle)
