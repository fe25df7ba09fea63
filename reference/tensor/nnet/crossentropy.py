"""Costs of classifiers.

Owns `CrossentropyCategorical1Hot`, the one operation among them; the others are graphs. Class labels are a
vector of integers, or a matrix with a distribution (often 0s and a 1) in each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import scalar
from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import FLOATS, INTEGERS
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import arange
from reference.tensor.elemwise import cast, eq, gt, log, neg, second, softplus
from reference.tensor.extra_ops import unique
from reference.tensor.joining import concatenate
from reference.tensor.linalg import dot
from reference.tensor.nnet.softmax import logsoftmax, softmax
from reference.tensor.reduce import max_and_argmax
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import flatten, shape_i
from reference.tensor.subtensor import inc_subtensor

__all__ = [
    "CrossentropyCategorical1Hot", "binary_crossentropy", "categorical_crossentropy", "confusion_matrix",
    "crossentropy_categorical_1hot", "crossentropy_softmax_1hot", "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot", "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "sigmoid_binary_crossentropy",
]  # fmt: skip

_log = scalar.TABLE["log"]


@dataclass(frozen=True)
class CrossentropyCategorical1Hot(Op):
    """``-log(coding[i, label[i]])`` for every row i of a matrix of probabilities."""

    rows = ("log",)

    def make_node(self, coding: Any, labels: Any) -> Apply:
        coding, labels = as_tensor_variable(coding), as_tensor_variable(labels)
        if coding.type.ndim != 2 or coding.type.dtype not in FLOATS:
            raise TypeError(f"{self}: the probabilities are a matrix of floats, got {coding} of type {coding.type}")
        if labels.type.ndim != 1 or labels.type.dtype not in INTEGERS:
            raise TypeError(f"{self}: the labels are a vector of integers, got {labels} of type {labels.type}")
        return Apply(self, [coding, labels], [TensorType(coding.type.dtype, labels.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        coding, labels = inputs
        if len(coding) != len(labels):
            raise ShapeError(f"{self}: {len(labels)} labels for probabilities of shape {coding.shape}")
        return (np.negative(_log(coding[np.arange(len(labels)), labels])),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[1]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (coding, labels), (g,) = inputs, output_gradients
        place = arange(shape_i(labels, 0)), labels
        zeros = second(coding, np.zeros((), g.type.dtype))
        return [inc_subtensor(zeros[place], -g / coding[place]), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]


crossentropy_categorical_1hot = CrossentropyCategorical1Hot()


def categorical_crossentropy(coding_dist: Any, true_dist: Any) -> Any:
    """For each row, minus the expected logarithm of `coding_dist` under `true_dist`: a distribution a row, or
    the one true class as an integer vector."""
    coding_dist, true_dist = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    if true_dist.type.ndim == coding_dist.type.ndim:
        return -sum_(true_dist * log(coding_dist), axis=coding_dist.type.ndim - 1)
    if true_dist.type.ndim == coding_dist.type.ndim - 1:
        return crossentropy_categorical_1hot(coding_dist, true_dist)
    raise TypeError(
        f"categorical_crossentropy: rank mismatch between {coding_dist} of type {coding_dist.type} and {true_dist} "
        f"of type {true_dist.type}; the true distribution has the same rank, or one less for integer labels"
    )


def binary_crossentropy(output: Any, target: Any) -> Any:
    """Elementwise ``-(target * log(output) + (1 - target) * log(1 - output))``."""
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return neg(target * log(output) + (1.0 - target) * log(1.0 - output))


def sigmoid_binary_crossentropy(output: Any, target: Any) -> Any:
    """``binary_crossentropy(sigmoid(output), target)``, finite for every output."""
    output = as_tensor_variable(output)
    return softplus(-abs(output)) + output * (cast(gt(output, 0), output.type.dtype) - target)


def crossentropy_softmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """``-log(softmax(x + b))`` at the true class of each row, and the softmax itself."""
    return crossentropy_softmax_1hot(as_tensor_variable(x) + b, y_idx)


def crossentropy_softmax_1hot(x: Any, y_idx: Any) -> list[Any]:
    """``-log(softmax(x))`` at the true class of each row, and the softmax itself."""
    y_idx = as_tensor_variable(y_idx)
    return [-logsoftmax(x)[arange(shape_i(y_idx, 0)), y_idx], softmax(x)]


def crossentropy_softmax_max_and_argmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """As the function without bias, for ``x + b``."""
    return crossentropy_softmax_max_and_argmax_1hot(as_tensor_variable(x) + b, y_idx)


def crossentropy_softmax_max_and_argmax_1hot(x: Any, y_idx: Any) -> list[Any]:
    """As `crossentropy_softmax_1hot`, with each row's largest probability and its class."""
    nll, sm = crossentropy_softmax_1hot(x, y_idx)
    return [nll, sm, *max_and_argmax(sm, axis=-1)]


def crossentropy_softmax_argmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """As `crossentropy_softmax_1hot_with_bias`, with each row's most probable class in the dtype of `y_idx`."""
    y_idx = as_tensor_variable(y_idx)
    nll, sm, _, place = crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y_idx)
    return [nll, sm, cast(place, y_idx.type.dtype)]


def confusion_matrix(actual: Any, pred: Any) -> list[Any]:
    """How often each class (row) was taken for each class (column), and the sorted classes that occur."""
    actual, pred = as_tensor_variable(actual), as_tensor_variable(pred)
    for v in (actual, pred):
        if v.type.ndim != 1:
            raise ValueError(f"confusion_matrix takes vectors of classes, got {v} of type {v.type}")
    order = unique(concatenate([flatten(actual), flatten(pred)]))
    rows = cast(eq(actual.dimshuffle(0, "x"), order), "int64")
    columns = cast(eq(pred.dimshuffle(0, "x"), order), "int64")
    return [dot(rows.T, columns), order]
