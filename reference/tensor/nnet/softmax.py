"""Softmax and its logarithm, row by row.

Owns the two operations. Each is defined as a composition of elementwise rows and `Sum`, to the bit:
``e / sum(e)`` with ``e = exp(x - max(x))``, and ``d - log(sum(exp(d)))`` with ``d = x - max(x)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from reference import scalar
from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import FLOATS
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import exp
from reference.tensor.reduce import Sum, reduce_in_order
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import shape_padleft

__all__ = ["LogSoftmax", "Softmax", "h_softmax", "logsoftmax", "softmax", "softmax_graph", "softmax_with_bias"]

_exp, _log = scalar.TABLE["exp"], scalar.TABLE["log"]


@dataclass(frozen=True)
class _Rows(Op):
    """A function of each row of a float matrix; a vector is taken as a matrix of one row."""

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.ndim not in (1, 2) or x.type.dtype not in FLOATS:
            raise ValueError(f"{self} takes a vector or matrix of floats, got {x} of type {x.type}")
        if x.type.ndim == 1:
            x = shape_padleft(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]


def _centered(x: np.ndarray) -> np.ndarray:
    return x - np.maximum.reduce(x, axis=1, keepdims=True) if x.size else x.copy()


def _row_sums(x: np.ndarray) -> np.ndarray:
    dtype, acc_dtype = _accumulator(x.dtype)
    total = reduce_in_order(np.add, x.astype(acc_dtype, copy=False), (1,))
    return total.astype(dtype, copy=False).reshape(-1, 1)


@cache
def _accumulator(dtype: np.dtype[Any]) -> tuple[str, str]:
    return Sum().resolved(dtype.name)


class Softmax(_Rows):
    """exp(x) divided by its row's sum, computed so that exp cannot overflow."""

    rows = ("exp",)

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        e = _exp(_centered(inputs[0]))
        return (np.true_divide(e, _row_sums(e)),)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (sm,), (g,) = outputs, output_gradients
        return [sm * (g - sum_(g * sm, axis=1, keepdims=True))]


class LogSoftmax(_Rows):
    """The logarithm of softmax, finite where softmax itself underflows."""

    rows = ("exp", "log")

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        d = _centered(inputs[0])
        return (d - _log(_row_sums(_exp(d))),)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (g,) = output_gradients
        return [g - sum_(g, axis=1, keepdims=True) * Softmax()(inputs[0])]


def softmax(c: Any) -> Any:
    """exp(c) divided by its row's sum, for each row of a matrix; a vector gives a matrix of one row."""
    return Softmax()(c)


def logsoftmax(c: Any) -> Any:
    """The logarithm of `softmax`."""
    return LogSoftmax()(c)


def softmax_with_bias(x: Any, b: Any) -> Any:
    """``softmax(x + b)``"""
    return Softmax()(as_tensor_variable(x) + b)


def softmax_graph(c: Any) -> Any:
    """Softmax as elementwise operations, without the subtraction of the maximum."""
    e = exp(c)
    return e / sum_(e, axis=-1, keepdims=True)


def h_softmax(
    x: Any,
    batch_size: Any,
    n_outputs: int,
    n_classes: int,
    n_outputs_per_class: int,
    W1: Any,
    b1: Any,
    W2: Any,
    b2: Any,
    target: Any = None,
) -> Variable:
    """Softmax in two levels, for many outputs: of classes, and of the outputs of a class, `n_outputs_per_class` each.

    x (batch, features); W1 (features, classes), b1; W2 (classes, features, outputs of a class), b2 (classes, outputs
    of a class). The result is (batch, n_outputs), or with `target`, a vector of integers, the probability of each
    row's target alone, for which only the target's class is computed.
    """
    from reference.tensor.creation import arange
    from reference.tensor.linalg import batched_dot, dot, tensordot

    x, W1, b1, W2, b2 = (as_tensor_variable(v) for v in (x, W1, b1, W2, b2))
    classes = softmax(dot(x, W1) + b1)
    if target is None:
        scores = tensordot(x, W2, axes=(1, 1)) + b2
        within = softmax(scores.reshape((-1, n_outputs_per_class)))
        within = within.reshape((batch_size, n_classes, n_outputs_per_class))
        return (classes.dimshuffle(0, 1, "x") * within).reshape((batch_size, -1))[:, :n_outputs]
    wanted = as_tensor_variable(target).flatten()
    cls, place = wanted // n_outputs_per_class, wanted % n_outputs_per_class
    row = arange(x.shape[0])
    within = softmax(batched_dot(x.dimshuffle(0, "x", 1), W2[cls])[:, 0] + b2[cls])
    return classes[row, cls] * within[row, place]
