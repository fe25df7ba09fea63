"""Every application of a rewrite, judged by its own promise on the values of the first call (see `validate`)."""

from __future__ import annotations

from collections.abc import Iterator

from difftest.case import Case, Failure, judge
from difftest.validate import validate, validate_elsewhere


@judge("translation")
def translations(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        if cell.backend != "reference" or not run.fired or not case.base.calls:
            continue
        graph, log, values = run.function.fgraph, run.function.rewrites, case.base.calls[0].inputs
        written = case.base.function.fgraph.toposort()
        for broken in (*validate(graph, log, values), *validate_elsewhere(written, graph, log, values)):
            what = f"application {broken.number} broke its promise: {broken.what}"
            who = f"rewrite {broken.rewrite} ({broken.promise}, {broken.where})"
            yield Failure("translation", cell, what, culprit=f"rewrite {broken.rewrite}", blame=who)
