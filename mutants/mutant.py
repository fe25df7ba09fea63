"""What a mutant is, and the table of all.

Owns `Mutant`, the table `MUTANTS` and `patches`, with which the files of this package fill it, a family each. It must
not import what is patched: a mutant is text until `apply` puts it in the way of an import.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FAMILIES = (
    "rewrites",
    "loop_rewrites",
    "scan",
    "gradients",
    "meaning",
    "function",
    "random",
    "printing",
    "kernels",
    "lowering",
    "runtime",
)
"""The files of this package that hold mutants, in the order in which they are hunted."""


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, the text `before`, which occurs there exactly once, becomes `after`.

    wrong   what is wrong with it, in a few words
    blames  whom the tester may blame: beginnings of culprits, such as "rewrite sum_of_sum" or "gradient clip"
    origin  the bug it mirrors, or "own"
    """

    name: str
    family: str
    file: str
    wrong: str
    before: str
    after: str
    blames: tuple[str, ...]
    origin: str = "own"

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        parts = Path(self.file).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def backends(self) -> tuple[str, ...]:
        """Where it can show: a fault of a backend only there."""
        return ("reference", "opencl") if self.file.startswith("opencl_backend") else ("reference",)

    def patched(self, source: str) -> str:
        """`source` with the fault in it; ValueError unless its place is found exactly once."""
        found = source.count(self.before)
        if found != 1:
            raise ValueError(f"{self.name}: the text to be replaced occurs {found} times in {self.file}")
        return source.replace(self.before, self.after)


MUTANTS: dict[str, Mutant] = {}

Register = Callable[..., None]


def patches(family: str, file: str, *blames: str) -> Register:
    """What registers the mutants of one file: ``seed(name, wrong, before, after, *blames, origin="own")``.

    Those in `blames` here are acceptable for every mutant of the file that names nobody itself.
    """

    def seed(name: str, wrong: str, before: str, after: str, *culprits: str, origin: str = "own") -> None:
        if name in MUTANTS:
            raise ValueError(f"two mutants are called {name!r}")
        MUTANTS[name] = Mutant(name, family, file, wrong, before, after, culprits or blames, origin)

    return seed


def load() -> dict[str, Mutant]:
    """The table of all mutants."""
    for family in FAMILIES:
        importlib.import_module(f"mutants.{family}")
    return MUTANTS
