"""Gradients, of which the model knows only dtype and shape.

It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difftest.model.base import Value, shape_line


@shape_line
def grad(cost: Value, *wrt: Value, dtypes: Sequence[str]) -> tuple[Value, ...]:
    return tuple(np.zeros(w.shape, d) for w, d in zip(wrt, dtypes))
