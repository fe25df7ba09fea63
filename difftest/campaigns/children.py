"""Processes that may die, and what their deaths tell.

Owns `perform`, which an executor calls in any thread of any machine: it hands work to the child process of its thread,
and starts another when that is gone. A death is an outcome: a crash or a hang, with the place in the code
that the interpreter's own fault handler wrote down. It must not know of stores or plans.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difftest.campaigns.outcome import CRASH, HANG, SEED, Outcome, RawFailure
from difftest.campaigns.plan import Example
from difftest.case import Failure
from difftest.cells import BASE, Cell
from difftest.processes import THREADS
from difftest.program import Program
from difftest.reduce import reduced
from difftest.reports.events import Finding
from difftest.repro import Repro

LIFE = 2000
"""After so many requests a child is replaced: what leaks in drivers shall not matter."""

PATIENCE = 60.0
"""Seconds spent on making the program of a crash or a hang smaller."""

MARGIN = 15.0
"""Seconds after which a child that did not stop itself is stopped."""

_FRAME = re.compile(r'File "([^"]+)", line (\d+) in (\S+)')


@dataclass(frozen=True)
class Death:
    """How a child ended, and the stack it ended with."""

    fate: str
    reason: str
    place: str
    stack: str

    def failure(self, cell: Cell, steps: Sequence[str] = ()) -> Failure:
        doing = f" in a program of {', '.join(steps)}" if steps else ""
        what = f"the process {self.reason} at {self.place}{doing}\n{self.stack}"
        return Failure(self.fate, cell, what, culprit=f"process {self.place}")

    @property
    def raw(self) -> RawFailure:
        return RawFailure.of(self.failure(BASE))


class Child:
    """One worker process."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile("ab+")  # noqa: SIM115  it lives as long as the child
        paths = os.pathsep.join(p or os.getcwd() for p in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "difftest.campaigns.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": paths},
        )
        self._answers: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.asked = 0
        if isinstance(born := self.ask({"do": "hello"}, 120.0), Death):
            raise RuntimeError(f"a worker process cannot begin: it {born.reason}\n{born.stack}")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def ask(self, form: Mapping[str, Any], timeout: float) -> dict[str, Any] | Death:
        """Hand over a request and wait for its answer, or for the end."""
        self.asked += 1
        self._errors.truncate(0)
        assert self._process.stdin is not None
        answer = None
        try:
            self._process.stdin.write(json.dumps({**form, "timeout": timeout}) + "\n")
            self._process.stdin.flush()
            answer = self._answers.get(timeout=timeout + MARGIN)
        except OSError:
            pass
        except queue.Empty:
            self._process.kill()
        return self._death() if answer is None else json.loads(answer)

    def _death(self) -> Death:
        code = self._process.wait()
        self._errors.seek(0)
        text = self._errors.read()[-20_000:].decode(errors="replace")
        self.close()
        place, stack = _place(text)
        if "Timeout (" in text or code == -signal.SIGKILL:
            return Death(HANG, "did not come to an end", place, stack)
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return Death(CRASH, f"died of {name}", place, stack)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._errors.close()


def _place(text: str) -> tuple[str, str]:
    """Where a process was when it ended, as ``file function``, and the stack below it down to the worker."""
    for block in re.split(r"\n\s*\n", text.replace("\nThread ", "\n\nThread ")):
        frames = _FRAME.findall(block)
        if any(file.endswith("worker.py") for file, _, _ in frames):
            shown = [f"{Path(file).name}:{line} {function}" for file, line, function in frames]
            top = f"{Path(frames[0][0]).name} {frames[0][2]}"
            return top, "\n".join(shown[:30])
    return "an unknown place", text[-2000:]


_mine = threading.local()
_all: list[Child] = []
_ended = threading.Event()


def child() -> Child:
    """The child of this thread."""
    if _ended.is_set():
        raise RuntimeError("the campaign has ended")
    found: Child | None = getattr(_mine, "child", None)
    if found is not None and found.asked >= LIFE:
        found.close()
        found = _mine.child = None
    if found is None:
        found = _mine.child = Child()
        _all.append(found)
    return found


def ask(form: Mapping[str, Any], timeout: float) -> dict[str, Any] | Death:
    answer = child().ask(form, timeout)
    if isinstance(answer, Death):
        _mine.child = None
    return answer


@contextmanager
def living() -> Iterator[None]:
    """While children may live in threads of this process; they end with it, whatever they are doing."""
    _ended.clear()
    try:
        yield
    finally:
        _ended.set()
        while _all:
            _all.pop().close()
        _mine.child = None


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job: a batch of examples, the explanation of a failure, a look at an old finding, the seed programs."""
    return {"batch": _batch, "explain": _explain, "again": _again, "seeds": _seeds}[job["do"]](job)


def _batch(job: Mapping[str, Any]) -> dict[str, Any]:
    outcomes = []
    for example in job["examples"]:
        answer = ask({**job, "do": "example", "examples": [], "example": example}, job["timeout"])
        if isinstance(answer, Death):
            died = Outcome(Example.from_json(example), answer.fate, Counter(), (answer.raw,))
            answer = died.to_json()
        outcomes.append(answer)
    return {"outcomes": outcomes}


def _again(job: Mapping[str, Any]) -> dict[str, Any]:
    answer = ask(job, job["timeout"])
    return {"fails": isinstance(answer, Death) or answer.get("fails", True)}


def _seeds(job: Mapping[str, Any]) -> dict[str, Any]:
    answer = ask(job, job["timeout"] + PATIENCE)
    if isinstance(answer, Death):
        died = Failure(SEED, BASE, answer.failure(BASE).message)
        return {"failures": [RawFailure.of(died).to_json()]}
    return answer


def _explain(job: Mapping[str, Any]) -> dict[str, Any]:
    raw = RawFailure.from_json(job["failure"])
    if raw.kind in (CRASH, HANG):
        return _explain_death(job, raw)
    answer = ask(job, job["timeout"] + 2 * PATIENCE)
    if isinstance(answer, Death) or "finding" not in answer:
        return {"finding": _as_it_was(job, raw)}
    return answer


def _as_it_was(job: Mapping[str, Any], raw: RawFailure) -> dict[str, Any]:
    """The finding without anything made small or found out."""
    example = Example.from_json(job["example"])
    return Finding.of(Repro(example.program(job["profile"]), raw.failure, str(example.address)), {}).to_json()


def _explain_death(job: Mapping[str, Any], raw: RawFailure) -> dict[str, Any]:
    """Which cell kills its process, and the smallest program found that does."""
    example = Example.from_json(job["example"])
    program = example.program(job["profile"])
    limit = job["timeout"] if raw.kind == CRASH else min(job["timeout"], 10.0)
    last: dict[str, Death] = {}

    def dies(candidate: Program, cell: Cell) -> bool:
        form = {"do": "again", "program": candidate.to_json(), "cells": [str(cell)]}
        answer = ask(form, limit)
        if isinstance(answer, Death) and answer.fate == raw.kind:
            last["death"] = answer
            return True
        return False

    chosen = dict.fromkeys([BASE, *map(Cell.parse, job["cells"])])
    cell = next((c for c in chosen if dies(program, c)), None)
    if cell is None:
        return {"finding": _as_it_was(job, raw)}
    smallest = reduced(program, lambda candidate: dies(candidate, cell), PATIENCE)
    failure = last["death"].failure(cell, [s.step for s in smallest.steps])
    return {"finding": Finding.of(Repro(smallest, failure, str(example.address)), {}).to_json()}

