"""Text identity: what must print the same.

Owns the laws about prints: givens print as the replacement written in (P1), optimizing an optimized graph changes
nothing (P3), every backend and every compilation prints the same (T1, P4), compiling leaves the user's own graph as
it was (P6), a graph written out as a program and run prints the same (P7), the text of a constant is its value (P8),
and an id stands for one thing (P9).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from difftest.cells import BASE, Run
from difftest.oracle.bits import same_bits
from difftest.program import Built
from reference.graph.core import Constant
from reference.graph.traversal import toposort

_LABEL = re.compile(r"'[^']*'|\S*(?=\[t[-+\d]*\])")
"""Names that expressions got when they were built (``'x.T'``, ``x[t-1]``): a replacement does not rename them."""

_SHOWN = re.compile(r"^[ |>]*(\S.*?)(?:\.\d+)? (\[(?:id |@)\w+\])", re.MULTILINE)
"""What a line of a text shows, whichever result of it, and its id."""

SELDOM = 4
"""Of so many programs, one is written out as a program and run."""


def printed(api: Any, root: Any) -> str:
    """The text of a graph or function."""
    return api.printing.debugprint(root, file="str")


def difference(first: str, second: str, names: tuple[str, str]) -> str:
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), *names, lineterm="", n=2)
    return "\n".join(list(lines)[:40])


def laws(built: Built, before: str, runs: dict[Any, Run]) -> Iterator[tuple[Any, str, str]]:
    """(cell, law, what differs) for every law that is broken."""
    api = built.api
    after = printed(api, built.outputs)
    if after != before:
        yield BASE, "P6", difference(before, after, ("before compiling", "after"))
    yield from _constants_untold(built)
    yield from _ids_of_two(after)
    of_mode: dict[str, list[Run]] = {}
    for cell, run in runs.items():
        if run.function is not None:
            of_mode.setdefault(cell.mode, []).append(run)
    for alike in of_mode.values():
        texts = [printed(api, run.function) for run in alike] if len(alike) > 1 else []
        for run, text in zip(alike[1:], texts[1:]):
            if text != texts[0]:
                yield run.cell, "P4", difference(texts[0], text, (str(alike[0].cell), str(run.cell)))
    fast = of_mode.get("FAST_RUN", [None])[0]
    if fast is not None and len(fast.function.rewrites):
        yield from _optimizing_twice(api, fast)
    plain = runs.get(BASE)
    if plain is not None and plain.function is not None and int(built.program.digest, 16) % SELDOM == 0:
        yield from _written_out(api, plain)
    if built.program.givens:
        yield from _givens_written_in(built, runs)


def _constants_untold(built: Built) -> Iterator[tuple[Any, str, str]]:
    """Of floating numbers: the text is read back. What is long is shortened, and tells less."""
    leaves = dict.fromkeys(v for node in toposort(built.outputs) for v in node.inputs if isinstance(v, Constant))
    for v in leaves:
        if np.ndim(v.data) == 0 and getattr(v.type, "dtype", "").startswith("float"):
            text = printed(built.api, v)
            told = text[text.index("{") + 1 : text.rindex("}")]
            if ".." not in told and not same_bits(np.asarray(float(told), v.type.dtype), np.asarray(v.data)):
                yield BASE, "P8", f"a constant of {v.type}, {float(v.data)!r}, is printed as {text.splitlines()[0]}"


def _ids_of_two(text: str) -> Iterator[tuple[Any, str, str]]:
    known: dict[str, str] = {}
    for label, name in _SHOWN.findall(text):
        if known.setdefault(name, label) != label:
            yield BASE, "P9", f"{name} is {known[name]}, and {label}"


def _optimizing_twice(api: Any, run: Run) -> Iterator[tuple[Any, str, str]]:
    whole = run.function.fgraph
    # The copies that keep outputs from aliasing state are made after the rewrites; they are no part of this law.
    outputs = [v.owner.inputs[0] if _is_copy(v) else v for v in whole.outputs]
    graph = type(whole)(whole.inputs, outputs)
    log = run.function.mode.rewrite(graph)
    if len(log):
        applied = ", ".join(sorted({a.rewrite.name for a in log}))
        once, twice = (printed(api, g) for g in (type(whole)(whole.inputs, outputs), graph))
        if once != twice:
            what = difference(once, twice, ("optimized", "optimized twice"))
            yield run.cell, "P3", f"applied again: {applied}\n{what}"


def _written_out(api: Any, run: Run) -> Iterator[tuple[Any, str, str]]:
    graph = run.function.fgraph
    if _holds(graph.outputs, "OpFromGraph"):
        return  # it is equal to nothing but itself, and has no text
    first = printed(api, list(graph.outputs))
    try:
        second = printed(api, api.printing.rebuild(api.printing.source(graph))[1])
    except Exception as error:
        yield run.cell, "P7", f"the graph's program raises {type(error).__name__}: {error}"
        return
    if first != second:
        yield run.cell, "P7", difference(first, second, ("the graph", "its program, run"))


def _holds(outputs: Sequence[Any], name: str) -> bool:
    """Is there an operation of this class, in a loop's step perhaps?"""
    nodes = toposort(outputs)
    return any(type(n.op).__name__ == name or _holds(getattr(n.op, "inner_outputs", ()), name) for n in nodes)


def _is_copy(variable: Any) -> bool:
    return variable.owner is not None and type(variable.owner.op).__name__ == "DeepCopyOp"


def _givens_written_in(built: Built, runs: dict[Any, Run]) -> Iterator[tuple[Any, str, str]]:
    for cell, run in runs.items():
        if run.function is None or cell.backend != "reference" or cell.mode == "EXACT":
            continue
        other = built.function_written_in(mode=cell.mode, backend=cell.backend)
        if other is None:
            continue
        first, second = (_LABEL.sub("", printed(built.api, f)) for f in (run.function, other))
        if first != second:
            yield cell, "P1", difference(first, second, ("givens", "written in"))
