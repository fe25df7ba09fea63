"""Loops: the step is rewritten like any graph, and work moves out of it.

Owns what is special about a loop: reads and outputs nobody needs, values that are the same in every step,
rows that nobody reads. A loop may make no step at all, so moving work out of
it may meet an error that the loop never would: rules that move only what cannot fail are EXACT.
"""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import deferred
from reference.graph.traversal import clone_replace, graph_inputs, toposort
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Replacement, current, has_effect, rewrite
from reference.rewriting.rules.shape import _cannot_fail as cannot_fail
from reference.rewriting.rules.subtensor import index_of, number
from reference.scan.op import Scan
from reference.scan.parts import Carry, Loop, Mapped, Part, Read, State, inner_copy
from reference.tensor.indexing import Subtensor
from reference.tensor.shape import ScalarFromTensor, Shape_i, patternbroadcast

EXACT, REAL, STABLE, FINITE, RAISES = Promise


def _rebuilt(node: Apply, before: list[Part], loop: Loop) -> dict[Variable, Variable]:
    """Outputs of `node` -> outputs of the changed loop, for the parts that are left."""
    new = {id(part): out for part, out in zip(loop.parts, loop.apply())}
    return {old: new[id(part)] for old, part in zip(node.outputs, before) if id(part) in new}


# The step.


