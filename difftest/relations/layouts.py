"""Relations about memory: how arguments lie in it, and that a length of 1 that is stretched is the whole array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from difftest.case import Case
from difftest.program import LAYOUTS, Array
from difftest.relations.functions import shared_of, shuffled
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, family, line, paired
from difftest.strategies.drawing import Draw


@relation("MR13", "how arguments lie in memory is no matter", subject="interpreter")
def other_layouts(case: Case, draw: Draw) -> Iterator[Twin]:
    """x contiguous -> x in another order, with gaps, reversed, not at the start of its buffer"""
    program = case.program
    for layout in shuffled(draw, list(LAYOUTS))[:3]:
        twin = replace(
            program,
            inputs=tuple(replace(i, value=Array(i.value.data, layout)) for i in program.inputs),
            calls=tuple(tuple(Array(a.data, layout) for a in call) for call in program.calls),
        )
        if any(a.value.layout != b.value.layout and a.value.data.size > 1 for a, b in zip(program.inputs, twin.inputs)):
            yield Twin(twin, paired(program.outputs), shared=shared_of(program))


@relation("MR30", "an operand that is stretched is the operand written out in full", subject="interpreter")
def written_out(case: Case, draw: Draw) -> Iterator[Twin]:
    """matrix + row -> matrix + alloc(row, matrix.shape)"""
    program, surgery = case.program, Surgery(case)
    sites = []
    for k, step in enumerate(program.steps):
        known = [surgery.values[o] for o in step.operands if o in surgery.values]
        if family(step) != "elementwise" or len(known) < max(2, len(step.operands)):
            continue
        shape = np.broadcast_shapes(*[v.shape for v in known])
        # A dimension of length 1 that nobody declares would be declared by alloc.
        if 1 in shape:
            continue
        sites += [(k, place, shape) for place, v in enumerate(known) if v.shape != shape]
    if not sites:
        return
    k, place, shape = draw.choose(sites)
    step = program.steps[k]
    (full,) = islice(surgery.fresh(), 1)
    operands = (*step.operands[:place], full, *step.operands[place + 1 :])
    steps = (
        *program.steps[:k],
        line("alloc", (step.operands[place],), full, shape=shape),
        replace(step, operands=operands),
        *program.steps[k + 1 :],
    )
    promise = "REAL" if any(surgery.reaches(r, SLOPES) for r in step.results) else ""
    yield Twin(replace(program, steps=steps), paired(program.outputs), shared=shared_of(program), promise=promise)


KERNELS: tuple[dict[str, object], ...] = (
    {"opencl.fuse": False}, {"opencl.style": "gpu"}, {"opencl.style": "cpu"}, {"opencl.interpret": False},
    {"opencl.reuse": False}, {"opencl.replay": False}, {"opencl.threads": "driver", "opencl.interpret": False},
)  # fmt: skip
"""Flags that choose how, and never what."""


@relation("MR36", "how a backend makes its kernels is no matter", subject="plan")
def other_kernels(case: Case, draw: Draw) -> Iterator[Twin]:
    """opencl.fuse=True -> False; opencl.style="auto" -> "cpu", "gpu"; kernels for every loop"""
    program = case.program
    if all(cell.backend != "opencl" for cell in case.report.runs):
        return
    for flags in shuffled(draw, list(KERNELS)):
        yield Twin(
            program, paired(program.outputs), shared=shared_of(program), flags=flags, backends=("opencl",), alike=True
        )
