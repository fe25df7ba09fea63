"""Convolution of images without channels, ``theano.tensor.signal.conv.conv2d``.

Owns how one image or filter becomes a batch of them, and back.
"""

from __future__ import annotations

from typing import Any

from reference.tensor.basic import as_tensor_variable
from reference.tensor.nnet import conv

__all__ = ["conv2d"]


def conv2d(
    input: Any,
    filters: Any,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: str = "valid",
    subsample: Any = (1, 1),
    **kargs: Any,
) -> Any:
    """Every image (a matrix, or a batch of them) convolved with every filter (likewise).

    The result has a dimension for the batch and one for the filters where there are several.
    """
    images, kernels = as_tensor_variable(input), as_tensor_variable(filters)
    for v in (images, kernels):
        if v.type.ndim not in (2, 3):
            raise TypeError(f"signal.conv2d takes matrices or tensors of 3 dimensions, got {v} of type {v.type}")
    many_images, many_kernels = images.type.ndim == 3, kernels.type.ndim == 3
    images = images.dimshuffle(0, "x", 1, 2) if many_images else images.dimshuffle("x", "x", 0, 1)
    kernels = kernels.dimshuffle(0, "x", 1, 2) if many_kernels else kernels.dimshuffle("x", "x", 0, 1)
    shapes = (_with_channel(image_shape), _with_channel(filter_shape))
    result = conv.conv2d(images, kernels, *shapes, border_mode, subsample, **kargs)
    kept = [axis for axis, many in enumerate((many_images, many_kernels, True, True)) if many]
    return result.dimshuffle(*kept)


def _with_channel(shape: Any) -> Any:
    if shape is None:
        return None
    *batch, rows, columns = shape
    return (batch[0] if batch else 1, 1, rows, columns)