@rewrite(EXACT, on=Scan, stage="scan", cheap=True)
def step_exactly(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(step) -> for(the step rewritten by EXACT rules)."""
    return _with_rewritten_step(node, exact_only=True)


@rewrite(STABLE, on=Scan, stage="scan")
def step_freely(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(step) -> for(the step rewritten by every rule of the mode)."""
    return _with_rewritten_step(node, exact_only=False)


def _with_rewritten_step(node: Apply, exact_only: bool) -> Replacement:
    session, op = current(), node.op
    assert session is not None and isinstance(op, Scan)
    settled: dict[bool, Any] = op.__dict__.setdefault("_settled", {})
    if exact_only in settled and settled[exact_only]() is session:
        return None
    step = FunctionGraph(op.inner_inputs, op.inner_outputs)
    applications = session.run_inner(step, exact_only=exact_only)
    done = weakref.ref(session)
    if not applications:
        settled[exact_only] = done
        return None
    new = dataclasses.replace(op, inner_inputs=tuple(step.inputs), inner_outputs=tuple(step.outputs))
    new.__dict__["_settled"] = {True: done} if exact_only else {True: done, False: done}
    return new.make_node(*node.inputs).outputs


# Reads and outputs.


@rewrite(EXACT, on=Scan, stage="scan", cheap=True)
def reads_tidy(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x, x, 2, unread) -> for(x): read once, constants held by the step, in order of mention."""
    loop = Loop.of(node)
    before = [*loop.sequences, *loop.constants]
    loop.merge_reads()
    inside = set(graph_inputs(loop.inner_outputs))
    loop.constants = [r for r in loop.constants if r.inner in inside or not _computed_anyway(fgraph, node, r.outer)]
    loop.order_constants()
    return None if before == [*loop.sequences, *loop.constants] else loop.apply()


def _computed_anyway(fgraph: FunctionGraph, node: Apply, v: Variable) -> bool:
    """Is `v` there without `node`, so that not reading it hides no error?"""
    return v.owner is None or any(client.node is not node for client in fgraph.clients.get(v, ()))


@rewrite(RAISES, on=Scan, stage="scan")
def reads_dropped(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x, y) -> for(x), where no step reads y."""
    loop = Loop.of(node)
    inside = set(graph_inputs(loop.inner_outputs))
    used = [[r for r in reads if r.inner in inside] for reads in (loop.sequences, loop.constants)]
    if used == [loop.sequences, loop.constants]:
        return None
    loop.sequences, loop.constants = used
    return loop.apply()


@rewrite(RAISES, on=Scan, stage="scan")
def outputs_dropped(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(...).0, for(...).1 -> for(...).0, where nobody reads the other, not even a later step."""
    loop = Loop.of(node)
    before = loop.parts
    live = [part for part, out in zip(before, node.outputs) if fgraph.clients.get(out)]
    count = -1
    while len(live) != count:
        count = len(live)
        roots = [part.new for part in live] + ([] if loop.condition is None else [loop.condition])
        read = set(graph_inputs(roots))
        live = [p for p in before if any(p is q for q in live) or any(v in read for v in inner_of(p))]
    if len(live) == len(before) or not live:
        return None
    loop.states = [p for p in live if isinstance(p, State)]
    loop.mapped = [p for p in live if isinstance(p, Mapped)]
    loop.carries = [p for p in live if isinstance(p, Carry)]
    return _rebuilt(node, before, loop)


def inner_of(part: Part) -> tuple[Variable, ...]:
    """The inner variables through which a step reads a part."""
    if isinstance(part, Mapped):
        return ()
    return part.inner if isinstance(part, State) else (part.inner,)


@rewrite(EXACT, on=Scan, stage="scan", cheap=True)
def outputs_once(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(...).0, for(...).1 -> for(...).0 twice, where both are the same value in every step."""
    loop = Loop.of(node)
    stacked = loop.stacked
    first: dict[Variable, int] = {}
    same: dict[Variable, Variable] = {}
    for k, part in enumerate(stacked):
        j = first.setdefault(part.new, k)
        if j != k and k >= len(loop.states) and stacked[j].keep == part.keep and fgraph.clients.get(node.outputs[k]):
            same[node.outputs[k]] = node.outputs[j]
    return same or None


@rewrite(EXACT, on=Scan, stage="scan")
def last_rows_only(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(...)[-1] -> for(..., keeping one row)[-1], where nobody reads another row."""
    loop = Loop.of(node)
    before = loop.parts
    changed: dict[int, list[Any]] = {}
    for k, part in enumerate(loop.stacked):
        readers: list[Any] = [client.node for client in fgraph.clients.get(node.outputs[k], ())]
        rows = [_rows_from_end(reader, node.outputs[k]) for reader in readers]
        known = [r for r in rows if r is not None]
        if readers and len(known) == len(rows) and (part.keep is None or max(known) < part.keep):
            part.keep = max(known)
            changed[k] = readers
    if not changed:
        return None
    new = _rebuilt(node, before, loop)
    pairs = {old: out for k, (old, out) in enumerate(new.items()) if k not in changed}
    for k, readers in changed.items():
        for reader in readers:
            # More may be known of a slice's ends by now than when the reader was written.
            shorter: Any = reader.op.make_node(new[node.outputs[k]], *reader.inputs[1:]).outputs[0]
            pairs[reader.outputs[0]] = patternbroadcast(shorter, reader.outputs[0].type.broadcastable)
    return pairs


def _rows_from_end(reader: Apply | None, stack: Variable) -> int | None:
    """How many rows at the end of `stack` a reader needs; None if that is not known."""
    if reader is None or not isinstance(reader.op, Subtensor) or reader.inputs[0] is not stack:
        return None
    if any(v is stack for v in reader.inputs[1:]):
        return None
    entry = index_of(reader)[0]
    place = entry.start if isinstance(entry, slice) else entry
    if place is None or (isinstance(entry, slice) and (entry.step is not None or entry.stop is not None)):
        return None
    first = number(place)
    return -first if first is not None and first < 0 else None


@rewrite(EXACT, on=Subtensor, cheap=True)
def slice_to_own_length(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x[:Shape_i{0}(x)] -> x: a sequence cut to its own length."""
    x, *rest = index_of(node)
    if not isinstance(x, slice) or x.start is not None or x.step is not None or any(e != slice(None) for e in rest):
        return None
    stop = x.stop
    if stop is None or stop.owner is None or not isinstance(stop.owner.op, ScalarFromTensor):
        return None
    length, whole = stop.owner.inputs[0].owner, node.inputs[0]
    if length is None or length.op != Shape_i(0) or length.inputs[0] is not whole:
        return None
    return [patternbroadcast(whole, node.outputs[0].type.broadcastable)]  # type: ignore[attr-defined]


# Values that are the same in every step.


@rewrite(EXACT, on=Scan, stage="scan", cheap=True)
def invariant_safe(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(W; s + W.T) -> for(W.T; s + W.T): what cannot fail, or meets a first step for certain."""
    n_steps = node.inputs[0]
    certain = isinstance(n_steps, Constant) and int(n_steps.data) >= 1
    return _hoisted(node, safe_only=not certain)


@rewrite(RAISES, on=Scan, stage="scan")
def invariant(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(W, v; s + dot(W, v)) -> for(dot(W, v); s + dot(W, v)); it is computed even if there is no step."""
    return _hoisted(node, safe_only=False)


def _hoisted(node: Apply, safe_only: bool) -> Replacement:
    loop = Loop.of(node)
    fixed = {r.inner for r in loop.constants}
    order = toposort(loop.inner_outputs)
    moved: dict[Variable, None] = {}
    waiting = deferred(order, loop.inner_outputs)
    for inner in order:
        reads = [v for v in inner.inputs if not isinstance(v, Constant)]
        if (
            reads
            and all(v in fixed or v in moved for v in reads)
            and all(isinstance(v.type, TensorType) for v in inner.outputs)
            and not has_effect(inner.op)
            and (cannot_fail(inner) or not (safe_only or inner in waiting))
        ):
            moved.update(dict.fromkeys(inner.outputs))
    if not moved:
        return None
    read_by_rest = [v for inner in order if inner.outputs[0] not in moved for v in inner.inputs]
    border = [v for v in dict.fromkeys([*read_by_rest, *loop.inner_outputs]) if v in moved]
    outside = clone_replace(border, {r.inner: r.outer for r in loop.constants}, copy_all=True)
    twins = {v: inner_copy(v) for v in border}
    loop.replace(dict(twins))
    loop.constants += [Read(outer, twins[v]) for v, outer in zip(border, outside)]
    inside = set(graph_inputs(loop.inner_outputs))
    loop.constants = [r for r in loop.constants if r.inner in inside]
    return loop.apply()
