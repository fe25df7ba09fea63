"""Matrix products as C text: register tiles whose every element is a sum over k from 0 up.

Owns the kernels of dot. In `product` the lanes of a vector are columns, so each element is added up in the
order of k whatever the tile: without contraction its bits are those of the plain loop. `inner` has lanes
along k (both operands contiguous there) and sums in another order; only fast mode may use it. Batches,
transposes and offsets are strides. What is made of sums (`Finish`) is made while they are near. It must not know
graphs or when which kernel pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from opencl_backend import scalar_c
from opencl_backend.kernels import uniform
from opencl_backend.render import (
    DRAWN,
    MADE,
    NEXT,
    ROW,
    STRIDED,
    Body,
    Spec,
    Step,
    header,
    signature,
    unaligned,
    unaligned_types,
    vector_width,
)
from opencl_backend.scalar_c import STORAGE, CType

PLAIN = '_Pragma("clang loop vectorize(disable) interleave(disable) unroll(disable)")'
NEAR = 4
"""Tiles whose sums are finished together."""
SHALLOW = 96
"""Rows of a block that is not packed which stay in the nearest cache."""
DEEP = 512
"""Rows of a packed block: as many as stay near while all rows of an item go by them."""
SUMS = "sums + (i - from) * {0}, {0}, 1"
"""Where the sums of a row are kept apart, and how far from each other."""
SAME_BITS = {"int8": "uint8", "int16": "uint16", "int32": "uint32", "int64": "uint64"}
"""Products and sums of signed integers wrap, which C defines for unsigned ones only."""


@dataclass(frozen=True)
class Finish:
    """What is made of a block of sums: an expression of each and of the elements of other arrays at its place.

    loads   (dtype, access) of its operands; that of the sum is MADE, and numbers that are drawn in place are DRAWN
    store   how the result goes through the inner axis
    turned  the inner axis is that of the rows
    apart   sums do not wait where results go, as results may be written over what they are made of
    """

    loads: tuple[tuple[str, str], ...] = ()
    steps: tuple[Step, ...] = ()
    store: str = NEXT
    turned: bool = False
    fast: bool = False
    fp64: bool = True
    apart: bool = False

    def _others(self) -> list[tuple[int, str]]:
        """Number and type in memory of every operand but the sum."""
        return [(k, STORAGE[dtype]) for k, (dtype, access) in enumerate(self.loads) if access != MADE]

    def _drawn(self) -> dict[int, str]:
        """Number and dtype of every operand that is drawn."""
        return {k: dtype for k, (dtype, access) in enumerate(self.loads) if access == DRAWN}

    def _given(self, k: int, memory: str) -> str:
        """Where an operand begins: in memory, or its place among the numbers that are drawn with a state."""
        return f"long e{k}, uint4 w{k}" if self.loads[k][1] == DRAWN else f"global const {memory} *e{k}"

    def text(self) -> str:
        """The function ``tile_finish`` and what it calls; without contraction, as in loops."""
        if not self.steps:
            return ""
        spec = Spec(self.loads, (), self.steps, self.store, 2, "cpu", self.fast, self.fp64)
        dtype, helpers, out = self.steps[-1].dtype, dict[str, None](), []
        given = "".join(f", {self._given(k, memory)}, long e{k}_out, long t{k}" for k, memory in self._others())
        if self.apart:
            given = f", const {STORAGE[dtype]} *s, long s_out{given}"
        out += [
            f"static void tile_finish(global {STORAGE[dtype]} *c, long c_out, long t, long outer, long inner{given})",
            "{",
        ]
        drawn = self._drawn()
        if not drawn and vector_width(spec) > 1:
            # Rows that lie one after the other, and what is read likewise, are one long row.
            through = {NEXT: "inner", STRIDED: "inner * t{}", ROW: "0"}
            ends = [f"e{k}_out == {through[self.loads[k][1]].format(k)}" for k, _ in self._others()]
            ends += ["s_out == inner"] * self.apart
            out.append(f"  if ({' && '.join(['c_out == inner', *ends])}) {{ inner *= outer; outer = outer > 0; }}")
        some = min([uniform.at_once(kind) for kind in drawn.values()], default=0)
        until = "upto" if drawn else "inner"
        if drawn:
            out += [f"  for (long from = 0; from < inner; from += {some}) {{"]
            out += [f"  const long upto = from + {some} < inner ? from + {some} : inner;"]
        made = [
            uniform.rows(f"u{k}", kind, f"e{k} + from", f"e{k}_out", "outer", "upto - from", f"w{k}")
            for k, kind in drawn.items()
        ]
        out += [f"  {line}" for before, _ in made for line in before]
        out.append("  for (long i = 0; i < outer; i++) {")
        out += [f"    {line}" for _, within in made for line in within]
        out += [f"    const {STORAGE[kind]} *a{k} = u{k}_row - from;" for k, kind in drawn.items()]
        out.append(f"    long j = {'from' if drawn else '0'};")
        for k, memory in self._others():
            if k in drawn:
                continue
            out.append(f"    global const {memory} *a{k} = e{k} + i * e{k}_out;")
            if self.loads[k][1] == ROW:
                body, kind = Body(spec, 1), self.loads[k][0]
                out.append(f"    const {CType(kind).name} s{k} = {body.loaded(kind, f'a{k}[0]')};")
                helpers |= body.helpers
        widest = vector_width(spec)
        for width in dict.fromkeys((widest, 1)):
            body = Body(spec, width)
            result = body.build()
            helpers |= body.helpers
            place = f"c[i * c_out + j{'' if self.store == NEXT else ' * t'}]"
            if width > 1:
                place = f"*(global {unaligned(dtype, width)} *)(c + i * c_out + j)"
            waiting = f"*(const {unaligned(dtype, width) if width > 1 else STORAGE[dtype]} *)(s + i * s_out + j)"
            plain = PLAIN if width < widest else ""
            out.append(f"    {plain} for (; j + {width} <= {until}; j += {width}) {{")
            out.append(f"      const {CType(dtype, width).name} {MADE} = {waiting if self.apart else place};")
            out += [f"      {line}" for line in (*body.lines, f"{place} = {result};")]
            out.append("    }")
        out.append("  }\n}\n" + "}\n" * bool(drawn))
        near = [d for d, a in self.loads if a in (NEXT, DRAWN)] + [dtype]
        types = unaligned_types((d, widest) for d in near) if widest > 1 else ""
        return types + scalar_c.prelude(helpers) + uniform.prelude([*drawn.values()]) + "\n".join(out)

    def call(self, row: str, rows: str, column: str, columns: str, sums: str = "") -> str:
        """The statement that finishes so many rows and columns of a block of `c` from there on; or nothing. Where sums
        are `apart`: where they begin, and from row to row."""
        if not self.steps:
            return ""
        outer, inner = ("column", "row") if self.turned else ("row", "column")
        lengths = (columns, rows) if self.turned else (rows, columns)
        arguments = [f"c + ({row}) * c_row + ({column}) * c_column", f"c_{outer}", f"c_{inner}", *lengths]
        arguments += [sums] * self.apart
        for k, _ in self._others():
            arguments.append(f"e{k} + ({row}) * e{k}_row + ({column}) * e{k}_column")
            arguments += [f"w{k}"] * (self.loads[k][1] == DRAWN)
            arguments += [f"e{k}_{outer}", f"e{k}_{inner}"]
        return f"tile_finish({', '.join(arguments)});"

    def pointers(self) -> list[tuple[str, str]]:
        """Arguments of the kernel."""
        return [(f"const {memory}", f"pe{k}") for k, memory in self._others() if k not in self._drawn()]

    def opening(self, column: str) -> list[str]:
        """Where operands begin in a block of columns; their numbers follow those of the product, then states."""
        lines, states = [], len(NUMBERS) + 3 * len(self._others())
        for n, (k, memory) in enumerate(self._others()):
            at = len(NUMBERS) + 3 * n
            lines.append(f"  const long e{k}_row = g[{at + 1}], e{k}_column = g[{at + 2}];")
            begin = f"g[{at}] + {column} * e{k}_column"
            if self.loads[k][1] == DRAWN:
                lines.append(f"  const long e{k} = {begin}; const uint4 w{k} = {uniform.state(states)};")
                states += 4
            else:
                lines.append(f"  global const {memory} *e{k} = pe{k} + ({begin});")
        return lines


@dataclass(frozen=True)
class Tile:
    """What the text of a product depends on.

    rows, rest   rows of a tile, and those that the last tile has (0: as many)
    vectors      vectors of `width` columns a tile
    packed       a block of columns is copied side by side first, with zeros for those that are missing
    scattered    the columns of the result do not lie side by side
    contract     multiply and add may be one operation
    whole        the columns come in whole blocks, which is said where it spares the compiler work
    finish       what is made of the sums
    near         not packed, but all rows go by a few rows of the block before the next few
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
    finish: Finish = Finish()
    near: bool = False


