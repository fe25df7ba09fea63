"""Linear algebra and Fourier transforms: NumPy's and SciPy's answers, gradients, texts, and what has no answer."""

import sys

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.tensor import fft, nlinalg, slinalg

RNG = np.random.RandomState(4)
A = RNG.randn(4, 4)
S = A @ A.T + np.eye(4)
B = RNG.randn(4, 3)
TALL = RNG.randn(5, 3)


def value(function, *arrays):
    variables = [T.tensor(a.dtype.name, (False,) * a.ndim) for a in arrays]
    return theano.function(variables, function(*variables))(*arrays)


@pytest.mark.parametrize(
    ("function", "wanted", "arrays"),
    [
        (nlinalg.matrix_inverse, np.linalg.inv, [A]), (nlinalg.inv, np.linalg.inv, [A]),
        (nlinalg.pinv, np.linalg.pinv, [TALL]), (nlinalg.pinv, np.linalg.pinv, [TALL.T]),
        (nlinalg.det, np.linalg.det, [A]), (nlinalg.trace, np.trace, [A]),
        (nlinalg.diag, np.diag, [A]), (nlinalg.diag, np.diag, [A[0]]), (nlinalg.alloc_diag, np.diag, [A[0]]),
        (nlinalg.extract_diag, np.diag, [B]), (nlinalg.matrix_dot, lambda a, b: a @ a @ b, None),
        (lambda x: nlinalg.matrix_power(x, 3), lambda x: np.linalg.matrix_power(x, 3), [A]),
        (lambda x: nlinalg.matrix_power(x, 0), lambda x: np.linalg.matrix_power(x, 0), [A]),
        (lambda x: nlinalg.matrix_power(x, -2), lambda x: np.linalg.matrix_power(x, -2), [A]),
        (nlinalg.tensorinv, np.linalg.tensorinv, [A.reshape(2, 2, 1, 4)]),
        (lambda x: nlinalg.tensorinv(x, 1), lambda x: np.linalg.tensorinv(x, 1), [A.reshape(4, 2, 2)]),
        (lambda a, b: nlinalg.tensorsolve(a.reshape((2, 2, 2, 2)), b.reshape((2, 2))),
         lambda a, b: np.linalg.tensorsolve(a.reshape(2, 2, 2, 2), b.reshape(2, 2)), [A, A[0]]),
        (lambda a, b: nlinalg.tensorsolve(a.reshape((2, 2, 2, 2)), b.reshape((2, 2)), axes=(1, 0)),
         lambda a, b: np.linalg.tensorsolve(a.reshape(2, 2, 2, 2), b.reshape(2, 2), axes=(1, 0)), [A, A[0]]),
        (slinalg.cholesky, np.linalg.cholesky, [S]),
        (lambda x: slinalg.cholesky(x, lower=False), lambda x: np.linalg.cholesky(x).T, [S]),
        (slinalg.solve, np.linalg.solve, [A, B]), (slinalg.solve, np.linalg.solve, [A, B[:, 0]]),
        (slinalg.solve_symmetric, np.linalg.solve, [S, B]),
        (slinalg.solve_lower_triangular, lambda a, b: np.linalg.solve(np.tril(a), b), [A, B]),
        (slinalg.solve_upper_triangular, lambda a, b: np.linalg.solve(np.triu(a), b), [A, B]),
        (slinalg.kron, np.kron, [A, B]), (slinalg.kron, np.kron, [A[0], B]),
        (slinalg.eigvalsh, np.linalg.eigvalsh, [S]),
    ],
)  # fmt: skip
def test_what_numpy_says(function, wanted, arrays):
    if arrays is None:
        arrays, function = [A, B], lambda a, b: nlinalg.matrix_dot(a, a, b)
    np.testing.assert_allclose(value(function, *arrays), wanted(*arrays), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("lower", [True, False])
def test_generalized_eigenvalues(lower):
    linalg = pytest.importorskip("scipy.linalg")
    found = value(lambda a, b: slinalg.eigvalsh(a, b, lower=lower), A, S)
    np.testing.assert_allclose(found, linalg.eigvalsh(A, S, lower=lower), rtol=1e-9)


def test_exponential():
    linalg = pytest.importorskip("scipy.linalg")
    np.testing.assert_allclose(value(slinalg.expm, A), linalg.expm(A), rtol=1e-12)


def test_exponential_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    with pytest.raises(ImportError, match=r"theano-reference\[scipy\]"):
        value(slinalg.expm, A)


@pytest.mark.parametrize("order", [None, "fro", 1, -1, "inf", "-inf", np.inf])
def test_norms_of_matrices(order):
    wanted = float(order) if order in ("inf", "-inf") else order
    np.testing.assert_allclose(value(lambda x: nlinalg.norm(x, order), B), np.linalg.norm(B, wanted))


@pytest.mark.parametrize("order", [None, 0, 1, 2, 3.5, "inf", "-inf"])
def test_norms_of_vectors(order):
    wanted = float(order) if order in ("inf", "-inf") else order
    np.testing.assert_allclose(value(lambda x: nlinalg.norm(x, order), A[0]), np.linalg.norm(A[0], wanted))


@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_orthonormal_columns_and_a_triangle(mode):
    q, r = value(lambda x: nlinalg.qr(x, mode), TALL)
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-12)
    np.testing.assert_allclose(q @ r, TALL, atol=1e-12)
    np.testing.assert_array_equal(r, np.triu(r))
    np.testing.assert_allclose(value(lambda x: nlinalg.qr(x, "r"), TALL), r[:3])


