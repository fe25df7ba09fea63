"""Graphs for Graphviz.

Owns the text in the DOT language; drawing it is Graphviz's business. It must not need any package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import toposort
from reference.printing.debugprint import leaf_text

_BOX = "shape=box, style=filled, fillcolor="


def dot(obj: Any, with_types: bool = True) -> str:
    """The graph of a variable, a list of them, a FunctionGraph or a function, in the DOT language."""
    fgraph = obj if isinstance(obj, FunctionGraph) else getattr(obj, "fgraph", None)
    if isinstance(fgraph, FunctionGraph):
        outputs = list(fgraph.outputs)
    else:
        outputs = list(obj) if isinstance(obj, list | tuple) else [obj]
    lines = ["digraph {", '  node [fontname="Helvetica"]']
    names: dict[Apply | Variable, str] = {}

    def name_of(variable: Variable) -> str:
        shown: Apply | Variable = variable.owner or variable
        if shown not in names:
            names[shown] = f"n{len(names)}"
            if isinstance(shown, Variable):
                colour = "gray90" if isinstance(shown, Constant) else "palegreen"
                lines.append(f"  {names[shown]} [label={_quoted(leaf_text(shown))}, {_BOX}{colour}]")
        return names[shown]

    for node in toposort(outputs):
        sources = [name_of(v) for v in node.inputs]
        names[node] = f"n{len(names)}"
        lines.append(f"  {names[node]} [label={_quoted(str(node.op))}, shape=ellipse]")
        for k, (source, v) in enumerate(zip(sources, node.inputs)):
            notes = [str(k)] if len(sources) > 1 else []
            notes += [str(v.type)] if with_types else []
            lines.append(f"  {source} -> {names[node]} [label={_quoted(' '.join(notes))}]")
    for k, output in enumerate(outputs):
        source = name_of(output)
        lines.append(f"  out{k} [label={_quoted(output.name or f'output {k}')}, {_BOX}lightblue]")
        label = _quoted(str(output.type) if with_types else "")
        lines.append(f"  {source} -> out{k} [label={label}]")
    return "\n".join([*lines, "}"]) + "\n"


def pydotprint(fct: Any, outfile: str | Path = "graph.dot", **accepted: Any) -> None:
    """Write the graph to a file for Graphviz (``dot -Tsvg graph.dot``). Theano's options about colours and
    formats are accepted and have no effect."""
    Path(outfile).with_suffix(".dot").write_text(dot(fct))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
