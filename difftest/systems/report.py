"""What was found in other systems, as Markdown.

Owns the page: what was run, what could not be, what is known, and each finding with its smallest program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from difftest.systems.session import Finding, Session

MEANINGS = {
    "optimizer": "its optimizer changes a finite value",
    "optimizer error": "its optimizer makes a valid program raise",
    "unoptimized": "wrong as written, right when optimized",
    "semantics": "both of its modes differ from us",
    "special": "its optimizer changes what infinities or NaN lead to",
    "dtype": "another dtype or rank",
    "pattern": "another static broadcast pattern",
    "text": "its graph prints otherwise",
    "refusal": "it refuses the program",
    "crash": "the process died",
    "timeout": "no answer",
}

TABLES = {
    "patterns": "Static broadcast patterns", "texts": "Texts", "not supported": "Not supported",
    "known": "Known differences",
}  # fmt: skip


def page(sessions: Iterable[Session]) -> str:
    """All of it."""
    parts = ["# Findings in other systems", ""]
    for session in sessions:
        parts += section(session)
    return "\n".join(parts) + "\n"


def section(session: Session) -> list[str]:
    programs = _rows(session.counts, "programs")
    elements = _rows(session.counts, "elements")
    versions = ", ".join(f"{k} {v}" for k, v in session.system.worker.versions.items())
    speed = programs["compared"] / session.judging if session.judging else 0.0
    lines = [f"## {session.system.name} ({versions})", ""]
    lines.append(f"{session.programs} programs in {session.seconds:.0f} s: {_told(programs)}.")
    lines.append(f"Without making findings small: {speed:.1f} compared a second.")
    lines.append(f"Elements: {_told(elements)}.")
    for table, title in TABLES.items():
        rows = _rows(session.counts, table)
        if rows:
            lines.append(f"{title}: {_told(rows)}.")
    for finding in sorted(session.findings, key=lambda f: list(MEANINGS).index(f.failure.kind)):
        lines += ["", *told(finding)]
    return [*lines, ""]


def told(finding: Finding) -> list[str]:
    """One finding."""
    kind = finding.failure.kind
    program = [line for line in finding.program.to_source().splitlines() if line and "import" not in line]
    lines = [f"### {finding.signature}", "", f"{MEANINGS[kind]}; seen {finding.times} times, seed {finding.seed}."]
    return [*lines, "", "```python", *program, "```", "", f"    {finding.failure.message}"]


def _rows(counts: Counter[tuple[str, str]], table: str) -> Counter[str]:
    return Counter({row: n for (name, row), n in counts.items() if name == table})


def _told(rows: Counter[str]) -> str:
    return ", ".join(f"{n} {row}" for row, n in rows.most_common()) or "none"
