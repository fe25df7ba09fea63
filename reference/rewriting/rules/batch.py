"""What a loop does step by step and may do at once: work on rows, and sums over all steps.

Owns the move of such work out of the loop, as one operation on whole arrays. What a step computes from rows
of sequences alone can be computed for all rows before the loop; what a loop only adds up can be added up
after it. It must not move what may end early (`until`), nor what has an effect.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import reference.tensor as ns
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import ancestors, graph_inputs, toposort
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.rewriting.rules.shape import _cannot_fail as cannot_fail
from reference.rewriting.rules.subtensor import index_of, number
from reference.scan.op import Scan
from reference.scan.parts import Carry, Loop, Mapped, Read
from reference.scan.shapes import steady
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.indexing import Subtensor
from reference.tensor.joining import Join, Split
from reference.tensor.linalg import Dot
from reference.tensor.reduce import Sum
from reference.tensor.shape import MakeVector, Rebroadcast, Shape_i, shape_i

EXACT, REAL, STABLE, FINITE, RAISES = Promise

# Before the loop.


@rewrite(EXACT, on=Scan, stage="scan")
def rows_at_once_safe(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; s + exp(x[t])) -> for(exp(x); s + exp(x)[t]): elementwise work that cannot fail."""
    return _before_the_loop(node, lambda inner: isinstance(inner.op, Elemwise | DimShuffle) and cannot_fail(inner))


@rewrite(RAISES, on=Scan, stage="scan")
def rows_at_once(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x, y; s + x[t] * y[t]) -> for(x * y; s + (x * y)[t]); it is computed even if there is no step."""
    return _before_the_loop(node, lambda inner: isinstance(inner.op, Elemwise | DimShuffle))


@rewrite(REAL, on=Scan, stage="scan")
def dots_at_once(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; s + dot(x[t], W)) -> for(dot(x, W); s + dot(x, W)[t])."""
    return _before_the_loop(node, lambda inner: isinstance(inner.op, Elemwise | DimShuffle | Dot))


def _before_the_loop(node: Apply, wanted: Callable[[Apply], bool]) -> Replacement:
    loop = Loop.of(node)
    if loop.condition is not None or not loop.sequences:
        return None
    batched = {r.inner: r.outer for r in loop.sequences}
    fixed = {r.inner: r.outer for r in loop.constants}
    order = toposort(loop.inner_outputs)
    moved: dict[Variable, Variable] = {}
    for inner in order:
        reads = [v for v in inner.inputs if not isinstance(v, Constant)]
        if not any(v in batched for v in reads) or not all(v in batched or v in fixed for v in reads):
            continue
        if has_effect(inner.op) or not wanted(inner):
            continue
        whole = _for_all_rows(inner, batched, fixed)
        if whole is not None:
            batched[inner.outputs[0]] = moved[inner.outputs[0]] = whole
    border = _border(order, moved, loop.inner_outputs)
    if not border:
        return None
    told = set(graph_inputs(border))
    rows = {v: v.type.make_variable(v.name) for v in border}
    loop.replace(dict(rows))
    inside = set(graph_inputs(loop.inner_outputs))
    # A sequence that only moved work read needs no place of its own: that work has its number of rows.
    loop.sequences = [r for r in loop.sequences if r.inner in inside or r.inner not in told]
    loop.sequences += [Read(moved[v], rows[v]) for v in border]
    loop.constants = [r for r in loop.constants if r.inner in inside or r.inner not in told]
    return loop.apply()


def _border(order: list[Apply], moved: dict[Variable, Variable], outputs: list[Variable]) -> list[Variable]:
    """What the rest of the step reads of the moved work. A mere rearrangement at the border stays inside."""
    while True:
        read_by_rest = [v for inner in order if inner.outputs[0] not in moved for v in inner.inputs]
        border = [v for v in dict.fromkeys([*read_by_rest, *outputs]) if v in moved]
        idle = [v for v in border if v.owner is not None and isinstance(v.owner.op, DimShuffle)]
        if not idle:
            return border
        for v in idle:
            del moved[v]


