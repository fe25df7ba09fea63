"""The table: every elementwise operation, a row each.

Owns what each operation means: value, dtype, gradient, domain and the facts that hulls need. Names are
those that printing shows. It must not know how rows are applied to tensors; gradients are written with
operators and with the namespace `ns` they are handed.

What NumPy leaves to the machine is defined here. Integer arithmetic wraps modulo 2**bits; an integer
divided by 0 gives 0, quotient and remainder alike, and the smallest integer divided by -1 is itself;
// rounds down and % takes the divisor's sign. Float // and % by 0 are x/0 and NaN. A maximum or minimum is
``a if a > b or a != a else b`` (with < for the minimum): NaN wins, a tie gives the second operand, which
decides the sign of zero. Sums and products of bools are "or" and "and". Casts: see `special.cast`; integer
powers: `special.power`.

At a kink the gradient is one of the slopes: abs and sgn give 0, a tie of maximum or minimum gives the first
operand everything, clip passes the gradient at its bounds, rounding and comparisons have gradient 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from reference import special
from reference.config import config
from reference.graph.dtypes import DISCRETE, canonical
from reference.graph.types import NullType
from reference.scalar_op import (
    BOOL,
    COMPLEX,
    OperandRule,
    ScalarOp,
    by_itself,
    discrete,
    no_bool,
    real,
    same,
    to_bool,
    to_float,
    to_part,
    to_real_float,
    upcast,
)

TABLE: dict[str, ScalarOp] = {}

ALIASES = {
    "abs": "abs_", "sign": "sgn", "square": "sqr", "floor_div": "int_div", "fill": "second", "where": "switch",
    "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor", "bitwise_not": "invert",
    "tensor_copy": "identity", "isnan_": "isnan", "isinf_": "isinf", "digamma": "psi",
    "power": "pow",
}  # fmt: skip
"""Other spellings of rows."""


def by_name(name: str) -> ScalarOp:
    """The row of that name or alias; casts, which are too many for the table, are spelled ``Cast{dtype}``."""
    if name.startswith("Cast{") and name.endswith("}"):
        return cast_to(name[5:-1])
    try:
        return TABLE[ALIASES.get(name, name)]
    except KeyError:
        raise KeyError(f"no elementwise operation is called {name!r}") from None


@cache
def cast_to(dtype: str) -> ScalarOp:
    """The conversion to `dtype`, printed ``Cast{dtype}``. Complex numbers do not become real ones."""
    target = np.dtype(canonical(dtype))

    def out(source: str) -> str:
        if source in COMPLEX and dtype not in COMPLEX:
            raise TypeError("a complex number has no one real value; use real, imag, angle or abs_")
        return dtype

    def grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
        return [g if inputs[0].dtype in DISCRETE else _as_narrow(ns, g, inputs[0])]

    return ScalarOp(
        f"Cast{{{dtype}}}", 1, lambda x: special.cast(x, target), out, by_itself, grad,
        monotone=1, jumps="range" if dtype in DISCRETE else "",
    )  # fmt: skip


def _as_narrow(ns: Any, g: Any, x: Any) -> Any:
    """A gradient in its operand's dtype: of a complex one, what a real operand can follow."""
    return ns.cast(ns.real(g) if g.dtype in COMPLEX and x.dtype not in COMPLEX else g, x.dtype)


def _row(name: str, nin: int, numpy: Callable[..., Any], **facts: Any) -> None:
    TABLE[name] = ScalarOp(name, nin, numpy, **facts)


def _function(name: str, numpy: Callable[..., Any], grad: Any, ulp: float = 4, **facts: Any) -> None:
    """A transcendental row; `grad` is the derivative, a function of (ns, x, output), for unary rows."""
    facts = {"nin": 1, "out": to_float, "transcendental": True, "ulp": ulp, **facts}
    if facts["nin"] == 1:
        facts["grad"] = lambda ns, inputs, output, g: [g * grad(ns, inputs[0], output)]
    else:
        facts["grad"] = grad
    TABLE[name] = ScalarOp(name, facts.pop("nin"), numpy, **facts)


