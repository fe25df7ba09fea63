"""Names of `theano.tensor.nnet` for what programs and its tests build piece by piece."""

from __future__ import annotations

from typing import Any

from reference.graph.core import Variable
from reference.scalar import TABLE
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.creation import alloc
from reference.tensor.elemwise import cast
from reference.tensor.joining import concatenate
from reference.tensor.nnet.abstract_conv import conv2d
from reference.tensor.nnet.softmax import LogSoftmax, Softmax

__all__ = [
    "abstract_conv2d", "logsoftmax_op", "prepend_0_to_each_row", "prepend_1_to_each_row", "prepend_scalar_to_each_row",
    "scalar_sigmoid", "scalar_softplus", "softmax_op",
]  # fmt: skip

softmax_op, logsoftmax_op = Softmax(), LogSoftmax()
scalar_sigmoid, scalar_softplus = TABLE["sigmoid"], TABLE["softplus"]
abstract_conv2d = conv2d


def prepend_scalar_to_each_row(val: Any, mat: Any) -> Variable:
    """`mat` with a first column of `val`."""
    matrix = as_tensor_variable(mat)
    column = alloc(cast(as_tensor_variable(val), matrix.type.dtype), matrix.shape[0], 1)
    return concatenate([column, matrix], axis=1)


def prepend_0_to_each_row(mat: Any) -> Variable:
    """`mat` with a first column of zeros."""
    return prepend_scalar_to_each_row(constant(0.0), mat)


def prepend_1_to_each_row(mat: Any) -> Variable:
    """`mat` with a first column of ones."""
    return prepend_scalar_to_each_row(constant(1.0), mat)