def _for_all_rows(inner: Apply, batched: dict[Variable, Any], fixed: dict[Variable, Any]) -> Any:
    """What a node of the step is for all rows together: a variable with a leading dimension, or None."""
    row: Any = inner.outputs[0].type
    wholes: list[Any] = [_unbroadcast_first(batched[v]) if v in batched else None for v in inner.inputs]
    if isinstance(inner.op, DimShuffle):
        order = inner.op.new_order
        whole = wholes[0].dimshuffle(0, *[axis if isinstance(axis, str) else axis + 1 for axis in order])
    elif isinstance(inner.op, Dot):
        whole = _dot_of_all_rows(wholes, [fixed.get(v, v) for v in inner.inputs])
    else:
        if not any(w is not None and w.type.broadcastable[1:] == row.broadcastable for w in wholes):
            return None  # all rows of the result would be larger than all rows of any operand
        spread = ("x", *range(row.ndim))
        whole = inner.op(
            *[fixed.get(v, v).dimshuffle(*spread) if w is None else w for v, w in zip(inner.inputs, wholes)]
        )
    if whole is None or whole.type != TensorType(row.dtype, (False, *row.broadcastable)):
        return None
    return whole


def _unbroadcast_first(x: Any) -> Any:
    """`x` with a first dimension that never stretches: a sequence too short must stay an error."""
    return ns.patternbroadcast(x, (False, *x.type.broadcastable[1:]))


def _dot_of_all_rows(wholes: list[Any], outer: list[Any]) -> Any:
    left, right = wholes
    if right is None and left.type.ndim == 2:
        return Dot()(left, outer[1])
    if right is None:
        flat = left.reshape((left.shape[0] * left.shape[1], left.shape[2]), ndim=2)
        product = Dot()(flat, outer[1])
        lengths = [left.shape[0], left.shape[1], *([outer[1].shape[1]] if outer[1].type.ndim == 2 else [])]
        return product.reshape(lengths, ndim=len(lengths))
    if left is None and right.type.ndim == 2:
        return Dot()(right, outer[0].T if outer[0].type.ndim == 2 else outer[0])
    return None


@rewrite(REAL, on=Scan, stage="scan")
def rows_summed_first(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x, b; (x[t] + s) + b) -> for(x, b; (x[t] + b) + s): so that x + b moves before the loop."""
    loop = Loop.of(node)
    if loop.condition is not None:
        return None
    rows = {r.inner for r in loop.sequences}
    known = rows | {r.inner for r in loop.constants}
    for inner in reversed(toposort(loop.inner_outputs)):
        total = inner.outputs[0]
        summands = _summands(total)
        early = [v for v in summands if _depends_on_reads_only(v, known)]
        if len(early) < 2 or len(early) == len(summands) or not any(v in rows and v.type == total.type for v in early):
            continue
        if any(set(_summands(v)) == set(early) for v in ancestors([total], stop_at=summands)):
            continue
        late: list[Any] = [v for v in summands if v not in early]
        new = _sum_of([_sum_of(early), *late])
        if new.type == total.type:
            loop.replace({total: new})
            return loop.apply()
    return None


def _sum_of(terms: list[Any]) -> Any:
    """The sum, from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _depends_on_reads_only(v: Variable, known: set[Variable]) -> bool:
    """Is `v` read from outside, or a rearrangement of what is?"""
    while v.owner is not None and isinstance(v.owner.op, DimShuffle):
        v = v.owner.inputs[0]
    return v in known


