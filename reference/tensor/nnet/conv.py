"""The older spelling of two-dimensional convolution, ``theano.tensor.nnet.conv.conv2d``.

Owns nothing but that name: it is `abstract_conv.conv2d`.
"""

from __future__ import annotations

from typing import Any

from reference.tensor.nnet import abstract_conv

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
    """`T.nnet.conv2d` of images and filters; only border modes 'valid' and 'full'. What else older programs pass
    (`unroll_batch`, `version`, ...) told how to compute it, and is accepted."""
    if border_mode not in ("valid", "full"):
        raise ValueError(f"border_mode is 'valid' or 'full' here, not {border_mode!r}; T.nnet.conv2d knows more")
    return abstract_conv.conv2d(input, filters, image_shape, filter_shape, border_mode, subsample)
