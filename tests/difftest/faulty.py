"""Backends that are wrong on purpose, for the tests of the tester."""

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reference import interpreter


@contextmanager
def backend(name: str, twist: Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]) -> Iterator[str]:
    """A backend called `name` that interprets, with every node's results passed through `twist(node, results)`."""

    def compile(fgraph: Any, options: Any) -> Any:
        executable = interpreter.compile(fgraph, options)
        steps = executable.program.steps
        executable.program.steps = [
            (lambda node, *xs, f=perform: twist(node, f(node, *xs)), node, *rest) for perform, node, *rest in steps
        ]
        return executable

    module = types.ModuleType(f"{name}_backend")
    module.compile = compile  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        yield name
    finally:
        del sys.modules[module.__name__]


def is_row(node: Any, name: str) -> bool:
    row = getattr(node.op, "scalar_op", None)
    return row is not None and row.name == name
