"""Where the kernels of a plan run: in the driver's threads, or in the thread that waits for them.

Owns the choice. Threads share the work of large kernels, but must be woken: a tenth of a millisecond on a machine that
has other things to do, five times what a small kernel takes. No model of that is as good as a few calls of each kind,
so a quick plan is tried both ways. The kernels are the same, and so are the bits. It must not know what a plan does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.config import config

if TYPE_CHECKING:
    from opencl_backend.plan import Plan

CALLS = 6
"""With which each way is tried; its quickest call counts."""
QUICK = 3e-4
"""Seconds of a call by threads, above which waking them matters less than what they share."""


class Trial:
    """The first replays of a plan, some by the driver's threads, then some without.

    over   the plan stays where it is
    """

    __slots__ = ("_best", "_calls", "over")

    def __init__(self, plan: Plan):
        self._calls = 0
        self._best = {False: float("inf"), True: float("inf")}
        wanted = config.opencl.threads
        self.over = plan.runtime.device.inline is None or wanted != "auto"
        if self.over and wanted == "caller":
            plan.run_inline(True)

    def took(self, plan: Plan, seconds: float) -> None:
        """What the replay that has ended took: it may be the last that ran where it did."""
        here = plan.inline
        self._best[here] = min(self._best[here], seconds)
        self._calls += 1
        if self._calls < CALLS:
            return
        self._calls = 0
        if here:
            self.over = True
            plan.run_inline(self._best[True] <= self._best[False])
        else:
            self.over = self._best[False] > QUICK or not plan.run_inline(True)
