"""``python -m reference``: run a program on a chosen backend, list the flags.

    python -m reference run [--backend B] [--mode M] [--floatX F] script.py args...
    python -m reference flags
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from reference.config import FLAGS, config


def run(arguments: argparse.Namespace) -> None:
    """Execute a script as ``__main__`` with flags set."""
    for flag in ("backend", "mode", "floatX"):
        if getattr(arguments, flag) is not None:
            setattr(config, flag, getattr(arguments, flag))
    sys.argv = [arguments.script, *arguments.args]
    sys.path[0] = str(Path(arguments.script).resolve().parent)
    runpy.run_path(arguments.script, run_name="__main__")


def flags(arguments: argparse.Namespace) -> None:
    """Print every flag: name, current value, legal values, meaning."""
    for flag in FLAGS:
        section, _, name = flag.name.rpartition(".")
        value = getattr(getattr(config, section), name) if section else getattr(config, name)
        choices = f" ({', '.join(map(str, flag.choices))})" if flag.choices else ""
        print(f"{flag.name} = {value!r}{choices}\n    {flag.doc}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m reference", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    runner = commands.add_parser("run", help="run a script with flags set")
    for flag in ("backend", "mode", "floatX"):
        runner.add_argument(f"--{flag}")
    runner.add_argument("script")
    runner.add_argument("args", nargs=argparse.REMAINDER)
    runner.set_defaults(command=run)
    commands.add_parser("flags", help="list the flags").set_defaults(command=flags)
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
