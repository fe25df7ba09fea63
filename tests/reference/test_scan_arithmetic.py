"""Loops of elementwise steps run in memory of their own: with the bits of any loop, and nothing of it shows."""

import tracemalloc

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.errors import ShapeError
from reference.scan import scan, until
from reference.scan.arithmetic import Arithmetic

RNG = np.random.RandomState(5)
x, y, s = T.fmatrix("x"), T.dmatrix("y"), T.fvector("s")
h, k, n, z = T.fvector("h"), T.fvector("k"), T.ivector("n"), T.cvector("z")
VALUES = {
    x: RNG.randn(6, 5).astype("float32"), y: RNG.randn(6, 5), s: RNG.rand(6).astype("float32"),
    h: RNG.randn(5).astype("float32"), k: RNG.randn(5).astype("float32"), n: np.array([3, -7, 0, 2, 9], "int32"),
    z: (RNG.randn(5) + 1j * RNG.randn(5)).astype("complex64"),
}  # fmt: skip
TWO = T.stack([h, k])


def last(outputs):
    return [o[-1] for o in outputs] if isinstance(outputs, list) else outputs[-1]


FORMS = {
    "recurrence": lambda: scan(lambda h, k: k * h + k, outputs_info=h, non_sequences=k, n_steps=7)[0],
    "its last row": lambda: scan(lambda h, k: k * h + k, outputs_info=h, non_sequences=k, n_steps=7)[0][-1],
    "its last rows": lambda: scan(lambda h, k: k * h + k, outputs_info=h, non_sequences=k, n_steps=7)[0][-3:],
    "filter": lambda: scan(lambda x, h, k: k * h + x, sequences=x, outputs_info=h, non_sequences=k)[0],
    "of numbers": lambda: scan(lambda s, g: s * g + g, sequences=s, outputs_info=h[0])[0],
    "wide functions": lambda: scan(lambda x, h: T.tanh(x + h) * T.nnet.sigmoid(h), sequences=x, outputs_info=h)[0],
    "rows out of order": lambda: scan(lambda x, h: T.exp(x) + h, sequences=x[::-1, ::-1], outputs_info=h[::-1])[0],
    "taps": lambda: scan(lambda a, b: a - b * k, outputs_info={"initial": TWO, "taps": [-2, -1]}, n_steps=9)[0],
    "last of taps": lambda: last(
        scan(lambda a, b: a - b * k, outputs_info={"initial": TWO, "taps": [-2, -1]}, n_steps=9)[0]
    ),
    "a tap far back": lambda: scan(lambda a: a + k, outputs_info={"initial": TWO, "taps": [-2]}, n_steps=9)[0],
    "handed on": lambda: scan(lambda x, a, b: [x * a - b, a], sequences=x, outputs_info=[h, k])[0],
    "handed on, last": lambda: last(scan(lambda x, a, b: [x * a - b, a], sequences=x, outputs_info=[h, k])[0]),
    "swapped": lambda: last(scan(lambda a, b: [b, a], outputs_info=[h, k], n_steps=5)[0]),
    "given twice": lambda: scan(lambda x, a: [x + a, x + a, x], sequences=x, outputs_info=[h, None, None])[0],
    "choice": lambda: scan(lambda x, h: T.switch(h > 0, x - h, T.clip(x, -1, h)), sequences=x, outputs_info=h)[0],
    "other dtypes": lambda: scan(
        lambda y, g, n: [T.cast(y * g, "float32"), n // 2 + 3, y > n], sequences=y, outputs_info=[h, n, None]
    )[0],
    "complex": lambda: scan(lambda z, h: z * z / 3 + h, outputs_info=z, non_sequences=h, n_steps=4)[0],
    "sums of many": lambda: scan(lambda x, a: a + x + a + k + a, sequences=x, outputs_info=h)[0],
    "a product after sums": lambda: scan(lambda x, a: x + a + a * k * x, sequences=x, outputs_info=h)[0],
    "with other axes": lambda: scan(
        lambda x, a: (x * a).dimshuffle("x", 0).sum(axis=0) * 0 + (a + x).dimshuffle(0, "x")[:, 0], sequences=x,
        outputs_info=h,
    )[0],
    "numbers of vectors": lambda: scan(
        lambda s, a, b: [(s * s - 1).dimshuffle("x") * a + 0.5 * (s * s), s + b], sequences=s, outputs_info=[h, h[1]]
    )[0],
    "rows of one": lambda: scan(
        lambda s, a: T.tanh(a * s).dimshuffle("x", 0, "x").dimshuffle(1) + k, sequences=s, outputs_info=h
    )[0],
    "stretched": lambda: scan(lambda s, a: s * a + k, sequences=s, outputs_info=h)[0],
    "until": lambda: scan(lambda a: (a * 2 + 1, until(a > 20)), outputs_info=T.abs_(h[0]), n_steps=60)[0],
    "until, last": lambda: scan(lambda a: (a * 2 + 1, until(a > 20)), outputs_info=T.abs_(h[0]), n_steps=60)[0][-1],
    "nested": lambda: scan(
        lambda x, h: scan(lambda g, x: T.tanh(x * g), outputs_info=h, non_sequences=x, n_steps=4)[0][-1],
        sequences=x, outputs_info=h,
    )[0],
}  # fmt: skip


def compiled(form, mode):
    return theano.function(list(VALUES), FORMS[form](), mode=mode, on_unused_input="ignore", backend="reference")


@pytest.mark.parametrize("math", ["exact", "native"])
@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN"])
@pytest.mark.parametrize("form", FORMS)
def test_the_bits_are_those_of_any_loop(form, mode, math, monkeypatch):
    with theano.config.change_flags(float32_math=math):
        quick = compiled(form, mode)(*VALUES.values())
        monkeypatch.setattr(Arithmetic, "loop", lambda *given: None)
        slow = compiled(form, mode)(*VALUES.values())
    for a, b in zip(quick if isinstance(quick, list) else [quick], slow if isinstance(slow, list) else [slow]):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_later_call_leaves_results_and_inputs_alone(form):
    f = compiled(form, "UNOPTIMIZED")
    given = [v.copy() for v in VALUES.values()]
    first = f(*given)
    results = first if isinstance(first, list) else [first]
    before = [r.copy() for r in results]
    for v in given:
        v[...] = 0
    for v, kept in zip(given, VALUES.values()):
        v[...] = kept
    f(*given)
    for v in given:
        v[...] = 1
    f(*given)
    assert all(np.array_equal(r, b) for r, b in zip(results, before))
    assert all((v == 1).all() for v in given)


def test_other_lengths_and_steps_come_as_they_like():
    a, b, steps = T.fvector("a"), T.fvector("b"), T.lscalar("steps")
    f = theano.function([a, b, steps], scan(lambda r, b: r * b + 1, outputs_info=a, non_sequences=b, n_steps=steps)[0])
    for size, count in [(3, 5), (4, 5), (3, 9), (0, 4), (3, 1), (3, 5), (2, 100)]:
        rows, r = f(np.ones(size, "float32"), np.full(size, 0.5, "float32"), count), np.ones(size, "float32")
        assert rows.shape == (count, size)
        for row in rows:
            r = r * np.float32(0.5) + np.float32(1)
            assert np.array_equal(row, r)


def test_a_change_of_shape_is_told_with_its_step():
    f = theano.function([h, k], scan(lambda r, k: r * k, outputs_info=h, non_sequences=k, n_steps=50)[0])
    with pytest.raises(ShapeError, match="step 0 of 50"):
        f(np.ones(3, "float32"), np.ones(4, "float32"))


def test_memory_does_not_grow_with_steps_or_operations():
    f = theano.function(
        [h, k],
        scan(lambda r, k: T.tanh(r * k + k) * k - r, outputs_info=h, non_sequences=k, n_steps=50)[0][-1],
        mode="FAST_RUN",
        backend="reference",
    )
    given = [np.full(100_000, 0.3, "float32")] * 2
    with theano.config.change_flags(float32_math="native"):
        f(*given)
        tracemalloc.start()
        f(*given)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 6 * given[0].nbytes
