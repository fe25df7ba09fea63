"""A loop as one kernel whose work-items own columns: which loops can be one, and what it is made of.

Owns the way from a recorded step to a `Columns` kernel: everything of a step is one expression, an element of it
may depend on its own column of the states, and on numbers that are one for all columns. It must not know kernels'
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from opencl_backend import scalar_c
from opencl_backend.context import Context
from opencl_backend.fuse import Order
from opencl_backend.kernels import columns
from opencl_backend.kernels.columns import (
    ALL,
    COLUMN,
    FEW,
    LAST,
    RING,
    SHARED,
    SOURCE,
    STATE,
    Columns,
    Output,
    Source,
    State,
)
from opencl_backend.loop import Compute, Expr, Gather, Lazy, Load, Position, joined, parts_of
from opencl_backend.lower.scan_kernel import MOST_ROWS, Moving, Recorder, Unfit, on_device, tells_its_steps
from opencl_backend.plan import Host, Value
from opencl_backend.render import Step
from opencl_backend.runtime import Cell, DeviceArray, Number
from reference.graph.core import Apply, Variable
from reference.graph.types import TensorType
from reference.scan.op import Scan

DEEPEST = 8
"""Steps back that registers hold."""
BLOCK = 16
"""Vectors that an item takes through all steps together."""
HEAVY = 20
"""Operations a step from which on few columns are worth an item of their own."""


class _Fused(Order):
    """Within a loop that is one kernel everything is one expression."""

    def may_wait(self, variable: Variable, lazy: Lazy, ctx: Context) -> bool:
        return True


class _Values(Recorder):
    """Keeps every value as an expression."""

    def __init__(self, outer: Context, order: Order):
        super().__init__(outer, order)
        self.made: list[Lazy] = []

    def new(self, dtype: str, shape: Sequence[int]) -> DeviceArray:
        raise Unfit("it writes parts of arrays")

    def computed(self, lazy: Lazy) -> DeviceArray:
        self.made.append(lazy)
        return self.marked("value", len(self.made) - 1, lazy.dtype, lazy.shape)

    def emit(self, source: Lazy | DeviceArray, target: DeviceArray) -> None:
        raise Unfit("it writes parts of arrays")

    def launch(self, label: str, *args: Any, **kwargs: Any) -> None:
        raise Unfit(f"its step has {label}, a kernel of its own")


class ColumnsLoop:
    """One scan as a `Columns` kernel."""

    def __init__(self, ctx: Context, node: Apply, steps: int):
        op = node.op
        assert isinstance(op, Scan)
        self.ctx, self.node, self.op, self.steps = ctx, node, op, steps
        if not ctx.device.fp64 and any(v.type.dtype == "float64" for v in op.inner_outputs):  # type: ignore[attr-defined]
            raise Unfit("the device has no doubles")
        self.order = _Fused(op.inner_inputs, op.inner_outputs)
        self.sources: list[Source] = []
        self.arrays: list[DeviceArray] = []
        self.reads: dict[tuple[str, int, int], int] = {}
        self.handed: dict[int, int] = {}
        self.told = tells_its_steps(ctx, op)
        self.recorder = _Values(ctx, self.order)
        self.firsts: list[DeviceArray] = []
        self.depths: list[int] = []
        self._given()
        self.recorder.run()
        self.values = [self.recorder.lazy(v) for v in op.inner_outputs]
        self._check_shapes()
        self.width = self._columns()
        self.shared, self.wide = _Steps(self, False), _Steps(self, True)
        self.roots = [self._root(value) for value in self.values]
        self.loop = self._finished()

    def _given(self) -> None:
        """The inner inputs, as arrays that move or as what they are outside."""
        ctx, op, recorder = self.ctx, self.op, self.recorder
        outer = op.cut(self.node.inputs[1:])
        sequences, taps, carries, constants = op.cut_inner(op.inner_inputs)
        for inner, v in zip(sequences, outer[0]):
            rows = on_device(ctx, v)
            row = recorder.marked("row", 0, rows.dtype, rows.shape[1:], rows)
            recorder.values[inner] = row.view(row.shape, rows.strides[1:])
        for k, (reads, v) in enumerate(zip(taps, outer[1])):
            if op.depth(k) > DEEPEST:
                raise Unfit(f"a state is read {op.depth(k)} steps back")
            first = on_device(ctx, v)
            self.firsts.append(first)
            self.depths.append(op.depth(k))
            for inner, tap in zip(reads, op.taps[k]):
                recorder.values[inner] = recorder.marked("state", 16 * k - tap, first.dtype, first.shape[1:])
        for inner, v in zip(carries, outer[2]):
            if not isinstance(v.type, TensorType):
                raise Unfit("it draws random numbers")
            array = on_device(ctx, v)
            first = array.view((1, *array.shape), (0, *array.strides))
            number = len(self.firsts)
            self.firsts.append(first)
            self.depths.append(1)
            recorder.values[inner] = recorder.marked("state", 16 * number + 1, first.dtype, array.shape)
        for inner, v in zip(constants, outer[3]):
            value = ctx.value(v)
            recorder.values[inner] = value if isinstance(value, Host) else ctx.array(v)

    def _check_shapes(self) -> None:
        stacked = self.values[: self.op.n_states]
        carried = self.values[self.op.n_stacked : self.op.n_stacked + self.op.n_carries]
        for first, value in zip(self.firsts, [*stacked, *carried]):
            if first.shape[1:] != value.shape:
                raise Unfit("a state changes its shape")

    # Columns.

    def _columns(self) -> int:
        sizes = {value.size for value in self.values} | {prod(first.shape[1:]) for first in self.firsts}
        self.n = max(sizes, default=1)
        if self.n == 0 or sizes - {1, self.n}:
            raise Unfit(f"its values have different numbers of elements: {sorted(sizes)}")
        return 1

    def is_wide(self, size: int) -> bool:
        return size == self.n

    def _root(self, value: Lazy) -> tuple[bool, int]:
        wide = self.is_wide(value.size) and (self.n > 1 or not self.op.until)
        return wide, (self.wide if wide else self.shared).add(value)

    def source(self, array: DeviceArray, still: bool, wide: bool) -> int:
        """The number of an array among those the kernel reads; unless `still`, its first axis is the step."""
        source = Source(array.dtype, still, wide)
        for k, known in enumerate(self.arrays):
            same = (known.storage, known.offset, known.strides) == (array.storage, array.offset, array.strides)
            if same and self.sources[k] == source:
                return k
        self.arrays.append(array)
        self.sources.append(source)
        return len(self.sources) - 1

    def read(self, kind: str, number: int, ago: int = 0) -> int:
        return self.reads.setdefault((kind, number, ago), len(self.reads))

    def value_of(self, number: int) -> Lazy:
        return self.recorder.made[number]

    # The kernel.

    def _finished(self) -> Columns:
        op = self.op
        states = []
        new = [*self.roots[: op.n_states], *self.roots[op.n_stacked : op.n_stacked + op.n_carries]]
        for first, depth, (wide, root) in zip(self.firsts, self.depths, new):
            source = self.source(first, False, wide)
            states.append(State(first.dtype, wide, depth, source, root))
        self.kept: list[int] = []
        self.rows: list[int] = []
        outputs = []
        for k, value in enumerate(self.values[: op.n_stacked + op.n_carries]):
            keep = op.keep[k] if k < op.n_stacked else 1
            rows = self.steps if keep is None else min(keep, self.steps)
            if keep is None and op.until and rows * value.size * 8 > MOST_ROWS:
                raise Unfit(f"its {rows} rows at most would take too much memory")
            how = LAST if keep == 1 else ALL if rows == self.steps and not (op.until and keep) else FEW
            if op.until and how == FEW:
                how = RING
            wide, root = self.roots[k]
            outputs.append(Output(value.dtype, wide, how, root))
            self.rows.append(rows)
        until = self.roots[-1] if op.until else None
        if until is not None and until[0]:
            raise Unfit("it ends by a condition on every element")
        shared, wide_steps = tuple(self.shared.steps), tuple(self.wide.steps)
        used = [s.dtype for s in wide_steps] + [c for s in wide_steps for c in (*s.casts, s.compute) if c]
        widest = 1 if self.ctx.device.style == "gpu" else 8 if any(d.endswith("64") for d in used) else 16
        width = min(widest, 1 << (self.n.bit_length() - 1))
        self.weight = sum(1 + 8 * bool(_helpers(s)) for s in wide_steps if s.kind == "compute")
        self.block = width * min(BLOCK, -(-self.n // width)) if width > 1 else 1
        count = self.block // width
        return Columns(
            width, count, self.weight * count <= 160, tuple(self.sources), tuple(self.reads), tuple(states), shared,
            wide_steps, tuple(self.handed), tuple(outputs), None if until is None else until[1],
            self.ctx.device.style, not self.ctx.exact, self.ctx.device.fp64,
        )  # fmt: skip

    def outputs(self) -> list[Value]:
        """Run it; the values of the node's outputs."""
        ctx, op, loop = self.ctx, self.op, self.loop
        stored = any(o.how != LAST for o in loop.outputs if o.wide)
        gpu = loop.style == "gpu"
        units = ctx.device.compute_units
        least = 1 if gpu else 32 if self.weight >= HEAVY and not stored else 256
        items = max(1, self.n // least)
        if items > units and not gpu:
            items = min(items // units * units, 4 * units)
        each = self.n // items if gpu else max(self.n // items // loop.width, 1) * loop.width
        targets = []
        for k, (output, rows, value) in enumerate(zip(loop.outputs, self.rows, self.values)):
            shape = value.shape if k >= op.n_stacked else (rows, *value.shape)
            targets.append(ctx.new(output.dtype, shape))
        made = [ctx.new("int64", (1,))] if op.until else []
        numbers: list[Number] = [self.n, each, items, self.steps]
        arrays = [_side_by_side(ctx, array, source) for array, source in zip(self.arrays, loop.sources)]
        for array, source in zip(arrays, loop.sources):
            numbers += [array.offset, 0 if source.still else array.strides[0]]
        numbers += self.rows
        local = columns.GPU_GROUP if gpu else 1
        ctx.launch(
            f"{op} x {self.steps}", columns.text(loop), "loop", -(-items // local) * local, numbers,
            [*arrays, *targets, *made], local, self.steps * self.n,
            ctx.options(self.steps * self.n * (1 + self.weight), loop),
        )  # fmt: skip
        how = f"{self.n} columns, {items} items" if self.n > 1 else "one item"
        ctx.note(f"{op}: one kernel for all steps, every column on its own ({how})")
        if not self.told:
            return [*targets]
        ctx.plan.replayable = False
        return self._cut(targets, int(made[0].to_host()[0]))

    def _cut(self, targets: Sequence[DeviceArray], made: int) -> list[Value]:
        """The rows of the steps that were made, in order."""
        results: list[Value] = []
        for k, (output, rows, target) in enumerate(zip(self.loop.outputs, self.rows, targets)):
            if k < self.op.n_stacked and output.how in (ALL, RING):
                first = made % rows if output.how == RING and made > rows else 0
                if first:
                    target = self._turned(target, first)
                target = target.view((min(made, rows), *target.shape[1:]), target.strides)
            results.append(target)
        return results

    def _turned(self, ring: DeviceArray, first: int) -> DeviceArray:
        """The rows of a ring in order; the oldest is row `first`."""
        out = self.ctx.new(ring.dtype, ring.shape)
        size, rows = prod(ring.shape[1:]), ring.shape[0]
        for start, count, source in ((0, rows - first, first), (rows - first, first, 0)):
            shape = (count, *ring.shape[1:])
            view = ring.view(shape, ring.strides, source * size)
            self.ctx.emit(Lazy(shape, Load(view)), out.view(shape, ring.strides, start * size))
        return out


def _side_by_side(ctx: Context, array: DeviceArray, source: Source) -> DeviceArray:
    """The array, or a copy if the elements of a row do not lie side by side."""
    row = array if source.still else array.view(array.shape[1:], array.strides[1:])
    return array if not source.wide or row.is_contiguous else ctx.copied(array)


def _helpers(step: Step) -> Sequence[str]:
    return scalar_c.by_name(step.row).helpers(scalar_c.CType(step.compute))


class _Steps:
    """The steps of one kind of value, shared or a column's, each once."""

    def __init__(self, loop: ColumnsLoop, wide: bool):
        self.loop, self.wide = loop, wide
        self.steps: list[Step] = []
        self.place: dict[int, int] = {}
        self.loads: dict[int, int] = {}
        self.kept: list[Any] = []

    def add(self, value: Lazy) -> int:
        """The number of the step that gives an element of `value`."""
        # Parts stay alive so that no other gets the identity of one of them.
        self.kept.append(value)
        stack: list[tuple[Lazy, Expr, bool]] = [(value, value.expr, False)]
        while stack:
            lazy, part, opened = stack.pop()
            if id(part) in self.place:
                continue
            same = self._stands_for(lazy, part)
            if same is not None and not opened:
                stack += [(lazy, part, True), (same, same.expr, False)]
            elif same is not None:
                self.place[id(part)] = self.place[id(same.expr)]
            elif not opened:
                stack.append((lazy, part, True))
                stack += [(lazy, arg, False) for arg in reversed(parts_of(part))]
            else:
                self.place[id(part)] = self._step(lazy, part)
        return self.place[id(value.expr)]

    def _stands_for(self, lazy: Lazy, part: Expr) -> Lazy | None:
        """The value that a load of a recorded array stands for, where the load keeps every column in its place."""
        if not isinstance(part, Load):
            return None
        marker = self.loop.recorder.moving(part.array)
        if marker is None or marker.kind != "value" or (self._once(lazy, part.array) and self.wide and self.loop.n > 1):
            return None
        self._aligned(lazy, part.array, marker)
        return self.loop.value_of(marker.number)

    def _once(self, lazy: Lazy, array: DeviceArray) -> bool:
        """Is it one element for all columns?"""
        return all(stride == 0 or n == 1 for n, stride in zip(lazy.shape, array.strides))

    def _aligned(self, lazy: Lazy, array: DeviceArray, marker: Moving) -> None:
        if self._once(lazy, array) and marker.size == 1:
            return
        whole = lazy.size == marker.size and not isinstance(array.offset, Cell) and array.offset == 0
        if not whole or (lazy.size > 1 and joined(lazy.shape, [array.strides]).strides != ((1,),)):
            raise Unfit("its step reads a state or a value at other places than its own")

    def _step(self, lazy: Lazy, part: Expr) -> int:
        if isinstance(part, Load):
            return self._load(part.array.dtype, self._read(lazy, part.array))
        if isinstance(part, Compute):
            args = tuple(self.place[id(arg)] for arg in part.args)
            return self._append(Step("compute", part.dtype, args, part.row, part.compute, part.casts))
        if isinstance(part, Position):
            return self._position(lazy, part)
        assert isinstance(part, Gather)
        raise Unfit("its step looks elements up")

    def _append(self, step: Step) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def _load(self, dtype: str, read: int) -> int:
        if read not in self.loads:
            self.loads[read] = self._append(Step("load", dtype, (read,)))
        return self.loads[read]

    def _position(self, lazy: Lazy, part: Position) -> int:
        if lazy.shape[part.axis] != lazy.size or not self.wide:
            raise Unfit("its step counts along one of several dimensions")
        known = self.loop.ctx.known
        column = self._load("int64", self.loop.read(COLUMN, 0))
        sources = [self.loop.source(known(np.array(n, np.int64)), True, False) for n in (part.start, part.step)]
        loads = [self._load("int64", self.loop.read(SOURCE, k)) for k in sources]
        moved = self._append(Step("compute", "int64", (loads[1], column), "mul", "int64", ("int64",) * 2))
        return self._append(Step("compute", "int64", (loads[0], moved), "add", "int64", ("int64",) * 2))

    def _read(self, lazy: Lazy, array: DeviceArray) -> int:
        """What the kernel loads for this array."""
        loop, marker = self.loop, self.loop.recorder.moving(array)
        once = self._once(lazy, array)
        if marker is None:
            return loop.read(SOURCE, self._still(lazy, array, once))
        if marker.kind == "row":
            return loop.read(SOURCE, self._row(lazy, array, marker, once))
        self._aligned(lazy, array, marker)
        if marker.kind == "state":
            return loop.read(STATE, *divmod(marker.number, 16))
        root = loop.shared.add(loop.value_of(marker.number))
        return loop.read(SHARED, loop.handed.setdefault(root, len(loop.handed)))

    def _still(self, lazy: Lazy, array: DeviceArray, once: bool) -> int:
        return self.loop.source(array.view((), ()) if once else array, True, not once)

    def _row(self, lazy: Lazy, array: DeviceArray, marker: Moving, once: bool) -> int:
        rows = marker.rows
        assert rows is not None
        where = rows.offset
        if array.offset != 0:
            if isinstance(array.offset, Cell) or isinstance(where, Cell):
                raise Unfit("its step reads at places that change from call to call")
            where += array.offset
        if not once and not array.is_contiguous and lazy.size > prod(rows.shape[1:]):
            raise Unfit("its step repeats rows of a sequence")
        view = rows.view((rows.shape[0], *lazy.shape), (rows.strides[0], *array.strides), where)
        return self.loop.source(view, False, not once)
