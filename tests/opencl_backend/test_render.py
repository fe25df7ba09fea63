"""The text of kernels is a pure function of what the loop does, and never of how long it is."""

from pathlib import Path

import numpy as np
import pytest

from opencl_backend import machine, render
from opencl_backend.cache import programs
from opencl_backend.device import current
from opencl_backend.fold import Fold, columns_text, lanes_text, pairwise_text
from opencl_backend.render import NEXT, ONCE, ROW, STRIDED, Spec, Step

GOLDEN = Path(__file__).parent / "golden"


def load(k: int, dtype: str) -> Step:
    return Step("load", dtype, (k,))


def compute(row: str, dtype: str, *args: int, out: str = "") -> Step:
    return Step("compute", out or dtype, args, row, dtype, (dtype,) * len(args))


F = "float32"
ADD_ROW = Spec(((F, NEXT), (F, ROW)), (), (load(0, F), load(1, F), compute("add", F, 0, 1)), NEXT, 2)
SPECS = {
    "add": Spec(((F, NEXT), (F, NEXT)), (), (load(0, F), load(1, F), compute("add", F, 0, 1)), NEXT, 1),
    "add_column": ADD_ROW,
    "less_scalar": Spec(
        (("float64", NEXT), ("float64", ONCE)), (),
        (load(0, "float64"), load(1, "float64"), compute("lt", "float64", 0, 1, out="bool")), NEXT, 1,
    ),
    "strided_copy": Spec((("int8", STRIDED),), (), (load(0, "int8"),), NEXT, 3),
    "positions": Spec((), (1,), (Step("position", "int64", (0,)),), NEXT, 2),
    "add_gpu": Spec(((F, NEXT), (F, ROW)), (), ADD_ROW.steps, NEXT, 2, style="gpu"),
}  # fmt: skip
TEXTS = {name: lambda spec=spec: render.nest(spec) for name, spec in SPECS.items()} | {
    "sum_rows": lambda: pairwise_text(
        Spec((("float64", NEXT),), (), (load(0, "float64"),), NEXT, 3), Fold("add", "float64", "float64")
    ),
    "max_rows": lambda: lanes_text(Spec(((F, NEXT),), (), (load(0, F),), NEXT, 3), Fold("extreme", F, F, True, False)),
    "max_columns": lambda: columns_text(
        Spec(((F, NEXT),), (), (load(0, F),), NEXT, 3), Fold("extreme", F, F, True, True)
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_the_recorded_one(name):
    """To accept a change, write the new text to the file and read the difference."""
    assert TEXTS[name]() == (GOLDEN / f"{name}.cl").read_text()


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_builds(name):
    programs(current()).kernel(TEXTS[name](), "fold" if name.startswith(("sum", "max")) else "nest")


def test_vectors_are_as_wide_as_the_widest_number_allows():
    assert render.vector_width(SPECS["add"]) == 16
    assert render.vector_width(SPECS["less_scalar"]) == 8
    assert render.vector_width(SPECS["strided_copy"]) == 1


def test_no_program_contracts():
    assert all(text().startswith("#pragma OPENCL FP_CONTRACT OFF") for text in TEXTS.values())


@pytest.mark.parametrize("dtype", machine.DTYPES)
def test_the_machine_has_every_row_that_computes_in_its_dtype(dtype):
    rows = machine.rows(dtype)
    assert {"add", "mul", "eq", "switch", "identity"} <= set(rows)
    assert ("exp" in rows) == dtype.startswith("float")
    assert ("and_" in rows) == (not dtype.startswith("float"))


@pytest.mark.parametrize("dtype", machine.DTYPES)
def test_rare_rows_of_floats_have_a_machine_of_their_own(dtype):
    everyday, rare = machine.part(dtype, False), machine.part(dtype, True)
    assert sorted([*everyday, *rare]) == sorted(machine.rows(dtype))
    assert {"add", "mul", "switch"} <= set(everyday)
    assert ("gamma" in rare) == dtype.startswith("float") == bool(rare)


@pytest.mark.parametrize("rare", [False, True])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32"])
def test_the_machine_builds(dtype, rare):
    programs(current()).kernel(machine.text(dtype, rare, False, True), "machine", machine.OPTIONS)


def test_programs_of_other_lengths_share_one_text():
    import reference.tensor as T
    from reference import function

    x = T.dmatrix("x")
    f = function([x], x + 1, backend="opencl")
    f(np.zeros((3, 4)))
    before = programs(current()).builds
    for shape in [(1, 1), (7, 2), (0, 3), (50, 60)]:
        f(np.zeros(shape))
    assert programs(current()).builds == before


@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
@pytest.mark.parametrize("columns", [64, 100, 1031])
def test_vectors_side_by_side_have_the_bits_of_one_after_the_other(columns, mode, monkeypatch):
    import reference.tensor as T
    from reference import function
    from reference.config import config

    def results():
        x, y = T.fmatrix("x"), T.fcol("y")
        z = T.tanh(x * y) + T.exp(-x)
        f = function([x, y], [z / (1 + y * y), (T.exp(T.tanh(x)) * 2 - y).sum(axis=1)], mode=mode, backend="opencl")
        values = np.sin(np.arange(20 * columns, dtype="float32")).reshape(20, columns)
        return f(values, values[:, :1])

    texts = []
    nest = render.nest
    monkeypatch.setattr(render, "nest", lambda spec: texts.append(spec.beside) or nest(spec))
    with config.change_flags(opencl__interpret=False):
        many = results()
        assert max(texts) == render.BESIDE
        monkeypatch.setattr(render, "LONG", 10**6)
        texts.clear()
        one = results()
        assert max(texts) == 1
    assert all(np.array_equal(a, b) for a, b in zip(many, one))
