"""The length of a slice, as a graph.

Owns the arithmetic of ``start:stop:step`` on a dimension, in Python's meaning, simplified as far as constants
allow. It must not know operations that index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.graph.core import Constant, Variable
from reference.graph.types import ScalarType
from reference.tensor.basic import constant
from reference.tensor.elemwise import add, cast, int_div, lt, maximum, minimum, neg, sub, switch
from reference.tensor.shape import ONE, tensor_from_scalar


def known_index(x: Any) -> int | None:
    """A Python int if `x` is one, or a constant."""
    if isinstance(x, Constant):
        return int(x.data)
    return int(x) if isinstance(x, int | np.integer) else None


def _tensor(x: Any) -> Variable:
    return tensor_from_scalar(x) if isinstance(x.type, ScalarType) else x


def _as_length(x: Any) -> Variable:
    """An index value as an int64 0-d tensor."""
    known = known_index(x)
    return constant(np.int64(known)) if known is not None else cast(_tensor(x), "int64")


def slice_length(n: Any, start: Any = None, stop: Any = None, step: Any = None) -> Variable:
    """How many elements ``start:stop:step`` takes from `n`, as an int64 scalar; parts are None, numbers or
    integer scalars."""
    if start is None and stop is None and step is None:
        return n
    known = [known_index(p) for p in (n, start, stop, step)]
    if known[0] is not None and all((k is None) == (p is None) for k, p in zip(known[1:], (start, stop, step))):
        return constant(np.int64(len(range(known[0])[slice(*known[1:])])))
    n = _as_length(n)
    stride = 1 if step is None else known_index(step)
    if stride is not None:
        return _slice_length(n, start, stop, stride, stride > 0)
    size = _as_length(step)
    return switch(lt(size, 0), _slice_length(n, start, stop, size, False), _slice_length(n, start, stop, size, True))


def _slice_length(n: Variable, start: Any, stop: Any, step: Any, rising: bool) -> Variable:
    zero = constant(np.int64(0))
    low, high = (zero, n) if rising else (constant(np.int64(-1)), sub(n, ONE))
    first = (low if rising else high) if start is None else _within(start, n, low, high)
    last = (high if rising else low) if stop is None else _within(stop, n, low, high)
    distance = sub(last, first) if rising else sub(first, last)
    if rising and first is zero:
        distance = last
    if step in (1, -1) and isinstance(step, int):
        return distance if rising and first is zero else maximum(distance, zero)
    size = _as_length(step) if rising else (constant(np.int64(-step)) if isinstance(step, int) else neg(step))
    return maximum(int_div(sub(add(distance, size), ONE), size), zero)


def _within(place: Any, n: Variable, low: Variable, high: Variable) -> Variable:
    """A slice bound counted from the end if negative, then moved into [low, high]."""
    known = known_index(place)
    place = _as_length(place)
    if known is not None and known >= 0:
        return minimum(place, high)
    if known is not None:
        return maximum(add(place, n), low)
    return switch(lt(place, 0), maximum(add(place, n), low), minimum(place, high))
