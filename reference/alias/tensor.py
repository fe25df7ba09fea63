"""Names of `theano.tensor` that its programs use for checks of their own: lists of dtypes, classes, lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from reference.alias import scalar as scal
from reference.compile.shared import shared
from reference.config import config
from reference.graph import dtypes
from reference.graph.core import Apply, Constant, Op, Type, Variable
from reference.graph.errors import ShapeError
from reference.graph.traversal import graph_inputs
from reference.graph.types import (
    DisconnectedType,
    Generic,
    NoneConst,
    NoneTypeT,
    RandomStateType,
    SliceType,
    TensorType,
)
from reference.numeric_gradient import numeric_grad
from reference.printing import pp, pprint
from reference.tensor.basic import NotScalarConstantError, as_tensor_variable, constant, get_scalar_constant_value
from reference.tensor.diagonal import diag, diagonal
from reference.tensor.indexing import AdvancedIncSubtensor1, AdvancedSubtensor1
from reference.tensor.joining import Join
from reference.tensor.shape import vector_length
from reference.tensor.subtensor import inc_subtensor, set_subtensor

_RANKS = {"scalar": (), "vector": (False,), "row": (True, False), "col": (False, True), "matrix": (False, False)}
_KINDS = {"int": dtypes.SIGNED, "float": ("float32", "float64"), "complex": dtypes.COMPLEX}
_TYPES = {
    f"{kind}_{rank}_types": tuple(TensorType(d, pattern) for d in names)
    for kind, names in _KINDS.items() for rank, pattern in _RANKS.items()
}  # fmt: skip
"""int_vector_types and so on."""

__all__ = [
    *_TYPES, "AdvancedIndexingError", "AllocDiag", "Apply", "Constant", "DisconnectedType",
    "EmptyConstantError", "ExtractDiag", "Generic", "NoneConst", "NoneTypeT", "Op", "ShapeError", "SliceType",
    "Tensor", "Type", "Variable", "advanced_inc_subtensor", "advanced_inc_subtensor1", "advanced_set_subtensor",
    "advanced_set_subtensor1", "advanced_subtensor", "advanced_subtensor1", "all_dtypes", "as_index_variable",
    "as_int_none_variable", "check_equal_numpy", "complex_dtypes", "complex_types", "config",
    "continuous_dtypes", "default", "discrete_dtypes", "extract_constant", "float_dtypes", "float_types",
    "get_vector_length", "int_dtypes", "int_types", "integer_dtypes", "integer_types", "is_flat", "izip",
    "join_", "make_constant", "none_type_t", "numeric_grad", "partial", "pp", "pprint", "python_all",
    "python_any", "python_complex", "random_state_type", "scal", "shape_of_variables", "shared", "slicetype",
    "transfer",
    "uint_dtypes", "xrange",
]  # fmt: skip

Tensor = TensorType
int_dtypes, uint_dtypes = list(dtypes.SIGNED), list(dtypes.UNSIGNED)
float_dtypes, complex_dtypes = list(dtypes.FLOATS), list(dtypes.COMPLEX)
integer_dtypes, discrete_dtypes = list(dtypes.INTEGERS), list(dtypes.DISCRETE)
continuous_dtypes, all_dtypes = list(dtypes.CONTINUOUS), list(dtypes.ALL)
int_types = tuple(TensorType(d) for d in int_dtypes)
float_types = (TensorType("float32"), TensorType("float64"))
complex_types = (TensorType("complex64"), TensorType("complex128"))
globals().update(_TYPES)

EmptyConstantError, AdvancedIndexingError = NotScalarConstantError, TypeError
random_state_type = RandomStateType("numpy")
none_type_t, slicetype = NoneConst.type, SliceType()
integer_types, python_all, python_any, python_complex = (int,), all, any, complex
izip, xrange = zip, range
join_ = Join()
_shared = shared
advanced_subtensor1 = AdvancedSubtensor1()
advanced_inc_subtensor1, advanced_set_subtensor1 = AdvancedIncSubtensor1(False), AdvancedIncSubtensor1(True)


def advanced_subtensor(x: Any, *index: Any) -> Variable:
    """``x[index]``"""
    return as_tensor_variable(x)[index]


def advanced_inc_subtensor(x: Any, y: Any, *index: Any) -> Variable:
    """`x` with `y` added to ``x[index]``."""
    return inc_subtensor(as_tensor_variable(x)[index], y)


def advanced_set_subtensor(x: Any, y: Any, *index: Any) -> Variable:
    """`x` with `y` in the place of ``x[index]``."""
    return set_subtensor(as_tensor_variable(x)[index], y)


class ExtractDiag:
    """``ExtractDiag(offset, axis1, axis2)(x)`` is ``T.diagonal(x, offset, axis1, axis2)``."""

    def __init__(self, offset: int = 0, axis1: int = 0, axis2: int = 1, view: bool = False):
        self.offset, self.axis1, self.axis2 = offset, axis1, axis2

    def __call__(self, x: Any) -> Any:
        return diagonal(as_tensor_variable(x), self.offset, self.axis1, self.axis2)


class AllocDiag:
    """``AllocDiag()(v)`` is the matrix with the vector `v` as its diagonal."""

    def __init__(self, offset: int = 0, axis1: int = 0, axis2: int = 1):
        if (offset, axis1, axis2) != (0, 0, 1):
            raise NotImplementedError("AllocDiag fills the diagonal of a matrix; use T.fill_diagonal_offset for others")

    def __call__(self, x: Any) -> Any:
        return diag(x)


def default(x: Any, d: Any) -> Any:
    """`x`, or `d` if that is None."""
    return d if x is None or (isinstance(x, Variable) and isinstance(x.type, NoneTypeT)) else x


def as_int_none_variable(x: Any) -> Variable:
    """An index, or None, as a variable."""
    return NoneConst if x is None else as_index_variable(x)


def get_vector_length(v: Any) -> int:
    """The length of a vector, if the graph tells it; ValueError if not."""
    v = as_tensor_variable(v)
    length = vector_length(v) if v.ndim == 1 else None
    if length is None:
        raise ValueError(f"the length of {v} of type {v.type} is not known before the function runs")
    return length


def extract_constant(x: Any, elemwise: bool = True, only_process_constants: bool = False) -> Any:
    """The value of `x` if the graph tells it, else `x`."""
    try:
        return get_scalar_constant_value(x)
    except Exception as error:
        if type(error).__name__ == "NotScalarConstantError":
            return x
        raise


def as_index_variable(x: Any) -> Variable:
    """An index as a variable of an integer dtype."""
    index = as_tensor_variable(x)
    if not dtypes.is_discrete(index.type.dtype):
        raise TypeError(f"an index must be an integer, got {index} of type {index.type}")
    return index


def make_constant(args: Any) -> Any:
    """The tuple with every number in it made a constant."""
    return tuple(constant(a) if isinstance(a, int | np.integer) else a for a in args)


def is_flat(var: Any, ndim: int | None = None, outdim: int | None = None) -> bool:
    """True if `var` has so many dimensions, one unless told otherwise."""
    return var.ndim == (ndim or outdim or 1)


def transfer(var: Any, target: str) -> Any:
    """`var` itself: where data lives is the backend's business."""
    return var


def check_equal_numpy(x: Any, y: Any) -> bool:
    """True if both are arrays of one dtype and shape with the same elements, or are otherwise equal."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.dtype == y.dtype and x.shape == y.shape and bool(np.all(x == y))
    return bool(x == y)


def shape_of_variables(fgraph: Any, input_shapes: Mapping[Variable, Sequence[int]]) -> dict[Variable, tuple[int, ...]]:
    """The shape of every tensor of a FunctionGraph, for these shapes of its inputs."""
    from reference.compile.function import function

    unknown = [v for v in graph_inputs(fgraph.outputs) if not isinstance(v, Constant) and v not in input_shapes]
    if unknown:
        raise ValueError(f"the shapes of {unknown} are not given")
    tensors = [v for v in fgraph.variables if isinstance(v.type, TensorType)]
    inputs = list(input_shapes)
    lengths = function(inputs, [v.shape for v in tensors], on_unused_input="ignore", backend="reference")
    values = [np.zeros(tuple(input_shapes[v]), v.type.dtype) for v in inputs]
    return {v: tuple(int(n) for n in s) for v, s in zip(tensors, lengths(*values))}
