"""Matrix products as C text: register tiles whose every element is a sum over k from 0 up.

Owns the kernels of dot. In `product` the lanes of a vector are columns, so each element is added up in the
order of k whatever the tile: without contraction its bits are those of the plain loop. `inner` has lanes
along k (both operands contiguous there) and sums in another order; only fast mode may use it. Batches,
transposes and offsets are strides. It must not know graphs or when which kernel pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from opencl_backend.render import header, signature, unaligned, unaligned_types
from opencl_backend.scalar_c import CType

DEEP = 512
"""Rows of a packed block: as many as stay near while all rows of an item go by them."""
SAME_BITS = {"int8": "uint8", "int16": "uint16", "int32": "uint32", "int64": "uint64"}
"""Products and sums of signed integers wrap, which C defines for unsigned ones only."""


@dataclass(frozen=True)
class Tile:
    """What the text of a product depends on.

    rows, rest   rows of a tile, and those that the last tile has (0: as many)
    vectors      vectors of `width` columns a tile
    packed       a block of columns is copied side by side first, with zeros for those that are missing
    scattered    the columns of the result do not lie side by side
    contract     multiply and add may be one operation
    whole        the columns come in whole blocks, which is said where it spares the compiler work
    """

    dtype: str
    rows: int
    rest: int
    vectors: int
    width: int
    packed: bool = False
    scattered: bool = False
    contract: bool = False
    fp64: bool = True
    whole: bool = False


NUMBERS = (
    "batches", "m", "n", "depth", "rows_each", "groups", "blocks", "a_at", "a_batch", "a_row", "a_deep",
    "b_at", "b_batch", "b_deep", "b_column", "c_at", "c_batch", "c_row", "c_column",
)  # fmt: skip
"""A product's numbers, in order: g[0] is the number of batches and so on."""


def _numbers() -> str:
    return "\n".join(f"  const long {name} = g[{k}];" for k, name in enumerate(NUMBERS))


def _opening(contract: bool, fp64: bool) -> str:
    text = header(fp64)
    return text.replace("FP_CONTRACT OFF", "FP_CONTRACT ON") if contract else text


def _tile(tile: Tile, rows: int, vectors: int) -> str:
    """The function of one tile. Of a packed block it is told how many columns there are, and whether it is to go on
    from the sums that it left; else how many lanes of a single vector belong to the tile before."""
    ct = CType(tile.dtype, tile.width)
    load = f"*(global const {unaligned(tile.dtype, tile.width)} *)" if tile.width > 1 else "*"
    out = [
        f"static inline void tile_{rows}_{vectors}(global const {ct.scalar} *restrict a, long a_row, long a_deep,",
        f"    global const {ct.scalar} *restrict b, long b_deep, global {ct.scalar} *restrict c, long c_row,",
        f"    long c_column, long depth, {'long left, bool more' if tile.packed else 'long skip'}) {{",
    ]
    every = [(i, j) for i in range(rows) for j in range(vectors)]
    out += [f"  {ct.name} s{i}_{j} = {ct.literal(0)};" for i, j in every]
    if tile.packed:
        block = vectors * tile.width
        out += [f"  {ct.scalar} e[{block}] __attribute__((aligned(64))) = {{0}};", "  if (more) {"]
        for i in range(rows):
            loads = " ".join(f"s{i}_{j} = *({ct.name} *)(e + {j * tile.width});" for j in range(vectors))
            out.append(f"    for (long l = 0; l < left; l++) e[l] = c[{i} * c_row + l * c_column]; {loads}")
        out.append("  }")
    out.append("  for (long k = 0; k < depth; k++) {")
    out += [f"    const {ct.name} b{j} = {load}(b + {j * tile.width});" for j in range(vectors)]
    for i in range(rows):
        out.append(f"    const {ct.scalar} a{i} = a[{i} * a_row];")
        for j in range(vectors):
            together = f"s{i}_{j} | (a{i} & b{j})" if tile.dtype == "bool" else f"s{i}_{j} + a{i} * b{j}"
            out.append(f"    s{i}_{j} = {together};")
    out += ["    a += a_deep;", "    b += b_deep;", "  }"]
    if tile.width == 1:
        out += [f"  c[{i} * c_row + {j} * c_column] = s{i}_{j};" for i, j in every]
    elif tile.packed:
        whole = f"*(global {unaligned(tile.dtype, tile.width)} *)"
        if not tile.scattered:
            out.append(f"  if (left == {block}) {{")
            out += [f"    {whole}(c + {i} * c_row + {j * tile.width}) = s{i}_{j};" for i, j in every]
            out += ["    return;", "  }"]
        for i in range(rows):
            stores = " ".join(f"*({ct.name} *)(e + {j * tile.width}) = s{i}_{j};" for j in range(vectors))
            out.append(f"  {stores} for (long l = 0; l < left; l++) c[{i} * c_row + l * c_column] = e[l];")
    elif tile.scattered or vectors == 1:
        lanes = f"for (int l = skip; l < {tile.width}; l++)"
        whole = f"*(global {unaligned(tile.dtype, tile.width)} *)"
        for i, j in every:
            where = f"{i} * c_row + ({j * tile.width} + l) * c_column"
            scatter = f"{{ {ct.scalar} e[{tile.width}]; *({ct.name} *)e = s{i}_{j}; {lanes} c[{where}] = e[l]; }}"
            if tile.scattered:
                out.append(f"  {scatter}")
            else:
                out.append(f"  if (skip == 0) {whole}(c + {i} * c_row) = s{i}_{j};\n  else {scatter}")
    else:
        whole = f"*(global {unaligned(tile.dtype, tile.width)} *)"
        out += [f"  {whole}(c + {i} * c_row + {j * tile.width}) = s{i}_{j};" for i, j in every]
    return "\n".join(out) + "\n}\n"


