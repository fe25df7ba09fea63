"""The types of values: tensors, scalars and slices for indices, and the few others.

Owns `filter`, the rule for which values a variable accepts. It must not know operations; the classes
of variables with operators (``x + y``) register themselves through `variable_class`.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from reference.config import config
from reference.graph.core import Constant, Type, Variable
from reference.graph.dtypes import INTEGERS, canonical, upcast

_KIND = {(): "scalar", (False,): "vector", (False, True): "col", (True, False): "row", (False, False): "matrix"}


@dataclass(frozen=True)
class TensorType(Type):
    """Arrays of one dtype and rank.

    `broadcastable[i]` True promises that dimension `i` has length 1 and lets it stretch; a dimension
    that merely happens to have length 1 at run time does not stretch.
    """

    dtype: str
    broadcastable: tuple[bool, ...] = ()
    name: InitVar[str | None] = None
    """Accepted, as is `sparse_grad`: a type is its dtype and pattern."""
    sparse_grad: InitVar[bool] = False

    numpy_dtype: ClassVar[np.dtype[Any]]
    variable_class: ClassVar[type[Variable]] = Variable
    constant_class: ClassVar[type[Constant]] = Constant

    def __post_init__(self, name: str | None, sparse_grad: bool) -> None:
        dtype = config.floatX if self.dtype == "floatX" else self.dtype
        self.__dict__.update(_tensor_fields(dtype, tuple(self.broadcastable)))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is not type(self):
            return NotImplemented
        return self.dtype == other.dtype and self.broadcastable == other.broadcastable

    @property
    def ndim(self) -> int:
        return len(self.broadcastable)

    def clone(self, dtype: str | None = None, broadcastable: tuple[bool, ...] | None = None) -> TensorType:
        return TensorType(
            self.dtype if dtype is None else dtype,
            self.broadcastable if broadcastable is None else broadcastable,
        )

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> np.ndarray:
        """Theano's rule: widening is silent, narrowing needs `allow_downcast`, rank never changes.

        Numbers, and lists of them, are accepted if they survive the conversion; with `allow_downcast=None` a Python
        float always if this type is floatX.
        """
        if isinstance(value, Variable):
            raise TypeError(
                f"expected an array of type {self}, got the symbolic variable {value}; "
                "compute its value first, or build it into the graph"
            )
        if isinstance(value, np.ndarray) and value.dtype == self.numpy_dtype and value.dtype.isnative:
            array = value
        elif strict:
            raise TypeError(f"strict input: expected a {self.dtype} array, got {_describe(value)}")
        else:
            array = self._converted(value, allow_downcast)
        if array.ndim != self.ndim:
            raise TypeError(
                f"wrong number of dimensions: expected {self.ndim} ({self}), got {array.ndim} with shape {array.shape}"
            )
        for axis, stretches in enumerate(self.broadcastable):
            if stretches and array.shape[axis] != 1:
                raise TypeError(f"dimension {axis} of {self} must have length 1, got shape {array.shape}")
        return array

    def _converted(self, value: Any, allow_downcast: bool | None) -> np.ndarray:
        if type(value) is int and self.dtype in _INTEGER_RANGE:
            low, high = _INTEGER_RANGE[self.dtype]
            if low <= value <= high:
                return np.array(value, self.numpy_dtype)
        array = np.asarray(value)
        if array.dtype.name == self.dtype:
            return array
        if array.dtype.kind not in "biufc":
            wrong = ValueError if array.dtype.kind in "US" else TypeError
            raise wrong(f"expected an array-like of type {self}, got {_describe(value)}")
        if allow_downcast or upcast(self.dtype, array.dtype.name) == self.dtype:
            return array.astype(self.dtype)
        if allow_downcast is None and type(value) is float and self.dtype == config.floatX:
            return array.astype(self.dtype)
        if not isinstance(value, np.ndarray):
            with np.errstate(all="ignore"):
                cast = array.astype(self.dtype)
            if np.array_equal(cast, array, equal_nan=array.dtype.kind in "fc"):
                return cast
        raise TypeError(
            f"{_describe(value)} does not convert to {self.dtype} without loss; "
            "cast it, or pass allow_input_downcast=True"
        )

    def filter_variable(self, other: Any) -> Variable:
        if not isinstance(other, Variable):
            other = self.constant_class(self, self.filter(other))
        if other.type == self:
            return other
        if isinstance(other.type, TensorType) and other.type.dtype == self.dtype and other.type.ndim == self.ndim:
            from reference.tensor.shape import patternbroadcast

            loosened = all(mine <= theirs for mine, theirs in zip(self.broadcastable, other.type.broadcastable))
            if loosened:
                return patternbroadcast(other, self.broadcastable)
        raise TypeError(f"cannot convert type {other.type} (of variable {other}) into type {self}")

    def make_variable(self, name: str | None = None) -> Variable:
        return self.variable_class(self, name=name)

    def make_constant(self, value: Any, name: str | None = None) -> Constant:
        return self.constant_class(self, self.filter(value), name=name)

    def values_eq_approx(self, a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
        narrow = self.dtype in ("float16", "float32", "complex64")
        rtol, atol = (1e-3 if narrow else 1e-5) if rtol is None else rtol, 1e-5 if atol is None else atol
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))

    def values_eq(self, a: np.ndarray, b: np.ndarray) -> bool:
        return a.shape == b.shape and a.dtype == b.dtype and self.signature(a) == self.signature(b)

    def signature(self, value: np.ndarray) -> Any:
        array = np.array(value, copy=True, order="C")
        # All NaN are one; in a complex number each part on its own.
        for part in {"f": (array,), "c": (array.real, array.imag)}.get(array.dtype.kind, ()):
            part[np.isnan(part)] = np.nan
        return array.shape, array.tobytes()

    def __str__(self) -> str:
        kind = _KIND.get(self.broadcastable)
        if kind is None:
            named = not any(self.broadcastable)
            kind = f"{self.ndim}D" if named else str(self.broadcastable)
        return f"TensorType({self.dtype}, {kind})"

    __repr__ = __str__


@lru_cache(maxsize=4096)
def _tensor_fields(dtype: object, broadcastable: tuple[Any, ...]) -> dict[str, Any]:
    """A tensor type's fields in their one spelling. Types are made with every node, and there are few."""
    name = canonical(dtype)
    return {"dtype": name, "broadcastable": tuple(map(bool, broadcastable)), "numpy_dtype": np.dtype(name)}


