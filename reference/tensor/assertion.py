"""`Assert`: a value that is passed on only if conditions hold."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.tensor.basic import as_tensor_variable

__all__ = ["Assert", "assert_", "assert_op"]


@dataclass(frozen=True)
class Assert(Op):
    """``Assert("why")(x, condition, ...)`` is x; an error with the text if a condition has a false element."""

    msg: str = "a condition does not hold"
    error: str = "AssertionError"
    """Which of Python's errors."""

    view_of = {0: 0}

    def make_node(self, x: Any, *conditions: Any) -> Apply:
        x = x if isinstance(x, Variable) else as_tensor_variable(x)
        return Apply(self, [x, *[as_tensor_variable(c) for c in conditions]], [x.type()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        self.check(inputs[1:])
        return (inputs[0],)

    def check(self, conditions: Sequence[Any]) -> None:
        """Raise unless every element of every condition is true."""
        if not all(np.all(c) for c in conditions):
            raise getattr(builtins, self.error)(self.msg)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        return [output_gradients[0], *[None] * (len(inputs) - 1)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], *[[False] for _ in node.inputs[1:]]]

    def __str__(self) -> str:
        return f"Assert{{msg={self.msg!r}}}"


assert_ = assert_op = Assert()
