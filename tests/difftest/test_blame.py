"""Culprits have names: whoever is made wrong on purpose is the one that is blamed."""

import sys

import numpy as np
import pytest
from faulty import backend, compile_with, is_row

import reference as theano
import reference.tensor as T
from difftest import Cell, Program, check
from difftest.bisect import bisect, phase
from difftest.program import Array, Input, Shared, Step
from difftest.raised import who_raises
from reference.config import config
from reference.interpreter import Executable
from reference.rewriting import engine
from reference.rewriting.engine import Promise, rewrite
from reference.scan.op import Scan
from reference.tensor.creation import Alloc
from reference.tensor.reduce import Sum
from reference.tensor.shape import Reshape


def program(*steps, outputs=None, values=(1.5, -0.25, 3.0), dtype="float64", **more):
    return Program(
        inputs=(Input("x0", (False,), Array(np.array(values, dtype))),),
        steps=steps,
        outputs=outputs or steps[-1].results,
        **more,
    )


def unary(name, x, result, **attributes):
    return Step(name, (x,), attributes, (result,))


SUM = unary("sum", "x0", "v0", axis=None, keepdims=False, dtype=None)
CHAIN = program(unary("exp", "x0", "v0"), unary("neg", "v0", "v1"), unary("abs_", "v1", "v2"))


def culprits(report):
    assert not report.ok
    return {f.culprit for f in report.failures}


@pytest.fixture
def wrong_rewrite():
    """Register a rewrite for one test; whatever the test did, it is gone afterwards."""
    before = dict(engine.REGISTRY)
    yield rewrite
    engine.REGISTRY.clear()
    engine.REGISTRY.update(before)


# Backends.


def test_a_kernel_that_is_wrong_alone():
    def twist(node, results):
        return tuple(r + 1 for r in results) if is_row(node, "exp") else results

    with backend("negative", twist) as negative:
        assert culprits(check(CHAIN, [Cell("UNOPTIMIZED", negative)])) == {"kernel exp"}


def test_a_kernel_that_raises():
    def twist(node, results):
        if type(node.op).__name__ == "Sum":
            raise MemoryError("no room")
        return results

    with backend("full", twist) as full:
        assert culprits(check(program(SUM), [Cell("UNOPTIMIZED", full)])) == {"kernel Sum"}


@pytest.mark.parametrize("name", ["fusion", "plan", "machine"])
def test_what_is_right_alone_is_named_by_the_phase_that_does_it(name, monkeypatch):
    """The last of several operations is wrong, unless their results are outputs or the phase is off."""

    def compile(fgraph, options):
        run = compile_with(lambda node, results: results)(fgraph, options)
        wrong = config.opencl.fuse and len(fgraph.outputs) == 1 and len(fgraph.toposort()) > 1
        return (lambda *values: [r + 1 for r in run(*values)]) if wrong else run

    with backend("joining", lambda node, results: results) as joining:
        monkeypatch.setattr(sys.modules["joining_backend"], "compile", compile)
        monkeypatch.setattr("difftest.bisect.PHASES", {"joining": ((name, "opencl.fuse", False),)})
        report = check(CHAIN, [Cell("UNOPTIMIZED", joining)])
    assert culprits(report) == {f"{name} abs_"}
    assert "opencl.fuse=False" in report.failures[0].blame


def test_without_a_phase_that_helps_it_is_the_plan(monkeypatch):
    def compile(fgraph, options):
        run = compile_with(lambda node, results: results)(fgraph, options)
        wrong = len(fgraph.outputs) == 1 and len(fgraph.toposort()) > 1
        return (lambda *values: [r + 1 for r in run(*values)]) if wrong else run

    with backend("stubborn", lambda node, results: results) as stubborn:
        monkeypatch.setattr(sys.modules["stubborn_backend"], "compile", compile)
        assert culprits(check(CHAIN, [Cell("UNOPTIMIZED", stubborn)])) == {"plan abs_"}


