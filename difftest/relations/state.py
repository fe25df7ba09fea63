"""Relations about state: two calls are one call of the program written twice, or a loop; draws disturb nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from difftest.case import Case
from difftest.cells import Call
from difftest.loop import Loop, Sequence_, State, body
from difftest.program import Array, Input, Operand, Program, Shared, Step
from difftest.relations.functions import shared_of
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, families, paired, renamed
from difftest.strategies import STEPS
from difftest.strategies.drawing import Draw


@relation("MR19", "two calls are one call of the program written twice, new state read for old", subject="function")
def two_calls_in_one(case: Case, draw: Draw) -> Iterator[Twin]:
    """f(x); f(y), with s <- g(s, x) -> one function of x and y, with s <- g(g(s, x), y)"""
    program, surgery = case.program, Surgery(case)
    if len(program.calls) < 1 or program.givens or program.moved or families(program) & {"random", "print", *SLOPES}:
        return
    if any(s not in surgery.types or surgery.types[s] != surgery.types.get(by) for s, by in program.updates):
        return
    second = {i.name: f"{i.name}n" for i in program.inputs} | dict(program.updates)
    made = {n: f"{n}n" for s in program.steps for n in s.results}
    names = {**second, **made}
    steps = tuple(replace(renamed(s, names), results=tuple(made[r] for r in s.results)) for s in program.steps)
    inputs = tuple(replace(i, name=second[i.name], value=v) for i, v in zip(program.inputs, program.calls[0]))
    twin = replace(
        program,
        inputs=(*program.inputs, *inputs),
        steps=(*program.steps, *steps),
        outputs=tuple(names.get(o, o) for o in program.outputs),
        updates=tuple((s, names.get(by, by)) for s, by in program.updates),
        calls=(),
    )
    yield Twin(twin, paired(program.outputs, names), calls=[(1, 0)], shared=shared_of(program))


@relation("MR20", "a draw that nobody asked for changes no other", subject="random")
def another_draw(case: Case, draw: Draw) -> Iterator[Twin]:
    """rng.normal() -> rng.normal(), and beside it a draw from another stream"""
    program, surgery = case.program, Surgery(case)
    if "random" not in families(program):
        return
    name = next(surgery.fresh())
    more = Step("uniform", (), {"seed": draw.integer(0, 3), "size": (2,), "dtype": "float64"}, (name,))
    place = draw.integer(0, len(program.steps))
    steps = (*program.steps[:place], more, *program.steps[place:])
    outputs = (name, *program.outputs) if draw.flag() else (*program.outputs, name)
    yield Twin(replace(program, steps=steps, outputs=outputs), paired(program.outputs), shared=shared_of(program))


@relation("MR31", "state may be passed in, and an argument may be state", subject="function")
def state_or_argument(case: Case, draw: Draw) -> Iterator[Twin]:
    """x an input -> x a shared variable with that value; s a shared variable that nothing updates -> an input"""
    program, surgery = case.program, Surgery(case)
    keys = {k for k, _ in program.givens}
    inputs = [
        i for i in program.inputs
        if not any(i.broadcastable) and i.name not in keys and _never_changes(program, i)
    ]  # fmt: skip
    if inputs and not any(map(_strict, program.steps)):
        chosen = draw.choose(inputs)
        place = program.inputs.index(chosen)
        twin = replace(
            program,
            inputs=program.inputs[:place] + program.inputs[place + 1 :],
            shared=(*program.shared, Shared(chosen.name, Array(chosen.value.data))),
            calls=tuple(call[:place] + call[place + 1 :] for call in program.calls),
        )
        yield Twin(twin, paired(program.outputs), shared=shared_of(program))
    updated = {s for s, _ in program.updates} | surgery.bound_to
    still = [s for s in program.shared if s.name not in updated and s.name in surgery.types]
    if still:
        chosen_state = draw.choose(still)
        pattern = tuple(surgery.types[chosen_state.name].broadcastable)
        twin = replace(program, shared=tuple(s for s in program.shared if s is not chosen_state))
        twin = surgery.with_inputs(twin, [Input(chosen_state.name, pattern, chosen_state.value)])
        yield Twin(twin, paired(program.outputs), shared=shared_of(twin))


def _strict(step: Step) -> bool:
    """True for a loop that must be passed every shared variable, and for one around it."""
    return bool(step.attributes.get("strict")) or any(map(_strict, body(step)))


def _never_changes(program: Program, i: Input) -> bool:
    place = program.inputs.index(i)
    return all(call[place].data.tobytes() == i.value.data.tobytes() for call in program.calls)


@relation("MR32", "two calls are a loop of two steps over the updates", subject="scan")
def two_calls_are_a_loop(case: Case, draw: Draw) -> Iterator[Twin]:
    """f(x); f(y), with s <- g(s, x) -> scan(lambda x, s: g(s, x), [x, y], s)[-1]"""
    program, surgery = case.program, Surgery(case)
    if program.givens or program.moved or families(program) & {"random", "print"} or not program.steps:
        return
    if any(_by_values(s) for s in program.steps) or len(program.steps) > 12:
        return
    if any(o not in surgery.values or not surgery.values[o].plain for o in (*_given(program), *program.outputs)):
        return
    if any(surgery.types[s] != surgery.types.get(by) for s, by in program.updates):
        return
    if len(set(program.outputs)) < len(program.outputs) or any(p in _given(program) for p in program.outputs):
        return
    if not _of_one_shape(case.base.calls[:2]):
        return
    yield _looped(surgery)


def _of_one_shape(calls: Sequence[Call]) -> bool:
    """True if what the calls gave would fit on each other, row by row."""
    shapes = [[np.shape(x) for x in (*call.outputs, *call.updates)] for call in calls]
    return all(one == shapes[0] for one in shapes)


def _by_values(step: Step) -> bool:
    """True if shapes may follow from values: the rows of two calls might not fit on each other."""
    return STEPS[step.step].loose or any(map(_by_values, body(step))) or "until" in step.attributes


def _given(program: Program) -> list[str]:
    return [*(i.name for i in program.inputs), *(s.name for s in program.shared)]


def _looped(surgery: Surgery) -> Twin:
    program, names = surgery.program, surgery.fresh()
    second = program.calls[0] if program.calls else tuple(i.value for i in program.inputs)
    inputs = tuple(
        Input(next(names), (False, *i.broadcastable), Array(np.stack([i.value.data, v.data])))
        for i, v in zip(program.inputs, second)
    )
    updates = dict(program.updates)
    # Loops inside the loop have their own r0, h0 and w0.
    local = {i.name: f"row{k}" for k, i in enumerate(program.inputs)} | {s: f"old{k}" for k, s in enumerate(updates)}
    still = [s.name for s in program.shared if s.name not in updates]
    operands = [*(i.name for i in inputs), *updates, *still]
    local |= {s: f"@{len(inputs) + len(updates) + k}" for k, s in enumerate(still)}

    def placed(o: Operand) -> Operand:
        return local.get(o, o) if isinstance(o, str) else o

    results = tuple(next(names) for _ in (*updates, *program.outputs))
    loop = Loop(
        sequences=tuple(Sequence_((0,), (local[i.name],)) for i in program.inputs),
        states=(*(State((-1,), (local[s],)) for s in updates), *(None for _ in program.outputs)),
        body=tuple(replace(s, operands=tuple(map(placed, s.operands))) for s in program.steps),
        outputs=tuple(str(placed(o)) for o in (*updates.values(), *program.outputs)),
        n_steps=2,
        rows=("[-1]",) * len(results),
    )
    twin = Program(
        inputs=inputs,
        shared=program.shared,
        steps=(Step("scan", tuple(operands), loop.attributes(), results),),
        outputs=results[len(updates) :],
        updates=tuple(zip(updates, results)),
    )
    call = 1 if program.calls else 0
    return Twin(
        twin,
        list(zip(program.outputs, results[len(updates) :])),
        calls=[(call, 0)],
        shared=[s.name for s in program.shared] if program.calls else still,
    )
