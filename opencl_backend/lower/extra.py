"""Running sums, diagonals, repeats, searches, choices; and results whose shape the data decide.

Owns these lowerings. Where a shape depends on values (nonzero, unique, repeats by a vector) the values are
read back and the plan is recorded anew on every call, which `explain` says. It must not know the gather's
kernel or the renderer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.fold import NARROW
from opencl_backend.loop import Gather, Lazy, chunk, spread, transposed
from opencl_backend.lower import makes_arrays, register
from opencl_backend.lower.elemwise import common_shape
from opencl_backend.lower.subtensor import gathered
from opencl_backend.plan import Value
from opencl_backend.render import header, signature
from opencl_backend.runtime import DeviceArray, Number, contiguous_strides
from opencl_backend.scalar_c import STORAGE, TABLE, CType, prelude
from reference.graph.core import Apply
from reference.graph.errors import ShapeError
from reference.printing.breakpoint import PdbBreakpoint
from reference.printing.print_op import Print
from reference.tensor.extra_ops import (
    Choose,
    CumOp,
    FillDiagonal,
    FillDiagonalOffset,
    Nonzero,
    RepeatOp,
    SearchsortedOp,
    Unique,
)

makes_arrays(RepeatOp, Print, PdbBreakpoint, Nonzero, Unique)


@register(Print)
def print_(ctx: Context, node: Apply) -> Value:
    """The input, fetched and shown by the reference, on every call."""
    (x,) = node.inputs
    ctx.plan.replayable = False
    ctx.note(f"prints {x}")
    node.op.perform(node, ctx.fetched(x))
    return ctx.value(x)


@register(PdbBreakpoint)
def breakpoint_(ctx: Context, node: Apply) -> list[Value]:
    """The inputs, fetched and shown to the reference's debugger, on every call."""
    ctx.plan.replayable = False
    node.op.perform(node, *[ctx.fetched(v) for v in node.inputs])
    return [ctx.value(v) for v in node.inputs[1:]]


@register(Nonzero, Unique)
def by_values(ctx: Context, node: Apply) -> list[DeviceArray]:
    """Computed from the values as the host reads them: they decide the result's shape."""
    return [ctx.known(np.ascontiguousarray(r)) for r in node.op.perform(node, np.asarray(ctx.host(node.inputs[0])))]


@register(RepeatOp)
def repeat(ctx: Context, node: Apply) -> Lazy:
    """A gather whose index repeats each place as often as the host reads."""
    x, repeats = node.inputs
    counts = np.asarray(ctx.host(repeats))
    array = ctx.array(x)
    axis = node.op.axis  # type: ignore[attr-defined]
    if axis is None:
        array = ctx.contiguous(array)
        array, axis = array.view((array.size,), (1,)), 0
    if len(counts) != array.shape[axis] or (counts < 0).any():
        raise ShapeError(
            f"repeat: {len(counts)} counts (each at least 0) for {array.shape[axis]} elements along the axis"
        )
    source = ctx.known(np.repeat(np.arange(len(counts)), counts.astype("int64")))
    shape = (*array.shape[:axis], source.size, *array.shape[axis + 1 :])
    places = [0 if k == axis else "x" for k in range(len(shape))]
    index = spread(transposed(ctx.loaded(source), places), shape)
    return gathered(ctx, array, shape, [(k, k) for k in range(len(shape)) if k != axis], [(axis, index)])


@register(FillDiagonal, FillDiagonalOffset)
def fill_diagonal(ctx: Context, node: Apply) -> DeviceArray:
    """A copy, and the value written along the diagonal, which is a view."""
    a, value, *offset = node.inputs
    out = ctx.copied(ctx.array(a))
    k = int(ctx.host(offset[0])) if offset else 0
    if out.ndim > 2 and len(set(out.shape)) > 1:
        raise ShapeError(f"fill_diagonal of more than 2 dimensions needs equal lengths, got shape {out.shape}")
    first = max(0, -k)
    rows = max(0, min(out.shape[0], out.shape[1] - k) - first) if offset else min(out.shape)
    start = first * out.strides[0] + max(0, k) * out.strides[1]
    if rows > 0:
        ctx.emit(spread(transposed(ctx.lazy(value), ["x"]), (rows,)), out.view((rows,), (sum(out.strides),), start))
    return out


