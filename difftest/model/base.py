"""What the families of the model share: the table `MODEL`, its registration, operands and their dtypes.

Owns no step. It must not know any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Value = np.ndarray
MODEL: dict[str, Callable[..., Any]] = {}


SHAPE_ONLY: set[str] = set()
"""Steps of which the model says dtype and shape alone."""


class Unknown(Exception):
    """The model cannot say: the step is opaque, or an operand is."""


def line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register the model of the step of the same name."""
    MODEL[function.__name__.strip("_")] = function
    return function


def shape_line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a model that knows only dtype and shape."""
    SHAPE_ONLY.add(function.__name__.strip("_"))
    return line(function)


def operand(x: Any) -> np.ndarray:
    """An array; a Python number takes the smallest integer dtype, or float32 if that holds it, else float64."""
    if isinstance(x, bool | np.bool_):
        return np.array(x, "bool")
    if isinstance(x, int):
        return np.array(
            x, next(d for d in ("int8", "int16", "int32", "int64") if np.iinfo(d).min <= x <= np.iinfo(d).max)
        )
    if isinstance(x, float):
        return np.array(x, "float32" if float(np.float32(x)) == x else "float64")
    return x


def common(*arrays: np.ndarray) -> np.dtype:
    """Theano's upcast."""
    dtype = arrays[0].dtype
    for x in arrays[1:]:
        dtype = np.promote_types(dtype, x.dtype)
    return dtype


def continuous(*arrays: np.ndarray) -> np.dtype:
    """The float dtype that functions of these operands give: small integers count as float32, others as float64."""
    dtypes = [
        x.dtype if x.dtype.kind in "fc" else np.dtype("float32" if x.dtype.itemsize <= 2 else "float64") for x in arrays
    ]
    return common(*[np.empty(0, d) for d in dtypes])
