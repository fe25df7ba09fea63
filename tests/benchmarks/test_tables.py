"""The tables of speeds: rows have limits, plots show every point, pages take what was measured. Nothing is timed."""

import sys
from xml.etree import ElementTree

import limits
import plot
import pytest
import tables
from side_by_side import Column, medians

SVG = "{http://www.w3.org/2000/svg}"
SERVING = """\
import sys
sys.path.insert(0, sys.argv[1])
from side_by_side import serve

def missing():
    raise NotImplementedError

serve({"table": {"row": lambda: lambda: None, "missing": missing}}, "1.2")
"""


def test_every_row_has_its_least_work():
    rows = [f"{table}/{row}" for table, found in tables.names().items() for row in found]
    assert sorted(rows) == sorted(limits.work())
    assert all(work.operations > 0 and work.bytes > 0 for work in limits.work().values())


def test_a_limit_is_the_longer_of_a_copy_and_the_arithmetic():
    found = {"copy": 3.0, "shared copy": 2.0, "threads 1": 2.0, "threads 2": 1.0}
    assert limits.limit(limits.Work(2.0**30, 8), found) == (2.0, "memory")
    assert limits.limit(limits.Work(8 * 2.0**30, 8), found) == (4.0, "arithmetic")


def test_a_process_answers_for_its_rows(tmp_path):
    script = tmp_path / "serving.py"
    script.write_text(SERVING)
    server = Column("one", (sys.executable, str(script), str(tables.HERE))).start()
    assert server.version == "1.2"
    assert server.ask("first", "table/missing") is None
    assert server.ask("first", "table/row") >= 0
    assert server.column("table/row")() >= 0
    server.close()


def test_rounds_are_interleaved():
    asked = []
    columns = {name: lambda name=name: asked.append(name) or 0.0 for name in "ab"}
    assert medians(columns, 4) == {"a": 0.0, "b": 0.0}
    assert "".join(asked) == "aaabbb" + "ab" * 4


def test_curves_show_every_point():
    svg = plot.curves("cost & size", "n", "ms", {"one": [(10, 1.5), (1000, 30)], "two": [(10, 0.2)]})
    page = ElementTree.fromstring(svg)
    assert len(page.findall(f"{SVG}circle")) == 3
    width, height = float(page.get("width")), float(page.get("height"))
    assert all(0 < float(c.get("cx")) < width and 0 < float(c.get("cy")) < height for c in page.findall(f"{SVG}circle"))
    assert {"cost & size", "10", "1000", "one", "two"} <= {t.text for t in page.findall(f"{SVG}text")}


def test_ratios_have_a_line_a_row_and_a_dot_a_name():
    svg = plot.ratios("ratios", {"first": {"one": 0.3, "two": 7.0}, "second": {"one": 1.0}, "alone": {}})
    page = ElementTree.fromstring(svg)
    assert len(page.findall(f"{SVG}circle")) == 3
    assert {"first", "second", "alone", "0.2", "1", "10"} <= {t.text for t in page.findall(f"{SVG}text")}


@pytest.mark.parametrize("low, high, ticks", [(0.3, 7, [0.2, 0.5, 1, 2, 5, 10]), (1, 1, [1, 2])])
def test_ticks_lie_around_what_is_shown(low, high, ticks):
    assert plot.ladder(low, high) == pytest.approx(ticks)


def test_a_page_takes_what_was_measured():
    page = "before\n<!-- measured: a -->\nold\n<!-- end of a -->\nafter\n"
    assert tables.replaced(page, "a", "new \\1\n") == page.replace("old", "new \\1")
    with pytest.raises(ValueError, match="0 places for b"):
        tables.replaced(page, "b", "new")


def test_the_page_has_a_place_for_every_part():
    page = (tables.DOCS / "benchmarks.md").read_text()
    for part in tables.PARTS:
        tables.replaced(page, part, "")


@pytest.mark.parametrize("value, text", [(0.001234, "0.00123"), (12.34, "12.3"), (1234.5, "1234"), (5.0, "5.00")])
def test_figures_have_three_digits(value, text):
    assert tables.figure(value) == text
