"""Updates in place: the values of updates elsewhere, nothing of a call that fails, and memory that nobody else sees."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend.device import current
from opencl_backend.plan import Plan
from reference import function, grad, shared
from reference.config import config

pytestmark = pytest.mark.skipif(not current().shares_host_memory, reason="memory of its own comes into being in calls")

RNG = np.random.default_rng(5)
RATE = np.float32(0.1)
M = RNG.standard_normal((40, 60)).astype("float32")
x, index = T.fmatrix("x"), T.lvector("index")


def value(*shape):
    return RNG.standard_normal(shape).astype("float32")


def step_down(variables, cost):
    return [(v, v - RATE * g) for v, g in zip(variables, grad(cost, variables))]


def descent(W, b):
    """A product's epilogue, and a loop."""
    return step_down([W, b], T.sqr(T.tanh(T.dot(x, W) + b)).mean())


def momentum(W, b):
    """Values that others are made of."""
    v = b * RATE - grad(T.sqr(T.dot(x, W) - 1).mean(), W)
    return [(W, W + v), (b, v)]


def late_reader(W, b):
    """The first update's old value is wanted by the second."""
    return [(W, W * RATE - 1), (b, b + W.T)]


def exchanged(W, b):
    return [(W, b + 1), (b, W + 1)]


def turned(W, b):
    """Read in another order than written."""
    return [(W, W.T + RATE), (b, b[::-1] * RATE)]


def in_part(W, b):
    return [(W, T.set_subtensor(W[:], W * RATE)), (b, T.inc_subtensor(b[3:9], 2 * b[3:9]))]


def factor(W, b):
    """The old value is a factor of the product, too."""
    return [(W, W - RATE * T.dot(W, W)), (b, b - T.dot(x.T, x) * b)]


CASES = {
    descent: ((60, 35), (35,), 2),
    momentum: ((60, 35), (60, 35), 2),
    late_reader: ((60, 60), (60, 60), 1),
    exchanged: ((60, 60), (60, 60), 0),
    turned: ((60, 60), (60, 60), 0),
    in_part: ((60, 60), (60, 60), 0),
    factor: ((60, 60), (60, 60), 1),
}


def trained(case, calls=5, mode="FAST_RUN", **flags):
    """What calls leave behind, and how many values stay where they are."""
    rng = np.random.default_rng(3)
    W, b = (shared(rng.standard_normal(shape).astype("float32"), name) for shape, name in zip(CASES[case], "Wb"))
    with config.change_flags(opencl__interpret=False, **flags):
        f = function([x], [], updates=case(W, b), backend="opencl", mode=mode, on_unused_input="ignore")
        seen = []
        for _ in range(calls):
            before = [v.container.device and v.container.device.storage.buffer for v in (W, b)]
            f(M)
            stay = [v.container.device.storage.buffer is old for v, old in zip((W, b), before)]
            seen += [v.get_value().tobytes() for v in (W, b)]
    return seen, sum(stay), f.explain() if hasattr(f, "explain") else ""


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_values_are_those_of_updates_elsewhere(case, mode):
    in_place, stay, _ = trained(case, mode=mode)
    elsewhere, moved, _ = trained(case, mode=mode, opencl__reuse=False)
    assert in_place == elsewhere
    assert moved == 0
    if current().has_crews:
        assert stay == CASES[case][2]


def test_explain_says_where_new_values_go():
    text = trained(late_reader)[2]
    assert "the new value of b is written over the old one" in text
    assert "the new value of W gets memory of its own: the old one is read afterwards" in text


def failing(W):
    """An update, and an index that may be out of range."""
    cost = T.sqr(T.dot(x, W)).mean() + T.sqr(W).sum(axis=0)[index].sum()
    with config.change_flags(opencl__interpret=False):
        return function([x, index], cost, updates=[(W, W - RATE * T.dot(x.T, T.dot(x, W)))], backend="opencl")


def test_a_call_that_fails_changes_nothing():
    W = shared(value(60, 35), "W")
    f = failing(W)
    with config.change_flags(opencl__interpret=False):
        for _ in range(3):
            f(M, [1, 2])
        before = W.get_value()
        for _ in range(3):
            with pytest.raises(IndexError):
                f(M, [1, 35])
            W.container.host = None
            assert W.get_value().tobytes() == before.tobytes()
        f(M, [34, -35])
        assert W.get_value().tobytes() != before.tobytes()


def test_who_holds_the_old_value_keeps_it():
    W = shared(value(60, 35), "W")
    f = failing(W)
    with config.change_flags(opencl__interpret=False):
        for _ in range(3):
            f(M, [1, 2])
        mine = W.get_value(return_internal_type=True)
        before = W.get_value()
        f(M, [1, 2])
        assert mine.to_host().tobytes() == before.tobytes() != W.get_value().tobytes()
        twin = W.clone()
        g = function([x], twin.sum(), updates=[(W, W - RATE * T.dot(x.T, T.dot(x, W)))], backend="opencl")
        for _ in range(4):
            W.set_value(before)
            g(M)


@pytest.mark.parametrize("done", [True, False])
def test_an_interrupted_call_is_done_or_was_not_begun(done, monkeypatch):
    """Of the new values that a call leaves, there are all or none."""
    W, b, n = shared(value(60, 35), "W"), shared(value(35), "b"), shared(0, "n")
    updates = [*descent(W, b), (n, n + 1)]
    with config.change_flags(opencl__interpret=False):
        f = function([x], T.sqr(W).sum(), updates=updates, backend="opencl")
        for _ in range(3):
            f(M)
        before = [v.get_value().tobytes() for v in (W, b, n)]
        launch = Plan._launch

        def interrupted(self):
            if done:
                launch(self)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Plan, "_launch", interrupted)
            with pytest.raises(KeyboardInterrupt):
                f(M)
        after = [v.get_value().tobytes() for v in (W, b, n)]
        in_place = bool(f.executable.last.in_place)
        assert [a != b for a, b in zip(after, before)] == [done and in_place] * 3
        f(M)


def test_without_crews_updates_of_products_are_one_launch(monkeypatch):
    """Each of its items belongs to one of them; nothing is begun after it."""
    monkeypatch.setitem(current().__dict__, "has_crews", False)
    results = []
    for reuse in (True, False):
        rng = np.random.default_rng(1)
        U, V = (shared(rng.standard_normal(shape).astype("float32")) for shape in ((60, 350), (350, 70)))
        cost = T.sqr(T.dot(T.tanh(T.dot(x, U)), V)).mean()
        with config.change_flags(opencl__interpret=False, opencl__reuse=reuse):
            f = function([x], cost, updates=step_down([U, V], cost), backend="opencl")
            for _ in range(4):
                f(M)
        plan = f.executable.last
        assert len(plan.in_place) == 2 * reuse
        assert (plan.launches[-1].code.name == "beside") == reuse
        results.append([U.get_value().tobytes(), V.get_value().tobytes()])
    assert results[0] == results[1]
