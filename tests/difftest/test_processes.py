"""A session shared among processes checks the same programs, and tells of the fault and of the death of one."""

import pytest

from difftest import campaign
from difftest.__main__ import main
from difftest.processes import Died

WRONG = """
import numpy as np
from reference.compile.backends import load_backend

def compile(fgraph, options):
    run = load_backend("reference")(fgraph, options)
    wrong = any("tanh" in str(node.op) for node in fgraph.apply_nodes)
    return lambda *inputs: [np.asarray(v * 2, np.asarray(v).dtype) if wrong else v for v in run(*inputs)]
"""
DEADLY = """
import os

def compile(fgraph, options):
    os._exit(3)
"""


@pytest.fixture
def backend_of(tmp_path, monkeypatch):
    """Makes a package that is a backend, where other processes find it too."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name, text):
        package = tmp_path / f"{name}_backend"
        package.mkdir()
        (package / "__init__.py").write_text(text)
        return name

    return make


def test_two_processes_check_what_one_does():
    one, two = (campaign(12, None, profile="elementwise", first_seed=5, workers=n) for n in (1, 2))
    assert one.counts == two.counts
    assert (one.programs, one.runs, one.cells) == (two.programs, two.runs, two.cells)
    assert two.ok and two.processor > 0


def test_a_fault_that_both_meet_is_one_finding(backend_of):
    wrong = backend_of("wrong", WRONG)
    one, two = (campaign(30, None, [wrong], "elementwise", first_seed=9, workers=n) for n in (1, 2))
    assert one.findings and {r.failure.signature for r in one.findings} == {r.failure.signature for r in two.findings}
    assert len({r.failure.signature for r in two.findings}) == len(two.findings)


def test_the_death_of_a_process_names_the_examples(backend_of):
    deadly = backend_of("deadly", DEADLY)
    with pytest.raises(Died, match="while it checked the seed programs or seed0:0:0 or seed0:0:1"):
        campaign(4, None, [deadly], workers=2)


def test_the_command_ends_with_what_the_processes_died_of(backend_of, monkeypatch):
    deadly = backend_of("deadly", DEADLY)
    monkeypatch.setattr("difftest.__main__.backends_of", lambda asked: [deadly])
    with pytest.raises(SystemExit, match="a process died while it checked"):
        main(["--examples", "4", "--workers", "2"])
