"""Elementwise steps: a table a dtype rule, and casts.

Owns `elementwise`, which `value` asks before `MODEL`. It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from difftest.model.base import SHAPE_ONLY, Value, common, continuous, line

# Elementwise: a table a dtype rule. Operands are cast to the result's dtype first; what NumPy leaves open
# (division by zero, powers and casts of integers) is as the reference's documentation defines it.


def _int_divide(x: Value, y: Value) -> Value:
    if x.dtype.kind in "fc":
        return np.floor_divide(x, y)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    return np.where(y == 0, 0, np.floor_divide(x, np.where(y == 0, 1, y))).astype(x.dtype)


def _remainder(x: Value, y: Value) -> Value:
    if x.dtype.kind in "fc":
        return np.remainder(x, y)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    return np.where(y == 0, 0, np.remainder(x, np.where(y == 0, 1, y))).astype(x.dtype)


def _power(x: Value, y: Value) -> Value:
    """Integers modulo 2**bits; a negative exponent truncates 1/x**|y|."""
    if x.dtype.kind in "fc":
        wide = "float64" if x.dtype.kind == "f" else "complex128"
        result = x.astype(wide) ** y.astype(wide)
        if x.dtype.kind == "f":
            # C's pow, which is no square root at -0 and -inf; NumPy takes one where a single exponent serves all.
            result = np.where((y == 0.5) & ((x == 0) | (x == -np.inf)), np.abs(x), result)
        return result.astype(x.dtype)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    bits = 8 * x.dtype.itemsize

    def one(a: int, b: int) -> int:
        if b < 0:
            return {1: 1, -1: 1 if b % 2 == 0 else -1}.get(a, 0) % 2**bits
        return pow(a % 2**bits, b, 2**bits)

    flat = [one(int(a), int(b)) for a, b in zip(x.ravel(), y.ravel())]
    return np.array(flat, dtype=f"uint{bits}").astype(x.dtype).reshape(x.shape)


def _extreme(better: Callable[[Value, Value], Any]) -> Callable[[Value, Value], Value]:
    return lambda a, b: np.where(better(a, b) | (a != a), a, b)


def _away(x: Value) -> Value:
    return np.copysign(np.floor(np.abs(x)) + (np.abs(x) - np.floor(np.abs(x)) >= 0.5), x)


def _total(operation: Callable[[Value, Value], Value]) -> Callable[..., Value]:
    def folded(*xs: Value) -> Value:
        result = xs[0].copy()
        for x in xs[1:]:
            result = operation(result, x)
        return result

    return folded


def _direction(x: Value) -> Value:
    size = np.abs(x)
    return np.where(size == 0, 0, x / np.where(size == 0, 1, size))


SAME: dict[str, Callable[..., Any]] = {
    "add": _total(np.add),
    "mul": _total(np.multiply),
    "sub": np.subtract,
    "int_div": _int_divide,
    "mod": _remainder,
    "pow": _power,
    "neg": np.negative,
    "abs_": np.abs,
    "conj": np.conjugate,
    "sgn": lambda x: x if x.dtype.kind == "b" else _direction(x) if x.dtype.kind == "c" else np.sign(x),
    "sqr": lambda x: _power(x, np.array(2, x.dtype)) if x.dtype.kind == "b" else x * x,
    "maximum": _extreme(lambda a, b: a > b),
    "minimum": _extreme(lambda a, b: a < b),
    "clip": lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
    "identity": lambda x: x.copy(),
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
    "invert": np.invert,
}
"""In the operands' common dtype."""

CONTINUOUS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "inv": lambda x: 1 / x,
    "ceil": np.ceil,
    "floor": np.floor,
    "trunc": np.trunc,
    "round_half_to_even": np.rint,
    "round_half_away_from_zero": _away,
}
"""In the operands' common float dtype."""

def _at_poles(function: Callable[[float], float], x: float, over: float, below: float) -> float:
    """`function`, and what is documented at 0 and where it overflows, and at its other poles."""
    if x == 0:
        return over
    try:
        return function(x)
    except OverflowError:
        return over
    except ValueError:
        return below


TRANSCENDENTAL: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    )},
    "sigmoid": lambda x: np.where(x < 0, np.exp(x) / (1 + np.exp(np.minimum(x, 0))), 1 / (1 + np.exp(-x))),
    "softplus": lambda x: np.logaddexp(0, x),
    "erf": np.vectorize(math.erf, otypes=["float64"]),
    "erfc": np.vectorize(math.erfc, otypes=["float64"]),
    "gamma": np.vectorize(lambda x: _at_poles(math.gamma, x, math.copysign(math.inf, x), math.nan), otypes=["float64"]),
    "gammaln": np.vectorize(lambda x: _at_poles(math.lgamma, x, math.inf, math.inf), otypes=["float64"]),
}  # fmt: skip
"""In float64, then rounded to the operands' common float dtype."""

