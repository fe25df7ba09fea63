"""Random numbers as C text: Philox words, uniforms, and the distributions made of them.

Owns the kernels of draws; element k depends on the state and k alone, so chunks and vectors change
nothing. The formulas are those of reference/tensor/distributions.py, operation for operation. It must not
know graphs or how parameters got where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from opencl_backend.kernels.uniform import PHILOX
from opencl_backend.render import header, signature, unaligned, unaligned_types
from opencl_backend.scalar_c import STORAGE, CType, cast, prelude
from opencl_backend.scalar_c.cast import fill
from reference.tensor import distributions

WORDS = 64
"""Words made together: 16 blocks, a vector of blocks a lane."""


@dataclass(frozen=True)
class Draw:
    """What the text of a draw depends on.

    parameters  (dtype, is it one value for all) each
    kind        the dtype of the uniform numbers, where the distribution leaves it open
    """

    distribution: str
    dtype: str
    parameters: tuple[tuple[str, bool], ...]
    kind: str = "float64"
    fp64: bool = True


def _rational(name: str) -> str:
    """One of the quantile's quotients as a C expression of ``r``."""

    def polynomial(coefficients: tuple[float, ...]) -> str:
        text = f"{coefficients[0]!r}"
        for c in coefficients[1:]:
            text = f"({text} * r + {c!r})"
        return text

    top, bottom = getattr(distributions, name)
    return f"{polynomial(top)} / {polynomial(bottom)}"


def _log_series() -> str:
    terms = distributions._TERMS
    text = repr(1.0 / (2 * terms + 1))
    for k in range(terms - 1, 0, -1):
        text = f"({text} * t + {1.0 / (2 * k + 1)!r})"
    return text


QUANTILE = f"""
static inline $F draw_log_$F($F x) {{
  $I bits = as_$I(x);
  $I power = (bits >> 52) - 1022;
  $F m = as_$F((bits & 0x000fffffffffffffL) | 0x3fe0000000000000L);
  power = m < {distributions._SQRT_HALF!r} ? power - 1 : power;
  m = m < {distributions._SQRT_HALF!r} ? m * 2.0 : m;
  $F e = as_$F(power + 0x4338000000000000L) - 6755399441055744.0;
  $F s = (m - 1.0) / (m + 1.0);
  $F t = s * s;
  $F series = {_log_series()};
  return e * {distributions._LN2_HIGH!r} + (2.0 * s + (2.0 * s * (t * series) + e * {distributions._LN2_LOW!r}));
}}
static inline $F quantile_$F($F u) {{
  $F q = u - 0.5;
  $F r = 0.180625 - q * q;
  $F z = q * ({_rational("_CENTRAL")});
  $F a = q < 0.0 ? -q : q;
  if ($ANY(a > 0.425)) {{
    $F root = sqrt(-draw_log_$F(q < 0.0 ? u : 1.0 - u));
    r = root - 1.6;
    $F tail = {_rational("_TAIL")};
    if ($ANY(root > 5.0)) {{
      r = root - 5.0;
      tail = root <= 5.0 ? tail : {_rational("_FAR_TAIL")};
    }}
    z = a > 0.425 ? (q < 0.0 ? -tail : tail) : z;
  }}
  return z;
}}
"""


def words_each(draw: Draw) -> int:
    """Words an element reads, where it reads a fixed number."""
    if draw.distribution == "random_integers":
        return 2
    kind = draw.kind if draw.distribution == "binomial" else draw.dtype
    return 2 if kind == "float64" and draw.distribution != "words" else 1


