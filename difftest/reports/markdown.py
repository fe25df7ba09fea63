"""A report as Markdown: one table of findings, then each with its program, for an issue or a mail.

Owns the Markdown text. It must not know where the results came from.
"""

from __future__ import annotations

from collections.abc import Iterator

from difftest.reports.events import Finding, Results
from difftest.reports.words import day, many


def text(results: Results) -> str:
    """The whole report."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    summary = results.summary
    verdict = many(len(results.findings), "finding") if results.findings else "identical"
    yield f"# {results.title}: {verdict}"
    yield ""
    yield f"{summary.programs} programs, {summary.runs} runs in {', '.join(f'`{c}`' for c in summary.cells)}."
    yield ""
    yield "| health | |"
    yield "|---|---:|"
    for name, value in results.health().items():
        yield f"| {name} | {value:.4g} |" if isinstance(value, float) else f"| {name} | {value} |"
    yield ""
    if results.findings:
        yield "| # | seen | steps | kind | cell | culprit | first seen | last seen |"
        yield "|---:|---:|---:|---|---|---|---|---|"
        for number, f in enumerate(results.findings, 1):
            cells = (f.kind, f.cell, f.culprit or "?", day(f.first_seen), day(f.last_seen))
            yield f"| {number} | {f.count} | {f.size[0]} | {' | '.join(map(_cell, cells))} |"
        yield ""
    for number, f in enumerate(results.findings, 1):
        yield from _finding(number, f, results.replay)


def _finding(number: int, f: Finding, replay: str) -> Iterator[str]:
    yield f"## {number}. {f.culprit or f.kind}"
    yield ""
    yield _fenced(f.claim + (f"\nblame: {f.blame}" if f.blame else ""))
    if f.source:
        yield _fenced(f.source.rstrip(), "python")
    if f.address:
        yield f"First seen at `{f.address}`. Again: `{replay.replace('ADDRESS', f.address)}`"
        yield ""


def _fenced(text: str, language: str = "") -> str:
    """A block of text, in a fence longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
