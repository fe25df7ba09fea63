"""A failing program becomes small: few steps, short arrays, plain numbers; and it still fails alike."""

from statistics import median

import numpy as np
import pytest
from faulty import backend, is_row

from difftest import Cell, Program, check
from difftest.case import Failure
from difftest.probe import Probe, meaningful
from difftest.program import Array, Input, Shared, Step
from difftest.reduce import reduced, smallest
from difftest.reduce.edits import size
from difftest.strategies import drawn


def vector(name, *values, dtype="float64", **more):
    return Input(name, (False,), Array(np.array(values, dtype), **more))


def add(a, b, result):
    return Step("add", (a, b), {}, (result,))


LONG = Program(
    inputs=(vector("x0", 1.5, -2.25, 3.125, dtype="float32", layout="strided"), vector("x1", 0.1, 0.2, 0.3)),
    shared=(Shared("s0", Array(np.array([7.0, 8.0, 9.0]))),),
    steps=(
        Step("exp", ("x0",), {}, ("v0",)),
        add("v0", "x1", "v1"),
        Step("neg", ("v1",), {}, ("v2",)),
        add("v2", "s0", "v3"),
        Step("sum", ("v3",), {"axis": -1, "keepdims": True, "dtype": None}, ("v4",)),
        Step("abs_", ("v3",), {}, ("v5",)),
    ),
    outputs=("v5", "v4", "v0"),
    updates=(("s0", "v3"),),
    calls=((Array(np.float32([1, 2, 3])), Array(np.array([4.0, 5.0, 6.0]))),),
)


def right(program):
    return meaningful(program) and check(program, blame=False).ok


def has(name):
    return lambda program: any(s.step == name for s in program.steps) and right(program)


@pytest.mark.parametrize("name", ["exp", "add", "neg", "sum", "abs_"])
def test_one_step_with_what_it_was_given_is_left(name):
    small = reduced(LONG, has(name))
    assert [s.step for s in small.steps] == [name]
    assert not small.updates and not small.shared and not small.calls and len(small.outputs) == 1
    assert [i.name for i in small.inputs] == [f"x{k}" for k in range(len(small.inputs))]
    for i in small.inputs:
        assert i.value.data.size <= 1 and i.value.dtype == "float64" and i.value.layout == "C"


def test_steps_that_are_needed_together_stay_together():
    def fails(program):
        names = [s.step for s in program.steps]
        return "neg" in names and "abs_" in names and right(program)

    assert sorted(s.step for s in reduced(LONG, fails).steps) == ["abs_", "neg"]


def test_state_is_kept_where_it_matters():
    small = reduced(LONG, lambda p: bool(p.updates and p.calls) and right(p))
    assert len(small.updates) == len(small.calls) == 1
    assert len(small.steps) <= 1


def test_values_are_as_plain_as_the_failure_allows():
    def fails(program):
        return has("exp")(program) and any((i.value.data < 0).any() for i in program.inputs)

    small = reduced(LONG, fails)
    assert [s.step for s in small.steps] == ["exp"]
    assert [i.value.data.tolist() for i in small.inputs] == [[-2.0]]


def test_attributes_become_small():
    deep = Program(
        inputs=(Input("x0", (False,) * 3, Array(np.arange(24.0).reshape(2, 3, 4))),),
        steps=(Step("sum", ("x0",), {"axis": (0, 2), "keepdims": True, "dtype": "float32"}, ("v0",)),),
        outputs=("v0",),
    )
    (step,) = reduced(deep, has("sum")).steps
    assert dict(step.attributes) == {"axis": None, "keepdims": False, "dtype": None}


FAULTS = {
    "abs_": lambda x: x + 1,
    "mul": lambda x: -x,
    "Sum": lambda x: x + 1,
    "DimShuffle": lambda x: x * 2,
    "Subtensor": lambda x: x[::-1] if x.ndim else x + 1,
    "Reshape": lambda x: x + 1,
}


@pytest.mark.parametrize("name", FAULTS)
def test_programs_as_they_are_drawn_become_small(name):
    def twist(node, results):
        if type(node.op).__name__ != name and not is_row(node, name):
            return results
        return tuple(np.asarray(FAULTS[name](r)).astype(r.dtype) if r.dtype.kind != "b" else r for r in results)

    sizes = []
    with backend("wrong", twist) as wrong:
        cell = Cell("UNOPTIMIZED", wrong)
        for seed in range(400):
            program = drawn(seed)
            failure = next((f for f in check(program, [cell], blame=False).failures if f.cell == cell), None)
            if failure is not None:
                small = smallest(program, failure, [cell])
                assert failure.kinship in [f.kinship for f in check(small, [cell], blame=False).failures]
                assert size(small) <= size(program)
                sizes.append(len(small.steps))
            if len(sizes) == 3:
                break
    assert sizes and median(sizes) <= 3


def test_a_probe_does_not_mistake_an_invalid_program_for_a_failing_one():
    failure = Failure("bits", Cell("FAST_RUN"), "3 of 3 elements have other bits")
    probe = Probe(LONG, failure)
    senseless = Program(
        inputs=(vector("x0", 1, 2), vector("x1", 1, 2, 3)), steps=(add("x0", "x1", "v0"),), outputs=("v0",)
    )
    assert not probe.shows(senseless)


def test_kin_failures_differ_in_names_and_numbers_only():
    def words(message):
        return Failure("bits", Cell("FAST_RUN"), message).kinship

    assert words("3 of 6 elements have other bits") == words("1 of 1 elements have other bits")
    assert words("v7 changed when the first call was repeated") == words("v0 changed when the first call was repeated")
    assert words("P3 is broken") != words("P1 is broken")


def test_no_input_is_given_itself():
    given = Program(
        inputs=(vector("x0", 1.0), vector("x1", 2.0)),
        shared=(Shared("s0", Array(np.array([7.0]))),),
        steps=(Step("neg", ("x1",), {}, ("v0",)), add("s0", "x0", "v1")),
        outputs=("v1",),
        updates=(("s0", "v1"),),
        givens=(("x0", "v0"),),
    )
    small = reduced(given, lambda program: bool(program.givens) and bool(program.updates))
    assert right(given) and right(small) and small.givens == (("x0", "x1"),)
