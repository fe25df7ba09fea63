"""Operations that only pass a value on.

Owns the copy that keeps a function's outputs from sharing memory with its inputs, and the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Op, Variable


@dataclass(frozen=True)
class DeepCopyOp(Op):
    """The input's value in memory of its own."""

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any]:
        (x,) = inputs
        return (x.copy() if isinstance(x, np.ndarray) else deepcopy(x),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        return list(output_gradients)


@dataclass(frozen=True)
class ViewOp(Op):
    """The input itself."""

    view_of = {0: 0}

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any]:
        return (inputs[0],)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        return list(output_gradients)


deep_copy_op = DeepCopyOp()
view_op = ViewOp()
