"""What a loop does row by row and may do at once, before it: work on rows of sequences.

Owns the move of such work out of the loop, as operations on whole arrays, and of what is left then: an output that
hands rows on is the sequence, a state that is a row is no state. A loop of which everything is moved is gone. It
must not move what may end early (`until`), nor what has an effect; `batching` knows the operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reference.tensor as ns
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import deferred
from reference.graph.traversal import ancestors, graph_inputs, toposort
from reference.rewriting.batching import Known, has_all_rows, rounds_otherwise
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.rewriting.lengths import has_rows
from reference.rewriting.rules.shape import _cannot_fail as cannot_fail
from reference.rewriting.summands import sum_of, summands_of
from reference.scan.op import Scan
from reference.scan.parts import Loop, Mapped, Read
from reference.tensor.creation import Alloc
from reference.tensor.elemwise import DimShuffle, Elemwise, minimum  # type: ignore[attr-defined]
from reference.tensor.shape import MakeVector, Rebroadcast, ScalarFromTensor, SpecifyShape, shape_i

EXACT, REAL, STABLE, FINITE, RAISES = Promise


@rewrite(EXACT, on=Scan, stage="scan")
def rows_at_once_safe(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; s + exp(x[t])) -> for(exp(x); s + exp(x)[t]): elementwise work that cannot fail."""
    return _before_the_loop(node, lambda inner: isinstance(inner.op, Elemwise | DimShuffle) and cannot_fail(inner))


@rewrite(RAISES, on=Scan, stage="scan")
def rows_at_once(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x, y; s + x[t] * y[t]) -> for(x * y; s + (x * y)[t]); it is computed even if there is no step."""
    return _before_the_loop(node, lambda inner: has_all_rows(inner.op) and not rounds_otherwise(inner.op))


@rewrite(REAL, on=Scan, stage="scan")
def dots_at_once(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; s + dot(x[t], W)) -> for(dot(x, W); s + dot(x, W)[t])."""
    return _before_the_loop(node, lambda inner: has_all_rows(inner.op))


def _before_the_loop(node: Apply, wanted: Callable[[Apply], bool]) -> Replacement:
    loop = Loop.of(node)
    if loop.condition is not None or not loop.sequences:
        return None
    constants = {r.inner for r in loop.constants}
    known = Known({r.inner: r.outer for r in loop.sequences}, {r.inner: r.outer for r in loop.constants})
    kept = {part.new for part in loop.stacked if part.keep is None}
    order = toposort(loop.inner_outputs)
    waiting = deferred(order, loop.inner_outputs)
    moved: set[Variable] = set()
    for inner in order:
        if has_effect(inner.op) or not wanted(inner) or constants.issuperset(inner.inputs):
            continue
        if inner in waiting and not cannot_fail(inner):
            continue  # a side of an ifelse that may never be taken
        if known.add(inner, kept=inner.outputs[0] in kept):
            moved.update(inner.outputs)
    border = _border(order, moved, loop.inner_outputs)
    if not border:
        return None
    told = set(graph_inputs(border))
    twins = {v: v.type.make_variable(v.name) for v in border}
    loop.replace(dict(twins))
    inside = set(graph_inputs(loop.inner_outputs))
    # A sequence that only moved work read needs no place of its own: that work has its number of rows.
    loop.sequences = [r for r in loop.sequences if r.inner in inside or r.inner not in told]
    loop.sequences += [Read(known.rows[v], twins[v]) for v in border if v in known.rows]
    loop.constants = [r for r in loop.constants if r.inner in inside or r.inner not in told]
    loop.constants += [Read(known.fixed[v], twins[v]) for v in border if v in known.fixed]
    return loop.apply()


_IDLE = (DimShuffle, Rebroadcast, Alloc, ScalarFromTensor)
"""What rearranges or repeats is not worth an array of its own: at the border it stays inside."""


def _border(order: list[Apply], moved: set[Variable], outputs: list[Variable]) -> list[Variable]:
    """What the rest of the step reads of the moved work."""
    while True:
        read_by_rest = [v for inner in order if inner.outputs[0] not in moved for v in inner.inputs]
        border = [v for v in dict.fromkeys([*read_by_rest, *outputs]) if v in moved]
        idle = [v for v in border if v.owner is not None and isinstance(v.owner.op, _IDLE) and v not in outputs]
        if not idle:
            return border
        moved.difference_update(idle)


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
        summands = summands_of(total)
        early = [v for v in summands if _depends_on_reads_only(v, known)]
        if len(early) < 2 or len(early) == len(summands) or not any(v in rows and v.type == total.type for v in early):
            continue
        if any(set(summands_of(v)) == set(early) for v in ancestors([total], stop_at=summands)):
            continue
        late: list[Any] = [v for v in summands if v not in early]
        new = sum_of([sum_of(early), *late])
        if new.type == total.type:
            loop.replace({total: new})
            return loop.apply()
    return None


