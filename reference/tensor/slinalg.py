"""Linear algebra of structured matrices, ``T.slinalg``: Cholesky, solvers, generalized eigenvalues, exponentials.

Owns the operations; NumPy computes all but the exponential, which needs SciPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Variable
from reference.graph.dtypes import upcast
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import tril, triu
from reference.tensor.diagonal import diag, diagonal
from reference.tensor.joining import concatenate
from reference.tensor.linalg import dot, outer
from reference.tensor.nlinalg import MatrixOp, eigh
from reference.tensor.shape import reshape, shape_i

__all__ = [
    "Cholesky", "Expm", "Solve", "cholesky", "eigvalsh", "expm", "kron", "solve", "solve_lower_triangular",
    "solve_symmetric", "solve_upper_triangular",
]  # fmt: skip

STRUCTURES = ("general", "symmetric", "lower_triangular", "upper_triangular")


@dataclass(frozen=True)
class Cholesky(MatrixOp):
    """The lower triangle L with ``dot(L, L.T) == x``, of a positive definite matrix of which the same triangle is read;
    or the upper one U, with ``dot(U.T, U) == x``. `on_error='nan'`: NaN everywhere instead of an error."""

    lower: bool = True
    destructive: bool = False
    on_error: str = "raise"

    def __post_init__(self) -> None:
        if self.on_error not in ("raise", "nan"):
            raise ValueError(f"on_error is 'raise' or 'nan', not {self.on_error!r}")

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        try:
            found = self.computed(np.linalg.cholesky, x if self.lower else x.T, square=True)
        except np.linalg.LinAlgError:
            if self.on_error == "raise":
                raise
            found = np.full(x.shape, np.nan)
        return (np.ascontiguousarray(found if self.lower else found.T, dtype=x.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Murray (2016); it goes to the triangle that is read."""
        (factor,), (g,) = outputs, output_gradients
        lower, g = (factor, g) if self.lower else (factor.T, g.T)
        middle = _halved(dot(lower.T, g))
        half = solve_upper_triangular(lower.T, middle)
        whole = solve_upper_triangular(lower.T, half.T)
        gx = tril(whole + whole.T) - diag(diagonal(whole))
        return [gx if self.lower else gx.T]


def _halved(x: Variable) -> Variable:
    """The lower triangle, with half of the diagonal."""
    return tril(x) - diag(diagonal(x) / np.asarray(2, x.type.dtype))


