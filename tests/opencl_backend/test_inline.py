"""Kernels in the thread that waits for them: the same answers, and which plans run so."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend import device, inline
from opencl_backend.device import current, every_device
from opencl_backend.inline import CALLS, Trial
from opencl_backend.runtime import Runtime
from reference import function, grad, scan, shared
from reference.config import config
from reference.tensor.shared_randomstreams import RandomStreams

TOOK = Trial.took
HERE = "kernels run in the thread that waits for them"

able = pytest.mark.skipif(
    current().inline is None, reason="only PoCL 3 from PyPI shows a device without threads of its own"
)


def trained():
    w = shared(np.linspace(-1, 1, 12).reshape(4, 3), name="w")
    x, y = T.dmatrix("x"), T.ivector("y")
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(T.dot(x, w)), y).mean()
    f = function([x, y], cost, updates=[(w, w - 0.1 * grad(cost, w))], backend="opencl")
    data = np.linspace(0, 2, 20).reshape(5, 4), np.array([0, 2, 1, 1, 0], np.int32)
    return f, lambda: [f(*data), w.get_value()]


def stepwise():
    """A loop whose steps are launched one by one."""
    h, W, n = T.dmatrix("h"), T.dmatrix("W"), T.iscalar("n")
    rows, updates = scan(lambda h, W: T.sort(T.dot(h, W), axis=0), outputs_info=h, non_sequences=W, n_steps=n)
    f = function([h, W, n], rows, updates=updates, backend="opencl")
    return f, lambda: [f(np.ones((3, 2)), np.array([[0.5, -1], [0.25, 2]]), 5)]


def drawn():
    streams = RandomStreams(3)
    f = function([], [streams.uniform((50,)), streams.normal((7,))], backend="opencl")
    return f, f


@able
@pytest.mark.parametrize("program", (trained, stepwise, drawn))
def test_where_kernels_run_changes_no_bit(program):
    told = {}
    for threads in ("driver", "caller"):
        with config.change_flags(opencl__threads=threads):
            f, call = program()
            told[threads] = [call() for _ in range(3)]
            assert (HERE in f.executable.explain()) == (threads == "caller")
    for one, other in zip(told["driver"], told["caller"]):
        assert all(np.array_equal(a, b) for a, b in zip(one, other))


def run(monkeypatch, by_threads, by_caller, calls=2 * CALLS + 1):
    """The text of a plan after so many replays that take so many seconds."""
    def told(trial, plan, seconds):
        TOOK(trial, plan, by_caller if plan.inline else by_threads)

    monkeypatch.setattr(Trial, "took", told)
    x = T.dvector("x")
    f = function([x], T.exp(x) + 1, backend="opencl")
    for k in range(1 + calls):
        assert np.allclose(f(np.full(3, k / 10)), np.exp(k / 10) + 1)
    return f.executable.explain()


@able
def test_a_plan_stays_where_it_is_quicker(monkeypatch):
    assert HERE in run(monkeypatch, 5e-5, 1e-5)
    assert HERE not in run(monkeypatch, 1e-5, 5e-5)


def impatient(monkeypatch, took):
    """What calls a plan so often and returns its text: replays take the seconds in `took`, and are soon tried again."""
    monkeypatch.setattr(inline, "PATIENCE", 5)
    monkeypatch.setattr(Trial, "took", lambda trial, plan, seconds: TOOK(trial, plan, took[plan.inline]))
    x = T.dvector("x")
    f = function([x], T.exp(x) + 1, backend="opencl")

    def call(times):
        for _ in range(times):
            assert np.allclose(f(np.ones(3)), np.exp(1) + 1)
        return f.executable.explain()

    return call


@able
def test_a_choice_is_made_again(monkeypatch):
    took = {False: 1e-5, True: 5e-5}
    call = impatient(monkeypatch, took)
    assert HERE not in call(1 + 2 * CALLS)
    took.update({False: 2e-4, True: 2e-6})
    assert HERE not in call(4)
    assert HERE in call(1 + 2 * CALLS)


@able
def test_a_trial_that_was_disturbed_is_outvoted(monkeypatch):
    took = {False: 1e-5, True: 5e-5}
    call = impatient(monkeypatch, took)
    call(1 + 4 * CALLS + 5)
    took[False] = 1e-4
    assert HERE not in call(10 + 2 * CALLS)


@able
def test_threads_that_were_slow_once_are_not_kept_for_good(monkeypatch):
    took = {False: 1.0, True: 1e-5}
    call = impatient(monkeypatch, took)
    call(1 + CALLS)
    took[False] = 1e-4
    assert HERE in call(5 + 2 * CALLS)


@able
def test_a_long_call_is_not_tried_in_the_callers_thread(monkeypatch):
    assert HERE not in run(monkeypatch, 2 * inline.QUICK, 0.0, CALLS)
    assert HERE in run(monkeypatch, inline.QUICK / 2, 0.0, CALLS)


@able
def test_what_the_driver_does_not_take_stays_with_its_threads(monkeypatch):
    with config.change_flags(opencl__threads="caller"):
        _, call = trained()
        monkeypatch.setattr(Runtime, "elsewhere", lambda self, kernel: None)
        costs = [call()[0] for _ in range(3)]
    assert costs[0] > costs[1] > costs[2]


def test_a_processor_is_named_once():
    names = [f"{platform.name}: {device.name}" for platform, device in every_device()]
    assert not any("basic-" in name for name in names) or not any("pthread-" in name for name in names)


def test_copies_alone_stay_where_they_are_on_other_drivers(monkeypatch):
    x = T.dmatrix("x")
    monkeypatch.setattr(device, "_open", dict.fromkeys(device._open, replace(current(), inline=None)))
    with config.change_flags(opencl__threads="caller"):
        f = function([x], T.join(0, x, x), backend="opencl")
        assert [f(np.eye(2)).tolist() for _ in range(3)] == [[[1, 0], [0, 1]] * 2] * 3
