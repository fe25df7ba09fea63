"""Gradients of a real cost by complex numbers: its slope along the real axis plus i times that along the imaginary one.

Owns how an `L_op` that was written for real numbers serves complex ones. Of an analytic function f, the gradient is g
times the conjugate of f', and an `L_op` that multiplies by f' gives just that, conjugated, for a conjugated g. It
must not know any operation by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import COMPLEX

__all__ = ["terms"]


def terms(node: Apply, gradients: Sequence[Variable]) -> list[Any]:
    """What the node's `L_op` hands to its inputs."""
    inputs, outputs = list(node.inputs), list(node.outputs)
    if not any(_is_complex(v) for v in outputs) or not _is_analytic(node.op):
        return list(node.op.L_op(inputs, outputs, list(gradients)))
    found = node.op.L_op(inputs, outputs, [_conjugate(g) for g in gradients])
    return [_part_for(v, t) for v, t in zip(inputs, found)]


def _is_complex(v: Any) -> bool:
    return getattr(v.type, "dtype", None) in COMPLEX


def _is_analytic(op: Op) -> bool:
    """Whether `L_op` takes its numbers for real. Operations with a graph inside take their gradients from here; those
    that a program defines, and rows that say so, keep the rule themselves."""
    row = getattr(op, "scalar_op", None)
    ours = type(op).__module__.startswith("reference.") and not hasattr(op, "inner_outputs")
    return ours and (row is None or row.analytic)


def _conjugate(g: Any) -> Any:
    from reference.tensor.elemwise import conj  # type: ignore[attr-defined]

    return conj(g) if _is_complex(g) else g


def _part_for(v: Variable, term: Any) -> Any:
    """A gradient for `v`: a real variable has no imaginary part to move."""
    from reference.tensor.elemwise import real  # type: ignore[attr-defined]

    if term is None or not _is_complex(term):
        return term
    return _conjugate(term) if _is_complex(v) else real(term)
