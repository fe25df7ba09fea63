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
