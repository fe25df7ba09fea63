"""What every step should give: an independent NumPy line each, written from the documentation.

Owns `MODEL`, step name -> function of operand values and attributes, and `evaluate`. It never looks at the
reference's `perform`: that it says the same thing a second time is the point. Its dtypes follow Theano's
documented rules through `numpy.promote_types`. float16 and float32 transcendental functions are the float64
function rounded once, as documented.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from difftest.loop import body
from difftest.model import (
    arithmetic,
    convolving,
    creating,
    indexing,
    loops,
    matrices,
    networks,
    own,
    pooling,
    reducing,
    shaping,
    slopes,
    sorting,
)
from difftest.model.base import MODEL, SHAPE_ONLY, Unknown, Value, operand
from difftest.model.elementwise import ELEMENTWISE, elementwise
from difftest.model.indexing import index_of
from difftest.model.loops import looped
from difftest.model.streams import STREAMS, Draws
from difftest.program import Program, Step

__all__ = [
    "STREAMS",
    "Draws",
    "ELEMENTWISE",
    "MODEL",
    "SHAPE_ONLY",
    "Unknown",
    "Value",
    "evaluate",
    "index_of",
    "known",
    "value",
]


def value(step: Step, operands: Sequence[Any], draws: Draws | None = None, within: str = "") -> tuple[np.ndarray, ...]:
    """The values of a step's results, with their dtypes.

    `draws` says how often its random streams were drawn from; those of the body of a loop are called after `within`.
    """
    draws = draws or Draws()
    with np.errstate(all="ignore"):
        if step.step in ELEMENTWISE:
            given: Any = elementwise(step.step, *map(operand, operands))
        elif step.step == "scan":
            given = looped(step, operands, draws, within, value)
        elif step.step in STREAMS:
            if draws.lost:
                raise Unknown(step.step)
            number = draws.next(within + (step.results[0] if step.results else ""))
            given = MODEL[step.step](number, *map(operand, operands), **step.attributes)
        elif step.step in MODEL:
            given = MODEL[step.step](*map(operand, operands), **step.attributes)
        else:
            raise Unknown(step.step)
    return tuple(np.asarray(r) for r in given) if isinstance(given, tuple) else (np.asarray(given),)


def known(step: Step) -> bool:
    """True if the model knows values, and not only dtype and shape."""
    return step.step not in SHAPE_ONLY and not step.attributes.get("redrawn") and all(map(known, body(step)))


def evaluate(
    program: Program, arguments: Mapping[str, np.ndarray], draws: Draws | None = None
) -> dict[str, np.ndarray]:
    """Every value the model knows, for inputs and shared variables by name; what it cannot say is left out.

    Givens are applied as documented: simultaneously, the replacing value taken as it stands. `draws` is what the
    calls before this one have drawn from the random streams; this call's draws are added.
    """
    draws = draws or Draws()
    if not program.givens:
        return _run(program, dict(arguments), {}, draws)
    first = _run(program, dict(arguments), {}, draws.copy())
    replaced = {name: first[by] for name, by in program.givens if by in first}
    unknown = {name for name, by in program.givens if by not in first}
    return _run(program, {k: v for k, v in arguments.items() if k not in unknown} | replaced, replaced, draws, unknown)


def _run(
    program: Program,
    names: dict[str, np.ndarray],
    fixed: Mapping[str, np.ndarray],
    draws: Draws,
    unknown: frozenset[str] | set[str] = frozenset(),
) -> dict[str, np.ndarray]:
    lost = False
    for step in program.steps:
        if not known(step):
            lost |= bool(step.attributes.get("redrawn"))
            continue
        try:
            operands = [names[o] if isinstance(o, str) else o for o in step.operands]
            results = value(step, operands, draws)
        except (KeyError, Unknown):
            continue
        for name, result in zip(step.results, results):
            if name not in unknown:
                names[name] = fixed.get(name, result)
    draws.lost |= lost
    return names
