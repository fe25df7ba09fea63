"""An operation that tells wrong lengths is caught and named."""

import numpy as np

from difftest import Program, check
from difftest.program import Array, Input, Step
from reference.tensor.joining import Join

JOINED = Program(
    inputs=(Input("x0", (False, False), Array(np.ones((2, 3)))),),
    steps=(Step("join", ("x0", "x0"), {"axis": 1}, ("v0",)), Step("exp", ("v0",), {}, ("v1",))),
    outputs=("v1",),
)


def test_right_lengths_are_let_be():
    report = check(JOINED, names=("shape",), blame=False)
    assert report.ok
    assert report.counts["shape", "told"] >= 2


def test_wrong_lengths_are_caught_and_the_operation_named(monkeypatch):
    right = Join.infer_shape
    monkeypatch.setattr(Join, "infer_shape", lambda self, node, shapes: [tuple(reversed(right(self, node, shapes)[0]))])
    report = check(JOINED, names=("shape",), blame=False)
    assert [(f.kind, f.culprit) for f in report.failures] == [("shape", "op Join")]
