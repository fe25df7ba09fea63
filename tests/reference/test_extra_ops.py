"""NumPy's everyday functions, against NumPy."""

import numpy as np
import pytest
from families import check

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((3, 4))
VECTOR = RNG.standard_normal(5)
AXES = [0, 1, -1, None]


@pytest.mark.parametrize("axis", AXES)
def test_running_sums_and_products(axis):
    check(lambda x: T.cumsum(x, axis), lambda x: np.cumsum(x, axis), MATRIX)
    check(lambda x: T.cumprod(x, axis), lambda x: np.cumprod(x, axis), MATRIX)


def test_running_sums_of_integers_are_wide():
    check(T.cumsum, np.cumsum, np.array([100, 100], "int8"), gradients=False)
    assert str(T.cumsum(T.dmatrix(), 0).owner.op) == "CumOp{0, add}"


@pytest.mark.parametrize("axis", AXES)
def test_repeat(axis):
    counts = {0: [1, 0, 2], 1: [2, 1, 0, 3], -1: [0, 0, 1, 1], None: list(range(12))}[axis]
    check(lambda x: T.repeat(x, 2, axis), lambda x: np.repeat(x, 2, axis), MATRIX)
    check(lambda x, n: T.repeat(x, n, axis), lambda x, n: np.repeat(x, n, axis), MATRIX, counts)


def test_repeat_needs_a_count_for_each_element():
    x, n = T.dvector("x"), T.lvector("n")
    with pytest.raises(ValueError, match=r"2 counts .* for 3 elements"):
        theano.function([x, n], T.repeat(x, n))([1, 2, 3], [1, 2])


@pytest.mark.parametrize("axis", AXES)
def test_compress(axis):
    check(lambda x, c: T.compress(c, x, axis), lambda x, c: np.compress(c, x, axis), MATRIX, [True, False, True])


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_diff(axis, n):
    check(lambda x: T.diff(x, n, axis), lambda x: np.diff(x, n, axis), MATRIX)


def test_diff_of_bools_is_where_they_differ():
    check(T.diff, np.diff, [True, False, False, True], gradients=False)


@pytest.mark.parametrize("order", ["C", "F"])
def test_coordinates_by_order_and_mode(order):
    shape, places = (3, 4), [0, 5, 11, 7]
    f = [lambda x, k=k: T.unravel_index(x, T.as_tensor_variable(shape), order, ndim=2)[k] for k in (0, 1)]
    g = [lambda x, k=k: np.unravel_index(x, shape, order)[k] for k in (0, 1)]
    check(f[0], g[0], places, gradients=False)
    check(f[1], g[1], places, gradients=False)
    for mode, i, j in (("raise", [0, 2], [3, 1]), ("wrap", [-1, 4], [5, -7]), ("clip", [-1, 4], [5, -7])):
        check(
            lambda i, j, mode=mode: T.ravel_multi_index((i, j), shape, mode, order),
            lambda i, j, mode=mode: np.ravel_multi_index((i, j), shape, mode, order),
            i, j, gradients=False,
        )  # fmt: skip


def test_bincount():
    check(T.bincount, np.bincount, [1, 1, 3], gradients=False)
    check(lambda x: T.bincount(x, minlength=6), lambda x: np.bincount(x, minlength=6), [1, 1, 3], gradients=False)
    check(T.bincount, np.bincount, [1, 1, 3], [0.5, 1.0, 2.0])
    nothing = np.zeros(0, "int64")
    check(lambda x: T.bincount(x, minlength=2), lambda x: np.bincount(x, minlength=2), nothing, gradients=False)


def test_nonzero():
    x = MATRIX > 0
    for k in (0, 1):
        check(lambda x: T.nonzero(x)[k], lambda x: np.nonzero(x)[k], x, gradients=False)  # noqa: B023
    check(lambda x: T.nonzero(x, return_matrix=True), lambda x: np.array(np.nonzero(x)), x, gradients=False)
    check(T.flatnonzero, np.flatnonzero, x, gradients=False)
    check(T.nonzero_values, lambda x: x[np.nonzero(x)], MATRIX)