@pytest.mark.parametrize("full", [0, 1])
def test_singular_values(full):
    u, s, v = value(lambda x: nlinalg.svd(x, full), TALL)
    np.testing.assert_allclose((u[:, :3] * s) @ v, TALL, atol=1e-12)
    assert u.shape == (5, 5 if full else 3)
    np.testing.assert_allclose(value(lambda x: nlinalg.svd(x, full, 0), TALL), s)


def test_eigenvectors():
    for function in (nlinalg.eig, nlinalg.eigh, lambda x: nlinalg.eigh(x, "U")):
        w, v = value(function, S)
        np.testing.assert_allclose(S @ v, v * w, atol=1e-10)
    w, _ = value(lambda x: nlinalg.eigh(x, "U"), np.triu(S))
    np.testing.assert_allclose(w, np.linalg.eigvalsh(S))


def test_least_squares():
    x, residuals, rank, s = value(lambda a, b: nlinalg.lstsq()(a, b, -1.0), TALL, np.arange(5.0))
    np.testing.assert_allclose(x, np.linalg.lstsq(TALL, np.arange(5.0), rcond=-1)[0])
    assert rank == 3 and residuals.shape == (1,) and s.shape == (3,)


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (nlinalg.matrix_inverse, [A]), (nlinalg.det, [A]), (nlinalg.pinv, [TALL]), (nlinalg.pinv, [TALL.T]),
        (lambda x: nlinalg.eigh(x)[0], [S]), (lambda x: nlinalg.eigh(x)[1] ** 2, [S]),
        (lambda x: nlinalg.eigh(x, "U")[1] ** 2, [S]), (slinalg.solve, [A, B]), (slinalg.solve, [A, B[:, 0]]),
        (slinalg.solve_lower_triangular, [A, B]), (slinalg.solve_upper_triangular, [A, B]), (slinalg.cholesky, [S]),
        (lambda x: slinalg.cholesky(x, lower=False), [S]), (slinalg.kron, [A, B]), (slinalg.eigvalsh, [A, S]),
        (lambda x: nlinalg.matrix_power(x, -2), [A]), (lambda x: nlinalg.norm(x), [A]),
        (lambda x: T.grad(nlinalg.det(x), x), [A]), (lambda x: T.grad(slinalg.cholesky(x).sum(), x), [S]),
        (lambda a, b: T.grad((slinalg.solve(a, b) ** 2).sum(), a), [A, B]),
        (lambda x: T.grad((nlinalg.eigh(x)[1][0] ** 3).sum(), x), [S]),
    ],
)  # fmt: skip
def test_gradients(function, arrays):
    theano.gradient.verify_grad(function, arrays, rng=np.random.RandomState(1))


def test_gradients_of_the_exponential():
    pytest.importorskip("scipy")
    for function in (slinalg.expm, lambda x: T.grad((slinalg.expm(x) ** 2).sum(), x)):
        theano.gradient.verify_grad(function, [A / 2], rng=np.random.RandomState(1))


