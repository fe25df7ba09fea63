"""A loop without a loop: its definition, step by step, as a plain graph.

Owns the unrolling of a `Scan` node for a number of steps known in advance. The tests hold the loop, and
its gradient, against it. It must not know how a loop runs or is differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.graph.core import Apply, Variable
from reference.graph.traversal import clone_replace, toposort
from reference.graph.types import TensorType
from reference.scan.op import Scan
from reference.scan.parts import Loop


def unrolled(node: Apply, n_steps: int, cut: int = 0) -> list[Variable]:
    """What replaces the outputs of `node`: `n_steps` copies of the step, one reading the other.

    A condition is not asked: for an `until` loop, `n_steps` is how many steps it makes. The values of the first `cut`
    steps let no gradient through, which is what `truncate_gradient` means.
    """
    import reference.tensor as ns
    from reference import gradient

    if n_steps < 1:
        raise ValueError(f"only a positive number of steps can be unrolled, got {n_steps}")
    loop = Loop.of(node)
    past: list[list[Any]] = [[state.outer[k] for k in range(-min(state.taps))] for state in loop.states]  # type: ignore[index]
    carried: list[Variable] = [c.outer for c in loop.carries]
    steps: list[list[Variable]] = []
    for t in range(n_steps):
        pairs: dict[Variable, Any] = {r.inner: r.outer[t] for r in loop.sequences}  # type: ignore[index]
        for state, rows in zip(loop.states, past):
            pairs.update((v, rows[tap]) for tap, v in zip(state.taps, state.inner))
        pairs.update((c.inner, v) for c, v in zip(loop.carries, carried))
        pairs.update((r.inner, r.outer) for r in loop.constants)
        values = clone_replace(loop.inner_outputs, pairs)
        if t < cut:
            values = [gradient.disconnected_grad(v) if isinstance(v.type, TensorType) else v for v in values]
        for rows, value in zip(past, values):
            rows.append(value)
            del rows[0]
        first = len(loop.states) + len(loop.mapped)
        carried = values[first : first + len(carried)]
        steps.append(values[:first])
    parts = loop.stacked
    kept = [[row[k] for row in steps][-part.keep if part.keep else 0 :] for k, part in enumerate(parts)]
    written = [*(ns.join(0, *[ns.shape_padleft(v) for v in rows]) for rows in kept), *carried]
    # Of one step more is known than of the loop: that its rows are one.
    return [ns.patternbroadcast(new, old.type.broadcastable) if isinstance(old.type, TensorType) else new
            for old, new in zip(node.outputs, written)]  # fmt: skip


def unroll(outputs: Sequence[Variable], n_steps: int) -> list[Variable]:
    """`outputs` with every loop in their graph unrolled for the same number of steps, nested loops included."""
    outputs = list(outputs)
    while True:
        loop = next((node for node in toposort(outputs) if isinstance(node.op, Scan)), None)
        if loop is None:
            return outputs
        outputs = clone_replace(outputs, dict(zip(loop.outputs, unrolled(loop, n_steps))))
