"""Arithmetic that is more than one elementwise operation: rounding, closeness, permutations.

It must not look at the reference.
"""

from __future__ import annotations

import numpy as np

from difftest.model.base import Value, common, line
from difftest.model.elementwise import cast, elementwise


@line
def largest(*xs: Value) -> Value:
    return _extreme("maximum", xs)


@line
def smallest(*xs: Value) -> Value:
    return _extreme("minimum", xs)


def _extreme(name: str, xs: tuple[Value, ...]) -> Value:
    """Of two operands the elementwise one; of more, of which none is stretched, NumPy's along a new axis."""
    if len(xs) == 2:
        return elementwise(name, *xs)
    stacked = np.stack([x.astype(common(*xs)) for x in xs])
    return np.asarray(stacked.max(axis=0) if name == "maximum" else stacked.min(axis=0))


@line
def divmod_(x: Value, y: Value) -> tuple[Value, Value]:
    return elementwise("int_div", x, y), elementwise("mod", x, y)


@line
def ceil_intdiv(x: Value, y: Value) -> Value:
    quotient = elementwise("int_div", x, y)
    more = elementwise("neq", elementwise("mod", x, y), np.array(0, "int8"))
    return quotient + more.astype(quotient.dtype)


@line
def round_(x: Value, mode: str) -> Value:
    return elementwise(f"round_{mode}", x)


@line
def iround(x: Value, mode: str) -> Value:
    return cast(round_(x, mode), "int64")


@line
def isclose(x: Value, y: Value, equal_nan: bool) -> Value:
    x, y = (v.astype("float64") if v.dtype.kind in "biu" else v for v in (x, y))
    near = np.abs(x - y) <= 1e-8 + 1e-5 * np.abs(y.astype("float64"))
    close = (near & ~np.isinf(x) & ~np.isinf(y)) | (x == y)
    return close | (np.isnan(x) & np.isnan(y)) if equal_nan else close


@line
def allclose(x: Value, y: Value, equal_nan: bool) -> Value:
    return np.asarray(np.all(isclose(x, y, equal_nan)))


@line
def inverse_permutation(order: Value) -> Value:
    return np.argsort(order).astype(order.dtype)


@line
def ifelse(condition: Value, then: Value, other: Value) -> Value:
    return then if condition != 0 else other


@line
def ifelse_lists(condition: Value, *sides: Value, name: str | None) -> tuple[Value, ...]:
    half = len(sides) // 2
    return sides[:half] if condition != 0 else sides[half:]
