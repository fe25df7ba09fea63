"""Products: values and gradients against NumPy, dtypes, errors."""

import numpy as np
import pytest
from families import check

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")

RNG = np.random.default_rng(0)


def arrays(*shapes):
    return [RNG.standard_normal(shape) for shape in shapes]


DOTS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 3, 4), (4,)), ((2, 3, 4), (5, 4, 2)),
    ((), (3,)), ((2, 3, 4), (4, 2)), ((2, 0), (0, 3)), ((0, 2), (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", DOTS, ids=str)
def test_dot(shapes):
    check(T.dot, np.dot, *arrays(*shapes))


def test_matmul_operator():
    check(lambda a, b: a @ b, np.matmul, *arrays((2, 3), (3, 4)))


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((3, 2), (2,)), ((), (2,))], ids=str)
def test_outer(shapes):
    check(T.outer, np.outer, *arrays(*shapes))


TENSORDOTS = [
    (1, (2, 3), (3, 4)), (2, (2, 3, 4), (3, 4, 5)), (0, (2,), (3,)), ([[0, 2], [1, 0]], (2, 3, 4), (4, 2, 5)),
    ([1, 0], (2, 3), (3, 2)), (2, (2, 3), (2, 3)), ([[-1], [0]], (2, 3), (3,)),
]  # fmt: skip


@pytest.mark.parametrize(("axes", "left", "right"), TENSORDOTS, ids=str)
def test_tensordot(axes, left, right):
    check(lambda a, b: T.tensordot(a, b, axes), lambda a, b: np.tensordot(a, b, axes), *arrays(left, right))


def each(f):
    return lambda a, b: np.stack([f(x, y) for x, y in zip(a, b)])


BATCHES = [
    ((2, 3), (2, 3)), ((2, 3), (2, 3, 4)), ((2, 4, 3), (2, 3)), ((2, 4, 3), (2, 3, 5)), ((2, 4, 3, 2), (2, 2, 5)),
    ((2,), (2, 3, 3)), ((2, 3), (2,)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", BATCHES, ids=str)
def test_batched_dot(shapes):
    check(T.batched_dot, each(np.dot), *arrays(*shapes))


def test_batched_tensordot():
    check(
        lambda a, b: T.batched_tensordot(a, b, 2),
        each(lambda a, b: np.tensordot(a, b, 2)),
        *arrays((2, 3, 4, 5), (2, 4, 5, 2)),
    )
    check(
        lambda a, b: T.batched_tensordot(a, b, [[1, 3], [2, 1]]),
        each(lambda a, b: np.tensordot(a, b, [[0, 2], [1, 0]])),
        *arrays((2, 3, 4, 5), (2, 5, 3, 2)),
    )


@pytest.mark.parametrize("order", [1, 2, 3, "inf", "-inf"])
def test_norm(order):
    numpy_order = {"inf": np.inf, "-inf": -np.inf}.get(order, order)
    check(lambda x: x.norm(order, axis=1), lambda x: np.linalg.norm(x, numpy_order, axis=1), *arrays((3, 4)))


def test_norm_zero_counts():
    check(lambda x: x.norm(0), np.count_nonzero, np.array([0.0, 2.0, -1.0]), gradients=False)


def test_integer_products_are_exact_and_wrap():
    x = T.bvector("x")
    y = T.dot(x, x)
    assert y.dtype == "int8"
    assert theano.function([x], y)([7, -7]) == 98
    assert theano.function([x], y)([100, 100]) == np.int64(20000).astype("int8")


def test_dtypes_are_promoted():
    assert T.dot(T.ivector(), T.fvector()).dtype == "float64"
    assert T.dot(T.fmatrix(), T.fmatrix()).dtype == "float32"


def test_float16_is_rounded_once():
    x = T.TensorType("float16", (False,))("x")
    values = RNG.standard_normal(1000).astype("float16")
    exact = np.dot(values.astype("float64"), values.astype("float64"))
    assert theano.function([x], T.dot(x, x))(values) == exact.astype("float16")


def test_broadcast_patterns():
    assert T.dot(T.drow(), T.dmatrix()).broadcastable == (True, False)
    assert T.outer(T.dvector(), T.dvector()).broadcastable == (False, False)
    assert T.tensordot(T.drow(), T.dcol(), 1).broadcastable == (True, True)


def test_shapes_that_do_not_fit():
    p, q = T.dmatrix("p"), T.dmatrix("q")
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(2, 3\) are not aligned: 3 \(dim 1\) != 2 \(dim 0\)"):
        theano.function([p, q], T.dot(p, q))(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"got shape \(3, 4\), expected \(2, 6\)"):
        theano.function([p, q], T.tensordot(p, q, 2))(np.ones((2, 6)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(3, 3\) do not fit"):
        theano.function([p, q], T.batched_dot(p, q))(np.ones((2, 3)), np.ones((3, 3)))


def test_axes_that_make_no_sense():
    p, q = T.dmatrix("p"), T.dmatrix("q")
    for axes in (3, [[0, 1], [0]], [[0, 0], [0, 1]]):
        with pytest.raises(ValueError, match="tensordot"):
            T.tensordot(p, q, axes)
    with pytest.raises(ValueError, match="batch"):
        T.batched_tensordot(p, q, [[0], [1]])


def test_texts():
    p, q = T.dmatrix("p"), T.dmatrix("q")
    assert str(T.dot(p, q).owner.op) == "dot"
    assert str(T.batched_dot(T.dtensor3(), T.dtensor3()).owner.op) == "BatchedDot"


def test_the_matrix_product_operator_refuses_ranks_where_numpy_means_another_product():
    with pytest.raises(TypeError, match=r"T\.batched_dot"):
        T.dmatrix("a") @ T.dtensor3("b")
    with pytest.raises(TypeError, match="vectors and matrices"):
        T.dscalar("a") @ T.dvector("b")
