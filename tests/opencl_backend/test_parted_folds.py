"""Few long rows are folded in parts by many items: the bits are those of one item, and of the reference."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from difftest.oracle.bits import same_bits
from reference import function
from reference.config import config

FOLDS = {
    "sum": lambda x: x.sum(axis=-1),
    "sum of what is computed": lambda x: (x * x - 1).sum(axis=-1),
    "mean of all": lambda x: x.mean(),
    "sum in its own dtype": lambda x: x.sum(axis=-1, acc_dtype=x.dtype),
    "max": lambda x: x.max(axis=-1),
    "argmax": lambda x: x.argmax(axis=-1),
    "min and its place": lambda x: T.stack([T.cast(x.min(axis=-1), "float64"), T.cast(x.argmin(axis=-1), "float64")]),
}
LENGTHS = {"gpu": (255, 256, 700, 4099), "cpu": (600_007,)}
"""Rows that stay whole, and such as are parted evenly and unevenly; processors begin later."""


def labels(f):
    return ", ".join(launch.label for launch in f.executable.last.launches).split(", ")


def values(dtype: str, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(shape[-1])
    if dtype.startswith("int"):
        return rng.integers(-100, 100, shape).astype(dtype)
    return (rng.standard_normal(shape) * 10 ** rng.uniform(-3, 3, shape)).astype(dtype)


@pytest.mark.parametrize("style", LENGTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "int8"])
@pytest.mark.parametrize("name", FOLDS)
def test_bits_are_those_of_the_reference(name, dtype, style):
    x = T.TensorType(dtype, (False, False))("x")
    for length in LENGTHS[style]:
        given = values(dtype, 3 if style == "gpu" else 1, length)
        with config.change_flags(opencl__style=style, opencl__interpret=False):
            f = function([x], FOLDS[name](x), backend="opencl", mode="EXACT")
            result = f(given)
        assert same_bits(np.asarray(result), np.asarray(function([x], FOLDS[name](x), mode="EXACT")(given)))
        if length > 700 and name in ("sum", "max", "argmax") and dtype == "float32":
            assert len(labels(f)) == 2


@pytest.mark.parametrize("places", [(), (5,), (699,), (350, 5), (350, 349)])
@pytest.mark.parametrize("special", [np.nan, np.inf, 7.0])
def test_the_first_of_equals_is_found_in_whatever_part(special, places):
    x = T.fvector("x")
    given = np.zeros(700, "float32")
    given[list(places)] = special
    with config.change_flags(opencl__style="gpu", opencl__interpret=False):
        f = function([x], [x.max(), x.argmax(), T.max_and_argmax(x)[1]], backend="opencl")
        value, place, both = f(given)
    assert same_bits(np.asarray(value), np.asarray(special if places else 0, "float32"))
    assert place == both == min(places, default=0)


def test_a_sum_of_negative_zeros_is_positive():
    x = T.fvector("x")
    with config.change_flags(opencl__style="gpu", opencl__interpret=False):
        total = function([x], x.sum(), backend="opencl")(-np.zeros(700, "float32"))
    assert not np.signbit(total)
