"""What a program reached: rewrites in their surroundings, and operations by dtype and rank.

Owns the names of coverage cells. A program that is the first to reach one is worth changing into others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from difftest.case import Report


def reached(report: Report) -> frozenset[str]:
    """The coverage cells of a program, by its runs on the reference."""
    found: set[str] = set()
    for cell, run in report.runs.items():
        if run.function is None or cell.backend != "reference":
            continue
        if cell.mode == "UNOPTIMIZED":
            found.update(_operations(run.function.fgraph))
        elif run.function.rewrites is not None:
            found.update(_applications(run.function.rewrites))
    return frozenset(found)


def _operations(graph: Any) -> Iterator[str]:
    for node in graph.toposort():
        yield f"{op_name(node.op)} {_type(node.outputs[0])}"


def _applications(log: Any) -> Iterator[str]:
    """Each rewrite with the type of what it replaced, and the operation that had made its node's first operand."""
    for a in log:
        neighbour = next((op_name(v.owner.op) for v in a.inputs if v.owner is not None), "")
        where = "loop" if a.inner else "graph"
        yield f"{a.rewrite.name}: {op_name(a.op)} of {neighbour or 'input'}, {_type(a.old[0])}, {where}"


def op_name(op: Any) -> str:
    """The class of an operation; of an elementwise one its row."""
    row = getattr(op, "scalar_op", None)
    return type(op).__name__ if row is None else row.name


def _type(variable: Any) -> str:
    kind = variable.type
    return f"{getattr(kind, 'dtype', type(kind).__name__)} {getattr(kind, 'ndim', '')}".rstrip()
