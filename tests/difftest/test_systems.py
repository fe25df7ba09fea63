"""The protocol and the judging of other systems, with systems made for the purpose: the reference itself in another
process, faithful or spoiled. Nothing here needs Theano, PyTensor or JAX."""

import sys
from pathlib import Path

import numpy as np
import pytest

import reference
from difftest import Program, check
from difftest.case import JUDGES
from difftest.program import Array, Input, Shared, Step
from difftest.strategies import drawn
from difftest.systems import Session, System, cells_of, systems_of
from difftest.systems.judge import judge
from difftest.systems.meaning import random_steps
from difftest.systems.process import HERE, job
from difftest.systems.report import page

ROOT = Path(reference.__file__).parent.parent

FAKE = """
import os, sys, time
sys.path[:0] = [{here!r}, {root!r}]
import worker
from graph_systems import Graphs, Names
import reference, reference.tensor as T
from worker import Missing

reference.config.print_dialect = "1.0"

def missing(*given):
    raise Missing("T.cosh")

def abrupt(*given):
    os._exit(3)

def slow(*given):
    time.sleep(60)

def talking(x):
    print("what a system says is no answer")
    return T.log(x)

class Spoiled(Graphs):
    def run(self, job, names, mode, updates):
        found = super().run(job, names, mode, updates)
        if mode == "FAST_RUN" and "neg" in [s["step"] for s in job["steps"]] and "guilty" not in job["exclude"]:
            for call in found["calls"]:
                call["outputs"] = [worker.form(worker.array(o) + 1) for o in call["outputs"]]
        found["rewrites"] = ["innocent", "guilty"]
        return found

moved = {{"cosh": missing, "sinh": abrupt, "tanh": slow, "log": talking, "shared_randomstreams": None,
         "sin": lambda x: T.unbroadcast(T.sin(x), 0),
         "exp": lambda x: T.exp(x) * 1.001, "sqrt": lambda x: T.cast(T.sqrt(x), "float32"), "cos": lambda x: 1 / 0}}
worker.serve(Spoiled(reference, reference, Names("T", [T], moved), lambda mode, exclude: mode))
"""


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    script = tmp_path_factory.mktemp("system") / "fake.py"
    script.write_text(FAKE.format(here=str(HERE), root=str(ROOT)))
    system = System("fake", sys.executable, script, timeout=20.0)
    yield system
    system.worker.stop()


def one(*steps, value=(0.25, -1.5), **more):
    """A program of steps on one vector, its last result the output."""
    made = tuple(Step(name, operands, {}, (f"v{k}",)) for k, (name, *operands) in enumerate(steps))
    made = tuple(Step(s.step, tuple(s.operands), {}, s.results) for s in made)
    return Program(
        inputs=(Input("x0", (False,), Array(np.array(value))),), steps=made, outputs=(made[-1].results[0],), **more
    )


def kinds(program, system):
    return [(f.kind, f.culprit) for f in judge(program, system).failures]


def test_a_system_that_says_the_same_has_no_findings(fake):
    verdict = judge(one(("sqr", "x0"), ("abs_", "v0"), ("add", "v0", "v1")), fake)
    assert verdict.failures == [] and verdict.compared
    assert verdict.counts["elements", "identical"] == 4


def test_calls_state_and_layouts_go_through_the_pipe(fake):
    program = Program(
        inputs=(Input("x0", (False, False), Array(np.arange(6.0).reshape(2, 3), "negative")),),
        shared=(Shared("s0", Array(np.array(1.5, "float32"))),),
        steps=(Step("add", ("x0", "s0"), {}, ("v0",)), Step("add", ("s0", "s0"), {}, ("v1",))),
        outputs=("v0",),
        updates=(("s0", "v1"),),
        calls=((Array(np.ones((2, 3))),),),
    )
    answer = fake.worker.ask(job(program))
    for run in answer["runs"].values():
        first, second = (Array.from_json(c["outputs"][0]).data for c in run["calls"])
        assert first.tolist() == (np.arange(6.0).reshape(2, 3) + 1.5).tolist() and second.tolist() == [[4.0] * 3] * 2
        assert Array.from_json(run["calls"][1]["state"]["s0"]).data == 6
    assert kinds(program, fake) == []


def test_numbers_keep_their_bits():
    worker = {}
    exec((HERE / "worker.py").read_text().partition("def trouble")[0], worker)
    for data in ([0.1, -0.0, np.inf, np.nan, 5e-324], [True, False], [2**63 - 1], [1 + 2j]):
        there = worker["array"](Array(np.array(data)).to_json())
        assert np.array_equal(there, np.array(data), equal_nan=True) and str(there) == str(np.array(data))
        assert Array.from_json(worker["form"](there)).data.tobytes() == np.array(data).tobytes()