# Gradients shared by several rows, and what they are made of.


def _zeros(ns: Any, x: Any) -> Any:
    return ns.zeros_like(x, dtype=config.floatX if x.dtype in DISCRETE else x.dtype)


def _flat(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    """Constant almost everywhere."""
    return [_zeros(ns, x) for x in inputs]


def _number(output: Any, value: float) -> np.ndarray:
    """A constant of the output's dtype, so that gradients keep it."""
    return np.asarray(value, output.dtype)


def _undefined(name: str, argument: str) -> Any:
    return NullType(f"the derivative of {name} with respect to {argument} is not defined")()


def _extreme(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    """Everything to the first operand where it is the result, ties included."""
    first = ns.eq(output, inputs[0])
    return [ns.switch(first, g, 0), ns.switch(first, 0, g)]


def _clip_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    x, low, high = inputs
    below, above = ns.lt(x, low), ns.gt(x, high)
    return [
        ns.switch(ns.or_(below, above), 0, g),
        ns.switch(below, g, 0),
        ns.switch(ns.and_(ns.invert(below), above), g, 0),
    ]


_WIDER = {"int8": "int16", "uint8": "int16", "int16": "int32", "uint16": "int32"}
"""Where the number before the least, or before 0, has room; int64 does for all others."""


def _pow_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    x, y = inputs
    one = np.array(1, _WIDER.get(y.dtype, "int64")) if y.dtype in DISCRETE else 1
    base = g * y * x ** (y - one)
    return [base, ns.switch(ns.eq(x, 0), 0, g * ns.log(x) * output)]


def _true_div_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    x, y = inputs
    return [g / y, -(g * x) / (y * y)]


def _arctan2_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    # The square of a small integer would wrap around.
    y, x = (ns.cast(v, output.dtype) if v.dtype in DISCRETE else v for v in inputs)
    square = ns.sqr(x) + ns.sqr(y)
    return [g * x / square, -(g * y) / square]


def _second_of(name: str, derivative: Callable[..., Any]) -> Callable[..., Any]:
    """A row of two operands whose derivative is known for the second only."""

    def grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
        return [_undefined(name, "its first operand"), g * derivative(ns, *inputs)]

    return grad


# Rules and values too long for a line.


def _true_div_dtype(*dtypes: str) -> str:
    """A quotient of integers is float64 whatever their size."""
    dtype = upcast(*dtypes)
    return "float64" if dtype in DISCRETE else dtype


def _complex_of(*dtypes: str) -> str:
    return "complex128" if to_real_float(upcast(*dtypes)) == "float64" else "complex64"


def _parts_of_complex(*dtypes: str) -> str:
    return "float64" if to_real_float(upcast(*dtypes)) == "float64" else "float32"


def _bool_as_int8(*dtypes: str) -> str:
    dtype = real(*dtypes)
    return "int8" if dtype == BOOL else dtype


def _pow_operands(*dtypes: str) -> str:
    dtype = upcast(*dtypes)
    return "int8" if dtype == BOOL else dtype


def _half_as_single(*dtypes: str) -> str:
    """NumPy's float16 comparisons settle ties the other way; in float32 they are as everywhere."""
    dtype = real(*dtypes)
    return "float32" if dtype == "float16" else dtype


def _angle_dtype(dtype: str) -> str:
    return to_float(to_part(dtype))


def _chosen(*dtypes: str) -> str:
    return upcast(*dtypes[1:])


def _chosen_operands(*dtypes: str) -> tuple[str, ...]:
    chosen = _chosen(*dtypes)
    return BOOL, chosen, chosen


def _folded(binary: Callable[..., Any]) -> Callable[..., Any]:
    """A binary function of any number of operands, from left to right."""

    def value(first: Any, *others: Any) -> Any:
        for other in others:
            first = binary(first, other)
        return first if others else np.array(first)

    value.binary = binary  # type: ignore[attr-defined]
    return value


def _imag(x: Any) -> Any:
    return np.imag(x).copy() if x.dtype.kind == "c" else np.zeros_like(x)


PI = math.pi
INF = math.inf
PARTS: OperandRule = by_itself


def _sign_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    """A complex number of length 1 moves across its direction alone."""
    if output.dtype not in COMPLEX:
        return _flat(ns, inputs, output, g)
    return [(g - output * ns.real(ns.conj(output) * g)) / ns.abs_(inputs[0])]


def _angle_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    """By z = x + iy: (-y + ix) / |z|**2."""
    (z,) = inputs
    if z.dtype not in COMPLEX:
        return _flat(ns, inputs, output, g)
    share = g / (ns.sqr(ns.real(z)) + ns.sqr(ns.imag(z)))
    return [ns.complex(-ns.imag(z) * share, ns.real(z) * share)]


def _polar_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    """What of `g` lies along the number, and what across."""
    length, angle = inputs
    along = ns.real(g * ns.complex_from_polar(ns.ones_like(angle), -angle))
    return [_as_narrow(ns, along, length), _as_narrow(ns, ns.imag(g * ns.conj(output)), angle)]


# Arithmetic.

_row("add", -1, _folded(np.add), commutative=True, associative=True, grad=lambda ns, xs, z, g: [g] * len(xs))
_row("sub", 2, np.subtract, out=no_bool, grad=lambda ns, xs, z, g: [g, -g])
_row("mul", -1, _folded(np.multiply), commutative=True, associative=True,
     grad=lambda ns, xs, z, g: [ns.mul(g, *xs[:k], *xs[k + 1:]) for k in range(len(xs))])  # fmt: skip
_row("true_div", 2, np.true_divide, out=_true_div_dtype, grad=_true_div_grad, jumps="poles")
_row("int_div", 2, np.floor_divide, out=real, compute=_bool_as_int8, grad=_flat, jumps="integers")
_row("mod", 2, np.remainder, out=real, compute=_bool_as_int8, jumps="integers",
     grad=lambda ns, xs, z, g: [g, -(xs[0] // xs[1]) * g])  # fmt: skip
_row("pow", 2, special.power, out=_pow_operands, transcendental=True, ulp=4, grad=_pow_grad)
_row("neg", 1, np.negative, out=no_bool, monotone=-1, grad=lambda ns, xs, z, g: [-g])
_row("abs_", 1, np.abs, out=to_part, compute=PARTS, critical=(0.0,), jumps="zero", analytic=False,
     grad=lambda ns, xs, z, g: [g * ns.sgn(xs[0])])  # fmt: skip
_row("sgn", 1, special.sign, monotone=1, jumps="zero", analytic=False, grad=_sign_grad)
_row("sqr", 1, np.square, compute=_pow_operands, critical=(0.0,), grad=lambda ns, xs, z, g: [g * xs[0] * 2])
_row("sqrt", 1, np.sqrt, out=to_float, domain=(0.0, INF), monotone=1, grad=lambda ns, xs, z, g: [g / (z * 2)])
_row("inv", 1, np.reciprocal, out=to_float, jumps="poles", grad=lambda ns, xs, z, g: [-g * ns.sqr(z)])
for _name, _ufunc in (("maximum", np.maximum), ("minimum", np.minimum)):
    _row(_name, 2, _ufunc, out=real, compute=_half_as_single, grad=_extreme, jumps="ties",
         commutative=True, associative=True, idempotent=True)  # fmt: skip
_row("clip", 3, special.clip, out=real, compute=_half_as_single, jumps="ties", grad=_clip_grad)
_row("switch", 3, np.where, out=_chosen, compute=_chosen_operands, jumps="zero",
     grad=lambda ns, xs, z, g: [_zeros(ns, xs[0]), ns.switch(xs[0], g, 0), ns.switch(xs[0], 0, g)])  # fmt: skip
_row("second", 2, special.fill, out=lambda x, y: y, compute=PARTS, grad=lambda ns, xs, z, g: [None, g])
_row("identity", 1, np.array, monotone=1, grad=lambda ns, xs, z, g: [g])

# Comparisons, logic, tests.

_row("eq", 2, np.equal, out=to_bool, compute=same, commutative=True, jumps="ties", grad=_flat)
_row("neq", 2, np.not_equal, out=to_bool, compute=same, commutative=True, jumps="ties", grad=_flat)
for _name, _test in (("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal)):
    _row(_name, 2, _test, out=lambda *d: to_bool(real(*d)), compute=real, jumps="ties", grad=_flat)
_row("and_", 2, np.bitwise_and, out=discrete, commutative=True, associative=True, idempotent=True, grad=_flat)
_row("or_", 2, np.bitwise_or, out=discrete, commutative=True, associative=True, idempotent=True, grad=_flat)
_row("xor", 2, np.bitwise_xor, out=discrete, commutative=True, associative=True, grad=_flat)
_row("invert", 1, np.invert, out=discrete, monotone=-1, grad=_flat)
_row("isnan", 1, np.isnan, out=to_bool, compute=PARTS, grad=_flat)
_row("isinf", 1, np.isinf, out=to_bool, compute=PARTS, grad=_flat)

# Rounding. Integers become floats.

_row("ceil", 1, np.ceil, out=to_real_float, monotone=1, jumps="integers", grad=_flat)
_row("floor", 1, np.floor, out=to_real_float, monotone=1, jumps="integers", grad=_flat)
_row("trunc", 1, np.trunc, out=to_real_float, monotone=1, jumps="integers", grad=_flat)
_row("round_half_to_even", 1, np.rint, out=to_real_float, monotone=1, jumps="halves", grad=_flat)
_row("round_half_away_from_zero", 1, special.round_half_away, out=to_real_float, monotone=1, jumps="halves",
     grad=_flat)  # fmt: skip

# Exponentials and logarithms.

_function("exp", np.exp, lambda ns, x, z: z, ulp=1, monotone=1)
_function("exp2", np.exp2, lambda ns, x, z: z * _number(z, math.log(2)), monotone=1)
_function("expm1", np.expm1, lambda ns, x, z: ns.exp(x), monotone=1)
_function("log", np.log, lambda ns, x, z: 1 / x, ulp=1, monotone=1, domain=(0.0, INF))
_function("log2", np.log2, lambda ns, x, z: 1 / (x * _number(z, math.log(2))), monotone=1, domain=(0.0, INF))
_function("log10", np.log10, lambda ns, x, z: 1 / (x * _number(z, math.log(10))), monotone=1, domain=(0.0, INF))
_function("log1p", np.log1p, lambda ns, x, z: 1 / (1 + x), monotone=1, domain=(-1.0, INF))
_function("sigmoid", special.sigmoid, lambda ns, x, z: z * (1 - z), out=to_real_float, monotone=1, bare=True)
_function("softplus", special.softplus, lambda ns, x, z: ns.sigmoid(x), out=to_real_float, monotone=1,
          bare=True)  # fmt: skip
_function("ultra_fast_sigmoid", special.ultra_fast_sigmoid, lambda ns, x, z: z * (1 - z), out=to_real_float,
          jumps="breaks", bare=True)  # fmt: skip

# Trigonometry.

_function("sin", np.sin, lambda ns, x, z: ns.cos(x), critical=(PI / 2,), period=PI)
_function("cos", np.cos, lambda ns, x, z: -ns.sin(x), critical=(0.0,), period=PI)
_function("tan", np.tan, lambda ns, x, z: 1 + ns.sqr(z), jumps="poles")
_function("arcsin", np.arcsin, lambda ns, x, z: 1 / ns.sqrt(1 - ns.sqr(x)), monotone=1, domain=(-1.0, 1.0))
_function("arccos", np.arccos, lambda ns, x, z: -1 / ns.sqrt(1 - ns.sqr(x)), monotone=-1, domain=(-1.0, 1.0))
_function("arctan", np.arctan, lambda ns, x, z: 1 / (1 + ns.sqr(x)), monotone=1)
_function("arctan2", np.arctan2, _arctan2_grad, nin=2, out=to_real_float, jumps="zero")
_function("sinh", np.sinh, lambda ns, x, z: ns.cosh(x), monotone=1)
_function("cosh", np.cosh, lambda ns, x, z: ns.sinh(x), critical=(0.0,))
_function("tanh", np.tanh, lambda ns, x, z: 1 - ns.sqr(z), monotone=1)
_function("arcsinh", np.arcsinh, lambda ns, x, z: 1 / ns.sqrt(ns.sqr(x) + 1), monotone=1)
_function("arccosh", np.arccosh, lambda ns, x, z: 1 / ns.sqrt(ns.sqr(x) - 1), monotone=1, domain=(1.0, INF))
_function("arctanh", np.arctanh, lambda ns, x, z: 1 / (1 - ns.sqr(x)), monotone=1, domain=(-1.0, 1.0))
_function("deg2rad", np.deg2rad, lambda ns, x, z: _number(z, PI / 180), out=to_real_float, monotone=1)
_function("rad2deg", np.rad2deg, lambda ns, x, z: _number(z, 180 / PI), out=to_real_float, monotone=1)

# Complex numbers.

_row("real", 1, lambda x: np.real(x).copy(), out=to_part, compute=PARTS, monotone=1, analytic=False,
     grad=lambda ns, xs, z, g: [ns.complex(g, ns.zeros_like(g)) if xs[0].dtype in COMPLEX else g])  # fmt: skip
_row("imag", 1, _imag, out=to_part, compute=PARTS, analytic=False,
     grad=lambda ns, xs, z, g: [ns.complex(ns.zeros_like(g), g) if xs[0].dtype in COMPLEX else _zeros(ns, xs[0])])
_row("conj", 1, np.conjugate, monotone=1, analytic=False,
     grad=lambda ns, xs, z, g: [ns.conj(g) if g.dtype in COMPLEX else g])  # fmt: skip
_row("angle", 1, np.angle, out=_angle_dtype, compute=lambda d: d if d in COMPLEX else to_float(d),
     transcendental=True, ulp=4, jumps="zero", analytic=False, grad=_angle_grad)  # fmt: skip
_row("complex", 2, special.join_parts, out=_complex_of, compute=_parts_of_complex, analytic=False,
     grad=lambda ns, xs, z, g: [_as_narrow(ns, part(g), x) for part, x in zip((ns.real, ns.imag), xs)])  # fmt: skip
_row("complex_from_polar", 2, special.from_polar, out=_complex_of, compute=_parts_of_complex,
     transcendental=True, ulp=4, analytic=False, grad=_polar_grad)  # fmt: skip

# Special functions. Where a function is defined on both sides of its poles, `domain` is the half line
# that hulls can be given for; values exist elsewhere.

_function("erf", special.erf, lambda ns, x, z: ns.exp(-ns.sqr(x)) * _number(z, 2 / math.sqrt(PI)), ulp=2,
          out=to_real_float, monotone=1)  # fmt: skip
_function("erfc", special.erfc, lambda ns, x, z: ns.exp(-ns.sqr(x)) * _number(z, -2 / math.sqrt(PI)), ulp=8,
          out=to_real_float, monotone=-1)  # fmt: skip
_function("gamma", special.gamma, lambda ns, x, z: z * ns.psi(x), ulp=20, out=to_real_float, domain=(0.0, INF),
          critical=(1.4616321449683623,))  # fmt: skip
_function("gammaln", special.gammaln, lambda ns, x, z: ns.psi(x), ulp=20, out=to_real_float, domain=(0.0, INF),
          critical=(1.4616321449683623,))  # fmt: skip
_function("psi", special.psi, lambda ns, x, z: ns.tri_gamma(x), ulp=40, out=to_real_float, domain=(0.0, INF),
          monotone=1)  # fmt: skip
_row("tri_gamma", 1, special.tri_gamma, out=to_real_float, transcendental=True, ulp=40, domain=(0.0, INF), monotone=-1,
     grad=lambda ns, xs, z, g: [_undefined("tri_gamma", "its operand")])  # fmt: skip


def _from_scipy(name: str, grad: Callable[..., Any], value: Any = None, **facts: Any) -> None:
    value = value or special.from_scipy(name)
    _function(name, value, grad, ulp=40, out=to_real_float, needs="scipy", **facts)


def _poisson(ns: Any, k: Any, x: Any) -> Any:
    """x**(k-1) exp(-x) / gamma(k), the density that incomplete gamma functions integrate."""
    return ns.exp((k - 1) * ns.log(x) - x - ns.gammaln(k))


def _integrand(ns: Any, k: Any, x: Any) -> Any:
    return x ** (k - 1) * ns.exp(-x)


def _chi2sf_grad(ns: Any, inputs: Any, output: Any, g: Any) -> list[Any]:
    x, k = inputs
    half = np.asarray(0.5, output.dtype)
    return [-g * half * _poisson(ns, k * half, x * half), _undefined("chi2sf", "the degrees of freedom")]


def _complete(part: str) -> Callable[..., Any]:
    """The incomplete gamma function that is not divided by gamma(k)."""
    regular = special.from_scipy(part)
    return lambda k, x: regular(k, x) * special.gamma(k)


_SLOPE = math.sqrt(PI) / 2
_from_scipy("erfinv", lambda ns, x, z: ns.exp(ns.sqr(z)) * _number(z, _SLOPE), domain=(-1.0, 1.0), monotone=1)
_from_scipy("erfcinv", lambda ns, x, z: ns.exp(ns.sqr(z)) * _number(z, -_SLOPE), domain=(0.0, 2.0), monotone=-1)
_from_scipy("erfcx", lambda ns, x, z: 2 * x * z - _number(z, 2 / math.sqrt(PI)), monotone=-1)
_from_scipy("j0", lambda ns, x, z: -ns.j1(x))
_from_scipy("j1", lambda ns, x, z: (ns.j0(x) - ns.jv(2, x)) / 2)
_from_scipy("i0", lambda ns, x, z: ns.i1(x), critical=(0.0,))
_from_scipy("i1", lambda ns, x, z: (ns.i0(x) + ns.iv(2, x)) / 2, monotone=1)
_from_scipy("jv", _second_of("jv", lambda ns, v, x: (ns.jv(v - 1, x) - ns.jv(v + 1, x)) / 2), nin=2)
_from_scipy("iv", _second_of("iv", lambda ns, v, x: (ns.iv(v - 1, x) + ns.iv(v + 1, x)) / 2), nin=2)
_from_scipy("chi2sf", _chi2sf_grad, lambda x, k: special.from_scipy("chdtrc")(k, x), nin=2)
_from_scipy("gammainc", _second_of("gammainc", _poisson), nin=2)
_from_scipy("gammaincc", _second_of("gammaincc", lambda ns, k, x: -_poisson(ns, k, x)), nin=2)
_from_scipy("gammal", _second_of("gammal", _integrand), _complete("gammainc"), nin=2)
_from_scipy("gammau", _second_of("gammau", lambda *args: -_integrand(*args)), _complete("gammaincc"), nin=2)
