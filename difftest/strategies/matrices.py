"""Steps of linear algebra, on matrices that are far from singular.

Owns such matrices: their values decide whether there is a result, so nothing may change them.
"""

from __future__ import annotations

import numpy as np

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, call, step

FLOATS = ("float64", "float32", "float64", "float16")
WORST = 50.0
"""The condition number of the worst matrix that is taken."""


def _regular(e: Entry) -> bool:
    if e.ndim != 2 or e.shape[0] != e.shape[1] or not 0 < e.size <= 16 or not is_float(e.dtype) or e.opaque:
        return False
    wide = e.value.astype("float64")
    return bool(np.all(np.isfinite(wide)) and np.abs(wide).max() < 16 and np.linalg.cond(wide) < WORST)


def _square(draw: Draw, pool: Pool, x: Entry, n: int = 0, dtype: str = "") -> Entry:
    """A regular matrix: `x`, if it is one, else small numbers beside a larger diagonal."""
    if not n and _regular(x) and x.dtype != "float16":
        return pool.pin(x)
    n = n or draw.choose((2, 3, 1))
    values = np.reshape(draw.integers(-4, 4, n * n), (n, n)) / 4 + (n + 1) * np.eye(n)
    return pool.fixed(values, dtype or draw.choose(FLOATS))


def _definite(draw: Draw, pool: Pool) -> Entry:
    """A symmetric, positive definite matrix with eigenvalues apart."""
    n = draw.choose((2, 3, 1))
    small = np.tril(np.reshape(draw.integers(-2, 2, n * n), (n, n)), -1) / 4
    return pool.fixed(small + small.T + np.diag(2 + 3.0 * np.arange(n)), draw.choose(FLOATS[:3]))


def _beside(draw: Draw, pool: Pool, x: Entry, shape: tuple[int, ...]) -> Entry:
    values = np.reshape(draw.integers(-8, 8, int(np.prod(shape))), shape) / 4
    return pool.fixed(values, x.dtype)


def _unary(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_square(draw, pool, x).name,), {}


for _name in ("matrix_inverse", "det"):
    step("matrices", f"T.nlinalg.{_name}({{0}})", takes=None, name=_name)(_unary)
step("matrices", "T.slinalg.expm({0})", takes=None, name="expm")(_unary)


