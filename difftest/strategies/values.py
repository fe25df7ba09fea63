"""Values for inputs and constants.

Owns the kinds of numbers a program is fed: a dyadic grid on which arithmetic is exact (so that the oracle
demands equal bits), continuous values, and special ones (signed zeros, infinities, NaN, subnormals, limits).
"""

from __future__ import annotations

from math import prod

import numpy as np

from difftest.program import LAYOUTS, Array
from difftest.strategies.drawing import Draw

KINDS = ("grid",) * 5 + ("continuous",) * 3 + ("special",) * 2


def array(draw: Draw, kind: str, dtype: str, shape: tuple[int, ...], layout: bool = True) -> Array:
    """An array of one dtype and shape; its memory layout is drawn too."""
    size = prod(shape)
    codes = np.array(draw.integers(-8, 8, size), dtype=np.int64)
    data = _decode(kind, dtype, codes).reshape(shape)
    return Array(data, draw.choose(LAYOUTS) if layout and size > 1 and draw.seldom() else "C")


def _decode(kind: str, dtype: str, codes: np.ndarray) -> np.ndarray:
    kind_of = np.dtype(dtype).kind
    if kind_of == "b":
        return codes % 2 == 1
    if kind_of in "iu":
        if kind == "special":
            limits = np.iinfo(dtype)
            table = np.array([0, 1, 2, limits.max, limits.min, limits.max - 1, 3], dtype=dtype)
            return table[codes % len(table)]
        return (np.abs(codes) if kind_of == "u" else codes).astype(dtype)
    if kind == "grid":
        return (codes / 4).astype(dtype)
    if kind == "continuous":
        # The golden ratio spreads small codes over (-3, 3) without a pattern; code 0 stays 0.
        return (np.sign(codes) * ((np.abs(codes) * 0.6180339887498949) % 1 * 3)).astype(dtype)
    info = np.finfo(dtype)
    special = [0.0, 1.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.tiny, info.max, 0.5, -1.0, 2.0]
    return np.array(special, dtype=dtype)[codes % len(special)]
