"""How long a convolution's result is, along each dimension.

Owns the arithmetic of border modes, strides and dilated filters, once for numbers and for symbolic lengths; None
is a length that is not known. It must not know operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "border_mode_to_pad", "get_conv_gradinputs_shape", "get_conv_gradinputs_shape_1axis", "get_conv_gradweights_shape",
    "get_conv_gradweights_shape_1axis", "get_conv_output_shape", "get_conv_shape_1axis",
]  # fmt: skip

MODES = ("valid", "full", "half")


def checked_border_mode(mode: Any, convdim: int) -> Any:
    """'valid', 'full', 'half', or a tuple with an entry a dimension: a number, or a pair (before, after)."""
    if isinstance(mode, str):
        if mode not in MODES:
            raise ValueError(f"border_mode is one of {MODES}, an integer or a tuple, not {mode!r}")
        return mode
    entries = (mode,) * convdim if isinstance(mode, int | np.integer) else mode
    if not isinstance(entries, tuple):
        raise ValueError(f"border_mode is one of {MODES}, an integer or a tuple, not {mode!r}")
    if len(entries) != convdim:
        raise ValueError(f"border_mode {mode!r} has {len(entries)} entries for {convdim} dimensions")
    return tuple(_checked_entry(entry, mode) for entry in entries)


def _checked_entry(entry: Any, mode: Any) -> Any:
    pair = entry if isinstance(entry, tuple) else (entry, entry)
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) and n >= 0 for n in pair):
        raise ValueError(f"border_mode holds integers from 0 up and pairs of them, not {entry!r}: {mode!r}")
    before, after = map(int, pair)
    return before if before == after else (before, after)


def dilated(kernel: Any, dilation: int) -> Any:
    """How far a filter reaches whose elements are `dilation` apart."""
    return kernel if dilation == 1 else (kernel - 1) * dilation + 1


def padding(mode: Any, reach: Any) -> tuple[Any, Any]:
    """What is added before and after a dimension, for a filter that reaches so far."""
    if mode == "valid":
        return 0, 0
    if mode == "full":
        return reach - 1, reach - 1
    if mode == "half":
        return reach // 2, reach // 2
    return mode if isinstance(mode, tuple) else (mode, mode)


def by_axis(mode: Any, convdim: int) -> tuple[Any, ...]:
    """The border mode of each dimension."""
    return (mode,) * convdim if isinstance(mode, str) else tuple(mode)


def border_mode_to_pad(mode: Any, convdim: int, kshp: Sequence[Any]) -> tuple[tuple[Any, Any], ...]:
    """(before, after) for each dimension; `kshp` are the lengths of the (dilated) filter."""
    return tuple(padding(m, n) for m, n in zip(by_axis(checked_border_mode(mode, convdim), convdim), kshp, strict=True))


def get_conv_shape_1axis(
    image_shape: Any, kernel_shape: Any, border_mode: Any, subsample: int, dilation: int = 1
) -> Any:
    """The length of a convolution's result along one dimension."""
    if None in (image_shape, kernel_shape, border_mode, subsample, dilation):
        return None
    reach = dilated(kernel_shape, dilation)
    places = image_shape - reach
    for added in padding(border_mode, reach):
        if not isinstance(added, int) or added:
            places = places + added
    return places + 1 if subsample == 1 else places // subsample + 1


def get_conv_output_shape(
    image_shape: Sequence[Any],
    kernel_shape: Sequence[Any],
    border_mode: Any,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    """The shape of a convolution's result: (batch, filters, *lengths)."""
    convdim = len(subsample)
    dilation = (1,) * convdim if filter_dilation is None else filter_dilation
    modes = by_axis(border_mode, convdim)
    lengths = map(get_conv_shape_1axis, image_shape[2:], kernel_shape[-convdim:], modes, subsample, dilation)
    return (image_shape[0], kernel_shape[0], *lengths)


def get_conv_gradweights_shape_1axis(
    image_shape: Any, top_shape: Any, border_mode: Any, subsample: int, dilation: int
) -> Any:
    """The length of the filter along one dimension; None where several lengths give the same result."""
    if None in (image_shape, top_shape, border_mode, subsample, dilation) or subsample != 1 or border_mode == "half":
        return None
    if border_mode == "full":
        reach = top_shape - image_shape + 1
    else:
        reach = image_shape + sum(padding(border_mode, 0)) - top_shape + 1
    return reach if dilation == 1 else (reach - 1) // dilation + 1


def get_conv_gradweights_shape(
    image_shape: Sequence[Any],
    top_shape: Sequence[Any],
    border_mode: Any,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
    unshared: bool = False,
) -> tuple[Any, ...]:
    """The shape of the filters that lead from an image of one shape to a result of the other, as far as it is known."""
    convdim = len(subsample)
    dilation = (1,) * convdim if filter_dilation is None else filter_dilation
    modes = by_axis(border_mode, convdim)
    lengths = map(get_conv_gradweights_shape_1axis, image_shape[2:], top_shape[2:], modes, subsample, dilation)
    channels = None if image_shape[1] is None else image_shape[1] // num_groups
    places = tuple(top_shape[2:]) if unshared else ()
    return (top_shape[1], *places, channels, *lengths)


def get_conv_gradinputs_shape_1axis(
    kernel_shape: Any, top_shape: Any, border_mode: Any, subsample: int, dilation: int
) -> Any:
    """The length of the image along one dimension; None where several lengths give the same result."""
    if None in (kernel_shape, top_shape, border_mode, subsample, dilation) or subsample != 1:
        return None
    reach = dilated(kernel_shape, dilation)
    return top_shape + reach - 1 - sum(padding(border_mode, reach))


def get_conv_gradinputs_shape(
    kernel_shape: Sequence[Any],
    top_shape: Sequence[Any],
    border_mode: Any,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
) -> tuple[Any, ...]:
    """The shape of the image that filters turn into a result of one shape, as far as it is known."""
    convdim = len(subsample)
    dilation = (1,) * convdim if filter_dilation is None else filter_dilation
    modes = by_axis(border_mode, convdim)
    lengths = map(get_conv_gradinputs_shape_1axis, kernel_shape[-convdim:], top_shape[2:], modes, subsample, dilation)
    channels = kernel_shape[-convdim - 1]
    return (top_shape[0], None if channels is None else channels * num_groups, *lengths)