@rewrite(EXACT, on=Scan, stage="scan")
def row_given_back(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; x[t]) -> x, where x has a row for every step for certain."""
    loop = Loop.of(node)
    if loop.condition is not None:
        return None
    rows = {r.inner: r.outer for r in loop.sequences if _has_rows(r.outer, loop.n_steps)}
    pairs: dict[Variable, Variable] = {}
    for part, out in zip(loop.stacked, node.outputs):
        if isinstance(part, Mapped) and part.new in rows and fgraph.clients.get(out):
            whole = _unbroadcast_first(rows[part.new])
            pairs[out] = whole if part.keep is None else whole[-part.keep :]
    return pairs or None


def _has_rows(x: Variable, n_steps: Variable) -> bool:
    """Does the graph show that `x` has exactly `n_steps` rows?"""
    steps = _uncast(n_steps)
    while True:
        if steps.owner is not None and steps.owner.op == Shape_i(0) and steps.owner.inputs[0] is x:
            return True
        node = x.owner
        if node is None:
            return False
        if isinstance(node.op, Scan):
            same = _uncast(node.inputs[0]) is steps and not node.op.until
            return same and x.index < node.op.n_stacked and node.op.keep[x.index] is None  # type: ignore[index, operator]
        below = _same_rows(node)
        if below is None:
            return False
        x = below


def _same_rows(node: Apply) -> Variable | None:
    """An input with as many rows as the output, if the operation shows one."""
    if not node.inputs:
        return None
    x, op = node.inputs[0], node.op
    if isinstance(op, Subtensor):
        first = index_of(node)[0]
        if first == slice(None):
            return x
        if not isinstance(first, slice) or first.start is not None:
            return None
        if first.stop is None and number(first.step) == -1:
            return x
        return _tail_of_join(x) if first.step is None and number(first.stop) == -1 else None
    if isinstance(op, Elemwise):
        return next((v for v in node.inputs if not v.type.broadcastable[0]), None)  # type: ignore[attr-defined]
    if isinstance(op, Dot):
        return x if x.type.ndim == 2 else None  # type: ignore[attr-defined]
    kept = (isinstance(op, DimShuffle) and op.new_order[0] == 0) or isinstance(op, Rebroadcast)
    return x if kept else None


def _tail_of_join(x: Variable) -> Variable | None:
    """``y`` if `x` is ``join(0, one row, y)``: leaving out the last row of `x` leaves the rows of `y`."""
    node = x.owner
    if node is None or not isinstance(node.op, Join) or len(node.inputs) != 3:
        return None
    axis, head, tail = node.inputs
    return tail if number(axis) == 0 and head.type.broadcastable[0] else None  # type: ignore[attr-defined]


def _uncast(n: Variable) -> Variable:
    while n.owner is not None and isinstance(n.owner.op, Elemwise) and n.owner.op.name.startswith("Cast{int"):
        n = n.owner.inputs[0]
    return n


# After the loop.


@rewrite(REAL, on=Scan, stage="scan")
def sums_after(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(g; s + dot(x[t], g[t])), a sum that no step reads -> one product of all x[t] with all g[t]."""
    loop = Loop.of(node)
    before = loop.parts
    found: dict[int, list[_Term]] = {}
    for carry in loop.carries:
        terms = _terms_of_sum(loop, carry)
        if terms and steady(node, [v for term in terms for v in term.rows]):
            found[id(carry)] = terms
    if not found:
        return None
    written = {v: Mapped(v) for terms in found.values() for term in terms for v in term.rows}
    loop.mapped += written.values()
    sums = [carry for carry in loop.carries if id(carry) in found]
    loop.carries = [carry for carry in loop.carries if id(carry) not in found]
    new: dict[int, Any] = dict(zip(map(id, loop.parts), loop.apply()))
    for carry in sums:
        sums_of_rows = [t.over_all([new[id(written[v])] for v in t.rows]) for t in found[id(carry)]]
        total = _sum_of([carry.outer, *sums_of_rows])
        if total.type.dtype != carry.new.type.dtype:  # type: ignore[attr-defined]
            return None
        new[id(carry)] = ns.patternbroadcast(total, carry.new.type.broadcastable)  # type: ignore[attr-defined]
    return {old: new[id(part)] for old, part in zip(node.outputs, before)}


@dataclasses.dataclass
class _Term:
    """A summand: the values to write down in every step, and the sum over all steps of what they give."""

    rows: list[Variable]
    over_all: Callable[[list[Any]], Any]


def _terms_of_sum(loop: Loop, carry: Carry) -> list[_Term] | None:
    """The summands of a carry that only adds up: its value is read for nothing but the next sum."""
    summands = _summands(carry.new)
    others = [v for v in summands if v is not carry.inner]
    if len(summands) != len(others) + 1 or not others:
        return None
    rest = [part.new for part in loop.parts if part is not carry]
    if loop.condition is not None:
        rest.append(loop.condition)
    if carry.inner in graph_inputs([*others, *rest]):
        return None
    terms = [_term(v) for v in others]
    varying = set(loop.varying)
    if any(t is None or not all(varying.intersection(graph_inputs([v])) for v in t.rows) for t in terms):
        return None
    return [t for t in terms if t is not None]


def _summands(v: Variable) -> list[Variable]:
    """`v` as a sum: the leaves of nested additions of one dtype and shape."""
    found, stack = [], [v]
    while stack:
        u = stack.pop()
        if u.type == v.type and _adds(u):
            stack += reversed(u.owner.inputs)  # type: ignore[union-attr]
        else:
            found.append(u)
    return found


def _adds(v: Variable) -> bool:
    node = v.owner
    return (
        node is not None
        and isinstance(node.op, Elemwise)
        and node.op.name == "add"
        and all(x.type.dtype == v.type.dtype for x in node.inputs)  # type: ignore[attr-defined]
    )


