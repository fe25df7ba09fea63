"""A relation on trial: run the twin, compare, name the guilty.

Owns which cells a twin runs in, how results are compared by what the relation promises, and who is to blame: a
rewrite found by bisection on either side, else what the relation is about. It must not know any relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.bisect import bisect
from difftest.case import Case, Failure, Report
from difftest.cells import BASE, Cell, Run, execute
from difftest.judges.values import SAME_BITS
from difftest.localize import localize
from difftest.meanings import outside_shadow
from difftest.oracle import contract
from difftest.oracle.bits import UNORDERED, needed, same_bits
from difftest.oracle.bounds import Bound
from difftest.oracle.names import op_name
from difftest.oracle.text import difference, printed
from difftest.program import Built
from difftest.raised import rewrite_that_raised
from difftest.relations.registry import Relation, Twin, chosen
from difftest.relations.ways import Otherwise
from reference.graph.traversal import clone_replace


def tried(case: Case, ids: Iterable[str], most: int | None = None, blame: bool = True) -> Iterator[Failure]:
    """What is wrong with the relations of these ids on one program.

    With `most`, a quick look: of so many that apply, one twin in one cell, whose turn it is.
    """
    applied = 0
    for relation in chosen(ids):
        if case.base.trouble is not None or applied == most:
            return
        try:
            twins = list(relation.twins(case))
            if twins:
                applied += 1
                case.count("relation", relation.id)
            for twin in twins if most is None else twins[:1]:
                cells = cells_for(case, twin)
                turn = int(case.program.digest, 16) % max(1, len(cells))
                trial = Trial(case, relation, twin, blame)
                yield from trial.failures(cells if most is None else cells[turn : turn + 1])
        except Exception as error:
            what = f"the relation stumbled: {type(error).__name__}: {error}"
            yield Failure(relation.id, BASE, what, culprit=f"{relation.subject} {relation.id}")


def cells_for(case: Case, twin: Twin) -> list[Cell]:
    """The defining cell, and those of its own or another backend that rewrite or compute otherwise.

    Where something is wrong already, a relation would only say it again, and blame what it is about.
    """
    wrong = {failure.cell for failure in case.report.failures}
    good = [c for c, run in case.report.runs.items() if run.trouble is None and run.calls and c not in wrong]
    return [
        c for c in good
        if c.mode in (twin.modes or ("UNOPTIMIZED", "FAST_RUN")) and (not twin.backends or c.backend in twin.backends)
    ]  # fmt: skip


@dataclass(eq=False)
class Side:
    """One run of one of the two programs, and the case that has its shadows."""

    case: Case
    run: Run

    def place(self, name: str) -> int:
        return self.case.program.outputs.index(name)

    def output(self, call: int, place: int) -> np.ndarray:
        return self.run.calls[call].outputs[place]

    def bound(self, call: int, place: int) -> Bound:
        return self.case.walk(self.run, call).of(self.run.function.fgraph.outputs[place])

    def ordered(self, place: int) -> bool:
        """True if no product of matrices is on the way to the output."""
        return not any(map(_unordered, needed([self.run.function.fgraph.outputs[place]])))


@dataclass(frozen=True)
class Where:
    """The calls that are compared, and the places among the outputs; the program's, then the twin's."""

    calls: tuple[int, int]
    places: tuple[int, int]


def _unordered(node: Any) -> bool:
    inner = getattr(node.op, "inner_outputs", None)
    if inner is not None:
        return any(map(_unordered, needed(inner)))
    return type(node.op).__name__ in UNORDERED


class Trial:
    """One twin of one program."""

    def __init__(self, case: Case, relation: Relation, twin: Twin, blame: bool = True):
        self.case, self.relation, self.twin, self.blame = case, relation, twin, blame
        self.promise = twin.promise or relation.promise
        self.exact = False

    def failures(self, cells: Sequence[Cell]) -> Iterator[Failure]:
        """The first thing that is wrong in one of the cells."""
        try:
            built = self.built()
        except Exception as error:
            yield self.failure(BASE, f"the twin cannot be built: {type(error).__name__}: {error}")
            return
        for cell in cells:
            mine = Side(self.case, self.case.report.runs[cell])
            theirs = Side(Case(built, Report(self.twin.program)), self.execute(built, cell, self.twin.flags))
            failure = next(self.compared(mine, theirs), None)
            if failure is not None:
                named = rewrite_that_raised(failure.message)
                if named[0]:
                    failure.culprit, failure.blame = named
                elif self.blame and "shares memory" in failure.message:
                    failure.culprit, failure.blame = "function", "copies are made after all rewrites"
                elif self.blame:
                    failure.culprit, failure.blame = self.culprit(built, mine, theirs)
                yield failure
                return

    def built(self) -> Built:
        twin, own = self.twin, self.case.built
        same = twin.program is self.case.program
        made = own if same else twin.program.build(own.api)
        return Otherwise(made, twin.way) if twin.way else made

    def execute(self, built: Built, cell: Cell, flags: Mapping[str, Any]) -> Run:
        with built.api.config.change_flags(dict(flags)):
            built.reset()
            return execute(built, cell, record=False)

    def failure(self, cell: Cell, message: str, output: str = "", call: int = 0) -> Failure:
        first, _, rest = message.partition("\n")
        own, other = (p.to_source() for p in (self.case.program, self.twin.program))
        change = difference(own, other, ("the program", "its twin"))
        how = [f"flags {dict(self.twin.flags)}"] if self.twin.flags else []
        how += [f"made otherwise: {self.twin.way}"] if self.twin.way else []
        lines = [f"{first} ({self.relation.law})", rest, *how, change]
        return Failure(self.relation.id, cell, "\n".join(filter(None, lines)), output, call)

    def compared(self, mine: Side, theirs: Side) -> Iterator[Failure]:
        cell, twin = mine.run.cell, self.twin
        trouble = theirs.run.trouble
        if trouble is not None:
            if trouble.kind == "NotLowered":
                self.case.count("not lowered", trouble.text.partition("\n")[0])
            else:
                yield self.failure(cell, f"the twin raised {trouble}")
            return
        for complaint in theirs.run.complaints:
            if twin.way != "lent":
                yield self.failure(cell, f"the twin's side condition: {complaint}")
        if twin.alike:
            yield from self.alike(mine, theirs)
        yield from self.values(mine, theirs)

    def alike(self, mine: Side, theirs: Side) -> Iterator[Failure]:
        api = self.case.built.api
        first, second = (printed(api, side.run.function) for side in (mine, theirs))
        for old, new in self.twin.names.items():
            second = second.replace(new, old)
        if first != second:
            yield self.failure(
                mine.run.cell, "the twin prints otherwise\n" + difference(first, second, ("the program", "its twin"))
            )

    def values(self, mine: Side, theirs: Side) -> Iterator[Failure]:
        """Where bits are promised, against the same cell; else against the program's meaning, which nobody folded."""
        twin = self.twin
        cell = mine.run.cell
        home = cell.backend == BASE.backend or not twin.computed
        self.exact = self.promise == "BITS" or (self.promise == "EXACT" and cell.mode in SAME_BITS and home)
        calls, outputs = twin.calls, twin.outputs
        if not self.exact:
            mine = Side(self.case, self.case.base)
            if calls is not None and any(first != second for first, second in calls):
                # The program's later call began with what its first had rounded; the twin's meaning rounds nowhere.
                mine = self.meaning(theirs)
                calls, outputs = [(second, second) for _, second in calls], [(name, name) for _, name in outputs]
        if twin.inner:
            mine = theirs
        counts = len(mine.run.calls), len(theirs.run.calls)
        for first, second in calls if calls is not None else [(k, k) for k in range(min(counts))]:
            if first >= counts[0] or second >= counts[1]:
                continue
            for pair in outputs:
                yield from self.value(mine, theirs, (first, second), pair)
            states = mine.run.calls[first].state, theirs.run.calls[second].state
            other = next((n for n in twin.shared if not same_bits(states[0][n], states[1][n])), None)
            if other is not None:
                # What follows starts from another state.
                if self.exact:
                    what = f"the new value of {other} is another\n{states[1][other]!r}, not {states[0][other]!r}"
                    yield self.failure(theirs.run.cell, what, other, first)
                return

    def meaning(self, theirs: Side) -> Side:
        """The twin in the defining cell."""
        if theirs.run.cell == BASE:
            return theirs
        built = theirs.case.built
        return Side(Case(built, Report(self.twin.program)), self.execute(built, BASE, self.twin.flags))

    def value(self, mine: Side, theirs: Side, calls: tuple[int, int], pair: tuple[str, str]) -> Iterator[Failure]:
        twin, cell, name = self.twin, theirs.run.cell, pair[0]
        where = Where(calls, (mine.place(name), theirs.place(pair[1])))
        expected, value = (side.output(k, p) for side, k, p in zip((mine, theirs), calls, where.places))
        if twin.scale.get(name):
            value = _scaled(value, -twin.scale[name])
        dtype = value.dtype if twin.lifted else expected.dtype
        if value.dtype != dtype or value.shape != expected.shape:
            what = f"{value.dtype}{value.shape} instead of {expected.dtype}{expected.shape}"
            yield self.failure(cell, f"the twin's dtype or shape is another: {what}", name, calls[0])
        elif same_bits(value, expected.astype(dtype)):
            self.case.count("twin elements", "identical", value.size)
        elif self.exact and (self.promise == "BITS" or all(s.ordered(p) for s, p in zip((mine, theirs), where.places))):
            shown = contract.shown(value, expected, "the twin", "the program")
            yield self.failure(cell, f"the bits are others\n{shown}", name, calls[0])
        elif value.dtype.kind in "biuf":
            yield from self.bounded(mine, theirs, where, name, value, expected)

    def bounded(
        self, mine: Side, theirs: Side, where: Where, name: str, value: np.ndarray, expected: np.ndarray
    ) -> Iterator[Failure]:
        """The twin's value inside its own bound, and the bounds meet."""
        own, other = (side.bound(k, p) for side, k, p in zip((mine, theirs), where.calls, where.places))
        if self.twin.scale.get(name) and other.y is not None:
            by = -self.twin.scale[name]
            other = Bound(_scaled(other.y, by), _scaled(other.e, by), other.dtype)
        loose = any(side.run.promised("STABLE", "FINITE") for side in (mine, theirs))
        inside, met = contract.inside(value, other), contract.meet(other, own, expected, loose)
        for row, times in inside.counts.items():
            self.case.count("twin elements", row, times)
        for what, found in (("outside its own bound", inside), ("outside the bounds of both", met)):
            if found.wrong.any():
                text = found.describe(value, expected)
                yield self.failure(theirs.run.cell, f"the twin's value is {what}\n{text}", name, where.calls[0])

    def culprit(self, built: Built, mine: Side, theirs: Side) -> tuple[str, str]:
        """(culprit, reasons): a rewrite without which the relation holds, else what the relation is about."""
        cell = mine.run.cell
        if any(side.run.function is not None and _prints_its_history(built.api, side.run) for side in (mine, theirs)):
            return "printing", "a graph prints otherwise once it is copied"
        for side in (theirs, mine) if cell.backend != BASE.backend else ():
            if side.run.calls:
                graph, values = side.run.function.fgraph, side.run.calls[0].inputs
                located = localize(built.api, graph, values, cell.backend, cell.mode == "FAST_RUN")
                if located is not None:
                    return f"{'kernel' if located.alone else 'plan'} {op_name(located.op)}", str(located)
        for who, own in (("the twin", False), ("the program", True)):
            log = (mine if own else theirs).run.function.rewrites if theirs.run.function is not None else ()

            def fails(limit: int, own: bool = own) -> bool:
                subject = self.case.built if own else built
                again = Side(
                    Case(subject, Report(subject.program)),
                    self.execute(subject, cell, {"rewrite_limit": limit, **({} if own else self.twin.flags)}),
                )
                pair = (again, theirs) if own else (mine, again)
                return next(self.compared(*pair), None) is not None

            step = bisect(len(log), fails) if log else None
            if step is not None:
                application = log[step.number]
                r = application.rewrite
                which = f"BISECT in {who}: application {step.number + 1} of {step.total}: {application}"
                return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where})\n{which}"
        return (
            f"{self.relation.subject} {self.relation.id}",
            f"{self.relation.subject}, by {self.relation.id}: {self.relation.law}",
        )

    def located(self, theirs: Side) -> tuple[str, str]:
        """The first operation of the twin that is wrong by itself, on its backend or in its shadow."""
        cell, run = theirs.run.cell, theirs.run
        if run.function is None or not run.calls:
            return "", ""
        graph, values = run.function.fgraph, run.calls[0].inputs
        if cell.backend == BASE.backend:
            name = outside_shadow(graph.toposort(), dict(zip(graph.inputs, values)))
            return (name, "its value lies outside of its shadow") if name else ("", "")
        found = localize(self.case.built.api, graph, values, cell.backend, cell.mode == "FAST_RUN")
        if found is None:
            return "", ""
        return f"{'kernel' if found.alone else 'plan'} {op_name(found.op)}", str(found)


def _prints_its_history(api: Any, run: Run) -> bool:
    """Does a function's graph print otherwise than a copy, all nodes of which were made anew?"""
    graph = run.function.fgraph
    twin = type(graph)(graph.inputs, clone_replace(graph.outputs, copy_all=True))
    return printed(api, graph) != printed(api, twin)


def _scaled(value: np.ndarray, by: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.ldexp(value, by).astype(value.dtype)
