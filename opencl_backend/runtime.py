"""Memory on the device and the values in it.

Owns `Memory` (buffers, reused when nobody holds them), `DeviceArray` (a strided view of a buffer),
`Cell` (an offset that may change from call to call), uploads and downloads. It must not know graphs or
kernels. The queue runs in order, so a buffer that the host has let go of may be written again at once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from math import prod
from threading import RLock, Thread
from typing import Any

import numpy as np

from opencl_backend.cache import Key, Programs, as_flagged, programs
from opencl_backend.device import Device, import_pyopencl
from reference.config import config
from reference.graph.errors import BackendError

ALIGNMENT = 64
_KEPT_BYTES = 1 << 28
WORTH_SHARING = 1 << 16
"""Bytes from which an array is worked on where it lies; fewer are copied sooner than a buffer is made for them."""
HOPES = 8
"""First calls that may look in vain for what earlier processes have built: who draws programs would always do so."""
_stamps = count()
_flags = config.opencl


class Cell:
    """A whole number that a plan recomputes on every call: the offset of a view, for example."""

    __slots__ = ("value",)

    def __init__(self, value: int):
        self.value = value

    def __int__(self) -> int:
        return self.value


Number = int | Cell


class Slot:
    """What a launch holds of a storage: the buffer to pass. A plan puts another buffer here for each call.

    `stamp` is never given twice: kernels know by it, without holding on to a buffer, what they were given last.
    """

    __slots__ = ("buffer", "stamp")

    def __init__(self, buffer: Any):
        self.put(buffer)

    def put(self, buffer: Any) -> None:
        """Pass this buffer from now on."""
        self.buffer = buffer
        self.stamp = next(_stamps)


class Kernel:
    """A kernel object, and what its arguments are: before a launch only those that differ are set."""

    __slots__ = ("arguments", "geometry", "object")

    def __init__(self, object: Any):
        self.object = object
        self.geometry: Any = None
        self.arguments: list[int] = [-1] * object.num_args


class Storage:
    """A buffer of at least `nbytes` bytes; `host` is its memory where the device works on the host's.

    When nobody holds a storage any more its buffer goes back to its Memory. Launches hold the slot only.
    """

    __slots__ = ("_memory", "_slot", "buffer", "host", "nbytes")

    def __init__(self, buffer: Any, host: np.ndarray | None, nbytes: int, memory: Memory | None):
        self.buffer = buffer
        self._slot: Slot | None = None
        self.host = host
        self.nbytes = nbytes
        self._memory = memory

    @property
    def slot(self) -> Slot:
        """What launches hold; most storages are never named by one."""
        if self._slot is None:
            self._slot = Slot(self.buffer)
        return self._slot

    def alias(self) -> Storage:
        """The same memory with a slot of its own, which does not keep it from being reused."""
        return Storage(self.buffer, self.host, self.nbytes, None)

    @property
    def memory(self) -> Memory | None:
        """Where the buffer goes back to."""
        return self._memory

    def leave_pool(self) -> None:
        """Never hand this memory to anyone else."""
        self._memory = None

    def __del__(self) -> None:
        memory = self._memory
        if memory is not None:
            memory.recycle(self)


class Memory:
    """Buffers of one device, kept for reuse by size.

    There are two: one for values that live on after a call, one for what plans only use while they run. A
    plan goes on writing to its working buffers on every call, so they must never hold a value that stays.
    """

    def __init__(self, device: Device):
        self.device = device
        self._cl = import_pyopencl()
        self._free: dict[int, list[tuple[Any, np.ndarray | None]]] = {}
        self._kept = 0
        self.allocated = 0

    def allocate(self, nbytes: int) -> Storage:
        """Storage for `nbytes` bytes, contents undefined."""
        return self.of_size(size_class(nbytes))

    def of_size(self, size: int) -> Storage:
        """Storage of one of the sizes that there are."""
        free = self._free.get(size)
        if free and _flags.reuse:
            self._kept -= size
            buffer, host = free.pop()
            return Storage(buffer, host, size, self)
        cl = self._cl
        flags = cl.mem_flags
        self.allocated += size
        try:
            if self.device.shares_host_memory:
                host = aligned_bytes(size)
                buffer = cl.Buffer(self.device.context, flags.READ_WRITE | flags.USE_HOST_PTR, hostbuf=host)
                return Storage(buffer, host, size, self)
            return Storage(cl.Buffer(self.device.context, flags.READ_WRITE, size), None, size, self)
        except (cl.MemoryError, MemoryError) as error:
            raise BackendError(
                f"{self.device.name} has no room for {size} bytes more; shared variables are as they were"
            ) from error

    def adopt(self, array: np.ndarray) -> Storage:
        """Storage that is the user's own contiguous array, only read; for devices that share memory."""
        flags = self._cl.mem_flags
        # Of a buffer that may not be written Intel's driver makes a copy, unless it begins at a multiple of 128 bytes.
        may = flags.READ_WRITE if array.flags.writeable else flags.READ_ONLY
        buffer = self._cl.Buffer(self.device.context, may | flags.USE_HOST_PTR, hostbuf=array)
        return Storage(buffer, None, array.nbytes, None)

    def recycle(self, storage: Storage) -> None:
        if self._kept + storage.nbytes <= _KEPT_BYTES:
            self._kept += storage.nbytes
            self._free.setdefault(storage.nbytes, []).append((storage.buffer, storage.host))
        else:
            # Kernels that were enqueued before may still work on this memory.
            self.device.queue.finish()


