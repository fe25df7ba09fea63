"""How many units in the last place another system's functions may be off.

Owns `Foreign`, the executor that the bounds ask. The reference's own table stands for double precision; in single and
half precision other systems round as their libraries do, so rows that are no single rounding get what was measured
with ``python -m difftest.systems --measure``, doubled and rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from difftest.oracle.ulps import Executor

SINGLE = 4.0
"""For a function in single precision that has no row below: what vectorized libraries promise."""
HALF = 1.0
"""In half precision systems compute in single precision and round."""

_ERFC = 900.0
"""SciPy's erfc and XLA's are 443 ulp off at 23.5: the error grows with the square of the argument."""

MEASURED: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("jax", "float64"): {"true_div": 1, "exp2": 90, "sinh": 40, "cosh": 40, "tanh": 14, "erfc": _ERFC},
    ("jax", "float32"): {"true_div": 1, "exp2": 64, "sinh": 50, "cosh": 50, "erf": 10, "erfc": 130},
    ("jax", "float16"): {"true_div": 1, "exp2": 26, "log2": 3, "log10": 3, "arccosh": 4, "sigmoid": 4, "softplus": 3},
    ("pytensor", "float64"): {"erfc": _ERFC, "sigmoid": 4},
    ("theano", "float64"): {"erfc": _ERFC, "sigmoid": 4},
}
"""(system, dtype) -> row -> ulp, where the defaults are too small."""


@dataclass(frozen=True, eq=False)
class Foreign(Executor):
    """Another system as the bounds see it."""

    def extra_ulp(self, row: Any, dtype: str) -> float:
        known = MEASURED.get((self.name, dtype), {}).get(row.name)
        if known is not None:
            return known
        return {"float32": SINGLE, "float16": HALF}.get(dtype, 0.0) if row.transcendental else 0.0


def foreign(system: str, fast: bool) -> Executor:
    return Foreign(system, fast=fast)
