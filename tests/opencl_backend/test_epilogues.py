"""What is made of a product is made before it is stored: one kernel, and the bits of several."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from reference import function, shared
from reference.config import config

RNG = np.random.default_rng(12)
x, y = T.fmatrix("x"), T.fmatrix("y")
v, s = T.fvector("v"), T.fscalar("s")
M = T.fmatrix("M")
SHAPES = [(1, 5, 3), (20, 40, 50), (50, 33, 1), (60, 600, 35)]
LAYOUTS = {
    "plain": lambda x, y: T.dot(x, y),
    "left turned": lambda x, y: T.dot(x.copy().T.copy().T, y),
    "right turned": lambda x, y: T.dot(x, y.copy().T.copy().T),
    "result turned": lambda x, y: T.dot(x, y).T,
}
EPILOGUES = {
    "bias": lambda p, M, v, s: T.tanh(p + v),
    "update": lambda p, M, v, s: M - s * p,
    "by rows": lambda p, M, v, s: p * M[:, 0].dimshuffle(0, "x") + T.exp(M[::-1]),
    "turned": lambda p, M, v, s: T.maximum(p, M.T.copy().T * s),
    "of halves": lambda p, M, v, s: T.cast(T.cast(M, "float16") * T.cast(p, "float16"), "float32"),
    "in double": lambda p, M, v, s: T.cast(T.sqr(T.cast(p, "float64")) + T.cast(v, "float64"), "float32"),
}


def results(layout, shape, mode, **flags):
    """All epilogues of a product, and the kernels' labels."""
    m, depth, n = shape
    rows, columns = (n, m) if layout == "result turned" else (m, n)
    rng = np.random.default_rng(m + n)
    shapes = (m, depth), (depth, n), (rows, columns), (columns,), ()
    given = [rng.standard_normal(shape).astype("float32") for shape in shapes]
    made = [epilogue(LAYOUTS[layout](x * k, y), M, v, s) for k, epilogue in enumerate(EPILOGUES.values(), 1)]
    with config.change_flags(**flags):
        f = function([x, y, M, v, s], made, backend="opencl", mode=mode)
        bits = [result.tobytes() for result in f(*given)]
        labels = ", ".join(launch.label for launch in f.executable.last.launches).split(", ")
        return bits, [label for label in labels if label != "copy"]


@pytest.mark.parametrize("style", ["cpu", "gpu"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_exact_mode_bits_are_those_of_general_kernels(layout, shape, style):
    together, labels = results(layout, shape, "EXACT", opencl__interpret=False, opencl__style=style)
    if layout != "result turned":
        assert sum(label.startswith("dot ") and "+" in label for label in labels) == len(EPILOGUES)
    assert dict(zip(EPILOGUES, together)) == dict(zip(EPILOGUES, results(layout, shape, "EXACT")[0]))


@pytest.mark.parametrize("layout", ["left turned", "result turned"])
def test_in_fast_mode_bits_are_those_of_a_product_and_a_loop(layout):
    shape = (70, 130, 35)
    together = results(layout, shape, "FAST_RUN", opencl__interpret=False)[0]
    apart = results(layout, shape, "FAST_RUN", opencl__interpret=False, opencl__fuse=False)[0]
    assert dict(zip(EPILOGUES, together)) == dict(zip(EPILOGUES, apart))


def test_an_update_is_one_kernel_with_its_product():
    w = shared(RNG.standard_normal((300, 90)).astype("float32"))
    before = w.get_value()
    with config.change_flags(opencl__interpret=False):
        f = function([x, y], [], updates=[(w, w - np.float32(0.1) * T.dot(x.T, y))], backend="opencl")
        a, b = (RNG.standard_normal((64, n)).astype("float32") for n in (300, 90))
        f(a, b)
        assert len(f.executable.last.launches) == 1
    np.testing.assert_allclose(w.get_value(), before - 0.1 * (a.T @ b), rtol=1e-4, atol=1e-5)


def test_a_product_that_others_read_is_stored():
    p = T.dot(x, y)
    outputs = [T.tanh(p), p.sum(axis=0), T.dot(p, y.T) + x, T.dot(x, y[:, :7])[:3]]
    given = [RNG.standard_normal(shape).astype("float32") for shape in ((40, 50), (50, 60))]
    with config.change_flags(opencl__interpret=False):
        got = function([x, y], outputs, backend="opencl")(*given)
    wanted = function([x, y], outputs)(*given)
    for one, other in zip(got, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_two_products_in_one_expression():
    given = [RNG.standard_normal(shape).astype("float32") for shape in ((40, 50), (50, 60))]
    expression = [T.tanh(T.dot(x, y) + T.dot(x * 2, y + 1)), T.sqr(T.dot(x, y[:, :5])) * 2 + 1]
    with config.change_flags(opencl__interpret=False):
        got = function([x, y], expression, backend="opencl")(*given)
    wanted = function([x, y], expression)(*given)
    for one, other in zip(got, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


IN_ROWS = {
    "a bias": lambda p, M, v: T.tanh(p + v),
    "rows": lambda p, M, v: p * M.reshape(p.shape) - v,
    "planes": lambda p, M, v: p + M[:4, :5].dimshuffle(0, 1, "x"),
    "turned": lambda p, M, v: (p + v).dimshuffle(2, 0, 1),
    "columns": lambda p, M, v: p + M.reshape(p.shape)[:, :, ::-1],
    "other rows": lambda p, M, v: p.reshape((5, 140)) * 2 + M.reshape((5, 140)),
}


@pytest.mark.parametrize("mode", ["EXACT", "FAST_RUN"])
@pytest.mark.parametrize("epilogue", IN_ROWS)
def test_a_product_in_another_shape_waits_for_what_is_made_of_it(epilogue, mode):
    given = [RNG.standard_normal(shape).astype("float32") for shape in [(20, 40), (40, 35), (20, 35), (35,)]]
    made = IN_ROWS[epilogue](T.dot(x, y).reshape((4, 5, 35)), M, v)
    bits, kernels = [], []
    for together in (True, False):
        with config.change_flags(opencl__interpret=False, opencl__fuse=together):
            f = function([x, y, M, v], made, backend="opencl", mode=mode, on_unused_input="ignore")
            bits.append([f(*given).tobytes() for _ in range(2)])
            kernels.append(", ".join(launch.label for launch in f.executable.last.launches))
    assert bits[0] == bits[1]
    assert ("dot 20x40x35+" in kernels[0]) == (epilogue in ("a bias", "rows", "columns"))
