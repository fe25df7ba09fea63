"""The defining cell against the model: a NumPy line a step, written from the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from difftest import model
from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.oracle import contract
from difftest.oracle.bits import same_bits


@judge("model")
def meaning(case: Case) -> Iterator[Failure]:
    """Every output and every new state that the model knows, call by call."""
    program = case.program
    state = {s.name: s.value.data for s in program.shared}
    draws = model.Draws()
    for number, call in enumerate(case.base.calls):
        arguments = dict(zip((i.name for i in program.arguments), call.inputs))
        given = {i.name: i.value.data for i in program.inputs} | arguments
        known = model.evaluate(program, {**given, **state}, draws)
        for k, (name, value) in enumerate(zip(program.outputs, call.outputs)):
            if name in known:
                yield from _against_model(case, number, k, name, value, known[name])
        yield from _state(case, number, known, state, call.state)
        state = call.state


def _state(
    case: Case, number: int, known: Mapping[str, np.ndarray], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Failure]:
    """What a call leaves behind: the new values of what is updated, the old ones of everything else."""
    updated = [v.name for v in case.base.function.updated]
    wanted = dict(case.program.updates)
    for name, value in after.items():
        if name not in updated and not same_bits(value, before[name]):
            what = f"{name} has no update, and changed from {before[name]!r} to {value!r}"
            yield Failure("model", BASE, what, f"the new value of {name}", number)
        elif name in updated and wanted.get(name) in known:
            k = len(case.program.outputs) + updated.index(name)
            yield from _against_model(case, number, k, f"the new value of {name}", value, known[wanted[name]])


def _against_model(
    case: Case, number: int, k: int, name: str, value: np.ndarray, expected: np.ndarray
) -> Iterator[Failure]:
    if value.dtype != expected.dtype or value.shape != expected.shape:
        what = f"dtype and shape {value.dtype}{value.shape}, documented {expected.dtype}{expected.shape}"
        yield Failure("model", BASE, what, name, number)
    elif same_bits(value, expected):
        case.count("elements", "identical", value.size)
    else:
        bound = case.walk(case.base, number).of(case.base.function.fgraph.outputs[k])
        met = contract.inside(expected, bound)
        yield from case.compared("model", BASE, met, name, number, value, expected)
        own = contract.inside(value, bound)
        if own.wrong.any() and not met.wrong.any():
            yield Failure("model", BASE, own.describe(value, expected), name, number, expected=own.interval())
