"""Lengths that are told are those that come: every operation's `infer_shape` on the values it had; and what does not
fit, an operand of length 1 that is not declared to stretch, is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.meanings import OWN_WORDS
from difftest.oracle.names import kind_name
from difftest.validate import computed
from reference.interpreter import without_effects


@judge("shape")
def shapes(case: Case) -> Iterator[Failure]:
    """Every node of the defining cell's graph in the first call: its values have the shapes and types it told.

    And every loop of the other cells': rewrites give loops forms that nobody writes.
    """
    yield from _of_nodes(case, case.nodes, case.met)
    yield from _stretched(case)
    for cell, run in case.report.runs.items():
        if cell == BASE or cell.backend != BASE.backend or not run.calls:
            continue
        graph = run.function.fgraph
        loops = [node for node in graph.toposort() if hasattr(node.op, "inner_outputs")]
        known = dict(zip(graph.inputs, map(np.array, run.calls[0].inputs))) if loops else {}
        with contextlib.suppress(Exception), without_effects():
            for v in graph.outputs if loops else ():
                computed(v, known)
        yield from _of_nodes(case, [node for node in loops if node.outputs[0] in known], known)


def _of_nodes(case: Case, nodes: Sequence[Any], known: dict[Any, Any]) -> Iterator[Failure]:
    lengths = _Lengths(known, case.built.api.tensor.lscalar)
    for node in nodes:
        given = [known[v] if v in known else getattr(v, "data", None) for v in node.inputs]
        with np.errstate(all="ignore"), without_effects():
            told = lengths.told(node, given)
        for variable, shape in zip(node.outputs, told):
            case.count("shape", "told" if shape is not None else "not told")
            what = _difference(variable.type, known[variable], shape)
            if what:
                name = kind_name(node.op)
                yield Failure("shape", BASE, f"{node}: {what}", culprit=OWN_WORDS.get(name, f"op {name}"))


def _stretched(case: Case) -> Iterator[Failure]:
    """The first elementwise operation that has two long operands, one of them cut to a length of 1."""
    for node in case.nodes:
        given = [case.met[v] if v in case.met else getattr(v, "data", None) for v in node.inputs]
        cut = _cut(node, given) if hasattr(node.op, "scalar_op") else None
        if cut is None:
            continue
        case.count("shape", "refused")
        try:
            with np.errstate(all="ignore"):
                node.op.perform(node, *cut)
        except ValueError:
            return
        shapes = " and ".join(str(x.shape) for x in cut)
        what = f"{node} takes operands of shapes {shapes}, none of which is declared to stretch"
        yield Failure("shape", BASE, what, culprit=f"op {kind_name(node.op)}")
        return


def _cut(node: Any, given: Sequence[Any]) -> list[np.ndarray] | None:
    """The operands, one of them with a length of 1 where another that does not stretch is longer; None if none is."""
    patterns = [v.type.broadcastable for v in node.inputs]
    for axis in range(len(patterns[0])):
        long = [k for k, (x, p) in enumerate(zip(given, patterns)) if not p[axis] and x.shape[axis] > 1]
        if len(long) > 1:
            first = (slice(None),) * axis + (slice(0, 1),)
            return [x[first] if k == long[-1] else x for k, x in enumerate(given)]
    return None


class _Lengths:
    """Lengths as symbols of a graph, whose values it does not know, and back."""

    def __init__(self, known: dict[Any, Any], symbol: Any):
        self._known = dict(known)
        self._symbol = cache(lambda n: self._new(symbol(), n))

    def _new(self, symbol: Any, n: int) -> Any:
        self._known[symbol] = np.array(n)
        return symbol

    def told(self, node: Any, given: Sequence[Any]) -> list[tuple[int, ...] | None]:
        """What `infer_shape` says of each output, for inputs of these values."""
        sizes = [tuple(map(self._symbol, x.shape)) if isinstance(x, np.ndarray) else None for x in given]
        try:
            told = node.op.infer_shape(node, sizes)
        except NotImplementedError:
            return [None] * len(node.outputs)
        return [None if lengths is None else tuple(map(self._number, lengths)) for lengths in told]

    def _number(self, length: Any) -> int:
        if hasattr(length, "data") or not hasattr(length, "owner"):
            return int(getattr(length, "data", length))
        if length in self._known:
            return int(self._known[length])
        computed(length, self._known)
        return int(self._known[length])


def _difference(declared: Any, value: Any, lengths: tuple[int, ...] | None) -> str:
    if not isinstance(value, np.ndarray):
        return ""
    if lengths is not None and lengths != value.shape:
        return f"infer_shape tells {lengths}, the value has shape {value.shape}"
    pattern = getattr(declared, "broadcastable", None)
    if pattern is not None and any(b and n != 1 for b, n in zip(pattern, value.shape)):
        return f"the type is {declared}, the value has shape {value.shape}"
    return ""
