"""A whole loop as one kernel that runs the kernels of a step one after the other, for all steps.

Owns the loops that are not `Columns`: a step with products, reductions, draws, joins, or loops of its own. It is
lowered by a `Recorder` that keeps what would have been launched. If row i of everything that a step makes depends
on row i of what it has made alone (a batch), rows are split over work-items, which need not wait for each other;
otherwise one work-item does all, which pays while a step is small. It must not know kernels' text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from opencl_backend.context import Context
from opencl_backend.kernels import gemm, rows
from opencl_backend.kernels.rows import Call, Place
from opencl_backend.loop import Gather, Lazy, Load, joined, walk
from opencl_backend.lower.scan_kernel import MOST_ROWS, Moving, Recorder, Unfit, on_device, tells_its_steps
from opencl_backend.lower.scan_ring import Ring
from opencl_backend.plan import Host, Value
from opencl_backend.render import NEXT, STRIDED, Encoded, Spec, access, encode, vector_width
from opencl_backend.replay import StepOrder
from opencl_backend.runtime import Cell, DeviceArray, Number
from opencl_backend.scalar_c import STORAGE
from reference.graph.core import Apply, Variable
from reference.graph.types import TensorType
from reference.scan.op import Scan
from reference.tensor.philox import next_state

MOST_ALONE = 1 << 20
"""Operations a step that one work-item may do; with more, kernels for all of the device are quicker."""
MOST_HELD = 1 << 20
"""Bytes of matrices that every work-item reads in every step; more of them do not stay in its cache."""


@dataclass
class Launch:
    """What a lowering would have launched."""

    label: str
    text: str
    name: str
    items: int
    numbers: list[Number]
    arrays: list[DeviceArray]
    elements: int
    loop: tuple[Lazy, DeviceArray] | None = None
    own: bool = False


class Drawn(Host):
    """The state of a random stream at some place in a step: so many draws after the step's first."""

    __slots__ = ("carry", "draws")

    def __init__(self, initial: Host, carry: int, draws: int):
        super().__init__(initial.value, initial.live)
        self.carry, self.draws = carry, draws


class DrawnWord(Cell):
    """A word of such a state among a kernel's numbers."""

    __slots__ = ("state",)

    def __init__(self, value: int, state: Drawn):
        super().__init__(value)
        self.state = state


class _Steps(StepOrder):
    def may_wait(self, variable: Variable, lazy: Lazy, ctx: Context) -> bool:
        return not self.readers.get(variable) if variable in self.kept else not self._why_not(variable, lazy)


