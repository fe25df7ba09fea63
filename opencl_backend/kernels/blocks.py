"""Matrix products for GPUs as C text: an element an item, or a block a work-group with its operands in local memory.

Owns both kernels. Every element is added up in the order of k, so that without contraction its bits are those of the
plain loop, and `Finish` is made of it in its register. Numbers are those of `gemm.NUMBERS`; batches, transposes and
offsets are strides. It must not know graphs or when which kernel pays.
"""

from __future__ import annotations

from functools import cache

from opencl_backend import scalar_c
from opencl_backend.kernels.gemm import NUMBERS, Finish, named_numbers, term
from opencl_backend.render import MADE, NEXT, Body, Spec, header, signature
from opencl_backend.scalar_c import STORAGE, CType

GROUP = 64
"""Items a work-group."""
SIDE = 8
"""A block's items stand in a square."""
DEEP = 16
"""Terms whose factors are in local memory at a time."""
NOTHING = Finish()


def _finished(finish: Finish, ct: CType) -> tuple[str, list[tuple[str, str]]]:
    """The function ``finished`` of a sum and its place, with what it calls, and the kernel's arguments for it."""
    if not finish.steps:
        return "", []
    others = [(k, STORAGE[dtype]) for k, (dtype, access) in enumerate(finish.loads) if access != MADE]
    loads = tuple((dtype, access if access == MADE else NEXT) for dtype, access in finish.loads)
    body = Body(Spec(loads, (), finish.steps, NEXT, 1, "gpu", finish.fast, finish.fp64), 1)
    result = body.build()
    given = "".join(f", global const {memory} *pe{k}" for k, memory in others)
    lines = [f"static {ct.scalar} finished({ct.scalar} {MADE}, long i, long l, constant long *g{given}) {{"]
    for n, (k, memory) in enumerate(others):
        at = len(NUMBERS) + 3 * n
        lines.append(f"  global const {memory} *a{k} = pe{k} + (g[{at}] + i * g[{at + 1}] + l * g[{at + 2}]);")
    lines += ["  const long j = 0;", *(f"  {line}" for line in body.lines), f"  return {result};\n}}\n"]
    return scalar_c.prelude(body.helpers) + "\n".join(lines), [(f"const {memory}", f"pe{k}") for k, memory in others]


def _program(
    name: str, ct: CType, finish: Finish, contract: bool, fp64: bool, lines: list[str], result: tuple[str, str, str]
) -> str:
    """The kernel `name` whose statements are `lines`; "{result}" in them is what is made of (sum, row, column)."""
    text, pointers = _finished(finish, ct)
    arrays = [(f"const {ct.scalar}", "pa"), (f"const {ct.scalar}", "pb"), (ct.scalar, "pc"), *pointers]
    contracted = "#pragma OPENCL FP_CONTRACT ON\n" if contract else ""
    made, row, column = result
    if finish.steps:
        made = f"finished({', '.join([made, row, column, 'g', *(it for _, it in pointers)])})"
    opening = [header(fp64) + text + contracted + signature(name, arrays, GROUP), named_numbers()]
    return "\n".join([*opening, *(line.replace("{result}", made) for line in lines), "}\n"])


@cache
def element(dtype: str, contract: bool, fp64: bool = True, finish: Finish = NOTHING) -> str:
    """One element of the result an item; kernel ``element``."""
    ct = CType(dtype)
    lines = [
        "  const long item = get_global_id(0), j = item % n, i = item / n % m, batch = item / n / m;",
        "  if (batch >= batches) return;",
        "  const long a = a_at + batch * a_batch + i * a_row, b = b_at + batch * b_batch + j * b_column;",
        f"  {ct.scalar} s = {ct.literal(0)};",
        f"  for (long k = 0; k < depth; k++) s = {term(dtype, 's', 'pa[a + k * a_deep]', 'pb[b + k * b_deep]')};",
        "  pc[c_at + batch * c_batch + i * c_row + j * c_column] = {result};",
    ]
    return _program("element", ct, finish, contract, fp64, lines, ("s", "i", "j"))


@cache
def block(dtype: str, rows: int, columns: int, contract: bool, fp64: bool = True, finish: Finish = NOTHING) -> str:
    """Kernel ``block``: a work-group owns 8 `rows` x 8 `columns` elements, each of its items rows x columns of them.

    Groups go over batches x blocks of rows (``groups``) x blocks of columns (``blocks``). The factors of `DEEP` terms
    at a time are read by all items together, along the axis in which they lie side by side; those beyond an edge are
    zeros. An item's elements are 8 rows and 8 columns apart: neighbours read and write what lies side by side.
    """
    ct = CType(dtype)
    zero, tall, wide = ct.literal(0), SIDE * rows, SIDE * columns
    every = [(i, j) for i in range(rows) for j in range(columns)]
    lines = [
        f"  local {ct.scalar} left[{DEEP * (tall + 1)}], right[{DEEP * (wide + 1)}];",
        f"  const int item = get_local_id(0), down = item / {SIDE}, across = item % {SIDE};",
        "  const long group = get_group_id(0), batch = group / blocks / groups;",
        f"  const long row = group / blocks % groups * {tall}, column = group % blocks * {wide};",
        "  const long a = a_at + batch * a_batch + row * a_row, b = b_at + batch * b_batch + column * b_column;",
        *(f"  {ct.scalar} s{i}_{j} = {zero};" for i, j in every),
        f"  for (long done = 0; done < depth; done += {DEEP}) {{",
        *_read("left", tall, "a", ("a_row", "a_deep"), "m - row", zero),
        *_read("right", wide, "b", ("b_column", "b_deep"), "n - column", zero),
        "    barrier(CLK_LOCAL_MEM_FENCE);",
        f"    for (int k = 0; k < {DEEP}; k++) {{",
        *(
            f"      const {ct.scalar} a{i} = left[k * {tall + 1} + down + {SIDE * i}];" for i in range(rows)
        ),
        *(f"      const {ct.scalar} b{j} = right[k * {wide + 1} + across + {SIDE * j}];" for j in range(columns)),
        *(f"      s{i}_{j} = {term(dtype, f's{i}_{j}', f'a{i}', f'b{j}')};" for i, j in every),
        "    }",
        "    barrier(CLK_LOCAL_MEM_FENCE);",
        "  }",
        "  const long c = c_at + batch * c_batch;",
        f"  {ct.scalar} sums[{len(every)}] = {{{', '.join(f's{i}_{j}' for i, j in every)}}};",
        f"  for (int e = 0; e < {len(every)}; e++) {{",
        f"    const long i = row + down + e / {columns} * {SIDE}, l = column + across + e % {columns} * {SIDE};",
        "    if (i < m && l < n) pc[c + i * c_row + l * c_column] = {result};",
        "  }",
    ]
    return _program("block", ct, finish, contract, fp64, lines, ("sums[e]", "i", "l"))


def _read(into: str, length: int, first: str, strides: tuple[str, str], most: str, zero: str) -> list[str]:
    """Statements by which a group copies `length` x `DEEP` factors, those beyond `most` or the depth as zeros."""
    along, deep = strides
    return [
        f"    for (int e = item; e < {length * DEEP}; e += {GROUP}) {{",
        f"      const int i = {along} == 1 ? e % {length} : e / {DEEP};",
        f"      const int k = {along} == 1 ? e / {length} : e % {DEEP};",
        f"      const bool inside = i < {most} && done + k < depth;",
        f"      const long from = {first} + i * {along} + (done + k) * {deep};",
        f"      {into}[k * {length + 1} + i] = inside ? p{first}[from] : {zero};",
        "    }",
    ]