class Arena(Memory):
    """Working memory that belongs to one loop while it lives, as its steps go on writing to it.

    Afterwards it is working memory again: never freed under a kernel that has not run yet.
    """

    def __init__(self, working: Memory):
        super().__init__(working.device)
        self._working = working
        self._held: list[Storage] = []

    def allocate(self, nbytes: int) -> Storage:
        if self._free.get(size_class(nbytes)):
            return super().allocate(nbytes)
        whole = self._working.allocate(nbytes)
        self._held.append(whole)
        return Storage(whole.buffer, whole.host, whole.nbytes, self)


def size_class(nbytes: int) -> int:
    """Sizes are rounded up to a quarter of a power of two, so that buffers fit again."""
    nbytes = max(nbytes, ALIGNMENT)
    step = max(ALIGNMENT, 1 << max(0, nbytes.bit_length() - 3))
    return -(-nbytes // step) * step


def same_size_class(a: int, b: int) -> bool:
    return size_class(a) == size_class(b)


def aligned_bytes(nbytes: int) -> np.ndarray:
    """Uninitialised bytes that start at a cache line."""
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes]


@cache
def itemsize(dtype: str) -> int:
    """Bytes of an element."""
    return np.dtype(dtype).itemsize


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """C order, in elements."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
    return tuple(strides)


@dataclass(eq=False)
class DeviceArray:
    """A view of a storage: element ``i`` lies at ``offset + sum(i * strides)``, in elements.

    `known` is the value itself where the host knows it (constants and what is computed from them).
    Arrays are never written again once complete, but by updates that nobody else sees (updates.py).
    """

    runtime: Runtime
    storage: Storage
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: Number = 0
    known: np.ndarray | None = field(default=None, repr=False)

    @cached_property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * itemsize(self.dtype)

    @cached_property
    def is_contiguous(self) -> bool:
        return self.size <= 1 or all(
            length == 1 or mine == c
            for length, mine, c in zip(self.shape, self.strides, contiguous_strides(self.shape))
        )

    @cached_property
    def owns_storage(self) -> bool:
        """A whole contiguous storage, from its beginning."""
        return self.is_contiguous and not isinstance(self.offset, Cell) and self.offset == 0

    def view(
        self,
        shape: Sequence[int],
        strides: Sequence[int],
        offset: Number | None = None,
        known: np.ndarray | None = None,
    ) -> DeviceArray:
        """The same storage seen otherwise."""
        where = self.offset if offset is None else offset
        return DeviceArray(self.runtime, self.storage, self.dtype, tuple(shape), tuple(strides), where, known)

    def to_host(self) -> np.ndarray:
        """A copy as a NumPy array; waits for the device, and for a call that may be writing to it."""
        with self.runtime.turn:
            return self.runtime.download(self)


class Runtime:
    """One device's queue, memory and programs.

    turn   threads call functions one after the other
    busy   a call is under way
    hopes  for a function's first call to find its kernels kept by an earlier process
    """

    def __init__(self, device: Device):
        self.device = device
        self.queue = device.queue
        self.values = Memory(device)
        self.working = Memory(device)
        self.programs: Programs = programs(device)
        self.launches = 0
        self.turn = RLock()
        self.busy = False
        self.hopes = HOPES
        self._kernels: dict[tuple[str, str, tuple[str, ...]], Kernel] = {}
        self._places: dict[Kernel, Kernel] = {}
        self._cl = import_pyopencl()
        self._begin = self._cl.enqueue_nd_range_kernel
        self._last: Any = None

    def empty(self, dtype: str, shape: Sequence[int], memory: Memory | None = None) -> DeviceArray:
        """A contiguous array, contents undefined; among the values unless `memory` says otherwise."""
        shape = tuple(int(n) for n in shape)
        storage = (memory or self.values).allocate(prod(shape) * itemsize(dtype))
        return DeviceArray(self, storage, dtype, shape, contiguous_strides(shape))

    def upload(self, value: np.ndarray, known: bool = False) -> DeviceArray:
        """A device copy of a host array. `known`: the host may go on using the value while planning."""
        array = self.empty(value.dtype.name, value.shape)
        self.write(array, value)
        if known:
            array.known = value
        return array

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Working memory for a call within a call: older plans write to what the outer call still reads."""
        working, self.working = self.working, Memory(self.device)
        try:
            yield
        finally:
            self.working = working

    def constants(self, numbers: Sequence[Number]) -> Any:
        """A small buffer of longs for kernels to read."""
        values = np.array([int(n) for n in numbers], np.int64)
        flags = self._cl.mem_flags
        return self._cl.Buffer(self.device.context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=values)

    def kernel(self, text: str, name: str, options: tuple[str, ...] = ()) -> Kernel:
        """The kernel of a program: one for all launches."""
        text, options = as_flagged((text, options))
        key = (text, name, options)
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = Kernel(self.programs.kernel(text, name, options))
        return kernel

    def begin(self, wanted: Iterable[Key]) -> Thread:
        """Have these programs built, as `kernel` would, while this thread goes on."""
        return self.programs.begin(map(as_flagged, wanted))

    def are_kept(self, wanted: Iterable[Key]) -> bool:
        """Has an earlier process left all of these programs, as `kernel` would build them?"""
        return self.programs.are_kept(map(as_flagged, wanted))

    def twin(self, kernel: Kernel) -> Kernel:
        """Another object of the same kernel, with arguments of its own."""
        return Kernel(self._cl.Kernel(kernel.object.program, kernel.object.function_name))

    def elsewhere(self, kernel: Kernel) -> Kernel | None:
        """The same kernel for the other queue, the device's `inline` or its own; None: the driver has none."""
        other = self._places.get(kernel)
        if other is None and self.device.inline is not None:
            program = self.programs.inline(kernel.object.program)
            if program is not None:
                other = Kernel(self._cl.Kernel(program, kernel.object.function_name))
                self._places |= {kernel: other, other: kernel}
        return other

    def enqueue(
        self, kernel: Kernel, items: tuple[int], local: tuple[int], geometry: Any, slots: Sequence[Slot]
    ) -> None:
        """Launch a kernel on these arguments; does not wait."""
        given = kernel.arguments
        try:
            if kernel.geometry is not geometry:
                kernel.object.set_arg(0, geometry)
                kernel.geometry = geometry
            for k, slot in enumerate(slots):
                if given[k] != slot.stamp:
                    kernel.object.set_arg(k + 1, slot.buffer)
                    given[k] = slot.stamp
            self._last = self._begin(self.queue, kernel.object, items, local)
        except self._cl.MemoryError as error:
            raise BackendError(
                f"{self.device.name} has no room to run a kernel; shared variables are as they were"
            ) from error
        except self._cl.Error as error:
            raise BackendError(f"{self.device.name} failed: {error}; shared variables are as they were") from error
        self.launches += 1

    def move(
        self, source: Any, target: Any, source_at: int, target_at: int, region: tuple[int, ...],
        source_pitches: tuple[int, int], target_pitches: tuple[int, int],
    ) -> None:  # fmt: skip
        """Copy (bytes, rows, planes) from one buffer to another; pitches are those of rows and planes, in bytes."""
        try:
            self._cl.enqueue_copy(
                self.queue, target, source, region=region, src_origin=(source_at, 0, 0),
                dst_origin=(target_at, 0, 0), src_pitches=source_pitches, dst_pitches=target_pitches,
            )  # fmt: skip
        except self._cl.Error as error:
            raise BackendError(f"{self.device.name} failed: {error}; shared variables are as they were") from error

    def borrow(self, value: np.ndarray) -> DeviceArray:
        """A host array as an argument of one call: the array's own memory where kernels can read it, else a copy."""
        if self.device.shares_host_memory and value.nbytes >= WORTH_SHARING and is_plain(value):
            storage = self.values.adopt(value)
            return DeviceArray(self, storage, value.dtype.name, value.shape, contiguous_strides(value.shape))
        return self.upload(value)

    def write(self, array: DeviceArray, value: np.ndarray) -> None:
        """Overwrite a contiguous array that no kernel in flight reads."""
        host = array.storage.host
        if host is not None:
            np.copyto(seen(host, array.dtype, value.shape), value)
        elif value.size:
            native = np.ascontiguousarray(value, array.dtype)
            self._cl.enqueue_copy(self.queue, array.storage.buffer, native)

    def download(self, array: DeviceArray) -> np.ndarray:
        """A host copy; waits for the device."""
        dtype = np.dtype(array.dtype)
        first = int(array.offset)
        if array.size == 0:
            return np.empty(array.shape, dtype)
        self.wait()
        source = array.storage.host
        if source is None:
            source = np.empty(_extent(array) * dtype.itemsize, np.uint8)
            self._cl.enqueue_copy(
                self.queue, source, array.storage.buffer, src_offset=_lowest(array) * dtype.itemsize
            )
            first -= _lowest(array)
        typed = source[: source.nbytes // dtype.itemsize * dtype.itemsize].view(dtype)
        byte_strides = tuple(s * dtype.itemsize for s in array.strides)
        return np.lib.stride_tricks.as_strided(typed[first:], array.shape, byte_strides).copy()

    def duplicate(self, array: DeviceArray) -> DeviceArray:
        """A copy of a whole array among the values that stay."""
        fresh = self.empty(array.dtype, array.shape)
        if array.size:
            self._cl.enqueue_copy(self.queue, fresh.storage.buffer, array.storage.buffer, byte_count=array.nbytes)
        return fresh

    def hand_out(self, array: DeviceArray) -> np.ndarray:
        """A complete contiguous array as the user's own NumPy array, without a copy where memory is shared."""
        if array.storage.host is None or not array.owns_storage or array.nbytes < WORTH_SHARING:
            return self.download(array)
        return lent(array.storage, array.dtype, array.shape)

    def wait(self, last_is_kernel: bool = False) -> None:
        """Until everything enqueued has run; where a kernel was the last, Intel's driver is quicker to tell of that."""
        try:
            wait = self._last.wait if last_is_kernel else self.queue.finish
            wait()
        except self._cl.Error as error:
            raise BackendError(f"{self.device.name} failed: {error}; shared variables are as they were") from error


@cache
def _block(nbytes: int) -> type[ctypes.Array[ctypes.c_char]]:
    return ctypes.c_char * nbytes


def lent(storage: Storage, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """A storage that nobody else holds as the user's own array."""
    assert storage.host is not None
    block: Any = _block(storage.nbytes).from_buffer(storage.host.data)
    block.storage = storage  # It goes back to the pool when nobody holds such an array any more.
    return np.ndarray(shape, dtype, block)


def seen(host: np.ndarray, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The first of these bytes as an array."""
    return host[: prod(shape) * itemsize(dtype)].view(dtype).reshape(shape)


def is_plain(value: np.ndarray) -> bool:
    """Can kernels read the array where it lies?"""
    flags = value.flags
    return flags.c_contiguous and flags.aligned and value.dtype.isnative


def _lowest(array: DeviceArray) -> int:
    return int(array.offset) + sum((n - 1) * s for n, s in zip(array.shape, array.strides) if s < 0)


def _extent(array: DeviceArray) -> int:
    return 1 + sum((n - 1) * abs(s) for n, s in zip(array.shape, array.strides))


_runtimes: dict[Device, Runtime] = {}


def runtime(device: Device) -> Runtime:
    """The runtime of `device`; one a process."""
    if device not in _runtimes:
        _runtimes[device] = Runtime(device)
    return _runtimes[device]
