"""Adding up, for every element of an array, what stands for it in windows, as C text.

Owns the kernel: an item owns elements and goes through the places of the window in order, which is the reference's
order of additions. It must not know what was computed in the windows.
"""

from __future__ import annotations

from functools import cache

from opencl_backend.render import header, signature
from opencl_backend.scalar_c import STORAGE, TABLE, CType, prelude

AXIS = 8
"""Numbers of each dimension."""
LEADING = 8
"""Numbers before them."""


@cache
def put_back(dtype: str, rank: int, fp64: bool = True) -> str:
    """Kernel ``put_back``: elements (a, b, c, *x) of ``out`` are sums over the places k of a window.

    g: elements, elements an item, lengths of b and c, offset and three steps of the windows; then for each of `rank`
    dimensions: length, what stands before it, length of a window, step within it, step from window to window, how many
    windows, and the distances in memory from window to window and within one.
    """
    ct = CType(dtype, 1, False, fp64)
    row = TABLE["add"]
    T = STORAGE[dtype]
    lines = [
        signature("put_back", [(f"const {T}", "windows"), (T, "out")]),
        "  const long first = get_global_id(0) * g[1], last = first + g[1] < g[0] ? first + g[1] : g[0];",
        "  for (long e = first; e < last; e++) {",
        "    long rest = e;",
    ]
    for axis in reversed(range(rank)):
        n = f"g[{LEADING + AXIS * axis}]"
        lines.append(f"    const long x{axis} = rest % {n} + g[{LEADING + AXIS * axis + 1}]; rest /= {n};")
    lines += [
        "    const long c = rest % g[3]; rest /= g[3];",
        "    global const " + T + " *w = windows + (g[4] + rest / g[2] * g[5] + rest % g[2] * g[6] + c * g[7]);",
        f"    {ct.name} sum = 0;",
    ]
    closing = []
    for axis in range(rank):
        at = LEADING + AXIS * axis
        indent = "    " + "  " * axis
        outer = f"w{axis - 1}" if axis else "w"
        lines += [
            f"{indent}for (long k{axis} = 0; k{axis} < g[{at + 2}]; k{axis}++) {{",
            f"{indent}  const long t{axis} = x{axis} - k{axis} * g[{at + 3}], o{axis} = t{axis} / g[{at + 4}];",
            f"{indent}  if (t{axis} < 0 || t{axis} % g[{at + 4}] || o{axis} >= g[{at + 5}]) continue;",
            f"{indent}  global const {T} *w{axis} = {outer} + (o{axis} * g[{at + 6}] + k{axis} * g[{at + 7}]);",
        ]
        closing.append(f"{indent}}}")
    lines += [
        f"{'    ' + '  ' * rank}const {ct.name} v = *w{rank - 1}; sum = {row.expr(ct, 'sum', 'v')};",
        *reversed(closing),
        "    out[e] = sum;", "  }", "}\n",
    ]  # fmt: skip
    return header(fp64) + prelude(row.helpers(ct)) + "\n".join(lines)
