"""Dot and BatchedDot: which kernel, which tile, or BLAS on the memory the device shares with the host.

Owns the choice. Exact mode sums over k from 0 up; otherwise the order is free within the error bound. It
must not know kernel text.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.fuse import MOST_OPERANDS
from opencl_backend.kernels import blocks, gemm
from opencl_backend.loop import Compute, Lazy, Load, joined
from opencl_backend.lower import makes_arrays, register
from opencl_backend.operands import NOTHING, Epilogue, Operand
from opencl_backend.postponed import Postponed
from opencl_backend.render import encode
from opencl_backend.runtime import DeviceArray, Number, Runtime
from reference.graph.core import Apply, Variable
from reference.tensor.linalg import BatchedDot, Dot

makes_arrays(Dot, BatchedDot)

WORTH_PACKING = 2048
"""Bytes from one row of the right operand to the next above which its blocks are copied first."""
A_PRODUCT = 16
"""A term of a product is worth so many elements of a loop when it is asked what deserves a kernel."""
A_TILE = 8
"""Terms that a tile adds up, built in haste, while a loop would do one operation."""
A_SUM = 2
"""Terms that a tile adds up while a loop would do one operation."""
WORTH_LANES = 128
"""From so many terms on, sums side by side in a vector are worth being added up in the end."""
SIDE_BY_SIDE = 16
"""Columns that an item finishes together, where there are enough of them."""
MOST_COLUMNS = 12
"""That are multiplied with one reading of the rows, lanes along k."""
MOST_SUMS = 20
"""Vectors of sums that stay in registers beside what they are made of."""
MOST_ROWS = {1: 12, 2: 12, 3: 8, 4: 6}
"""Rows of a tile of so many vectors: their sums stay in registers."""
BLOCKS_EACH = 2
"""Work-groups a compute unit of a GPU that blocks are made small enough for."""


@register(Dot)
def dot(ctx: Context, node: Apply) -> Any:
    x, y = node.inputs
    shapes = ctx.shape(x), ctx.shape(y)
    if shapes[0][-1] != shapes[1][0]:
        _refuse(node, shapes)
    left, right = _operands(ctx, node)
    rows = shapes[0][:-1]
    columns = shapes[1][1:]
    a = _matrix(left, () if len(rows) else ("row",), 0)
    b = _matrix(right, () if len(columns) else ("column",), 0)
    return _finished(ctx, node, a, b, 1, prod(rows), prod(columns), shapes[1][0], (*rows, *columns))


@register(BatchedDot)
def batched_dot(ctx: Context, node: Apply) -> Any:
    x, y = node.inputs
    shapes = ctx.shape(x), ctx.shape(y)
    if shapes[0][0] != shapes[1][0] or shapes[0][-1] != shapes[1][1]:
        _refuse(node, shapes)
    left, right = _operands(ctx, node)
    rows, columns = shapes[0][1:-1], shapes[1][2:]
    a = _matrix(left, () if len(rows) else ("row",), 1)
    b = _matrix(right, () if len(columns) else ("column",), 1)
    batches = shapes[0][0]
    return _finished(ctx, node, a, b, batches, prod(rows), prod(columns), shapes[1][1], (batches, *rows, *columns))


def _refuse(node: Apply, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Let the reference raise its own error."""
    node.op.perform(node, *[np.broadcast_to(np.zeros((), v.type.dtype), s) for v, s in zip(node.inputs, shapes)])


def _operands(ctx: Context, node: Apply) -> list[DeviceArray]:
    """The operands in the dtype of the arithmetic; float16 is computed in float32."""
    dtype = node.outputs[0].type.dtype
    return [_array(ctx, v, "float32" if dtype == "float16" else dtype) for v in node.inputs]


def _array(ctx: Context, variable: Variable, dtype: str) -> DeviceArray:
    if variable.type.dtype == dtype:
        return ctx.array(variable)
    return ctx.computed(_cast(ctx.lazy(variable), dtype))


def _cast(lazy: Lazy, dtype: str) -> Lazy:
    if lazy.dtype == dtype:
        return lazy
    return Lazy(lazy.shape, Compute(f"Cast{{{dtype}}}", lazy.dtype, dtype, (lazy.dtype,), (lazy.expr,)))


def _matrix(array: DeviceArray, missing: tuple[str, ...], batched: int) -> Operand:
    """The array as a batch of matrices; a vector is a matrix of one row or one column."""
    batch = array.strides[0] if batched else 0
    strides = array.strides[batched:]
    if missing == ("row",):
        strides = (0, *strides)
    elif missing == ("column",):
        strides = (*strides, 0)
    row, column = strides
    return Operand(array, batch, row, column)