NUMBERS = (
    "batches", "m", "n", "depth", "rows_each", "groups", "blocks", "a_at", "a_batch", "a_row", "a_deep",
    "b_at", "b_batch", "b_deep", "b_column", "c_at", "c_batch", "c_row", "c_column",
)  # fmt: skip
"""A product's numbers, in order: g[0] is the number of batches and so on. Then, of every array that `Finish` reads,
where it begins and its strides."""


def named_numbers() -> str:
    """Statements that give the numbers their names."""
    return "\n".join(f"  const long {name} = g[{k}];" for k, name in enumerate(NUMBERS))


def term(dtype: str, so_far: str, a: str, b: str) -> str:
    """The sum with a product more."""
    return f"{so_far} | ({a} & {b})" if dtype == "bool" else f"{so_far} + {a} * {b}"


def _opening(contract: bool, fp64: bool, finish: Finish, *stored: CType) -> str:
    """The program's beginning, up to where sums may be contracted."""
    text = header(fp64) + finish.text()
    for ct in stored:
        types = unaligned_types([(ct.dtype, ct.width)]) if ct.width > 1 else ""
        text += types if types not in text else ""
    return text + "#pragma OPENCL FP_CONTRACT ON\n" * contract


def _tile(tile: Tile, rows: int) -> str:
    """The function of one tile. Of a packed block it is told how many columns there are, and whether it is to go on
    from the sums that it left; else how many of its columns belong to the tile before. Sums that are kept apart are
    all kept, side by side."""
    ct, vectors, apart = CType(tile.dtype, tile.width), tile.vectors, tile.finish.apart
    packed = tile.packed and not apart
    given = "long left, bool more" if packed else "long skip, bool more" if tile.near else "long skip"
    into = "" if apart else "global "
    load = f"*(global const {unaligned(tile.dtype, tile.width)} *)" if tile.width > 1 else "*"
    out = [
        f"static inline void tile_{rows}(global const {ct.scalar} *restrict a, long a_row, long a_deep,",
        f"    global const {ct.scalar} *restrict b, long b_deep, {into}{ct.scalar} *restrict c, long c_row,",
        f"    long c_column, long depth, {given}) {{",
    ]
    every = [(i, j) for i in range(rows) for j in range(vectors)]
    # Parts of a block go through memory, in plain loops: the compiler would take long over better ones.
    block, there = vectors * tile.width, "c[i * c_row + l * c_column]"
    places = [(f"s{i}_{j}", f"*({ct.name} *)(e + {i * block + j * tile.width})") for i, j in every]
    keep, kept = [f"  {place} = {s};" for s, place in places], [f"    {s} = {place};" for s, place in places]

    def each(first: str, last: str) -> str:
        return f"for (long i = 0; i < {rows}; i++) {PLAIN} for (long l = {first}; l < {last}; l++)"

    out += [f"  {ct.name} s{i}_{j} = {ct.literal(0)};" for i, j in every]
    if packed:
        out.append(f"  {ct.scalar} e[{rows * block}] __attribute__((aligned(64))) = {{0}};")
        out += ["  if (more) {", f"    {each('0', 'left')} e[i * {block} + l] = {there};", *kept, "  }"]
    elif tile.near:
        whole = f"*(global {unaligned(tile.dtype, tile.width)} *)"
        out += [f"  {ct.scalar} e[{rows * block}] __attribute__((aligned(64)));", "  if (more && skip == 0) {"]
        out += [f"    s{i}_{j} = {whole}(c + {i} * c_row + {j * tile.width});" for i, j in every]
        out += ["  } else if (more) {", f"    {each('skip', str(block))} e[i * {block} + l] = {there};", *kept, "  }"]
    out.append("  for (long k = 0; k < depth; k++) {")
    out += [f"    const {ct.name} b{j} = {load}(b + {j * tile.width});" for j in range(vectors)]
    for i in range(rows):
        out.append(f"    const {ct.scalar} a{i} = a[{i} * a_row];")
        for j in range(vectors):
            out.append(f"    s{i}_{j} = {term(tile.dtype, f's{i}_{j}', f'a{i}', f'b{j}')};")
    out += ["    a += a_deep;", "    b += b_deep;", "  }"]
    if tile.width == 1:
        out += [f"  c[{i} * c_row + {j} * c_column] = s{i}_{j};" for i, j in every]
    elif packed:
        whole = f"*(global {unaligned(tile.dtype, tile.width)} *)"
        if not tile.scattered:
            out.append(f"  if (left == {block}) {{")
            out += [f"    {whole}(c + {i} * c_row + {j * tile.width}) = s{i}_{j};" for i, j in every]
            out += ["    return;", "  }"]
        out += [*keep, f"  {each('0', 'left')} {there} = e[i * {block} + l];"]
    else:
        whole = f"*({into}{unaligned(tile.dtype, tile.width)} *)"
        if not tile.scattered:
            out.append("  if (skip == 0) {")
            out += [f"    {whole}(c + {i} * c_row + {j * tile.width}) = s{i}_{j};" for i, j in every]
            out += ["    return;", "  }"]
        if not ((tile.whole or apart) and not tile.scattered):
            if not tile.near:
                out.append(f"  {ct.scalar} e[{rows * block}] __attribute__((aligned(64)));")
            out += [*keep, f"  {each('skip', str(block))} {there} = e[i * {block} + l];"]
    return "\n".join(out) + "\n}\n"


