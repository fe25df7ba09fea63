"""What a plan does in order: kernels with their arguments, and whatever else can be begun.

Owns `Launch`, one kernel enqueued. It must not know plans or what kernels compute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from opencl_backend.runtime import Cell, Kernel, Number, Runtime, Slot


class Work(Protocol):
    """What a plan does in order; `explain` shows the attributes."""

    label: str
    items: tuple[int]
    elements: int
    moved: int

    @property
    def slots(self) -> Sequence[Slot]:
        """The memory that it reads or writes."""

    def enqueue(self) -> None:
        """Begin, after all that was begun before, with the numbers and buffers of the moment."""

    def kernels(self) -> Iterable[HasKernel]:
        """Who holds a kernel of the driver's."""


class HasKernel(Protocol):
    """Whoever launches this kernel."""

    code: Code
    kernel: Kernel


class Code(NamedTuple):
    """A kernel: the text of its program, its name there, and how the program is compiled."""

    text: str
    name: str
    options: tuple[str, ...] = ()


class Over(NamedTuple):
    """What a kernel may write over: where `target` is the memory of one of the `sources`, its result is the same."""

    target: Slot
    sources: frozenset[Slot]


def over(target: Slot, read: Iterable[tuple[Slot, bool]]) -> Over:
    """Of what a kernel reads: whether it reads each element only before it writes the element at this very place."""
    read = list(read)
    return Over(target, frozenset(slot for slot, so in read if so) - {slot for slot, so in read if not so})


class Launch:
    """One kernel enqueued: numbers in a small constant buffer, then arrays. It is built when it is first needed.

    work      what one work-item alone would have to do, in simple operations on a number in a vector
    moved     bytes of all arrays
    over      what its result may be written over, and
    replaces  what it is to be written over, if the call may: so it must be part of the last launch
    """

    __slots__ = (
        "_kernel", "code", "elements", "geometry", "items", "label", "live", "local", "moved", "now",
        "numbers", "over", "replaces", "runtime", "slots", "work",
    )  # fmt: skip

    def __init__(
        self, runtime: Runtime, label: str, code: Code, items: int, numbers: Sequence[Number], slots: Sequence[Slot],
        local: int, elements: int, work: int, moved: int,
    ):  # fmt: skip
        self.runtime = runtime
        self.label = label
        self.code = code
        self.items = (items,)
        self.local = (local,)
        self.slots = list(slots)
        self.elements = elements
        self.work = work
        self.moved = moved
        self.numbers = list(numbers)
        self.live = [n for n in self.numbers if isinstance(n, Cell)]
        self.now: list[int] | None = None
        self.geometry: Any = None
        self.over: Over | None = None
        self.replaces: Slot | None = None
        self._kernel: Kernel | None = None

    @property
    def kernel(self) -> Kernel:
        if self._kernel is None:
            self._kernel = self.runtime.kernel(*self.code)
        return self._kernel

    @kernel.setter
    def kernel(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def follow(self) -> None:
        """Have the numbers of the moment where the kernel reads them."""
        if self.live or self.now is None:
            now = [cell.value for cell in self.live]
            if now != self.now:
                self.now = now
                self.geometry = self.runtime.constants(self.numbers)

    def enqueue(self) -> None:
        self.follow()
        self.runtime.enqueue(self._kernel or self.kernel, self.items, self.local, self.geometry, self.slots)

    def kernels(self) -> Iterable[HasKernel]:
        yield self
