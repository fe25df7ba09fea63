"""Steps that repeat elements, spread them, or make arrays from nothing: ranges, diagonals, constants.

Owns lengths, written as numbers or symbolic, and the places of diagonals.
"""

from __future__ import annotations

from math import prod
from typing import Any

from difftest import model
from difftest.program import array_source
from difftest.strategies import shapes, values
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import FLOATS, INDICES
from difftest.strategies.registry import Drawn, call, step
from difftest.strategies.shaping import lengths_source, symbolic
from difftest.strategies.values import frozen


@step("tile", "T.tile({0}, {reps!r})", takes=lambda e: e.ndim >= 1 and e.size <= 16)
def tile(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"reps": tuple(draw.choose((1, 2)) for _ in x.shape)}


@step("tile", lambda x, *counts, times, axis: f"T.repeat({x}, {counts[0] if counts else times}, axis={axis})",
      takes=lambda e: e.ndim >= 1 and e.size <= 16)  # fmt: skip
def repeat(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A number of times, written or symbolic, or one for each element."""
    axis = draw.integer(-x.ndim, x.ndim - 1) if draw.often() else None
    times = draw.choose((2, 1, 3, 0))
    how = draw.choose(("number", "symbol", "each"))
    if how == "number":
        return (x.name,), {"times": times, "axis": axis}
    length = x.size if axis is None else x.shape[axis]
    counts = pool.number(times) if how == "symbol" else pool.fixed(draw.integers(0, 2, length), "int64")
    return (x.name, counts.name), {"times": None, "axis": axis}


@step("tile", lambda x, *shift, by, axis: f"T.roll({x}, {shift[0] if shift else by}, axis={axis})")
def roll(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    by, axis = draw.choose((1, -1, 2, 0, 7)), draw.integer(-x.ndim, x.ndim - 1) if x.ndim and draw.often() else None
    return (x.name, *([pool.number(by).name] if draw.seldom() else [])), {"by": by, "axis": axis}


@step(
    "alloc",
    lambda x, *lengths, shape: f"T.alloc({x}, *{lengths_source(shape, lengths)})",
    takes=lambda e: e.ndim <= 2 and all(n != 1 or b for n, b in zip(e.shape, e.broadcastable)),
)
def alloc(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    lead = shapes.shape(draw, 0, 1)
    rest = tuple(draw.choose((1, 2, 3)) if b else n for n, b in zip(x.shape, x.broadcastable))
    shape = lead + rest
    return symbolic(draw, pool, x, shape if prod(shape) <= shapes.MOST_ELEMENTS else rest)


for _name in ("zeros_like", "ones_like"):

    @step("alloc", call(f"T.{_name}"), smooth=False, name=_name)
    def like(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name,), {"dtype": draw.choose(pool.dtypes) if draw.seldom() else None}


for _name in ("zeros", "ones"):

    @step(
        "creation",
        lambda *lengths, shape, dtype, name=_name: f"T.{name}({lengths_source(shape, lengths)}, dtype={dtype!r})",
        takes=None,
        smooth=False,
        name=_name,
    )
    def filled(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        operands, attributes = symbolic(draw, pool, None, shapes.shape(draw, 0, 3))
        return operands, {**attributes, "dtype": draw.choose(pool.dtypes)}


@step("creation", "T.tri({n}, {m}, {k}, dtype={dtype!r})", takes=None, smooth=False)
def tri(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return _corner(draw)


def _corner(draw: Draw) -> Drawn:
    lengths = (2, 3, 1, 4, 0)
    return (), {
        "n": draw.choose(lengths), "m": draw.choose(lengths), "k": draw.choose((0, 1, -1, 5)),
        "dtype": draw.choose(("float64", "float32", "int64", "bool")),
    }  # fmt: skip


@step("creation", "T.eye({n}, {m}, {k}, dtype={dtype!r})", takes=None, smooth=False)
def eye(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return _corner(draw)


@step("creation", "T.arange({start}, {stop}, {step}, dtype={dtype!r})", takes=None, smooth=False)
def arange(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    stop, stride = draw.integer(0, 6), draw.choose((1, 2, 3, -1))
    start = draw.integer(-1, 3)
    if draw.seldom():
        return (), {"start": start, "stop": stop + 0.25, "step": stride * 0.5, "dtype": draw.choose(FLOATS)}
    dtype = draw.choose(("int64", "float64", "float32", "int8", None))
    return (), {"start": start, "stop": stop, "step": stride, "dtype": dtype}


@step("creation", "T.arange({0})", takes=None, smooth=False)
def arange_to(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (pool.number(draw.integer(0, 5)).name,), {}


@step("creation", lambda value, dtype: f"T.constant({constant_source(value, dtype)})", takes=None, smooth=False)
def constant(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    dtype = draw.choose(pool.dtypes)
    shape = shapes.shape(draw, 0, 2, pool.lengths)
    return (), {"value": frozen(values.array(draw, "grid", dtype, shape, layout=False).data), "dtype": dtype}


def constant_source(value: Any, dtype: str) -> str:
    return array_source(model.MODEL["constant"](value, dtype))


@step("creation", "T.arange({0}, {1}, {step})", takes=None, smooth=False)
def arange_symbolic(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    start, stop = pool.number(draw.integer(-1, 2)), pool.number(draw.integer(0, 5))
    return (start.name, stop.name), {"step": draw.choose((1, 2, -1))}


@step("creation", "T.{which}grid[{spans}]", takes=None, smooth=False)
def grid(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Ranges along two axes, spread or broadcastable."""
    spans = [(draw.integer(0, 1), draw.integer(0, 4), draw.choose((1, 2))) for _ in range(2)]
    return (), {"which": draw.choose("mo"), "spans": ", ".join(":".join(map(str, s)) for s in spans)}


@step("creation", "T.bartlett({n})", takes=None, smooth=False)
def bartlett(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {"n": draw.choose((3, 1, 4, 0, 2))}


OFFSETS = (0, 1, -1, 5)


def _matrix(e: Entry) -> bool:
    return e.ndim == 2


@step("diagonal", "T.diagonal({0}, {k}, {a}, {b})", takes=lambda e: e.ndim >= 2)
def diagonal(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    a = draw.integer(0, x.ndim - 1)
    b = draw.choose([k for k in range(x.ndim) if k != a])
    return (x.name,), {"k": draw.choose(OFFSETS), "a": a, "b": b}


@step("diagonal", "T.trace({0}, {k})", takes=lambda e: e.ndim >= 2)
def trace(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"k": draw.choose(OFFSETS)}


@step("diagonal", "T.diag({0}, {k})", takes=lambda e: e.ndim == 2 or (e.ndim == 1 and e.size <= 4))
def diag(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"k": draw.choose((0, 1, -1))}


for _name in ("tril", "triu"):

    @step("diagonal", f"T.{_name}({{0}}, {{k}})", takes=lambda e: e.ndim == 2 and e.kind in "iufc", name=_name)
    def corner(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name,), {"k": draw.choose(OFFSETS)}


@step("diagonal", "T.identity_like({0})", takes=_matrix, smooth=False)
def identity_like(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


def _scalar(draw: Draw, pool: Pool, x: Entry) -> Entry:
    known = pool.having(lambda e: e.ndim == 0 and e.dtype == x.dtype)
    return draw.choose(known) if known and draw.often() else pool.source(x.dtype, ())


@step("diagonal", "T.fill_diagonal({0}, {1})", takes=lambda e: e.ndim >= 2 and (e.ndim == 2 or len(set(e.shape)) == 1))
def fill_diagonal(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _scalar(draw, pool, x).name), {}


@step("diagonal", "T.fill_diagonal_offset({0}, {1}, {2})", takes=_matrix)
def fill_diagonal_offset(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _scalar(draw, pool, x).name, pool.number(draw.choose(OFFSETS)).name), {}


@step("creation", "T.unravel_index({0}, {dims!r}, order={order!r})", takes=None, smooth=False)
def unravel_index(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    places = pool.fixed(draw.integers(0, 11, draw.choose((2, 3, 0))), draw.choose(INDICES))
    return (places.name,), {"dims": (3, 4), "order": draw.choose(("C", "F"))}


@step("creation", "T.ravel_multi_index(({0}, {1}), {dims!r}, mode={mode!r}, order={order!r})", takes=None, smooth=False)
def ravel_multi_index(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    mode, count = draw.choose(("raise", "wrap", "clip")), draw.choose((2, 3, 0))
    low, high = (0, 2) if mode == "raise" else (-2, 5)
    rows, columns = (pool.fixed(draw.integers(low, high, count), "int64") for _ in range(2))
    return (rows.name, columns.name), {"dims": (3, 4), "mode": mode, "order": draw.choose(("C", "F"))}