def test_searchsorted():
    check(T.searchsorted, np.searchsorted, np.sort(VECTOR), MATRIX, gradients=False)
    ties = [1.0, 2.0, 2.0, 3.0]
    check(
        lambda x, v: T.searchsorted(x, v, "right"),
        lambda x, v: np.searchsorted(x, v, "right"),
        ties, [2.0], gradients=False,
    )  # fmt: skip
    check(
        lambda x, v, s: T.searchsorted(x, v, sorter=s),
        lambda x, v, s: np.searchsorted(x, v, sorter=s),
        VECTOR, [0.1, 0.2], np.argsort(VECTOR), gradients=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="side"):
        T.searchsorted(T.dvector(), 1.0, side="middle")


def filled(a, value):
    a = a.copy()
    np.fill_diagonal(a, value)
    return a


def filled_offset(offset):
    def model(a, value):
        return np.where(np.eye(*a.shape, k=offset, dtype=bool), value, a)

    return model


@pytest.mark.parametrize("a", [MATRIX, MATRIX.T, RNG.standard_normal((3, 3, 3))], ids=["wide", "tall", "cube"])
def test_fill_diagonal(a):
    check(T.fill_diagonal, filled, a, 2.5)


@pytest.mark.parametrize("offset", [-3, -1, 0, 2, 7])
def test_fill_diagonal_offset(offset):
    check(lambda a, v: T.fill_diagonal_offset(a, v, offset), filled_offset(offset), MATRIX, 2.5)


def test_to_one_hot():
    check(lambda y: T.extra_ops.to_one_hot(y, 4), lambda y: np.eye(4)[y], [1, 3, 0], gradients=False)


def test_unique():
    x = T.lvector("x")
    values = [3, 1, 1, 2]
    results = theano.function([x], T.unique(x, True, True, True))(values)
    for result, expected in zip(results, np.unique(values, True, True, True)):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("mode", "index"), [("raise", [0, 2, 1]), ("wrap", [-1, 5, 1]), ("clip", [-1, 5, 1])])
def test_choose(mode, index):
    check(
        lambda i, *choices: T.choose(i, choices, mode=mode),
        lambda i, *choices: np.choose(i, choices, mode=mode),
        index, VECTOR[:3], VECTOR[2:], np.full(3, 2.0),
    )  # fmt: skip


def test_a_choice_of_scalars_is_an_array():
    i = T.lscalar("i")
    chosen = theano.function([i], T.choose(i, [i, i + 1]), mode="UNOPTIMIZED")(1)
    assert isinstance(chosen, np.ndarray)
    assert chosen == 2


def test_choose_out_of_range():
    i = T.lvector("i")
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        theano.function([i], T.choose(i, [1.0, 2.0]))([2])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("k", [0, 1])
def test_places_and_coordinates(order, k):
    check(
        lambda i: T.unravel_index(i, (3, 4), order)[k],
        lambda i: np.unravel_index(i, (3, 4), order)[k],
        [1, 5, 11], gradients=False,
    )  # fmt: skip
    check(
        lambda i, j: T.ravel_multi_index((i, j), (3, 4), order=order),
        lambda i, j: np.ravel_multi_index((i, j), (3, 4), order=order),
        [1, 2], [3, 0], gradients=False,
    )  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_bartlett(count):
    check(T.bartlett, np.bartlett, count, gradients=False)


def test_squeeze():
    x = T.TensorType("float64", (True, False, True))("x")
    assert T.squeeze(x).broadcastable == (False,)
    assert T.squeeze(x, 0).broadcastable == (False, True)
    m = T.dmatrix("m")
    f = theano.function([m], T.squeeze(m, 0))
    assert f(np.ones((1, 3))).shape == (3,)
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        f(np.ones((2, 3)))


def test_negative_numbers_are_not_counted():
    x = T.lvector("x")
    with pytest.raises(AssertionError, match="negative"):
        theano.function([x], T.bincount(x))([1, -1, 3])
