"""A graph that can be changed: what `function` compiles and rewrites work on.

Owns the only mutation in the house: `replace`. A FunctionGraph works on its own copies of the user's
nodes, knows who reads what (`clients`), and tells its listeners what came, went and changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from reference.graph.core import Apply, Constant, Variable, Wide
from reference.graph.errors import MissingInputError, NullTypeGradError
from reference.graph.traversal import clone_replace, toposort
from reference.graph.types import NullType


class Client(NamedTuple):
    """A reader of a variable: input `index` of `node`, or output `index` of the graph if node is None."""

    node: Apply | None
    index: int  # type: ignore[assignment]


class Listener:
    """What a feature of a FunctionGraph may want to hear."""

    def on_import(self, fgraph: FunctionGraph, node: Apply) -> None: ...
    def on_prune(self, fgraph: FunctionGraph, node: Apply) -> None: ...
    def on_change(self, fgraph: FunctionGraph, client: Client, old: Variable, new: Variable) -> None: ...


class FunctionGraph:
    """`outputs` as functions of `inputs`; every leaf is an input or a constant.

    Raises MissingInputError, naming the variable and the user's line, if a leaf is neither.
    """

    def __init__(self, inputs: Sequence[Variable], outputs: Sequence[Variable], clone: bool = True):
        self.memo: dict[Variable, Variable] = {}
        """original variable -> this graph's own copy"""
        if clone:
            self.memo = {v: v.clone() for v in inputs}
            outputs = clone_replace(outputs, dict(self.memo), memo=self.memo, copy_all=True)
            inputs = [self.memo[v] for v in inputs]
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.clients: dict[Variable, dict[Client, None]] = {v: {} for v in self.inputs}
        """every variable of the graph -> its readers, in the order in which they came"""
        self.apply_nodes: dict[Apply, None] = {}
        self.listeners: list[Listener] = []
        self.notes: dict[Any, Any] = {}
        """what rewrites remember of this graph, each under a key of its own"""
        self._order: list[Apply] | None = None
        self._input_set = set(self.inputs)
        for k, out in enumerate(self.outputs):
            self._import(out)
            self.clients[out][Client(None, k)] = None

    def toposort(self) -> list[Apply]:
        """The nodes in execution order (depth first, inputs left to right). Do not modify the list."""
        if self._order is None:
            self._order = toposort(self.outputs, stop_at=self.inputs)
        return self._order

    @property
    def variables(self) -> list[Variable]:
        return list(self.clients)

    def replace(self, old: Variable, new: Variable, reason: str | None = None) -> None:
        """Make every reader of `old` read `new`; nodes that nobody reads any more are dropped."""
        self.replace_all([(old, new)], reason)

    def replace_all(self, pairs: Iterable[tuple[Variable, Variable]], reason: str | None = None) -> None:
        """Several `replace` at once. A replacement whose type differs is refused before anything changes."""
        pairs = [(old, new) for old, new in pairs if old is not new and old in self.clients]
        for old, new in pairs:
            if new.type != old.type:
                raise TypeError(
                    f"{reason or 'a replacement'} would put {new} of type {new.type} in the place of "
                    f"{old} of type {old.type}"
                )
        for _, new in pairs:
            self._import(new, reason)
        for old, new in pairs:
            if old not in self.clients:
                continue
            for client in list(self.clients[old]):
                self.change_client(client, new)
        for old, new in pairs:
            self._prune(new)
            self._prune(old)

    def change_client(self, client: Client, new: Variable) -> None:
        """Let one reader read `new`, which must already be part of the graph."""
        if client.node is None:
            old = self.outputs[client.index]
            self.outputs[client.index] = new
        else:
            old = client.node.change_input(client.index, new)
        del self.clients[old][client]
        self.clients[new][client] = None
        self._order = None
        for listener in self.listeners:
            listener.on_change(self, client, old, new)

    def import_variable(self, variable: Variable, reason: str | None = None) -> None:
        """Bring a variable and what computes it into the graph."""
        self._import(variable, reason)

    def _import(self, variable: Variable, reason: str | None = None) -> None:
        clients = self.clients
        if variable in clients:
            return
        for node in toposort([variable], stop_at=clients):
            if node in self.apply_nodes:
                continue
            for k, v in enumerate(node.inputs):
                if v.owner is None and v not in clients:
                    self._import_leaf(v, node)
                clients[v][Client(node, k)] = None
            for out in node.outputs:
                clients.setdefault(out, {})
            self.apply_nodes[node] = None
            if len(node.inputs) >= Wide.LEAST:
                node.__class__ = Wide
            if reason is not None and node.made_by is None:
                node.made_by = reason
            for listener in self.listeners:
                listener.on_import(self, node)
        if variable.owner is None:
            self._import_leaf(variable, None)
        self._order = None

    def _import_leaf(self, variable: Variable, reader: Apply | None) -> None:
        if variable in self.clients:
            return
        if isinstance(variable.type, NullType):
            raise NullTypeGradError(f"a gradient that does not exist cannot be computed: {variable.type.why}")
        if not isinstance(variable, Constant):
            where = f"\nIt was created at: {variable.line}" if variable.line else ""
            used = f"\nIt is read by {reader}, built at: {reader.line}" if reader is not None else ""
            raise MissingInputError(
                f"the variable {variable} of type {variable.type} is needed but is neither an input, a constant "
                f"nor shared; pass it as an input, or give it a value through givens{where}{used}"
            )
        self.clients[variable] = {}

    def _prune(self, variable: Variable) -> None:
        stack = [variable]
        while stack:
            v = stack.pop()
            if v not in self.clients or self.clients[v]:
                continue
            if v.owner is None:
                if v not in self._input_set:
                    del self.clients[v]
                continue
            node = v.owner
            if node not in self.apply_nodes or any(self.clients.get(out) for out in node.outputs):
                continue
            del self.apply_nodes[node]
            self._order = None
            for out in node.outputs:
                self.clients.pop(out, None)
            for listener in self.listeners:
                listener.on_prune(self, node)
            for k, source in enumerate(node.inputs):
                if source in self.clients:
                    del self.clients[source][Client(node, k)]
                    stack.append(source)

    def clone(self) -> FunctionGraph:
        """An independent copy."""
        return FunctionGraph(self.inputs, self.outputs)

    def __str__(self) -> str:
        return f"FunctionGraph({self.inputs} -> {self.outputs})"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        # Nodes first and in order, so that pickling a deep graph does not recurse.
        return {"nodes": self.toposort(), "inputs": self.inputs, "outputs": self.outputs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["inputs"], state["outputs"], clone=False)  # type: ignore[misc]
