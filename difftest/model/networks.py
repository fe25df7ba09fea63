"""Networks: activations, softmax, costs, batch normalization.

It must not look at the reference.
"""

from __future__ import annotations

import numpy as np

from difftest.model.base import Value, common, line


@line
def softmax(x: Value) -> Value:
    wide = x.astype("float64")
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(x.dtype)


@line
def logsoftmax(x: Value) -> Value:
    wide = x.astype("float64")
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).astype(x.dtype)


@line
def relu(x: Value) -> Value:
    return (x + np.abs(x)) * np.array(0.5, common(x, np.zeros((), "float32")))


@line
def binary_crossentropy(x: Value, target: Value) -> Value:
    dtype = common(x, target, np.zeros((), "float32"))  # 1.0 - target: the float constant is a float32
    wide, t = x.astype("float64"), target.astype("float64")
    return (-(t * np.log(wide) + (1 - t) * np.log(1 - wide))).astype(dtype)


@line
def categorical_crossentropy(x: Value, labels: Value) -> Value:
    return -np.log(x.astype("float64"))[np.arange(len(labels)), labels].astype(x.dtype)
