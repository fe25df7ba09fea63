"""The order in which a graph is rewritten, as one list that reads as a sentence.

Owns the stages, the families of rules and the choice of rules by name and tag. It must not know what any
rule does. ``python -m reference.rewriting`` prints the table of all rewrites.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from reference.rewriting.engine import REGISTRY, Promise, Rewrite, Stages

STAGES = ("canonicalize", "stabilize", "specialize", "scan")
"""Bring the graph into its one normal form, make it safe from overflow, choose the best operations, improve
its loops; and again, round after round, until a whole round changes nothing. Each stage runs to its own
fixpoint, and sees only what changed since it last ran."""

FAMILIES = ("inline", "merge", "constant", "ifelse", "shape", "subtensor", "algebra", "reduce", "stabilize", "nnet",
            "linalg", "tape", "scan", "after", "gates", "batch", "sums", "fusion", "unroll")  # fmt: skip
"""The files under rules/, in the order in which their rules are tried on a node."""


ON_REQUEST = "on_request"
"""A rewrite with this tag is admitted by `Mode.including` alone."""


@dataclass(frozen=True)
class Choice:
    """Which rewrites a mode admits: by promise, then by name or tag, added and taken away.

    `cheap_only` keeps those marked cheap. `required`: an admitted rewrite must answer to each of these.
    """

    promises: frozenset[Promise]
    cheap_only: bool = False
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def admits(self, record: Rewrite) -> bool:
        usual = record.promise in self.promises and (record.cheap or not self.cheap_only)
        usual = usual and ON_REQUEST not in record.tags
        return (
            (usual or record.answers_to(self.included))
            and not record.answers_to(self.excluded)
            and all(record.answers_to([name]) for name in self.required)
        )


def load() -> list[Rewrite]:
    """Every registered rewrite, by family and then by line; those of other packages last."""
    _import_families()
    return list(_in_order(tuple(REGISTRY.values())))


@cache
def _import_families() -> None:
    for family in FAMILIES:
        importlib.import_module(f"reference.rewriting.rules.{family}")


@lru_cache(maxsize=8)
def _in_order(records: tuple[Rewrite, ...]) -> tuple[Rewrite, ...]:
    def place(record: Rewrite) -> tuple[int, str, int, str]:
        own = record.rule.__module__.startswith("reference.rewriting.rules.")
        rank = FAMILIES.index(record.family) if own and record.family in FAMILIES else len(FAMILIES)
        return rank, record.file, record.line, record.name

    return tuple(sorted(records, key=place))


def stages(choice: Choice) -> Stages:
    """The admitted rewrites, stage by stage."""
    return _admitted(choice, tuple(load()))


@lru_cache(maxsize=64)
def _admitted(choice: Choice, records: tuple[Rewrite, ...]) -> Stages:
    admitted = [record for record in records if choice.admits(record)]
    return tuple((stage, tuple(r for r in admitted if r.stage == stage)) for stage in STAGES)


def unknown(names: Iterable[str]) -> list[str]:
    """Those of `names` that no rewrite answers to."""
    records = load()
    return [name for name in names if not any(r.answers_to([name]) for r in records)]


def table() -> str:
    """All rewrites as Markdown: docs/rewrites.md."""
    lines = [
        "# Rewrites",
        "",
        "Written by `python -m reference.rewriting`; a test holds it to the code. A mode admits",
        "rewrites by promise; `Mode.including` and `Mode.excluding` take names, families, stages and tags.",
    ]
    records = load()
    for family in dict.fromkeys(r.family for r in records):
        lines += ["", f"## {family}", "", "| name | promise | stage | before -> after |", "|---|---|---|---|"]
        for r in records:
            if r.family == family:
                name = f"{r.name} (cheap)" if r.cheap else r.name
                text = r.summary.replace("|", "\\|")
                lines.append(f"| {name} | {r.promise.name} | {r.stage} | {text} |")
    return "\n".join(lines) + "\n"
