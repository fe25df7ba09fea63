"""The house rules that a machine can check: files, docstrings, flags, names."""

import ast
import re
from pathlib import Path

import pytest

from reference.config import FLAGS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for name in ("reference", "opencl_backend", "difftest") for p in (ROOT / name).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_a_family_that_says_what_it_owns(path):
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "a file opens with what it owns and what it must not know"
    assert len(text.splitlines()) <= 500, "a file that long is two families"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda f: f.name)
def test_a_flag_has_a_legal_default_and_a_meaning(flag):
    assert flag.accept(flag.default) == flag.default
    assert flag.doc
    # A flag that nothing reads does nothing.
    last = flag.name.rpartition(".")[2]
    accepted = "accepted for old programs" in flag.doc
    readers = [p for p in FILES if p.name != "config.py" and re.search(rf"\.{last}\b", p.read_text())]
    assert accepted or readers, f"no file reads config.{flag.name}"


def test_the_packages_are_typed():
    for name in ("reference", "opencl_backend", "difftest"):
        assert (ROOT / name / "py.typed").exists()


def test_public_functions_of_the_namespace_are_documented():
    import reference.tensor as T

    missing = [n for n in dir(T) if not n.startswith("_") and callable(getattr(T, n)) and not getattr(T, n).__doc__]
    assert not missing
