"""Convolutions for users: ``T.nnet.conv2d`` and its kin.

Owns the public functions, each a graph of the operations of `conv_op`. It must not compute.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.config import config
from reference.tensor.assertion import Assert
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import eq, ge
from reference.tensor.joining import concatenate
from reference.tensor.nnet.conv_op import (
    AbstractConv2d,
    AbstractConv2d_gradInputs,
    AbstractConv2d_gradWeights,
    AbstractConv3d,
    AbstractConv3d_gradInputs,
    AbstractConv3d_gradWeights,
)
from reference.tensor.nnet.conv_shape import (
    border_mode_to_pad,
    get_conv_gradinputs_shape,
    get_conv_gradinputs_shape_1axis,
    get_conv_gradweights_shape,
    get_conv_gradweights_shape_1axis,
    get_conv_output_shape,
    get_conv_shape_1axis,
)

__all__ = [
    "AbstractConv2d", "AbstractConv2d_gradInputs", "AbstractConv2d_gradWeights", "AbstractConv3d",
    "AbstractConv3d_gradInputs", "AbstractConv3d_gradWeights", "assert_conv_shape", "assert_shape",
    "bilinear_kernel_1D", "bilinear_kernel_2D", "bilinear_upsampling", "border_mode_to_pad", "causal_conv1d",
    "conv2d", "conv2d_grad_wrt_inputs", "conv2d_grad_wrt_weights", "conv2d_transpose", "conv3d",
    "conv3d_grad_wrt_inputs", "conv3d_grad_wrt_weights", "get_conv_gradinputs_shape",
    "get_conv_gradinputs_shape_1axis", "get_conv_gradweights_shape", "get_conv_gradweights_shape_1axis",
    "get_conv_output_shape", "get_conv_shape_1axis", "separable_conv2d", "separable_conv3d",
]  # fmt: skip


def conv2d(
    input: Any,
    filters: Any,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    image_shape: Any = None,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Any:
    """The convolution of images (batch, channels, rows, columns) with filters (filters, channels, rows, columns).

    border_mode   'valid': filters lie wholly on the image; 'full': they overlap it at all; 'half': zeros around, as
                  many as half a filter; an integer, or a tuple of an integer or a pair (before, after) for each of
                  rows and columns: so many zeros
    subsample     the steps from one place to the next
    filter_flip   True: filters are turned round, as mathematics has it; False: laid on as they are (correlation)
    filter_dilation   how far apart elements of a filter lie on the image
    num_groups    channels and filters are cut into so many groups; filters have the channels of their group
    unshared      each place has its own filters (filters, places.., channels, rows, columns)

    `input_shape` (once `image_shape`) and `filter_shape` are notes; with ``config.conv.assert_shape`` they are checked.
    """
    if image_shape is not None:
        if input_shape is not None:
            raise ValueError("conv2d takes input_shape or image_shape, its older name, not both")
        input_shape = image_shape
    op = AbstractConv2d(
        input_shape, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
    )
    return op(*_checked("conv2d", input, input_shape, filters, filter_shape))


def conv3d(
    input: Any,
    filters: Any,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1),
    num_groups: int = 1,
) -> Any:
    """`conv2d` of volumes (batch, channels, depth, rows, columns)."""
    op = AbstractConv3d(input_shape, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups)
    return op(*_checked("conv3d", input, input_shape, filters, filter_shape))


def _checked(name: str, input: Any, input_shape: Any, filters: Any, filter_shape: Any) -> tuple[Any, Any]:
    """Images and filters, which the graph checks for the shapes they should have if the flag says so."""
    return (
        assert_shape(input, input_shape, f"{name}: the images do not have the input_shape {input_shape}"),
        assert_shape(filters, filter_shape, f"{name}: the filters do not have the filter_shape {filter_shape}"),
    )


def assert_shape(x: Any, expected_shape: Any, msg: str = "Unexpected shape.") -> Any:
    """`x`, which must have that shape, None standing for any length, if ``config.conv.assert_shape`` is set."""
    if expected_shape is None or not config.conv.assert_shape:
        return x
    x = as_tensor_variable(x)
    tests = [eq(x.shape[k], n) for k, n in enumerate(expected_shape) if n is not None]
    return Assert(msg)(x, *tests) if tests else x


def assert_conv_shape(shape: Any) -> tuple[Any, ...]:
    """The lengths of a convolution's images, filters or results, of which all but the first two must be positive:
    ValueError for a number that is not, a check in the graph for a variable."""
    checked = []
    for k, n in enumerate(shape):
        least = 0 if k < 2 else 1
        text = f"the convolution would have an invalid shape: dimension {k} must be at least {least}"
        if isinstance(n, int | np.integer):
            if n < least:
                raise ValueError(f"{text}, not {n}")
        else:
            n = Assert(text)(n, ge(n, least))
        checked.append(n)
    return tuple(checked)


def _given(shape: Any, convdim: int, name: str) -> tuple[tuple[int | None, ...], list[Any]]:
    """What is known of a shape while the graph is built, and its last lengths."""
    entries = list(shape) if isinstance(shape, list | tuple | np.ndarray) else [shape[k] for k in range(2 + convdim)]
    if any(n is None for n in entries[-convdim:]):
        raise ValueError(f"{name} gives the last {convdim} lengths, as integers or variables, not None: {shape!r}")
    return tuple(int(n) if isinstance(n, int | np.integer) else None for n in entries), entries[-convdim:]


def conv2d_grad_wrt_inputs(
    output_grad: Any,
    filters: Any,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Any:
    """The gradient of `conv2d` by its images, whose shape is `input_shape`: numbers, variables, or None for the
    first two, which follow from the others."""
    known, lengths = _given(input_shape, 2, "input_shape")
    op = AbstractConv2d_gradInputs(
        known, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
    )
    return op(filters, output_grad, lengths)


def conv3d_grad_wrt_inputs(
    output_grad: Any,
    filters: Any,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1),
    num_groups: int = 1,
) -> Any:
    """The gradient of `conv3d` by its volumes, as `conv2d_grad_wrt_inputs`."""
    known, lengths = _given(input_shape, 3, "input_shape")
    op = AbstractConv3d_gradInputs(
        known, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups
    )
    return op(filters, output_grad, lengths)


def conv2d_grad_wrt_weights(
    input: Any,
    output_grad: Any,
    filter_shape: Any,
    input_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Any:
    """The gradient of `conv2d` by its filters, whose shape is `filter_shape`: numbers, variables, or None for all but
    the last two."""
    known, lengths = _given(filter_shape, 2, "filter_shape")
    op = AbstractConv2d_gradWeights(
        input_shape, known, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
    )
    return op(input, output_grad, lengths)


def conv3d_grad_wrt_weights(
    input: Any,
    output_grad: Any,
    filter_shape: Any,
    input_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1),
    num_groups: int = 1,
) -> Any:
    """The gradient of `conv3d` by its filters, as `conv2d_grad_wrt_weights`."""
    known, lengths = _given(filter_shape, 3, "filter_shape")
    op = AbstractConv3d_gradWeights(
        input_shape, known, border_mode, subsample, filter_flip, filter_dilation, num_groups
    )
    return op(input, output_grad, lengths)


def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    input_dilation: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Any:
    """The convolution that leads from a result of `conv2d` back to an image of shape `output_shape`: filters, with
    the channels of `input` first, are added up `input_dilation` apart."""
    return conv2d_grad_wrt_inputs(
        input, filters, output_shape, filter_shape, border_mode, input_dilation, filter_flip, filter_dilation,
        num_groups, unshared,
    )  # fmt: skip


def separable_conv2d(
    input: Any,
    depthwise_filters: Any,
    pointwise_filters: Any,
    num_channels: int,
    input_shape: Any = None,
    depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
) -> Any:
    """Filters of one channel each for every one of `num_channels`, and then filters of one element that mix them."""
    channels = conv2d(
        input, depthwise_filters, input_shape, depthwise_filter_shape, border_mode, subsample, filter_flip, None,
        filter_dilation, num_channels,
    )  # fmt: skip
    return conv2d(channels, pointwise_filters, None, pointwise_filter_shape, filter_flip=filter_flip)


def separable_conv3d(
    input: Any,
    depthwise_filters: Any,
    pointwise_filters: Any,
    num_channels: int,
    input_shape: Any = None,
    depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1),
) -> Any:
    """`separable_conv2d` of volumes."""
    channels = conv3d(
        input, depthwise_filters, input_shape, depthwise_filter_shape, border_mode, subsample, filter_flip,
        filter_dilation, num_channels,
    )  # fmt: skip
    return conv3d(channels, pointwise_filters, None, pointwise_filter_shape, filter_flip=filter_flip)


def causal_conv1d(
    input: Any,
    filters: Any,
    filter_shape: Any,
    input_shape: Any = None,
    subsample: int = 1,
    filter_flip: bool = True,
    filter_dilation: int = 1,
    num_groups: int = 1,
    unshared: bool = False,
) -> Any:
    """The convolution of sequences (batch, channels, time) with filters (filters, channels, time), of which no
    result looks ahead. `filter_shape` must tell the filters' length."""
    past = (filter_shape[-1] - 1) * filter_dilation
    input, filters = as_tensor_variable(input), as_tensor_variable(filters)
    wide = conv2d(
        input.dimshuffle(0, 1, 2, "x"),
        filters.dimshuffle(0, 1, "x", 2, 3, "x") if unshared else filters.dimshuffle(0, 1, 2, "x"),
        border_mode=((past, 0), 0),
        subsample=(subsample, 1),
        filter_flip=filter_flip,
        filter_dilation=(filter_dilation, 1),
        num_groups=num_groups,
        unshared=unshared,
    )
    return wide[:, :, :, 0]


