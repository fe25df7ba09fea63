"""What a person sees: a line of progress, one table, and each finding on a screen.

Owns all text that `python -m difftest` prints. Progress goes to standard error and only to a terminal.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from difftest.repro import Repro
from difftest.session import Summary


class Bar:
    """A line that says how far the budget is spent; silent when nobody watches."""

    def __init__(self, examples: int | None, seconds: float | None, stream: Any = None):
        self.examples, self.seconds = examples, seconds
        self.stream = stream or sys.stderr
        self.started = self.last = time.monotonic()
        self.on = bool(getattr(self.stream, "isatty", lambda: False)())

    def __call__(self, summary: Summary) -> None:
        now = time.monotonic()
        if not self.on or now - self.last < 0.1:
            return
        self.last = now
        spent = now - self.started
        shares = [summary.programs / self.examples] if self.examples else []
        shares += [spent / self.seconds] if self.seconds else []
        share = min(1.0, max(shares, default=0.0))
        filled = "#" * int(30 * share)
        rate = summary.programs / max(spent, 1e-9)
        self.stream.write(
            f"\r[{filled:<30}] {100 * share:3.0f} %  {summary.programs} programs  {rate:.0f}/s  "
            f"{len(summary.findings)} findings "
        )
        self.stream.flush()

    def close(self) -> None:
        if self.on:
            self.stream.write("\r" + " " * 100 + "\r")
            self.stream.flush()


def table(summary: Summary) -> str:
    """The result, a row a fact."""
    from reference.rewriting.engine import REGISTRY

    elements, fired = summary.of("elements"), summary.of("rewrite")
    compared = elements["identical"] + elements["bounded"]
    rate = summary.programs / max(summary.seconds, 1e-9)
    never_fired = [name for name in REGISTRY if name not in fired]
    rows = [
        ("cells", f"{len(summary.cells)}: {', '.join(map(str, summary.cells))}"),
        (
            "programs",
            f"{summary.programs} ({rate:.1f} a second)",
        ),
        ("runs", f"{summary.runs}"),
        (
            "elements",
            f"{compared} compared: {elements['identical']} the same bits, {elements['bounded']} within their bounds",
        ),
        ("", f"{elements['uncertain']} uncertain, {elements['vacuous']} vacuous (bound too wide to mean much)"),
        ("rewrites", f"{sum(fired.values())} applications of {len(fired)} rewrites"),
        ("never fired", _listed(never_fired)),
        ("steps", f"{len(summary.of('step'))} kinds drawn"),
        ("never drawn", _listed(summary.never_drawn())),
        ("no bound for", _listed(_counts(summary.of("uncompared")))),
        ("not lowered", _listed(_counts(summary.of("not lowered")))),
        ("findings", f"{len(summary.findings)}" if summary.findings else "none: identical"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:>{width}}  {value}" for name, value in rows if value)


def _counts(counter: Counter[str]) -> list[str]:
    return [f"{name} ({n})" for name, n in counter.most_common()]


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def finding(repro: Repro, path: Any) -> str:
    """One finding: the claim, the blame, the smallest program, the script."""
    lines = ["", "-" * 78, str(repro.failure), ""]
    if repro.program.steps:
        lines += [repro.program.to_source(), f"repro: {path}"]
    return "\n".join(lines)
