"""The page of operations and functions is what the code says."""

from pathlib import Path

import pytest

pytest.importorskip("pyopencl")

from reference.catalog import page

DOCS = Path(__file__).resolve().parents[2] / "docs" / "ops.md"


def test_the_page_is_up_to_date():
    written = "run: python -m reference ops --markdown --backend opencl > docs/ops.md"
    assert DOCS.read_text() == page("opencl"), written


def test_everything_on_the_page_is_explained():
    empty = [line for line in page("opencl").splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert empty == [], "write docstrings"
