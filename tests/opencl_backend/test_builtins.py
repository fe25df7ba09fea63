"""Kernels are built without the driver's header, and with it where they call what is not declared."""

import pytest

from opencl_backend import builtins
from opencl_backend.cache import Programs
from opencl_backend.device import current
from reference.config import config
from reference.graph.errors import BackendError

KERNEL = "kernel void f(global float *a, global double4 *b) {{ const long i = get_global_id(0); {} }}\n"
DOUBLE = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"


@pytest.fixture
def table():
    """A table of programs of its own."""
    return Programs(current())


def declares(platform):
    return builtins.are_declared_for(platform.name)


needs_declarations = pytest.mark.skipif(
    not declares(current().platform), reason="this driver reads no header, or is not known to do without"
)


def test_a_text_gets_what_it_calls():
    said = builtins.declarations(DOUBLE + KERNEL.format("a[i] = sqrt(a[i]); b[i] = sqrt(b[i]);"))
    assert "get_global_id(uint)" in said
    for wanted in ("float sqrt(float)", "double sqrt(double)", "double4 sqrt(double4)"):
        result, call = wanted.split(" ", 1)
        assert f"{result} __attribute__((overloadable, const)) {call};" in said
    assert "fmod" not in said
    assert "float4" not in said


def test_there_are_no_doubles_where_a_device_has_none():
    assert "double" not in builtins.declarations("kernel void f(global float *a) { a[0] = sqrt(a[0]); }")


@needs_declarations
@pytest.mark.parametrize("name", builtins.FLOATS)
def test_every_declared_function_is_one_of_the_driver(table, name):
    operands = builtins.FLOATS[name]
    calls = f"a[i] = {name}({', '.join(['a[i]'] * operands)}); b[i] = {name}({', '.join(['b[i]'] * operands)});"
    table.kernel(DOUBLE + KERNEL.format(calls), "f")
    assert table.with_header == 0


@needs_declarations
def test_a_text_that_calls_something_else_is_built_with_the_header(table):
    table.kernel(KERNEL.format("a[i] = mad(a[i], 2.0f, get_global_offset(0));"), "f")
    assert (table.builds, table.with_header) == (1, 1)


def test_a_text_with_a_fault_is_reported_as_the_driver_sees_it(table):
    with config.change_flags(opencl__cache_dir=""), pytest.raises(BackendError, match="nonesuch"):
        table.kernel(KERNEL.format("a[i] = nonesuch;"), "f")
