"""What an operation is for all rows at once: the one table of it, a row for each class of operations.

Owns how a node of a loop's step, some of whose inputs are rows of arrays, becomes one node (or a few) on whole
arrays, with a leading dimension for the steps. An operation that is not in the table stays in the loop. It must
not know loops, nor what is worth moving.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import reference.tensor as ns
from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.types import ScalarType, TensorType
from reference.tensor.basic import constant
from reference.tensor.creation import Alloc
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.extra_ops import CumOp
from reference.tensor.indexing import (
    ARRAY,
    FULL,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Span,
    Subtensor,
)
from reference.tensor.joining import Join, Split
from reference.tensor.linalg import BatchedDot, Dot
from reference.tensor.nnet.crossentropy import CrossentropyCategorical1Hot
from reference.tensor.nnet.softmax import LogSoftmax, Softmax
from reference.tensor.reduce import All, Argmax, Max, MaxAndArgmax, Prod, Sum
from reference.tensor.reduce import Any as Any_
from reference.tensor.shape import (
    MakeVector,
    Rebroadcast,
    Reshape,
    ScalarFromTensor,
    Shape_i,
    TensorFromScalar,
    shape_i,
)
from reference.tensor.sort import ArgSortOp, SortOp


@dataclass
class Known:
    """Variables of a step and what stands for them outside: all rows of what changes from step to step, with a
    leading dimension, and the one value of what does not."""

    rows: dict[Variable, Variable] = field(default_factory=dict)
    fixed: dict[Variable, Variable] = field(default_factory=dict)

    def __contains__(self, v: Variable) -> bool:
        return v in self.rows or v in self.fixed or isinstance(v, Constant)

    def add(self, node: Apply, kept: bool = False) -> bool:
        """Tell the outputs of `node` too, if that is possible. `kept`: all rows of them are wanted anyhow.

        What is read from the end, as a gradient reads what the forward loop read, is computed in the forward
        loop's order and then turned: what both need is computed once.
        """
        inputs = [v for v in node.inputs if not isinstance(v, Constant)]
        if not inputs or not all(v in self for v in inputs):
            return False
        outer = [self.fixed.get(v, v) for v in node.inputs]
        if all(v in self.fixed for v in inputs):
            self.fixed.update(zip(node.outputs, node.op.make_node(*outer).outputs))
            return True
        rows = [self.rows.get(v) for v in node.inputs]
        backwards = all(w is None or _turned_from(w) is not None for w in rows)
        if backwards:
            rows = [None if w is None else _turned_from(w) for w in rows]
        wholes: list[Any] = [None if w is None else _unbroadcast_first(w) for w in rows]
        if isinstance(node.op, Shape_i):
            self.fixed[node.outputs[0]] = shape_i(wholes[0], node.op.i + 1)
            return True
        made: Sequence[Any] | None = _for_all_rows(node, _Operands(node, wholes, outer, kept))
        if made is None:
            return False
        self.rows.update(zip(node.outputs, (w[::-1] for w in made) if backwards else made))
        return True


@dataclass
class _Operands:
    """The inputs of a node of the step: for each the array of all its rows or None, and what stands for it outside."""

    node: Apply
    wholes: list[Any]
    outer: list[Any]
    kept: bool

    @property
    def steps(self) -> Variable:
        return shape_i(next(w for w in self.wholes if w is not None), 0)

    def all_rows(self, k: int) -> Any:
        """Input k with a dimension for the steps, if need be repeated for every step."""
        if self.wholes[k] is not None:
            return self.wholes[k]
        v = self.outer[k]
        return Alloc()(v, self.steps, *[shape_i(v, axis) for axis in range(v.type.ndim)])

    def changing(self) -> list[int]:
        return [k for k, w in enumerate(self.wholes) if w is not None]


def _turned_from(x: Variable) -> Variable | None:
    """``y`` if `x` is ``y[::-1]``."""
    node = x.owner
    if node is None or not isinstance(node.op, Subtensor) or len(node.op.idx_list) != 1 or len(node.inputs) != 2:
        return None
    span = node.op.idx_list[0]
    return node.inputs[0] if isinstance(span, Span) and span.step and _constant(node.inputs[1]) == -1 else None


def _unbroadcast_first(x: Any) -> Any:
    """`x` with a first dimension that never stretches: a sequence too short must stay an error."""
    return ns.patternbroadcast(x, (False, *x.type.broadcastable[1:])) if isinstance(x.type, TensorType) else x


Rule = Callable[[Any, _Operands], Any]
"""(operation, operands) -> the outputs for all rows, one or several, or None."""

_TABLE: dict[type[Op], Rule] = {}


def _all_rows_of(*classes: type[Op]) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _TABLE.update(dict.fromkeys(classes, rule))
        return rule

    return register


def has_all_rows(op: Op) -> bool:
    """Is the operation in the table?"""
    return type(op) in _TABLE or isinstance(op, Shape_i)


def rounds_otherwise(op: Op) -> bool:
    """May its bits depend on how many rows are computed together?"""
    return isinstance(op, Dot | BatchedDot)


def _for_all_rows(node: Apply, operands: _Operands) -> list[Variable] | None:
    rule = _TABLE.get(type(node.op))
    scalars = any(isinstance(node.inputs[k].type, ScalarType) for k in operands.changing())
    if rule is None or (scalars and not isinstance(node.op, Subtensor | TensorFromScalar)):
        return None
    made = rule(node.op, operands)
    if made is None:
        return None
    outputs = list(made) if isinstance(made, list | tuple) else [made]
    for k, (row, whole) in enumerate(zip(node.outputs, outputs)):
        if isinstance(row.type, TensorType):
            pattern = (False, *row.type.broadcastable)
            if whole.type.ndim != len(pattern) or whole.type.dtype != row.type.dtype:
                return None
            outputs[k] = ns.patternbroadcast(whole, pattern)
    return outputs


# Element by element.


@_all_rows_of(Elemwise)
def _elementwise(op: Elemwise, x: _Operands) -> Any:
    row: Any = x.node.outputs[0].type
    if not x.kept and not any(w is not None and w.type.broadcastable[1:] == row.broadcastable for w in x.wholes):
        return None  # all rows of the result would be larger than all rows of any operand
    spread = ("x", *range(row.ndim))
    return op(*[v.dimshuffle(*spread) if w is None else w for v, w in zip(x.outer, x.wholes)])


@_all_rows_of(DimShuffle)
def _turned(op: DimShuffle, x: _Operands) -> Any:
    return x.wholes[0].dimshuffle(0, *[axis if isinstance(axis, str) else axis + 1 for axis in op.new_order])


@_all_rows_of(Rebroadcast)
def _rebroadcast(op: Rebroadcast, x: _Operands) -> Any:
    return Rebroadcast(*((axis + 1, value) for axis, value in op.axes))(x.wholes[0])


@_all_rows_of(ScalarFromTensor, TensorFromScalar)
def _number(op: Op, x: _Operands) -> Any:
    return x.wholes[0]


# Over the axes of a row, which lie behind the steps.


@_all_rows_of(Sum, Prod, All, Any_, Max, Argmax, MaxAndArgmax)
def _reduced(op: Any, x: _Operands) -> Any:
    axes = tuple(axis + 1 for axis in op.axes(x.wholes[0].type.ndim - 1))
    return dataclasses.replace(op, axis=axes).make_node(x.wholes[0]).outputs


@_all_rows_of(CumOp)
def _running(op: CumOp, x: _Operands) -> Any:
    return None if op.axis is None else dataclasses.replace(op, axis=op.axis + 1)(x.wholes[0])


@_all_rows_of(SortOp, ArgSortOp)
def _sorted(op: Op, x: _Operands) -> Any:
    axis = _constant(x.outer[1])
    return None if axis is None or x.wholes[0] is None else op(x.wholes[0], axis + (axis >= 0))


@_all_rows_of(Softmax, LogSoftmax)
def _normalized(op: Op, x: _Operands) -> Any:
    (whole,) = x.wholes
    return _unfolded(op(_folded(whole)), whole)


@_all_rows_of(CrossentropyCategorical1Hot)
def _crossentropy(op: Op, x: _Operands) -> Any:
    coding, labels = x.all_rows(0), x.all_rows(1)
    return _unfolded(op(_folded(coding), _folded(labels)), coding)


def _folded(x: Any) -> Any:
    """The steps and a row's first dimension as one."""
    lengths = [x.shape[0] * x.shape[1], *[x.shape[axis] for axis in range(2, x.type.ndim)]]
    return x.reshape(lengths, ndim=x.type.ndim - 1)


