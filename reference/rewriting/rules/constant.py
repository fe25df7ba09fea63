"""What is known while the graph is built is computed while the graph is built.

Owns constant folding and its limits. It must not fold what prints, loops, or would fill the memory.
"""

from __future__ import annotations

import math

import numpy as np

from reference.graph.core import Apply, Constant
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.scalar import TABLE
from reference.tensor.creation import Alloc, AllocEmpty, ARange, Eye
from reference.tensor.linalg import BatchedDot, Dot

_LARGEST = 1024
"""A constant may have so many elements, or as many as its operands together."""


@rewrite(Promise.EXACT, cheap=True, tags=("constant_folding",))
def constant_folding(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(constants) -> constant, where every backend computes the same bits."""
    return _folded(node) if _known(node) and _same_everywhere(node) else None


@rewrite(Promise.REAL, tags=("constant_folding",))
def constant_folding_rounded(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(constants) -> constant, where a backend may round otherwise: float64 functions, dot products."""
    return _folded(node) if _known(node) and not _same_everywhere(node) else None


def _known(node: Apply) -> bool:
    return bool(node.inputs) and all(isinstance(v, Constant) for v in node.inputs)


def _same_everywhere(node: Apply) -> bool:
    row = getattr(node.op, "scalar_op", None)
    applied = [TABLE[name] for name in node.op.rows] if row is None else [row]
    return not isinstance(node.op, Dot | BatchedDot) and all(r.ulp == 0 for r in applied)


def _folded(node: Apply) -> Replacement:
    if has_effect(node.op) or hasattr(node.op, "inner_outputs") or isinstance(node.op, AllocEmpty):
        return None
    data = [v.data for v in node.inputs]  # type: ignore[attr-defined]
    if _elements(node, data) > max(_LARGEST, sum(np.size(x) for x in data)):
        return None
    try:
        with np.errstate(all="ignore"):
            values = node.op.perform(node, *data)
    except Exception:
        return None  # the error belongs to the call, where it has its context
    constants = []
    for out, value in zip(node.outputs, values, strict=True):
        if isinstance(value, np.ndarray):
            value = value.copy()
            value.flags.writeable = False
        constants.append(out.type.make_constant(value))
    return constants


def _elements(node: Apply, data: list) -> float:
    """How many elements the largest output will have, before it is computed."""
    if isinstance(node.op, Alloc):
        return math.prod(max(int(n), 0) for n in data[1:])
    if isinstance(node.op, Eye):
        return max(int(data[0]), 0) * max(int(data[1]), 0)
    if isinstance(node.op, ARange):
        start, stop, step = (float(x) for x in data)
        return abs((stop - start) / step) if step else 0
    if hasattr(node.op, "scalar_op"):
        return math.prod(max(lengths) for lengths in zip(*[x.shape for x in data]))
    return 0
