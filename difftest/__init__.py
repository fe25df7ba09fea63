"""Differential testing of graphs: programs, the cells they run in, and the verdict.

    from difftest import check, programs

Six names: `programs` (a Hypothesis strategy), `check`, `Cell`, `Program`, `Repro` and `campaign`. Imported when first
used, as the pytest plugin lives in this package too.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "programs": "difftest.strategies",
    "check": "difftest.verdict",
    "Cell": "difftest.cells",
    "Program": "difftest.program",
    "Repro": "difftest.repro",
    "campaign": "difftest.session",
}

__all__ = ["Cell", "Program", "Repro", "campaign", "check", "programs"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'difftest' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
