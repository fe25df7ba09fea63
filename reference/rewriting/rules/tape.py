"""A loop and its gradient: what steps forward have computed, steps backward read.

Owns which values of a backward step are those of the forward one, by comparing the two steps node by node, and which
of them are written down: those with a product behind them, as a product costs more than a row of memory. It comes
before steps are rewritten, each in its own way. It must not know how a gradient is built, but for the rows it reads:
those of the forward loop, last first. Loops with loops in them stay as they are: `scan_checkpoints` computes anew to
save memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import toposort
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.rewriting.rules.subtensor import index_of, number
from reference.scan.op import Scan
from reference.scan.parts import Carry, Loop, Mapped, Read, State
from reference.tensor.indexing import Subtensor
from reference.tensor.joining import Join
from reference.tensor.linalg import BatchedDot, Dot
from reference.tensor.shape import Shape, Shape_i

_REACH = 3
"""Operations between a stack and the loop that reads it backwards: joined with what stood before, cut, turned."""


@rewrite(Promise.EXACT, on=Scan, stage="scan")
def written_down(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(x; h), for(h[::-1]; g(f(h))) -> for(x; h, f), for(h[::-1], f[::-1]; g), where f holds a product."""
    op: Any = node.op
    inner = toposort(op.inner_outputs)
    if op.until or not any(isinstance(n.op, Dot | BatchedDot) for n in inner):
        return None
    if any(isinstance(n.op, Scan) for n in inner) or has_effect(op):
        return None
    for reader in _readers(fgraph, node):
        pairs = _Pair(node, reader).joined()
        if pairs is not None:
            return pairs
    return None


def _readers(fgraph: FunctionGraph, node: Apply) -> Iterator[Apply]:
    """The loops that read rows of `node`, through some operations that only move them."""
    found: dict[Apply, None] = {}
    level: list[Variable] = list(node.outputs)
    for _ in range(_REACH + 1):
        clients = [client.node for v in level for client in fgraph.clients.get(v, ()) if client.node is not None]
        found.update((n, None) for n in clients if isinstance(n.op, Scan))
        level = [v for n in dict.fromkeys(clients) if isinstance(n.op, Subtensor | Join) for v in n.outputs]
    yield from found


