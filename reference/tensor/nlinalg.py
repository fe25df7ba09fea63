"""Linear algebra of whole matrices, ``T.nlinalg``: inverses, determinants, decompositions, and what is made of them.

Owns the operations that NumPy's LAPACK computes; integers are computed as float64, float16 in float32. Eigenvectors,
singular vectors and the factors of QR are unique only up to signs, which are the library's. It must not know solvers
for matrices of a special structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import COMPLEX, is_discrete
from reference.graph.errors import ShapeError
from reference.graph.types import DisconnectedType, TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import eye, tril, triu
from reference.tensor.diagonal import diag as diag_
from reference.tensor.diagonal import diagonal
from reference.tensor.elemwise import abs_, cast, eq, minimum, mul, neq, sqrt, switch
from reference.tensor.linalg import dot
from reference.tensor.reduce import max as max_
from reference.tensor.reduce import min as min_
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import ONE, as_shape_vector, flatten, reshape, shape_i, shape_tuple, transpose

__all__ = [
    "Det", "Eig", "Eigh", "MatrixInverse", "MatrixPinv", "QRFull", "QRIncomplete", "SVD", "alloc_diag", "det", "diag",
    "eig", "eigh", "extract_diag", "inv", "lstsq", "matrix_dot", "matrix_inverse", "matrix_power", "norm", "pinv", "qr",
    "svd", "tensorinv", "tensorsolve", "trace",
]  # fmt: skip


class MatrixOp(Op):
    """What operations on matrices of floats share."""

    def matrix(self, x: Any) -> Variable:
        x = as_tensor_variable(x)
        if x.type.ndim != 2 or x.type.dtype in COMPLEX:
            raise TypeError(f"{self} takes a matrix of real numbers, got {x} of type {x.type}")
        return cast(x, "float64") if is_discrete(x.type.dtype) else x

    def computed(self, function: Callable[..., Any], *matrices: np.ndarray, square: bool = False) -> Any:
        """What the library says of arrays in C order, as its bits may follow how they lie in memory; its complaints are
        told with shapes."""
        shapes = " and ".join(str(a.shape) for a in matrices)
        if square and matrices[0].shape[0] != matrices[0].shape[1]:
            raise ShapeError(f"{self} takes a square matrix, got one of shape {matrices[0].shape}")
        try:
            return function(*[a.astype("float32" if a.dtype == "float16" else a.dtype, order="C") for a in matrices])
        except np.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(f"{self} of shape {shapes}: {error}") from None


def _as(node: Apply, *results: Any) -> tuple[np.ndarray, ...]:
    """Arrays of the dtypes that the node declares."""
    pairs = zip(results, node.outputs)
    return tuple(np.ascontiguousarray(r, dtype=v.type.dtype).reshape(np.shape(r)) for r, v in pairs)


def _matrix_type(x: Variable) -> TensorType:
    return TensorType(x.type.dtype, (False, False))


@dataclass(frozen=True)
class MatrixInverse(MatrixOp):
    """The inverse of a square matrix."""

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return _as(node, self.computed(np.linalg.inv, inputs[0], square=True))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (y,), (g,) = outputs, output_gradients
        return [-dot(y.T, dot(g, y.T))]


@dataclass(frozen=True)
class MatrixPinv(MatrixOp):
    """The pseudo-inverse of a matrix (Moore and Penrose)."""

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [TensorType(x.type.dtype, x.type.broadcastable[::-1])()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return _as(node, self.computed(np.linalg.pinv, inputs[0]))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0][::-1]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Golub and Pereyra (1973); for a matrix whose rank stays as it is near by."""
        (x,), (p,), (g,) = inputs, outputs, output_gradients
        rows, columns = shape_tuple(x)
        left = eye(rows, dtype=x.type.dtype) - dot(x, p)
        right = eye(columns, dtype=x.type.dtype) - dot(p, x)
        gx = -dot(p.T, dot(g, p.T))
        return [gx + dot(left, dot(g.T, dot(p, p.T))) + dot(p.T, dot(p, dot(g.T, right)))]


