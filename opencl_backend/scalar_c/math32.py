"""float32 polynomials for fast mode: a few ulp, a few instructions an element.

Conventions stand in `series.py`. `SOURCES` are ours and serve fast mode; `BUILTINS` are the device's own and
serve only devices without double. It must not be used where the reference's bits are wanted.
"""

from __future__ import annotations

import re
from functools import partial

from opencl_backend.scalar_c import math64
from opencl_backend.scalar_c.series import Sources, writer
from opencl_backend.scalar_c.series import horner as series

horner = partial(series, suffix="f")

EXP = (0.5, 0.1666666716337204, 0.04166646674275398, 0.00833331048488617, 0.0013933649752289057, 0.00019890991097781807)
"""(exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2, to 2^-28."""

LOG = (
    0.3333333432674408, -0.24999944865703583, 0.19999948143959045, -0.16673316061496735, 0.14291861653327942,
    -0.12288720905780792, 0.10915745794773102, -0.12422202527523041, 0.11330150812864304,
)  # fmt: skip
"""(log(1 + f) - f + f^2/2) / f^3 for -1/3 <= f <= 1/3, to 2^-23."""

TANH = (0.4999999701976776, 0.1666654348373413, 0.04166720062494278, 0.008366547524929047, 0.0013882514322176576)
"""As `EXP`, to 2^-26: enough for a quotient of two sums that it is part of."""

SIN = (-0.1666666716337204, 0.008333331905305386, -0.00019840082677546889, 2.7249313916399842e-06)
COS = (0.0416666679084301, -0.00138888880610466, 2.480059629306197e-05, -2.730044741383608e-07)

ERF = (
    0.12837916612625122, -0.3761262595653534, 0.11283578723669052, -0.026853347197175026, 0.005187162198126316,
    -0.0007997853099368513, 7.806903158780187e-05,
)  # fmt: skip
"""erf(x) / x - 1 in x^2 <= 1, to 2^-29 of erf."""

ERFC = (
    1.2769783735275269, -0.09276362508535385, -0.16603021323680878, 0.1640431135892868, -0.05421988293528557,
    -0.007950827479362488, 0.008700093254446983, 0.0009534328710287809, -0.0013259127736091614,
)  # fmt: skip
"""exp(a^2) erfc(a) (1 + 2 a) in u = (a - 2) / (a + 2) for 0.5 <= a <= 10.2, to 2^-26. Its form is due to M. M. Shepherd
and J. G. Laframboise, Chebyshev approximation of (1+2x)exp(x^2)erfc x, Math. Comp. 36 (1981)."""

# 1.5 * 2^23: adding and subtracting it rounds to an integer, whose bits are then the lowest of the sum.
SPLIT = """
  $F z = c * 1.44269504f + 12582912.0f;
  $I k = as_$I(z) - 0x4B400000;
  $F n = z - 12582912.0f;
  $F r = c - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
"""
REDUCE = """
  $F z = x * 0.636619772f + 12582912.0f;
  $I q = as_$I(z);
  $F n = z - 12582912.0f;
  $F y = x - n * 0x1.92p+0f;
  y = y - n * 0x1.fb4p-12f;
  y = y - n * 0x1.4442d2p-24f;
  $F t = y * y;
"""
NEAR = f"""
  $F s = y + t * y * {horner("t", SIN)};
  $F u = 1.0f - 0.5f * t + t * t * {horner("t", COS)};
"""
# A product that is added to something is not rounded first, where the device has an instruction for both.
FUSED = "\n#pragma OPENCL FP_CONTRACT ON"


def _twice(series: tuple[float, ...], k: int) -> str:
    """A term's coefficient where the variable is half of the series'."""
    return f"{series[k] * 2 ** (k + 2)!r}f"


SOURCES: Sources = {}
write = writer(SOURCES)

write("shared", """
static inline $F abs_bits_$F($F x) { return as_$F(as_$I(x) & 0x7fffffff); }
static inline $F sign_of_$F($F magnitude, $F x) {
  return as_$F(as_$I(magnitude) | (as_$I(x) & (-0x7fffffff - 1)));
}
""")

