"""Adding up, for every element of an array, what stands for it in windows, as C text.

Owns the kernel: an item owns rows of a plane and goes through the windows from the last to the first, so that each
element meets its places in a window in order, which is the reference's order of additions. It must not know what was
computed in the windows.
"""

from __future__ import annotations

from functools import cache

from opencl_backend.render import header, signature
from opencl_backend.scalar_c import STORAGE, TABLE, CType, prelude

AXIS = ("length", "before", "window", "apart", "stride", "windows", "far", "near")
"""Numbers of each dimension."""
LEADING = ("parts", "rows", "b_length", "c_length", "at", "a_step", "b_step", "c_step")
"""Numbers before them."""


@cache
def put_back(dtype: str, rank: int, fp64: bool = True) -> str:
    """Kernel ``put_back``: elements (a, b, c, *x) of ``out`` are sums over the places k of a window.

    g: parts of a plane (a, b, c), rows of a part, lengths of b and c, offset and three steps of the windows; then for
    each of `rank` dimensions: length, what stands before it, length of a window, step within it, step from window to
    window, how many windows, and the distances in memory from window to window and within one.
    """
    ct = CType(dtype, 1, False, fp64)
    row = TABLE["add"]
    T = STORAGE[dtype]
    names = [*LEADING, *(f"{name}{axis}" for axis in range(rank) for name in AXIS)]
    inner = " * ".join(["1", *(f"length{axis}" for axis in range(1, rank))])
    lines = [
        # How many steps it is, mostly of length 1; divisions are what this kernel would otherwise spend its time on.
        "#define APART(x, by) ((by) == 1 ? (x) : ((x) + (by) - 1) / (by))",
        signature("put_back", [(f"const {T}", "pw"), (T, "pq")]),
        *(f"  const long {name} = g[{k}];" for k, name in enumerate(names)),
        "  const long plane = get_global_id(0) / parts, c = plane % c_length, ab = plane / c_length;",
        f"  global const {T} *w = pw + (at + ab / b_length * a_step + ab % b_length * b_step + c * c_step);",
        f"  const long each = {inner};",
        f"  global {T} *q = pq + plane * length0 * each;",
        "  const long first0 = get_global_id(0) % parts * rows;",
        "  const long end0 = first0 + rows < length0 ? first0 + rows : length0;",
        *(f"  const long first{axis} = 0, end{axis} = length{axis};" for axis in range(1, rank)),
        "  for (long e = first0 * each; e < end0 * each; e++) q[e] = 0;",
    ]
    for axis in range(rank):
        k = str(axis)
        lowest = f"first{k} + before{k} - (window{k} - 1) * apart{k}"
        lines += [
            f"  const long low{k} = {lowest} <= 0 ? 0 : ({lowest} + stride{k} - 1) / stride{k};",
            f"  const long top{k} = (end{k} - 1 + before{k}) / stride{k};",
        ]
    for axis in range(rank):
        k, outer = str(axis), f"w{axis - 1}" if axis else "w"
        lines += [
            f"  for (long o{k} = top{k} < windows{k} ? top{k} : windows{k} - 1; o{k} >= low{k}; o{k}--) {{",
            f"  const long x{k} = o{k} * stride{k} - before{k};",
            f"  const long from{k} = x{k} >= first{k} ? 0 : APART(first{k} - x{k}, apart{k});",
            f"  const long past{k} = APART(end{k} - x{k}, apart{k});",
            f"  const long to{k} = past{k} < window{k} ? past{k} : window{k};",
            f"  global const {T} *w{k} = {outer} + o{k} * far{k};",
        ]
    for axis in range(rank):
        k, source = str(axis), f"v{axis - 1}" if axis else f"w{rank - 1}"
        target = f"(q{axis - 1} + (x{k} + k{k} * apart{k})" if axis else f"(q + (x{k} + k{k} * apart{k})"
        distance = "".join(f" * length{later}" for later in range(axis + 1, rank))
        lines += [
            # Windows are small: a loop that is entered often must not begin by asking whether vectors would pay.
            '  _Pragma("clang loop vectorize(disable) interleave(disable)")',
            f"  for (long k{k} = from{k}; k{k} < to{k}; k{k}++) {{",
            f"  global {T} *q{k} = {target}{distance});",
            f"  global const {T} *v{k} = {source} + k{k} * near{k};",
        ]
    lines += [
        f"  const {ct.name} sum = *q{rank - 1}, v = *v{rank - 1};",
        f"  *q{rank - 1} = {row.expr(ct, 'sum', 'v')};",
        "  " + "}" * 2 * rank,
        "}\n",
    ]
    return header(fp64) + prelude(row.helpers(ct)) + "\n".join(lines)