class _Body:
    """Statements that turn the words of `width` elements into samples."""

    def __init__(self, draw: Draw, width: int):
        self.draw = draw
        self.width = width
        self.lines: list[str] = []
        self.helpers: list[str] = []

    def ct(self, dtype: str) -> CType:
        return CType(dtype, self.width)

    def let(self, name: str, dtype: str, text: str) -> str:
        self.lines.append(f"const {self.ct(dtype).name} {name} = {text};")
        return name

    def cast(self, name: str, dtype: str, wanted: str, target: str) -> str:
        text, helpers = cast(self.ct(dtype), name, wanted)
        self.helpers += helpers
        return text if text == name else self.let(target, wanted, text)

    def half(self, text: str) -> str:
        """A float16 result, rounded."""
        name = f"round_half_{self.ct('float32').name}"
        self.helpers.append(name)
        return f"{name}({text})"

    def parameter(self, k: int, wanted: str) -> str:
        dtype, once = self.draw.parameters[k]
        ct = self.ct(dtype)
        text = f"p{k}[g[{6 + k}]]" if once else f"p{k}[g[{6 + k}] + k + j]"
        if once or self.width == 1:
            if dtype == "float16":
                self.helpers.append("load_half_float")
                text = f"load_half_float({text})"
            self.let(f"x{k}", dtype, ct.splat(text))
        else:
            text = f"*(global const {unaligned(dtype, self.width)} *)(p{k} + g[{6 + k}] + k + j)"
            if dtype == "float16":
                self.helpers.append(f"load_half_{ct.name}")
                text = f"load_half_{ct.name}({text})"
            self.let(f"x{k}", dtype, text)
        return self.cast(f"x{k}", dtype, wanted, f"y{k}")

    def words(self) -> tuple[str, ...]:
        """The words of these elements: one register, or two."""
        uint = self.ct("uint32").name
        if words_each(self.draw) == 1:
            text = "w[j]" if self.width == 1 else f"*(const {uint} *)(w + j)"
            return (self.let("w0", "uint32", text),)
        if self.width == 1:
            return self.let("w0", "uint32", "w[2 * j]"), self.let("w1", "uint32", "w[2 * j + 1]")
        self.lines.append(f"const uint{2 * self.width} both = *(const uint{2 * self.width} *)(w + 2 * j);")
        return self.let("w0", "uint32", "both.even"), self.let("w1", "uint32", "both.odd")

    def to(self, name: str, dtype: str) -> str:
        return self.ct("uint32").plain(name, dtype)

    def uniform(self, kind: str) -> str:
        words = self.words()
        if kind == "float64":
            high = self.to(f"({words[0]} >> 5)", "float64")
            low = self.to(f"({words[1]} >> 6)", "float64")
            return self.let("u", kind, f"({high} * 0x1p+26 + {low}) * 0x1p-53")
        shift, scale = (21, "0x1p-11f") if kind == "float16" else (8, "0x1p-24f")
        return self.let("u", kind, f"{self.to(f'({words[0]} >> {shift})', 'float32')} * {scale}")

    def open_uniform(self) -> str:
        words = self.words()
        if len(words) == 2:
            high, low = (self.to(f"({w} >> 6)", "float64") for w in words)
            return self.let("u", "float64", f"(({high} * 0x1p+26 + {low}) + 0.5) * 0x1p-52")
        return self.let("u", "float64", f"({self.to(words[0], 'float64')} + 0.5) * 0x1p-32")

    def sample(self) -> str:
        """The name or text of the samples, in the draw's dtype."""
        return getattr(self, "_" + self.draw.distribution)()

    def _unit(self) -> str:
        return self.uniform(self.draw.dtype)

    def _words(self) -> str:
        return self.words()[0]

    def _weighted_keys(self) -> str:
        u = self.open_uniform()
        self.helpers.append("weighted")
        return self.let("z", "float64", f"-draw_log_{self.ct('float64').name}({u}) / {self.parameter(0, 'float64')}")

    def _uniform(self) -> str:
        dtype = self.draw.dtype
        u, low, high = self.uniform(dtype), self.parameter(0, dtype), self.parameter(1, dtype)
        if dtype != "float16":
            return self.let("z", dtype, f"{u} * ({high} - {low}) + {low}")
        product = f"{u} * " + self.half(f"{high} - {low}")
        return self.let("z", dtype, self.half(f"{self.half(product)} + {low}"))

    def _normal(self) -> str:
        u, avg, std = self.open_uniform(), self.parameter(0, "float64"), self.parameter(1, "float64")
        self.let("z", "float64", f"{avg} + {std} * quantile_{self.ct('float64').name}({u})")
        return self.cast("z", "float64", self.draw.dtype, "zz")

    def _binomial(self) -> str:
        kind = self.draw.kind
        u, p = self.uniform(kind), self.parameter(1, kind)
        n = self.parameter(0, kind if kind == "float32" else "int64")
        ct = self.ct(kind)
        zero = ct.of("float32" if kind == "float32" else "int64").literal(0)
        self.let("z", "bool", ct.boolean(f"({u} < {p}) & ({n} > {zero})"))
        return self.cast("z", "bool", self.draw.dtype, "zz")

    def _random_integers(self) -> str:
        w0, w1 = self.words()
        u64 = self.ct("uint64")
        base = self.ct("int64").plain(self.parameter(0, "int64"), "uint64")
        top = self.ct("int64").plain(self.parameter(1, "int64"), "uint64")
        self.let("base", "uint64", base)
        self.let("span", "uint64", f"{top} - base + 1")
        self.let("wide", "uint64", f"{self.to(w0, 'uint64')} | ({self.to(w1, 'uint64')} << 32)")
        self.let("safe", "uint64", f"span == 0 ? {u64.literal(1)} : span")
        self.let("z", "uint64", "base + (span == 0 ? wide : wide % safe)")
        return self.cast("z", "uint64", self.draw.dtype, "zz")


