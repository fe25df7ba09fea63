"""One failure, asked after again and again: does it still show, in this program, under these flags?

Owns `Probe`, which finds the fewest cells and judges that show a failure, and keeps its answers. Whoever makes a
program smaller, or searches for the culprit, asks it. It must not know why they ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from difftest import model
from difftest.case import Failure, Report
from difftest.cells import BASE, Cell
from difftest.program import Program


class Probe:
    """Whether a failure of this kinship shows in other programs; asked of few cells and judges, so it is quick."""

    def __init__(self, program: Program, failure: Failure, chosen: Sequence[Cell] = (), api: Any = None):
        self.program, self.failure, self.api = program, failure, api
        self.kinship = failure.kinship
        self._answers: dict[tuple[Any, ...], Failure | None] = {}
        plain = Cell("UNOPTIMIZED", failure.cell.backend)
        for cells in ((failure.cell,), (plain, failure.cell), tuple(chosen)):
            self.cells: tuple[Cell, ...] = cells
            if cells and self.shows(program):
                break

    def shows(self, program: Program, **flags: Any) -> bool:
        """Does the failure show in a program, which must be valid, with these flags set?"""
        return self.seen(program, **flags) is not None

    def seen(self, program: Program, **flags: Any) -> Failure | None:
        """The failure as it shows there; None if it does not."""
        key = program.digest, self.cells, *sorted(flags.items())
        if key not in self._answers:
            self._answers[key] = self._ask(program, flags)
        return self._answers[key]

    def report(self, program: Program, **flags: Any) -> Report:
        """What the few cells and judges say of a program."""
        from difftest.verdict import check

        judge, kind = self.failure.judge, self.failure.kind
        related = (kind,) if kind.startswith("MR") else ()
        asked: dict[str, Any] = {"names": ("error", judge) if judge or related else (), "relations": related}
        with self._config.change_flags(flags):
            return check(program, self.cells, self.api, blame=False, **asked)

    @property
    def _config(self) -> Any:
        if self.api is None:
            import reference

            return reference.config
        return self.api.config

    def _ask(self, program: Program, flags: dict[str, Any]) -> Failure | None:
        if not meaningful(program):
            return None
        try:
            failures = self.report(program, **flags).failures
        except Exception:
            # A judge that stumbles over a candidate has not seen the failure.
            return None
        if any(_invalid(f) and f.kinship != self.kinship for f in failures):
            return None
        return next((f for f in failures if f.kinship == self.kinship), None)


def meaningful(program: Program) -> bool:
    """False if the model says that a step makes no sense."""
    given = {i.name: i.value.data for i in program.inputs} | {s.name: s.value.data for s in program.shared}
    try:
        model.evaluate(program, given)
    except Exception:
        return False
    return True


def _invalid(failure: Failure) -> bool:
    return failure.kind == "build" or (failure.kind == "error" and failure.cell == BASE)
