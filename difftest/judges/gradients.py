"""Gradients against differences of the cost: an opinion that shares no line of code with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.oracle.alone import Alone, has_slope
from difftest.oracle.bounds import Walk, approximate
from difftest.oracle.differences import opinion, shadow
from difftest.oracle.names import kind_name
from reference.graph.traversal import graph_inputs, toposort


@judge("gradient")
def gradients(case: Case) -> Iterator[Failure]:
    """Every gradient step. A gradient of a gradient is judged as that of its own cost, the first gradient."""
    names = case.built.names
    for step in case.program.steps:
        if step.step != "grad":
            continue
        cost, *wrts = (names[str(o)] for o in step.operands)
        results = [names[r] for r in step.results]
        base = _walked(case, cost, results)
        for name, wrt, result in zip(step.results, wrts, results):
            weights = np.ones_like(base.of(cost).y) if base.of(cost).y is not None else np.ones(())
            found = opinion({cost: weights}, {wrt: result}, {}, int(case.program.digest, 16), base)
            case.count("gradient", found.verdict)
            if found.verdict == "wrong":
                culprit = guilty_node(case.built.api, cost, wrt, base)
                yield Failure("gradient", BASE, str(found), name, culprit=culprit or "gradient")


def _walked(case: Case, cost: Any, results: list[Any]) -> Walk:
    """The shadow of the user's own graph, on the values that its inputs have before the first call."""
    case.built.reset()
    values = {i.name: i.value.data for i in case.program.inputs}
    leaves = [v for v in graph_inputs([cost, *results]) if not hasattr(v, "data")]
    return shadow(
        [cost], results, {v: v.get_value() if hasattr(v, "get_value") else values[str(v.name)] for v in leaves}
    )


def guilty_node(api: Any, cost: Any, wrt: Any, base: Walk) -> str:
    """The first operation between `wrt` and the cost whose own gradient is wrong, as `gradient OP`."""
    moved = {wrt}
    for node in toposort([cost]):
        if wrt not in node.outputs and not moved.isdisjoint(node.inputs):
            moved.update(node.outputs)
            if is_wrong_alone(api, node, base):
                return f"gradient {kind_name(node.op)}"
    return ""


def is_wrong_alone(api: Any, node: Any, base: Walk) -> bool:
    """True if differences of this node alone contradict its `L_op`."""
    if not has_slope(node):
        return False
    inputs = [approximate(base.of(v), getattr(v.type, "dtype", "")) for v in node.inputs]
    try:
        return Alone(api, node, inputs).opinion().verdict == "wrong"
    except Exception:
        return True
