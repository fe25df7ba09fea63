"""Running error bounds: a shadow of a graph in wide precision, with the largest error of each element.

Owns `Bound`, a wide value `y` and an `e` with |any conforming evaluation - y| <= e, and `walk`, which carries
bounds through a graph node by node. e = 0 demands equal values; e = inf says that nothing is known (a pole, an
overflow, an ambiguous decision, an operation without a rule, which is reported by name). There are no tolerances:
every error comes from the units in the last place that the executor's own table grants. Rules stand in `rules.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from difftest.oracle.ulps import Executor
from difftest.oracle.wide import INF, SLACK, WIDE, largest, representable, smallest, unit, wide
from reference.graph.dtypes import name_of
from reference.graph.lazy import awaited
from reference.interpreter import without_effects

FLOATS = ("float16", "float32", "float64")


class Bound:
    """A value that is known up to an error. `raw` is the value itself where every element is exact.

    Values that are no real tensors (complex ones, random states, slices) are `raw` alone.
    """

    __slots__ = ("dtype", "e", "raw", "settled", "y")

    def __init__(self, y: Any, e: Any, dtype: str, raw: Any = None, settled: bool = False):
        self.y, self.e, self.dtype, self.raw, self.settled = y, e, dtype, raw, settled

    @classmethod
    def exactly(cls, value: Any) -> Bound:
        if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "biuf":
            return cls(None, None, "", value)
        y = wide(np.asarray(value))
        return cls(y, np.zeros(y.shape, WIDE), name_of(value.dtype), value)

    @classmethod
    def unknown(cls, shape: tuple[int, ...], dtype: str) -> Bound:
        return cls(np.zeros(shape, WIDE), np.full(shape, INF), dtype)

    @property
    def exact(self) -> bool:
        return self.raw is not None

    @property
    def certain(self) -> Any:
        """Where nothing is in doubt."""
        return self.e == 0

    @property
    def low(self) -> Any:
        return self.y - self.e

    @property
    def high(self) -> Any:
        return self.y + self.e


Rule = Callable[["Walk", Any, Sequence[Bound]], "Sequence[Bound] | None"]
"""(walk, node, inputs) -> one bound an output, or None where the rule cannot say."""

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register the rule of the op classes of these names."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


Watch = Callable[[Any, Sequence[Bound], Sequence[Bound]], None]
"""Told every node with the bounds of its inputs and outputs, steps of loops included."""


@dataclass(eq=False)
class Walk:
    """One pass over a graph: bounds of every variable, and the operations that had no rule."""

    executor: Executor
    known: dict[Any, Bound] = field(default_factory=dict)
    uncompared: Counter[str] = field(default_factory=Counter)
    watch: Watch | None = None
    failed: dict[Any, Exception] = field(default_factory=dict)
    numbers: Mapping[Any, Bound] = field(default_factory=dict)
    """Constants, in the steps of loops perhaps, that stand for numbers near by."""

    def of(self, variable: Any) -> Bound:
        if variable in self.failed:
            raise self.failed[variable]
        if variable not in self.known and hasattr(variable, "data"):
            near = self.numbers.get(variable)
            self.known[variable] = Bound.exactly(variable.data) if near is None else near
        return self.known[variable]

    def nodes(self, order: Sequence[Any]) -> None:
        with np.errstate(all="ignore"), without_effects():
            lazy = any(node.op.lazy for node in order)
            for node in order:
                try:
                    self._node(node)
                except Exception as error:
                    if not lazy:
                        raise
                    # Perhaps nobody takes it; who does is told.
                    self.failed.update(dict.fromkeys(node.outputs, error))

    def _inputs(self, node: Any) -> list[Bound]:
        """The bounds of a node's inputs; of what a lazy one does not take there may be none."""
        if not node.op.lazy or not self.of(node.inputs[0]).exact:
            return [self.of(v) for v in node.inputs]
        read = {0, *awaited(node, self.of(node.inputs[0]).raw)}
        return [self.of(v) if k in read else self.known.get(v, Bound.exactly(None)) for k, v in enumerate(node.inputs)]

    def _node(self, node: Any) -> None:
        inputs = self._inputs(node)
        if all(b.exact for b in inputs) and self._stays_exact(node):
            results: Sequence[Bound] | None = [
                Bound.exactly(r) for r in node.op.perform(node, *[b.raw for b in inputs])
            ]
        else:
            found = RULES.get(type(node.op).__name__)
            results = found(self, node, inputs) if found is not None else None
        if results is None:
            self.uncompared[str(node.op)] += 1
            results = self._unknown(node, inputs)
        results = [settled(bound) for bound in results]
        self.known.update(zip(node.outputs, results))
        if self.watch is not None:
            self.watch(node, inputs, results)

    def inside(self, values: Mapping[Any, Bound]) -> Walk:
        """A walk through one step of a loop, which counts and is watched with this one."""
        return Walk(self.executor, dict(values), self.uncompared, self.watch, numbers=self.numbers)

    def _stays_exact(self, node: Any) -> bool:
        """Exact operands give an exact result: nothing rounds, or the rule knows better."""
        return all(getattr(v.type, "dtype", "int64") not in FLOATS for v in node.outputs)

    def _unknown(self, node: Any, inputs: Sequence[Bound]) -> list[Bound]:
        """The shapes that the operation gives, and no knowledge of the values. The state of a random stream moves on
        alike whatever is drawn."""
        dtypes = [getattr(v.type, "dtype", "") for v in node.inputs]
        values = [approximate(b, d) for b, d in zip(inputs, dtypes)]
        results = node.op.perform(node, *values)
        bounds = []
        for value, variable in zip(results, node.outputs):
            bound = Bound.exactly(value)
            if bound.y is not None and hasattr(variable.type, "dtype"):
                bound = Bound(bound.y, np.full(bound.y.shape, INF), bound.dtype)
            bounds.append(bound)
        return bounds


