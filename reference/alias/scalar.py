"""`theano.scalar`: the types of single numbers, and the rows of the scalar table by their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.alias.scalar_ops import RULES, Applied, Types
from reference.graph import dtypes
from reference.graph.core import Variable
from reference.graph.dtypes import upcast as upcast
from reference.graph.types import ScalarType
from reference.scalar import TABLE
from reference.tensor.basic import constant as as_constant

Scalar = ScalarType
_types = {name: ScalarType(name) for name in dtypes.ALL}
globals().update(_types)
int_types = Types(_types[name] for name in dtypes.SIGNED)
uint_types = Types(_types[name] for name in dtypes.UNSIGNED)
float_types = Types(_types[name] for name in dtypes.FLOATS)
complex_types = Types(_types[name] for name in dtypes.COMPLEX)
integer_types = Types(_types[name] for name in dtypes.INTEGERS)
discrete_types = Types(_types[name] for name in dtypes.DISCRETE)
continuous_types = Types(_types[name] for name in dtypes.CONTINUOUS)
all_types = Types(discrete_types + continuous_types)


def get_scalar_type(dtype: str) -> ScalarType:
    """The type of single numbers of that dtype."""
    return ScalarType(dtypes.canonical(dtype))


def as_scalar(x: Any, name: str | None = None) -> Variable:
    """A number, or a 0-d tensor, as a scalar variable."""
    from reference.tensor.shape import scalar_from_tensor

    if isinstance(x, Variable) and isinstance(x.type, ScalarType):
        return x
    if isinstance(x, Variable):
        return scalar_from_tensor(x)
    return constant(x, name)


def constant(x: Any, name: str | None = None, dtype: str | None = None) -> Variable:
    """A number as a scalar constant, of the narrowest dtype that Python's number may have."""
    value = np.asarray(as_constant(x, dtype=dtype).data)
    return ScalarType(value.dtype.name).make_constant(value[()], name)


def __getattr__(name: str) -> Any:
    if name in TABLE:
        return Applied(TABLE[name])
    if name in RULES:
        return RULES[name]
    raise AttributeError(f"there is no scalar operation {name!r}")
