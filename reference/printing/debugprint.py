"""The text of a graph: one line a node, indented, with ids and execution order.

Owns `debugprint` and every byte of its grammar, which is Theano's. Two dialects: "0.7" writes ``[@A]`` and
numbers nodes in the order of execution; "1.0" writes ``[id A]``, ``InplaceDimShuffle`` and numbers them as
Theano 1.0 did. Nothing printed holds a memory address. It must not change or compute anything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TextIO

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import clone_replace, toposort
from reference.graph.types import TensorType
from reference.printing.constants import constant_text

Shown = Apply | Variable
"""What has an id: a node (all its outputs share it) or a variable without owner."""

_HEADING = "Inner graphs of the scan ops:"


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    file: Any = None,
    ids: str = "CHAR",
    stop_on_name: bool = False,
    done: dict[Any, str] | None = None,
    print_storage: bool = False,
    print_clients: bool = False,
    used_ids: dict[Any, str] | None = None,
    dialect: str | None = None,
) -> Any:
    """Print what computes `obj`: a variable, a node, a function, a FunctionGraph, or a list of these.

    depth          print only so many levels; -1: all.
    print_type     write each variable's type after its id.
    file           None: standard output; "str": return the text; else an open file, which is returned.
    ids            "CHAR": letters, "int": numbers, "": none.
    stop_on_name   do not go below a variable that has a name.
    done           a dict that carries ids, and what was printed already, from one call to the next.
    print_storage  write the values of constants and shared variables.
    print_clients  write who reads a variable that has several readers (functions only).
    dialect        "0.7" or "1.0"; None: config.print_dialect.
    """
    text = _Text(depth, print_type, ids, stop_on_name, done, print_storage, print_clients, used_ids, dialect)
    for root in _roots(obj):
        text.add_root(root)
    text.add_inner_graphs()
    written = "".join(line + "\n" for line in text.lines)
    if isinstance(file, str) and file == "str":
        return written
    stream: TextIO = sys.stdout if file is None else file
    stream.write(written)
    stream.flush()
    return None if file is None else file


class _Root(NamedTuple):
    """One thing to print: a variable (perhaps within a FunctionGraph) or a plain value."""

    value: Any
    fgraph: FunctionGraph | None = None


def _roots(obj: Any) -> Iterator[_Root]:
    for item in obj if isinstance(obj, list | tuple) else [obj]:
        item = getattr(item, "variable", item)
        fgraph = item if isinstance(item, FunctionGraph) else getattr(item, "fgraph", None)
        if isinstance(item, Variable):
            yield _Root(item)
        elif isinstance(item, Apply):
            yield from map(_Root, item.outputs)
        elif isinstance(fgraph, FunctionGraph):
            for output in fgraph.outputs:
                yield _Root(output, fgraph)
        elif isinstance(item, int | float | complex | np.ndarray | np.generic):
            yield _Root(item)
        else:
            raise TypeError("debugprint cannot print an object of this type", item)


class _Place(NamedTuple):
    """A line still to be written: the variable, the levels left, and the indentation of it and below it."""

    variable: Variable
    depth: int
    prefix: str
    below: str


class _Text:
    """The lines written so far, and which ids were given."""

    def __init__(
        self,
        depth: int,
        print_type: bool,
        ids: str,
        stop_on_name: bool,
        done: dict[Any, str] | None,
        print_storage: bool,
        print_clients: bool,
        used_ids: dict[Any, str] | None,
        dialect: str | None,
    ):
        if ids not in ("CHAR", "int", "id", ""):
            raise ValueError(f"ids must be 'CHAR', 'int' or '', not {ids!r}")
        self.dialect = config.print_dialect if dialect is None else dialect
        if self.dialect not in ("0.7", "1.0"):
            raise ValueError(f"there is no dialect {self.dialect!r}; the dialects are '0.7' and '1.0'")
        self.depth, self.print_type, self.ids_kind, self.stop_on_name = depth, print_type, ids, stop_on_name
        self.print_storage, self.print_clients = print_storage, print_clients
        self.done = {} if done is None else done
        self.used = dict(self.done) if used_ids is None else used_ids
        self.lines: list[str] = []
        self.loops: list[Variable] = []
        self.fgraph: FunctionGraph | None = None
        self.order: dict[Apply, int] = {}
        self.outer: dict[Variable, Variable] = {}
        self.inner_names: dict[Variable, str | None] = {}

    def add_root(self, root: _Root) -> None:
        if not isinstance(root.value, Variable):
            self.lines.append(str(root.value))
            return
        if root.fgraph is not self.fgraph:
            self.fgraph = root.fgraph
            self.order = {} if root.fgraph is None else self._numbers(root.fgraph)
        self._write(root.value, "", "")

    def add_inner_graphs(self) -> None:
        self.fgraph, self.order = None, {}
        if self.loops:
            self.lines += ["", _HEADING]
        for loop in self.loops:  # grows while it is walked: inner graphs may hold further loops
            self.lines.append("")
            node = loop.owner
            assert node is not None
            inner: Any = node.op
            self._line(_Place(loop, self.depth, "", ""))
            self.done[node] = self.id_of(node)
            names = inner.inner_names(node, self.inner_names)
            inputs, outputs = self._unmistakable(inner, names)
            self.outer = dict(zip(inputs, inner.outer_of(node)))
            self.inner_names.update(zip(inputs, names))
            for output in outputs:
                self._write(output, " >", " >")
            self.outer = {}

    def _unmistakable(self, inner: Any, names: Sequence[str | None]) -> tuple[Sequence[Variable], Sequence[Variable]]:
        """The inner graph; a copy, with ids of its own, if another loop has it, too, and calls its inputs otherwise."""
        inputs, outputs = inner.inner_inputs, inner.inner_outputs
        if all(self.inner_names.get(v, name) == name for v, name in zip(inputs, names)):
            return inputs, outputs
        copies = [v.clone() for v in inputs]
        return copies, clone_replace(outputs, dict(zip(inputs, copies)))

    def _numbers(self, fgraph: FunctionGraph) -> dict[Apply, int]:
        if self.dialect == "1.0":
            nodes = toposort(fgraph.outputs, stop_at=fgraph.inputs, right_to_left=True)
        else:
            nodes = fgraph.toposort()
        return {node: number for number, node in enumerate(nodes)}

    def _write(self, root: Variable, prefix: str, below: str) -> None:
        stack = [_Place(root, self.depth, prefix, below)]
        while stack:
            place = stack.pop()
            node = place.variable.owner
            if node is not None and hasattr(node.op, "inner_names"):
                self.loops.append(place.variable)
            if place.depth == 0:
                continue
            self._line(place)
            if node is None or node in self.done:
                continue
            self.done[node] = self.id_of(node)
            if self.stop_on_name and place.variable.name is not None:
                continue
            last = len(node.inputs) - 1
            stack += [
                _Place(v, place.depth - 1, place.below + " |", place.below + ("  " if k == last else " |"))
                for k, v in reversed(list(enumerate(node.inputs)))
            ]

    def _line(self, place: _Place) -> None:
        variable, node = place.variable, place.variable.owner
        if node is None:
            self.done[variable] = self.id_of(variable)
            called = self.inner_names.get(variable) or f"<{variable.type}>"
            shown = called if variable in self.inner_names else leaf_text(variable)
            text = f"{place.prefix}{shown} {self.id_of(variable)}{self._type(variable)}"
            outer = self.outer.get(variable)
            if outer is not None and self.dialect == "1.0":
                text += f" -> {self.id_of(outer.owner or outer)}"
            else:
                text += self._storage(variable)
        else:
            which = f".{variable.index}" if len(node.outputs) > 1 else ""
            op, name = op_text(node.op, self.dialect), variable.name or ""
            text = f"{place.prefix}{op}{which} {self.id_of(node)}{self._type(variable)} '{name}'   "
            text += f"{self.order.get(node, '')}{self._storage(variable)}{self._clients(variable)}"
        self.lines.append(text)

    def id_of(self, shown: Shown) -> str:
        """The id, given at the first mention."""
        key = _identity(shown)
        if key not in self.used:
            number = len(self.used)
            if self.ids_kind == "":
                self.used[key] = ""
            else:
                text = letters(number) if self.ids_kind == "CHAR" else str(number)
                self.used[key] = f"[@{text}]" if self.dialect == "0.7" else f"[id {text}]"
        return self.used[key]

    def _type(self, variable: Variable) -> str:
        return f" <{variable.type}>" if self.print_type else ""

    def _storage(self, variable: Variable) -> str:
        if not self.print_storage:
            return ""
        if isinstance(variable, Constant):
            return f" [{variable.data!r}]"
        container = getattr(variable, "container", None)
        return f" [{None if container is None else container.read()!r}]"

    def _clients(self, variable: Variable) -> str:
        if not self.print_clients or self.fgraph is None:
            return ""
        readers = [client.node for client in self.fgraph.clients.get(variable, ())]
        if len(readers) < 2:
            return ""
        told: list[tuple[str, Any]] = []
        for node in sorted(readers, key=lambda n: len(self.order) if n is None else self.order[n]):
            told.append(("output", "") if node is None else (self.id_of(node), self.order[node]))
        return f" clients:{told}"


def _identity(shown: Shown) -> Any:
    """What an id stands for. A number from -10 to 10 is one leaf wherever it stands, as Theano makes one
    constant of it."""
    if not isinstance(shown, Constant) or not isinstance(shown.type, TensorType) or shown.data.size != 1:
        return shown
    small = shown.data.dtype.kind in "iuf" and abs(float(shown.data.item())) <= 10
    return (shown.type, shown.data.tobytes()) if small else shown


def op_text(op: Any, dialect: str) -> str:
    """An operation's text; Theano 1.0 wrote its views as in-place operations."""
    text = str(op)
    return f"Inplace{text}" if dialect == "1.0" and text.startswith("DimShuffle{") else text


def leaf_text(variable: Variable) -> str:
    """What stands for a variable without owner: its name or type, or a constant's value."""
    if isinstance(variable, Constant) and isinstance(variable.type, TensorType):
        return f"TensorConstant{{{constant_text(variable.data)}}}"  # whatever its name, as in Theano
    return str(variable)


def letters(number: int) -> str:
    """A..Z, then BA, BB, ...: base 26 with A as the digit 0."""
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
        if number == 0:
            return text
