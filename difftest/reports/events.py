"""What a report is made from, whoever made it: findings and one summary, as JSON lines.

Owns `Finding`, `Results` and the schema of ``--jsonl`` (docs/campaigns.md): one event a line, each with its `schema`
number; new fields may come, a change of meaning raises the number. It must not know how anything is shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from difftest.case import Counts, Failure
from difftest.cells import Cell
from difftest.program import Program
from difftest.repro import Repro
from difftest.session import Summary

SCHEMA = 1


@dataclass(frozen=True)
class Finding:
    """One bug as it will be shown: all text and numbers, nothing that has to be run again.

    `source` is empty where there is no program. `first_seen` and `last_seen` are Unix times; `gone` names the code with
    which the program fails no more. `evidence` is what `reports.evidence` found out.
    """

    kind: str
    cell: str
    culprit: str
    signature: tuple[str, ...]
    message: str
    blame: str = ""
    output: str = ""
    call: int = 0
    address: str = ""
    source: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The `Repro` as JSON."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    first_seen: float = 0.0
    last_seen: float = 0.0
    gone: str = ""

    @classmethod
    def of(cls, repro: Repro, evidence: Mapping[str, Any]) -> Finding:
        failure, program = repro.failure, repro.program
        return cls(
            failure.kind,
            str(failure.cell),
            failure.culprit,
            tuple(failure.signature),
            failure.message,
            failure.blame,
            failure.output,
            failure.call,
            repro.address,
            program.to_source() if program.outputs or program.updates else "",
            json.loads(repro.to_json()),
            evidence,
        )

    @property
    def repro(self) -> Repro:
        """The finding as a program and its failure."""
        if self.data:
            return Repro.from_json(json.dumps(self.data))
        failure = Failure(self.kind, Cell.parse(self.cell), self.message, culprit=self.culprit, blame=self.blame)
        return Repro(Program(), failure, self.address)

    @property
    def claim(self) -> str:
        """One sentence: what is wrong, where, and who did it."""
        where = f"{self.output} in {self.cell}" if self.output else self.cell
        by = f", by {self.culprit}" if self.culprit else ""
        return f"{self.kind}: {where}{by}: {self.message.partition(chr(10))[0]}"

    @property
    def size(self) -> tuple[int, int]:
        """How large its program is: steps, letters."""
        return len(self.data["program"]["steps"]) if self.data else 0, len(self.source)

    def to_json(self) -> dict[str, Any]:
        form = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"event": "finding", "schema": SCHEMA, **form, "signature": list(self.signature)}

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Finding:
        known = {f.name: form[f.name] for f in fields(cls) if f.name in form}
        return cls(**{**known, "signature": tuple(known["signature"])})


@dataclass(frozen=True)
class Results:
    """All that one report shows. `sittings` are (began, seconds, programs, workers) of each time a campaign ran."""

    title: str
    summary: Summary
    findings: tuple[Finding, ...] = ()
    sittings: Sequence[tuple[float, float, int, int]] = ()
    covered: int = 0
    corpus: int = 0
    replay: str = ""
    """The command that runs one example again, but for its address."""

    @classmethod
    def of(cls, title: str, summary: Summary, replay: str = "") -> Results:
        """The results of one session in this process."""
        from difftest.reports.evidence import evidence

        found = tuple(Finding.of(r, evidence(r, summary.cells)) for r in summary.findings)
        return cls(title, summary, found, replay=replay)

    def health(self) -> dict[str, float]:
        """The numbers that tell whether a campaign is worth its electricity."""
        summary = self.summary
        elements, fired = summary.of("elements"), summary.of("rewrite")
        looked_at = max(sum(elements.values()), 1)
        return {
            "programs a second": summary.programs / max(summary.seconds, 1e-9),
            "discarded": 0.0,
            "vacuous %": 100 * elements["vacuous"] / looked_at,
            "uncertain %": 100 * elements["uncertain"] / looked_at,
            "rewrite applications a program": sum(fired.values()) / max(summary.programs, 1),
            "rewrites never fired": len(never_fired(summary)),
            "steps never drawn": len(summary.never_drawn()),
            "rewrite and operation contexts reached": self.covered,
            "programs that reached one first": self.corpus,
            "unique signatures": len(self.findings),
        }

    def to_json(self) -> dict[str, Any]:
        tables: dict[str, dict[str, int]] = {}
        for (table, row), times in sorted(self.summary.counts.items()):
            tables.setdefault(table, {})[row] = times
        return {
            "event": "summary",
            "schema": SCHEMA,
            "title": self.title,
            "cells": [str(cell) for cell in self.summary.cells],
            "programs": self.summary.programs,
            "runs": self.summary.runs,
            "seconds": self.summary.seconds,
            "counts": tables,
            "health": self.health(),
            "sittings": [list(s) for s in self.sittings],
            "covered": self.covered,
            "corpus": self.corpus,
            "replay": self.replay,
        }

    @classmethod
    def from_json(cls, form: Mapping[str, Any], findings: Iterable[Finding]) -> Results:
        counts: Counts = Counter(
            {(table, row): times for table, rows in form["counts"].items() for row, times in rows.items()}
        )
        summary = Summary(
            tuple(map(Cell.parse, form["cells"])),
            form["programs"],
            form["runs"],
            form["seconds"],
            counts,
        )
        found = tuple(findings)
        summary.findings.extend(f.repro for f in found)
        sittings = [tuple(s) for s in form["sittings"]]
        return cls(form["title"], summary, found, sittings, form["covered"], form["corpus"], form["replay"])


def never_fired(summary: Summary) -> list[str]:
    from reference.rewriting.pipeline import load

    fired = summary.of("rewrite")
    return [rewrite.name for rewrite in load() if rewrite.name not in fired]


def not_lowered(summary: Summary) -> Counter[str]:
    """The operations that a backend cannot run, without its reasons."""
    found: Counter[str] = Counter()
    for text, times in summary.of("not lowered").items():
        found[text.partition("cannot run ")[2].partition(": ")[0] or text] += times
    return found


def lines(results: Results) -> Iterator[str]:
    """The results as JSON lines: the findings, then the summary."""
    for form in (*(f.to_json() for f in results.findings), results.to_json()):
        yield json.dumps(form, sort_keys=True) + "\n"


def read(text: Iterable[str]) -> Results:
    """The results that were written as JSON lines."""
    events = [json.loads(line) for line in text if line.strip()]
    if newer := [e["schema"] for e in events if e["schema"] > SCHEMA]:
        raise ValueError(f"this is schema {max(newer)}; this version reads up to {SCHEMA}")
    findings = [Finding.from_json(e) for e in events if e["event"] == "finding"]
    (summary,) = (e for e in events if e["event"] == "summary")
    return Results.from_json(summary, findings)
