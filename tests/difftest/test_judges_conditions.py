"""A call that fails is tried too: state stays as it was, and the function works as before."""

import numpy as np
import pytest

from difftest import Cell, Program, check
from difftest.judges.conditions import SELDOM
from difftest.program import Array, Input, Shared, Step
from reference.compile.function import Function


def counter(number: int) -> Program:
    """x + y and a shared sum; with arguments of two lengths it raises."""
    return Program(
        inputs=tuple(Input(name, (False,), Array(np.array([1.0, number]))) for name in ("x0", "x1")),
        shared=(Shared("s0", Array(np.array([0.5, 0.25]))),),
        steps=(Step("add", ("x0", "x1"), {}, ("v0",)), Step("add", ("s0", "v0"), {}, ("v1",))),
        outputs=("v0",),
        updates=(("s0", "v1"),),
    )


def judged(cells):
    """The reports of a few programs, of which some are called with wrong arguments."""
    return [check(counter(n), cells, names=("side condition",), blame=False) for n in range(6 * SELDOM)]


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN"])
def test_a_failed_call_changes_nothing(mode, backend):
    reports = judged([Cell(mode, backend)])
    assert all(report.ok for report in reports)
    assert any(table == "failed call" for report in reports for table, _ in report.counts)


def test_state_that_moves_in_a_failed_call_is_seen(monkeypatch):
    right = Function.__call__

    def updated_before(self, *arguments, **more):
        try:
            return right(self, *arguments, **more)
        except Exception:
            for s in self.get_shared():
                s.set_value(s.get_value() + 1)
            raise

    monkeypatch.setattr(Function, "__call__", updated_before)
    messages = [f.message for report in judged([Cell("UNOPTIMIZED")]) for f in report.failures]
    assert messages and all("changed the state" in message for message in messages)


def test_a_function_that_remembers_a_failed_call_is_seen(monkeypatch):
    right = Function.__call__
    failed = set()

    def remembering(self, *arguments, **more):
        try:
            found = right(self, *arguments, **more)
        except Exception:
            failed.add(self)
            raise
        return [x + 1 for x in found] if self in failed else found

    monkeypatch.setattr(Function, "__call__", remembering)
    messages = [f.message for report in judged([Cell("UNOPTIMIZED")]) for f in report.failures]
    assert messages and all("gives something else" in message for message in messages)