def bilinear_kernel_1D(ratio: Any, normalize: bool = True) -> Any:
    """The triangle that spreads a value over `ratio` places to both sides; its top is 1, or 1 / ratio."""
    ramp = np.arange(1, ratio + 1, dtype=config.floatX)
    triangle = np.concatenate([ramp, ramp[-2::-1]])
    return constant(np.true_divide(triangle, ratio, dtype=triangle.dtype) if normalize else triangle)


def bilinear_kernel_2D(ratio: Any, normalize: bool = True) -> Any:
    """The product of two of `bilinear_kernel_1D`, a pyramid."""
    side = bilinear_kernel_1D(ratio, normalize)
    return side.dimshuffle(0, "x") * side.dimshuffle("x", 0)


def bilinear_upsampling(
    input: Any,
    ratio: int | None = None,
    frac_ratio: Any = None,
    batch_size: int | None = None,
    num_input_channels: int | None = None,
    use_1D_kernel: bool = True,
) -> Any:
    """Images `ratio` times as large, in between by straight lines; edges are repeated outwards."""
    if ratio is None or frac_ratio is not None:
        raise NotImplementedError("bilinear_upsampling takes an integer `ratio`; fractions are not implemented")
    x = as_tensor_variable(input)
    batch, channels, rows, columns = (x.shape[k] for k in range(4))
    flat = x.reshape((batch * channels, 1, rows, columns))
    for axis in (2, 3):
        first, last = (_part(flat, axis, place) for place in (slice(0, 1), slice(-1, None)))
        flat = concatenate([first, flat, last], axis=axis)
    pad = 2 * ratio - (ratio - 1) // 2 - 1
    kernel = bilinear_kernel_2D(ratio).dimshuffle("x", "x", 0, 1).astype(x.type.dtype)
    up = conv2d_grad_wrt_inputs(
        flat, kernel, (None, 1, rows * ratio, columns * ratio), (1, 1, None, None), (pad, pad), (ratio, ratio)
    )
    return up.reshape((batch, channels, rows * ratio, columns * ratio))


def _part(x: Any, axis: int, place: slice) -> Any:
    return x[(slice(None),) * axis + (place,)]
