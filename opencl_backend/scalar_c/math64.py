"""float64 functions as C text: exp, log, sin, tanh and their kin, for scalars and for vectors alike.

Written with + - * / sqrt, bit patterns and ternaries, so that compilers turn them into straight vector
code and every device gives the same bits (with FP_CONTRACT OFF). Coefficients are interpolations at
Chebyshev points, computed in 260-bit arithmetic. $F is the float register, $I the integer register of
the same width; a name is ``function_$F``. It must not know rows, dtypes or kernels.
"""

from __future__ import annotations


def horner(x: str, coefficients: tuple[float, ...]) -> str:
    """A polynomial in `x`, lowest coefficient first, as nested C."""
    text = repr(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        text = f"({text} * {x} + {c!r})" if c >= 0 else f"({text} * {x} - {-c!r})"
    return text


EXP = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
    2.75572736431103e-07,
    2.5105217004720745e-08,
    2.0914686968086876e-09,
)
"""(exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2, to 2^-58."""

LOG = (
    0.6666666666666666,
    0.4000000000000089,
    0.2857142857079543,
    0.2222222239356661,
    0.18181795442371984,
    0.1538625044794019,
    0.13268485680654427,
    0.13089629160674623,
)
"""(2 atanh(s) / s - 2) / s^2 in s^2 for |s| <= 0.1716, to 2^-58."""

SIN = (
    -0.16666666666666666,
    0.008333333333333331,
    -0.00019841269841265017,
    2.755731921930192e-06,
    -2.5052106219521895e-08,
    1.6058529572267877e-10,
    -7.586576588171073e-13,
)
"""(sin(x) / x - 1) / x^2 in x^2 for |x| <= pi/4."""

COS = (
    0.041666666666666664,
    -0.0013888888888888887,
    2.4801587301584618e-05,
    -2.7557319221382114e-07,
    2.087675578389404e-09,
    -1.1470459749675607e-11,
    4.745804889760674e-14,
)
"""(cos(x) - 1 + x^2/2) / x^4 in x^2 for |x| <= pi/4."""

ATAN = (
    -0.3333333333333333,
    0.199999999999998,
    -0.14285714285659326,
    0.11111111105106705,
    -0.09090908751076636,
    0.0769229630497447,
    -0.06666423628069258,
    0.058789145444006215,
    -0.052303478730160745,
    0.04551108126325172,
    -0.034558092551413795,
    0.01627194475162406,
)
"""(atan(x) / x - 1) / x^2 in x^2 for 0 <= x <= tan(pi/8)."""

ASIN = (
    0.16666666666666666,
    0.07500000000000119,
    0.04464285714255019,
    0.030381944475693704,
    0.022372157435623815,
    0.017352816768546473,
    0.013963775787848137,
    0.011566511821890942,
    0.00962140274734483,
    0.009322101501082774,
    0.0030350071727267623,
    0.019579201619744684,
    -0.019277545928584557,
    0.02963502626354855,
)
"""(asin(x) / x - 1) / x^2 in x^2 for 0 <= x <= 1/2."""

STIRLING = (
    0.08333333333333333,
    -0.002777777777777778,
    0.0007936507936507937,
    -0.0005952380952380953,
    0.0008417508417508417,
    -0.0019175269175269176,
    0.00641025641025641,
    -0.029550653594771242,
)
"""Bernoulli numbers B(2k) / (2k (2k - 1)): the series of log gamma in 1/x, odd powers."""

LOG_GAMMA = (
    0.5772156649015329,
    -0.2452513685225802,
    0.1554342658639254,
    -0.11514654256202178,
    0.09223900839673513,
    -0.07731816695435863,
    0.0667317036225764,
    -0.058777667470402806,
    0.05255406110070427,
    -0.04752880628077319,
    0.043339857638184334,
    -0.03966224019740984,
    0.03609248636789441,
    -0.032097730495708306,
    0.027152349716737766,
    -0.02110047983607859,
    0.01448936567667992,
    -0.008442227196988863,
    0.003996690356391307,
    -0.0014604876715712317,
    0.0003836157004792754,
    -6.412167369659485e-05,
    5.1046182161001864e-06,
)
"""log gamma(1 + z) / (z (z - 1)) for 0 <= z <= 1, to 2^-61."""