def _unfolded(x: Any, like: Any) -> Any:
    """The first dimension cut as the first two of `like` are."""
    lengths = [like.shape[0], like.shape[1], *[x.shape[axis] for axis in range(1, x.type.ndim)]]
    return x.reshape(lengths, ndim=x.type.ndim + 1)


# Products.


@_all_rows_of(Dot)
def _product(op: Dot, x: _Operands) -> Any:
    (left, right), (a, b) = x.wholes, x.outer
    if left is not None and right is not None:
        return BatchedDot()(left, right)
    if right is None:
        return _times(left, b)
    if right.type.ndim == 2:
        return Dot()(right, a.T if a.type.ndim == 2 else a)
    product = _times(right.dimshuffle(0, 2, 1), a.T if a.type.ndim == 2 else a)
    return product.dimshuffle(0, 2, 1) if a.type.ndim == 2 else product


def _times(rows: Any, fixed: Any) -> Any:
    """Vectors or matrices, one a step, times a vector or a matrix."""
    return Dot()(rows, fixed) if rows.type.ndim == 2 else _unfolded(Dot()(_folded(rows), fixed), rows)


@_all_rows_of(BatchedDot)
def _batched(op: BatchedDot, x: _Operands) -> Any:
    left, right = x.all_rows(0), x.all_rows(1)
    return _unfolded(op(_folded(left), _folded(right)), left)


