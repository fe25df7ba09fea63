"""Relations about the numbers themselves: frozen into constants, held in a wider dtype, scaled by a power of two,
joined by numbers that change nothing. Each says for which steps it is true, and applies to no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from difftest.case import Case
from difftest.program import Array, Step
from difftest.relations.functions import shared_of, shuffled
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, Value, families, family, line, paired, pruned, renamed
from difftest.strategies import STEPS
from difftest.strategies.drawing import Draw
from difftest.strategies.registry import MOVING
from difftest.strategies.values import frozen


@relation("MR15", "an input may be a constant, and so may what is computed from it", subject="interpreter")
def frozen_in(case: Case, draw: Draw) -> Iterator[Twin]:
    """f(x) -> f(constant), with the value that x has in the first call"""
    program, surgery = case.program, Surgery(case)
    free = [
        v
        for v in surgery.values.values()
        if v.name in surgery.read and v.kind == "f" and v.plain and v.data.size and not surgery.fixed(v.name)
    ]
    inputs = [v for v in free if v.place < 0 and v.name in {i.name for i in program.inputs}]
    if inputs:
        v = draw.choose(inputs)
        yield _constant(surgery, v, v.data)
    made = [v for v in free if v.place >= 0 and not surgery.reaches(v.name, SLOPES) and not surgery.drawn([v.name])]
    if made and not program.moved and not program.givens:
        v = draw.choose(made)
        yield _constant(surgery, v, surgery.computed(v.name))


def _constant(surgery: Surgery, v: Value, data: np.ndarray) -> Twin:
    program = surgery.program
    (name,) = islice(surgery.fresh(), 1)
    read = {v.name: name}
    twin = replace(
        program,
        steps=(
            line("constant", (), name, value=frozen(data), dtype=v.dtype),
            *(renamed(s, read) for s in program.steps),
        ),
        outputs=tuple(read.get(o, o) for o in program.outputs),
        updates=tuple((s, read.get(by, by)) for s, by in program.updates),
        givens=tuple((k, read.get(by, by)) for k, by in program.givens),
        calls=(),
    )
    twin = pruned(twin)
    promise = "REAL" if surgery.reaches(v.name, SLOPES) else ""
    return Twin(
        twin,
        paired(program.outputs, read),
        calls=[(0, 0)],
        shared=shared_of(program, twin),
        promise=promise,
        computed=v.place >= 0,
    )


REAL_FAMILIES = {
    *MOVING, "elementwise", "literal", "dot", "nnet", "reduction", "cumulative", "argmax", "set_subtensor",
    "set_places",
}  # fmt: skip
"""Families of steps that mean the same function of real numbers in every float dtype."""


@relation("MR16", "a float32 program is the float64 program, but for its rounding", promise="REAL")
def in_a_wider_dtype(case: Case, draw: Draw) -> Iterator[Twin]:
    """x, s of float32 -> x, s of float64 with the same values"""
    program = case.program
    dtypes = {i.value.dtype for i in program.inputs} | {s.value.dtype for s in program.shared}
    if "float32" not in dtypes or dtypes & {"float16", "complex64"} or program.updates or program.givens:
        return
    if not families(program) <= REAL_FAMILIES or not all(map(_means_the_same, program.steps)):
        return

    def wider(a: Array) -> Array:
        return Array(a.data.astype("float64"), a.layout) if a.dtype == "float32" else a

    twin = replace(
        program,
        inputs=tuple(replace(i, value=wider(i.value)) for i in program.inputs),
        shared=tuple(replace(s, value=wider(s.value)) for s in program.shared),
        steps=tuple(replace(s, attributes={k: _wider(v) for k, v in s.attributes.items()}) for s in program.steps),
        calls=tuple(tuple(map(wider, call)) for call in program.calls),
    )
    yield Twin(twin, paired(program.outputs), lifted=True)


def _wider(attribute: Any) -> Any:
    if isinstance(attribute, tuple):
        return tuple(map(_wider, attribute))
    return "float64" if attribute == "float32" else attribute


def _means_the_same(step: Step) -> bool:
    """True if numbers and dtypes that are written into the step are the same number in both dtypes."""
    numbers = [o for o in step.operands if not isinstance(o, str)]
    with np.errstate(all="ignore"):
        same = all(float(np.float32(n)) == n or n != n for n in numbers)
    narrow = step.attributes.get("dtype") not in (None, "float32", "float64")
    return same and not (narrow and family(step) not in ("creation",))


class _Unequal(Exception):
    """Scaled and unscaled numbers meet."""


LINEAR = {"neg", "abs_", "identity", "sum", "mean", "max", "min", "cumsum", "diff", "sort", "relu", "ptp", "cast"}
EVEN = {"add", "sub", "maximum", "minimum", "join", "stack"}
WRITING = {"set_subtensor", "inc_subtensor", "set_places", "inc_places"}
FREE = {"argmax", "argmin", "argsort", "sgn", "isnan", "isinf", "shape", "length", "ones_like"}
COMPARING = {"eq", "neq", "lt", "le", "gt", "ge"}
PRODUCTS = {"mul", "dot", "outer", "tensordot", "batched_dot"}


def _degree(step: Step, degrees: list[int]) -> int:
    """By which power the result is scaled if the operands are scaled by these. Raises _Unequal if by none."""
    name, first = step.step, degrees[0] if degrees else 0
    if not any(degrees) or name in FREE:
        return 0
    if name in PRODUCTS:
        return sum(degrees)
    if name == "true_div":
        return degrees[0] - degrees[1]
    if name in ("sqr", "inv"):
        return {"sqr": 2, "inv": -1}[name] * first
    if name == "sqrt" and first % 2 == 0:
        return first // 2
    if name == "literal":
        return _literal(step, first)
    if name in COMPARING and len(set(degrees)) == 1:
        return 0
    if name in EVEN and len(set(degrees)) == 1:
        return first
    if name in WRITING and degrees[0] == degrees[1] and not any(degrees[2:]):
        return first
    if name == "switch" and degrees[0] == 0 and degrees[1] == degrees[2]:
        return degrees[1]
    alone = name in LINEAR or (STEPS[name].family in MOVING and name not in EVEN | WRITING)
    linear = alone and not any(degrees[1:])
    if linear and step.attributes.get("dtype") in (None, "float64", "float32"):
        return first
    raise _Unequal


def _literal(step: Step, degree: int) -> int:
    op, swapped, number = step.attributes["op"], step.attributes["swapped"], step.operands[-1]
    if op == "*":
        return degree
    if op == "/":
        return -degree if swapped else degree
    if op in "+-" and number == 0:
        return degree
    if op in ("<", ">", "<=", ">=") and number == 0:
        return 0
    raise _Unequal


def _degrees(surgery: Surgery, scaled: set[str]) -> dict[str, int] | None:
    """The power of every value if these inputs are scaled; None if there is none, or numbers leave the safe range."""
    program, found = surgery.program, {}
    for name, place in surgery.places.items():
        if place < 0:
            found[name] = int(name in scaled)
    for step in program.steps:
        try:
            degree = _degree(step, [found[o] for o in step.operands if isinstance(o, str)])
        except _Unequal:
            return None
        found.update(dict.fromkeys(step.results, degree))
        if degree and not all(r in surgery.values and _safe(surgery.values[r]) for r in step.results):
            return None
    if any(found[s] != found[by] for s, by in program.updates) or max(map(abs, found.values())) > 4:
        return None
    return found


def _safe(v: Value) -> bool:
    """True if the numbers can be scaled without leaving the normal ones."""
    sizes = np.abs(v.data[np.isfinite(v.data) & (v.data != 0)])
    return v.dtype in ("float32", "float64") and bool(np.all((sizes > 2.0**-40) & (sizes < 2.0**40)))


@relation("MR17", "what is linear in its input is scaled with it by powers of two, and so on", subject="interpreter")
def scaled(case: Case, draw: Draw) -> Iterator[Twin]:
    """f(x) -> f(4 * x) / 4**d, where f is homogeneous of degree d"""
    program, surgery = case.program, Surgery(case)
    floats = [i.name for i in program.inputs if i.value.dtype in ("float32", "float64")]
    if program.givens or not floats:
        return
    for names in shuffled(draw, [[n] for n in floats] + ([floats] if len(floats) > 1 else [])):
        degrees = _degrees(surgery, set(names))
        if degrees is None or not any(degrees[o] for o in program.outputs):
            continue
        if not all(_safe(surgery.values[n]) for n in names if n in surgery.values):
            continue
        by = draw.choose((2, 1, -1, -2))
        inputs = tuple(
            replace(i, value=Array(np.ldexp(i.value.data, by), i.value.layout)) if i.name in names else i
            for i in program.inputs
        )
        scale = {o: by * degrees[o] for o in program.outputs}
        twin = replace(program, inputs=inputs, calls=())
        yield Twin(twin, paired(program.outputs), calls=[(0, 0)], shared=shared_of(program), scale=scale)


@relation("MR33", "rows that add nothing may be added: zeros to a sum, ones to a product", promise="REAL")
def padded(case: Case, draw: Draw) -> Iterator[Twin]:
    """sum(x, 0) -> sum(concatenate([x, zeros]), 0); max(x, 0) -> max(concatenate([x, x[:2]]), 0)"""
    program, surgery = case.program, Surgery(case)
    found = [
        (k, s)
        for k, s in enumerate(program.steps)
        if s.step in _PADS and s.operands[0] in surgery.values and _may_grow(surgery, s)
    ]
    if not found:
        return
    k, step = draw.choose(found)
    v, names = surgery.values[str(step.operands[0])], surgery.fresh()
    more, grown = islice(names, 2)
    axis = draw.choose(_axes(step, v))
    steps = (
        *program.steps[:k],
        _PADS[step.step](v, axis, more),
        line("join", (v.name, more), grown, axis=axis),
        replace(step, operands=(grown, *step.operands[1:])),
        *program.steps[k + 1 :],
    )
    exact = v.kind in "iub" and step.attributes.get("dtype") in (None, "int32", "int64")
    promise = "EXACT" if exact else ""
    yield Twin(replace(program, steps=steps), paired(program.outputs), shared=shared_of(program), promise=promise)


def _may_grow(surgery: Surgery, step: Step) -> bool:
    v = surgery.values[str(step.operands[0])]
    differentiated = any(surgery.reaches(r, SLOPES) for r in step.results)
    return v.ndim > 0 and v.solid and v.data.size > 0 and not (differentiated and step.step not in ("sum", "prod"))


def _axes(step: Step, v: Value) -> list[int]:
    axis = step.attributes["axis"]
    axes = range(v.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return [a % v.ndim for a in axes]


def _filled(number: int) -> Callable[[Value, int, str], Step]:
    def pad(v: Value, axis: int, name: str) -> Step:
        data = np.full((*v.shape[:axis], 2, *v.shape[axis + 1 :]), number, v.dtype)
        return line("constant", (), name, value=frozen(data), dtype=v.dtype)

    return pad


def _repeated(v: Value, axis: int, name: str) -> Step:
    return line("subtensor", (v.name,), name, index=(*[(None, None, None)] * axis, (None, 2, None)))


_PADS: dict[str, Callable[[Value, int, str], Step]] = {
    "sum": _filled(0), "prod": _filled(1), "max": _repeated, "min": _repeated, "all": _repeated, "any": _repeated,
}  # fmt: skip
