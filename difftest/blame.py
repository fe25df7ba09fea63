"""From a failure to a name.

Owns the order of the search, and its vocabulary: `rewrite NAME`, `kernel OP`, `fusion OP`, `plan OP`, `machine OP`,
`driver OP`, `op OP`, `gradient OP`, `printing`, `function`, `random`, `scan`, `interpreter`. Translation
validation comes first, then node localization and phases for a backend, bisection over rewrites, and the reference's
own meaning. It adds `culprit` and `blame` to the failures of a report and changes nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from difftest.bisect import bisect, phase
from difftest.case import Failure, Report
from difftest.cells import BASE, Cell, Run
from difftest.localize import Culprit, localize
from difftest.meanings import broken_contract, guilty, outside_shadow, steps_named, wrong_step
from difftest.oracle.names import op_name
from difftest.oracle.text import printed
from difftest.probe import Probe
from difftest.program import Built, Program
from difftest.raised import rewrite_that_raised, who_raises
from difftest.validate import validate

VALUES = ("bits", "bound", "contract", "error", "type")
"""Kinds of failures whose cause lies in what was computed."""

PLAIN = "UNOPTIMIZED"

Found = tuple[str, str]
"""The culprit in a few words, and the reasons; both empty if nobody was found."""

NOBODY: Found = ("", "")
UNSTEADY: Found = ("printing", "one function prints otherwise the second time")


def blame(built: Built, report: Report) -> None:
    """Find who is responsible for each failure that nobody is blamed for yet."""
    search = _Search(built, report)
    for failure in report.failures:
        if not failure.culprit:
            failure.culprit, failure.blame = search.found(failure)


def of_build(program: Program, api: Any) -> Found:
    """Who is responsible for a graph that cannot be built."""
    found = who_raises(lambda: program.build(api))
    return found if found[0] else (steps_named(program), found[1])


class _Search:
    """The search for the culprits of one report; what one failure of a cell and kind tells goes for the others."""

    def __init__(self, built: Built, report: Report):
        self.built, self.report, self.api = built, report, built.api
        self.program = report.program
        self.answers: dict[tuple[Cell, str], Found] = {}

    def found(self, failure: Failure) -> Found:
        values = failure.kind in VALUES and "the new value of" not in failure.output
        key = failure.cell, "values" if values else " ".join(failure.kinship)
        if key not in self.answers:
            try:
                self.answers[key] = self._found(failure)
            except Exception as error:
                # What is wrong may be wrong in any way, also in one that the search does not expect.
                what = f"the search stumbled: {type(error).__name__}: {error}"
                self.answers[key] = steps_named(self.program), what
        return self.answers[key]

    def _found(self, failure: Failure) -> Found:
        named = rewrite_that_raised(failure.message)
        if named != NOBODY:
            return self._spoilt(failure) or named
        cell = failure.cell
        probe = Probe(self.program, failure, tuple(self.report.runs), self.api)
        found = NOBODY
        if failure.kind == "text":
            found = self._text(failure, probe)
        elif failure.kind == "error" and "read-only" in failure.message:
            # Whoever made it a constant: an operation must not write to what it reads.
            found = self._raised(failure)
        elif "shares memory" in failure.message and cell.backend == BASE.backend:
            # Copies are made after all rewrites, whatever they did.
            found = self._meaning(failure)
        elif cell.mode != PLAIN and self._is_right(Cell(PLAIN, cell.backend), failure):
            found = self._rewritten(failure, probe)
        if found == NOBODY and cell.backend != BASE.backend:
            found = self._on_backend(failure, probe)
        if found == NOBODY:
            found = self._meaning(failure)
        return found if found != NOBODY else (steps_named(self.program), "nobody else was found")

    def _is_right(self, cell: Cell, failure: Failure) -> bool:
        return all(f.cell != cell or f.kind not in (*VALUES, failure.kind) for f in self.report.failures)

    # Rewrites.

    def _rewritten(self, failure: Failure, probe: Probe) -> Found:
        """A cell that is wrong only with rewrites."""
        run = self.report.runs.get(failure.cell)
        if failure.kind in VALUES and failure.cell.backend == BASE.backend and run is not None and run.calls:
            # Rewrites may bring in an operation, or a form of a loop, that is wrong itself.
            graph = run.function.fgraph
            wrong = outside_shadow(graph.toposort(), dict(zip(graph.inputs, run.calls[0].inputs)))
            if wrong is not None:
                return wrong, "its value lies outside of its own shadow"
        translation = [f for f in self.report.failures if f.kind == "translation"]
        here = [f for f in translation if f.cell == failure.cell] or translation
        if here and failure.kind in VALUES:
            return here[0].culprit, here[0].blame
        suspect = broken_contract(self.report.runs[BASE])
        if suspect is not None:
            # Whatever rewrites made of it: an operation that breaks its contract is not theirs.
            return suspect.culprit, suspect.why
        if failure.cell.backend != BASE.backend and self._is_right(Cell(failure.cell.mode), failure):
            # The rewritten graph is right on the reference: its rewrites have done nothing wrong.
            return NOBODY
        return self._bisected(failure, probe)

    def _bisected(self, failure: Failure, probe: Probe) -> Found:
        run = self.report.runs.get(failure.cell)
        log = None if run is None or run.function is None else run.function.rewrites
        step = bisect(200 if log is None else len(log), lambda limit: probe.shows(self.program, rewrite_limit=limit))
        if step is None or log is None:
            return NOBODY
        application = log[step.number]
        r = application.rewrite
        which = f"BISECT: application {step.number + 1} of {step.total}: {application}"
        return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where})\n{which}"

    def _spoilt(self, failure: Failure) -> Found | None:
        """The application that left a wrong graph, over which another rewrite then stumbled."""
        base = self.report.runs.get(BASE)
        if base is None or base.function is None or not base.calls:
            return None
        return _first_broken(self.api, failure.cell, base.function.fgraph, base.calls[0].inputs)

    # Backends.

    def _on_backend(self, failure: Failure, probe: Probe) -> Found:
        located = self._localized(failure)
        if located is not None and located.alone:
            return f"kernel {op_name(located.op)}", str(located)
        name, flag = phase(failure.cell.backend, lambda **flags: probe.shows(self.program, **flags))
        op = located.op if located is not None else self._op_of(failure)
        if name:
            return f"{name} {op_name(op)}".strip(), f"with {flag} nothing is wrong" + (
                f"\n{located}" if located else ""
            )
        if located is not None:
            return f"plan {op_name(op)}", str(located)
        raised = self._raised(failure)
        if raised != NOBODY:
            return raised
        return ("" if op is None else f"plan {op_name(op)}"), "every operation is right alone"

    def _localized(self, failure: Failure) -> Culprit | None:
        cell = failure.cell
        run = self.report.runs.get(cell)
        base = self.report.runs[BASE]
        function = run.function if run is not None and run.function is not None else base.function
        calls = run.calls if run is not None and run.calls else base.calls
        if function is None or not calls:
            return None
        call = calls[min(failure.call, len(calls) - 1)]
        with self.api.config.change_flags(cell.settings):
            return localize(self.api, function.fgraph, call.inputs, cell.backend, cell.mode == "FAST_RUN")

    def _op_of(self, failure: Failure) -> Any:
        """The operation whose result the failing output is."""
        run = self.report.runs.get(failure.cell)
        function = (run.function if run is not None else None) or self.report.runs[BASE].function
        if function is None:
            return None
        outputs = self.program.outputs
        place = outputs.index(failure.output) if failure.output in outputs else 0
        nodes = [v.owner for v in function.fgraph.outputs[place : place + 1] if v.owner is not None]
        order = nodes or function.fgraph.toposort()[-1:]
        return order[0].op if order else None

    # The reference itself.

    def _meaning(self, failure: Failure) -> Found:
        run = self.report.runs.get(failure.cell)
        if failure.kind == "error":
            return self._raised(failure)
        if failure.kind == "side condition":
            return self._condition(failure, run)
        suspect = wrong_step(self.program, self.api)
        if suspect is not None:
            return suspect.culprit, suspect.why
        if run is not None:
            suspect = broken_contract(run)
            if suspect is not None:
                return suspect.culprit, suspect.why
        if run is not None and failure.call and _loses_its_place(run):
            return "random", "a draw hands on another state than the one after its own"
        if "state" in failure.message or "the new value of" in failure.output or failure.call:
            return "function", "every step is right alone: what is kept between calls is not"
        return NOBODY

    def _condition(self, failure: Failure, run: Run | None) -> Found:
        suspect = broken_contract(run) if run is not None else None
        if suspect is not None:
            return suspect.culprit, suspect.why
        if any(what in failure.message for what in ("changed its argument", "when it was repeated", "function keeps")):
            return "interpreter", "no operation writes to what it reads"
        if "shares memory" in failure.message:
            return "function", "no operation returns what it reads, unless it says so"
        op = self._op_of(failure)
        return ("function", "") if op is None else (guilty(op), f"{op} made the output")

    def _raised(self, failure: Failure) -> Found:
        """Compile and call once more, and look where it raises."""

        def again() -> None:
            cell = failure.cell
            self.built.reset()
            with self.api.config.change_flags(cell.settings):
                f = self.built.function(mode=cell.mode, backend=cell.backend)
                for arguments in self.program.call_values():
                    f(*arguments)

        return who_raises(again)

    # Texts.

    def _text(self, failure: Failure, probe: Probe) -> Found:
        law = failure.message[:2]
        if _unsteady(
            self.api, lambda: self.program.build(self.api).function(mode=failure.cell.mode, backend="reference")
        ):
            return UNSTEADY
        if law == "P3":
            return self._applied_again(failure)
        if law == "P7":
            return "printing", "the program that is written from the graph is another"
        if law in ("P8", "P9"):
            return "printing", "the text tells of something else"
        if law == "P1":
            return self._other_rewrites(failure)
        if law == "P6":
            return self._changed_graph()
        return "function", "two functions of one program print differently"

    def _applied_again(self, failure: Failure) -> Found:
        run = self.report.runs[failure.cell]
        whole = run.function.fgraph
        copies = [v.owner is not None and type(v.owner.op).__name__ == "DeepCopyOp" for v in whole.outputs]
        outputs = [v.owner.inputs[0] if copy else v for v, copy in zip(whole.outputs, copies)]
        log = list(run.function.mode.rewrite(type(whole)(whole.inputs, outputs)))
        if not log:
            return "printing", "nothing was applied, and yet the text is another"
        r = log[0].rewrite
        return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where}) applied again: {log[0]}"

    def _other_rewrites(self, failure: Failure) -> Found:
        cell = failure.cell
        if cell.mode == PLAIN or any(f.cell == BASE and f.message[:2] == "P1" for f in self.report.failures):
            return "function", "a given is not the replacement written in, before any rewrite"
        run = self.report.runs[cell]
        other = self.built.function_written_in(mode=cell.mode, backend=cell.backend)
        if run.function is not None and other is not None and other.rewrites is not None:
            mine, theirs = run.function.rewrites.counts(), other.rewrites.counts()
            odd = [a.rewrite for log in (run.function.rewrites, other.rewrites) for a in log]
            for r in odd:
                if mine.get(r.name) != theirs.get(r.name):
                    return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where}) is applied in one only"
        return "function", "the same rewrites are applied, and yet the text is another"

    def _changed_graph(self) -> Found:
        """Compiling changed the user's graph: in which mode, after which rewrite."""

        def changes(mode: str, limit: int | None) -> bool:
            built = self.program.build(self.api)
            before = printed(self.api, built.outputs)
            with self.api.config.change_flags(rewrite_limit=limit):
                built.function(mode=mode, backend=BASE.backend)
            return printed(self.api, built.outputs) != before

        for cell, run in self.report.runs.items():
            if run.function is None or not changes(cell.mode, None):
                continue
            log = run.function.rewrites
            step = bisect(len(log), partial(changes, cell.mode)) if log else None
            if step is None:
                return "function", f"compiling in {cell} changes the graph"
            r = log[step.number].rewrite
            return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where}) changes the user's graph"
        return "function", "compiling changes the graph"


