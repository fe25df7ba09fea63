"""What operations are called in counts and culprits.

Owns `op_name`, and `kind_name`, for which all casts are one. It must not know any operation.
"""

from __future__ import annotations

from typing import Any


def op_name(op: Any) -> str:
    """The class of an operation; of an elementwise one its row."""
    row = getattr(op, "scalar_op", None)
    return str(type(op).__name__ if row is None else row.name)


def kind_name(op: Any) -> str:
    """As `op_name`, whatever is cast to."""
    return op_name(op).partition("{")[0]
