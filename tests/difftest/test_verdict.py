"""Faults are caught, and the guilty are named: wrong kernels, wrong rewrites, wrong promises, wrong errors."""

import subprocess
import sys

import numpy as np
import pytest
from faulty import backend, is_row

import reference as theano
import reference.tensor as T
from difftest import Cell, Program, Repro, check
from difftest.program import Array, Input, Shared, Step
from difftest.strategies import programs
from difftest.validate import validate
from reference.rewriting import engine
from reference.rewriting.engine import Promise, rewrite


def program(*steps: Step, outputs, values=(1.5, -0.25, 3.0), dtype="float64", **more) -> Program:
    return Program(
        inputs=(Input("x0", (False,), Array(np.array(values, dtype))),), steps=steps, outputs=outputs, **more
    )


EXP_TIMES_TWO = program(
    Step("exp", ("x0",), {}, ("v0",)),
    Step("literal", ("v0", 2), {"op": "*", "swapped": False}, ("v1",)),
    Step("sum", ("v1",), {"axis": None, "keepdims": False, "dtype": None}, ("v2",)),
    outputs=("v2", "v1"),
)


def faults(report):
    return {(f.kind, str(f.cell)) for f in report.failures}


def test_a_right_program_is_identical():
    report = check(EXP_TIMES_TWO)
    assert report.ok
    assert str(report) == "identical"
    assert report.counts["elements", "identical"] > 0


TWISTS = {
    "a factor of 1 + 1e-5": lambda x: x * x.dtype.type(1 + 1e-5),
    "half precision": lambda x: x.astype("float16").astype(x.dtype),
    "one element lost": lambda x: np.concatenate([x.ravel()[:-1], x.ravel()[:1]]).reshape(x.shape) if x.size > 1 else x,
    "another dtype": lambda x: x.astype("float32" if x.dtype == "float64" else "float64"),
    "another shape": lambda x: x[None],
    "the last bit": lambda x: np.nextafter(x, np.inf).astype(x.dtype),
}


@pytest.mark.parametrize("name", TWISTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_kernel_is_caught_and_named(name, dtype):
    values = (1.5, -0.25, 3.0)
    wrong = program(*EXP_TIMES_TWO.steps, outputs=("v2", "v1"), values=values, dtype=dtype)

    def twist(node, results):
        return tuple(TWISTS[name](np.asarray(r)) for r in results) if is_row(node, "exp") else results

    with backend("twisted", twist) as twisted:
        report = check(wrong, [Cell("UNOPTIMIZED", twisted)])
    assert not report.ok
    blamed = [f.blame for f in report.failures if f.kind in ("bits", "bound", "type", "error")]
    assert blamed and all("Elemwise{exp,no_inplace}" in blame and "wrong alone" in blame for blame in blamed)


def test_a_backend_that_raises_is_caught_and_the_node_named():
    def twist(node, results):
        if is_row(node, "exp"):
            raise MemoryError("no room")
        return results

    with backend("broken", twist) as broken:
        report = check(EXP_TIMES_TWO, [Cell("UNOPTIMIZED", broken)])
    assert faults(report) == {("error", "UNOPTIMIZED/broken")}
    assert "Elemwise{exp,no_inplace}" in report.failures[0].blame


def test_a_backend_that_writes_to_its_arguments_is_caught():
    def twist(node, results):
        return results

    def compile(fgraph, options):
        inner = original(fgraph, options)

        def run(*values):
            results = inner(*values)
            values[0][...] = 7
            return results

        return run

    with backend("writing", twist) as writing:
        module = sys.modules[f"{writing}_backend"]
        original, module.compile = module.compile, compile
        report = check(EXP_TIMES_TWO, [Cell("UNOPTIMIZED", writing)])
    assert any("changed its argument x0" in f.message for f in report.failures)


@pytest.fixture
def wrong_rewrite():
    """Register a rewrite for one test; whatever the test did, it is gone afterwards."""
    before = dict(engine.REGISTRY)
    yield rewrite
    engine.REGISTRY.clear()
    engine.REGISTRY.update(before)


@pytest.mark.parametrize("promise", [Promise.EXACT, Promise.REAL, Promise.STABLE])
def test_a_wrong_rewrite_is_blamed_by_name(wrong_rewrite, promise):
    @wrong_rewrite(promise, on="exp", stage="specialize")
    def exp_is_expm1(fgraph, node):
        """exp(x) -> expm1(x)"""
        return [T.expm1(*node.inputs)]

    report = check(EXP_TIMES_TWO)
    assert not report.ok
    blamed = {f.blame.split()[1] for f in report.failures if f.kind in ("translation", "bits", "contract")}
    assert blamed == {"exp_is_expm1"}


def test_a_rewrite_that_promises_too_much_is_caught(wrong_rewrite):
    """x*0 -> 0 is right for finite x alone."""

    @wrong_rewrite(Promise.REAL, on="mul", stage="specialize")
    def zero_times(fgraph, node):
        """x * 0 -> 0"""
        if any(getattr(v, "data", None) is not None and not np.any(v.data) for v in node.inputs):
            return [T.zeros_like(next(v for v in node.inputs if not hasattr(v, "data")))]
        return None

    by_zero = program(
        Step("literal", ("x0", 0), {"op": "*", "swapped": False}, ("v0",)),
        outputs=("v0",),
        values=(np.inf, 1.0, np.nan),
    )
    report = check(by_zero)
    assert {f.blame.split()[1] for f in report.failures if f.kind == "translation"} == {"zero_times"}


def test_a_rewrite_that_raises_is_blamed_by_name(wrong_rewrite):
    @wrong_rewrite(Promise.EXACT, on="exp")
    def stumble(fgraph, node):
        """exp(x) -> nothing"""
        raise KeyError("oops")

    report = check(EXP_TIMES_TWO)
    assert {f.blame.split()[1] for f in report.failures} == {"stumble"}


def test_a_rewrite_seen_only_in_the_result_is_found_by_bisection(wrong_rewrite, monkeypatch):
    for name in ("validate", "validate_elsewhere"):
        monkeypatch.setattr(f"difftest.judges.translation.{name}", lambda *args: iter(()))

    @wrong_rewrite(Promise.EXACT, on="exp", stage="specialize")
    def exp_is_expm1(fgraph, node):
        """exp(x) -> expm1(x)"""
        return [T.expm1(*node.inputs)]

    report = check(EXP_TIMES_TWO)
    assert report.failures and all("exp_is_expm1" in f.blame and "BISECT" in f.blame for f in report.failures)


def test_validation_judges_every_application():
    x = T.dvector("x")
    graph = theano.function([x], [T.log(T.exp(x) * 1) + 0], mode="UNOPTIMIZED").fgraph
    log = theano.Mode().rewrite(graph, record=True)
    assert len(log) > 1
    assert list(validate(graph, log, [np.array([1.0, 2.0])])) == []


def test_reassociation_is_no_fault_but_a_wrong_factor_is(wrong_rewrite):
    third = program(
        Step("literal", ("x0", 0.1), {"op": "*", "swapped": False}, ("v0",)),
        Step("literal", ("v0", 0.3), {"op": "*", "swapped": False}, ("v1",)),
        outputs=("v1",),
    )

    @wrong_rewrite(Promise.REAL, on="mul", stage="specialize")
    def one_factor(fgraph, node):
        """(x * a) * b -> x * (a*b)"""
        inner = node.inputs[0].owner or node.inputs[1].owner
        constants = [v for v in node.inputs if hasattr(v, "data")]
        if inner is None or not is_row(inner, "mul") or not constants:
            return None
        return [T.mul(*inner.inputs, constants[0])]

    assert check(third).ok


def test_state_is_compared_call_by_call():
    counter = Program(
        shared=(Shared("s0", Array(np.array(1.0))),),
        steps=(Step("literal", ("s0", 2), {"op": "*", "swapped": False}, ("v0",)),),
        outputs=("v0",),
        updates=(("s0", "v0"),),
        calls=((), ()),
    )

    def twist(node, results):
        return tuple(np.asarray(r + 1) if is_row(node, "mul") and np.all(r > 4) else r for r in results)

    assert check(counter).ok
    with backend("later", twist) as later:
        report = check(counter, [Cell("UNOPTIMIZED", later)])
    assert {f.call for f in report.failures} == {2}


def test_errors_are_compared_too():
    reads_past_the_end = program(Step("subtensor", ("x0", "x1"), {"index": ("@1",)}, ("v0",)), outputs=("v0",))
    index = Input("x1", (), Array(np.array(7)))
    report = check(Program(inputs=(*reads_past_the_end.inputs, index), steps=reads_past_the_end.steps, outputs=("v0",)))
    assert faults(report) == {("error", "UNOPTIMIZED/reference")}  # the program is not valid, and every cell says so


def run_script(text, folder, *more):
    path = folder / "repro.py"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        env={"PYTHONPATH": ":".join([*sys.path, str(folder), *more]), "PATH": ""},
    )


