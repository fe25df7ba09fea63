"""``python -m difftest``: check the seed programs, then random ones, in every cell; say "identical" or show why not.

Its subcommands stand in the table `COMMANDS`: a name and the function that takes the arguments after it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from difftest.plugin import backends_of
from difftest.reports.events import Results
from difftest.reports.options import add_reports, seconds, write_reports
from difftest.reports.terminal import Bar, finding, table

COMMANDS = {
    "campaign": "difftest.campaigns.command:campaign",
    "report": "difftest.campaigns.command:report",
    "replay": "difftest.corpus:replay_command",
    "adopt": "difftest.corpus:adopt_command",
}
"""The subcommands: where the function of each stands."""


def parser() -> argparse.ArgumentParser:
    from difftest.strategies import PROFILES

    made = argparse.ArgumentParser(
        prog="python -m difftest",
        description="Test that no optimization and no backend changes an answer. Exit status 1 if one does.",
        epilog=f"Subcommands: {', '.join(COMMANDS)}; each has its own --help.",
    )
    made.add_argument("--examples", type=int, help="stop after this many programs")
    made.add_argument("--time", type=seconds, help="stop after this long: 90, 90s, 5m, 2h (default: 60s)")
    made.add_argument("--seed", type=int, default=0, help="which programs: the same seed draws the same ones")
    made.add_argument(
        "--backend", action="append", help="reference, opencl, opencl:DEVICE or all; repeatable (default: all)"
    )
    made.add_argument(
        "--workers", type=int, default=min(os.cpu_count() or 1, 8),
        help="processes (default: one a core, at most 8; with --system always one)",
    )  # fmt: skip
    made.add_argument("--profile", default="all", choices=list(PROFILES), help="what to concentrate on")
    made.add_argument("--repros", default=".", help="folder for repro_<hash>.py (default: here)")
    made.add_argument(
        "--system", action="append", default=[], metavar="NAME=PYTHON",
        help="ask another system, too: theano, pytensor or jax, by the Python that has it (docs/systems.md)",
    )  # fmt: skip
    add_reports(made)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    from difftest.processes import Died
    from difftest.session import campaign

    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        module, _, function = COMMANDS[given[0]].partition(":")
        return int(getattr(importlib.import_module(module), function)(given[1:]))
    options = parser().parse_args(given)
    budget = options.time if options.time or options.examples else 60.0
    if options.system:
        from difftest.systems import cells_of

        cells_of(options.system)
    bar = Bar(options.examples, budget)
    with warnings.catch_warnings():
        # Random programs do what a user is warned of: that is no finding, and no news.
        warnings.simplefilter("ignore")
        try:
            summary = campaign(
                examples=options.examples,
                time_budget=budget,
                backends=backends_of(options.backend or ["all"]),
                profile=options.profile,
                first_seed=options.seed,
                progress=bar,
                workers=1 if options.system else options.workers,
            )
        except Died as death:
            raise SystemExit(str(death)) from None
    bar.close()
    print(table(summary))
    for repro in summary.findings:
        print(finding(repro, repro.write(options.repros) if repro.program.steps else ""))
    if any((options.html, options.markdown, options.jsonl)):
        replay = f"python -m difftest replay ADDRESS --profile {options.profile}"
        write_reports(Results.of("session", summary, replay), options)
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main())
