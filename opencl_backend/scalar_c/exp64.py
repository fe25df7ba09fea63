"""float64 exponentials, logarithms, powers and hyperbolic functions as C text.

Conventions stand in `series.py`. It must not know rows, dtypes or kernels.
"""

from __future__ import annotations

from opencl_backend.scalar_c.series import MAGIC, MAGIC_BITS, Sources, horner, writer

EXP = (
    0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326136, 0.0013888888888883748,
    0.00019841269874820627, 2.4801587325547743e-05, 2.7557255400206422e-06, 2.75572736431103e-07,
    2.5105217004720745e-08, 2.0914686968086876e-09,
)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2, to 2^-58."""

LOG = (
    0.6666666666666666, 0.4000000000000089, 0.2857142857079543, 0.2222222239356661, 0.18181795442371984,
    0.1538625044794019, 0.13268485680654427, 0.13089629160674623,
)  # fmt: skip
"""(2 atanh(s) / s - 2) / s^2 in s^2 for |s| <= 0.1716, to 2^-58."""

SOURCES: Sources = {}
write = writer(SOURCES)

write("shared", """
static inline $F abs_bits_$F($F x) { return as_$F(as_$I(x) & 0x7fffffffffffffffL); }
static inline $F sign_of_$F($F magnitude, $F x) {
  return as_$F(as_$I(magnitude) | (as_$I(x) & (-0x7fffffffffffffffL - 1)));
}
static inline $F from_long_$F($I k) { return as_$F(k + 0x4338000000000000L) - 6755399441055744.0; }
""")

write("exp", f"""
static inline $F exp_$F($F x) {{
  $F c = x > 710.0 ? ($F)(710.0) : x;
  c = c < -746.0 ? ($F)(-746.0) : c;
  $F z = c * 1.4426950408889634 + {MAGIC};
  $I k = as_$I(z) - {MAGIC_BITS};
  $F n = z - {MAGIC};
  $F r = c - n * 0x1.62e42fef00000p-1;
  $F low = n * 0x1.473de6af278edp-34;
  $F t = r - low;
  $F p = t * t * {horner("t", EXP)};
  p = 1.0 + (r + (p - low));
  $I half_k = k >> 1;
  return p * as_$F((half_k + 1023) << 52) * as_$F((k - half_k + 1023) << 52);
}}
""")

write("exp2", f"""
static inline $F exp2_$F($F x) {{
  $F c = x > 1025.0 ? ($F)(1025.0) : x;
  c = c < -1080.0 ? ($F)(-1080.0) : c;
  $F z = c + {MAGIC};
  $I k = as_$I(z) - {MAGIC_BITS};
  $F r = c - (z - {MAGIC});
  $F high = as_$F(as_$I(r) & ~0x7ffffffL);
  $F a = high * 0x1.62e42f8000000p-1;
  $F b = (r - high) * 0x1.62e42f8000000p-1 + r * 0x1.be8e7bcd5e4f2p-27;
  $F t = a + b;
  $F p = t * t * {horner("t", EXP)};
  p = 1.0 + (a + (p + b));
  $I half_k = k >> 1;
  return p * as_$F((half_k + 1023) << 52) * as_$F((k - half_k + 1023) << 52);
}}
""")

write("expm1", f"""
static inline $F expm1_$F($F x) {{
  $F c = x > 710.0 ? ($F)(710.0) : x;
  c = c < -40.0 ? ($F)(-40.0) : c;
  $F z = c * 1.4426950408889634 + {MAGIC};
  $I k = as_$I(z) - {MAGIC_BITS};
  $F n = z - {MAGIC};
  $F r = c - n * 0x1.62e42fef00000p-1;
  $F low = n * 0x1.473de6af278edp-34;
  $F t = r - low;
  $F e = r + (t * t * {horner("t", EXP)} - low);
  $F half_power = as_$F((k + 1022) << 52);
  $F y = 2.0 * (half_power * e + (half_power - 0.5));
  return ((x < 0x1p-54) & (x > -0x1p-54)) ? x : y;
}}
""")

# log(y) + k ln(2) + c for a positive normal y
write("log_sum", f"""
static inline $F log_sum_$F($F y, $F k, $F c) {{
  $I b = as_$I(y) + (0x3ff0000000000000L - 0x3fe6a09e667f3bcdL);
  $F m = as_$F((b & 0x000fffffffffffffL) + 0x3fe6a09e667f3bcdL);
  $F e = k + from_long_$F((b >> 52) - 1023);
  $F f = m - 1.0;
  $F s = f / (2.0 + f);
  $F z = s * s;
  $F h = 0.5 * f * f;
  $F tail = s * (h + z * {horner("z", LOG)}) + (e * 0x1.473de6af278edp-34 + c);
  return e * 0x1.62e42fef00000p-1 - ((h - tail) - f);
}}
""", "shared")

write("log_edges", """
static inline $F log_edges_$F($F x, $F y) {
  $F inside = x < (double)INFINITY ? y : x;
  return x > 0.0 ? inside : (x == 0.0 ? ($F)(-(double)INFINITY) : ($F)(NAN));
}
""")

write("log", """
static inline $F log_$F($F x) {
  $F y = x < 0x1p-1022 ? x * 0x1p54 : x;
  $F k = x < 0x1p-1022 ? ($F)(-54.0) : ($F)(0.0);
  return log_edges_$F(x, log_sum_$F(y, k, ($F)(0.0)));
}
""", "log_sum", "log_edges")

write("log1p", """
static inline $F log1p_$F($F x) {
  $F u = 1.0 + x;
  $F v = u - 1.0;
  $F c = ((1.0 - (u - v)) + (x - v)) / u;
  $F y = log_edges_$F(u, log_sum_$F(u, ($F)(0.0), c));
  return x == 0.0 ? x : y;
}
""", "log_sum", "log_edges")

# log(x) in another base: HIGH has 26 bits, so its product with 26 bits of the logarithm is exact
write("log_base", f"""
static inline $F log_base_$F($F x, double high, double low, double e_high, double e_low) {{
  $F y = x < 0x1p-1022 ? x * 0x1p54 : x;
  $F k = x < 0x1p-1022 ? ($F)(-54.0) : ($F)(0.0);
  $I b = as_$I(y) + (0x3ff0000000000000L - 0x3fe6a09e667f3bcdL);
  $F m = as_$F((b & 0x000fffffffffffffL) + 0x3fe6a09e667f3bcdL);
  $F e = k + from_long_$F((b >> 52) - 1023);
  $F f = m - 1.0;
  $F s = f / (2.0 + f);
  $F z = s * s;
  $F h = 0.5 * f * f;
  $F big = as_$F(as_$I(f - h) & ~0x7ffffffL);
  $F small = ((f - big) - h) + s * (h + z * {horner("z", LOG)});
  $F product = big * high;
  $F a = e * e_high;
  $F rest = small * (high + low) + big * low + e * e_low;
  $F w = a + product;
  rest = rest + ((a - w) + product);
  return log_edges_$F(x, w + rest);
}}
""", "shared", "log_edges")

write("log2", """
static inline $F log2_$F($F x) { return log_base_$F(x, 0x1.7154760000000p+0, 0x1.4ae0bf85ddf44p-26, 1.0, 0.0); }
""", "log_base")

write("log10", """
static inline $F log10_$F($F x) {
  return log_base_$F(x, 0x1.bcb7b10000000p-2, 0x1.49b9438ca9aaep-28, 0x1.3441350900000p-2, 0x1.ef3fde623e256p-35);
}
""", "log_base")

write("tanh", """
static inline $F tanh_$F($F x) {
  $F a = abs_bits_$F(x);
  a = a > 24.0 ? ($F)(24.0) : a;
  $F t = expm1_$F(a + a);
  return sign_of_$F(t / (t + 2.0), x);
}
""", "expm1", "shared")

write("sinh", """
static inline $F sinh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = expm1_$F(a);
  $F root = exp_$F(0.5 * a);
  $F y = a > 709.0 ? 0.5 * root * root : 0.5 * (t + t / (t + 1.0));
  return sign_of_$F(y, x);
}
""", "expm1", "exp", "shared")

write("cosh", """
static inline $F cosh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = exp_$F(a);
  $F root = exp_$F(0.5 * a);
  return a > 709.0 ? 0.5 * root * root : 0.5 * t + 0.5 / t;
}
""", "exp", "shared")

write("arcsinh", """
static inline $F arcsinh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F square = a * a;
  $F y = log1p_$F(a + square / (1.0 + sqrt(square + 1.0)));
  y = a > 0x1p28 ? log_$F(a) + 0x1.62e42fefa39efp-1 : y;
  return sign_of_$F(y, x);
}
""", "log1p", "log", "shared")

write("arccosh", """
static inline $F arccosh_$F($F x) {
  $F t = x - 1.0;
  $F y = log1p_$F(t + sqrt(t * (t + 2.0)));
  y = x > 0x1p28 ? log_$F(x) + 0x1.62e42fefa39efp-1 : y;
  return x >= 1.0 ? y : ($F)(NAN);
}
""", "log1p", "log")

write("arctanh", """
static inline $F arctanh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = a + a;
  $F y = 0.5 * log1p_$F(a < 0.5 ? t + t * a / (1.0 - a) : t / (1.0 - a));
  return sign_of_$F(y, x);
}
""", "log1p", "shared")

write("sigmoid", """
static inline $F sigmoid_$F($F x) {
  $F e = exp_$F(x < -700.0 ? x : -x);
  return x < -700.0 ? e : 1.0 / (1.0 + e);
}
""", "exp")

write("softplus", """
static inline $F softplus_$F($F x) {
  $F linear = x > 0.0 ? x : (x == x ? ($F)(0.0) : x);
  return linear + log1p_$F(exp_$F(-abs_bits_$F(x)));
}
""", "exp", "log1p", "shared")

write("ultra_fast_sigmoid", """
static inline $F ultra_fast_sigmoid_$F($F x) {
  $F h = 0.5 * x;
  $F a = abs_bits_$F(h);
  $F curve = 1.5 * a / (1.0 + a);
  $F line = 0.935409070603099 + 0.0458812946797165 * (a - 1.7);
  $F v = a < 1.7 ? curve : (a < 3.0 ? line : ($F)(0.99505475368673));
  v = x == x ? v : x;
  return 0.5 * ((h >= 0.0 ? v : -v) + 1.0);
}
""", "shared")

# what rounding took from the product p = a * b
write("product_rest", """
static inline $F product_rest_$F($F a, $F b, $F p) {
  $F a1 = as_$F(as_$I(a) & ~0x7ffffffL), b1 = as_$F(as_$I(b) & ~0x7ffffffL);
  $F a2 = a - a1, b2 = b - b1;
  $F r = a1 * b1;
  r = r - p;
  $F s = a1 * b2;
  $F t = a2 * b1;
  $F u = a2 * b2;
  return ((r + s) + t) + u;
}
""")

# log(x) as high + low with some 66 bits, for x > 0
write("log_pair", f"""
static inline $F log_pair_$F($F x, $F *low) {{
  $F y = x < 0x1p-1022 ? x * 0x1p54 : x;
  $F k = x < 0x1p-1022 ? ($F)(-54.0) : ($F)(0.0);
  $I b = as_$I(y) + (0x3ff0000000000000L - 0x3fe6a09e667f3bcdL);
  $F m = as_$F((b & 0x000fffffffffffffL) + 0x3fe6a09e667f3bcdL);
  $F e = k + from_long_$F((b >> 52) - 1023);
  $F f = m - 1.0;
  $F d = 2.0 + f;
  $F d_low = f - (d - 2.0);
  $F s = f / d;
  $F p = s * d;
  $F s_low = (((f - p) - product_rest_$F(s, d, p)) - s * d_low) / d;
  $F z = s * s;
  $F z_low = product_rest_$F(s, s, z) + 2.0 * s * s_low;
  $F t = z * {horner("z", LOG[1:])};
  $F w = 0x1.5555555555555p-1 + t;
  $F w_low = ((0x1.5555555555555p-1 - w) + t) + 0x1.5555555555555p-55;
  $F u = z * w;
  $F u_low = product_rest_$F(z, w, u) + (z * w_low + z_low * w);
  $F v = s * u;
  $F v_low = product_rest_$F(s, u, v) + (s * u_low + s_low * u);
  $F a = 2.0 * s;
  $F h = a + v;
  $F l = ((a - h) + v) + (2.0 * s_low + v_low);
  a = e * 0x1.62e42fef00000p-1;
  $F sum = a + h;
  l = ((a - sum) + h) + (e * 0x1.473de6af278edp-34 + l);
  h = sum + l;
  *low = (sum - h) + l;
  return h;
}}
""", "product_rest", "shared")

# exp(h + l)
write("exp_pair", f"""
static inline $F exp_pair_$F($F h, $F l) {{
  $F c = h > 710.0 ? ($F)(710.0) : h;
  c = c < -746.0 ? ($F)(-746.0) : c;
  $F z = c * 1.4426950408889634 + {MAGIC};
  $I k = as_$I(z) - {MAGIC_BITS};
  $F n = z - {MAGIC};
  $F r = c - n * 0x1.62e42fef00000p-1;
  $F low = n * 0x1.473de6af278edp-34 - l;
  $F t = r - low;
  $F p = t * t * {horner("t", EXP)};
  $F one = 1.0 + r;
  p = one + (((1.0 - one) + r) + (p - low));
  $I half_k = k >> 1;
  return p * as_$F((half_k + 1023) << 52) * as_$F((k - half_k + 1023) << 52);
}}
""")

write("pow", """
static inline $F pow_$F($F x, $F y) {
  $F a = abs_bits_$F(x), b = abs_bits_$F(y);
  $F low;
  $F high = log_pair_$F(a, &low);
  $F h = y * high;
  $F l = product_rest_$F(y, high, h) + y * low;
  l = abs_bits_$F(h) < 800.0 ? l : ($F)(0.0);
  $F p = exp_pair_$F(h, l);
  p = a == (double)INFINITY ? (y > 0.0 ? a : ($F)(0.0)) : p;
  p = a == 0.0 ? (y > 0.0 ? a : ($F)(INFINITY)) : p;
  $F beyond = (a > 1.0) == (y > 0.0) ? ($F)(INFINITY) : ($F)(0.0);
  p = b == (double)INFINITY ? (a == 1.0 ? ($F)(1.0) : beyond) : p;
  $F half_y = 0.5 * y;
  $F whole = trunc_$F(half_y) == half_y ? p : sign_of_$F(p, x);
  $F broken = ((x < 0.0) & (a < (double)INFINITY)) ? ($F)(NAN) : p;
  p = trunc_$F(y) == y ? whole : broken;
  p = x != x ? x : p;
  p = y != y ? y : p;
  return ((y == 0.0) | (x == 1.0)) ? ($F)(1.0) : p;
}
""", "log_pair", "exp_pair", "product_rest", "trunc", "shared")

ULP: dict[str, float] = {
    "exp": 1, "exp2": 1, "expm1": 2, "log": 1, "log2": 1, "log10": 1, "log1p": 2, "tanh": 3, "sinh": 3, "cosh": 3,
    "arcsinh": 4, "arccosh": 4, "arctanh": 4, "sigmoid": 3, "softplus": 3, "ultra_fast_sigmoid": 1, "pow": 1,
}  # fmt: skip
"""Largest error in ulp of the exact value; the reference's own error comes on top."""