def _first_broken(api: Any, cell: Cell, graph: Any, values: Sequence[Any]) -> Found | None:
    """The first application that breaks its promise when `graph` is rewritten as in a cell, until something raises."""
    copies = [v.owner is not None and op_name(v.owner.op) == "DeepCopyOp" for v in graph.outputs]
    outputs = [v.owner.inputs[0] if copy else v for v, copy in zip(graph.outputs, copies)]
    own, done = type(graph)(graph.inputs, outputs), []
    with contextlib.suppress(Exception), api.config.change_flags(cell.settings):
        api.compile.modes.get_mode(cell.mode).rewrite(own, lambda application, *_: done.append(application), True)
    broken = next(validate(own, done, values), None)
    return None if broken is None else (f"rewrite {broken.rewrite}", str(broken))


@dataclass(frozen=True)
class Retrial:
    """How to try once more what is no program: under flags, as graphs with the values of their inputs, or aloud."""

    fails: Callable[..., bool]
    graphs: Callable[[str], Iterable[tuple[Any, Sequence[Any]]]]
    again: Callable[[], None]


def of_retrial(api: Any, failure: Failure, trial: Retrial) -> Found:
    """Who is responsible for the failure of functions that were not made from a program."""
    named, cell = rewrite_that_raised(failure.message), failure.cell
    if named == NOBODY:
        named = who_raises(trial.again)
    if named[0].startswith("rewrite "):
        plain = [(f.fgraph, values) for f, values in trial.graphs(PLAIN)]
        return next(filter(None, (_first_broken(api, cell, *graph) for graph in plain)), named)
    if named != NOBODY:
        return named
    if "print differently" in failure.message and _unsteady(api, lambda: next(iter(trial.graphs(cell.mode)))[0]):
        return UNSTEADY
    logs = [f.rewrites for f, _ in trial.graphs(cell.mode)]
    step = bisect(max(map(len, logs)), lambda limit: trial.fails(rewrite_limit=limit)) if cell.mode != PLAIN else None
    if step is not None:
        # The two functions are rewritten apart: the later application of the two may be the one.
        r = next(log[step.number].rewrite for log in logs if step.number < len(log))
        which = f"BISECT: application {step.number + 1} of {step.total}"
        return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where})\n{which}"
    graphs = [(f.fgraph, values) for f, values in trial.graphs(cell.mode)]
    if cell.backend != BASE.backend:
        for graph, values in graphs:
            located = localize(api, graph, values, cell.backend, cell.mode == "FAST_RUN")
            if located is not None:
                word = "kernel" if located.alone else phase(cell.backend, trial.fails)[0] or "plan"
                return f"{word} {op_name(located.op)}", str(located)
        name, flag = phase(cell.backend, trial.fails)
        last = graphs[0][0].toposort()[-1].op
        return f"{name or 'plan'} {op_name(last)}", flag and f"with {flag} nothing is wrong"
    for graph, values in graphs:
        wrong = outside_shadow(graph.toposort(), dict(zip(graph.inputs, values)))
        if wrong is not None:
            return wrong, "its value lies outside of its shadow"
    looping = any(op_name(node.op) == "Scan" for graph, _ in graphs for node in graph.toposort())
    return ("scan" if looping else "function"), "every operation is right alone"


def _loses_its_place(run: Run) -> bool:
    """Does a draw of the run's first call hand on another state than the next, two words of which count draws?"""
    known = dict(zip(run.function.fgraph.inputs, run.calls[0].inputs))
    for node in run.function.fgraph.toposort():
        given: list[Any] = [known.get(v, getattr(v, "data", None)) for v in node.inputs]
        known.update(zip(node.outputs, node.op.perform(node, *given)))
        if op_name(node.op) == "RandomFunction" and getattr(given[0], "shape", ()) == (4,):
            before, after = ([*map(int, words)] for words in (given[0], known[node.outputs[0]]))
            if [*after[:2], after[2] + (after[3] << 32)] != [*before[:2], before[2] + (before[3] << 32) + 1]:
                return True
    return False


def _unsteady(api: Any, compiled: Callable[[], Any]) -> bool:
    """True if one function prints otherwise when it is printed, or compiled, a second time."""
    first = compiled()
    text = printed(api, first)
    return text != printed(api, first) or text != printed(api, compiled())
