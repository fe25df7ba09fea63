"""Convolutions on arrays, as products of matrices.

Owns `Layout`: how an image, filters and a result become matrices, and back. One row of `columns` is what lies under
the filter at one place of one image; the row times the filters is the result there. Groups, and places with filters
of their own, are products apart. It must not know graphs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from reference.tensor.nnet.conv_windows import put_back, windows


@dataclass(frozen=True)
class Layout:
    """Shapes are those of the arrays: `image` (batch, channels, *lengths), `kernel` (filters, channels of a group,
    *lengths) or (filters, *places, channels of a group, *lengths), `top`, the result (batch, filters, *places)."""

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    top: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    subsample: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    flip: bool
    unshared: bool

    @property
    def rank(self) -> int:
        return len(self.subsample)

    @property
    def box(self) -> tuple[int, ...]:
        """(channels of a group, *lengths of a filter)"""
        return self.kernel[-self.rank - 1 :]

    @property
    def places(self) -> tuple[int, ...]:
        return self.top[2:]

    @property
    def own(self) -> tuple[int, ...]:
        """The places that have filters of their own."""
        return self.places if self.unshared else ()

    @property
    def batches(self) -> tuple[int, int]:
        """(products for each group, rows of each)"""
        places, images = prod(self.places), self.top[0]
        return (places, images) if self.unshared else (1, places * images)

    def columns(self, image: np.ndarray) -> np.ndarray:
        """(groups, products, rows, elements of the box)"""
        padded = np.pad(image, [(0, 0), (0, 0), *self.pads])
        seen = _cut(windows(padded, self.box[1:], self.subsample, self.dilation), 1, self.groups)
        order = (1, *range(3, 3 + self.rank), 0, 2, *range(3 + self.rank, seen.ndim))
        return seen.transpose(order).reshape(self.groups, *self.batches, prod(self.box))

    def image_of(self, columns: np.ndarray) -> np.ndarray:
        """The image of which these are the columns, what stands for one element added up."""
        d = self.rank
        apart = columns.reshape(self.groups, *self.places, self.top[0], *self.box)
        seen = apart.transpose(1 + d, 0, 2 + d, *range(1, 1 + d), *range(3 + d, apart.ndim))
        seen = seen.reshape(self.top[0], self.image[1], *self.places, *self.box[1:])
        padded = [n + before + after for n, (before, after) in zip(self.image[2:], self.pads)]
        image = put_back(seen, padded, self.subsample, self.dilation)
        inner: Any = (..., *[slice(before, before + n) for n, (before, _) in zip(self.image[2:], self.pads)])
        return image[inner]

    def filters(self, kern: np.ndarray) -> np.ndarray:
        """(groups, products, elements of the box, filters of a group)"""
        grouped = np.moveaxis(_cut(self._turned(kern), 0, self.groups), 1, -1)
        return grouped.reshape(self.groups, self.batches[0], prod(self.box), self.kernel[0] // self.groups)

    def filters_of(self, matrices: np.ndarray) -> np.ndarray:
        apart = matrices.reshape(self.groups, *self.own, *self.box, self.kernel[0] // self.groups)
        return self._turned(np.moveaxis(apart, -1, 1).reshape(self.kernel))

    def _turned(self, kern: np.ndarray) -> np.ndarray:
        return np.flip(kern, tuple(range(-self.rank, 0))) if self.flip else kern

    def rows(self, top: np.ndarray) -> np.ndarray:
        """(groups, products, rows, filters of a group)"""
        grouped = _cut(top, 1, self.groups)
        order = (1, *range(3, 3 + self.rank), 0, 2)
        return grouped.transpose(order).reshape(self.groups, *self.batches, self.kernel[0] // self.groups)

    def top_of(self, rows: np.ndarray) -> np.ndarray:
        d = self.rank
        apart = rows.reshape(self.groups, *self.places, self.top[0], self.kernel[0] // self.groups)
        return apart.transpose(1 + d, 0, 2 + d, *range(1, 1 + d)).reshape(self.top)


def _cut(x: np.ndarray, axis: int, groups: int) -> np.ndarray:
    """A dimension as two: (groups, the rest)."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])
