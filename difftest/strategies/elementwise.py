"""Steps that work element by element, one for each row of the reference's scalar table, numbers, and casts.

Owns which operands a row may be given (by its dtype rule, so never an invalid program) and the numbers that make
algebraic rewrites fire: x*1, 0-x, x/2, x**2.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from difftest.model import ELEMENTWISE
from difftest.model.base import operand
from difftest.model.elementwise import OPERATORS
from difftest.strategies import dtypes
from difftest.strategies.drawing import Draw, Entry, Pool, broadcasts
from difftest.strategies.registry import STEPS, Drawn, step
from reference import scalar

SPECIAL = (
    "gamma", "gammaln", "psi", "tri_gamma", "ultra_fast_sigmoid", "erfinv", "erfcinv", "erfcx", "j0", "j1", "i0", "i1",
    "jv", "iv", "chi2sf", "gammainc", "gammaincc", "gammal", "gammau",
)  # fmt: skip
"""Rows that few use, and that some backends cannot compute: a family of their own."""

COMPLEX = ("real", "imag", "conj", "angle", "complex", "complex_from_polar")

FIRM = (
    "neg", "abs_", "sgn", "maximum", "minimum", "clip", "switch", "second", "identity", "eq", "neq", "lt", "le", "gt",
    "ge", "isnan", "isinf", "real", "imag", "conj", "complex",
)  # fmt: skip
"""Rows that round nothing."""

ROUGH = {"tri_gamma": (0,), "jv": (0,), "iv": (0,), "gammainc": (0,), "gammaincc": (0,), "gammal": (0,),
         "gammau": (0,), "chi2sf": (1,), "real": (0,), "imag": (0,), "angle": (0,), "complex": (0, 1),
         "complex_from_polar": (0, 1)}  # fmt: skip
"""Operands with an undefined gradient."""

ORDERS = {"gamma": 2, "gammaln": 2, "psi": 1}
"""How often a row has a gradient."""


@cache
def legal(name: str, *operand_dtypes: str) -> bool:
    """True if the row has a meaning for these dtypes."""
    try:
        scalar.TABLE[name].output_dtype(*operand_dtypes)
    except TypeError:
        return False
    return True


@cache
def legal_first(name: str, dtype: str) -> bool:
    row = scalar.TABLE[name]
    if name == "switch":
        return True
    return legal(name, *[dtype] * (2 if row.nin == -1 else row.nin))


def _draw_unary(name: str, draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


def _draw_many(name: str, draw: Draw, pool: Pool, x: Entry) -> Drawn:
    count = scalar.TABLE[name].nin
    if count == -1:
        count = draw.choose((2, 2, 2, 3, 3, 4))
    chosen = [x]
    widest = x
    while len(chosen) < count:
        known = [e.dtype for e in chosen]
        possible = [d for d in dict.fromkeys((*pool.dtypes, x.dtype, "bool")) if _fits(name, count, [*known, d])]
        fits = partial(_partner_fits, name, count, known, chosen)
        other = pool.partner(widest, draw.choose(possible) if not draw.flag() else None, fits) if possible else x
        if not _fits(name, count, [*known, other.dtype]):
            other = x
        chosen.append(other)
        whole = np.broadcast_shapes(*(e.shape for e in chosen))
        widest = next((e for e in chosen if e.shape == whole), x)
        if widest.shape != whole:
            chosen += [x] * (count - len(chosen))
    return tuple(e.name for e in chosen), {}


def _fits(name: str, count: int, known: list[str]) -> bool:
    rest = [known[-1] if name == "switch" else known[0]] * (count - len(known))
    return legal(name, *known, *rest)


def _partner_fits(name: str, count: int, known: list[str], chosen: list[Entry], e: Entry) -> bool:
    return _fits(name, count, [*known, e.dtype]) and all(broadcasts(e, c) for c in chosen)


def _register(name: str) -> None:
    row = scalar.TABLE[name]
    slots = ", ".join(f"{{{k}}}" for k in range(row.nin))
    source = f"T.{name}({slots})" if slots else partial(_variadic, name)
    draw = partial(_draw_unary if row.nin == 1 else _draw_many, name)
    step(
        "special" if name in SPECIAL else "complex" if name in COMPLEX else "elementwise",
        source,
        takes=lambda e: legal_first(name, e.dtype),
        name=name,
        smooth=(bool(row.grad) and name != "second") or name in ROUGH,
        rough=ROUGH.get(name, ()),
        orders=ORDERS.get(name, 9),
        firm=name in FIRM,
    )(draw)


def _variadic(name: str, *operands: str) -> str:
    return f"T.{name}({', '.join(operands)})"


for _name in sorted(ELEMENTWISE, key=lambda n: (scalar.TABLE[n].nin % 9, n)):
    _register(_name)


SPELLINGS = {n: row for n, row in scalar.ALIASES.items() if row not in (*SPECIAL, *COMPLEX)}


@step(
    "spelling",
    lambda *xs, name: f"T.{name}({', '.join(xs)})",
    takes=lambda e: any(legal_first(row, e.dtype) for row in SPELLINGS.values()),
    smooth=False,
)
def spelled(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A row under its other name."""
    name = draw.choose([n for n, row in SPELLINGS.items() if legal_first(row, x.dtype)])
    operands, _ = STEPS[SPELLINGS[name]].draw(draw, pool, x)
    return operands, {"name": name}


METHODS = {"copy": "identity", "ravel": "flatten", "flatten": "flatten", "conj": "conj", "conjugate": "conj"}


@step("spelling", "{0}.{name}()", smooth=False)
def method(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"name": draw.choose(tuple(METHODS))}


def _with_number(x: str, number: str, op: str, swapped: bool = False) -> str:
    if op in ("==", "!="):
        return f"T.{OPERATORS[op]}({x}, {number})"
    return f"{number} {op} {x}" if swapped else f"{x} {op} {number}"


@step("literal", _with_number, name="literal")
def _literal(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    number = dtypes.literals(draw, x.dtype)
    op, swapped = _operator(draw, x.dtype, str(operand(number).dtype))
    return (x.name, number), {"op": op, "swapped": swapped}


@step("literal", lambda x, op, number, dtype: _with_number(x, f"np.{_scalar_type(dtype)}({number!r})", op))
def numpy_number(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A NumPy scalar, which has a dtype of its own."""
    dtype = draw.choose(dtypes.SIMPLEST_FIRST)
    kind = np.dtype(dtype).kind
    number = draw.choose((0, 1, 2, 0.5, -1) if kind in "fc" else (0, 1, 2, -1) if kind == "i" else (0, 1))
    return (x.name,), {"op": _operator(draw, x.dtype, dtype)[0], "number": number, "dtype": dtype}


def _scalar_type(dtype: str) -> str:
    return "bool_" if dtype == "bool" else dtype


def _operator(draw: Draw, first: str, second: str) -> tuple[str, bool]:
    """An operator that has a meaning for these dtypes, and whether the second operand is to stand first."""
    op = draw.choose([op for op, row in OPERATORS.items() if legal(row, first, second)])
    return op, op in "+-*/" and draw.flag()


@step("cast", "T.cast({0}, {dtype!r})")
def cast(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    usual = dtypes.SIMPLEST_FIRST if x.kind != "c" else dtypes.COMPLEX
    return (x.name,), {"dtype": draw.choose(usual)}


@step("cast", "T.elemwise.Elemwise(theano.scalar.cast_to({dtype!r}))({0})")
def cast_node(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A conversion that is a node even to the same dtype."""
    return (x.name,), {"dtype": x.dtype if draw.flag() else cast(draw, pool, x)[1]["dtype"]}
