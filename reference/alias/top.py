"""Names of `theano` itself that only its programs ask for: versions, `_asarray`, old spellings.

The version is that of the Theano whose language this is, with ours behind it.
"""

from __future__ import annotations

import logging
import pickle
from typing import Any

import numpy as np

from reference.alias.flags import change_flags
from reference.compile.builders import OpFromGraph, as_op
from reference.compile.function import function
from reference.compile.io import SymbolicInput, SymbolicOutput
from reference.compile.modes import PREDEFINED
from reference.compile.profiling import ProfileStats
from reference.compile.shared import Container
from reference.config import config
from reference.printing import debugprint
from reference.scan import OrderedUpdates
from reference.tensor.basic import get_scalar_constant_value

__all__ = [
    "Container", "FAST_COMPILE", "FAST_RUN", "OpFromGraph", "OrderedUpdates", "ProfileStats", "SymbolicInput",
    "SymbolicOutput", "as_op",
    "change_flags", "config", "debugprint", "full_version", "function", "function_dump",
    "get_scalar_constant_value", "git_revision", "predefined_modes", "release", "short_version", "sparse_grad",
    "theano_logger", "version",
]  # fmt: skip

version = short_version = "1.0.5"
full_version = __version__ = "1.0.5+reference"
git_revision = "unknown"
release = True

predefined_modes = {name: make() for name, make in PREDEFINED.items()}
FAST_RUN, FAST_COMPILE = predefined_modes["FAST_RUN"], predefined_modes["FAST_COMPILE"]
theano_logger = logging.getLogger("theano")


def sparse_grad(var: Any) -> Any:
    """`var` itself: gradients of parts are as dense as the backend makes them."""
    return var


def function_dump(filename: str, inputs: Any, outputs: Any = None, **options: Any) -> None:
    """Write down what `theano.function` would be called with: a dict that ``theano.function(**d)`` takes."""
    with open(filename, "wb") as file:
        pickle.dump({"inputs": inputs, "outputs": outputs, **options}, file, protocol=pickle.DEFAULT_PROTOCOL)


def _asarray(a: Any, dtype: Any, order: Any = None) -> np.ndarray:
    """`numpy.asarray` to a dtype, which may be "floatX"."""
    return np.asarray(a, dtype=config.floatX if dtype == "floatX" else dtype, order=order)