def _width(draw: Draw) -> int:
    wide = words_each(draw) == 2 or draw.dtype.endswith("64") or draw.distribution in ("normal", "weighted_keys")
    return 8 if wide or any(dtype.endswith("64") for dtype, _ in draw.parameters) else 16


@cache
def text(draw: Draw) -> str:
    """The program of a draw whose elements read one or two words each: kernel ``draw``."""
    each = words_each(draw)
    width = _width(draw)
    loops: list[str] = []
    helpers: list[str] = []
    types = [(dtype, width) for dtype, _ in draw.parameters] + [(draw.dtype, width)]
    for w in (width, 1):
        body = _Body(draw, w)
        value = body.sample()
        helpers += body.helpers
        if draw.dtype == "float16":
            name = f"store_half_{CType('float16', w).name}"
            helpers.append(name)
            value = f"{name}({value})"
        place = "q[k + j]" if w == 1 else f"*(global {unaligned(draw.dtype, w)} *)(q + k + j)"
        limit = "j < m; j++" if w == 1 else f"j + {w} <= m; j += {w}"
        loops.append(f"    for (; {limit}) {{")
        loops += ["      " + line for line in body.lines] + [f"      {place} = {value};", "    }"]
    pointers = [(f"const {STORAGE[dtype]}", f"p{k}") for k, (dtype, _) in enumerate(draw.parameters)]
    lines = [
        signature("draw", [*pointers, (STORAGE[draw.dtype], "q")]),
        "  const long n = g[0], each = g[1];",
        "  const uint key0 = (uint)g[2], key1 = (uint)g[3], draw0 = (uint)g[4], draw1 = (uint)g[5];",
        "  long k = get_global_id(0) * each;",
        "  const long end = k + each < n ? k + each : n;",
        "  uint16 made[4];",
        "  const uint *w = (const uint *)made;",
        f"  for (; k < end; k += {WORDS // each}) {{",
        f"    philox_words(made, (ulong)k / {4 // each}, key0, key1, draw0, draw1);",
        f"    const long m = end - k < {WORDS // each} ? end - k : {WORDS // each};",
        "    long j = 0;",
        *loops,
        "  }",
        "}\n",
    ]
    quantile = ""
    if draw.distribution in ("normal", "weighted_keys"):
        quantile = fill(QUANTILE, CType("float64", width)) + fill(QUANTILE, CType("float64"))
    helpers = [h for h in helpers if h != "weighted"]
    return header(draw.fp64) + unaligned_types(types) + prelude(helpers) + PHILOX + quantile + "\n".join(lines)


