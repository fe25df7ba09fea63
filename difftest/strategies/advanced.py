"""Steps that read or write places: index arrays of any rank, several of them, masks, beside slices and integers.

Owns patterns such as ``x[i, :, j]``: arrays broadcast together (and say so where they are stretched), lie in the legal
range of what they index, hold repeats and negative numbers. Their places are written ``@k`` as in `indexing`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from difftest import model
from difftest.program import Array
from difftest.strategies import shapes
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES
from difftest.strategies.indexing import ENDS, STRIDES, index_source, part_to_write, writing
from difftest.strategies.registry import Drawn, step

FULL = (None, None, None)


def vector_index(draw: Draw, pool: Pool, length: int) -> Entry:
    """An index vector with repeats and negative entries."""
    codes = draw.integers(-length, length - 1, draw.choose((2, 3, 1, 4, 0)))
    return pool.fixed(codes, draw.choose(INDICES[: 4 if min(codes, default=0) < 0 else 5]))


def places_index(draw: Draw, pool: Pool, x: Entry, names: list[str], first: int) -> tuple[Any, ...]:
    """An index that may hold arrays and masks, whose names are appended to `names`."""

    def symbol(e: Entry) -> str:
        names.append(e.name)
        return f"@{first + len(names) - 1}"

    common = draw.choose(((2,), (3,), (2, 2), (1,), (2, 1)))
    items: list[Any] = []
    axis = 0
    while axis < x.ndim:
        what, length = draw.integer(0, 9), x.shape[axis]
        if what <= 3 and length:
            items.append(symbol(_array(draw, pool, length, common)))
        elif what == 4:
            width = draw.integer(1, min(2, x.ndim - axis))
            items.append(symbol(_mask(draw, pool, x.shape[axis : axis + width])))
            axis += width - 1
        elif what == 5 and length:
            items.append(draw.integer(-length, length - 1))
        elif what == 6 and None not in items and x.ndim <= 3:
            items.append(None)
            continue
        elif what == 7:
            break
        else:
            items.append((draw.choose(ENDS), draw.choose(ENDS), draw.choose(STRIDES)) if what == 8 else FULL)
        axis += 1
    return tuple(items)


def _array(draw: Draw, pool: Pool, length: int, common: tuple[int, ...]) -> Entry:
    """An index array that broadcasts to `common`, and says where it is stretched."""
    shape, pattern = shapes.stretched(draw, common)
    if not shape:
        shape, pattern = (1,), (True,)
    codes = draw.integers(-length, length - 1, prod(shape))
    return pool.pin(pool.source_of(Array(np.reshape(codes, shape).astype(draw.choose(INDICES[:4]))), pattern))


def _mask(draw: Draw, pool: Pool, shape: tuple[int, ...]) -> Entry:
    return pool.fixed(np.reshape(draw.integers(0, 1, prod(shape)), shape), "bool")


def _legal(x: Entry, index: tuple[Any, ...], values: list[Any]) -> Any:
    """What the index reads, or None where NumPy refuses it: masks beside arrays must fit by their values."""
    try:
        part = x.value[model.index_of(index, values)]
    except IndexError:
        return None
    return part if part.size <= shapes.MOST_ELEMENTS and part.ndim <= 5 else None


def _drawn_index(draw: Draw, pool: Pool, x: Entry, first: int) -> tuple[tuple[Any, ...], list[str]]:
    names: list[str] = []
    index = places_index(draw, pool, x, names, first)
    values = [None] * (first - 1) + [pool.named(n).value for n in names]  # type: ignore[union-attr]
    if _legal(x, index, values) is None or not names:
        names = [vector_index(draw, pool, x.shape[0]).name] if x.shape[0] else [pool.fixed([], "int64").name]
        index = (f"@{first}",)
    return index, names


@step("places", lambda x, *rest, index: f"{x}[{index_source(index, rest)}]", takes=lambda e: e.ndim >= 1)
def places(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    index, names = _drawn_index(draw, pool, x, 1)
    return (x.name, *names), {"index": index}


def _draw_write(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    index, names = _drawn_index(draw, pool, x, 2)
    index = tuple(i for i in index if i is not None)
    part = x.value[model.index_of(index, [None, *[pool.named(n).value for n in names]])]  # type: ignore[union-attr,list-item]

    y = part_to_write(draw, pool, x, part.shape)
    return (x.name, y.name, *names), {"index": index}


writing("set_places", "places", _draw_write)


@step("places", lambda x, i, axis, mode: f"{x}.take({i}, axis={axis!r}, mode={mode!r})",
      takes=lambda e: e.ndim >= 1 and min(e.shape) > 0)  # fmt: skip
def take(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Indices of any rank; out of range where the mode allows it."""
    axis = draw.integer(-x.ndim, x.ndim - 1) if draw.often() else None
    length = x.size if axis is None else x.shape[axis]
    mode = draw.choose(("raise", "raise", "wrap", "clip"))
    low, high = (-length, length - 1) if mode == "raise" else (-length - 2, length + 1)
    shape = draw.choose(((2,), (3,), (), (1,), (2, 2), (0,)))
    if prod(shape) * x.size // length > shapes.MOST_ELEMENTS or x.ndim > 3:
        shape = ()
    codes = np.reshape(draw.integers(low, high, prod(shape)), shape)
    return (x.name, pool.fixed(codes, draw.choose(INDICES[:4])).name), {"axis": axis, "mode": mode}


@step("places", "{0}[{1}]", takes=lambda e: e.ndim >= 1)
def mask(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _mask(draw, pool, x.shape[: draw.integer(1, x.ndim)]).name), {}
