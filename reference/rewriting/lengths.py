"""Are two lengths one number? What the graph shows without computing it.

Owns the way from a length down to where it comes from: through what keeps, tells or hands on its number of rows.
A length that is found nowhere else is its own origin. It must not guess: two origins may still be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference.graph.core import Apply, Constant, Op, Variable
from reference.rewriting.rules.subtensor import index_of, number
from reference.scan.op import Scan
from reference.tensor.creation import Alloc
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.indexing import AdvancedSubtensor1, IncSubtensor, Subtensor
from reference.tensor.joining import Join, Split
from reference.tensor.linalg import BatchedDot, Dot
from reference.tensor.nnet.softmax import LogSoftmax, Softmax
from reference.tensor.reduce import Reduction
from reference.tensor.shape import MakeVector, Rebroadcast, Reshape, Shape_i, SpecifyShape

Origin = Any
"""A number, a variable, or ("rows", variable): its number of rows."""


def same_length(n: Variable, m: Variable) -> bool:
    """Does the graph show that the two integers are equal?"""
    return n is m or origin(n) == origin(m)


def has_rows(x: Variable, n: Variable) -> bool:
    """Does the graph show that `x` has exactly `n` rows?"""
    return _rows(x) == origin(n)


def origin(n: Variable) -> Origin:
    """Where the integer `n` comes from."""
    while n.owner is not None:
        node, op = n.owner, n.owner.op
        if isinstance(op, Elemwise) and op.name.startswith("Cast{int"):
            n = node.inputs[0]
        elif isinstance(op, Elemwise) and op.name == "minimum":
            sides = {origin(v) for v in node.inputs}
            return sides.pop() if len(sides) == 1 else n
        elif op == Shape_i(0):
            return _rows(node.inputs[0])
        else:
            return n
    return int(n.data) if isinstance(n, Constant) else n


def _rows(x: Variable) -> Origin:
    while True:
        if isinstance(x, Constant):
            return len(x.data)
        if x.type.broadcastable[0]:
            return 1
        node = x.owner
        below = None if node is None else _below(node, x.index)  # type: ignore[arg-type]
        if below is None:
            return "rows", x
        if below.type.ndim == 0:  # type: ignore[attr-defined]
            return origin(below)
        x = below


def _below(node: Apply, index: int) -> Variable | None:
    """What has as many rows as an output (a tensor), or says how many (a scalar)."""
    rule = next((r for kinds, r in _TABLE if isinstance(node.op, kinds)), None)
    return None if rule is None or not node.inputs else rule(node, index)


def _loop(node: Apply, index: int) -> Variable | None:
    op: Any = node.op
    return None if op.until or index >= op.n_stacked or op.keep[index] is not None else node.inputs[0]


def _elementwise(node: Apply, index: int) -> Variable | None:
    return next((v for v in node.inputs if not v.type.broadcastable[0]), None)  # type: ignore[attr-defined]


def _part(node: Apply, index: int) -> Variable | None:
    x, first = node.inputs[0], next(iter(index_of(node)), slice(None))
    if first == slice(None):
        return x
    if not isinstance(first, slice) or first.start is not None:
        return None
    if first.stop is None and number(first.step) == -1:
        return x
    return _tail_of_join(x) if first.step is None and number(first.stop) == -1 else None


def _tail_of_join(x: Variable) -> Variable | None:
    """``y`` if `x` is ``join(0, one row, y)``: leaving out the last row of `x` leaves the rows of `y`."""
    node = x.owner
    if node is None or not isinstance(node.op, Join) or len(node.inputs) != 3:
        return None
    axis, head, tail = node.inputs
    return tail if number(axis) == 0 and head.type.broadcastable[0] else None  # type: ignore[attr-defined]


def _shaped(node: Apply, index: int) -> Variable | None:
    told = node.inputs[1].owner
    return told.inputs[0] if told is not None and isinstance(told.op, MakeVector) and told.inputs else None


def _beside(place: int, x: int) -> Callable[[Apply, int], Variable | None]:
    """Of an operation along an axis, input `place`: input `x`, unless that axis is the rows'."""

    def rule(node: Apply, index: int) -> Variable | None:
        axis = number(node.inputs[place])
        return None if axis is None or axis == 0 else node.inputs[x]

    return rule


def _input(k: int, when: Callable[[Apply], bool] = lambda node: True) -> Callable[[Apply, int], Variable | None]:
    return lambda node, index: node.inputs[k] if when(node) else None


def _op(node: Apply) -> Any:
    return node.op


_TABLE: tuple[tuple[type[Op] | tuple[type[Op], ...], Callable[[Apply, int], Variable | None]], ...] = (
    (Scan, _loop),
    (Elemwise, _elementwise),
    (Subtensor, _part),
    (DimShuffle, _input(0, lambda node: _op(node).new_order[:1] == (0,))),
    (Dot, _input(0, lambda node: node.inputs[0].type.ndim == 2)),  # type: ignore[attr-defined]
    (Reduction, _input(0, lambda node: _op(node).axis is not None and 0 not in _op(node).axis)),
    (Rebroadcast, _input(0, lambda node: not node.outputs[0].type.broadcastable[0])),  # type: ignore[attr-defined]
    ((BatchedDot, Softmax, LogSoftmax, IncSubtensor), _input(0)),
    (AdvancedSubtensor1, _input(1)),
    (Alloc, _input(1)),
    ((Reshape, SpecifyShape), _shaped),
    (Join, _beside(0, 1)),
    (Split, _beside(1, 0)),
)
