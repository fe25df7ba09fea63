"""Choices that are made while the graph is built.

Owns what a lazy choice can be told about itself: its condition is known, stands above it already, or does not
matter. It must not touch what the sides compute.
"""

from __future__ import annotations

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import awaited, guards
from reference.graph.traversal import clone_replace, toposort
from reference.ifelse import IfElse
from reference.rewriting.engine import Promise, Replacement, rewrite

EXACT, REAL, STABLE, FINITE, RAISES = Promise


def _side(node: Apply, side: int) -> list[Variable]:
    return [v for k, v in enumerate(node.inputs) if k and node.op.branch_of(k) == side]


@rewrite(EXACT, on=IfElse, cheap=True)
def choice_known(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """ifelse(True, x, y) -> x."""
    condition = node.inputs[0]
    if not isinstance(condition, Constant):
        return None
    return [node.inputs[k] for k in awaited(node, condition.data)]


@rewrite(RAISES, on=IfElse)
def choice_of_equals(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """ifelse(c, x, x) -> x; c is not computed."""
    then = _side(node, 0)
    return then if then == _side(node, 1) else None


@rewrite(EXACT, on=IfElse, stage="specialize")
def choice_made_above(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """ifelse(c, f(ifelse(c, x, y)), z) -> ifelse(c, f(x), z), where nobody else reads f."""
    condition = node.inputs[0]
    others = [n for n in fgraph.clients.get(condition, ()) if n.node is not None and n.node is not node]
    if not any(isinstance(n.node.op, IfElse) for n in others):  # type: ignore[union-attr]
        return None
    guarded = guards(fgraph.toposort(), fgraph.outputs)
    sides = []
    for side in (0, 1):
        branch = _side(node, side)
        pairs: dict[Variable, Variable] = {}
        for inner in toposort(branch):
            if isinstance(inner.op, IfElse) and inner.inputs[0] is condition:
                above = guarded.get(inner.outputs[0], ())
                if (condition, side) in above:
                    pairs.update(zip(inner.outputs, _side(inner, side)))
        sides += clone_replace(branch, _resolved(pairs))
    if sides == list(node.inputs[1:]):
        return None
    return node.op.make_node(condition, *sides).outputs


def _resolved(pairs: dict[Variable, Variable]) -> dict[Variable, Variable]:
    """The same pairs; who is replaced by something that holds another key gets it with that one replaced."""
    found: dict[Variable, Variable] = {}
    for old, new in pairs.items():
        found[old] = clone_replace([new], found)[0]
    return found
