"""What a person sees in a terminal: a line of progress, one table, and each finding on a screen.

Owns all text that ``python -m difftest`` and its subcommands print. Progress goes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from difftest.reports.events import Finding, Results, never_fired, not_lowered
from difftest.reports.words import duration, many
from difftest.repro import Repro
from difftest.session import Summary


class Bar:
    """A line that says how far the budget is spent. Without a terminal it is silent, or with `patient` it says a line
    a minute."""

    def __init__(self, examples: int | None, seconds: float | None, stream: Any = None, patient: bool = False):
        self.examples, self.seconds = examples, seconds
        self.stream = stream or sys.stderr
        self.started = self.last = time.monotonic()
        self.on = bool(getattr(self.stream, "isatty", lambda: False)())
        self.pause = 0.1 if self.on else 60.0 if patient else float("inf")

    def __call__(self, summary: Summary) -> None:
        rate = summary.programs / max(time.monotonic() - self.started, 1e-9)
        self.show(summary.programs, f"{rate:.0f}/s  {len(summary.findings)} findings")

    def show(self, programs: int, more: str) -> None:
        now = time.monotonic()
        if now - self.last < self.pause:
            return
        self.last = now
        shares = [programs / self.examples] if self.examples else []
        shares += [(now - self.started) / self.seconds] if self.seconds else []
        share = min(1.0, max(shares, default=0.0))
        text = f"{100 * share:3.0f} %  {programs} programs  {more}"
        self.stream.write(f"\r[{'#' * int(30 * share):<30}] {text} " if self.on else f"{text}\n")
        self.stream.flush()

    def close(self) -> None:
        if self.on:
            self.stream.write("\r" + " " * 110 + "\r")
            self.stream.flush()


def table(summary: Summary) -> str:
    """The result, a row a fact."""
    return _aligned([*_work(summary), _findings(len(summary.findings))])


def screens(results: Results, repros: str | None = None) -> str:
    """A campaign's table with its health, its findings a line each, and the most frequent ones in full."""
    summary = results.summary
    health = results.health()
    rows = [
        (results.title, f"{many(len(results.sittings), 'sitting')}, {duration(summary.seconds)}"),
        *_work(summary),
        ("reached", f"{results.covered} contexts; {results.corpus} programs reached one first"),
        ("a program", f"{health['rewrite applications a program']:.1f} rewrite applications"),
        ("stopped", _listed(_counts(Counter({k: n for k, n in summary.of("fate").items() if k in _STOPPED})))),
        _findings(len(results.findings)),
    ]
    parts = [_aligned(rows), *_index(results.findings)]
    if repros is not None:
        for f in results.findings:
            if f.source:
                parts.append(f"repro: {f.repro.write(repros)}")
    for f in results.findings[:5]:
        parts.append(_screen(f, results.replay))
    if len(results.findings) > 5:
        parts.append(f"\n{len(results.findings) - 5} more: --html FILE shows all of them")
    return "\n".join(parts)


_STOPPED = ("crash", "hang", "raised")


def _work(summary: Summary) -> Iterator[tuple[str, str]]:
    elements, fired = summary.of("elements"), summary.of("rewrite")
    compared = elements["identical"] + elements["bounded"]
    rate = summary.programs / max(summary.seconds, 1e-9)
    yield "cells", f"{len(summary.cells)}: {', '.join(map(str, summary.cells))}"
    alone = f", {summary.programs / summary.processor:.1f} a second of processor time" if summary.processor else ""
    yield "programs", f"{summary.programs} ({rate:.1f} a second{alone})"
    yield "runs", f"{summary.runs}"
    yield (
        "elements",
        f"{compared} compared: {elements['identical']} the same bits, {elements['bounded']} within their bounds",
    )
    yield "", f"{elements['uncertain']} uncertain, {elements['vacuous']} vacuous (bound too wide to mean much)"
    yield "rewrites", f"{sum(fired.values())} applications of {len(fired)} rewrites"
    yield "never fired", _listed(never_fired(summary))
    yield "steps", f"{len(summary.of('step'))} kinds drawn"
    yield "never drawn", _listed(summary.never_drawn())
    yield "never formed", _listed(summary.never_formed())
    yield "no bound for", _listed(_counts(summary.of("uncompared")))
    yield "not lowered", _listed(_counts(not_lowered(summary)))


def _findings(number: int) -> tuple[str, str]:
    return "findings", f"{number}" if number else "none: identical"


def _aligned(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:>{width}}  {value}" for name, value in rows if value)


def _counts(counter: Counter[str]) -> list[str]:
    return [f"{name} ({n})" for name, n in counter.most_common()]


def _listed(names: list[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _index(findings: tuple[Finding, ...]) -> Iterator[str]:
    if findings:
        yield f"\n{'seen':>6}  {'steps':>5}  {'kind':<12} {'cell':<24} culprit"
    for f in findings[:40]:
        gone = "  (gone)" if f.gone else ""
        yield f"{f.count:>6}  {f.size[0]:>5}  {f.kind:<12} {f.cell:<24} {f.culprit or '?'}{gone}"


def _screen(f: Finding, replay: str) -> str:
    """A finding of a campaign: the claim, the blame, the smallest program, and how to run it again."""
    lines = ["", "-" * 78, f.claim]
    if f.blame:
        lines.append(f"blame: {f.blame}")
    if f.source:
        lines += ["", f.source.rstrip()]
    if f.address:
        lines += ["", f"first seen at {f.address}: {replay.replace('ADDRESS', f.address)}"]
    return "\n".join(lines)


def finding(repro: Repro, path: Any) -> str:
    """One finding: the claim, the blame, the smallest program, the script."""
    lines = ["", "-" * 78, str(repro.failure), ""]
    if repro.program.steps:
        lines += [repro.program.to_source(), f"repro: {path}"]
    return "\n".join(lines)
