"""What can be shown of a failing program: its values element by element, and the graph around the guilty rewrite.

Owns the search for evidence, made where the program was found and kept with the finding as plain JSON, so that a report
can be made anywhere. It is best effort: what cannot be found out is left out.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from difftest.case import Case, Failure, Report
from difftest.cells import BASE, Cell, Run, execute
from difftest.oracle.bits import same_bits
from difftest.oracle.text import printed
from difftest.program import Built
from difftest.repro import Repro

MOST = 64
"""How many elements are shown."""

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
    for part in (_elements, _guilty, _log):
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


def _elements(built: Built, report: Report, failure: Failure) -> Mapping[str, Any]:
    """The output that is wrong, an element a row: the value in each cell, the shadow, what is allowed."""
    place = _place(report, failure)
    if place is None:
        return {}
    columns: dict[str, np.ndarray] = {}
    for cell, run in report.runs.items():
        value = _result(run, failure.call, place)
        if value is not None:
            columns[str(cell)] = value
    if not columns:
        return {}
    shape = next(iter(columns.values())).shape
    allowed = _allowed(built, report, failure, place, shape)
    rows = []
    for index in list(np.ndindex(shape))[:MOST]:
        fitting = [v.shape == shape and _fits(v[index], index, allowed) for v in columns.values()]
        values = [_text(v[index]) if v.shape == shape else "?" for v in columns.values()]
        wrong = [k for k, fits in enumerate(fitting) if not fits]
        row: dict[str, Any] = {"index": list(index), "values": values, "wrong": wrong}
        row.update({name: _text(a[index]) for name, a in allowed.items() if a.shape == shape})
        rows.append(row)
    which = failure.output or (*report.program.outputs, *map(str, report.runs[failure.cell].function.updated))[place]
    which += f", call {failure.call + 1}" if failure.call else ""
    some = next(iter(columns.values()))
    total = int(np.prod(shape))
    shown = {"of": which, "type": f"{some.dtype}{list(shape)}", "cells": list(columns), "rows": rows}
    return {"elements": {**shown, "left_out": total - len(rows)}}


def _place(report: Report, failure: Failure) -> int | None:
    """Which result of a call is wrong, new states of shared variables after the outputs; else one that differs."""
    run = report.runs[failure.cell]
    names = list(report.program.outputs)
    if run.function is not None:
        names += [f"the new value of {v}" for v in run.function.updated]
    if failure.output:
        return names.index(failure.output) if failure.output in names else None
    for place in range(len(names)):
        mine, meant = _result(run, failure.call, place), _result(report.runs[BASE], failure.call, place)
        if mine is not None and meant is not None and not same_bits(mine, meant):
            return place
    return None


def _result(run: Run, call: int, place: int) -> np.ndarray | None:
    if call >= len(run.calls):
        return None
    results = [*run.calls[call].outputs, *run.calls[call].updates]
    return np.asarray(results[place]) if place < len(results) else None


def _allowed(
    built: Built, report: Report, failure: Failure, place: int, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """The shadow of the failing cell's own graph, and the hull that the right value lies in."""
    found: dict[str, np.ndarray] = {}
    if failure.expected is not None:
        found["low"], found["high"] = failure.expected
    run = report.runs[failure.cell]
    if run.function is None or failure.call >= len(run.calls):
        return found
    bound = Case(built, report).walk(run, failure.call).of(run.function.fgraph.outputs[place])
    if bound.y is not None and np.shape(bound.y) == shape:
        found["shadow"], found["error"] = np.asarray(bound.y), np.asarray(bound.e)
        if "low" not in found:
            found["low"], found["high"] = np.asarray(bound.low), np.asarray(bound.high)
    return {name: a for name, a in found.items() if a.shape == shape}


def _fits(value: Any, index: tuple[int, ...], allowed: Mapping[str, np.ndarray]) -> bool:
    if "low" not in allowed or allowed["low"].dtype.kind not in "biuf":
        return True
    low, high = allowed["low"][index], allowed["high"][index]
    if np.isnan(low) or np.isnan(high) or np.isnan(value):
        return bool(np.isnan(value) == np.isnan(low))
    return bool(low <= value <= high)


def _text(value: Any) -> str:
    return np.format_float_scientific(value, precision=6, trim="-") if isinstance(value, np.longdouble) else str(value)


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
