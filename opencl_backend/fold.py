"""Reductions as OpenCL C: the pairwise sum of rows, and folds of columns one element after the other.

Owns their text and launch. Operands are seen as (before, length, inner) blocks of which `length` is
reduced; the elements come from an expression that becomes part of the kernel. The order of every sum is
that of the reference's `reduce_in_order`, whatever the device. It must not know which Op asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import TYPE_CHECKING

from opencl_backend import scalar_c
from opencl_backend.kernels import trees
from opencl_backend.loop import Compute, Lazy, Load, chunk, joined
from opencl_backend.render import (
    NEXT,
    ONCE,
    ROW,
    STRIDED,
    Body,
    Spec,
    Step,
    access,
    effort,
    encode,
    header,
    signature,
    unaligned_types,
)
from opencl_backend.runtime import DeviceArray, Number
from opencl_backend.scalar_c import STORAGE, CType

if TYPE_CHECKING:
    from opencl_backend.context import Context

IN_ORDER = '_Pragma("clang loop vectorize(disable) interleave(disable)")'
"""Intel's compiler reorders plain sums without it."""
LANES = {"float32": 16, "int32": 16, "uint32": 16, "float64": 8, "int64": 8, "uint64": 8}
"""Running extremes side by side in a row, for dtypes whose lanes can hold an index."""
LEAF = 128
"""Elements that a pairwise sum adds up without halving them."""
COLUMNS = {"cpu": 512, "gpu": 1}
"""Columns that one work-item folds side by side."""
NARROW = 64
"""Columns an item at least, where there are as many: some lines of the cache."""
PART = {"cpu": 1 << 18, "gpu": 1 << 9}
"""Simple operations that a part of a row is worth at least."""
ITEMS = {"cpu": 4, "gpu": 1 << 10}
"""Items a compute unit that rows are parted for."""


@dataclass(frozen=True)
class Fold:
    """What is folded: `kind` is "add", "mul", "max", "min" (no NaN), or "extreme" (first NaN, else first
    largest; `value` and `place` say which of the two is stored). `acc` is the dtype of the arithmetic. Of rows that are
    halved so many `levels` down every part is folded."""

    kind: str
    acc: str
    dtype: str
    value: bool = True
    place: bool = False
    levels: int = 0

    @property
    def stores_value(self) -> bool:
        return self.kind != "extreme" or self.value

    @property
    def has_rows(self) -> bool:
        """Is there a kernel of its own for rows, several elements of which are folded side by side?"""
        return self.kind == "add" or (self.kind == "extreme" and self.acc in LANES)


def blocks(lazy: Lazy, axis: int, count: int = 1) -> list[tuple[int, int, int]] | None:
    """For each operand its strides over (before, reduced, after) when `count` axes from `axis` on are
    reduced; None if some operand does not go through one of the three in even steps."""
    arrays = encode(lazy.expr).arrays
    if lazy.size == 0:
        return [(0, 0, 0)] * len(arrays)
    result = []
    for array in arrays:
        strides = []
        for group in (range(axis), range(axis, axis + count), range(axis + count, len(lazy.shape))):
            walk = joined([lazy.shape[k] for k in group], [[array.strides[k] for k in group]])
            if len(walk.shape) > 1:
                return None
            strides.append(walk.strides[0][0] if walk.strides[0] else 0)
        result.append((strides[0], strides[1], strides[2]))
    return result


