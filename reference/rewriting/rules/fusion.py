"""Loops that run side by side, or one behind the other, as one loop.

Owns when two loops of equally many steps may become one, and when that is worth it: where they read the same or one
reads what the other gives, it always is. Loops that share nothing but the number of their steps save the cost of
running two; a backend that makes one kernel of a loop of elements wants those apart from loops with products in them,
and rows of one rank together. It must not join what ends early in different steps.
"""

from __future__ import annotations

from typing import Any

from reference.graph.core import Apply, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import ancestors, equal_graphs, toposort
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.rewriting.lengths import same_length
from reference.rewriting.rules.scan import inner_of
from reference.scan.op import Scan
from reference.scan.parts import Carry, Loop, Mapped, Part, State
from reference.tensor.elemwise import DimShuffle, Elemwise

EXACT = Promise.EXACT


@rewrite(EXACT, on=Scan, stage="scan")
def loops_joined(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(n, x; f), for(n, x, y; f, g) -> one loop for(n, x, y; f, g)."""
    return _with_another(fgraph, node, lambda one, two, same: bool(same))


@rewrite(EXACT, on=Scan, stage="scan")
def loops_chained(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(n, x; f) = s, for(n, s; g) -> one loop for(n, x; f, g(f)), where no other step of the first is read."""
    for other in _loops(fgraph, node):
        if _reads_rows_only(other, node):
            pairs = _joined(other, node, lambda one, two, same: _of_a_kind(one, two))
            if pairs is not None:
                return pairs
    return None


@rewrite(EXACT, on=Scan, stage="scan")
def loops_of_one_length(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(n, x; f), for(n, y; g) -> one loop for(n, x, y; f, g), for two loops of a kind that share nothing else."""
    return _with_another(fgraph, node, lambda one, two, same: not same and _of_a_kind(one, two))


def _with_another(fgraph: FunctionGraph, node: Apply, worth: Any) -> Replacement:
    for other in _loops(fgraph, node):
        if _independent(other, node):
            pairs = _joined(other, node, worth)
            if pairs is not None:
                return pairs
    return None


def _loops(fgraph: FunctionGraph, node: Apply) -> list[Apply]:
    """The other loops of as many steps, in the graph's order. A loop that prints stays alone."""
    if sum(isinstance(n.op, Scan) for n in fgraph.apply_nodes) < 2:
        return []
    if has_effect(node.op):
        return []
    others = [n for n in fgraph.toposort() if isinstance(n.op, Scan) and n is not node and not has_effect(n.op)]
    return [n for n in others if same_length(n.inputs[0], node.inputs[0])]


def _independent(first: Apply, second: Apply) -> bool:
    return not _below(second.inputs, first) and not _below(first.inputs, second)


def _below(inputs: Any, node: Apply) -> bool:
    """Does any of `inputs` need the node?"""
    return any(v.owner is node for v in ancestors(inputs, stop_at=node.outputs))


def _reads_rows_only(first: Apply, second: Apply) -> bool:
    """Does the second loop read the first in no other way than its row t in step t?"""
    op1: Any = first.op
    op2: Any = second.op
    sequences, *others = op2.cut(second.inputs[1:])
    rows = [v for v in sequences if v.owner is first]
    if not rows or op1.until or any(v.index >= op1.n_stacked or op1.keep[v.index] is not None for v in rows):
        return False
    rest = [second.inputs[0], *[v for v in sequences if v.owner is not first], *[v for kind in others for v in kind]]
    return not _below(rest, first)


def _of_a_kind(one: Loop, two: Loop) -> bool:
    """Do both work element by element on rows of one rank, or neither?"""
    kinds = []
    for loop in (one, two):
        nodes = toposort(loop.inner_outputs)
        elements = all(isinstance(n.op, Elemwise | DimShuffle) for n in nodes)
        ranks = {getattr(v.type, "ndim", None) for v in loop.inner_outputs}
        kinds.append((elements, tuple(ranks) if elements and len(ranks) == 1 else None))
    (first, ranks_of_first), (second, ranks_of_second) = kinds
    return first == second and (not first or (ranks_of_first is not None and ranks_of_first == ranks_of_second))


def _joined(first: Apply, second: Apply, worth: Any) -> dict[Variable, Variable] | None:
    """The outputs of both loops -> what one loop that does the work of both gives; None if that is not worth it.

    Loops that may end early are joined only if they end together. What the second reads of the first it has at
    hand.
    """
    one, two = Loop.of(first), Loop.of(second, copy=True)
    if (one.condition is None) != (two.condition is None):
        return None
    same = _shared_reads(one, two)
    states = _shared_states(one, two, same)
    for mine, partner in states:
        same.update(zip(inner_of(mine), inner_of(partner)))
    if not worth(one, two, same):
        return None
    given = {out: part.new for part, out in zip(one.parts, first.outputs)}
    at_hand = {r.inner: given[r.outer] for r in two.sequences if r.outer in given}
    same.update(at_hand)
    two.replace(same)
    if one.condition is not None and two.condition is not None and not equal_graphs([two.condition], [one.condition]):
        return None
    before = [*one.parts, *two.parts]
    wanted = {id(part): part.keep for part in before if not isinstance(part, Carry)}
    place: dict[int, Part] = {id(part): part for part in before} | {id(mine): partner for mine, partner in states}
    for output in two.mapped:
        place[id(output)] = next((p for p in one.mapped if equal_graphs([output.new], [p.new])), output)
    for mine in two.parts:
        partner = place[id(mine)]
        if mine is partner:
            _append(one, mine)
        elif isinstance(mine, State | Mapped) and isinstance(partner, State | Mapped):
            partner.keep = None if mine.keep is None or partner.keep is None else max(mine.keep, partner.keep)
    one.sequences += [r for r in two.sequences if r.inner not in same]
    one.constants += [r for r in two.constants if r.inner not in same]
    new = {id(part): out for part, out in zip(one.parts, one.apply())}
    pairs: dict[Variable, Variable] = {}
    for part, old in zip(before, [*first.outputs, *second.outputs]):
        partner = place[id(part)]
        out: Any = new[id(partner)]
        rows = wanted.get(id(part))
        pairs[old] = out if isinstance(partner, Carry) or partner.keep == rows or rows is None else out[-rows:]
    return pairs


def _append(loop: Loop, part: Part) -> None:
    if isinstance(part, State):
        loop.states.append(part)
    elif isinstance(part, Mapped):
        loop.mapped.append(part)
    else:
        loop.carries.append(part)


def _shared_reads(one: Loop, two: Loop) -> dict[Variable, Variable]:
    """Inner variables of `two` -> those of `one` that read the same variable outside."""
    same: dict[Variable, Variable] = {}
    for mine, theirs in ((two.sequences, one.sequences), (two.constants, one.constants)):
        known = {r.outer: r.inner for r in theirs}
        same.update((r.inner, known[r.outer]) for r in mine if r.outer in known)
    return same


def _shared_states(one: Loop, two: Loop, same: dict[Variable, Variable]) -> list[tuple[Part, Part]]:
    """States and carries of `two` with the ones of `one` that have the same values in every step.

    They start from the same variable; that they stay equal is assumed of all, and whoever's new value is
    not the same expression under that assumption is struck out, until the assumption holds.
    """
    pairs: list[tuple[Part, Part]] = [
        (mine, partner)
        for mine in two.parts
        for partner in one.parts
        if not isinstance(mine, Mapped)
        and type(mine) is type(partner)
        and mine.outer is partner.outer  # type: ignore[union-attr]
        and getattr(mine, "taps", None) == getattr(partner, "taps", None)
    ]
    while True:
        chosen: dict[int, tuple[Part, Part]] = {}
        for mine, partner in pairs:
            if id(mine) not in chosen and not any(partner is p for _, p in chosen.values()):
                chosen[id(mine)] = mine, partner
        assumed = dict(same)
        for mine, partner in chosen.values():
            assumed.update(zip(inner_of(mine), inner_of(partner)))
        wrong = [(m, p) for m, p in chosen.values() if not equal_graphs([m.new], [p.new], assumed)]
        if not wrong:
            return list(chosen.values())
        pairs = [(m, p) for m, p in pairs if not any(m is a and p is b for a, b in wrong)]
