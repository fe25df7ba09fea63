"""What operations are called in counts and culprits.

Owns `op_name`. It must not know any operation.
"""

from __future__ import annotations

from typing import Any


def op_name(op: Any) -> str:
    """The class of an operation; of an elementwise one its row."""
    row = getattr(op, "scalar_op", None)
    if row is None:
        return type(op).__name__
    return "Cast" if row.name.startswith("Cast{") else row.name
