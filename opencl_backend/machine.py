"""Two kernels a dtype that compute any row of the scalar table: the interpreter for small arrays.

Owns their text and their launch. A new kernel costs a compiler run of a tenth of a second or more, far more
than small arrays are worth; these are built once a dtype and serve every operation, shape, layout and
operand dtype: one has the rows of every day, the other the rest, which take the compiler longest. The bits are those
of a rendered nest: the same rows, without contraction. It must not know graphs; `render` makes the kernels for what
is large or runs often.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from opencl_backend import builtins, scalar_c
from opencl_backend.loop import Compute, Expr, Lazy, Load, Position, joined
from opencl_backend.render import header, signature, unaligned, unaligned_types
from opencl_backend.runtime import DeviceArray, Number, Runtime
from opencl_backend.scalar_c import STORAGE, CType
from reference import scalar
from reference.config import config
from reference.graph.core import Variable

if TYPE_CHECKING:
    from opencl_backend.context import Context

DTYPES = tuple(STORAGE)
RANK = 4
OPERANDS = 3
WIDTH = 8
EACH = "for (int l = 0; l < m; l++)"
OPTIONS = ("-cl-opt-disable",)
EVERYDAY = {"ceil", "exp", "floor", "log", "sigmoid", "tanh"}
"""Of the rows of floats that need functions of their own, those that stand beside the rows that need none."""
_EACH = {"cpu": 1 << 14, "gpu": 1 << 6}


@cache
def rows(dtype: str) -> tuple[str, ...]:
    """The rows that have a meaning for operands computed in `dtype`."""
    fitting = []
    for name, row in scalar_c.TABLE.items():
        op = scalar.TABLE[name]
        count = 2 if row.nin < 0 else row.nin
        operands = ("bool", dtype, dtype) if name == "switch" else (dtype,) * count
        try:
            computed = op.compute_dtype(*operands)
        except TypeError:
            continue
        if computed == dtype:
            fitting.append(name)
    return tuple(fitting)


@cache
def part(dtype: str, rare: bool) -> tuple[str, ...]:
    """The rows of one of the two kernels; a row's place is its number."""
    return tuple(name for name in rows(dtype) if is_rare(name, dtype) == rare)


def is_rare(name: str, dtype: str) -> bool:
    """Is the row in the second kernel?"""
    needs = dtype.startswith("float") and scalar_c.TABLE[name].helpers(CType("float32"))
    return bool(needs) and name not in EVERYDAY