class _Pair:
    """A loop and one that goes through its rows backwards."""

    def __init__(self, forward: Apply, backward: Apply):
        self.node, self.reader = forward, backward
        self.forward, self.backward = Loop.of(forward), Loop.of(backward)
        self.same: dict[Variable, Variable] = {}
        """variable of a backward step -> that of the forward one with the same value"""
        self.costly: set[Variable] = set()
        """those with a product behind them"""
        self.matched: set[Apply] = set()

    def joined(self) -> dict[Variable, Variable] | None:
        if not self._match_reads():
            return None
        self._match_nodes()
        wanted = self._wanted()
        return self._written(wanted) if wanted else None

    def _match_reads(self) -> bool:
        """Inputs of the backward step that are values of the forward one. Is a row of its states among them?"""
        rows = {r.outer: r.inner for r in self.forward.sequences}
        turned = {x: inner for v, inner in rows.items() if (x := _turned(v)) is not None}
        fixed = {r.outer: r.inner for r in self.forward.constants}
        stacks = False
        for read in self.backward.sequences:
            straight = _turned(read.outer)
            value = turned.get(read.outer) if straight is None else rows.get(straight)
            if value is None and straight is not None:
                value = self._row_of_a_stack(straight)
                stacks |= value is not None
            if value is not None:
                self.same[read.inner] = value
        self.same.update((r.inner, fixed[r.outer]) for r in self.backward.constants if r.outer in fixed)
        return stacks

    def _row_of_a_stack(self, rows: Variable) -> Variable | None:
        """What a step has of these rows, if they are the values of an output, or those of a state before the step."""
        whole, before = rows, 0
        cut = _made_by(rows, Subtensor)
        if cut is not None:
            bounds, joined = _first_axis(cut), _made_by(cut.inputs[0], Join)
            if bounds is None or joined is None or len(joined.inputs) != 3:
                return None
            axis, initial, whole = joined.inputs
            begin, end, step = bounds
            if number(axis) != 0 or step not in (None, 1) or end is None or end >= 0:
                return None
            before = end
        part = dict(zip(self.node.outputs, self.forward.stacked)).get(whole)
        if part is None or part.keep is not None:
            return None
        if not before:
            return part.new
        if not isinstance(part, State) or part.outer is not initial or before not in part.taps:
            return None
        depth = -min(part.taps)
        return part.inner[part.taps.index(before)] if (begin or 0) == depth + before else None

    def _match_nodes(self) -> None:
        """Nodes of the backward step that compute what one of the forward step does."""
        nodes = toposort(self.forward.inner_outputs)
        known = {(n.op, tuple(map(_key, n.inputs))): n for n in nodes}
        for node in toposort(self.backward.inner_outputs):
            twin = known.get((node.op, tuple(_key(self.same.get(v, v)) for v in node.inputs)))
            if twin is None or [v.type for v in twin.outputs] != [v.type for v in node.outputs]:
                continue
            self.matched.add(node)
            self.same.update(zip(node.outputs, twin.outputs))
            if isinstance(node.op, Dot | BatchedDot) or self.costly.intersection(node.inputs):
                self.costly.update(node.outputs)

    def _wanted(self) -> list[Variable]:
        """Costly values that the rest of the backward step reads."""
        found: dict[Variable, None] = {}
        for node in toposort(self.backward.inner_outputs):
            if node not in self.matched:
                read = node.inputs[1:] if _shape_of_first(node) else node.inputs
                found.update((v, None) for v in read if v in self.costly)
        found.update((v, None) for v in self.backward.inner_outputs if v in self.costly)
        return [v for v in found if isinstance(v.type, TensorType)]

    def _written(self, wanted: list[Variable]) -> dict[Variable, Variable]:
        """The outputs of both loops -> those of the loops of which one writes the values and the other reads them."""
        forward, backward = self.forward, self.backward
        before = forward.parts
        places: dict[Variable, State | Mapped] = {p.new: p for p in reversed(forward.stacked) if p.keep is None}
        for value in dict.fromkeys(self.same[v] for v in wanted):
            if value not in places:
                forward.mapped.append(Mapped(value))
                places[value] = forward.mapped[-1]
        new: dict[int, Any] = {id(part): out for part, out in zip(forward.parts, forward.apply())}
        pairs: dict[Variable, Variable] = {old: new[id(part)] for old, part in zip(self.node.outputs, before)}
        rows = {v: v.type() for v in wanted}
        backward.replace(rows)
        backward.sequences += [Read(new[id(places[self.same[v]])][::-1], row) for v, row in rows.items()]
        given: list[Read | State | Carry] = [
            *backward.sequences,
            *backward.states,
            *backward.carries,
            *backward.constants,
        ]
        for part in given:
            part.outer = pairs.get(part.outer, part.outer)
        return {**pairs, **dict(zip(self.reader.outputs, backward.apply()))}


def _made_by(v: Variable, op: type) -> Apply | None:
    """The node that makes `v`, if it is of that kind."""
    return v.owner if v.owner is not None and isinstance(v.owner.op, op) else None


def _key(v: Variable) -> Any:
    """Constants are alike by their values."""
    if isinstance(v, Constant):
        with suppress(TypeError):
            signature = v.signature()
            hash(signature)
            return signature
    return v


def _first_axis(node: Apply) -> tuple[int | None, ...] | None:
    """The numbers (start, stop, step) of ``x[start:stop:step]``; None for any other index."""
    index = index_of(node)
    if len(index) != 1 or not isinstance(index[0], slice):
        return None
    parts = (index[0].start, index[0].stop, index[0].step)
    numbers = tuple(None if part is None else number(part) for part in parts)
    return None if any(n is None and part is not None for n, part in zip(numbers, parts)) else numbers


def _turned(v: Variable) -> Variable | None:
    """x, if v is x[::-1]."""
    node = _made_by(v, Subtensor)
    return node.inputs[0] if node is not None and _first_axis(node) == (None, None, -1) else None


def _shape_of_first(node: Apply) -> bool:
    """Does it ask for no more than the lengths of its first input?"""
    row = getattr(node.op, "scalar_op", None)
    return isinstance(node.op, Shape | Shape_i) or (row is not None and row.name == "second")
