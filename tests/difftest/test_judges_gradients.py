"""Gradients are judged by differences of the cost: wrong ones are caught and named, kinks are let be."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from difftest import Program, check
from difftest.oracle.differences import opinion
from difftest.program import Array, Input, Step
from reference import scalar
from reference.scan.op import Scan
from reference.tensor.linalg import Dot

VALUES = np.array([0.3, -1.2, 2.5])


def program(*steps: Step, outputs, values=VALUES, dtype="float64") -> Program:
    value = np.array(values, dtype)
    return Program(inputs=(Input("x0", (False,) * value.ndim, Array(value)),), steps=steps, outputs=outputs)


def gradient_of(cost: str, result: str, dtype: str = "float64") -> Step:
    return Step("grad", (cost, "x0"), {"dtypes": (dtype,)}, (result,))


def judged(p: Program):
    return check(p, names=("gradient",), blame=False)


EXP_TANH = (Step("exp", ("x0",), {}, ("v0",)), Step("tanh", ("v0",), {}, ("v1",)))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_right_gradients_agree_to_the_third_order(dtype):
    orders = [gradient_of(f"v{k}", f"v{k + 1}", dtype) for k in (1, 2, 3)]
    report = judged(program(*EXP_TANH, *orders, outputs=("v4",), dtype=dtype))
    assert report.ok
    assert report.counts["gradient", "agrees"] == 3


def twisted_row(monkeypatch, name, factor):
    row = scalar.TABLE[name]
    right = row.grad
    monkeypatch.setitem(
        row.__dict__, "grad", lambda ns, xs, z, g: [None if t is None else t * factor for t in right(ns, xs, z, g)]
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_a_wrong_gradient_of_a_row_is_caught_and_named(monkeypatch, name, dtype):
    twisted_row(monkeypatch, name, np.asarray(1 + 1e-4, dtype))
    report = judged(program(*EXP_TANH, gradient_of("v1", "v2", dtype), outputs=("v2",), dtype=dtype))
    assert [(f.kind, f.culprit) for f in report.failures] == [("gradient", f"gradient {name}")]


def test_a_wrong_gradient_of_an_operation_with_structure_is_named(monkeypatch):
    right = Dot.L_op
    monkeypatch.setattr(Dot, "L_op", lambda self, i, o, g: [t * 2 for t in right(self, i, o, g)])
    steps = Step("dot", ("x0", "x0"), {}, ("v0",)), gradient_of("v0", "v1")
    report = judged(program(*steps, outputs=("v1",)))
    assert {f.culprit for f in report.failures} == {"gradient Dot"}


@pytest.mark.parametrize("step", ["abs_", "sgn", "floor"])
def test_at_a_kink_there_is_no_opinion(step):
    report = judged(program(Step(step, ("x0",), {}, ("v0",)), gradient_of("v0", "v1"), outputs=("v1",), values=[0.0]))
    assert report.ok
    assert report.counts["gradient", "kink"] + report.counts["gradient", "agrees"] == 1


def line_of(build, value=VALUES):
    x = T.tensor(value.dtype.name, (False,) * value.ndim, name="x")
    cost = build(x)
    (weights,) = [np.ones(())]
    return cost, x, weights, {x: value}


def powers(x):
    rows, _ = theano.scan(lambda p, x: T.tanh(p * x), outputs_info=T.ones_like(x), non_sequences=x, n_steps=4)
    return T.sum(rows[-1] ** 2)


def until_small(x):
    rows, _ = theano.scan(lambda p: (p * 0.5, theano.scan_module.until(T.all(abs(p) < 1))), outputs_info=x, n_steps=9)
    return T.sum(T.exp(rows))


@pytest.mark.parametrize(
    "build",
    [powers, lambda x: T.max(x) * x[0], lambda x: T.sum(T.sort(x) * x), lambda x: T.sum(x[::2] ** 3) + x.prod(),
     lambda x: T.nnet.softmax(x[None])[0, 1], lambda x: T.sum(T.cumsum(T.sin(x)) * x), until_small,
     lambda x: T.sum(T.switch(x > 0, x * x, T.exp(x)))],
)  # fmt: skip
def test_the_opinion_agrees_with_right_gradients_and_not_with_wrong_ones(build):
    cost, x, weights, values = line_of(build)
    g = theano.grad(cost, x)
    assert opinion({cost: weights}, {x: g}, values).verdict == "agrees"
    assert opinion({cost: weights}, {x: g * (1 + 1e-5)}, values).verdict == "wrong"


def test_a_wrong_gradient_of_a_loop_is_caught(monkeypatch):
    right = Scan.L_op
    monkeypatch.setattr(Scan, "L_op", lambda self, i, o, g: [t if t is None or t.type.ndim != 1 else t + 1e-3
                                                             for t in right(self, i, o, g)])  # fmt: skip
    cost, x, weights, values = line_of(powers)
    assert opinion({cost: weights}, {x: theano.grad(cost, x)}, values).verdict == "wrong"


def test_with_respect_to_an_intermediate_what_lies_before_it_stands_still():
    x = T.dvector("x")
    middle = T.exp(x)
    cost = T.sum(middle * x)
    values = {x: VALUES}
    right, total = theano.grad(cost, middle), theano.grad(cost, x) / middle
    assert opinion({cost: np.ones(())}, {middle: right}, values).verdict == "agrees"
    assert opinion({cost: np.ones(())}, {middle: total}, values).verdict == "wrong"


def test_gradients_changed_on_purpose_are_let_be():
    x = T.dvector("x")
    cost = T.sum(theano.gradient.grad_clip(x, -0.1, 0.1) ** 2)
    assert opinion({cost: np.ones(())}, {x: theano.grad(cost, x)}, {x: VALUES}).verdict == "by convention"
