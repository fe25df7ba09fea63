"""From a failing cell to a name.

Owns the order of the search: translation validation, then node localization for a backend, then bisection over
rewrites for a cell that is wrong only with them. It adds `blame` to the failures of a report and changes nothing else.
"""

from __future__ import annotations

import re

from difftest.bisect import bisect
from difftest.case import Failure, Report
from difftest.cells import BASE, Cell, execute
from difftest.localize import localize
from difftest.program import Built
from difftest.verdict import judged

_RAISED = re.compile(r"the rewrite (\S+) \((\S+)\) failed")

VALUES = ("bits", "bound", "contract", "error", "type")
"""Kinds of failures whose cause lies in what was computed."""


Found = tuple[str, str]
"""The culprit in a few words, and the reasons; both empty if nobody was found."""

NOBODY: Found = ("", "")


def blame(built: Built, report: Report) -> None:
    """Find who is responsible for each failure that nobody is blamed for yet."""
    translation = next(((f.culprit, f.blame) for f in report.failures if f.kind == "translation"), NOBODY)
    guilty: dict[Cell, Found] = {}
    for failure in report.failures:
        named = _RAISED.search(failure.message) if failure.kind == "error" else None
        if named is not None:
            failure.culprit, failure.blame = f"rewrite {named[1]}", f"rewrite {named[1]} ({named[2]})"
        if failure.blame or failure.kind not in VALUES or failure.cell == BASE:
            continue
        if failure.cell not in guilty:
            guilty[failure.cell] = _search(built, report, failure, translation)
        failure.culprit, failure.blame = guilty[failure.cell]


def _search(built: Built, report: Report, failure: Failure, translation: Found) -> Found:
    cell = failure.cell
    plain = Cell("UNOPTIMIZED", cell.backend)
    rewritten = cell.mode != "UNOPTIMIZED" and all(f.cell != plain for f in report.failures)
    if rewritten and translation != NOBODY:
        return translation
    found = _localized(built, report, cell) if cell.backend != "reference" else NOBODY
    return found if found != NOBODY or not rewritten else _bisected(built, report, cell)


def _bisected(built: Built, report: Report, cell: Cell) -> Found:
    api = built.api
    run = report.runs[cell]
    total = len(run.function.rewrites) if run.function is not None else 200

    def fails(limit: int) -> bool:
        again = Report(report.program, runs={BASE: report.runs[BASE]})
        with api.config.change_flags(rewrite_limit=limit):
            built.reset()
            again.runs[cell] = execute(built, cell)
        judged(built, again, ("error", "values"))
        return any(f.cell == cell and f.kind in VALUES for f in again.failures)

    step = bisect(total, fails)
    if step is None or run.function is None:
        return NOBODY
    application = run.function.rewrites[step.number]
    r = application.rewrite
    which = f"BISECT: application {step.number + 1} of {step.total}: {application}"
    return f"rewrite {r.name}", f"rewrite {r.name} ({r.promise.name}, {r.where})\n{which}"


def _localized(built: Built, report: Report, cell: Cell) -> Found:
    run = report.runs[cell]
    function = run.function or report.runs[BASE].function
    calls = run.calls or report.runs[BASE].calls
    if function is None or not calls:
        return NOBODY
    culprit = localize(built.api, function.fgraph, calls[0].inputs, cell.backend, cell.mode == "FAST_RUN")
    return NOBODY if culprit is None else (culprit.op, str(culprit))
