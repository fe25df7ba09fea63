"""Scan by replay: a step becomes a plan of its own, recorded once and run for every t.

Owns where a step's values live. Sequences are read at row t through offsets that move; states are rings of
rows, or the stacked output itself, written row by row; what the host knows (random states, counters)
advances on the host. Nobody waits for the device within the loop, except for the condition of `until`. It
must not know what a step computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from opencl_backend import lower
from opencl_backend.context import Context
from opencl_backend.lower import makes_arrays, register
from opencl_backend.lower.scan_columns import ColumnsLoop
from opencl_backend.lower.scan_kernel import Unfit, not_worth_it
from opencl_backend.lower.scan_ring import Ring
from opencl_backend.lower.scan_rows import RowsLoop
from opencl_backend.plan import Host, MustRun, Stale, Value
from opencl_backend.replay import Move, Repeat, StepContext, StepOrder, StepPlan
from opencl_backend.runtime import Arena, Cell, DeviceArray
from reference.graph.core import Apply, Constant, Variable
from reference.graph.errors import BackendError, ShapeError
from reference.scan.op import Scan
from reference.tensor.creation import ARange

makes_arrays(Scan)

FIRST_ROWS = 64
"""Rows set aside at first for an output whose length only the loop itself can tell."""


def refused(node: Apply) -> str | None:
    """The first operation of a step that cannot run on the device, and why."""
    op = node.op
    assert isinstance(op, Scan)
    for inner, why in lower.check(StepOrder(op.inner_inputs, op.inner_outputs).nodes, op.inner_inputs):
        return f"its step uses {inner.op}: {why}"
    return None


@register(Scan, refuse=refused)
def scan(ctx: Context, node: Apply) -> list[Value]:
    op = node.op
    assert isinstance(op, Scan)
    steps = int(ctx.host(node.inputs[0]))
    sequences, states, _, _ = op.cut(node.inputs[1:])
    op._check(node, steps, *[[_Rows(ctx.shape(v)) for v in part] for part in (sequences, states)])
    if steps == 0:
        return _no_steps(ctx, node)
    outputs = _one_kernel(ctx, node, steps)
    if outputs is not None:
        return outputs
    on_device: frozenset[int] = frozenset()
    while True:
        try:
            return _Replay(ctx, node, steps, on_device).outputs()
        except _OnDevice as found:
            on_device |= {found.carry}


def _one_kernel(ctx: Context, node: Apply, steps: int) -> list[Value] | None:
    """The loop's outputs by one kernel, or None: then `explain` says why not."""
    why = not_worth_it(ctx, node, steps)
    mark = ctx.mark()
    for form in () if why else (ColumnsLoop, RowsLoop):
        try:
            return form(ctx, node, steps).outputs()
        except Unfit as unfit:
            why = unfit.why
            ctx.back_to(mark)
        except BackendError:
            raise
        except Exception as error:
            # Whatever it is, the steps themselves will say it, with their number.
            why = str(error).partition("\n")[0]
            ctx.back_to(mark)
            break
    if ctx.records:
        raise Unfit(f"its step has a loop that is not one kernel, as {why}")
    ctx.note(f"{node.op}: replayed step by step, as {why}")
    return None


