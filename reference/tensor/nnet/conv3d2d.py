"""The older spelling of convolution over time, ``theano.tensor.nnet.conv3d2d.conv3d``.

Owns nothing but its order of dimensions: it is `abstract_conv.conv3d`.
"""

from __future__ import annotations

from typing import Any

from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable
from reference.tensor.nnet import abstract_conv

__all__ = ["conv3d"]


def conv3d(
    signals: Any, filters: Any, signals_shape: Any = None, filters_shape: Any = None, border_mode: Any = "valid"
) -> Variable:
    """Films (batch, time, channels, rows, columns) with filters (filters, time, channels, rows, columns), which are
    turned round; `border_mode` is one of 'valid', 'full' and 'half', or one for each of time, rows and columns."""
    films, kernels = as_tensor_variable(signals), as_tensor_variable(filters)
    result = abstract_conv.conv3d(
        films.dimshuffle(0, 2, 1, 3, 4),
        kernels.dimshuffle(0, 2, 1, 3, 4),
        _swapped(signals_shape),
        _swapped(filters_shape),
        border_mode=_one_mode(border_mode, filters_shape),
    )
    return result.dimshuffle(0, 2, 1, 3, 4)


def _one_mode(border_mode: Any, filters_shape: Any) -> Any:
    """What `abstract_conv.conv3d` calls it."""
    modes = [border_mode] * 3 if isinstance(border_mode, str) else list(border_mode)
    if len(set(modes)) == 1:
        return modes[0]
    if filters_shape is None or any(filters_shape[k] is None for k in (1, 3, 4)):
        raise ValueError(f"border modes that differ, {border_mode!r}, need the filters_shape")
    wide = {"valid": lambda n: 0, "half": lambda n: n // 2, "full": lambda n: n - 1}
    return tuple(wide[mode](int(filters_shape[k])) for mode, k in zip(modes, (1, 3, 4)))


def _swapped(shape: Any) -> Any:
    return None if shape is None else tuple(shape[k] for k in (0, 2, 1, 3, 4))
