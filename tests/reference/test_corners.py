"""Corners of the public interface: short programs beside what real Theano 1.0.5 printed for them.

`corners/*.txt` hold the programs and Theano's answers; `corners/runner.py` runs them, there and here. Where this
package means something else, the file says what and why.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

CORNERS = Path(__file__).parent / "corners"
FILES = sorted(CORNERS.glob("*.txt"))
ROOT = CORNERS.parents[2]
DRIVER = """
import json, sys
import reference.as_theano, theano, runner
theano.config.backend, theano.config.print_dialect = sys.argv[1], "1.0"
runner.ancestry = lambda error: " ".join(c.__name__ for c in type(error).__mro__)
blocks = runner.blocks_of(open(sys.argv[2]).read())[1]
json.dump([runner.run(block, theano) for block in blocks], sys.stdout)
"""


def load_runner():
    spec = spec_from_file_location("corner_runner", CORNERS / "runner.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runner = load_runner()
BLOCKS = [(file, number, block) for file in FILES for number, block in enumerate(runner.blocks_of(file.read_text())[1])]


@cache
def shown(file: Path, backend: str) -> list[list[str]]:
    """What each block of the file shows through the alias, in a process of its own."""
    made = subprocess.run(
        [sys.executable, "-c", DRIVER, backend, str(file)],
        env={"PYTHONPATH": f"{ROOT}:{CORNERS}", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def agree(ours: str, theirs: str) -> bool:
    """The same text, or an exception that is one of that class."""
    if theirs.startswith("raises ") and ours.startswith("raises "):
        return theirs.split()[1] in ours.split()
    return ours == theirs


def all_agree(ours: list[str], theirs: list[str]) -> bool:
    return len(ours) == len(theirs) and all(map(agree, ours, theirs))


@pytest.mark.parametrize(
    ("file", "number", "block"), BLOCKS, ids=[f"{f.stem}-{b.title.replace(' ', '_')}" for f, _, b in BLOCKS]
)
def test_a_program_gives_what_theano_gives(file, number, block, backend):
    ours = shown(file, backend)[number]
    assert all_agree(ours, block.here or block.there), "\n".join([block.source, *ours])


@pytest.mark.backend("reference")
@pytest.mark.parametrize("block", [b for _, _, b in BLOCKS if b.here or b.differs], ids=lambda b: b.title)
def test_a_difference_is_one_and_is_documented(block):
    assert block.here and not all_agree(block.here, block.there)
    rows = (ROOT / "docs" / "differences.md").read_text().splitlines()
    assert any(row.startswith(f"| {block.differs} |") for row in rows), block.differs
