"""What several commands have in common: how long, and in which forms to report.

Owns the texts ``90s``, ``5m``, ``2h`` and the options ``--html``, ``--markdown``, ``--jsonl`` and ``--repros``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from difftest.reports import events, html, markdown
from difftest.reports.events import Results


def seconds(text: str) -> float:
    """``90``, ``90s``, ``5m`` or ``2h`` as seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    unit = units.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


FORMS = {
    "html": ("one self-contained page", html.page),
    "markdown": ("Markdown", markdown.text),
    "jsonl": ("JSON lines", lambda results: "".join(events.lines(results))),
}


def add_reports(parser: argparse.ArgumentParser) -> None:
    """The options that ask for a report."""
    for form, (what, _) in FORMS.items():
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write a report as {what}")


def write_reports(results: Results, options: argparse.Namespace) -> None:
    """Write every report that was asked for."""
    for form, (_, made) in FORMS.items():
        if path := getattr(options, form):
            Path(path).write_text(made(results), encoding="utf-8")
