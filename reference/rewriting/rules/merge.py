"""One node for one computation, one constant for one value.

Owns what is known of a graph's nodes by what they compute. It must not merge nodes with an effect. Two
random draws merge when they read the same state, as they are the same draw then.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from reference.graph.core import Apply, Constant, Variable
from reference.graph.dtypes import is_discrete
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite


class _Known:
    """For one graph: the first node seen for each computation, the first constant for each value."""

    def __init__(self) -> None:
        self.nodes: dict[Any, Apply] = {}
        self.constants: dict[Any, Constant] = {}
        self.stands_for: dict[Constant, Constant] = {}

    def constant(self, constant: Constant) -> Constant:
        """The constant that stands for all of this type and value."""
        found = self.stands_for.get(constant)
        if found is None:
            found = constant
            with suppress(TypeError):  # a value without a hash is like no other
                found = self.constants.setdefault(constant.signature(), constant)
            self.stands_for[constant] = found
        return found


def _of(fgraph: FunctionGraph) -> _Known:
    found = fgraph.notes.get(_Known)
    if found is None:
        found = fgraph.notes[_Known] = _Known()
    return found


@rewrite(Promise.EXACT, tags=("merge",), cheap=True)
def merge_constants(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """two constants of one type and value -> one."""
    pairs: dict[Variable, Variable] = {}
    for v in node.inputs:
        if isinstance(v, Constant) and (first := _of(fgraph).constant(v)) is not v:
            pairs[v] = first
    return pairs or None


@rewrite(Promise.EXACT, tags=("merge",), cheap=True)
def merge_nodes(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(x), f(x) -> f(x) once; also for swapped operands where the operation commutes to the bit."""
    known, computation = _of(fgraph), _computation(node)
    first = known.nodes.setdefault(computation, node)
    if first is node:
        return None
    if first not in fgraph.apply_nodes or _computation(first) != computation:
        known.nodes[computation] = node  # the first one is gone or reads other variables by now
        return None
    if has_effect(node.op) or [v.type for v in first.outputs] != [v.type for v in node.outputs]:
        return None
    return dict(zip(node.outputs, first.outputs))


def _computation(node: Apply) -> Any:
    if commutes_exactly(node):
        return node.op, frozenset(node.inputs)
    return node.op, node.inputs


def commutes_exactly(node: Apply) -> bool:
    """Two operands, and the same bits in either order.

    A maximum of zeros of either sign depends on the order; a sum of three is rounded in its order.
    """
    row = getattr(node.op, "scalar_op", None)
    if row is None or not row.commutative or len(node.inputs) != 2:
        return False
    return row.name not in ("maximum", "minimum") or is_discrete(node.outputs[0].type.dtype)