@register(Choose)
def choose(ctx: Context, node: Apply) -> Lazy:
    """A chain of choices, from the last to the first; an index out of range is reported by a gather."""
    index, *choices = node.inputs
    op: Any = node.op
    shape = common_shape(ctx, node)
    count = len(choices)
    dtype = node.outputs[0].type.dtype
    place = ctx.evaluated(ctx.cast(ctx.lazy(index), "int64"))

    def number(value: int) -> Lazy:
        zero = ctx.loaded(ctx.known(np.full((), value, np.int64)))
        return spread(transposed(zero, ["x"] * len(place.shape)), place.shape)

    if op.mode == "wrap":
        place = ctx.step("mod", "int64", place, number(count))
    elif op.mode == "clip":
        place = ctx.step("clip", "int64", place, number(0), number(count - 1))
    else:
        checked = Gather(
            ctx.known(np.arange(count)).view(place.shape, (0,) * len(place.shape)),
            (ctx.step("switch", "int64", ctx.step("lt", "int64", place, number(0), result="bool"), number(count),
                      place).expr,),
            (1,), (count,),
            ctx.flag(lambda code: ValueError(f"choose: an index lies outside 0..{count - 1}")),
        )  # fmt: skip
        place = ctx.evaluated(Lazy(place.shape, checked))
    result: Lazy | None = None
    for k in range(count - 1, -1, -1):
        choice = spread(ctx.cast(ctx.lazy(choices[k]), dtype), shape)
        if result is None:
            result = choice
            continue
        here = spread(ctx.step("eq", "int64", place, number(k), result="bool"), shape)
        result = ctx.step("switch", dtype, here, choice, result)
    assert result is not None
    return result


