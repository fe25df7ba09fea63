"""One mutant, one process: apply it, let the tester loose, tell what it found.

Owns the hunt, which ends at the first finding, and its report, a dict that goes to the parent as one line of JSON. Time
is the processor time of this process, imports included, so that a busy machine changes no verdict. It must not import
the tester, or what it tests, before the mutant is in place.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Collection
from typing import Any

from mutants.apply import apply
from mutants.mutant import MUTANTS, load

Row = dict[str, Any]


def hunt(name: str, seconds: float, seed: int, known: Collection[tuple[str, ...]] = ()) -> Row:
    """Hunt one mutant for so many seconds. Failures with a signature in `known` are left alone."""
    load()
    mutant = MUTANTS[name]
    row: Row = {"name": name, "family": mutant.family, "killed": False, "programs": 0, "seconds": 0.0}
    warnings.simplefilter("ignore")
    apply(mutant)
    try:
        from difftest.cells import cells
        from difftest.session import Address, Session

        session = Session(cells(mutant.backends), known=known)
        session.check_seeds()
        for failure in (repro.failure for repro in session.summary.findings):
            return _killed(row, failure)
        number = 0
        while time.process_time() < seconds:
            address = Address(f"seed{seed}", 0, number)
            program = session.program(address)
            report = session.look(program, address)
            number = row["programs"] = number + 1
            if any(f.signature not in session.known for f in report.failures):
                row["seconds"] = round(time.process_time(), 1)
                repro = session.check(program, address)
                if repro is not None:
                    found = repro.program.to_json()
                    return _killed(row, repro.failure) | {
                        "address": str(address),
                        "steps": _steps(found),
                        "program": found,
                    }
    except Exception as error:
        row["seconds"] = row["seconds"] or round(time.process_time(), 1)
        text = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
        return row | {"killed": True, "kind": "crash", "culprit": "", "cell": "", "message": text, "steps": 0}
    return row | {"seconds": round(time.process_time(), 1)}


def _killed(row: Row, failure: Any) -> Row:
    return row | {
        "killed": True,
        "kind": failure.kind,
        "culprit": failure.culprit,
        "cell": str(failure.cell),
        "message": failure.message[:600],
        "signature": list(failure.signature),
        "seconds": row["seconds"] or round(time.process_time(), 1),
        "steps": 0,
    }


def _steps(program: str) -> int:
    """The steps of a program, those inside its loops included."""

    def count(found: Any) -> int:
        if isinstance(found, dict):
            return ("step" in found and "operands" in found) + sum(map(count, found.values()))
        return sum(map(count, found)) if isinstance(found, list) else 0

    return count(json.loads(program))


def clean(program: str, backends: Collection[str]) -> list[list[str]]:
    """The signatures of what the tester finds wrong with a program when no mutant is applied."""
    from difftest.cells import SELDOM, cells
    from difftest.program import Program
    from difftest.verdict import check

    warnings.simplefilter("ignore")
    chosen = [*cells(tuple(backends)), *(c for c in SELDOM if c.backend in backends)]
    report = check(Program.from_json(program), chosen)
    return [list(f.signature) for f in report.failures]


def main(arguments: list[str]) -> int:
    """``hunt NAME SECONDS SEED``, signatures to leave alone on standard input; ``clean BACKEND...``, a program."""
    what, *rest = arguments
    given = sys.stdin.read()
    if what == "hunt":
        name, seconds, seed = rest
        found: Any = hunt(name, float(seconds), int(seed), {tuple(s) for s in json.loads(given or "[]")})
    else:
        found = clean(given, rest)
    print(json.dumps(found))
    return 0
