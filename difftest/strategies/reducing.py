"""Steps that reduce, accumulate, or find the largest.

Owns axes, keepdims and result dtypes. Empty axes are left out where the operation has no value for them.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, call, step


def axes(draw: Draw, x: Entry) -> Any:
    """None, one axis, or a tuple of axes."""
    if not x.ndim or draw.flag():
        return None
    axis = draw.integer(0, x.ndim - 1)
    if x.ndim > 1 and draw.seldom():
        other = draw.choose([k for k in range(x.ndim) if k != axis])
        return (axis, other - x.ndim if draw.flag() else other)
    return axis - x.ndim if draw.seldom() else axis


def _draw_total(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    dtype = acc = None
    if draw.seldom():
        dtype = draw.choose(("float64", "float32") if is_float(x.dtype) else ("int64", "int32", "float64"))
        if x.kind == "c":
            dtype = "complex128"
    elif draw.seldom():
        narrow = x.kind in "iu" and draw.flag()
        acc = x.dtype if narrow else {"f": "float64", "c": "complex128", "u": "uint64"}.get(x.kind, "int64")
    return (x.name,), {"axis": axes(draw, x), "keepdims": draw.seldom(), "dtype": dtype,
                         "acc_dtype": acc}  # fmt: skip


def _draw_axes(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": axes(draw, x), "keepdims": draw.seldom()}


for _name in ("sum", "prod"):
    step("reduction", call(f"T.{_name}"), name=_name)(_draw_total)


@step("reduction", call("T.mean"), takes=lambda e: e.size > 0 and e.kind != "b")
def mean(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return _draw_axes(draw, pool, x)


for _name in ("max", "min", "argmax", "argmin", "max_and_argmax"):
    step(
        "reduction" if len(_name) == 3 else "argmax",
        call(f"T.{_name}"),
        takes=lambda e: e.size > 0 and e.kind in "biuf",
        name=_name,
        smooth=not _name.startswith("arg"),
        firm=True,
    )(_draw_axes)
for _name in ("all", "any"):
    step("reduction", call(f"T.{_name}"), name=_name, smooth=False, firm=True)(_draw_axes)


def _draw_spread(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """With one degree of freedom less, there must be more than one element."""
    operands, attributes = _draw_axes(draw, pool, x)
    return operands, {**attributes, "ddof": draw.choose((0, 1, 2)) if draw.seldom() else 0, "corrected": draw.seldom()}


for _name in ("var", "std"):
    step(
        "reduction",
        call(f"T.{_name}"),
        takes=lambda e: e.size > 0 and e.kind in "iuf",
        name=_name,
    )(_draw_spread)


@step("reduction", call("T.ptp"), takes=lambda e: e.size > 0 and e.kind in "iuf")
def ptp(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": axes(draw, x)}


@step("reduction", "{0}.norm({L!r}, axis={axis!r}, keepdims={keepdims})",
      takes=lambda e: e.size > 0 and e.kind in "iuf")  # fmt: skip
def norm(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {
        "L": draw.choose((2, 1, 0, "inf", "-inf", 3)), "axis": axes(draw, x), "keepdims": draw.seldom()
    }  # fmt: skip


def _draw_axis(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(0, x.ndim - 1) if x.ndim and draw.often() else None}


for _name in ("cumsum", "cumprod"):
    step("cumulative", call(f"T.{_name}"), name=_name, takes=lambda e: e.ndim > 0)(_draw_axis)


@step("cumulative", "T.diff({0}, n={n}, axis={axis})", takes=lambda e: e.ndim > 0)
def diff(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"n": draw.choose((1, 2, 0)), "axis": draw.integer(-x.ndim, x.ndim - 1)}
