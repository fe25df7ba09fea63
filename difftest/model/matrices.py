"""Linear algebra of small matrices, from the definitions: Leibniz, Cramer, and sums of powers.

What is unique only up to signs has a dtype and a shape. It must not look at the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np

from difftest.model.base import Value, common, line, shape_line


def _exact(x: Value) -> Value:
    return x.astype(np.longdouble)


def _float(x: Value) -> np.dtype:
    return x.dtype if x.dtype.kind == "f" else np.dtype("float64")


def _det(x: Value) -> np.longdouble:
    """The sum over all permutations."""
    n = len(x)
    total = np.longdouble(0)
    for order in permutations(range(n)):
        inversions = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        total += (-1) ** inversions * math.prod((x[i, order[i]] for i in range(n)), start=np.longdouble(1))
    return total


def _inverse(x: Value) -> Value:
    """The transposed cofactors over the determinant."""
    n = len(x)
    cofactors = np.zeros((n, n), np.longdouble)
    for i, j in np.ndindex(n, n):
        cofactors[j, i] = (-1) ** (i + j) * _det(np.delete(np.delete(x, i, 0), j, 1))
    return cofactors / _det(x)


@line
def matrix_inverse(x: Value) -> Value:
    return _inverse(_exact(x)).astype(_float(x))


@line
def pinv(x: Value) -> Value:
    """Of independent rows or columns."""
    wide = _exact(x)
    if x.shape[0] >= x.shape[1]:
        return (_inverse(wide.T @ wide) @ wide.T).astype(_float(x))
    return (wide.T @ _inverse(wide @ wide.T)).astype(_float(x))


@line
def det(x: Value) -> Value:
    return np.asarray(_det(_exact(x)), _float(x))


@line
def matrix_power(x: Value, n: int) -> Value:
    factor, dtype = (_inverse(_exact(x)), _float(x)) if n < 0 else (_exact(x), x.dtype)
    total = np.eye(len(x), dtype=np.longdouble)
    for _ in range(abs(n)):
        total = total @ factor
    return total.astype(dtype)


@line
def matrix_dot(x: Value, y: Value, z: Value) -> Value:
    return (_exact(x) @ _exact(y) @ _exact(z)).astype(common(x, y, z))


@line
def solve(A: Value, b: Value, which: str) -> Value:
    wide = {"solve_lower_triangular": np.tril, "solve_upper_triangular": np.triu}.get(which, np.asarray)(_exact(A))
    return (_inverse(wide) @ _exact(b)).astype(common(A, b))


@line
def tensorinv(x: Value) -> Value:
    n = x.shape[0] * x.shape[1]
    return matrix_inverse(x.reshape(n, n)).reshape(*x.shape[2:], *x.shape[:2])


@line
def tensorsolve(x: Value, b: Value) -> Value:
    flat = _inverse(_exact(x.reshape(b.size, b.size))) @ _exact(b.ravel())
    return flat.astype(common(x, b)).reshape(x.shape[b.ndim :])


@line
def cholesky(x: Value, lower: bool) -> Value:
    """Row by row: what is left of each element after the columns before it."""
    a = _exact(x if lower else x.T)
    L = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            left = a[i, j] - np.dot(L[i, :j], L[j, :j])
            L[i, j] = np.sqrt(left) if i == j else left / L[j, j]
    return (L if lower else L.T).astype(_float(x))


@line
def expm(x: Value) -> Value:
    """The power series."""
    wide = _exact(x)
    term = total = np.eye(len(x), dtype=np.longdouble)
    for k in range(1, 120):
        term = term @ wide / k
        total = total + term
    return total.astype(_float(x))


@line
def kron(x: Value, y: Value) -> Value:
    return np.kron(x.astype(common(x, y)), y.astype(common(x, y)))


@line
def matrix_norm(x: Value, ord: str | float | None) -> Value:
    """Over the size of elements."""
    size = np.abs(_exact(x))
    if ord in (None, "fro"):
        return np.sqrt((size**2).sum()).astype(_float(x))
    sums = size.sum(axis=0 if abs(float(ord)) == 1 else 1)  # type: ignore[arg-type]
    return np.asarray(sums.max() if float(ord) > 0 else sums.min()).astype(x.dtype)  # type: ignore[arg-type]


@line
def matrix_diagonal(x: Value, which: str) -> Value:
    if which == "trace":
        return np.asarray(np.diag(x).sum(dtype="int64" if x.dtype.kind in "i" else None)).astype(
            "int64" if x.dtype.kind == "i" else x.dtype
        )
    return np.diag(x)


@shape_line
def eigh(x: Value, UPLO: str) -> tuple[Value, Value]:
    return np.zeros(len(x), _float(x)), np.zeros(x.shape, _float(x))


@shape_line
def eig(x: Value) -> tuple[Value, Value]:
    return np.zeros(len(x), _float(x)), np.zeros(x.shape, _float(x))


@shape_line
def eigvalsh(x: Value, y: Value) -> Value:
    return np.zeros(len(x), common(x, y))


@shape_line
def qr(x: Value, mode: str) -> Value | tuple[Value, ...]:
    rows, columns = x.shape
    between = rows if mode == "complete" else min(x.shape)
    r = np.zeros((between, columns), _float(x))
    return r if mode == "r" else (np.zeros((rows, between), _float(x)), r)


@shape_line
def svd(x: Value, full_matrices: int, compute_uv: int) -> Value | tuple[Value, ...]:
    rows, columns = x.shape
    fewer = min(x.shape)
    values = np.zeros(fewer, _float(x))
    left, right = (rows, columns) if full_matrices else (fewer, fewer)
    found: Sequence[Value] = (np.zeros((rows, left), values.dtype), values, np.zeros((right, columns), values.dtype))
    return tuple(found) if compute_uv else values


@shape_line
def lstsq(x: Value, y: Value) -> tuple[Value, ...]:
    rows, columns = x.shape
    return (
        np.zeros(columns, x.dtype), np.zeros(int(rows > columns), x.dtype), np.zeros((), "int32"),
        np.zeros(min(x.shape), x.dtype),
    )  # fmt: skip


def _waves(n: int, kept: int, sign: int) -> Value:
    """The powers of a root of unity: (n, kept)."""
    turns = np.outer(np.arange(n), np.arange(kept)).astype(np.longdouble) / max(n, 1)
    return np.exp(sign * 2j * np.longdouble(np.pi) * turns)


@line
def rfft(x: Value, norm: str | None) -> Value:
    """A sum of waves along every dimension but the first."""
    found = _exact(x).astype(np.clongdouble)
    for axis in range(1, x.ndim):
        kept = x.shape[axis] // 2 + 1 if axis == x.ndim - 1 else x.shape[axis]
        found = np.moveaxis(np.tensordot(found, _waves(x.shape[axis], kept, -1), (axis, 0)), -1, axis)
    count = math.prod(x.shape[1:])
    found = found / (np.sqrt(np.longdouble(count)) if norm == "ortho" else 1)
    return np.stack([found.real, found.imag], axis=-1).astype(x.dtype)


@line
def irfft(x: Value, norm: str | None, is_odd: bool) -> Value:
    """The real part of a sum of waves; what is left out are the conjugates of what is there."""
    found = _exact(x)[..., 0] + 1j * _exact(x)[..., 1]
    for axis in range(1, found.ndim - 1):
        found = np.moveaxis(np.tensordot(found, _waves(found.shape[axis], found.shape[axis], 1), (axis, 0)), -1, axis)
    kept = found.shape[-1]
    n = 2 * (kept - 1) + is_odd
    weights = np.array([1 if k == 0 or 2 * k == n else 2 for k in range(kept)])
    real = ((found * weights) @ _waves(n, kept, 1).T).real
    count = math.prod((*found.shape[1:-1], n))
    divisor = {None: np.longdouble(count), "ortho": np.sqrt(np.longdouble(count))}.get(norm, np.longdouble(1))
    return (real / divisor).astype(x.dtype)