write("exp", f"""
static inline $F exp_$F($F x) {{{FUSED}
  $F c = x > 89.0f ? ($F)(89.0f) : x;
  c = c < -104.0f ? ($F)(-104.0f) : c;{SPLIT}
  $F p = 1.0f + (r + r * r * {horner("r", EXP)});
  $I half_k = k >> 1;
  return p * as_$F((half_k + 127) << 23) * as_$F((k - half_k + 127) << 23);
}}
""")

write("expm1", f"""
static inline $F expm1_$F($F x) {{
  $F c = x > 89.0f ? ($F)(89.0f) : x;
  c = c < -18.0f ? ($F)(-18.0f) : c;{SPLIT}
  $F e = r + r * r * {horner("r", EXP)};
  $F half_power = as_$F((k + 126) << 23);
  $F y = 2.0f * (half_power * e + (half_power - 0.5f));
  return abs_bits_$F(x) < 0x1p-25f ? x : y;
}}
""", "shared")

# log(y) + k ln(2) + c for a positive normal y
write("log_sum", f"""
static inline $F log_sum_$F($F y, $F k, $F c) {{
  $I b = as_$I(y) - 0x3f2aaaab;
  $I e = b >> 23;
  $F m = as_$F(as_$I(y) - (e << 23));
  $F n = k + (as_$F(e + 0x4B400000) - 12582912.0f);
  $F f = m - 1.0f;
  $F z = f * f;
  $F t = z * f * {horner("f", LOG)} + (n * -2.12194440e-4f + c);
  t = t - 0.5f * z;
  return (f + t) + n * 0.693359375f;
}}
""")

write("log_edges", """
static inline $F log_edges_$F($F x, $F y) {
  $F inside = x < INFINITY ? y : x;
  return x > 0.0f ? inside : (x == 0.0f ? ($F)(-INFINITY) : ($F)(NAN));
}
""")

write("log", """
static inline $F log_$F($F x) {
  $F y = x < 0x1p-126f ? x * 0x1p24f : x;
  $F k = x < 0x1p-126f ? ($F)(-24.0f) : ($F)(0.0f);
  return log_edges_$F(x, log_sum_$F(y, k, ($F)(0.0f)));
}
""", "log_sum", "log_edges")

write("log1p", """
static inline $F log1p_$F($F x) {
  $F u = 1.0f + x;
  $F v = u - 1.0f;
  $F c = ((1.0f - (u - v)) + (x - v)) / u;
  $F y = log_edges_$F(u, log_sum_$F(u, ($F)(0.0f), c));
  return x == 0.0f ? x : y;
}
""", "log_sum", "log_edges")

# y / (y + 2), where y = exp(2 |x|) - 1 = power * e + (power - 1). Loops wait for it from step to step: r is half of
# what `SPLIT` calls so, as |x| is there sooner than its double, and the series is added up in two halves.
write("tanh", f"""
static inline $F tanh_$F($F x) {{{FUSED}
  $F c = abs_bits_$F(x);
  c = c > 9.5f ? ($F)(9.5f) : c;
  $F z = c * 2.88539008f + 12582912.0f;
  $I k = as_$I(z) - 0x4B400000;
  $F n = z - 12582912.0f;
  $F r = c - n * 0.3466796875f;
  r = r - n * -1.06097220e-4f;
  $F q = r * r;
  $F high = {_twice(TANH, 2)} + {_twice(TANH, 3)} * r + {_twice(TANH, 4)} * q;
  $F e = (r + r) + q * (({_twice(TANH, 0)} + {_twice(TANH, 1)} * r) + q * high);
  $F power = as_$F((k + 127) << 23);
  return sign_of_$F((power * e + (power - 1.0f)) / (power * e + (power + 1.0f)), x);
}}
""", "shared")

write("sigmoid", """
static inline $F sigmoid_$F($F x) {
  $F e = exp_$F(-abs_bits_$F(x));
  return (x < 0.0f ? e : ($F)(1.0f)) / (1.0f + e);
}
""", "exp", "shared")

write("softplus", """
static inline $F softplus_$F($F x) {
  $F linear = x > 0.0f ? x : (x == x ? ($F)(0.0f) : x);
  return linear + log1p_$F(exp_$F(-abs_bits_$F(x)));
}
""", "exp", "log1p", "shared")

