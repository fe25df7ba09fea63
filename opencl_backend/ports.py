"""What goes into a plan on each call and what comes out of it.

Owns the places of inputs and outputs. All that follows from a signature (bytes, views, sizes) is found out when a plan
is first replayed, so that a call does nothing but copy or borrow what goes in, and hand out. It must not know graphs,
nor what runs in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from opencl_backend.runtime import WORTH_SHARING, DeviceArray, Runtime, is_plain, lent, seen, size_class


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

    def take(self, value: Any) -> None:
        """The value of this call."""
        self.value = value


class Stored:
    """The place of an array that is on the device."""

    __slots__ = ("slot",)

    def __init__(self, place: DeviceArray):
        self.slot = place.storage.slot

    def take(self, value: DeviceArray) -> None:
        slot, buffer = self.slot, value.storage.buffer
        if slot.buffer is not buffer:
            slot.put(buffer)


class Copied:
    """The place of a small array of the host: memory of the plan's own that kernels see, too."""

    __slots__ = ("storage", "view")

    def __init__(self, place: DeviceArray):
        self.storage = place.runtime.values.allocate(place.nbytes)
        assert self.storage.host is not None
        self.view = seen(self.storage.host, place.dtype, place.shape)
        place.storage.slot.put(self.storage.buffer)

    def take(self, value: np.ndarray) -> None:
        self.view[...] = value


class Borrowed:
    """The place of any other array of the host."""

    __slots__ = ("place", "shares")

    def __init__(self, place: DeviceArray):
        self.place = place
        self.shares = place.runtime.device.shares_host_memory

    def take(self, value: np.ndarray) -> DeviceArray | None:
        """What it returns must live until kernels have run."""
        place = self.place
        if self.shares and is_plain(value):
            # The buffer holds the array.
            place.storage.slot.put(place.runtime.values.adopt(value).buffer)
            return None
        array = place.runtime.empty(place.dtype, place.shape)
        place.runtime.write(array, value)
        place.storage.slot.put(array.storage.buffer)
        return array


WayIn = Host | Stored | Copied | Borrowed


def way_in(place: Host | DeviceArray, value: Any) -> WayIn:
    """How values like this one get to their place."""
    if isinstance(place, Host):
        return place
    if isinstance(value, DeviceArray):
        return Stored(place)
    small = place.nbytes < WORTH_SHARING and place.runtime.device.shares_host_memory
    return Copied(place) if small else Borrowed(place)


class Told:
    """A result that the host has computed."""

    __slots__ = ("host",)

    def __init__(self, host: Host):
        self.host = host

    def begin(self, values: Sequence[Any]) -> Any:
        """Nothing to prepare."""

    def end(self, begun: Any) -> Any:
        """A value of the caller's own."""
        value = self.host.value
        return np.array(value) if isinstance(value, np.ndarray) else value


Leave = Callable[[DeviceArray], Any]
"""Makes an array that nobody else holds what the caller gets."""


def staying(array: DeviceArray) -> DeviceArray:
    """A shared variable's next value."""
    return array


def shared_with_host(array: DeviceArray) -> np.ndarray:
    """A large array where the host sees the device's memory."""
    return lent(array.storage, array.dtype, array.shape)


class Fresh:
    """A result in new memory on each call, and how it leaves."""

    __slots__ = ("array", "leave", "size")

    def __init__(self, array: DeviceArray, leave: Leave):
        self.array = array
        self.size = size_class(array.nbytes)
        self.leave = leave

    def begin(self, values: Sequence[Any]) -> Any:
        old = self.array
        storage = old.runtime.values.of_size(self.size)
        old.storage.slot.put(storage.buffer)
        array = DeviceArray(old.runtime, storage, old.dtype, old.shape, old.strides)
        array.owns_storage = True
        return array

    def end(self, begun: Any) -> Any:
        return self.leave(begun)


class Read:
    """A result that is copied for the caller from the plan's own memory."""

    __slots__ = ("array", "view")

    def __init__(self, array: DeviceArray):
        self.array = array
        host = array.storage.host
        self.view = None if host is None else seen(host, array.dtype, array.shape)

    def begin(self, values: Sequence[Any]) -> Any:
        """The memory is there."""

    def end(self, begun: Any) -> np.ndarray:
        return self.array.to_host() if self.view is None else self.view.copy()


class InPlace(Fresh):
    """A shared variable's next value, in the memory of the present one, which is the call's value number `source`; in
    new memory where somebody else holds that, too."""

    __slots__ = ("source",)

    def __init__(self, array: DeviceArray, source: int):
        super().__init__(array, staying)
        self.source = source

    def begin(self, values: Sequence[Any]) -> Any:
        k = self.source
        if getrefcount(values[k]) > HOLDERS + 1 or getrefcount(values[k].storage) > HOLDERS:
            return super().begin(values)
        slot, old = self.array.storage.slot, values[k]
        if slot.buffer is not old.storage.buffer:
            slot.put(old.storage.buffer)
        return old


HOLDERS = 2
"""Of the storage of a shared variable's value: the value, and whoever asks. The value has one more, the variable and
the list of the call's values."""

WayOut = Told | Fresh | Read


def way_out(output: Host | DeviceArray, leave: Leave | None, source: int | None = None) -> WayOut:
    """How a result leaves; None: as an array of the host's."""
    if isinstance(output, Host):
        return Told(output)
    if source is not None:
        return InPlace(output, source)
    if leave is None and output.nbytes >= WORTH_SHARING and output.runtime.device.shares_host_memory:
        leave = shared_with_host
    return Read(output) if leave is None else Fresh(output, leave)


def handed_out(runtime: Runtime, value: Host | DeviceArray, leave: Leave | None) -> Any:
    """The same for a call that was recorded: `value` belongs to nobody else."""
    if isinstance(value, Host):
        return Told(value).end(None)
    return runtime.hand_out(value) if leave is None else leave(value)
