"""Sorting and running totals as C text, a row an item.

Owns a stable merge sort (NaN last, ties in the order they came) of values or of their places, and
cumulative sums and products in order. Rows lie contiguous. It must not know axes or graphs.
"""

from __future__ import annotations

from functools import cache

from opencl_backend.kernels.gemm import SAME_BITS
from opencl_backend.render import header, signature
from opencl_backend.scalar_c import STORAGE, CType, prelude

RUN = 8
"""Runs of this length are sorted by insertion, then merged."""


@cache
def merge_sort(dtype: str, places: bool, fp64: bool = True) -> str:
    """Kernel ``merge_sort``: rows of x into k0, with k1 as scratch; with `places` their indices into i0, i1.

    g: rows, length, rows an item, offset of x.
    """
    T = STORAGE[dtype]
    less = "(a < b) || (b != b && a == a)" if dtype.startswith("float") else "a < b"
    pointers = [(f"const {T}", "x"), (T, "k0"), (T, "k1")] + ([("long", "i0"), ("long", "i1")] if places else [])

    def also(text: str) -> str:
        return text if places else ""

    lines = [
        f"static inline int before({T} a, {T} b) {{ return {less}; }}",
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
        "        for (; p > from && before(key, k[p - 1]); p--) {",
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
        "          const int right = a >= middle || (b < to && before(s[b], s[a]));",
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


@cache
def running(dtype: str, operator: str, fp64: bool = True) -> str:
    """Kernel ``running``: cumulative totals along the middle of (outer, n, inner), a column an item.

    g: columns (outer * inner), n, inner, columns an item, offset of x.
    """
    wide = SAME_BITS.get(dtype, dtype)
    ct = CType(wide)
    helpers: tuple[str, ...] = ()
    load, store = "x[p]", "total"
    step = f"total {operator} v"
    if dtype == "bool":
        step = f"total {'|' if operator == '+' else '&'} v"
    if dtype == "float16":
        helpers = ("load_half_float", "store_half_float", "round_half_float")
        load, store, step = "load_half_float(x[p])", "store_half_float(total)", f"round_half_float({step})"
    T = STORAGE[wide]
    lines = [
        signature("running", [(f"const {T}", "given"), (T, "q")]),
        "  const long columns = g[0], n = g[1], inner = g[2], each = g[3];",
        f"  global const {T} *x = given + g[4];",
        "  const long first = get_global_id(0) * each;",
        "  for (long c = first; c < first + each && c < columns; c++) {",
        "    long p = c / inner * n * inner + c % inner;",
        f"    {ct.name} total = {load};",
        f"    q[p] = {store};",
        "    for (long k = 1; k < n; k++) {",
        "      p += inner;",
        f"      const {ct.name} v = {load};",
        f"      total = ({ct.name})({step});",
        f"      q[p] = {store};",
        "    }",
        "  }",
        "}\n",
    ]
    return header(fp64) + prelude(helpers) + "\n".join(lines)


@cache
def search(dtype: str, fp64: bool = True) -> str:
    """Kernel ``search``: for each value of v the place after the last element of a sorted x that is <= it.

    g: values, length of x, values an item, offset of x, offset of v; both of `dtype`.
    """
    T = STORAGE[dtype]
    lines = [
        signature("search", [(f"const {T}", "x"), (f"const {T}", "v"), ("long", "q")]),
        "  const long total = g[0], n = g[1], each = g[2];",
        "  const long first = get_global_id(0) * each;",
        "  for (long k = first; k < first + each && k < total; k++) {",
        f"    const {T} key = v[g[4] + k];",
        "    long low = 0, high = n;",
        "    while (low < high) {",
        "      const long middle = (low + high) / 2;",
        "      if (x[g[3] + middle] <= key) low = middle + 1; else high = middle;",
        "    }",
        "    q[k] = low;",
        "  }",
        "}\n",
    ]
    return header(fp64) + "\n".join(lines)