class _Rows:
    """The shape of an array, for the reference's own check."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def __len__(self) -> int:
        return self.shape[0]


class _OnDevice(Exception):
    """A carry that began as a host value is computed by the device."""

    def __init__(self, carry: int):
        self.carry = carry


def _no_steps(ctx: Context, node: Apply) -> list[Value]:
    """Stacks without rows; the reference tells their shapes, and carries are as they came."""
    op = node.op
    assert isinstance(op, Scan)
    ctx.plan.replayable = False
    carries = op.cut(node.inputs[1:])[2]
    results = op.perform(node, *[ctx.fetched(v) for v in node.inputs])
    return [*[ctx.known(r) for r in results[: op.n_stacked]], *[ctx.value(v) for v in carries]]


class _Replay:
    """One scan being recorded."""

    def __init__(self, ctx: Context, node: Apply, steps: int, on_device: frozenset[int]):
        op = node.op
        assert isinstance(op, Scan)
        self.ctx, self.node, self.op, self.steps = ctx, node, op, steps
        self.memory = Arena(ctx.runtime.working)
        self.order = StepOrder(op.inner_inputs, op.inner_outputs)
        self.moves: list[Move] = []
        self.fixed: set[Cell] = set()
        self.made = steps
        self.sources: list[Host] = []
        self.lent: set[Host] = set()
        outer = op.cut(node.inputs[1:])
        sequences, taps, carries, constants = op.cut_inner(op.inner_inputs)
        self.given: dict[Variable, Value] = {}
        for inner, v in zip(sequences, outer[0]):
            self.given[inner] = self._sequence(inner, v)
        self.rings: list[Ring | None] = []
        for k, (reads, v) in enumerate(zip(taps, outer[1])):
            ring = self._state(k, v)
            self.rings.append(ring)
            for inner, tap in zip(reads, op.taps[k]):
                self.given[inner] = self._moving(ring, -tap)
        self.carried: list[Ring | tuple[Host, Host]] = []
        for k, (inner, v) in enumerate(zip(carries, outer[2])):
            self.carried.append(self._carry(inner, v, k in on_device))
        for inner, v in zip(constants, outer[3]):
            value = ctx.value(v)
            given = value if isinstance(value, Host) else ctx.array(v)
            if isinstance(given, Host):
                self.sources.append(given)
                self.lent.add(given)
            elif isinstance(given.offset, Cell):
                # A row of a loop around this one, say: it is elsewhere each time this one runs.
                self.sources.append(Host(given.offset, True))
            self.given[inner] = given
        self.rings += [None] * op.n_mapped
        self.targets = [None if ring is None else self._moving(ring, 0) for ring in self.rings]
        self.finals: list[Host | None] = [None] * op.n_carries
        self.news: list[Host | None] = [None] * op.n_carries
        self.condition: Value | None = None
        self.carry_targets = {k: self._moving(ring, 0) for k, ring in enumerate(self.carried) if isinstance(ring, Ring)}
        self.second: list[Any] = []

    # Where the step's inputs are.

    def _moving(self, ring: Ring, lag: int, t: int = 0) -> DeviceArray:
        """The row of `lag` steps ago, standing where step t needs it; it follows every move."""
        cell = Cell(ring.offset(t - lag))

        def move(t: int) -> None:
            cell.value = ring.offset(t - lag)

        self.moves.append(move)
        self.fixed.add(cell)
        return ring.at(cell)

    def _sequence(self, inner: Variable, outer: Variable) -> Value:
        """Row t of the rows outside."""
        known = self._known_rows(inner, outer)
        if known is not None:
            row = Host(np.asarray(known.value[0]), True)

            def turn(t: int) -> None:
                row.value = np.asarray(known.value[t])

            self.moves.append(turn)
            return row
        rows = self.ctx.array(outer)
        first, stride = rows.offset, rows.strides[0]
        cell = Cell(int(first))

        def move(t: int) -> None:
            cell.value = int(first) + t * stride

        self.moves.append(move)
        if isinstance(first, Cell):
            self.sources.append(Host(first, True))
        else:
            self.fixed.add(cell)
        return rows.view(rows.shape[1:], rows.strides[1:], cell)

    def _known_rows(self, inner: Variable, outer: Variable) -> Host | None:
        """The rows as the host knows them: integers that the step may use to index or to count with."""
        value = self.ctx.value(outer)
        if isinstance(value, Host):
            self.sources.append(value)
            return value
        if lower.lives_on_device(inner) or not self._counts(inner):
            return None
        owner = outer.owner
        if owner is not None and isinstance(owner.op, ARange):
            start, _, step = owner.inputs
            if isinstance(start, Constant) and isinstance(step, Constant):
                count = np.arange(self.ctx.shape(outer)[0])
                return Host((start.data + step.data * count).astype(owner.op.dtype), False)
        return Host(self.ctx.host(outer), False)

    def _counts(self, inner: Variable) -> bool:
        """Does an operation that needs host values come after this variable?"""
        reached = {inner}
        for node in self.order.nodes:
            if any(v in reached for v in node.inputs):
                if any(not isinstance(v.type, type(inner.type)) for v in node.outputs):
                    return True
                reached.update(v for v in node.outputs if not lower.lives_on_device(v))
        return False

    def _state(self, k: int, outer: Variable) -> Ring:
        """The ring of a state, its first rows in place."""
        op, initial = self.op, self.ctx.lazy(outer)
        before, keep = op.depth(k), op.keep[k]
        rows = self._rows_kept(keep)
        length = before + rows if keep is None else min(max(before + 1, rows), before + self.steps)
        ring = Ring(self.ctx, initial.dtype, initial.shape[1:], before, length)
        self.ctx.emit(initial, ring.array.view(initial.shape, ring.array.strides))
        return ring

    def _rows_kept(self, keep: int | None) -> int:
        if keep is None:
            return min(self.steps, FIRST_ROWS) if self.op.until else self.steps
        return min(keep, self.steps)

    def _carry(self, inner: Variable, outer: Variable, on_device: bool) -> Ring | tuple[Host, Host]:
        """Two rows that steps write in turn, or a host value with the one it begins from."""
        value = self.ctx.value(outer)
        if isinstance(value, Host) and not on_device:
            self.sources.append(value)
            now = Host(value.value, True)
            self.given[inner] = now
            return now, value
        initial = self.ctx.lazy(outer)
        ring = Ring(self.ctx, initial.dtype, initial.shape, 1, 2)
        self.ctx.emit(initial, ring.at(0))
        self.given[inner] = self._moving(ring, 1)
        return ring

    # Running.

    def outputs(self) -> list[Value]:
        """Record and run; the values of the node's outputs."""
        ctx = self.ctx
        plan = self._record(0, ctx.plan.compiled)
        static = not any(source.live for source in self.sources) and not any(self.finals)
        repeat = Repeat(
            plan, self.op, self.steps, self.moves, self.fixed, self._start, self._advance,
            self._finish, static,
        )  # fmt: skip
        self._advance()
        self.second = [None if isinstance(c, Ring) else c[0].value for c in self.carried]
        if self.op.until:
            ctx.plan.replayable = False
            self._until(repeat)
        elif not plan.replayable or not self._followed(repeat):
            ctx.plan.replayable = False
            self._anew()
        else:
            if not ctx.plan.dry:
                repeat.enqueue(1)
            ctx.plan.steps.append(repeat.follow)
            ctx.plan.launches.append(repeat)  # type: ignore[arg-type]
        self._finish()
        return self._results(not static)

    def _followed(self, repeat: Repeat) -> bool:
        """Could the host go through all steps with the numbers of one plan?"""
        try:
            repeat.follow()
        except Stale:
            return False
        return True

    def _anew(self) -> None:
        """Record every further step, where what the device does depends on values that change."""
        self._start(1)
        for t in range(1, self.steps):
            self._record(t, False)
            self._advance()

    def _until(self, repeat: Repeat) -> None:
        t, fresh = 0, repeat.plan.replayable
        while not self._satisfied() and t + 1 < self.steps:
            t += 1
            self._make_room(t)
            if fresh:
                try:
                    repeat.step(t)
                except Stale:
                    fresh = False
            if not fresh:
                self._record(t, False)
            self._advance()
        self.made = t + 1

    def _satisfied(self) -> bool:
        value = self.condition
        if isinstance(value, Host):
            return bool(value.value)
        assert isinstance(value, DeviceArray)
        return bool(value.to_host())

    def _make_room(self, t: int) -> None:
        for ring, keep in zip(self.rings, self.op.keep):
            if keep is None and ring is not None:
                ring.grow(self.ctx, min(t + 1, self.steps) + ring.before)

    def _record(self, t: int, compiled: bool) -> StepPlan:
        """Run step t while recording it: its results are written to their rows."""
        op = self.op
        for move in self.moves:
            move(t)
        turns = FIRST_ROWS if op.until else self.steps
        plan = StepPlan(self.ctx.plan, compiled)
        step = StepContext(plan, self.ctx, self.order, self.memory, turns)
        step.lent = self.lent
        step.values = dict(self.given)
        step.targets = {v: target for v, target in zip(op.inner_outputs, self.targets) if target is not None}
        mapped = {v: k for k, v in enumerate(op.inner_outputs[: op.n_stacked]) if self.targets[k] is None}
        step.begin = lambda v, lazy: self._begin(mapped[v], t, lazy.dtype, lazy.shape) if v in mapped else None
        for k, target in self.carry_targets.items():
            step.targets.setdefault(op.inner_outputs[op.n_stacked + k], target)
        try:
            step.run()
        except (Stale, MustRun):
            raise
        except Exception as error:
            op.tell_step(error, t, self.steps)
            raise
        for k, v in enumerate(op.inner_outputs[: op.n_stacked]):
            self._write(step, t, k, v)
        for k, v in enumerate(op.inner_outputs[op.n_stacked : op.n_stacked + op.n_carries]):
            self._write_carry(step, t, k, v)
        if op.until:
            condition = step.value(op.inner_outputs[-1])
            self.condition = condition if isinstance(condition, Host) else step.array(op.inner_outputs[-1])
        self.ctx.plan.notes += plan.notes
        # The host writes into memory that nobody holds at once, so nothing of a step goes before the call ends.
        self.ctx.plan.constants += plan.constants
        return plan

    def _write(self, step: StepContext, t: int, k: int, v: Variable) -> None:
        """Put one stacked value into its row."""
        value = step.value(v)
        if isinstance(value, Host):
            value = step.array(v)
        target = self.targets[k] or self._begin(k, t, value.dtype, value.shape)
        if value.shape != target.shape:
            raise self.op._changed_shape(self.node, k, t, target.shape, value.shape)
        if value is not target:
            step.emit(value, target)

    def _begin(self, k: int, t: int, dtype: str, shape: tuple[int, ...]) -> DeviceArray:
        """The row of an output that is no state, once its shape is known."""
        ring = self.rings[k] = Ring(self.ctx, dtype, shape, 0, max(1, self._rows_kept(self.op.keep[k])))
        target = self.targets[k] = self._moving(ring, 0, t)
        return target

    def _write_carry(self, step: StepContext, t: int, k: int, v: Variable) -> None:
        op, carried, value = self.op, self.carried[k], step.value(v)
        if not isinstance(carried, Ring):
            if not isinstance(value, Host):
                raise _OnDevice(k)
            self.news[k] = value
            if self.finals[k] is None:
                self.finals[k] = Host(value.value, True)
            return
        if isinstance(value, Host):
            value = step.array(v)
        if value.shape != carried.row:
            raise ShapeError(
                f"{op}: {op.cut(self.node.inputs[1:])[2][k]} changes its shape from {carried.row} to "
                f"{value.shape} in step {t}; the OpenCL backend keeps the shapes of what a loop updates"
            )
        if value is not self.carry_targets[k]:
            step.emit(value, self.carry_targets[k])

    # Host carries.

    def _start(self, t: int) -> None:
        """As before the first step, or before the second."""
        for carried, second in zip(self.carried, self.second):
            if not isinstance(carried, Ring):
                carried[0].value = second if t else carried[1].value

    def _advance(self) -> None:
        for carried, new in zip(self.carried, self.news):
            if not isinstance(carried, Ring):
                assert new is not None
                carried[0].value = new.value

    def _finish(self) -> None:
        for carried, final in zip(self.carried, self.finals):
            if not isinstance(carried, Ring):
                assert final is not None
                final.value = carried[0].value

    def _results(self, live: bool) -> list[Value]:
        kept = [self.made if keep is None else min(keep, self.made) for keep in self.op.keep]
        results: list[Value] = [ring.last(self.ctx, self.made, rows) for ring, rows in zip(self.rings, kept) if ring]
        for carried, final in zip(self.carried, self.finals):
            if isinstance(carried, Ring):
                results.append(carried.at(carried.offset(self.made - 1)))
            else:
                assert final is not None
                final.live = live
                results.append(final)
        return results
