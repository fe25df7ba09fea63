"""Sums, products, extremes.

Owns the joining of reductions and what makes one unnecessary. The order of a sum is defined by shape, so
joining two sums moves roundings; the extreme of zeros of either sign depends on the order too.
"""

from __future__ import annotations

from reference.graph.core import Apply
from reference.graph.dtypes import FLOATS
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import row_name
from reference.tensor.elemwise import DimShuffle, cast, neg
from reference.tensor.reduce import Accumulation, All, Any, Argmax, Max, MaxAndArgmax, Prod, Reduction, Sum

EXACT, REAL = Promise.EXACT, Promise.REAL


def _joined_axes(outer: Reduction, inner: Reduction, rank: int) -> tuple[int, ...] | None:
    """The axes that both reduce, counted in the innermost operand; None for all."""
    gone = inner.axes(rank)
    kept = [k for k in range(rank) if k not in gone]
    joined = sorted([*gone, *[kept[k] for k in outer.axes(len(kept))]])
    return None if len(joined) == rank else tuple(joined)


@rewrite(REAL, on=(Sum, Prod))
def sum_of_sum(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Sum(Sum(x, axis=1), axis=0) -> Sum(x, axis=(0, 1)), for floats of one accumulator; also products."""
    inner, op = node.inputs[0].owner, node.op
    if inner is None or type(inner.op) is not type(op) or inner.op.acc_dtype != op.acc_dtype:  # type: ignore[attr-defined]
        return None
    (x,) = inner.inputs
    if x.type.dtype not in FLOATS:
        return None
    axes = _joined_axes(op, inner.op, x.type.ndim)  # type: ignore[arg-type]
    return [type(op)(axes, op.dtype, op.acc_dtype)(x)]  # type: ignore[attr-defined, call-arg]


@rewrite(EXACT, on=(All, Any))
def any_of_any(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Any(Any(x, axis=1), axis=0) -> Any(x, axis=(0, 1)); also All."""
    inner = node.inputs[0].owner
    if inner is None or type(inner.op) is not type(node.op):
        return None
    (x,) = inner.inputs
    return [type(node.op)(_joined_axes(node.op, inner.op, x.type.ndim))(x)]  # type: ignore[arg-type, call-arg]


def _without_ones(node: Apply) -> Replacement:
    (x,) = node.inputs
    gone = node.op.axes(x.type.ndim)  # type: ignore[attr-defined]
    if not all(x.type.broadcastable[k] for k in gone):
        return None
    kept = tuple(k for k in range(x.type.ndim) if k not in gone)
    return [cast(DimShuffle(x.type.broadcastable, kept)(x), node.outputs[0].type.dtype)]


@rewrite(EXACT, on=(All, Any, Max))
def extreme_of_one(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Max(x, axis=0) -> DimShuffle(x), where the axis has length 1 by its type; also All and Any."""
    return _without_ones(node)


@rewrite(REAL, on=(Sum, Prod))
def sum_of_one(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Sum(x, axis=0) -> DimShuffle(x), where the axis has length 1 by its type; also products."""
    return _without_ones(node)


@rewrite(REAL, on=Sum)
def sum_of_minus(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Sum(-x) -> -Sum(x), for floats."""
    x = node.inputs[0]
    if row_name(x) != "neg" or x.owner is None or x.type.dtype not in FLOATS:
        return None
    return [neg(node.op(x.owner.inputs[0]))]


@rewrite(REAL, on=(Sum, Prod))
def sum_of_permuted(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Sum(DimShuffle(x)) -> Sum(x), over all axes; also products."""
    x, op = node.inputs[0], node.op
    assert isinstance(op, Accumulation)
    inner = x.owner
    if inner is None or not isinstance(inner.op, DimShuffle) or len(op.axes(x.type.ndim)) < x.type.ndim:
        return None
    return [type(op)(None, op.dtype, op.acc_dtype)(inner.inputs[0])]


@rewrite(EXACT, on=MaxAndArgmax)
def only_max_or_argmax(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """MaxAndArgmax(x) -> Max(x) or Argmax(x), where the other output is not read."""
    largest, place = node.outputs
    axis = node.op.axis  # type: ignore[attr-defined]
    if not fgraph.clients[place]:
        return [Max(axis)(node.inputs[0]), None]
    if not fgraph.clients[largest]:
        return [None, Argmax(axis)(node.inputs[0])]
    return None
