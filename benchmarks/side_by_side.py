"""Columns measured side by side: what every table of speeds shares.

A column is a call, here or in a peer's interpreter. Rounds are interleaved (a, b, c, a, b, c, ...), so that a
noisy machine disturbs all alike; figures are medians. It must not know what the calls compute, and needs nothing
but the standard library: peers' environments run `serve`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

Call = Callable[[], object]
Measure = Callable[[], float]
BACKENDS = {"exact": ("reference", "exact"), "native": ("reference", "native"), "opencl": ("opencl", "exact")}
"""Column -> the backend, and the flag `float32_math`."""
SHORT = 0.5
"""Seconds that one round may take; slower columns run in a few rounds only."""
SETTLED = 8.0
"""Seconds of calls before the first round for who compiles small loops only when they have run often."""


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def serve(rows: Mapping[str, Callable[[], Call]]) -> None:
    """Answer lines: ``first ROW`` builds a row and takes its first result, ``again ROW`` calls it; each in seconds."""
    calls: dict[str, Call] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        verb, _, name = line.strip().partition(" ")
        start = time.perf_counter()
        if verb == "first":
            calls[name] = rows[name]()
        calls[name]()
        print(time.perf_counter() - start, flush=True)


class Peer:
    """Another library in another interpreter: `script` serves its rows there."""

    def __init__(self, script: Path, name: str, python: str):
        command = [python, str(script), name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{' '.join(command)} did not start")

    def ask(self, verb: str, row: str) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(verb, row, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def column(self, row: str) -> Measure:
        """What measures a call of the row, after its first."""
        self.ask("first", row)
        return lambda: self.ask("again", row)

    @classmethod
    def all(cls, script: Path, arguments: list[str]) -> dict[str, Peer]:
        """Those of the command line: ``--peer NAME=PYTHON``."""
        return {name: cls(script, name, python) for name, _, python in (text.partition("=") for text in arguments)}


def command_line(doc: str) -> argparse.ArgumentParser:
    """The options that tables of loops and of programs share."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON: a peer, and who runs it")
    parser.add_argument("--only", default="", help="rows whose names contain this text")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--report", choices=list(BACKENDS), help=argparse.SUPPRESS)
    parser.add_argument("--cache", default="", help=argparse.SUPPRESS)
    return parser


def first_result(script: str, column: str, row: str, folder: str) -> str:
    """Seconds from nothing to the first result, as the script's ``--report`` tells them in a fresh process.

    `folder` keeps the kernels, the script's own and the driver's.
    """
    command = [sys.executable, script, "--report", column, "--only", row, "--cache", folder]
    environment = os.environ | {"POCL_CACHE_DIR": folder}
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout.strip()


def medians(columns: Mapping[str, Measure], rounds: int, settling: tuple[str, ...] = ()) -> dict[str, float]:
    """The median of what each column's measure says, over interleaved rounds."""
    times: dict[str, list[float]] = {column: [] for column in columns}
    for column, measure in columns.items():
        start = time.perf_counter()
        while len(times[column]) < 3 or (column in settling and time.perf_counter() - start < SETTLED):
            times[column].append(measure())
    for k in range(rounds):
        for column, measure in columns.items():
            if k < 3 or times[column][-1] < SHORT:
                times[column].append(measure())
    return {column: median(found[-rounds:]) for column, found in times.items()}
