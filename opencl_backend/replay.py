"""A plan within a plan: the step of a loop, recorded once and run for every t.

Owns the two passes of a repetition. On the host, where a plan's steps run, every t in turn: offsets move,
random states and counters advance, and the numbers of every launch are noted. On the device, where its
launches run, the kernels with the numbers noted. It must not know what is repeated or where rows live.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Sequence, Set
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.device import import_pyopencl
from opencl_backend.fuse import Order
from opencl_backend.joins import in_turn
from opencl_backend.launch import HasKernel, Launch
from opencl_backend.loop import Lazy
from opencl_backend.plan import Host, Plan, Stale
from opencl_backend.runtime import Cell, DeviceArray, Kernel, Memory
from reference.config import config
from reference.graph.core import Apply, Variable
from reference.scan.op import Scan

A_QUARTER = 4
"""A loop that runs in every step is worth a kernel when all its turns are four times as long as one must be."""

Move = Callable[[int], None]
"""Makes a value stand where step t needs it."""


class StepPlan(Plan):
    """The plan of one step; errors that its kernels report are the outer plan's."""

    def __init__(self, outer: Plan, compiled: bool):
        super().__init__(outer.runtime, compiled, dry=outer.dry)
        self.outer = outer
        self.uploads = False

    def count_interpreted(self, kind: Hashable) -> None:
        self.outer.count_interpreted(kind)

    def flag_place(self, node: Apply, make: Callable[[int], Exception]) -> tuple[DeviceArray, int]:
        return self.outer.flag_place(node, make)


class StepOrder(Order):
    """A step's results wait as expressions until they are written to their rows."""

    def may_wait(self, variable: Variable, lazy: Lazy, ctx: Context) -> bool:
        if variable in self.kept and not self.readers.get(variable):
            return True
        return super().may_wait(variable, lazy, ctx)


