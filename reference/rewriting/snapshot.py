"""Both sides of one rewrite application, as small graphs that stand alone.

Owns the cut: how far the replaced expression and its replacement are followed until they read the same
variables. It must not know rewrites or operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reference.graph.core import Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import ancestors, clone_replace

_REACH = 512
"""Among how many variables below the replaced ones the operands of a replacement are looked for."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """`before` and `after` as functions of the same fresh `inputs`; `leaves[k]` is the variable of the
    graph under rewriting whose place `inputs[k]` takes."""

    leaves: tuple[Variable, ...]
    inputs: tuple[Variable, ...]
    before: tuple[Variable, ...]
    after: tuple[Variable, ...]


def snapshot(fgraph: FunctionGraph, old: Sequence[Variable], new: Sequence[Variable]) -> Snapshot:
    """Copy what computes `old`, and what will compute `new`, down to a common cut. Changes nothing."""
    distance = _below(old, _operands(fgraph, new))
    cut: dict[Variable, None] = {}
    stack = list(new)
    inner: set[Variable] = set()
    while stack:
        variable = stack.pop()
        if variable in inner or variable in cut:
            continue
        fresh = variable not in fgraph.clients
        elsewhere = variable not in distance or distance[variable] == 0
        if variable.owner is not None and (fresh or (elsewhere and len(inner) < 64)):
            inner.add(variable)
            stack.extend(variable.owner.inputs)
        elif not isinstance(variable, Constant):
            cut[variable] = None
    towards = _on_the_way(old, cut, distance)
    for variable in ancestors(old, stop_at=[v for v in distance if v not in towards]):
        if variable not in towards and not isinstance(variable, Constant):
            cut[variable] = None
    everything = ancestors([*old, *new], stop_at=cut)
    leaves = [v for v in everything if (v.owner is None or v in cut) and not isinstance(v, Constant)]
    placed = {leaf: leaf.type.make_variable(leaf.name) for leaf in leaves}
    count = len(old)
    copies = clone_replace([*old, *new], placed, copy_all=True)
    return Snapshot(tuple(leaves), tuple(placed.values()), tuple(copies[:count]), tuple(copies[count:]))


def _operands(fgraph: FunctionGraph, new: Sequence[Variable]) -> set[Variable]:
    """The variables of the graph that the replacement reads first."""
    return {v for v in ancestors(new, stop_at=fgraph.clients) if v in fgraph.clients and not isinstance(v, Constant)}


def _below(variables: Sequence[Variable], wanted: set[Variable]) -> dict[Variable, int]:
    """The ancestors of `variables`, down to where all of `wanted` are found -> the fewest levels down."""
    distance = dict.fromkeys(variables, 0)
    level = list(variables)
    depth = 0
    while level and len(distance) < _REACH and (depth == 0 or not wanted <= distance.keys()):
        depth += 1
        found = [v for u in level if u.owner is not None for v in u.owner.inputs]
        level = []
        for v in found:
            if v not in distance:
                distance[v] = depth
                level.append(v)
    return distance


def _on_the_way(old: Sequence[Variable], cut: dict[Variable, None], distance: dict[Variable, int]) -> set[Variable]:
    """`old` and the variables between them and the cut: those that `before` must compute itself."""
    towards = set(old)
    for variable in sorted(distance, key=distance.__getitem__, reverse=True):
        if variable.owner is None or variable in cut:
            continue
        if any(v in cut or v in towards for v in variable.owner.inputs if v in distance):
            towards.add(variable)
    return towards