def _term(v: Any) -> _Term | None:
    node = v.owner
    if node is not None and isinstance(node.op, Dot) and [x.type.ndim for x in node.inputs] == [2, 2]:
        a, b = node.inputs
        if a.owner is not None and isinstance(a.owner.op, DimShuffle) and a.owner.op.new_order == (1, 0):
            return _Term([a.owner.inputs[0], b], lambda rows: Dot()(_flat(rows[0]).T, _flat(rows[1])))
        return _Term([a, b], lambda rows: Dot()(_flat(rows[0].dimshuffle(0, 2, 1)).T, _flat(rows[1])))
    if node is not None and isinstance(node.op, Elemwise) and node.op.name == "mul" and v.type.ndim == 2:
        sides = dict(zip(((0, "x"), ("x", 0)), (None, None)))
        for x in node.inputs:
            if x.owner is not None and isinstance(x.owner.op, DimShuffle) and x.owner.op.new_order in sides:
                sides[x.owner.op.new_order] = x.owner.inputs[0]
        column, line = sides[0, "x"], sides["x", 0]
        if len(node.inputs) == 2 and column is not None and line is not None:
            return _Term([column, line], lambda rows: Dot()(rows[0].T, rows[1]))
        return None
    if node is not None and isinstance(node.op, Sum) and node.op.axis is not None:
        axes = (0, *[axis + 1 for axis in node.op.axis])
        return _Term([node.inputs[0]], lambda rows: ns.sum(rows[0], axis=axes))
    if v.type.ndim <= 1:
        return _Term([v], lambda rows: ns.sum(rows[0], axis=0))
    return None


def _flat(rows: Any) -> Any:
    """(steps, m, n) as (steps * m, n)."""
    return rows.reshape((rows.shape[0] * rows.shape[1], rows.shape[2]), ndim=2)


# In the step: several products as one.


@rewrite(REAL, on=Scan, stage="scan")
def dots_of_one_operand(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(U, V; dot(s, U), dot(s, V)) -> for([U, V]; the parts of dot(s, [U, V])): the gates of an LSTM."""
    loop = Loop.of(node)
    fixed = {r.inner: r.outer for r in loop.constants}
    groups: dict[Variable, list[Apply]] = {}
    for inner in toposort(loop.inner_outputs):
        if _is_fixed_product(inner, fixed):
            groups.setdefault(inner.inputs[0], []).append(inner)
    for x, products in groups.items():
        if len(products) < 2 or len({p.outputs[0].type for p in products}) > 1:
            continue
        weights = [fixed[p.inputs[1]] for p in products]
        widths = MakeVector("int64")(*[shape_i(w, 1) for w in weights])
        joined = Read(Join()(1, *weights), weights[0].type())
        lengths = Read(ns.patternbroadcast(widths, (False,)), TensorType("int64", (False,))())
        product = Dot()(x, joined.inner)
        parts = Split(len(products)).make_node(product, product.type.ndim - 1, lengths.inner).outputs
        if parts[0].type != products[0].outputs[0].type:
            continue
        loop.constants += [joined, lengths]
        loop.replace({p.outputs[0]: part for p, part in zip(products, parts)})
        return _without_unread_constants(loop)
    return None


@rewrite(REAL, on=Scan, stage="scan")
def sum_of_dots(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(U, V; dot(s, U) + dot(r, V)) -> for([U, V]; dot([s, r], [U, V])): an LSTM's gates on the way back."""
    loop = Loop.of(node)
    fixed = {r.inner: r.outer for r in loop.constants}
    for inner in reversed(toposort(loop.inner_outputs)):
        total = inner.outputs[0]
        summands = _summands(total)
        products = [v.owner for v in summands if v.owner is not None and _is_fixed_product(v.owner, fixed)]
        if len(products) < 2 or len({p.inputs[0].type for p in products}) > 1:
            continue
        joined = Read(Join()(0, *[fixed[p.inputs[1]] for p in products]), products[0].inputs[1].type())
        last = products[0].inputs[0].type.ndim - 1  # type: ignore[attr-defined]
        product = Dot()(Join()(last, *[p.inputs[0] for p in products]), joined.inner)
        new = _sum_of([product, *[v for v in summands if v.owner not in products]])
        if new.type != total.type:
            continue
        loop.constants.append(joined)
        loop.replace({total: new})
        return _without_unread_constants(loop)
    return None


def _is_fixed_product(node: Apply, fixed: dict[Variable, Variable]) -> bool:
    """A product of something with a matrix that is the same in every step, of one dtype."""
    if not isinstance(node.op, Dot):
        return False
    x, w = node.inputs
    plain = TensorType(x.type.dtype, (False, False))  # type: ignore[attr-defined]
    return w in fixed and x not in fixed and not isinstance(x, Constant) and w.type == plain == fixed[w].type


def _without_unread_constants(loop: Loop) -> list[Variable]:
    inside = set(graph_inputs(loop.inner_outputs))
    loop.constants = [r for r in loop.constants if r.inner in inside]
    return loop.apply()
