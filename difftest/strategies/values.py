"""Values for inputs and constants.

Owns the kinds of numbers a program is fed: a dyadic grid on which arithmetic is exact (so that the oracle
demands equal bits), continuous values, special ones (signed zeros, infinities, NaN, subnormals, limits), and ties
with their neighbours, where decisions turn.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from difftest.program import LAYOUTS, Array
from difftest.strategies.drawing import Draw

KINDS = ("grid",) * 10 + ("continuous",) * 5 + ("special",) * 3 + ("margin",) * 2


def array(draw: Draw, kind: str, dtype: str, shape: tuple[int, ...], layout: bool = True) -> Array:
    """An array of one dtype and shape; its memory layout is drawn too."""
    size = prod(shape)
    reach = 8 if kind in ("grid", "continuous") else 30
    data = _decode(kind, dtype, np.array(draw.integers(-reach, reach, size), dtype=np.int64)).reshape(shape)
    how = draw.choose(LAYOUTS) if layout and size > 1 and draw.seldom() else "C"
    if how == "stretched":
        axis = draw.integer(0, len(shape) - 1)
        data = np.broadcast_to(data.take([0], axis), shape)
    return Array(data, how)


def _decode(kind: str, dtype: str, codes: np.ndarray) -> np.ndarray:
    kind_of = np.dtype(dtype).kind
    if kind_of == "b":
        return codes % 2 == 1
    if kind_of == "c":
        part = "float64" if dtype == "complex128" else "float32"
        data = np.empty(codes.shape, dtype)
        data.real, data.imag = _decode(kind, part, codes), _decode(kind, part, (5 * codes + 3) % 17 - 8)
        return data
    if kind in ("special", "margin"):
        table = _table(kind, dtype)
        return table[codes % len(table)]
    if kind_of in "iu":
        return (np.abs(codes) if kind_of == "u" else codes).astype(dtype)
    if kind == "grid":
        return (codes / 4).astype(dtype)
    # The golden ratio spreads small codes over (-3, 3) without a pattern; code 0 stays 0.
    return (np.sign(codes) * ((np.abs(codes) * 0.6180339887498949) % 1 * 3)).astype(dtype)


@cache
def _table(kind: str, dtype: str) -> np.ndarray:
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([0, 1, 2, limits.max, limits.min, limits.max - 1, limits.min + 1, limits.max // 2, 3], dtype)
    info = np.finfo(dtype)
    if kind == "special":
        numbers = [
            0.0, 1.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.tiny, info.max, 0.5, -1.0, 2.0,
            -info.max, info.tiny, info.smallest_subnormal * 3, info.max / 2, info.eps, -2.0,
        ]  # fmt: skip
        return np.array(numbers, dtype)
    ties = np.array([0.0, 0.5, 1.0, -0.5, -1.0, 1.5, 2.0, 2.5, 1 / 3, np.log(float(info.max))], dtype)
    above, below = (np.nextafter(ties, np.array(s * np.inf, dtype)) for s in (1, -1))
    return np.stack([ties, above, below], axis=1).ravel()


def frozen(data: np.ndarray) -> Any:
    """Numbers as an attribute of a step: tuples, and a complex number as the pair of its parts."""
    if data.ndim:
        return tuple(frozen(row) for row in data)
    value = data.item()
    return (value.real, value.imag) if isinstance(value, complex) else value
