"""The one process that hands out work and writes down what came back.

Owns the loop of a campaign over any `concurrent.futures.Executor`: threads with a child process each, or Dask's. What
was recorded is never run again, what was not is run: a campaign goes on where it was killed. It must not know
what examples do, nor how a child is watched.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from difftest.campaigns import children
from difftest.campaigns.outcome import SEED, Outcome, RawFailure
from difftest.campaigns.plan import LAG, Example, Settings, planned
from difftest.campaigns.store import Store
from difftest.reports.events import Finding, Results
from difftest.session import Address, Summary

ATTEMPTS = 3
"""How often a job is handed out that an executor, not a program, failed to do."""

Job = dict[str, Any]


@dataclass
class State:
    """What progress shows."""

    programs: int = 0
    now: int = 0
    """Programs since this sitting began."""
    failures: int = 0
    covered: int = 0
    corpus: int = 0
    waiting: int = 0
    seconds: float = 0.0


Watch = Callable[[State], None]


@contextmanager
def local(workers: int) -> Iterator[tuple[Executor, int]]:
    """Threads of this process, each with a child that does the work."""
    executor = ThreadPoolExecutor(workers)
    with children.living():
        try:
            yield executor, workers
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def dask(address: str) -> Iterator[tuple[Executor, int]]:
    """The workers of a Dask cluster, by the address of its scheduler."""
    try:
        from distributed import Client
    except ImportError as error:
        raise SystemExit("--dask needs Dask: pip install 'theano-reference[campaigns]'") from error
    with Client(address) as client:
        yield client.get_executor(retries=0), sum(client.nthreads().values()) or 1


@dataclass
class Coordinator:
    """A campaign while it runs. `examples` is how many it has in all, `seconds` how long this sitting may last."""

    store: Store
    settings: Settings
    executor: Executor
    workers: int
    examples: int | None = None
    seconds: float | None = None
    watch: Watch | None = None
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        store, settings = self.store, self.settings
        store.begin(settings)
        self._done = store.done(settings.name)
        self._covered = store.covered(settings.name)
        self._corpus = store.corpus(settings)
        self._rounds = [settings.round_of(address) for address, _ in self._corpus]
        self._closed = 0
        self._open: dict[int, int] = {}
        for place in self._done:
            self._count(place)
        self._jobs: deque[Job] = deque()
        self._asked: set[str] = set()
        self._running: dict[Future[Any], Job] = {}
        self._batches = self._remaining()
        self._next: Job | None = None
        self._old: list[Finding] = []

    def run(self) -> None:
        """Work until the examples or the time are spent; what failed on the way is explained before the end."""
        began, name = time.monotonic(), self.settings.name
        sitting = self.store.sit_down(name, time.time(), self.workers)
        self._close_rounds()
        self._look_again()
        self._explain()
        try:
            while True:
                self.state.seconds = time.monotonic() - began
                over = self.seconds is not None and self.state.seconds >= self.seconds
                self._hand_out(over)
                self._tell()
                if not self._running:
                    break
                finished, _ = wait(self._running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._take(future, self._running.pop(future))
                if finished:
                    self._close_rounds()
                    self.store.sat(sitting, time.monotonic() - began, self.state.now)
        finally:
            for future in self._running:
                future.cancel()

    def _tell(self) -> None:
        state = self.state
        state.programs, state.covered, state.corpus = len(self._done), len(self._covered), len(self._corpus)
        state.waiting = len(self._jobs)
        if self.watch is not None:
            self.watch(state)

    # What there is to do.

    def _hand_out(self, over: bool) -> None:
        """Keep every worker busy, and one job ahead of each."""
        while len(self._running) < 2 * self.workers:
            job = self._jobs.popleft() if self._jobs else None if over else self._batch()
            if job is None:
                return
            self._running[self.executor.submit(children.perform, job)] = job

    def _batch(self) -> Job | None:
        """The next batch of examples, if its round may begin."""
        if self._next is None:
            self._next = next(self._batches, None)
        if self._next is None or self._next["round"] > self._closed + LAG - 1:
            return None
        job, self._next = self._next, None
        usable = self._corpus[: bisect_right(self._rounds, job["round"] - LAG)]
        examples = [planned(self.settings, Address.parse(a), usable) for a in job["addresses"]]
        return self._job("batch", examples=[e.to_json() for e in examples])

    def _remaining(self) -> Iterator[Job]:
        """Batches of the examples that were not run, in order: their round and their addresses."""
        settings, first = self.settings, 0
        while self.examples is None or first < self.examples:
            last = first + settings.batch if self.examples is None else min(first + settings.batch, self.examples)
            places = [p for p in range(first, last) if p not in self._done]
            if places:
                yield {
                    "round": first // settings.round_size,
                    "addresses": [str(settings.address(p)) for p in places],
                }
            first += settings.batch

    def _job(self, do: str, **form: Any) -> Job:
        return {
            "do": do,
            "profile": self.settings.profile,
            "cells": [str(cell) for cell in self.settings.cells],
            "timeout": self.settings.timeout,
            **form,
        }

    def _explain(self) -> None:
        """Ask for a finding for every failure that has none."""
        for failure, example in self.store.unexplained(self.settings.name):
            if failure.key not in self._asked:
                self._asked.add(failure.key)
                job = self._job("explain", failure=failure.to_json(), example=example.to_json())
                self._jobs.append(job)

    def _look_again(self) -> None:
        """The code has changed: try the seed programs, and that of every finding, again."""
        name = self.settings.name
        if self.store.code(name) == fingerprint():
            return
        self._old = self.store.findings(name)
        self._jobs.append(self._job("seeds"))
        for number, finding in enumerate(self._old):
            if finding.source:
                repro = finding.repro
                job = self._job("again", program=repro.program.to_json(), kinship=list(repro.failure.kinship))
                self._jobs.append({**job, "cells": [finding.cell], "finding": number})
        self.store.looked_again(name, fingerprint())

    # What came back.

    def _take(self, future: Future[Any], job: Job) -> None:
        try:
            answer = future.result()
        except Exception:
            job["attempts"] = job.get("attempts", 0) + 1
            if job["attempts"] >= ATTEMPTS:
                raise
            self._jobs.appendleft(job)
            return
        if job["do"] == "batch":
            self._record(job, answer)
        elif job["do"] == "explain":
            failure = RawFailure.from_json(job["failure"])
            self.store.explain(self.settings.name, failure, Finding.from_json(answer["finding"]))
            self._asked.discard(failure.key)
        elif job["do"] == "seeds":
            self._record_seeds(answer)
        else:
            finding = self._old[job["finding"]]
            self.store.gone(self.settings.name, finding, "" if answer["fails"] else fingerprint())

    def _record(self, job: Job, answer: dict[str, Any]) -> None:
        examples = map(Example.from_json, job["examples"])
        outcomes = [
            Outcome.from_json(example, {**form, "reached": set(form["reached"]) - self._covered})
            for example, form in zip(examples, answer["outcomes"])
        ]
        self.store.record(self.settings, outcomes, time.time())
        for outcome in outcomes:
            place = self.settings.index(outcome.example.address)
            self._done.add(place)
            self._count(place)
            self.state.now += 1
            self.state.failures += bool(outcome.failures)
        if any(outcome.failures for outcome in outcomes):
            self._explain()

    def _record_seeds(self, answer: dict[str, Any]) -> None:
        """The seed programs fail as they did, otherwise, or no more."""
        name = self.settings.name
        failures = list(map(RawFailure.from_json, answer.get("failures", [])))
        failing = {failure.signature for failure in failures}
        for finding in self._old:
            if finding.kind == SEED and finding.signature not in failing:
                self.store.gone(name, finding, fingerprint())
        self.store.met(name, failures, Example(Address(name, 0, -1)), time.time())
        self._explain()

    def _count(self, place: int) -> None:
        number = place // self.settings.round_size
        self._open[number] = self._open.get(number, 0) + 1

    def _close_rounds(self) -> None:
        """Feed what complete rounds reached back, in the order of their examples, whoever was faster."""
        settings = self.settings
        while self._open.get(self._closed, 0) == settings.round_size:
            new: dict[str, int] = {}
            joined: list[tuple[int, list[int]]] = []
            for place, reached, choices in self.store.reached(settings, self._closed):
                first = [cell for cell in reached if cell not in self._covered]
                if first:
                    self._covered.update(first)
                    new.update(dict.fromkeys(first, place))
                    joined.append((place, choices))
            self.store.close_round(settings, self._closed, new, joined)
            for place, choices in joined:
                self._corpus.append((settings.address(place), choices))
                self._rounds.append(self._closed)
            self._closed += 1


@cache
def fingerprint() -> str:
    """Names the code that is tested and the code that tests."""
    found = hashlib.sha256()
    root = Path(__file__).parents[2]
    for package in ("reference", "opencl_backend", "difftest"):
        for path in sorted((root / package).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def results(store: Store, name: str) -> Results:
    """Everything that is known of a campaign."""
    settings = store.settings(name)
    assert settings is not None
    counts, findings, sittings = store.counts(name), tuple(store.findings(name)), store.sittings(name)
    summary = Summary(
        settings.cells,
        len(store.done(name)),
        counts["runs", "all"],
        sum(seconds for _, seconds, _, _ in sittings),
        counts,
        [f.repro for f in findings],
    )
    replay = f"python -m difftest replay ADDRESS --db {store.path.parent}"
    covered, corpus = len(store.reached_at_all(name)), len(store.corpus(settings))
    return Results(f"campaign {name}", summary, findings, sittings, covered, corpus, replay)
