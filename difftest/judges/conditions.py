"""Side conditions: what holds of every run, whatever its values (see `cells`), and of a call that fails."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import Run
from difftest.oracle.bits import same_bits

SELDOM = 2
"""Of so many programs with state, one is called with an argument that cannot be right."""


@judge("side condition")
def conditions(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        for complaint in run.complaints:
            yield Failure("side condition", cell, complaint)
    random = Random(case.program.digest)
    able = [run for run in case.report.runs.values() if run.calls and run.trouble is None and run.function.updated]
    if able and case.program.arguments and random.randrange(SELDOM) == 0:
        run = random.choice(able)
        with case.built.api.config.change_flags(run.cell.settings):
            for complaint in _after_a_failure(case, run, random):
                yield Failure("side condition", run.cell, complaint)
        case.built.reset()


def _after_a_failure(case: Case, run: Run, random: Random) -> Iterator[str]:
    """A call that raises leaves all state as it was, and the function as useful as before."""
    f, first = run.function, run.calls[0]
    arguments = first.inputs[: len(case.program.arguments)]
    places = [k for k, x in enumerate(arguments) if x.ndim and x.size]
    for k in random.sample(places, len(places)):
        axis = random.randrange(arguments[k].ndim)
        wrong = [x.copy() for x in arguments]
        wrong[k] = np.concatenate([wrong[k], wrong[k]], axis)
        case.built.reset()
        before = _state(f)
        error = _raised(f, wrong)
        if error is None:
            continue
        case.count("failed call", type(error).__name__)
        if not all(map(same_bits, before, _state(f))):
            yield f"a call that raised {type(error).__name__} changed the state"
        case.built.reset()
        with contextlib.redirect_stdout(io.StringIO()):
            again = f(*[x.copy() for x in arguments])
        if not all(map(same_bits, map(np.asarray, again), first.outputs)):
            yield f"after a call that raised {type(error).__name__} the first call gives something else"
        return


def _state(f: Any) -> list[np.ndarray]:
    return [np.array(s.get_value()) for s in f.get_shared()]


def _raised(f: Any, arguments: list[np.ndarray]) -> Exception | None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            f(*arguments)
    except Exception as error:
        return error
    return None
