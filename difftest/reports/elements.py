"""The wrong result of a failing program, an element a row.

Owns the table: the value in each cell, what is right, and which values are not. The shadow is that of the graph as it
was written; a cell may differ from it by the error of both graphs, and the failing cell by what its judge expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.case import Case, Failure, Report
from difftest.cells import BASE, Cell, Run
from difftest.oracle.bits import same_bits
from difftest.oracle.bounds import Bound
from difftest.program import Built

MOST = 64
"""How many elements are shown."""


@dataclass(frozen=True, eq=False)
class Column:
    """One cell's result and the bound of its own graph."""

    cell: Cell
    value: np.ndarray
    bound: Bound | None


def elements(built: Built, report: Report, failure: Failure) -> Mapping[str, Any]:
    """The table, or nothing where no result can be pointed at."""
    place = _place(report, failure)
    if place is None:
        return {}
    case = Case(built, report)
    columns = [c for cell in report.runs if (c := _column(case, cell, failure.call, place)) is not None]
    base = next((c for c in columns if c.cell == BASE), None)
    if base is None:
        return {}
    shape, extra = base.value.shape, _right(base, failure)
    marks = [_wrong(c, base, failure) for c in columns]
    rows = []
    for index in list(np.ndindex(shape))[:MOST]:
        values = [_text(c.value[index]) if c.value.shape == shape else "?" for c in columns]
        wrong = [k for k, mark in enumerate(marks) if mark[index]]
        right = {name: _text(a[index]) for name, a in extra.items()}
        rows.append({"index": list(index), "values": values, "wrong": wrong, **right})
    which = failure.output or _names(report, report.runs[failure.cell])[place]
    return {
        "elements": {
            "of": which + (f", call {failure.call + 1}" if failure.call else ""),
            "type": f"{base.value.dtype}{list(shape)}",
            "cells": [str(c.cell) for c in columns],
            "rows": rows,
            "left_out": base.value.size - len(rows),
        }
    }


def _names(report: Report, run: Run) -> list[str]:
    """The results of a call: outputs, then the new values of shared variables."""
    updated = [] if run.function is None else run.function.updated
    return [*report.program.outputs, *(f"the new value of {v}" for v in updated)]


def _place(report: Report, failure: Failure) -> int | None:
    """Which result is wrong, or the first that is not as in the defining cell."""
    names = _names(report, report.runs[failure.cell])
    if failure.output:
        return names.index(failure.output) if failure.output in names else None
    for place in range(len(names)):
        mine, meant = (_result(report.runs[cell], failure.call, place) for cell in (failure.cell, BASE))
        if mine is not None and meant is not None and not same_bits(mine, meant):
            return place
    return None


def _result(run: Run, call: int, place: int) -> np.ndarray | None:
    if call >= len(run.calls):
        return None
    results = [*run.calls[call].outputs, *run.calls[call].updates]
    return np.asarray(results[place]) if place < len(results) else None


def _column(case: Case, cell: Cell, call: int, place: int) -> Column | None:
    run = case.report.runs[cell]
    value = _result(run, call, place)
    if value is None:
        return None
    try:
        bound = case.walk(run, call).of(run.function.fgraph.outputs[place])
    except Exception:
        return Column(cell, value, None)
    known = bound.y is not None and np.shape(bound.y) == value.shape
    return Column(cell, value, bound if known else None)


def _right(base: Column, failure: Failure) -> dict[str, np.ndarray]:
    """The least and the largest right value, the shadow and its error, where they are known."""
    found: dict[str, Any] = {}
    if base.bound is not None:
        found.update(low=base.bound.low, high=base.bound.high, shadow=base.bound.y, error=base.bound.e)
    if failure.expected is not None:
        found["low"], found["high"] = failure.expected
    return {name: np.asarray(a) for name, a in found.items() if np.shape(a) == base.value.shape}


def _wrong(column: Column, base: Column, failure: Failure) -> np.ndarray:
    """Where a cell's value is not right."""
    shape, value = base.value.shape, column.value
    if value.shape != shape:
        return np.ones(shape, bool)
    expected = failure.expected
    with np.errstate(all="ignore"):
        if column.cell == failure.cell and expected is not None and expected[0].shape == shape:
            low, high = expected
            return ~np.asarray(((low <= value) & (value <= high)) | ((value != value) & (low != low)))
        if base.bound is None or column.bound is None:
            return np.zeros(shape, bool)
        y, reach = base.bound.y, base.bound.e + column.bound.e
        return ~np.asarray((np.abs(value - y) <= reach) | (value == y) | ((value != value) & (y != y)))


def _text(value: Any) -> str:
    return np.format_float_scientific(value, precision=6, trim="-") if isinstance(value, np.longdouble) else str(value)
