"""Philox words and uniform numbers as C text, for kernels of draws and for loops that read numbers as they are drawn.

Owns how words are made, sixteen blocks of four side by side, and the functions that make rows of uniform numbers of
them. A number depends on the state and on its place alone. It must not know distributions, loops or launches.
"""

from __future__ import annotations

from collections.abc import Sequence

from opencl_backend.scalar_c import STORAGE

# Numbers of 32 bits stand in lanes of 64, where a product is one instruction; what is above them is ignored.
PHILOX = """
#define PHILOX_ROUNDS(MUL_HIGH_LOW, U) \\
  for (int round = 0; round < 10; round++) { \\
    U high0, low0, high1, low1; \\
    MUL_HIGH_LOW(0xD2511F53u, c0, high0, low0); \\
    MUL_HIGH_LOW(0xCD9E8D57u, c2, high1, low1); \\
    c0 = high1 ^ c1 ^ k0; \\
    c1 = low1; \\
    c2 = high0 ^ c3 ^ k1; \\
    c3 = low0; \\
    k0 += 0x9E3779B9u; \\
    k1 += 0xBB67AE85u; \\
  }
#define MULTIPLY(m, x, high, low) { \\
    const ulong product = (ulong)(x) * (ulong)(m); \\
    high = (uint)(product >> 32ul); \\
    low = (uint)(product); \\
  }
static inline uint4 philox_block(ulong block, uint k0, uint k1, uint d0, uint d1) {
  uint c0 = (uint)(block), c1 = (uint)(block >> 32ul), c2 = d0, c3 = d1;
  PHILOX_ROUNDS(MULTIPLY, uint)
  return (uint4)(c0, c1, c2, c3);
}
#define WIDE_ROUND(c0, c1, c2, c3) { \\
    const ulong8 product0 = (c0 & low) * 0xD2511F53ul, product1 = (c2 & low) * 0xCD9E8D57ul; \\
    c0 = (product1 >> 32ul) ^ c1 ^ (ulong)(k0); \\
    c1 = product1; \\
    c2 = (product0 >> 32ul) ^ c3 ^ (ulong)(k1); \\
    c3 = product0; \\
  }
#define WORDS_IN_ORDER(w, c0, c1, c2, c3) { \\
    const ulong8 a = (c0 & low) | c1 << 32ul, b = (c2 & low) | c3 << 32ul; \\
    (w)[0] = as_uint16((ulong8)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3)); \\
    (w)[1] = as_uint16((ulong8)(a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)); \\
  }
static inline void philox_blocks(uint16 *w, ulong8 x, ulong8 y, uint key0, uint key1, uint d0, uint d1) {
  const ulong8 low = (ulong8)(0xfffffffful);
  ulong8 x0 = x, x1 = x >> 32ul, x2 = (ulong8)(d0), x3 = (ulong8)(d1);
  ulong8 y0 = y, y1 = y >> 32ul, y2 = x2, y3 = x3;
  uint k0 = key0, k1 = key1;
#pragma unroll
  for (int round = 0; round < 10; round++) {
    WIDE_ROUND(x0, x1, x2, x3)
    WIDE_ROUND(y0, y1, y2, y3)
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  WORDS_IN_ORDER(w, x0, x1, x2, x3)
  WORDS_IN_ORDER(w + 2, y0, y1, y2, y3)
}
static inline void philox_words(uint16 *w, ulong first, uint key0, uint key1, uint d0, uint d1) {
  const ulong8 x = (ulong8)(first) + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7);
  philox_blocks(w, x, x + 8ul, key0, key1, d0, d1);
}
"""

_UNIFORM = """
static inline void uniform_$T($T *u, const uint16 *w) {
  for (int part = 0; part < 4; part++) {
    const uint16 v = w[part];
    *($V *)(u + $N * part) = $U;
  }
}
static void drawn_row_$T($T *u, ulong first, uint4 state) {
  uint16 w[4];
  philox_words(w, first / $E, state.s0, state.s1, state.s2, state.s3);
  uniform_$T(u, w);
}
static void drawn_rows_$T($T *u, ulong first, long out, long rows, long per, uint4 state) {
  ulong at[32] __attribute__((aligned(64))) = {0};
  for (long r = 0; r < rows; r++)
    for (long b = 0; b < per; b++) at[r * per + b] = (first + r * out) / $E + b;
  for (long b = 0; b < rows * per; b += 16) {
    uint16 w[4];
    philox_blocks(w, *(ulong8 *)(at + b), *(ulong8 *)(at + b + 8), state.s0, state.s1, state.s2, state.s3);
    uniform_$T(u + $E * b, w);
  }
}
"""
_VALUES = {
    "float32": (4, "float16", "__builtin_convertvector(v >> 8, float16) * 0x1p-24f"),
    "float64": (
        2, "double8", "(__builtin_convertvector(v.even >> 5, double8) * 0x1p+26 "
        "+ __builtin_convertvector(v.odd >> 6, double8)) * 0x1p-53",
    ),
}  # fmt: skip
"""Numbers of a block, and those of sixteen words."""


def at_once(dtype: str) -> int:
    """Numbers of a row that are made together, from a block's first one."""
    return 16 * _VALUES[dtype][0]


def prelude(dtypes: Sequence[str]) -> str:
    """What makes rows of these numbers."""
    out = [PHILOX] if dtypes else []
    for dtype in dict.fromkeys(dtypes):
        each, vector, value = _VALUES[dtype]
        text = _UNIFORM.replace("$U", value).replace("$T", STORAGE[dtype]).replace("$V", vector)
        out.append(text.replace("$N", str(4 * each)).replace("$E", str(each)))
    return "".join(out)


def state(at: int) -> str:
    """The state that stands among the numbers from there on."""
    return "(uint4)(" + ", ".join(f"(uint)g[{at + k}]" for k in range(4)) + ")"


def memory(name: str, dtype: str) -> str:
    """Declares where `rows` puts numbers."""
    return f"{STORAGE[dtype]} {name}[{2 * at_once(dtype)}] __attribute__((aligned(64)));"


def row(name: str, dtype: str, first: str, state: str) -> str:
    """A statement that makes numbers from that one's block on, `at_once` of them."""
    return f"drawn_row_{STORAGE[dtype]}({name}, (ulong)({first}), {state});"


def within(dtype: str, place: str) -> str:
    """How far behind the beginning of its block a number is."""
    return f"(({place}) & {_VALUES[dtype][0] - 1})"


def rows(
    name: str, dtype: str, first: str, out: str, count: str, length: str, state: str
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Statements before and within a loop over ``i``, rows of numbers that begin `out` after each other: afterwards
    those of row i begin at ``{name}_row``."""
    each = _VALUES[dtype][0]
    before = [
        memory(name, dtype),
        f"const long {name}_in = ((ulong)({first}) % {each} || {out} % {each} ? {each - 1} : 0) + {length};",
        f"const long {name}_per = ({name}_in + {each - 1}) / {each};",
        f"const long {name}_some = {name}_per < 16 ? 16 / {name}_per : 1;",
    ]
    some = f"({count}) - i < {name}_some ? ({count}) - i : {name}_some"
    call = f"drawn_rows_{STORAGE[dtype]}({name}, {name}_at, {out}, {some}, {name}_per, {state});"
    inside = [
        f"const ulong {name}_at = (ulong)({first}) + i * {out};",
        f"if (i % {name}_some == 0) {call}",
        f"const {STORAGE[dtype]} *{name}_row = {name} + i % {name}_some * {name}_per * {each} + {name}_at % {each};",
    ]
    return before, inside
