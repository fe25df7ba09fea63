"""Every mutant finds its place, compiles, and says what is wrong; every rule and kernel file has one."""

from pathlib import Path

import pytest

from mutants import scores
from mutants.equivalent import EQUIVALENT
from mutants.mutant import FAMILIES, MUTANTS, ROOT, load

load()


def files(folder: str) -> list[str]:
    return [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / folder).glob("*.py")) if p.stem != "__init__"]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_a_patch_that_compiles(name):
    mutant = MUTANTS[name]
    source = (ROOT / mutant.file).read_text()
    patched = mutant.patched(source)
    assert patched != source
    compile(patched, mutant.file, "exec")
    assert mutant.wrong and mutant.blames and mutant.origin
    assert mutant.family in FAMILIES


def test_there_are_enough():
    assert len(MUTANTS) >= 130
    assert {m.family for m in MUTANTS.values()} == set(FAMILIES)
    assert sum(m.origin != "own" for m in MUTANTS.values()) >= 30


@pytest.mark.parametrize(
    "file",
    [
        *files("reference/rewriting/rules"),
        *files("reference/scan"),
        *files("opencl_backend/lower"),
        *files("opencl_backend/kernels"),
    ],
)
def test_a_file_where_much_can_go_wrong_has_a_mutant(file):
    assert any(m.file == file for m in MUTANTS.values()), f"write a mutant of {file}"


def test_an_argument_is_about_a_mutant():
    assert set(EQUIVALENT) <= set(MUTANTS)
    assert all(EQUIVALENT.values())


def test_files_of_mutants_are_the_families():
    others = {"__init__", "__main__", "apply", "equivalent", "hunt", "mutant", "scores"}
    assert {p.stem for p in Path(ROOT / "mutants").glob("*.py")} - others == set(FAMILIES)


def test_the_table_counts_kills_and_blames():
    first, second = list(MUTANTS.values())[:2]
    killed = {"name": first.name, "family": first.family, "killed": True, "blamed": True, "seconds": 2.0, "steps": 1}
    alive = {"name": second.name, "family": second.family, "killed": False, "seconds": 60.0, "steps": 0}
    text = scores.table([killed, alive])
    assert "| rewrites | 2 | 1 (50 %) | 1 (100 %) | 2.0 | 1 |" in text
    assert f"- {second.name}: {second.wrong}" in text
