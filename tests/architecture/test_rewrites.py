"""Every rewrite says what it does and what it promises; every file of rules is in the pipeline."""

from pathlib import Path

import pytest

import reference.rewriting.rules as rules
from reference.rewriting.engine import REGISTRY, Promise, Rewrite
from reference.rewriting.pipeline import FAMILIES, STAGES, load, table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("record", load(), ids=lambda r: r.name)
def test_rewrite_declares_itself(record: Rewrite):
    assert isinstance(record.promise, Promise)
    before, arrow, after = record.summary.partition(" -> ")
    assert arrow and before and after.endswith("."), f"{record.where}: write a docstring 'before -> after.'"
    assert record.stage in STAGES
    assert record.family in FAMILIES


def test_every_file_of_rules_is_in_the_pipeline():
    (folder,) = rules.__path__
    files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}
    assert files == set(FAMILIES)


def test_names_are_unique_and_no_name_is_a_stage_or_family():
    records = load()
    assert len({r.name for r in records}) == len(records) == len(REGISTRY)
    words = {*STAGES, *FAMILIES, *(p.name.lower() for p in Promise)}
    assert not words & {r.name for r in records}


def test_cheap_rewrites_are_exact():
    assert [r.name for r in load() if r.cheap and r.promise is not Promise.EXACT] == []


def test_the_documented_table_is_up_to_date():
    written = (ROOT / "docs" / "rewrites.md").read_text()
    assert written == table(), "run: python -m reference.rewriting > docs/rewrites.md"
