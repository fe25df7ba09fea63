"""Conversions between dtypes, defined for every value as the reference defines them.

Owns rounding to half, saturating float to integer, wrapping integers, truth values. It must not know
operations.
"""

from __future__ import annotations

import re

import numpy as np

from opencl_backend.scalar_c.ctype import SCALAR, CType, literal

# A float that a half can hold: 13 (from float) or 42 (from double) bits fewer, half to even; below 2^-14 the
# spacing is 2^-24 everywhere, which adding and subtracting a large number rounds to.
ROUND_HALF = """
static inline $G round_half_$F($F x) {
  $I sign = as_$I(x) & $SIGN;
  $F a = as_$F(as_$I(x) ^ sign);
  $I b = as_$I(a);
  $F normal = as_$F((b + ($I)$BELOW_HALF + ((b >> $DROP) & 1)) & ~($I)$REST);
  $F small = (a + $SHIFT) - $SHIFT;
  $F y = a < $NORMAL ? small : normal;
  y = y > $LARGEST ? ($F)(INFINITY) : y;
  y = a == a ? y : a;
  y = as_$F(as_$I(y) | sign);
  return $NARROW;
}
"""
FROM_FLOAT = {
    "$SIGN": "(-0x7fffffff - 1)", "$BELOW_HALF": "0xfff", "$DROP": "13", "$REST": "0x1fff", "$SHIFT": "0x1.8p-1f",
    "$NORMAL": "0x1p-14f", "$LARGEST": "65504.0f",
}  # fmt: skip
FROM_DOUBLE = {
    "$SIGN": "(-0x7fffffffffffffffL - 1)", "$BELOW_HALF": "0x1ffffffffffL", "$DROP": "42",
    "$REST": "0x3ffffffffffL", "$SHIFT": "0x1.8p+28", "$NORMAL": "0x1p-14", "$LARGEST": "65504.0",
}  # fmt: skip

# A half's storage is 16 bits: exponent and fraction move by 13 places and the bias by 112.
HALF_STORAGE = """
static inline $F load_half_$F($H h) {
  $U b = $WIDEN;
  $U sign = (b & 0x8000u) << 16;
  $U rest = (b & 0x7fffu) << 13;
  $F finite = as_$F(rest) * 0x1p+112f;
  $F y = rest >= 0x0f800000u ? as_$F(rest | 0x7f800000u) : finite;
  return as_$F(as_$U(y) | sign);
}
static inline $H store_half_$F($F x) {
  $U b = as_$U(x);
  $U sign = (b >> 16) & 0x8000u;
  $F a = as_$F(b & 0x7fffffffu);
  $U finite = as_$U(a * 0x1p-112f) >> 13;
  $U special = a == a ? ($U)(0x7c00u) : ($U)(0x7e00u);
  $U y = a <= 65504.0f ? finite : special;
  return $CLOSE;
}
"""


def register(name: str) -> CType:
    """The register that a C type name such as ``double8`` denotes (float for float32 and float16 alike)."""
    scalar = name.rstrip("0123456789")
    width = int(name[len(scalar) :] or 1)
    dtype = {"float": "float32", "double": "float64", "uchar": "uint8"}.get(scalar)
    return CType(dtype or next(d for d, s in SCALAR.items() if s == scalar), width)


def fill(text: str, ct: CType) -> str:
    """`text` with $F, $I, $U as the register's type and the integers of its size.

    $ANY asks whether a comparison holds in any lane; $EACH{f} is the device's function f lane by lane, which
    compilers are much quicker with than with its vector form, and which is as fast.
    """
    text = text.replace("$ANY", "any" if ct.width > 1 else "")
    for name in dict.fromkeys(_EACH.findall(text)):
        text = text.replace(f"$EACH{{{name}}}", f"{name}_lanes_{ct.name}" if ct.width > 1 else name)
    return text.replace("$F", ct.name).replace("$I", ct.signed_bits).replace("$U", ct.unsigned_bits)


