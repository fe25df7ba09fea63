"""Every relation applies and holds, catches a fault of its kind, and names who is to blame."""

import sys
import types
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reference
from difftest import Cell, check
from difftest.case import Case, Report
from difftest.cells import BASE, execute
from difftest.loop import Loop, Sequence_, State
from difftest.program import Array, Input, Program, Shared, Step
from difftest.relations import RELATIONS, asked, rotated, table
from difftest.session import TURNS, Address, Session
from difftest.strategies import drawn
from reference.graph.traversal import toposort
from reference.interpreter import compile as interpreted

X = np.array([[1.5, -0.25, 3.0], [0.5, 2.0, -1.0]])
ROW = np.array([0.5, -2.0, 1.25])
PLAIN = {"axis": None, "keepdims": False, "dtype": None}


def step(name, *operands, to, **attributes):
    return Step(name, operands, attributes, (to,))


def given(name, data, dtype="float64", layout="C"):
    data = np.array(data, dtype)
    return Input(name, (False,) * data.ndim, Array(data, layout))


def loop(to, *operands, **parts):
    return Step("scan", operands, Loop(**parts).attributes(), (to,))


VALUES = Program(
    inputs=(given("x0", X), given("x1", ROW)),
    steps=(
        step("sqr", "x0", to="v0"),
        step("add", "v0", "x1", to="v1"),
        step("sum", "v1", to="v2", **{**PLAIN, "axis": 0}),
    ),
    outputs=("v2", "v0"),
)
NARROW = Program(
    inputs=(given("x0", X, "float32"),),
    steps=(step("exp", "x0", to="v0"), step("sum", "v0", to="v1", **PLAIN)),
    outputs=("v1", "v0"),
)
LINEAR = Program(
    inputs=(given("x0", X),),
    steps=(step("neg", "x0", to="v0"), step("mul", "v0", "x0", to="v1"), step("sum", "v1", to="v2", **PLAIN)),
    outputs=("v2", "v0"),
)
STATE = Program(
    inputs=(given("x0", ROW),),
    shared=(Shared("s0", Array(np.array([1.0, 2.0, 3.0]))), Shared("s1", Array(np.array([0.5, 0.5, 4.0])))),
    steps=(
        step("add", "x0", "s0", to="v0"),
        step("mul", "s1", "v0", to="v1"),
        step("literal", "v0", 2, op="*", swapped=False, to="v2"),
    ),
    outputs=("v1",),
    updates=(("s0", "v2"),),
    calls=((Array(ROW[::-1]),), (Array(ROW),)),
)
GIVENS = Program(
    inputs=(given("x0", ROW), given("x1", ROW)),
    steps=(step("exp", "x1", to="v0"), step("add", "x0", "x1", to="v1"), step("neg", "v1", to="v2")),
    outputs=("v2", "v1"),
    givens=(("x0", "v0"),),
)
DRAWS = Program(
    inputs=(given("x0", ROW),),
    steps=(step("uniform", seed=1, size=(3,), dtype="float64", to="v0"), step("add", "v0", "x0", to="v1")),
    outputs=("v1",),
    calls=((Array(ROW),),),
)
SLOPE = Program(
    inputs=(given("x0", X), given("x1", X)),
    steps=(
        step("mul", "x0", "x1", to="v0"),
        step("sqr", "v0", to="v1"),
        Step("grad", ("v1", "x0", "x1"), {"dtypes": ("float64", "float64")}, ("v2a", "v2b")),
    ),
    outputs=("v2a", "v1"),
)
CHAIN = Program(
    inputs=(given("x0", X),),
    steps=(
        step("literal", "x0", 2.0, op="*", swapped=False, to="v0"),
        step("literal", "v0", 3.0, op="*", swapped=False, to="v1"),
    ),
    outputs=("v1",),
)
BODY = (step("mul", "h0", "w0", to="t0"), step("add", "t0", "r0", to="t1"))
STATEFUL = Program(
    inputs=(given("x0", X), given("x1", ROW), given("x2", [0.5, 0.25, -0.5])),
    steps=(
        loop(
            "v0",
            "x0",
            "x1",
            "x2",
            sequences=(Sequence_((0,), ("r0",)),),
            states=(State((-1,), ("h0",)),),
            explicit=("w0",),
            body=BODY,
            outputs=("t1",),
            rows=("[-1]",),
        ),
        step("neg", "v0", to="v1"),
    ),
    outputs=("v1",),
)
CHECKPOINTS = Program(
    inputs=(given("x0", X), given("x1", ROW)),
    steps=(
        loop(
            "v0",
            "x0",
            "x1",
            sequences=(Sequence_((0,), ("r0",)),),
            states=(State((-1,), ("h0",)),),
            body=(step("mul", "h0", "r0", to="t0"),),
            outputs=("t0",),
            rows=("",),
            call="scan_checkpoints",
            every=2,
        ),
    ),
    outputs=("v0",),
)
ENDING = Program(
    inputs=(given("x0", [0.5, 0.25]),),
    steps=(
        loop(
            "v0",
            "x0",
            states=(State((-1,), ("h0",)),),
            body=(
                step("literal", "h0", 1, op="+", swapped=False, to="t0"),
                step("sum", "t0", to="t1", **PLAIN),
                step("literal", "t1", 4, op=">", swapped=False, to="t2"),
            ),
            outputs=("t0",),
            rows=("",),
            until="t2",
            n_steps=5,
        ),
    ),
    outputs=("v0",),
)

