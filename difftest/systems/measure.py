"""How exact another system's elementwise functions are: one long vector each, against the widest float.

Owns the points that are tried. What comes out is for the table in `ulps`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from difftest.model import ELEMENTWISE
from difftest.oracle.wide import WIDE
from difftest.program import Array, Input, Program, Step
from difftest.systems.process import System, job
from reference import scalar

POINTS = 4000


def measured(system: System) -> Iterator[str]:
    """A line for each function and dtype: the largest error in units in the last place, in both modes."""
    for dtype in ("float64", "float32", "float16"):
        for name in ELEMENTWISE:
            row = scalar.TABLE[name]
            if row.nin == 1 and row.transcendental:
                worst = _worst(system, name, dtype)
                if worst is not None:
                    yield f"{system.name} {dtype} {name}: {worst[0]:.1f} ulp at {worst[1]!r}"


def points(name: str, dtype: str) -> np.ndarray:
    """Numbers of every size that the function takes, most of them near 1."""
    random = np.random.default_rng(7)
    many = np.concatenate([random.uniform(-4, 4, POINTS // 2), random.uniform(-60, 60, POINTS // 2)])
    domain = scalar.TABLE[name].domain
    if domain is not None:
        many = many[(many >= domain[0]) & (many <= domain[1])]
    return many.astype(dtype)


def _worst(system: System, name: str, dtype: str) -> tuple[float, float] | None:
    x = points(name, dtype)
    program = Program(
        inputs=(Input("x0", (False,), Array(x)),), steps=(Step(name, ("x0",), {}, ("v0",)),), outputs=("v0",)
    )
    answer = system.worker.ask(job(program, types={"x0": (dtype, x.shape), "v0": (dtype, x.shape)}))
    with np.errstate(all="ignore"):
        exact = np.asarray(scalar.TABLE[name].numpy(x.astype(WIDE))).astype(WIDE)
        unit = np.spacing(np.abs(exact).astype(dtype)).astype(WIDE)
        errors = np.zeros(x.shape, WIDE)
        for run in answer.get("runs", {}).values():
            for call in run["calls"]:
                value = Array.from_json(call["outputs"][0]).data.astype(WIDE)
                errors = np.maximum(errors, np.abs(value - exact) / unit)
        normal = np.isfinite(errors) & (np.abs(exact) > np.finfo(dtype).tiny)
    if not normal.any() or not answer.get("runs"):
        return None
    errors = np.where(normal, errors, 0)
    return float(errors.max()), float(x[np.argmax(errors)])
