"""Arrays of PyOpenCL's as arguments and results of functions, without a copy.

Owns what of a `pyopencl.array.Array` can be taken as it lies, and how a result becomes one. Programs that have kernels
of their own pass values through functions so, and functions pass them to one another on a device with memory of its
own. It must not know plans.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from opencl_backend.device import import_pyopencl
from opencl_backend.runtime import DeviceArray, Runtime, Storage, contiguous_strides
from reference.graph.dtypes import name_of
from reference.graph.types import TensorType


def is_guest(value: Any) -> bool:
    """Is it an array of PyOpenCL's? Asked of whatever is no array of NumPy's, so without importing theirs."""
    return type(value).__module__ == "pyopencl.array" and type(value).__name__ == "Array"


def admitted(runtime: Runtime, value: Any, type_: TensorType) -> DeviceArray | np.ndarray:
    """The array as an argument of this type, when its kernels have run; on the host where it does not fit as it lies.

    It fits in the context of the backend's `queue`, in C order, with the very dtype and pattern of the type.
    """
    if value.events:
        import_pyopencl().wait_for_events(value.events)
    fits = value.context == runtime.device.context and value.flags.c_contiguous and value.offset == 0
    if not (fits and _is_of(type_, value)):
        return value.get()
    storage = Storage(value.base_data, None, value.nbytes, None)
    return DeviceArray(runtime, storage, name_of(value.dtype), value.shape, contiguous_strides(value.shape))


def _is_of(type_: TensorType, value: Any) -> bool:
    try:
        # Of no memory, and so cheap: the pattern is the type's own business.
        type_.filter(np.broadcast_to(np.empty((), value.dtype), value.shape), strict=True)
    except TypeError:
        return False
    return True


def as_guest(array: DeviceArray) -> Any:
    """A result that nobody else holds as an array of PyOpenCL's."""
    import pyopencl.array

    array.storage.leave_pool()
    return pyopencl.array.Array(array.runtime.queue, array.shape, np.dtype(array.dtype), data=array.storage.buffer)
