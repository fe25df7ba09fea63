"""What can be shown of a failing program: its values (see `elements`), and the graph around the guilty rewrite.

Owns the search for evidence, made where the program was found and kept with the finding as plain JSON, so that a report
can be made anywhere. It is best effort: what cannot be found out is left out.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from difftest.case import Failure, Report
from difftest.cells import BASE, Cell, execute
from difftest.oracle.text import printed
from difftest.program import Built
from difftest.reports.elements import elements
from difftest.repro import Repro

_NUMBER = re.compile(r"(BISECT: )?application (\d+)")


def evidence(repro: Repro, chosen: Sequence[Cell] = (), api: Any = None) -> dict[str, Any]:
    """Values, prints and the rewrite log of a finding, as far as they can be had."""
    found: dict[str, Any] = {"versions": versions(repro.failure.cell.backend)}
    if not (repro.program.outputs or repro.program.updates):
        return found
    if api is None:
        import reference as api  # type: ignore[no-redef]
    try:
        built = repro.program.build(api)
        report = Report(repro.program)
        for cell in dict.fromkeys([BASE, Cell("UNOPTIMIZED", repro.failure.cell.backend), *chosen, repro.failure.cell]):
            built.reset()
            report.runs[cell] = execute(built, cell)
    except Exception as error:
        return {**found, "nothing": f"{type(error).__name__}: {error}"}
    for part in (elements, _guilty, _log):
        try:
            found.update(part(built, report, repro.failure))
        except Exception as error:
            found.setdefault("missing", []).append(f"{part.__name__.strip('_')}: {type(error).__name__}: {error}")
    return found


def versions(backend: str) -> str:
    """What it ran on."""
    from difftest.plugin import devices

    try:
        device = devices(backend)
    except Exception:
        device = backend
    return f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}; {backend}: {device}"


def _guilty(built: Built, report: Report, failure: Failure) -> Mapping[str, Any]:
    """The application of the rewrite that is blamed: both of its sides, and the whole graph before and after it."""
    run = report.runs[failure.cell]
    log = None if run.function is None else run.function.rewrites
    category, _, name = failure.culprit.partition(" ")
    if log is None or category != "rewrite":
        return {}
    mine = [a for a in log if a.rewrite.name == name]
    asked = list(_numbers(failure))
    application = next((a for a in mine if a.number in asked), mine[0] if mine else None)
    if application is None:
        return {}
    r, api = application.rewrite, built.api
    found = {
        "rewrite": {
            "name": r.name,
            "promise": r.promise.name,
            "means": r.promise.value,
            "where": f"{r.file.rpartition('/')[2]}:{r.line}",
            "summary": r.summary,
            "number": application.number + 1,
            "of": len(log),
            "at": application.node,
            "line": str(application.line or ""),
        }
    }
    texts = []
    for limit in (application.number, application.number + 1):
        with api.config.change_flags(rewrite_limit=limit):
            texts.append(printed(api, built.function(mode=failure.cell.mode, backend=failure.cell.backend)))
    found["before"], found["after"] = texts  # type: ignore[assignment]
    if application.snapshot is not None:
        sides = application.snapshot.before, application.snapshot.after
        found["sides"] = [printed(api, list(side)) for side in sides]  # type: ignore[assignment]
    return found


def _numbers(failure: Failure) -> Iterator[int]:
    """The applications that the failure names: judges count them from 0, the bisection from 1."""
    for text in (failure.message, failure.blame):
        for bisected, number in _NUMBER.findall(text):
            yield int(number) - bool(bisected)


def _log(built: Built, report: Report, failure: Failure) -> Mapping[str, Any]:
    run = report.runs[failure.cell]
    if run.function is None or run.function.rewrites is None:
        return {}
    return {"log": [str(a) for a in run.function.rewrites][:200]}
