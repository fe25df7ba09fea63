"""A failing program made smaller by what we know of programs.

Owns the passes that Hypothesis cannot know: keep one output, drop updates, givens and calls, replace the result of a
step by an input that holds its value. Passes are repeated until none helps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from difftest import model
from difftest.program import Array, Input, Program
from difftest.strategies.programs import pruned

PATIENCE = 10.0
"""Seconds after which the smallest program so far is good enough."""


def reduced(program: Program, fails: Callable[[Program], bool]) -> Program:
    """The smallest program found for which `fails` still holds."""
    deadline = time.monotonic() + PATIENCE
    found = True
    while found:
        found = False
        for candidate in _smaller(program):
            if time.monotonic() > deadline:
                return program
            if _size(candidate) < _size(program) and fails(candidate):
                program, found = candidate, True
                break
    return program


def _size(program: Program) -> tuple[int, ...]:
    parts = (
        program.steps,
        program.calls,
        program.givens,
        program.updates,
        program.outputs,
        program.inputs,
        program.shared,
    )
    return (len(program.steps), sum(map(len, parts)), len(program.to_json()))


def _smaller(program: Program) -> Iterator[Program]:
    yield from _fewer_outputs(program)
    if program.calls:
        yield replace(program, calls=())
        yield replace(program, calls=program.calls[:-1])
    for k in range(len(program.givens)):
        yield pruned(replace(program, givens=program.givens[:k] + program.givens[k + 1 :]))
    for k in range(len(program.updates)):
        yield pruned(replace(program, updates=program.updates[:k] + program.updates[k + 1 :]))
    yield from _fewer_steps(program)
    yield from _plainer_values(program)


def _fewer_outputs(program: Program) -> Iterator[Program]:
    if len(program.outputs) > 1:
        for name in program.outputs:
            yield pruned(replace(program, outputs=(name,)))


def _fewer_steps(program: Program) -> Iterator[Program]:
    """Each step in turn becomes an input; and each output is taken one step earlier."""
    known = model.evaluate(
        replace(program, givens=()),
        {i.name: i.value.data for i in program.inputs} | {s.name: s.value.data for s in program.shared},
    )
    for step in reversed(program.steps):
        for name in step.results:
            if name in program.outputs:
                for operand in step.operands:
                    if isinstance(operand, str) and operand.startswith("v"):
                        outputs = tuple(operand if o == name else o for o in program.outputs)
                        yield pruned(replace(program, outputs=outputs))
        if step.operands and all(name in known for name in step.results) and not program.calls:
            new = tuple(Input(name, (False,) * known[name].ndim, Array(known[name])) for name in step.results)
            steps = tuple(s for s in program.steps if s is not step)
            if not set(step.results) & set(program.outputs):
                yield pruned(replace(program, steps=steps, inputs=program.inputs + new))


def _plainer_values(program: Program) -> Iterator[Program]:
    for k, i in enumerate(program.inputs):
        if i.value.layout != "C" and not program.calls:
            plain = replace(i, value=Array(i.value.data))
            yield replace(program, inputs=(*program.inputs[:k], plain, *program.inputs[k + 1 :]))
