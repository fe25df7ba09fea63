"""Which dtypes a program uses, simplest first.

Owns the order in which dtypes shrink and the small set each program keeps to. It knows nothing of steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difftest.strategies.drawing import Draw

FLOATS = ("float64", "float32", "float16")
INTEGERS = ("int64", "int8", "int32", "uint8", "int16", "uint16", "uint32", "uint64")
SIMPLEST_FIRST = ("float64", "float32", "int64", "int8", "bool", "float16", *INTEGERS[2:])


def palette(draw: Draw) -> tuple[str, ...]:
    """The dtypes of one program's inputs: a main float, and up to two more."""
    main = draw.choose(("float64", "float32", "float32", "float16")) if draw.often() else "float64"
    more = [draw.choose(SIMPLEST_FIRST)] if draw.often() else []
    if more and draw.seldom():
        more.append(draw.choose(SIMPLEST_FIRST))
    return tuple(dict.fromkeys([main, *more]))


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    return dtype in INTEGERS


def literals(draw: Draw, dtype: str, favourites: Sequence[int | float] = (0, 1, -1, 2)) -> int | float:
    """A Python number to write beside an operand of this dtype."""
    if is_float(dtype) and draw.seldom():
        return draw.choose((0.5, 1.5, -0.25, 0.1))
    number = draw.choose(favourites)
    if is_float(dtype) and draw.flag():
        return float(number)
    return abs(number) if np.dtype(dtype).kind in "ub" else number