EXAMPLES = {
    "MR1": GIVENS, "MR2": STATEFUL, "MR3": STATEFUL, "MR4": STATEFUL, "MR5": STATEFUL, "MR6": ENDING, "MR7": VALUES,
    "MR7b": STATEFUL, "MR8": VALUES, "MR9": VALUES, "MR10": VALUES, "MR11": VALUES, "MR12": VALUES, "MR13": VALUES,
    "MR14": VALUES, "MR15": VALUES, "MR16": NARROW, "MR17": LINEAR, "MR18": VALUES, "MR19": STATE, "MR20": DRAWS,
    "MR21": SLOPE, "MR22": VALUES, "MR23": STATE, "MR24": VALUES, "MR25": VALUES, "MR26": STATE, "MR27": CHAIN,
    "MR28": VALUES, "MR29": VALUES, "MR30": VALUES, "MR31": STATE, "MR32": STATE, "MR33": VALUES, "MR34": SLOPE,
    "MR35": LINEAR, "MR37": CHECKPOINTS,
}  # fmt: skip
ELSEWHERE = {"MR36"}
"""Relations about a backend's own options."""


def looked_at(program, id, *cells, **more):
    """Only what the relation says of the program."""
    report = check(program, list(cells) or None, names=("side condition",), relations=[id], **more)
    return [f for f in report.failures if f.kind == id], report


def test_every_relation_has_an_example():
    assert set(EXAMPLES) | ELSEWHERE == set(RELATIONS)


@pytest.mark.parametrize("id", EXAMPLES)
def test_it_applies_and_holds(id):
    report = check(EXAMPLES[id], relations=[id])
    assert report.ok, str(report)
    assert report.counts["relation", id] == 1


@pytest.mark.parametrize("id", RELATIONS)
def test_it_does_not_apply_to_nothing(id):
    nothing = Program(inputs=(given("x0", 1.5),), outputs=("x0",))
    assert looked_at(nothing, id)[0] == []


# Faults. A backend that is wrong about graphs of one form, which only one of the twins has.


@contextmanager
def wrong_where(condition: Callable):
    """A backend whose floats are off by one where `condition(graph, arguments)` holds."""

    def compile(fgraph, options):
        right = interpreted(fgraph, options)

        def run(*arguments):
            results = right(*arguments)
            if not condition(fgraph, arguments):
                return results
            return [
                np.asarray(r + 1, r.dtype) if getattr(r, "dtype", np.dtype("O")).kind == "f" else r for r in results
            ]

        return run

    module = types.ModuleType("wrong_backend")
    module.compile = compile
    sys.modules["wrong_backend"] = module
    try:
        yield Cell("UNOPTIMIZED", "wrong")
    finally:
        del sys.modules["wrong_backend"]


def ops(graph):
    return [type(node.op).__name__ for node in graph.toposort()]


def rows(graph):
    return [getattr(getattr(node.op, "scalar_op", None), "name", "") for node in graph.toposort()]


def has(name):
    return lambda graph, arguments: name in ops(graph) or name in rows(graph)


def lacks(name):
    return lambda graph, arguments: not has(name)(graph, arguments)


def more_than(count):
    return lambda graph, arguments: len(graph.outputs) > count


def fewer_than(count):
    return lambda graph, arguments: len(graph.outputs) < count


def with_flags(**flags):
    return lambda graph, arguments: all(getattr(reference.config, k) == v for k, v in flags.items())


def not_flat(graph, arguments):
    return any(isinstance(a, np.ndarray) and a.ndim > 1 and not a.flags.c_contiguous for a in arguments)


def twice_the_same(graph, arguments):
    seen = [(node.op, tuple(node.inputs)) for node in graph.toposort()]
    return len(set(seen)) < len(seen)


def arguments_are(*names):
    return lambda graph, arguments: [v.name for v in graph.inputs[: len(names)]] == list(names)


def loops_longer_than(count):
    def condition(graph, arguments):
        return [type(n.op).__name__ for n in graph.toposort()].count("Scan") > count

    return condition


