"""`theano.tensor.inplace`: ``exp_inplace`` and the like are the plain functions; memory is the backend's business."""

from __future__ import annotations

from typing import Any

import reference.tensor as namespace

_SUFFIX = "_inplace"


def __getattr__(name: str) -> Any:
    if name.endswith(_SUFFIX) and hasattr(namespace, name.removesuffix(_SUFFIX)):
        return getattr(namespace, name.removesuffix(_SUFFIX))
    raise AttributeError(f"there is no function {name!r}")
