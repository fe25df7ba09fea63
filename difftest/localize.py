"""The first node whose output is wrong on a backend.

Owns the run with every intermediate as an output, and the second run of the suspect alone: what is wrong alone is a
kernel's fault, what is right alone is the fault of fusion, planning or memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.oracle.bits import bitwise, same_bits
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.ulps import executor


@dataclass(frozen=True)
class Culprit:
    """A node, by number in execution order, whether it is wrong alone, and what it gave."""

    number: int
    op: str
    node: str
    alone: bool
    what: str

    def __str__(self) -> str:
        kind = "wrong alone: its kernel" if self.alone else "right alone: fusion, plan or memory"
        return f"node {self.number}, {self.node} ({kind})\n{self.what}"


def localize(api: Any, graph: Any, values: Sequence[Any], backend: str, fast: bool) -> Culprit | None:
    """Run `graph` with all intermediates as outputs; the first node with right inputs and a wrong output."""
    order = graph.toposort()
    wanted = [v for node in order for v in node.outputs if hasattr(v.type, "broadcastable")]
    results = dict(zip(graph.inputs, values))
    try:
        results.update(zip(wanted, _run(api, graph.inputs, wanted, values, backend)))
    except Exception:
        return _one_by_one(api, order, results, backend, fast)
    for number, node in enumerate(order):
        inputs = {v: results[v] for v in node.inputs if v in results}
        if any(v not in inputs and not hasattr(v, "data") for v in node.inputs):
            continue
        what = _judged(node, inputs, results, backend, fast)
        if what is not None:
            again = dict(inputs)
            again.update(zip(node.outputs, _alone(api, node, inputs, backend)))
            return Culprit(
                number, str(node.op), str(node), _judged(node, inputs, again, backend, fast) is not None, what
            )
    return None


def _run(api: Any, inputs: Sequence[Any], outputs: Sequence[Any], values: Sequence[Any], backend: str) -> list[Any]:
    f = api.function(
        list(inputs),
        list(outputs),
        mode="UNOPTIMIZED",
        backend=backend,
        on_unused_input="ignore",
        no_default_updates=True,
    )
    return f(*values)


def _alone(api: Any, node: Any, inputs: dict[Any, Any], backend: str) -> list[Any]:
    given = {v: v.type.make_variable() for v in inputs}
    twin = node.clone_with_new_inputs([given.get(v, v) for v in node.inputs])
    return _run(api, list(given.values()), twin.outputs, list(inputs.values()), backend)


def _judged(node: Any, inputs: dict[Any, Any], results: dict[Any, Any], backend: str, fast: bool) -> str | None:
    who = executor(backend, fast)
    with np.errstate(all="ignore"):
        expected = node.op.perform(node, *[inputs.get(v, getattr(v, "data", None)) for v in node.inputs])
    for variable, right in zip(node.outputs, expected):
        value = results.get(variable)
        if value is None or not isinstance(right, np.ndarray) or same_bits(np.asarray(value), right):
            continue
        value = np.asarray(value)
        shown = f"it gave {value!r}, the reference {right!r}"
        if value.shape != right.shape or value.dtype != right.dtype or (not fast and bitwise([node], who)):
            return shown
        if inside(value, walk([node], inputs, who).of(variable)).wrong.any():
            return shown
    return None


def _one_by_one(api: Any, order: Sequence[Any], known: dict[Any, Any], backend: str, fast: bool) -> Culprit | None:
    """Every node alone, on what the reference gives it: the first that raises or is wrong."""
    for number, node in enumerate(order):
        inputs = {v: known[v] for v in node.inputs if v in known}
        try:
            found = _judged(node, inputs, dict(zip(node.outputs, _alone(api, node, inputs, backend))), backend, fast)
        except Exception as error:
            found = f"it raised {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        if found is not None:
            return Culprit(number, str(node.op), str(node), True, found)
        with np.errstate(all="ignore"):
            known.update(
                zip(node.outputs, node.op.perform(node, *[known.get(v, getattr(v, "data", None)) for v in node.inputs]))
            )
    return None
