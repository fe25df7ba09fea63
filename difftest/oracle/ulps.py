"""Who executes, and how many units in the last place each may be off.

Owns `Executor`. This is the only place in the house that reads a backend's table of accuracies; the numbers
themselves stand in the tables (`reference.scalar`, `opencl_backend.scalar_c`), never here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from difftest.oracle.wide import rounds_finer


@dataclass(frozen=True, eq=False)
class Executor:
    """A backend as the bounds see it: its table of rows (empty: the reference's bits), and whether it may be fast."""

    name: str
    rows: Mapping[str, Any] = field(default_factory=dict)
    fast: bool = False

    def extra_ulp(self, row: Any, dtype: str) -> float:
        """How far a result may lie from the reference's, in ulp."""
        mine = self.rows.get(row.name)
        return 0.0 if mine is None else float(mine.ulp(dtype, self.fast))

    def ulp(self, row: Any, dtype: str) -> float:
        """How far a result may lie from the correctly rounded one, in ulp."""
        own = float(row.ulp)
        if own and dtype in ("float32", "float16") and not rounds_finer():
            own = own * 2.0**-29 if row.transcendental else own
        return own + self.extra_ulp(row, dtype)


@cache
def executor(backend: str, fast: bool) -> Executor:
    """The executor for a backend by name; `fast` if the mode does not promise bits."""
    if backend == "reference":
        return Executor("reference", fast=fast)
    try:
        table = importlib.import_module(f"{backend}_backend.scalar_c").TABLE
    except (ImportError, AttributeError):
        return Executor(backend, fast=fast)
    return Executor(backend, table, fast)
