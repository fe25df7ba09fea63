"""Sums taken apart and put together.

Owns what the rules mean by the summands of a value. It must not know where sums are moved.
"""

from __future__ import annotations

from typing import Any

from reference.graph.core import Variable
from reference.tensor.elemwise import Elemwise


def summands_of(v: Variable) -> list[Variable]:
    """`v` as a sum: the leaves of nested additions of one dtype and shape.

    A sum that is met again stays whole, or sums of sums of themselves would have no end of leaves.
    """
    found: list[Variable] = []
    stack, opened = [v], set()
    while stack:
        u = stack.pop()
        if u.type == v.type and u not in opened and is_sum(u):
            opened.add(u)
            stack += reversed(u.owner.inputs)  # type: ignore[union-attr]
        else:
            found.append(u)
    return found


def is_sum(v: Variable) -> bool:
    """Is it an addition of values of one dtype?"""
    node = v.owner
    return (
        node is not None
        and isinstance(node.op, Elemwise)
        and node.op.name == "add"
        and all(x.type.dtype == v.type.dtype for x in node.inputs)  # type: ignore[attr-defined]
    )


def sum_of(terms: list[Any]) -> Any:
    """The sum, from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
