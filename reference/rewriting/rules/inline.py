"""Operations that are graphs of their own.

Owns what puts such a graph in its operation's place.
"""

from __future__ import annotations

from reference.compile.builders import OpFromGraph
from reference.graph.core import Apply
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite


@rewrite(Promise.EXACT, on=OpFromGraph, cheap=True, tags=("inline_ofg_expansion",))
def graph_in_place(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """OpFromGraph{inline=True}(x) -> what its graph computes of x."""
    return node.op.expanded(node) if node.op.inline else None  # type: ignore[attr-defined]
