"""Steps of arithmetic that are more than one elementwise operation: rounding, closeness, permutations.

Owns only which operands they take.
"""

from __future__ import annotations

from difftest.strategies import dtypes
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.elementwise import legal
from difftest.strategies.registry import Drawn, step


def _numeric(e: Entry) -> bool:
    return e.kind in "iuf"


def _real(e: Entry) -> bool:
    return e.kind != "c"


def _several(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Two operands that broadcast, or three of one shape, so that stacking them is legal."""
    if draw.often():
        other = pool.partner(x, None if draw.flag() else x.dtype, _real)
        return (x.name, other.name if other.kind != "c" else x.name), {}
    alike = pool.having(lambda e: e.shape == x.shape and _real(e))
    return (x.name, draw.choose(alike).name, draw.choose(alike).name), {}


for _name in ("largest", "smallest"):
    step(
        "arithmetic",
        lambda *xs, name=_name: f"T.{name}({', '.join(xs)})",
        takes=lambda e: e.kind != "c" and e.ndim <= 3,
        name=_name,
    )(_several)


def _pair(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    other = pool.partner(x, draw.choose([d for d in (*pool.dtypes, x.dtype) if legal("mod", x.dtype, d)]), _numeric)
    return (x.name, other.name), {}


@step("arithmetic", "T.divmod({0}, {1})", takes=_numeric, name="divmod")
def divmod_(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return _pair(draw, pool, x)


@step("arithmetic", "T.ceil_intdiv({0}, {1})", takes=lambda e: e.kind in "iu")
def ceil_intdiv(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, pool.partner(x, x.dtype).name), {}


for _name in ("round", "iround"):

    @step("arithmetic", f"T.{_name}({{0}}, mode={{mode!r}})", takes=_real, name=_name, smooth=_name == "round")
    def rounding(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name,), {"mode": draw.choose(("half_to_even", "half_away_from_zero"))}


for _name in ("isclose", "allclose"):

    @step("arithmetic", f"T.{_name}({{0}}, {{1}}, equal_nan={{equal_nan}})", takes=_numeric, name=_name, smooth=False)
    def closeness(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name, pool.partner(x, x.dtype).name), {"equal_nan": draw.flag()}


@step("arithmetic", "T.inverse_permutation({0})", takes=None, smooth=False)
def inverse_permutation(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    order = list(range(draw.integer(0, 4)))
    shuffled = [order.pop(draw.integer(0, len(order) - 1)) for _ in range(len(order))]
    return (pool.fixed(shuffled, draw.choose(dtypes.INDICES)).name,), {}
