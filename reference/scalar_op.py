"""What a row of the scalar table is.

Owns `ScalarOp` and the dtype rules rows are made of; `scalar.py` holds the rows themselves. It must not
know tensors or graphs: a gradient is written with operators and with the namespace it is handed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from reference.config import config
from reference.graph.dtypes import BOOL, COMPLEX, DISCRETE, FLOATS, upcast

DtypeRule = Callable[..., str]
"""Operand dtypes -> one dtype; raises TypeError where the operation has no meaning."""

OperandRule = Callable[..., "str | tuple[str, ...]"]
"""Operand dtypes -> what operands are cast to: one dtype for all, or one each."""


def same(*dtypes: str) -> str:
    """The common dtype."""
    return upcast(*dtypes)


def no_bool(*dtypes: str) -> str:
    """The common dtype, which must not be bool."""
    dtype = upcast(*dtypes)
    if dtype == BOOL:
        raise TypeError("not defined for bool; cast to an integer dtype, or use ^ and ~")
    return dtype


def real(*dtypes: str) -> str:
    """The common dtype, which must not be complex."""
    dtype = upcast(*dtypes)
    if dtype in COMPLEX:
        raise TypeError("not defined for complex numbers")
    return dtype


def discrete(*dtypes: str) -> str:
    """The common dtype, which must be an integer or bool."""
    dtype = upcast(*dtypes)
    if dtype not in DISCRETE:
        raise TypeError("defined for integers and bool only")
    return dtype


def to_float(*dtypes: str) -> str:
    """The common dtype, integers of at most two bytes counting as float32, larger ones as float64."""
    return upcast(*[d if d not in DISCRETE else "float32" if np.dtype(d).itemsize <= 2 else "float64" for d in dtypes])


def to_real_float(*dtypes: str) -> str:
    """As `to_float`, and complex numbers are refused."""
    return real(to_float(*dtypes))


def to_bool(*dtypes: str) -> str:
    return BOOL


def to_part(*dtypes: str) -> str:
    """The dtype of the real part; that of a real number is its own."""
    dtype = upcast(*dtypes)
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def by_itself(*dtypes: str) -> tuple[str, ...]:
    """Operands stay as they are."""
    return dtypes


class AsUfunc(NamedTuple):
    """A NumPy function, the dtypes that its operands are cast to first, and that of what it gives, cast as well."""

    ufunc: np.ufunc
    operands: tuple[str, ...]
    result: str


@dataclass(frozen=True, eq=False)
class ScalarOp:
    """One elementwise operation: what its value is, its dtype, its gradient.

    name           as printed in ``Elemwise{name,no_inplace}`` and spelled in other tables.
    nin            number of operands; -1: any number, taken from left to right.
    numpy          the value, a function of arrays already cast to `compute` dtype.
    out            dtype rule of the result.
    compute        dtype rule of what the operands are cast to first; None: the result's dtype.
    grad           (ns, inputs, output, g) -> one gradient an input, None where it is disconnected;
                   `ns` is the tensor namespace (``ns.exp``). Gradients are given for real dtypes.
    transcendental not one of the correctly rounded operations: float32 and float16 are computed in
                   float64 and rounded once, unless config.float32_math == "native".
    ulp            largest error of `numpy` in float64, in units in the last place (0: correctly rounded);
                   near a zero of the function other than the origin, of the function's scale around it.
    commutative, associative, idempotent   algebra that rewrites may use.
    domain         closed interval of real operands with a real result, None: all.
    monotone       +1 rising, -1 falling on the whole domain, 0 neither; unary rows only.
    critical       unary, not monotone: where it turns within the domain, for interval hulls.
    period         the turning points repeat with this period; 0: they do not.
    jumps          where the value jumps or the gradient is a matter of definition: "integers", "halves",
                   "zero", "poles", "ties", "breaks" (of a piecewise formula), "range" (of a dtype).
    analytic       False where `grad` keeps the rule of `reference.complex_gradient` itself: it depends on more than z.
    bare           printed without ``Elemwise{...,no_inplace}``: sigmoid, softplus.
    needs          "scipy" if the value needs it.
    """

    name: str
    nin: int
    numpy: Callable[..., Any]
    out: DtypeRule = same
    compute: OperandRule | None = None
    grad: Callable[..., Any] | None = None
    transcendental: bool = False
    ulp: float = 0
    commutative: bool = False
    associative: bool = False
    idempotent: bool = False
    domain: tuple[float, float] | None = None
    monotone: int = 0
    critical: tuple[float, ...] = ()
    period: float = 0.0
    jumps: str = ""
    analytic: bool = True
    bare: bool = False
    needs: str = ""
    python: ClassVar[bool] = False
    """Defined by a program: only Python knows its value."""
    _plans: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def output_dtype(self, *dtypes: str) -> str:
        """dtype of the result for operand dtypes; TypeError if the operation has no meaning for them."""
        if len(dtypes) != self.nin and (self.nin >= 0 or not dtypes):
            wanted = "at least one operand" if self.nin < 0 else f"{self.nin} operand{'s' * (self.nin > 1)}"
            raise TypeError(f"{self.name} takes {wanted}, got {len(dtypes)}")
        try:
            return self.out(*dtypes)
        except TypeError as error:
            raise TypeError(f"{self.name}({', '.join(dtypes)}): {error}") from None

    def operand_dtypes(self, *dtypes: str) -> tuple[str, ...]:
        """The dtype each operand is cast to, before `transcendental` widens it."""
        inner = (self.compute or self.out)(*dtypes)
        return (inner,) * len(dtypes) if isinstance(inner, str) else inner

    def compute_dtype(self, *dtypes: str) -> str:
        """The dtype of the arithmetic: what the last operand is cast to."""
        return self.operand_dtypes(*dtypes)[-1]

    def __call__(self, *operands: Any) -> Any:
        """The meaning, on arrays (or NumPy scalars) that broadcast; the result has `output_dtype`.

        Floating-point warnings are the caller's business: enter ``numpy.errstate(all="ignore")`` once
        around many calls.
        """
        if len(operands) == 1:
            key = operands[0].dtype
        elif len(operands) == 2:
            key = operands[0].dtype, operands[1].dtype
        else:
            key = tuple([x.dtype for x in operands])
        try:
            exact, native, outer = self._plans[key]
        except KeyError:
            exact, native, outer = self._plans[key] = self._plan(*[x.dtype.name for x in operands])
        casts = exact if exact is native or config.float32_math == "exact" else native
        if casts is not None:
            operands = tuple([x.astype(d, copy=False) for x, d in zip(operands, casts)])
        result = _forwards(self.numpy)(*operands) if self.transcendental else self.numpy(*operands)
        return result if result.dtype == outer else result.astype(outer)

    @cache  # noqa: B019 - rows live as long as the program
    def specialized(self, *dtypes: str) -> Callable[..., Any]:
        """The same meaning for operands of these dtypes only: the bare NumPy function where it does it all."""
        exact, native, outer = self._plan(*dtypes)
        value = getattr(self.numpy, "binary", self.numpy) if len(dtypes) == 2 else self.numpy
        if value(*[np.empty(0, d) for d in native or dtypes]).dtype != outer:
            return self
        if self.transcendental:
            value = _forwards_of_one(value) if len(dtypes) == 1 else _forwards(value)
        if exact is None:
            return value
        if native == exact:
            casts = [d if d != given else None for d, given in zip(exact, dtypes)]
            return lambda *operands: value(*[x if d is None else x.astype(d) for x, d in zip(operands, casts)])
        if native is not None:
            return self
        widened, narrow = exact, outer

        def transcendental(*operands: Any) -> Any:
            if config.float32_math == "native":
                return value(*operands)
            return value(*[x.astype(d, copy=False) for x, d in zip(operands, widened)]).astype(narrow)

        return transcendental

    def as_ufunc(self, *dtypes: str) -> AsUfunc | None:
        """The same meaning, under what config.float32_math says now, as a NumPy function that can be told where its
        result goes; None if it is none. One of two operands is applied from left to right."""
        value = getattr(self.numpy, "binary", self.numpy)
        if not isinstance(value, np.ufunc) or value.nin != min(len(dtypes), 2):
            return None
        exact, native, _ = self._plan(*dtypes)
        operands = (exact if config.float32_math == "exact" else native) or dtypes
        return AsUfunc(value, operands, value(*[np.empty(0, d) for d in operands[:2]]).dtype.name)

    def _plan(self, *dtypes: str) -> tuple[Any, Any, np.dtype[Any]]:
        """What each operand is cast to under either value of config.float32_math (None: nothing is), and
        the result's dtype."""
        outer = np.dtype(self.output_dtype(*dtypes))
        exact = native = self.operand_dtypes(*dtypes)
        if self.transcendental and any(d in _WIDEN for d in exact):
            native = tuple("float32" if d == "float16" else d for d in exact)
            exact = tuple(_WIDEN.get(d, d) for d in exact)
        return None if exact == dtypes else exact, None if native == dtypes else native, outer

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        from reference import scalar

        return scalar.by_name, (self.name,)


def _forwards(value: Callable[..., Any]) -> Callable[..., Any]:
    """`value` of operands that run forwards: NumPy's functions round otherwise where memory is read backwards."""

    def run(*operands: Any) -> Any:
        return value(*[x.copy() if min(x.strides, default=0) < 0 else x for x in operands])

    return run


def _forwards_of_one(value: Callable[..., Any]) -> Callable[..., Any]:
    """The same for one operand, as loops call it with small arrays very often."""

    def run(x: np.ndarray) -> Any:
        for stride in x.strides:
            if stride < 0:
                return value(x.copy())
        return value(x)

    return run


_WIDEN = {"float16": "float64", "float32": "float64", "complex64": "complex128"}

__all__ = [
    "BOOL", "COMPLEX", "DISCRETE", "FLOATS", "DtypeRule", "OperandRule", "ScalarOp", "by_itself", "discrete",
    "no_bool", "real", "same", "to_bool", "to_float", "to_part", "to_real_float",
]  # fmt: skip