def _rows_loop(
    tile: Tile, panel: str, c: str, last: str, a: str = "a", depth: str = "depth", until: str = "last"
) -> list[str]:
    """All rows of an item, or those `until` some other, against one block of columns; sums go to `c`."""
    call = f"({{}}, a_row, a_deep, {panel}, {c}, {depth}, {last});"
    lines = [f"      for (; i + {tile.rows} <= {until}; i += {tile.rows})"]
    lines.append(f"        tile_{tile.rows}" + call.format(f"{a} + i * a_row"))
    if tile.rest:
        lines.append(f"      if (i < {until}) tile_{tile.rest}" + call.format(f"{a} + i * a_row"))
    return lines


@cache
def product(tile: Tile) -> str:
    """The program of a product: kernel ``product`` over batches x blocks of columns x groups of rows."""
    ct = CType(tile.dtype, tile.width)
    block = tile.vectors * tile.width
    pointers = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc")]
    pointers += tile.finish.pointers()
    if tile.packed:
        pointers.append((ct.scalar, "panels"))
    out = [
        *(_tile(tile, rows) for rows in dict.fromkeys((tile.rows, tile.rest)) if rows),
        signature("product", pointers),
        named_numbers(),
        "  const long item = get_global_id(0);",
        "  const long group = item % groups, column = item / groups % blocks * " + f"{block};",
        "  const long batch = item / groups / blocks;",
        "  const long first = group * rows_each, last = first + rows_each < m ? first + rows_each : m;",
        f"  const long left = n - column < {block} ? n - column : {block};",
        f"  global const {ct.scalar} *a = pa + (a_at + batch * a_batch);",
        f"  global const {ct.scalar} *b = pb + (b_at + batch * b_batch + column * b_column);",
        f"  global {ct.scalar} *c = pc + (c_at + batch * c_batch + column * c_column);",
        *tile.finish.opening("column"),
    ]
    finished = "  " + tile.finish.call("first", "last - first", "0", "left")
    into = "c + i * c_row, c_row, c_column"
    few = "last"
    if tile.finish.steps:
        few = f"from + {NEAR * tile.rows} < last ? from + {NEAR * tile.rows} : last"
    by_few = ["  for (long from = first, upto; from < last; from = upto) {", f"    upto = {few};", "    long i = from;"]
    if tile.finish.apart:
        out.append(f"  {ct.scalar} sums[{NEAR * tile.rows * block}] __attribute__((aligned(64)));")
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
        ]
        if tile.finish.apart:
            out += [*by_few, *_rows_loop(tile, f"panel, {block}", SUMS.format(block), "0", until="upto")]
            out += ["    " + tile.finish.call("from", "upto - from", "0", "left", f"sums, {block}"), "  }", "  }"]
        else:
            out += ["  long i = first;"]
            out += _rows_loop(tile, f"panel, {block}", into, "left, done != 0", "a + done * a_deep", "deep")
            out += ["  }", finished]
    else:
        # The last block is moved back to end where the columns end.
        moved = "0" if tile.whole or block == 1 else "skip"
        back = "0" if moved == "0" else f"{block} - left"
        out.append(f"  const long skip = {back};")
        into = "c + i * c_row - skip * c_column, c_row, c_column"
    if tile.near:
        out += [f"  for (long done = 0; done < depth; done += {SHALLOW}) {{", "    long i = first;"]
        out.append(f"    const long deep = depth - done < {SHALLOW} ? depth - done : {SHALLOW};")
        panel = "b - skip * b_column + done * b_deep, b_deep"
        ends = f"{moved}, done != 0"
        out += _rows_loop(tile, panel, into, ends, "a + done * a_deep", "deep")
        out += ["  }", finished]
    elif not tile.packed:
        if tile.finish.apart:
            into, moved = SUMS.format(block), "0"
        out += by_few
        out += _rows_loop(tile, "b - skip * b_column, b_deep", into, moved, until="upto")
        out += ["    " + tile.finish.call("from", "upto - from", "0", "left", f"sums + skip, {block}"), "  }"]
    out.append("}\n")
    return _opening(tile.contract, tile.fp64, tile.finish, ct) + "\n".join(out)


