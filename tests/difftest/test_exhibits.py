"""Exhibits: the programs every session begins with."""

import pytest

from difftest import check
from difftest.cells import BASE
from difftest.session import Address, Session
from difftest.strategies import STEPS
from difftest.strategies.drills import exhibits, topics

SHOWN = len(exhibits())


def program(number, campaign="exhibits"):
    return Session().program(Address(campaign, 0, number))


@pytest.mark.parametrize("number", range(0, SHOWN, 40))
def test_nothing_in_an_exhibit_is_drawn(number):
    assert program(number) == program(number, "others")


@pytest.mark.parametrize("first", range(0, SHOWN, 40))
def test_exhibits_are_what_the_model_says(first):
    for number in range(first, min(first + 40, SHOWN)):
        report = check(program(number), [BASE], names=("model", "side condition", "error", "shape"))
        assert report.ok, f"{number}: {report}"


def test_after_them_each_thing_is_drilled_once():
    drawn = {step.step for number in range(SHOWN, SHOWN + len(topics())) for step in program(number).steps}
    assert {"scan", "grad", "split", "multinomial", "set_places"} <= drawn


def test_what_no_step_reads_is_an_output():
    for number in range(0, SHOWN, 7):
        shown = program(number)
        read = {o for step in shown.steps if STEPS[step.step].family != "grad" for o in step.operands}
        assert set(shown.outputs) == {r for step in shown.steps for r in step.results if r not in {*read, *shown.moved}}
