"""``python -m difftest campaign NAME`` and ``python -m difftest report DIR``.

Owns their options and what they print while they work. It must not know how work is done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from difftest.campaigns.coordinator import Coordinator, State, dask, local, results
from difftest.campaigns.plan import Settings
from difftest.campaigns.store import Store
from difftest.plugin import backends_of
from difftest.reports.options import add_reports, seconds, write_reports
from difftest.reports.terminal import Bar, screens


def campaign_parser() -> argparse.ArgumentParser:
    from difftest.strategies import PROFILES

    made = argparse.ArgumentParser(
        prog="python -m difftest campaign",
        description="Check programs for hours over many processes; go on where an earlier run was stopped, or killed. "
        "Exit status 1 if anything was found.",
    )
    made.add_argument("name", help="the campaign's name: with a shard and a number it addresses an example")
    made.add_argument("--db", help="the folder that keeps it (default: campaign-NAME)")
    made.add_argument("--time", type=seconds, help="stop after this long: 90, 90s, 5m, 8h")
    made.add_argument("--examples", type=int, help="stop when the campaign has this many examples in all")
    made.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    made.add_argument("--dask", metavar="ADDRESS", help="use the workers of this Dask scheduler instead")
    made.add_argument("--backend", action="append", help="reference, opencl, opencl:DEVICE or all; repeatable")
    made.add_argument("--profile", choices=list(PROFILES), help="what to concentrate on (default: all)")
    made.add_argument("--timeout", type=seconds, default=60.0, help="a program that takes longer hangs (default: 60s)")
    made.add_argument("--feedback", action="store_true", help="change programs that reached something new, too")
    made.add_argument("--repros", metavar="DIR", help="write repro_<hash>.py of every finding")
    add_reports(made)
    return made


def campaign(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, or go on with it; print its table."""
    options = campaign_parser().parse_args(arguments)
    if options.time is None and options.examples is None:
        options.time = 60.0
    store = Store(options.db or f"campaign-{options.name}")
    old = store.settings(options.name)
    asked = Settings(
        options.name,
        options.profile or (old.profile if old else "all"),
        tuple(backends_of(options.backend or (old.backends if old else ["all"]))),
        feedback=options.feedback or (old is not None and old.feedback),
        timeout=options.timeout,
    )
    bar = Bar(options.examples, options.time, patient=True)
    interrupted = False
    try:
        executing = dask(options.dask) if options.dask else local(options.workers)
        with store.alone(options.name), executing as (executor, workers):
            coordinator = Coordinator(store, asked, executor, workers, options.examples, options.time)
            coordinator.watch = lambda state: bar.show(state.programs, _told(state))
            coordinator.run()
    except KeyboardInterrupt:
        interrupted = True
    bar.close()
    found = results(store, asked.name)
    print(screens(found, options.repros))
    write_reports(found, options)
    if interrupted:
        print(f"stopped; go on with: python -m difftest campaign {asked.name} --db {store.path.parent}")
    store.close()
    return 1 if found.findings else 0


def _told(state: State) -> str:
    rate = state.now / max(state.seconds, 1e-9)
    waiting = f"  {state.waiting} jobs wait" if state.waiting else ""
    return f"{rate:.0f}/s  {state.covered} contexts  {state.failures} programs failed{waiting}"


def report_parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m difftest report", description="Show what is known of a campaign, also while it runs."
    )
    made.add_argument("db", help="its folder, or a file of JSON lines")
    made.add_argument("--name", help="which campaign, if the folder has several")
    made.add_argument("--repros", metavar="DIR", help="write repro_<hash>.py of every finding")
    add_reports(made)
    return made


def report(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a campaign, and write it in other forms."""
    from difftest.reports import events

    options = report_parser().parse_args(arguments)
    if Path(options.db).is_file():
        with open(options.db) as file:
            found = events.read(file)
    else:
        store = Store(options.db, create=False)
        names = store.names()
        if len(names) != 1 and options.name is None:
            raise SystemExit(f"{store.path} has several campaigns: --name {', '.join(names)}")
        if options.name is not None and options.name not in names:
            raise SystemExit(f"{store.path} has no campaign {options.name!r}, but {', '.join(names)}")
        found = results(store, options.name or names[0])
        store.close()
    print(screens(found, options.repros))
    write_reports(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(campaign())
