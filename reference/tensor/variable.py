"""Tensor variables: the operators and methods that make graphs read like NumPy.

Owns the spelling only: every operator and method names a function of the tensor namespace, in tables.
It must not hold any meaning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from reference.compile.shared import SharedVariable
from reference.config import config
from reference.graph.core import Constant, Variable
from reference.graph.types import TensorType

__all__ = ["TensorConstant", "TensorSharedVariable", "TensorVariable"]


def _namespace() -> Any:
    import reference.tensor as namespace

    return namespace


def _product(a: Any, b: Any) -> Any:
    """``a @ b``: Theano's dot, where that is what NumPy's ``@`` is."""
    ns = _namespace()
    a, b = ns.as_tensor_variable(a), ns.as_tensor_variable(b)
    if not {a.ndim, b.ndim} <= {1, 2}:
        raise TypeError(
            f"@ takes vectors and matrices, got {a} of type {a.type} and {b} of type {b.type}; "
            "for arrays of other ranks say which product you mean: T.dot, T.tensordot or T.batched_dot"
        )
    return ns.dot(a, b)


class _TensorOperators:
    """What variables, constants and shared variables of tensor type have in common."""

    __array_priority__ = 1000
    __hash__ = object.__hash__

    type: TensorType
    name: str | None

    @property
    def ndim(self) -> int:
        return self.type.ndim

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        return self.type.broadcastable

    @property
    def T(self) -> Any:
        """The transpose: dimensions in reverse order."""
        return _namespace().transpose(self)

    @property
    def shape(self) -> Any:
        """The shape, an int64 vector variable."""
        return _namespace().shape(self)

    @property
    def size(self) -> Any:
        """The number of elements, an int64 scalar variable."""
        return _namespace().size(self)

    @property
    def real(self) -> Any:
        return _namespace().real(self)

    @property
    def imag(self) -> Any:
        return _namespace().imag(self)

    def __getitem__(self, args: Any) -> Any:
        from reference.tensor.subtensor import take_index

        return take_index(self, args)

    def __matmul__(self, other: Any) -> Any:
        return _product(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _product(other, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        function = getattr(_namespace(), _UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__), None)
        return NotImplemented if function is None else function(*inputs)

    def dimshuffle(self, *pattern: Any) -> Any:
        """Permute, drop and add dimensions: ``x.dimshuffle(1, 0)``, ``v.dimshuffle('x', 0)``."""
        from reference.tensor.elemwise import DimShuffle

        if len(pattern) == 1 and isinstance(pattern[0], list | tuple):
            pattern = tuple(pattern[0])
        return DimShuffle(self.type.broadcastable, pattern)(self)

    def reshape(self, *shape: Any, ndim: int | None = None) -> Any:
        """The same elements in another shape; -1 once for a length to be found."""
        if len(shape) == 1:
            shape = shape[0]
        return _namespace().reshape(self, shape, ndim=ndim)

    def transpose(self, *axes: Any) -> Any:
        """The dimensions in this order; in the opposite one if none is told."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], list | tuple)):
            axes = () if axes[0] is None else tuple(axes[0])
        return _namespace().transpose(self, axes or None)

    def flatten(self, ndim: int = 1) -> Any:
        """The same elements with `ndim` dimensions, the last ones joined."""
        return _namespace().flatten(self, ndim)

    def astype(self, dtype: str) -> Any:
        """The same elements as another dtype."""
        return _namespace().cast(self, dtype)

    def fill(self, value: Any) -> Any:
        """`value` in this variable's shape."""
        return _namespace().fill(self, value)

    def copy(self, name: str | None = None) -> Any:
        """A variable of its own with the same value."""
        twin = _namespace().tensor_copy(self)
        twin.name = name
        return twin

    def get_scalar_constant_value(self) -> Any:
        """The number that this is, if the graph tells it."""
        return _namespace().get_scalar_constant_value(self)

    def transfer(self, target: str) -> Any:
        """This variable: where data lives is the backend's business."""
        return self

    def norm(self, L: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The L-norm: 0 counts non-zeros, inf and -inf are the extremes, else sum(|x|**L)**(1/L)."""
        return _namespace().norm_elements(self, L, axis=axis, keepdims=keepdims)

    def __iter__(self) -> Any:
        """The elements of a vector whose length the graph tells: ``rows, columns = x.shape``."""
        from reference.tensor.shape import vector_length

        length = vector_length(self) if self.ndim == 1 else None  # type: ignore[arg-type]
        if length is None:
            raise TypeError(
                f"{self} cannot be iterated: the length of a symbolic tensor is known only when the function runs; "
                "use theano.scan, or index it with constants"
            )
        return iter([self[k] for k in range(length)])

    def __bool__(self) -> bool:
        """True, as ``if given:`` asks whether there is a variable; what compares has no answer yet."""
        if self.owner is None or self.type.dtype != "bool":  # type: ignore[attr-defined]
            return True
        raise TypeError(
            "Variables do not support boolean operations. Compare with T.eq, combine with & | ~, "
            "choose with T.switch"
        )

    def __len__(self) -> int:
        raise TypeError(f"object of type TensorVariable has no len(); {self}.shape[0] is the symbolic length")

    def __float__(self) -> float:
        raise TypeError(f"{self} has no value until a function computes it; use .eval()")

    __int__ = __index__ = __float__  # type: ignore[assignment]


_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div_proxy", "floordiv": "floor_div", "mod": "mod_check",
    "pow": "pow", "and": "and_", "or": "or_", "xor": "xor", "divmod": "divmod",
}  # fmt: skip
_UNARY = {"neg": "neg", "abs": "abs_", "invert": "invert", "ceil": "ceil", "floor": "floor", "trunc": "trunc"}
_COMPARE = {"lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
_METHODS = [
    "all", "any", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "argmax", "argmin",
    "argsort", "ceil", "choose", "clip", "compress", "conj", "cos", "cosh", "cumprod", "cumsum", "deg2rad",
    "diagonal", "dot", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "max", "mean", "min",
    "nonzero", "nonzero_values", "ones_like", "prod", "ptp", "rad2deg", "repeat", "round", "searchsorted",
    "sin", "sinh", "sort", "sqrt", "squeeze", "std", "sum", "swapaxes", "take", "tan", "tanh", "trace",
    "trunc", "var", "zeros_like",
]  # fmt: skip
_RENAMED_METHODS = {"conjugate": "conj", "ravel": "flatten"}
_UFUNC_NAMES = {
    "multiply": "mul", "subtract": "sub", "divide": "true_div", "true_divide": "true_div", "power": "pow",
    "negative": "neg", "absolute": "abs_", "matmul": "dot", "floor_divide": "floor_div", "remainder": "mod",
    "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "neq",
    "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor", "sign": "sgn", "square": "sqr",
    "logical_and": "and_", "logical_or": "or_", "logical_not": "invert", "conjugate": "conj",
}  # fmt: skip


def _operator(function: str, swap: bool = False) -> Callable[..., Any]:
    if swap:
        return lambda self, other: getattr(_namespace(), function)(other, self)
    return lambda self, *others: getattr(_namespace(), function)(self, *others)


def _method(function: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(_namespace(), function)(self, *args, **kwargs)

    method.__name__ = function
    method.__doc__ = f"See `reference.tensor.{function}`."
    return method


for _python, _function in _BINARY.items():
    setattr(_TensorOperators, f"__{_python}__", _operator(_function))
    setattr(_TensorOperators, f"__r{_python}__", _operator(_function, swap=True))
for _python, _function in {**_UNARY, **_COMPARE}.items():
    setattr(_TensorOperators, f"__{_python}__", _operator(_function))
for _name in _METHODS:
    setattr(_TensorOperators, _name, _method(_name))
for _name, _function in _RENAMED_METHODS.items():
    setattr(_TensorOperators, _name, _method(_function))


class TensorVariable(_TensorOperators, Variable):
    """A symbolic tensor."""

    def __init__(self, type: TensorType, owner: Any = None, index: int | None = None, name: str | None = None):
        super().__init__(type, owner, index, name)
        if config.warn_float64 != "ignore" and type.dtype == "float64":
            _float64_appeared(self)


def _float64_appeared(variable: TensorVariable) -> None:
    """What ``warn_float64`` asks for: whoever wants float32 only learns where a float64 came from."""
    text = f"a float64 variable was created: {variable} of type {variable.type}"
    if config.warn_float64 == "raise":
        raise TypeError(text)
    if config.warn_float64 == "pdb":
        breakpoint()
    warnings.warn(text, stacklevel=5)


class TensorConstant(_TensorOperators, Constant):
    """A tensor whose value is known; constants with equal bits are merged."""

    def __str__(self) -> str:
        from reference.printing.constants import constant_text

        return f"TensorConstant{{{constant_text(self.data)}}}"

    __repr__ = __str__


class TensorSharedVariable(_TensorOperators, SharedVariable):
    """A tensor whose value is kept between calls."""


TensorType.variable_class = TensorVariable
TensorType.constant_class = TensorConstant
