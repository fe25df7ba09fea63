"""The first node whose output is wrong on a backend.

Owns the run with every intermediate as an output, and the second run of the suspect alone: what is wrong alone is a
kernel's fault, what is right alone is the fault of fusion, planning or memory. A loop that is wrong is opened: if an
operation of its step is wrong alone, that one is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from difftest.oracle.bits import bitwise, needed, same_bits
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.trace import first_arguments
from difftest.oracle.ulps import executor

MOST_SHOWN = 20
"""Of arrays with more elements the ends are shown."""


@dataclass(frozen=True)
class Culprit:
    """A node, by number in execution order, whether it is wrong alone, and what it gave."""

    number: int
    op: Any
    node: str
    alone: bool
    what: str
    given: tuple[Any, ...] = ()
    """The values of its inputs."""

    def __str__(self) -> str:
        kind = "wrong alone: its kernel" if self.alone else "right alone: fusion, plan or memory"
        return f"node {self.number}, {self.node} ({kind})\n{self.what}"


def localize(api: Any, graph: Any, values: Sequence[Any], backend: str, fast: bool) -> Culprit | None:
    """Run `graph` with all intermediates as outputs; the first node with right inputs and a wrong output."""
    bench = _Bench(api, backend, fast)
    found = bench.first_wrong(graph.inputs, graph.toposort(), values)
    while found is not None and found.alone and hasattr(found.op, "inner_outputs"):
        inner = bench.first_wrong_inside(found)
        if inner is None:
            break
        found = inner
    return found


class _Bench:
    """Runs parts of a graph on one backend, without rewrites."""

    def __init__(self, api: Any, backend: str, fast: bool):
        self.api, self.backend, self.fast = api, backend, fast
        self.who = executor(backend, fast)

    def run(self, inputs: Sequence[Any], outputs: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        with self.api.config.change_flags(rewrite_limit=0):
            f = self.api.function(
                list(inputs),
                list(outputs),
                mode="FAST_RUN" if self.fast else "UNOPTIMIZED",
                backend=self.backend,
                on_unused_input="ignore",
                no_default_updates=True,
            )
        return list(f(*values))

    def alone(self, node: Any, inputs: dict[Any, Any]) -> list[Any]:
        given = {v: v.type.make_variable() for v in inputs}
        twin = node.clone_with_new_inputs([given.get(v, v) for v in node.inputs])
        return self.run(list(given.values()), twin.outputs, list(inputs.values()))

    def first_wrong(self, inputs: Sequence[Any], order: Sequence[Any], values: Sequence[Any]) -> Culprit | None:
        wanted = [v for node in order for v in node.outputs if hasattr(v.type, "broadcastable")]
        results = dict(zip(inputs, values))
        try:
            results.update(zip(wanted, self.run(inputs, wanted, values)))
        except Exception:
            return self.one_by_one(order, results)
        for number, node in enumerate(order):
            known = {v: results[v] for v in node.inputs if v in results}
            if any(v not in known and not hasattr(v, "data") for v in node.inputs):
                continue
            what = self.judged(node, known, results)
            if what is not None:
                return self.culprit(number, node, known, what)
        return None

    def culprit(self, number: int, node: Any, known: dict[Any, Any], what: str) -> Culprit:
        try:
            again = {**known, **dict(zip(node.outputs, self.alone(node, known)))}
            alone = self.judged(node, known, again) is not None
        except Exception:
            alone = True
        return self._named(number, node, known, alone, what)

    def _named(self, number: int, node: Any, known: dict[Any, Any], alone: bool, what: str) -> Culprit:
        given = tuple(known.get(v, getattr(v, "data", None)) for v in node.inputs)
        return Culprit(number, node.op, str(node), alone, what, given)

    def judged(self, node: Any, inputs: dict[Any, Any], results: dict[Any, Any]) -> str | None:
        with np.errstate(all="ignore"):
            expected = node.op.perform(node, *[inputs.get(v, getattr(v, "data", None)) for v in node.inputs])
        for variable, right in zip(node.outputs, expected):
            value = results.get(variable)
            if value is None or not isinstance(right, np.ndarray) or same_bits(np.asarray(value), right):
                continue
            value = np.asarray(value)
            with np.printoptions(threshold=MOST_SHOWN):
                shown = f"it gave {value!r}, the reference {right!r}"
            if (
                value.shape != right.shape
                or value.dtype != right.dtype
                or (not self.fast and bitwise([node], self.who))
            ):
                return shown
            if inside(value, walk([node], inputs, self.who).of(variable)).wrong.any():
                return shown
        return None

    def one_by_one(self, order: Sequence[Any], known: dict[Any, Any]) -> Culprit | None:
        """Every node alone, on what the reference gives it: the first that raises or is wrong."""
        for number, node in enumerate(order):
            inputs = {v: known[v] for v in node.inputs if v in known}
            with np.errstate(all="ignore"):
                right = node.op.perform(node, *[inputs.get(v, getattr(v, "data", None)) for v in node.inputs])
            known.update(zip(node.outputs, right))
            if not all(hasattr(v.type, "broadcastable") for v in (*inputs, *node.outputs)):
                continue
            try:
                found = self.judged(node, inputs, dict(zip(node.outputs, self.alone(node, inputs))))
            except Exception as error:
                found = f"it raised {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            if found is not None:
                return self._named(number, node, inputs, True, found)
        return None

    def first_wrong_inside(self, loop: Culprit) -> Culprit | None:
        """The first wrong node of a loop's step, on what its first step is given; None if each is right."""
        values = first_arguments(loop.op, loop.given)
        if values is None:
            return None
        order = needed(loop.op.inner_outputs)
        found = self.one_by_one(order, dict(zip(loop.op.inner_inputs, values)))
        if found is None:
            return None
        return replace(found, number=loop.number, node=f"{found.node} in the step of {loop.node}")