@dataclass(frozen=True)
class Solve(MatrixOp):
    """The x with ``dot(A, x) == b``, for a vector or a matrix b: inputs A, b.

    Of a triangular A only that triangle is read.
    """

    A_structure: str = "general"
    lower: bool = False
    overwrite_A: bool = False
    overwrite_b: bool = False

    def __post_init__(self) -> None:
        if self.A_structure not in STRUCTURES:
            raise ValueError(f"A_structure is one of {STRUCTURES}, not {self.A_structure!r}")

    def make_node(self, A: Any, b: Any) -> Apply:
        A, b = self.matrix(A), as_tensor_variable(b)
        if b.type.ndim not in (1, 2):
            raise TypeError(f"{self} takes a vector or a matrix on the right, got {b} of type {b.type}")
        dtype = upcast(A.type.dtype, b.type.dtype)
        return Apply(self, [A, b], [TensorType(dtype, (A.type.broadcastable[1], *b.type.broadcastable[1:]))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        A, b = inputs
        dtype = node.outputs[0].type.dtype
        if A.shape[0] != b.shape[0]:
            raise ShapeError(f"{self}: a matrix of shape {A.shape} and a right-hand side of shape {b.shape}")
        A, b = self._read(A).astype(dtype), b.astype(dtype)
        found = self.computed(np.linalg.solve, A, b[:, None] if b.ndim == 1 else b, square=True)
        return (np.ascontiguousarray(found, dtype=dtype).reshape(A.shape[1], *b.shape[1:]),)

    def _read(self, A: np.ndarray) -> np.ndarray:
        triangle = {"lower_triangular": np.tril, "upper_triangular": np.triu}.get(self.A_structure)
        return A if triangle is None else triangle(A)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        A, b = shapes
        return [(A[1], *b[1:])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (A, b), (x,), (g,) = inputs, outputs, output_gradients
        turned = {"lower_triangular": "upper_triangular", "upper_triangular": "lower_triangular"}
        structure = turned.get(self.A_structure, self.A_structure)
        gb = Solve(structure, structure == "lower_triangular")(A.T, g)
        gA = -(outer(gb, x) if b.type.ndim == 1 else dot(gb, x.T))
        triangle = {"lower_triangular": tril, "upper_triangular": triu}.get(self.A_structure)
        return [gA if triangle is None else triangle(gA), gb]


@dataclass(frozen=True)
class Expm(MatrixOp):
    """The exponential of a square matrix."""

    def make_node(self, x: Any) -> Apply:
        x = self.matrix(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            from scipy.linalg import expm as function
        except ImportError:
            raise ImportError(
                "expm is computed by SciPy, which is missing: pip install 'theano-reference[scipy]'"
            ) from None
        return (np.ascontiguousarray(self.computed(function, inputs[0], square=True), dtype=inputs[0].dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """A corner of the exponential of a matrix of twice the size (Najfeld and Havel, 1995)."""
        (x,), (g,) = inputs, output_gradients
        n = shape_i(x, 0)
        rows = concatenate([x.T, g], axis=1), concatenate([x.zeros_like(), x.T], axis=1)
        return [Expm()(concatenate(rows, axis=0))[:n, n:]]


def cholesky(x: Any, lower: bool = True, on_error: str = "raise") -> Any:
    """The triangular factor of a positive definite matrix: ``dot(L, L.T) == x``, or ``dot(U.T, U) == x``."""
    return Cholesky(bool(lower), False, on_error)(x)


def solve(A: Any, b: Any, A_structure: str = "general", lower: bool = False) -> Any:
    """The x with ``dot(A, x) == b``."""
    return Solve(A_structure, lower)(A, b)


def solve_symmetric(A: Any, b: Any) -> Any:
    """`solve` for a symmetric A."""
    return Solve("symmetric")(A, b)


def solve_lower_triangular(A: Any, b: Any) -> Any:
    """`solve` for the lower triangle of A."""
    return Solve("lower_triangular", True)(A, b)


def solve_upper_triangular(A: Any, b: Any) -> Any:
    """`solve` for the upper triangle of A."""
    return Solve("upper_triangular", False)(A, b)


def expm(a: Any) -> Any:
    """The exponential of a square matrix. Needs SciPy."""
    return Expm()(a)


def eigvalsh(a: Any, b: Any = None, lower: bool = True) -> Any:
    """The w, rising, for which ``dot(a, v) == w * dot(b, v)`` has a solution: `a` symmetric, `b` positive definite (the
    identity if not given), of both of which one triangle is read."""
    a = as_tensor_variable(a)
    UPLO = "L" if lower else "U"
    if b is None or getattr(getattr(b, "type", None), "ndim", 2) == 0:
        return eigh(a, UPLO)[0]
    triangle = tril(a) + tril(a, -1).T if lower else triu(a) + triu(a, 1).T
    factor = cholesky(b, lower)
    factor = factor if lower else factor.T
    half = solve_lower_triangular(factor, triangle)
    return eigh(solve_lower_triangular(factor, half.T), UPLO)[0]


def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: each element of `a` times all of `b`, side by side."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if a.type.ndim + b.type.ndim <= 2:
        raise TypeError(f"kron takes operands of 3 dimensions in all at least, got {a.type} and {b.type}; use outer")
    rank = max(a.type.ndim, b.type.ndim)
    a, b = (v.dimshuffle(*["x"] * (rank - v.type.ndim), *range(v.type.ndim)) for v in (a, b))
    spread = [k // 2 if k % 2 == 0 else "x" for k in range(2 * rank)]
    product = a.dimshuffle(*spread) * b.dimshuffle(*["x" if k % 2 == 0 else k // 2 for k in range(2 * rank)])
    return reshape(product, [shape_i(a, k) * shape_i(b, k) for k in range(rank)])
