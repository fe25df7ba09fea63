"""DebugMode."""

from __future__ import annotations

from reference.compile.modes import Mode


class DebugMode(Mode):
    """FAST_RUN with every rewrite application and every node checked while it runs."""

    debug = True

    def __init__(self, optimizer="fast_run", linker=None):
        super().__init__(linker, optimizer)
        self.name = "DebugMode"
