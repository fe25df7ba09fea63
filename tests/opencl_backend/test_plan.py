"""What a call records, what later calls replay, and what a failing call leaves behind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import opencl_backend
import reference.tensor as T
from opencl_backend.runtime import DeviceArray
from reference import function, grad, shared
from reference.compile.builders import OpFromGraph, as_op
from reference.config import config
from reference.graph.errors import NotLowered, ShapeError


def opencl(*args, **kwargs):
    f = function(*args, backend="opencl", **kwargs)
    return f, f.executable


def test_a_signature_is_recorded_once_and_replayed():
    x = T.dmatrix("x")
    f, executable = opencl([x], x.T * 2)
    for k in range(3):
        value = np.full((2, 3), float(k))
        assert np.array_equal(f(value), value.T * 2)
    assert len(executable.plans) == 1
    assert executable.last.replays == 2
    f(np.zeros((3, 2)))
    assert len(executable.plans) == 2


def test_a_minibatch_moves_without_a_new_plan():
    data = shared(np.arange(40.0).reshape(10, 4), "data")
    index = T.lscalar("index")
    x = T.dmatrix("x")
    f, executable = opencl([index], (x * 2).sum(axis=0), givens={x: data[index * 3 : (index + 1) * 3]})
    for k in (0, 1, 2, 0):
        assert np.array_equal(f(k), (data.get_value()[3 * k : 3 * k + 3] * 2).sum(axis=0))
    assert len(executable.plans) == 1
    assert np.array_equal(f(3), (data.get_value()[9:] * 2).sum(axis=0))
    assert len(executable.plans) == 2


def test_a_given_slice_of_a_shared_array_is_a_view():
    data = shared(np.arange(40.0).reshape(10, 4), "data")
    index = T.lscalar("index")
    x = T.dmatrix("x")
    f, executable = opencl([index], x + 1, givens={x: data[index : index + 2]})
    f(3)
    assert [launch.label for launch in executable.last.launches] == ["add"]


def test_a_length_that_the_plan_depends_on_makes_a_new_plan():
    n = T.lscalar("n")
    f, executable = opencl([n], T.zeros((n, 2)) + 1)
    assert [f(k).shape for k in (2, 3, 2)] == [(2, 2), (3, 2), (2, 2)]
    assert len(executable.plans) == 2


def test_a_live_number_used_as_a_tensor_is_uploaded_anew():
    n, x = T.lscalar("n"), T.dvector("x")
    f, executable = opencl([n, x], x * n)
    assert [f(k, [1.0, 2.0]).tolist() for k in (1, 2, 5)] == [[1, 2], [2, 4], [5, 10]]
    assert len(executable.plans) == 1


def test_shared_variables_stay_on_the_device():
    s = shared(np.zeros(4), "s")
    x = T.dvector("x")
    f, _ = opencl([x], updates=[(s, s + x)])
    f(np.arange(4.0))
    assert isinstance(s.container.device, DeviceArray)
    assert s.container.host is None
    f(np.arange(4.0))
    assert s.get_value().tolist() == [0, 2, 4, 6]
    s.set_value(np.ones(4))
    f(np.arange(4.0))
    assert s.get_value().tolist() == [1, 2, 3, 4]


def test_an_update_by_another_shared_variable_shares_nothing_that_is_written():
    a, b = shared(np.zeros(3), "a"), shared(np.ones(3), "b")
    swap, _ = opencl([], updates=[(a, b), (b, a)])
    add, _ = opencl([], updates=[(a, a + 10)])
    for _ in range(3):
        swap()
        add()
    assert (a.get_value().tolist(), b.get_value().tolist()) == ([21.0] * 3, [10.0] * 3)


def test_outputs_are_the_callers_own():
    x = T.dvector("x")
    s = shared(np.arange(300.0), "s")
    f, _ = opencl([x], [x, x[::-1], s, s * 1, T.constant(np.ones(3))])
    value = np.arange(300.0)
    first = f(value)
    for out in first:
        out[...] = -1
    assert np.array_equal(value, np.arange(300.0))
    again = f(value)
    assert np.array_equal(again[2], np.arange(300.0))
    assert np.array_equal(again[4], np.ones(3))
    assert all((out == -1).all() for out in first)


def test_working_memory_is_reused_between_calls_and_not_by_what_stays():
    s = shared(np.zeros(1000), "s")
    x = T.dvector("x")
    f, executable = opencl([x], ((x + 1) * (x + 2)).sum(), updates=[(s, (s + x) * 2 - s)])
    expected = np.zeros(1000)
    for k in range(40):
        value = np.full(1000, float(k))
        assert f(value) == ((value + 1) * (value + 2)).sum()
        expected = (expected + value) * 2 - expected
        assert np.array_equal(s.get_value(), expected)
    allocated = executable.runtime.working.allocated + executable.runtime.values.allocated
    f(np.zeros(1000))
    assert executable.runtime.working.allocated + executable.runtime.values.allocated == allocated


def test_small_loops_get_kernels_of_their_own_once_a_plan_has_proved_itself(monkeypatch):
    monkeypatch.setattr(opencl_backend, "COMPILER_SECONDS", 1e-9)
    x = T.dvector("x")
    f, executable = opencl([x], T.exp(x * 2 + 1), mode="EXACT")
    value = np.linspace(-1, 1, 50)
    results = [f(value) for _ in range(3)]
    executable.last.following.building.join()
    results.append(f(value))
    assert executable.last.compiled
    assert [launch.label for launch in executable.last.launches] == ["mul+add+exp"]
    assert all(np.array_equal(r, results[0]) for r in results)


COPIES = {
    "side by side": (lambda x, y, k: T.join(1, x, y), lambda x, y, k: np.concatenate([x, y], 1)),
    "below each other": (lambda x, y, k: T.join(0, x, y), lambda x, y, k: np.concatenate([x, y], 0)),
    "rows from the middle": (
        lambda x, y, k: T.join(0, x[k : k + 2], y[1:3]),
        lambda x, y, k: np.r_[x[k : k + 2], y[1:3]],
    ),
    "columns from the middle": (
        lambda x, y, k: T.join(1, x[:, k:], y[:, 1:3]),
        lambda x, y, k: np.c_[x[:, k:], y[:, 1:3]],
    ),
    "blocks": (lambda x, y, k: T.stack([x, y], axis=1)[:, :, 1:4], lambda x, y, k: np.stack([x, y], 1)[:, :, 1:4]),
    "every second row": (lambda x, y, k: T.join(0, x[::2], y[::3]), lambda x, y, k: np.r_[x[::2], y[::3]]),
    "no rows": (lambda x, y, k: T.join(0, x[4:], y[:0]), lambda x, y, k: np.r_[x[4:], y[:0]]),
    "one element": (
        lambda x, y, k: T.join(0, x[1, k : k + 1], y[2, 3:4]),
        lambda x, y, k: np.r_[x[1, k : k + 1], y[2, 3:4]],
    ),
}


@pytest.mark.parametrize("copy", COPIES)
def test_bytes_are_moved_without_a_kernel(copy):
    expression, expected = COPIES[copy]
    x, y, k = T.matrix("x", dtype="uint16"), T.matrix("y", dtype="uint16"), T.lscalar("k")
    f, executable = opencl([x, y, k], expression(x, y, k), mode="UNOPTIMIZED", on_unused_input="ignore")
    builds = executable.runtime.programs.builds
    for seed, number in ((1, 1), (2, 1), (3, 2), (4, 1)):
        a, b = np.random.default_rng(seed).integers(0, 1000, (2, 4, 5)).astype("uint16")
        assert np.array_equal(f(a, b, number), expected(a, b, number))
    assert executable.runtime.programs.builds == builds


def test_what_no_rows_of_bytes_make_up_is_copied_by_a_kernel():
    x, y = T.matrix("x", dtype="int16"), T.matrix("y", dtype="int16")
    f, _ = opencl([x, y], [T.join(0, x.T, y[::-1]), T.join(1, x[:, ::2], y[:, ::-2])], mode="UNOPTIMIZED")
    a, b = np.arange(32, dtype="int16").reshape(2, 4, 4)
    for got, wanted in zip(f(a, b), [np.r_[a.T, b[::-1]], np.c_[a[:, ::2], b[:, ::-2]]]):
        assert np.array_equal(got, wanted)


def test_loops_are_not_joined_when_the_flag_says_so():
    x = T.dmatrix("x")
    with config.change_flags(opencl__fuse=False):
        f, executable = opencl([x], (x + 1) * 2, mode="UNOPTIMIZED")
        f(np.zeros((300, 300)))
    assert len(executable.last.launches) == 2


class TestFailures:
    def test_a_call_that_fails_changes_nothing(self):
        s = shared(np.zeros(3), "s")
        x, i = T.dvector("x"), T.lvector("i")
        f, _ = opencl([x, i], s[i], updates=[(s, s + x)])
        with pytest.raises(IndexError, match=r"index 7 is out of bounds for axis 0 with size 3"):
            f([1.0, 2, 3], [0, 7])
        assert s.get_value().tolist() == [0, 0, 0]
        assert f([1.0, 2, 3], [2]).tolist() == [0]
        assert s.get_value().tolist() == [1, 2, 3]

    def test_the_error_of_a_replayed_call_is_that_of_the_first(self):
        x, k = T.dvector("x"), T.lscalar("k")
        f, _ = opencl([x, k], x[k])
        assert f([1.0, 2], 1) == 2
        with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 2"):
            f([1.0, 2], 5)
        assert f([1.0, 2], 0) == 1

    def test_shapes_that_do_not_fit_say_which_node_and_where_it_was_built(self):
        x, y = T.dmatrix("x"), T.dmatrix("y")
        f, _ = opencl([x, y], x + y, mode="UNOPTIMIZED")
        with pytest.raises(ShapeError, match=r"(?s)\(2, 3\), \(1, 3\).*Elemwise\{add,no_inplace\}\(x, y\).*test_plan"):
            f(np.zeros((2, 3)), np.zeros((1, 3)))

    def test_what_has_no_lowering_is_refused_when_compiling(self):
        z = T.zmatrix("z")
        with pytest.raises(NotLowered, match=r"(?s)cannot run Elemwise\{mul.*complex numbers.*test_plan"):
            opencl([z], z * 2)

    def test_the_interpreter_runs_it_if_the_flag_allows(self):
        z, x = T.zvector("z"), T.dvector("x")
        with config.change_flags(opencl__allow_host=True), pytest.warns(RuntimeWarning, match="the interpreter runs"):
            f, _ = opencl([z, x], [z * 2, x + 1])
        for _ in range(2):
            doubled, more = f(np.array([1j, 2]), [1.0])
            assert doubled.tolist() == [2j, 4]
            assert more.tolist() == [2]


def test_explain_shows_kernels_and_why_a_plan_is_recorded_anew():
    x = T.dvector("x")
    f, executable = opencl([x], x[x > 0] * 2)
    assert "not called yet" in executable.explain()
    assert f([1.0, -1, 3]).tolist() == [2, 6]
    text = executable.explain()
    assert "gather" in text
    assert "recorded anew on every call" in text
    assert not executable.plans


@pytest.mark.parametrize(
    "value",
    [
        np.arange(20000.0)[::-1],
        np.arange(20000.0).astype(">f8"),
        np.asfortranarray(np.arange(20000.0).reshape(100, 200)).ravel("K"),
        np.broadcast_to(np.float64(3), (20000,)),
        np.lib.stride_tricks.as_strided(np.arange(10.0), (3, 4), (8, 16)).ravel(),
    ],
    ids=["reversed", "big-endian", "Fortran", "read-only", "overlapping"],
)
def test_arguments_may_lie_in_memory_as_they_like(value):
    x = T.dvector("x")
    f, _ = opencl([x], x * 2)
    for _ in range(2):
        assert np.array_equal(f(value), value * 2)


def test_large_arguments_are_read_where_they_are():
    x = T.dvector("x")
    f, executable = opencl([x], x.sum())
    value = np.arange(100_000.0)
    value.flags.writeable = False
    f(value)
    before = executable.runtime.values.allocated + executable.runtime.working.allocated
    assert f(value) == value.sum()
    assert executable.runtime.values.allocated + executable.runtime.working.allocated - before < value.nbytes


LENGTHS = {"copied": 300, "borrowed": 30_000}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_arguments_may_lie_in_memory_as_they_like_on_every_call(length):
    x = T.dvector("x")
    f, executable = opencl([x], x * 2)
    numbers = np.arange(2.0 * length)
    for value in (numbers[:length], numbers[::2], numbers[::-2], numbers[length:].copy(), numbers[1::2]):
        assert np.array_equal(f(value), value * 2)
    assert len(executable.plans) == 1


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_what_a_call_returned_stays_while_anything_of_it_is_held(length):
    x = T.dvector("x")
    f, _ = opencl([x], x * 2)
    value = np.arange(float(length))
    held = [f(value + k)[1::3] for k in range(5)]
    for k, part in enumerate(held):
        assert np.array_equal(part, ((value + k) * 2)[1::3])


def test_memory_of_large_results_is_used_again_when_they_are_let_go():
    x = T.dvector("x")
    f, executable = opencl([x], x * 2)
    value = np.arange(30_000.0)
    for _ in range(3):
        f(value)
    allocated = executable.runtime.values.allocated
    for _ in range(5):
        f(value)
    assert executable.runtime.values.allocated == allocated


def test_functions_that_share_kernels_do_not_share_arguments():
    x, y = T.dvector("x"), T.dvector("y")
    s = shared(np.arange(5.0), "s")
    f, _ = opencl([x, y], x + y)
    g, _ = opencl([x], x + s, updates=[(s, s + 1)])
    one, other = np.arange(5.0), np.full(5, 7.0)
    for k in range(4):
        assert np.array_equal(f(one, other), one + other)
        assert np.array_equal(g(other), other + np.arange(5.0) + k)
        assert np.array_equal(f(other, other), other + other)


def test_a_call_within_a_call_has_memory_of_its_own():
    x = T.dvector("x")
    inner, _ = opencl([x], T.exp(x * 2 + 1).sum() + x * 3, mode="FAST_COMPILE")
    value = np.linspace(-1, 1, 500)
    for _ in range(3):
        expected = inner(value)

    @as_op(itypes=[T.dvector], otypes=[T.dvector])
    def asking(a):
        assert np.array_equal(inner(value), expected)
        return a * 1.0

    first, second = x * 7 + 2, x - 3
    third = asking(second + 1)
    results = [first * third, (first + 1) * third, second * first]
    f, _ = opencl([x], results, mode="FAST_COMPILE")
    reference = function([x], results, mode="FAST_COMPILE")
    for _ in range(3):
        for one, other in zip(f(value), reference(value)):
            assert np.array_equal(one, other)


def test_threads_call_one_function_in_turn():
    x = T.dvector("x")
    f, _ = opencl([x], T.sqrt(x * 2 + 1))
    value = np.arange(100.0)
    expected = [f(value + k) for k in range(3)]
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(f, value + k % 3) for k in range(60)]
        assert all(np.array_equal(call.result(), expected[k % 3]) for k, call in enumerate(calls))


def test_a_graph_that_is_used_twice_is_computed_twice():
    x, a, b = T.fmatrix("x"), T.fmatrix("a"), T.fmatrix("b")
    both = OpFromGraph([x], [T.nnet.logsoftmax(x), T.nnet.softmax(x)])
    results = [*both(a), *both(b)]
    values = np.arange(12, dtype="f4").reshape(3, 4), np.arange(12, 0, -1, dtype="f4").reshape(4, 3) * 2
    f, _ = opencl([a, b], results, mode="EXACT")
    for one, other in zip(f(*values), function([a, b], results, mode="EXACT")(*values)):
        assert np.array_equal(one, other)


def test_a_convolution_and_its_filters_gradient_agree_on_what_lies_under_the_filter():
    x, k = T.tensor4("x", dtype="float64"), T.tensor4("k", dtype="float64")
    y = T.nnet.conv2d(x, k, border_mode="half", subsample=(2, 1))
    results = [y, *grad((y**2).sum(), [x, k])]
    f, _ = opencl([x, k], results)
    reference = function([x, k], results)
    rng = np.random.default_rng(0)
    for _ in range(3):
        values = rng.integers(-4, 5, (2, 3, 6, 7)).astype(float), rng.integers(-4, 5, (4, 3, 3, 3)).astype(float)
        for one, other in zip(f(*values), reference(*values)):
            assert np.array_equal(one, other)
