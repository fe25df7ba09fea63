"""Side conditions: what holds of every run, whatever its values (see `cells`), and of a call that fails."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BUILDING, Run
from difftest.oracle.bits import same_bits

SELDOM = 2
"""Of so many programs with state, one is called with an argument that cannot be right."""
FAR = 100
"""An index that is out of range nearly everywhere: it is noticed when the call is under way."""


@judge("side condition")
def conditions(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        for complaint in run.complaints:
            yield Failure("side condition", cell, complaint)
    random = Random(case.program.digest)
    able = [run for run in case.report.runs.values() if run.calls and run.trouble is None and run.function.updated]
    if able and case.program.arguments and random.randrange(SELDOM) == 0:
        # Only kernels that are built for a program write new values over old ones.
        building = [run for run in able if run.cell in BUILDING]
        for run in dict.fromkeys(map(random.choice, [able, building or able])):
            with case.built.api.config.change_flags(run.cell.settings):
                for complaint in _after_a_failure(case, run, random):
                    yield Failure("side condition", run.cell, complaint)
            case.built.reset()


def _after_a_failure(case: Case, run: Run, random: Random) -> Iterator[str]:
    """A call that raises leaves all state as it was, and the function as useful as before."""
    f, first = run.function, run.calls[0]
    arguments = first.inputs[: len(case.program.arguments)]
    places = [k for k, x in enumerate(arguments) if x.ndim and x.size]
    indices = [k for k in places if arguments[k].dtype.kind in "iu" and random.random() < 0.75]
    for k, far in (*((k, True) for k in indices), *((k, False) for k in random.sample(places, len(places)))):
        axis = random.randrange(arguments[k].ndim)
        wrong = [x.copy() for x in arguments]
        wrong[k] = np.full_like(wrong[k], FAR) if far else np.concatenate([wrong[k], wrong[k]], axis)
        case.built.reset()
        # A call that succeeds leaves its state where the next one works on it.
        _raised(f, [x.copy() for x in arguments])
        error = _raised(f, wrong)
        if error is None:
            continue
        case.count("failed call", type(error).__name__)
        after = case.built.shared_values()
        if not all(same_bits(after[name], value) for name, value in first.state.items()):
            yield f"a call that raised {type(error).__name__} changed the state"
        case.built.reset()
        with contextlib.redirect_stdout(io.StringIO()):
            again = f(*[x.copy() for x in arguments])
        if not all(map(same_bits, map(np.asarray, again), first.outputs)):
            yield f"after a call that raised {type(error).__name__} the first call gives something else"
        return


def _raised(f: Any, arguments: list[np.ndarray]) -> Exception | None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            f(*arguments)
    except Exception as error:
        return error
    return None
