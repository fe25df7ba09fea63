"""The inverse of the normal distribution function, as a graph of arithmetic, a logarithm and a root.

Owns nothing but the graph: the rational functions are those of `distributions`, one for the middle and one for
what lies more than 0.425 off it. The third, for probabilities below exp(-25), is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.distributions import _CENTRAL, _TAIL
from reference.tensor.elemwise import abs_, le, log, minimum, sgn, sqrt, switch


def normal_quantile(p: Any) -> Any:
    """The number below which a standard normal one lies with probability `p`, between exp(-25) and 1 - exp(-25)."""
    p = as_tensor_variable(p)
    q = p - 0.5
    middle = q * _ratio(_CENTRAL, 0.180625 - q * q, p.type.dtype)
    sides = sgn(q) * _ratio(_TAIL, sqrt(-log(minimum(p, 1 - p))) - _number(1.6, p.type.dtype), p.type.dtype)
    return switch(le(abs_(q), _number(0.425, p.type.dtype)), middle, sides)


def _ratio(coefficients: Sequence[Sequence[float]], r: Any, dtype: str) -> Any:
    over, under = (_polynomial(c, r, dtype) for c in coefficients)
    return over / under


def _polynomial(coefficients: Sequence[float], r: Any, dtype: str) -> Any:
    value, *lower = [_number(c, dtype) for c in coefficients]
    for c in lower:
        value = value * r + c
    return value


def _number(value: float, dtype: str) -> Variable:
    return constant(value, dtype=dtype)
