"""Arithmetic that is more than one row of the scalar table.

Owns the functions behind ``/``, ``%``, ``round`` and comparisons within a tolerance. Everything here is a
graph of rows; nothing here has a meaning of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Variable
from reference.graph.dtypes import COMPLEX, DISCRETE
from reference.tensor import elemwise
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import cast

__all__ = [
    "allclose", "ceil_intdiv", "div_proxy", "divmod", "inverse_permutation", "iround", "isclose", "largest",
    "mod_check", "round", "smallest",
]  # fmt: skip


def div_proxy(x: Any, y: Any) -> Variable:
    """``x / y``: true division; two integers by ``config.int_division``, their quotient is floatX."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.type.dtype in DISCRETE and y.type.dtype in DISCRETE:
        if config.int_division == "raise":
            raise TypeError(f"{x} / {y} divides integers; use //, or cast one (config.int_division is 'raise')")
        if config.int_division == "floatX":
            return elemwise.true_div(cast(x, config.floatX), cast(y, config.floatX))
        return cast(elemwise.true_div(x, y), config.floatX)
    return elemwise.true_div(x, y)


def mod_check(x: Any, y: Any) -> Variable:
    """``x % y``, for real operands."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.type.dtype in COMPLEX or y.type.dtype in COMPLEX:
        raise TypeError(f"% is not defined for complex numbers ({x}: {x.type}, {y}: {y.type})")
    return elemwise.mod(x, y)


def divmod(x: Any, y: Any) -> tuple[Variable, Variable]:
    """(x // y, x % y)"""
    return elemwise.floor_div(x, y), mod_check(x, y)


def ceil_intdiv(a: Any, b: Any) -> Variable:
    """ceil(a / b) of integers, without floats."""
    quotient = elemwise.int_div(a, b)
    return quotient + cast(elemwise.neq(a % b, 0), quotient.type.dtype)


def round(a: Any, mode: str | None = None) -> Variable:
    """To the nearest integer: ties to even (the default) or away from zero."""
    if mode in (None, "half_to_even"):
        return elemwise.round_half_to_even(a)
    if mode == "half_away_from_zero":
        return elemwise.round_half_away_from_zero(a)
    raise ValueError(f"round mode must be 'half_to_even' or 'half_away_from_zero', not {mode!r}")


def iround(a: Any, mode: str | None = None) -> Variable:
    """`round`, as int64."""
    return cast(round(a, mode), "int64")


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Variable:
    """Elementwise |a - b| <= atol + rtol*|b|; infinities are close to themselves, NaN to NaN if `equal_nan`.

    Integers are compared as the real numbers they are.
    """
    a, b = (elemwise.cast(x, "float64") if x.type.dtype in DISCRETE else x for x in map(as_tensor_variable, (a, b)))
    near = elemwise.le(elemwise.abs_(a - b), atol + rtol * elemwise.abs_(b))
    finite = elemwise.and_(elemwise.invert(elemwise.isinf(a)), elemwise.invert(elemwise.isinf(b)))
    close = elemwise.or_(elemwise.and_(near, finite), elemwise.eq(a, b))
    return elemwise.or_(close, elemwise.and_(elemwise.isnan(a), elemwise.isnan(b))) if equal_nan else close


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Variable:
    """True if `isclose` holds everywhere."""
    from reference.tensor.reduce import all as all_

    return all_(isclose(a, b, rtol, atol, equal_nan))


def largest(*args: Any) -> Variable:
    """The elementwise maximum of all arguments."""
    from reference.tensor.joining import stack
    from reference.tensor.reduce import max as max_

    return elemwise.maximum(*args) if len(args) == 2 else max_(stack(list(args)), axis=0)


def smallest(*args: Any) -> Variable:
    """The elementwise minimum of all arguments."""
    from reference.tensor.joining import stack
    from reference.tensor.reduce import min as min_

    return elemwise.minimum(*args) if len(args) == 2 else min_(stack(list(args)), axis=0)


def inverse_permutation(perm: Any) -> Variable:
    """The permutation that undoes the vector `perm`."""
    from reference.tensor.creation import arange
    from reference.tensor.subtensor import set_subtensor

    perm = as_tensor_variable(perm)
    places = arange(perm.shape[0], dtype=perm.type.dtype)
    return set_subtensor(elemwise.second(perm, np.asarray(0, perm.type.dtype))[perm], places)
