"""`ifelse`: one of two things is computed, whichever a condition says.

Owns the lazy choice and its gradient, through the taken side alone. `T.switch` chooses element by element
and computes both. It must not know how laziness is brought about: evaluators ask `Op.taken`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Op, Variable
from reference.graph.lazy import Guard
from reference.graph.types import DisconnectedType, TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.creation import zeros_like
from reference.tensor.shape import patternbroadcast

__all__ = ["IfElse", "ifelse"]


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """`then_branch` where the scalar `condition` is not 0, else `else_branch`; the other one is not computed.

    A branch is a variable, or a list or tuple of as many variables as the other has; so is the result.
    """
    kinds = [type(b) if isinstance(b, list | tuple) else None for b in (then_branch, else_branch)]
    then, other = ([*b] if isinstance(b, list | tuple) else [b] for b in (then_branch, else_branch))
    if len(then) != len(other) or kinds.count(None) == 1:
        called = f"ifelse {name!r}" if name else "ifelse"
        raise ValueError(
            f"{called}: both branches need the same number of variables, got {_counted(then, kinds[0])} then and "
            f"{_counted(other, kinds[1])} else"
        )
    pairs = [_alike(k, a, b, name) for k, (a, b) in enumerate(zip(then, other))]
    op = IfElse(len(pairs), name)
    results = op(condition, *[a for a, _ in pairs], *[b for _, b in pairs], return_list=True)
    if kinds[0] is None:
        return results[0]
    return results if kinds[0] is list else tuple(results)


def _counted(branch: Sequence[Any], kind: type | None) -> str:
    return "one variable" if kind is None else f"a {kind.__name__} of {len(branch)}"


def _alike(k: int, then: Any, other: Any, name: str | None) -> tuple[Variable, Variable]:
    """Both values as variables of one type; a broadcast pattern is loosened, a Python number takes the dtype."""
    a, b = _variable(then, other), _variable(other, then)
    if isinstance(a.type, TensorType) and isinstance(b.type, TensorType) and a.type.ndim == b.type.ndim:
        pattern = tuple(m and n for m, n in zip(a.type.broadcastable, b.type.broadcastable))
        a, b = patternbroadcast(a, pattern), patternbroadcast(b, pattern)
    if a.type != b.type:
        hint = ""
        if isinstance(a.type, TensorType) and isinstance(b.type, TensorType) and a.type.ndim == b.type.ndim:
            hint = f"; cast one of them, T.cast({b}, {a.type.dtype!r})"
        raise TypeError(
            f"ifelse{'' if name is None else f' {name!r}'}: the branches of output {k} must have one type, got "
            f"{a} of type {a.type} then and {b} of type {b.type} else{hint}"
        )
    return a, b


def _variable(x: Any, beside: Any) -> Any:
    if isinstance(x, Variable):
        return x
    if isinstance(x, bool | int | float) and isinstance(getattr(beside, "type", None), TensorType):
        data = np.asarray(x, dtype=beside.type.dtype)
        if data == x or x != x:
            return constant(data)
    return as_tensor_variable(x)


@dataclass(frozen=True)
class IfElse(Op):
    """(condition, then..., else...) -> the values then, or the values else."""

    n_outs: int
    name: str | None = None

    lazy = True

    def make_node(self, condition: Any, *branches: Any) -> Apply:
        c = as_tensor_variable(condition)
        if c.type.ndim != 0:
            raise TypeError(
                f"the condition of {self} must be a scalar, 0 for else and anything else for then; got {c} of "
                f"type {c.type}"
            )
        if len(branches) != 2 * self.n_outs:
            raise ValueError(f"{self} takes {2 * self.n_outs} variables after the condition, got {len(branches)}")
        then = branches[: self.n_outs]
        other = [a.type.filter_variable(b) for a, b in zip(then, branches[self.n_outs :])]
        return Apply(self, [c, *then, *other], [v.type() for v in then])

    def taken(self, condition: Any) -> int:
        return 0 if condition else 1

    def branch_of(self, k: int) -> int:
        return (k - 1) // self.n_outs

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        condition, *branches = inputs
        first = self.taken(condition) * self.n_outs
        chosen = branches[first : first + self.n_outs]
        return tuple(v.copy() if isinstance(v, np.ndarray) else v for v in chosen)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for then, other in zip(shapes[1 : 1 + self.n_outs], shapes[1 + self.n_outs :]):
            if then is None or other is None:
                found.append(None)
            else:
                found.append(tuple(a if a is b else ifelse(node.inputs[0], a, b) for a, b in zip(then, other)))
        return found

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        condition, *branches = inputs
        terms: list[list[Any]] = [[], []]
        for k, g in enumerate(output_gradients):
            then, other = branches[k], branches[self.n_outs + k]
            known = not isinstance(g.type, DisconnectedType)
            terms[0].append(only_under([(condition, 0)], g, then) if known else None)
            terms[1].append(only_under([(condition, 1)], g, other) if known else None)
        return [zeros_like(condition, dtype=config.floatX), *terms[0], *terms[1]]

    def R_op(self, inputs: Sequence[Any], eval_points: Sequence[Any]) -> Sequence[Any]:
        branches = list(zip(inputs[1:], eval_points[1:]))
        found: list[Any] = []
        for (a, v), (b, w) in zip(branches[: self.n_outs], branches[self.n_outs :]):
            if v is None and w is None:
                found.append(None)
            else:
                v, w = zeros_like(a) if v is None else v, zeros_like(b) if w is None else w
                found.append(ifelse(inputs[0], v, w))
        return found

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        places = range(2 * self.n_outs)
        return [[True] * self.n_outs, *[[k % self.n_outs == o for o in range(self.n_outs)] for k in places]]

    def __str__(self) -> str:
        return f"if{{{self.name or ''}}}"


def only_under(guards: Sequence[Guard], term: Any, like: Any) -> Any:
    """`term`, the gradient of `like`, where the guards hold, else zeros."""
    for condition, side in reversed(guards):
        zeros = patternbroadcast(zeros_like(like, dtype=term.type.dtype), term.type.broadcastable)
        term = ifelse(condition, *((term, zeros) if side == 0 else (zeros, term)))
    return term
