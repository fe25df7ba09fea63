"""Plans whose work is shared out: the same bits whoever does it, and no work for those that come late."""

import numpy as np
import pytest

import reference.tensor as T
from opencl_backend.crew import Crew, Rounds, turns
from opencl_backend.device import current
from opencl_backend.inline import CALLS, SPELL, STALLS, Trial
from opencl_backend.kernels import crew
from reference import function, grad, scan, shared
from reference.config import config
from reference.tensor.shared_randomstreams import RandomStreams

pytestmark = pytest.mark.skipif(
    not current().has_crews, reason="only PoCL 3 from PyPI runs kernels in the thread that waits, too"
)

RNG = np.random.default_rng(9)
M = RNG.standard_normal((300, 90)).astype("float32")
x = T.fmatrix("x")


def trained(mode="FAST_RUN"):
    """A step of training, and all that it leaves behind."""
    W, b = shared(M[:90, :70].copy()), shared(np.zeros(70, "float32"))
    cost = T.sqr(T.tanh(T.dot(x, W) + b) - 0.5).mean()
    updates = [(v, v - np.float32(0.1) * grad(cost, v)) for v in (W, b)]
    f = function([x], cost, updates=updates, backend="opencl", mode=mode)

    def call():
        with config.change_flags(opencl__interpret=False):
            return [f(M).tobytes(), W.get_value().tobytes(), b.get_value().tobytes()]

    return f, call


def works(f):
    return f.executable.last.launches


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
def test_who_does_the_work_changes_no_bit(mode):
    results = {}
    for threads in ("auto", "caller", "driver", "both"):
        with config.change_flags(opencl__threads=threads):
            f, call = trained(mode)
            results[threads] = [call() for _ in range(2 * CALLS + 3)]
        assert any(isinstance(work, Crew) for work in works(f)) == (threads != "driver")
    with config.change_flags(opencl__replay=False):
        _, call = trained(mode)
        results["one by one"] = [call() for _ in range(2 * CALLS + 3)]
    assert len({tuple(map(tuple, calls)) for calls in results.values()}) == 1


def sampled(steps, mode="FAST_RUN"):
    """Draws that depend on each other, too many in a step for one kernel of one work-item, and a sum of all."""
    weights = shared(np.tile(M[:90], (1, 10)) * np.float32(0.05))
    streams = RandomStreams(7)

    def step(v, total):
        hidden = streams.binomial(p=T.nnet.sigmoid(T.dot(v, weights)), dtype="float32")
        return streams.binomial(p=T.nnet.sigmoid(T.dot(hidden, weights.T)), dtype="float32"), total + hidden.sum()

    (rows, totals), updates = scan(step, outputs_info=[x, T.constant(np.float32(0))], n_steps=steps)
    f = function([x], [rows[-1], totals], updates=updates, backend="opencl", mode=mode)

    def call():
        with config.change_flags(opencl__interpret=False):
            return [value.tobytes() for value in f(np.sign(M[:20]).clip(0))]

    return f, call


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
def test_all_steps_of_a_loop_are_one_kernel_with_the_bits_of_steps_run_one_by_one(mode, monkeypatch):
    results = {}
    for threads, most in (("auto", 1 << 16), ("caller", 1 << 11), ("both", 1)):
        monkeypatch.setattr("opencl_backend.crew.MOST_BYTES", most)
        with config.change_flags(opencl__threads=threads):
            f, call = sampled(11, mode)
            results[threads] = [call() for _ in range(3)]
        assert any(isinstance(kernel, Rounds) for work in works(f) for kernel in work.kernels())
    with config.change_flags(opencl__fuse=False):
        f, call = sampled(11, mode)
        results["one by one"] = [call() for _ in range(3)]
    assert not any(isinstance(kernel, Rounds) for work in works(f) for kernel in work.kernels())
    assert len({tuple(map(tuple, calls)) for calls in results.values()}) == 1
    assert len(set(map(tuple, results["auto"]))) == 3


def test_helpers_are_woken_where_that_is_quicker(monkeypatch):
    took = Trial.took
    for alone, helped in ((1e-3, 2e-3), (2e-3, 1e-3)):
        monkeypatch.setattr(
            Trial,
            "took",
            lambda self, plan, s, a=alone, h=helped: took(self, plan, h if plan.launches[0].helped else a),
        )
        f, call = trained()
        for _ in range(2 * CALLS + 2):
            call()
        assert works(f)[0].helped == (helped < alone)


def test_where_helpers_stall_some_calls_do_without(monkeypatch):
    took, seconds = Trial.took, {True: 1e-3, False: 2e-3}
    monkeypatch.setattr(Trial, "took", lambda self, plan, s: took(self, plan, seconds[plan.launches[0].helped]))
    f, call = trained()
    for _ in range(2 * CALLS + 2):
        call()
    (work,) = works(f)
    assert work.helped
    seconds[True] = 1e-2
    helped = []
    for _ in range(STALLS + SPELL + STALLS):
        call()
        helped.append(work.helped)
    assert helped == [True] * (STALLS - 1) + [False] * SPELL + [True] * STALLS + [False]
    seconds[True] = 1e-3
    for _ in range(SPELL + STALLS):
        call()
    assert work.helped


@pytest.mark.parametrize("side", [1, 2])
def test_one_alone_does_everything_from_either_end(side, monkeypatch):
    def enqueue(self):
        self.runtime.wait()
        call = turns(self.runtime).begin()
        self.follow()
        self._begin(call | side << crew.SIDE, self.kernel, (1,))

    expected = [trained()[1]() for _ in range(2)]
    monkeypatch.setattr(Crew, "enqueue", enqueue)
    assert [trained()[1]() for _ in range(2)] == expected


def test_whoever_comes_when_the_call_is_over_does_nothing():
    f, call = trained()
    for _ in range(3):
        call()
    (work,) = works(f)
    runtime = work.runtime
    before = call()
    late = runtime.elsewhere(work.kernel) or work.kernel
    number = turns(runtime).begin()
    turns(runtime).begin()
    work._begin(number, late, (2,))
    runtime.wait()
    runtime.device.inline.finish()
    again = trained()[1]
    assert [again() for _ in range(4)][-1] == before


def test_a_call_has_a_number_of_its_own():
    counts = turns(runtime := trained()[0].executable.runtime)
    first, second = counts.begin(), counts.begin()
    assert second == first + 1
    assert counts is turns(runtime) and second << crew.CALL > first << crew.CALL
