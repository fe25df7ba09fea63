"""The other table: how each row of the reference's scalar table is written in OpenCL C, and how exactly.

Owns `TABLE` (name -> CRow), casts, and `prelude`, the text of the C functions that expressions call. Text
is the same for scalars and vectors of any width. It must not know graphs, loops or devices.

    ct = CType("float32", width=16)
    row = by_name("tanh")
    text = row.expr(ct, "x")                    # "__builtin_convertvector(tanh_double16(...), float16)"
    source = prelude(row.helpers(ct))           # tanh_double16 and what it needs, in order

float16 lives in float registers and ushort storage: `load_half_float16(h)` and `store_half_float16(x)`
(helpers of those names) convert. Casting operands and results is `cast(ct, dtype)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from opencl_backend.scalar_c import arith, functions, math32, math64
from opencl_backend.scalar_c.cast import convert, fill, half_storage, lanes, register, round_half, to_integer
from opencl_backend.scalar_c.ctype import SCALAR, STORAGE, CType, literal
from opencl_backend.scalar_c.row import CRow

TABLE: dict[str, CRow] = {**arith.ROWS, **functions.ROWS}

NOT_LOWERED: dict[str, str] = {
    **dict.fromkeys(("complex", "complex_from_polar"), "complex numbers have no registers"),
    **dict.fromkeys(
        ("erfinv", "erfcinv", "erfcx", "j0", "j1", "i0", "i1", "jv", "iv", "chi2sf", "gammainc", "gammaincc", "gammal",
         "gammau"),
        "its value is SciPy's, which has no definition to reproduce",
    ),
}  # fmt: skip
"""Rows of the reference that have none here, and why."""


@cache
def cast_to(dtype: str) -> CRow:
    """The row ``Cast{dtype}``; its compute dtype is that of the operand."""
    return CRow(
        f"Cast{{{dtype}}}", 1,
        render=lambda ct, a: convert(ct, a, dtype)[0],
        result=lambda source: dtype,
        needs=lambda ct: convert(ct, "x", dtype)[1],
    )  # fmt: skip


def by_name(name: str) -> CRow:
    """The row of that name, ``Cast{dtype}`` included. KeyError says why a row is missing."""
    if name.startswith("Cast{"):
        return cast_to(name[5:-1])
    if name not in TABLE:
        raise KeyError(f"{name}: {NOT_LOWERED.get(name, 'no row of the C table has this name')}")
    return TABLE[name]


def cast(ct: CType, text: str, dtype: str) -> tuple[str, tuple[str, ...]]:
    """`text`, a plain name or literal of type `ct`, as `dtype`: the C expression and the helpers it calls."""
    return convert(ct, text, dtype)


def prelude(helpers: Iterable[str]) -> str:
    """The C functions of these names and all that they call, each once, callees first."""
    written: dict[str, str] = {}
    stack = [(name, False) for name in reversed(list(helpers))]
    while stack:
        name, ready = stack.pop()
        group, needs, text = source(name)
        if group in written:
            continue
        if ready:
            written[group] = text
        else:
            stack.append((name, True))
            stack += [(other, False) for other in reversed(needs)]
    return "".join(written.values())


@cache
def source(helper: str) -> tuple[str, tuple[str, ...], str]:
    """A helper's group (functions that are written together), the helpers it needs, and its text."""
    base, _, suffix = helper.rpartition("_")
    ct = register(suffix)
    group = helper
    needs: tuple[str, ...] = ()
    if base.endswith("_lanes"):
        return helper, (), lanes(base[: -len("_lanes")], ct)
    if base.startswith("int_"):
        return helper, (), arith.integer_text(base, ct)
    if base == "round_half":
        return helper, (), round_half(ct)
    if base in ("load_half", "store_half"):
        return f"half_storage_{suffix}", (), half_storage(ct)
    if base.startswith("to_"):
        return helper, (), to_integer(ct, next(d for d, s in SCALAR.items() if s == base[3:] and d != "bool"))
    if base in arith.ROUNDING_NAMES:
        group, text = f"rounding_{suffix}", arith.float_text(arith.ROUNDING, ct)
    elif base in ("float_div", "float_mod"):
        group, needs, text = f"float_division_{suffix}", ("floor",), arith.float_text(arith.FLOAT_DIVISION, ct)
    else:
        sources = math64.SOURCES if ct.dtype == "float64" else math32.SOURCES
        needs, raw = sources[base] if base in sources else math32.without_double(base)
        text = fill(raw, ct)
    called = tuple(dict.fromkeys(_LANES.findall(text)))
    return group, (*[f"{other}_{suffix}" for other in needs], *called), text


_LANES = re.compile(r"\b\w+_lanes_\w+")


__all__ = [
    "NOT_LOWERED", "SCALAR", "STORAGE", "TABLE", "CRow", "CType", "by_name", "cast", "cast_to", "literal", "prelude",
    "source",
]  # fmt: skip
