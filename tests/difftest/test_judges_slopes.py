"""The gradient of one node in every program: right ones agree, wrong ones are named, kinks are as documented."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from difftest import Program, check
from difftest.judges.slopes import broken_promise, unlike_differences
from difftest.model.kinks import KINKS
from difftest.program import Array, Input, Step
from difftest.validate import computed
from reference import scalar
from reference.tensor.reduce import Prod
from reference.tensor.sort import SortOp

SEEDS = range(4)


def node_on(build, *values):
    """The node that computes what `build` makes of these values, and they."""
    inputs = [T.tensor(v.dtype.name, (False,) * v.ndim) for v in map(np.asarray, values)]
    node = build(*inputs).owner
    known = dict(zip(inputs, map(np.asarray, values)))
    for v in node.inputs:
        computed(v, known)
    return node, [known[v] for v in node.inputs]


M = np.array([[0.5, -1.25, 2.0], [0.0, 3.0, -0.75]])
SMOOTH = {
    "mul": (T.mul, M, M), "pow": (T.pow, np.abs(M) + 0.5, M), "arctan2": (T.arctan2, M, M + 4),
    "DimShuffle": (lambda x: x.dimshuffle(1, "x", 0), M), "Prod": (lambda x: T.prod(x, axis=1), M),
    "Max": (lambda x: T.max(x, axis=1), M), "LogSoftmax": (T.nnet.logsoftmax, M), "CumOp": (T.cumsum, M),
    "Subtensor": (lambda x: x[:, 1:], M), "IncSubtensor": (lambda x, y: T.inc_subtensor(x[1:], y), M, M[1:]),
    "Join": (lambda x, y: T.concatenate([x, y], axis=1), M, M), "Alloc": (lambda x: T.alloc(x, 4, 2, 3), M),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", SMOOTH)
def test_right_gradients_agree(name, dtype):
    build, *values = SMOOTH[name]
    node, inputs = node_on(build, *(v.astype(dtype) for v in values))
    assert [unlike_differences(theano, node, inputs, seed)[0] for seed in SEEDS] == ["agrees"] * len(SEEDS)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("row", ["erf", "erfc", "deg2rad", "rad2deg", "exp2", "log2", "log10", "erfinv", "erfcinv"])
def test_the_rounded_constant_of_a_gradient_is_no_fault(row, dtype):
    if scalar.TABLE[row].needs:
        pytest.importorskip(scalar.TABLE[row].needs)
    node, inputs = node_on(getattr(T, row), np.array([0.0, 0.25, 0.5, 0.8125], dtype))
    assert {unlike_differences(theano, node, inputs, seed)[0] for seed in SEEDS} <= {"agrees", "not finite"}


def test_numbers_that_have_no_slope_are_replaced_by_ordinary_ones():
    node, inputs = node_on(T.log, np.array([0.0, np.inf, -1.0]))
    assert unlike_differences(theano, node, inputs, 0)[0] == "agrees"


def test_a_wave_that_is_shorter_than_the_step_has_no_slope():
    node, inputs = node_on(T.cos, np.float32([1.0, 1e-3, 1e30]))
    assert {unlike_differences(theano, node, inputs, seed)[0] for seed in SEEDS} == {"kink"}


KINKED = {
    "abs_": (abs, M), "sgn": (T.sgn, M), "maximum": (T.maximum, M, M[0]), "minimum": (T.minimum, M, M),
    "clip": (lambda x: T.clip(x, -1.0, 1.0), M), "switch": (T.switch, M, M, M), "pow": (T.pow, M, M),
    "floor": (T.floor, M), "ceil": (T.ceil, M), "trunc": (T.trunc, M), "Max": (T.max, M),
    "round_half_to_even": (lambda x: T.round(x, mode="half_to_even"), M),
    "round_half_away_from_zero": (lambda x: T.round(x, mode="half_away_from_zero"), M),
    "MaxAndArgmax": (lambda x: T.max_and_argmax(x, axis=1)[0], M), "Prod": (lambda x: T.prod(x, axis=0), M),
    "SortOp": (lambda x: T.sort(x, axis=0), M),
    "Pool": (lambda x: T.signal.pool.pool_2d(x, (2, 2), ignore_border=True, stride=(1, 1)), M),
}  # fmt: skip


def test_every_promise_is_looked_at():
    assert set(KINKED) == set(KINKS)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", KINKED)
def test_slopes_at_kinks_are_as_documented(name, dtype):
    build, *values = KINKED[name]
    node, inputs = node_on(build, *(v.astype(dtype) for v in values))
    assert [broken_promise(theano, node, inputs, seed) for seed in SEEDS] == [("as promised", "")] * len(SEEDS)


WRONG_SLOPES = {
    "abs_": lambda ns, xs, z, g: [g * ns.switch(ns.ge(xs[0], 0), 1, -1)],
    "sgn": lambda ns, xs, z, g: [ns.switch(ns.eq(xs[0], 0), g, 0)],
    "maximum": lambda ns, xs, z, g: [ns.switch(ns.eq(z, x), g, 0) for x in xs],
    "clip": lambda ns, xs, z, g: [ns.switch(ns.and_(ns.gt(xs[0], xs[1]), ns.lt(xs[0], xs[2])), g, 0), None, None],
    "pow": lambda ns, xs, z, g: [g * xs[1] * xs[0] ** (xs[1] - 1), g * ns.log(xs[0]) * z],
    "floor": lambda ns, xs, z, g: [g],
}


@pytest.mark.parametrize("name", WRONG_SLOPES)
def test_another_slope_at_a_kink_is_seen(monkeypatch, name):
    build, *values = KINKED[name]
    node, inputs = node_on(build, *(np.abs(v) + 2 if name == "pow" else v for v in values))
    monkeypatch.setitem(scalar.TABLE[name].__dict__, "grad", WRONG_SLOPES[name])
    assert "wrong promise" in {broken_promise(theano, node, inputs, seed)[0] for seed in SEEDS}


@pytest.mark.parametrize("op", [Prod, SortOp])
def test_a_reduction_that_gives_to_all_is_seen(monkeypatch, op):
    monkeypatch.setattr(op, "L_op", lambda self, i, o, g: [T.ones_like(i[0]), *[None] * (len(i) - 1)])
    build, *values = KINKED[op.__name__]
    node, inputs = node_on(build, *values)
    assert broken_promise(theano, node, inputs, 0)[0] == "wrong promise"


def test_a_program_that_asks_for_no_gradient_is_asked_for_one(monkeypatch):
    right = scalar.TABLE["cosh"].grad
    program = Program(
        inputs=(Input("x0", (False,), Array(np.array([0.5, 1.5]))),),
        steps=(Step("cosh", ("x0",), {}, ("v0",)),),
        outputs=("v0",),
    )
    assert check(program, names=("slope",)).counts["slope", "agrees"] == 1
    monkeypatch.setitem(scalar.TABLE["cosh"].__dict__, "grad", lambda *given: [-g for g in right(*given)])
    failures = check(program, names=("slope",)).failures
    assert [(f.kind, f.culprit) for f in failures] == [("slope", "gradient cosh")]