@cache
def text(dtype: str, rare: bool, fast: bool, fp64: bool) -> str:
    """The program whose kernel ``machine`` computes in `dtype`."""
    ct, one = CType(dtype, WIDTH, fast, fp64), CType(dtype, 1, fast, fp64)
    known = [d for d in DTYPES if fp64 or d != "float64"]
    helpers: dict[str, None] = {"load_half_float": None, "store_half_float": None}
    loads, stores, cases = [], [], []
    for code, d in enumerate(DTYPES):
        if d not in known:
            continue
        source = CType(d, 1, fast, fp64)
        memory = f"((global const {STORAGE[d]} *)p)[i + l * s]"
        memory = f"load_half_float({memory})" if d == "float16" else memory
        converted, needed = scalar_c.cast(source, "x", dtype)
        helpers.update(dict.fromkeys(needed))
        loads.append(f"  case {code}: {EACH} {{ const {source.name} x = {memory}; e[l] = {converted}; }} break;")
    for d in dict.fromkeys((dtype, "bool", *_narrower(dtype, known))):
        converted, needed = scalar_c.cast(one, "x", d)
        helpers.update(dict.fromkeys(needed))
        converted = f"store_half_float({converted})" if d == "float16" else converted
        memory = f"((global {STORAGE[d]} *)p)[i + l * s]"
        stores.append(
            f"  case {DTYPES.index(d)}: {EACH} {{ const {one.name} x = e[l]; {memory} = {converted}; }} break;"
        )
    for code, name in enumerate(part(dtype, rare)):
        row = scalar_c.TABLE[name]
        chosen = ct.boolean(f"x != {ct.literal(0)}")
        arguments = (chosen if name == "switch" else "x", "y", "z")[: 2 if row.nin < 0 else row.nin]
        helpers.update(dict.fromkeys(row.helpers(ct)))
        result = ct.of(row.result(dtype)).plain(row.expr(ct, *arguments), dtype)
        cases.append(f"  case {code}: return {result};")
    T, V, any_V = one.name, ct.name, unaligned(dtype, WIDTH)
    names = ("a", "b", "c", "o")
    places = {it: 10 + k * (1 + RANK) for k, it in enumerate(names)}
    whole = f"m == {WIDTH} && s == 1 && dtype == {DTYPES.index(dtype)}"
    side_by_side = dtype != "float16"
    lines = [
        f"static {V} load(global const uchar *p, long i, long s, int m, int dtype) {{",
        f"  if ({whole}) return *(global const {any_V} *)((global const {T} *)p + i);" if side_by_side else "",
        f"  {V} v = {ct.literal(0)}; {T} *e = ({T} *)&v;",
        "  switch (dtype) {",
        *loads,
        "  }",
        "  return v;",
        "}",
        f"static void store(global uchar *p, long i, long s, int m, int dtype, {V} v) {{",
        f"  if ({whole}) {{ *(global {any_V} *)((global {T} *)p + i) = v; return; }}" if side_by_side else "",
        f"  {T} *e = ({T} *)&v;",
        "  switch (dtype) {",
        *stores,
        "  }",
        "}",
        f"static {V} apply(int row, {V} x, {V} y, {V} z) {{",
        "  switch (row) {",
        *cases,
        "  }",
        "  return x;",
        "}",
        signature("machine", [("const uchar", it) for it in names[:-1]] + [("uchar", "o")]).replace("restrict ", ""),
        "  const long n = g[0], each = g[1];",
        "  const long first = get_global_id(0) * each, end = first + each < n ? first + each : n;",
        "  const int row = g[2], da = g[3], db = g[4], dc = g[5], to = g[30];",
        "  for (long k = first; k < end;) {",
        "    const long i3 = k % g[9], r3 = k / g[9], i2 = r3 % g[8], r2 = r3 / g[8], i1 = r2 % g[7], i0 = r2 / g[7];",
        "    const long left = g[9] - i3 < end - k ? g[9] - i3 : end - k;",
    ]  # fmt: skip
    for it in names:
        at = places[it]
        steps = " + ".join(f"i{axis} * g[{at + 1 + axis}]" for axis in range(RANK))
        lines.append(f"    long p{it} = g[{at}] + {steps}; const long s{it} = g[{at + RANK}];")
    moves = ", ".join(f"p{it} += s{it} * {WIDTH}" for it in names)
    lines += [
        f"    for (long j = 0; j < left; j += {WIDTH}, {moves}) {{",
        f"      const int m = left - j < {WIDTH} ? left - j : {WIDTH};",
        f"      const {V} x = load(a, pa, sa, m, da);",
        f"      const {V} y = db < 0 ? x : load(b, pb, sb, m, db), z = dc < 0 ? x : load(c, pc, sc, m, dc);",
        "      store(o, po, so, m, to, apply(row, x, y, z));",
        "    }",
        "    k += left;",
        "  }",
        "}",
    ]
    types = unaligned_types([(dtype, WIDTH)]) if side_by_side else ""
    return header(fp64) + types + scalar_c.prelude(helpers) + "\n".join(filter(None, lines)) + "\n"


def prepare(runtime: Runtime, exact: bool, inputs: Sequence[Variable]) -> None:
    """Have the kernel built that a graph of these inputs is likely to need first, before anybody waits for it; once a
    process."""
    if not runtime.programs.builds and builtins.are_declared_for(runtime.device.platform.name):
        # The first program takes a driver half a second more, as it reads its library of functions.
        runtime.programs.begin([(text(likely(inputs, runtime.device.fp64), False, not exact, runtime.device.fp64),
                                 OPTIONS)])  # fmt: skip


