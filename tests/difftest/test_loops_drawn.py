"""Loops are drawn in every form, written as programs, and the model agrees with the reference about them."""

import numpy as np
import pytest

import reference
from difftest import model
from difftest.cells import BASE, Cell
from difftest.loop import Loop, body
from difftest.model.streams import Words
from difftest.program import Array, Input, Program, Shared, Step
from difftest.strategies import STEPS, drawn
from difftest.strategies.forms import FORMS, forms_of
from difftest.verdict import check

EXACT = Cell("EXACT")
FAST = Cell("FAST_RUN")


def floats(name, values, pattern=None):
    data = np.array(values, "float64")
    return Input(name, (False,) * data.ndim if pattern is None else pattern, Array(data))


def looped(operands, inputs, shared=(), results=("v0",), calls=(), **parts):
    """A program of one loop; a last result that is called u holds updates."""
    step = Step("scan", tuple(operands), parts, tuple(results))
    wanted = tuple(name for name in results if name != "u")
    return Program(tuple(inputs), tuple(shared), (step,), wanted, calls=calls)


def outputs(program, call=0):
    built = program.build(reference)
    f = built.function(mode="UNOPTIMIZED")
    for number, arguments in enumerate(program.call_values()):
        values = f(*arguments)
        if number == call:
            return values
    raise AssertionError("no such call")


def test_every_form_is_drawn():
    missing = set(FORMS)
    for seed in range(4000):
        found = set(forms_of(drawn(seed, "scan")))
        assert found <= set(FORMS)
        missing -= found
        if not missing:
            break
    assert not missing


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_drawn_loops_are_identical_in_every_mode(first):
    for seed in range(first, first + 10):
        program = drawn(seed, "scan")
        report = check(program, blame=False)
        assert report.ok, f"seed {seed}: {report}\n{program.to_source()}"


@pytest.mark.parametrize("seed", range(10))
def test_a_drawn_loop_is_data(seed):
    program = drawn(seed, "scan")
    again = Program.from_json(program.to_json())
    assert again == program
    assert again.to_source() == program.to_source()
    for step in again.steps:
        if step.step == "scan":
            assert Loop.of(step).attributes() == dict(step.attributes)
            assert all(isinstance(s, Step) for s in body(step))


BODY = (("tanh", ("h0",), {}, ("t0",)), ("add", ("t0", "r0"), {}, ("t1",)))
STATE = (((-1,), ("h0",), False),)
SEQUENCE = (((0,), ("r0",)),)


def test_a_short_body_is_a_lambda_and_a_long_one_a_function():
    x, h = floats("x0", [1.0, 2.0]), floats("x1", 0.5)
    short = looped(["x0"], [x], sequences=SEQUENCE, body=(("exp", ("r0",), {}, ("t0",)),), outputs=("t0",),
                   states=(None,), rows=("[-1]",))  # fmt: skip
    assert "v0 = theano.scan(lambda r0: T.exp(r0), sequences=[x0])[0][-1]\n" in short.to_source()
    long = looped(["x0", "x1"], [x, h], sequences=SEQUENCE, states=STATE, body=BODY, outputs=("t1",), rows=("",))
    assert (
        "def step(r0, h0):\n"
        "    t0 = T.tanh(h0)\n"
        "    t1 = T.add(t0, r0)\n"
        "    return t1\n"
        "v0 = theano.scan(step, sequences=[x0], outputs_info=[x1])[0]\n"
    ) in long.to_source()
    assert np.array_equal(outputs(long)[0], [np.tanh(0.5) + 1, np.tanh(np.tanh(0.5) + 1) + 2])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"rows": ("",)}, [1.0, 3.0, 6.0, 10.0]),
        ({"rows": ("[::-1]",)}, [10.0, 6.0, 3.0, 1.0]),
        ({"rows": ("[-2:]",)}, [6.0, 10.0]),
        ({"rows": (".shape",)}, [4]),
        ({"rows": ("",), "backwards": True}, [4.0, 7.0, 9.0, 10.0]),
        ({"rows": ("",), "n_steps": 2}, [1.0, 3.0]),
        ({"rows": ("",), "n_steps": 2, "backwards": True}, [4.0, 7.0]),
        ({"rows": ("",), "n_steps": 0}, []),
        ({"rows": ("",), "n_steps": "#1"}, [1.0, 3.0, 6.0]),
        ({"rows": ("",), "sequences": (((-1,), ("r0",)),)}, [1.0, 3.0, 6.0]),
        ({"rows": ("",), "sequences": (((1,), ("r0",)),)}, [2.0, 5.0, 9.0]),
        ({"rows": ("",), "call": "foldr"}, 10.0),
    ],
)
def test_the_model_knows_what_a_loop_means(parts, expected):
    """Said here a third time, by hand: the model and the reference could agree on something else."""
    x, h = floats("x0", [1.0, 2.0, 3.0, 4.0]), floats("x1", np.zeros(()))
    if parts.get("n_steps") == "#1":
        h, parts = floats("x1", np.zeros(3)), {**parts, "states": (((-3,), ("h0",), True),)}
        expected = [1.0, 2.0, 3.0]
    steps = (("add", ("h0", "r0"), {}, ("t0",)),)
    given = {"sequences": SEQUENCE, "states": STATE, "body": steps, "outputs": ("t0",), **parts}
    program = looped(["x0", "x1"], [x, h], **given)
    known = model.evaluate(program, {i.name: i.value.data for i in program.inputs})
    assert np.array_equal(known["v0"], expected)
    assert np.array_equal(outputs(program)[0], expected)


