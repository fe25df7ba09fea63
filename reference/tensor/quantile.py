"""The inverse of the normal distribution function, as a graph of arithmetic, a logarithm and a root.

Owns the rational functions of Wichura's algorithm AS 241 (Applied Statistics 37, 1988): one for the middle, one
for what lies beyond 0.425 of it. The third, for probabilities below exp(-25), is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import abs_, le, log, minimum, sgn, sqrt, switch

_MIDDLE = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
     21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610),
)  # fmt: skip
_SIDES = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
     0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip


def normal_quantile(p: Any) -> Any:
    """The number below which a standard normal one lies with probability `p`, between exp(-25) and 1 - exp(-25)."""
    p = as_tensor_variable(p)
    q = p - 0.5
    middle = q * _ratio(_MIDDLE, 0.180625 - q * q, p.type.dtype)
    sides = sgn(q) * _ratio(_SIDES, sqrt(-log(minimum(p, 1 - p))) - _number(1.6, p.type.dtype), p.type.dtype)
    return switch(le(abs_(q), _number(0.425, p.type.dtype)), middle, sides)


def _ratio(coefficients: Sequence[Sequence[float]], r: Any, dtype: str) -> Any:
    over, under = (_polynomial(c, r, dtype) for c in coefficients)
    return over / under


def _polynomial(coefficients: Sequence[float], r: Any, dtype: str) -> Any:
    *lower, value = [_number(c, dtype) for c in coefficients]
    for c in reversed(lower):
        value = value * r + c
    return value


def _number(value: float, dtype: str) -> Variable:
    return constant(value, dtype=dtype)
