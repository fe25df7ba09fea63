"""What is folded of the parts of rows, folded in turn: neighbours first, as the halves of a pairwise sum.

Owns the kernel and its launch: a work-group a row on GPUs, an item elsewhere. A row has a power of two of parts. It
must not know where parts come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from opencl_backend import scalar_c
from opencl_backend.render import header, signature
from opencl_backend.runtime import DeviceArray
from opencl_backend.scalar_c import STORAGE, CType

if TYPE_CHECKING:
    from opencl_backend.context import Context
    from opencl_backend.fold import Fold

MOST = 10
"""Rows are halved so many times at most: parts of one stay in a work-group's memory."""
GROUP = 64


def run(
    ctx: Context, name: str, fold: Fold, parts: Sequence[DeviceArray], results: Sequence[DeviceArray], levels: int
) -> None:
    """Fold 2**levels `parts` a row, values and perhaps places, into what `fold` stores."""
    rows, group = parts[0].size >> levels, GROUP if ctx.device.style == "gpu" else 1
    text = tree(fold.acc, fold.dtype, fold.kind == "add", fold.value, fold.place, levels, group, ctx.device.fp64)
    ctx.launch(
        name, text, "tree", rows * group, [rows], [*parts, *results], group, parts[0].size, ctx.options(parts[0].size)
    )


@cache
def tree(acc: str, dtype: str, adds: bool, value: bool, place: bool, levels: int, group: int, fp64: bool) -> str:
    """Kernel ``tree``: sums, or the first NaN or else the first largest; `value` and `place` say what is stored."""
    ct, parts = CType(acc, fp64=fp64), 1 << levels
    memory, kept = STORAGE[acc], "local " if group > 1 else ""
    meet = "    barrier(CLK_LOCAL_MEM_FENCE);" if group > 1 else ""
    add = scalar_c.TABLE["add"]
    helpers = dict.fromkeys((*(add.helpers(ct) if adds else ()), *(["load_half_float"] if acc == "float16" else [])))
    load = "load_half_float({})" if acc == "float16" else "{}"
    arrays = [(f"const {memory}", "p")] + [("const long", "w")] * place
    arrays += [(STORAGE[dtype], "q")] * value + [("long", "r")] * place
    lines = [
        signature("tree", arrays, group),
        f"  const long row = get_global_id(0) / {group}, item = get_global_id(0) % {group};",
        f"  {kept}{ct.name} v[{parts}];" + (f" {kept}long at[{parts}];" if place else ""),
        f"  for (long k = item; k < {parts}; k += {group}) {{",
        f"    v[k] = {load.format(f'p[row * {parts} + k]')};" + (f" at[k] = w[row * {parts} + k];" if place else ""),
        "  }",
        f"  for (long far = 1; far < {parts}; far *= 2) {{",
        meet,
        f"    for (long k = 2 * far * item; k < {parts}; k += 2 * far * {group}) {{",
        f"      const {ct.name} x = v[k], e = v[k + far];",
    ]
    if adds:
        lines.append(f"      v[k] = {add.expr(ct, 'x', 'e')};")
    else:
        lines.append("      const int better = (e > x)" + (" | ((e != e) & (x == x));" if ct.is_float else ";"))
        lines.append("      v[k] = better ? e : x;" + (" at[k] = better ? at[k + far] : at[k];" if place else ""))
    lines += ["    }", "  }", "  if (item == 0) {"]
    if value:
        # A sum starts from 0, which shows when all that is added is -0.
        made = add.expr(ct, ct.literal(0), "v[0]") if adds else "v[0]"
        lines.append(f"    const {ct.name} x = {made};")
        converted, needed = scalar_c.cast(ct, "x", dtype)
        helpers.update(dict.fromkeys(needed))
        if dtype == "float16":
            helpers["store_half_float"] = None
            converted = f"store_half_float({converted})"
        lines.append(f"    q[row] = {converted};")
    if place:
        lines.append("    r[row] = at[0];")
    lines += ["  }", "}"]
    return header(fp64) + scalar_c.prelude(helpers) + "\n".join(filter(None, lines)) + "\n"