# Parts, and what is put together.


@_all_rows_of(Subtensor)
def _part(op: Subtensor, x: _Operands) -> Any:
    whole, *index = x.wholes
    if whole is not None and not any(v is not None for v in index):
        return Subtensor((FULL, *op.idx_list))(whole, *x.outer[1:])
    if whole is None and len(op.idx_list) == 1 and isinstance(op.idx_list[0], str):
        return AdvancedSubtensor1()(x.outer[0], index[0])
    return None


@_all_rows_of(IncSubtensor)
def _with_part(op: IncSubtensor, x: _Operands) -> Any:
    if any(v is not None for v in x.wholes[2:]):
        return None
    y = x.outer[1]
    if x.wholes[1] is not None:
        y = x.wholes[1]
        part = op.reading()(*[x.node.inputs[0], *x.node.inputs[2:]])
        missing = part.type.ndim + 1 - y.type.ndim
        y = y.dimshuffle(0, *["x"] * missing, *range(1, y.type.ndim))
    return IncSubtensor((FULL, *op.idx_list), op.set_instead_of_inc, op.fits)(x.all_rows(0), y, *x.outer[2:])


@_all_rows_of(AdvancedSubtensor1)
def _rows_taken(op: AdvancedSubtensor1, x: _Operands) -> Any:
    (whole, places), (table, fixed) = x.wholes, x.outer
    if whole is None:
        return _unfolded(op(table, _folded(places)), places)
    if places is not None:
        return None
    swapped = (1, 0, *range(2, whole.type.ndim))
    return op(whole.dimshuffle(*swapped), fixed).dimshuffle(*swapped)


@_all_rows_of(AdvancedSubtensor)
def _taken(op: AdvancedSubtensor, x: _Operands) -> Any:
    whole, *index = x.wholes
    places = [k for k, entry in enumerate(op.pattern) if not isinstance(entry, Span)]
    if whole is None or places != list(range(places[0], places[-1] + 1)):
        return None
    if not any(v is not None for v in index):
        return AdvancedSubtensor((FULL, *op.pattern))(whole, *x.outer[1:])
    vectors = all(entry == ARRAY for entry in op.pattern)
    if not vectors or any(v.type.ndim != 1 or v.type.dtype == "bool" for v in x.node.inputs[1:]):
        return None
    columns = [v.dimshuffle("x", 0) if w is None else w for v, w in zip(x.outer[1:], index)]
    return AdvancedSubtensor((ARRAY, *op.pattern))(whole, ns.arange(x.steps).dimshuffle(0, "x"), *columns)


@_all_rows_of(Join)
def _joined(op: Join, x: _Operands) -> Any:
    axis = _constant(x.outer[0])
    parts = range(1, len(x.outer))
    return None if axis is None else op(axis + 1, *[x.all_rows(k) for k in parts])


@_all_rows_of(Split)
def _cut(op: Split, x: _Operands) -> Any:
    whole, axis = x.wholes[0], _constant(x.outer[1])
    if whole is None or axis is None or x.wholes[2] is not None:
        return None
    return op.make_node(whole, axis + 1, x.outer[2]).outputs


@_all_rows_of(MakeVector)
def _vectors(op: MakeVector, x: _Operands) -> Any:
    columns = [ns.cast(x.all_rows(k), op.dtype).dimshuffle(0, "x") for k in range(len(x.outer))]
    return Join()(1, *columns)


@_all_rows_of(Alloc)
def _spread(op: Alloc, x: _Operands) -> Any:
    value, *lengths = x.wholes
    if value is None or any(n is not None for n in lengths):
        return None
    missing = len(lengths) + 1 - value.type.ndim
    padded = value.dimshuffle(0, *["x"] * missing, *range(1, value.type.ndim))
    return Alloc()(padded, x.steps, *x.outer[1:])


@_all_rows_of(Reshape)
def _reshaped(op: Reshape, x: _Operands) -> Any:
    whole, lengths = x.wholes[0], _lengths(x.outer[1])
    if whole is None or x.wholes[1] is not None or lengths is None:
        return None
    return Reshape(op.ndim + 1)(whole, MakeVector("int64")(x.steps, *lengths))


def _lengths(shape: Variable) -> list[Variable] | None:
    """The elements of a shape, if the graph shows that none is -1, which would mean the rest."""
    if isinstance(shape, Constant):
        return [constant(n, dtype="int64") for n in shape.data] if (shape.data >= 0).all() else None
    node = shape.owner
    if node is None or not isinstance(node.op, MakeVector):
        return None
    certain = [_constant(n) is not None or isinstance(n.owner and n.owner.op, Shape_i) for n in node.inputs]
    known: Sequence[int | None] = [_constant(n) for n in node.inputs]
    return list(node.inputs) if all(certain) and all(n is None or n >= 0 for n in known) else None


def _constant(v: Variable) -> int | None:
    return int(v.data) if isinstance(v, Constant) else None
