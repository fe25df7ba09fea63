"""What only the outputs of a loop need may be done at once, after it, on the stacks of what they are made of.

Owns the move of the last work of outputs behind the loop: a layer on top of a recurrent one, the gradient of a
sequence. It comes first among the moves, so that a product which only an output needs is not joined with one that
the next step waits for. It must not make a loop write down more than before.
"""

from __future__ import annotations

from collections.abc import Callable

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import clone_replace, graph_inputs, toposort
from reference.graph.types import TensorType
from reference.rewriting.batching import Known, has_all_rows, rounds_otherwise
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.scan.op import Scan
from reference.scan.parts import Loop, Mapped
from reference.scan.shapes import steady
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.shape import Rebroadcast

REAL, RAISES = Promise.REAL, Promise.RAISES


@rewrite(RAISES, on=Scan, stage="scan")
def rows_after(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(s; s, f(s)) -> for(s; s), f(all s): what only an output needs, on all rows."""
    return _after_the_loop(fgraph, node, lambda inner: has_all_rows(inner.op) and not rounds_otherwise(inner.op))


@rewrite(REAL, on=Scan, stage="scan")
def dots_after(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(s, V; s, dot(s, V)) -> for(s; s), dot(all s, V)."""
    return _after_the_loop(fgraph, node, lambda inner: has_all_rows(inner.op))


def _after_the_loop(fgraph: FunctionGraph, node: Apply, wanted: Callable[[Apply], bool]) -> Replacement:
    loop = Loop.of(node)
    if loop.condition is not None or not (loop.states or loop.carries):
        return None
    first = len(loop.states)
    for k, part in enumerate(loop.mapped):
        if part.keep is None and part.new.owner is not None and fgraph.clients.get(node.outputs[first + k]):
            late = _late_work(loop, part, wanted)
            if late is not None and steady(node, late[2]):
                return _moved(node, loop, part, *late)
    return None


def _late_work(
    loop: Loop, part: Mapped, wanted: Callable[[Apply], bool]
) -> tuple[Variable, dict[Variable, Variable], list[Variable]] | None:
    """The output for all rows, in terms of stand-ins for stacks: inner variable -> stand-in; and those of them that
    the loop does not write down yet. None if nothing can be moved, or too much would have to be written."""
    rest = [p.new for p in loop.parts if p is not part]
    reads = {r.inner for r in (*loop.sequences, *loop.constants)}
    varying = set(loop.varying) - reads
    order = toposort(loop.inner_outputs)
    early = {v for n in order if not varying.intersection(graph_inputs(n.outputs)) for v in n.outputs}
    needed = {n for n in toposort(rest) if n.outputs[0] not in early}
    shown = {p.new for p in loop.stacked if p is not part and p.keep is None}
    while True:
        late = [n for n in toposort([part.new], stop_at=shown) if n not in needed]
        if not late or part.new in shown:
            return None
        made = {v for n in late for v in n.outputs}
        border = list(dict.fromkeys(v for n in late for v in n.inputs if v not in made and not isinstance(v, Constant)))
        stacks = {v: _stack_of(v) for v in border if v not in reads and isinstance(v.type, TensorType)}
        known = Known({r.inner: r.outer for r in loop.sequences} | stacks, {r.inner: r.outer for r in loop.constants})
        fits = (not has_effect(n.op) and wanted(n) and known.add(n, n.outputs[0] is part.new) for n in late)
        stuck = next((n for n, fit in zip(late, fits) if not fit), None)
        if stuck is None:
            written = [v for v in stacks if v not in shown]
            return (known.rows[part.new], stacks, written) if _worth(part, late, written, known) else None
        needed |= set(toposort(stuck.outputs))


def _stack_of(v: Variable) -> Variable:
    return TensorType(v.type.dtype, (False, *v.type.broadcastable))()


def _worth(part: Mapped, late: list[Apply], written: list[Variable], known: Known) -> bool:
    """Not more is written than before; and where something is written instead, more than elementwise work leaves."""
    if part.new not in known.rows or len(written) > 1:
        return False
    if all(isinstance(n.op, DimShuffle | Rebroadcast) for n in late) and written:
        return False
    heavy = any(not isinstance(n.op, Elemwise | DimShuffle | Rebroadcast) for n in late)
    return not written or (heavy and written[0].type.ndim <= part.new.type.ndim)


def _moved(
    node: Apply, loop: Loop, part: Mapped, whole: Variable, stacks: dict[Variable, Variable], written: list[Variable]
) -> dict[Variable, Variable]:
    before = loop.parts
    loop.mapped = [p for p in loop.mapped if p is not part] + [Mapped(v) for v in written]
    inside = set(graph_inputs(loop.inner_outputs))
    told = set(graph_inputs([part.new]))
    loop.constants = [r for r in loop.constants if r.inner in inside or r.inner not in told]
    made = loop.apply()
    place = {p.new: out for p, out in reversed(list(zip(loop.stacked, made))) if p.keep is None}
    new = dict(zip(map(id, loop.parts), made))
    (new[id(part)],) = clone_replace([whole], {stand_in: place[v] for v, stand_in in stacks.items()})
    return {old: new[id(p)] for old, p in zip(node.outputs, before)}
