"""Other values for the inputs of a graph: those at which functions disagree.

Owns the values that rewrites are tried on besides those that a program was drawn with: signed zeros, infinities, NaN,
limits, negative numbers. Shapes and dtypes stay, and so do integers, which may be lengths or places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

TURNS = 2
"""So many times a graph is tried."""

_SPECIAL = (-0.0, 1.5, -2.5, np.nan, 0.0, np.inf, -1.0, 0.5, -np.inf, 2.0, -0.25, 3.0, 1.0)


def probes(order: Sequence[Any], values: Sequence[Any], salt: int) -> Iterator[list[Any]]:
    """`values` with other floats, a few times. None where floats become integers: they might be lengths."""
    if not any(_free(value) for value in values) or any(map(_makes_integers, order)):
        return
    for turn in range(TURNS):
        start = salt + 7 * turn
        yield [_other(value, start + 3 * k) if _free(value) else value for k, value in enumerate(values)]


def _free(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > 0 and value.dtype.kind == "f"


def _makes_integers(node: Any) -> bool:
    dtypes = [[getattr(v.type, "dtype", "") for v in side] for side in (node.inputs, node.outputs)]
    return any(d.startswith("float") for d in dtypes[0]) and any("int" in d for d in dtypes[1])


def _other(value: np.ndarray, start: int) -> np.ndarray:
    """An array of this dtype and shape: special values in turn, from one on."""
    info = np.finfo(value.dtype)
    table = np.array([*_SPECIAL, info.max, -info.smallest_subnormal, info.tiny], value.dtype)
    return table[(np.arange(value.size) + start) % len(table)].reshape(value.shape)
