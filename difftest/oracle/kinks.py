"""Where a function has no derivative, or its gradient is a matter of definition.

Owns the question whether an interval reaches such a point: a jump, a tie, a pole, the end of a domain. It reads the
column `jumps` of the scalar table; operations that choose among elements stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from difftest.oracle import rules, windows
from difftest.oracle.bounds import Bound

Kink = Callable[[Sequence[Bound], Sequence[Bound]], Any]
"""(inputs, outputs) -> where a node's inputs may lie on a kink."""


class Kinks:
    """Watches a walk whose bounds are the intervals that values move in; `found` names what was met there."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, node: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> None:
        if not any(b.y is not None and np.any(b.e) for b in inputs):
            return
        row = getattr(node.op, "scalar_op", None)
        if _lost(inputs, outputs) or any(map(np.any, _met(node, row, inputs, outputs))):
            self.found.append(type(node.op).__name__ if row is None else row.name)


def _lost(inputs: Sequence[Bound], outputs: Sequence[Bound]) -> bool:
    """True if the result of inputs that move little may be anything: a pole, the end of a domain."""
    return any(b.y is None or not np.all(np.isfinite(b.e)) for b in outputs)


def _met(node: Any, row: Any, inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Iterator[Any]:
    if row is not None:
        yield JUMPS[row.jumps](inputs, outputs)
        if row.period:
            # Two points so far apart know nothing of the slope between them.
            yield inputs[0].e > row.period / 8
    elif type(node.op).__name__ in ("Max", "MaxAndArgmax", "Argmax"):
        (x,) = inputs
        axes = tuple(range(x.y.ndim)) if node.op.axis is None else tuple(node.op.axis)
        yield rules.place(x, axes).e
    elif type(node.op).__name__ == "IfElse":
        yield _at_zero(inputs, outputs)
    elif type(node.op).__name__ == "SortOp":
        yield rules.order(node, inputs).e
    elif type(node.op).__name__ in ("Pool", "MaxPoolGrad", "DownsampleFactorMaxGradGrad"):
        yield windows.ties(node, inputs)


def _at_zero(inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Any:
    x = inputs[0]
    return (x.e > 0) & (x.low <= 0) & (x.high >= 0)


def _tied(inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Any:
    return any(
        np.any((a.low <= b.high) & (b.low <= a.high) & ((a.e > 0) | (b.e > 0))) for a, b in combinations(inputs, 2)
    )


def _moving(inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Any:
    return True


def _stepping(inputs: Sequence[Bound], outputs: Sequence[Bound]) -> Any:
    """A result that is constant between its jumps is in doubt only where the interval reaches one."""
    return any(np.any(b.e) for b in outputs) and all(np.all(b.y == np.rint(b.y)) for b in outputs)


JUMPS: dict[str, Kink] = {
    "": lambda inputs, outputs: False,
    "zero": _at_zero,
    "ties": _tied,
    "integers": _stepping,
    "halves": _stepping,
    "range": _stepping,
    "poles": lambda inputs, outputs: False,
    "breaks": _moving,
}
"""The scalar table's words -> where they apply. A pole shows by its result."""
