"""Diagonals agree with NumPy's, and have gradients."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("offset", [-4, -1, 0, 2, 5])
@pytest.mark.parametrize(("shape", "axes"), [((3, 4), (0, 1)), ((2, 3, 4), (2, 0)), ((3, 0, 2), (-1, 1))])
def test_diagonal_and_trace(shape, axes, offset):
    value = np.arange(np.prod(shape), dtype="float64").reshape(shape)
    x = T.tensor("float64", (False,) * len(shape))
    f = theano.function([x], [T.diagonal(x, offset, *axes), x.trace(offset, *axes)])
    got, total = f(value)
    np.testing.assert_array_equal(got, np.diagonal(value, offset, *axes))
    np.testing.assert_array_equal(total, np.trace(value, offset, *axes))


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_diag_of_a_vector_and_back(k):
    v = T.dvector("v")
    f = theano.function([v], [T.diag(v, k), T.diag(T.diag(v, k), k), T.grad(T.sum(T.diag(v, k) ** 2), v)])
    matrix, back, g = f([1, 2, 3])
    np.testing.assert_array_equal(matrix, np.diag([1.0, 2, 3], k))
    np.testing.assert_array_equal(back, [1, 2, 3])
    np.testing.assert_array_equal(g, [2, 4, 6])


def test_what_has_no_diagonal():
    with pytest.raises(ValueError, match="two dimensions"):
        T.diagonal(T.dvector("v"))