def _rows_loop(
    tile: Tile, vectors: int, panel: str, c: str, last: str, a: str = "a", depth: str = "depth"
) -> list[str]:
    """All rows of an item against one block of columns."""
    call = f"({{}}, a_row, a_deep, {panel}, {c}, c_row, c_column, {depth}, {last});"
    lines = [f"      for (; i + {tile.rows} <= last; i += {tile.rows})"]
    lines.append(f"        tile_{tile.rows}_{vectors}" + call.format(f"{a} + i * a_row"))
    if tile.rest:
        lines.append(f"      if (i < last) tile_{tile.rest}_{vectors}" + call.format(f"{a} + i * a_row"))
    return lines


@cache
def product(tile: Tile) -> str:
    """The program of a product: kernel ``product`` over batches x blocks of columns x groups of rows."""
    ct = CType(tile.dtype, tile.width)
    block = tile.vectors * tile.width
    widths = (tile.vectors,) if tile.whole or tile.packed else (tile.vectors, 1)
    shapes = dict.fromkeys((r, v) for r in (tile.rows, tile.rest) if r for v in widths)
    pointers = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc")]
    if tile.packed:
        pointers.append((ct.scalar, "panels"))
    out = [
        *(_tile(tile, r, v) for r, v in shapes),
        signature("product", pointers),
        _numbers(),
        "  const long item = get_global_id(0);",
        "  const long group = item % groups, column = item / groups % blocks * " + f"{block};",
        "  const long batch = item / groups / blocks;",
        "  const long first = group * rows_each, last = first + rows_each < m ? first + rows_each : m;",
        f"  const long left = n - column < {block} ? n - column : {block};",
        f"  global const {ct.scalar} *a = pa + (a_at + batch * a_batch);",
        f"  global const {ct.scalar} *b = pb + (b_at + batch * b_batch + column * b_column);",
        f"  global {ct.scalar} *c = pc + (c_at + batch * c_batch + column * c_column);",
    ]
    row = "c + i * c_row"
    if tile.packed:
        zero = CType(tile.dtype).literal(0)
        out += [
            f"  global {ct.scalar} *panel = panels + item * (depth < {DEEP} ? depth : {DEEP}) * {block};",
            f"  for (long done = 0; done < depth; done += {DEEP}) {{",
            f"  const long deep = depth - done < {DEEP} ? depth - done : {DEEP};",
            "  if (b_column == 1) {",
            "    for (long k = 0; k < deep; k++)",
            f"      for (long l = 0; l < left; l++) panel[k * {block} + l] = b[(done + k) * b_deep + l];",
            "  } else {",
            "    for (long l = 0; l < left; l++)",
            f"      for (long k = 0; k < deep; k++) panel[k * {block} + l] = b[(done + k) * b_deep + l * b_column];",
            "  }",
            f"  for (long k = 0; k < deep && left < {block}; k++)",
            f"    for (long l = left; l < {block}; l++) panel[k * {block} + l] = {zero};",
            "  long i = first;",
            *_rows_loop(tile, tile.vectors, f"panel, {block}", row, "left, done != 0", "a + done * a_deep", "deep"),
            "  }",
        ]
    else:
        out += [f"  if (left == {block}) {{", "      long i = first;"]
        out += _rows_loop(tile, tile.vectors, "b, b_deep", row, "0")
        out += ["    return;", "  }"]
        if block > 1 and not tile.whole:
            skip = f"at + {tile.width} <= left ? 0 : at + {tile.width} - left"
            out += [f"  for (long at = 0; at < left; at += {tile.width}) {{", "      long i = first;"]
            out += [f"      const long skip = {skip}, from = at - skip;"]
            out += _rows_loop(tile, 1, "b + from, b_deep", f"{row} + from * c_column", "skip")
            out.append("  }")
    out.append("}\n")
    types = unaligned_types([(tile.dtype, tile.width)]) if tile.width > 1 else ""
    return _opening(tile.contract, tile.fp64) + types + "\n".join(out)


