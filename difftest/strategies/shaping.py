"""Steps that move elements without changing them, read shapes, or make arrays from nothing.

Owns the attributes of reshape, dimshuffle, join, split and their kin, all computed from the shapes the operands
carry, so that every one is legal.
"""

from __future__ import annotations

from math import prod
from typing import Any

from difftest import model
from difftest.program import array_source
from difftest.strategies import shapes, values
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES
from difftest.strategies.registry import Drawn, step
from difftest.strategies.values import frozen


def permutation(draw: Draw, count: int) -> tuple[int, ...]:
    left = list(range(count))
    return tuple(left.pop(draw.integer(0, len(left) - 1)) for _ in range(count))


@step("dimshuffle", "{0}.dimshuffle(*{order!r})", takes=lambda e: e.ndim <= 3)
def dimshuffle(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    order: list[Any] = [k for k in permutation(draw, x.ndim) if not (x.broadcastable[k] and draw.flag())]
    if len(order) < 4 and draw.flag():
        order.insert(draw.integer(0, len(order)), "x")
    return (x.name,), {"order": tuple(order)}


@step("dimshuffle", "{0}.transpose({axes!r})", takes=lambda e: e.ndim >= 2)
def transpose(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axes": permutation(draw, x.ndim)}


@step("dimshuffle", "{0}.T", takes=lambda e: e.ndim == 2)
def transposed(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


def factors(draw: Draw, size: int) -> tuple[int, ...]:
    """A shape of `size` elements."""
    result: list[int] = []
    left = size
    while left > 1 and len(result) < 3 and draw.often():
        divisors = [d for d in range(2, left + 1) if left % d == 0]
        result.append(draw.choose(divisors))
        left //= result[-1]
    if left != 1 or (not result and draw.flag()):
        result.append(left)
    return tuple(result)


@step("reshape", "{0}.reshape({shape!r})")
def reshape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    shape = factors(draw, x.size)
    if x.size == 0 and len(shape) < 2 and draw.flag():
        shape = (draw.choose((2, 0, 3)), 0)
    if shape and 0 not in shape and draw.seldom():
        hidden = draw.integer(0, len(shape) - 1)
        shape = (*shape[:hidden], -1, *shape[hidden + 1 :])
    return (x.name,), {"shape": shape}


def _by_shape(x: str) -> str:
    return f"{x}.reshape(T.concatenate([[{x}.shape[0] * {x}.shape[1]], {x}.shape[2:]]), ndim={x}.ndim - 1)"


@step("reshape", _by_shape, takes=lambda e: e.ndim >= 2)
def reshape_by_shape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("reshape", "{0}.flatten({outdim})")
def flatten(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"outdim": draw.integer(1, max(1, x.ndim))}


def _parts(draw: Draw, pool: Pool, x: Entry, axis: int | None) -> list[Entry]:
    """One to three values that differ from `x` at most along `axis`."""

    def fits(e: Entry) -> bool:
        same = e.ndim == x.ndim and all(a == b or k == axis for k, (a, b) in enumerate(zip(e.shape, x.shape)))
        return same and e.size <= 32

    parts = [x]
    while len(parts) < 3 and draw.often():
        known = pool.having(fits)
        parts.append(draw.choose(known) if known and draw.often() else pool.source(draw.choose(pool.dtypes), x.shape))
    return parts


@step(
    "join",
    lambda *parts, axis: f"T.concatenate([{', '.join(parts)}], axis={axis})",
    takes=lambda e: e.ndim >= 1 and e.size <= 32,
)
def join(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1)
    return tuple(e.name for e in _parts(draw, pool, x, axis)), {"axis": axis - (x.ndim if draw.seldom() else 0)}


@step(
    "join",
    lambda *parts, axis: f"T.stack([{', '.join(parts)}], axis={axis})",
    takes=lambda e: e.ndim <= 3 and e.size <= 32,
)
def stack(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return tuple(e.name for e in _parts(draw, pool, x, None)), {"axis": draw.integer(0, x.ndim)}


@step(
    "split",
    lambda x, sizes, axis: f"T.split({x}, splits_size={list(sizes)}, n_splits={len(sizes)}, axis={axis})",
    takes=lambda e: e.ndim >= 1,
)
def split(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1)
    first = draw.integer(0, x.shape[axis])
    second = draw.integer(0, x.shape[axis] - first)
    sizes = (first, x.shape[axis] - first) if draw.often() else (first, second, x.shape[axis] - first - second)
    return (x.name,), {"sizes": sizes, "axis": axis}


@step("tile", "T.tile({0}, {reps!r})", takes=lambda e: e.ndim >= 1 and e.size <= 16)
def tile(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"reps": tuple(draw.choose((1, 2)) for _ in x.shape)}


@step("tile", "T.repeat({0}, {times}, axis={axis})", takes=lambda e: e.ndim >= 1 and e.size <= 16)
def repeat(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"times": draw.choose((2, 1, 3, 0)), "axis": draw.integer(0, x.ndim - 1)}


@step(
    "alloc",
    lambda x, shape: f"T.alloc({', '.join(map(str, (x, *shape)))})",
    takes=lambda e: e.ndim <= 2 and all(n != 1 or b for n, b in zip(e.shape, e.broadcastable)),
)
def alloc(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    lead = shapes.shape(draw, 0, 1)
    rest = tuple(draw.choose((1, 2, 3)) if b else n for n, b in zip(x.shape, x.broadcastable))
    shape = lead + rest
    return (x.name,), {"shape": shape if prod(shape) <= shapes.MOST_ELEMENTS else rest}


@step("alloc", "T.zeros_like({0})", smooth=False)
def zeros_like(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("alloc", "T.ones_like({0})", smooth=False)
def ones_like(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("creation", "T.zeros({shape!r}, dtype={dtype!r})", takes=None, smooth=False)
def zeros(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {"shape": shapes.shape(draw, 0, 3), "dtype": draw.choose(pool.dtypes)}


@step("creation", "T.eye({n}, {m}, {k}, dtype={dtype!r})", takes=None, smooth=False)
def eye(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    lengths = (2, 3, 1, 4)
    return (), {"n": draw.choose(lengths), "m": draw.choose(lengths), "k": draw.choose((0, 1, -1, 5)),
                "dtype": draw.choose(("float64", "float32", "int64"))}  # fmt: skip


@step("creation", "T.arange({start}, {stop}, {step}, dtype={dtype!r})", takes=None, smooth=False)
def arange(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    stop, stride = draw.integer(0, 6), draw.choose((1, 2, 3, -1))
    start = draw.integer(-1, 3)
    return (), {
        "start": start,
        "stop": stop,
        "step": stride,
        "dtype": draw.choose(("int64", "float64", "float32", "int8")),
    }


@step(
    "creation",
    "T.arange({0})",
    takes=lambda e: e.ndim == 0 and e.dtype in INDICES and e.firm and not e.opaque and 0 <= int(e.value) <= 32,
    smooth=False,
    loose=True,
)
def arange_to(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("creation", lambda value, dtype: f"T.constant({constant_source(value, dtype)})", takes=None, smooth=False)
def constant(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    dtype = draw.choose(pool.dtypes)
    shape = shapes.shape(draw, 0, 2, pool.lengths)
    return (), {"value": frozen(values.array(draw, "grid", dtype, shape, layout=False).data), "dtype": dtype}


def constant_source(value: Any, dtype: str) -> str:
    return array_source(model.MODEL["constant"](value, dtype))


@step("shapes", "{0}.shape", takes=lambda e: e.ndim >= 1, smooth=False, firm=True)
def shape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("shapes", "{0}.shape[{axis}]", takes=lambda e: e.ndim >= 1, smooth=False, firm=True)
def length(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(0, x.ndim - 1)}
