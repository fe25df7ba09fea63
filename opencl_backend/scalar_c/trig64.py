"""float64 trigonometry as C text.

Conventions stand in `series.py`. It must not know rows, dtypes or kernels.
"""

from __future__ import annotations

from opencl_backend.scalar_c.series import MAGIC, Sources, horner, writer

SIN = (
    -0.16666666666666666, 0.008333333333333331, -0.00019841269841265017, 2.755731921930192e-06,
    -2.5052106219521895e-08, 1.6058529572267877e-10, -7.586576588171073e-13,
)  # fmt: skip
"""(sin(x) / x - 1) / x^2 in x^2 for |x| <= pi/4."""

COS = (
    0.041666666666666664, -0.0013888888888888887, 2.4801587301584618e-05, -2.7557319221382114e-07,
    2.087675578389404e-09, -1.1470459749675607e-11, 4.745804889760674e-14,
)  # fmt: skip
"""(cos(x) - 1 + x^2/2) / x^4 in x^2 for |x| <= pi/4."""

ATAN = (
    -0.3333333333333333, 0.199999999999998, -0.14285714285659326, 0.11111111105106705, -0.09090908751076636,
    0.0769229630497447, -0.06666423628069258, 0.058789145444006215, -0.052303478730160745, 0.04551108126325172,
    -0.034558092551413795, 0.01627194475162406,
)  # fmt: skip
"""(atan(x) / x - 1) / x^2 in x^2 for 0 <= x <= tan(pi/8)."""

ASIN = (
    0.16666666666666666, 0.07500000000000119, 0.04464285714255019, 0.030381944475693704, 0.022372157435623815,
    0.017352816768546473, 0.013963775787848137, 0.011566511821890942, 0.00962140274734483, 0.009322101501082774,
    0.0030350071727267623, 0.019579201619744684, -0.019277545928584557, 0.02963502626354855,
)  # fmt: skip
"""(asin(x) / x - 1) / x^2 in x^2 for 0 <= x <= 1/2."""

SOURCES: Sources = {}
write = writer(SOURCES)

# atan(t) = head + body for 0 <= t <= 1
write("arctan_unit", f"""
static inline $F arctan_unit_$F($F t, $F sign, $F base, $F base_low) {{
  $F u = t > 0.41421356237309503 ? (t - 1.0) / (t + 1.0) : t;
  $F z = u * u;
  $F tail = u * z * {horner("z", ATAN)};
  $F head = t > 0.41421356237309503 ? ($F)(0x1.921fb54442d18p-1) : ($F)(0.0);
  $F head_low = t > 0.41421356237309503 ? ($F)(0x1.1a62633145c07p-55) : ($F)(0.0);
  $F middle = base + sign * head;
  return middle + (sign * (u + (tail + head_low)) + base_low);
}}
""")

write("arctan", """
static inline $F arctan_$F($F x) {
  $F a = abs_bits_$F(x);
  $F t = a > 1.0 ? 1.0 / a : a;
  $F sign = a > 1.0 ? ($F)(-1.0) : ($F)(1.0);
  $F base = a > 1.0 ? ($F)(0x1.921fb54442d18p+0) : ($F)(0.0);
  $F low = a > 1.0 ? ($F)(0x1.1a62633145c07p-54) : ($F)(0.0);
  return sign_of_$F(abs_bits_$F(arctan_unit_$F(t, sign, base, low)), x);
}
""", "arctan_unit", "shared")

write("arctan2", """
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
""", "arctan_unit", "shared")

write("arcsin_parts", f"""
static inline $F arcsin_parts_$F($F a) {{
  $F z = a > 0.5 ? 0.5 * (1.0 - a) : a * a;
  $F s = a > 0.5 ? sqrt(z) : a;
  return s + s * z * {horner("z", ASIN)};
}}
""", "shared")

write("arcsin", """
static inline $F arcsin_$F($F x) {
  $F a = abs_bits_$F(x);
  $F p = arcsin_parts_$F(a);
  $F y = a > 0.5 ? 0x1.921fb54442d18p+0 - (2.0 * p - 0x1.1a62633145c07p-54) : p;
  y = sign_of_$F(y, x);
  return a <= 1.0 ? y : ($F)(NAN);
}
""", "arcsin_parts")

write("arccos", """
static inline $F arccos_$F($F x) {
  $F a = abs_bits_$F(x);
  $F p = arcsin_parts_$F(a);
  $F outer = x > 0.0 ? 2.0 * p : 0x1.921fb54442d18p+1 - (2.0 * p - 0x1.1a62633145c07p-53);
  $F inner = 0x1.921fb54442d18p+0 - (sign_of_$F(p, x) - 0x1.1a62633145c07p-54);
  $F y = a > 0.5 ? outer : inner;
  return a <= 1.0 ? y : ($F)(NAN);
}
""", "arcsin_parts")

# x = quadrant * pi/2 + y, y = high + low, for |x| < 2^20: pi/2 in pieces of 33 bits
write("reduce", f"""
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
""")

write("sin_cos_near", f"""
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
""")

# Far from 0 the device's own function reduces the angle, for every lane of a vector that has such a one.
write("sin", """
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
""", "reduce", "sin_cos_near", "shared")

write("cos", """
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
""", "reduce", "sin_cos_near", "shared")

write("tan", """
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
""", "reduce", "sin_cos_near", "shared")

write("deg2rad", """
static inline $F deg2rad_$F($F x) { return x * 0.017453292519943295; }
""")

write("rad2deg", """
static inline $F rad2deg_$F($F x) { return x * 57.29577951308232; }
""")

ULP: dict[str, float] = {
    "sin": 2, "cos": 2, "tan": 3, "arcsin": 3, "arccos": 2, "arctan": 2, "arctan2": 3, "deg2rad": 0, "rad2deg": 0,
}  # fmt: skip
"""Largest error in ulp of the exact value; the reference's own error comes on top."""
