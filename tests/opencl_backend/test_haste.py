"""Kernels are built in haste at first and optimized once calls have taken long: the bits stay the same."""

import numpy as np
import pytest

import reference.tensor as T
from opencl_backend import context, machine
from opencl_backend.lower import scan_kernel
from reference import function, scan, until
from reference.config import config
from reference.tensor.shared_randomstreams import RandomStreams
from reference.tensor.signal.pool import pool_2d

RNG = np.random.default_rng(8)
M = RNG.standard_normal((33, 70)).astype("float32")
x = T.fmatrix("x")


def columns(x):
    return scan(lambda h, a: T.tanh(a * h) + h, outputs_info=x, non_sequences=x * 0.5, n_steps=7)[0][-1]


def batches(x):
    w = T.constant(RNG.standard_normal((70, 70)).astype("float32") / 9)
    return scan(lambda h: T.tanh(T.dot(h, w)), outputs_info=x, n_steps=5)[0]


def ending(x):
    return scan(lambda h: (h * 0.5, until(h.max() < 0.1)), outputs_info=x, n_steps=40)[0]


EXPRESSIONS = {
    "nests": lambda x: T.exp(x) * x.T.T - T.log(abs(x)) / (1 + x[::-1, ::2].sum()),
    "folds": lambda x: [(x * x).sum(axis=1), T.exp(x).sum(axis=0), x.argmax(axis=1), (x + 1).prod(axis=0)],
    "products": lambda x: [T.dot(x, x.T), T.dot(x.T, x), T.dot(x, x[0]), T.dot(T.sqr(x).T[::2], x)],
    "columns": columns,
    "batches": batches,
}


@pytest.fixture
def own_kernels(monkeypatch):
    """Every loop has a kernel, whatever its size."""
    monkeypatch.setattr(context, "LARGE", 0)
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", 0)


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_optimized_kernels_have_the_bits_of_hasty_ones(expression, mode, own_kernels):
    made = EXPRESSIONS[expression](x)
    f = function([x], made if isinstance(made, list) else [made], backend="opencl", mode=mode)
    first = f(M)
    plan = f.executable.last
    assert plan.kinds and not plan.compiled
    plan.seconds = 1e9
    between = f(M)
    if plan.following is not None:
        plan.following.building.join()
    later = f(M)
    assert f.executable.last.compiled
    assert [a.tobytes() for a in first] == [b.tobytes() for b in between]
    assert [a.tobytes() for a in first] == [b.tobytes() for b in later]


def test_draws_do_not_depend_on_haste(own_kernels):
    drawn = []
    for interpret in (True, False):
        with config.change_flags(opencl__interpret=interpret):
            random = RandomStreams(3)
            f = function([], [random.normal((300,)), random.uniform((70,), dtype="float32")], backend="opencl")
            drawn.append([a.tobytes() for a in f()])
            assert bool(f.executable.last.kinds) == interpret
    assert drawn[0] == drawn[1]


def test_what_does_very_much_is_optimized_at_once(own_kernels, monkeypatch):
    monkeypatch.setattr(context, "IN_EARNEST", 1000)
    f = function([x], T.tanh(x), backend="opencl")
    f(M)
    assert not f.executable.last.kinds


def test_plans_that_are_made_anew_are_optimized_too(own_kernels, monkeypatch):
    """A loop of whose rows only the device knows how many there are is recorded on every call."""
    f = function([x], ending(x), backend="opencl")
    first = f(M)
    f(M)
    assert not f.executable.last.replayable and not f.executable.last.compiled
    f.executable.anew = 1e9
    assert f(M).tobytes() == first.tobytes()
    assert f.executable.last.compiled
    f(M)
    assert f.executable.last.compiled


def test_without_interpretation_nothing_is_built_in_haste():
    with config.change_flags(opencl__interpret=False):
        f = function([x], [T.tanh(x), T.dot(x, x.T), columns(x)], backend="opencl")
        f(M)
        assert not f.executable.last.kinds


@pytest.mark.parametrize("dtype", ["bool", "int8", "float16", "float32"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_a_small_sum_converts_what_it_reads(dtype, axis):
    a = T.TensorType(dtype, (False, False))("a")
    given = (np.abs(M) * 3).astype(dtype)
    total = function([a], T.sum(a, axis=axis), backend="opencl")
    assert total(given).tobytes() == function([a], T.sum(a, axis=axis))(given).tobytes()
    launched = [launch.label for launch in total.executable.last.launches]
    assert not [label for label in launched if label.startswith("Cast") and dtype != "float16"]
    assert not [launch for launch in total.executable.last.launches if launch.code.text.count("kernel void") != 1]


@pytest.mark.parametrize("ws", [(1, 1), (2, 2), (3, 1), (4, 4)])
def test_the_largest_of_small_windows_is_the_first_of_equals(ws):
    some = np.array([-1, -0.0, 0.0, np.nan, -np.inf], "float32")
    given = RNG.choice(some, (3, 2, 9, 8), p=[0.3, 0.3, 0.3, 0.05, 0.05])
    image = T.TensorType("float32", (False,) * 4)("image")
    pooled = pool_2d(image[1:], ws, ignore_border=True)
    found = function([image], pooled, backend="opencl")(given)
    wanted = function([image], pooled)(given)
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(found[wanted == 0]), np.signbit(wanted[wanted == 0]))


@pytest.mark.parametrize(
    "dtypes, likely",
    [(["float32", "int64"], "float32"), (["float64", "float64", "float32"], "float64"), (["int8"], config.floatX)],
)
def test_what_is_built_ahead_computes_in_the_dtype_of_the_inputs(dtypes, likely):
    inputs = [T.TensorType(dtype, (False,))() for dtype in dtypes]
    assert machine.likely(inputs, fp64=True) == likely
    assert machine.likely(inputs, fp64=False) == "float32"
