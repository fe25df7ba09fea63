"""Campaigns: killed and resumed, on any number of workers, with programs that kill their process."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import pytest

from difftest.campaigns import children, coordinator, worker
from difftest.campaigns.coordinator import Coordinator, local, results
from difftest.campaigns.outcome import RawFailure
from difftest.campaigns.plan import Example, Settings, changed, planned
from difftest.campaigns.store import Store, program_of
from difftest.cells import Cell
from difftest.session import Address
from difftest.strategies import Tape, drawn
from difftest.verdict import check

SMALL = Settings("small", "elementwise", shards=2, batch=3, feedback=True)
EXAMPLES = 30


def run(folder, settings=SMALL, examples=EXAMPLES, workers=1, **more):
    store = Store(folder)
    with local(workers) as (executor, number):
        Coordinator(store, settings, executor, number, examples, **more).run()
    return store


def everything(store, settings=SMALL):
    """All that must not depend on how a campaign was run."""
    name = settings.name
    parents = store._rows("SELECT place, fate, parent FROM examples ORDER BY place")
    return parents, store.counts(name), store.covered(name), store.corpus(settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The campaign run at one go, by one worker."""
    return run(tmp_path_factory.mktemp("whole"))


SCRIPT = """
import sys
from difftest.campaigns.coordinator import Coordinator, local
from difftest.campaigns.plan import Settings
from difftest.campaigns.store import Store
if __name__ == "__main__":
    with local(1) as (executor, number):
        settings = Settings("small", "elementwise", shards=2, batch=3, feedback=True)
        Coordinator(Store(sys.argv[1]), settings, executor, number, 1000).run()
"""


def test_a_campaign_that_was_killed_goes_on_and_runs_every_example_once(whole, tmp_path):
    path = os.pathsep.join(p or os.getcwd() for p in sys.path)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], env={**os.environ, "PYTHONPATH": path})
    store = Store(tmp_path)
    deadline = time.monotonic() + 60
    while len(store.done("small")) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = store.done("small")
    assert 10 <= len(done) < EXAMPLES
    assert store.counts("small")["fate", "identical"] == len(done)
    resumed = run(tmp_path)
    assert sorted(resumed.done("small")) == list(range(EXAMPLES))
    assert everything(resumed) == everything(whole)
    assert [programs for _, _, programs, _ in resumed.sittings("small")][-1] == EXAMPLES - len(done)


def test_what_is_run_does_not_depend_on_the_number_of_workers(whole, tmp_path):
    assert everything(run(tmp_path, workers=3)) == everything(whole)


def test_some_programs_are_changed_from_others_and_can_be_drawn_again(whole):
    rows = whole._rows("SELECT place, parent FROM examples WHERE parent IS NOT NULL")
    assert rows
    corpus = dict(whole.corpus(SMALL))
    for place, parent in rows:
        address = SMALL.address(place)
        assert SMALL.round_of(Address.parse(parent)) <= SMALL.round_of(address) - 2
        program = program_of(address, whole.path.parent)
        if address in corpus:
            assert drawn(Tape(0, corpus[address]), "elementwise") == program
    fresh = next(SMALL.address(p) for p in range(EXAMPLES) if p not in dict(rows))
    assert program_of(fresh, whole.path.parent) == program_of(str(fresh), profile="elementwise")


def test_nothing_of_a_program_is_left_behind_when_its_round_is_over(whole):
    assert whole._rows("SELECT COUNT(*) FROM examples WHERE choices IS NOT NULL AND place < 30") == [(0,)]
    counts = whole.counts("small")
    assert counts["drawn", "afresh"] + counts["drawn", "changed"] == EXAMPLES == counts["fate", "identical"]


BACKEND = """
import ctypes, pathlib, time
import numpy as np
from faulty import compile_with, is_row
HERE = pathlib.Path(__file__).parent

def twist(node, results):
    {body}
    return results

compile = compile_with(twist)
"""


def backend(folder, monkeypatch, name, body):
    package = folder / f"{name}_backend"
    package.mkdir()
    text = BACKEND.replace("{body}", textwrap.indent(body, "    ").strip())
    (package / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))


def rare_rows(settings, number):
    """Two elementwise operations that only one of the first programs has in its graph, each."""
    import reference

    found = []
    for place in range(number):
        built = program_of(settings.address(place), profile=settings.profile).build(reference)
        nodes = built.function(mode="UNOPTIMIZED").fgraph.toposort()
        found.append({node.op.scalar_op.name for node in nodes if hasattr(node.op, "scalar_op")})
    times = Counter(name for rows in found for name in rows)
    chosen = [next(iter(sorted(name for name in rows if times[name] == 1)), None) for rows in found]
    return [name for name in chosen if name is not None][:2]