def likely(inputs: Sequence[Variable], fp64: bool) -> str:
    """The dtype of floats that most of these are of; without any, that of new variables."""
    floats = [dtype for dtype in (getattr(v.type, "dtype", "") for v in inputs) if dtype in ("float32", "float64")]
    dtype = max(("float32", "float64"), key=floats.count) if floats else config.floatX
    return dtype if fp64 else "float32"


def _narrower(dtype: str, known: list[str]) -> list[str]:
    """Dtypes that a result computed in `dtype` may be rounded to."""
    floats: list[str] = [d for d in ("float16", "float32", "float64") if d in known]
    return floats[: floats.index(dtype)] if dtype in floats else []


def run(ctx: Context, lazy: Lazy, target: DeviceArray) -> bool:
    """Compute `lazy` into `target` if it is one operation on arrays, or a copy; False if it is not."""
    expr = lazy.expr
    if isinstance(expr, Position) or len(joined(lazy.shape, [target.strides]).shape) > RANK:
        return False
    if isinstance(expr, Load):
        return _launch(ctx, lazy, target.dtype, "copy", [expr.array], target, computed=False)
    if not isinstance(expr, Compute) or not all(isinstance(arg, Load) for arg in expr.args):
        return False
    arrays = [_operand(ctx, arg, cast, expr.compute, lazy.shape) for arg, cast in zip(expr.args, expr.casts)]
    if expr.row.startswith("Cast{"):
        return _launch(ctx, lazy, target.dtype, expr.row, arrays, target, computed=False)
    if expr.row not in rows(expr.compute):
        return False
    row = scalar_c.TABLE[expr.row]
    if row.nin >= 0:
        return _launch(ctx, lazy, expr.compute, expr.row, arrays, target)
    if len(arrays) == 1:
        return _launch(ctx, lazy, expr.compute, expr.row, arrays, target, computed=False)
    so_far = arrays[0]
    for k, array in enumerate(arrays[1:], 2):
        into = target if k == len(arrays) else ctx.new(expr.compute, lazy.shape)
        if not _launch(ctx, lazy, expr.compute, expr.row, [so_far, array], into):
            return False
        so_far = into
    return True


def _operand(ctx: Context, arg: Expr, cast: str, compute: str, shape: tuple[int, ...]) -> DeviceArray:
    """The operand's array; cast first where the machine's own conversion would skip a step."""
    assert isinstance(arg, Load)
    if cast == compute or arg.dtype == cast:
        return arg.array
    into = ctx.new(cast, shape)
    ctx.emit(Lazy(shape, Compute(f"Cast{{{cast}}}", arg.dtype, cast, (arg.dtype,), (arg,))), into)
    return into


def _launch(
    ctx: Context, lazy: Lazy, compute: str, label: str, arrays: list[DeviceArray], target: DeviceArray,
    computed: bool = True,
) -> bool:  # fmt: skip
    """Launch the row `label`, or a conversion of the first array; False if there are too many dimensions."""
    geometry = joined(lazy.shape, [array.strides for array in (*arrays, target)])
    if len(geometry.shape) > RANK:
        return False
    pad = RANK - len(geometry.shape)
    each = _EACH[ctx.device.style]
    rare = computed and is_rare(label, compute)
    code = part(compute, rare).index(label) if computed else -1
    numbers: list[Number] = [lazy.size, each, code, *_three([DTYPES.index(a.dtype) for a in arrays], -1)]
    numbers += [*(1,) * pad, *geometry.shape]
    operands = list(zip(arrays, geometry.strides))
    for array, strides in (*_three(operands), (target, geometry.strides[-1])):
        numbers += [array.offset, *(0,) * pad, *strides]
    numbers.append(DTYPES.index(target.dtype))
    program = text(compute, rare, not ctx.exact, ctx.device.fp64)
    ctx.plan.count_interpreted((label, compute, target.dtype, *(array.dtype for array in arrays)))
    items = -(-lazy.size // each)
    ctx.launch(label, program, "machine", items, numbers, [*_three(arrays), target], 1, lazy.size, OPTIONS)
    return True


def _three(items: list[Any], missing: Any = None) -> list[Any]:
    """Three items: for those that are missing `missing`, or the first again."""
    return (items + [items[0] if missing is None else missing] * OPERANDS)[:OPERANDS]
