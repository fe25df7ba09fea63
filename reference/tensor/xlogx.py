"""x log x and x log y with their limits at x = 0: `xlogx`, `xlogy0`.

Owns nothing of its own: both are graphs of a product, a logarithm and a choice.
"""

from __future__ import annotations

from typing import Any

from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import and_, eq, gt, invert, log, lt, switch

__all__ = ["xlogx", "xlogy0"]


def xlogx(x: Any) -> Any:
    """``x * log(x)``, 0 where x is 0."""
    x = as_tensor_variable(x)
    return x * log(switch(eq(x, 0), 1, x))


def xlogy0(x: Any, y: Any) -> Any:
    """``x * log(y)``, 0 where x is 0 whatever y is."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    ordinary = and_(gt(y, 0), lt(y, float("inf")))
    return x * log(switch(and_(eq(x, 0), invert(ordinary)), 1, y))
