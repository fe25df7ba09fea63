"""How errors pass through pooling: the largest, sums and means of windows, and what is put back from them.

Owns a rule each, written with the rules of the parts. Windows are those of the operation's own grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.oracle import rules
from difftest.oracle.bounds import FLOATS, Bound, Walk, rule, settled
from difftest.oracle.elementwise import applied
from difftest.oracle.wide import INF, WIDE, ZERO, gamma, quantum
from reference import scalar
from reference.tensor.reduce import Sum

Bounds = Sequence[Bound]


def grid_of(node: Any, inputs: Bounds) -> Any:
    """Where the windows lie; None if that is not known."""
    if inputs[0].y is None or not all(b.exact for b in inputs[-3:]):
        return None
    return node.op.grid(inputs[0].y.shape, [b.raw for b in inputs[-3:]])


def seen(grid: Any, x: Bound, outside: Any) -> Bound:
    """The bounds of the elements of each window."""
    return Bound(grid.windows(x.y, outside), grid.windows(x.e, 0), x.dtype)


def spread(grid: Any, x: Bound) -> Bound:
    return Bound(grid.spread(x.y), grid.spread(x.e), x.dtype)


def within(grid: Any, b: Bound) -> tuple[int, ...]:
    """The dimensions of a window."""
    return tuple(range(b.y.ndim - len(grid.ws), b.y.ndim))


def _total(grid: Any, b: Bound) -> Bound:
    return settled(rules.total(b, within(grid, b), Sum().resolved(b.dtype)[1], b.dtype))


def _mean(walk: Walk, grid: Any, mode: str, b: Bound) -> Bound:
    if mode == "sum":
        return b
    counts = Bound.exactly(np.broadcast_to(grid.counts(mode), b.y.shape).astype(b.dtype))
    return settled(applied(walk, scalar.TABLE["true_div"], [b, counts]))


def _chosen(walk: Walk, grid: Any, x: Bound, largest: Bound, values: Bound) -> Bound:
    """The values where an element equals its window's largest, 0 elsewhere."""
    equal = settled(applied(walk, scalar.TABLE["eq"], [seen(grid, x, -INF), spread(grid, largest)]))
    nothing = Bound.exactly(np.zeros(values.y.shape, values.dtype))
    return settled(applied(walk, scalar.TABLE["switch"], [equal, values, nothing]))


def _put_back(grid: Any, b: Bound) -> Bound:
    acc = "float32" if b.dtype == "float16" else b.dtype
    terms = int(np.max(grid.put_back(np.ones(b.y.shape)), initial=0))
    y, e, size = grid.put_back(b.y), grid.put_back(b.e), grid.put_back(np.abs(b.y) + b.e)
    free = (e == 0) & (rules.fits_grid(size, quantum(b.y), acc) | ~np.isfinite(y) | (terms == 1))
    return rules.as_dtype(settled(Bound(y, np.where(free, e, e + gamma(terms, acc) * size), acc)), b.dtype)


@rule("Pool")
def pooled(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, grid = inputs[0], grid_of(node, inputs)
    if grid is None or x.dtype not in FLOATS:
        return None
    if node.op.mode != "max":
        return [_mean(walk, grid, node.op.mode, _total(grid, seen(grid, x, 0)))]
    if 0 in grid.places:
        return [Bound.exactly(np.zeros((*x.y.shape[: -len(grid.ws)], *grid.places), x.dtype))]
    return [rules.largest(seen(grid, x, -INF), within(grid, seen(grid, x, 0)))]


@rule("MaxPoolGrad")
def gradient_of_largest(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, largest, g, *_ = inputs
    grid = grid_of(node, inputs)
    if grid is None or largest.y is None or g.y is None or g.dtype not in FLOATS:
        return None
    return [_put_back(grid, _chosen(walk, grid, x, largest, spread(grid, g)))]


@rule("DownsampleFactorMaxGradGrad")
def sum_at_largest(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, largest, g, *_ = inputs
    grid = grid_of(node, inputs)
    if grid is None or largest.y is None or g.y is None or g.dtype not in FLOATS:
        return None
    return [_total(grid, _chosen(walk, grid, x, largest, seen(grid, g, 0)))]


@rule("AveragePoolGrad")
def gradient_of_mean(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    g, grid = inputs[1], grid_of(node, inputs)
    if grid is None or g.y is None or g.dtype not in FLOATS:
        return None
    return [_put_back(grid, spread(grid, _mean(walk, grid, node.op.mode, g)))]


def ties(node: Any, inputs: Bounds) -> Any:
    """Where an element may or may not equal the largest of its window; `inputs` are intervals."""
    grid = grid_of(node, inputs)
    if grid is None or 0 in grid.places:
        return ZERO
    windows = seen(grid, inputs[0], -INF)
    if type(node.op).__name__ == "Pool":
        return rules.place(windows, within(grid, windows)).e if node.op.mode == "max" else ZERO
    largest = spread(grid, inputs[1])
    doubt = (windows.e > 0) | (largest.e > 0)
    return (doubt & (windows.low <= largest.high) & (largest.low <= windows.high)).astype(WIDE)
