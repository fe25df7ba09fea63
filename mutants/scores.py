"""What the hunts came to, as text.

Owns the table by family, in Markdown, and the lists of survivors and of wrong blames.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from mutants.equivalent import EQUIVALENT
from mutants.mutant import FAMILIES, MUTANTS

Rows = Sequence[dict[str, Any]]


def line(row: dict[str, Any]) -> str:
    """One mutant, on one line."""
    if not row["killed"]:
        return f"SURVIVED {row['name']}: {row['programs']} programs, {row['seconds']} s"
    how = "blamed " if row["blamed"] else "killed "
    what = f"{row['kind']} in {row['cell']}, {row['culprit'] or 'nobody'}"
    return f"{how} {row['name']}: {what}; {row['seconds']} s, {row['programs']} programs, {row['steps']} steps"


def table(rows: Rows) -> str:
    """The table by family, then who survived and who was blamed wrongly."""
    lines = ["| family | mutants | killed | blamed right | median seconds | median steps |", "|---" * 6 + "|"]
    for family in FAMILIES:
        mine = [r for r in rows if r["family"] == family]
        if mine:
            lines.append(_score(family.replace("_", " "), mine))
    lines.append(_score("all", rows))
    survivors = [r["name"] for r in rows if not r["killed"]]
    if survivors:
        lines += ["", "Survivors:", ""]
        lines += [f"- {name}: {MUTANTS[name].wrong}{_argued(name)}" for name in survivors]
    wrong = [r for r in rows if r["killed"] and not r["blamed"]]
    if wrong:
        lines += ["", "Killed, and somebody else blamed, or nobody:", ""]
        lines += [f"- {r['name']}: {r['culprit'] or 'nobody'} ({r['kind']} in {r['cell'] or 'a crash'})" for r in wrong]
    return "\n".join(lines)


def _argued(name: str) -> str:
    return f" (equivalent: {EQUIVALENT[name]})" if name in EQUIVALENT else ""


def _score(family: str, rows: Rows) -> str:
    killed = [r for r in rows if r["killed"]]
    real = [r for r in rows if r["killed"] or r["name"] not in EQUIVALENT]
    blamed = sum(bool(r["blamed"]) for r in killed)
    steps = [r["steps"] for r in killed if r["steps"]]
    seconds = f"{median(r['seconds'] for r in killed):.1f}" if killed else "-"
    shrunk = f"{median(steps):g}" if steps else "-"
    share = f"{100 * len(killed) / len(real):.0f} %" if real else "-"
    right = f"{100 * blamed / len(killed):.0f} %" if killed else "-"
    return f"| {family} | {len(rows)} | {len(killed)} ({share}) | {blamed} ({right}) | {seconds} | {shrunk} |"
