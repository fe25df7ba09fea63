"""A repro stands alone: it fails while the fault lives and passes afterwards; as data it loses nothing."""

import subprocess
import sys

import numpy as np
import pytest
from faulty import backend, is_row

from difftest import Cell, Program, Repro, check
from difftest.case import Failure
from difftest.program import Array, Input, Shared, Step

EXP = Program(
    inputs=(Input("x0", (False,), Array(np.array([1.5, -0.25, np.nan, 1 / 3]))),),
    steps=(Step("exp", ("x0",), {}, ("v0",)), Step("neg", ("v0",), {}, ("v1",))),
    outputs=("v1", "v0"),
)

COUNTER = Program(
    shared=(Shared("s0", Array(np.array(1.0))),),
    steps=(Step("exp", ("s0",), {}, ("v0",)), Step("neg", ("v0",), {}, ("v1",))),
    outputs=("v1",),
    updates=(("s0", "v1"),),
    calls=((), ()),
)

RIGHT = "from reference.interpreter import compile\n"
WRONG = (
    "import numpy as np\nfrom faulty import compile_with, is_row\n"
    "compile = compile_with(lambda node, results: tuple({0} for r in results) if is_row(node, {1!r}) else results)\n"
)


def run(text, folder):
    path = folder / "repro.py"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        env={"PYTHONPATH": ":".join([*sys.path, str(folder)]), "PATH": ""},
    )


def failing(program, twist, row, name="sick"):
    """The failures of a backend that is wrong in one row."""
    with backend(name, lambda node, results: tuple(map(twist, results)) if is_row(node, row) else results) as made:
        return check(program, [Cell("UNOPTIMIZED", made)]).failures


def minus(r):
    return np.asarray(-r)


def stumble(r):
    raise MemoryError("no room")


@pytest.mark.parametrize(
    ("program", "twist", "text", "output"),
    [
        (EXP, minus, "np.asarray(-r)", "v0"),
        (COUNTER, minus, "np.asarray(-r)", "v1"),
        (COUNTER, minus, "np.asarray(-r)", "the new value of s0"),
        (EXP, stumble, "[][1]", ""),
    ],
    ids=["values", "a later state", "a new value", "an error"],
)
def test_a_script_that_imports_only_the_reference(program, twist, text, output, tmp_path):
    failures = failing(program, twist, "exp")
    failure = next(f for f in failures if f.output == output)
    source = Repro(program, failure).to_source()
    assert "import difftest" not in source and "from difftest" not in source
    module = tmp_path / "sick_backend.py"
    module.write_text(WRONG.format(text, "exp"))
    living = run(source, tmp_path)
    assert living.returncode == 1 and Repro(program, failure).claim in living.stdout, living.stderr
    module.write_text(RIGHT)
    gone = run(source, tmp_path)
    assert gone.returncode == 0, gone.stderr + gone.stdout


@pytest.mark.parametrize(
    "failure",
    [
        Failure("text", Cell("FAST_RUN"), "P3 is broken"),
        Failure("MR10", Cell("FAST_RUN"), "the bits are others"),
        Failure("bits", Cell("FAST_RUN", flags=(("allow_gc", "False"),)), "1 of 4 elements have other bits", "v0"),
    ],
    ids=str,
)
def test_other_kinds_ask_the_tester_again(failure, tmp_path):
    done = run(Repro(EXP, failure).to_source(), tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout


def test_flags_of_the_cell_are_set_in_the_script():
    low = np.zeros(4)
    cell = Cell("FAST_RUN", "opencl", (("opencl.fuse", "False"),))
    source = Repro(EXP, Failure("bits", cell, "4 of 4 elements", "v0", expected=(low, low))).to_source()
    assert "theano.config.opencl.fuse = 'False'" in source
    compile(source, "repro.py", "exec")


def test_the_script_tells_what_there_is_to_know():
    failure = Failure("bits", Cell("FAST_RUN"), "1 of 4", "v0", culprit="rewrite x", blame="rewrite x (rules.py:3)")
    text = Repro(EXP, failure, "nightly:3:17").to_source()
    for part in ("nightly:3:17", "NumPy", "rules.py:3", "Rewrites applied"):
        assert part in text


def test_nothing_is_lost_as_data():
    low, high = np.float32([0.1, np.nan, -0.0]), np.float32([0.1, np.nan, np.inf])
    cell = Cell("FAST_RUN", "opencl", (("opencl.fuse", "False"),))
    failure = Failure("bound", cell, "2 of\n3", "v0", 2, "kernel exp", "node 3", (low, high), "values")
    repro = Repro(COUNTER, failure, "a:b:1")
    for again in (Repro.from_json(repro.to_json()), Repro.from_source(repro.to_source())):
        assert again.to_json() == repro.to_json()
        assert again.program == COUNTER and again.address == "a:b:1"
        assert again.failure.signature == failure.signature and again.failure.cell == cell
        assert again.failure.expected is not None
        for mine, theirs in zip(again.failure.expected, (low, high)):
            assert mine.tobytes() == theirs.tobytes() and mine.dtype == theirs.dtype
