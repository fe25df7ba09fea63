"""The verdict on one program: run it in every cell, ask every judge, name the guilty one.

Owns `check`. What is compared with what stands in `judges`, how in `oracle`, who is to blame in `blame`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from difftest import judges  # noqa: F401  registers the judges
from difftest.case import JUDGES, Case, Failure, Judge, Report
from difftest.cells import BASE, Cell, cells, execute
from difftest.oracle.text import printed
from difftest.program import Built, Program
from difftest.strategies import STEPS
from difftest.strategies.forms import forms_of

__all__ = ["Failure", "Report", "check", "judged"]


def check(
    program: Program,
    chosen: Sequence[Cell] | None = None,
    api: Any = None,
    blame: bool = True,
    names: Collection[str] = (),
    relations: Iterable[str] = (),
    most: int | None = None,
) -> Report:
    """Run `program` in the chosen cells (default: every mode of the reference) and judge them.

    `api` is the module that stands for theano, by default `reference`. With `blame`, a failing cell is
    searched for the rewrite or node that did it. `names` are those of the judges to ask, by default all.
    `relations` are ids such as "MR7" (docs/relations.md) to be tried too; `most`: only so many of those that apply.
    """
    if api is None:
        import reference as api  # type: ignore[no-redef]
    report = Report(program)
    _counted(report)
    try:
        built = program.build(api)
    except Exception as error:
        failure = Failure("build", BASE, f"the graph cannot be built: {type(error).__name__}: {error}")
        if blame:
            from difftest.blame import of_build

            failure.culprit, failure.blame = of_build(program, api)
        report.failures.append(failure)
        return report
    report.first_text = printed(api, built.outputs)
    for cell in dict.fromkeys([BASE, *(chosen or cells())]):
        built.reset()
        report.runs[cell] = execute(built, cell)
    judged(built, report, names)
    if blame and report.failures:
        from difftest.blame import blame as search

        search(built, report)
    if relations:
        from difftest.relations import tried

        report.failures.extend(tried(Case(built, report), relations, most, blame))
    return report


def judged(built: Built, report: Report, names: Collection[str] = ()) -> Report:
    """Add to `report` what the judges of these names, or all of them, find wrong with its runs."""
    case = Case(built, report)
    for name, judge in JUDGES.items():
        if not names or name in names:
            report.counts["judge", name] += 1
            report.failures.extend(_said(name, judge, case))
    for run in report.runs.values():
        if run.function is not None and run.function.rewrites is not None:
            for name, times in run.function.rewrites.counts().items():
                report.counts["rewrite", name] += times
    return report


def _said(name: str, judge: Judge, case: Case) -> Iterator[Failure]:
    """The failures that a judge finds. One that stumbles has met what no right program gives."""
    try:
        for failure in judge(case):
            failure.judge = name
            yield failure
    except Exception as error:
        what = f"the judge stumbled: {type(error).__name__}: {error}"
        yield Failure(name, BASE, what, judge=name)


def _counted(report: Report) -> None:
    """Count what the program is made of."""
    program, counts = report.program, report.counts
    for step in program.steps:
        counts["step", step.step] += 1
        if step.step in STEPS:
            counts["family", STEPS[step.step].family] += 1
    for name in forms_of(program):
        counts["form", name] += 1
    for value in (*(i.value for i in program.inputs), *(s.value for s in program.shared)):
        counts["dtype", value.dtype] += 1
        counts["rank", str(value.data.ndim)] += 1
        counts["layout", value.layout] += 1
