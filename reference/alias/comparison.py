"""How tests of Theano's compare values: tolerances by dtype, and the functions that operations name in their tags."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "float16_atol", "float16_rtol", "float32_atol", "float32_rtol", "float64_atol", "float64_rtol", "values_eq_approx",
    "values_eq_approx_always_true", "values_eq_approx_remove_inf", "values_eq_approx_remove_inf_nan",
    "values_eq_approx_remove_nan",
]  # fmt: skip

float16_atol = float16_rtol = 5e-3
float32_atol = float32_rtol = 1e-5
float64_atol = float64_rtol = 1e-8
_TOLERANCE = {"float16": float16_atol, "float32": float32_atol, "complex64": float32_atol}


def values_eq_approx(
    a: Any, b: Any, allow_remove_inf: bool = False, allow_remove_nan: bool = False, rtol: Any = None, atol: Any = None
) -> bool:
    """True if both arrays have one dtype and shape, and elements that are equal to rounding; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    usual = _TOLERANCE.get(a.dtype.name, float64_atol)
    near = np.isclose(a, b, usual if rtol is None else rtol, usual if atol is None else atol, equal_nan=True)
    if allow_remove_inf:
        near |= np.isinf(a) | np.isinf(b)
    if allow_remove_nan:
        near |= np.isnan(a) | np.isnan(b)
    return bool(near.all())


def _allclose(a: Any, b: Any, rtol: Any = None, atol: Any = None) -> bool:
    """True if the elements are equal to rounding, in the narrower of the two dtypes."""
    a, b = np.asarray(a), np.asarray(b)
    usual = max(_TOLERANCE.get(x.dtype.name, float64_atol) for x in (a, b))
    return bool(np.allclose(a, b, usual if rtol is None else rtol, usual if atol is None else atol))


def values_eq_approx_remove_inf(a: Any, b: Any) -> bool:
    """As `values_eq_approx`, wherever neither is infinite."""
    return values_eq_approx(a, b, True)


def values_eq_approx_remove_nan(a: Any, b: Any) -> bool:
    """As `values_eq_approx`, wherever neither is NaN."""
    return values_eq_approx(a, b, False, True)


def values_eq_approx_remove_inf_nan(a: Any, b: Any) -> bool:
    """As `values_eq_approx`, wherever both are finite."""
    return values_eq_approx(a, b, True, True)


def values_eq_approx_always_true(a: Any, b: Any) -> bool:
    """True: whatever comes out is right."""
    return True
