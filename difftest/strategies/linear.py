"""Steps that multiply matrices, of every rank.

Owns how the second operand's shape follows from the first's, and which dimensions are summed over.
"""

from __future__ import annotations

from math import prod
from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, step
from difftest.strategies.shapes import MOST_ELEMENTS


def _numeric(e: Entry) -> bool:
    return e.kind != "b"


def _matching(draw: Draw, pool: Pool, x: Entry, shapes: list[tuple[int, ...]]) -> Entry:
    """An earlier value with one of these shapes, or a new input with the first that is drawn."""
    known = pool.having(lambda e: e.shape in shapes and (is_float(e.dtype) or e.dtype == x.dtype))
    if known and draw.often():
        return draw.choose(known)
    return pool.source(x.dtype, draw.choose(shapes))


@step("dot", "T.dot({0}, {1})", takes=_numeric)
def dot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """The last dimension with the last but one; a scalar multiplies."""
    if x.ndim == 0:
        return (x.name, pool.partner(x, x.dtype).name), {}
    k, rows = x.shape[-1], prod(x.shape[:-1])
    wide: list[tuple[int, ...]] = [(2, k, 2)] if rows <= 8 and x.ndim < 3 else []
    return (x.name, _matching(draw, pool, x, [*([(k, 2)] if rows <= 32 else []), (k,), (k, 1), *wide]).name), {}


@step("dot", "{0} @ {1}", takes=lambda e: _numeric(e) and 1 <= e.ndim <= 2)
def matmul(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    k = x.shape[-1]
    return (x.name, _matching(draw, pool, x, [(k, 2), (k,), (k, 1)]).name), {}


@step("dot", "T.batched_dot({0}, {1})", takes=lambda e: _numeric(e) and e.ndim >= 1 and e.size <= 32)
def batched_dot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    batch, k = x.shape[0], x.shape[-1]
    shapes: list[tuple[int, ...]] = [(batch, k, 2), (batch, k), (batch, k, 1)]
    if x.ndim == 1:
        shapes = [(batch, 2), (batch,), (batch, 2, 1)]
    return (x.name, _matching(draw, pool, x, shapes).name), {}


@step("dot", "T.outer({0}, {1})", takes=lambda e: _numeric(e) and e.ndim >= 1 and e.size <= 8)
def outer(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _matching(draw, pool, x, [(3,), (2,), x.shape, (2, 2)]).name), {}


@step("dot", "T.tensordot({0}, {1}, {axes!r})", takes=lambda e: _numeric(e) and e.ndim >= 1)
def tensordot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Over the last dimensions, or over any in any order, whose partners are then the first of the other's."""
    count = draw.integer(0 if x.size <= 16 else 1, min(2, x.ndim))
    if draw.flag():
        shape = x.shape[x.ndim - count :]
        choices = [(*shape, 2), shape] if prod(x.shape[: x.ndim - count]) <= 16 else [shape]
        return (x.name, _matching(draw, pool, x, choices).name), {"axes": count}
    left = list(range(x.ndim))
    summed = [left.pop(draw.integer(0, len(left) - 1)) for _ in range(count)]
    kept = prod(x.shape[k] for k in left)
    shape = tuple(x.shape[k] for k in summed)
    y = _matching(draw, pool, x, [(*shape, 2), shape] if kept * 2 <= MOST_ELEMENTS else [shape])
    return (x.name, y.name), {"axes": (tuple(k - x.ndim if draw.seldom() else k for k in summed), tuple(range(count)))}


@step("dot", "T.batched_tensordot({0}, {1}, {axes!r})", takes=lambda e: _numeric(e) and e.ndim >= 2 and e.size <= 32)
def batched_tensordot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    count = draw.integer(1, min(2, x.ndim - 1))
    shape = (x.shape[0], *x.shape[x.ndim - count :])
    y = _matching(draw, pool, x, [(*shape, 2), shape])
    axes: Any = count if draw.flag() else (tuple(range(x.ndim - count, x.ndim)), tuple(range(1, count + 1)))
    return (x.name, y.name), {"axes": axes}


@step("dot", "T.cov({0}, rowvar={rowvar}, bias={bias})",
      takes=lambda e: e.kind in "iuf" and e.ndim == 2 and min(e.shape) > 1)  # fmt: skip
def cov(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"rowvar": draw.flag(), "bias": draw.flag()}
