"""A session asks for the gradient of every operation once, on a program of one step."""

import pytest

import reference as theano
from difftest.cells import BASE
from difftest.gradient_seeds import STRUCTURES, gradient_failures, programs
from difftest.seeds import seed_failures
from difftest.verdict import check
from reference import scalar
from reference.tensor.joining import Split

PROGRAMS = list(programs(theano))


def test_right_gradients_are_right():
    assert list(gradient_failures(theano)) == []


@pytest.mark.parametrize("program", PROGRAMS[-len(STRUCTURES) :], ids=lambda p: p.steps[0].step)
def test_structures_are_compared(program):
    counts = check(program, [BASE], names=("slope",)).counts
    assert counts["slope", "agrees"] == 1


def test_a_wrong_row_is_found_before_any_program_is_drawn(monkeypatch):
    right = scalar.TABLE["cos"].grad
    monkeypatch.setitem(scalar.TABLE["cos"].__dict__, "grad", lambda *given: [-g for g in right(*given)])
    ((program, failure),) = seed_failures([BASE])
    assert (failure.kind, failure.culprit) == ("seed", "gradient cos")
    assert failure.message.startswith("v0 = T.cos(x0): the gradient of cos: along a line")
    assert [step.step for step in program.steps] == ["cos"]


def test_a_wrong_structure_is_found(monkeypatch):
    monkeypatch.setattr(Split, "L_op", lambda self, i, o, g: [theano.tensor.concatenate(g[::-1], axis=1), None, None])
    ((_, failure),) = gradient_failures(theano)
    assert failure.culprit == "gradient Split"
