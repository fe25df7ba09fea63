"""The logarithm of a softmax, and its gradient.

Owns the step from a probability, which underflows, to its logarithm, which does not. The gradient of the one
written by hand divides by the probability and multiplies by it again; here the two meet and go.
"""

from __future__ import annotations

from reference.graph.core import Apply, Variable
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import is_number, row_name
from reference.rewriting.rules.stabilize import Product
from reference.tensor.creation import Alloc, arange
from reference.tensor.elemwise import DimShuffle, mul, neg, sub
from reference.tensor.indexing import AdvancedIncSubtensor, AdvancedSubtensor, Reading
from reference.tensor.nnet.crossentropy import CrossentropyCategorical1Hot
from reference.tensor.nnet.softmax import LogSoftmax, Softmax
from reference.tensor.reduce import Sum
from reference.tensor.shape import Shape_i

STABLE = Promise.STABLE


def _softmax_of(variable: Variable) -> Variable | None:
    """x, if the variable is softmax(x)."""
    node = variable.owner
    return node.inputs[0] if node is not None and isinstance(node.op, Softmax) else None


@rewrite(STABLE, on="log", stage="stabilize")
def log_of_softmax(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """log(Softmax(x)) -> LogSoftmax(x)."""
    x = _softmax_of(node.inputs[0])
    return None if x is None else [LogSoftmax()(x)]


@rewrite(STABLE, on="log", stage="stabilize")
def log_of_part_of_softmax(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """log(Softmax(x)[i, j]) -> LogSoftmax(x)[i, j]."""
    part = node.inputs[0].owner
    if part is None or not isinstance(part.op, Reading):
        return None
    x = _softmax_of(part.inputs[0])
    return None if x is None else [part.op(LogSoftmax()(x), *part.inputs[1:])]


@rewrite(STABLE, on=CrossentropyCategorical1Hot, stage="stabilize")
def crossentropy_of_softmax(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """CrossentropyCategorical1Hot(Softmax(x), k) -> -LogSoftmax(x)[arange(rows of x), k]."""
    coding, labels = node.inputs
    x = _softmax_of(coding)
    if x is None or labels.type.broadcastable[0]:
        return None
    new = neg(LogSoftmax()(x)[arange(Shape_i(0)(x)), labels])
    return [new] if new.type == node.outputs[0].type else None


@rewrite(STABLE, on="mul", stage="stabilize")
def gradient_of_log_of_softmax(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """p * (h / p - Sum(h / p * p)) -> h - p * Sum(h), where p is a softmax."""
    if len(node.inputs) != 2:
        return None
    for p, difference in (node.inputs, node.inputs[::-1]):
        if _softmax_of(p) is None or row_name(difference) != "sub":
            continue
        g, spread = difference.owner.inputs  # type: ignore[union-attr]
        total = _spread_sum_of_product(spread, g, p)
        h = None if total is None else _times(fgraph, g, p)
        if h is None or total is None or spread.owner is None:
            continue
        if h.type == total.inputs[0].type:
            new = sub(h, mul(p, spread.owner.op(total.op(h))))
            return [new] if new.type == node.outputs[0].type else None
    return None


def _spread_sum_of_product(spread: Variable, g: Variable, p: Variable) -> Apply | None:
    """The Sum over columns, if `spread` is ``(g * p).sum(axis=1, keepdims=True)``."""
    if spread.owner is None or not isinstance(spread.owner.op, DimShuffle) or spread.owner.op.new_order != (0, "x"):
        return None
    total = spread.owner.inputs[0].owner
    if total is None or not isinstance(total.op, Sum) or total.op.axis != (1,):
        return None
    product = total.inputs[0]
    is_product = row_name(product) == "mul" and set(product.owner.inputs) == {g, p}  # type: ignore[union-attr]
    return total if is_product else None


def _times(fgraph: FunctionGraph, g: Variable, p: Variable) -> Variable | None:
    """``g * p`` where g was divided by p: by all of it, or by the part of it where g is not 0."""
    quotient = Product(fgraph, g)
    if p in quotient.below:
        quotient.below.remove(p)
        return quotient.rebuilt()
    write = g.owner
    if write is None or not isinstance(write.op, AdvancedIncSubtensor) or write.op.set_instead_of_inc:
        return None
    zeros, y, *index = write.inputs
    if not _is_zero(zeros):
        return None
    quotient = Product(fgraph, y)
    for k, v in enumerate(quotient.below):
        read = v.owner
        if read is not None and read.op == AdvancedSubtensor(write.op.pattern) and read.inputs == (p, *index):
            del quotient.below[k]
            whole = quotient.rebuilt()
            return None if whole is None else write.op(zeros, whole, *index)
    return None


def _is_zero(variable: Variable) -> bool:
    """Is it a tensor filled with 0?"""
    node = variable.owner
    if node is None:
        return is_number(variable, 0)
    if isinstance(node.op, Alloc):
        return is_number(node.inputs[0], 0)
    return row_name(variable) == "second" and is_number(node.inputs[1], 0)
