"""From Python values to variables.

Owns `as_tensor_variable`, `constant` with Theano's autocast, the constructors of inputs (`T.matrix` and
its hundred sisters) and the reading of constants. It must not know any particular operation beyond the
few that `get_scalar_constant_value` looks through.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.dtypes import canonical
from reference.graph.types import NoneConst, ScalarType, TensorType
from reference.tensor.variable import TensorConstant, TensorVariable

__all__ = [
    "AsTensorError", "NoneConst", "NotScalarConstantError", "TensorConstant", "TensorType", "TensorVariable",
    "as_tensor", "as_tensor_variable", "constant", "get_scalar_constant_value", "tensor",
]  # fmt: skip


class AsTensorError(TypeError):
    """What was given is no tensor, and cannot be made one."""


class NotScalarConstantError(Exception):
    """The value of a variable is not known while the graph is built."""


def as_tensor_variable(x: Any, name: str | None = None, ndim: int | None = None) -> Any:
    """`x` as a tensor variable: variables stay, numbers and arrays become constants, lists are stacked.

    With `ndim`, broadcastable dimensions are added on the left or dropped from it to reach that rank.
    """
    if isinstance(x, Apply):
        x = x.out
    if isinstance(x, Variable):
        if isinstance(x.type, ScalarType):
            from reference.tensor.shape import tensor_from_scalar

            x = tensor_from_scalar(x)
        if not isinstance(x.type, TensorType):
            raise AsTensorError(f"expected a tensor, got {x} of type {x.type}")
        return x if ndim is None else _to_rank(x, ndim)
    if isinstance(x, list | tuple) and any(isinstance(v, Variable | Apply) for v in _leaves(x)):
        from reference.tensor.joining import stack

        stacked = stack([as_tensor_variable(v) for v in x])
        return stacked if ndim is None else _to_rank(stacked, ndim)
    return constant(x, name=name, ndim=ndim)


as_tensor = as_tensor_variable


def _leaves(x: Any) -> Any:
    return itertools.chain.from_iterable(_leaves(v) for v in x) if isinstance(x, list | tuple) else [x]


def _to_rank(x: Variable, ndim: int) -> Variable:
    from reference.tensor.elemwise import DimShuffle, pad_left

    surplus = x.type.ndim - ndim
    if surplus <= 0:
        return pad_left(x, ndim)
    if not all(x.type.broadcastable[:surplus]):
        raise ValueError(f"{x} of type {x.type} has no rank-{ndim} form: its first dimensions are not broadcastable")
    return DimShuffle(x.type.broadcastable, tuple(range(surplus, x.type.ndim)))(x)


def constant(x: Any, name: str | None = None, ndim: int | None = None, dtype: str | None = None) -> TensorConstant:
    """A constant. Python numbers take the smallest dtype that holds them (see `autocast`); arrays keep theirs.

    Dimensions of length 1 are broadcastable.
    """
    dtype = config.floatX if dtype == "floatX" else dtype
    data = np.asarray(x, dtype=dtype) if dtype is not None else autocast(x)
    if data.dtype.kind not in "biufc":
        raise AsTensorError(f"cannot make a tensor of {x!r} of type {type(x).__name__}")
    data = data.copy()
    if ndim is not None:
        if data.ndim > ndim:
            raise ValueError(f"a constant of shape {data.shape} has more than {ndim} dimensions")
        data = data.reshape((1,) * (ndim - data.ndim) + data.shape)
    data.flags.writeable = False
    return TensorConstant(TensorType(canonical(data.dtype), tuple([n == 1 for n in data.shape])), data, name=name)


_INTEGER_RANGES = [
    (d, int(np.iinfo(d).min), int(np.iinfo(d).max)) for d in ("int8", "int16", "int32", "int64", "uint64")
]


def autocast(x: Any) -> np.ndarray:
    """Theano's ``cast_policy="custom"``: ints the smallest of int8..int64, floats float32 where that is
    exact or floatX is float32, else float64. Anything with a dtype of its own keeps it."""
    if isinstance(x, np.ndarray | np.generic):
        return np.asarray(x)
    if isinstance(x, bool):
        return np.asarray(x, dtype="bool")
    if isinstance(x, int):
        if config.cast_policy == "numpy+floatX":
            return np.asarray(x)
        for dtype, low, high in _INTEGER_RANGES:
            if low <= x <= high:
                return np.asarray(x, dtype=dtype)
        raise OverflowError(f"the integer {x} fits no dtype")
    if isinstance(x, float):
        if config.floatX != "float64":
            return np.asarray(x, dtype=config.floatX)
        with np.errstate(over="ignore"):
            narrow = np.float32(x)
        exact = config.cast_policy == "custom" and float(narrow) == x
        return np.asarray(x, dtype="float32" if exact else "float64")
    return np.asarray(x)


_DEEPEST = 10
"""How many operations on constants are carried out while a graph is built."""


def get_scalar_constant_value(v: Any, depth: int = 0) -> np.ndarray:
    """The one value that `v` is known to have everywhere, as a 0-d array.

    Looks through what only moves or repeats a value, and a few steps of arithmetic. Raises
    NotScalarConstantError if it is not known.
    """
    from reference.tensor.creation import Alloc
    from reference.tensor.elemwise import DimShuffle, Elemwise
    from reference.tensor.shape import MakeVector, Rebroadcast, ScalarFromTensor, TensorFromScalar
    from reference.tensor.subtensor import Subtensor

    while not isinstance(v, Constant):
        if not isinstance(v, Variable):
            v = constant(v)
            break
        if v.owner is None:
            raise NotScalarConstantError(str(v))
        op, inputs = v.owner.op, v.owner.inputs
        if isinstance(op, Alloc | DimShuffle | Rebroadcast | ScalarFromTensor | TensorFromScalar):
            v = inputs[0]
        elif isinstance(op, Elemwise) and op.scalar_op.name == "second":
            v = inputs[1]
        elif isinstance(op, Elemwise) and not op.scalar_op.transcendental and depth < _DEEPEST:
            operands = [get_scalar_constant_value(x, depth + 1) for x in inputs]
            with np.errstate(all="ignore"):
                return np.asarray(op.scalar_op(*operands))
        elif (
            isinstance(op, Subtensor)
            and len(inputs) == 2
            and isinstance(inputs[1], Constant)
            and (inputs[0].owner is not None and isinstance(inputs[0].owner.op, MakeVector))
        ):
            element = inputs[0].owner.inputs[int(inputs[1].data)]
            return get_scalar_constant_value(element, depth + 1).astype(v.type.dtype)
        else:
            raise NotScalarConstantError(str(v))
    data = np.asarray(v.data)
    if data.dtype.kind not in "biufc" or data.size == 0 or not (data == data.flat[0]).all():
        raise NotScalarConstantError(str(v))
    return data.reshape(-1)[0:1].reshape(())


def tensor(dtype: str, broadcastable: Sequence[bool], name: str | None = None) -> Any:
    """An input with the given dtype and broadcast pattern."""
    return TensorType(dtype, tuple(broadcastable))(name)


def _constructor(kind: str, pattern: tuple[bool, ...]) -> Callable[..., Any]:
    def make(name: str | None = None, dtype: str | None = None) -> Any:
        return TensorType("floatX" if dtype is None else dtype, pattern)(name)

    make.__name__ = make.__qualname__ = kind
    make.__doc__ = f"A {kind} of dtype floatX: broadcast pattern {pattern}."
    return make


def _plural(single: Callable[..., Any], plural: str) -> Callable[..., Any]:
    def make(*names: Any, **kwargs: Any) -> list[Any]:
        if len(names) == 1 and isinstance(names[0], int):
            return [single(**kwargs) for _ in range(names[0])]
        names = tuple(names[0]) if len(names) == 1 else names
        return [single(name, **kwargs) for name in names]

    make.__name__ = make.__qualname__ = plural
    make.__doc__ = "Several variables at once: names, a text of one letter each, a list of names, or how many."
    return make


_KINDS = {
    "scalar": ("scalars", ()),
    "vector": ("vectors", (False,)),
    "row": ("rows", (True, False)),
    "col": ("cols", (False, True)),
    "matrix": ("matrices", (False, False)),
    **{f"tensor{n}": (f"tensor{n}s", (False,) * n) for n in range(3, 8)},
}
_CODES = {
    "": "floatX", "b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64",
    "c": "complex64", "z": "complex128",
}  # fmt: skip

for _code, _dtype in _CODES.items():
    for _kind, (_many, _pattern) in _KINDS.items():
        # With a dtype in its name a constructor is the type itself: ``x.type == T.dmatrix``.
        _single = TensorType(_dtype, _pattern) if _code else _constructor(_kind, _pattern)
        globals()[_code + _kind] = _single
        globals()[_code + _many] = _plural(_single, _code + _many)
        __all__ += [_code + _kind, _code + _many]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"reference.tensor.basic has no {name!r}")