def _finished(
    ctx: Context, node: Apply, a: Operand, b: Operand, batches: int, m: int, n: int, depth: int, shape: tuple[int, ...]
) -> Any:
    dtype = node.outputs[0].type.dtype
    target = ctx.new(a.array.dtype, shape)

    def write(target: DeviceArray = target, row: int = n, column: int = 1, epilogue: Epilogue = NOTHING) -> None:
        multiply(ctx, a, b, Operand(target, m * n, row, column), batches, m, n, depth, epilogue)

    def finish(lazy: Lazy, into: DeviceArray) -> bool:
        """The product and what is made of it in one kernel."""
        steps = _steps(into, m, n)
        if steps is None or lazy.dtype != target.dtype:
            return False
        epilogue = _epilogue(ctx, lazy, target, m, n, steps[1] == 1)
        if epilogue is None:
            return False
        ctx.forget(target)
        write(into, *steps, epilogue)
        return True

    tiled = target.size > 0 and batches == 1 and _is_tiled(ctx, a, b, m, n, depth)
    if tiled and ctx.may_postpone(node.outputs[0]):
        ctx.postpone(Postponed(target, write, finish))
    elif target.size:
        write()
    return _cast(Lazy(shape, Load(target)), dtype)


def _is_tiled(ctx: Context, a: Operand, b: Operand, m: int, n: int, depth: int) -> bool:
    """Is it a kernel of tiles that multiplies these floats?"""
    floats = a.array.dtype in ("float32", "float64")
    return floats and depth > 0 and (ctx.exact or not _blas_pays(ctx, a, b, 1, m, n, depth))


def _steps(array: DeviceArray, m: int, n: int) -> tuple[int, int] | None:
    """From row to row, and from column to column, of an m x n matrix that may be a vector, or have its rows along
    several axes; None if they are not at equal distances."""
    if array.ndim == 2:
        return array.strides[0], array.strides[1]
    if array.ndim == 1:
        return (array.strides[0], 0) if n == 1 else (0, array.strides[0])
    if array.ndim == 0:
        return None
    rows = joined(array.shape[:-1], [array.strides[:-1]])
    return (rows.strides[0][0], array.strides[-1]) if len(rows.shape) == 1 else None


def _epilogue(ctx: Context, lazy: Lazy, product: DeviceArray, m: int, n: int, in_order: bool) -> Epilogue | None:
    """An expression of the elements of a product, if that is what it is; written `in_order` it may draw numbers."""
    code = encode(lazy.expr)
    by_rows = lazy.shape in ((m, n), product.shape) or (len(lazy.shape) > 2 and lazy.shape[-1] == n)
    if not by_rows or prod(lazy.shape) != m * n or code.positions or code.gathers:
        return None
    operands: list[Operand | None] = []
    for array in code.arrays:
        steps = _steps(array, m, n)
        if steps is None:
            return None
        if array.storage is not product.storage:
            words = ctx.state_of(array, m * n) if in_order else None
            operands.append(Operand(array, 0, *steps, tuple(words or ())))
        elif array.owns_storage and array.offset == product.offset:
            operands.append(None)
        else:
            return None
    return Epilogue(code.steps, tuple(operands)) if len(operands) <= MOST_OPERANDS else None


