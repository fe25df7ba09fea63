"""Columns measured side by side: what every table of speeds shares.

A column is a process that answers for its rows: this package on one of its backends, NumPy by hand, or a peer in its
own interpreter. Rounds are interleaved (a, b, c, a, b, c, ...), so that a noisy machine disturbs all alike; figures are
medians. It must not know what the rows compute, and needs nothing but the standard library: peers run `serve`, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from statistics import median
from typing import TypeVar

Call = Callable[[], object]
Make = Callable[[], Call]
Measure = Callable[[], float]
Tables = Mapping[str, Mapping[str, Make]]
"""By the name of a table, and that of a row of it: what makes the call."""
SHORT = 0.5
"""Seconds that one round may take; slower columns run in a few rounds only."""
BURST = 0.05
"""Seconds that a column has for calls when it is its turn: a single call between other processes' would find all caches
cold and threads asleep."""
SETTLED = 15.0
"""Seconds of calls before the first round, for who compiles small loops only when they have run often."""
CACHES = ("POCL_CACHE_DIR", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR")
"""What says where this package, a driver or a peer keeps compiled code; PyTensor has a flag."""
Drawn = TypeVar("Drawn")
_drawing = [0.0]
"""Seconds that a row's numbers have taken to draw."""


def drawn(numbers: Callable[..., Drawn]) -> Callable[..., Drawn]:
    """Of a function that draws a row's numbers: they are there before a program begins, and not counted."""

    @wraps(numbers)
    def timed(*sizes: object) -> Drawn:
        start = time.perf_counter()
        try:
            return numbers(*sizes)
        finally:
            _drawing[0] += time.perf_counter() - start

    return timed


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_a_row(call: Call) -> float:
    """The median of calls that follow one another for a while, as they do in a program."""
    times = [seconds(call)]
    while sum(times) < BURST:
        times.append(seconds(call))
    return median(times)


def serve(tables: Tables, version: str = "") -> None:
    """Answer lines with seconds: ``first TABLE/ROW`` makes a row, its numbers aside, and takes its first result,
    ``again ...`` calls it a few times.

    A row that cannot be made here raises NotImplementedError; the answer is "none".
    """
    rows = {f"{table}/{name}": make for table, among in tables.items() for name, make in among.items()}
    calls: dict[str, Call] = {}
    print("ready", version, flush=True)
    for line in sys.stdin:
        verb, _, name = line.strip().partition(" ")
        start = time.perf_counter() - _drawing[0]
        if verb == "first":
            calls.clear()
            try:
                calls[name] = rows[name]()
            except NotImplementedError:
                print("none", flush=True)
                continue
            calls[name]()
        took = time.perf_counter() - _drawing[0] - start
        print(took if verb == "first" else in_a_row(calls[name]), flush=True)


class Server:
    """A process that runs `serve`."""

    def __init__(self, command: Iterable[str], environment: Mapping[str, str]):
        self.process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )
        ready, _, self.version = self._line().partition(" ")
        if ready != "ready":
            raise RuntimeError(f"{' '.join(command)} did not start")

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, verb: str, row: str) -> float | None:
        """Seconds; None of a row that it has not got."""
        assert self.process.stdin is not None
        print(verb, row, file=self.process.stdin, flush=True)
        answer = self._line()
        if not answer:
            raise RuntimeError(f"{' '.join(map(str, self.process.args))} ended at {verb} {row}")  # type: ignore[arg-type]
        return None if answer == "none" else float(answer)

    def column(self, row: str) -> Measure:
        """What measures a call of a row that is made already."""
        return lambda: self.ask("again", row) or 0.0

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Column:
    """Who computes: the command of its process, and what is set in its environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, **more: str) -> Server:
        return Server(self.command, self.environment | more)


def with_flags(flags: str) -> dict[str, str]:
    """An environment with these flags of this package, beside those that are set."""
    return {"REFERENCE_FLAGS": ",".join(filter(None, (os.environ.get("REFERENCE_FLAGS", ""), flags)))}


def own_columns(script: Path, drivers: Iterable[str]) -> list[Column]:
    """NumPy by hand, the reference under both values of ``float32_math``, and OpenCL on each of the drivers."""

    def serving(name: str, rows: str, flags: str) -> Column:
        return Column(name, (sys.executable, str(script), "serve", rows), with_flags(flags))

    columns = [serving("NumPy", "numpy", "")]
    columns += [serving(math, "reference", f"float32_math={math}") for math in ("exact", "native")]
    for name, _, device in (text.partition("=") for text in drivers):
        columns.append(serving(name, "opencl", f"opencl.device={device}"))
    return columns


def peer_columns(script: Path, peers: Iterable[str]) -> list[Column]:
    """Other libraries, each in the interpreter that has it: NAME=PYTHON."""
    return [Column(name, (python, str(script), name)) for name, _, python in (text.partition("=") for text in peers)]


def medians(measures: Mapping[str, Measure], rounds: int, settling: Container[str] = ()) -> dict[str, float]:
    """The median of what each column's measure says, over interleaved rounds; those that settle are given time to."""
    times: dict[str, list[float]] = {column: [] for column in measures}
    for column, measure in measures.items():
        start = time.perf_counter()
        while len(times[column]) < 3 or (column in settling and time.perf_counter() - start < SETTLED):
            times[column].append(measure())
    for k in range(rounds):
        for column, measure in measures.items():
            if k < 3 or times[column][-1] < SHORT:
                times[column].append(measure())
    return {column: median(found[-rounds:]) for column, found in times.items()}


def first_results(column: Column, row: str) -> tuple[float, ...]:
    """Seconds from a started interpreter, all imported, to the first result: with nothing compiled before, and in
    another process that finds what the first one has kept. Empty for a row that it has not got. Python keeps its own
    bytecode."""
    with tempfile.TemporaryDirectory() as folder:
        kept = dict.fromkeys(CACHES, folder)
        kept |= {"PYTENSOR_FLAGS": f"base_compiledir={folder}", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        flags = [column.environment.get("REFERENCE_FLAGS", ""), f"opencl.cache_dir={folder}"]
        kept |= {"REFERENCE_FLAGS": ",".join(filter(None, flags)), "PYTHONDONTWRITEBYTECODE": ""}
        found = []
        for _ in "12":
            server = column.start(**kept)
            found.append(server.ask("first", row))
            server.close()
        return tuple(f for f in found if f is not None)
