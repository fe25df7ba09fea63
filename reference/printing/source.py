"""A graph as a Python program that builds it again.

Owns the program's text: one line a node, imports first, `inputs` and `outputs` last. A graph written out and
run prints the same (`debugprint`). It must not know any operation: an Op is written by its fields.
"""

from __future__ import annotations

import dataclasses
import inspect
import keyword
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Type, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import graph_inputs, toposort
from reference.graph.types import NoneConst
from reference.scalar_op import ScalarOp


def source(obj: Any, inputs: Sequence[Variable] | None = None) -> str:
    """The program for a variable, a list of them, a FunctionGraph or a function.

    Run it with `rebuild`, or by ``exec``: it leaves `inputs` and `outputs`. Raises TypeError for an operation
    that cannot be written: one that is neither a dataclass nor has ``__props__``, or holds opaque values.
    """
    fgraph = obj if isinstance(obj, FunctionGraph) else getattr(obj, "fgraph", None)
    if isinstance(fgraph, FunctionGraph):
        outputs, leaves = list(fgraph.outputs), list(fgraph.inputs)
    else:
        outputs = list(obj) if isinstance(obj, list | tuple) else [obj]
        leaves = [v for v in graph_inputs(outputs) if not isinstance(v, Constant)] if inputs is None else list(inputs)
    program = _Program()
    for leaf in leaves:
        program.name_of(leaf)
    program.write_graph(outputs)
    lines = [*program.header(), "", *program.lines, ""]
    lines.append(f"inputs = [{', '.join(map(program.name_of, leaves))}]")
    lines.append(f"outputs = [{', '.join(map(program.name_of, outputs))}]")
    return "\n".join(lines) + "\n"


def rebuild(text: str) -> tuple[list[Variable], list[Variable]]:
    """Run a program of `source`; its inputs and outputs."""
    scope: dict[str, Any] = {}
    exec(compile(text, "<graph>", "exec"), scope)
    return scope["inputs"], scope["outputs"]


class _Program:
    """The lines so far, and the name of every variable written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Variable, str] = {}
        self.imports: dict[str, str] = {}
        self.taken = {"np", "scalar", "inf", "nan", "inputs", "outputs", "slice", "complex"}

    def header(self) -> list[str]:
        found = sorted((module, name) for name, module in self.imports.items())
        imported = [f"from {module} import {name}" for module, name in found]
        return ["import numpy as np", "from numpy import inf, nan", "", "from reference import scalar", *imported]

    def write_graph(self, outputs: Sequence[Variable]) -> None:
        """Lines for everything that `outputs` need and that has no line yet."""
        for node in toposort(outputs, stop_at=self.names):
            self._write_node(node)
        for v in outputs:
            self.name_of(v)

    def name_of(self, variable: Variable) -> str:
        """The identifier of a variable; a leaf is declared at its first mention."""
        if variable is NoneConst:
            return self._import(NoneConst, "NoneConst", "reference.graph.types")
        if variable not in self.names:
            declared = self._declaration(variable)
            self.names[variable] = self._identifier(variable)
            self.lines.append(f"{self.names[variable]} = {declared}")
        return self.names[variable]

    def _write_node(self, node: Apply) -> None:
        call = f"{self.value(node.op)}.make_node({', '.join(map(self.name_of, node.inputs))}).outputs"
        for out in node.outputs:
            self.names[out] = self._identifier(out)
        targets = [self.names[out] for out in node.outputs]
        self.lines.append(f"{targets[0]} = {call}[0]" if len(targets) == 1 else f"{', '.join(targets)} = {call}")
        self.lines += [f"{self.names[out]}.name = {out.name!r}" for out in node.outputs if out.name is not None]

    def _declaration(self, variable: Variable) -> str:
        kind = self.value(variable.type)
        if isinstance(variable, Constant):
            return f"{self._class(type(variable))}({kind}, {self.value(variable.data)}, name={variable.name!r})"
        container = getattr(variable, "container", None)
        if container is not None:
            value = self.value(container.read())
            return f"{self._class(type(variable))}({kind}, {value}, name={variable.name!r})"
        return f"{kind}.make_variable({variable.name!r})"

    def _identifier(self, variable: Variable) -> str:
        wanted = variable.name or ""
        looks_like_a_class = wanted[:1].isupper() and len(wanted) > 2
        if not wanted.isidentifier() or keyword.iskeyword(wanted) or wanted in self.taken or looks_like_a_class:
            wanted = f"v{len(self.names)}"
            while wanted in self.taken:
                wanted += "_"
        self.taken.add(wanted)
        return wanted

    def _class(self, cls: type) -> str:
        return self._import(cls, cls.__qualname__, cls.__module__)

    def _import(self, thing: Any, name: str, module: str) -> str:
        if "." in name or "<" in name:
            raise TypeError(f"{thing!r} cannot be written: it is not found by a name in a module")
        self.taken.add(name)
        self.imports.setdefault(name, module)
        return name

    def value(self, x: Any) -> str:
        """An expression whose value is `x`."""
        if isinstance(x, Variable):
            self.write_graph([x])
            return self.name_of(x)
        if isinstance(x, ScalarOp):
            return f"scalar.by_name({x.name!r})"
        if isinstance(x, Op | Type) or (dataclasses.is_dataclass(x) and not isinstance(x, type)):
            return self._by_fields(x)
        if isinstance(x, np.ndarray):
            shape = f".reshape({x.shape!r})" if x.size == 0 else ""
            return f"np.array({self.value(x.tolist())}, dtype={x.dtype.name!r}){shape}"
        if isinstance(x, np.generic):
            return f"np.{x.dtype.name if x.dtype.kind != 'b' else 'bool_'}({self.value(x.item())})"
        if isinstance(x, complex):
            return f"complex({x.real!r}, {x.imag!r})"
        if isinstance(x, slice):
            return f"slice({self.value(x.start)}, {self.value(x.stop)}, {self.value(x.step)})"
        if isinstance(x, tuple):
            return f"({', '.join(map(self.value, x))}{',' if len(x) == 1 else ''})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.value, x))}]"
        if x is None or isinstance(x, bool | int | float | str):
            return repr(x)
        if isinstance(x, Callable | type):  # type: ignore[arg-type]
            return self._import(x, x.__qualname__, x.__module__)
        raise TypeError(f"a value of type {type(x).__name__} cannot be written as a program: {x!r}")

    def _by_fields(self, x: Any) -> str:
        if dataclasses.is_dataclass(x):
            names = [f.name for f in dataclasses.fields(x) if f.init]
        elif hasattr(x, "__props__"):
            names = list(x.__props__)
        else:
            raise TypeError(f"{x} cannot be written: make {type(x).__name__} a dataclass, or give it __props__")
        taken = inspect.signature(type(x)).parameters
        prefixes = {name: "*" if taken[name].kind is inspect.Parameter.VAR_POSITIONAL else f"{name}=" for name in names}
        fields = ", ".join(prefixes[name] + self.value(getattr(x, name)) for name in names)
        return f"{self._class(type(x))}({fields})"
