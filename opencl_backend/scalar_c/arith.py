"""Rows that are the same to the bit everywhere: arithmetic, comparison, logic, rounding, choice.

Owns their C expressions and the helpers for what C leaves open: integer overflow, division by zero,
powers, the sign of zero. It must not know how kernels are made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from opencl_backend.scalar_c.cast import fill
from opencl_backend.scalar_c.ctype import CType
from opencl_backend.scalar_c.row import CRow

Rows = dict[str, CRow]

# Integer helpers: $T the register, $U the unsigned one. Divisors that would trap are replaced first.
SIGNED_DIVISION = """
static inline $T int_div_$T($T a, $T b) {
  $T safe = ((b == ($T)(0)) | (b == ($T)(-1))) ? ($T)(1) : b;
  $T q = a / safe;
  $T r = a - q * safe;
  q = ((r != ($T)(0)) & ((r ^ safe) < ($T)(0))) ? q - ($T)(1) : q;
  q = b == ($T)(-1) ? $NEGATE : q;
  return b == ($T)(0) ? ($T)(0) : q;
}
"""
SIGNED_MOD = """
static inline $T int_mod_$T($T a, $T b) {
  $T safe = ((b == ($T)(0)) | (b == ($T)(-1))) ? ($T)(1) : b;
  $T r = a - (a / safe) * safe;
  return ((r != ($T)(0)) & ((r ^ safe) < ($T)(0))) ? r + safe : r;
}
"""
UNSIGNED_DIVISION = """
static inline $T int_div_$T($T a, $T b) {
  $T safe = b == ($T)(0) ? ($T)(1) : b;
  return b == ($T)(0) ? ($T)(0) : a / safe;
}
"""
UNSIGNED_MOD = """
static inline $T int_mod_$T($T a, $T b) {
  $T safe = b == ($T)(0) ? ($T)(1) : b;
  return a - (a / safe) * safe;
}
"""
INTEGER_POWER = """
static inline $T int_pow_$T($T x, $T y) {
  $V base = $BASE, exponent = $EXPONENT, product = ($V)(1);
  for (int bit = 0; bit < $BITS; bit++) {
    product = (exponent & ($V)(1)) != ($V)(0) ? product * base : product;
    base = base * base;
    exponent = exponent >> ($V)(1);
  }
  $T power = $POWER;
  $NEGATIVE
  return power;
}
"""
NEGATIVE_POWER = """$T odd = (y & ($T)(1)) != ($T)(0) ? ($T)(-1) : ($T)(1);
  $T small = x == ($T)(1) ? ($T)(1) : (x == ($T)(-1) ? odd : ($T)(0));
  power = y < ($T)(0) ? small : power;"""

# Float helpers, in the float's own precision: $F the register, $S its scalar type.
ROUNDING = """
static inline $F round_even_$F($F x) {
  $I sign = as_$I(x) & $SIGN;
  $F a = as_$F(as_$I(x) ^ sign);
  $F r = a < $WHOLE ? (a + $WHOLE) - $WHOLE : a;
  return as_$F(as_$I(r) | sign);
}
static inline $F floor_$F($F x) {
  $F r = round_even_$F(x);
  r = r > x ? r - ($S)1 : r;
  return as_$F(as_$I(r) | (as_$I(x) & $SIGN));
}
static inline $F ceil_$F($F x) {
  $F r = round_even_$F(x);
  r = r < x ? r + ($S)1 : r;
  return as_$F(as_$I(r) | (as_$I(x) & $SIGN));
}
static inline $F trunc_$F($F x) {
  $I sign = as_$I(x) & $SIGN;
  $F a = as_$F(as_$I(x) ^ sign);
  $F r = round_even_$F(a);
  r = r > a ? r - ($S)1 : r;
  return as_$F(as_$I(r) | sign);
}
static inline $F round_away_$F($F x) {
  $I sign = as_$I(x) & $SIGN;
  $F a = as_$F(as_$I(x) ^ sign);
  $F r = trunc_$F(a);
  r = a - r >= ($S)0.5 ? r + ($S)1 : r;
  return as_$F(as_$I(r) | sign);
}
"""
FLOAT_DIVISION = """
static inline $F float_mod_$F($F a, $F b) {
  $F m = $EACH{fmod}(a, b);
  $F zero = as_$F(as_$I(b) & $SIGN);
  $F moved = (((b < 0) != (m < 0)) & (b != 0)) ? m + b : m;
  return ((m == 0) & (b != 0)) ? zero : moved;
}
static inline $F float_div_$F($F a, $F b) {
  $F plain = a / b;
  $F m = $EACH{fmod}(a, b);
  $F d = (a - m) / b;
  d = ((m != 0) & ((b < 0) != (m < 0))) ? d - ($S)1 : d;
  $F f = floor_$F(d);
  f = d - f > ($S)0.5 ? f + ($S)1 : f;
  f = d != 0 ? f : as_$F(as_$I(plain) & $SIGN);
  return b == 0 ? plain : f;
}
"""
ROUNDING_NAMES = ("round_even", "floor", "ceil", "trunc", "round_away")
SIGN = {"float": "(-0x7fffffff - 1)", "double": "(-0x7fffffffffffffffL - 1)"}
WHOLE = {"float": "8388608.0f", "double": "4503599627370496.0"}


def float_text(text: str, ct: CType) -> str:
    text = text.replace("$SIGN", SIGN[ct.scalar]).replace("$WHOLE", WHOLE[ct.scalar]).replace("$S", ct.scalar)
    return fill(text, ct)


def integer_text(name: str, ct: CType) -> str:
    """The helper `name` for an integer register."""
    if name == "int_pow":
        wide = ct if ct.bytes >= 4 or ct.width > 1 else ct.of("uint32")
        unsigned = wide.of("u" + wide.dtype.lstrip("u"))
        same = "as_$V({})" if ct.width > 1 else "($V)({})"
        back = "as_$T(product)" if ct.width > 1 else "($T)(product)"
        text = INTEGER_POWER.replace("$BASE", same.format("x")).replace("$EXPONENT", same.format("y"))
        text = text.replace("$POWER", back).replace("$BITS", str(ct.bits))
        text = text.replace("$NEGATIVE", NEGATIVE_POWER if ct.is_signed else "").replace("$V", unsigned.name)
        return text.replace("$T", ct.name)
    signed = {"int_div": SIGNED_DIVISION, "int_mod": SIGNED_MOD}
    unsigned_ = {"int_div": UNSIGNED_DIVISION, "int_mod": UNSIGNED_MOD}
    text = (signed if ct.is_signed else unsigned_)[name]
    return text.replace("$NEGATE", wrapped(ct, "-", "a")).replace("$T", ct.name)


def wrapped(ct: CType, operator: str, *args: str) -> str:
    """Integer arithmetic modulo 2**bits: done without signs, where C defines overflow."""
    if ct.width > 1:
        parts = [f"as_{ct.unsigned_bits}({a})" if ct.is_signed else a for a in args]
        text = f"{operator}{parts[0]}" if len(parts) == 1 else f"{parts[0]} {operator} {parts[1]}"
        return f"as_{ct.name}({text})" if ct.is_signed else f"({text})"
    unsigned = "ulong" if ct.bytes == 8 else "uint"
    parts = [f"({unsigned})({a})" for a in args]
    text = f"{operator}{parts[0]}" if len(parts) == 1 else f"{parts[0]} {operator} {parts[1]}"
    return f"({ct.name})({text})"


def halved(ct: CType, text: str) -> str:
    """A float result rounded to what the dtype can hold."""
    return f"round_half_{ct.name}({text})" if ct.dtype == "float16" else text


def half_helper(ct: CType) -> tuple[str, ...]:
    return (f"round_half_{ct.name}",) if ct.dtype == "float16" else ()


def arithmetic(operator: str, boolean: str) -> Callable[..., str]:
    def render(ct: CType, *args: str) -> str:
        def two(a: str, b: str) -> str:
            if ct.is_float:
                return halved(ct, f"({a} {operator} {b})")
            return f"({a} {boolean} {b})" if ct.dtype == "bool" else wrapped(ct, operator, a, b)

        return reduce(two, args)

    return render


def _true_div(ct: CType, a: str, b: str) -> str:
    return halved(ct, f"({a} / {b})")


def _by_kind(integer: str, floating: str) -> tuple[Callable[..., str], Callable[[CType], tuple[str, ...]]]:
    def render(ct: CType, a: str, b: str) -> str:
        return halved(ct, f"{floating}_{ct.name}({a}, {b})") if ct.is_float else f"{integer}_{ct.name}({a}, {b})"

    def needs(ct: CType) -> tuple[str, ...]:
        return (f"{floating}_{ct.name}", *half_helper(ct)) if ct.is_float else (f"{integer}_{ct.name}",)

    return render, needs


def _neg(ct: CType, a: str) -> str:
    return f"(-{a})" if ct.is_float else wrapped(ct, "-", a)


def _abs(ct: CType, a: str) -> str:
    if ct.is_float:
        bits = "0x7fffffff" if ct.bytes == 4 else "0x7fffffffffffffffL"
        return f"as_{ct.name}(as_{ct.signed_bits}({a}) & {bits})"
    return f"({a} < {ct.literal(0)} ? {wrapped(ct, '-', a)} : {a})" if ct.is_signed else a


def _sgn(ct: CType, a: str) -> str:
    if ct.dtype == "bool":
        return a
    one, zero = ct.literal(1), ct.literal(0)
    if not ct.is_float and not ct.is_signed:
        return f"({a} > {zero} ? {one} : {zero})"
    return f"({a} > {zero} ? {one} : ({a} < {zero} ? {ct.literal(-1)} : ({a} == {zero} ? {zero} : {a})))"


def _sqr(ct: CType, a: str) -> str:
    return halved(ct, f"({a} * {a})") if ct.is_float else wrapped(ct, "*", a, a)


def _sqrt(ct: CType, a: str) -> str:
    return halved(ct, f"sqrt({a})")


def _inv(ct: CType, a: str) -> str:
    return halved(ct, f"({ct.literal(1)} / {a})")


def _extreme(operator: str) -> Callable[..., str]:
    def render(ct: CType, a: str, b: str) -> str:
        nan_wins = f" | ({a} != {a})" if ct.is_float else ""
        return f"((({a} {operator} {b}){nan_wins}) ? {a} : {b})"

    return render


def _clip(ct: CType, x: str, low: str, high: str) -> str:
    return f"({x} < {low} ? {low} : ({x} > {high} ? {high} : {x}))"


def _switch(ct: CType, condition: str, a: str, b: str) -> str:
    if ct.width == 1:
        return f"({condition} ? {a} : {b})"
    mask = condition if ct.bytes == 1 else f"__builtin_convertvector({condition}, {ct.signed_bits})"
    zero = f"({ct.unsigned_bits if ct.bytes == 1 else ct.signed_bits})(0)"
    return f"({mask} != {zero} ? {a} : {b})"


def _comparison(operator: str) -> Callable[..., str]:
    return lambda ct, a, b: ct.boolean(f"{a} {operator} {b}")


def _bitwise(operator: str) -> Callable[..., str]:
    return lambda ct, *args: (
        "(" + f" {operator} ".join(args) + ")"
        if ct.width > 1 or ct.bytes >= 4
        else f"({ct.name})(" + f" {operator} ".join(args) + ")"
    )


def _invert(ct: CType, a: str) -> str:
    return (
        f"({ct.name})({a} ^ 1)"
        if ct.dtype == "bool" and ct.width == 1
        else f"({a} ^ {ct.literal(1)})"
        if ct.dtype == "bool"
        else f"({ct.name})(~{a})"
        if ct.width == 1
        else f"(~{a})"
    )


def _isnan(ct: CType, a: str) -> str:
    return ct.boolean(f"{a} != {a}") if ct.is_float else ct.of("bool").literal(0)


def _isinf(ct: CType, a: str) -> str:
    return ct.boolean(f"{_abs(ct, a)} == {ct.literal(np.inf)}") if ct.is_float else ct.of("bool").literal(0)


def _angle(ct: CType, a: str) -> str:
    side = f"as_{ct.signed_bits}({a}) < 0 ? {ct.literal(np.pi)} : {ct.literal(0)}"
    return f"({a} != {a} ? {a} : ({side}))"


def _call(helper: str) -> tuple[Callable[..., str], Callable[[CType], tuple[str, ...]]]:
    return (lambda ct, *a: f"{helper}_{ct.name}({', '.join(a)})"), (lambda ct: (f"{helper}_{ct.name}",))


def _boolean(dtype: str) -> str:
    return "bool"


def _rows() -> Rows:
    table: Rows = {}

    def row(name: str, nin: int, render: Callable[..., str], **facts: object) -> None:
        table[name] = CRow(name, nin, render, **facts)  # type: ignore[arg-type]

    row("add", -1, arithmetic("+", "|"), needs=half_helper)
    row("sub", 2, arithmetic("-", "^"), needs=half_helper)
    row("mul", -1, arithmetic("*", "&"), needs=half_helper)
    row("true_div", 2, _true_div, needs=half_helper)
    for name, integer, floating in (("int_div", "int_div", "float_div"), ("mod", "int_mod", "float_mod")):
        render, needs = _by_kind(integer, floating)
        row(name, 2, render, needs=needs)
    row("neg", 1, _neg)
    row("abs_", 1, _abs)
    row("sgn", 1, _sgn)
    row("sqr", 1, _sqr, needs=half_helper)
    row("sqrt", 1, _sqrt, needs=half_helper)
    row("inv", 1, _inv, needs=half_helper)
    row("maximum", 2, _extreme(">"))
    row("minimum", 2, _extreme("<"))
    row("clip", 3, _clip)
    row("switch", 3, _switch)
    row("second", 2, lambda ct, a, b: b)
    for name in ("identity", "real", "conj"):
        row(name, 1, lambda ct, a: a)
    row("imag", 1, lambda ct, a: ct.literal(0))
    row("angle", 1, _angle)
    for name, operator in (("eq", "=="), ("neq", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
        row(name, 2, _comparison(operator), result=_boolean)
    for name, operator in (("and_", "&"), ("or_", "|"), ("xor", "^")):
        row(name, 2, _bitwise(operator))
    row("invert", 1, _invert)
    row("isnan", 1, _isnan, result=_boolean)
    row("isinf", 1, _isinf, result=_boolean)
    for name, helper in (
        ("ceil", "ceil"), ("floor", "floor"), ("trunc", "trunc"), ("round_half_to_even", "round_even"),
        ("round_half_away_from_zero", "round_away"),
    ):  # fmt: skip
        render, needs = _call(helper)
        row(name, 1, render, needs=needs)
    return table


ROWS = _rows()
