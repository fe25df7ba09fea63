"""How errors pass through operations that are no rows of the scalar table.

Owns one rule for everything that only moves elements (the operation's own `perform` on positions tells where each
came from), and one each for sums, products, extremes, sorts and dots. Elementwise rules stand in `elementwise.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from difftest.oracle import composites, elementwise, matrices, windows  # noqa: F401  they register their rules
from difftest.oracle.bounds import FLOATS, Bound, Walk, approximate, rounded, rule, settled
from difftest.oracle.wide import INF, WIDE, ZERO, bits_used, gamma, quantum
from difftest.oracle.wide import largest as limit

Bounds = Sequence[Bound]

DATA = {
    "DimShuffle": slice(0, 1), "Reshape": slice(0, 1), "Rebroadcast": slice(0, 1), "SpecifyShape": slice(0, 1),
    "Subtensor": slice(0, 1), "AdvancedSubtensor1": slice(0, 1), "AdvancedSubtensor": slice(0, 1),
    "Join": slice(1, None), "Split": slice(0, 1), "Alloc": slice(0, 1), "DeepCopyOp": slice(0, 1),
    "ViewOp": slice(0, 1), "Print": slice(0, 1), "ExtractDiag": slice(0, 1), "Repeat": slice(0, 1),
    "TensorFromScalar": slice(0, 1), "ScalarFromTensor": slice(0, 1), "Assert": slice(0, 1),
    "ConsiderConstant": slice(0, 1), "DisconnectedGrad": slice(0, 1), "ZeroGrad": slice(0, 1), "GradClip": slice(0, 1),
    "GradScale": slice(0, 1), "UndefinedGrad": slice(0, 1), "RepeatOp": slice(0, 1),
    "FillDiagonal": slice(0, 2), "FillDiagonalOffset": slice(0, 2), "PdbBreakpoint": slice(1, None),
}  # fmt: skip
"""Operations whose outputs are elements of these inputs, in other places."""

WRITES = ("IncSubtensor", "AdvancedIncSubtensor1", "AdvancedIncSubtensor")


def as_dtype(b: Bound, dtype: str) -> Bound:
    """A float or integer converted to a float dtype."""
    if b.dtype == dtype or dtype not in FLOATS:
        return b
    return rounded(b.y, b.e, dtype, exact=True)


def gathered(node: Any, inputs: Bounds, data: slice) -> list[Bound] | None:
    """Run the operation on the numbers of its elements, then pick each element's bound."""
    chosen = list(inputs)[data]
    dtypes = [getattr(v.type, "dtype", "int64") for v in node.outputs]
    if any(b.y is None for b in chosen) or not all(b.exact for k, b in enumerate(inputs) if b not in chosen):
        return None
    chosen = [as_dtype(b, dtypes[0]) for b in chosen]
    values: list[Any] = [b.raw for b in inputs]
    start, offset = data.start or 0, 0
    for k, b in enumerate(chosen):
        values[start + k] = np.arange(offset, offset + b.y.size).reshape(b.y.shape)
        offset += b.y.size
    all_y = np.concatenate([b.y.ravel() for b in chosen])
    all_e = np.concatenate([b.e.ravel() for b in chosen])
    places = [np.asarray(p).astype(np.int64) for p in node.op.perform(node, *values)]
    return [Bound(all_y[p].reshape(p.shape), all_e[p].reshape(p.shape), d) for p, d in zip(places, dtypes)]


