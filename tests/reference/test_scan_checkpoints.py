"""Loops that remember every N-th row: the same values and gradients as `scan`, in less room."""

import tracemalloc

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.scan import scan, scan_checkpoints, until
from reference.tensor.shared_randomstreams import RandomStreams

MODES = ["UNOPTIMIZED", "FAST_RUN"]
x, h, w, k = T.dmatrix("x"), T.dvector("h"), T.dvector("w"), T.iscalar("k")
rng = np.random.RandomState(0)
H, W = rng.rand(3), rng.rand(3)


def step(row, p, w):
    return [T.tanh(row + p * w), p.sum()]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("rows", "every"), [(6, 3), (7, 3), (2, 3), (3, 1), (1, 5), (0, 2)])
def test_values_and_gradients_are_those_of_scan(rows, every, mode):
    values = rng.rand(rows, 3), H, W
    full, _ = scan(step, x, [h, None], w)
    few, _ = scan_checkpoints(step, [x], [h, None], [w], save_every_N=every)
    f = theano.function([x, h, w], [*full, *few], mode=mode)
    kept = [min(e + every, rows) - 1 for e in range(0, rows, every)]
    a, b, fewer_a, fewer_b = f(*values)
    np.testing.assert_allclose(fewer_a, a[kept])
    np.testing.assert_allclose(fewer_b, b[kept])
    if rows:
        slopes = [g for out in (full, few) for g in T.grad(out[0][-1].sum() * out[1][-1], [x, h, w])]
        found = theano.function([x, h, w], slopes, mode=mode)(*values)
        for one, other in zip(found[:3], found[3:]):
            np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives_through_no_steps(mode):
    few, _ = scan_checkpoints(lambda row, p: [T.maximum(p, row)] * 2, x, [None, h], save_every_N=3)
    slope = T.grad(T.sum(few[1]), x)
    f = theano.function([x, h], [slope, T.grad(T.sum(slope), x, disconnected_inputs="ignore")], mode=mode)
    assert [g.shape for g in f(np.zeros((0, 1)), H[:1])] == [(0, 1)] * 2


def test_sequences_need_no_padding_if_they_fit():
    few, _ = scan_checkpoints(step, x, [h, None], w, save_every_N=3, padding=False)
    f = theano.function([x, h, w], few[0])
    assert f(np.ones((6, 3)), H, W).shape == (2, 3)
    with pytest.raises(ValueError, match="reshape"):
        f(np.ones((7, 3)), H, W)


def test_fewer_steps_than_rows_and_captured_variables():
    few, _ = scan_checkpoints(lambda row, p: row + p * w, x, h, n_steps=k, save_every_N=2)
    full, _ = scan(lambda row, p: row + p * w, x, h, n_steps=k)
    f = theano.function([x, h, w, k], [few, full])
    for steps in (5, 4, 1):
        a, b = f(rng.rand(6, 3), H, W, steps)
        np.testing.assert_allclose(a, b[[min(e + 2, steps) - 1 for e in range(0, steps, 2)]])


@pytest.mark.parametrize("mode", MODES)
def test_updates_and_random_streams_go_on_from_chunk_to_chunk(mode):
    def run(loop, **options):
        c, streams = theano.shared(0.0), RandomStreams(3)
        out, updates = loop(lambda p: (p + c * streams.uniform(()), {c: c + 1}), outputs_info=h, n_steps=5, **options)
        f = theano.function([h], out[-1], updates=updates, mode=mode)
        return [f(H), f(H), c.get_value()]

    for a, b in zip(run(scan), run(scan_checkpoints, save_every_N=2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_second_derivatives():
    full, _ = scan(lambda row, p: T.sin(row + p * w), x, h)
    few, _ = scan_checkpoints(lambda row, p: T.sin(row + p * w), x, h, save_every_N=2)
    slopes = [T.grad(T.grad(out[-1].sum(), w).sum(), [w, x, h]) for out in (full, few)]
    found = theano.function([x, h, w], [g for pair in slopes for g in pair])(rng.rand(5, 3), H, W)
    for a, b in zip(found[:3], found[3:]):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("mode", MODES)
def test_a_gradient_needs_less_room(mode):
    width, steps = 3000, 400

    def peak(out):
        f = theano.function([h, w, k], T.grad(out[-1].sum(), w), mode=mode, backend="reference")
        arguments = np.ones(width), np.full(width, 0.9), steps
        f(*arguments)
        tracemalloc.start()
        f(*arguments)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    full = peak(scan(lambda p: T.tanh(p * w), outputs_info=h, n_steps=k)[0])
    assert full > 2 * steps * width * 8
    assert peak(scan_checkpoints(lambda p: T.tanh(p * w), outputs_info=h, n_steps=k, save_every_N=20)[0]) < full / 2


REFUSED = {
    "taps of a state": (lambda: scan_checkpoints(step, x, {"initial": x, "taps": [-2]}, w), "tap"),
    "taps of a sequence": (lambda: scan_checkpoints(step, {"input": x, "taps": [1]}, h, w), "tap"),
    "until": (lambda: scan_checkpoints(lambda p: (p, until(p[0] > 1)), outputs_info=h, n_steps=4), "must not end"),
    "every 0": (lambda: scan_checkpoints(step, x, h, w, save_every_N=0), "save_every_N is a positive number"),
    "no steps": (lambda: scan_checkpoints(lambda p: p, outputs_info=h), "number of steps"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_cannot_be_remembered_in_part_is_refused(form):
    build, text = REFUSED[form]
    with pytest.raises(ValueError, match=text):
        build()
