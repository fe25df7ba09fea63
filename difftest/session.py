"""Many programs in one process: draw by address, check, make smaller what fails, go on.

Owns `Address`, `Session`, which checks one program after another and keeps what it found, and `campaign`, which runs
a session until its examples or its time are spent. Any example can be drawn again from its address alone. A fault is
reported once: what has a signature that is known is left alone. The seed programs come first.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from difftest.case import Counts, Failure, Report
from difftest.cells import BASE, BUILDING, SELDOM, UNSAFE, Cell, cells
from difftest.program import Program
from difftest.reduce import smallest
from difftest.relations import asked, rotated
from difftest.repro import Repro
from difftest.strategies import STEPS, drawn
from difftest.strategies.drills import is_compiled
from difftest.strategies.forms import FORMS
from difftest.verdict import check

TURNS = ("relation", "unsafe", "exact", "relation", "relation", "exact", "unsafe", "seldom")
"""Every program runs unoptimized and fully optimized. One thing more is asked of it, in turn: the next relation that
applies, the cell that admits every rewrite, those that keep all bits, one of those that are seldom run."""


@dataclass(frozen=True)
class Address:
    """Where an example stands: the campaign's name, the shard, the number. Its program follows from it."""

    campaign: str
    shard: int
    number: int

    @property
    def seed(self) -> int:
        return int.from_bytes(hashlib.sha256(str(self).encode()).digest()[:8], "big")

    def __str__(self) -> str:
        return f"{self.campaign}:{self.shard}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address written as ``campaign:shard:number``."""
        name, shard, number = text.rsplit(":", 2)
        return cls(name, int(shard), int(number))


@dataclass(eq=False)
class Summary:
    """What a session did. `counts` adds up the counts of every report; `processor` is the time that its processes were
    computing, all of them together, where that is known."""

    cells: tuple[Cell, ...] = ()
    programs: int = 0
    runs: int = 0
    seconds: float = 0.0
    counts: Counts = field(default_factory=Counter)
    findings: list[Repro] = field(default_factory=list)
    processor: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.findings

    def of(self, table: str) -> Counter[str]:
        """The rows of one table."""
        return Counter({row: n for (name, row), n in self.counts.items() if name == table})

    def never_formed(self) -> list[str]:
        """The forms (of loops, above all) that no program was an example of."""
        formed = self.of("form")
        return [name for name in FORMS if name not in formed]

    def never_drawn(self) -> list[str]:
        drawn = self.of("step")
        return [name for name in STEPS if name not in drawn]

    def add(self, report: Report) -> None:
        self.programs += 1
        self.runs += len(report.runs)
        self.counts.update(report.counts)


Progress = Callable[[Summary], None]


SOON = 48
"""So many programs come before the first in a cell that builds a kernel for every loop: a session that begins with no
built kernels spends its first minute on the general ones. Such a cell gets drills, which have few loops."""


class Session:
    """Checks programs one after another in this process; `summary` holds what was done and found."""

    def __init__(
        self,
        chosen: Sequence[Cell] = cells(),
        profile: str = "all",
        api: Any = None,
        known: Iterable[tuple[str, ...]] = (),
    ):
        self.cells, self.profile, self.api = tuple(chosen), profile, api
        backends = {cell.backend for cell in self.cells} | {BASE.backend}
        self.seldom = [cell for cell in SELDOM if cell.backend in backends]
        self.known: set[tuple[str, ...]] = set(known)
        self.summary = Summary(self.cells)

    def program(self, address: Address) -> Program:
        return drawn(address.seed, self.profile, address.number)

    def cells_for(self, number: int) -> tuple[Cell, ...]:
        """Those of the session's cells whose turn it is, and now and then one of the seldom ones."""
        turn, place = divmod(number, len(TURNS))
        always = tuple(cell for cell in self.cells if cell.mode != "EXACT")
        if self.profile == "all" and is_compiled(number):
            return (*self.cells, *[cell for cell in self.seldom if cell in BUILDING])
        if TURNS[place] == "exact" or not always:
            return self.cells
        if TURNS[place] == "relation":
            return always
        if TURNS[place] == "unsafe":
            return (*always, UNSAFE)
        able = [cell for cell in self.seldom if number >= SOON or cell not in BUILDING]
        return (*always, able[turn % len(able)])

    def example(self, address: Address) -> Repro | None:
        """Draw and check the program at an address."""
        return self.check(self.program(address), address)

    def check(self, program: Program, address: Address) -> Repro | None:
        """Check one program; a failure that is not known yet is made small, and is a finding."""
        report = self.look(program, address)
        failure = next((f for f in report.failures if f.signature not in self.known), None)
        return None if failure is None else self._found(program, failure, self.cells_for(address.number), address)

    def look(self, program: Program, address: Address) -> Report:
        """What every judge says of a program, in the cells whose turn it is; and the next relation that applies."""
        turn, place = divmod(address.number, len(TURNS))
        earlier = turn * TURNS.count("relation") + TURNS[:place].count("relation")
        relations = rotated(earlier) if TURNS[place] == "relation" else ()
        report = check(program, self.cells_for(address.number), self.api, relations=relations, most=1)
        self.summary.add(report)
        return report

    def check_seeds(self) -> None:
        """Check the programs this project was made for, on the reference if it takes part: the tests run them on every
        backend, and elsewhere the first of a session's kernels would be built for them."""
        from difftest.seeds import seed_failures

        chosen = [cell for cell in self.cells if cell.backend == BASE.backend] or self.cells
        for program, failure in seed_failures(chosen):
            self.summary.findings.append(Repro(program, failure))
            self.known.add(failure.signature)

    def _found(self, program: Program, failure: Failure, chosen: Sequence[Cell], address: Address) -> Repro | None:
        """Make the program smaller, and find out who is to blame in the smallest."""
        self.known.add(failure.signature)
        small = smallest(program, failure, chosen, self.api)
        report = check(small, chosen, self.api, relations=asked(failure.kind))
        final = next((f for f in report.failures if f.kinship == failure.kinship), failure)
        again = final.signature != failure.signature and final.signature in self.known
        self.known.add(final.signature)
        if again:
            return None
        repro = Repro(small, final, str(address))
        self.summary.findings.append(repro)
        return repro


def campaign(
    examples: int | None = None,
    time_budget: float | None = 60.0,
    backends: Sequence[str] = ("reference",),
    profile: str = "all",
    first_seed: int = 0,
    progress: Progress | None = None,
    api: Any = None,
    workers: int = 1,
) -> Summary:
    """Check programs until `examples` or `time_budget` seconds are spent; returns what was found.

    The same arguments check the same programs, however many processes share them; a time budget only decides how many.
    Another `api` is tried in this process.
    """
    started, chosen, name = time.monotonic(), cells(backends), f"seed{first_seed}"

    def over() -> bool:
        return time_budget is not None and time.monotonic() - started >= time_budget

    if workers > 1 and api is None:
        from difftest.processes import shared_out

        summary = shared_out(chosen, profile, name, workers, examples, over, progress)
    else:
        summary = _alone(Session(chosen, profile, api), name, examples, over, progress)
    summary.seconds = time.monotonic() - started
    return summary


def _alone(
    session: Session, name: str, examples: int | None, over: Callable[[], bool], progress: Progress | None
) -> Summary:
    """A session in this process."""
    computed = time.process_time()
    session.check_seeds()
    number = 0
    while (examples is None or number < examples) and not over():
        session.example(Address(name, 0, number))
        number += 1
        if progress is not None:
            progress(session.summary)
    session.summary.processor = time.process_time() - computed
    return session.summary