def loops_inside(graph):
    loops = [n for n in graph.toposort() if type(n.op).__name__ == "Scan"]
    return sum(type(n.op).__name__ == "Scan" for loop in loops for n in toposort(loop.op.inner_outputs))


FAULTS = {
    "MR2": lacks("Scan"),
    "MR4": loops_longer_than(1),
    "MR7": fewer_than(2),
    "MR7b": more_than(1),
    "MR8": more_than(2),
    "MR9": has("Scan"),
    "MR10": twice_the_same,
    "MR11": lambda graph, arguments: any("IncSubtensor" in name for name in ops(graph)),
    "MR12": lambda graph, arguments: len(ops(graph)) > 4,
    "MR13": not_flat,
    "MR15": lambda graph, arguments: len(arguments) < 2,
    "MR16": lambda graph, arguments: arguments[0].dtype == "float64",
    "MR17": lambda graph, arguments: abs(arguments[0][0, 0]) != 1.5,
    "MR18": has("switch"),
    "MR19": lambda graph, arguments: len(arguments) > 1,
    "MR20": more_than(2),
    "MR21": has("Subtensor"),
    "MR22": lambda graph, arguments: graph.outputs[0].type.ndim == 2,
    "MR24": lambda graph, arguments: "zz" in str(graph.inputs[0]),
    "MR28": lambda graph, arguments: "q0" in map(str, graph.inputs),
    "MR29": lambda graph, arguments: len(ops(graph)) > 4,
    "MR30": has("Alloc"),
    "MR31": lambda graph, arguments: len(arguments) != 1,
    "MR32": has("Scan"),
    "MR33": has("Join"),
    "MR37": lambda graph, arguments: loops_inside(graph) < 1,
}


@pytest.mark.parametrize("id", FAULTS)
def test_a_fault_that_only_the_twin_wakes_is_caught(id):
    with wrong_where(FAULTS[id]) as cell:
        failures, _ = looked_at(EXAMPLES[id], id, cell)
    assert failures and failures[0].cell == cell
    assert "the program" in failures[0].message and RELATIONS[id].law in failures[0].message


def caught(id, program=None, **more):
    failures, _ = looked_at(program or EXAMPLES[id], id, **more)
    return failures


def test_state_that_only_a_dropped_loop_changes_is_no_output_alone():
    added = (Step("add", ("@1", "r0"), {}, ("b0",)),)
    read = (Sequence_((0,), ("r0",)),)
    parts = Loop(read, (None,), body=added, outputs=("b0",), rows=("",), carries=(("@1", "b0"),))
    program = Program(
        inputs=(given("x0", X),),
        shared=(Shared("s0", Array(ROW)),),
        steps=(Step("scan", ("x0", "s0"), parts.attributes(), ("v0", "v1", "v2")),),
        outputs=("v0", "s0"),
        calls=((Array(X),), (Array(-X),)),
    )
    assert program.moved == ("v2",)
    report = check(program, relations=["MR7"])
    assert report.ok, report
    assert report.counts["relation", "MR7"]


def test_a_clone_keeps_what_has_no_maker():
    """With respect to x the gradient goes through the clone of x, which is x, and not through that of a copy."""
    program = Program(
        inputs=(given("x0", ROW),),
        steps=(
            step("clone", "x0", to="v0"),
            step("stack", "v0", "x0", to="v1", axis=0),
            step("grad_known", "v1", "x0", "v1", to="v2", dtype="float64"),
        ),
        outputs=("v2",),
    )
    for id in ("MR18", "MR29"):
        report = check(program, relations=[id])
        assert report.ok, report
    joined = replace(program, steps=program.steps[:2], outputs=("v1",))
    assert check(joined, relations=["MR18"]).counts["relation", "MR18"]


def test_givens_that_do_more_than_replace_are_caught(monkeypatch):
    from reference.compile.givens import Substitution

    real = Substitution.__call__

    def negated(self, expressions):
        return [-v for v in real(self, expressions)] if self.replace else expressions

    monkeypatch.setattr(Substitution, "__call__", negated)
    assert {failure.culprit for failure in caught("MR1")} == {"function MR1"}


def wrong_scan(monkeypatch, condition):
    real = reference.scan

    def wrong(*args, **options):
        values, updates = real(*args, **options)
        return (values + 1 if condition(options) else values), updates

    monkeypatch.setattr(reference, "scan", wrong)


@pytest.mark.parametrize(
    ("id", "condition"),
    [
        ("MR3", lambda options: not options.get("non_sequences")),
        ("MR5", lambda options: options.get("go_backwards")),
        ("MR6", lambda options: options.get("n_steps") != 5),
    ],
)
def test_a_wrong_form_of_a_loop_is_caught(id, condition, monkeypatch):
    wrong_scan(monkeypatch, condition)
    (failure,) = caught(id)
    assert failure.culprit == f"scan {id}"