def test_the_phase_is_the_first_whose_absence_helps():
    assert phase("opencl", lambda **flags: "opencl.replay" not in flags) == ("plan", "opencl.replay=False")
    assert phase("opencl", lambda **flags: True) == ("", "")
    assert phase("reference", lambda **flags: False) == ("", "")


@pytest.mark.parametrize("flag", ["opencl.fuse", "opencl.reuse", "opencl.replay", "opencl.interpret"])
def test_the_phases_of_the_device_change_no_answer(flag, backend):
    if backend != "opencl":
        pytest.skip("the phases are those of the device")
    cells = [Cell(mode, backend, ((flag, "False"),)) for mode in ("UNOPTIMIZED", "FAST_RUN")]
    assert check(CHAIN, cells).ok


# Rewrites.


def test_a_rewrite_that_validation_does_not_see_is_found_by_bisection(wrong_rewrite, monkeypatch):
    monkeypatch.setattr("difftest.judges.translation.validate", lambda *args: iter(()))

    @wrong_rewrite(Promise.EXACT, on="exp", stage="specialize")
    def exp_is_expm1(fgraph, node):
        """exp(x) -> expm1(x)"""
        return [T.expm1(*node.inputs)]

    assert culprits(check(CHAIN)) == {"rewrite exp_is_expm1"}


def test_a_rewrite_that_a_second_pass_applies_again(wrong_rewrite):
    @wrong_rewrite(Promise.EXACT, on="exp", stage="specialize")
    def one_more_copy(fgraph, node):
        """exp(x) -> exp(x), in a shape of its own, once"""
        done = getattr(node.tag, "copied", False)
        if done:
            return None
        new = T.exp(node.inputs[0].reshape(node.inputs[0].shape))
        new.owner.tag.copied = True
        return [new]

    report = check(CHAIN, [Cell("FAST_RUN")])
    assert "rewrite one_more_copy" in culprits(report)


def test_bisection_ends_at_an_adjacent_pair():
    step = bisect(10, lambda limit: limit >= 7)
    assert step is not None and (step.number, step.total) == (6, 10)
    assert bisect(10, lambda limit: True) is None
    assert bisect(10, lambda limit: False) is None
    assert bisect(0, lambda limit: True) is None


# The reference itself.


def wronged(op, change=lambda x: x + 1):
    """A `perform` whose results are changed."""
    right = op.perform

    def perform(self, node, *inputs):
        return tuple(np.asarray(change(np.asarray(r)), r.dtype) for r in right(self, node, *inputs))

    return perform


RESHAPED = Step("reshape", ("x0",), {"shape": (3, 1)}, ("v0",))


@pytest.mark.parametrize(("op", "step"), [(Sum, SUM), (Reshape, RESHAPED)])
def test_an_operation_that_does_not_mean_what_is_documented(op, step, monkeypatch):
    monkeypatch.setattr(op, "perform", wronged(op))
    after = unary("neg", "v0", "v1")
    assert f"op {op.__name__}" in culprits(check(program(step, after)))


def loop():
    """A running sum."""
    from difftest.loop import Loop, Sequence_, State

    parts = Loop(
        sequences=(Sequence_((0,), ("a",)),),
        states=(State((-1,), ("h",)),),
        body=(Step("add", ("a", "h"), {}, ("b0",)), unary("sum", "b0", "b1", axis=None, keepdims=False, dtype=None)),
        outputs=("b1",),
        rows=("",),
    )
    start = Input("x1", (), Array(np.array(0.5)))
    made = program(Step("scan", ("x0", "x1"), parts.attributes(), ("v0",)), values=(1.0, 2.0, 3.0))
    return Program(inputs=(*made.inputs, start), steps=made.steps, outputs=made.outputs)


def test_the_loop_of_these_tests_is_right():
    assert check(loop()).ok


