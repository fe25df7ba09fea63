"""A report as one self-contained page: what was found, what each finding rests on, and how healthy the search was.

Owns the structure of the page; `style` owns its looks. Everything that comes from programs is escaped. It must
not know where the results came from.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from textwrap import shorten
from typing import Any

from difftest.reports.events import Finding, Results, never_fired, not_lowered
from difftest.reports.style import SCRIPT, STYLE
from difftest.reports.words import day, duration, many

ELEMENTS = ("identical", "bounded", "vacuous", "uncertain")
"""What may be said of an element, best first."""


def page(results: Results) -> str:
    """The whole page."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(results.title)}: {_verdict(results)}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main id='top'>",
            *_head(results),
            *_index(results),
            *(line for n, f in enumerate(results.findings, 1) for line in _finding(n, f, results.replay)),
            *_health(results),
            f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _verdict(results: Results) -> str:
    return many(len(results.findings), "finding") if results.findings else "identical"


def _head(results: Results) -> Iterator[str]:
    summary, health = results.summary, results.health()
    colour = "bad" if results.findings else "good"
    yield f"<h1>{escape(results.title)}: <span class='verdict {colour}'>{_verdict(results)}</span></h1>"
    cells = ", ".join(f"<code>{escape(str(cell))}</code>" for cell in summary.cells)
    yield f"<p class='quiet'>Every program ran in {cells}.</p>"
    numbers = [
        (f"{summary.programs:,}", "programs"),
        (f"{health['programs a second']:.1f}", "programs a second"),
        (duration(summary.seconds), f"in {many(len(results.sittings) or 1, 'sitting')}"),
        (f"{summary.runs:,}", "runs"),
        (f"{health['rewrite applications a program']:.1f}", "rewrite applications a program"),
        (f"{results.covered:,}", "contexts reached") if results.covered else ("0 %", "discarded"),
        (f"{health['vacuous %']:.2g} %", "of elements vacuous"),
        (f"{health['uncertain %']:.2g} %", "of elements uncertain"),
    ]
    yield "<div class='numbers'>"
    yield from (f"<div><b>{value}</b><span>{name}</span></div>" for value, name in numbers)
    yield "</div>"


def _index(results: Results) -> Iterator[str]:
    if not results.findings:
        return
    yield "<h2 id='findings'>Findings</h2>"
    yield "<p class='quiet keys'><kbd>j</kbd> next, <kbd>k</kbd> previous, <kbd>t</kbd> top</p>"
    rows = []
    for number, f in enumerate(results.findings, 1):
        who = f"<a href='#f{number}'>{escape(f.culprit or shorten(f.message, 80, placeholder=' …'))}</a>"
        gone = f" <span class='good'>gone with {escape(f.gone)}</span>" if f.gone else ""
        rows.append(
            [
                ("n", str(number)),
                ("", who + gone),
                ("t", f"<span class='kind'>{escape(f.kind)}</span>"),
                ("t", f"<code>{escape(f.cell)}</code>"),
                ("n", f"{f.count:,}"),
                ("n", str(f.size[0])),
                ("t", day(f.first_seen)),
                ("t", day(f.last_seen)),
            ]
        )
    heads = (("n", "#"), ("", "culprit"), ("", "kind"), ("", "cell"), ("n", "seen"), ("n", "steps"))
    yield _table([*heads, ("", "first seen (UTC)"), ("", "last seen")], rows, "findings")


