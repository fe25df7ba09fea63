"""From a failing cell to a name.

Owns the order of the search: translation validation, then bisection over rewrites for a cell that is wrong only with
them, then node localization for a backend. It adds `blame` to the failures of a report and changes nothing else.
"""

from __future__ import annotations

import re
from typing import Any

from difftest.bisect import bisect
from difftest.cells import BASE, Cell, execute
from difftest.localize import localize
from difftest.program import Built
from difftest.verdict import Failure, Report, judged

_RAISED = re.compile(r"the rewrite (\S+) \((\S+)\) failed")

VALUES = ("bits", "bound", "contract", "error", "type")
"""Kinds of failures whose cause lies in what was computed."""


def blame(built: Built, report: Report) -> None:
    """Find who is responsible for each failure that nobody is blamed for yet."""
    translation = next((f.blame for f in report.failures if f.kind == "translation"), "")
    guilty: dict[Cell, str] = {}
    for failure in report.failures:
        named = _RAISED.search(failure.message) if failure.kind == "error" else None
        if named is not None:
            failure.blame = f"rewrite {named[1]} ({named[2]})"
        if failure.blame or failure.kind not in VALUES or failure.cell == BASE:
            continue
        if failure.cell not in guilty:
            guilty[failure.cell] = _search(built, report, failure, translation)
        failure.blame = guilty[failure.cell]


def _search(built: Built, report: Report, failure: Failure, translation: str) -> str:
    cell = failure.cell
    rewritten = cell.mode != "UNOPTIMIZED"
    plain = Cell("UNOPTIMIZED", cell.backend)
    plain_is_right = all(f.cell != plain for f in report.failures)
    if rewritten and plain_is_right and cell.mode == "FAST_RUN" and translation:
        return translation
    if rewritten and plain_is_right:
        found = _bisected(built, report, cell)
        if found:
            return found
    if cell.backend != "reference":
        return _localized(built, report, cell)
    return ""


def _bisected(built: Built, report: Report, cell: Cell) -> str:
    api = built.api
    total = len(report.runs[cell].function.rewrites) if report.runs[cell].function is not None else 200

    def fails(limit: int) -> bool:
        again = Report(report.program, {BASE: report.runs[BASE]})
        with api.config.change_flags(rewrite_limit=limit):
            built.reset()
            again.runs[cell] = execute(built, cell)
        return any(f.cell == cell and f.kind in VALUES for f in judged(built, again).failures)

    step = bisect(total, fails)
    if step is None:
        return ""
    run = report.runs[cell]
    if run.function is None:
        return f"rewrite application {step.number} of {step.total}"
    application = run.function.rewrites[step.number]
    r = application.rewrite
    which = f"BISECT: application {step.number + 1} of {step.total}: {application}"
    return f"rewrite {r.name} ({r.promise.name}, {r.where})\n{which}"


def _localized(built: Built, report: Report, cell: Cell) -> str:
    run = report.runs[cell]
    graph: Any = None
    if run.function is not None:
        graph = run.function.fgraph
    elif report.runs[BASE].function is not None:
        graph = report.runs[BASE].function.fgraph
    if graph is None or not report.runs[BASE].calls:
        return ""
    calls = run.calls or report.runs[BASE].calls
    culprit = localize(built.api, graph, calls[0].inputs, cell.backend, cell.mode == "FAST_RUN")
    return "" if culprit is None else str(culprit)