class RowsRecorder(Recorder):
    """Keeps launches. `share`: the rows of a batch that a work-item will own."""

    def __init__(self, outer: Context, order: StepOrder, share: int | None, items: int):
        super().__init__(outer, order)
        self.share, self.items = share, items
        self.launches: list[Launch] = []
        self.targets: dict[Variable, DeviceArray] = {}
        self.begin: Callable[[Variable, Lazy], DeviceArray | None] = lambda variable, lazy: None
        self.sizes: list[tuple[str, int]] = []

    def new(self, dtype: str, shape: Sequence[int]) -> DeviceArray:
        self.sizes.append((dtype, prod(shape)))
        return self.marked("value", len(self.sizes) - 1, dtype, shape)

    def computed(self, lazy: Lazy) -> DeviceArray:
        if not any(map(self.moving, lazy.arrays)):
            return self.outer.computed(lazy)
        return Context.computed(self, lazy)

    def emit(self, source: Lazy | DeviceArray, target: DeviceArray) -> None:
        lazy = source if isinstance(source, Lazy) else self.loaded(source)
        code = encode(lazy.expr)
        before = len(self.launches)
        if code.positions or code.gathers or not lazy.size:
            Context.emit(self, source, target)
        else:
            self._nest(code, lazy, target)
        if len(self.launches) > before:
            self.launches[-1].loop = (lazy, target)

    def _nest(self, code: Encoded, lazy: Lazy, target: DeviceArray) -> None:
        """A loop nest for these lengths and strides."""
        arrays = [*code.arrays, target]
        geometry = joined(lazy.shape or (1,), [array.strides or (0,) for array in arrays])
        lengths = geometry.shape
        store = NEXT if geometry.strides[-1][-1] == 1 or lengths[-1] == 1 else STRIDED
        loads = tuple((a.dtype, access(s)) for a, s in zip(code.arrays, geometry.strides))
        spec = Spec(loads, (), code.steps, store, len(lengths), "cpu", not self.exact, self.device.fp64)
        innermost = lengths[-1] if len(lengths) > 1 else lengths[0] // self.items
        width = min(vector_width(spec), 1 << (max(innermost, 1).bit_length() - 1))
        text = rows.nest(spec, geometry, width)
        label = "+".join(dict.fromkeys(step.row for step in code.steps if step.row)) or "copy"
        numbers: list[Number] = [lengths[0], *(array.offset for array in arrays)]
        self.launches.append(Launch(label, text, "nest", 1, numbers, arrays, lazy.size, own=True))

    def stays(self, array: DeviceArray) -> bool:
        return self.moving(array) is None

    def stored(self, variable: Variable, lazy: Lazy) -> DeviceArray:
        target = self.targets.get(variable) or self.begin(variable, lazy)
        if target is None or target.shape != lazy.shape or target.dtype != lazy.dtype:
            return self.computed(lazy)
        self.emit(lazy, target)
        return target

    def launch(
        self, label: str, text: str, name: str, items: int, numbers: Sequence[Number], arrays: Sequence[DeviceArray],
        local: int = 1, elements: int = 0, options: tuple[str, ...] = (), work: int = 0, over: Any = None,
    ) -> None:  # fmt: skip
        if local != 1 or options:
            raise Unfit(f"{label} needs work-groups")
        self.launches.append(Launch(label, text, name, items, list(numbers), list(arrays), elements))

    def advanced(self, state: Host) -> Host:
        if not isinstance(state, Drawn):
            raise Unfit("it draws from a stream that does not advance with it")
        return Drawn(state, state.carry, state.draws + 1)

    def words(self, state: Host) -> list[Number]:
        assert isinstance(state, Drawn)
        cells = [DrawnWord(int(word), state) for word in state.value]
        if state.live:
            initial = self.initial[state.carry]

            def follow() -> None:
                for cell, word in zip(cells, initial.value.tolist()):
                    cell.value = word

            self.plan.steps.append(follow)
        return list(cells)

    initial: dict[int, Host]


