"""A program is data: it survives JSON, and its text is a program."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import reference
from difftest.program import LAYOUTS, Array, Input, Program, Step, array_source
from difftest.strategies import programs

few = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def small() -> Program:
    return Program(
        inputs=(Input("x0", (False,), Array(np.array([1.5, -2.0, np.nan]))),),
        steps=(Step("exp", ("x0",), {}, ("v0",)), Step("literal", ("v0", 2), {"op": "*", "swapped": True}, ("v1",))),
        outputs=("v1",),
    )


@few
@given(programs())
def test_json_keeps_everything(program):
    assert Program.from_json(program.to_json()) == program


@few
@given(programs())
def test_the_text_of_a_program_runs(program):
    with contextlib.redirect_stdout(io.StringIO()) as printed, np.errstate(all="ignore"):
        exec(compile(program.to_source(), "<program>", "exec"), {})
    assert printed.getvalue()


def test_the_text_is_what_a_person_would_write():
    assert small().to_source() == (
        "import numpy as np\n"
        "import reference as theano\n"
        "import reference.tensor as T\n"
        "\n"
        "x0 = T.tensor('float64', (False,), name='x0')\n"
        "v0 = T.exp(x0)\n"
        "v1 = 2 * v0\n"
        "\n"
        'f = theano.function([x0], [v1], on_unused_input="ignore")\n'
        "print(f(np.array([1.5, -2.0, np.nan], 'float64')))\n"
    )


def test_a_built_program_computes():
    built = small().build(reference)
    (value,) = built.function()(np.array([0.0, 1.0]))
    assert np.array_equal(value, [2.0, 2 * np.exp(1.0)])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_layouts_change_memory_and_not_values(layout, shape):
    data = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    fresh = Array(data, layout).fresh()
    assert np.array_equal(fresh, data)
    assert fresh.dtype == data.dtype
    assert fresh.flags.writeable or layout == "stretched"


def test_a_stretched_array_has_stride_zero_where_nothing_changes():
    data = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    assert Array(data, "stretched").fresh().strides == (8, 0)
    assert Array(data[:1], "stretched").fresh().strides[1] == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_literals_keep_every_bit(dtype):
    info = np.finfo(dtype)
    data = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, info.max, 0.1], dtype)
    for back in (eval(array_source(data), {"np": np}), Array.from_json(Array(data).to_json()).data):
        assert back.dtype == data.dtype
        assert np.array_equal(back, data, equal_nan=True)
        assert np.array_equal(np.signbit(back), np.signbit(data))


def test_givens_written_in_is_another_graph_with_the_same_meaning():
    program = Program(
        inputs=(Input("x0", (), Array(np.array(2.0))), Input("x1", (), Array(np.array(3.0)))),
        steps=(Step("exp", ("x1",), {}, ("v0",)), Step("sqr", ("x0",), {}, ("v1",))),
        outputs=("v1",),
        givens=(("x0", "v0"),),
    )
    built = program.build(reference)
    assert built.function()(3.0)[0] == built.function_written_in()(3.0)[0] == np.exp(3.0) ** 2


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), complex(float("nan"), -0.0), 2.5])
def test_numbers_that_json_has_no_word_for_come_back(value: complex):
    step = Step("constant", (value,), {"value": value, "dtype": "complex64"}, ("v0",))
    text = Program(inputs=(), steps=(step,), outputs=("v0",)).to_json()
    (back,) = Program.from_json(json.dumps(json.loads(text, parse_constant=pytest.fail))).steps
    assert repr((back.operands, back.attributes)) == repr((step.operands, step.attributes))
