"""What `function` and a backend tell each other.

Owns the options that a backend compiles with, how a backend is found by its name, and what it may do with arguments.
It must not know how anything is computed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference.compile.shared import Container
from reference.graph.errors import BackendError
from reference.graph.fgraph import FunctionGraph


@dataclass
class CompileOptions:
    """What a backend is told besides the graph.

    shared   position among the graph's inputs -> the container to read it from.
    updates  position among the graph's outputs -> the container that will receive it.
    borrowed positions of outputs that may be handed back as they lie on a device, ``Out(borrow=True)``.
    mode     the mode's name; `exact` True if results must have the unoptimized graph's bits.
    hook     called after each node. Only the interpreter gets one: `Function` lets it run beside another backend.
    """

    shared: Mapping[int, Container] = field(default_factory=dict)
    updates: Mapping[int, Container] = field(default_factory=dict)
    borrowed: Collection[int] = ()
    mode: str = "FAST_RUN"
    exact: bool = False
    hook: Callable[..., None] | None = None
    name: str | None = None


def load_backend(name: str) -> Callable[[FunctionGraph, CompileOptions], Any]:
    """The `compile` of a backend: the interpreter for "reference", else of the package NAME_backend."""
    if name == "reference":
        from reference import interpreter

        return interpreter.compile
    try:
        module = importlib.import_module(f"{name}_backend")
    except ModuleNotFoundError as error:
        if error.name != f"{name}_backend":
            raise BackendError(f"the backend {name!r} needs the package {error.name!r}, not installed") from error
        raise ValueError(
            f"there is no backend {name!r}: no package {name}_backend is installed; 'reference' always is"
        ) from None
    return module.compile


def as_it_comes(position: int, value: Any) -> Any:
    """What a backend makes of an argument that has no arrays of its own."""
    return value
