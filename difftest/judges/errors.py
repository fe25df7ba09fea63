"""Errors are results: the same ones everywhere, unless a rewrite may have removed the original's."""

from __future__ import annotations

from collections.abc import Iterator

from difftest.case import Case, Failure, judge
from difftest.cells import BASE


@judge("error")
def errors(case: Case) -> Iterator[Failure]:
    """A valid program does not raise in its first call; other cells raise what the defining one raises."""
    base = case.base.trouble
    if base is not None and not case.base.calls:
        yield Failure("error", BASE, str(base))
    for cell, run in case.report.runs.items():
        mine = run.trouble
        if cell == BASE or (mine is None and base is None):
            continue
        if mine is not None and mine.kind == "NotLowered":
            case.count("not lowered", mine.text.partition("\n")[0])
        elif mine is None:
            if not run.promised("RAISES"):
                yield Failure("error", cell, f"succeeded where the unoptimized graph raised {base}")
        elif base is None:
            yield Failure("error", cell, f"raised {mine}")
        elif (base.stage, base.kind) != (mine.stage, mine.kind) and not run.promised("RAISES"):
            yield Failure("error", cell, f"raised {mine}, the unoptimized graph {base}")