def multiply(
    ctx: Context, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int,
    epilogue: Epilogue = NOTHING,
) -> None:  # fmt: skip
    """Write ``a @ b``, or what `epilogue` makes of it, into `c`: batches of (m, depth) times (depth, n)."""
    dtype = c.array.dtype
    pack = ctx.device.costs.pack
    free = dtype in ("float32", "float64") and not ctx.exact
    few = ctx.records or m < 4 * pack or n < SIDE_BY_SIDE
    if depth == 0:
        ctx.emit(_zeros(ctx, c.array), c.array)
    elif ctx.device.style == "gpu" and min(m, n) >= blocks.SIDE and ctx.is_large(batches * m * n * depth * A_PRODUCT):
        _launch_blocks(ctx, a, b, c, batches, m, n, depth, epilogue)
    elif ctx.device.style == "gpu":
        _launch_elements(ctx, a, b, c, batches, m, n, depth, epilogue)
    elif not ctx.is_large(batches * m * n * depth * A_PRODUCT):
        ctx.plan.count_interpreted(("dot", dtype))
        _launch_elements(ctx, a, b, c, batches, m, n, depth)
    elif ctx.records and ctx.stays(b.array) and (n > 1 or not free):
        side = b if b.column == 1 or n == 1 else _side_by_side(ctx, b, batches, depth, n)
        _launch_product(ctx, a, side, c, batches, m, n, depth, epilogue)
    elif ctx.records and ctx.stays(a.array) and m > 1:
        side = a.turned() if a.row == 1 else _side_by_side(ctx, a.turned(), batches, depth, m)
        _launch_product(ctx, b.turned(), side, c.turned(), batches, n, m, depth, epilogue.turned())
    elif free and _blas_pays(ctx, a, b, batches, m, n, depth):
        ctx.plan.begin(HostDot(ctx.runtime, a, b, c, batches, m, n, depth))
    elif free and a.column == 1 and b.row == 1 and b.column != 1 and depth >= WORTH_LANES and few:
        _launch_inner(ctx, a, b, c, batches, m, n, depth, epilogue)
    elif free and a.column == 1 and m >= pack and _is_narrow(dtype, n, depth) and not ctx.records:
        side = _side_by_side(ctx, b.turned(), batches, n, depth).turned()
        _launch_inner(ctx, a, side, c, batches, m, n, depth, epilogue)
    elif n > 1 and a.row == 1 and not ctx.records and _turning_pays(dtype, m, n, depth):
        _launch_product(ctx, b.turned(), a.turned(), c.turned(), batches, n, m, depth, epilogue.turned())
    elif n > 1 and (b.column == 1 or (m >= pack and a.row != 1)):
        _launch_product(ctx, a, b, c, batches, m, n, depth, epilogue)
    elif m > 1 and a.row == 1:
        _launch_product(ctx, b.turned(), a.turned(), c.turned(), batches, n, m, depth, epilogue.turned())
    elif n == 1:
        _launch_product(ctx, a, b, c, batches, m, n, depth, epilogue)
    elif m == 1:
        _launch_product(ctx, b.turned(), a.turned(), c.turned(), batches, n, m, depth, epilogue.turned())
    elif m <= n:
        side = _side_by_side(ctx, a.turned(), batches, depth, m)
        _launch_product(ctx, b.turned(), side, c.turned(), batches, n, m, depth, epilogue.turned())
    else:
        _launch_product(ctx, a, _side_by_side(ctx, b, batches, depth, n), c, batches, m, n, depth, epilogue)


def _zeros(ctx: Context, like: DeviceArray) -> Lazy:
    zero = ctx.known(np.zeros((), like.dtype))
    return Lazy(like.shape, Load(zero.view(like.shape, (0,) * like.ndim)))


def _side_by_side(ctx: Context, x: Operand, batches: int, rows: int, columns: int) -> Operand:
    """A copy whose columns lie side by side."""
    view = x.array.view((batches, rows, columns), (x.batch, x.row, x.column))
    copy = ctx.computed(Lazy(view.shape, Load(view)))
    return Operand(copy, rows * columns, columns, 1)


def _width(dtype: str, n: int) -> int:
    """Lanes of a vector: a cache line, fewer if there are fewer columns."""
    widest = {1: 16, 2: 16, 4: 16, 8: 8}[np.dtype(dtype).itemsize]
    return min(widest, 1 << (n.bit_length() - 1))


