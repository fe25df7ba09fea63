"""What a row of the scalar table is.

Owns `ScalarOp` and the dtype rules rows are made of; `scalar.py` holds the rows themselves. It must not
know tensors or graphs: a gradient is written with operators and with the namespace it is handed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.dtypes import BOOL, COMPLEX, DISCRETE, FLOATS, upcast

DtypeRule = Callable[..., str]
"""Input dtypes -> one dtype; raises TypeError where the operation has no meaning."""


def same(*dtypes: str) -> str:
    """The common dtype."""
    return upcast(*dtypes)


def to_float(*dtypes: str) -> str:
    """The common dtype if continuous, else the float that holds it: int8 -> float16, int64 -> float64.

    Theano's rule for functions of integers: exp(int8) is float32 there because it never makes
    float16 of integers; we follow it.
    """
    dtype = upcast(*dtypes)
    if dtype not in DISCRETE:
        return dtype
    return "float32" if np.dtype(dtype).itemsize <= 2 else "float64"


def to_bool(*dtypes: str) -> str:
    return BOOL


@dataclass(frozen=True, eq=False)
class ScalarOp:
    """One elementwise operation: what its value is, its dtype, its gradient.

    name           as printed in ``Elemwise{name,no_inplace}`` and spelled in other tables.
    nin            number of operands; -1: two or more (associative).
    numpy          the value, a function of arrays already cast to `compute` dtype.
    out            dtype rule of the result.
    compute        dtype rule of what the operands are cast to first; None: the result's dtype.
    grad           (ns, inputs, output, g) -> one gradient an input, None where it is disconnected;
                   `ns` is the tensor namespace (``ns.exp``). Gradients are given for real dtypes.
    transcendental not one of the correctly rounded operations: float32 and float16 are computed in
                   float64 and rounded once, unless config.float32_math == "native".
    ulp            largest error of `numpy` in float64, in units in the last place (0: correctly rounded).
    commutative, associative, idempotent   algebra that rewrites may use.
    domain         closed interval of real operands with a real result, None: all.
    monotone       +1 rising, -1 falling on the whole domain, 0 neither; unary rows only.
    critical       unary, not monotone: where it turns within the domain, for interval hulls: a tuple of
                   points, or the period's half as a string such as "pi" is spelled in difftest.
    jumps          where the value jumps or the gradient is a matter of definition ("integer", "zero", "ties").
    bare           printed without ``Elemwise{...,no_inplace}``: sigmoid, softplus.
    needs          "scipy" if the value needs it.
    """

    name: str
    nin: int
    numpy: Callable[..., Any]
    out: DtypeRule = same
    compute: DtypeRule | None = None
    grad: Callable[..., Any] | None = None
    transcendental: bool = False
    ulp: float = 0
    commutative: bool = False
    associative: bool = False
    idempotent: bool = False
    domain: tuple[float, float] | None = None
    monotone: int = 0
    critical: tuple[float, ...] = ()
    jumps: str = ""
    bare: bool = False
    needs: str = ""

    def output_dtype(self, *dtypes: str) -> str:
        """dtype of the result for operand dtypes; TypeError if the operation has no meaning for them."""
        if self.nin >= 0 and len(dtypes) != self.nin or self.nin < 0 and not dtypes:
            raise TypeError(f"{self.name} takes {self.nin} operands, got {len(dtypes)}")
        return self.out(*dtypes)

    def compute_dtype(self, *dtypes: str) -> str:
        """The dtype operands are cast to before `numpy` sees them."""
        return (self.compute or self.out)(*dtypes)

    def __call__(self, *operands: np.ndarray) -> np.ndarray:
        """The meaning, on arrays (or NumPy scalars) that broadcast; the result has `output_dtype`."""
        dtypes = tuple(x.dtype.name for x in operands)
        inner, wide, outer = self._plan(dtypes, config.float32_math == "native")
        with np.errstate(all="ignore"):
            result = self.numpy(*[x if x.dtype.name == wide else x.astype(wide) for x in operands])
            if result.dtype.name != outer:
                result = result.astype(outer)
        return result

    def _plan(self, dtypes: tuple[str, ...], native: bool) -> tuple[str, str, str]:
        key = (self.name, dtypes, native)
        try:
            return _PLANS[key]
        except KeyError:
            pass
        outer = self.output_dtype(*dtypes)
        inner = self.compute_dtype(*dtypes)
        wide = inner
        if self.transcendental and not native:
            wide = {"float16": "float64", "float32": "float64", "complex64": "complex128"}.get(inner, inner)
        elif inner == "float16" and self.transcendental:
            wide = "float32"
        _PLANS[key] = inner, wide, outer
        return _PLANS[key]

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        from reference import scalar

        return scalar.by_name, (self.name,)


_PLANS: dict[tuple[str, tuple[str, ...], bool], tuple[str, str, str]] = {}

__all__ = ["BOOL", "COMPLEX", "FLOATS", "ScalarOp", "same", "to_bool", "to_float"]