@dataclass(frozen=True)
class Det(MatrixOp):
    """The determinant of a square matrix."""

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [TensorType(x.type.dtype, ())()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.asarray(self.computed(np.linalg.det, inputs[0], square=True), dtype=node.outputs[0].type.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [()]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x,), (y,), (g,) = inputs, outputs, output_gradients
        return [g * y * MatrixInverse()(x).T]


@dataclass(frozen=True)
class Eig(MatrixOp):
    """Eigenvalues and right eigenvectors (the columns) of a square matrix; an error if they are complex."""

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [TensorType(x.type.dtype, (False,))(), _matrix_type(x)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        values, vectors = self.computed(np.linalg.eig, inputs[0], square=True)
        if np.any(values.imag):
            raise np.linalg.LinAlgError(f"{self} of shape {inputs[0].shape}: the eigenvalues {values} are not real")
        return _as(node, values.real, vectors.real)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        n = shapes[0][0]
        return [(n,), (n, n)]


@dataclass(frozen=True)
class Eigh(MatrixOp):
    """Eigenvalues, rising, and eigenvectors (the columns) of a symmetric matrix, of which one triangle is read."""

    UPLO: str = "L"

    def __post_init__(self) -> None:
        if self.UPLO not in ("L", "U"):
            raise ValueError(f"UPLO is 'L' or 'U', the triangle that is read, not {self.UPLO!r}")

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [TensorType(x.type.dtype, (False,))(), _matrix_type(x)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        triangle: Any = self.UPLO
        return _as(node, *self.computed(lambda a: np.linalg.eigh(a, triangle), inputs[0], square=True))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        n = shapes[0][0]
        return [(n,), (n, n)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Defined while the eigenvalues differ; it goes to the triangle that is read."""
        (x,), (w, v), (gw, gv) = inputs, outputs, output_gradients
        inner = diag_(gw) if not isinstance(gw.type, DisconnectedType) else x.zeros_like()
        if not isinstance(gv.type, DisconnectedType):
            apart = w.dimshuffle("x", 0) - w.dimshuffle(0, "x")
            own = eye(shape_i(x, 0), dtype=x.type.dtype)
            inner = inner + switch(eq(own, 1), 0, dot(v.T, gv) / (apart + own))
        whole = dot(v, dot(inner, v.T))
        return [tril(whole) + triu(whole, 1).T if self.UPLO == "L" else triu(whole) + tril(whole, -1).T]


@dataclass(frozen=True)
class QRFull(MatrixOp):
    """Orthonormal columns and an upper triangle whose product is the matrix."""

    mode: str = "reduced"

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [_matrix_type(x)(), _matrix_type(x)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        mode: Any = self.mode
        return _as(node, *self.computed(lambda a: np.linalg.qr(a, mode), inputs[0]))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        rows, columns = shapes[0]
        between = rows if self.mode == "complete" else minimum(rows, columns)
        return [(rows, between), (between, columns)]


@dataclass(frozen=True)
class QRIncomplete(MatrixOp):
    """The upper triangle of `QRFull` alone."""

    mode: str = "r"

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [_matrix_type(x)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return _as(node, self.computed(lambda a: np.linalg.qr(a, "r"), inputs[0]))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        rows, columns = shapes[0]
        return [(minimum(rows, columns), columns)]


@dataclass(frozen=True)
class SVD(MatrixOp):
    """The matrix as ``dot(U * s, V)``, U and V with orthonormal columns and rows, s falling; or s alone."""

    full_matrices: int = 1
    compute_uv: int = 1

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        values = TensorType(x.type.dtype, (False,))()
        return Apply(self, [x], [_matrix_type(x)(), values, _matrix_type(x)()] if self.compute_uv else [values])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        full, vectors = bool(self.full_matrices), bool(self.compute_uv)
        svd: Any = np.linalg.svd
        found = self.computed(lambda a: svd(a, full, vectors), inputs[0])
        return _as(node, *(found if vectors else [found]))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        rows, columns = shapes[0]
        fewer = minimum(rows, columns)
        if not self.compute_uv:
            return [(fewer,)]
        left, right = (rows, columns) if self.full_matrices else (fewer, fewer)
        return [(rows, left), (fewer,), (right, columns)]


@dataclass(frozen=True)
class lstsq(MatrixOp):
    """The x for which ``|dot(a, x) - b|`` is least, with residuals, rank and singular values: inputs a, b, rcond."""

    def make_node(self, x: Any, y: Any, rcond: Any = -1.0) -> Apply:
        a, b, rcond = self.matrix(x), as_tensor_variable(y), as_tensor_variable(rcond)
        if b.type.ndim not in (1, 2) or rcond.type.ndim != 0:
            raise TypeError(f"lstsq takes a matrix, a vector or matrix, and a number, got {b.type} and {rcond.type}")
        values = TensorType(a.type.dtype, (False,))
        solution = TensorType(a.type.dtype, (False,) * b.type.ndim)
        return Apply(self, [a, b, rcond], [solution(), values(), TensorType("int32", ())(), values()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        a, b, rcond = inputs
        dtype = node.outputs[0].type.dtype
        if a.shape[0] != b.shape[0]:
            raise ShapeError(f"lstsq: {a.shape[0]} equations and {b.shape[0]} right-hand sides: {a.shape}, {b.shape}")
        found = self.computed(lambda a, b: np.linalg.lstsq(a, b, rcond=float(rcond)), a, b.astype(dtype, copy=False))
        solution, residuals, rank, values = found
        return (*_as(node, solution, np.atleast_1d(residuals)), np.asarray(rank, "int32"), values.astype(dtype))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        """How many residuals there are depends on the rank."""
        (rows, columns), b, _ = shapes
        return [(columns, *b[1:]), (shape_i(node.outputs[1], 0),), (), (minimum(rows, columns),)]


matrix_inverse = MatrixInverse()
pinv = MatrixPinv()
det = Det()
eig = Eig()


def inv(a: Any) -> Any:
    """The inverse of a square matrix."""
    return matrix_inverse(a)


def eigh(a: Any, UPLO: str = "L") -> Any:
    """[eigenvalues, eigenvectors] of a symmetric matrix, of which the triangle `UPLO` is read."""
    return Eigh(UPLO)(a)


def qr(a: Any, mode: str = "reduced") -> Any:
    """[Q, R], orthonormal columns and an upper triangle whose product is `a`; with mode 'r' R alone.

    'reduced': as many columns as `a` has rows or columns, whichever are fewer; 'complete': Q is square.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"the mode of qr is 'reduced', 'complete' or 'r', not {mode!r}")
    return QRIncomplete(mode)(a) if mode == "r" else QRFull(mode)(a)


def svd(a: Any, full_matrices: int = 1, compute_uv: int = 1) -> Any:
    """[U, s, V], where ``a == dot(U * s, V)`` if not `full_matrices`; or s, the singular values, alone."""
    return SVD(int(full_matrices), int(compute_uv))(a)


def trace(X: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    return sum_(extract_diag(X))


def diag(x: Any) -> Any:
    """The diagonal of a matrix, or the matrix with this vector as its diagonal."""
    return diag_(x)


def alloc_diag(x: Any) -> Any:
    """The matrix with this vector as its diagonal."""
    x = as_tensor_variable(x)
    if x.type.ndim != 1:
        raise TypeError(f"alloc_diag takes a vector, got {x} of type {x.type}")
    return diag_(x)


def extract_diag(x: Any) -> Any:
    """The diagonal of a matrix."""
    x = as_tensor_variable(x)
    if x.type.ndim != 2:
        raise TypeError(f"extract_diag takes a matrix, got {x} of type {x.type}")
    return diagonal(x)


def matrix_dot(*args: Any) -> Any:
    """The product of matrices, from the first to the last."""
    return reduce(dot, args)


def matrix_power(M: Any, n: int) -> Any:
    """The product of `n` times M; of its inverse if `n` is negative."""
    M = as_tensor_variable(M)
    if not isinstance(n, int | np.integer) or M.type.ndim != 2:
        raise TypeError(f"matrix_power takes a matrix and an integer, got {M} of type {M.type} and {n!r}")
    if n == 0:
        return eye(shape_i(M, 0), dtype=M.type.dtype)
    return matrix_dot(*[matrix_inverse(M) if n < 0 else M] * abs(int(n)))


def norm(x: Any, ord: Any = None) -> Any:
    """The norm of a vector (any number, inf, -inf; 2 if not given) or of a matrix ('fro', inf, -inf, 1, -1)."""
    x = as_tensor_variable(x)
    if x.type.ndim not in (1, 2):
        raise ValueError(f"norm takes a vector or a matrix, got {x} of type {x.type}")
    if ord in ("inf", "-inf"):
        ord = float(ord)
    size = abs_(x)
    extremes = {np.inf: max_, -np.inf: min_}
    if x.type.ndim == 1:
        if ord in extremes:
            return extremes[ord](size)
        if ord == 0:
            return sum_(neq(x, 0))
        return sqrt(sum_(x**2)) if ord in (None, 2) else sum_(size**ord) ** (1.0 / ord)
    if ord in (None, "fro"):
        return sqrt(sum_(size**2))
    if ord in (1, -1, *extremes):
        return extremes[np.inf * ord](sum_(size, axis=0 if abs(ord) == 1 else 1))
    raise NotImplementedError(f"norm of a matrix with ord={ord!r}: there are 'fro', inf, -inf, 1 and -1")


def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse for `tensordot`: the first `ind` dimensions of `a` are the rows of a square matrix."""
    a = as_tensor_variable(a)
    if not 0 < ind < a.type.ndim:
        raise ValueError(f"tensorinv: {a} has {a.type.ndim} dimensions, and ind={ind} leaves none on one side")
    lengths = shape_tuple(a)
    flat = reshape(a, [_joint(lengths[:ind]), _joint(lengths[ind:])])
    return reshape(matrix_inverse(flat), as_shape_vector([*lengths[ind:], *lengths[:ind]]), ndim=a.type.ndim)


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x for which ``tensordot(a, x, x.ndim) == b``; the dimensions `axes` of `a` are moved to its end first."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if axes is not None:
        a = transpose(a, [*(k for k in range(a.type.ndim) if k not in axes), *axes])
    lengths = shape_tuple(a)[b.type.ndim :]
    from reference.tensor.slinalg import solve

    flat = reshape(a, [_joint(shape_tuple(b)), _joint(lengths)])
    return reshape(solve(flat, flatten(b)), as_shape_vector(lengths), ndim=len(lengths))


def _joint(lengths: Sequence[Variable]) -> Variable:
    return lengths[0] if len(lengths) == 1 else mul(ONE, *lengths)
