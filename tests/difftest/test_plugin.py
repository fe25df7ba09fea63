"""The pytest plugin: which backends a run uses, and what it says when one is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from difftest.plugin import backends_of, devices, trouble_with

ROOT = Path(__file__).parents[2]


def test_the_reference_always_works():
    assert trouble_with("reference") == ""
    assert backends_of(["reference"]) == ["reference"]
    assert devices("reference").startswith("NumPy")


def test_all_is_every_backend_that_works():
    assert "reference" in backends_of(["all"])
    assert backends_of(["all", "reference"]) == backends_of(["all"])


def test_a_backend_that_was_asked_for_must_work():
    with pytest.raises(SystemExit, match="backend nowhere: ModuleNotFoundError"):
        backends_of(["nowhere"])


def run(folder, text, *options):
    (folder / "test_it.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "difftest.plugin", "-p", "no:cacheprovider", "-v", *options],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
        timeout=120,
    )


TEST = "def test_it(backend):\n    assert backend == 'reference'\n"


def test_a_test_with_the_fixture_runs_on_the_chosen_backend(tmp_path):
    result = run(tmp_path, TEST, "--backend", "reference")
    assert "test_it[reference] PASSED" in result.stdout
    assert "backends: reference (NumPy" in result.stdout


def test_an_unknown_backend_fails_the_run(tmp_path):
    result = run(tmp_path, TEST, "--backend", "nowhere")
    assert result.returncode != 0
    assert "backend nowhere" in result.stdout + result.stderr


def test_a_marker_names_the_only_backend(tmp_path):
    marked = "import pytest\n@pytest.mark.backend('elsewhere')\n" + TEST
    result = run(tmp_path, marked, "--backend", "reference", "--strict-markers")
    assert "SKIPPED" in result.stdout