def _depends_on_reads_only(v: Variable, known: set[Variable]) -> bool:
    """Is `v` read from outside, or a rearrangement of what is?"""
    while v.owner is not None and isinstance(v.owner.op, DimShuffle):
        v = v.owner.inputs[0]
    return v in known


# What is left of a loop then.


@rewrite(EXACT, on=Scan, stage="scan")
def row_given_back(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; x[t]) -> x, where x has a row for every step for certain."""
    return _given_back(fgraph, node, certain=True)


@rewrite(RAISES, on=Scan, stage="scan")
def row_given_back_checked(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(n, x; x[t]) -> SpecifyShape(x, (n, ...)), which says it where x has not n rows."""
    return _given_back(fgraph, node, certain=False)


def _given_back(fgraph: FunctionGraph, node: Apply, certain: bool) -> Replacement:
    loop = Loop.of(node)
    if loop.condition is not None:
        return None
    rows: dict[Variable, Any] = {r.inner: r.outer for r in loop.sequences}
    pairs: dict[Variable, Variable] = {}
    for part, out in zip(loop.stacked, node.outputs):
        if not isinstance(part, Mapped) or part.new not in rows or not fgraph.clients.get(out):
            continue
        whole = ns.patternbroadcast(rows[part.new], out.type.broadcastable)  # type: ignore[attr-defined]
        if not certain:
            lengths = [shape_i(whole, axis) for axis in range(1, whole.type.ndim)]
            shape = MakeVector("int64")(ns.cast(loop.n_steps, "int64"), *lengths)
            whole = ns.patternbroadcast(SpecifyShape()(whole, shape), whole.type.broadcastable)
        elif not has_rows(rows[part.new], loop.n_steps):
            continue
        pairs[out] = whole if part.keep is None else whole[-part.keep :]
    return pairs or None


@rewrite(RAISES, on=Scan, stage="scan")
def row_repeated(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(n, W; W) -> Alloc(W, n, lengths of W)."""
    loop = Loop.of(node)
    if loop.condition is not None:
        return None
    fixed = {r.inner: r.outer for r in loop.constants}
    pairs: dict[Variable, Variable] = {}
    for part, out in zip(loop.stacked, node.outputs):
        same = part.new if isinstance(part.new, Constant) else fixed.get(part.new)
        if isinstance(part, Mapped) and same is not None and fgraph.clients.get(out):
            lengths = [shape_i(same, axis) for axis in range(same.type.ndim)]
            rows = loop.n_steps if part.keep is None else minimum(loop.n_steps, part.keep)
            pattern = out.type.broadcastable  # type: ignore[attr-defined]
            pairs[out] = ns.patternbroadcast(Alloc()(same, ns.cast(rows, "int64"), *lengths), pattern)
    return pairs or None


@rewrite(RAISES, on=Scan, stage="scan")
def state_of_rows(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(s, x; s = x[t], f(s)) -> for([s, x], x; x[t], f([s, x][t])): no step waits for another."""
    loop = Loop.of(node)
    before = loop.parts
    rows = {r.inner: r.outer for r in loop.sequences}
    inside = set(graph_inputs(loop.inner_outputs))
    for state in loop.states:
        read = [(tap, v) for tap, v in zip(state.taps, state.inner) if v in inside]
        if read and (loop.condition is not None or state.new not in rows):
            continue
        if read:
            outer: Any = state.outer
            whole = ns.join(0, outer, rows[state.new])
            depth = -min(state.taps)
            loop.sequences += [Read(whole[depth + tap : tap], v) for tap, v in read]
        places = {id(part): out for part, out in zip(before, node.outputs)}
        free = Mapped(state.new, state.keep)
        loop.states = [s for s in loop.states if s is not state]
        loop.mapped.insert(0, free)
        new = {id(part): out for part, out in zip(loop.parts, loop.apply())}
        new[id(state)] = new[id(free)]
        return {places[key]: out for key, out in new.items() if key in places}
    return None