class RowsLoop:
    """One scan as a `rows` kernel."""

    def __init__(self, ctx: Context, node: Apply, steps: int):
        op = node.op
        assert isinstance(op, Scan)
        self.told = tells_its_steps(ctx, op)
        if ctx.device.style == "gpu":
            raise Unfit("a work-item of this device is too slow for what a step does")
        self.ctx, self.node, self.op, self.steps = ctx, node, op, steps
        self.order = _Steps(op.inner_inputs, op.inner_outputs)
        self.batch = self._leading()
        units = ctx.device.compute_units
        self.items = next(k for k in range(min(units, max(self.batch, 1)), 0, -1) if self.batch % k == 0)
        self.recorder = RowsRecorder(ctx, self.order, self.batch // self.items if self.batch > 1 else None, self.items)
        self.recorder.initial = {}
        self.rings: list[Ring] = []
        self.finals: dict[int, Drawn] = {}
        self._given()
        self._record()
        self._choose()

    def _leading(self) -> int:
        """The length of a batch, if this is one."""
        _, states, carries, _ = self.op.cut(self.node.inputs[1:])
        lengths = [self.ctx.shape(v)[1] for v in states if len(self.ctx.shape(v)) > 1]
        carried = [self.ctx.shape(v) for v in carries if not isinstance(self.ctx.value(v), Host)]
        lengths += [shape[0] for shape in carried if shape]
        return max(lengths, default=1)

    def _given(self) -> None:
        ctx, op, recorder = self.ctx, self.op, self.recorder
        outer = op.cut(self.node.inputs[1:])
        sequences, taps, carries, constants = op.cut_inner(op.inner_inputs)
        for inner, v in zip(sequences, outer[0]):
            array = on_device(ctx, v)
            row = recorder.marked("row", 0, array.dtype, array.shape[1:], array)
            recorder.values[inner] = row.view(row.shape, array.strides[1:])
        for k, (reads, v) in enumerate(zip(taps, outer[1])):
            initial = self._rows_before(v)
            before, keep = op.depth(k), op.keep[k]
            kept = self._rows_kept(keep, prod(initial.shape[1:]))
            length = before + kept if keep is None else min(max(before + 1, kept), before + self.steps)
            ring = Ring(ctx, initial.dtype, initial.shape[1:], before, length)
            ctx.emit(initial, ring.array.view(initial.shape, ring.array.strides))
            self.rings.append(ring)
            for inner, tap in zip(reads, op.taps[k]):
                recorder.values[inner] = self._ring(ring, -tap)
        self.carried: list[Ring | None] = []
        for k, (inner, v) in enumerate(zip(carries, outer[2])):
            value = ctx.value(v)
            if not isinstance(v.type, TensorType):
                if not isinstance(value, Host) or isinstance(value, Drawn):
                    raise Unfit("it draws random numbers in a loop in a loop")
                recorder.initial[k] = value
                recorder.values[inner] = Drawn(value, k, 0)
                self.carried.append(None)
                continue
            start = self._rows_before(v)
            ring = Ring(ctx, start.dtype, start.shape, 1, 2)
            ctx.emit(start, ring.at(0))
            self.carried.append(ring)
            recorder.values[inner] = self._ring(ring, 1)
        for inner, v in zip(constants, outer[3]):
            value = ctx.value(v)
            recorder.values[inner] = value if isinstance(value, Host) else ctx.array(v)

    def _rows_before(self, v: Variable) -> Lazy:
        value = self.ctx.value(v)
        return self.ctx.loaded(on_device(self.ctx, v)) if isinstance(value, Host) else self.ctx.lazy(v)

    def _rows_kept(self, keep: int | None, size: int) -> int:
        if keep is None and self.op.until and self.steps * size * 8 > MOST_ROWS:
            raise Unfit(f"its {self.steps} rows at most would take too much memory")
        return self.steps if keep is None else min(keep, self.steps)

    def _ring(self, ring: Ring, lag: int) -> DeviceArray:
        """The row of `lag` steps ago."""
        array = self.recorder.marked("ring", lag, ring.array.dtype, ring.row, ring.array)
        marker = array.storage
        assert isinstance(marker, Moving)
        marker.ring = ring
        return array

    def _record(self) -> None:
        op, recorder = self.op, self.recorder
        outputs = op.inner_outputs
        rings: list[Ring | None] = [*self.rings, *[None] * op.n_mapped, *self.carried]
        for ring, v in zip(rings, outputs):
            if ring is not None:
                recorder.targets.setdefault(v, self._ring(ring, 0))
        mapped = {v: k for k, v in enumerate(outputs[: op.n_stacked]) if k >= op.n_states}

        def made(k: int, lazy: Lazy) -> Ring:
            """The rows of an output that is no state, once the shape of one is known."""
            keep = self._rows_kept(op.keep[k], lazy.size)
            ring = rings[k] = Ring(self.ctx, lazy.dtype, lazy.shape, 0, max(1, keep))
            return ring

        def begin(v: Variable, lazy: Lazy) -> DeviceArray | None:
            if v not in mapped:
                return None
            recorder.targets[v] = self._ring(made(mapped[v], lazy), 0)
            return recorder.targets[v]

        recorder.begin = begin
        recorder.run()
        for k, v in enumerate(outputs[: op.n_stacked + op.n_carries]):
            value = recorder.value(v)
            if not isinstance(v.type, TensorType):
                if not isinstance(value, Drawn) or value.carry != k - op.n_stacked:
                    raise Unfit("a random stream is set in every step")
                self.finals[k - op.n_stacked] = value
                continue
            lazy = recorder.lazy(v)
            ring = rings[k] or made(k, lazy)
            if lazy.shape != ring.row:
                raise Unfit("a state changes its shape")
            target = recorder.targets.get(v)
            here = isinstance(lazy.expr, Load) and target is not None and lazy.expr.array is target
            marker = target.storage if target is not None else None
            if not here or not isinstance(marker, Moving) or marker.ring is not ring:
                recorder.emit(lazy, self._ring(ring, 0))
        self.rings = [ring for ring in rings[: op.n_stacked] if ring is not None]
        self.until = recorder.array(outputs[-1]) if op.until else None
        if self.until is not None and isinstance(self.until.offset, Cell):
            raise Unfit("its condition is at a place that changes from call to call")

    # Which work-item does what.

    def _choose(self) -> None:
        launches = self.recorder.launches
        if not launches:
            raise Unfit("there is nothing to compute")
        work = sum(launch.elements for launch in launches)
        held = {id(x.arrays[1].storage): x.arrays[1].nbytes for x in launches if x.name in ("product", "inner")}
        if sum(held.values()) > MOST_HELD:
            raise Unfit(f"its step reads {sum(held.values())} bytes of matrices, which a core's cache does not hold")
        why = self._why_not_split()
        if why is not None:
            self.items = 1
            if work > MOST_ALONE:
                largest = max(launches, key=lambda launch: launch.elements)
                raise Unfit(f"its step has {largest.label}, {largest.elements} operations, and {why}")
        self.why_alone = why

    def _why_not_split(self) -> str | None:
        if self.items == 1:
            return "there is no batch to split"
        if self.until is not None:
            return "every step decides whether it was the last"
        return next((why for launch in self.recorder.launches if (why := self._crosses_rows(launch))), None)

    def _crosses_rows(self, launch: Launch) -> str | None:
        """Why a launch cannot be cut by rows of the batch, or None: then its numbers are set for the cut."""
        numbers, arrays, moving = launch.numbers, launch.arrays, self.recorder.moving
        n, share = self.batch, self.batch // self.items
        if launch.loop is not None:
            lazy, target = launch.loop
            shape, place, total = list(lazy.shape), 1, lazy.size
            if any(isinstance(p, Gather) and moving(p.array) for p in walk(lazy.expr)):
                return f"{launch.label} looks elements up"
            if launch.own:
                place, total = 0, int(numbers[0])
            arrays = [*lazy.arrays, target]
            walks: list[list[Number]] = [[array.offset, *array.strides] for array in arrays]
        elif launch.name == "fold":
            shape = [int(k) for k in numbers[:3]]
            walks = [numbers[4 + 4 * k : 8 + 4 * k] for k in range((len(numbers) - 4) // 4)]
            total, place = shape[0] * shape[2], 3
        elif launch.name == "product" or launch.name == "inner":
            return self._product_crosses(launch)
        elif launch.name == "draw":
            shape, walks, total, place = [n], [], int(numbers[0]), 1
            if total % n or total // n * share % 4:
                return f"{launch.label} draws numbers of several rows together"
            if any(marker.size != total for marker in map(moving, arrays) if marker):
                return f"{launch.label} reads other rows than its own"
        else:
            return f"{launch.label} goes through all rows"
        if not shape or shape[0] % n:
            return f"{launch.label} goes through other rows than those of the batch"
        for array, steps in zip(arrays, walks):
            if not self._stays(array, shape, steps):
                return f"{launch.label} reads other rows than its own"
        if total % self.items:
            return f"{launch.label} goes through rows that are not cut evenly"
        numbers[place] = total // self.items
        launch.items = self.items
        return None

    def _stays(self, array: DeviceArray, shape: Sequence[int], walk: Sequence[Number]) -> bool:
        """Does row i of the loop touch row i of what a step made, and nothing else of it?"""
        marker = self.recorder.moving(array)
        if marker is None or marker.kind == "row":
            return True
        offset, *strides = walk
        if isinstance(offset, Cell) or marker.size % self.batch:
            return False
        row, together = marker.size // self.batch, shape[0] // self.batch
        steps = [(together, int(strides[0])), *zip(shape[1:], map(int, strides[1:]))]
        low = offset + sum((n - 1) * s for n, s in steps if s < 0)
        high = offset + sum((n - 1) * s for n, s in steps if s > 0)
        return together * int(strides[0]) == row and low >= 0 and high < row

    def _product_crosses(self, launch: Launch) -> str | None:
        g = dict(zip(gemm.NUMBERS, launch.numbers))
        a, b, c = launch.arrays[:3]
        if int(g["batches"]) != 1 or int(g["m"]) != self.batch or int(g["rows_each"]) != self.batch // self.items:
            return f"{launch.label} goes through other rows than those of the batch"
        marker = self.recorder.moving(b)
        if marker is not None and marker.kind != "row":
            return f"{launch.label} reads all rows of what the step has made"
        m, n, depth = (int(g[k]) for k in ("m", "n", "depth"))
        walk_a = (g["a_at"], g["a_row"], g["a_deep"])
        if not self._stays(a, (m, depth), walk_a) or not self._stays(c, (m, n), (g["c_at"], g["c_row"], g["c_column"])):
            return f"{launch.label} reads other rows than its own"
        return None

    # The kernel.

    def outputs(self) -> list[Value]:
        """Run it; the values of the node's outputs."""
        ctx, op = self.ctx, self.op
        self.arrays: list[DeviceArray] = []
        self.indices: dict[int, int] = {}
        self.places: dict[Place, int] = {}
        self.numbers: list[Number] = [self.items, self.steps]
        self.scratch: dict[int, DeviceArray] = {}
        self.moves: dict[Moving, Place] = {}
        calls = [self._call(launch) for launch in self.recorder.launches]
        until, made, ended = None, None, []
        if self.until is not None:
            assert isinstance(self.until.offset, int)
            until = (self._place(self.until), self.until.offset)
            ended = [] if self.told else [self._last(k) for k in range(len(op.inner_outputs) - 1)]
            made = ctx.new("int64", (1,))
            self.arrays.append(made)
        kinds = [STORAGE[array.dtype] for array in self.arrays]
        text = rows.text(kinds, list(self.places), calls, until, ctx.device.fp64, [move for _, move in ended])
        work = sum(launch.elements for launch in self.recorder.launches)
        operations = sum(x.elements * (1 + x.loop[0].weight if x.loop else 1) for x in self.recorder.launches)
        ctx.launch(
            f"{op} x {self.steps}", text, "loop", self.items, self.numbers, self.arrays, 1, self.steps * work,
            ctx.options(self.steps * operations, text),
        )  # fmt: skip
        share = f"{self.items} items with {self.batch // self.items} rows of the batch each"
        ctx.note(f"{op}: one kernel for all steps, {len(calls)} parts a step, " + (
            share if self.items > 1 else f"one item, as {self.why_alone}"))  # fmt: skip
        if ended:
            return [last for last, _ in ended]
        count = self.steps
        if made is not None:
            ctx.plan.replayable = False
            count = int(made.to_host()[0])
        kept = [count if keep is None else min(keep, count) for keep in op.keep]
        results: list[Value] = [ring.last(ctx, count, n) for ring, n in zip(self.rings, kept)]
        for k, ring in enumerate(self.carried):
            results.append(self._stream(k, count) if ring is None else ring.at(ring.offset(count - 1)))
        return results

    def _last(self, k: int) -> tuple[DeviceArray, tuple[int, int, int]]:
        """What receives output k of a loop that ends by a condition, and from where: nobody need be told when."""
        ring = [*self.rings, *self.carried][k]
        assert ring is not None
        out = self.ctx.new(ring.array.dtype, ring.row if k >= self.op.n_stacked else (1, *ring.row))
        return out, (self._place(self._ring(ring, 0)), self._argument(out), prod(ring.row))

    def _stream(self, k: int, steps: int) -> Host:
        """The state of a random stream after all steps."""
        initial, last = self.recorder.initial[k], self.finals[k]
        draws = steps * last.draws
        final = Host(_after(initial.value, draws), initial.live)
        if initial.live:

            def again() -> None:
                final.value = _after(initial.value, draws)

            self.ctx.plan.steps.append(again)
        return final

    def _call(self, launch: Launch) -> Call:
        at = len(self.numbers)
        self.numbers += launch.numbers
        drawn = None
        for k, number in enumerate(launch.numbers):
            if isinstance(number, DrawnWord):
                state = number.state
                drawn = (k + 2, state.draws, self.finals[state.carry].draws)
                break
        places = tuple(self._place(array) for array in launch.arrays)
        split = self.items if self.items > 1 else 0
        return Call(launch.text, places, at, len(launch.numbers), launch.items, split, drawn)

    def _place(self, array: DeviceArray) -> int:
        marker = self.recorder.moving(array)
        if marker is None:
            place = Place(self._argument(array))
        elif marker.kind == "value":
            if marker.number not in self.scratch:
                dtype, size = self.recorder.sizes[marker.number]
                self.scratch[marker.number] = self.ctx.new(dtype, (size,))
            place = Place(self._argument(self.scratch[marker.number]))
        elif marker in self.moves:
            place = self.moves[marker]
        else:
            assert marker.rows is not None
            at, ring = len(self.numbers), marker.ring
            if ring is None:
                self.numbers += [marker.rows.offset, marker.rows.strides[0]]
            else:
                self.numbers += [ring.before - marker.number, ring.length, prod(ring.row)]
            place = self.moves[marker] = Place(self._argument(marker.rows), at, ring is not None)
        return self.places.setdefault(place, len(self.places))

    def _argument(self, array: DeviceArray) -> int:
        key = id(array.storage.slot)
        if key not in self.indices:
            self.indices[key] = len(self.arrays)
            self.arrays.append(array)
        return self.indices[key]


def _after(state: Any, draws: int) -> Any:
    """The state after so many draws."""
    count = (int(state[3]) << 32 | int(state[2])) + draws
    following = next_state(state)
    following[2], following[3] = count & 0xFFFFFFFF, count >> 32 & 0xFFFFFFFF
    return following
