"""The verdict on one program: run it in every cell, judge every cell, name the guilty one.

Owns `check`, `Report` and `Failure`. How values are judged stands in `oracle`; here it is decided what is compared
with what: EXACT with UNOPTIMIZED of its backend to the bit, UNOPTIMIZED elsewhere with the reference, FAST_RUN within
running error bounds and the promises of the rewrites that fired, everything with the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from difftest import model
from difftest.cells import BASE, Call, Cell, Run, cells, execute
from difftest.oracle import contract, text
from difftest.oracle.bits import bitwise, needed, same_bits
from difftest.oracle.bounds import Walk, walk
from difftest.oracle.contract import Comparison
from difftest.oracle.ulps import executor
from difftest.program import Built, Program
from difftest.validate import validate


@dataclass(eq=False)
class Failure:
    """One broken promise. `kind` names the oracle, `culprit` who is held responsible, and `blame` tells why."""

    kind: str
    cell: Cell
    message: str
    output: str = ""
    call: int = 0
    culprit: str = ""
    blame: str = ""
    expected: tuple[np.ndarray, np.ndarray] | None = None
    """The interval that the right value lies in, where values are wrong."""

    @property
    def signature(self) -> tuple[str, str, str]:
        """Equal for failures that are probably one bug."""
        if self.culprit:
            return "", self.cell.backend, self.culprit
        return self.kind, str(self.cell), self.kinship[2]

    @property
    def kinship(self) -> tuple[str, str, str]:
        """What stays the same while a failing program is made smaller: the oracle, the cell, the first words."""
        words = self.message.partition("\n")[0].split(" of ")[-1] if self.kind != "error" else self.message[:40]
        return self.kind, str(self.cell), words

    def __str__(self) -> str:
        where = f", {self.output}" if self.output else ""
        where += f", call {self.call + 1}" if self.call else ""
        lines = [f"{self.kind} in {self.cell}{where}: {self.message}"]
        if self.blame:
            lines.append(f"blame: {self.blame}")
        return "\n".join(lines)


@dataclass(eq=False)
class Report:
    """What one program gave: the runs, how many elements were compared and how, and what failed."""

    program: Program
    runs: dict[Cell, Run] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    elements: Counter[str] = field(default_factory=Counter)
    uncompared: Counter[str] = field(default_factory=Counter)
    not_lowered: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        return "identical" if self.ok else "\n".join(map(str, self.failures))


def check(program: Program, chosen: Sequence[Cell] | None = None, api: Any = None, blame: bool = True) -> Report:
    """Run `program` in the chosen cells (default: every mode of the reference) and judge them.

    `api` is the module that stands for theano, by default `reference`. With `blame`, a failing cell is
    searched for the rewrite or node that did it.
    """
    if api is None:
        import reference as api  # type: ignore[no-redef]
    report = Report(program)
    try:
        built = program.build(api)
    except Exception as error:
        report.failures.append(Failure("build", BASE, f"the graph cannot be built: {type(error).__name__}: {error}"))
        return report
    before = text.printed(api, built.outputs)
    for cell in dict.fromkeys([BASE, *(chosen or cells())]):
        built.reset()
        report.runs[cell] = execute(built, cell)
    judged(built, report)
    for cell, law, what in text.laws(built, before, report.runs):
        report.failures.append(Failure("text", cell, f"{law} is broken\n{what}"))
    _Judge(built, report).translations()
    if blame and report.failures:
        from difftest.blame import blame as search

        search(built, report)
    return report


def judged(built: Built, report: Report) -> Report:
    """Add to `report` what is wrong with the values of its runs."""
    _Judge(built, report).all()
    return report


class _Judge:
    """Every comparison of one program."""

    def __init__(self, built: Built, report: Report):
        self.built, self.report = built, report
        self.base = report.runs[BASE]
        self.walks: dict[tuple[Cell, int], Walk] = {}

    def fail(self, kind: str, cell: Cell, message: str, output: str = "", call: int = 0, expected: Any = None) -> None:
        self.report.failures.append(Failure(kind, cell, message, output, call, expected=expected))

    def all(self) -> None:
        for cell, run in self.report.runs.items():
            for complaint in run.complaints:
                self.fail("side condition", cell, complaint)
            if cell == BASE:
                self._meaning()
            elif self._same_troubles(run):
                self._values(run)

    def _meaning(self) -> None:
        """The defining cell against the model; a valid program does not raise in its first call."""
        run = self.base
        if run.trouble is not None and not run.calls:
            self.fail("error", BASE, str(run.trouble))
            return
        program = self.built.program
        state = {s.name: s.value.data for s in program.shared}
        for number, call in enumerate(run.calls):
            arguments = dict(zip((i.name for i in program.arguments), call.inputs))
            given = {i.name: i.value.data for i in program.inputs} | arguments
            known = model.evaluate(program, {**given, **state})
            state = call.state
            for k, (name, value) in enumerate(zip(program.outputs, call.outputs)):
                if name in known:
                    self._against_model(number, k, name, value, known[name])

    def _against_model(self, number: int, k: int, name: str, value: np.ndarray, expected: np.ndarray) -> None:
        if value.dtype != expected.dtype or value.shape != expected.shape:
            self.fail(
                "model",
                BASE,
                f"dtype and shape {value.dtype}{value.shape}, documented {expected.dtype}{expected.shape}",
                name,
                number,
            )
            return
        if same_bits(value, expected):
            self.report.elements["identical"] += value.size
            return
        bound = self._walk(self.base, number).of(self.base.function.fgraph.outputs[k])
        self._count("model", BASE, contract.inside(expected, bound), name, number, (value, expected))

    def translations(self) -> None:
        """Every application of a rewrite, on the values of the first call."""
        for cell, run in self.report.runs.items():
            if cell.backend != "reference" or not run.fired or not self.base.calls:
                continue
            for broken in validate(run.function.fgraph, run.function.rewrites, self.base.calls[0].inputs):
                what = f"application {broken.number} broke its promise: {broken.what}"
                who = f"rewrite {broken.rewrite} ({broken.promise}, {broken.where})"
                self.report.failures.append(
                    Failure("translation", cell, what, culprit=f"rewrite {broken.rewrite}", blame=who)
                )

    def _same_troubles(self, run: Run) -> bool:
        """Errors are results: the same ones everywhere, unless a rewrite may have removed the original's."""
        mine, base = run.trouble, self.base.trouble
        if mine is not None and mine.kind == "NotLowered":
            self.report.not_lowered[mine.text.partition("\n")[0]] += 1
            return False
        if base is None and mine is None:
            return True
        if base is not None and mine is None:
            if not run.promised("RAISES"):
                self.fail("error", run.cell, f"succeeded where the unoptimized graph raised {base}")
            return False
        if base is None:
            self.fail("error", run.cell, f"raised {mine}")
        elif mine is not None and (base.stage, base.kind) != (mine.stage, mine.kind) and not run.promised("RAISES"):
            self.fail("error", run.cell, f"raised {mine}, the unoptimized graph {base}")
        return bool(run.calls)

    def _values(self, run: Run) -> None:
        cell = run.cell
        own = self.report.runs.get(Cell("UNOPTIMIZED", cell.backend), self.base)
        other = self.base if own is run or own.trouble is not None else own
        bits = cell.mode == "EXACT" and other.cell.backend == cell.backend
        for number, (call, standard) in enumerate(zip(run.calls, other.calls)):
            names = [*self.built.program.outputs, *(f"the new value of {v}" for v in run.function.updated)]
            pairs = zip(names, [*call.outputs, *call.updates], [*standard.outputs, *standard.updates])
            for k, (name, value, expected) in enumerate(pairs):
                self._value(run, other, number, k, name, value, expected, bits)

    def _value(
        self, run: Run, other: Run, number: int, k: int, name: str, value: np.ndarray, expected: np.ndarray, bits: bool
    ) -> None:
        cell, counts = run.cell, self.report.elements
        if value.dtype != expected.dtype or value.shape != expected.shape:
            self.fail(
                "type",
                cell,
                f"dtype and shape {value.dtype}{value.shape}, in {other.cell} {expected.dtype}{expected.shape}",
                name,
                number,
            )
        elif same_bits(value, expected):
            counts["identical"] += value.size
        elif bits or value.dtype.kind not in "biuf" or self._must_have_bits(run, other, number, k):
            what = contract.shown(value, expected, str(cell), str(other.cell))
            self.fail("bits", cell, what, name, number, (expected, expected))
        else:
            bound = self._walk(run, number).of(run.function.fgraph.outputs[k])
            self._count("bound", cell, contract.inside(value, bound), name, number, (value, expected))
            if self._same_start(run.calls[number], other.calls[number]):
                theirs = self._walk(other, number).of(other.function.fgraph.outputs[k])
                met = contract.meet(bound, theirs, expected, run.promised("STABLE", "FINITE"))
                self._count("contract", cell, met, name, number, (value, expected))

    def _must_have_bits(self, run: Run, other: Run, number: int, k: int) -> bool:
        """The same graph on another backend, made of operations whose bits are the same everywhere, on the same
        state: an earlier call's update may have rounded otherwise."""
        if run.cell.mode == "FAST_RUN" or run.cell.backend == other.cell.backend:
            return False
        if not self._same_start(run.calls[number], other.calls[number]):
            return False
        return bitwise(needed([run.function.fgraph.outputs[k]]), executor(run.cell.backend, False))

    @staticmethod
    def _same_start(mine: Call, theirs: Call) -> bool:
        return len(mine.inputs) == len(theirs.inputs) and all(
            same_bits(np.asarray(a), np.asarray(b)) for a, b in zip(mine.inputs, theirs.inputs)
        )

    def _count(self, kind: str, cell: Cell, met: Comparison, name: str, number: int, pair: tuple[Any, Any]) -> None:
        self.report.elements.update(met.counts)
        if met.wrong.any():
            interval = met.interval(expected=pair[1] if kind == "model" else None)
            self.fail(kind, cell, met.describe(*pair), name, number, interval)

    def _walk(self, run: Run, number: int) -> Walk:
        """The shadow of one cell's own graph, on the inputs of one of its calls."""
        key = run.cell, number
        if key not in self.walks:
            graph, call = run.function.fgraph, run.calls[number]
            fast = run.cell.mode == "FAST_RUN"
            found = walk(graph.toposort(), dict(zip(graph.inputs, call.inputs)), executor(run.cell.backend, fast))
            self.report.uncompared.update(found.uncompared)
            self.walks[key] = found
        return self.walks[key]