def run(ctx: Context, fold: Fold, lazy: Lazy, axis: int, count: int = 1, label: str = "") -> list[DeviceArray]:
    """Reduce `count` axes of `lazy` from `axis` on; arrays of the shape without them, one a result.

    What is small is computed first and read in C order, so that small folds of a kind and dtype are one program.
    """
    if not ctx.is_large(lazy.size):
        return _run_small(ctx, fold, ctx.row_major(_uncast(lazy, fold.acc)), axis, count, label or fold.kind)
    before, after = lazy.shape[:axis], lazy.shape[axis + count :]
    block = (prod(before), prod(lazy.shape[axis : axis + count]), prod(after))
    strides = blocks(lazy, axis, count)
    by_rows = block[2] == 1 and fold.has_rows
    code = encode(lazy.expr)
    if (
        strides is None
        or code.positions
        or code.gathers
        or (by_rows and any(s[1] not in (0, 1) for s in strides) and block[1] > 1)
    ):
        array = ctx.computed(lazy)
        lazy = Lazy(array.shape, Load(array))
        strides = blocks(lazy, axis, count)
        assert strides is not None
        code = encode(lazy.expr)
    arrays, steps = code.arrays, code.steps
    outputs = _results(ctx, fold, (*before, *after))
    if outputs[0].size == 0:
        return outputs
    along = 1 if by_rows else 2
    loads = tuple(
        (array.dtype, NEXT if block[along] == 1 and any(s) else access(_through(s, along)))
        for array, s in zip(arrays, strides)
    )
    spec = Spec(loads, (), steps, NEXT, 3, ctx.device.style, not ctx.exact, ctx.device.fp64)
    rows = block[0] if by_rows else block[0] * block[2]
    levels = _levels(ctx, rows, block[1], effort(spec, block[along])) if by_rows else 0
    whole, results, each = fold, outputs, _share(ctx, rows, block[1], block[2])
    if levels:
        # Every item has a part of a row; then the parts are folded.
        fold = replace(fold, value=True, dtype=fold.acc, levels=levels)
        rows, each = rows << levels, 1
        results = _results(ctx, fold, (rows,))
    numbers: list[Number] = [*block, each]
    for array, s in zip(arrays, strides):
        numbers += [array.offset, *s]
    name = label or fold.kind
    computed = "+".join(dict.fromkeys(step.row for step in steps if step.row))
    ctx.launch(
        f"{name}({computed})" if computed else name, _text(spec, fold, by_rows), "fold", -(-rows // each), numbers,
        [*arrays, *results], 1, prod(block), ctx.options(prod(block) * len(steps), (spec, fold)),
        prod(block) * effort(spec, block[along]),
    )  # fmt: skip
    if levels:
        trees.run(ctx, name, whole, results, outputs, levels)
    return outputs


def _levels(ctx: Context, rows: int, length: int, effort: int) -> int:
    """How often rows are halved, so that there is a part of one for every item: of more than a leaf of the sum."""
    style, levels = ctx.device.style, 0
    while (
        rows << levels < ITEMS[style] * ctx.device.compute_units
        and length >> levels >= 2 * LEAF
        and length * effort >> levels >= 2 * PART[style]
        and levels < trees.MOST
    ):
        levels += 1
    return levels


def _results(ctx: Context, fold: Fold, shape: tuple[int, ...]) -> list[DeviceArray]:
    """New arrays for what is stored."""
    dtypes = [fold.dtype] * fold.stores_value + ["int64"] * (not fold.stores_value or fold.place)
    return [ctx.new(dtype, shape) for dtype in dtypes]


def _run_small(ctx: Context, fold: Fold, array: DeviceArray, axis: int, count: int, label: str) -> list[DeviceArray]:
    """The same for an array in C order, by a program that all small folds of the kind and dtype share."""
    shape = array.shape
    block = (prod(shape[:axis]), prod(shape[axis : axis + count]), prod(shape[axis + count :]))
    outputs = _results(ctx, fold, (*shape[:axis], *shape[axis + count :]))
    if outputs[0].size == 0:
        return outputs
    by_rows = block[2] == 1 and fold.has_rows
    rows = block[0] if by_rows else block[0] * block[2]
    each = _share(ctx, rows, block[1], block[2])
    numbers: list[Number] = [*block, each, array.offset, block[1] * block[2], block[2], 1]
    spec = Spec(((array.dtype, NEXT),), (), (Step("load", array.dtype, (0,)),), NEXT, 3, ctx.device.style, False,
                ctx.device.fp64)  # fmt: skip
    ctx.launch(
        label, _text(spec, fold, by_rows), "fold", -(-rows // each), numbers, [array, *outputs], 1, prod(block),
        ctx.options(array.size),
    )  # fmt: skip
    return outputs


def _uncast(lazy: Lazy, dtype: str) -> Lazy:
    """What is only converted to the accumulator's dtype, as it is: a fold converts what it reads."""
    expr = lazy.expr
    if isinstance(expr, Compute) and expr.row == f"Cast{{{dtype}}}" and isinstance(expr.args[0], Load):
        return Lazy(lazy.shape, expr.args[0])
    return lazy


def _text(spec: Spec, fold: Fold, by_rows: bool) -> str:
    """The program of one kernel: drivers build every kernel of a program that is kept, at a tenth of a second each."""
    write = columns_text if not by_rows else pairwise_text if fold.kind == "add" else lanes_text
    return write(spec, fold)


def _through(strides: tuple[int, int, int], along: int) -> tuple[int, int, int]:
    """The strides with the axis that the kernel's inner loop follows last."""
    return strides if along == 2 else (strides[0], strides[2], strides[1])


def _share(ctx: Context, rows: int, length: int, inner: int) -> int:
    """Outputs a work-item: whole blocks of columns where there are columns."""
    if ctx.device.style == "gpu":
        return 1
    least = max(1, 4096 // max(length, 1))
    return chunk(rows, 4 * ctx.device.compute_units, least, min(NARROW, inner) if inner > 1 else 1)


def _pointers(spec: Spec, fold: Fold) -> list[tuple[str, str]]:
    arrays = [(f"const {STORAGE[dtype]}", f"p{k}") for k, (dtype, _) in enumerate(spec.loads)]
    if fold.stores_value:
        arrays.append((STORAGE[fold.dtype], "q"))
    if fold.kind == "extreme" and fold.place:
        arrays.append(("long", "r"))
    return arrays


class _Text:
    """A kernel being written."""

    def __init__(self, spec: Spec, fold: Fold):
        self.spec = spec
        self.fold = fold
        self.helpers: dict[str, None] = {}
        self.types: list[tuple[str, int]] = []

    def element(self, width: int, target: str) -> list[str]:
        """Statements that define `target`, the element at ``j`` in the accumulator's dtype."""
        body = Body(self.spec, width)
        name = body.build()
        dtype = self.spec.steps[-1].dtype
        cast = body.cast(name, dtype, self.fold.acc, target)
        if cast != target:
            body.lines.append(f"const {body.ct(self.fold.acc).name} {target} = {cast};")
        self.helpers.update(body.helpers)
        if width > 1:
            self.types += [(d, width) for d, a in self.spec.loads if a == NEXT]
        return body.lines

    def store(self, pointer: str, where: str, value: str) -> str:
        """A statement that stores an accumulator as the result's dtype."""
        body = Body(self.spec, 1)
        name = body.cast(value, self.fold.acc, self.fold.dtype, "result")
        text = f"{pointer}[{where}] = {body.stored(self.fold.dtype, name)};"
        self.helpers.update(body.helpers)
        return " ".join([*body.lines, text])

    def combine(self, width: int, a: str, b: str) -> str:
        """``a op b`` in the accumulator's dtype."""
        ct = CType(self.fold.acc, width, self.spec.fast, self.spec.fp64)
        name = {"max": "maximum", "min": "minimum"}.get(self.fold.kind, self.fold.kind)
        row = scalar_c.TABLE[name]
        self.helpers.update(dict.fromkeys(row.helpers(ct)))
        return row.expr(ct, a, b)

    def program(self, lines: Sequence[str]) -> str:
        """The program of the kernel with these lines."""
        start = header(self.spec.fp64) + unaligned_types(self.types) + scalar_c.prelude(self.helpers)
        return start + signature("fold", _pointers(self.spec, self.fold)) + "\n" + "\n".join(lines) + "\n}\n"

    def scalars(self, access_kind: str, where: Callable[[int], str]) -> list[str]:
        """Loads of operands that do not change along the inner loop; ``where(first number)`` is their place."""
        lines = []
        for k, (dtype, how) in enumerate(self.spec.loads):
            if how == access_kind:
                body = Body(self.spec, 1)
                text = body.loaded(dtype, f"p{k}[{where(4 + 4 * k)}]")
                lines.append(f"const {CType(dtype).name} s{k} = {text};")
                self.helpers.update(body.helpers)
        return lines


@cache
def pairwise_text(spec: Spec, fold: Fold) -> str:
    """Sums of rows in NumPy's order: at most 128 elements in 8 interleaved sums, more by halves."""
    out = _Text(spec, fold)
    acc = CType(fold.acc).name
    lines = [*_opening(fold), f"  long from[48], many[48]; {acc} left[48]; uchar state[48];"]
    lines += ["  " + line for line in out.scalars(ONCE, lambda at: f"g[{at}]")]
    lines += _each_row(fold)
    begin, count = ("begin", "count") if fold.levels else ("0", "n")
    if fold.levels:
        lines += [
            "    long begin = 0, count = n;",
            f"    for (int level = {fold.levels - 1}; level >= 0; level--) {{",
            "      const long cut = count / 2 - count / 2 % 8;",
            "      if (part >> level & 1) { begin += cut; count -= cut; } else count = cut;",
            "    }",
        ]
    lines += ["    " + line for line in out.scalars(ROW, lambda at: f"g[{at}] + row * g[{at + 1}]")]
    lines += _row_pointers(spec)
    one, eight = out.element(1, "e"), out.element(8, "e")
    zero = CType(fold.acc).literal(0)
    halves = [out.combine(1, f"r.s{k}", f"r.s{k + 1}") for k in (0, 2, 4, 6)]
    lines += [
        f"    {acc} sum = {zero};", f"    int top = 0; from[0] = {begin}; many[0] = {count}; state[0] = 0;",
        "    while (top >= 0) {",
        "      const long m = many[top]; long cut = m / 2; cut -= cut % 8;",
        f"      if (state[top] == 0 && m > {LEAF}) {{",
        "        state[top] = 1; from[top + 1] = from[top]; many[top + 1] = cut; state[++top] = 0;",
        "      } else if (state[top] == 1) {",
        "        left[top] = sum; state[top] = 2;",
        "        from[top + 1] = from[top] + cut; many[top + 1] = m - cut; state[++top] = 0;",
        "      } else if (state[top] == 2) {",
        f"        const {acc} x = left[top]; sum = {out.combine(1, 'x', 'sum')}; top--;",
        "      } else {",
        "        long j = from[top]; const long end = j + m;",
        f"        sum = {zero};",
        "        if (m >= 8) {",
        f"          {acc}8 r; {{ {' '.join(eight)} r = e; }}",
        f"          for (j += 8; j + 8 <= end; j += 8) {{ {' '.join(eight)} r = {out.combine(8, 'r', 'e')}; }}",
        f"          const {acc} h0 = {halves[0]}, h1 = {halves[1]}, h2 = {halves[2]}, h3 = {halves[3]};",
        f"          const {acc} f0 = {out.combine(1, 'h0', 'h1')}, f1 = {out.combine(1, 'h2', 'h3')};",
        f"          sum = {out.combine(1, 'f0', 'f1')};",
        "        }",
        f"        {IN_ORDER}",
        f"        for (; j < end; j++) {{ {' '.join(one)} sum = {out.combine(1, 'sum', 'e')}; }}",
        "        top--;",
        "      }",
        "    }",
        "" if fold.levels else f"    sum = {out.combine(1, zero, 'sum')};",
        f"    {out.store('q', 'unit' if fold.levels else 'row', 'sum')}",
        "  }",
    ]  # fmt: skip
    return out.program(lines)


@cache
def lanes_text(spec: Spec, fold: Fold) -> str:
    """The extreme of rows: a vector of running extremes, then the best of its lanes, then what is left."""
    out = _Text(spec, fold)
    width = LANES[fold.acc]
    wide, one = CType(fold.acc, width, spec.fast, spec.fp64), CType(fold.acc)
    nan = " | ((e != e) & (v == v))" if one.is_float else ""
    tie = " | ((e == v) & (p < at))" + (" | ((e != e) & (v != v) & (p < at))" if one.is_float else "")
    beaten = " & (v == v)" if one.is_float else ""
    lines = [*_opening(fold), *("  " + line for line in out.scalars(ONCE, lambda at: f"g[{at}]")), *_each_row(fold)]
    lines += ["    " + line for line in out.scalars(ROW, lambda at: f"g[{at}] + row * g[{at + 1}]")]
    lines += _row_pointers(spec)
    if fold.levels:
        bounds = (f"(part + {k}) * g[1] / {1 << fold.levels}" for k in (0, 1))
        lines.append("    const long begin = {}, n = {} - begin;".format(*bounds))
        lines += [f"    a{k} += begin;" for k, (_, how) in enumerate(spec.loads) if how == NEXT]
    scalar, vector = " ".join(out.element(1, "e")), " ".join(out.element(width, "e"))
    lines += [
        f"    {one.name} v; long at = 0, j = 0;",
        f"    if (n >= {2 * width}) {{",
        f"      {wide.name} lanes; {{ {vector} lanes = e; }}",
        f"      {wide.signed_bits} from = ({wide.signed_bits})(0);",
        f"      for (j = {width}; j + {width} <= n; j += {width}) {{",
        f"        {vector} const {wide.name} v = lanes;",
        f"        const {wide.mask} better = (e > v){nan};",
        f"        lanes = better ? e : v; from = better ? ({wide.signed_bits})(j) : from;",
        "      }",
        f"      __attribute__((aligned(64))) {one.name} values[{width}];",
        f"      __attribute__((aligned(64))) {one.signed_bits} begins[{width}];",
        f"      *({wide.name} *)values = lanes; *({wide.signed_bits} *)begins = from;",
        "      v = values[0]; at = begins[0];",
        f"      for (int lane = 1; lane < {width}; lane++) {{",
        f"        const {one.name} e = values[lane]; const long p = begins[lane] + lane;",
        f"        const int better = ((e > v){beaten}){nan}{tie};",
        "        v = better ? e : v; at = better ? p : at;",
        "      }",
        f"    }} else {{ {scalar} v = e; j = 1; }}",
        f"    for (; j < n; j++) {{ {scalar} const int better = (e > v){nan};",
        "      v = better ? e : v; at = better ? j : at; }",
    ]  # fmt: skip
    if fold.value:
        lines.append(f"    {out.store('q', 'unit' if fold.levels else 'row', 'v')}")
    if fold.place:
        lines.append("    r[unit] = begin + at;" if fold.levels else "    r[row] = at;")
    lines.append("  }")
    return out.program(lines)


def _opening(fold: Fold) -> list[str]:
    """How many elements a row has, and which rows, or parts of rows, are an item's."""
    there = f"(g[0] << {fold.levels})" if fold.levels else "g[0]"
    return [
        "  const long n = g[1], each = g[3], first = get_global_id(0) * each;",
        f"  const long last = first + each < {there} ? first + each : {there};",
    ]


def _each_row(fold: Fold) -> list[str]:
    """The beginning of the loop over them."""
    if not fold.levels:
        return ["  for (long row = first; row < last; row++) {"]
    split = f"row = unit >> {fold.levels}, part = unit & {(1 << fold.levels) - 1}"
    return ["  for (long unit = first; unit < last; unit++) {", f"    const long {split};"]


def _row_pointers(spec: Spec) -> list[str]:
    """Where each operand's row begins."""
    return [
        f"    global const {STORAGE[dtype]} *a{k} = p{k} + (g[{4 + 4 * k}] + row * g[{5 + 4 * k}]);"
        for k, (dtype, how) in enumerate(spec.loads)
        if how == NEXT
    ]


@cache
def columns_text(spec: Spec, fold: Fold) -> str:
    """Columns folded one element after the other, many of them side by side."""
    out = _Text(spec, fold)
    acc, most = CType(fold.acc).name, COLUMNS[spec.style]
    extreme = fold.kind == "extreme"
    lines = [
        "  const long length = g[1], inner = g[2], each = g[3], outputs = g[0] * inner;",
        "  long k = get_global_id(0) * each; const long last = k + each < outputs ? k + each : outputs;",
    ]
    lines += ["  " + line for line in out.scalars(ONCE, lambda at: f"g[{at}]")]
    lines += [
        "  while (k < last) {",
        "    const long before = k / inner, x = k % inner;",
        f"    long m = inner - x < {most} ? inner - x : {most}; m = m < last - k ? m : last - k;",
        f"    {acc} v[{most}];" + (f" long at[{most}];" if extreme else ""),
        "    for (long l = 0; l < length; l++) {",
    ]

    def row(at: int) -> str:
        return f"g[{at}] + before * g[{at + 1}] + l * g[{at + 2}]"

    lines += ["      " + line for line in out.scalars(ROW, row)]
    for k, (dtype, how) in enumerate(spec.loads):
        at, where = 4 + 4 * k, row(4 + 4 * k)
        if how == NEXT:
            lines.append(f"      global const {STORAGE[dtype]} *a{k} = p{k} + ({where} + x);")
        elif how == STRIDED:
            lines.append(f"      const long t{k} = g[{at + 3}];")
            lines.append(f"      global const {STORAGE[dtype]} *a{k} = p{k} + ({where} + x * t{k});")
    element = " ".join(out.element(1, "e"))
    # A sum starts from 0, which shows when all that is added is -0.
    first = out.combine(1, CType(fold.acc).literal(0), "e") if fold.kind == "add" else "e"
    lines.append(
        f"      if (l == 0) {{ for (long j = 0; j < m; j++) {{ {element} v[j] = {first};"
        + (" at[j] = 0;" if extreme else "")
        + " } continue; }"
    )
    if extreme:
        nan = " | ((e != e) & (v[j] == v[j]))" if fold.acc.startswith("float") else ""
        update = f"const int better = (e > v[j]){nan};"
        update += " v[j] = better ? e : v[j]; at[j] = better ? l : at[j];"
    else:
        update = f"const {acc} o = v[j]; v[j] = {out.combine(1, 'o', 'e')};"
    lines += [f"      for (long j = 0; j < m; j++) {{ {element} {update} }}", "    }"]
    if not extreme:
        one = {"add": "0", "mul": "1", "max": "0", "min": "1"}[fold.kind]
        lines.append(f"    if (length == 0) for (long j = 0; j < m; j++) v[j] = {one};")
    stores = []
    if fold.stores_value:
        stores.append(out.store("q", "k + j", "v[j]"))
    if extreme and fold.place:
        stores.append("r[k + j] = at[j];")
    lines += [f"    for (long j = 0; j < m; j++) {{ {' '.join(stores)} }}", "    k += m;", "  }"]
    return out.program(lines)
