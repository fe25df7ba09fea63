"""The defining cell against the model: a NumPy line a step, written from the documentation."""

from __future__ import annotations

from collections.abc import Iterator

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
        state = call.state


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