def approximate(bound: Bound, dtype: str) -> Any:
    """The value itself, or the nearest to the shadow of that dtype."""
    if bound.exact or bound.y is None:
        return bound.raw
    y = bound.y
    if np.dtype(dtype).kind in "biu":
        y = np.where(np.isfinite(y), y, 0)
    return np.asarray(y.astype(dtype))


def settled(bound: Bound) -> Bound:
    """Overflow and indeterminate errors become 'unknown'; elements that are all certain get their raw value."""
    if bound.y is None or bound.exact or bound.settled:
        return bound
    y: Any = bound.y
    e: Any = np.asarray(bound.e)
    if e.shape == np.shape(y) and not e.any() and _is_one_of(y, bound.dtype):
        return Bound(y, e, bound.dtype, np.asarray(y.astype(bound.dtype)))
    e = np.where(np.isnan(e), INF, e)
    if bound.dtype in FLOATS:
        top = largest(bound.dtype)
        over = np.isfinite(y) & (np.abs(y) + e > top) & ((e > 0) | (np.abs(y) > top))
        e = np.where(over, INF, e)
    e = np.where(np.isfinite(y) | (e == 0), e, INF)
    raw = None
    if not e.any() and _is_one_of(y, bound.dtype):
        raw = np.asarray(y.astype(bound.dtype))
    return Bound(y, e, bound.dtype, raw, settled=True)


def _is_one_of(y: Any, dtype: str) -> bool:
    """Is every element a number of this dtype?"""
    return dtype not in FLOATS or bool(representable(y, dtype).all())


def rounded(y: Any, e: Any, dtype: str, ulp: float = 0.0, exact: Any = False) -> Bound:
    """A result that the executor rounds to `dtype`, off by at most half an ulp and `ulp` more.

    Where `exact` (the shadow did not round either) and the number is one of the dtype's, nothing is lost.
    """
    if dtype not in FLOATS:
        return Bound(y, e, dtype)
    free = np.asarray(exact) & (e == 0) & representable(y, dtype)
    if free.shape == np.shape(e) == np.shape(y) and free.all():
        return Bound(y, e, dtype, np.asarray(y.astype(dtype)))
    size = np.where(np.isfinite(y), np.abs(y), 0) + e
    grown = e + size * (unit(dtype) * WIDE(1 + 2 * ulp) + SLACK)
    grown = np.where(size == 0, e, grown + np.where(size < smallest(dtype) * WIDE(2), smallest(dtype), 0))
    return Bound(y, np.where(free | ((e == 0) & ~np.isfinite(y)), e, grown), dtype)


def walk(
    order: Sequence[Any],
    values: Mapping[Any, Any],
    executor: Executor,
    known: Mapping[Any, Bound] | None = None,
    numbers: Mapping[Any, Bound] | None = None,
) -> Walk:
    """Bounds of every variable that the nodes in `order` compute from these inputs."""
    from difftest.oracle import rules  # noqa: F401  registers them

    exact = {v: Bound.exactly(x) for v, x in values.items()}
    pass_ = Walk(executor, exact | dict(known or {}), numbers=numbers or {})
    pass_.nodes(order)
    return pass_
