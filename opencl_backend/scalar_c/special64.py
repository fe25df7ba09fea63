"""float64 special functions as C text: erf, gamma and what belongs to it.

Conventions stand in `series.py`. It must not know rows, dtypes or kernels.
"""

from __future__ import annotations

from opencl_backend.scalar_c.series import Sources, horner, writer

STIRLING = (
    0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
    0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242,
)  # fmt: skip
"""Bernoulli numbers B(2k) / (2k (2k - 1)): the series of log gamma in 1/x, odd powers."""

LOG_GAMMA = (
    0.5772156649015329, -0.2452513685225802, 0.1554342658639254, -0.11514654256202178, 0.09223900839673513,
    -0.07731816695435863, 0.0667317036225764, -0.058777667470402806, 0.05255406110070427, -0.04752880628077319,
    0.043339857638184334, -0.03966224019740984, 0.03609248636789441, -0.032097730495708306,
    0.027152349716737766, -0.02110047983607859, 0.01448936567667992, -0.008442227196988863,
    0.003996690356391307, -0.0014604876715712317, 0.0003836157004792754, -6.412167369659485e-05,
    5.1046182161001864e-06,
)  # fmt: skip
"""log gamma(1 + z) / (z (z - 1)) for 0 <= z <= 1, to 2^-61."""

SOURCES: Sources = {}
write = writer(SOURCES)

write("erf", """
static inline $F erf_$F($F x) { return $EACH{erf}(x); }
""")

write("erfc", """
static inline $F erfc_$F($F x) { return $EACH{erfc}(x); }
""")

# log gamma(y) as high + low for y >= 10, by Stirling's series
write("stirling", f"""
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
""", "log_pair", "product_rest")

# pi / sin(pi a), the reflection of gamma
write("reflection", """
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
""", "sin_cos_near", "round_even", "shared")

write("gamma", """
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
""", "stirling", "exp_pair", "reflection", "floor", "shared")

write("gammaln", f"""
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
""", "stirling", "log", "reflection", "floor", "shared")

write("psi", """
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
""", "log", "tan", "round_even", "floor")

write("tri_gamma", """
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
""", "sin", "round_even", "floor")

ULP: dict[str, float] = {
    "erf": 2, "erfc": 8, "gamma": 20, "gammaln": 20, "psi": 40, "tri_gamma": 40,
}  # fmt: skip
"""Largest error in ulp of the exact value; the reference's own error comes on top."""
