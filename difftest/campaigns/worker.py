"""A process that checks examples for a parent and may die of it: ``python -m difftest.campaigns.worker``.

Owns the answers to the parent's requests, a line of JSON each, read from standard input and answered where standard
output was when it began (programs print). It stops itself when an example takes too long, by a thread of the
interpreter's own that needs no lock, and ends when its parent does. It must not know of stores or plans.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from difftest.campaigns.coverage import reached
from difftest.campaigns.outcome import RAISED, SEED, Outcome, RawFailure
from difftest.campaigns.plan import Example
from difftest.cells import BASE, Cell
from difftest.program import Program
from difftest.reports.events import Finding
from difftest.reports.evidence import evidence
from difftest.repro import Repro
from difftest.seeds import seed_failures
from difftest.session import Session
from difftest.strategies import drawn
from difftest.verdict import check

Form = Mapping[str, Any]


def _cells(form: Form) -> tuple[Cell, ...]:
    return tuple(map(Cell.parse, form["cells"]))


def example(form: Form) -> dict[str, Any]:
    """Draw and check one example."""
    asked = Example.from_json(form["example"])
    session = Session(_cells(form), form["profile"])
    tape = asked.tape
    try:
        report = session.look(drawn(tape, form["profile"], asked.address.number), asked.address)
    except Exception as error:
        return Outcome(asked, RAISED, Counter(), (_tester_raised(error),)).to_json()
    unique = {f.signature: RawFailure.of(f) for f in report.failures}
    report.counts["runs", "all"] += len(report.runs)
    return Outcome(
        asked,
        "failed" if unique else "identical",
        report.counts,
        tuple(unique.values()),
        reached(report),
        tuple(tape.choices),
    ).to_json()


def explain(form: Form) -> dict[str, Any]:
    """The finding that a failure of an example leads to: its program made small, its culprit, the evidence."""
    asked, raw = Example.from_json(form["example"]), RawFailure.from_json(form["failure"])
    if raw.kind in (RAISED, SEED):
        address = "" if raw.kind == SEED else str(asked.address)
        return {"finding": Finding.of(Repro(Program(), raw.failure, address), {}).to_json()}
    program = asked.program(form["profile"])
    session = Session(_cells(form), form["profile"])
    session.known.update(f.signature for f in session.look(program, asked.address).failures)
    session.known.discard(raw.signature)
    repro = session.check(program, asked.address) or Repro(program, raw.failure, str(asked.address))
    return {"finding": Finding.of(repro, evidence(repro, session.cells)).to_json()}


def again(form: Form) -> dict[str, Any]:
    """Whether a program fails, or fails as it did where a `kinship` is given."""
    chosen = dict.fromkeys([BASE, *_cells(form)])
    failures = check(Program.from_json(form["program"]), list(chosen), blame=False).failures
    return {"fails": any(form.get("kinship") in (None, list(f.kinship)) for f in failures)}


def seeds(form: Form) -> dict[str, Any]:
    """What is wrong with the programs that this project was made for."""
    return {"failures": [RawFailure.of(failure).to_json() for _, failure in seed_failures(_cells(form))]}


def _tester_raised(error: Exception) -> RawFailure:
    frames = traceback.extract_tb(error.__traceback__)
    last = next((f for f in reversed(frames) if f"{os.sep}difftest{os.sep}" in f.filename), frames[-1])
    place = f"{os.path.basename(last.filename)} {last.name}"
    what = f"{type(error).__name__}: {error}\n" + "".join(traceback.format_tb(error.__traceback__))
    return RawFailure(RAISED, BASE, what, ("", "tester", type(error).__name__, place), f"tester {place}")


def hello(form: Form) -> dict[str, Any]:
    return {}


REQUESTS: dict[str, Callable[[Form], dict[str, Any]]] = {
    "hello": hello,
    "example": example,
    "explain": explain,
    "again": again,
    "seeds": seeds,
}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        form = json.loads(line)
        faulthandler.dump_traceback_later(form["timeout"], exit=True)
        try:
            answer = REQUESTS[form["do"]](form)
        except Exception as error:
            answer = {"raised": _tester_raised(error).message}
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