@rule(*DATA)
def moved(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    return gathered(node, inputs, DATA[type(node.op).__name__])


@rule("MakeVector")
def made(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    if not inputs or any(b.y is None for b in inputs):
        return None
    parts = [as_dtype(b, node.op.dtype) for b in inputs]
    return [Bound(np.stack([b.y for b in parts]), np.stack([b.e for b in parts]), node.op.dtype)]


@rule(*WRITES)
def written(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, y, *rest = inputs
    if x.y is None or y.y is None or not all(b.exact for b in rest):
        return None
    y = as_dtype(y, x.dtype)
    places = _places_read(node, x, [b.raw for b in rest])
    if node.op.set_instead_of_inc:
        return [Bound(_with(x.y, y.y, places, False), _with(x.e, y.e, places, False), x.dtype)]
    if x.dtype not in FLOATS:
        return None
    times = _with(np.zeros(x.y.shape, WIDE), np.ones(y.y.shape, WIDE), places)
    total, error = _with(x.y, y.y, places), _with(x.e, y.e, places)
    size = _with(np.abs(x.y) + x.e, np.abs(y.y) + y.e, places)
    grid = quantum(np.concatenate([x.y.ravel(), y.y.ravel()]))
    free = np.asarray((times == 0) | (fits_grid(size, grid, x.dtype) & (error == 0)))
    most = int(times.max()) if times.size else 0
    return [Bound(total, np.where(free, error, error + gamma(most, x.dtype) * size), x.dtype)]


def _places_read(node: Any, x: Bound, indices: Sequence[Any]) -> np.ndarray:
    """For each element of the part that is written its place in x, as the operation says that reads the same part."""
    reading = node.op.reading().make_node(node.inputs[0], *node.inputs[2:])
    numbers = np.arange(x.y.size).reshape(x.y.shape)
    return np.asarray(reading.op.perform(reading, numbers, *indices)[0])


def _with(x: np.ndarray, y: np.ndarray, places: np.ndarray, added: bool = True) -> np.ndarray:
    """A copy of x with y added, or set, at the places; of what is set twice the last is kept."""
    result, values = x.flatten(), np.broadcast_to(y, places.shape).ravel()
    if added:
        np.add.at(result, places.ravel(), values)
    else:
        result[places.ravel()] = values
    return np.asarray(result.reshape(x.shape))


def fits_grid(total: np.ndarray, grid: np.longdouble, dtype: str) -> np.ndarray:
    """True where every sum of multiples of `grid` up to `total` is a number of this dtype: any order is exact."""
    info = np.finfo(dtype)
    if grid == 0 or grid < info.smallest_subnormal:
        return np.zeros(np.shape(total), bool)
    precision = info.nmant + 1
    return np.asarray(total <= WIDE(2) ** precision * grid)


def _axes(op: Any, rank: int) -> tuple[int, ...]:
    return tuple(range(rank)) if op.axis is None else tuple(op.axis)


@rule("Sum")
def summed(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    if x.y is None or node.op.acc_dtype not in FLOATS:
        return None
    return [total(x, _axes(node.op, x.y.ndim), node.op.acc_dtype, node.op.dtype)]


def total(x: Bound, axes: tuple[int, ...], acc: str, dtype: str, keepdims: bool = False) -> Bound:
    """A sum in any order, accumulated in `acc` and rounded to `dtype`."""
    terms = as_dtype(x, acc)
    count = int(np.prod([terms.y.shape[a] for a in axes]))
    y = np.asarray(terms.y.sum(axis=axes, keepdims=keepdims))
    size = np.asarray((np.abs(terms.y) + terms.e).sum(axis=axes, keepdims=keepdims))
    error = np.asarray(terms.e.sum(axis=axes, keepdims=keepdims))
    free = (error == 0) & (fits_grid(size, quantum(terms.y), acc) | ~np.isfinite(y))
    return as_dtype(settled(Bound(y, np.where(free, error, error + gamma(count, acc) * size), acc)), dtype)


@rule("Prod")
def multiplied(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    acc, dtype = node.op.acc_dtype, node.op.dtype
    if x.y is None or acc not in FLOATS:
        return None
    terms = as_dtype(x, acc)
    axes = _axes(node.op, x.y.ndim)
    count = int(np.prod([x.y.shape[a] for a in axes]))
    y, e = terms.y, terms.e
    total = np.asarray(y.prod(axis=axes))
    largest = np.asarray((np.abs(y) + e).prod(axis=axes))
    error = np.asarray(largest - np.abs(y).prod(axis=axes))
    certain = np.asarray((e == 0).all(axis=axes))
    error = np.where(certain, ZERO, error)
    used = np.asarray(bits_used(y).sum(axis=axes))
    inside, lost = _range_of_parts(y, e, acc, lambda factors: np.asarray(factors.prod(axis=axes)))
    free = certain & inside & ((used <= np.finfo(acc).nmant + 1) | ~np.isfinite(total))
    grown = error + gamma(count, acc) * largest + lost
    return [as_dtype(Bound(total, np.where(free, error, grown), acc), dtype)]


def _range_of_parts(
    y: np.ndarray, e: np.ndarray, dtype: str, product: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Whether every part of a product stays within the range of the dtype in any order, whatever the other factors
    are, and what is lost if a part underflows; of a part that overflows nothing is known."""
    size, tiny = np.where(np.isfinite(y), np.abs(y), ZERO + 1), np.finfo(dtype).tiny
    most = product(np.maximum(size + np.where(np.isfinite(e), e, ZERO), 1))
    least = product(np.where(size == 0, ZERO + 1, np.minimum(size, 1)))
    holds = most <= limit(dtype)
    nothing = product(y) == 0
    return holds & ((least >= tiny) | nothing), np.where(holds, np.where(nothing, ZERO, tiny * most), INF)


@rule("Max")
def largest_of(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    if x.y is None:
        return None
    return [largest(x, _axes(node.op, x.y.ndim))]


def largest(x: Bound, axes: tuple[int, ...]) -> Bound:
    y = np.asarray(x.y.max(axis=axes))
    e = np.maximum(np.asarray(x.high.max(axis=axes)) - y, y - np.asarray(x.low.max(axis=axes)))
    return Bound(y, np.where(np.asarray(x.certain.all(axis=axes)), ZERO, e), x.dtype)


def place(x: Bound, axes: tuple[int, ...]) -> Bound:
    """The place of the largest: certain if its hull lies above every other, or nothing is in doubt."""
    kept = tuple(k for k in range(x.y.ndim) if k not in axes)
    shape = [x.y.shape[k] for k in kept]

    def rows(a: np.ndarray) -> np.ndarray:
        return a.transpose(kept + axes).reshape(*shape, int(np.prod([x.y.shape[k] for k in axes])))

    y, low, high = rows(x.y), rows(x.low), rows(x.high)
    place = np.asarray(y.argmax(axis=-1))
    best = np.take_along_axis(low, place[..., None], -1)
    others = np.where(np.arange(y.shape[-1]) == place[..., None], -INF, high)
    sure = np.asarray((others < best).all(axis=-1)) | np.asarray(rows(x.certain).all(axis=-1))
    return Bound(place.astype(WIDE), np.where(sure, ZERO, INF), "int64")


@rule("Argmax")
def place_of_largest(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    return None if x.y is None else [place(x, _axes(node.op, x.y.ndim))]


@rule("MaxAndArgmax")
def largest_and_place(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    if x.y is None:
        return None
    axes = _axes(node.op, x.y.ndim)
    return [largest(x, axes), place(x, axes)]


@rule("SortOp")
def sorted_(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, *rest = inputs
    if x.y is None or not all(b.exact for b in rest):
        return None
    axis, flat = _sort_axis(node, inputs)
    y, low, high = (np.sort(a.ravel() if flat else a, axis) for a in (x.y, x.low, x.high))
    return [Bound(y, np.maximum(high - y, y - low) if np.any(x.e) else np.zeros(y.shape, WIDE), x.dtype)]


def _sort_axis(node: Any, inputs: Bounds) -> tuple[int, bool]:
    axis = inputs[1].raw if len(inputs) > 1 else getattr(node.op, "axis", -1)
    return (-1, True) if axis is None else (int(np.asarray(axis)), False)


@rule("ArgSortOp")
def order_of(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, *rest = inputs
    return None if x.y is None or not all(b.exact for b in rest) else [order(node, inputs)]


def order(node: Any, inputs: Bounds) -> Bound:
    """The sorting permutation: certain if no two neighbours' hulls overlap."""
    x = inputs[0]
    axis, flat = _sort_axis(node, inputs)
    y, low, high = (a.ravel() if flat else a for a in (x.y, x.low, x.high))
    placed = np.argsort(y, axis, kind="stable")
    lows, highs = (np.moveaxis(np.take_along_axis(a, placed, axis), axis, -1) for a in (low, high))
    apart = (lows[..., 1:] > highs[..., :-1]).all(axis=-1, keepdims=True)
    sure = np.moveaxis(np.broadcast_to(apart, lows.shape), -1, axis)
    return Bound(placed.astype(WIDE), np.where(sure, ZERO, INF), "int64")


@rule("Dot")
def dotted(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    return _product(node, inputs, np.dot, _last_length(inputs))


@rule("BatchedDot")
def dotted_in_batches(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        left = a if a.ndim == 3 else a[:, None, :]
        right = b if b.ndim == 3 else b[:, :, None]
        result = left @ right
        return result.reshape(*a.shape[:-1], *b.shape[2:])

    return _product(node, inputs, product, _last_length(inputs))


def _last_length(inputs: Bounds) -> int:
    x = inputs[0].y
    return x.shape[-1] if x is not None and x.ndim else 1


@rule(*(f"AbstractConv{d}d{way}" for d in (2, 3) for way in ("", "_gradInputs", "_gradWeights")))
def convolved(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Sums of products of an element of the one operand and one of the other, as many as there are with ones."""
    lengths = [b.raw.tolist() for b in inputs[2:]]

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(node.op.compute(a, b, *(lengths or [[]])))

    return _product(node, inputs[:2], product)


def _product(node: Any, inputs: Bounds, product: Any, terms: int | None = None) -> Bounds | None:
    dtype = node.outputs[0].type.dtype
    a, b = (as_dtype(v, dtype) for v in inputs)
    if a.y is None or b.y is None or dtype not in FLOATS:
        return None
    if terms is None:
        terms = int(np.max(product(np.ones(a.y.shape), np.ones(b.y.shape)), initial=0))
    total = np.asarray(product(a.y, b.y))
    left, right = np.abs(a.y), np.abs(b.y)
    error = np.asarray(product(a.e, right) + product(left, b.e) + product(a.e, b.e))
    size = np.asarray(product(left + a.e, right + b.e))
    free = (error == 0) & fits_grid(size, quantum(a.y) * quantum(b.y), dtype)
    underflow = np.where(size == 0, ZERO, WIDE(terms) * np.finfo(dtype).tiny)
    grown = np.where(size > limit(dtype), INF, error + gamma(terms, dtype) * size + underflow)
    return [Bound(total, np.where(free, error, grown), dtype)]


@rule("CumOp")
def accumulated(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    dtype = node.outputs[0].type.dtype
    if x.y is None or dtype not in FLOATS:
        return None
    axis = node.op.axis
    x = as_dtype(x, dtype)
    flat = axis is None
    y, e = (a.ravel() if flat else a for a in (x.y, x.e))
    along = 0 if flat else axis
    count = gamma(y.shape[along], dtype)
    if node.op.mode == "add":
        total, error = np.cumsum(y, along), np.cumsum(e, along)
        size = np.cumsum(np.abs(y) + e, along)
        free = (error == 0) & fits_grid(size, quantum(y), dtype)
        return [Bound(total, np.where(free, error, error + count * size), dtype)]
    total, size = np.cumprod(y, along), np.cumprod(np.abs(y) + e, along)
    sure = np.cumsum(e, along) == 0
    error = np.where(sure, ZERO, size - np.cumprod(np.abs(y), along))
    inside, lost = _range_of_parts(y, e, dtype, lambda factors: np.cumprod(factors, along))
    free = sure & inside & (np.cumsum(bits_used(y), along) <= np.finfo(dtype).nmant + 1)
    grown = error + count * size + lost
    return [Bound(total, np.where(free, error, grown), dtype)]


@rule("RandomFunction")
def drawn(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """A draw from exact parameters is defined to the bit."""
    if not all(b.exact for b in inputs):
        return None
    return [Bound.exactly(r) for r in node.op.perform(node, *[b.raw for b in inputs])]


@rule("Choose")
def named(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Element by element one of the choices: it rounds where that is of a narrower dtype."""
    index, *choices = inputs
    dtype = node.outputs[0].type.dtype
    if not index.exact or dtype not in FLOATS or any(b.y is None for b in choices):
        return None
    parts = [as_dtype(b, dtype) for b in choices]
    shape = np.broadcast_shapes(index.y.shape, *(b.y.shape for b in parts))
    numbers = np.broadcast_to(index.raw.astype("int64"), shape)
    numbers = numbers % len(parts) if node.op.mode == "wrap" else numbers.clip(0, len(parts) - 1)

    def chosen(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(np.select([numbers == k for k in range(len(parts))], values, ZERO))

    return [Bound(chosen([b.y for b in parts]), chosen([b.e for b in parts]), dtype)]


@rule("SearchsortedOp")
def inserted(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """As many elements lie before a value as are smaller for certain, at least; as may be, at most."""
    x, v, *order = inputs
    if x.y is None or v.y is None or not all(b.exact for b in order):
        return None
    places = order[0].raw if order else slice(None)
    y, low, high = x.y[places], x.low[places], x.high[places]
    if np.any(y[1:] < y[:-1]) or not np.all(np.isfinite(y)):
        return None
    # One that touches the value within the doubt may lie on either side; one without doubt is compared as told.
    sure = x.certain[places] & v.certain[..., None]
    before = np.less if node.op.side == "left" else np.less_equal
    least = np.where(sure, before(y, v.y[..., None]), high < v.low[..., None]).sum(axis=-1)
    most = np.where(sure, before(y, v.y[..., None]), low <= v.high[..., None]).sum(axis=-1)
    place = np.asarray(np.searchsorted(y, v.y, side=node.op.side))
    return [Bound(place.astype(WIDE), np.maximum(most - place, place - least).astype(WIDE), "int64")]


@rule("All", "Any")
def truth_of_all(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Certain if no element is in doubt, or one decides."""
    (x,) = inputs
    if x.y is None:
        return None
    axes = _axes(node.op, x.y.ndim)
    decides = (x.y == 0) if type(node.op).__name__ == "All" else (x.y != 0)
    truth = np.asarray(np.any(decides, axis=axes)) != (type(node.op).__name__ == "All")
    sure = np.all(x.certain, axis=axes) | np.any(decides & x.certain, axis=axes)
    return [Bound(truth.astype(WIDE), np.where(sure, ZERO, WIDE(1)), "bool")]


@rule("Unique", "Nonzero")
def as_many_as_there_are(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Even the number of elements follows from the values: nothing is known unless they are."""
    if not all(b.exact for b in inputs):
        return None
    return [Bound.exactly(r) for r in node.op.perform(node, *[b.raw for b in inputs])]


@rule("ARange", "Eye", "Tri", "AllocEmpty", "Shape", "Shape_i")
def of_shapes(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Nothing rounds: the result is the operation's own, and depends on exact operands or on shapes alone."""
    name = type(node.op).__name__
    if name not in ("Shape", "Shape_i") and not all(b.exact for b in inputs):
        return None
    values = [approximate(b, getattr(v.type, "dtype", "")) for b, v in zip(inputs, node.inputs)]
    return [Bound.exactly(r) for r in node.op.perform(node, *values)]
