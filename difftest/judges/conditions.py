"""Side conditions: what holds of every run, whatever its values (see `cells`)."""

from __future__ import annotations

from collections.abc import Iterator

from difftest.case import Case, Failure, judge


@judge("side condition")
def conditions(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        for complaint in run.complaints:
            yield Failure("side condition", cell, complaint)
