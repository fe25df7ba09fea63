"""A fixed, derandomized budget of programs finds nothing; a fault is found, made small and told."""

import numpy as np
import pytest
from faulty import backend as faulty_backend
from faulty import is_row

from difftest import Cell, campaign, check
from difftest.__main__ import main
from difftest.program import Array, Input, Program, Shared, Step
from difftest.reduce import reduced
from difftest.reports.options import seconds
from difftest.reports.terminal import finding, table
from difftest.seeds import SEEDS, seed_failures
from difftest.session import Address, Session, Summary
from difftest.strategies import Tape, drawn

BUDGET = {"reference": 150, "opencl": 25}
"""Programs a backend: building a kernel takes much longer than running it."""


def test_a_fixed_budget_of_programs_is_identical(backend):
    summary = campaign(examples=BUDGET.get(backend, 25), time_budget=None, backends=[backend], first_seed=1)
    assert [str(r.failure) + "\n" + r.program.to_source() for r in summary.findings] == []
    assert summary.programs > BUDGET.get(backend, 25) // 2


@pytest.mark.parametrize("twins", SEEDS, ids=lambda t: t.name)
def test_the_examples_this_project_was_made_for(twins, backend, monkeypatch):
    monkeypatch.setattr("difftest.seeds.SEEDS", (twins,))
    chosen = [Cell(mode, backend) for mode in ("UNOPTIMIZED", "EXACT", "FAST_RUN")]
    assert [str(failure) for _, failure in seed_failures(chosen)] == []


def test_a_fault_is_found_shrunk_and_reported_once(tmp_path, monkeypatch):
    def twist(node, results):
        return tuple(np.asarray(r + 1).astype(r.dtype) for r in results) if is_row(node, "abs_") else results

    monkeypatch.setattr("difftest.seeds.SEEDS", ())
    with faulty_backend("plus", twist) as plus:
        summary = campaign(examples=150, time_budget=None, backends=[plus], profile="elementwise", first_seed=3)
    assert not summary.ok
    for repro in summary.findings:
        assert len(repro.program.steps) <= 2
        assert "Elemwise{abs_,no_inplace}" in repro.failure.blame
        text = finding(repro, repro.write(tmp_path))
        assert repro.failure.message.splitlines()[0] in text and repro.name in text
    assert len({r.failure.signature for r in summary.findings}) == len(summary.findings)


def test_reduction_keeps_the_failure_and_drops_the_rest():
    many = Program(
        inputs=(Input("x0", (False,), Array(np.array([1.0, -2.0]))),),
        shared=(Shared("s0", Array(np.array(1.0))),),
        steps=(
            Step("exp", ("x0",), {}, ("v0",)),
            Step("neg", ("v0",), {}, ("v1",)),
            Step("abs_", ("v1",), {}, ("v2",)),
            Step("add", ("v2", "s0"), {}, ("v3",)),
        ),
        outputs=("v3", "v0"),
        updates=(("s0", "s0"),),
    )
    small = reduced(many, lambda p: any(s.step == "abs_" for s in p.steps))
    assert [s.step for s in small.steps] == ["abs_"]
    assert not small.updates and not small.shared and len(small.outputs) == 1
    assert check(small).ok


def test_the_table_tells_what_was_and_what_was_not_done():
    summary = campaign(examples=20, time_budget=None, profile="elementwise")
    text = table(summary)
    for word in ("programs", "the same bits", "never fired", "never drawn", "identical"):
        assert word in text
    assert "scan" in summary.never_drawn()
    assert Summary().ok


def test_the_command_exits_0_when_all_agree(capsys, tmp_path):
    assert main(["--examples", "10", "--workers", "1", "--backend", "reference", "--repros", str(tmp_path)]) == 0
    assert "none: identical" in capsys.readouterr().out


def test_the_command_exits_1_and_writes_a_repro_when_not(capsys, tmp_path, monkeypatch):
    def twist(node, results):
        return tuple(np.asarray(r * 2, r.dtype) for r in results) if is_row(node, "neg") else results

    step = Step("neg", ("x0",), {}, ("v0",))
    only = Program(inputs=(Input("x0", (), Array(np.array(1.0))),), steps=(step,), outputs=("v0",))
    monkeypatch.setattr("difftest.session.drawn", lambda *of: only)
    monkeypatch.setattr("difftest.seeds.SEEDS", ())
    monkeypatch.setattr("difftest.__main__.backends_of", lambda asked: ["twice"])
    with faulty_backend("twice", twist):
        status = main(["--examples", "1", "--workers", "1", "--repros", str(tmp_path)])
    assert status == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"repro_{only.digest}.py"]
    assert "blame: node 0, Elemwise{neg,no_inplace}(x0) (wrong alone: its kernel)" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("1.5m", 90)])
def test_durations(text, value):
    assert seconds(text) == value


def test_an_example_follows_from_its_address_alone():
    address = Address("nightly", 3, 1207)
    assert Address.parse(str(address)) == address
    session = Session()
    assert session.program(address) == Session().program(Address.parse("nightly:3:1207"))
    assert session.program(address) != session.program(Address("nightly", 4, 1207))


def test_a_tape_repeats_what_it_recorded_and_takes_any_beginning():
    first = Tape(1)
    program = drawn(first)
    assert drawn(Tape(2, first.choices)) == program
    other = drawn(Tape(2, first.choices[: len(first.choices) // 2]))
    assert other != program and check(other).ok
    assert check(drawn(Tape(3, [10**6, -(10**6)] * 50))).ok