@step("matrices", "T.nlinalg.pinv({0})", takes=None)
def pinv(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    tall = np.vstack([2 * np.eye(2), np.reshape(draw.integers(-2, 2, 2), (1, 2)) / 4])
    values = draw.choose((tall, tall.T, 3 * np.eye(2)))
    return (pool.fixed(values, draw.choose(FLOATS[:3])).name,), {}


@step("matrices", call("T.nlinalg.matrix_power"), takes=None)
def matrix_power(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_square(draw, pool, x, dtype=draw.choose(FLOATS[:3])).name,), {"n": draw.choose((2, 3, 1, 0, -1, -2))}


@step("matrices", "T.nlinalg.matrix_dot({0}, {1}, {2})", takes=None)
def matrix_dot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    first = _square(draw, pool, x, 2)
    return (first.name, _beside(draw, pool, first, (2, 3)).name, _beside(draw, pool, first, (3, 1)).name), {}


@step("matrices", lambda A, b, which: f"T.slinalg.{which}({A}, {b})", takes=None)
def solve(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    A = _square(draw, pool, x)
    which = draw.choose(("solve", "solve_lower_triangular", "solve_upper_triangular"))
    if which != "solve" and np.abs(np.diag(A.value.astype("float64"))).min() < 0.5:
        A = _square(draw, pool, x, 2)
    n = A.shape[0]
    return (A.name, _beside(draw, pool, A, draw.choose(((n,), (n, 2)))).name), {"which": which}


@step("matrices", "T.nlinalg.tensorinv({0})", takes=None)
def tensorinv(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_tensor(draw, pool).name,), {}


@step("matrices", "T.nlinalg.tensorsolve({0}, {1})", takes=None)
def tensorsolve(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    a = _tensor(draw, pool)
    return (a.name, _beside(draw, pool, a, a.shape[:2]).name), {}


def _tensor(draw: Draw, pool: Pool) -> Entry:
    matrix = np.reshape(draw.integers(-2, 2, 16), (4, 4)) / 4 + 4 * np.eye(4)
    return pool.fixed(matrix.reshape(draw.choose(((2, 2, 2, 2), (4, 1, 2, 2)))), draw.choose(FLOATS[:3]))


@step("matrices", call("T.slinalg.cholesky"), takes=None)
def cholesky(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_definite(draw, pool).name,), {"lower": draw.flag()}


@step("matrices", "T.slinalg.kron({0}, {1})", takes=lambda e: e.kind in "iuf" and e.ndim == 2 and 0 < e.size <= 8)
def kron(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, pool.source(x.dtype, draw.choose(((2, 2), (1, 3), (2,)))).name), {}


@step("matrices", call("T.nlinalg.norm"), takes=None)
def matrix_norm(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, lambda e: is_float(e.dtype) and e.ndim == 2 and min(e.shape) > 0, draw.choose(FLOATS), (2, 3))
    return (x.name,), {"ord": draw.choose((None, "fro", 1, -1))}


@step("matrices", lambda x, which: f"T.nlinalg.{which}({x})", takes=None)
def matrix_diagonal(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, lambda e: e.kind in "if" and e.ndim == 2, draw.choose(FLOATS), (2, 3))
    return (x.name,), {"which": draw.choose(("trace", "diag", "extract_diag"))}


@step("matrices", call("T.nlinalg.eigh"), takes=None)
def eigh(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_definite(draw, pool).name,), {"UPLO": draw.choose(("L", "U"))}


@step("matrices", "T.nlinalg.eig({0})", takes=None, smooth=False, rough=(0,))
def eig(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (_definite(draw, pool).name,), {}


@step("matrices", "T.slinalg.eigvalsh({0}, {1})", takes=None)
def eigvalsh(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    a = _definite(draw, pool)
    return (a.name, pool.fixed(np.diag(1 + np.arange(len(a.value)) / 2), a.dtype).name), {}


@step("matrices", call("T.nlinalg.qr"), takes=None, smooth=False, rough=(0,))
def qr(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    matrix = _square(draw, pool, x, dtype=draw.choose(FLOATS[:3]))
    return (matrix.name,), {"mode": draw.choose(("reduced", "r", "complete"))}


@step("matrices", call("T.nlinalg.svd"), takes=None, smooth=False, rough=(0,))
def svd(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    values = np.reshape(draw.integers(-4, 4, 6), (2, 3)) / 4 + np.eye(2, 3) * 3
    return (pool.fixed(draw.choose((values, values.T)), draw.choose(FLOATS[:3])).name,), {
        "full_matrices": draw.integer(0, 1), "compute_uv": draw.integer(0, 1),
    }  # fmt: skip


@step("matrices", "T.nlinalg.lstsq()({0}, {1}, -1.0)", takes=None, smooth=False, rough=(0, 1))
def lstsq(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    a = pool.fixed(np.vstack([2 * np.eye(2), np.reshape(draw.integers(-2, 2, 2), (1, 2)) / 4]), draw.choose(FLOATS[:3]))
    return (a.name, _beside(draw, pool, a, (3,)).name), {}


def _transformed(e: Entry) -> bool:
    return is_float(e.dtype) and 2 <= e.ndim <= 3 and min(e.shape[1:]) > 0 and e.size <= 32


@step("matrices", call("T.fft.rfft"), takes=None)
def rfft(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, _transformed, draw.choose(FLOATS[:3]), draw.choose(((1, 4), (2, 5), (1, 3, 4), (1, 1))))
    return (x.name,), {"norm": draw.choose((None, "ortho", "no_norm"))}


@step("matrices", call("T.fft.irfft"), takes=None)
def irfft(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Of what is the transform of no real tensor, too."""
    shape = draw.choose(((1, 3, 2), (2, 2, 2), (1, 3, 2, 2)))
    x = pool.source(draw.choose(FLOATS[:3]), shape)
    return (x.name,), {"norm": draw.choose((None, "ortho", "no_norm")), "is_odd": draw.flag()}
