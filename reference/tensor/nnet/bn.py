"""Batch normalization.

Owns nothing of its own: every function is a graph of means, variances and arithmetic.
"""

from __future__ import annotations

from typing import Any

from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import cast, inv, mul, sqrt
from reference.tensor.reduce import mean as mean_
from reference.tensor.reduce import var as var_
from reference.tensor.shape import ONE, addbroadcast, shape_i

__all__ = ["batch_normalization", "batch_normalization_test", "batch_normalization_train"]


def batch_normalization(inputs: Any, gamma: Any, beta: Any, mean: Any, std: Any, mode: str = "low_mem") -> Any:
    """``(inputs - mean) * gamma / std + beta``; `mode`, a choice between speed and memory, changes nothing."""
    return (as_tensor_variable(inputs) - mean) * (gamma / as_tensor_variable(std)) + beta


def _axes(inputs: Any, axes: Any) -> tuple[int, ...]:
    if axes == "per-activation":
        return (0,)
    if axes == "spatial":
        return (0, *range(2, inputs.type.ndim))
    return tuple(sorted(axes)) if isinstance(axes, list | tuple) else (int(axes),)


def _parameter(v: Any, inputs: Any, axes: tuple[int, ...]) -> Any:
    """A parameter with broadcastable dimensions where `inputs` is averaged."""
    v = as_tensor_variable(v)
    if v.type.ndim == inputs.type.ndim:
        return addbroadcast(v, *axes)
    places = iter(range(v.type.ndim))
    return v.dimshuffle(*["x" if k in axes else next(places) for k in range(inputs.type.ndim)])


def batch_normalization_train(
    inputs: Any,
    gamma: Any,
    beta: Any,
    axes: Any = "per-activation",
    epsilon: float = 1e-4,
    running_average_factor: float = 0.1,
    running_mean: Any = None,
    running_var: Any = None,
) -> tuple[Any, ...]:
    """Normalize by the batch's own statistics.

    Returns the result, the mean and the inverse standard deviation, which have `gamma`'s dimensions; and, if running
    averages are given, those moved by `running_average_factor` towards the batch's mean and (unbiased) variance.
    """
    inputs, gamma = as_tensor_variable(inputs), as_tensor_variable(gamma)
    axes = _axes(inputs, axes)
    whole = gamma.type.ndim == inputs.type.ndim
    gamma, beta = _parameter(gamma, inputs, axes), _parameter(beta, inputs, axes)
    mean = mean_(inputs, axis=axes, keepdims=True)
    variance = var_(inputs, axis=axes, keepdims=True)
    invstd = inv(sqrt(variance + epsilon))
    out = (inputs - mean) * gamma * invstd + beta
    results = [out, mean, invstd]
    keep = 1.0 - running_average_factor
    if running_mean is not None:
        results.append(_parameter(running_mean, inputs, axes) * keep + mean * running_average_factor)
    if running_var is not None:
        count = cast(mul(ONE, *[shape_i(inputs, k) for k in axes]), inputs.type.dtype)
        unbiased = count / (count - 1) * variance
        results.append(_parameter(running_var, inputs, axes) * keep + unbiased * running_average_factor)
    if not whole:
        kept = [k for k in range(inputs.type.ndim) if k not in axes]
        results[1:] = [v.dimshuffle(*kept) for v in results[1:]]
    return tuple(results)


def batch_normalization_test(
    inputs: Any,
    gamma: Any,
    beta: Any,
    mean: Any,
    var: Any,
    axes: Any = "per-activation",
    epsilon: float = 1e-4,
) -> Any:
    """Normalize by given statistics."""
    inputs = as_tensor_variable(inputs)
    axes = _axes(inputs, axes)
    gamma, beta, mean, var = (_parameter(v, inputs, axes) for v in (gamma, beta, mean, var))
    return (inputs - mean) * gamma / sqrt(var + epsilon) + beta