# 1.5 * 2^52: adding and subtracting it rounds to an integer, whose bits are then the lowest of the sum.
MAGIC = "6755399441055744.0"
MAGIC_BITS = "0x4338000000000000L"

SHARED = """
static inline $F abs_bits_$F($F x) { return as_$F(as_$I(x) & 0x7fffffffffffffffL); }
static inline $F sign_of_$F($F magnitude, $F x) {
  return as_$F(as_$I(magnitude) | (as_$I(x) & (-0x7fffffffffffffffL - 1)));
}
static inline $F from_long_$F($I k) { return as_$F(k + 0x4338000000000000L) - 6755399441055744.0; }
"""

SOURCES: dict[str, tuple[tuple[str, ...], str]] = {
    "shared": ((), SHARED),
    "exp": (
        (),
        f"""
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
""",
    ),
    "exp2": (
        (),
        f"""
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
""",
    ),
    "expm1": (
        (),
        f"""
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
""",
    ),
    # log(y) + k ln(2) + c for a positive normal y
    "log_sum": (
        ("shared",),
        f"""
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
""",
    ),
    "log_edges": (
        (),
        """
static inline $F log_edges_$F($F x, $F y) {
  $F inside = x < (double)INFINITY ? y : x;
  return x > 0.0 ? inside : (x == 0.0 ? ($F)(-(double)INFINITY) : ($F)(NAN));
}
""",
    ),
    "log": (
        ("log_sum", "log_edges"),
        """
static inline $F log_$F($F x) {
  $F y = x < 0x1p-1022 ? x * 0x1p54 : x;
  $F k = x < 0x1p-1022 ? ($F)(-54.0) : ($F)(0.0);
  return log_edges_$F(x, log_sum_$F(y, k, ($F)(0.0)));
}
""",
    ),
    "log1p": (
        ("log_sum", "log_edges"),
        """
static inline $F log1p_$F($F x) {
  $F u = 1.0 + x;
  $F v = u - 1.0;
  $F c = ((1.0 - (u - v)) + (x - v)) / u;
  $F y = log_edges_$F(u, log_sum_$F(u, ($F)(0.0), c));
  return x == 0.0 ? x : y;
}
""",
    ),
    # log(x) in another base: HIGH has 26 bits, so its product with 26 bits of the logarithm is exact
    "log_base": (
        ("shared", "log_edges"),
        f"""
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
""",
    ),
    "log2": (
        ("log_base",),
        """
static inline $F log2_$F($F x) { return log_base_$F(x, 0x1.7154760000000p+0, 0x1.4ae0bf85ddf44p-26, 1.0, 0.0); }
""",
    ),
    "log10": (
        ("log_base",),
        """
static inline $F log10_$F($F x) {
  return log_base_$F(x, 0x1.bcb7b10000000p-2, 0x1.49b9438ca9aaep-28, 0x1.3441350900000p-2, 0x1.ef3fde623e256p-35);
}
""",
    ),
    "tanh": (
        ("expm1", "shared"),
        """
static inline $F tanh_$F($F x) {
  $F a = abs_bits_$F(x);
  a = a > 24.0 ? ($F)(24.0) : a;
  $F t = expm1_$F(a + a);
  return sign_of_$F(t / (t + 2.0), x);
}
""",
    ),
    "sinh": (
        ("expm1", "exp", "shared"),
        """
static inline $F sinh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = expm1_$F(a);
  $F root = exp_$F(0.5 * a);
  $F y = a > 709.0 ? 0.5 * root * root : 0.5 * (t + t / (t + 1.0));
  return sign_of_$F(y, x);
}
""",
    ),
    "cosh": (
        ("exp", "shared"),
        """
static inline $F cosh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = exp_$F(a);
  $F root = exp_$F(0.5 * a);
  return a > 709.0 ? 0.5 * root * root : 0.5 * t + 0.5 / t;
}
""",
    ),
    "arcsinh": (
        ("log1p", "log", "shared"),
        """
static inline $F arcsinh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F square = a * a;
  $F y = log1p_$F(a + square / (1.0 + sqrt(square + 1.0)));
  y = a > 0x1p28 ? log_$F(a) + 0x1.62e42fefa39efp-1 : y;
  return sign_of_$F(y, x);
}
""",
    ),
    "arccosh": (
        ("log1p", "log"),
        """
static inline $F arccosh_$F($F x) {
  $F t = x - 1.0;
  $F y = log1p_$F(t + sqrt(t * (t + 2.0)));
  y = x > 0x1p28 ? log_$F(x) + 0x1.62e42fefa39efp-1 : y;
  return x >= 1.0 ? y : ($F)(NAN);
}
""",
    ),
    "arctanh": (
        ("log1p", "shared"),
        """
static inline $F arctanh_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = a + a;
  $F y = 0.5 * log1p_$F(a < 0.5 ? t + t * a / (1.0 - a) : t / (1.0 - a));
  return sign_of_$F(y, x);
}
""",
    ),
    # atan(t) = head + body for 0 <= t <= 1
    "arctan_unit": (
        (),
        f"""
static inline $F arctan_unit_$F($F t, $F sign, $F base, $F base_low) {{
  $F u = t > 0.41421356237309503 ? (t - 1.0) / (t + 1.0) : t;
  $F z = u * u;
  $F tail = u * z * {horner("z", ATAN)};
  $F head = t > 0.41421356237309503 ? ($F)(0x1.921fb54442d18p-1) : ($F)(0.0);
  $F head_low = t > 0.41421356237309503 ? ($F)(0x1.1a62633145c07p-55) : ($F)(0.0);
  $F middle = base + sign * head;
  return middle + (sign * (u + (tail + head_low)) + base_low);
}}
""",
    ),
    "arctan": (
        ("arctan_unit", "shared"),
        """
static inline $F arctan_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = a > 1.0 ? 1.0 / a : a;
  $F sign = a > 1.0 ? ($F)(-1.0) : ($F)(1.0);
  $F base = a > 1.0 ? ($F)(0x1.921fb54442d18p+0) : ($F)(0.0);
  $F low = a > 1.0 ? ($F)(0x1.1a62633145c07p-54) : ($F)(0.0);
  return sign_of_$F(abs_bits_$F(arctan_unit_$F(t, sign, base, low)), x);
}
""",
    ),
    "arctan2": (
        ("arctan_unit", "shared"),
        """
static inline $F arctan2_$F($F y, $F x) {
  $F a = abs_bits_$F(y);
  $F b = abs_bits_$F(x);
  $F large = a > b ? a : b;
  $F small = a > b ? b : a;
  $F t = small == large ? ($F)(1.0) : small / large;
  t = large == 0.0 ? ($F)(0.0) : t;
  $F side = sign_of_$F(($F)(1.0), x);
  $F base = a > b ? ($F)(0x1.921fb54442d18p+0) : (side < 0.0 ? ($F)(0x1.921fb54442d18p+1) : ($F)(0.0));
  $F low = a > b ? ($F)(0x1.1a62633145c07p-54) : (side < 0.0 ? ($F)(0x1.1a62633145c07p-53) : ($F)(0.0));
  $F turn = a > b ? -side : side;
  $F r = sign_of_$F(abs_bits_$F(arctan_unit_$F(t, turn, base, low)), y);
  r = x != x ? x : r;
  return y != y ? y : r;
}
""",
    ),
    "arcsin_parts": (
        ("shared",),
        f"""
static inline $F arcsin_parts_$F($F a) {{
  $F z = a > 0.5 ? 0.5 * (1.0 - a) : a * a;
  $F s = a > 0.5 ? sqrt(z) : a;
  return s + s * z * {horner("z", ASIN)};
}}
""",
    ),
    "arcsin": (
        ("arcsin_parts",),
        """
static inline $F arcsin_$F($F x) {
  $F a = abs_bits_$F(x);
  $F p = arcsin_parts_$F(a);
  $F y = a > 0.5 ? 0x1.921fb54442d18p+0 - (2.0 * p - 0x1.1a62633145c07p-54) : p;
  y = sign_of_$F(y, x);
  return a <= 1.0 ? y : ($F)(NAN);
}
""",
    ),
    "arccos": (
        ("arcsin_parts",),
        """
static inline $F arccos_$F($F x) {
  $F a = abs_bits_$F(x);
  $F p = arcsin_parts_$F(a);
  $F outer = x > 0.0 ? 2.0 * p : 0x1.921fb54442d18p+1 - (2.0 * p - 0x1.1a62633145c07p-53);
  $F inner = 0x1.921fb54442d18p+0 - (sign_of_$F(p, x) - 0x1.1a62633145c07p-54);
  $F y = a > 0.5 ? outer : inner;
  return a <= 1.0 ? y : ($F)(NAN);
}
""",
    ),
    # x = quadrant * pi/2 + y, y = high + low, for |x| < 2^20: pi/2 in pieces of 33 bits
    "reduce": (
        (),
        f"""
static inline $F reduce_$F($F x, $I *quadrant, $F *low) {{
  $F z = x * 0.6366197723675814 + {MAGIC};
  $F n = z - {MAGIC};
  *quadrant = as_$I(z);
  $F a = x - n * 0x1.921fb54400000p+0;
  $F p = n * 0x1.0b4611a600000p-34;
  $F b = a - p;
  $F v = a - b;
  $F rest = (a - (b + v)) + (v - p);
  p = n * 0x1.3198a2e000000p-69;
  $F c = b - p;
  v = b - c;
  rest = rest + ((b - (c + v)) + (v - p)) - n * 0x1.b839a252049c1p-104;
  $F y = c + rest;
  *low = (c - y) + rest;
  return y;
}}
""",
    ),
    "sin_cos_near": (
        (),
        f"""
static inline $F sin_near_$F($F y, $F low) {{
  $F z = y * y;
  $F p = z * y * {horner("z", SIN)};
  return y + (p + (low - 0.5 * z * low));
}}
static inline $F cos_near_$F($F y, $F low) {{
  $F z = y * y;
  $F h = 0.5 * z;
  $F w = 1.0 - h;
  return w + (((1.0 - w) - h) + (z * z * {horner("z", COS)} - y * low));
}}
""",
    ),
    # Far from 0 the device's own function reduces the angle, for every lane of a vector that has such a one.
    "sin": (
        ("reduce", "sin_cos_near", "shared"),
        """
static inline $F sin_$F($F x) {
  $I q;
  $F low;
  $F y = reduce_$F(x, &q, &low);
  $F r = (q & 1) == 0 ? sin_near_$F(y, low) : cos_near_$F(y, low);
  r = as_$F(as_$I(r) ^ ((q & 2) << 62));
  $F a = abs_bits_$F(x);
  if ($ANY(a >= 0x1p20)) r = a >= 0x1p20 ? $EACH{sin}(x) : r;
  return x == 0.0 ? x : r;
}
""",
    ),
    "cos": (
        ("reduce", "sin_cos_near", "shared"),
        """
static inline $F cos_$F($F x) {
  $I q;
  $F low;
  $F y = reduce_$F(x, &q, &low);
  $F r = (q & 1) == 0 ? cos_near_$F(y, low) : sin_near_$F(y, low);
  r = as_$F(as_$I(r) ^ (((q + 1) & 2) << 62));
  $F a = abs_bits_$F(x);
  if ($ANY(a >= 0x1p20)) r = a >= 0x1p20 ? $EACH{cos}(x) : r;
  return r;
}
""",
    ),
    "tan": (
        ("reduce", "sin_cos_near", "shared"),
        """
static inline $F tan_$F($F x) {
  $I q;
  $F low;
  $F y = reduce_$F(x, &q, &low);
  $F s = sin_near_$F(y, low);
  $F c = cos_near_$F(y, low);
  $F r = (q & 1) == 0 ? s / c : -(c / s);
  $F a = abs_bits_$F(x);
  if ($ANY(a >= 0x1p20)) r = a >= 0x1p20 ? $EACH{tan}(x) : r;
  return x == 0.0 ? x : r;
}
""",
    ),
    "sigmoid": (
        ("exp",),
        """
static inline $F sigmoid_$F($F x) {
  $F e = exp_$F(x < -700.0 ? x : -x);
  return x < -700.0 ? e : 1.0 / (1.0 + e);
}
""",
    ),
    "softplus": (
        ("exp", "log1p", "shared"),
        """
static inline $F softplus_$F($F x) {
  $F linear = x > 0.0 ? x : (x == x ? ($F)(0.0) : x);
  return linear + log1p_$F(exp_$F(-abs_bits_$F(x)));
}
""",
    ),
    "ultra_fast_sigmoid": (
        ("shared",),
        """
static inline $F ultra_fast_sigmoid_$F($F x) {
  $F h = 0.5 * x;
  $F a = abs_bits_$F(h);
  $F curve = 1.5 * a / (1.0 + a);
  $F line = 0.935409070603099 + 0.0458812946797165 * (a - 1.7);
  $F v = a < 1.7 ? curve : (a < 3.0 ? line : ($F)(0.99505475368673));
  v = x == x ? v : x;
  return 0.5 * ((h >= 0.0 ? v : -v) + 1.0);
}
""",
    ),
    "deg2rad": (
        (),
        """
static inline $F deg2rad_$F($F x) { return x * 0.017453292519943295; }
""",
    ),
    "rad2deg": (
        (),
        """
static inline $F rad2deg_$F($F x) { return x * 57.29577951308232; }
""",
    ),
    # what rounding took from the product p = a * b
    "product_rest": (
        (),
        """
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
""",
    ),
    # log(x) as high + low with some 66 bits, for x > 0
    "log_pair": (
        ("product_rest", "shared"),
        f"""
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
""",
    ),
    # exp(h + l)
    "exp_pair": (
        (),
        f"""
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
""",
    ),
    "pow": (
        ("log_pair", "exp_pair", "product_rest", "trunc", "shared"),
        """
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
""",
    ),
    "erf": (
        (),
        """
static inline $F erf_$F($F x) { return $EACH{erf}(x); }
""",
    ),
    "erfc": (
        (),
        """
static inline $F erfc_$F($F x) { return $EACH{erfc}(x); }
""",
    ),
    # log gamma(y) as high + low for y >= 10, by Stirling's series
    "stirling": (
        ("log_pair", "product_rest"),
        f"""
static inline $F stirling_$F($F y, $F *low) {{
  $F log_low;
  $F log_high = log_pair_$F(y, &log_low);
  $F b = y - 0.5;
  $F h = b * log_high;
  $F l = product_rest_$F(b, log_high, h) + b * log_low;
  $F d = h - y;
  l = l + ((h - d) - y);
  $F e = d + 0x1.d67f1c864beb5p-1;
  l = l + ((d - e) + 0x1.d67f1c864beb5p-1);
  $F r = 1.0 / y;
  $F t = r * r;
  *low = l + r * {horner("t", STIRLING)};
  return e;
}}
""",
    ),
    # pi / sin(pi a), the reflection of gamma
    "reflection": (
        ("sin_cos_near", "round_even", "shared"),
        """
static inline $F reflection_$F($F a) {
  $F n = round_even_$F(a);
  $F t = a - n;
  $F u = abs_bits_$F(t);
  $F s = u > 0.25 ? cos_near_$F(3.141592653589793 * (0.5 - u), ($F)(0.0))
                  : sin_near_$F(3.141592653589793 * u, ($F)(0.0));
  $F half_n = 0.5 * n;
  $F y = 3.141592653589793 / sign_of_$F(s, t);
  return round_even_$F(half_n) == half_n ? y : -y;
}
""",
    ),
    "gamma": (
        ("stirling", "exp_pair", "reflection", "floor", "shared"),
        """
static inline $F gamma_$F($F x) {
  $F a = abs_bits_$F(x);
  $F y = a > 200.0 ? ($F)(200.0) : a;
  $F product = 1.0;
  for (int i = 0; i < 10; i++) {
    product = y < 10.0 ? product * y : product;
    y = y < 10.0 ? y + 1.0 : y;
  }
  $F low;
  $F high = stirling_$F(y, &low);
  $F mirrored = -reflection_$F(a) / a * product * exp_pair_$F(-high, -low);
  $F r = x < 0.0 ? mirrored : exp_pair_$F(high, low) / product;
  r = a < 0x1p-55 ? 1.0 / x : r;
  r = ((x < 0.0) & (x == floor_$F(x))) ? ($F)(NAN) : r;
  return x == x ? r : x;
}
""",
    ),
    "gammaln": (
        ("stirling", "log", "reflection", "floor", "shared"),
        f"""
static inline $F gammaln_$F($F x) {{
  $F a = abs_bits_$F(x);
  $F low;
  $F large = stirling_$F(a, &low);
  large = large + low;
  large = a > 0x1p60 ? a * (log_$F(a) - 1.0) : large;
  $F z = a - 1.0;
  $F product = a < 1.0 ? 1.0 / a : ($F)(1.0);
  z = a < 1.0 ? a : z;
  for (int i = 0; i < 8; i++) {{
    product = z > 1.0 ? product * z : product;
    z = z > 1.0 ? z - 1.0 : z;
  }}
  $F base = a < 1.0 ? a - 1.0 : z - 1.0;
  $F small = log_$F(product) + z * base * {horner("z", LOG_GAMMA)};
  $F y = a < 10.0 ? small : large;
  y = x < 0.0 ? log_$F(abs_bits_$F(reflection_$F(a))) - log_$F(a) - y : y;
  y = a < 0x1p-55 ? -log_$F(a) : y;
  y = ((x <= 0.0) & (x == floor_$F(x))) ? ($F)(INFINITY) : y;
  y = a == (double)INFINITY ? a : y;
  return x == x ? y : x;
}}
""",
    ),
    "psi": (
        ("log", "tan", "round_even", "floor"),
        """
static inline $F psi_$F($F x) {
  $F y = x <= 0.0 ? 1.0 - x : x;
  $F total = 0.0;
  for (int i = 0; i < 10; i++) {
    total = y < 10.0 ? total + 1.0 / y : total;
    y = y < 10.0 ? y + 1.0 : y;
  }
  $F t = 1.0 / (y * y);
  $F series = t * (1.0 / 12 - t * (1.0 / 120 - t * (1.0 / 252 - t * (1.0 / 240
      - t * (1.0 / 132 - t * (691.0 / 32760 - t / 12))))));
  $F value = y == (double)INFINITY ? y : log_$F(y) - 0.5 / y - series - total;
  $F turned = 3.141592653589793 * (x - round_even_$F(x));
  value = x <= 0.0 ? value - 3.141592653589793 / tan_$F(turned) : value;
  return ((x <= 0.0) & (x == floor_$F(x))) ? ($F)(NAN) : value;
}
""",
    ),
    "tri_gamma": (
        ("sin", "round_even", "floor"),
        """
static inline $F tri_gamma_$F($F x) {
  $F y = x <= 0.0 ? 1.0 - x : x;
  $F total = 0.0;
  for (int i = 0; i < 10; i++) {
    total = y < 10.0 ? total + 1.0 / (y * y) : total;
    y = y < 10.0 ? y + 1.0 : y;
  }
  $F r = 1.0 / y;
  $F t = r * r;
  $F series = t * (1.0 / 6 - t * (1.0 / 30 - t * (1.0 / 42 - t * (1.0 / 30
      - t * (5.0 / 66 - t * (691.0 / 2730 - t * 7 / 6))))));
  $F value = r + t / 2 + r * series + total;
  $F ratio = 3.141592653589793 / sin_$F(3.141592653589793 * (x - round_even_$F(x)));
  value = x <= 0.0 ? ratio * ratio - value : value;
  $F pole = x == -(double)INFINITY ? ($F)(NAN) : ($F)(INFINITY);
  return ((x <= 0.0) & (x == floor_$F(x))) ? pole : value;
}
""",
    ),
}

ULP: dict[str, float] = {
    "exp": 1, "exp2": 1, "expm1": 2, "log": 1, "log2": 1, "log10": 1, "log1p": 2, "sigmoid": 3, "softplus": 3,
    "ultra_fast_sigmoid": 1, "sin": 2, "cos": 2, "tan": 3, "arcsin": 3, "arccos": 2, "arctan": 2, "arctan2": 3,
    "sinh": 3, "cosh": 3, "tanh": 3, "arcsinh": 4, "arccosh": 4, "arctanh": 4, "deg2rad": 0, "rad2deg": 0, "pow": 1,
    "erf": 2, "erfc": 8, "gamma": 20, "gammaln": 20, "psi": 40, "tri_gamma": 40,
}  # fmt: skip
"""Largest error in ulp of the exact value; the reference's own error comes on top."""
