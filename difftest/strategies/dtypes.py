"""Which dtypes a program uses, simplest first.

Owns the order in which dtypes shrink, the small set each program keeps to, and the Python numbers that are written
beside operands of a dtype. It knows nothing of steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difftest.strategies.drawing import Draw

FLOATS = ("float64", "float32", "float16")
INTEGERS = ("int64", "int8", "int32", "uint8", "int16", "uint16", "uint32", "uint64")
COMPLEX = ("complex128", "complex64")
SIMPLEST_FIRST = ("float64", "float32", "int64", "int8", "bool", "float16", *INTEGERS[2:], *COMPLEX)
INDICES = ("int64", "int32", "int8", "int16", "uint8")
"""What indices may be of; numbers from the end need a sign."""


def palette(draw: Draw) -> tuple[str, ...]:
    """The dtypes of one program's inputs: a main one, most often a float, and up to two more."""
    main = draw.choose(("float64", "float32", "float32", "float64", "float16", "int64", "", "float32"))
    more = [draw.choose(SIMPLEST_FIRST)] if draw.often() else []
    if more and draw.seldom():
        more.append(draw.choose(SIMPLEST_FIRST))
    return tuple(dict.fromkeys([main or draw.choose(SIMPLEST_FIRST), *more]))


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    return dtype in INTEGERS


def literals(draw: Draw, dtype: str, favourites: Sequence[int | float] = (0, 1, -1, 2)) -> int | float:
    """A Python number to write beside an operand of this dtype: small, large, a fraction, or not finite."""
    if (is_float(dtype) or dtype in COMPLEX) and draw.seldom():
        return draw.choose((0.5, 1.5, -0.25, 0.1, -0.5, 3.0, 1e10, 1e-3, float("inf"), float("nan"), -0.0))
    if draw.integer(0, 15) == 15:
        return draw.choose((3, 127, 128, 255, 300, 40000, 2**31, 2**40))
    number = draw.choose(favourites)
    if is_float(dtype) and draw.flag():
        return float(number)
    return abs(number) if np.dtype(dtype).kind in "ub" else number
