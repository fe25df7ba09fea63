"""Pooling, window by window.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from difftest.model.base import Value, line

Place = tuple[int, ...]


def windows_of(
    shape: Sequence[int], ws: Sequence[int], ignore_border: bool, stride: Sequence[int] | None, pad: Sequence[int]
) -> tuple[list[int], list[list[tuple[int, int]]]]:
    """How many windows there are along each of the last dimensions, and the (first, after the last) of each, of which
    some may lie in the padding."""
    spans: list[list[tuple[int, int]]] = []
    for n, w, s, p in zip(shape[-len(ws) :], ws, stride or ws, pad):
        starts = range(-p, n + p, s)
        if ignore_border:
            spans.append([(a, a + w) for a in starts if a + w <= n + p])
        else:
            # A window that would see nothing new is left out, if windows overlap.
            needed = [a for k, a in enumerate(starts) if k == 0 or s >= w or starts[k - 1] + w < n]
            spans.append([(a, min(a + w, n)) for a in needed])
    return [len(s) for s in spans], spans


def regions(
    x: Value, ws: Sequence[int], ignore_border: bool, stride: Sequence[int] | None = None, pad: Any = None
) -> tuple[Place, Iterator[tuple[Place, tuple[slice, ...], int]]]:
    """The result's shape; and for each place the elements of its window, and how many there are with the padding."""
    pad = pad or (0,) * len(ws)
    counts, spans = windows_of(x.shape, ws, ignore_border, stride, pad)
    shape = (*x.shape[: x.ndim - len(ws)], *counts)

    def each() -> Iterator[tuple[Place, tuple[slice, ...], int]]:
        for place in np.ndindex(*shape):
            own = [s[k] for s, k in zip(spans, place[-len(ws) :])]
            size = int(np.prod([b - a for a, b in own]))
            inner = tuple(slice(max(a, 0), b) for a, b in own)
            yield place, (*(slice(k, k + 1) for k in place[: -len(ws)]), *inner), size

    return shape, each()


def _pooled(x: Value, mode: str = "max", **options: Any) -> Value:
    shape, found = regions(x, **options)
    out = np.zeros(shape, x.dtype)
    for place, inside, size in found:
        seen = x[inside].ravel()
        if mode == "max":
            out[place] = seen[seen.argmax()]
        else:
            total = seen.sum(dtype="float64" if x.dtype.kind == "f" else x.dtype).astype(x.dtype)
            divisor = {"sum": 1, "average_inc_pad": size}.get(mode, seen.size)
            out[place] = total if mode == "sum" else total / np.array(divisor, x.dtype)
    return out


@line
def pool_2d(x: Value, **options: Any) -> Value:
    return _pooled(x, **options)


@line
def pool_3d(x: Value, **options: Any) -> Value:
    return _pooled(x, **options)


@line
def max_pool_2d_same_size(x: Value, ws: Sequence[int]) -> Value:
    """Each window's largest elements, where they are."""
    out = np.zeros_like(x)
    for _, inside, _ in regions(x, ws, True)[1]:
        out[inside] = np.where(x[inside] == x[inside].max(), x[inside], 0)
    return out
