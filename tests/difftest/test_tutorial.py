"""docs/testing_your_backend.md does what it says."""

import re
import sys
import types
from pathlib import Path

import pytest

from reference.rewriting.engine import REGISTRY

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing_your_backend.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """The names that the page's code leaves behind; its backend and its rewrite are gone afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("difftest.seeds.SEEDS", ())
    mine = types.ModuleType("mine_backend")
    exec(BLOCKS[0], mine.__dict__)
    monkeypatch.setitem(sys.modules, "mine_backend", mine)
    before = dict(REGISTRY)
    yield {"__name__": "mine"}
    REGISTRY.clear()
    REGISTRY.update(before)


def test_the_wrong_backend_is_found_by_name(names, tmp_path):
    exec(BLOCKS[1], names)
    (found,) = names["summary"].findings
    assert len(found.program.steps) == 1
    assert found.failure.culprit == "kernel int_div" and "mine" in str(found.failure)
    assert [path.suffix for path in (tmp_path / "repros").iterdir()] == [".py"]


def test_the_test_of_ones_own_passes_or_fails_with_the_backend(names):
    exec(BLOCKS[2], names)
    names["test_mine"]()


def test_the_wrong_rewrite_is_found_by_name(names):
    exec(BLOCKS[3], names)
    exec(BLOCKS[1].splitlines()[0], names)
    exec(BLOCKS[4], names)
    (found,) = names["summary"].findings
    assert found.failure.culprit == "rewrite square_by_absolute_value"
    assert len(found.program.steps) == 1