def test_what_is_wrong_in_both_modes_is_traced_to_its_step(fake):
    program = one(("sqr", "x0"), ("exp", "v0"), ("add", "v1", "v0"))
    assert kinds(program, fake) == [("semantics", "semantics exp")]


def test_what_is_wrong_in_one_mode_is_the_optimizer(fake):
    (failure,) = judge(one(("neg", "x0")), fake).failures
    assert failure.kind == "optimizer" and str(failure.cell) == "FAST_RUN/fake"


def test_a_special_value_tells_the_optimizer_apart(fake):
    assert kinds(one(("neg", "x0"), value=(np.inf, 1.0)), fake) == [("special", "special neg")]


def test_dtypes_and_exceptions_are_findings(fake):
    assert kinds(one(("sqr", "x0"), ("sqrt", "v0")), fake) == [("dtype", "dtype sqrt")]
    (failure,) = judge(one(("sqr", "x0"), ("cos", "v0")), fake).failures
    assert failure.kind == "refusal" and failure.culprit == "refusal cos" and "ZeroDivisionError" in failure.message


@pytest.fixture
def theano_like(fake):
    """A system that should print as we do and know what we know."""
    system = System("theano", fake.python, fake.script, timeout=20.0)
    yield system
    system.worker.stop()


def test_texts_and_patterns_of_a_system_of_our_kind_are_compared(theano_like):
    verdict = judge(one(("sqr", "x0"), ("abs_", "v0")), theano_like)
    assert verdict.failures == []
    assert verdict.counts["patterns", "equal"] == 2
    assert verdict.counts["texts", "debugprint equal"] == verdict.counts["texts", "pp equal"] == 1
    wider = Program(
        inputs=(Input("x0", (True,), Array(np.ones(1))),),
        steps=(Step("sin", ("x0",), {}, ("v0",)), Step("abs_", ("v0",), {}, ("v1",))),
        outputs=("v1",),
    )
    verdict = judge(wider, theano_like)
    assert verdict.counts["patterns", "other"] == 2 and verdict.counts["known", "what is known of a shape"] == 1
    assert [f.kind for f in verdict.failures] == ["text", "text"] and "Rebroadcast" in verdict.failures[0].message


def test_what_a_system_lacks_is_counted(fake):
    verdict = judge(one(("cosh", "x0")), fake)
    assert verdict.failures == [] and not verdict.compared
    assert verdict.counts["not supported", "T.cosh"] == 1


def test_random_draws_are_left_out(fake):
    program = next(p for p in map(drawn, range(1000)) if random_steps(p))
    assert judge(program, fake).counts == {("programs", "random"): 1}


def test_a_crash_and_a_hang_are_results_and_the_next_program_runs(fake):
    ((kind, _),) = kinds(one(("sinh", "x0")), fake)
    assert kind == "crash"
    impatient = System("fake", fake.python, fake.script, timeout=1.5)
    ((kind, _),) = kinds(one(("tanh", "x0")), impatient)
    assert kind == "timeout"
    impatient.worker.stop()
    assert kinds(one(("log", "x0"), value=(1.0, 2.0)), fake) == []


def test_a_session_makes_programs_small_and_names_the_rewrite(fake, monkeypatch):
    monkeypatch.setattr("difftest.systems.session.PATIENCE", 3.0)
    session = Session(fake)
    session.one(one(("sqr", "x0"), ("neg", "v0"), ("sqr", "v1")))
    session.one(one(("exp", "x0"), ("sqr", "v0")))
    session.one(one(("exp", "x0"), ("abs_", "v0")))
    assert [f.signature for f in session.findings] == ["optimizer: without guilty", "semantics: exp"]
    assert [len(f.program.steps) for f in session.findings] == [1, 1]
    assert session.findings[1].times == 2
    text = page([session])
    assert "3 programs" in text and "optimizer: without guilty" in text and "T.exp(" in text


def test_systems_are_off_unless_asked_for(monkeypatch):
    assert cells_of([]) == () and "systems" not in JUDGES
    monkeypatch.setenv("DIFFTEST_SYSTEMS", "jax=/a/python")
    assert [(s.name, s.python) for s in systems_of(["theano=/b/python"])] == [
        ("theano", "/b/python"), ("jax", "/a/python"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="NAME=PYTHON"):
        systems_of(["caffe=/c/python"])


def test_a_system_turned_on_is_a_judge_of_every_program(fake, monkeypatch):
    monkeypatch.setattr("difftest.systems.registry.systems_of", lambda words: (fake,))
    try:
        assert [str(c) for c in cells_of(["fake=here"])] == ["UNOPTIMIZED/fake", "FAST_RUN/fake"]
        assert [f.kind for f in check(one(("exp", "x0"))).failures] == ["semantics"]
    finally:
        monkeypatch.undo()
        cells_of([])
