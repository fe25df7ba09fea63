"""Lengths that are told are those that come: every operation's `infer_shape` on the values it had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.oracle.names import kind_name
from difftest.validate import computed
from reference.interpreter import without_effects


@judge("shape")
def shapes(case: Case) -> Iterator[Failure]:
    """Every node of the defining cell's graph in the first call: its values have the shapes and types it told."""
    if not case.met:
        return
    known = case.met
    lengths = _Lengths(known, case.built.api.tensor.constant)
    for node in case.base.function.fgraph.toposort():
        given = [known[v] if v in known else getattr(v, "data", None) for v in node.inputs]
        with np.errstate(all="ignore"), without_effects():
            told = lengths.told(node, given)
        for variable, shape in zip(node.outputs, told):
            case.count("shape", "told" if shape is not None else "not told")
            what = _difference(variable.type, known[variable], shape)
            if what:
                yield Failure("shape", BASE, f"{node}: {what}", culprit=f"op {kind_name(node.op)}")


class _Lengths:
    """Lengths as constants of a graph, and back."""

    def __init__(self, known: dict[Any, Any], constant: Any):
        self._known = dict(known)
        self._constant = cache(lambda n: constant(np.int64(n)))

    def told(self, node: Any, given: Sequence[Any]) -> list[tuple[int, ...] | None]:
        """What `infer_shape` says of each output, for inputs of these values."""
        sizes = [tuple(map(self._constant, x.shape)) if isinstance(x, np.ndarray) else None for x in given]
        try:
            told = node.op.infer_shape(node, sizes)
        except NotImplementedError:
            return [None] * len(node.outputs)
        return [None if lengths is None else tuple(map(self._number, lengths)) for lengths in told]

    def _number(self, length: Any) -> int:
        if hasattr(length, "data") or not hasattr(length, "owner"):
            return int(getattr(length, "data", length))
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
