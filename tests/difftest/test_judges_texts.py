"""A graph that is written out wrongly is caught."""

import numpy as np
import pytest

import reference as theano
from difftest import Program, check
from difftest.oracle import text
from difftest.program import Array, Input, Step

EXP = Program(
    inputs=(Input("x0", (False,), Array(np.ones(3))),),
    steps=tuple(Step(name, (given,), {}, (made,)) for name, given, made in (("neg", "x0", "v0"), ("neg", "v0", "v1"))),
    outputs=("v1",),
)


def test_what_is_written_out_prints_the_same(monkeypatch):
    monkeypatch.setattr(text, "SELDOM", 1)
    assert check(EXP, names=("text",), blame=False).ok
    right = theano.printing.source
    monkeypatch.setattr(theano.printing, "source", lambda graph: right(graph).replace("x0", "y0"))
    report = check(EXP, names=("text",), blame=False)
    assert len(report.failures) == 1 and report.failures[0].message.startswith("P7 is broken")


ADDED = {"op": "+", "swapped": False}
NUMBERS = tuple(Step("literal", ("x0", number), ADDED, (name,)) for number, name in ((-0.0, "v0"), (3.0, "v1")))


@pytest.mark.parametrize(("law", "right", "wrong"), [("P8", "{-0.0}", "{0.0}"), ("P9", "[@G]", "[@D]")])
def test_a_text_that_tells_of_something_else(law, right, wrong, monkeypatch):
    numbers = Program(inputs=EXP.inputs, steps=NUMBERS, outputs=("v0", "v1"))
    assert check(numbers, names=("text",)).ok
    printed = text.printed
    assert right in printed(theano, numbers.build(theano).outputs)
    monkeypatch.setattr(text, "printed", lambda api, root: printed(api, root).replace(right, wrong))
    broken = [f for f in check(numbers, names=("text",)).failures if f.message.startswith(f"{law} is broken")]
    assert [f.culprit for f in broken] == ["printing"]
