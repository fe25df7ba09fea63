"""Sorting on the device: stable, NaN last, along any axis."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from reference import function

RNG = np.random.default_rng(2)


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    x = (RNG.standard_normal(shape) * 10).astype(dtype)
    if dtype.startswith("float"):
        special = np.array([np.nan, 0.0, -0.0, np.inf, -np.inf], dtype)
        x = np.where(RNG.random(shape) < 0.1, RNG.choice(special, shape), x)
    return x


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_sort_and_argsort_along_every_axis(dtype: str):
    x = T.tensor3("x", dtype=dtype)
    outputs = [f(x, axis) for axis in (0, 1, 2, -1) for f in (T.sort, T.argsort)]
    given = values(dtype, (5, 37, 4))
    results = [function([x], outputs, backend=backend)(given) for backend in ("opencl", "reference")]
    for got, wanted in zip(*results):
        assert got.dtype == wanted.dtype
        assert np.array_equal(got, wanted, equal_nan=dtype.startswith("float"))
        if dtype.startswith("float"):
            numbers = ~np.isnan(wanted.astype("f8"))
            assert np.array_equal(np.signbit(got)[numbers], np.signbit(wanted)[numbers])


@pytest.mark.parametrize("n", [0, 1, 8, 9, 4097])
def test_lengths_around_the_runs_of_the_merge(n: int):
    x = T.dvector("x")
    given = np.round(RNG.standard_normal(n), 1)
    got = function([x], [T.sort(x), T.argsort(x)], backend="opencl")(given)
    assert np.array_equal(got[0], np.sort(given, kind="stable"))
    assert np.array_equal(got[1], np.argsort(given, kind="stable"))
