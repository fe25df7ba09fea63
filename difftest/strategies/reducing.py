"""Steps that reduce, accumulate, sort or find the largest.

Owns axes, keepdims and result dtypes. Empty axes are left out where the operation has no value for them.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, step


def axes(draw: Draw, x: Entry) -> Any:
    """None, one axis, or a tuple of axes."""
    if not x.ndim or draw.flag():
        return None
    axis = draw.integer(0, x.ndim - 1)
    if x.ndim > 1 and draw.seldom():
        other = draw.choose([k for k in range(x.ndim) if k != axis])
        return tuple(sorted((axis, other)))
    return axis - x.ndim if draw.seldom() else axis


def _draw_total(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    dtype = None
    if draw.seldom():
        dtype = draw.choose(("float64", "float32") if is_float(x.dtype) else ("int64", "int32", "float64"))
    return (x.name,), {"axis": axes(draw, x), "keepdims": draw.seldom(), "dtype": dtype}


def _draw_axes(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": axes(draw, x), "keepdims": draw.seldom()}


for _name in ("sum", "prod"):
    step(
        "reduction",
        f"T.{_name}({{0}}, axis={{axis!r}}, keepdims={{keepdims}}, dtype={{dtype!r}})",
        takes=lambda e: e.dtype != "bool",
        name=_name,
    )(_draw_total)
for _name in ("mean", "var", "std", "max", "min"):
    step(
        "reduction",
        f"T.{_name}({{0}}, axis={{axis!r}}, keepdims={{keepdims}})",
        takes=lambda e: e.size > 0 and e.dtype != "bool",
        name=_name,
    )(_draw_axes)
for _name in ("all", "any"):
    step(
        "reduction",
        f"T.{_name}({{0}}, axis={{axis!r}}, keepdims={{keepdims}})",
        takes=lambda e: e.dtype == "bool",
        name=_name,
        smooth=False,
    )(_draw_axes)


def _draw_axis(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(0, x.ndim - 1) if x.ndim and draw.often() else None}


for _name in ("argmax", "argmin", "max_and_argmax"):
    step(
        "argmax",
        f"T.{_name}({{0}}, axis={{axis!r}})",
        name=_name,
        smooth=False,
        takes=lambda e: e.size > 0 and e.ndim > 0 and e.dtype != "bool",
    )(_draw_axis)
for _name in ("sort", "argsort"):
    step(
        "sort",
        f"T.{_name}({{0}}, axis={{axis!r}})",
        name=_name,
        smooth=_name == "sort",
        takes=lambda e: e.ndim > 0 and e.dtype != "bool",
    )(_draw_axis)
for _name in ("cumsum", "cumprod"):
    step(
        "cumulative", f"T.{_name}({{0}}, axis={{axis!r}})", name=_name, takes=lambda e: e.ndim > 0 and e.dtype != "bool"
    )(_draw_axis)


@step(
    "cumulative",
    "T.extra_ops.diff({0}, axis={axis})",
    takes=lambda e: e.ndim > 0 and min(e.shape) > 1 and e.dtype != "bool",
)
def diff(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(0, x.ndim - 1)}
