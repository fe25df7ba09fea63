"""Products in a step that read the same thing, as one: the gates of an LSTM.

Owns what becomes one product with weights laid side by side, which is put together outside the loop. It comes before
work on rows leaves the loop, so that the products with a whole sequence leave it as one, and after what only outputs
need has left it. It must not join what differs from step to step; `sums` does that where it pays.
"""

from __future__ import annotations

from typing import Any

import reference.tensor as ns
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import deferred
from reference.graph.traversal import clone_replace, graph_inputs, toposort
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.summands import is_sum, sum_of, summands_of
from reference.scan.op import Scan
from reference.scan.parts import Loop, Read
from reference.tensor.joining import Join, Split
from reference.tensor.linalg import Dot
from reference.tensor.shape import MakeVector, shape_i

REAL = Promise.REAL


@rewrite(REAL, on=Scan, stage="scan")
def gates_side_by_side(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(...; dot(r, A) + dot(s, U), dot(r, B) + dot(s, V)) -> the parts of dot(r, [A, B]) + dot(s, [U, V])."""
    loop = Loop.of(node)
    fixed = {r.inner: r.outer for r in loop.constants}
    groups: dict[tuple[Any, ...], list[_Sum]] = {}
    waiting = deferred(toposort(loop.inner_outputs), loop.inner_outputs)
    for total in _whole_sums(loop):
        if total.owner in waiting:
            continue  # a side of an ifelse that may never be taken
        found = _Sum.of(total, fixed)
        if found is not None:
            groups.setdefault((found.total.type, frozenset(found.products)), []).append(found)
    for sums in groups.values():
        if len(sums) > 1 and len(sums[0].products) > 1:
            weights = [[fixed[w] for w in s.products.values()] for s in sums]
            return _side_by_side(loop, [sums[k] for k in _one_order(fgraph, weights)], fixed)
    return None


def _whole_sums(loop: Loop) -> list[Variable]:
    """The sums in a step that are not themselves summands, a step's first ones first."""
    order = [v for inner in toposort(loop.inner_outputs) for v in inner.outputs]
    read = {v for u in order if is_sum(u) for v in u.owner.inputs if v.type == u.type}  # type: ignore[union-attr]
    return [v for v in order if v not in read and isinstance(v.type, TensorType)]


class _Sum:
    """A sum with products in it: what each multiplies -> its weights; what is the same in every step; the rest."""

    def __init__(
        self, total: Variable, products: dict[Variable, Variable], fixed: list[Variable], late: list[Variable]
    ):
        self.total, self.products, self.fixed, self.late = total, products, fixed, late

    @classmethod
    def of(cls, total: Variable, known: dict[Variable, Variable]) -> _Sum | None:
        products: dict[Variable, Variable] = {}
        fixed: list[Variable] = []
        late: list[Variable] = []
        for v in summands_of(total):
            if v.owner is not None and is_fixed_product(v.owner, known) and v.owner.inputs[0] not in products:
                products[v.owner.inputs[0]] = v.owner.inputs[1]
            else:
                (fixed if v in known else late).append(v)
        return cls(total, products, fixed, late) if products else None


def _side_by_side(loop: Loop, sums: list[_Sum], fixed: dict[Variable, Variable]) -> Replacement:
    whole: list[Any] = []
    for x in sums[0].products:
        joined = _joined(loop, 1, [fixed[s.products[x]] for s in sums], sums[0].products[x].type)
        whole.append(Dot()(x, joined))
    last = sums[0].total.type.ndim - 1  # type: ignore[attr-defined]
    bias = [sum_of([fixed[v] for v in s.fixed]) for s in sums if s.fixed]
    if len(bias) == len(sums) and len({b.type for b in bias}) == 1 and not bias[0].type.broadcastable[-1]:
        whole.append(_joined(loop, last, bias, bias[0].type))
    else:
        for s in sums:
            s.late = [*s.fixed, *s.late]
    parts = _parts(loop, sum_of(whole), [fixed[s.products[x]] for s in sums])
    done: dict[Variable, Variable] = {}
    for s, part in zip(sums, parts):
        done[s.total] = sum_of([part, *clone_replace(s.late, done)])
    if any(new.type != old.type for old, new in done.items()):
        return None
    loop.replace(done)
    return _without_unread_constants(loop)


@rewrite(REAL, on=Scan, stage="scan")
def dots_of_one_operand(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(U, V; dot(s, U), dot(s, V)) -> for([U, V]; the parts of dot(s, [U, V])): the gates of an LSTM."""
    loop = Loop.of(node)
    fixed = {r.inner: r.outer for r in loop.constants}
    groups: dict[tuple[Any, ...], list[Apply]] = {}
    order = toposort(loop.inner_outputs)
    waiting = deferred(order, loop.inner_outputs)
    for inner in order:
        if is_fixed_product(inner, fixed) and inner not in waiting:
            groups.setdefault((inner.inputs[0], inner.outputs[0].type), []).append(inner)
    for (x, _), products in groups.items():
        if len(products) > 1:
            products = [products[k] for k in _one_order(fgraph, [[fixed[p.inputs[1]]] for p in products])]
            weights = [fixed[p.inputs[1]] for p in products]
            product = Dot()(x, _joined(loop, 1, weights, weights[0].type))
            parts = _parts(loop, product, weights)
            loop.replace({p.outputs[0]: part for p, part in zip(products, parts)})
            return _without_unread_constants(loop)
    return None


def is_fixed_product(node: Apply, fixed: dict[Variable, Variable]) -> bool:
    """A product of something with a matrix that is the same in every step, of one dtype."""
    if not isinstance(node.op, Dot):
        return False
    x, w = node.inputs
    plain = TensorType(x.type.dtype, (False, False))  # type: ignore[attr-defined]
    return w in fixed and x not in fixed and not isinstance(x, Constant) and w.type == plain == fixed[w].type


def _one_order(fgraph: FunctionGraph, weights: list[list[Variable]]) -> list[int]:
    """In which order to lay weights side by side: that of the function's inputs, so that all loops choose the same."""
    place = {v: k for k, v in enumerate(fgraph.inputs)}

    def first(k: int) -> int:
        return min((place[v] for v in graph_inputs(weights[k]) if v in place), default=len(place))

    return sorted(range(len(weights)), key=first)


def _joined(loop: Loop, axis: int, outer: list[Any], inner_type: Any) -> Any:
    """A new non-sequence of the loop: the outer variables, joined."""
    read = Read(ns.patternbroadcast(Join()(axis, *outer), inner_type.broadcastable), inner_type())
    loop.constants.append(read)
    return read.inner


def _parts(loop: Loop, whole: Any, weights: list[Any]) -> list[Variable]:
    """`whole` cut along its last axis, each part as wide as its weights."""
    widths = MakeVector("int64")(*[shape_i(w, 1) for w in weights])
    lengths = Read(ns.patternbroadcast(widths, (False,)), TensorType("int64", (False,))())
    loop.constants.append(lengths)
    return list(Split(len(weights)).make_node(whole, whole.type.ndim - 1, lengths.inner).outputs)


def _without_unread_constants(loop: Loop) -> list[Variable]:
    inside = set(graph_inputs(loop.inner_outputs))
    loop.constants = [r for r in loop.constants if r.inner in inside]
    return loop.apply()