def _added_up(ct: CType, vectors: Sequence[str]) -> tuple[list[str], list[tuple[str, int]]]:
    """Statements that add up the lanes of each of these, half to half, and the vector and the lane where each sum is
    then: two are halved together, into one."""
    lines, halves, lanes = [], list(vectors), ct.width
    while lanes > 1:
        low = "".join(f"{k:x}" for k in range(ct.width) if k % lanes < lanes // 2)
        high = "".join(f"{k:x}" for k in range(ct.width) if k % lanes >= lanes // 2)
        pairs = [(a, (halves[2 * k + 1 :] or [a])[0]) for k, a in enumerate(halves[::2])]
        halves = [f"{a}_h{lanes // 2}" for a, _ in pairs]
        for made, (a, b) in zip(halves, pairs):
            sides = [f"({ct.name})({a}.s{side}, {b}.s{side})" for side in (low, high)]
            lines.append(f"const {ct.name} {made} = {' + '.join(sides)};")
        lanes //= 2
    return lines, [(halves[k // ct.width], k % ct.width) for k in range(len(vectors))]


@cache
def inner(
    dtype: str, rows: int, columns: int, width: int, fp64: bool = True, finish: Finish = Finish(), tiles: int = 1
) -> str:  # fmt: skip
    """Products of rows with rows, a vector long at least: lanes along k, `rows` x `columns` sums a tile, so many
    `tiles` of columns a block; kernel ``inner``."""
    ct, keep = CType(dtype, width), CType(f"int{512 // width}", width)
    lanes = f"({', '.join(map(str, range(width)))})"
    block = columns * tiles
    vector = f"*(global const {unaligned(dtype, width)} *)"
    every = [(i, j) for i in range(rows) for j in range(columns)]
    sums = [f"s{i}_{j}" for i, j in every]

    def terms(kept: str) -> list[str]:
        """Statements that add the products at k, of what is `kept` of a vector."""
        read = f"const {ct.name} {{}} = {kept.format(f'{vector}({{}} + k)')};"
        lines = [read.format(f"b{j}", f"b + j{j} * b_column") for j in range(columns)]
        for i in range(rows):
            lines.append(read.format(f"a{i}", f"a + i{i} * a_row"))
            lines += [f"s{i}_{j} = s{i}_{j} + a{i} * b{j};" for j in range(columns)]
        return [f"      {line}" for line in lines]

    pointers = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc"), *finish.pointers()]
    out = [
        signature("inner", pointers),
        named_numbers(),
        "  const long item = get_global_id(0);",
        f"  const long group = item % groups, block = item / groups % blocks * {block};",
        f"  const long beyond = block + {block} < n ? block + {block} : n;",
        "  const long batch = item / groups / blocks;",
        "  const long first = group * rows_each, last = first + rows_each < m ? first + rows_each : m;",
        f"  global const {ct.scalar} *b = pb + (b_at + batch * b_batch);",
        *finish.opening("block"),
        f"  for (long column = block; column < beyond; column += {columns}) {{",
    ]
    out += [f"  const long j{j} = column + {j} < n ? column + {j} : n - 1;" for j in range(columns)]
    out += [f"  for (long i = first; i < last; i += {rows}) {{"]
    out.append(f"    global const {ct.scalar} *a = pa + (a_at + batch * a_batch);")
    out += [f"    const long i{i} = i + {i} < last ? i + {i} : last - 1;" for i in range(rows)]
    out += [f"    {ct.name} {s} = {ct.literal(0)};" for s in sums]
    out += [f"    for (long k = 0; k + {width} <= depth; k += {width}) {{", *terms("{}"), "    }"]
    # The last lanes, again with those before them, which count nothing now.
    out += [f"    if (depth % {width} != 0) {{", f"      const long k = depth - {width};"]
    out.append(f"      const {keep.name} keep = ({keep.name}){lanes} >= ({keep.scalar})({width} - depth % {width});")
    out += [*terms(f"keep ? {{}} : {ct.literal(0)}"), "    }"]
    lines, places = _added_up(ct, sums)
    out += [f"    {line}" for line in lines]
    beside = f"c_column == 1 && column + {columns} <= n"
    row = "pc + (c_at + batch * c_batch + i{0} * c_row + column * c_column)"
    together = columns > 1 and width % columns == 0
    if together:
        out.append(f"    if ({beside}) {{")
        for i in range(rows):
            vector, at = places[i * columns]
            taken = "".join(f"{at + j:x}" for j in range(columns))
            whole = f"*(global {unaligned(dtype, columns)} *)"
            out.append(f"      if (i + {i} < last) {whole}({row.format(i)}) = {vector}.s{taken};")
        out.append("    } else {")
    for (i, j), (vector, at) in zip(every, places):
        inside = f"i + {i} < last && column + {j} < n"
        out.append(f"    if ({inside}) ({row.format(i)})[{j} * c_column] = {vector}.s{at:x};")
    out += ["    }"] * together
    out.append("  }\n  }")
    if finish.steps:
        out.append(f"  global {ct.scalar} *c = pc + (c_at + batch * c_batch + block * c_column);")
        out.append("  " + finish.call("first", "last - first", "0", "beyond - block"))
    out.append("}\n")
    rest = [CType(dtype, columns)] if together else []
    return _opening(True, fp64, finish, ct, *rest) + "\n".join(out)