# erfc(a) for a >= 0.5. The square is split: h has half of the digits, so that its own square is exact.
write("erfc_tail", f"""
static inline $F erfc_tail_$F($F a) {{{FUSED}
  $F c = a > 10.5f ? ($F)(10.5f) : a;
  $F u = (c - 2.0f) / (c + 2.0f);
  $F h = as_$F(as_$I(c) & -0x1000);
  $F d = (h - c) * (h + c);
  $F p = 1.0f + (d + d * d * {horner("d", EXP)});
  return exp_$F(-h * h) * (p * {horner("u", ERFC)} / (1.0f + 2.0f * c));
}}
""", "exp")

write("erf_near", f"""
static inline $F erf_near_$F($F x) {{{FUSED}
  $F t = x * x;
  return x + x * {horner("t", ERF)};
}}
""")

write("erf", """
static inline $F erf_$F($F x) {
  $F a = abs_bits_$F(x);
  return a < 1.0f ? erf_near_$F(x) : sign_of_$F(1.0f - erfc_tail_$F(a), x);
}
""", "erf_near", "erfc_tail", "shared")

write("erfc", """
static inline $F erfc_$F($F x) {
  $F a = abs_bits_$F(x);
  $F tail = erfc_tail_$F(a);
  return a < 0.5f ? 1.0f - erf_near_$F(x) : (x > 0.0f ? tail : 2.0f - tail);
}
""", "erf_near", "erfc_tail", "shared")

write("sin", f"""
static inline $F sin_$F($F x) {{{REDUCE}{NEAR}
  $F r = (q & 1) == 0 ? s : u;
  r = as_$F(as_$I(r) ^ ((q & 2) << 30));
  $F a = abs_bits_$F(x);
  if ($ANY(a >= 256.0f)) r = a >= 256.0f ? $EACH{{sin}}(x) : r;
  return x == 0.0f ? x : r;
}}
""", "shared")

write("cos", f"""
static inline $F cos_$F($F x) {{{REDUCE}{NEAR}
  $F r = (q & 1) == 0 ? u : s;
  r = as_$F(as_$I(r) ^ (((q + 1) & 2) << 30));
  $F a = abs_bits_$F(x);
  if ($ANY(a >= 256.0f)) r = a >= 256.0f ? $EACH{{cos}}(x) : r;
  return r;
}}
""", "shared")

write("deg2rad", """
static inline $F deg2rad_$F($F x) { return x * 0.0174532925f; }
""")

write("rad2deg", """
static inline $F rad2deg_$F($F x) { return x * 57.2957795f; }
""")

ULP: dict[str, float] = {
    "exp": 2, "expm1": 3, "log": 3, "log1p": 4, "tanh": 3, "sigmoid": 4, "softplus": 4, "sin": 4, "cos": 4,
    "erf": 2, "erfc": 6, "deg2rad": 2, "rad2deg": 2,
}  # fmt: skip
"""Largest error of `SOURCES` in ulp."""

BUILTINS = {
    "exp2": "exp2", "log2": "log2", "log10": "log10", "tan": "tan", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arctan2": "atan2", "sinh": "sinh", "cosh": "cosh", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "pow": "pow", "gamma": "tgamma", "gammaln": "lgamma",
}  # fmt: skip
"""Functions that a device without double computes by its own float function: name -> its name there."""


def without_double(name: str) -> tuple[tuple[str, ...], str]:
    """The text of a function that is not in `SOURCES`: the device's own, or the float64 formula in float."""
    if name not in BUILTINS:
        calls, text = math64.SOURCES[name]
        return calls, _DOUBLE.sub(r"\1f", text.replace("(double)INFINITY", "INFINITY"))
    operands = ("x", "y") if name in ("arctan2", "pow") else ("x",)
    declared = ", ".join(f"$F {x}" for x in operands)
    body = f"return $EACH{{{BUILTINS[name]}}}({', '.join(operands)});"
    return (), f"\nstatic inline $F {name}_$F({declared}) {{ {body} }}\n"


_DOUBLE = re.compile(r"\b(\d+\.\d+(?:e[+-]?\d+)?)(?![\w.])")
