"""Products on the device: to the bit in exact mode, within the error bound in FAST_RUN, whatever the layout."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend import costs
from opencl_backend.device import current
from reference import config, function
from reference.graph.errors import ShapeError

RNG = np.random.default_rng(11)
LAYOUTS = ("plain", "left turned", "right turned", "both turned")
SHAPES = [(1, 1, 1), (3, 5, 7), (5, 3, 1), (1, 30, 40), (20, 61, 50), (50, 33, 70), (65, 40, 17), (7, 10, 129)]


@pytest.fixture(params=[False, True], ids=["own kernels", "general kernels"], autouse=True)
def interpret(request):
    """Small products by a kernel made for their shape, and by the general one that a plan begins with."""
    with config.change_flags(opencl__interpret=request.param):
        yield request.param


def in_order(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum over k from 0 up, every step rounded."""
    total = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1]):
        total = total + a[:, k : k + 1] * b[k]
    return total


def bound(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The error that any order of summation stays below."""
    return (a.shape[1] + 1) * np.finfo(a.dtype).eps * (np.abs(a) @ np.abs(b)) + np.finfo(a.dtype).tiny


def products(dtype: str, mode: str):
    x, y = T.matrix("x", dtype=dtype), T.matrix("y", dtype=dtype)
    outputs = [T.dot(x, y), T.dot(x.T, y), T.dot(x, y.T), T.dot(x.T, y.T)]
    return [function([x, y], out, backend="opencl", mode=mode) for out in outputs]


def operands(dtype: str, m: int, depth: int, n: int):
    a = RNG.standard_normal((m, depth)).astype(dtype)
    b = RNG.standard_normal((depth, n)).astype(dtype)
    turned = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    return a, b, [(a, b), (turned[0], b), (a, turned[1]), turned]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_mode_sums_over_k_from_zero_up(dtype: str):
    functions = products(dtype, "EXACT")
    for shape in SHAPES:
        a, b, layouts = operands(dtype, *shape)
        wanted = in_order(a, b)
        for name, f, given in zip(LAYOUTS, functions, layouts):
            assert np.array_equal(f(*given), wanted), (shape, name)


def test_fast_mode_stays_within_the_bound():
    functions = products("float32", "FAST_RUN")
    for shape in [*SHAPES, (20, 500, 33)]:
        a, b, layouts = operands("float32", *shape)
        wanted, limit = a.astype("f8") @ b.astype("f8"), bound(a, b)
        for name, f, given in zip(LAYOUTS, functions, layouts):
            assert (np.abs(f(*given) - wanted) <= limit).all(), (shape, name)


def test_blas_in_place_reads_the_buffers_of_each_call():
    functions, device = products("float32", "FAST_RUN"), current()
    with costs.supposed(device.fingerprint, device.style, costs.Costs(blas={"float32": 0})):
        for _ in range(3):
            a, b, layouts = operands("float32", 70, 80, 90)
            wanted, limit = a.astype("f8") @ b.astype("f8"), bound(a, b)
            for f, given in zip(functions, layouts):
                assert (np.abs(f(*given) - wanted) <= limit).all()
                assert "BLAS" in f.executable.explain()


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "int64"])
def test_integer_products_wrap(dtype: str):
    x, y = T.matrix("x", dtype=dtype), T.matrix("y", dtype=dtype)
    v, w = T.vector("v", dtype=dtype), T.vector("w", dtype=dtype)
    outputs = [T.dot(x, y), T.dot(x, v), T.dot(w, x), T.dot(v, v)]
    info = np.iinfo(dtype) if dtype != "bool" else None
    shapes = (9, 23), (23, 31), (23,), (9,)
    if info is None:
        values = [RNG.random(s) < 0.2 for s in shapes]
    else:
        values = [RNG.integers(info.min, info.max, s, dtype=dtype) for s in shapes]
    results = [function([x, y, v, w], outputs, backend=backend)(*values) for backend in ("opencl", "reference")]
    for got, wanted in zip(*results):
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


def test_float16_is_rounded_once():
    x, y = T.matrix("x", dtype="float16"), T.matrix("y", dtype="float16")
    a, b = RNG.integers(-8, 9, (6, 20)).astype("float16"), RNG.integers(-8, 9, (20, 5)).astype("float16")
    got = function([x, y], T.dot(x, y), backend="opencl")(a, b)
    assert got.dtype == "float16" and np.array_equal(got, (a.astype("f4") @ b.astype("f4")).astype("f2"))


def test_batches_and_vectors_of_every_rank():
    a, b = T.dtensor3("a"), T.dtensor3("b")
    outputs = [
        T.batched_dot(a, b), T.batched_dot(a, a.dimshuffle(0, 2, 1)), T.batched_dot(a[:, 0], b),
        T.batched_dot(a, b[:, :, 0]), T.tensordot(a, b, [[2], [1]]), T.dot(a[0, 0], b[0]), T.dot(a[0], b[0, :, 0]),
    ]  # fmt: skip
    for shapes in [((4, 9, 21), (4, 21, 33)), ((0, 9, 21), (0, 21, 33)), ((3, 9, 0), (3, 0, 33))]:
        values = [RNG.standard_normal(s) for s in shapes]
        chosen = outputs if shapes[0][0] and shapes[0][2] else outputs[:1]
        results = [function([a, b], chosen, backend=backend)(*values) for backend in ("opencl", "reference")]
        for got, wanted in zip(*results):
            assert got.shape == wanted.shape
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_shapes_that_do_not_fit_raise_the_reference_s_error():
    x, y = T.dmatrix("x"), T.dmatrix("y")
    texts = []
    for backend in ("opencl", "reference"):
        with pytest.raises(ShapeError) as error:
            function([x, y], T.dot(x, y), backend=backend)(np.zeros((2, 3)), np.zeros((2, 3)))
        texts.append(str(error.value).splitlines()[0])
    assert texts[0] == texts[1] and "not aligned" in texts[0]
