"""Text identity: the laws of `oracle.text`, one failure a law that is broken."""

from __future__ import annotations

from collections.abc import Iterator

from difftest.case import Case, Failure, judge
from difftest.oracle.text import laws


@judge("text")
def texts(case: Case) -> Iterator[Failure]:
    for cell, law, what in laws(case.built, case.report.first_text, case.report.runs):
        yield Failure("text", cell, f"{law} is broken\n{what}")
