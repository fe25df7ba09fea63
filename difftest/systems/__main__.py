"""``python -m difftest.systems --system theano=/path/to/python``: the same programs on other people's systems."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from difftest.systems.measure import measured
from difftest.systems.registry import NAMES, systems_of
from difftest.systems.report import page
from difftest.systems.session import Session


def parser() -> argparse.ArgumentParser:
    from difftest.strategies import PROFILES

    made = argparse.ArgumentParser(prog="python -m difftest.systems", description=__doc__)
    made.add_argument("--system", action="append", default=[], help=f"NAME=PYTHON, NAME one of {', '.join(NAMES)}")
    made.add_argument("--time", type=float, default=60.0, help="seconds for each system")
    made.add_argument("--examples", type=int, help="stop after this many programs")
    made.add_argument("--seed", type=int, default=0, help="the seed of the first program")
    made.add_argument("--profile", default="all", choices=list(PROFILES), help="what to concentrate on")
    made.add_argument("--report", type=Path, help="write the page here instead of printing it")
    made.add_argument("--measure", action="store_true", help="measure how exact each elementwise function is instead")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    systems = systems_of(options.system)
    if options.measure:
        for system in systems:
            print("\n".join(measured(system)))
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sessions = [Session(s).run(options.seed, options.time, options.examples, options.profile) for s in systems]
    text = page(sessions)
    if options.report is None:
        print(text)
    else:
        options.report.write_text(text)
    return 1 if any(s.findings for s in sessions) else 0


if __name__ == "__main__":
    sys.exit(main())
