"""Operations that only change a gradient, and what an `L_op` says where there is none.

Owns the identities through which no gradient flows, or another one. It must not know how gradients are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.compile.ops import ViewOp
from reference.graph.core import Apply, Op, Variable
from reference.graph.types import NullType


def _namespace() -> Any:
    import reference.tensor as namespace

    return namespace


def grad_undefined(op: Op, position: int, x: Variable, comment: str = "") -> Variable:
    """What an `L_op` returns for an input whose gradient does not exist mathematically."""
    return NullType(f"the gradient of {op} with respect to its input {position} ({x}) is not defined. {comment}")()


def grad_not_implemented(op: Op, position: int, x: Variable, comment: str = "") -> Variable:
    """What an `L_op` returns for an input whose gradient nobody has written."""
    return NullType(f"the gradient of {op} with respect to its input {position} ({x}) is not implemented. {comment}")()


@dataclass(frozen=True)
class ConsiderConstant(ViewOp):
    """The identity, with a zero gradient."""

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        return [_namespace().zeros_like(g) for g in output_gradients]


@dataclass(frozen=True)
class ZeroGrad(ConsiderConstant):
    """The identity, with a zero gradient."""


@dataclass(frozen=True)
class DisconnectedGrad(ViewOp):
    """The identity, through which no gradient flows."""

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[None]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]


@dataclass(frozen=True)
class UndefinedGrad(ViewOp):
    """The identity, with an undefined gradient."""

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Variable]:
        return [grad_undefined(self, 0, inputs[0])]


@dataclass(frozen=True)
class GradClip(ViewOp):
    """The identity, with its gradient clipped to [lower, upper]."""

    lower: float
    upper: float

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Variable]:
        return [_namespace().clip(g, *[np.asarray(b, dtype=g.type.dtype) for b in (self.lower, self.upper)])
                for g in output_gradients]  # fmt: skip


@dataclass(frozen=True)
class GradScale(ViewOp):
    """The identity, with its gradient multiplied."""

    multiplier: float

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Variable]:
        return [np.asarray(self.multiplier, dtype=g.type.dtype) * g for g in output_gradients]


consider_constant_, zero_grad_ = ConsiderConstant(), ZeroGrad()
disconnected_grad_, undefined_grad_ = DisconnectedGrad(), UndefinedGrad()


def consider_constant(x: Any) -> Any:
    """`x`, which gradients take as constant."""
    return consider_constant_(_namespace().as_tensor_variable(x))


def zero_grad(x: Any) -> Any:
    """`x`, with a zero gradient."""
    return zero_grad_(_namespace().as_tensor_variable(x))


def disconnected_grad(x: Any) -> Any:
    """`x`, from which the gradient is cut off."""
    return disconnected_grad_(_namespace().as_tensor_variable(x))


def undefined_grad(x: Any) -> Any:
    """`x`, whose gradient is an error."""
    return undefined_grad_(_namespace().as_tensor_variable(x))


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Any:
    """`x`; the gradient that flows back through this point is clipped to the bounds."""
    return GradClip(lower_bound, upper_bound)(_namespace().as_tensor_variable(x))


def grad_scale(x: Any, multiplier: float) -> Any:
    """`x`; the gradient that flows back through this point is multiplied."""
    return GradScale(multiplier)(_namespace().as_tensor_variable(x))