def test_until_keeps_the_step_that_ends():
    steps = (("literal", ("h0", 1), {"op": "+", "swapped": False}, ("t0",)),
             ("literal", ("t0", 2), {"op": ">", "swapped": False}, ("t1",)))  # fmt: skip
    program = looped(
        ["x0"], [floats("x0", 0.0)], states=STATE, body=steps, outputs=("t0",), until="t1", n_steps=9, rows=("",)
    )
    assert np.array_equal(model.evaluate(program, {"x0": np.zeros(())})["v0"], [1.0, 2.0, 3.0])
    assert check(program).ok


def test_a_shared_variable_moves_on_in_every_step_and_from_call_to_call():
    steps = (("literal", ("@0", 2), {"op": "*", "swapped": False}, ("t0",)),)
    program = looped(
        ["s0"], [], [Shared("s0", Array(np.array(1.0)))], ("v0a", "v0b", "u"), ((), ()),
        states=(None,), body=steps, outputs=("t0",), n_steps=3, rows=("",), carries=(("@0", "t0"),),
    )  # fmt: skip
    assert program.moved == ("u",)
    assert [v.tolist() for v in outputs(program)] == [[2.0, 4.0, 8.0], 8.0]
    assert [v.tolist() for v in outputs(program, 2)] == [[128.0, 256.0, 512.0], 512.0]
    assert check(program).ok


def test_streams_inside_a_loop_are_known_call_by_call():
    steps = (("uniform", (), {"seed": 3, "size": (2,), "dtype": "float64"}, ("t0",)),)
    program = looped([], [], (), ("v0", "u"), ((), ()), states=(None,), body=steps, outputs=("t0",), n_steps=2,
                     rows=("",), streams=True)  # fmt: skip
    draws = model.Draws()
    for call in range(3):
        known = model.evaluate(program, {}, draws)["v0"]
        assert np.array_equal(outputs(program, call)[0], known)
        assert np.array_equal(known, [Words(3, 0, 2 * call + t).uniforms((2,), "float64") for t in range(2)])


def test_philox_is_the_published_one():
    """Known answers for counters and keys of zeros and of ones (Random123's kat_vectors)."""
    from difftest.model.streams import _block

    assert _block(0, 0, 0, 0, 0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    ones = 2**32 - 1
    assert _block(ones, ones, ones, ones, ones, ones) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)


@pytest.mark.parametrize("name", [n for n in model.STREAMS if n not in model.SHAPE_ONLY])
def test_the_model_knows_the_bits_of_a_draw(name):
    from difftest.strategies.drawing import Draw, Entry, Pool, Tape

    pool = Pool(Draw(Tape(5)), "grid", ("float64",))
    x = pool.add(Entry("x0", np.array([0.25, 0.75, -1.0]), (False,)))
    operands, attributes = STEPS[name].draw(pool.draw, pool, x)
    results = ("v0a", "v0b") if model.STREAMS[name] == 2 else ("v0",)
    steps = (Step(name, operands, attributes, results),)
    program = Program((floats("x0", x.value),), (), steps, results, calls=((Array(x.value),),) * 2)
    report = check(program, [BASE])
    assert report.ok, report
    assert report.counts["elements", "bounded"] == 0


def test_a_loop_that_draws_from_a_stream_made_outside_leaves_the_model_without_knowledge():
    steps = (
        Step("uniform", (), {"seed": 1, "size": (), "dtype": "float64"}, ("v0",)),
        Step("scan", ("v0",), {"states": (None,), "body": (("exp", ("@0",), {}, ("t0",)),), "outputs": ("t0",),
                               "n_steps": 3, "rows": ("",), "streams": True, "redrawn": True}, ("v1a", "v1b")),
    )  # fmt: skip
    program = Program(steps=steps, outputs=("v1a", "v0"), calls=((), ()))
    draws = model.Draws()
    assert "v0" in model.evaluate(program, {}, draws)
    assert "v0" not in model.evaluate(program, {}, draws)
    assert check(program).ok


def test_what_a_loop_prints_is_printed_in_every_mode():
    steps = (("printed", ("r0",), {"message": "row", "attrs": ("shape",)}, ("t0",)),)
    program = looped(["x0"], [floats("x0", [1.0, 2.0])], sequences=SEQUENCE, states=(None,), body=steps,
                     outputs=("t0",), rows=(".shape",))  # fmt: skip
    report = check(program)
    assert report.ok, report
    assert {run.calls[0].printed for run in report.runs.values()} == {"row shape = ()\n" * 2}
