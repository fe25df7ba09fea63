"""Loops on the device: every kind of part, the reference's results, call after call."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from reference import function, map, scan, shared
from reference.config import config
from reference.scan import until
from reference.tensor.shared_randomstreams import RandomStreams

RNG = np.random.default_rng(0)
x, h0, X, W, k = T.dvector("x"), T.dvector("h0"), T.dmatrix("X"), T.dmatrix("W"), T.iscalar("k")
ZERO = T.constant(0.0, dtype="float64")
V9, M64, M33 = RNG.standard_normal(9), RNG.standard_normal((6, 4)), RNG.standard_normal((3, 3))
START = (RNG.random((4, 20)) < 0.5).astype("float32")
WEIGHTS = (RNG.standard_normal((20, 12)) * 0.3).astype("float32")


def power():
    r, u = scan(lambda p, a: p * a, outputs_info=T.ones_like(x), non_sequences=x, n_steps=k)
    return [x, k], [r, r[-1]], u, (np.arange(5.0), 7)


def recurrent():
    r, u = scan(lambda x, h, W: T.tanh(x + T.dot(h, W)), sequences=X, outputs_info=h0, non_sequences=W)
    return [X, h0, W], [r, r[-1], *T.grad((r**2).sum(), [X, h0, W])], u, (M64[:, :3], np.zeros(3), M33)


def mapped():
    r, u = map(lambda row: T.exp(row).sum(), X)
    return [X], [r], u, (M64,)


def taps():
    r, u = scan(lambda a, b: a + b * 0.5, outputs_info={"initial": X, "taps": [-3, -1]}, n_steps=6)
    return [X], [r], u, (M33,)


def last_rows():
    r, u = scan(lambda a, b: a + b * 0.5, outputs_info={"initial": X, "taps": [-3, -1]}, n_steps=16)
    return [X], [r[-2:]], u, (M33,)


def sequence_taps():
    r, u = scan(lambda a, b, c: a * b + c, sequences={"input": x, "taps": [-1, 0, 2]})
    return [x], [r], u, (V9,)


def backwards():
    r, u = scan(lambda a, p: a + p * 0.3, sequences=x, outputs_info=ZERO, go_backwards=True)
    return [x], [r], u, (V9,)


def indexed():
    r, u = scan(lambda i, p, X: p + X[i].sum() * i, sequences=T.arange(X.shape[0]), outputs_info=ZERO, non_sequences=X)
    return [X], [r], u, (M64,)


def counted():
    r, u = scan(lambda i: i + 1, outputs_info=T.constant(0, dtype="int64"), n_steps=5)
    return [], [r], u, ()


def shapes_that_change():
    r, u = scan(lambda n, p: T.arange(n).sum() + p, sequences=T.arange(1, 6), outputs_info=T.constant(0, dtype="int64"))
    return [], [r], u, ()


def nested():
    def outer(row, s):
        inner, _ = scan(lambda e, a: a * 0.5 + e, sequences=row, outputs_info=s)
        return inner[-1]

    r, u = scan(outer, sequences=X, outputs_info=ZERO)
    return [X], [r, T.grad(r[-1], X)], u, (M64,)


def until_large():
    r, u = scan(lambda p: (p * 2, until(p * 2 > k)), outputs_info=T.constant(1.0, dtype="float64"), n_steps=1024)
    return [k], [r], u, (1000,)


def until_never():
    r, u = scan(lambda p: (p + 1, until(p < 0)), outputs_info=ZERO, n_steps=k)
    return [k], [r, r[-1]], u, (150,)


def random_walk():
    stream = RandomStreams(3)
    r, u = scan(lambda p: p + stream.normal((3,)), outputs_info=x, n_steps=6)
    return [x], [r], u, (np.zeros(3),)


def gibbs():
    stream, weights, v = RandomStreams(5), T.fmatrix("W"), T.fmatrix("v")

    def step(v):
        up = T.nnet.sigmoid(T.dot(v, weights))
        h = stream.binomial(size=up.shape, n=1, p=up, dtype="float32")
        down = T.nnet.sigmoid(T.dot(h, weights.T))
        return stream.binomial(size=down.shape, n=1, p=down, dtype="float32")

    r, u = scan(step, outputs_info=v, n_steps=5)
    return [v, weights], [r], u, (START, WEIGHTS)


def shared_float():
    c = shared(np.float64(1.5), "c")
    r, u = scan(lambda: (c * 2, {c: c * 1.1}), n_steps=4)
    return [], [r], u, ()


def shared_counter():
    c = shared(np.int64(1), "c")
    r, u = scan(lambda: (c * 2, {c: c + 3}), n_steps=4)
    return [], [r], u, ()


def no_steps():
    r, u = scan(lambda p, a: p * a, outputs_info=T.ones_like(x), non_sequences=x, n_steps=k)
    return [x, k], [r], u, (np.arange(5.0), 0)


LOOPS = [
    power, recurrent, mapped, taps, last_rows, sequence_taps, backwards, indexed, counted, shapes_that_change, nested,
    until_large, until_never, random_walk, gibbs, shared_float, shared_counter, no_steps,
]  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_loops_give_the_reference_s_results(loop):
    results = []
    for backend in ("opencl", "reference"):
        inputs, outputs, updates, given = loop()
        f = function(inputs, outputs, updates=updates, backend=backend)
        results.append([f(*given) for _ in range(3)])
    for got, wanted in zip(*results):
        for a, b in zip(got, wanted, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_a_plan_serves_other_values_of_the_same_shapes():
    inputs, outputs, updates, _ = recurrent()
    f, g = (function(inputs, outputs, updates=updates, backend=backend) for backend in ("opencl", "reference"))
    for _ in range(4):
        given = RNG.standard_normal((6, 3)), RNG.standard_normal(3), RNG.standard_normal((3, 3))
        for a, b in zip(f(*given), g(*given)):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert len(f.executable.plans) == 1


def test_keeping_the_last_row_takes_no_memory_for_the_others():
    r, _ = scan(lambda p: p * 0.5, outputs_info=x, n_steps=4096)
    f = function([x], r[-1], backend="opencl")
    before = f.executable.runtime.working.allocated
    f(np.ones(1024))
    assert f.executable.runtime.working.allocated - before < 4096 * 1024 * 8 // 16


def test_a_state_that_changes_its_shape_is_the_reference_s_error():
    r, _ = scan(lambda p: T.concatenate([p, p]), outputs_info=x, n_steps=3)
    for backend in ("opencl", "reference"):
        with config.change_flags(scan__unroll=0), pytest.raises(ValueError, match="must keep its shape"):
            function([x], r, backend=backend)(np.ones(2))


def test_a_sequence_that_is_too_short_is_the_reference_s_error():
    r, _ = scan(lambda a: a * 2, sequences=x, n_steps=k)
    for backend in ("opencl", "reference"):
        f = function([x, k], r, backend=backend, mode="UNOPTIMIZED")
        with pytest.raises((ValueError, IndexError)):
            f(np.ones(3), 5)


def test_a_kernel_that_was_tried_in_vain_leaves_nothing_to_be_done():
    """Matrices that it would have read side by side are not copied on every call."""
    v, weights = T.dmatrix("v"), T.dmatrix("W")
    rows, _ = scan(lambda v: T.tanh(T.dot(T.dot(v, weights), weights.T)), outputs_info=v, n_steps=20)
    given = START.astype("float64"), np.tile(WEIGHTS, (1, 1000)) * 0.01
    with config.change_flags(opencl__interpret=False):
        f, g = (function([v, weights], rows[-1], backend=backend) for backend in ("opencl", "reference"))
        for _ in range(2):
            np.testing.assert_allclose(f(*given), g(*given), rtol=1e-9)
    text = f.executable.explain()
    assert "of matrices, which a core" in text and "\n3 launches" in text, text
