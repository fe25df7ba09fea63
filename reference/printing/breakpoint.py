"""`theano.tests.breakpoint`: a debugger in the middle of a graph.

Owns `PdbBreakpoint`. It must not know graphs: it hands on what it is given.
"""

from __future__ import annotations

import pdb
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from reference.graph.core import Apply, Op, Variable
from reference.graph.types import DisconnectedType
from reference.interpreter import effects_are_off
from reference.tensor.basic import as_tensor_variable

__all__ = ["PdbBreakpoint"]


@dataclass(frozen=True)
class PdbBreakpoint(Op):
    """``PdbBreakpoint(name)(condition, *variables)`` gives the variables, and opens pdb when the condition is not 0.

    In the debugger `monitored` holds their values, which may not be changed.
    """

    name: str

    effect: ClassVar[bool] = True

    def make_node(self, condition: Any, *monitored: Any) -> Apply:
        condition = as_tensor_variable(condition)
        if condition.type.ndim != 0:
            raise TypeError(f"the condition of {self} is a scalar, got {condition} of type {condition.type}")
        variables = [v if isinstance(v, Variable) else as_tensor_variable(v) for v in monitored]
        return Apply(self, [condition, *variables], [v.type() for v in variables])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        condition, *monitored = inputs
        if condition and not effects_are_off():
            print(f"breakpoint {self.name!r}: `monitored` holds the values of `node.inputs[1:]`; `c` goes on")
            pdb.set_trace()
        return tuple(monitored)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        return list(shapes[1:])

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_gradients: Sequence[Any]) -> list[Any]:
        return [DisconnectedType()(), *output_gradients]

    def R_op(self, inputs: Sequence[Any], eval_points: Sequence[Any]) -> list[Any]:
        return list(eval_points[1:])

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[i == o + 1 for o in range(len(node.outputs))] for i in range(len(node.inputs))]

    def __str__(self) -> str:
        return f"PdbBreakpoint{{name={self.name!r}}}"
