"""The text of a constant's value.

Owns Theano's rule: the value as NumPy writes it, ``(shape) of v`` when every element is v, shortened to
its ends when long. It must not know graphs, and must not depend on the user's NumPy print options.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

_LONGEST = 20
_SMALL = 64
"""The texts of constants of so many bytes are kept: most are numbers, the same few again and again."""
_OPTIONS = {
    "precision": 8, "threshold": 1000, "edgeitems": 3, "linewidth": 75, "suppress": False, "nanstr": "nan",
    "infstr": "inf", "sign": "-", "floatmode": "maxprec", "formatter": None, "legacy": False,
}  # fmt: skip


def constant_text(data: Any) -> str:
    """What stands inside ``TensorConstant{...}`` and ``Constant{...}``."""
    if isinstance(data, np.ndarray) and data.nbytes <= _SMALL and not data.dtype.hasobject:
        return _small_text(data.dtype, data.shape, data.tobytes())
    return _text(data)


@lru_cache(maxsize=4096)
def _small_text(dtype: np.dtype, shape: tuple[int, ...], memory: bytes) -> str:
    return _text(np.ndarray(shape, dtype, memory))


def _text(data: Any) -> str:
    if isinstance(data, np.ndarray) and data.ndim and data.size and bool((data == data.flat[0]).all()):
        text = f"{data.shape} of {_written(data.flat[0])}"
    else:
        text = _written(data)
    return text if len(text) <= _LONGEST else f"{text[:10]}..{text[-10:]}"


def _written(value: Any) -> str:
    with np.printoptions(**_OPTIONS):  # type: ignore[arg-type]
        return str(value)
