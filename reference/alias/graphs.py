"""Theano's helpers for graphs, `theano.gof.graph` and `theano.gof.utils`, in terms of our traversals.

Where Theano gives sets in no order, or lists in the order of its stack, these give lists in order of first
mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reference.compile.builders import io_connection_pattern
from reference.compile.test_value import get_test_value
from reference.graph.core import Apply, Constant, Op, Tag, Variable
from reference.graph.traversal import ancestors as _ancestors
from reference.graph.traversal import clone_replace, equal_graphs, graph_inputs, toposort
from reference.graph.types import DisconnectedType, NullType

__all__ = [
    "DisconnectedType", "Feature", "MethodNotDefined", "NullType", "OpenMPOp", "PureOp", "add_tag_trace", "ancestors",
    "as_string", "clone", "clone_get_equiv", "equal_computations", "flatten", "general_toposort", "get_test_value",
    "give_variables_names", "hashtype", "inputs", "io_connection_pattern", "io_toposort", "is_in_ancestors",
    "is_same_graph", "list_of_nodes", "min_informative_str", "object2", "ops", "orphans", "scratchpad", "unique",
    "variables", "variables_and_orphans", "view_roots",
]  # fmt: skip

Variables = Iterable[Variable]

PureOp = OpenMPOp = Op
object2 = object
scratchpad = Tag


class MethodNotDefined(NotImplementedError):
    """Raised by an operation that does not define a method."""


class Feature:
    """What watches a FunctionGraph: give it to `FunctionGraph.listeners`."""

    def on_import(self, fgraph: Any, node: Apply) -> None:
        """A node was brought into the graph."""

    def on_prune(self, fgraph: Any, node: Apply) -> None:
        """A node was dropped."""

    def on_change(self, fgraph: Any, client: Any, old: Variable, new: Variable) -> None:
        """A reader of `old` reads `new` now."""


def inputs(variable_list: Variables, blockers: Variables | None = None) -> list[Variable]:
    """The variables without an owner, constants included, that `variable_list` needs."""
    return graph_inputs(variable_list, blockers or ())


def ancestors(variable_list: Variables, blockers: Variables | None = None) -> list[Variable]:
    """Every variable that `variable_list` depends on, itself included, looked for up to `blockers`."""
    return _ancestors(variable_list, blockers or ())


def variables_and_orphans(i: Variables, o: Variables) -> tuple[list[Variable], list[Variable]]:
    """The variables between `i` and `o`, both included, and those without an owner that are not in `i`."""
    given = list(i)
    found = list(dict.fromkeys([*_ancestors(o, stop_at=given), *given]))
    return found, [v for v in found if v.owner is None and v not in given]


def variables(i: Variables, o: Variables) -> list[Variable]:
    """The variables between `i` and `o`, both included."""
    return variables_and_orphans(i, o)[0]


def orphans(i: Variables, o: Variables) -> list[Variable]:
    """The variables without an owner that `o` needs besides `i`."""
    return variables_and_orphans(i, o)[1]


def ops(i: Variables, o: Variables) -> list[Apply]:
    """The nodes between `i` and `o`."""
    return toposort(o, stop_at=i)


def io_toposort(inputs: Variables, outputs: Variables, orderings: Any = None, clients: Any = None) -> list[Apply]:
    """The nodes between `inputs` and `outputs`, each after those it depends on."""
    return toposort(outputs, stop_at=inputs)


list_of_nodes = ops


def general_toposort(outputs: Variables, deps: Any = None, **_: Any) -> list[Any]:
    """Variables and nodes, each after what it depends on: variables' owners, nodes' inputs."""
    order: dict[Any, None] = {}
    outputs = list(outputs)
    for node in toposort(outputs):
        order.update(dict.fromkeys(node.inputs))
        order[node] = None
        order.update(dict.fromkeys(node.outputs))
    order.update(dict.fromkeys(outputs))
    return list(order)


def is_in_ancestors(l_node: Apply, f_node: Apply) -> bool:
    """True if `l_node` depends on `f_node`."""
    return f_node in toposort(l_node.outputs)


def clone_get_equiv(
    inputs: Variables, outputs: Variables, copy_inputs: bool = True, copy_orphans: bool = True, memo: Any = None
) -> dict[Any, Any]:
    """What each variable and node between `inputs` and `outputs` becomes in a copy."""
    inputs, outputs = list(inputs), list(outputs)
    known: dict[Any, Any] = {} if memo is None else memo
    for v in inputs:
        known.setdefault(v, v.clone() if copy_inputs else v)
    for v in orphans(inputs, outputs):
        known.setdefault(v, v.clone() if copy_orphans else v)
    nodes = toposort(outputs, stop_at=inputs)
    clone_replace(outputs, dict(known), memo=known, copy_all=True)
    known.update((node, known[node.outputs[0]].owner) for node in nodes if node.outputs[0] in known)
    return known


def clone(
    i: Variables, o: Variables, copy_inputs: bool = True, copy_orphans: bool | None = None
) -> tuple[list[Variable], list[Variable]]:
    """A copy of the graph from `i` to `o`: its inputs and outputs."""
    i, o = list(i), list(o)
    known = clone_get_equiv(i, o, copy_inputs, copy_inputs if copy_orphans is None else copy_orphans)
    return [known[v] for v in i], [known[v] for v in o]


def is_same_graph(
    var1: Variable, var2: Variable, givens: Mapping[Variable, Variable] | None = None, debug: bool = False
) -> bool:
    """True if both variables are computed in the same way; `givens` says what stands for what."""
    pairs = dict(givens.items() if isinstance(givens, Mapping) else givens or ())
    return equal_graphs(clone_replace([var1], pairs), clone_replace([var2], pairs))


def equal_computations(
    xs: Sequence[Variable], ys: Sequence[Variable], in_xs: Variables | None = None, in_ys: Variables | None = None
) -> bool:
    """True if the two lists are computed in the same way, `in_ys` standing for `in_xs`."""
    return equal_graphs(xs, ys, dict(zip(in_xs or (), in_ys or ())))


def view_roots(variable: Variable) -> list[Variable]:
    """The variables whose memory `variable` may be a view of."""
    while variable.owner is not None and variable.index in variable.owner.op.view_of:
        variable = variable.owner.inputs[variable.owner.op.view_of[variable.index]]  # type: ignore[index]
    return [variable]


def as_string(i: Variables, o: Variables, *_: Any) -> list[str]:
    """Each output as nested calls."""
    given = set(i)
    texts: dict[Variable, str] = {}
    o = list(o)
    for node in toposort(o, stop_at=given):
        arguments = ", ".join(texts.get(v, str(v)) for v in node.inputs)
        for k, out in enumerate(node.outputs):
            texts[out] = f"{node.op}({arguments})" if len(node.outputs) == 1 else f"{node.op}.{k}({arguments})"
    return [texts.get(v, str(v)) for v in o]


def min_informative_str(obj: Variable, *_: Any) -> str:
    """The graph of a variable, a letter a line, enough to compare two of them."""
    lines: list[str] = []
    seen: dict[Any, str] = {}
    stack: list[tuple[Variable, int]] = [(obj, 0)]
    while stack:
        v, level = stack.pop()
        if v in seen:
            lines.append(" " * level + f"<{seen[v]}>")
            continue
        seen[v] = _letters(len(seen))
        constant_or_named = isinstance(v, Constant) or v.name is not None or v.owner is None
        lines.append(" " * level + f"{seen[v]}. {v if constant_or_named else v.owner.op}")  # type: ignore[union-attr]
        if v.owner is not None and not constant_or_named:
            stack.extend((s, level + 1) for s in reversed(v.owner.inputs))
    return "\n".join(lines)


def _letters(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
        if number == 0:
            return text


def give_variables_names(variables: Sequence[Variable]) -> list[str]:
    """A name for each variable, none twice."""
    names = [v.name or f"{getattr(v.type, 'dtype', v.type)}_{k}" for k, v in enumerate(variables)]
    return [f"{n}_{k}" if names.count(n) > 1 else n for k, n in enumerate(names)]


def flatten(a: Any) -> list[Any]:
    """The leaves of nested lists, tuples and sets."""
    return [leaf for item in a for leaf in flatten(item)] if isinstance(a, list | tuple | set) else [a]


def unique(x: Sequence[Any]) -> bool:
    """True if nothing occurs twice."""
    return len(set(x)) == len(x)


def hashtype(self: Any) -> int:
    """A hash of an object's class."""
    return hash(type(self))


def add_tag_trace(thing: Any, user_line: Any = None) -> Any:
    """The variable itself: the line that built it is always known."""
    return thing
