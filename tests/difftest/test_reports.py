"""Reports: JSON lines that can be read back, a page that stands alone, text that stays text."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from faulty import backend as faulty_backend
from faulty import is_row

from difftest import Cell
from difftest.__main__ import main
from difftest.campaigns.store import Store
from difftest.program import Array, Input, Program, Step
from difftest.reports import events, html, markdown, terminal
from difftest.reports.events import SCHEMA, Finding, Results
from difftest.session import Address, Session, Summary

EVIL = "<script>alert('&')</script>"
PROGRAM = Program(
    inputs=(Input("x0", (False,), Array(np.array([1.5, -2.0]))),),
    steps=(Step("exp", ("x0",), {}, ("v0",)), Step("neg", ("v0",), {}, ("v1",))),
    outputs=("v1",),
)


def twist(node, results):
    return tuple(r * 2 for r in results) if is_row(node, "neg") else results


@pytest.fixture(scope="module")
def shown():
    """The results of a session that found something, and beside it a finding that is all markup."""
    with faulty_backend("twice", twist) as twice:
        session = Session([Cell("UNOPTIMIZED", twice), Cell("FAST_RUN", twice)])
        session.check(PROGRAM, Address("nightly", 3, 1))
        results = Results.of(f"session {EVIL}", session.summary, "python -m difftest replay ADDRESS")
    evil = Finding("crash", "FAST_RUN/twice", EVIL, ("", EVIL), f"{EVIL} ``` |\n{EVIL}", source=f"# {EVIL}\n```\n")
    evil.evidence.update(log=[EVIL], before=EVIL, after="", rewrite=dict.fromkeys(REWRITE, EVIL))  # type: ignore
    results.summary.counts["fate", EVIL] += 1
    return Results(results.title, results.summary, (*results.findings, evil), replay=results.replay)


REWRITE = ("name", "promise", "means", "where", "summary", "number", "of", "at", "line")


def test_a_finding_holds_the_evidence(shown):
    first = shown.findings[0]
    assert first.address == "nightly:3:1" and first.kind == "bits" and first.size[0] == 1
    elements = first.evidence["elements"]
    assert elements["of"] == first.output
    assert elements["cells"] == ["UNOPTIMIZED/reference", "UNOPTIMIZED/twice", "FAST_RUN/twice"]
    assert all(row["wrong"] == [1, 2] for row in elements["rows"])
    row = elements["rows"][0]
    assert float(row["values"][1]) == 2 * float(row["values"][0])
    assert row["low"] == row["high"] == row["values"][0]
    assert "NumPy" in first.evidence["versions"]
    assert first.repro.program.to_source() == first.source


def test_a_guilty_rewrite_is_shown_with_the_graph_before_and_after_it():
    from reference.rewriting import engine

    known = dict(engine.REGISTRY)

    def exp_is_expm1(fgraph, node):
        """exp(x) -> expm1(x)"""
        from reference import tensor as T

        return [T.expm1(*node.inputs)]

    try:
        engine.rewrite(engine.Promise.REAL, on="exp", stage="specialize")(exp_is_expm1)
        session = Session([Cell("FAST_RUN")])
        session.check(PROGRAM, Address("nightly", 3, 1))
        found = Results.of("session", session.summary).findings[0]
    finally:
        engine.REGISTRY.clear()
        engine.REGISTRY.update(known)
    assert found.culprit == "rewrite exp_is_expm1"
    evidence = found.evidence
    assert evidence["rewrite"]["promise"] == "REAL" and evidence["rewrite"]["summary"] == "exp(x) -> expm1(x)"
    assert "exp," in evidence["before"] and "expm1," in evidence["after"]
    assert any("exp_is_expm1" in line for line in evidence["log"])
    text = html.page(Results("session", Summary(), (found,)))
    assert "class='minus'" in text and "class='plus'" in text and "The guilty application" in text


def test_json_lines_are_versioned_and_can_be_read_back(shown):
    lines = list(events.lines(shown))
    forms = [json.loads(line) for line in lines]
    assert [f["event"] for f in forms] == ["finding", "finding", "summary"]
    assert all(f["schema"] == SCHEMA for f in forms)
    again = events.read(lines)
    assert again.findings == shown.findings and again.summary.counts == shown.summary.counts
    assert list(events.lines(again)) == lines
    assert html.page(again) == html.page(shown) and markdown.text(again) == markdown.text(shown)
    with pytest.raises(ValueError, match="this version reads up to"):
        events.read([json.dumps({**forms[-1], "schema": SCHEMA + 1})])
    newer = [json.dumps({**f, "a new field": 1}) for f in forms]
    assert events.read(newer).findings == shown.findings


class Page(HTMLParser):
    """Checks that elements are closed in order and that nothing comes from outside."""

    VOID = {"meta", "rect"}

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], set(), set()

    def handle_startendtag(self, tag, attributes):
        self.look(attributes)

    def handle_starttag(self, tag, attributes):
        self.look(attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def look(self, attributes):
        given = dict(attributes)
        assert not {"src", "srcset", "action", "data"} & set(given)
        assert not any(name.startswith("on") for name in given)
        self.ids.add(given.get("id"))
        if "href" in given:
            assert given["href"].startswith("#")
            self.links.add(given["href"][1:])


def test_the_page_stands_alone_and_is_well_formed(shown):
    text = html.page(shown)
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == [] and page.links <= page.ids and {"f1", "f2"} <= page.links
    assert "http" not in text and "@import" not in text and "url(" not in text
    assert "prefers-color-scheme: dark" in text


def test_what_programs_say_stays_text(shown):
    text = html.page(shown)
    assert "alert('&')" not in text and text.count("<script>") == 1
    assert "&lt;script&gt;" in text
    assert "````" in markdown.text(shown), "a fence is longer than any fence inside"


def test_a_screen_says_what_was_found_and_how_to_run_it_again(shown):
    text = terminal.screens(shown)
    for part in ("programs", "findings  2", "python -m difftest replay nightly:3:1", shown.findings[0].claim):
        assert part in text
    assert terminal.screens(Results("t", Summary())).endswith("none: identical")


def test_the_commands_write_every_report(tmp_path, capsys):
    paths = {form: tmp_path / form for form in ("html", "markdown", "jsonl")}
    asked = [text for form, path in paths.items() for text in (f"--{form}", str(path))]
    brief = ["--examples", "3", "--workers", "1", "--backend", "reference", "--profile", "elementwise"]
    assert main([*brief, *asked]) == 0
    first = {form: path.read_text() for form, path in paths.items()}
    assert main(["report", str(paths["jsonl"]), *asked]) == 0
    assert {form: path.read_text() for form, path in paths.items()} == first
    assert "identical" in first["markdown"]
    db = tmp_path / "db"
    quick = ["--examples", "2", "--workers", "1", "--backend", "reference", "--profile", "elementwise"]
    assert main(["campaign", "brief", "--db", str(db), *quick]) == 0
    assert main(["report", str(db), "--jsonl", str(paths["jsonl"])]) == 0
    summary = json.loads(paths["jsonl"].read_text().splitlines()[-1])
    assert summary["programs"] == 2 and summary["title"] == "campaign brief"
    assert Store(db).names() == ["brief"]
    capsys.readouterr()