TO_BOOL: dict[str, Callable[..., Any]] = {
    "eq": np.equal,
    "neq": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
"""Compared in the common dtype."""

OPAQUE = (
    "psi", "tri_gamma", "ultra_fast_sigmoid", "erfinv", "erfcinv", "erfcx", "j0", "j1", "i0", "i1", "jv", "iv",
    "chi2sf", "gammainc", "gammaincc", "gammal", "gammau",
)  # fmt: skip
"""Of these the model knows only dtype and shape: NumPy has no second formula for them."""

PARTS = ("real", "imag", "angle", "complex", "complex_from_polar")

ELEMENTWISE = (
    "true_div", "switch", "second", "isnan", "isinf", *SAME, *CONTINUOUS, *TRANSCENDENTAL, *TO_BOOL, *PARTS, *OPAQUE,
)  # fmt: skip

SHAPE_ONLY.update(OPAQUE)


def _of_parts(name: str, *xs: Value) -> Value:
    """Complex numbers and their parts; a real number is its own real part."""
    if name in ("complex", "complex_from_polar"):
        x, y = np.broadcast_arrays(*[v.astype("float64") for v in xs])
        if name == "complex_from_polar":
            x, y = x * np.cos(y), x * np.sin(y)
        result = np.empty(x.shape, "complex128")
        result.real, result.imag = x, y
        # Operands are first brought to one dtype: two of 16 bits, one of them unsigned, are int32, and that is wide.
        return result.astype("complex128" if continuous(np.empty(0, common(*xs))) == np.float64 else "complex64")
    x = xs[0]
    if name == "angle":
        dtype = continuous(x.real)
        wide = x.astype("complex128" if x.dtype.kind == "c" else "float64")
        return np.arctan2(np.imag(wide), np.real(wide)).astype(dtype)
    return np.array(x.real if name == "real" else x.imag)


def elementwise(name: str, *xs: Value) -> Value:
    """The value of one elementwise operation."""
    if name == "second":
        return np.broadcast_arrays(xs[0], xs[1])[1].copy()
    if name == "switch":
        return np.where(xs[0] != 0, xs[1], xs[2]).astype(common(*xs[1:]))
    if name in ("isnan", "isinf"):
        wide = xs[0] if xs[0].dtype.kind == "c" else xs[0].astype("float64")
        return {"isnan": np.isnan, "isinf": np.isinf}[name](wide)
    if name in PARTS:
        return _of_parts(name, *xs)
    dtype = common(*xs)
    if name in TO_BOOL:
        return TO_BOOL[name](*[x.astype(dtype) for x in xs])
    if name == "true_div":
        dtype = np.dtype("float64") if dtype.kind in "biu" else dtype
        return np.true_divide(*[x.astype(dtype) for x in xs])
    if name in SAME:
        result = SAME[name](*[x.astype(dtype) for x in xs])
        return result if (dtype.kind == "b" and name == "pow") or name == "abs_" else result.astype(dtype)
    dtype = continuous(*xs)
    if name in CONTINUOUS:
        return CONTINUOUS[name](*[x.astype(dtype) for x in xs])
    if name in OPAQUE:
        return np.zeros(np.broadcast_shapes(*[x.shape for x in xs]), dtype)
    widest = "complex128" if dtype.kind == "c" else "float64"
    return np.asarray(TRANSCENDENTAL[name](*[x.astype(widest) for x in xs])).astype(dtype)


OPERATORS = {
    "*": "mul", "+": "add", "-": "sub", "/": "true_div", "**": "pow", "<": "lt", ">": "gt", "//": "int_div", "%": "mod",
    "<=": "le", ">=": "ge", "==": "eq", "!=": "neq", "&": "and_", "|": "or_", "^": "xor",
}  # fmt: skip


@line
def literal(x: Value, number: Value, op: str, swapped: bool) -> Value:
    return elementwise(OPERATORS[op], *((number, x) if swapped else (x, number)))


@line
def numpy_number(x: Value, op: str, number: float, dtype: str) -> Value:
    return elementwise(OPERATORS[op], x, np.array(number, dtype))


@line
def cast(x: Value, dtype: str) -> Value:
    """Floats to integers: the fraction is dropped, out of range gives the nearest limit, NaN gives 0."""
    if np.dtype(dtype).kind not in "iu" or x.dtype.kind != "f":
        return x.astype(dtype)
    info = np.iinfo(dtype)
    whole = [
        0 if v != v else info.max if v > info.max else info.min if v < info.min else int(v) for v in x.ravel().tolist()
    ]
    return np.array([min(max(v, info.min), info.max) for v in whole], dtype).reshape(x.shape)


@line
def cast_node(x: Value, dtype: str) -> Value:
    return cast(x, dtype)


SPELLED = {
    "abs": "abs_", "sign": "sgn", "square": "sqr", "floor_div": "int_div", "fill": "second", "where": "switch",
    "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor", "bitwise_not": "invert",
    "tensor_copy": "identity", "isnan_": "isnan", "isinf_": "isinf", "power": "pow",
}  # fmt: skip


@line
def spelled(*xs: Value, name: str) -> Value:
    return elementwise(SPELLED[name], *xs)


@line
def method(x: Value, name: str) -> Value:
    if name in ("ravel", "flatten"):
        return x.ravel()
    return elementwise("conj" if name.startswith("conj") else "identity", x)
