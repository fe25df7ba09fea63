"""``compute_test_value``: evaluate a graph while it is built, on the values in ``tag.test_value``.

Owns what happens after a node is made when the flag is on: a shape that does not fit raises at the user's own
line. It must not know any operation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.compile.shared import SharedVariable
from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.traversal import toposort


def get_test_value(v: Any) -> Any:
    """The test value of a variable, the value of a constant or shared variable. AttributeError if it has none."""
    if isinstance(v, Constant):
        return v.data
    if isinstance(v, SharedVariable):
        return v.container.read()
    return v.type.filter(v.tag.test_value) if isinstance(v, Variable) else v


def compute_test_value(node: Apply, policy: str) -> None:
    """Give the node's outputs test values, computed from its inputs'.

    `policy` is that of the flag: an input without one is an error ('raise', 'pdb'), a warning ('warn'), or
    makes the node go without ('ignore').
    """
    try:
        values = [get_test_value(v) for v in node.inputs]
    except AttributeError:
        missing = next(v for v in node.inputs if not isinstance(v, Constant) and not hasattr(v.tag, "test_value"))
        text = f"compute_test_value: {missing} of type {missing.type} has no tag.test_value ({missing.line})"
        if policy in ("raise", "pdb"):
            raise ValueError(text) from None
        if policy == "warn":
            warnings.warn(text, stacklevel=4)
        return
    with np.errstate(all="ignore"):
        for out, value in zip(node.outputs, node.op.perform(node, *values)):
            out.tag.test_value = value


def computed_later(build: Callable[[], Sequence[Variable | None]]) -> Sequence[Variable | None]:
    """What `build` builds, with test values at the end only.

    The insides of loops have none: a gradient is built there first, and then belongs to the graph around the loop.
    """
    policy = config.compute_test_value
    if policy == "off":
        return build()
    with config.change_flags(compute_test_value="off"):
        built = build()
    for node in toposort([v for v in built if v is not None]):
        if not all(hasattr(v.tag, "test_value") for v in node.outputs):
            compute_test_value(node, policy)
    return built
