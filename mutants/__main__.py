"""``python -m mutants``: hunt every mutant, print who was killed and who was blamed.

Owns the command line and the children: each hunt is a process of its own with a hard limit. What a hunt finds is tried
once more without the mutant; if it fails there too it was none of the mutant's doing, and the hunt goes on without it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from mutants import hunt, scores
from mutants.equivalent import EQUIVALENT
from mutants.mutant import FAMILIES, MUTANTS, ROOT, Mutant, load

GRACE = 4.0
"""A child may compute for so many times its time, and a minute, before it counts as hanging; what was found is made
small and blamed in this time, too."""

PATIENCE = 20.0
"""So many times as long by the clock: on a busy machine a child waits for its turn most of the time."""


def _child(arguments: Sequence[str], given: str, limit: float) -> Any:
    """What a child of this module answers; None if it did not within the limit of processor time, a text if it died."""
    command = [sys.executable, "-m", "mutants", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=PATIENCE * limit, cwd=ROOT, env=environment,
            check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 9)),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    if done.returncode == -signal.SIGXCPU:
        return None
    last = done.stdout.rstrip().rpartition("\n")[2]
    try:
        return json.loads(last)
    except ValueError:
        return f"exit status {done.returncode}: {done.stderr[-300:]}"


def hunted(mutant: Mutant, seconds: float, seed: int) -> hunt.Row:
    """The row of one mutant; one whose place the code no longer has is not hunted, and not killed."""
    try:
        mutant.patched((ROOT / mutant.file).read_text())
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        return {"name": mutant.name, "family": mutant.family, "killed": False, "blamed": False, "programs": 0,
                "seconds": 0.0, "kind": "stale", "message": str(error)}  # fmt: skip
    known: list[list[str]] = []
    while True:
        limit = GRACE * seconds + 60
        row = _child(["hunt", mutant.name, str(seconds), str(seed)], json.dumps(known), limit)
        if not isinstance(row, dict):
            kind = "hang" if row is None else "crash"
            row = {
                "name": mutant.name,
                "family": mutant.family,
                "killed": True,
                "kind": kind,
                "culprit": "",
                "cell": "",
                "message": row or "",
                "seconds": seconds,
                "programs": 0,
                "steps": 0,
            }
        elif row.get("program"):
            without = _child(["clean", *mutant.backends], row["program"], limit)
            if isinstance(without, list) and row["signature"] in without:
                known.append(row["signature"])
                continue
        row["blamed"] = row["killed"] and any(row["culprit"].startswith(b) for b in mutant.blames)
        return row


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m mutants", description="Hunt seeded faults with the tester.")
    made.add_argument("--family", action="append", choices=FAMILIES, help="only this family; repeatable")
    made.add_argument("--only", action="append", default=[], help="only the mutant of this name; repeatable")
    made.add_argument("--workers", type=int, default=2, help="hunts at a time")
    made.add_argument("--time", type=float, default=60.0, help="seconds of processor time for each")
    made.add_argument("--seed", type=int, default=0, help="which programs")
    made.add_argument("--json", type=Path, help="write a line of JSON for each mutant to this file")
    made.add_argument("--resume", action="store_true", help="do not hunt those again that are in the file")
    made.add_argument("--markdown", type=Path, help="write the table to this file")
    options = made.parse_args(arguments)
    load()
    rows = _known(options.json) if options.json and options.resume else {}
    chosen = [m for m in MUTANTS.values() if _wanted(m, options) and m.name not in rows]

    writing = Lock()

    def one(mutant: Mutant) -> None:
        row = hunted(mutant, options.time, options.seed)
        with writing:
            print(scores.line(row), file=sys.stderr, flush=True)
            rows[mutant.name] = row
            if options.json:
                _write(options.json, rows.values())

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(one, chosen))
    shown = [rows[name] for name, m in MUTANTS.items() if name in rows and _wanted(m, options)]
    print(scores.table(shown))
    if options.markdown:
        options.markdown.write_text(scores.table(shown) + "\n")
    survived = [r["name"] for r in shown if not r["killed"] and r["name"] not in EQUIVALENT]
    return 1 if survived else 0


def _wanted(mutant: Mutant, options: argparse.Namespace) -> bool:
    if options.only:
        return mutant.name in options.only
    return not options.family or mutant.family in options.family


def _known(path: Path) -> dict[str, hunt.Row]:
    if not path.exists():
        return {}
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["name"]: row for row in found if row["name"] in MUTANTS and row.get("kind") != "stale"}


def _write(path: Path, rows: Iterable[hunt.Row]) -> None:
    """All of them at once, so that whoever is interrupted leaves a whole file."""
    beside = path.with_name(path.name + ".new")
    beside.write_text("".join(json.dumps(row) + "\n" for row in rows))
    beside.replace(path)


if __name__ == "__main__":
    started = sys.argv[1:]
    sys.exit(hunt.main(started) if started[:1] in (["hunt"], ["clean"]) else main(started))
