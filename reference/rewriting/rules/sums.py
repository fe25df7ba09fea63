"""Sums in loops: products added up in a step, and what is added up over all steps.

Owns the sum of products that becomes one product, and the sum over all steps that is taken once, after the loop, as
the gradients of weights are. Several such sums that read parts of one thing become one. It must not touch sums that
a step reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reference.tensor as ns
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import graph_inputs, toposort
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.rules.gates import is_fixed_product
from reference.rewriting.rules.subtensor import number
from reference.rewriting.summands import sum_of, summands_of
from reference.scan.op import Scan
from reference.scan.parts import Carry, Loop, Mapped, Read
from reference.scan.shapes import steady
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.joining import Join, Split
from reference.tensor.linalg import Dot
from reference.tensor.reduce import Sum
from reference.tensor.shape import MakeVector, shape_i

REAL = Promise.REAL


@rewrite(REAL, on=Scan, stage="scan")
def sum_of_dots(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(U, V; dot(s, U) + dot(r, V)) -> for([U, V]; dot([s, r], [U, V])): an LSTM's gates on the way back."""
    loop = Loop.of(node)
    fixed = {r.inner: r.outer for r in loop.constants}
    for inner in reversed(toposort(loop.inner_outputs)):
        total = inner.outputs[0]
        summands = summands_of(total)
        products = [v.owner for v in summands if v.owner is not None and is_fixed_product(v.owner, fixed)]
        if len(products) < 2 or len({p.inputs[0].type for p in products}) > 1:
            continue
        joined = Read(Join()(0, *[fixed[p.inputs[1]] for p in products]), products[0].inputs[1].type())
        last = products[0].inputs[0].type.ndim - 1  # type: ignore[attr-defined]
        product = Dot()(Join()(last, *[p.inputs[0] for p in products]), joined.inner)
        new = sum_of([product, *[v for v in summands if v.owner not in products]])
        if new.type != total.type:
            continue
        loop.constants.append(joined)
        loop.replace({total: new})
        inside = set(graph_inputs(loop.inner_outputs))
        loop.constants = [r for r in loop.constants if r.inner in inside]
        return loop.apply()
    return None


