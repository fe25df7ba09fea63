"""Gradients, of which the model knows only dtype and shape; and what only changes how they flow.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.model.base import MODEL, SHAPE_ONLY, Value, shape_line


@shape_line
def grad(cost: Value, *wrt: Value, dtypes: Sequence[str]) -> tuple[Value, ...]:
    return tuple(np.zeros(w.shape, d) for w, d in zip(wrt, dtypes))


def _by_wrt(cost: Value, wrt: Value, *others: Value, dtype: str, **attributes: Any) -> Value:
    return np.zeros(wrt.shape, dtype)


for _name in ("grad_holding", "grad_again", "grad_known", "Lop"):
    MODEL[_name] = _by_wrt
    SHAPE_ONLY.add(_name)


@shape_line
def Rop(x: Value, wrt: Value, g: Value, dtype: str) -> Value:
    return np.zeros(x.shape, dtype)


@shape_line
def jacobian(x: Value, wrt: Value, dtype: str) -> Value:
    return np.zeros(x.shape + wrt.shape, dtype)


@shape_line
def hessian(cost: Value, wrt: Value, dtype: str) -> Value:
    return np.zeros(wrt.shape * 2, dtype)


@shape_line
def subgraph_grad(cost: Value, wrt: Value, end: Value, dtype: str) -> Value:
    return np.zeros(end.shape, dtype)


@shape_line
def clone(x: Value, *pair: Value) -> Value:
    """The same graph on other values."""
    return x.copy()


def _itself(x: Value, **attributes: Any) -> Value:
    return x.copy()


for _name in ("consider_constant", "zero_grad", "disconnected_grad", "undefined_grad", "grad_clip", "grad_scale"):
    MODEL[_name] = _itself

