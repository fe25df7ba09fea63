"""Writing to places named by index arrays, in the order of the indices, as C text.

Owns the kernel: an item owns columns of every row and goes through the rows in order, so a set that names a
place twice keeps the last value and increments add up as the reference's do. It must not know how places
were computed.
"""

from __future__ import annotations

from functools import cache

from opencl_backend.render import header, signature
from opencl_backend.scalar_c import STORAGE, TABLE, CType, prelude


@cache
def scatter(dtype: str, set_instead_of_inc: bool, fp64: bool = True) -> str:
    """Kernel ``scatter``: for r in rows, for c in columns: out[places[r] + c] gets y[r * y_row + c * y_column].

    g: rows, columns, columns an item, offset of out, offset of y, y_row, y_column, offset of places.
    """
    ct = CType(dtype)
    row = TABLE["add"]
    half = dtype == "float16"
    load = "load_half_float({})" if half else "{}"
    store = "store_half_float({})" if half else "{}"
    helpers = (*row.helpers(ct), "load_half_float", "store_half_float") if half else row.helpers(ct)
    if set_instead_of_inc:
        body = ["        o[c] = v[c * y_column];"]
    else:
        body = [
            f"        const {ct.name} a = {load.format('o[c]')}, b = {load.format('v[c * y_column]')};",
            f"        o[c] = {store.format(row.expr(ct, 'a', 'b'))};",
        ]
    T = STORAGE[dtype]
    lines = [
        signature("scatter", [("const long", "places"), (f"const {T}", "y"), (T, "out")]),
        "  const long rows = g[0], columns = g[1], each = g[2], y_row = g[5], y_column = g[6];",
        "  const long first = get_global_id(0) * each;",
        "  const long last = first + each < columns ? first + each : columns;",
        "  for (long r = 0; r < rows; r++) {",
        f"    global {T} *o = out + (g[3] + places[g[7] + r]);",
        f"    global const {T} *v = y + (g[4] + r * y_row);",
        "    for (long c = first; c < last; c++) {",
        *body,
        "    }",
        "  }",
        "}\n",
    ]
    return header(fp64) + prelude(helpers) + "\n".join(lines)
