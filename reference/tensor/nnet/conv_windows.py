"""Windows: all places of a small box in an array, as one array, and the way back.

Owns `windows`, a view, and `put_back`, which adds what stands in windows to the elements they were made of. The
order of additions is that of the places within a window. It must not know what is computed in a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x: np.ndarray, lengths: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> np.ndarray:
    """A view of shape (..., *places, *lengths) of the last dimensions of `x`.

    `strides` are the steps from a place to the next, `dilation` those from an element of a window to the next.
    """
    rank = len(lengths)
    reach = [(n - 1) * step + 1 for n, step in zip(lengths, dilation)]
    moving = range(x.ndim - rank, x.ndim)
    if any(x.shape[axis] < n for axis, n in zip(moving, reach)):
        return np.empty((*x.shape[:-rank], *_places(x.shape[-rank:], reach, strides), *lengths), x.dtype)
    view = sliding_window_view(x, reach, tuple(moving))
    taken: Any = (..., *[slice(None, None, step) for step in (*strides, *dilation)])
    return view[taken]


def _places(shape: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> list[int]:
    return [max(0, (n - r) // s + 1) for n, r, s in zip(shape, reach, strides)]


def put_back(
    columns: np.ndarray, shape: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> np.ndarray:
    """An array whose last dimensions have `shape`: each element is the sum of what stands for it in `columns`,
    an array as `windows` gives it."""
    rank = len(shape)
    places, lengths = columns.shape[-2 * rank : -rank], columns.shape[-rank:]
    x = np.zeros((*columns.shape[: -2 * rank], *shape), columns.dtype)
    if columns.size:
        for place in np.ndindex(*lengths):
            begins = [k * step for k, step in zip(place, dilation)]
            covered = [slice(b, b + (n - 1) * s + 1, s) for b, n, s in zip(begins, places, strides)]
            elements: tuple[Any, Any] = ((..., *covered), (..., *place))
            x[elements[0]] += columns[elements[1]]
    return x