@cache
def trials_text(draw: Draw) -> str:
    """A binomial draw of several trials an element: kernel ``trials``. g[8] is the largest n."""
    each = words_each(draw)
    body = _Body(draw, 1)
    body.parameter(0, "int64")
    p = body.parameter(1, draw.kind)
    n = "y0" if draw.parameters[0][0] != "int64" else "x0"
    uniform = "((double)(a >> 5) * 0x1p+26 + (double)(b >> 6)) * 0x1p-53" if each == 2 else "(float)(a >> 8) * 0x1p-24f"
    value, needed = cast(CType("int64"), "count", draw.dtype)
    if draw.dtype == "float16":
        needed = (*needed, "store_half_float")
        value = f"store_half_float({value})"
    pointers = [(f"const {STORAGE[dtype]}", f"p{k}") for k, (dtype, _) in enumerate(draw.parameters)]
    lines = [
        signature("trials", [*pointers, (STORAGE[draw.dtype], "q")]),
        "  const long total = g[0], each = g[1], most = g[8], j = 0;",
        "  const uint key0 = (uint)g[2], key1 = (uint)g[3], draw0 = (uint)g[4], draw1 = (uint)g[5];",
        "  const long first = get_global_id(0) * each;",
        "  for (long k = first; k < first + each && k < total; k++) {",
        *("    " + line for line in body.lines),
        "    long count = 0;",
        "    ulong made = (ulong)(-1);",
        "    uint4 w = (uint4)(0);",
        f"    for (long t = 0; t < most && t < {n}; t++) {{",
        f"      const ulong at = (ulong)(k * most + t) * {each};",
        "      if (at / 4 != made) { made = at / 4; w = philox_block(made, key0, key1, draw0, draw1); }",
        "      const uint place = (uint)(at & 3);",
        "      const uint a = place == 0 ? w.s0 : (place == 1 ? w.s1 : (place == 2 ? w.s2 : w.s3));",
        "      const uint b = place == 0 ? w.s1 : w.s3;",
        f"      count += {uniform} < {p};",
        "    }",
        f"    q[k] = {value};",
        "  }",
        "}\n",
    ]
    return header(draw.fp64) + prelude([*body.helpers, *needed]) + PHILOX + "\n".join(lines)


@cache
def categories_text(probability: str, fp64: bool = True) -> str:
    """Multinomial counts as int64, a row an item: kernel ``categories``."""
    load = "load_half_float(p1[{}])" if probability == "float16" else "p1[{}]"
    helpers = ["load_half_float"] if probability == "float16" else []
    lines = [
        signature("categories", [("const long", "p0"), (f"const {STORAGE[probability]}", "p1"), ("long", "q")]),
        "  const long rows = g[0], each = g[1], most = g[8], wide = g[9];",
        "  const uint key0 = (uint)g[2], key1 = (uint)g[3], draw0 = (uint)g[4], draw1 = (uint)g[5];",
        "  const long first = get_global_id(0) * each;",
        "  for (long r = first; r < first + each && r < rows; r++) {",
        "    global long *counts = q + r * wide;",
        "    for (long c = 0; c < wide; c++) counts[c] = 0;",
        "    const long trials = p0[g[6] + r];",
        "    for (long t = 0; t < most && t < trials; t++) {",
        "      const ulong at = (ulong)(r * most + t) * 2;",
        "      const uint4 w = philox_block(at / 4, key0, key1, draw0, draw1);",
        "      const uint a = (at & 3) == 0 ? w.s0 : w.s2, b = (at & 3) == 0 ? w.s1 : w.s3;",
        "      const double u = ((double)(a >> 5) * 0x1p+26 + (double)(b >> 6)) * 0x1p-53;",
        "      double sum = 0.0;",
        "      long category = 0;",
        "      for (long c = 0; c + 1 < wide; c++) {",
        f"        sum = sum + (double)({load.format('g[7] + r * wide + c')});",
        "        category += sum <= u;",
        "      }",
        "      counts[category] += 1;",
        "    }",
        "  }",
        "}\n",
    ]
    return header(fp64) + prelude(helpers) + PHILOX + "\n".join(lines)
