"""Networks: activations, softmax, costs, batch normalization; each in float64, rounded once.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difftest.model.base import Value, common, continuous, line, operand


def _wide(*xs: Value) -> list[Value]:
    return [x.astype("float64") for x in xs]


def _rows(x: Value) -> Value:
    """A vector is taken as a matrix of one row."""
    return x[None] if x.ndim == 1 else x


@line
def softmax(x: Value) -> Value:
    (wide,) = _wide(_rows(x))
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True, initial=-np.inf))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(x.dtype)


@line
def logsoftmax(x: Value) -> Value:
    (wide,) = _wide(_rows(x))
    shifted = wide - wide.max(axis=-1, keepdims=True, initial=-np.inf)
    return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).astype(x.dtype)


@line
def softmax_graph(x: Value) -> Value:
    """The textbook's formula, which overflows."""
    (wide,) = _wide(x)
    powers = np.exp(wide).astype(x.dtype).astype("float64")
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(x.dtype)


@line
def softmax_with_bias(x: Value, b: Value) -> Value:
    return softmax((x + b).astype(common(x, b)))


@line
def relu(x: Value, alpha: float = 0) -> Value:
    dtype = common(x, operand(0.5), operand(alpha))
    if alpha == 0:
        return (x + np.abs(x)).astype(dtype) * np.array(0.5, dtype)  # the sum overflows in the dtype of x
    above = x.astype(dtype)
    return np.array(0.5 * (1 + alpha), dtype) * above + np.array(0.5 * (1 - alpha), dtype) * np.abs(above)


@line
def elu(x: Value, alpha: float) -> Value:
    dtype = common(np.expm1(np.empty(0, continuous(x))), x, operand(alpha))
    (wide,) = _wide(x)
    return np.where(wide > 0, wide, alpha * np.expm1(wide)).astype(dtype)


@line
def selu(x: Value) -> Value:
    dtype = common(np.empty(0, continuous(x)), x, operand(1.0507009873554805))
    (wide,) = _wide(x)
    return (1.0507009873554805 * np.where(wide > 0, wide, 1.6732632423543772 * np.expm1(wide))).astype(dtype)


@line
def softsign(x: Value) -> Value:
    dtype = continuous(x)
    return (x.astype(dtype) / (np.array(1, dtype) + np.abs(x))).astype(dtype)


@line
def hard_sigmoid(x: Value) -> Value:
    dtype = continuous(x)
    (wide,) = _wide(x)
    slope = np.array(0.2, dtype).astype("float64")
    return np.where(np.isnan(wide), wide, np.clip(wide * slope + 0.5, 0, 1)).astype(dtype)


@line
def binary_crossentropy(x: Value, target: Value) -> Value:
    dtype = common(x, target, operand(1.0))
    wide, t = _wide(x, target)
    return (-(t * np.log(wide) + (1 - t) * np.log(1 - wide))).astype(dtype)


@line
def sigmoid_binary_crossentropy(x: Value, target: Value) -> Value:
    wide, t = _wide(x, target)
    return (np.logaddexp(0, -np.abs(wide)) + wide * ((wide > 0) - t)).astype(common(x, target))


@line
def categorical_crossentropy(x: Value, labels: Value) -> Value:
    """The labels are classes, or a distribution a row."""
    if labels.ndim == x.ndim:
        wide, t = _wide(x, labels)
        return -(t * np.log(wide)).sum(axis=-1).astype(common(x, labels))
    return -np.log(x.astype("float64"))[np.arange(len(labels)), labels].astype(x.dtype)


@line
def crossentropy_softmax(x: Value, labels: Value, *bias: Value, which: str) -> tuple[Value, ...]:
    x = (x + bias[0]).astype(common(x, bias[0])) if bias else x
    rows, chances = logsoftmax(x), softmax(x)
    cost = -rows[np.arange(len(labels)), labels]
    best = np.asarray(chances.max(axis=1)), np.asarray(chances.argmax(axis=1)).astype("int64")
    if which == "argmax_":
        return cost, chances, best[1].astype(labels.dtype)
    return (cost, chances, *best) if which else (cost, chances)


@line
def batch_normalization(x: Value, gamma: Value, beta: Value, mean: Value, std: Value) -> Value:
    dtype = common(x, gamma, beta, mean, std)
    x, gamma, beta, mean, std = _wide(x, gamma, beta, mean, std)
    return ((x - mean) * (gamma / std) + beta).astype(dtype)


@line
def batch_normalization_test(
    x: Value, gamma: Value, beta: Value, mean: Value, var: Value, axes: str | Sequence[int]
) -> Value:
    dtype = common(x, gamma, beta, mean, var, operand(1e-4))
    given = [v.reshape(_spread(x, axes)) for v in _wide(gamma, beta, mean, var)]
    gamma, beta, mean, var = given
    return ((x - mean) * gamma / np.sqrt(var + 1e-4) + beta).astype(dtype)


@line
def batch_normalization_train(
    x: Value, gamma: Value, beta: Value, axes: str | Sequence[int]
) -> tuple[Value, Value, Value]:
    gone, whole = _axes(x, axes), gamma.ndim == x.ndim
    wide, gamma, beta = x.astype("float64"), *[v.reshape(_spread(x, axes)) for v in (gamma, beta)]
    mean = wide.mean(axis=gone, keepdims=True)
    inverse = 1 / np.sqrt(wide.var(axis=gone, keepdims=True) + 1e-4)
    dtype = common(x, gamma, beta, operand(1e-4))
    out = (wide - mean) * gamma * inverse + beta
    statistics = [mean.astype(x.dtype), inverse.astype(common(x, operand(1e-4)))]
    return (out.astype(dtype), *[s if whole else s.squeeze(gone) for s in statistics])  # type: ignore[return-value]


def _axes(x: Value, axes: str | Sequence[int]) -> tuple[int, ...]:
    if isinstance(axes, str):
        return (0,) if axes == "per-activation" else (0, *range(2, x.ndim))
    return tuple(axes)


def _spread(x: Value, axes: str | Sequence[int]) -> list[int]:
    return [1 if k in _axes(x, axes) else n for k, n in enumerate(x.shape)]
