"""Convolutions, written as what meets what: an element of the padded image, one of the filters, one of the result.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from difftest.model.base import Value, common, line

Place = tuple[int, ...]


class _Setting:
    """Image, filters and result of these shapes, and how the one moves over the other."""

    def __init__(
        self,
        image: Sequence[int],
        kernel: Sequence[int],
        border_mode: Any = "valid",
        subsample: Sequence[int] | None = None,
        filter_flip: bool = True,
        filter_dilation: Sequence[int] | None = None,
        num_groups: int = 1,
        unshared: bool = False,
    ):
        d = len(image) - 2
        self.image, self.kernel, self.flip = tuple(image), tuple(kernel), filter_flip
        self.groups, self.unshared = num_groups, unshared
        self.steps, self.apart = subsample or (1,) * d, filter_dilation or (1,) * d
        self.lengths = self.kernel[-d:]
        reach = [(n - 1) * a + 1 for n, a in zip(self.lengths, self.apart)]
        modes = [border_mode] * d if isinstance(border_mode, str | int) else border_mode
        around = [{"valid": 0, "full": r - 1, "half": r // 2}.get(m, m) for m, r in zip(modes, reach)]  # type: ignore
        self.pads = [p if isinstance(p, tuple) else (p, p) for p in around]
        self.padded = (*self.image[:2], *(n + sum(p) for n, p in zip(self.image[2:], self.pads)))
        places = [(n - r) // s + 1 for n, r, s in zip(self.padded[2:], reach, self.steps)]
        self.result = (self.image[0], self.kernel[0], *places)

    def meetings(self) -> Iterator[tuple[Place, Place, Place]]:
        """(place in the padded image, in the filters, in the result)"""
        channels = self.kernel[-len(self.lengths) - 1]
        each = max(1, self.kernel[0] // self.groups)
        for n, f, *o in np.ndindex(self.result):
            for c, *k in np.ndindex(channels, *self.lengths):
                at = (o_ * s + k_ * a for o_, s, k_, a in zip(o, self.steps, k, self.apart))
                turned = [m - 1 - k_ for m, k_ in zip(self.lengths, k)] if self.flip else k
                yield (n, f // each * channels + c, *at), (f, *(o if self.unshared else ()), c, *turned), (n, f, *o)

    def pad(self, x: Value) -> Value:
        return np.pad(x, [(0, 0), (0, 0), *self.pads])

    def crop(self, x: Value) -> Value:
        inner: Any = (..., *[slice(p[0], p[0] + n) for n, p in zip(self.image[2:], self.pads)])
        return x[inner]


def _wide(*arrays: Value) -> list[Value]:
    """In the dtype of the arithmetic: float64 for every float."""
    dtype = common(*arrays)
    return [x.astype("float64" if dtype.kind == "f" else dtype) for x in arrays]


def _conv(x: Value, w: Value, **options: Any) -> Value:
    setting = _Setting(x.shape, w.shape, **options)
    image, filters = _wide(setting.pad(x), w)
    out = np.zeros(setting.result, image.dtype)
    for i, k, o in setting.meetings():
        out[o] += image[i] * filters[k]
    return out.astype(common(x, w))


def _grad_wrt_inputs(g: Value, w: Value, input_shape: Sequence[int], **options: Any) -> Value:
    setting = _Setting(input_shape, w.shape, **options)
    top, filters = _wide(g, w)
    out = np.zeros(setting.padded, top.dtype)
    for i, k, o in setting.meetings():
        out[i] += top[o] * filters[k]
    return setting.crop(out).astype(common(g, w))


def _grad_wrt_weights(x: Value, g: Value, filter_shape: Sequence[int], **options: Any) -> Value:
    setting = _Setting(x.shape, filter_shape, **options)
    image, top = _wide(setting.pad(x), g)
    out = np.zeros(setting.kernel, top.dtype)
    for i, k, o in setting.meetings():
        out[k] += image[i] * top[o]
    return out.astype(common(x, g))


@line
def conv2d(x: Value, w: Value, **options: Any) -> Value:
    return _conv(x, w, **options)


@line
def conv3d(x: Value, w: Value, **options: Any) -> Value:
    return _conv(x, w, **options)


@line
def conv2d_grad_wrt_inputs(g: Value, w: Value, **options: Any) -> Value:
    return _grad_wrt_inputs(g, w, **options)


@line
def conv3d_grad_wrt_inputs(g: Value, w: Value, **options: Any) -> Value:
    return _grad_wrt_inputs(g, w, **options)


@line
def conv2d_grad_wrt_weights(x: Value, g: Value, **options: Any) -> Value:
    return _grad_wrt_weights(x, g, **options)


@line
def conv3d_grad_wrt_weights(x: Value, g: Value, **options: Any) -> Value:
    return _grad_wrt_weights(x, g, **options)


@line
def conv2d_transpose(g: Value, w: Value, output_shape: Sequence[int], input_dilation: Sequence[int]) -> Value:
    return _grad_wrt_inputs(g, w, output_shape, subsample=input_dilation)


@line
def separable_conv2d(x: Value, depth: Value, point: Value, num_channels: int) -> Value:
    return _conv(_conv(x, depth, num_groups=num_channels), point)


@line
def separable_conv3d(x: Value, depth: Value, point: Value, num_channels: int) -> Value:
    return _conv(_conv(x, depth, num_groups=num_channels), point)


@line
def causal_conv1d(x: Value, w: Value, length: int, filter_dilation: int) -> Value:
    """No result sees what comes after it: zeros stand before the beginning."""
    wide, filters = _wide(x, w)
    out = np.zeros((len(x), len(w), x.shape[2]), wide.dtype)
    before = np.pad(wide, [(0, 0), (0, 0), ((length - 1) * filter_dilation, 0)])
    for n, f, t in np.ndindex(out.shape):
        seen = before[n, :, t : t + (length - 1) * filter_dilation + 1 : filter_dilation]
        out[n, f, t] = np.sum(seen * filters[f, :, ::-1], dtype=out.dtype)
    return out.astype(common(x, w))


@line
def images_conv2d(x: Value, w: Value, border_mode: str) -> Value:
    """Images without channels: a dimension for the batch and one for the filters, where there are several."""
    images, filters = (v if v.ndim == 3 else v[None] for v in (x, w))
    out = _conv(images[:, None], filters[:, None], border_mode=border_mode)
    return out.reshape(*x.shape[:-2], *w.shape[:-2], *out.shape[2:])
