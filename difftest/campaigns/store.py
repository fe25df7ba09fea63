"""What is known of campaigns: one file, which is whole whenever it is looked at.

Owns the tables of ``campaign.sqlite`` and every statement about them. One process writes, the coordinator, one
transaction a batch of examples: whatever is killed at whatever moment, each example is either recorded with all that
it gave or not at all. It must not know how examples are run or shown.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from difftest.campaigns.outcome import Outcome, RawFailure
from difftest.campaigns.plan import Example, Settings, child_of
from difftest.case import Counts
from difftest.program import Program
from difftest.reports.events import Finding
from difftest.session import Address

FILE = "campaign.sqlite"

_TABLES = """
CREATE TABLE IF NOT EXISTS campaigns (name TEXT PRIMARY KEY, settings TEXT, code TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sittings (campaign TEXT, began REAL, seconds REAL, programs INTEGER, workers INTEGER);
CREATE TABLE IF NOT EXISTS examples (
    campaign TEXT, place INTEGER, fate TEXT, parent TEXT, reached TEXT, choices TEXT,
    PRIMARY KEY (campaign, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (
    campaign TEXT, name TEXT, line TEXT, times INTEGER, PRIMARY KEY (campaign, name, line)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coverage (
    campaign TEXT, cell TEXT, address TEXT, PRIMARY KEY (campaign, cell)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS corpus (
    campaign TEXT, place INTEGER, choices TEXT, PRIMARY KEY (campaign, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    campaign TEXT, signature TEXT, failure TEXT, example TEXT, times INTEGER,
    first_seen REAL, last_seen REAL, finding TEXT,
    PRIMARY KEY (campaign, signature)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings (
    campaign TEXT, signature TEXT, steps INTEGER, size INTEGER, event TEXT, gone TEXT,
    PRIMARY KEY (campaign, signature)
) WITHOUT ROWID;
"""


class Store:
    """The file of one or more campaigns."""

    def __init__(self, folder: str | Path, create: bool = True):
        self.path = Path(folder) / FILE
        if not create and not self.path.exists():
            raise SystemExit(f"{self.path} does not exist: there is no campaign in {folder}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.executescript(_TABLES)

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Nobody else adds to the campaign meanwhile; SystemExit if somebody does. Who is killed lets go of it."""
        lock = sqlite3.connect(self.path.with_name(f"{quote(name, safe='')}.lock"), isolation_level=None, timeout=0)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise SystemExit(
                    f"campaign {name!r} in {self.path} is being run by another process. Wait until it has ended, or "
                    "run one of another name beside it; a campaign uses as many cores as --workers says."
                ) from None
            yield
        finally:
            lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        return self._file.execute(query, values).fetchall()

    def names(self) -> list[str]:
        """The campaigns in this file."""
        return [name for (name,) in self._rows("SELECT name FROM campaigns ORDER BY name")]

    def settings(self, name: str) -> Settings | None:
        found = self._rows("SELECT settings FROM campaigns WHERE name = ?", name)
        return Settings.from_json(json.loads(found[0][0])) if found else None

    def begin(self, settings: Settings) -> None:
        """Make a new campaign known, or make sure that it is the one that was begun."""
        old = self.settings(settings.name)
        if old is not None and (differences := old.differences(settings)):
            raise SystemExit(
                f"campaign {settings.name!r} in {self.path} was begun with other settings: {'; '.join(differences)}. "
                "Resume it with the same ones, or choose another name."
            )
        self._file.execute(
            "INSERT INTO campaigns VALUES (?, ?, '') ON CONFLICT DO UPDATE SET settings = excluded.settings",
            (settings.name, json.dumps(settings.to_json())),
        )

    def done(self, name: str) -> set[int]:
        """The places of the examples that were run."""
        return {place for (place,) in self._rows("SELECT place FROM examples WHERE campaign = ?", name)}

    def record(self, settings: Settings, outcomes: Iterable[Outcome], now: float) -> None:
        """Everything that a few examples gave, at once."""
        name = settings.name
        total: Counts = Counter()
        with self.transaction():
            for outcome in outcomes:
                example = outcome.example
                self._file.execute(
                    "INSERT INTO examples VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        name,
                        settings.index(example.address),
                        outcome.fate,
                        example.parent and str(example.parent),
                        json.dumps(sorted(outcome.reached)) if outcome.reached else None,
                        json.dumps(outcome.choices) if outcome.reached else None,
                    ),
                )
                total.update(outcome.counts)
                total["fate", outcome.fate] += 1
                total["drawn", "changed" if example.parent else "afresh"] += 1
                for failure in outcome.failures:
                    self._met(name, failure, example, now)
            self._file.executemany(
                "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + excluded.times",
                [(name, table, row, times) for (table, row), times in total.items()],
            )

    def met(self, name: str, failures: Iterable[RawFailure], example: Example, now: float) -> None:
        """Record failures that are no example's."""
        with self.transaction():
            for failure in failures:
                self._met(name, failure, example, now)

    def _met(self, name: str, failure: RawFailure, example: Example, now: float) -> None:
        self._file.execute(
            "INSERT INTO failures VALUES (?, ?, ?, ?, 1, ?, ?, NULL) "
            "ON CONFLICT DO UPDATE SET times = times + 1, last_seen = excluded.last_seen, "
            "finding = CASE WHEN finding IN (SELECT signature FROM findings WHERE campaign = excluded.campaign "
            "AND gone IS NOT NULL) THEN NULL ELSE finding END",
            (name, failure.key, json.dumps(failure.to_json()), json.dumps(example.to_json()), now, now),
        )

    def unexplained(self, name: str) -> list[tuple[RawFailure, Example]]:
        """The failures that no finding stands for yet, oldest first, each with the first example that showed it."""
        rows = self._rows(
            "SELECT failure, example FROM failures WHERE campaign = ? AND finding IS NULL "
            "ORDER BY first_seen, signature",
            name,
        )
        return [(RawFailure.from_json(json.loads(f)), Example.from_json(json.loads(e))) for f, e in rows]

    def explain(self, name: str, failure: RawFailure, finding: Finding) -> None:
        """Let a finding stand for a failure; of two findings of one signature the smaller program is kept."""
        key = " | ".join(finding.signature)
        with self.transaction():
            self._file.execute(
                "INSERT INTO findings VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET "
                "steps = excluded.steps, size = excluded.size, event = excluded.event, gone = NULL "
                "WHERE (excluded.steps, excluded.size) < (steps, size) OR gone IS NOT NULL",
                (name, key, *finding.size, json.dumps(finding.to_json())),
            )
            self._file.execute(
                "UPDATE failures SET finding = ? WHERE campaign = ? AND signature = ?", (key, name, failure.key)
            )

    def findings(self, name: str) -> list[Finding]:
        """What was found, most often seen first."""
        rows = self._rows(
            "SELECT event, SUM(times), MIN(first_seen), MAX(last_seen), gone FROM findings JOIN failures "
            "ON findings.campaign = failures.campaign AND findings.signature = failures.finding "
            "WHERE findings.campaign = ? GROUP BY findings.signature ORDER BY SUM(times) DESC, findings.signature",
            name,
        )
        return [
            Finding.from_json(
                {**json.loads(event), "count": times, "first_seen": first, "last_seen": last, "gone": gone or ""}
            )
            for event, times, first, last, gone in rows
        ]

    def code(self, name: str) -> str:
        """Which code the findings were last looked at with."""
        return str(self._rows("SELECT code FROM campaigns WHERE name = ?", name)[0][0])

    def looked_again(self, name: str, code: str) -> None:
        self._file.execute("UPDATE campaigns SET code = ? WHERE name = ?", (code, name))

    def gone(self, name: str, finding: Finding, code: str) -> None:
        """With this code, the program of a finding fails no more; empty: it fails again."""
        self._file.execute(
            "UPDATE findings SET gone = ? WHERE campaign = ? AND signature = ?",
            (code or None, name, " | ".join(finding.signature)),
        )

    def counts(self, name: str) -> Counts:
        rows = self._rows("SELECT name, line, times FROM counts WHERE campaign = ?", name)
        return Counter({(table, row): times for table, row, times in rows})

    def covered(self, name: str) -> set[str]:
        """The coverage cells that were reached in complete rounds."""
        return {cell for (cell,) in self._rows("SELECT cell FROM coverage WHERE campaign = ?", name)}

    def reached_at_all(self, name: str) -> set[str]:
        """The coverage cells that were reached, in rounds that are not complete, too."""
        rows = self._rows("SELECT reached FROM examples WHERE campaign = ? AND reached IS NOT NULL", name)
        return self.covered(name).union(*(json.loads(reached) for (reached,) in rows))

    def reached(self, settings: Settings, round_number: int) -> list[tuple[int, list[str], list[int]]]:
        """(place, coverage cells, choices) of the examples of a round that is complete but not closed, in order."""
        first = round_number * settings.round_size
        rows = self._rows(
            "SELECT place, reached, choices FROM examples "
            "WHERE campaign = ? AND place >= ? AND place < ? AND reached IS NOT NULL ORDER BY place",
            settings.name,
            first,
            first + settings.round_size,
        )
        return [(place, json.loads(reached), json.loads(choices)) for place, reached, choices in rows]

    def close_round(
        self, settings: Settings, number: int, new: dict[str, int], joined: Sequence[tuple[int, list[int]]]
    ) -> None:
        """Keep what a round was the first to reach, and by which programs; forget what else it reached."""
        name, first = settings.name, number * settings.round_size
        with self.transaction():
            self._file.executemany(
                "INSERT OR IGNORE INTO coverage VALUES (?, ?, ?)",
                [(name, cell, str(settings.address(place))) for cell, place in new.items()],
            )
            self._file.executemany(
                "INSERT OR IGNORE INTO corpus VALUES (?, ?, ?)",
                [(name, place, json.dumps(choices)) for place, choices in joined],
            )
            self._file.execute(
                "UPDATE examples SET reached = NULL, choices = NULL WHERE campaign = ? AND place >= ? AND place < ?",
                (name, first, first + settings.round_size),
            )

    def corpus(self, settings: Settings) -> list[tuple[Address, list[int]]]:
        rows = self._rows("SELECT place, choices FROM corpus WHERE campaign = ? ORDER BY place", settings.name)
        return [(settings.address(place), json.loads(choices)) for place, choices in rows]

    def sit_down(self, name: str, now: float, workers: int) -> int:
        """A sitting of the campaign begins: its number."""
        values = (name, now, workers)
        made = self._file.execute("INSERT INTO sittings VALUES (?, ?, 0, 0, ?)", values)
        return int(made.lastrowid or 0)

    def sat(self, sitting: int, seconds: float, programs: int) -> None:
        self._file.execute(
            "UPDATE sittings SET seconds = ?, programs = ? WHERE rowid = ?", (seconds, programs, sitting)
        )

    def sittings(self, name: str) -> list[tuple[float, float, int, int]]:
        """(began, seconds, programs, workers), in order."""
        return self._rows(
            "SELECT began, seconds, programs, workers FROM sittings WHERE campaign = ? ORDER BY began", name
        )

    def example(self, address: Address) -> Example:
        """The example that was run at an address, changed from another if it was."""
        settings = self.settings(address.campaign)
        if settings is None:
            raise SystemExit(f"{self.path} knows no campaign {address.campaign!r}; it has {', '.join(self.names())}")
        values = (address.campaign, settings.index(address))
        found = self._rows("SELECT parent FROM examples WHERE campaign = ? AND place = ?", *values)
        if not found or found[0][0] is None:
            return Example(address)
        parent = Address.parse(found[0][0])
        values = (address.campaign, settings.index(parent))
        ((choices,),) = self._rows("SELECT choices FROM corpus WHERE campaign = ? AND place = ?", *values)
        return child_of(address, parent, json.loads(choices))


def example_of(address: Address, db: str | Path) -> tuple[Program, Settings]:
    """The program that the campaign in this folder ran at an address, and its settings."""
    store = Store(db, create=False)
    try:
        example, settings = store.example(address), store.settings(address.campaign)
        assert settings is not None
        return example.program(settings.profile), settings
    finally:
        store.close()


def program_of(address: Address | str, db: str | Path | None = None, profile: str = "all") -> Program:
    """The program of an example. The folder of its campaign is needed if its program was changed from another."""
    if isinstance(address, str):
        address = Address.parse(address)
    return Example(address).program(profile) if db is None else example_of(address, db)[0]
