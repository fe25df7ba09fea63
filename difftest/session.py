"""Many programs within a budget: draw, check, shrink what fails, go on.

Owns the loop of a testing session, in one process: rounds of derandomized Hypothesis runs with consecutive seeds,
until the examples or the time are spent. What fails is shrunk to the smallest program with the same signature and
then left alone, so that one fault is reported once. The seed programs come first.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from difftest.cells import Cell, cells
from difftest.program import Program
from difftest.reduce import reduced
from difftest.repro import Repro
from difftest.strategies import STEPS, programs
from difftest.verdict import Failure, Report, check

ROUND = 100
"""Programs a Hypothesis run: small enough that the clock is looked at often."""

SHRINKING = 8.0
"""Seconds granted to Hypothesis for making one failing program smaller; `reduce` goes on from there."""


@dataclass(eq=False)
class Summary:
    """What a session did."""

    cells: tuple[Cell, ...] = ()
    programs: int = 0
    repeated: int = 0
    seeds: int = 0
    runs: int = 0
    seconds: float = 0.0
    elements: Counter[str] = field(default_factory=Counter)
    uncompared: Counter[str] = field(default_factory=Counter)
    not_lowered: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    findings: list[Repro] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings

    def never_drawn(self) -> list[str]:
        return [name for name in STEPS if name not in self.drawn]

    def add(self, report: Report) -> None:
        self.programs += 1
        self.runs += len(report.runs)
        self.elements.update(report.elements)
        self.uncompared.update(report.uncompared)
        self.not_lowered.update(report.not_lowered)
        for run in report.runs.values():
            if run.function is not None and run.function.rewrites is not None:
                self.fired.update(run.function.rewrites.counts())
        self.drawn.update(step.step for step in report.program.steps)


class _Found(AssertionError):
    """Raised inside a Hypothesis run, so that it shrinks."""


Progress = Callable[[Summary], None]


def campaign(
    examples: int | None = None,
    time_budget: float | None = 60.0,
    backends: Sequence[str] = ("reference",),
    profile: str = "all",
    first_seed: int = 0,
    progress: Progress | None = None,
    api: Any = None,
) -> Summary:
    """Check programs until `examples` or `time_budget` seconds are spent; returns what was found.

    The same arguments check the same programs; a time budget only decides how many.
    """
    session = _Session(Summary(cells(backends)), examples, time_budget, progress, api)
    session.check_seeds()
    number = first_seed * 1_000_003
    while not session.spent:
        session.round(profile, number)
        number += 1
    session.summary.seconds = time.monotonic() - session.started
    return session.summary


class _Session:
    def __init__(
        self, summary: Summary, examples: int | None, time_budget: float | None, progress: Progress | None, api: Any
    ):
        self.summary, self.examples, self.progress, self.api = summary, examples, progress, api
        self.started = time.monotonic()
        self.deadline = None if time_budget is None else self.started + time_budget
        self.known: set[tuple[str, ...]] = set()
        self.seen: set[str] = set()

    @property
    def spent(self) -> bool:
        enough = self.examples is not None and self.summary.programs + self.summary.repeated >= self.examples
        return enough or (self.deadline is not None and time.monotonic() > self.deadline)

    def check_seeds(self) -> None:
        from difftest.seeds import seed_failures

        for program, failure in seed_failures(self.summary.cells):
            self.summary.findings.append(Repro(program, failure))
            self.known.add(failure.signature)
        self.summary.seeds += 1

    def round(self, profile: str, number: int) -> None:
        """One Hypothesis run; a failure in it is shrunk and added to the findings."""
        best: list[tuple[Program, Failure]] = []
        stop: list[float] = []

        @seed(number)
        @settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(programs(profile))
        def one(program: Program) -> None:
            if not best and (self.spent or self._again(program)):
                return
            if stop and time.monotonic() > stop[0]:
                return
            failure = self._still(program, best[0][1]) if best else self._failure(program)
            if failure is None:
                return
            if not best or len(program.to_json()) <= len(best[0][0].to_json()):
                best[:] = [(program, failure)]
            if not stop:
                stop.append(time.monotonic() + SHRINKING)
            raise _Found(str(failure))

        try:
            one()
        except (_Found, Flaky):
            self._add(*best[0])

    def _add(self, program: Program, failure: Failure) -> None:
        """Make the program smaller still, and find out who is to blame in the smallest."""
        self.known.add(failure.signature)
        smallest = reduced(program, lambda p: self._still(p, failure) is not None)
        report = check(smallest, self.summary.cells, self.api)
        final = next((f for f in report.failures if f.kinship == failure.kinship), failure)
        self.known.add(final.signature)
        self.summary.findings.append(Repro(smallest, final))

    def _again(self, program: Program) -> bool:
        if program.digest in self.seen:
            self.summary.repeated += 1
            return True
        self.seen.add(program.digest)
        return False

    def _failure(self, program: Program) -> Failure | None:
        """The first failure that is not known yet."""
        report = check(program, self.summary.cells, self.api)
        self.summary.add(report)
        if self.progress is not None:
            self.progress(self.summary)
        return next((f for f in report.failures if f.signature not in self.known), None)

    def _still(self, program: Program, wanted: Failure) -> Failure | None:
        """A failure of the same kind, while a program is made smaller."""
        report = check(program, self.summary.cells, self.api, blame=False)
        return next((f for f in report.failures if f.kinship == wanted.kinship), None)