class StepContext(Context):
    """What lowerings work with inside a step.

    Working memory is the loop's own, as the step runs again after the outer plan has moved on. `targets` are the rows
    that results belong in (`begin` makes one): who reads such a result reads the row. `lent` is what the host knows
    from outside the loop: if the step depends on such a value, so does the outer plan.
    """

    copies = False

    def __init__(self, plan: StepPlan, outer: Context, order: Order, memory: Memory, steps: int):
        super().__init__(plan, outer.exact, order, constants=outer.constants)
        self.outer = outer
        self.memory = memory
        self.steps = steps
        self.lent: Container[Host] = ()
        self.targets: dict[Variable, DeviceArray] = {}
        self.begin: Callable[[Variable, Lazy], DeviceArray | None] = lambda variable, lazy: None

    def new(self, dtype: str, shape: Sequence[int]) -> DeviceArray:
        return self.runtime.empty(dtype, shape, self.memory)

    def is_large(self, elements: int) -> bool:
        """All steps together pay for a kernel."""
        return super().is_large(elements * self.steps // A_QUARTER)

    def options(self, operations: int, kind: Hashable = None) -> tuple[str, ...]:
        return super().options(operations * self.steps, kind)

    def stored(self, variable: Variable, lazy: Lazy) -> DeviceArray:
        target = self.targets.get(variable) or self.begin(variable, lazy)
        if target is None or target.shape != lazy.shape or target.dtype != lazy.dtype:
            return self.computed(lazy)
        self.emit(lazy, target)
        return target

    def _guard(self, value: Host) -> None:
        if value in self.lent:
            self.outer._guard(value)
        else:
            super()._guard(value)

    def _upload(self, value: Host) -> DeviceArray:
        """A live value gets a buffer of its own in every step: kernels may still be reading the last one."""
        array = super()._upload(value)
        if value.live:
            slot, shape, cl = array.storage.slot, array.shape, import_pyopencl()
            array.storage.leave_pool()

            def again() -> None:
                new = np.array(value.value, order="C", ndmin=1)
                if np.shape(value.value) != shape:
                    raise Stale
                flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
                slot.put(cl.Buffer(self.device.context, flags, hostbuf=new))

            assert isinstance(self.plan, StepPlan)
            self.plan.steps[-1] = again
            self.plan.uploads = True
        return array


class Repeat:
    """A step run `steps` times: ``follow`` is its pass on the host, ``enqueue`` that on the device.

    moves     bring the step's inputs to where step t needs them
    fixed     cells that nothing but t decides
    start     before step t (0 or 1, where a repetition begins), on the host
    advance   after each step, on the host
    finish    after the last one, on the host
    static    nothing but t decides any number: one pass on the host serves every call

    In a plan recorded without being run all steps are one kernel whose work is shared out, where that can be.
    """

    items = local = (1,)

    def __init__(
        self, plan: StepPlan, op: Scan, steps: int, moves: Sequence[Move], fixed: Set[Cell], start: Move,
        advance: Callable[[], None], finish: Callable[[], None], static: bool,
    ):  # fmt: skip
        self.plan = plan
        self.op = op
        self.label = f"{op} x {steps}"
        self.steps = steps
        self.moves = moves
        self.start = start
        self.advance = advance
        self.finish = finish
        self.static = static
        self.elements = steps * sum(launch.elements for launch in plan.launches)
        self.moved = steps * sum(launch.moved for launch in plan.launches)
        kernels = [launch for launch in plan.launches if isinstance(launch, Launch)]
        self.plain = not plan.uploads and len(kernels) == len(plan.launches)
        shared_out = self.plain and plan.dry and bool(config.opencl.fuse)
        self._rounds = in_turn(kernels, steps) if shared_out else None
        alone = self.plain and self._rounds is None
        self._tracks = [_Track(launch, steps, fixed) for launch in kernels] if alone else []
        self._followed = False
        self.slots = [slot for launch in plan.launches for slot in launch.slots]

    def follow(self) -> None:
        """The pass on the host."""
        if self.static and self._followed:
            return
        notes = [track.note for track in self._tracks if track.must_note()]
        if self._rounds is not None:
            notes.append(self._rounds.note)
        self.start(0)
        for t in range(self.steps):
            self._stand(t)
            for note in notes:
                note(t)
            self.advance()
        self.finish()
        self._followed = True

    def _stand(self, t: int) -> None:
        for move in self.moves:
            move(t)
        try:
            for step in self.plan.steps:
                step()
        except Stale:
            raise
        except Exception as error:
            self.op.tell_step(error, t, self.steps)
            raise

    def enqueue(self, first: int = 0) -> None:
        """The pass on the device, from step `first` on."""
        if self._rounds is not None:
            self._rounds.enqueue()
            return
        if not self.plain:
            self.start(first)
            for t in range(first, self.steps):
                self.step(t)
                self.advance()
            return
        runs = [track.bound() for track in self._tracks]
        for t in range(first, self.steps):
            for run in runs:
                run(t)

    def kernels(self) -> Iterable[HasKernel]:
        """Those of the step's launches, too, where they run one by one."""
        if self._rounds is not None:
            return [self._rounds]
        return self._tracks or [holder for launch in self.plan.launches for holder in launch.kernels()]

    def step(self, t: int) -> None:
        """Run one step, on host and device."""
        self._stand(t)
        for launch in self.plan.launches:
            launch.enqueue()


class _Track:
    """One launch of a step through all t, with a kernel of its own, whose arguments stay from step to step."""

    def __init__(self, launch: Launch, steps: int, fixed: Set[Cell]):
        self.launch = launch
        self.steps = steps
        self.live = bool(launch.live)
        self.fixed = all(cell in fixed for cell in launch.live)
        self.code = launch.code
        self._kernel: Kernel | None = None
        self.table: np.ndarray | None = None
        self.geometry: list[Any] = []

    @property
    def kernel(self) -> Kernel:
        if self._kernel is None:
            self._kernel = self.launch.runtime.twin(self.launch.kernel)
        return self._kernel

    @kernel.setter
    def kernel(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def must_note(self) -> bool:
        """Are there numbers to be noted in this pass? The table is new then: kernels may read the old one."""
        if not self.live or (self.fixed and self.table is not None):
            return False
        width = -(-len(self.launch.numbers) // _ROW) * _ROW
        self.table = np.zeros((self.steps, width), np.int64)
        self.geometry = []
        return True

    def note(self, t: int) -> None:
        assert self.table is not None
        numbers = self.launch.numbers
        self.table[t, : len(numbers)] = [int(n) for n in numbers]

    def bound(self) -> Callable[[int], None]:
        """What launches step t, with the buffers of this call."""
        launch, cl = self.launch, import_pyopencl()
        if self.live and not self.geometry:
            assert self.table is not None
            flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
            whole = cl.Buffer(launch.runtime.device.context, flags, hostbuf=self.table)
            row = self.table.strides[0]
            self.geometry = [whole.get_sub_region(t * row, row) for t in range(self.steps)]
        enqueue, kernel, items, local, slots = (
            launch.runtime.enqueue, self.kernel, launch.items, launch.local, launch.slots,
        )  # fmt: skip
        if not self.live:
            launch.follow()
            return lambda t: enqueue(kernel, items, local, launch.geometry, slots)
        geometry = self.geometry
        return lambda t: enqueue(kernel, items, local, geometry[t], slots)


_ROW = 16
"""Longs in 128 bytes: where a part of a buffer may begin."""