@cache
def inner(dtype: str, rows: int, columns: int, width: int, fp64: bool = True) -> str:
    """Products of rows with rows: lanes along k, `rows` x `columns` sums a tile; kernel ``inner``."""
    ct = CType(dtype, width)
    vector = f"*(global const {unaligned(dtype, width)} *)"
    every = [(i, j) for i in range(rows) for j in range(columns)]
    pointers = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc")]
    out = [
        signature("inner", pointers),
        _numbers(),
        "  const long item = get_global_id(0);",
        f"  const long group = item % groups, column = item / groups % blocks * {columns};",
        "  const long batch = item / groups / blocks;",
        "  const long first = group * rows_each, last = first + rows_each < m ? first + rows_each : m;",
        f"  global const {ct.scalar} *b = pb + (b_at + batch * b_batch);",
    ]
    out += [f"  const long j{j} = column + {j} < n ? column + {j} : n - 1;" for j in range(columns)]
    out += [f"  for (long i = first; i < last; i += {rows}) {{"]
    out.append(f"    global const {ct.scalar} *a = pa + (a_at + batch * a_batch);")
    out += [f"    const long i{i} = i + {i} < last ? i + {i} : last - 1;" for i in range(rows)]
    out += [f"    {ct.name} s{i}_{j} = {ct.literal(0)};" for i, j in every]
    out += ["    long k = 0;", f"    for (; k + {width} <= depth; k += {width}) {{"]
    out += [f"      const {ct.name} b{j} = {vector}(b + j{j} * b_column + k);" for j in range(columns)]
    for i in range(rows):
        out.append(f"      const {ct.name} a{i} = {vector}(a + i{i} * a_row + k);")
        out += [f"      s{i}_{j} = s{i}_{j} + a{i} * b{j};" for j in range(columns)]
    out.append("    }")
    for i, j in every:
        name, lanes = f"s{i}_{j}", width
        text = name
        steps = []
        while lanes > 1:
            lanes //= 2
            half = f"{name}h{lanes}"
            steps.append(f"const {CType(dtype, lanes).name} {half} = {text}.lo + {text}.hi;")
            text = half
        out.append("    " + " ".join(steps))
        out.append(f"    {ct.scalar} t{i}_{j} = {text};")
    out += ["    for (; k < depth; k++) {"]
    out += [f"      t{i}_{j} = t{i}_{j} + a[i{i} * a_row + k] * b[j{j} * b_column + k];" for i, j in every]
    out += ["    }"]
    for i, j in every:
        inside = f"i + {i} < last && column + {j} < n"
        where = f"c_at + batch * c_batch + i{i} * c_row + j{j} * c_column"
        out.append(f"    if ({inside}) pc[{where}] = t{i}_{j};")
    out.append("  }\n}\n")
    return _opening(True, fp64) + unaligned_types([(dtype, width)]) + "\n".join(out)


@cache
def element(dtype: str, local: int, fp64: bool = True) -> str:
    """One element of the result an item, for GPUs; kernel ``element``."""
    ct = CType(dtype)
    pointers = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc")]
    terms = "pa[a + k * a_deep]", "pb[b + k * b_deep]"
    together = f"s | ({terms[0]} & {terms[1]})" if dtype == "bool" else f"s + {terms[0]} * {terms[1]}"
    out = [
        signature("element", pointers, local),
        _numbers(),
        "  const long item = get_global_id(0), j = item % n, i = item / n % m, batch = item / n / m;",
        "  if (batch >= batches) return;",
        "  const long a = a_at + batch * a_batch + i * a_row, b = b_at + batch * b_batch + j * b_column;",
        f"  {ct.scalar} s = {ct.literal(0)};",
        f"  for (long k = 0; k < depth; k++) s = {together};",
        "  pc[c_at + batch * c_batch + i * c_row + j * c_column] = s;\n}\n",
    ]
    return header(fp64) + "\n".join(out)
