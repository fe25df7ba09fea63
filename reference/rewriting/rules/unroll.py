"""Loops of a few steps, written out.

Owns when a loop is not worth being one: a single step, or so few and small ones that the nodes they become are no
more than `config.scan.unroll`. It comes last, when everything else that is known of loops has been done. It must not
write out a loop that may end early, chooses lazily or prints.
"""

from __future__ import annotations

from reference.config import config
from reference.graph.core import Apply, Constant
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import toposort
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.rewriting.lengths import has_rows
from reference.scan.op import Scan
from reference.scan.parts import Loop
from reference.scan.unroll import unrolled
from reference.tensor.basic import constant


@rewrite(Promise.RAISES, on=Scan, stage="scan")
def few_steps_unrolled(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """for(2, s, x; f(s, x[t])) -> f(f(s, x[0]), x[1])."""
    op, n_steps = node.op, node.inputs[0]
    assert isinstance(op, Scan)
    if not isinstance(n_steps, Constant) or op.until or has_effect(op) or config.scan.unroll == 0:
        return None
    steps, step = int(n_steps.data), toposort(op.inner_outputs)
    if steps < 1 or any(isinstance(inner.op, Scan) or inner.op.lazy for inner in step):
        return None
    if (steps > 1 and steps * len(step) > config.scan.unroll) or not _has_all_rows(node):
        return None
    return unrolled(node, steps)


def _has_all_rows(node: Apply) -> bool:
    """Does the graph show that no row is missing or left over, of which only the loop would tell well?"""
    loop = Loop.of(node)
    return all(has_rows(r.outer, loop.n_steps) for r in loop.sequences) and all(
        has_rows(state.outer, constant(-min(state.taps), dtype="int64")) for state in loop.states
    )
