"""Diagonals against NumPy."""

import numpy as np
import pytest
from families import check

import reference.tensor as T
from reference.tensor.diagonal import cov, diag, diagonal, permute_row_elements, trace

pytestmark = pytest.mark.usefixtures("backend")

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((3, 4))
CUBE = RNG.standard_normal((2, 3, 4))


@pytest.mark.parametrize("offset", [-5, -1, 0, 2, 9])
def test_diagonals_of_a_matrix(offset):
    check(lambda x: diagonal(x, offset), lambda x: np.diagonal(x, offset), MATRIX)
    check(lambda x: trace(x, offset), lambda x: np.trace(x, offset), MATRIX)
    check(lambda x: diag(x, offset), lambda x: np.diag(x, offset), MATRIX)
    check(lambda x: diag(x, offset), lambda x: np.diag(x, offset), MATRIX[0])


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (2, 0), (-1, -2)], ids=str)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_diagonals_of_a_cube(axes, offset):
    check(lambda x: diagonal(x, offset, *axes), lambda x: np.diagonal(x, offset, *axes), CUBE)
    check(lambda x: trace(x, offset, *axes), lambda x: np.trace(x, offset, *axes), CUBE)


def test_permuted_rows():
    order = RNG.permuted(np.tile(np.arange(4), (3, 1)), axis=1)
    check(permute_row_elements, lambda x, y: np.take_along_axis(x, y, -1), MATRIX, order)
    check(permute_row_elements, lambda x, y: x[:, y], MATRIX, order[0])
    check(lambda x, y: permute_row_elements(permute_row_elements(x, y), y, 1), lambda x, y: x, MATRIX, order)


@pytest.mark.parametrize("kwargs", [{}, {"bias": True}, {"rowvar": False}, {"ddof": 2}], ids=str)
def test_covariance(kwargs):
    check(lambda x: cov(x, **kwargs), lambda x: np.cov(x, **kwargs), MATRIX)


def test_covariance_of_two():
    check(lambda x, y: cov(x, y), lambda x, y: np.cov(x, y), MATRIX, MATRIX[0])


def test_errors():
    with pytest.raises(ValueError, match="two different"):
        diagonal(T.dmatrix("x"), 0, 1, -1)
    with pytest.raises(ValueError, match="vector or a matrix"):
        diag(T.dtensor3("x"))