@pytest.mark.parametrize("function", [nlinalg.eig, nlinalg.qr, nlinalg.svd])
def test_decompositions_without_a_gradient_say_so(function):
    x = T.matrix("x")
    with pytest.raises(NotImplementedError, match="gradient"):
        T.grad(function(x)[0].sum(), x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_dtypes(dtype):
    x = np.array([[2, 1], [0, 4]], dtype)
    wanted = "float64" if dtype == "int8" else dtype
    for function in (nlinalg.matrix_inverse, nlinalg.det, lambda x: slinalg.solve(x, x), lambda x: nlinalg.svd(x)[1]):
        assert value(function, x).dtype == wanted
    assert value(nlinalg.det, x) == pytest.approx(8)


def test_texts():
    x = T.matrix("x")
    made = [
        nlinalg.matrix_inverse(x), nlinalg.pinv(x), nlinalg.det(x), nlinalg.eigh(x)[0], nlinalg.qr(x)[0],
        nlinalg.svd(x)[0], slinalg.cholesky(x), slinalg.solve(x, x), slinalg.solve_lower_triangular(x, x),
    ]  # fmt: skip
    assert [str(v.owner.op) for v in made] == [
        "MatrixInverse", "MatrixPinv", "Det", "Eigh{UPLO='L'}", "QRFull{mode='reduced'}",
        "SVD{full_matrices=1, compute_uv=1}", "Cholesky{lower=True, destructive=False, on_error='raise'}",
        "Solve{A_structure='general', lower=False, overwrite_A=False, overwrite_b=False}",
        "Solve{A_structure='lower_triangular', lower=True, overwrite_A=False, overwrite_b=False}",
    ]  # fmt: skip


def test_shapes_are_known_without_computing():
    x = T.matrix("x")
    factors = [lambda x: nlinalg.qr(x)[1], lambda x: nlinalg.svd(x)[0], lambda x: nlinalg.svd(x, 0)[2]]
    for function in (nlinalg.pinv, *factors):
        f = theano.function([x], function(x).shape)
        assert tuple(f(TALL)) == value(function, TALL).shape
        assert not any(isinstance(node.op, nlinalg.MatrixOp) for node in f.fgraph.toposort())


@pytest.mark.parametrize(
    ("function", "arrays", "part"),
    [
        (nlinalg.matrix_inverse, [B], r"square matrix, got one of shape \(4, 3\)"),
        (nlinalg.matrix_inverse, [np.zeros((2, 2))], r"MatrixInverse of shape \(2, 2\): Singular"),
        (nlinalg.det, [B], "square"), (slinalg.cholesky, [-S], r"\(4, 4\).*[Pp]ositive"),
        (nlinalg.eig, [np.array([[0.0, 1.0], [-1.0, 0.0]])], "not real"),
        (slinalg.solve, [A, TALL], r"shape \(4, 4\) and a right-hand side of shape \(5, 3\)"),
    ],
)  # fmt: skip
def test_what_has_no_answer(function, arrays, part):
    with pytest.raises((ValueError, np.linalg.LinAlgError), match=part):
        value(function, *arrays)


def test_every_call_has_its_own_answer():
    x = T.matrix("x")
    f = theano.function([x], slinalg.solve(x, x + 1))
    for k in range(4):
        given = (S + k).astype(x.dtype)
        np.testing.assert_allclose(f(given), np.linalg.solve(given, given + 1), rtol=1e-3, atol=1e-5)


def test_no_factor_may_be_nan():
    assert np.isnan(value(lambda x: slinalg.cholesky(x, on_error="nan"), -S)).all()


@pytest.mark.parametrize(
    ("error", "build"),
    [
        (TypeError, lambda: nlinalg.det(T.vector())), (TypeError, lambda: nlinalg.matrix_inverse(T.zmatrix())),
        (ValueError, lambda: nlinalg.eigh(T.matrix(), "X")), (ValueError, lambda: nlinalg.qr(T.matrix(), "raw")),
        (TypeError, lambda: nlinalg.matrix_power(T.matrix(), 0.5)), (ValueError, lambda: slinalg.Solve("banded")),
        (ValueError, lambda: nlinalg.norm(T.tensor3())), (NotImplementedError, lambda: nlinalg.norm(T.matrix(), 3)),
        (TypeError, lambda: slinalg.kron(T.vector(), T.vector())), (TypeError, lambda: nlinalg.alloc_diag(T.matrix())),
        (TypeError, lambda: nlinalg.extract_diag(T.vector())), (ValueError, lambda: nlinalg.tensorinv(T.matrix(), 2)),
    ],
)  # fmt: skip
def test_what_is_told_when_it_is_written(error, build):
    with pytest.raises(error):
        build()


@pytest.mark.parametrize("shape", [(2, 5), (2, 6), (1, 3, 4), (2, 2, 3), (1, 1)])
def test_transforms_are_numpy_s_and_undo_each_other(shape):
    x = RNG.randn(*shape)
    odd = shape[-1] % 2 == 1
    pairs = value(fft.rfft, x)
    np.testing.assert_allclose(pairs[..., 0] + 1j * pairs[..., 1], np.fft.rfftn(x, axes=range(1, x.ndim)), atol=1e-12)
    for norm in (None, "ortho"):
        there_and_back = value(lambda v: fft.irfft(fft.rfft(v, norm), norm, odd), x)  # noqa: B023
        np.testing.assert_allclose(there_and_back, x, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "ortho", "no_norm"])
@pytest.mark.parametrize("odd", [True, False])
def test_gradients_of_transforms(norm, odd):
    """Of every order: they are linear, and each other's gradient."""
    real, pairs = RNG.randn(2, 3, 4 + odd), RNG.randn(2, 3, 3, 2)
    rng = np.random.RandomState(1)
    theano.gradient.verify_grad(lambda x: fft.rfft(x, norm) ** 2, [real], rng=rng)
    theano.gradient.verify_grad(lambda a: fft.irfft(a, norm, odd) ** 2, [pairs], rng=rng)
    theano.gradient.verify_grad(lambda x: T.grad((fft.rfft(x, norm) ** 3).sum(), x), [real], rng=rng)


def test_what_is_no_transform():
    x = T.matrix("x")
    for build in (lambda: fft.rfft(T.vector()), lambda: fft.rfft(T.imatrix()), lambda: fft.irfft(x)):
        with pytest.raises(TypeError):
            build()
    with pytest.raises(ValueError, match="norm"):
        fft.rfft(x, "backward")
    with pytest.raises(ValueError, match=r"\(2, 3, 2\) is not one of lengths \(7,\)"):
        value(lambda a: fft.irfft_op(a, [7]), np.ones((2, 3, 2)))
