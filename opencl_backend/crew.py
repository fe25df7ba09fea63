"""A whole plan as one kernel whose work-items share out the work: the thread that waits for it is one of them.

Owns its launch. Waking a driver's threads takes as long as a small kernel, and some never wake before the work is done.
So where the driver can run kernels in the thread that waits, that thread starts with the work at once, and one that
wakes up takes its share of what is left; a thread that comes when the call is over finds nothing to do. It must not
know what kernels compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from opencl_backend.kernels import crew
from opencl_backend.launch import Code, Launch
from opencl_backend.runtime import Cell, Kernel, Memory, Number, Runtime, Slot, Storage, seen

GROUPS = 4
"""Items a compute unit, where a driver's threads run all of them: PoCL gives the first thread more than its share."""
MOST_STAGES = 32
"""Of one plan, each after the one before."""
MOST_BYTES = 1 << 16
"""Of numbers that a kernel is given at once: every device takes so many."""


class Turns:
    """Which number of whose work comes next, and how much is done: memory that kernels of all plans share, for good."""

    def __init__(self, runtime: Runtime, stages: int):
        storage = Memory(runtime.device).of_size(8 * crew.LINE * (1 + stages))
        assert storage.host is not None
        storage.leave_pool()
        self.slot = storage.slot
        self._storage = storage
        self._now = storage.host.view(np.int64)
        self._now[:] = 0
        self._calls = 0

    def begin(self) -> np.int64:
        """The number of a new call, nothing of which is done."""
        self._calls = (self._calls + 1) % (1 << crew.SIDE)
        self._now[1:] = 0
        self._now[0] = self._calls << crew.CALL
        return np.int64(self._calls)


@cache
def turns(runtime: Runtime) -> Turns:
    """Those of a device."""
    return Turns(runtime, MOST_STAGES)


class Crew(Launch):
    """All launches of a plan as one.

    helped   the driver's threads are woken to take part where the thread that waits runs kernels
    """

    __slots__ = ("helped",)

    def __init__(
        self, runtime: Runtime, label: str, stages: Sequence[crew.Stage], numbers: Sequence[Number],
        slots: Sequence[Slot], elements: int, work: int, moved: int,
    ):  # fmt: skip
        text = crew.text(len(slots), tuple(stages), runtime.device.fp64)
        items = GROUPS * runtime.device.compute_units
        everything = [*slots, turns(runtime).slot]
        super().__init__(runtime, label, Code(text, "crew"), items, numbers, everything, 1, elements, work, moved)
        self.helped = runtime.device.compute_units > 1

    def enqueue(self) -> None:
        runtime, device = self.runtime, self.runtime.device
        # What came before must be done: helpers do not wait for it, and count in the same memory.
        runtime.wait()
        call = turns(runtime).begin()
        self.follow()
        if runtime.queue is not device.inline:
            self._begin(call, self.kernel, self.items)
            return
        # Of two, each takes from its own end of every stage: what it met in the call before is still in its cache.
        sides = (1, 2) if self.helped and device.compute_units == 2 else (0, 0)
        if self.helped:
            other = runtime.elsewhere(self.kernel)
            assert other is not None
            runtime.queue = device.queue
            try:
                self._begin(call | sides[1] << crew.SIDE, other, (device.compute_units - 1,))
                device.queue.flush()
            finally:
                runtime.queue = device.inline
        self._begin(call | sides[0] << crew.SIDE, self.kernel, (1,))

    def _begin(self, call: np.int64, kernel: Kernel, items: tuple[int]) -> None:
        kernel.object.set_arg(1 + len(self.slots), call)
        self.runtime.enqueue(kernel, items, self.local, self.geometry, self.slots)


class Rounds(Crew):
    """The same work again and again, each time with other numbers: `note` those of all rounds, then `enqueue` all."""

    __slots__ = ("_at", "_each", "_storages", "_tables")

    def __init__(self, rounds: int, *launch: Any):
        super().__init__(*launch)
        width = len(self.numbers)
        self._at = [k for k, number in enumerate(self.numbers) if isinstance(number, Cell)]
        self._each = max(1, MOST_BYTES // (8 * width))
        self._storages: list[Storage] = []
        self._tables: list[np.ndarray] = []
        memory = Memory(self.runtime.device)
        for first in range(0, rounds, self._each):
            count = min(self._each, rounds - first)
            storage = memory.allocate(8 * count * width)
            assert storage.host is not None
            table = seen(storage.host, "int64", (count, width))
            table[:] = [int(number) for number in self.numbers]
            table[:, :2] = count, width
            self._storages.append(storage)
            self._tables.append(table)

    def note(self, t: int) -> None:
        """The numbers of the moment are those of round t."""
        self._tables[t // self._each][t % self._each, self._at] = [cell.value for cell in self.live]

    def follow(self) -> None:
        """Kernels read the numbers where they were noted."""

    def enqueue(self) -> None:
        for storage in self._storages:
            self.geometry = storage.buffer
            super().enqueue()
