"""How errors pass through linear algebra.

Owns a rule for what is one solution of linear equations (inverses, solvers, determinants) or a Cholesky factor: what
LAPACK computes is the exact answer for a matrix near by, how near, backward error analysis says (Higham, 2002), and
how far the answer moves, the inverse. Nothing is said of decompositions that are unique only up to signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.oracle import rules
from difftest.oracle.bounds import FLOATS, Bound, Walk, rule
from difftest.oracle.wide import INF, WIDE, gamma, largest, rounds_finer

Bounds = Sequence[Bound]


def inverse(a: np.ndarray) -> np.ndarray | None:
    """By elimination in the widest float, rows exchanged for the largest pivot; None if there is none."""
    n = len(a)
    both = np.hstack([a, np.eye(n, dtype=WIDE)])
    for k in range(n):
        pivot = k + int(np.abs(both[k:, k]).argmax())
        if both[pivot, k] == 0 or not np.isfinite(both[pivot, k]):
            return None
        both[[k, pivot]] = both[[pivot, k]]
        both[k] /= both[k, k]
        for i in range(n):
            if i != k:
                both[i] -= both[i, k] * both[k]
    return both[:, n:]


def _moves(a: Bound, dtype: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(the inverse, by how much the answer may move, relative to itself): the matrix is known up to its own error, and
    elimination with the largest growth there is."""
    if a.y is None or a.y.ndim != 2 or a.y.shape[0] != a.y.shape[1] or dtype not in FLOATS:
        return None
    found = inverse(a.y)
    if found is None or not np.all(np.isfinite(a.e)):
        return None
    n = len(a.y)
    work = "float32" if dtype == "float16" else dtype
    near = gamma(6 * n, work) * n * 2.0 ** (n - 1) * np.abs(a.y).max(initial=0)
    return found, np.abs(found) @ (a.e + near)


def _grown(moved: np.ndarray) -> Any:
    """1 / (1 - size): what the first order leaves out; infinite where the matrix may be singular."""
    size = moved.sum(axis=1).max(initial=0)
    return 1 / (1 - size) if size < 0.5 else INF


@rule("MatrixInverse")
def inverted(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (a,) = inputs
    dtype = node.outputs[0].type.dtype
    known = _moves(a, dtype)
    if known is None:
        return None
    found, moved = known
    work = "float32" if dtype == "float16" else dtype
    return [rules.as_dtype(Bound(found, _grown(moved) * (moved @ np.abs(found)), work), dtype)]


@rule("Det")
def determined(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (a,) = inputs
    dtype = node.outputs[0].type.dtype
    known = _moves(a, dtype)
    if known is None:
        return None
    size = known[1].sum(axis=1).max(initial=0)
    n = len(a.y)
    value = _determinant(a.y)
    work = "float32" if dtype == "float16" else dtype
    error = np.abs(value) * ((1 + size) ** n * (1 + gamma(2 * n, work)) - 1) if size < 0.5 else INF
    return [rules.as_dtype(Bound(np.asarray(value), np.asarray(error, WIDE), work), dtype)]


def _determinant(a: np.ndarray) -> Any:
    """By elimination without divisions by zero."""
    left, value = a.copy(), WIDE(1)
    for k in range(len(a)):
        pivot = k + int(np.abs(left[k:, k]).argmax())
        value *= left[pivot, k] * (1 if pivot == k else -1)
        if left[pivot, k] == 0:
            return WIDE(0)
        left[[k, pivot]] = left[[pivot, k]]
        left[k + 1 :] -= left[k + 1 :, k : k + 1] / left[k, k] * left[k]
    return value


@rule("Solve")
def solved(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    a, b = inputs
    dtype = node.outputs[0].type.dtype
    triangle = {"lower_triangular": np.tril, "upper_triangular": np.triu}.get(node.op.A_structure, np.asarray)
    if a.y is None or b.y is None:
        return None
    known = _moves(Bound(triangle(a.y), triangle(a.e), dtype), dtype)
    if known is None:
        return None
    found, moved = known
    right = rules.as_dtype(b, dtype)
    x = found @ right.y
    error = _grown(moved) * (moved @ np.abs(x) + np.abs(found) @ right.e)
    work = "float32" if dtype == "float16" else dtype
    return [rules.as_dtype(Bound(x, error, work), dtype)]


@rule("Cholesky")
def factored(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """The factor L moves by L times the lower part of inv(L) (the matrix's move) inv(L).T."""
    (x,) = inputs
    dtype = node.outputs[0].type.dtype
    if x.y is None or x.y.shape[0] != x.y.shape[1] or dtype not in FLOATS:
        return None
    lower = node.op.lower
    y, e = (np.tril(v if lower else v.T) for v in (x.y, x.e))
    whole, doubt = (v + np.tril(v, -1).T for v in (y, e))
    factor = _cholesky(whole)
    back = None if factor is None else inverse(factor)
    if factor is None or back is None:
        return None
    work = "float32" if dtype == "float16" else dtype
    near = gamma(2 * len(y) + 4, work) * (np.abs(factor) @ np.abs(factor).T)
    moved = np.abs(back) @ (doubt + near) @ np.abs(back).T
    size = moved.sum(axis=1).max(initial=0)
    error = np.tril(np.abs(factor) @ np.tril(moved)) * (2 if size < 0.25 else INF)
    error = np.where(np.tri(len(y), dtype=bool), error, 0)
    y, e = (factor, error) if lower else (factor.T, error.T)
    return [rules.as_dtype(Bound(y, e, work), dtype)]


def _cholesky(a: np.ndarray) -> np.ndarray | None:
    factor = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            left = a[i, j] - factor[i, :j] @ factor[j, :j]
            if i == j and not left > 0:
                return None
            factor[i, j] = np.sqrt(left) if i == j else left / factor[j, j]
    return factor


@rule("MatrixPinv", "Eig", "Eigh", "QRFull", "QRIncomplete", "SVD", "lstsq", "Expm")
def not_said(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Nothing is known but the shape."""
    return None


@rule("RFFTOp", "IRFFTOp")
def transformed(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Sums of all elements, each times a number of size 1, or 2 for what stands for two: the operation on the numbers
    of the widest float that it knows, and an error of all of them together, in any order of addition."""
    a, s = inputs
    if a.y is None or not s.exact:
        return None
    whole = node.op.perform(node, a.y.astype("float64"), s.raw)[0]
    axes = tuple(range(1, a.y.ndim))
    size, doubt = (2 * v.sum(axis=axes) for v in (np.abs(a.y) + a.e, a.e + np.abs(a.y - a.y.astype("float64"))))
    terms = 8 * (int(np.prod(s.raw)) + 8)
    work = "float64" if rounds_finer() else a.dtype
    error = doubt + gamma(terms, work) * size + gamma(terms, "float64") * size
    error = np.where(size > largest(a.dtype), INF, error)
    spread = error.reshape(-1, *(1,) * (whole.ndim - 1))
    return [Bound(whole.astype(WIDE), np.broadcast_to(spread, whole.shape).astype(WIDE), a.dtype)]
