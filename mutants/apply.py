"""Putting a fault in the way of an import.

Owns the import hook: the one module that a mutant patches is compiled from the patched text, whatever byte code lies in
a cache, and every other module is imported as always. It works in a fresh process only, before the module is imported.
Kernels need nothing more: their texts are made in Python, and whatever caches their binaries goes by the text.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import CodeType, ModuleType

from mutants.mutant import ROOT, Mutant


class _Patched(importlib.machinery.SourceFileLoader):
    """Loads the patched text, and no cached byte code."""

    def __init__(self, name: str, path: str, mutant: Mutant):
        super().__init__(name, path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode()
        return self.source_to_code(self.mutant.patched(source).encode(), self.path)


class _Finder(MetaPathFinder):
    """Finds the one module."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        place = ROOT / self.mutant.file
        folders = [str(place.parent)] if place.name == "__init__.py" else None
        spec = importlib.machinery.ModuleSpec(
            fullname, _Patched(fullname, str(place), self.mutant), origin=str(place), is_package=folders is not None
        )
        spec.has_location = True
        if folders is not None:
            spec.submodule_search_locations = folders
        return spec


def apply(mutant: Mutant) -> None:
    """Let this process import the mutant's module with the fault in it."""
    if mutant.module in sys.modules:
        raise RuntimeError(f"{mutant.module} is imported already; a mutant is applied in a process of its own")
    mutant.patched((ROOT / mutant.file).read_text())
    sys.meta_path.insert(0, _Finder(mutant))