@pytest.mark.parametrize(("id", "method"), [("MR25", "__setstate__"), ("MR26", "copy")])
def test_a_function_that_does_not_survive_is_caught(id, method, monkeypatch):
    real = getattr(reference.Function, method)

    def wrong(self, *args, **options):
        made = real(self, *args, **options) or self
        made.fgraph.outputs.reverse()
        made.executable = interpreted(made.fgraph, made.options)
        return None if method == "__setstate__" else made

    monkeypatch.setattr(reference.Function, method, wrong)
    assert caught(id, VALUES)


def test_a_flag_that_matters_is_caught():
    def matters(graph, arguments):
        return not reference.config.allow_gc or reference.config.floatX == "float32"

    with wrong_where(matters) as cell:
        found = [looked_at(program, "MR14", cell)[0] for program in (VALUES, NARROW, LINEAR, STATE, CHAIN)]
    assert any(found)


def test_a_rewrite_that_is_missed_is_caught():
    with wrong_where(lambda graph, arguments: reference.config.optimizer_excluding != "") as cell:
        failures, _ = looked_at(CHAIN, "MR27", Cell("FAST_RUN", cell.backend))
    assert [f.cell for f in failures] == [Cell("FAST_RUN", cell.backend)]


def test_text_that_depends_on_the_order_of_writing_is_caught(monkeypatch):
    real, seen = reference.printing.debugprint, []

    def numbered(root, *args, **options):
        seen.append(root)
        return f"{real(root, *args, **options)}{len(seen)}"

    monkeypatch.setattr(reference.printing, "debugprint", numbered)
    (failure,) = caught("MR23")
    assert "prints otherwise" in failure.message


@pytest.mark.parametrize("id", ["MR34", "MR35"])
def test_a_wrong_gradient_is_caught(id, monkeypatch):
    real = reference.grad

    def wrong(cost, wrt, *args, **options):
        found = real(cost, wrt, *args, **options)
        return found if isinstance(wrt, list) else found * 3 + 1

    monkeypatch.setattr(reference, "grad", wrong)
    (failure,) = caught(id)
    assert failure.culprit == f"gradient {id}"


def test_every_relation_applies_now_and_then():
    """None is vacuous: among a fixed number of drawn programs is one for each."""
    left = set(RELATIONS) - ELSEWHERE
    for number in range(400):
        program = drawn(Address("relations", 0, number).seed, ("all", "scan", "elementwise", "gradients")[number % 4])
        built = program.build(reference)
        runs = {cell: execute(built, cell) for cell in (BASE, Cell("FAST_RUN"))[: 1 + ("MR27" in left)]}
        if runs[BASE].trouble is None:
            case = Case(built, Report(program, runs=runs))
            left -= {id for id in sorted(left) if next(RELATIONS[id].twins(case), None) is not None}
        if not left:
            break
    assert left == set()


def test_a_session_tries_another_relation_on_each_program():
    assert sorted(rotated(3)) == sorted(RELATIONS) and rotated(0)[0] != rotated(1)[0]
    session = Session()
    for number in range(2 * len(TURNS)):
        session.example(Address("turns", 0, number))
    tried = session.summary.of("relation")
    assert sum(tried.values()) >= TURNS.count("relation") and len(tried) >= 3
    assert session.summary.ok


def test_a_broken_relation_is_made_small_and_told(monkeypatch, tmp_path):
    wrong_scan(monkeypatch, lambda options: options.get("go_backwards"))
    session = Session()
    monkeypatch.setattr("difftest.session.rotated", lambda number: ["MR5"])
    repro = session.check(STATEFUL, Address("turned", 0, 0))
    assert repro is not None and repro.failure.kind == "MR5"
    assert len(repro.program.steps) == 1
    assert "relations=" in repro.to_source() and "MR5" in repro.to_source()


def test_an_unknown_relation_is_an_error():
    with pytest.raises(ValueError, match="there is no relation 'MR0'"):
        check(VALUES, relations=["MR0"])
    assert asked("MR5") == ("MR5",) and asked("bits") == ()


def test_the_page_is_up_to_date():
    page = Path(__file__).resolve().parents[2] / "docs" / "relations.md"
    assert page.read_text() == table(), "run: python -m difftest.relations > docs/relations.md"


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.id)
def test_a_relation_says_what_it_does(relation):
    assert relation.function.__doc__, "write a docstring 'one form -> the other'"
    assert "->" in relation.function.__doc__ or relation.id == "MR14"
    assert relation.law == relation.law.strip(". ")
