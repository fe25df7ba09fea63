"""What lazy operations decide about: the nodes that are computed only where one of them asks.

Owns two views of that. An evaluator wants to know which nodes nobody needs for certain (`deferred`) and what a
lazy node asks for (`awaited`); a gradient, under which conditions a variable is read at all (`guards`). It must
not know any lazy operation: `Op.lazy`, `taken` and `branch_of` say all there is to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reference.graph.core import Apply, Variable

Guard = tuple[Variable, int]
"""(condition, side): read only if a lazy node with that condition takes that side."""


def deferred(order: Sequence[Apply], outputs: Iterable[Variable]) -> set[Apply]:
    """The nodes of `order` that `outputs` do not need for certain."""
    if not any(node.op.lazy for node in order):
        return set()
    certain: set[Apply] = set()
    stack = [v.owner for v in outputs]
    while stack:
        node = stack.pop()
        if node is not None and node not in certain:
            certain.add(node)
            stack += [v.owner for v in (node.inputs[:1] if node.op.lazy else node.inputs)]
    return {node for node in order if node not in certain}


def awaited(node: Apply, condition: Any) -> list[int]:
    """The places of the inputs that a lazy node takes, by the value of the first."""
    side = node.op.taken(condition)
    return [k for k in range(1, len(node.inputs)) if node.op.branch_of(k) == side]


def guards(order: Sequence[Apply], outputs: Iterable[Variable]) -> dict[Variable, tuple[Guard, ...]]:
    """Variable -> what must hold, from the outside in, for anybody to read it; what is missing is never guarded.

    Who is read in several places is guarded by what those have in common.
    """
    if not any(node.op.lazy for node in order):
        return {}
    found: dict[Variable, tuple[Guard, ...]] = {}

    def read(v: Variable, under: tuple[Guard, ...]) -> None:
        for out in () if v.owner is None else v.owner.outputs:
            found[out] = _common(found[out], under) if out in found else under

    for v in outputs:
        read(v, ())
    for node in reversed(order):
        under = found[node.outputs[0]]
        for k, v in enumerate(node.inputs):
            guarded = node.op.lazy and k > 0
            read(v, (*under, (node.inputs[0], node.op.branch_of(k))) if guarded else under)
    return found


def _common(a: tuple[Guard, ...], b: tuple[Guard, ...]) -> tuple[Guard, ...]:
    """What two chains of guards begin with."""
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]
