"""A graph that is written out wrongly is caught."""

import numpy as np

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


def test_the_text_of_a_constant_is_its_value(monkeypatch):
    step = Step("literal", ("x0", -0.0), {"op": "+", "swapped": False}, ("v0",))
    signed = Program(inputs=EXP.inputs, steps=(step,), outputs=("v0",))
    assert check(signed, names=("text",)).ok
    right = text.printed
    monkeypatch.setattr(text, "printed", lambda api, root: right(api, root).replace("{-0.0}", "{0.0}"))
    broken = [f for f in check(signed, names=("text",)).failures if f.message.startswith("P8 is broken")]
    assert [f.culprit for f in broken] == ["printing"]
