"""Derivatives of loops against those of their steps written out: right ones agree, a seeded fault is seen."""

import numpy as np
import pytest

import reference
from difftest.cells import BASE
from difftest.judges.loops import ORDERS, judged
from difftest.program import Array, Input, Program, Step
from difftest.validate import computed
from difftest.verdict import check
from reference import tensor as T
from reference.scan import forward
from reference.scan import grad as backward

a, v = T.dscalar("a"), T.dvector("v")
LOOPS = {
    "a state": lambda: reference.scan(lambda r, h: T.tanh(r * h), v, a)[0],
    "taps": lambda: reference.scan(
        lambda r, q, h, k: T.sin(h * r) + q * k, {"input": v, "taps": [0, -1]}, {"initial": v, "taps": [-3, -1]}
    )[0],
    "until": lambda: reference.scan(lambda h: (h * h + a, reference.until(h > 1)), outputs_info=a, n_steps=6)[0],
    "a loop inside": lambda: reference.scan(
        lambda r: reference.scan(lambda h: T.tanh(h * r), outputs_info=a, n_steps=2)[0][-1], v
    )[0],
    "one value twice": lambda: reference.scan(lambda r, h: [h * r, h * r, h * r], v, [a, None, None])[0][2],
}


def node_of(out):
    """The loop behind a variable, and the values around it."""
    node = out.owner
    while type(node.op).__name__ != "Scan":
        node = node.inputs[0].owner
    known = {a: np.array(0.75), v: np.array([0.5, -1.25, 0.75, 1.5])}
    for x in (*node.inputs, *node.outputs):
        computed(x, known)
    return node, known


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", LOOPS)
def test_the_derivatives_of_a_loop_are_those_of_its_steps(name, order):
    node, known = node_of(LOOPS[name]())
    assert judged(reference, node, known, order, seed=1) == ("agrees", "")


@pytest.mark.parametrize("order", ORDERS[:3])
def test_a_gradient_that_loses_a_term_is_seen(order, monkeypatch):
    found = backward._Backward._own_term

    def lost(self, part, i, terms):
        return None if i == 1 else found(self, part, i, terms)

    node, known = node_of(
        reference.scan(lambda h, k: T.sin(h * a) * k, outputs_info={"initial": v[:2], "taps": [-2, -1]}, n_steps=3)[0]
    )
    monkeypatch.setattr(backward._Backward, "_own_term", lost)
    verdict, what = judged(reference, node, known, order, seed=1)
    assert verdict == "wrong"
    assert "written out" in what


def test_a_change_that_is_lost_is_seen(monkeypatch):
    node, known = node_of(LOOPS["a state"]())
    monkeypatch.setattr(forward._Forward, "_begin", lambda self, part: forward._zeros(part.outer))
    verdict, what = judged(reference, node, known, "Rop", seed=1)
    assert verdict == "wrong"
    assert "written out" in what


def test_every_program_with_a_loop_is_asked(monkeypatch):
    step = Step(
        "scan", ("x0", "x1"),
        {"sequences": (((0,), ("r0",)),), "states": (((-1,), ("h0",), False),),
         "body": (("mul", ("r0", "h0"), {}, ("t0",)),), "outputs": ("t0",), "rows": ("",)},
        ("v0",),
    )  # fmt: skip
    inputs = Input("x0", (False,), Array(np.array([0.5, 1.5]))), Input("x1", (), Array(np.array(0.75)))
    program = Program(inputs, (), (step,), ("v0",))
    report = check(program, [BASE])
    assert report.ok, report
    assert next(row for (table, row), _ in report.counts.items() if table == "loop").endswith(": agrees")
    monkeypatch.setattr(backward._Backward, "_own_term", lambda *_: None)
    (failure,) = [f for f in check(program, [BASE]).failures if f.kind == "loop"]
    assert failure.culprit == "gradient Scan"
