"""Backends that are wrong on purpose, for the tests of the tester."""

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Twist = Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]


def compile_with(twist: Twist) -> Callable[[Any, Any], Callable[..., list[Any]]]:
    """A backend's `compile` that interprets, with every node's results passed through `twist(node, results)`."""

    def compile(fgraph: Any, options: Any) -> Callable[..., list[Any]]:
        def run(*arguments: Any) -> list[Any]:
            given = iter(arguments)
            known = {
                v: options.shared[k].read() if k in options.shared else next(given) for k, v in enumerate(fgraph.inputs)
            }
            for node in fgraph.toposort():
                with np.errstate(all="ignore"):
                    results = node.op.perform(node, *[known.get(v, getattr(v, "data", None)) for v in node.inputs])
                known.update(zip(node.outputs, twist(node, results)))
            return [known.get(v, getattr(v, "data", None)) for v in fgraph.outputs]

        return run

    return compile


@contextmanager
def backend(name: str, twist: Twist) -> Iterator[str]:
    """A backend package called NAME_backend, gone afterwards."""
    module = types.ModuleType(f"{name}_backend")
    module.compile = compile_with(twist)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        yield name
    finally:
        del sys.modules[module.__name__]


def is_row(node: Any, name: str) -> bool:
    row = getattr(node.op, "scalar_op", None)
    return row is not None and row.name == name