def test_a_repro_fails_while_the_fault_lives_and_not_after(tmp_path):
    def twist(node, results):
        return tuple(-r for r in results) if is_row(node, "exp") else results

    with backend("negative", twist) as negative:
        report = check(EXP_TIMES_TWO, [Cell("UNOPTIMIZED", negative)])
    repro = Repro(EXP_TIMES_TWO, report.failures[0])
    module = tmp_path / "negative_backend.py"
    module.write_text(
        "from faulty import compile_with, is_row\n"
        "compile = compile_with(lambda node, results: tuple(-r for r in results) if is_row(node, 'exp') else results)\n"
    )
    living = run_script(repro.to_source(), tmp_path)
    assert living.returncode == 1, living.stderr
    assert repro.claim in living.stdout
    module.write_text("from reference.interpreter import compile\n")
    gone = run_script(repro.to_source(), tmp_path)
    assert gone.returncode == 0, gone.stderr + gone.stdout


def test_a_repro_is_named_after_its_program(tmp_path):
    report = check(program(Step("exp", ("x0",), {}, ("v0",)), outputs=("v0",)))
    assert report.ok
    from difftest.verdict import Failure

    failure = Failure("text", Cell("FAST_RUN"), "P3 is broken")
    path = Repro(EXP_TIMES_TWO, failure).write(tmp_path)
    assert path.name == f"repro_{EXP_TIMES_TWO.digest}.py"
    assert run_script(path.read_text(), tmp_path).returncode == 0


def test_the_strategy_is_public():
    assert programs is __import__("difftest").programs


def test_the_sign_of_a_zero_is_no_matter_for_real_rewrites():
    """-0 + 0 -> -0 is right over the reals; that 1/0 then has another sign is no fault."""
    signed = program(
        Step("literal", ("x0", 0), {"op": "+", "swapped": False}, ("v0",)),
        Step("inv", ("v0",), {}, ("v1",)),
        outputs=("v1",),
        values=(-0.0, 2.0),
    )
    assert check(signed).ok
