"""Small launches of a compiled plan are joined: fewer kernels, the same bits, the same errors."""

import numpy as np
import pytest

import reference.tensor as T
from opencl_backend.cache import Programs
from opencl_backend.joins import MOST_WORK
from reference import function, grad, shared
from reference.config import config
from reference.graph.errors import BackendError

RNG = np.random.default_rng(5)
M = RNG.standard_normal((40, 30)).astype("float32")
x = T.fmatrix("x")
k = T.lscalar("k")


def compiled(inputs, outputs, **options):
    """The function with kernels for all loops from its first call on, and the plan of that call."""
    f = function(inputs, outputs, backend="opencl", **options)

    def call(*values):
        with config.change_flags(opencl__interpret=False):
            return f(*values)

    call.plan = lambda: f.executable.last
    call.executable = f.executable
    return call


def classifier(W, b):
    labels = T.constant(np.arange(40) * 3 % 7)
    return -T.mean(T.log(T.nnet.softmax(T.dot(x, W) + b)[T.arange(40), labels]))


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
def test_a_step_of_training_is_few_kernels_with_the_bits_of_many(mode):
    results = []
    for joins in (True, False):
        W = shared(M[:30, :7].copy())
        b = shared(np.zeros(7, "float32"))
        cost = classifier(W, b)
        f = compiled([x], cost, updates=[(v, v - np.float32(0.1) * grad(cost, v)) for v in (W, b)], mode=mode)
        with config.change_flags(opencl__replay=joins):
            costs = [f(M) for _ in range(4)]
        results.append((np.asarray(costs).tobytes(), W.get_value().tobytes(), b.get_value().tobytes()))
        assert (len(f.plan().launches) == 1) == joins
    assert results[0] == results[1]


def test_numbers_that_change_from_call_to_call_reach_joined_kernels():
    f = compiled([x, k], [T.exp(x[k]).sum(), (x[k : k + 3] * 2).sum(axis=0), x[:, k] + 1])
    for at in (0, 5, 2):
        total, twice, column = f(M, at)
        assert np.allclose(total, np.exp(M[at]).sum(), rtol=1e-6)
        assert np.allclose(twice, (M[at : at + 3] * 2).sum(axis=0), rtol=1e-5, atol=1e-6)
        assert np.array_equal(column, M[:, at] + 1)
    assert len(f.plan().launches) < 3


def test_an_error_in_a_joined_kernel_is_told():
    i = T.lvector("i")
    f = compiled([x, i], [x[i] * 2, T.exp(x).sum(axis=0), x.max(axis=1)])
    f(M, np.array([1, 39]))
    with pytest.raises(IndexError, match="40"):
        f(M, np.array([1, 40]))
    assert np.array_equal(f(M, np.array([3]))[0], M[[3]] * 2)


def test_what_is_large_is_not_joined(monkeypatch):
    monkeypatch.setattr("opencl_backend.joins.MUCH", MOST_WORK)
    monkeypatch.setattr("opencl_backend.joins.MOST_LARGE", 0)
    big = RNG.standard_normal((700, 1000)).astype("float32")
    f = compiled([x], [T.tanh(x), (x * 2).sum(axis=0), T.exp(x[0]), x.max(axis=1)[:5] + 1])
    f(big)
    sizes = [launch.elements for launch in f.plan().launches]
    assert sum(size >= big.size for size in sizes) >= 3
    few = compiled([x], [T.tanh(x), (x * 2).sum(axis=0), T.exp(x[0]), x.max(axis=1)[:5] + 1])
    few(big[:7])
    assert len(few.plan().launches) == 1


def test_calls_go_on_while_kernels_are_built_and_their_failure_is_told(monkeypatch):
    f = function([x], [T.exp(x) * 2 + x.sum(), x.max(axis=0)], backend="opencl", mode="EXACT")
    first = f(M)
    plan = f.executable.last

    def broken(self, text, options):
        raise BackendError("no kernel today")

    with monkeypatch.context() as patched:
        patched.setattr(Programs, "_build", broken)
        plan.seconds = 1e9
        with pytest.raises(BackendError, match="no kernel today"):
            f(M)
            plan.following.building.join()
            f(M)
    assert [a.tobytes() for a in f(M)] == [a.tobytes() for a in first]
    assert f.executable.last.compiled
