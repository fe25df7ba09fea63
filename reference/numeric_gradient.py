"""Gradients by differences, to hold symbolic ones against.

Owns `numeric_grad` and `verify_grad`. It must not know how a symbolic gradient is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.graph.core import Variable
from reference.graph.errors import GradientError
from reference.graph.types import TensorType


def numeric_grad(f: Callable[..., Any], pt: Sequence[np.ndarray], eps: float | None = None) -> list[np.ndarray]:
    """Central differences of a scalar function of arrays, one array of derivatives an argument."""
    points = [np.array(p, dtype="float64") for p in pt]
    step = 1e-6 if eps is None else eps
    result = []
    for k, p in enumerate(points):
        g = np.zeros_like(p)
        for index in np.ndindex(p.shape):
            shifted = []
            for sign in (1, -1):
                moved = [q.copy() for q in points]
                moved[k][index] += sign * step
                shifted.append(float(f(*[m.astype(o.dtype) for m, o in zip(moved, map(np.asarray, pt))])))
            g[index] = (shifted[0] - shifted[1]) / (2 * step)
        result.append(g)
    return result


def verify_grad(
    fun: Callable[..., Variable],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: np.random.RandomState | None = None,
    eps: float | None = None,
    out_type: str | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
    no_debug_ref: bool = True,
) -> None:
    """Compare the symbolic gradient of a random projection of `fun` at `pt` with central differences.

    The projection is float64 unless `cast_to_output_type`; what has length 1 at `pt` is broadcastable, as in constants.
    Raises AssertionError with both gradients where they differ by more than `abs_tol` and `rel_tol`.
    """
    from reference.compile.function import function
    from reference.compile.shared import shared
    from reference.gradient import grad

    rng = np.random.RandomState(1234) if rng is None else rng
    arrays = [np.asarray(p) for p in pt]
    narrow = any(a.dtype in (np.float32, np.float16) for a in arrays)
    abs_tol = (1e-2 if narrow else 1e-4) if abs_tol is None else abs_tol
    rel_tol = (1e-2 if narrow else 1e-4) if rel_tol is None else rel_tol
    eps = (1e-3 if narrow else 1e-6) if eps is None else eps
    patterns = [tuple(n == 1 for n in a.shape) for a in arrays]
    variables = [TensorType(a.dtype.name, p)(f"input {k}") for k, (a, p) in enumerate(zip(arrays, patterns))]
    output = fun(*variables)
    shape = function(variables, output.shape, mode=mode, on_unused_input="ignore")(*arrays)  # type: ignore[attr-defined]
    # Sums of float64 numbers, so that differences are not those of a rounded sum.
    dtype = output.type.dtype if cast_to_output_type else "float64"
    projection = shared(np.asarray(rng.rand(*shape) + 0.5, dtype=dtype))
    for _ in range(n_tests):
        cost = (output * projection).sum()  # type: ignore[operator]
        value = function(variables, cost, mode=mode, on_unused_input="ignore")
        symbolic = function(
            variables, grad(cost, variables, disconnected_inputs="ignore"), mode=mode, on_unused_input="ignore"
        )(*arrays)
        for k, (s, n) in enumerate(zip(symbolic, numeric_grad(value, arrays, eps))):
            error = np.abs(s - n)
            allowed = np.maximum(abs_tol, rel_tol * np.maximum(np.abs(s), np.abs(n)))
            if not (error <= allowed).all():
                worst = np.unravel_index(np.argmax(error - allowed), error.shape)
                raise GradientError(
                    f"the gradient with respect to argument {k} is wrong at {tuple(map(int, worst))}: "
                    f"symbolic {s[worst]}, numeric {n[worst]}"
                )
        projection.set_value(np.asarray(rng.rand(*shape) + 0.5, dtype=dtype))
