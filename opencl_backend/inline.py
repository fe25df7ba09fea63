"""Where the kernels of a plan run: in the driver's threads, or in the thread that waits for them.

Owns the choice. Threads share the work of large kernels, but must be woken: a tenth of a millisecond on a machine that
has other things to do, five times what a small kernel takes. No model of that is as good as a few calls of each kind,
so a quick plan is tried both ways. The kernels are the same, and so are the bits. It must not know what a plan does.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING

from opencl_backend.crew import Crew
from reference.config import config

if TYPE_CHECKING:
    from opencl_backend.plan import Plan

CALLS = 6
"""With which each way is tried; the middle one counts."""
QUICK = 3e-4
"""Seconds of a call by threads, above which waking them matters less than what they share."""
QUICK_ALONE = 2e-3
"""The same where the thread that waits starts at once, woken threads or not."""
PATIENCE = 256
"""Replays until both ways are tried again, as other work may have disturbed either; then twice as many, and so on."""
KEPT = 0.75
"""What a trial's outcome counts at the next one: one that was disturbed is outvoted, but not for ever."""
STALLED = 2.5
"""Times the quickest call with helpers: after STALLS such calls on end the machine is busy; SPELL calls do without."""
STALLS = 3
SPELL = 32


class Trial:
    """Some replays of a plan by the driver's threads, then some without.

    over    the plan stays where it is,
    again   until it has been replayed so often
    watched  calls are timed all the same: where other work keeps helpers from finishing what they have taken, whoever
             waits for them is better off alone
    """

    __slots__ = (
        "_crews", "_patience", "_quickest", "_seconds", "_slower", "_spell", "_stalls", "again", "over", "watched",
    )  # fmt: skip

    def __init__(self, plan: Plan):
        self._seconds: dict[bool, list[float]] = {}
        self._patience = PATIENCE
        self._slower = 0.0  # by which the thread that waits was slower alone: logarithms of ratios, old ones fading
        self._quickest, self._stalls, self._spell = inf, 0, 0
        self.again = -1
        wanted = config.opencl.threads
        kernels = [kernel for work in plan.launches for kernel in work.kernels()]
        self._crews = [kernel for kernel in kernels if isinstance(kernel, Crew)]
        self.over = plan.runtime.device.inline is None or wanted != "auto"
        if self._crews and wanted in ("auto", "both"):
            self.over |= not plan.run_inline(True)
        elif self.over and wanted == "caller":
            plan.run_inline(True)
            self._help(False)
        self.watched = bool(self._crews) and not self.over

    def _help(self, helped: bool) -> None:
        for crew in self._crews:
            crew.helped = helped

    def took(self, plan: Plan, seconds: float) -> None:
        """What the replay that has ended took: it may be the last that ran where it did."""
        if self.over and plan.replays != self.again:
            self._watch(seconds)
            return
        self._spell = 0
        alone = not self._crews[0].helped if self._crews else plan.inline
        self.over = False
        spent = self._seconds.setdefault(alone, [])
        spent.append(seconds)
        if len(spent) < CALLS:
            return
        typical = {way: sorted(spent)[CALLS // 2] for way, spent in self._seconds.items()}
        worth = alone or typical[alone] <= (QUICK_ALONE if self._crews else QUICK)
        if len(typical) == 1 and worth and self._go(plan, not alone):
            return
        if len(typical) == 2:
            self._slower = KEPT * self._slower + log(typical[True] / typical[False])
            self._go(plan, self._slower <= 0)
        self.over = True
        self.again = plan.replays + self._patience
        self._patience *= 2
        self._seconds.clear()

    def _watch(self, seconds: float) -> None:
        if self._spell:
            self._spell -= 1
            if not self._spell:
                self._help(True)
        elif self._crews[0].helped:
            self._quickest = min(self._quickest, seconds)
            self._stalls = self._stalls + 1 if seconds > STALLED * self._quickest else 0
            if self._stalls == STALLS:
                self._stalls, self._spell = 0, SPELL
                self._help(False)

    def _go(self, plan: Plan, alone: bool) -> bool:
        """Have the thread that waits do all of it, or no longer; False if the driver cannot."""
        if not self._crews:
            return plan.run_inline(alone)
        self._help(not alone)
        return True