def test_a_loop_that_is_wrong_with_a_right_step(monkeypatch):
    right = Scan.thunk

    def thunk(self, node):
        run = right(self, node)
        return lambda *inputs: tuple(np.asarray(r + 1, r.dtype) for r in run(*inputs))

    monkeypatch.setattr(Scan, "thunk", thunk)
    assert "scan" in culprits(check(loop(), [Cell("UNOPTIMIZED")]))


def test_an_operation_in_a_loop(monkeypatch):
    monkeypatch.setattr(Sum, "perform", wronged(Sum))
    assert culprits(check(loop(), [Cell("UNOPTIMIZED")])) == {"op Sum"}


def test_an_operation_that_raises(monkeypatch):
    def perform(self, node, *inputs):
        raise IndexError("oops")

    monkeypatch.setattr(Sum, "perform", perform)
    assert culprits(check(program(SUM), [Cell("UNOPTIMIZED")])) == {"op Sum"}


def test_an_operation_that_writes_to_what_it_reads(monkeypatch):
    right = Sum.perform

    def perform(self, node, x):
        results = right(self, node, x)
        x[...] = 7
        return results

    monkeypatch.setattr(Sum, "perform", perform)
    report = check(program(SUM), [Cell("UNOPTIMIZED")])
    assert "op Sum" in {f.culprit for f in report.failures if f.kind == "side condition"}


def test_an_operation_of_another_type_than_declared(monkeypatch):
    right = Alloc.perform
    monkeypatch.setattr(Alloc, "perform", lambda self, node, *v: (right(self, node, *v)[0].astype("float32"),))
    made = Step("alloc", ("x0",), {"shape": (2, 3)}, ("v0",))
    report = check(program(made), [Cell("UNOPTIMIZED")])
    assert "op Alloc" in {f.culprit for f in report.failures if f.kind == "side condition"}


def test_an_interpreter_that_writes_to_arguments(monkeypatch):
    right = Executable.__call__

    def call(self, *inputs):
        results = right(self, *inputs)
        for x in inputs:
            x[...] = 7
        return results

    monkeypatch.setattr(Executable, "__call__", call)
    report = check(program(SUM), [Cell("UNOPTIMIZED")])
    assert {f.culprit for f in report.failures if "changed its argument" in f.message} == {"interpreter"}


def test_updates_that_are_committed_one_after_another(monkeypatch):
    from reference.compile.function import Function

    def commit(self, new_values):
        for container in self._commits:
            container.write(np.asarray(new_values[len(self.states)]))

    swap = Program(
        shared=(Shared("s0", Array(np.array(1.0))), Shared("s1", Array(np.array(2.0)))),
        steps=(Step("add", ("s0", "s0"), {}, ("v0",)), Step("add", ("s0", "s1"), {}, ("v1",))),
        outputs=("v0", "v1"),
        updates=(("s0", "v1"), ("s1", "v0")),
        calls=((), ()),
    )
    assert check(swap).ok
    monkeypatch.setattr(Function, "_commit", commit)
    assert culprits(check(swap)) == {"function"}


def test_frames_tell_who_raises():
    x = T.dvector("x")
    past_the_end = theano.function([x], x[7])
    assert who_raises(lambda: past_the_end([1.0]))[0] == "op Subtensor"
    assert who_raises(lambda: Sum((5,), None, None)(x))[0] == "op Sum"
    assert who_raises(lambda: theano.function([x], x, mode="no such mode"))[0] == "function"
    assert who_raises(lambda: None) == ("", "")


def test_a_gradient_that_cannot_be_built(monkeypatch):
    def L_op(self, inputs, outputs, output_gradients):
        raise ValueError("oops")

    monkeypatch.setattr(Sum, "L_op", L_op)
    gradient = Step("grad", ("v0", "x0"), {"dtypes": ("float64",)}, ("v1",))
    report = check(program(SUM, gradient), [Cell("UNOPTIMIZED")])
    assert culprits(report) == {"gradient Sum"}
