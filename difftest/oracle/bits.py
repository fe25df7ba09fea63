"""Equality to the bit, and which results have bits that every backend must reproduce.

Owns `same_bits` (-0 differs from 0; every NaN equals every NaN) and `bitwise`, which says of a graph's output
whether anything it is computed from is allowed to round differently on another backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from difftest.oracle.ulps import Executor
from reference import scalar


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """True if dtype, shape and every bit agree."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tobytes() == b.tobytes() or bool(equal_elements(a, b).all())


def equal_elements(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Element by element, for arrays of one dtype and shape."""
    if a.dtype.kind == "c":
        return equal_elements(a.real, b.real) & equal_elements(a.imag, b.imag)
    if a.dtype.kind != "f":
        return np.asarray(a == b)
    return np.asarray(((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)))


UNORDERED = (
    "Dot", "BatchedDot", "AbstractConv2d", "AbstractConv2d_gradInputs", "AbstractConv2d_gradWeights", "AbstractConv3d",
    "AbstractConv3d_gradInputs", "AbstractConv3d_gradWeights",
)  # fmt: skip
"""Operations whose order of additions no backend promises."""


def bitwise(nodes: Iterable[Any], executor: Executor) -> bool:
    """True if every one of the nodes has the reference's own bits on this executor."""
    return all(_node_is_bitwise(node, executor) for node in nodes)


def _node_is_bitwise(node: Any, executor: Executor) -> bool:
    row = getattr(node.op, "scalar_op", None)
    outputs = [getattr(v.type, "dtype", "int64") for v in node.outputs]
    if row is not None:
        return executor.extra_ulp(row, outputs[0]) == 0
    if type(node.op).__name__ in UNORDERED:
        return all(np.dtype(d).kind in "biu" for d in outputs)
    if node.op.rows:
        return all(executor.extra_ulp(scalar.TABLE[name], outputs[0]) == 0 for name in node.op.rows)
    inner = getattr(node.op, "inner_outputs", None)
    return inner is None or bitwise(needed(inner), executor)


def needed(outputs: Sequence[Any]) -> list[Any]:
    """The nodes that compute the outputs, each after those it depends on."""
    done: dict[Any, None] = {}
    stack = [v.owner for v in outputs if v.owner is not None][::-1]
    while stack:
        node = stack[-1]
        waiting = [v.owner for v in node.inputs if v.owner is not None and v.owner not in done]
        if node in done or not waiting:
            stack.pop()
            done[node] = None
        else:
            stack.extend(reversed(waiting))
    return list(done)
