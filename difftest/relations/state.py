"""Relations about state: two calls are one call of the program written twice, and draws do not disturb each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from difftest.case import Case
from difftest.loop import body
from difftest.program import Array, Input, Program, Shared, Step
from difftest.relations.functions import shared_of
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, families, paired, renamed
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
