"""``python -m reference``: run a program written for Theano on a chosen backend, list flags and operations.

    python -m reference run [--backend B] [--mode M] [--floatX F] script.py args...
    python -m reference flags [--markdown]
    python -m reference ops --markdown [--backend B]
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reference.alias import install_as_theano
from reference.config import FLAGS, Flag, config


def run(arguments: argparse.Namespace) -> None:
    """Execute a script as ``__main__`` with flags set and ``import theano`` meaning this package."""
    install_as_theano()
    for flag in ("backend", "mode", "floatX"):
        if getattr(arguments, flag) is not None:
            setattr(config, flag, getattr(arguments, flag))
    sys.argv = [arguments.script, *arguments.args]
    sys.path[0] = str(Path(arguments.script).resolve().parent)
    runpy.run_path(arguments.script, run_name="__main__")


def flags(arguments: argparse.Namespace) -> None:
    """Print every flag: name, current value, legal values, meaning."""
    if arguments.markdown:
        print(page(FLAGS), end="")
        return
    for flag in FLAGS:
        section, _, name = flag.name.rpartition(".")
        value = getattr(getattr(config, section), name) if section else getattr(config, name)
        choices = f" ({', '.join(map(str, flag.choices))})" if flag.choices else ""
        print(f"{flag.name} = {value!r}{choices}\n    {flag.doc}")


def ops(arguments: argparse.Namespace) -> None:
    """Print the page of operations and functions."""
    from reference.catalog import page

    print(page(arguments.backend), end="")


_PREFACE = """\
# Flags

Written by `python -m reference flags --markdown`; a test holds it to the code. Flags are set in a program,
`theano.config.floatX = "float32"`, in the environment, `THEANO_FLAGS=floatX=float32,scan.allow_gc=True`, or in the
files `~/.referencerc` and those that `THEANORC` names. An unknown flag is an error that offers the nearest.
"""


def page(rows: Sequence[Flag]) -> str:
    """docs/flags.md: the flags that do something, by section, then those that are only accepted."""
    inert = "accepted for old programs"
    lines = [*_PREFACE.splitlines(), "", "| flag | default | values | meaning |", "|---|---|---|---|"]
    for flag in rows:
        if not flag.doc.startswith(inert):
            values = ", ".join(map(str, flag.choices)) or {bool: "True, False"}.get(type(flag.default), "")
            lines.append(f"| {flag.name} | {_shown(flag.default)} | {values} | {flag.doc} |")
    lines += ["", "## Accepted", "", "Programs set these; they decide nothing here.", "", "| flag | why |", "|---|---|"]
    for flag in rows:
        if flag.doc.startswith(inert):
            lines.append(f"| {flag.name} | {flag.doc.removeprefix(inert + '; ')} |")
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    return "" if default in ("", None) else str(default)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m reference", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    runner = commands.add_parser("run", help="run a script written for Theano")
    for flag in ("backend", "mode", "floatX"):
        runner.add_argument(f"--{flag}")
    runner.add_argument("script")
    runner.add_argument("args", nargs=argparse.REMAINDER)
    runner.set_defaults(command=run)
    lister = commands.add_parser("flags", help="list the flags")
    lister.add_argument("--markdown", action="store_true", help="as docs/flags.md")
    lister.set_defaults(command=flags)
    catalog = commands.add_parser("ops", help="list the operations and functions")
    catalog.add_argument("--markdown", action="store_true", required=True, help="as docs/ops.md")
    catalog.add_argument("--backend", required=True, help="whose way of computing is told")
    catalog.set_defaults(command=ops)
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
