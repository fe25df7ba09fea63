"""What comes back from one example, as JSON: it crosses pipes and, with Dask, machines.

Owns `Outcome` and `RawFailure`, a failure before its program was made small. It must not know how either came about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from difftest.campaigns.plan import Example
from difftest.case import Counts, Failure
from difftest.cells import Cell

CRASH, HANG, RAISED = "crash", "hang", "raised"
"""Fates of an example that came to no verdict: its process died, had to be stopped, or the tester itself raised."""

SEED = "seed"
"""The kind of a failure of the seed programs, which have no address."""


@dataclass(frozen=True)
class RawFailure:
    """A failure as text. `signature` is equal for those that are probably one bug."""

    kind: str
    cell: Cell
    message: str
    signature: tuple[str, ...]
    culprit: str = ""
    blame: str = ""

    @property
    def key(self) -> str:
        return " | ".join(self.signature)

    @classmethod
    def of(cls, failure: Failure) -> RawFailure:
        return cls(
            failure.kind, failure.cell, failure.message, tuple(failure.signature), failure.culprit, failure.blame
        )

    @property
    def failure(self) -> Failure:
        return Failure(self.kind, self.cell, self.message, culprit=self.culprit, blame=self.blame)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "cell": str(self.cell),
            "message": self.message,
            "signature": list(self.signature),
            "culprit": self.culprit,
            "blame": self.blame,
        }

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> RawFailure:
        return cls(**{**form, "cell": Cell.parse(form["cell"]), "signature": tuple(form["signature"])})


@dataclass(frozen=True)
class Outcome:
    """What an example gave. `reached` are the coverage cells, `choices` the tape that draws the program."""

    example: Example
    fate: str = "identical"
    counts: Counts = field(default_factory=Counter)
    failures: tuple[RawFailure, ...] = ()
    reached: frozenset[str] = frozenset()
    choices: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "fate": self.fate,
            "counts": [[table, row, times] for (table, row), times in self.counts.items()],
            "failures": [f.to_json() for f in self.failures],
            "reached": sorted(self.reached),
            "choices": list(self.choices),
        }

    @classmethod
    def from_json(cls, example: Example, form: Mapping[str, Any]) -> Outcome:
        return cls(
            example,
            form["fate"],
            Counter({(table, row): times for table, row, times in form["counts"]}),
            tuple(map(RawFailure.from_json, form["failures"])),
            frozenset(form["reached"]),
            tuple(form["choices"]),
        )