_INTEGER_RANGE = {d: (int(np.iinfo(d).min), int(np.iinfo(d).max)) for d in INTEGERS}


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    return f"{value!r} of type {type(value).__name__}"


@dataclass(frozen=True)
class ScalarType(Type):
    """A single number, used for indices; its values are NumPy scalars."""

    dtype: str

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        return np.dtype(self.dtype).type(TensorType(self.dtype, ()).filter(value, strict, allow_downcast))

    def signature(self, value: Any) -> Any:
        return np.asarray(value).tobytes()

    def __str__(self) -> str:
        return self.dtype


@dataclass(frozen=True)
class SliceType(Type):
    """A Python slice."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> slice:
        if not isinstance(value, slice):
            raise TypeError(f"expected a slice, got {value!r}")
        return value

    def signature(self, value: slice) -> Any:
        return value.start, value.stop, value.step

    def __str__(self) -> str:
        return "slice"


@dataclass(frozen=True)
class NoneTypeT(Type):
    """The type of None: an index left out."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> None:
        if value is not None:
            raise TypeError(f"expected None, got {value!r}")

    def __str__(self) -> str:
        return "NoneTypeT"


none_type = NoneTypeT()
NoneConst = Constant(none_type, None, name="NoneConst")


@dataclass(frozen=True)
class RandomStateType(Type):
    """The state of one random stream: for "philox" four uint32, (key0, key1, draw_low, draw_high).

    See `reference.tensor.random` for what the numbers mean. For "numpy" it is as `reference.tensor.legacy` packs it.
    """

    generator: str = "philox"

    WORDS: ClassVar[dict[str, int]] = {"philox": 4, "numpy": 628}

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> np.ndarray:
        if isinstance(value, np.random.RandomState) and self.generator == "numpy":
            from reference.tensor.legacy import packed

            value = packed(value)
        array, words = np.asarray(value), self.WORDS[self.generator]
        if array.dtype != np.uint32 or array.shape != (words,):
            raise TypeError(f"a random state is a uint32 vector of {words}, got {_describe(value)}")
        return array

    def values_eq(self, a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.array_equal(a, b))

    def signature(self, value: np.ndarray) -> Any:
        return value.tobytes()

    def __str__(self) -> str:
        return "RandomStateType"


@dataclass(frozen=True)
class Generic(Type):
    """Any Python object, passed along untouched."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        return value

    def values_eq(self, a: Any, b: Any) -> bool:
        return a is b or bool(a == b)

    def signature(self, value: Any) -> Any:
        return id(value)

    def __str__(self) -> str:
        return "Generic"


generic = Generic()


@dataclass(frozen=True)
class NullType(Type):
    """The type of a gradient that is not defined; `why` is told to the user if the cost needs it."""

    why: str = "no reason was given"

    def __str__(self) -> str:
        return "NullType"


@dataclass(frozen=True)
class DisconnectedType(Type):
    """The type of the gradient of something the cost does not depend on."""

    def __str__(self) -> str:
        return "DisconnectedType"
