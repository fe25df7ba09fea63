"""The feature table: every name is there, every row is tested or says why not, every place that it names exists."""

import re
from pathlib import Path

import features
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"


@pytest.mark.parametrize("row", [r for r in features.ROWS if r.names], ids=lambda r: r.feature.replace(" ", "_"))
def test_every_name_is_there_and_spoken_of_by_a_test(row):
    assert [n for n in row.names.split() if not features.resolves(n)] == []
    assert features.tested(row)[3] == [], "no test and no drawn step speaks of these"


@pytest.mark.parametrize("row", [r for r in features.ROWS if not r.names], ids=lambda r: r.feature.replace(" ", "_"))
def test_what_is_missing_says_why(row):
    assert ":" in row.missing


def test_the_page_has_every_row_and_what_it_points_to_is_there():
    page = PAGE.read_text()
    again = "run: PYTHONPATH=. python tests/architecture/features.py > docs/features.md"
    written = [tuple(c.strip() for c in line.split("|")[1:4]) for line in page.splitlines() if line.startswith("|")]
    for row in features.ROWS:
        names = " ".join(f"`{n}`" for n in row.names.split())
        assert (row.rank, row.feature, names) in written, again
    there = {p.name for p in features.places()}
    named = re.findall(r"`(test_[^`]*|corners/[^`]+: [^`]*)`", page)
    assert named and [n for n in named if n not in there] == [], again
    drawn = {k for line in page.splitlines() if line.startswith("|") for k in line.split("|")[5].split(", ")}
    steps = {s for cell in drawn for s in re.findall(r"^ ?(\w+) ?$", cell)} - {"drawn"}
    assert steps <= set(features.steps()), again
