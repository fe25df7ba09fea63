"""Programs that once showed a fault, a file each, run again in every cell by the tests.

Owns the folder: `entries`, `adopt`, which puts a finding there, and `replay`, which runs one again from its address or
its file. An entry is JSON: why it is here, the cell that was wrong, the program.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difftest.case import Report
from difftest.cells import BASE, Cell
from difftest.plugin import backends_of
from difftest.program import Program
from difftest.repro import Repro, cells_of, relations_of

FOLDER = Path(__file__).parent

_ADDRESS = re.compile(r"\S+:\d+:\d+")


@dataclass(frozen=True)
class Entry:
    """One program of the corpus, and in a line what was wrong with it, in which cell."""

    name: str
    why: str
    cell: Cell
    program: Program

    def cells(self, backend: str) -> list[Cell]:
        """Where it is run: every mode of a backend, and the cell that was wrong."""
        modes = ("UNOPTIMIZED", "FAST_COMPILE", "EXACT", "FAST_RUN", "UNSAFE")
        found = [BASE, *(Cell(mode, backend) for mode in modes)]
        return list(dict.fromkeys([*found, *([self.cell] if self.cell.backend in (backend, BASE.backend) else [])]))

    def write(self, folder: Path = FOLDER) -> Path:
        path = folder / f"{self.name}.json"
        program = json.loads(self.program.to_json())
        path.write_text(json.dumps({"why": self.why, "cell": str(self.cell), "program": program}, indent=1) + "\n")
        return path


def entries(folder: Path = FOLDER) -> list[Entry]:
    """Everything in the corpus, by name."""
    return [_entry(path) for path in sorted(folder.glob("*.json"))]


def _entry(path: Path) -> Entry:
    form = json.loads(path.read_text())
    program = Program.from_json(json.dumps(form["program"]))
    return Entry(path.stem, form["why"], Cell.parse(form["cell"]), program)


def read(path: str | Path) -> Repro:
    """The finding in a file: a repro script, a repro as JSON, or an event of ``--jsonl``."""
    path = Path(path)
    text = path.read_text()
    if path.suffix == ".py":
        return Repro.from_source(text)
    form = json.loads(text.splitlines()[0] if path.suffix == ".jsonl" else text)
    if "schema" in form:
        from difftest.reports.events import Finding

        return Finding.from_json(form).repro
    return Repro.from_json(text)


def adopt(path: str | Path, name: str, why: str = "", folder: Path = FOLDER) -> Path:
    """Put the program of a finding into the corpus under a name; `why`, by default, is the first line of its claim."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name for a test: small letters, digits and _ only")
    if (folder / f"{name}.json").exists():
        raise ValueError(f"there is a program called {name} already")
    repro = read(path)
    return Entry(name, why or repro.claim, repro.failure.cell, repro.program).write(folder)


def replay(target: str, profile: str = "all", backends: Sequence[str] = ("all",), db: str | None = None) -> int:
    """Run an example again, by its address or from a file; print what is wrong; 1 if anything is, else 0.

    `db` is the folder of the address's campaign, which knows with which profile and in which cells it was run, and
    whether its program was changed from another.
    """
    if not Path(target).exists() and _ADDRESS.fullmatch(target):
        return _replayed_address(target, profile, backends, db)
    if Path(target).suffix == ".py":
        return subprocess.run([sys.executable, target], check=False).returncode
    report = _again(read(target))
    print(report)
    return 0 if report.ok else 1


def _again(repro: Repro) -> Report:
    from difftest.verdict import check

    return check(repro.program, cells_of(repro.failure), relations=relations_of(repro.failure))


def _replayed_address(text: str, profile: str, backends: Sequence[str], db: str | None) -> int:
    from difftest.campaigns.store import example_of
    from difftest.cells import cells
    from difftest.reports.terminal import finding
    from difftest.session import Address, Session

    address = Address.parse(text)
    if db is None:
        session = Session(cells(backends_of(backends)), profile)
        program = session.program(address)
    else:
        program, settings = example_of(address, db)
        session = Session(settings.cells, settings.profile)
    print(program.to_source())
    session.check(program, address)
    for repro in session.summary.findings:
        print(finding(repro, ""))
    print("" if session.summary.findings else "identical")
    return 0 if session.summary.ok else 1


def replay_command(arguments: Sequence[str]) -> int:
    """``python -m difftest replay ADDRESS|FILE``."""
    made = argparse.ArgumentParser(prog="python -m difftest replay", description="Run one example again.")
    made.add_argument("target", help="an address CAMPAIGN:SHARD:NUMBER, a repro script, or a finding as JSON")
    made.add_argument("--profile", default="all", help="the profile that an address was drawn with")
    made.add_argument("--backend", action="append", help="where an address is run (default: all)")
    made.add_argument("--db", help="the folder of its campaign, which knows both")
    options = made.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return replay(options.target, options.profile, options.backend or ["all"], options.db)


def adopt_command(arguments: Sequence[str]) -> int:
    """``python -m difftest adopt FILE --name why_it_was_wrong``."""
    made = argparse.ArgumentParser(prog="python -m difftest adopt", description="Keep a finding's program as a test.")
    made.add_argument("file", help="a repro script, or a finding as JSON")
    made.add_argument("--name", required=True, help="small letters, digits and _: the test's name")
    made.add_argument("--why", default="", help="what was wrong, in a line")
    options: Any = made.parse_args(arguments)
    try:
        print(adopt(options.file, options.name, options.why))
    except (OSError, ValueError) as error:
        made.error(str(error))
    return 0
