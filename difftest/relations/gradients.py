"""Relations about gradients: of a sum, of several variables at once, and of a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from difftest.case import Case
from difftest.program import Array, Input, Step
from difftest.relations.functions import shared_of
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import Surgery, kinds, line, paired
from difftest.strategies.drawing import Draw
from difftest.strategies.registry import MOVING


def _all_finite(case: Case) -> bool:
    """True if no number on the way is infinite or unknown: 0 times such a number is not 0."""
    known = case.walk(case.base, 0).known.values()
    with np.errstate(all="ignore"):
        return all(b.y is None or bool(np.all(np.isfinite(b.y + b.e))) for b in known)


@relation("MR21", "the gradient of a sum is the sum of the gradients", promise="REAL", subject="gradient")
def of_a_sum(case: Case, draw: Draw) -> Iterator[Twin]:
    """grad(sum(c), x) -> grad(sum(c[:k]), x) + grad(sum(c[k:]), x)"""
    program, surgery = case.program, Surgery(case)
    slopes = [
        (k, s)
        for k, s in enumerate(program.steps)
        if s.step == "grad" and (c := surgery.values.get(str(s.operands[0]))) and c.ndim and c.shape[0] > 1 and c.solid
    ]
    if not slopes or not _all_finite(case):
        return
    k, step = draw.choose(slopes)
    cost = surgery.values[str(step.operands[0])]
    at, names = draw.integer(1, cost.shape[0] - 1), surgery.fresh()
    steps: list[Step] = []
    parts: list[tuple[str, ...]] = []
    for span in ((None, at, None), (at, None, None)):
        part, *slope = islice(names, 1 + len(step.results))
        steps.append(line("subtensor", (cost.name,), part, index=(span,)))
        steps.append(replace(step, operands=(part, *step.operands[1:]), results=tuple(slope)))
        parts.append(tuple(slope))
    steps += [line("add", pair, result) for *pair, result in zip(*parts, step.results)]
    yield _first_call(case, (*program.steps[:k], *steps, *program.steps[k + 1 :]))


def _first_call(case: Case, steps: tuple[Step, ...], promise: str = "") -> Twin:
    program = case.program
    twin = replace(program, steps=steps, calls=())
    return Twin(twin, paired(program.outputs), calls=[(0, 0)], shared=shared_of(program), promise=promise)


@relation("MR34", "gradients are the same whether they are asked for together or one by one", subject="gradient")
def one_by_one(case: Case, draw: Draw) -> Iterator[Twin]:
    """grad(c, [x, y]) -> grad(c, x), grad(c, y); and the other way round"""
    program, surgery = case.program, Surgery(case)
    names, steps = surgery.fresh(), []
    for step in program.steps:
        if step.step != "grad":
            steps.append(step)
            continue
        (cost, first, *more), dtypes = step.operands, step.attributes["dtypes"]
        if more:
            for x, dtype, result in zip((first, *more), dtypes, step.results):
                steps.append(replace(step, operands=(cost, x), attributes={"dtypes": (dtype,)}, results=(result,)))
        else:
            # Nobody reads the second.
            both = {"dtypes": (dtypes[0], surgery.types[str(cost)].dtype)}
            steps.append(Step("grad", (cost, first, cost), both, (*step.results, next(names))))
    if steps != list(program.steps):
        yield Twin(replace(program, steps=tuple(steps)), paired(program.outputs), shared=shared_of(program))


SMOOTH = {
    "add", "sub", "mul", "true_div", "neg", "sqr", "exp", "tanh", "sin", "cos", "sigmoid", "softplus", "literal", "sum",
    "mean", "dot", "outer", "log", "sqrt", "inv", "arctan", "erf", "cumsum", "softmax", "set_subtensor",
    "inc_subtensor",
}  # fmt: skip
"""Steps that can be differentiated twice wherever they are finite."""


@relation("MR35", "a derivative and its adjoint agree: <u, Jv> is <J'u, v>", promise="REAL", subject="gradient")
def adjoint(case: Case, draw: Draw) -> Iterator[Twin]:
    """y = f(x) -> sum(u * d/du sum(grad(sum(u * y), x) * v)) is sum(grad(sum(u * y), x) * v)"""
    program, surgery = case.program, Surgery(case)
    if program.givens or program.moved:
        return
    roots = {i.name for i in program.inputs if i.value.dtype in ("float32", "float64")}
    sites = []
    for v in surgery.values.values():
        above = surgery.program.upstream([v.name])
        on_the_way = [s for s in program.steps if above.intersection(s.results)]
        smooth = all(s.step in SMOOTH or kinds(s) <= {*MOVING} for s in on_the_way)
        if v.place >= 0 and v.dtype in ("float32", "float64") and v.data.size and smooth and v.data.size <= 16:
            sites += [(v, r) for r in sorted(above & roots) if surgery.values[r].data.size <= 16]
    if not sites or not _all_finite(case):
        return
    v, root = draw.choose(sites)
    x = surgery.values[root]
    u, w, weighted, slope, first, second, back, left, right = islice(surgery.fresh(), 9)

    def direction(name: str, like: str, shape: tuple[int, ...], dtype: str) -> Input:
        numbers = np.array(draw.integers(-8, 8, int(np.prod(shape))), dtype).reshape(shape) / 4
        return Input(name, tuple(surgery.types[like].broadcastable), Array(numbers.astype(dtype)))

    total = {"axis": None, "keepdims": False, "dtype": "float64"}
    steps = (
        line("mul", (v.name, u), weighted),
        Step("grad", (weighted, root), {"dtypes": (x.dtype,)}, (slope,)),
        line("mul", (slope, w), first),
        Step("grad", (first, u), {"dtypes": (v.dtype,)}, (back,)),
        line("mul", (back, u), second),
        line("sum", (first,), left, **total),
        line("sum", (second,), right, **total),
    )
    inputs = [direction(u, v.name, v.shape, v.dtype), direction(w, root, x.shape, x.dtype)]
    twin = surgery.with_inputs(replace(program, steps=(*program.steps, *steps)), inputs)
    twin = replace(twin, outputs=(left, right), updates=(), calls=())
    yield Twin(twin, [(left, right)], calls=[(0, 0)], inner=True)
