"""Activation functions.

Owns those that are graphs of a few elementwise operations; the rows of the scalar table among them
(`sigmoid`, `softplus`, `ultra_fast_sigmoid`) are only passed on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.scalar_op import to_float
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import abs_, clip, expm1, gt, sigmoid, softplus, switch, true_div, ultra_fast_sigmoid

__all__ = [
    "elu", "hard_sigmoid", "relu", "selu", "sigmoid", "softplus", "softsign", "ultra_fast_sigmoid",
]  # fmt: skip

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


def relu(x: Any, alpha: Any = 0) -> Any:
    """max(x, 0), or ``alpha * x`` below 0: a number, or a tensor that broadcasts with x.

    Written with abs, so the gradient at 0 is the mean of both slopes.
    """
    x = as_tensor_variable(x)
    if isinstance(alpha, int | float) and alpha == 0:
        return 0.5 * (x + abs_(x))
    alpha = as_tensor_variable(alpha)
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs_(x)


def elu(x: Any, alpha: Any = 1) -> Any:
    """x above 0, ``alpha * (exp(x) - 1)`` below."""
    x = as_tensor_variable(x)
    return switch(gt(x, 0), x, alpha * expm1(x))


def selu(x: Any) -> Any:
    """`elu` with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def softsign(x: Any) -> Any:
    """x / (1 + |x|)"""
    x = as_tensor_variable(x)
    return true_div(x, np.asarray(1, to_float(x.type.dtype)) + abs_(x))


def hard_sigmoid(x: Any) -> Any:
    """``0.2 * x + 0.5``, clipped to [0, 1]: the roughest approximation of sigmoid."""
    x = as_tensor_variable(x)
    dtype = to_float(x.type.dtype)
    return clip(x * np.asarray(0.2, dtype) + np.asarray(0.5, dtype), 0, 1)
