"""Which other systems take part.

Owns the reading of ``NAME=PYTHON`` and the judge that asks the systems turned on. It must not know what they answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from difftest.case import JUDGES, Case, Failure
from difftest.cells import Cell
from difftest.systems.judge import judge
from difftest.systems.process import MODES, System

NAMES = ("theano", "pytensor", "jax")
"""Systems that have an adapter."""

VARIABLE = "DIFFTEST_SYSTEMS"


def systems_of(words: Sequence[str] = ()) -> tuple[System, ...]:
    """The systems written as ``NAME=PYTHON``, and those of the environment variable, separated by commas."""
    found = []
    for word in (*words, *filter(None, os.environ.get(VARIABLE, "").split(","))):
        name, _, python = word.partition("=")
        if name not in NAMES or not python:
            raise ValueError(f"{word!r} is no system: write NAME=PYTHON, with NAME one of {', '.join(NAMES)}")
        found.append(System(name, python))
    return tuple(dict.fromkeys(found))


def cells_of(words: Sequence[str] = ()) -> tuple[Cell, ...]:
    """Turn these systems on: from now on `check` asks them about every program. Returns the cells that join."""
    systems = systems_of(words)
    if systems:

        def asked(case: Case) -> Iterator[Failure]:
            for system in systems:
                verdict = judge(case.program, system)
                for (table, row), times in verdict.counts.items():
                    case.count(f"{system.name} {table}", row, times)
                yield from verdict.failures

        JUDGES["systems"] = asked
    else:
        JUDGES.pop("systems", None)
    return tuple(Cell(mode, system.name) for system in systems for mode in MODES)
