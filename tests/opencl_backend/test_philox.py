"""Random draws on the device: the reference's bits, call after call."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from reference import function
from reference.config import config
from reference.tensor.shared_randomstreams import RandomStreams

X = np.random.default_rng(1).random((7, 133)).astype("float32")
FLOATS = ("float16", "float32", "float64")

DRAWS = {
    **{f"uniform {d}": lambda s, x, d=d: s.uniform((5, 77), low=-2.0, high=3.0, dtype=d) for d in FLOATS},
    **{f"normal {d}": lambda s, x, d=d: s.normal((1003,), avg=1.5, std=0.3, dtype=d) for d in FLOATS},
    "normal with vectors": lambda s, x: s.normal(avg=x[0], std=x[1], dtype="float64"),
    "a trial": lambda s, x: s.binomial(size=x.shape, n=1, p=x, dtype="float32"),
    "a trial in float64": lambda s, x: s.binomial(size=x.shape, n=1, p=T.cast(x, "float64")),
    "several trials": lambda s, x: s.binomial(size=x.shape, n=5, p=x),
    "trials by a vector": lambda s, x: s.binomial(size=(4, 3), n=np.array([0, 3, 11]), p=0.3),
    "no trials": lambda s, x: s.binomial(size=(33,), n=0, p=0.3),
    **{f"integers {d}": lambda s, x, d=d: s.random_integers((50, 3), -7, 100, dtype=d) for d in ("int64", "uint8")},
    "permutations": lambda s, x: s.permutation((3,), n=100),
    "choice": lambda s, x: s.choice((30,), a=9),
    "weighted choice": lambda s, x: s.choice((300,), a=4, p=np.array([0.1, 0.2, 0.3, 0.4])),
    "choice without replacement": lambda s, x: s.choice((5,), a=9, replace=False),
    "weighted, without replacement": lambda s, x: s.choice((3,), a=4, replace=False, p=np.array([0.1, 0.2, 0.3, 0.4])),
    "multinomial": lambda s, x: s.multinomial((5,), n=7, pvals=np.array([0.1, 0.2, 0.3, 0.4])),
    "nothing": lambda s, x: s.uniform((0, 3)),
}


@pytest.mark.parametrize("draw", DRAWS)
def test_draws_have_the_reference_s_bits(draw: str):
    results = []
    for backend in ("opencl", "reference"):
        x = T.fmatrix("x")
        f = function([x], DRAWS[draw](RandomStreams(42), x), backend=backend, on_unused_input="ignore")
        results.append([f(X) for _ in range(3)])
    for got, wanted in zip(*results):
        assert got.dtype == wanted.dtype and got.shape == wanted.shape
        assert np.array_equal(got, wanted)


READERS = {
    "a loop": lambda s, x, y: T.sqr(s.uniform(x.shape, x.min(), x, dtype="float32")) - x,
    "a loop over rows": lambda s, x, y: s.uniform(x.shape, dtype="float32") * x.T.copy().T + x[:, 0].dimshuffle(0, "x"),
    "a loop over columns": lambda s, x, y: (s.uniform(x.shape, dtype="float32") + x).T,
    "a loop in float64": lambda s, x, y: s.uniform(x.shape, dtype="float64") * x + s.uniform(x.shape, dtype="float32"),
    "a trial of what is computed": lambda s, x, y: s.binomial(x.shape, 1, T.sqr(x), dtype="int8"),
    "a trial by rows": lambda s, x, y: s.binomial(x.shape, 1, T.sqr(x[0]), dtype="float32"),
    "a trial of a product": lambda s, x, y: s.binomial((7, 91), 1, T.nnet.sigmoid(T.dot(x, y)), dtype="float32"),
    "a trial of a product by rows": lambda s, x, y: s.binomial((7, 7), 1, abs(T.dot(x, x.T)) / 90, dtype="float32"),
    "a trial of a large product": lambda s, x, y: s.binomial((133, 133), 1, abs(T.dot(x.T, x)) / 9, dtype="float32"),
    "a product of products": lambda s, x, y: T.dot(x, y) * s.uniform((7, 91), dtype="float32"),
    "a product turned": lambda s, x, y: (T.dot(x, y) + s.uniform((7, 91), dtype="float32")).T,
    "a product of vectors": lambda s, x, y: T.dot(x, y[:, 0]) + s.uniform((7,), dtype="float32"),
    "a product in float64": lambda s, x, y: T.dot(T.cast(x, "float64"), y) * s.uniform((7, 91), dtype="float64"),
    "a sum": lambda s, x, y: (s.uniform(x.shape, dtype="float32") * x).sum(axis=0),
    "two loops": lambda s, x, y: [u := s.uniform(x.shape, dtype="float32"), T.exp(u) - x][1] + u.sum(axis=0),
}


@pytest.mark.parametrize("mode", ["EXACT", "FAST_RUN"])
@pytest.mark.parametrize("reader", READERS)
def test_numbers_are_the_same_wherever_they_are_made(reader, mode):
    """In loops that read them, and by kernels of their own."""
    y = np.random.default_rng(2).random((133, 91)).astype("float32")
    results = []
    for together in (True, False):
        u, v = T.fmatrices("u", "v")
        made = READERS[reader](RandomStreams(42), u, v)
        with config.change_flags(opencl__interpret=False, opencl__fuse=together):
            f = function([u, v], made, backend="opencl", mode=mode, on_unused_input="ignore")
            results.append([f(X, y) for _ in range(3)])
    for got, wanted in zip(*results):
        assert got.tobytes() == wanted.tobytes()


def test_a_large_draw_does_not_depend_on_how_it_is_split():
    f = function([], RandomStreams(7).normal((300, 1000), dtype="float32"), backend="opencl")
    g = function([], RandomStreams(7).normal((300, 1000), dtype="float32"), backend="reference")
    assert np.array_equal(f(), g())


def test_bounds_in_the_wrong_order_raise_the_reference_s_error():
    low = T.lvector("low")
    for backend in ("opencl", "reference"):
        f = function([low], RandomStreams(1).random_integers((2,), low, 5), backend=backend)
        with pytest.raises(ValueError, match="low is above high"):
            f(np.array([1, 9]))