def _table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[tuple[str, str]]], label: str) -> str:
    """A table that scrolls inside itself; every cell comes with its class and is already escaped."""
    head = "".join(f"<th class='{c}'>{t}</th>" if c else f"<th>{t}</th>" for c, t in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td class='{c}'>{t}</td>" if c else f"<td>{t}</td>" for c, t in row) + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(label)}'><table>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _finding(number: int, f: Finding, replay: str) -> Iterator[str]:
    yield f"<section class='finding{' gone' * bool(f.gone)}' id='f{number}'>"
    yield "<a class='up' href='#top'>top</a>"
    yield f"<h2>{number}. {escape(f.culprit or 'nobody is blamed yet')}</h2>"
    yield f"<p class='claim'><span class='kind'>{escape(f.kind)}</span> {escape(f.claim.partition(': ')[2])}</p>"
    yield "<p class='facts'>"
    facts = [f"seen {many(f.count, 'time')}"]
    facts += [f"first {day(f.first_seen)}", f"last {day(f.last_seen)}"] if f.first_seen else []
    facts += [many(f.size[0], "step")] if f.source else []
    facts += [escape(str(f.evidence["versions"]))] if "versions" in f.evidence else []
    yield " ".join(f"<span>{fact}</span>" for fact in facts)
    yield "</p>"
    if f.source:
        yield "<h3>Smallest program</h3>"
        yield _code(f.source.rstrip())
    yield from _elements(f.evidence.get("elements"))
    yield from _rewrite(f.evidence)
    said = f.message if "\n" in f.message else ""
    for title, text in (("What was said", said), ("Who is to blame, and why", f.blame)):
        if text:
            yield f"<h3>{title}</h3>"
            yield _code(text, "wrap")
    if f.evidence.get("log"):
        yield f"<details><summary>The log of rewrites: {len(f.evidence['log'])}</summary>"
        yield _code("\n".join(f.evidence["log"])) + "</details>"
    if f.address:
        yield "<h3>Run it again</h3>"
        yield _code(f"{replay.replace('ADDRESS', f.address)}    # as it was drawn, before it was made small")
    yield "</section>"


def _code(text: str, style: str = "") -> str:
    looks = f" class='{style}'" if style else ""
    return f"<pre{looks} tabindex='0'>{escape(text)}</pre>"


def _elements(shown: Mapping[str, Any] | None) -> Iterator[str]:
    """The wrong output, an element a row."""
    if not shown or not shown["rows"]:
        return
    yield f"<h3>{escape(shown['of'])}, {escape(shown['type'])}, element by element</h3>"
    first = shown["rows"][0]
    left, right = ([name for name in names if name in first] for names in (("low", "high"), ("shadow", "error")))
    titles = {"low": "least right", "high": "largest right", "shadow": "shadow", "error": "± error"}
    cells = [("n", escape(name)) for name in shown["cells"]]
    heads = [("", "index"), *(("n", titles[n]) for n in left), *cells, *(("n", titles[n]) for n in right)]
    rows = [
        [
            ("v", escape(str(row["index"]).strip("[]")) or "()"),
            *(("n v", escape(row.get(n, ""))) for n in left),
            *(("n v wrong" if k in row["wrong"] else "n v", escape(value)) for k, value in enumerate(row["values"])),
            *(("n v", escape(row.get(n, ""))) for n in right),
        ]
        for row in shown["rows"]
    ]
    yield _table(heads, rows, "elements")
    if shown["left_out"]:
        yield f"<p class='quiet'>and {shown['left_out']} more</p>"


def _rewrite(evidence: Mapping[str, Any]) -> Iterator[str]:
    """The guilty application: both sides of it, and the whole graph around it."""
    r = evidence.get("rewrite")
    if not r:
        return
    yield f"<h3>The guilty application: {escape(str(r['number']))} of {escape(str(r['of']))}</h3>"
    yield (
        f"<p><code>{escape(r['name'])}</code> ({escape(r['where'])}) promises <b>{escape(r['promise'])}</b>: "
        f"{escape(r['means'])}. <span class='quiet'>{escape(r['summary'])}</span></p>"
    )
    if r["at"]:
        yield f"<p class='quiet'>at <code>{escape(r['at'])}</code> {escape(r['line'])}</p>"
    if "sides" in evidence:
        yield "<div class='sides'>"
        for title, text in zip(("replaced", "by"), evidence["sides"]):
            yield f"<div><h3>{title}</h3>{_code(text.rstrip())}</div>"
        yield "</div>"
    if "before" in evidence:
        yield "<h3>The whole graph, before and after it</h3>"
        yield _diff(evidence["before"], evidence["after"])


_NUMBERED = re.compile(r"\[@\w+\]| +\d+$")
"""Labels and places in the order of execution, which change with every node."""


def _diff(before: str, after: str) -> str:
    """Two prints as one: lines that differ in labels alone are shown as they were after."""
    old, new = before.splitlines(), after.splitlines()
    plain_old, plain_new = ([_NUMBERED.sub("", line) for line in lines] for lines in (old, new))
    lines = []
    for what, i, j, m, n in difflib.SequenceMatcher(None, plain_old, plain_new, autojunk=False).get_opcodes():
        if what == "equal":
            lines += [f"<span>  {escape(line)}</span>" for line in new[m:n]]
        else:
            lines += [f"<span class='minus'>- {escape(line)}</span>" for line in old[i:j]]
            lines += [f"<span class='plus'>+ {escape(line)}</span>" for line in new[m:n]]
    return f"<pre class='diff' tabindex='0'>{''.join(lines)}</pre>"


def _health(results: Results) -> Iterator[str]:
    summary = results.summary
    elements = summary.of("elements")
    yield "<h2 id='health'>How it was searched</h2>"
    yield "<h3>Elements compared</h3>"
    yield _share([(name, elements[name]) for name in ELEMENTS])
    yield "<div class='charts'>"
    for title, table, most in (
        ("Rewrites, by applications", "rewrite", 15),
        ("Steps, by family", "family", 15),
        ("What became of examples", "fate", 6),
        ("How programs were drawn", "drawn", 4),
        ("Forms of steps", "form", 15),
        ("Judges, by cases heard", "judge", 15),
        ("Relations tried", "relation", 15),
        ("Dtypes of inputs", "dtype", 14),
        ("Ranks of inputs", "rank", 6),
    ):
        rows = sorted(summary.of(table).items(), key=lambda row: (-row[1], row[0]))
        if rows:
            yield f"<div><h3>{title}</h3>{_bars(rows[:most])}{_more(rows[most:])}</div>"
    if len(results.sittings) > 1:
        rows = [(day(began), programs) for began, _, programs, _ in results.sittings[-20:]]
        yield f"<div><h3>Programs a sitting</h3>{_bars(rows)}</div>"
    yield "</div>"
    never = (("Rewrites never fired", never_fired(summary)), ("Steps never drawn", summary.never_drawn()))
    uncompared = [f"{name} ({n})" for name, n in summary.of("uncompared").most_common()]
    lowered = [f"{name} ({n})" for name, n in not_lowered(summary).most_common()]
    for title, names in (*never, ("Operations without a bound", uncompared), ("Not lowered", lowered)):
        if names:
            listed = ", ".join(f"<code>{escape(name)}</code>" for name in names)
            yield f"<details><summary>{title}: {len(names)}</summary><p>{listed}</p></details>"


def _more(rows: Sequence[tuple[str, int]]) -> str:
    return f"<p class='quiet'>and {len(rows)} more</p>" if rows else ""


def _bars(rows: Sequence[tuple[str, int]]) -> str:
    most = max(n for _, n in rows) or 1
    return "".join(
        f"<div class='row'><span title='{escape(name)}'>{escape(name)}</span>"
        f"<svg viewBox='0 0 100 10' preserveAspectRatio='none' aria-hidden='true'>"
        f"<rect width='{max(100 * n / most, 0.4):.1f}' height='10'/></svg><span>{n:,}</span></div>"
        for name, n in rows
    )


def _share(rows: Sequence[tuple[str, int]]) -> str:
    """One bar, divided."""
    total = sum(n for _, n in rows) or 1
    parts, key, left = [], [], 0.0
    for k, (name, n) in enumerate(rows):
        width = 100 * n / total
        parts.append(f"<rect class='c{k}' x='{left:.3f}' width='{width:.3f}' height='10'/>")
        key.append(f"<span><i class='c{k}'></i>{escape(name)} {n:,} ({width:.2g} %)</span>")
        left += width
    bar = "".join(parts)
    return (
        f"<svg class='share' viewBox='0 0 100 10' preserveAspectRatio='none' aria-hidden='true'>{bar}</svg>"
        f"<p class='key'>{''.join(key)}</p>"
    )
