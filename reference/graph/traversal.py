"""Walking a graph and copying it.

Owns every traversal: iterative (a graph 100 000 nodes deep is an ordinary graph), deterministic
(depth first, inputs left to right), linear in nodes and edges.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reference.graph.core import Apply, Constant, Variable


def toposort(outputs: Iterable[Variable], stop_at: Iterable[Variable] = (), right_to_left: bool = False) -> list[Apply]:
    """Every `Apply` that `outputs` need, each after the nodes it depends on.

    Depth-first post-order, inputs left to right (or right to left), which is the execution order and
    the numbering of `debugprint`. Variables in `stop_at` are taken as given.
    """
    given = _members(stop_at)
    done: dict[Apply, bool] = {}  # False while the node's inputs are being visited
    order: list[Apply] = []
    step = -1 if right_to_left else 1
    for output in outputs:
        if output.owner is None or output in given or output.owner in done:
            continue
        node, inputs = output.owner, iter(output.owner.inputs[::step])
        waiting: list[tuple[Apply, Iterator[Variable]]] = []
        done[node] = False
        while True:
            for variable in inputs:
                owner = variable.owner
                if owner is None or variable in given:
                    continue
                if owner not in done:
                    waiting.append((node, inputs))
                    node, inputs = owner, iter(owner.inputs[::step])
                    done[node] = False
                    break
                if not done[owner]:
                    raise ValueError(f"the graph has a cycle through {owner}")
            else:
                done[node] = True
                order.append(node)
                if not waiting:
                    break
                node, inputs = waiting.pop()
    return order


def _members(variables: Iterable[Variable]) -> Container[Variable]:
    """What tells at once whether a variable is among them; a graph's thousands are not copied for it."""
    return variables if isinstance(variables, dict | set) else set(variables)


def ancestors(outputs: Iterable[Variable], stop_at: Iterable[Variable] = ()) -> list[Variable]:
    """Every variable that `outputs` depend on, themselves included, in order of first mention."""
    given = _members(stop_at)
    seen: dict[Variable, None] = {}
    stack = list(reversed(list(outputs)))
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen[variable] = None
        if variable.owner is not None and variable not in given:
            stack.extend(reversed(variable.owner.inputs))
    return list(seen)


def graph_inputs(outputs: Iterable[Variable], stop_at: Iterable[Variable] = ()) -> list[Variable]:
    """The variables without owner (constants included) that `outputs` need, in order of first mention."""
    return [v for v in ancestors(outputs, stop_at) if v.owner is None]


def depends_on(output: Variable, targets: Iterable[Variable]) -> bool:
    """True if `output` is one of `targets` or is computed from one."""
    wanted = set(targets)
    return any(v in wanted for v in ancestors([output]))


def clone_replace(
    outputs: Sequence[Variable],
    replace: Mapping[Variable, Variable] | None = None,
    memo: dict[Variable, Variable] | None = None,
    copy_all: bool = False,
) -> list[Variable]:
    """`outputs` with every key of `replace` replaced by its value, simultaneously.

    The values are taken as they stand: a key that occurs inside a value is not replaced there, so the
    order of the pairs means nothing. Nodes that no replacement touches are shared with the original
    unless `copy_all`. `memo` receives original -> copy.
    """
    memo = {} if memo is None else memo
    memo.update(replace or {})
    for node in toposort(outputs, stop_at=memo):
        if all(out in memo for out in node.outputs):
            continue
        inputs = [memo.get(v, v) for v in node.inputs]
        if not copy_all and all(new is old for new, old in zip(inputs, node.inputs)):
            for out in node.outputs:
                memo.setdefault(out, out)
            continue
        twin = node.clone_with_new_inputs(inputs)
        for old, new in zip(node.outputs, twin.outputs, strict=True):
            memo.setdefault(old, new)
    return [memo.get(v, v) for v in outputs]


def equal_graphs(
    left: Sequence[Variable], right: Sequence[Variable], given: Mapping[Variable, Variable] | None = None
) -> bool:
    """True if the two lists compute the same thing by the same operations.

    `given` maps an input of `left` to the input of `right` that stands for it; any other input must be
    the same variable on both sides, constants the same bits.
    """
    if len(left) != len(right):
        return False
    same: dict[Variable, Any] = dict(given or {})
    stack = list(zip(left, right))
    while stack:
        a, b = stack.pop()
        known = same.get(a)
        if known is b:
            continue
        if known is not None or a.type != b.type:
            return False
        if isinstance(a, Constant) and isinstance(b, Constant):
            if a.signature() != b.signature():
                return False
        elif a.owner is None or b.owner is None:
            if a is not b:
                return False
        else:
            if a.index != b.index or a.owner.op != b.owner.op or a.owner.nin != b.owner.nin:
                return False
            stack.extend(zip(a.owner.inputs, b.owner.inputs))
        same[a] = b
    return True
