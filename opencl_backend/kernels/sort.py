"""Sorting as C text, a row an item.

Owns a stable merge sort (NaN last, ties in the order they came) of values or of their places. Rows lie
contiguous. It must not know axes or graphs.
"""

from __future__ import annotations

from functools import cache

from opencl_backend.render import header, signature
from opencl_backend.scalar_c import STORAGE

RUN = 8
"""Runs of this length are sorted by insertion, then merged."""


@cache
def merge_sort(dtype: str, places: bool, fp64: bool = True) -> str:
    """Kernel ``merge_sort``: rows of x into k0, with k1 as scratch; with `places` their indices into i0, i1.

    g: rows, length, rows an item, offset of x.
    """
    T = STORAGE[dtype]
    before = f"before_{dtype}"
    less = "(a < b) || (b != b && a == a)" if dtype.startswith("float") else "a < b"
    pointers = [(f"const {T}", "x"), (T, "k0"), (T, "k1")] + ([("long", "i0"), ("long", "i1")] if places else [])

    def also(text: str) -> str:
        return text if places else ""

    lines = [
        f"static inline int {before}({T} a, {T} b) {{ return {less}; }}",
        signature("merge_sort", pointers),
        "  const long rows = g[0], n = g[1], each = g[2];",
        "  const long first = get_global_id(0) * each;",
        "  for (long r = first; r < first + each && r < rows; r++) {",
        "    int levels = 0;",
        f"    for (long w = {RUN}; w < n; w *= 2) levels++;",
        "    int side = levels & 1;",
        f"    global {T} *k = (side ? k1 : k0) + r * n;",
        also("    global long *at = (side ? i1 : i0) + r * n;"),
        f"    global const {T} *given = x + g[3] + r * n;",
        f"    for (long from = 0; from < n; from += {RUN}) {{",
        f"      const long to = from + {RUN} < n ? from + {RUN} : n;",
        "      for (long j = from; j < to; j++) {",
        f"        const {T} key = given[j];",
        "        long p = j;",
        f"        for (; p > from && {before}(key, k[p - 1]); p--) {{",
        "          k[p] = k[p - 1];",
        also("          at[p] = at[p - 1];"),
        "        }",
        "        k[p] = key;",
        also("        at[p] = j;"),
        "      }",
        "    }",
        f"    for (long w = {RUN}; w < n; w *= 2) {{",
        f"      global const {T} *s = (side ? k1 : k0) + r * n;",
        f"      global {T} *d = (side ? k0 : k1) + r * n;",
        also("      global const long *si = (side ? i1 : i0) + r * n;"),
        also("      global long *di = (side ? i0 : i1) + r * n;"),
        "      for (long from = 0; from < n; from += 2 * w) {",
        "        const long middle = from + w < n ? from + w : n;",
        "        const long to = from + 2 * w < n ? from + 2 * w : n;",
        "        long a = from, b = middle;",
        "        for (long j = from; j < to; j++) {",
        f"          const int right = a >= middle || (b < to && {before}(s[b], s[a]));",
        "          d[j] = right ? s[b] : s[a];",
        also("          di[j] = right ? si[b] : si[a];"),
        "          a += !right;",
        "          b += right;",
        "        }",
        "      }",
        "      side = !side;",
        "    }",
        "  }",
        "}\n",
    ]
    return header(fp64) + "\n".join(line for line in lines if line)
