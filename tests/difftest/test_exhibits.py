"""Exhibits: the programs every session begins with."""

import pytest

from difftest import check
from difftest.cells import BASE
from difftest.session import Address, Session
from difftest.strategies import STEPS
from difftest.strategies.drills import Exhibit, exhibit_of, exhibits, topic_of, topics

NUMBERS = [n for n in range(2 * len(exhibits())) if exhibit_of(n) is not None]


def program(number, campaign="exhibits"):
    return Session().program(Address(campaign, 0, number))


@pytest.mark.parametrize("number", NUMBERS[::40])
def test_nothing_in_an_exhibit_is_drawn(number):
    assert program(number) == program(number, "others")


@pytest.mark.parametrize("first", range(0, len(NUMBERS), 40))
def test_exhibits_are_what_the_model_says(first):
    for number in NUMBERS[first : first + 40]:
        report = check(program(number), [BASE], names=("model", "side condition", "error", "shape"))
        assert report.ok, f"{number}: {report}"


def test_each_is_shown_once_and_every_other_example_is_drawn():
    assert [exhibit_of(n) for n in NUMBERS] == list(range(len(exhibits())))


def test_each_thing_is_drilled_once_in_a_round():
    about = [topic_of(n) for n in range(len(exhibits()) + 2 * len(topics()))]
    drilled = [t for t in about if t is not None and not isinstance(t, Exhibit)]
    assert drilled == list(topics())
    assert about.count(None) == len(topics())


def test_what_no_step_reads_is_an_output():
    for number in NUMBERS[::7]:
        shown = program(number)
        read = {o for step in shown.steps if STEPS[step.step].family != "grad" for o in step.operands}
        assert set(shown.outputs) == {r for step in shown.steps for r in step.results if r not in {*read, *shown.moved}}
