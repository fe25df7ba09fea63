"""Operations whose purpose is fulfilled once a function is compiled.

Owns what puts in their place what they stand for: graphs that are operations, marks that gradients obeyed.
"""

from __future__ import annotations

from reference.compile.builders import OpFromGraph
from reference.gradient import ConsiderConstant, DisconnectedGrad, GradClip, GradScale, UndefinedGrad
from reference.graph.core import Apply
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite


@rewrite(Promise.EXACT, on=OpFromGraph, cheap=True, tags=("inline_ofg_expansion",))
def graph_in_place(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """OpFromGraph{inline=True}(x) -> what its graph computes of x."""
    return node.op.expanded(node) if node.op.inline else None  # type: ignore[attr-defined]


@rewrite(Promise.EXACT, on=(ConsiderConstant, DisconnectedGrad, UndefinedGrad, GradClip, GradScale), cheap=True)
def gradient_mark(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """GradClip(x) -> x, as gradients have been taken; also ZeroGrad, DisconnectedGrad and the like."""
    return list(node.inputs)
