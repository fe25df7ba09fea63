"""Many programs on other systems: draw, judge, make smaller what differs, name who did it.

Owns `Session` and `Finding`. A difference is told once: programs whose signature is known are only counted. The
signature is the kind, and the rewrite without which the system is right, or the steps of the smallest program.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from difftest.program import Program
from difftest.reduce import reduced
from difftest.strategies import drawn
from difftest.systems.judge import Verdict, judge, judged
from difftest.systems.process import System, job
from difftest.verdict import Failure

ENOUGH = 2
"""Programs of one kind at one step that are made smaller; more are only counted."""


PATIENCE = 8.0
"""Seconds for making one program smaller."""

RAISED = ("refusal", "optimizer error")
OPTIMIZED = ("optimizer", "optimizer error", "special")
TRACED = (*RAISED, "semantics", "dtype")
"""Kinds whose culprit is a step or an exception; who changed a value while optimizing is searched for."""


@dataclass(eq=False)
class Finding:
    """A difference, the smallest program that shows it, and how often it was seen."""

    system: System
    program: Program
    failure: Failure
    seed: int
    signature: str
    times: int = 1
    rewrites: tuple[str, ...] = ()


@dataclass(eq=False)
class Session:
    """What was run on one system, and found."""

    system: System
    programs: int = 0
    seconds: float = 0.0
    judging: float = 0.0
    """Seconds spent on the programs themselves; the rest went into making findings small."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    coarse: dict[str, list[Finding]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def run(self, first_seed: int, time_budget: float, examples: int | None = None, profile: str = "all") -> Session:
        """Programs from consecutive seeds, until the time or the examples are spent."""
        started = time.monotonic()
        seed = first_seed
        while time.monotonic() - started < time_budget and (examples is None or seed - first_seed < examples):
            self.one(drawn(seed, profile, seed - first_seed), seed)
            seed += 1
        self.seconds += time.monotonic() - started
        return self

    def one(self, program: Program, seed: int = 0) -> None:
        """Judge one program; what is new is made smaller and kept."""
        self.programs += 1
        started = time.monotonic()
        verdict = judge(program, self.system)
        self.judging += time.monotonic() - started
        self.counts.update(verdict.counts)
        for step in program.steps if verdict.compared else ():
            self.counts["step", step.step] += 1
        for failure in verdict.failures:
            self._add(program, failure, seed)

    def _add(self, program: Program, failure: Failure, seed: int) -> None:
        rough = f"{failure.culprit} {_about(failure)}"
        self.seen[rough] += 1
        if self.seen[rough] > ENOUGH:
            for finding in self.coarse.get(rough, [])[-1:]:
                finding.times += 1
            return

        def same(other: Failure) -> bool:
            return other.kind == failure.kind and (failure.kind not in TRACED or other.culprit == failure.culprit)

        def fails(candidate: Program) -> bool:
            try:
                return any(same(f) for f in judge(candidate, self.system).failures)
            except Exception:
                return False  # made smaller than makes sense: its text cannot be written

        try:
            smallest = reduced(program, fails, PATIENCE)
        except Exception:
            smallest = program  # a step that making smaller has gone too far with
        verdict = judge(smallest, self.system)
        final = next((f for f in verdict.failures if same(f)), failure)
        rewrites = self._guilty(smallest, verdict, same) if failure.kind in OPTIMIZED else ()
        signature = _signature(final, smallest, rewrites)
        for finding in self.findings:
            if finding.signature == signature:
                finding.times += 1
                if len(smallest.to_json()) < len(finding.program.to_json()):
                    finding.program, finding.failure, finding.seed = smallest, final, seed
                return
        self.findings.append(Finding(self.system, smallest, final, seed, signature, 1, rewrites))
        self.coarse.setdefault(rough, []).append(self.findings[-1])

    def _guilty(self, program: Program, verdict: Verdict, same: Callable[[Failure], bool]) -> tuple[str, ...]:
        """Rewrites of the system without which the program is right: one if one will do."""

        def right_without(names: Sequence[str]) -> bool:
            answer = self.system.worker.ask(job(program, exclude=names))
            return "runs" in answer and not any(same(f) for f in judged(program, self.system, answer).failures)

        names = verdict.rewrites[:40]
        single = next((name for name in names if right_without([name])), None)
        if single is not None:
            return (single,)
        if not right_without(names):
            return ()
        needed = list(names)
        for name in names:
            rest = [n for n in needed if n != name]
            if right_without(rest):
                needed = rest
        return tuple(needed)


def _about(failure: Failure) -> str:
    """What tells one difference at a step from another: the dtypes, or the exception."""
    if failure.kind == "dtype":
        return failure.message
    return failure.message[:60] if failure.kind in RAISED else ""


def _signature(failure: Failure, program: Program, rewrites: Sequence[str]) -> str:
    """Equal for findings that are probably one difference."""
    if rewrites:
        who = f"without {' and '.join(rewrites)}"
    elif failure.kind in TRACED and not failure.culprit.endswith(" grad"):
        who = failure.culprit.partition(" ")[2]
    else:
        who = " ".join(sorted({s.step for s in program.steps}))
    return f"{failure.kind}: {who} {_about(failure)}".strip()
