"""The tools of the passes: what is known of a program's values, how parts are cut out, how small a program is.

It must not know what a step means, nor why a program is wanted smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from difftest import model
from difftest.program import Array, Input, Program, Step
from difftest.strategies.programs import pruned

__all__ = ["Pass", "facts", "kept_steps", "operands", "pruned", "size"]

Pass = Callable[[Program], Iterator[Program]]
"""What a pass tries: programs that may be smaller and may fail alike."""

Fact = tuple[np.ndarray, tuple[bool, ...]]
"""A value in the first call, and the broadcast pattern of its type."""


def operands(step: Step) -> list[str]:
    """The names that a step reads."""
    return [o for o in step.operands if isinstance(o, str)]


def facts(program: Program) -> dict[str, Fact]:
    """What is known of every name: the model's value, or, where it says nothing, the reference's."""
    import reference

    names = _built(program, reference)
    types = {n: v.type for n, v in names.items() if hasattr(getattr(v, "type", None), "broadcastable")}
    given = {i.name: i.value.data for i in program.inputs} | {s.name: s.value.data for s in program.shared}
    known = model.evaluate(program, given)
    unknown = {n: names[n] for n in types if n not in known}
    if unknown:
        known.update(_observed(program, reference, names, unknown))
    return {n: (np.asarray(v), types[n].broadcastable) for n, v in known.items() if n in types}


def _built(program: Program, api: Any) -> dict[str, Any]:
    """The variables by name, as many as can be built."""
    for end in range(len(program.steps), -1, -1):
        part = replace(program, steps=program.steps[:end], outputs=(), updates=(), givens=(), calls=())
        try:
            return part.build(api).names
        except Exception:
            continue
    return {}


def _observed(program: Program, api: Any, names: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    arguments = [i for i in program.inputs if i.name in names]
    try:
        f = api.function(
            [names[i.name] for i in arguments],
            list(wanted.values()),
            mode="UNOPTIMIZED",
            backend="reference",
            on_unused_input="ignore",
            no_default_updates=True,
        )
        return dict(zip(wanted, f(*[i.value.fresh() for i in arguments])))
    except Exception:
        return {}


def kept_steps(program: Program, kept: Sequence[Step], known: Mapping[str, Fact]) -> Program | None:
    """The program with these steps alone; what others gave them becomes inputs. None if a value is not known."""
    made = {name for step in kept for name in step.results}
    there = {i.name for i in program.inputs} | {s.name for s in program.shared} | made
    read = [name for step in kept for name in operands(step)]
    read += [*program.outputs, *(n for pair in (*program.updates, *program.givens) for n in pair)]
    missing = [name for name in dict.fromkeys(read) if name not in there]
    if any(name not in known for name in missing):
        return None
    new = tuple(Input(name, known[name][1], Array(known[name][0])) for name in missing)
    chosen = set(map(id, kept))
    return pruned_calls(
        replace(
            program,
            steps=tuple(s for s in program.steps if id(s) in chosen),
            inputs=program.inputs + new,
            calls=tuple(call + tuple(i.value for i in new) for call in program.calls),
        )
    )


def pruned_calls(program: Program) -> Program:
    """The program without what nothing needs; later calls lose the arguments of lost inputs."""
    smaller = pruned(program)
    left = {i.name for i in smaller.inputs}
    places = [k for k, i in enumerate(program.inputs) if i.name in left]
    return replace(smaller, calls=tuple(tuple(call[k] for k in places) for call in program.calls))


def arrays(program: Program) -> list[Array]:
    """Every array literal."""
    values = [i.value for i in program.inputs] + [s.value for s in program.shared]
    return [*values, *(value for call in program.calls for value in call)]


def with_arrays(program: Program, change: Callable[[Array], Array]) -> Program:
    """The program with every array literal changed."""
    return replace(
        program,
        inputs=tuple(replace(i, value=change(i.value)) for i in program.inputs),
        shared=tuple(replace(s, value=change(s.value)) for s in program.shared),
        calls=tuple(tuple(map(change, call)) for call in program.calls),
    )


def with_step(program: Program, k: int, step: Step) -> Program:
    return replace(program, steps=(*program.steps[:k], step, *program.steps[k + 1 :]))


# How small a program is.


def size(program: Program) -> tuple[int, ...]:
    """Smaller is better; the first difference decides."""
    parts = (program.outputs, program.updates, program.givens, program.calls)
    return (
        sum(map(steps_in, program.steps)),
        sum(map(len, parts)) + len(program.updates) + len(program.givens),
        len(program.inputs) + 2 * len(program.shared) + sum(len(s.operands) for s in program.steps),
        sum(a.data.size + 1 for a in arrays(program)),
        sum(cost(s.attributes) for s in program.steps) + (program.spelling != "list"),
        sum(map(_untidiness, arrays(program))) + sum(sum(i.broadcastable) for i in program.inputs),
        sum(a.dtype not in PLAIN for a in arrays(program)),
        sum(a.layout != "C" for a in arrays(program)),
        _unnamed(program),
    )


PLAIN = ("float64", "int64", "bool")


def steps_in(step: Step) -> int:
    """A step counts once, and once more for every step of its body."""
    return 1 + len(step.attributes.get("body", ())) if step.step == "scan" else 1


def cost(value: Any) -> int:
    """How much there is to an attribute."""
    if value is None or value == "float64":
        return 0
    if isinstance(value, (bool, np.bool_)):
        return 1 + int(value)
    if isinstance(value, int):
        return 1 + min(2 * abs(value) + (value < 0), 99)
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, Mapping):
        return sum(map(cost, value.values()))
    if isinstance(value, (tuple, list)):
        return 1 + sum(map(cost, value))
    return 100


def _untidiness(value: Array) -> int:
    return sum(map(_untidy, value.data.ravel()[:100].tolist()))


def _untidy(x: Any) -> int:
    if isinstance(x, complex):
        return _untidy(x.real) + _untidy(x.imag)
    if not math.isfinite(x):
        return 6
    if x == 0 and math.copysign(1, x) > 0:
        return 0
    if x == 1:
        return 1
    return 2 + (x < 0) if abs(x) < 10 and x == int(x) else 4 if x % 0.25 == 0 else 5


def tidy_names(program: Program) -> dict[str, str]:
    """Every name -> the name it should have: x0.. inputs, s0.. shared variables, v0.. steps."""
    names = {i.name: f"x{k}" for k, i in enumerate(program.inputs)}
    names |= {s.name: f"s{k}" for k, s in enumerate(program.shared)}
    for k, step in enumerate(program.steps):
        several = len(step.results) > 1
        names |= {name: f"v{k}" + ("abcdefghijkl"[n] if several else "") for n, name in enumerate(step.results)}
    return names


def _unnamed(program: Program) -> int:
    return sum(name != tidy for name, tidy in tidy_names(program).items())
