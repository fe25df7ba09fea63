"""Writing where index arrays say: repeated indices in their order, negative ones, slices beside them."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from reference import function

RNG = np.random.default_rng(3)
A = RNG.standard_normal((6, 5)).astype("float32")
B = RNG.standard_normal((4, 5, 6)).astype("float32")
Y = RNG.standard_normal((5, 5)).astype("float32")
I = np.array([1, 3, 1, -1, 5], "int32")
J = np.array([0, 4, 2, 2, 0])
SOME = np.array([1, 0, 2, 3, 3, 5])

x, y, v, t = T.fmatrix("x"), T.fmatrix("y"), T.fvector("v"), T.ftensor3("t")
k, w = T.lvector("k"), T.fvector("w")
i, j, m = T.ivector("i"), T.lvector("j"), T.tensor("bool", (False, False), name="m")
inc, put = T.inc_subtensor, T.set_subtensor

CASES = {
    "rows": ([x, i, y], [inc(x[i], y), put(x[i], y), inc(x[i], 1.0)], [A, I, Y]),
    "a row for all": ([x, i, v], [inc(x[i], v), put(x[i], v)], [A, I, Y[0]]),
    "elements": ([x, i, j, v], [inc(x[i, j], v), put(x[i, j], v)], [A, I, J, Y[0]]),
    "columns of a slice": ([x, j, y], [inc(x[1:6, j], y), put(x[::-1][1:, j], y)], [A, J, Y]),
    "middle": ([t, j], [inc(t[:, j], 2.0), put(t[j % 4, :, j], 0.0), inc(t[:, j, 1:3], 0.5)], [B, J]),
    "integer beside": ([t, j, y], [inc(t[1, j, :5], y)], [B, J, Y]),
    "mask": ([x, m], [put(x[m], 0.0), inc(x[m], 1.0)], [A, A > 0]),
    "gradient of a take": ([x, i], [T.grad((x[i] ** 2).sum(), x)], [A, I]),
    "one a row": (
        [x, k, w],
        [op(x[rows, k], by) for rows in (T.arange(6), SOME) for op in (inc, put) for by in (w, 1.5)],
        [A, np.array([0, 4, -1, 2, 0, -5]), A[:, 0]],
    ),
    "nothing": ([x, i, y], [inc(x[i], y)], [A, I[:0], Y[:0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_writes_have_the_reference_s_bits(case: str):
    inputs, outputs, given = CASES[case]
    opencl, reference = (function(inputs, outputs, backend=backend) for backend in ("opencl", "reference"))
    wanted = reference(*given)
    for got in (opencl(*given), opencl(*given)):
        assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize("dtype", ["bool", "int8", "float16", "float64"])
def test_increments_of_every_kind_of_number(dtype: str):
    z, w = T.vector("z", dtype=dtype), T.vector("w", dtype=dtype)
    base, add = (RNG.integers(0, 2 if dtype == "bool" else 100, n).astype(dtype) for n in (6, 5))
    f, g = (function([z, w, i], inc(z[i], w), backend=backend) for backend in ("opencl", "reference"))
    assert np.array_equal(f(base, add, I), g(base, add, I))


def test_an_index_out_of_bounds_raises():
    f = function([x, i, y], put(x[i], y), backend="opencl")
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 6"):
        f(A, I + 5, Y)
    assert np.array_equal(f(A, I, Y), function([x, i, y], put(x[i], y), backend="reference")(A, I, Y))
    f = function([x, k], inc(x[T.arange(6), k], 1.0), backend="opencl")
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 1 with size 5"):
        f(A, np.array([0, 1, 2, 5, 4, 0]))
