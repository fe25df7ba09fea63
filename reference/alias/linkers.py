"""`theano.gof.PerformLinker` and its kin: what programs hand to `Mode`, where it means nothing.

Owns their names. A backend, not a linker, decides how a graph is computed.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CLinker", "DualLinker", "Linker", "LocalLinker", "OpWiseCLinker", "PerformLinker", "VM_Linker", "WrapLinker",
    "WrapLinkerMany",
]  # fmt: skip


class Linker:
    """A name for how graphs were computed; `Mode` takes it and has no use for it."""

    def __init__(self, *accepted: Any, **options: Any):
        self.accepted, self.options = accepted, options

    def accept(self, fgraph: Any, *ignored: Any, **options: Any) -> Any:
        """There is nothing to make of a graph."""
        raise NotImplementedError(
            f"{type(self).__name__} does not compute graphs here; compile them: theano.function(inputs, outputs)"
        )

    def __repr__(self) -> str:
        return type(self).__name__


class LocalLinker(Linker):
    """Computed node by node."""


class PerformLinker(LocalLinker):
    """Computed in Python."""


class CLinker(Linker):
    """Computed in C."""


class OpWiseCLinker(LocalLinker):
    """Computed in C, node by node."""


class DualLinker(Linker):
    """Computed in both, and compared."""


class WrapLinker(Linker):
    """Computed with something called around each node: `MonitorMode` does that here."""


class WrapLinkerMany(WrapLinker):
    """The same with several linkers."""


class VM_Linker(LocalLinker):
    """Computed lazily."""
