"""The plan of a function for one signature: recorded while a call runs, replayed by later calls.

Owns launches, host values with their steps, guards, error flags, and replay. Host values (shapes, offsets,
trip counts, random states) are recomputed by the reference's own `perform` on every call; a plan holds as
long as those it depends on stay the same. It must not know operations: context.py records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import numpy as np

from opencl_backend.loop import Lazy
from opencl_backend.runtime import Cell, DeviceArray, Number, Runtime, contiguous_strides
from reference.graph.core import Apply
from reference.interpreter import explain


class Stale(Exception):
    """A host value that the plan depends on has changed: record again."""


class Host:
    """A value the host computes. `live`: it may differ on the next call."""

    __slots__ = ("live", "value")

    def __init__(self, value: Any, live: bool):
        self.value = value
        self.live = live

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def size(self) -> int:
        return np.size(self.value)


Value = DeviceArray | Lazy | Host


class Work(Protocol):
    """What a plan does in order; `explain` shows the attributes."""

    label: str
    items: tuple[int]
    elements: int
    moved: int

    def refresh(self) -> None:
        """Read again what may have changed since the last call."""

    def enqueue(self) -> None:
        """Begin, after all that was begun before."""


class Launch:
    """One kernel enqueued: numbers in a small constant buffer, then arrays."""

    __slots__ = (
        "elements", "geometry", "items", "kernel", "label", "live", "local", "moved", "numbers", "runtime", "slots",
    )  # fmt: skip

    def __init__(
        self, runtime: Runtime, label: str, kernel: Any, items: int, numbers: Sequence[Number],
        arrays: Sequence[DeviceArray], local: int, elements: int,
    ):  # fmt: skip
        self.runtime = runtime
        self.label = label
        self.kernel = kernel
        self.items = (items,)
        self.local = (local,)
        self.slots = [array.storage.slot for array in arrays]
        self.elements = elements
        self.moved = sum(array.nbytes for array in {id(a): a for a in arrays}.values())
        self.numbers = list(numbers)
        self.live = [n for n in self.numbers if isinstance(n, Cell)]
        self.geometry = runtime.constants(self.numbers)

    def refresh(self) -> None:
        """Read the cells again."""
        if self.live:
            self.geometry = self.runtime.constants(self.numbers)

    def enqueue(self) -> None:
        self.runtime.enqueue(self.kernel, self.items, self.local, self.geometry, self.slots)


class Flag:
    """An error that kernels report: element `place` of the flag vector becomes nonzero."""

    __slots__ = ("make", "node", "place")

    def __init__(self, place: int, node: Apply, make: Callable[[int], Exception]):
        self.place = place
        self.node = node
        self.make = make


class Plan:
    """What one call does: `steps` bring host values up to date, then `launches` run in order.

    replayable   False: something was read back from the device while recording
    compiled     every loop has a kernel of its own
    seconds      that calls have taken so far
    interpreted  launches of `machine` and other general kernels, those of steps included
    kinds        what they are: those of a kind could share a kernel of their own
    """

    FLAGS = 256

    def __init__(self, runtime: Runtime, compiled: bool):
        self.runtime = runtime
        self.compiled = compiled
        self.launches: list[Work] = []
        self.steps: list[Callable[[], None]] = []
        self.flags: list[Flag] = []
        self.flag_array: DeviceArray | None = None
        self.constants: list[DeviceArray] = []
        self.inputs: list[Host | DeviceArray] = []
        self.outputs: list[Host | DeviceArray] = []
        self.notes: list[str] = []
        self.replayable = True
        self.replays = 0
        self.seconds = 0.0
        self.interpreted = 0
        self.kinds: set[Hashable] = set()

    def replay(self, values: Sequence[Any]) -> list[Host | DeviceArray]:
        """Run the plan on other inputs of the same signature; Stale if a guard fails, before any launch."""
        runtime = self.runtime
        for place, value in zip(self.inputs, values):
            if isinstance(place, Host):
                place.value = value
            else:
                place.storage.slot.buffer = value.storage.buffer
        for step in self.steps:
            step()
        outputs: list[Host | DeviceArray] = []
        for out in self.outputs:
            if isinstance(out, Host):
                outputs.append(Host(out.value, False))
                continue
            fresh = runtime.empty(out.dtype, out.shape)
            out.storage.slot.buffer = fresh.storage.buffer
            outputs.append(fresh)
        for launch in self.launches:
            launch.refresh()
            launch.enqueue()
        self.replays += 1
        return outputs

    def count_interpreted(self, kind: Hashable) -> None:
        """A general kernel has been launched for this plan."""
        self.interpreted += 1
        self.kinds.add(kind)

    def flag_place(self, node: Apply, make: Callable[[int], Exception]) -> tuple[DeviceArray, int]:
        """The flag vector and the place for `node`'s error."""
        if self.flag_array is None:
            self.flag_array = self.runtime.empty("int64", (self.FLAGS,))
            self.runtime.write(self.flag_array, np.zeros(self.FLAGS, np.int64))
        for flag in self.flags:
            if flag.node is node:
                return self.flag_array, flag.place
        place = len(self.flags) % self.FLAGS
        self.flags.append(Flag(place, node, make))
        return self.flag_array, place

    def reported(self) -> tuple[Exception, Apply] | None:
        """The error of the first node that reported one, and the node."""
        if self.flag_array is None:
            return None
        codes = self.flag_array.to_host()
        for flag in self.flags:
            code = int(codes[flag.place])
            if code:
                self.runtime.write(self.flag_array, np.zeros(self.FLAGS, np.int64))
                error = flag.make(code)
                explain(error, flag.node, [])
                return error, flag.node
        return None


def placeholder(array: DeviceArray) -> DeviceArray:
    """An input's place in a plan: a storage of its own slot, so that each call can put its buffer there."""
    storage = array.storage.alias()
    return DeviceArray(array.runtime, storage, array.dtype, array.shape, contiguous_strides(array.shape))
