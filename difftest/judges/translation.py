"""Every application of a rewrite, judged by its own promise on the values of the first call (see `validate`)."""

from __future__ import annotations

from collections.abc import Iterator

from difftest.case import Case, Failure, judge
from difftest.validate import validate


@judge("translation")
def translations(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        if cell.backend != "reference" or not run.fired or not case.base.calls:
            continue
        for broken in validate(run.function.fgraph, run.function.rewrites, case.base.calls[0].inputs):
            what = f"application {broken.number} broke its promise: {broken.what}"
            who = f"rewrite {broken.rewrite} ({broken.promise}, {broken.where})"
            yield Failure("translation", cell, what, culprit=f"rewrite {broken.rewrite}", blame=who)
