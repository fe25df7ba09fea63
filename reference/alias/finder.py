"""The import hook behind ``import theano``.

Owns how a path becomes a module: a namespace that looks each name up in our modules when it is asked for, so
that nothing is imported before it is needed and nothing is defined twice. Which modules they are says `table`.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from reference.alias.table import ABSENT, PATHS, sources

ADVICE = "docs/existing_programs.md tells what is there and what to do instead"


class Namespace(ModuleType):
    """A module of Theano's, made of ours: a name is that of the first source that has it."""

    _sources: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        path = f"{self.__name__}.{name}"
        if path in PATHS and PATHS[path].wins:
            return importlib.import_module(path)
        found = self._own(name)
        if found is not _NOTHING and not isinstance(found, ModuleType):
            return found
        if sources(path):
            return importlib.import_module(path)
        if found is not _NOTHING:
            return found
        raise AttributeError(f"{self.__name__} has no {name!r} here{_nearest(name, dir(self))}; {ADVICE}")

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds a submodule in its parent; where Theano has a function of that name, it stays.
        if isinstance(value, Namespace) and value.__name__ == f"{self.__name__}.{name}" and self._shadows(name):
            return
        super().__setattr__(name, value)

    def _shadows(self, name: str) -> bool:
        row = PATHS.get(f"{self.__name__}.{name}")
        found = self._own(name)
        return not (row and row.wins) and found is not _NOTHING and not isinstance(found, ModuleType)

    def _own(self, name: str) -> Any:
        for module in self._sources:
            found = getattr(importlib.import_module(module), name, _NOTHING)
            if found is not _NOTHING:
                return found
        return _NOTHING

    @property
    def __all__(self) -> list[str]:
        return [name for name in dir(self) if not name.startswith("_")]

    def __dir__(self) -> list[str]:
        names = set(self.__dict__)
        for source in self._sources:
            module = importlib.import_module(source)
            names.update(getattr(module, "__all__", dir(module)))
        return sorted(names)


_NOTHING = object()


class Finder(MetaPathFinder, Loader):
    """Finds ``theano`` and everything below it, and nothing else."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if fullname != "theano" and not fullname.startswith("theano."):
            return None
        if not sources(fullname):
            raise ModuleNotFoundError(absent(fullname), name=fullname)
        return ModuleSpec(fullname, self, origin="reference.alias", is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = Namespace(spec.name, f"Theano's {spec.name}, made of {', '.join(sources(spec.name))}.")
        module._sources = sources(spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: names are looked up when they are asked for."""


def absent(path: str) -> str:
    """Why a path cannot be imported, and what to do."""
    for prefix, why in ABSENT.items():
        if path == prefix or path.startswith(prefix + "."):
            return f"there is no {path} here: {why}"
    return f"there is no {path} here{_nearest(path, PATHS)}; {ADVICE}"


def _nearest(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""


_FINDER = Finder()


def install_as_theano() -> None:
    """Make ``import theano`` and everything below it resolve to this package, in this process.

    Raises ImportError if another Theano has been imported already.
    """
    other = sys.modules.get("theano")
    if other is not None and not isinstance(other, Namespace):
        raise ImportError(
            f"theano is already imported, from {getattr(other, '__file__', 'elsewhere')}; "
            "install the alias before anything imports theano"
        )
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Undo `install_as_theano`: forget the finder and every module it made."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name in [n for n, module in sys.modules.items() if isinstance(module, Namespace)]:
        del sys.modules[name]
