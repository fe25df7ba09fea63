"""``python -m difftest``: check the seed programs, then random ones, in every cell; say "identical" or show why not."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from difftest.plugin import backends_of
from difftest.report import Bar, finding, table


def seconds(text: str) -> float:
    """``90``, ``90s``, ``5m`` or ``2h`` as seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    unit = units.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


def parser() -> argparse.ArgumentParser:
    from difftest.strategies import PROFILES

    made = argparse.ArgumentParser(
        prog="python -m difftest",
        description="Test that no optimization and no backend changes an answer. Exit status 1 if one does.",
    )
    made.add_argument("--examples", type=int, help="stop after this many programs")
    made.add_argument("--time", type=seconds, help="stop after this long: 90, 90s, 5m, 2h (default: 60s)")
    made.add_argument("--seed", type=int, default=0, help="which programs: the same seed draws the same ones")
    made.add_argument(
        "--backend", action="append", help="reference, opencl or all; repeatable (default: all that work)"
    )
    made.add_argument("--profile", default="all", choices=list(PROFILES), help="what to concentrate on")
    made.add_argument("--repros", default=".", help="folder for repro_<hash>.py (default: here)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    from difftest.session import campaign

    options = parser().parse_args(arguments)
    budget = options.time if options.time or options.examples else 60.0
    bar = Bar(options.examples, budget)
    with warnings.catch_warnings():
        # Random programs do what a user is warned of: that is no finding, and no news.
        warnings.simplefilter("ignore")
        summary = campaign(
            examples=options.examples,
            time_budget=budget,
            backends=backends_of(options.backend or ["all"]),
            profile=options.profile,
            first_seed=options.seed,
            progress=bar,
        )
    bar.close()
    print(table(summary))
    for repro in summary.findings:
        print(finding(repro, repro.write(options.repros) if repro.program.steps else ""))
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main())