def test_a_crash_and_a_hang_are_findings_and_not_the_end(tmp_path, monkeypatch):
    settings = Settings("deadly", "elementwise", ("deadly",), shards=2, batch=4, timeout=2)
    crashing, hanging = rare_rows(settings, 8)
    body = f"if is_row(node, {crashing!r}): ctypes.string_at(0)\nif is_row(node, {hanging!r}): time.sleep(600)"
    backend(tmp_path, monkeypatch, "deadly", body)
    monkeypatch.setattr(children, "PATIENCE", 0.0)
    store = Store(tmp_path)
    store.begin(settings)
    store.looked_again("deadly", coordinator.fingerprint())  # as if the seed programs had been tried
    store = run(tmp_path, settings, 8)
    assert sorted(store.done("deadly")) == list(range(8))
    counts = store.counts("deadly")
    assert counts["fate", "crash"] >= 1 and counts["fate", "hang"] >= 1 and counts["fate", "identical"] >= 2
    found = {f.kind: f for f in results(store, "deadly").findings}
    assert "SIGSEGV at __init__.py string_at" in found["crash"].message
    assert "did not come to an end at __init__.py twist" in found["hang"].message
    for kind in ("crash", "hang"):
        assert found[kind].cell == "UNOPTIMIZED/deadly" and found[kind].source
        assert store.example(Address.parse(found[kind].address)).parent is None


def test_findings_are_counted_kept_small_and_looked_at_again_when_the_code_changes(tmp_path, monkeypatch):
    body = "if not (HERE / 'mended').exists() and results[0].dtype == 'float32': return (np.asarray(results[0] + 1),)"
    backend(tmp_path, monkeypatch, "plus", body)
    settings = Settings("plus", "elementwise", ("plus",))
    store = run(tmp_path, settings, 12)
    found = store.findings("plus")
    assert found and not store.unexplained("plus")
    assert sum(f.count for f in found) >= store.counts("plus")["fate", "failed"] > 0
    assert all(f.size[0] <= 3 and f.first_seen <= f.last_seen and not f.gone for f in found)
    (tmp_path / "plus_backend" / "mended").touch()
    monkeypatch.setattr(coordinator, "fingerprint", lambda: "mended")
    run(tmp_path, settings, 12)
    assert {f.gone for f in store.findings("plus")} == {"mended"}


def test_what_the_tester_raises_is_a_finding_too(monkeypatch):
    def broken(*given):
        raise ZeroDivisionError("no")

    monkeypatch.setattr(worker, "drawn", broken)
    form = {"example": Example(Address("a", 0, 0)).to_json(), "cells": [], "profile": "all"}
    answer = worker.example(form)
    assert answer["fate"] == "raised"
    assert answer["failures"][0]["signature"] == ["", "tester", "ZeroDivisionError", "test_campaigns.py broken"]
    finding = worker.explain({**form, "failure": answer["failures"][0]})["finding"]
    assert finding["address"] == "a:0:0" and "ZeroDivisionError: no" in finding["message"]


def test_the_seed_programs_are_tried_first_and_again_when_the_code_changes(tmp_path, monkeypatch):
    def perform(job):
        assert job["do"] in ("seeds", "explain")
        failing = job["do"] == "seeds" and coordinator.fingerprint() == "old"
        if job["do"] == "explain":
            return worker.explain(job)
        return {"failures": [seed.to_json()] if failing else []}

    seed = RawFailure("seed", Cell("EXACT"), "lstm raised", ("seed", "EXACT/reference", "lstm raised"))
    monkeypatch.setattr(children, "perform", perform)
    for code, gone in (("old", ""), ("new", "new")):
        monkeypatch.setattr(coordinator, "fingerprint", lambda code=code: code)
        store = run(tmp_path, examples=0)
        (found,) = store.findings("small")
        assert (found.kind, found.address, found.gone) == ("seed", "", gone)


def test_a_campaign_is_resumed_with_its_own_settings_only(tmp_path):
    store = Store(tmp_path)
    store.begin(SMALL)
    store.begin(dataclasses.replace(SMALL, timeout=7))
    with pytest.raises(SystemExit, match="profile was 'elementwise', not 'scan'"):
        store.begin(dataclasses.replace(SMALL, profile="scan"))
    with pytest.raises(SystemExit, match="knows no campaign 'other'; it has small"):
        store.example(Address("other", 0, 0))
    with pytest.raises(SystemExit, match="no campaign in"):
        Store(tmp_path / "nowhere", create=False)


def test_every_place_has_one_address():
    places = range(200)
    addresses = [SMALL.address(k) for k in places]
    assert len(set(addresses)) == 200
    assert [SMALL.index(a) for a in addresses] == list(places)
    assert {a.shard for a in addresses} == {0, 1}


def test_a_changed_tape_draws_a_valid_program_and_depends_on_the_address_alone():
    tape = Tape(1)
    drawn(tape)
    corpus = [(Address("small", 0, 0), tape.choices)]
    examples = [planned(SMALL, Address("small", 1, n), corpus) for n in range(40)]
    assert examples == [planned(SMALL, Address("small", 1, n), corpus) for n in range(40)]
    mutants = [e for e in examples if e.parent]
    assert 2 <= len(mutants) <= 20
    assert all(check(e.program("all")).ok for e in mutants[:4])
    assert Example.from_json(mutants[0].to_json()) == mutants[0]
    assert len({tuple(changed(tape.choices, random.Random(k))) for k in range(20)}) > 15


def test_a_campaign_has_one_coordinator_at_a_time(tmp_path):
    store, other = Store(tmp_path), Store(tmp_path)
    with store.alone("one"):
        with pytest.raises(SystemExit, match=r"campaign 'one' in .* is being run"), other.alone("one"):
            pass
        with other.alone("another/one"):
            pass
    with other.alone("one"):
        pass
