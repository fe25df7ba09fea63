"""Sorting against NumPy's stable sort."""

import numpy as np
import pytest
from families import check

import reference as theano
import reference.tensor as T
from reference.tensor.sort import take_along_axis

pytestmark = pytest.mark.usefixtures("backend")

CUBE = np.random.default_rng(0).standard_normal((2, 3, 4))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
def test_sort_and_argsort(axis):
    check(lambda x: T.sort(x, axis), lambda x: np.sort(x, axis), CUBE)
    check(lambda x: T.argsort(x, axis), lambda x: np.argsort(x, axis, kind="stable"), np.round(CUBE), gradients=False)


def test_nan_comes_last_and_equals_keep_their_order():
    x = T.dvector("x")
    values, places = theano.function([x], [T.sort(x), T.argsort(x)])([3, np.nan, 0.0, -0.0, -1])
    np.testing.assert_array_equal(values, [-1, 0, 0, 3, np.nan])
    assert np.signbit(values).tolist()[:3] == [True, False, True]
    assert places.tolist() == [4, 2, 3, 0, 1]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_topk(axis):
    check(lambda x: T.topk(x, 2, axis), lambda x: -np.sort(-x, axis).take(range(2), axis), CUBE)
    check(lambda x: T.topk(x, -2, axis), lambda x: np.sort(x, axis).take(range(2), axis), CUBE)
    check(lambda x: T.argtopk(x, 1, axis), lambda x: np.argmax(x, axis)[
        tuple(np.newaxis if k == axis % 3 else slice(None) for k in range(3))], CUBE, gradients=False)  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_take_along_axis(axis):
    places = np.random.default_rng(1).integers(0, CUBE.shape[axis], CUBE.shape)
    check(lambda x, i: take_along_axis(x, i, axis), lambda x, i: np.take_along_axis(x, i, axis), CUBE, places)


def test_texts_and_errors():
    x = T.dmatrix("x")
    assert str(T.sort(x).owner.op) == "SortOp{quicksort, None}"
    assert str(T.argsort(x).owner.op) == "ArgSortOp{quicksort, None}"
    with pytest.raises(TypeError, match="no order"):
        T.sort(T.zvector())
    with pytest.raises(ValueError, match="out of range"):
        T.sort(x, 2)