def _vectors(n: int, width: int) -> int:
    """Vectors of a block of columns: blocks of one size, the last of which has little in common with the one before."""
    lanes = -(-n // width)
    return max(1, min(-(-lanes // -(-lanes // 4)), n // width))


def _tile_rows(m: int, vectors: int) -> int:
    """Rows of a tile: the fewest tiles, then the fewest rows."""
    most = MOST_ROWS[vectors]
    return min(range(most, most // 2, -1), key=lambda rows: (-(-m // rows), rows)) if m > most else m


def _turning_pays(dtype: str, m: int, n: int, depth: int) -> bool:
    """Do fewer lanes of vectors stay empty where rows of the result lie along them? They are written one by one."""
    width = _width(dtype, max(m, n))
    return depth >= 64 and 1.1 * n * (-(-m // width)) < m * (-(-n // width))


def _is_narrow(dtype: str, n: int, depth: int) -> bool:
    """Do lanes of vectors stay empty along the columns, but not along k?"""
    return 1 < n < _width(dtype, depth) and n <= MOST_COLUMNS and depth >= WORTH_LANES


def _split(m: int, rows: int, groups: int) -> tuple[int, int]:
    """(rows a group, groups): about so many groups of whole tiles."""
    each = -(-m // (groups * rows)) * rows
    return each, -(-m // each)


def _numbers(
    a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int, *blocking: int
) -> list[Number]:
    """In the order of `gemm.NUMBERS`."""
    return [
        batches, m, n, depth, *blocking, a.at, a.batch, a.row, a.column, b.at, b.batch, b.row, b.column,
        c.at, c.batch, c.row, c.column,
    ]  # fmt: skip


def _launch_product(
    ctx: Context, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int, epilogue: Epilogue
) -> None:
    dtype = gemm.SAME_BITS.get(c.array.dtype, c.array.dtype)
    width = _width(dtype, n)
    far = b.column != 1 or b.row * np.dtype(dtype).itemsize >= WORTH_PACKING
    vectors = _vectors(n, width)
    packed = n > 1 and m >= ctx.device.costs.pack and (far or (n % (vectors * width) != 0 and not ctx.records))
    if packed:
        width = _width(dtype, 2 * n - 1)
        lanes = -(-n // width)
        vectors = -(-lanes // -(-lanes // 4))
    rows = min(m, 8) if width == 1 else _tile_rows(m, vectors)
    options = ctx.options(batches * m * n * depth // A_TILE, (dtype, rows, m % rows, vectors, width, packed))
    if options:
        # Tiles of one row serve whatever the rows are, so that most products find them built.
        rows, packed = 1, packed and b.column != 1
        if not packed:
            width = _width(dtype, n)
            vectors = _vectors(n, width)
    block = vectors * width
    blocks = -(-n // block)
    items = 4 * ctx.device.compute_units
    groups = max(1, min(-(-items // (blocks * batches)), -(-m // rows), m * n * depth // 50_000 or 1))
    if packed:
        groups = max(1, min(groups, m // ctx.device.costs.pack))
    rows_each, groups = _split(m, rows, groups)
    if ctx.share and m % ctx.share == 0:
        rows = max(r for r in range(1, min(6, ctx.share) + 1) if ctx.share % r == 0)
        packed, rows_each, groups = False, ctx.share, m // ctx.share
    again = rows_each > rows and depth >= 2 * gemm.SHALLOW
    near = again and not (packed or ctx.records or options or width == 1 or c.column != 1)
    over = None
    if not (near or ctx.records or width == 1 or c.column != 1 or (packed and depth > gemm.DEEP)):
        over = epilogue.over(a, b, c)
    tile = gemm.Tile(
        dtype, rows, m % rows, vectors, width, packed, c.column != 1, _contracts(ctx, dtype),
        ctx.device.fp64, ctx.records and n % block == 0, epilogue.finish(ctx, c, bool(over and over.sources)), near,
    )  # fmt: skip
    arrays = [a.array, b.array, c.array, *epilogue.arrays]
    if packed:
        arrays.append(ctx.new(c.array.dtype, (batches * blocks * groups, min(depth, gemm.DEEP), block)))
        ctx.held += arrays[-1:] if over and over.sources else []
    ctx.launch(
        _label(m, depth, n, epilogue), gemm.product(tile), "product", batches * blocks * groups,
        _numbers(a, b, c, batches, m, n, depth, rows_each, groups, blocks) + epilogue.numbers(), arrays, 1,
        2 * batches * m * n * depth, options, batches * m * n * depth // A_SUM, over,
    )  # fmt: skip


def _contracts(ctx: Context, dtype: str) -> bool:
    """May a multiplication and an addition be one operation?"""
    return not ctx.exact and dtype.startswith("float")


def _label(m: int, depth: int, n: int, epilogue: Epilogue) -> str:
    draws = ["draw"] * any(x is not None and x.words for x in epilogue.operands)
    return "+".join(dict.fromkeys((f"dot {m}x{depth}x{n}", *draws, *(step.row for step in epilogue.steps if step.row))))


def _launch_inner(
    ctx: Context, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int, epilogue: Epilogue
) -> None:
    dtype = c.array.dtype
    options = ctx.options(batches * m * n * depth, ("inner", dtype, m, n))
    most = 2 if options else 4  # sums side by side take the compiler long, even in haste
    if not options and most < n <= MOST_COLUMNS < m:
        rows, columns = MOST_SUMS // n, n
    elif m > 1 and n > 1:
        rows, columns = min(m, most), min(n, most)
    else:
        rows, columns = min(m, 2 * most), min(n, 2 * most)
    items = 4 * ctx.device.compute_units
    tiles = max(1, min(SIDE_BY_SIDE // columns, n // (columns * items))) if epilogue.steps else 1
    blocks = -(-n // (columns * tiles))
    groups = max(1, min(-(-items // (blocks * batches)), -(-m // rows), m * n * depth // 50_000 or 1))
    rows_each, groups = _split(m, rows, groups)
    if ctx.share and m % ctx.share == 0:
        rows_each, groups = ctx.share, m // ctx.share
    finish = epilogue.finish(ctx, c)
    text = gemm.inner(dtype, rows, columns, 64 // np.dtype(dtype).itemsize, ctx.device.fp64, finish, tiles)
    ctx.launch(
        _label(m, depth, n, epilogue), text, "inner", batches * blocks * groups,
        _numbers(a, b, c, batches, m, n, depth, rows_each, groups, blocks) + epilogue.numbers(),
        [a.array, b.array, c.array, *epilogue.arrays], 1,
        2 * batches * m * n * depth, options, batches * m * n * depth // A_SUM,
    )  # fmt: skip


def _launch_elements(
    ctx: Context, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int,
    epilogue: Epilogue = NOTHING,
) -> None:  # fmt: skip
    dtype = gemm.SAME_BITS.get(c.array.dtype, c.array.dtype)
    total = batches * m * n
    contract = ctx.device.style == "gpu" and _contracts(ctx, dtype)
    ctx.launch(
        _label(m, depth, n, epilogue), blocks.element(dtype, contract, ctx.device.fp64, epilogue.finish(ctx, c)),
        "element", -(-total // blocks.GROUP) * blocks.GROUP,
        _numbers(a, b, c, batches, m, n, depth, m, 1, 1) + epilogue.numbers(),
        [a.array, b.array, c.array, *epilogue.arrays], blocks.GROUP, 2 * total * depth,
    )  # fmt: skip


def _launch_blocks(
    ctx: Context, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int, epilogue: Epilogue
) -> None:
    """The largest blocks of which every compute unit has some."""
    dtype = gemm.SAME_BITS.get(c.array.dtype, c.array.dtype)
    most = ctx.device.costs.block["float32" if np.dtype(dtype).itemsize <= 4 else "float64"]
    rows, columns = (min(most, 1 << ((k - 1) // blocks.SIDE).bit_length()) for k in (m, n))

    def across() -> tuple[int, int]:
        return -(-m // (blocks.SIDE * rows)), -(-n // (blocks.SIDE * columns))

    while prod(across()) * batches < BLOCKS_EACH * ctx.device.compute_units and rows * columns > 1:
        rows, columns = (rows // 2, columns) if rows >= columns else (rows, columns // 2)
    ctx.launch(
        _label(m, depth, n, epilogue),
        blocks.block(dtype, rows, columns, _contracts(ctx, dtype), ctx.device.fp64, epilogue.finish(ctx, c)),
        "block", batches * prod(across()) * blocks.GROUP,
        _numbers(a, b, c, batches, m, n, depth, blocks.SIDE * rows, *across()) + epilogue.numbers(),
        [a.array, b.array, c.array, *epilogue.arrays], blocks.GROUP, 2 * batches * m * n * depth,
    )  # fmt: skip


def _blas_pays(ctx: Context, a: Operand, b: Operand, batches: int, m: int, n: int, depth: int) -> bool:
    """Is BLAS, with a wait for the queue, the faster way? It must be able to read the strides, too."""
    shared = ctx.device.shares_host_memory and ctx.device.style == "cpu" and not ctx.records
    plain = all(1 in (x.row, x.column) and min(x.row, x.column) > 0 for x in (a, b))
    worth = 2 * m * n * depth >= ctx.device.costs.blas[a.array.dtype]
    return shared and plain and worth and batches == 1 and min(m, n, depth) >= 64


class HostDot:
    """A step of a plan that waits for the queue and multiplies in place with NumPy's BLAS."""

    items = local = (1,)

    def __init__(self, runtime: Runtime, a: Operand, b: Operand, c: Operand, batches: int, m: int, n: int, depth: int):
        self.runtime = runtime
        self.label = f"BLAS {m}x{depth}x{n}"
        self.elements = 2 * batches * m * n * depth
        self.moved = sum(x.array.nbytes for x in (a, b, c))
        self._operands = (a, (m, depth)), (b, (depth, n)), (c, (m, n))
        self.slots = [x.array.storage.slot for x in (a, b, c)]

    def enqueue(self) -> None:
        a, b, c = (_seen(x, shape) for x, shape in self._operands)
        self.runtime.wait()
        np.dot(a, b, out=c)

    def kernels(self) -> tuple[()]:
        return ()


def _seen(x: Operand, shape: tuple[int, int]) -> np.ndarray:
    """The matrix in the memory that host and device share."""
    dtype = np.dtype(x.array.dtype)
    buffer = x.array.storage.slot.buffer
    typed = buffer.get_host_array((buffer.size // dtype.itemsize,), dtype)
    strides = (x.row * dtype.itemsize, x.column * dtype.itemsize)
    return np.lib.stride_tricks.as_strided(typed[int(x.at) :], shape, strides)
