"""Memory: what kernels see of the host's arrays."""

import numpy as np
import pytest

from opencl_backend.device import current
from opencl_backend.runtime import ALIGNMENT, WORTH_SHARING, aligned_bytes, runtime

SIZE = WORTH_SHARING


@pytest.mark.parametrize("start", [0, 4, 16, 64, 128])
def test_kernels_work_where_an_array_lies_wherever_that_is(start):
    device = runtime(current())
    if not device.device.shares_host_memory:
        pytest.skip("the device has memory of its own")
    value = aligned_bytes(SIZE + 3 * ALIGNMENT)[start : start + SIZE].view("float32")
    value[:] = 1
    borrowed = device.borrow(value)
    value[:] = 2
    copied = device.duplicate(borrowed)
    assert (copied.to_host() == 2).all()


def test_an_array_that_may_not_be_written_is_read():
    device = runtime(current())
    value = np.arange(SIZE, dtype="float32")
    value.flags.writeable = False
    borrowed = device.borrow(value)
    assert np.array_equal(device.duplicate(borrowed).to_host(), value)
