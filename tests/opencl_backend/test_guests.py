"""Arrays of PyOpenCL's own go into functions and come out of them."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import pyopencl as cl
import pyopencl.array

import opencl_backend
import reference.tensor as T
from opencl_backend import device
from reference import Out, function, shared
from reference.config import config

VALUE = np.arange(6, dtype="float32").reshape(2, 3)
x = T.fmatrix("x")


@pytest.fixture
def apart():
    """A device with memory of its own, as most have that are no processors."""
    with config.change_flags(opencl__style="gpu"):
        opened = dict(device._open)
        device._open.clear()
        vars(device.current())["shares_host_memory"] = False
        yield
        device._open.clear()
        device._open.update(opened)


def on_device(value):
    return cl.array.to_device(opencl_backend.queue(), value)


def test_an_array_on_the_device_is_an_argument_as_one_of_the_host_is():
    f = function([x], [x * 2, x.sum(axis=0)], backend="opencl")
    for k in range(3):
        for value in (on_device(VALUE + k), VALUE + k):
            doubled, total = f(value)
            assert np.array_equal(doubled, (VALUE + k) * 2) and np.array_equal(total, (VALUE + k).sum(axis=0))


def test_kernels_that_write_an_argument_have_run():
    f = function([x], x + 1, backend="opencl")
    value = on_device(np.zeros((300, 300), "float32"))
    for k in range(4):
        value += 1
        assert np.array_equal(f(value), np.full((300, 300), k + 2))


def test_what_does_not_fit_as_it_lies_is_taken_from_the_host():
    context = cl.Context([device.current().cl_device])  # which Intel's driver does not keep for its queue
    other = cl.CommandQueue(context)
    foreign = cl.array.to_device(other, VALUE)
    f = function([x], x * 2, backend="opencl")
    assert np.array_equal(f(foreign), VALUE * 2)
    assert np.array_equal(f(on_device(VALUE)[1:]), VALUE[1:] * 2)
    y = T.dmatrix("y")
    assert np.array_equal(function([y], y * 2, backend="opencl")(on_device(VALUE)), VALUE * 2)
    n = T.iscalar("n")
    assert np.array_equal(function([n], T.arange(n), backend="opencl")(on_device(np.array(3, "int32"))), [0, 1, 2])


def test_what_does_not_fit_at_all_is_told():
    f = function([T.row("r", dtype="float32")], T.constant(1.0), on_unused_input="ignore", backend="opencl")
    with pytest.raises(TypeError, match=r"bad input at position 0 .r. .*must have length 1"):
        f(on_device(VALUE))
    with pytest.raises(TypeError, match=r"bad input at position 0 .x. .*float32"):
        function([x], x, backend="opencl")(on_device(VALUE.astype("float64")))


def test_a_borrowed_result_stays_on_a_device_with_memory_of_its_own(apart):
    total = shared(np.zeros((2, 3), "float32"))
    f = function([x], [Out(x * 2, borrow=True), x + 1], updates=[(total, total + x)], backend="opencl")
    g = function([x], x - 1, backend="opencl")
    held = []
    for k in range(4):
        doubled, more = f(VALUE + k)
        assert isinstance(doubled, cl.array.Array) and isinstance(more, np.ndarray)
        assert np.array_equal(g(doubled), (VALUE + k) * 2 - 1)
        held.append(doubled)
    for k, doubled in enumerate(held):
        assert np.array_equal(doubled.get(), (VALUE + k) * 2)
    assert np.array_equal(total.get_value(), VALUE * 4 + 6)


def test_a_borrowed_result_is_an_array_of_the_host_where_memory_is_shared():
    f = function([x], Out(x * 2, borrow=True), backend="opencl")
    for _ in range(3):
        assert isinstance(f(VALUE), np.ndarray) == device.current().shares_host_memory
