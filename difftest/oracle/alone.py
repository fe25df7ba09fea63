"""One node by itself: its own gradient, on the values that it had.

Owns the node's twin, whose float inputs are variables of their own, and random weights of its outputs, which stand for
the gradient that comes from above. What they are compared with stands in `differences`, and for kinks in the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from difftest.oracle.bounds import FLOATS
from difftest.oracle.differences import Opinion, is_convention, opinion
from reference.interpreter import without_effects


def is_float(variable: Any) -> bool:
    return hasattr(variable.type, "broadcastable") and variable.type.dtype in FLOATS


def is_real(node: Any) -> bool:
    """True if the node takes and gives real floats, and no complex numbers."""
    dtypes = [getattr(v.type, "dtype", "") for v in (*node.inputs, *node.outputs)]
    both = any(map(is_float, node.inputs)) and any(map(is_float, node.outputs))
    return both and not any(dtype.startswith("complex") for dtype in dtypes)


def has_slope(node: Any) -> bool:
    """True if the node takes and gives real floats, and its gradient is to be its derivative."""
    return is_real(node) and not is_convention(node)


class Alone:
    """A node on variables of its own with the values `inputs`, and its symbolic gradients by each that is a float."""

    def __init__(self, api: Any, node: Any, inputs: Sequence[Any], seed: int = 0):
        random = np.random.default_rng(seed)
        places = {v: v.type.make_variable() for v in node.inputs if is_float(v) or not hasattr(v, "data")}
        self.twin = node.clone_with_new_inputs([places.get(v, v) for v in node.inputs])
        self.values = {places[v]: x for v, x in zip(node.inputs, inputs) if v in places}
        with np.errstate(all="ignore"), without_effects():
            # Copies: an operation that writes to what it reads must not get at the evidence.
            given = [np.array(x) if isinstance(x, np.ndarray) else x for x in inputs]
            shapes = [np.shape(y) for y in node.op.perform(node, *given)]
        self.weights = {
            v: random.integers(4, 13, shape) / 8.0 for v, shape in zip(self.twin.outputs, shapes) if is_float(v)
        }
        wrts = [v for v in self.values if is_float(v)]
        known = {v: api.tensor.constant(w.astype(v.type.dtype)) for v, w in self.weights.items()}
        found = api.grad(None, wrts, known_grads=known, disconnected_inputs="ignore", null_gradients="return")
        self.gradients = {v: g for v, g in zip(wrts, found) if hasattr(g.type, "broadcastable")}
        self.random, self.seed = random, seed

    def opinion(self, ordinary: bool = False) -> Opinion:
        """Differences of this node against its gradients, all at once; with `ordinary`, at numbers between 0 and 1."""
        if not self.gradients:
            return Opinion("undefined")
        values = dict(self.values)
        for v in self.gradients if ordinary else ():
            values[v] = self.random.uniform(0.125, 0.875, np.shape(values[v])).astype(v.type.dtype)
        if ordinary and not self._keeps_shapes(values):
            return Opinion("not finite")
        return opinion(self.weights, self.gradients, values, self.seed)

    def _keeps_shapes(self, values: Mapping[Any, Any]) -> bool:
        """True if there are as many elements at these values too: those of a range depend on its ends."""
        node = self.twin
        given = [values[v] if v in values else getattr(v, "data", None) for v in node.inputs]
        with np.errstate(all="ignore"), without_effects():
            found = dict(zip(node.outputs, node.op.perform(node, *given)))
        return all(np.shape(found[v]) == np.shape(w) for v, w in self.weights.items())