@rewrite(REAL, on=Scan, stage="scan")
def sums_after(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(g; s + dot(x[t], g[t])), a sum that no step reads -> one product of all x[t] with all g[t]."""
    if any(isinstance(inner.op, Scan) for inner in toposort(node.op.inner_outputs)):  # type: ignore[attr-defined]
        return None  # what is added up may be rows of a loop inside, and far more than their sum
    loop = Loop.of(node)
    before = loop.parts
    found: dict[int, list[_Term]] = {}
    for carry in loop.carries:
        terms = _terms_of_sum(loop, carry)
        if terms and steady(node, [v for term in terms for v in term.rows]):
            found[id(carry)] = terms
    if not found:
        return None
    sums = [carry for carry in loop.carries if id(carry) in found]
    joins = _joins(loop, sums, found)
    written: dict[Variable, Mapped] = {}
    for terms in found.values():
        for v in (v for term in terms for v in term.rows):
            row = joins[v].whole if v in joins else v
            written.setdefault(row, Mapped(row))
    loop.mapped += written.values()
    loop.carries = [carry for carry in loop.carries if id(carry) not in found]
    new: dict[int, Any] = dict(zip(map(id, loop.parts), loop.apply()))
    stacks = _Stacks({v: new[id(m)] for v, m in written.items()}, joins)
    for carry in sums:
        total = sum_of([carry.outer, *[stacks.total(term) for term in found[id(carry)]]])
        if total.type.dtype != carry.new.type.dtype:  # type: ignore[attr-defined]
            return None
        new[id(carry)] = ns.patternbroadcast(total, carry.new.type.broadcastable)  # type: ignore[attr-defined]
    return {old: new[id(part)] for old, part in zip(node.outputs, before)}


@dataclass(frozen=True, eq=False)
class _Term:
    """A summand: the values to write down in every step, and how their stacks give the sum over all steps.

    One value is summed over `axes` of its stack, the steps among them. Of two, the first is turned, if it was not
    in the step, and multiplied with the second.
    """

    rows: tuple[Variable, ...]
    axes: tuple[int, ...] = ()
    turned: bool = False

    def over_all(self, stacks: list[Any]) -> Any:
        if self.axes:
            return ns.sum(stacks[0], axis=self.axes)
        left, right = stacks
        if self.turned:
            left = left.dimshuffle(0, 2, 1)
        return Dot()(_flat(left).T, _flat(right))

    @property
    def keeps_last(self) -> bool:
        """Is the last dimension of the result that of the last value?"""
        return self.rows[-1].type.ndim not in self.axes  # type: ignore[attr-defined]


def _flat(rows: Any) -> Any:
    """(steps, m, n) as (steps * m, n)."""
    return rows if rows.type.ndim == 2 else rows.reshape((rows.shape[0] * rows.shape[1], rows.shape[2]), ndim=2)


def _terms_of_sum(loop: Loop, carry: Carry) -> list[_Term] | None:
    """The summands of a carry that only adds up: its value is read for nothing but the next sum."""
    summands = summands_of(carry.new)
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


def _term(v: Any) -> _Term | None:
    node = v.owner
    if node is not None and isinstance(node.op, Dot) and [x.type.ndim for x in node.inputs] == [2, 2]:
        a, b = node.inputs
        column, line = _spread(a, (0, "x")), _spread(b, ("x", 0))
        if column is not None and line is not None:
            return _Term((column, line))
        if a.owner is not None and isinstance(a.owner.op, DimShuffle) and a.owner.op.new_order == (1, 0):
            return _Term((a.owner.inputs[0], b))
        return _Term((a, b), turned=True)
    if node is not None and isinstance(node.op, Elemwise) and node.op.name == "mul" and v.type.ndim == 2:
        for a, b in zip(node.inputs, node.inputs[::-1]):
            column, line = _spread(a, (0, "x")), _spread(b, ("x", 0))
            if len(node.inputs) == 2 and column is not None and line is not None:
                return _Term((column, line))
        return None
    if node is not None and isinstance(node.op, Sum) and node.op.axis is not None:
        return _Term((node.inputs[0],), axes=(0, *[axis + 1 for axis in node.op.axis]))
    return _Term((v,), axes=(0,)) if v.type.ndim <= 1 else None


def _spread(v: Variable, order: tuple[Any, ...]) -> Variable | None:
    """The vector that `v` is, spread to a matrix of one column, (0, "x"), or of one line, ("x", 0)."""
    fits = v.owner is not None and isinstance(v.owner.op, DimShuffle) and v.owner.op.new_order == order
    return v.owner.inputs[0] if fits else None  # type: ignore[union-attr]


@dataclass(frozen=True, eq=False)
class _Joined:
    """A value of the step that is part `k` of `whole`, whose parts are so wide."""

    whole: Variable
    k: int
    widths: Variable


def _joins(loop: Loop, sums: list[Carry], found: dict[int, list[_Term]]) -> dict[Variable, _Joined]:
    """Of what a step joins anyway, along the last axis, the parts that products over all steps need."""
    width: dict[Variable, Any] = {}
    for carry in sums:
        for term in found[id(carry)]:
            if not term.axes:
                width.setdefault(term.rows[1], shape_i(carry.outer, 1))
    joins: dict[Variable, _Joined] = {}
    for node in toposort(loop.inner_outputs):
        if isinstance(node.op, Join) and number(node.inputs[0]) == node.outputs[0].type.ndim - 1:  # type: ignore[attr-defined]
            parts = node.inputs[1:]
            fresh = len(set(parts)) == len(parts) > 1 and not any(v in joins or isinstance(v, Constant) for v in parts)
            if fresh and all(v in width for v in parts):
                widths = MakeVector("int64")(*[width[v] for v in parts])
                joins.update((v, _Joined(node.outputs[0], k, widths)) for k, v in enumerate(parts))
    return joins


class _Stacks:
    """All rows of what a step writes down, and sums made of them, each once."""

    def __init__(self, rows: dict[Variable, Any], joins: dict[Variable, _Joined]):
        self._rows, self._joins = rows, joins
        self._cuts: dict[tuple[Any, ...], list[Any]] = {}

    def total(self, term: _Term) -> Any:
        """The sum of a term over all steps. Where the term reads a part of a whole, it is a part of the whole's."""
        *left, right = term.rows
        joined = self._joins.get(right)
        stacks = [self._all(v) for v in left]
        if joined is None or not term.keeps_last:
            return term.over_all([*stacks, self._all(right)])
        key = joined.whole, *left, term.axes, term.turned
        if key not in self._cuts:
            self._cuts[key] = _cut(term.over_all([*stacks, self._rows[joined.whole]]), joined)
        return self._cuts[key][joined.k]

    def _all(self, v: Variable) -> Any:
        joined = self._joins.get(v)
        if joined is None:
            return self._rows[v]
        if (joined.whole,) not in self._cuts:
            self._cuts[joined.whole,] = _cut(self._rows[joined.whole], joined)
        return self._cuts[joined.whole,][joined.k]


def _cut(whole: Any, joined: _Joined) -> list[Any]:
    count = len(joined.whole.owner.inputs) - 1  # type: ignore[union-attr]
    return list(Split(count).make_node(whole, whole.type.ndim - 1, joined.widths).outputs)