_EACH = re.compile(r"\$EACH\{(\w+)\}")


def lanes(name: str, ct: CType) -> str:
    """A device function of one or two operands, lane by lane."""
    operands = ("x", "y") if name in ("fmod", "pow", "atan2") else ("x",)
    arguments = ", ".join(f"{ct.name} {v}" for v in operands)
    loads = " ".join(f"{ct.scalar} {v}s[{ct.width}]; *({ct.name} *){v}s = {v};" for v in operands)
    call = f"{name}({', '.join(f'{v}s[l]' for v in operands)})"
    return (
        f"\nstatic inline {ct.name} {name}_lanes_{ct.name}({arguments}) {{\n  {loads}\n"
        f"  for (int l = 0; l < {ct.width}; l++) xs[l] = {call};\n  return *({ct.name} *)xs;\n}}\n"
    )


def round_half(ct: CType) -> str:
    text = ROUND_HALF
    for key, value in (FROM_DOUBLE if ct.dtype == "float64" else FROM_FLOAT).items():
        text = text.replace(key, value)
    text = text.replace("$G", ct.of("float32").name).replace("$NARROW", ct.plain("y", "float32"))
    return fill(text, ct)


def half_storage(ct: CType) -> str:
    text = HALF_STORAGE.replace("$H", ct.of("uint16").name)
    text = text.replace("$WIDEN", ct.of("uint16").plain("h", "uint32"))
    return fill(text.replace("$CLOSE", ct.of("uint32").plain("y | sign", "uint16")), ct)


def to_integer(ct: CType, dtype: str) -> str:
    """A float register to integers: fractions dropped, NaN to 0, what is out of range to the nearest."""
    info, target = np.iinfo(dtype), ct.of(dtype)
    scalar = np.dtype(ct.dtype).type
    low, above = float(info.min), float(info.max + 1)
    top = scalar(info.max)
    fits = int(top) == info.max
    if not fits:
        top = np.nextafter(scalar(above), scalar(0))
    lines = [
        f"static inline {target.name} to_{SCALAR[dtype]}_{ct.name}({ct.name} x) {{",
        f"  {ct.name} c = x > {literal(top, ct.dtype)} ? {ct.literal(top)} : x;",
        f"  c = c < {literal(low, ct.dtype)} ? {ct.literal(low)} : c;",
        f"  c = c == c ? c : {ct.literal(0)};",
    ]
    whole = ct.plain("c", dtype)
    if fits:
        lines.append(f"  return {whole};")
    else:
        beyond = f"x >= {literal(above, ct.dtype)}"
        if ct.width > 1:
            beyond = f"__builtin_convertvector({beyond}, {target.signed_bits})"
        lines.append(f"  return {beyond} ? {target.literal(info.max)} : {whole};")
    return "\n" + "\n".join(lines) + "\n}\n"


def convert(ct: CType, text: str, dtype: str) -> tuple[str, tuple[str, ...]]:
    """`text`, a register of type `ct`, as `dtype`: the C expression and the helpers it calls.

    `text` must be a plain name or a literal.
    """
    source = ct.dtype
    if source == dtype or (source == "float16" and dtype == "float32"):
        return text, ()
    if dtype == "bool":
        return ct.boolean(f"{text} != {ct.literal(0)}"), ()
    if dtype == "float16":
        if source in ("bool", "int8", "uint8"):
            return ct.plain(text, "float32"), ()
        wide = ct if source in ("float32", "float64") else ct.of("float32")
        return f"round_half_{wide.name}({ct.plain(text, wide.dtype)})", (f"round_half_{wide.name}",)
    if ct.is_float and not dtype.startswith("float"):
        name = f"to_{SCALAR[dtype]}_{ct.name}"
        return f"{name}({text})", (name,)
    return ct.plain(text, dtype), ()