@register(CumOp)
def cumulate(ctx: Context, node: Apply) -> DeviceArray:
    """Every column from its beginning, one element after the other."""
    op: Any = node.op
    (x,) = node.inputs
    dtype = node.outputs[0].type.dtype
    array = ctx.row_major(ctx.cast(ctx.lazy(x), dtype))
    if op.axis is None:
        array = array.view((array.size,), (1,))
    axis = op.axis or 0
    out = ctx.new(dtype, array.shape)
    if out.size == 0:
        return out
    inner = contiguous_strides(array.shape)[axis]
    columns = array.size // array.shape[axis]
    each = chunk(columns, 4 * ctx.device.compute_units, 1, NARROW if inner > 1 else 1)
    numbers: list[Number] = [columns, array.shape[axis], inner, each, array.offset]
    text = running(dtype, op.mode, ctx.device.fp64)
    items, options = -(-columns // each), ctx.options(array.size)
    ctx.launch(f"Cum{op.mode}", text, "running", items, numbers, [array, out], 1, array.size, options)
    return out


def running(dtype: str, kind: str, fp64: bool) -> str:
    """The kernel of running sums ("add") and products ("mul") of columns."""
    ct = CType(dtype, 1, False, fp64)
    row = TABLE[kind]
    load, store = ("load_half_float({})", "store_half_float({})") if dtype == "float16" else ("{}", "{}")
    half = ("load_half_float", "store_half_float") if dtype == "float16" else ()
    lines = [
        header(fp64) + prelude((*row.helpers(ct), *half))
        + signature("running", [(f"const {STORAGE[dtype]}", "p"), (STORAGE[dtype], "q")]),
        "  const long length = g[1], inner = g[2], first = get_global_id(0) * g[3];",
        "  const long last = first + g[3] < g[0] ? first + g[3] : g[0];",
        "  long k = first;",
        "  while (k < last) {",
        f"    const long x = k % inner; long m = inner - x < {NARROW} ? inner - x : {NARROW};",
        "    m = m < last - k ? m : last - k;",
        "    const long i = (k / inner) * length * inner + x;",
        "    if (inner == 1) {",
        f"      global const {STORAGE[dtype]} *a = p + (g[4] + i);",
        f"      global {STORAGE[dtype]} *o = q + i; {ct.name} v = {load.format('a[0]')}; o[0] = a[0];",
        f"      for (long l = 1; l < length; l++) {{ const {ct.name} e = {load.format('a[l]')};",
        f"        v = {row.expr(ct, 'v', 'e')}; o[l] = {store.format('v')}; }}",
        "      k++;",
        "      continue;",
        "    }",
        f"    {ct.name} sums[{NARROW}];",
        "    for (long l = 0; l < length; l++) {",
        f"      global const {STORAGE[dtype]} *a = p + (g[4] + i + l * inner);",
        f"      global {STORAGE[dtype]} *o = q + (i + l * inner);",
        f"      for (long j = 0; j < m; j++) {{ const {ct.name} e = {load.format('a[j]')}, v = sums[j];",
        f"        const {ct.name} s = l == 0 ? e : {row.expr(ct, 'v', 'e')};",
        f"        sums[j] = s; o[j] = {store.format('s')}; }}",
        "    }",
        "    k += m;", "  }", "}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


@register(SearchsortedOp)
def searchsorted(ctx: Context, node: Apply) -> DeviceArray:
    """A binary search for each value; NaN lies after every number."""
    x, v, *sorter = node.inputs
    dtype = np.promote_types(x.type.dtype, v.type.dtype).name
    ordered = ctx.cast(ctx.lazy(x), dtype)
    if sorter:
        index = ctx.lazy(sorter[0])
        ordered = gathered(ctx, ctx.row_major(ordered), index.shape, [], [(0, index)])
    table = ctx.row_major(ordered)
    values = ctx.row_major(ctx.cast(ctx.lazy(v), dtype))
    out = ctx.new("int64", values.shape)
    if out.size == 0:
        return out
    side = node.op.side  # type: ignore[attr-defined]
    each = chunk(out.size, 4 * ctx.device.compute_units, 64, 1)
    numbers: list[Number] = [out.size, each, table.size, table.offset, values.offset]
    ctx.launch(
        "searchsorted", searching(dtype, side, ctx.device.fp64), "searching", -(-out.size // each), numbers,
        [table, values, out], 1, out.size, ctx.options(out.size),
    )  # fmt: skip
    return out


def searching(dtype: str, side: str, fp64: bool) -> str:
    """The kernel of `searchsorted`."""
    ct = CType(dtype, 1, False, fp64)
    load = "load_half_float({})" if dtype == "float16" else "{}"
    a, b = ("e", "v") if side == "left" else ("v", "e")
    less = f"({a} < {b})" + (f" | (({b} != {b}) & ({a} == {a}))" if ct.is_float else "")
    goes_right = less if side == "left" else f"!({less})"
    lines = [
        header(fp64) + prelude(("load_half_float",) if dtype == "float16" else ())
        + signature("searching", [(f"const {STORAGE[dtype]}", "t"), (f"const {STORAGE[dtype]}", "p"), ("long", "q")]),
        "  const long first = get_global_id(0) * g[1], last = first + g[1] < g[0] ? first + g[1] : g[0];",
        "  for (long k = first; k < last; k++) {",
        f"    const {ct.name} v = {load.format('p[g[4] + k]')};",
        "    long low = 0, high = g[2];",
        "    while (low < high) {",
        f"      const long middle = low + (high - low) / 2; const {ct.name} e = {load.format('t[g[3] + middle]')};",
        f"      if ({goes_right}) low = middle + 1; else high = middle;",
        "    }",
        "    q[k] = low;", "  }", "}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
