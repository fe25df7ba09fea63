"""Steps that work element by element, one for each row of the reference's scalar table, and casts.

Owns which operands a row may be given (by its dtype rule, so never an invalid program) and the literals that make
algebraic rewrites fire: x*1, 0-x, x/2, x**2.
"""

from __future__ import annotations

from functools import cache, partial

from difftest.model import ELEMENTWISE
from difftest.strategies import dtypes
from difftest.strategies.drawing import Draw, Entry, Pool, broadcasts
from difftest.strategies.registry import Drawn, step
from reference import scalar


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
        count = 3 if draw.seldom() else 2
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
        widest = max(chosen, key=lambda e: (e.ndim, e.size))
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
    smooth = bool(row.grad) and name not in ("second",)
    step("elementwise", source, takes=lambda e: legal_first(name, e.dtype), name=name, smooth=smooth)(draw)


def _variadic(name: str, *operands: str) -> str:
    return f"T.{name}({', '.join(operands)})"


for _name in sorted(ELEMENTWISE, key=lambda n: (scalar.TABLE[n].nin % 9, n)):
    _register(_name)


@step(
    "literal",
    lambda x, number, op, swapped: f"{number} {op} {x}" if swapped else f"{x} {op} {number}",
    takes=lambda e: e.dtype != "bool",
    name="literal",
)
def _literal(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    op = draw.choose(("*", "+", "-", "/", "**", "<", ">", "//", "%", "<=", ">="))
    swapped = draw.flag() if op in "+-*/" else False
    return (x.name, dtypes.literals(draw, x.dtype)), {"op": op, "swapped": swapped}


@step("cast", "T.cast({0}, {dtype!r})")
def cast(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"dtype": draw.choose(dtypes.SIMPLEST_FIRST)}
