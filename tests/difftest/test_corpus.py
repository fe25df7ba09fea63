"""Every program that once showed a fault is right in every cell; a finding can be run again, and kept."""

import json
import sys

import numpy as np
import pytest
from faulty import backend as faulty_backend
from faulty import compile_with, is_row

from difftest import Cell, Program, Repro, check
from difftest.corpus import FOLDER, adopt, adopt_command, entries, read, replay, replay_command
from difftest.program import Array, Input, Step
from difftest.reports.events import Finding

EXP = Program(
    inputs=(Input("x0", (False,), Array(np.array([1.5, -0.25]))),),
    steps=(Step("exp", ("x0",), {}, ("v0",)),),
    outputs=("v0",),
)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_what_was_wrong_once_is_right(entry, backend):
    assert str(check(entry.program, entry.cells(backend))) == "identical", entry.why


def test_every_entry_says_why_it_is_here():
    for entry in entries():
        assert len(entry.why) > 20 and entry.program.outputs, entry.name


@pytest.fixture
def repro():
    def twist(node, results):
        return tuple(-r for r in results) if is_row(node, "exp") else results

    with faulty_backend("negative", twist) as negative:
        cell = Cell("UNOPTIMIZED", negative)
        yield Repro(EXP, check(EXP, [cell]).failures[0], "here:0:1")


def as_script(repro, folder):
    return repro.write(folder)


def as_json(repro, folder):
    path = folder / "repro.json"
    path.write_text(repro.to_json())
    return path


def as_event(repro, folder):
    path = folder / "events.json"
    path.write_text(json.dumps(Finding.of(repro, {}).to_json()))
    return path


@pytest.mark.parametrize("write", [as_script, as_json, as_event])
def test_a_finding_is_kept_as_a_test(repro, write, tmp_path):
    path = write(repro, tmp_path)
    assert read(path).failure.signature == repro.failure.signature
    folder = tmp_path / "corpus"
    folder.mkdir()
    adopt(path, "minus_exp", "exp had another sign", folder)
    (entry,) = entries(folder)
    assert (entry.name, entry.why, entry.cell) == ("minus_exp", "exp had another sign", repro.failure.cell)
    assert entry.program == EXP
    with pytest.raises(ValueError, match="already"):
        adopt(path, "minus_exp", folder=folder)


def test_a_name_is_that_of_a_test(repro, tmp_path, capsys):
    with pytest.raises(ValueError, match="no name"):
        adopt(as_json(repro, tmp_path), "Not a name")
    with pytest.raises(SystemExit):
        adopt_command([str(tmp_path / "nothing.json"), "--name", "x"])
    assert "nothing.json" in capsys.readouterr().err
    assert not list(FOLDER.glob("x.json"))


def test_a_finding_is_replayed_while_it_lives_and_after(repro, tmp_path, capsys):
    path = str(as_json(repro, tmp_path))
    assert replay_command([path]) == 1
    assert "its kernel" in capsys.readouterr().out
    sys.modules["negative_backend"].compile = compile_with(lambda node, results: results)
    assert replay(path) == 0
    assert "identical" in capsys.readouterr().out


def test_a_script_is_replayed_by_running_it(tmp_path):
    path = tmp_path / "repro.py"
    path.write_text("import sys\nsys.exit(1)\n")
    assert replay(str(path)) == 1


def test_an_address_is_drawn_and_checked_again(capsys):
    assert replay_command(["nightly:0:3", "--profile", "elementwise", "--backend", "reference"]) == 0
    text = capsys.readouterr().out
    assert "theano.function(" in text and "identical" in text
