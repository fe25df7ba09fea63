"""One program on trial: its runs, what is found wrong with them, and what was counted on the way.

Owns `Failure`, `Report`, `Case` and the table `JUDGES`. A judge is a function that looks at a case and yields
failures; how values are compared stands in `oracle`, what is compared with what in `judges`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from difftest.cells import BASE, Cell, Run
from difftest.oracle.bounds import Walk, walk
from difftest.oracle.contract import Comparison
from difftest.oracle.ulps import executor
from difftest.program import Built, Program
from difftest.validate import computed
from reference.interpreter import without_effects

Counts = Counter[tuple[str, str]]
"""(table, row) -> how often: ("elements", "identical"), ("step", "add"), ("rewrite", "cast_of_cast"), ..."""


_PARTICULARS = re.compile(r"\b[xsv]\d+[a-f]?\b|\([\d, ]*\)|(?<![A-Za-z\d])-?(\d+(\.\d*)?(e[-+]?\d+)?|inf|nan)\b")
"""Names, shapes and numbers: what one fault says of another program in other words."""


@dataclass(eq=False)
class Failure:
    """One broken promise. `kind` names the judge, `culprit` who is held responsible, and `blame` tells why."""

    kind: str
    cell: Cell
    message: str
    output: str = ""
    call: int = 0
    culprit: str = ""
    blame: str = ""
    expected: tuple[np.ndarray, np.ndarray] | None = None
    """The interval that the right value lies in, where values are wrong."""
    judge: str = ""
    """The name of the judge that said so."""

    @property
    def signature(self) -> tuple[str, str, str]:
        """Equal for failures that are probably one bug."""
        if self.culprit:
            return "", self.cell.backend, self.culprit
        return self.kind, str(self.cell), self.kinship[2]

    @property
    def kinship(self) -> tuple[str, str, str]:
        """What stays the same while a failing program is made smaller: the kind, the cell, the first words.

        A relation is broken in whichever cell its twin is tried first.
        """
        words = _PARTICULARS.sub("#", self.message.partition("\n")[0])[:60]
        cell = "" if self.kind.startswith("MR") else str(self.cell)
        return self.kind, cell, f"{self.culprit} {words}" if self.kind == "translation" else words

    def __str__(self) -> str:
        where = f", {self.output}" if self.output else ""
        where += f", call {self.call + 1}" if self.call else ""
        lines = [f"{self.kind} in {self.cell}{where}: {self.message}"]
        if self.blame:
            lines.append(f"blame: {self.blame}")
        return "\n".join(lines)


@dataclass(eq=False)
class Report:
    """What one program gave: the runs, what failed, and counts of all that was looked at."""

    program: Program
    first_text: str = ""
    """The user's graph as it printed before anything was compiled."""
    runs: dict[Cell, Run] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        return "identical" if self.ok else "\n".join(map(str, self.failures))


class Case:
    """What a judge sees: the built program and its report, with shadows made once."""

    def __init__(self, built: Built, report: Report):
        self.built, self.report = built, report
        self.program = built.program
        self._walks: dict[tuple[Cell, int], Walk] = {}

    @property
    def base(self) -> Run:
        """The run that is the meaning."""
        return self.report.runs[BASE]

    @cached_property
    def met(self) -> dict[Any, Any]:
        """The values of all variables of the meaning's graph in its first call; nothing where there was none."""
        if self.base.function is None or not self.base.calls:
            return {}
        graph = self.base.function.fgraph
        # Copies: an operation that writes to what it reads must not get at the evidence.
        values = [np.array(x) if isinstance(x, np.ndarray) else x for x in self.base.calls[0].inputs]
        known = dict(zip(graph.inputs, values))
        with without_effects():
            for v in graph.outputs:
                computed(v, known)
        return known

    @cached_property
    def nodes(self) -> list[Any]:
        """The nodes of the meaning's graph whose operands are among what was `met`, in order."""
        if not self.met:
            return []

        def is_met(v: Any) -> bool:
            return v in self.met or hasattr(v, "data")

        order = self.base.function.fgraph.toposort()
        return [node for node in order if all(map(is_met, (*node.inputs, *node.outputs)))]

    def count(self, table: str, row: str, times: int = 1) -> None:
        if times:
            self.report.counts[table, row] += times

    def walk(self, run: Run, number: int) -> Walk:
        """The shadow of one cell's own graph, on the inputs of one of its calls."""
        key = run.cell, number
        if key not in self._walks:
            graph, call = run.function.fgraph, run.calls[number]
            fast = run.cell.mode not in ("UNOPTIMIZED", "FAST_COMPILE", "EXACT")
            found = walk(graph.toposort(), dict(zip(graph.inputs, call.inputs)), executor(run.cell.backend, fast))
            for name, times in found.uncompared.items():
                self.count("uncompared", name, times)
            self._walks[key] = found
        return self._walks[key]

    def finite(self, number: int) -> bool:
        """True if every number on the way to the meaning is finite in this call, whatever rounding does."""
        known = self.walk(self.base, number).known.values()
        return all(np.isfinite(b.y).all() and np.isfinite(b.e).all() for b in known if b.y is not None)

    def compared(
        self, kind: str, cell: Cell, met: Comparison, output: str, call: int, value: Any, expected: Any
    ) -> Iterator[Failure]:
        """Count a comparison of `value`, and fail where it is wrong."""
        for row, times in met.counts.items():
            self.count("elements", row, times)
        if met.wrong.any():
            interval = met.interval(expected=expected if kind == "model" else None)
            if interval is None and kind == "model":
                interval = expected, expected
            yield Failure(kind, cell, met.describe(value, expected), output, call, expected=interval)


Judge = Callable[[Case], Iterator[Failure]]

JUDGES: dict[str, Judge] = {}
"""In the order in which they are asked."""


def judge(name: str) -> Callable[[Judge], Judge]:
    """Register a judge: a function of a `Case` that yields failures."""

    def register(function: Judge) -> Judge:
        if name in JUDGES:
            raise ValueError(f"two judges are called {name!r}")
        JUDGES[name] = function
        return function

    return register
