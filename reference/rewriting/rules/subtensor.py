"""Indexing: an index of an index, of something just written, of something that need not be computed whole.

Owns the algebra of basic indices (integers and slices). Slices never fail and integers do, so a rule that
drops an integer index, or what it would have read from, promises RAISES. It must not touch index arrays,
where an index may occur twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import ScalarType
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import is_number
from reference.rewriting.summands import sum_of, summands_of
from reference.tensor import elemwise
from reference.tensor.creation import Alloc
from reference.tensor.elemwise import DimShuffle, Elemwise
from reference.tensor.indexing import IncSubtensor, Span, Subtensor, slice_length, with_values
from reference.tensor.joining import Join
from reference.tensor.shape import MakeVector, Rebroadcast, Shape_i

EXACT, REAL, STABLE, FINITE, RAISES = Promise

Entry = Any
"""An integer (a ScalarType variable) or a slice of such, or of None."""

FULL = slice(None)


def index_of(node: Apply) -> list[Entry]:
    """The index of a Subtensor or IncSubtensor: an entry for each dimension it mentions."""
    return list(with_values(node.op.idx_list, _index_inputs(node)))  # type: ignore[attr-defined]


def _index_inputs(node: Apply) -> tuple[Variable, ...]:
    return node.inputs[1:] if isinstance(node.op, Subtensor) else node.inputs[2:]


def indexed(x: Variable, index: Sequence[Entry]) -> Variable:
    """``x[index]``, without the full slices at the end."""
    index = list(index)
    while index and index[-1] == FULL:
        index.pop()
    if not index:
        return x
    described: list[Any] = []
    values: list[Variable] = []
    for entry in index:
        if not isinstance(entry, slice):
            described.append(entry.type.dtype)
            values.append(entry)
            continue
        parts = (entry.start, entry.stop, entry.step)
        described.append(Span(*[None if p is None else p.type.dtype for p in parts]))
        values.extend(p for p in parts if p is not None)
    return Subtensor(tuple(described))(x, *values)


def number(entry: Entry) -> int | None:
    """The integer that part of an index is, if that is known."""
    return int(entry.data) if isinstance(entry, Constant) else None


def _scalar(value: int) -> Constant:
    return Constant(ScalarType("int64"), np.int64(value))


def _same_index(a: Apply, b: Apply) -> bool:
    """Do two nodes read or write the same place? Constants have been merged: identity decides."""
    same_form = a.op.idx_list == b.op.idx_list  # type: ignore[attr-defined]
    return same_form and _index_inputs(a) == _index_inputs(b)


def _plain(entry: Entry) -> Entry:
    """A slice without the parts that say nothing: ``0:``, ``::1``, ``:9223372036854775807``."""
    if not isinstance(entry, slice):
        return entry
    step = None if number(entry.step) == 1 else entry.step
    rising = step is None or (number(step) or 0) > 0
    start = None if rising and number(entry.start) == 0 else entry.start
    stop = None if rising and (number(entry.stop) or 0) == np.iinfo("int64").max else entry.stop
    return slice(start, stop, step)


@rewrite(EXACT, on=Subtensor, cheap=True)
def slice_plain(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x[0:n:1, :] -> x[:n]; x[:] -> x."""
    before = index_of(node)
    after = [_plain(entry) for entry in before]
    if after == before and after and after[-1] != FULL:
        return None
    new = indexed(node.inputs[0], after)
    return [new] if new.type == node.outputs[0].type else None


@rewrite(EXACT, on=Subtensor)
def index_of_index(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x[a:][i] -> x[a + i]; x[i][j] -> x[i, j]; where numbers from the front tell the sum."""
    return _merged(node, _composed)


@rewrite(RAISES, on=Subtensor)
def end_of_slice(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x[a:][-1] -> x[-1]."""
    return _merged(node, _composed_at_end)


def _merged(node: Apply, compose: Any) -> Replacement:
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, Subtensor):
        return None
    outer = iter(index_of(node))
    merged = []
    for entry in index_of(inner):
        joined = compose(entry, next(outer, FULL)) if isinstance(entry, slice) else entry
        if joined is None:
            return None
        merged.append(joined)
    new = indexed(inner.inputs[0], [*merged, *outer])
    return [new] if new.type == node.outputs[0].type else None


def _composed(first: slice, then: Entry) -> Entry | None:
    """The one index that does what `first` and `then` do in turn, the same errors included; or None."""
    first = _plain(first)
    if first == FULL:
        return then
    if then == FULL:
        return first
    if _reverses(first) and isinstance(then, slice) and _reverses(then):
        return FULL
    if first.step is not None or (isinstance(then, slice) and then.step is not None):
        return None
    start, stop = number(first.start) if first.start is not None else 0, number(first.stop)
    if start is None or start < 0 or (first.stop is not None and (stop is None or stop < start)):
        return None
    if not isinstance(then, slice):
        place = number(then)
        if place is None or place < 0 or (stop is not None and start + place >= stop):
            return None
        return _scalar(start + place)
    low = number(then.start) if then.start is not None else 0
    high = number(then.stop)
    if low is None or low < 0 or (then.stop is not None and (high is None or high < 0)):
        return None
    ends = [e for e in (stop, None if high is None else start + high) if e is not None]
    return slice(_scalar(start + low), _scalar(min(ends)) if ends else None, None)


def _composed_at_end(first: slice, then: Entry) -> Entry | None:
    first = _plain(first)
    if first == FULL or then == FULL:
        return _composed(first, then)
    start, place = number(first.start), None if isinstance(then, slice) else number(then)
    if first.stop is not None or first.step is not None or start is None or start < 0:
        return None
    return then if place is not None and place < 0 else None


def _reverses(entry: slice) -> bool:
    return entry.start is None and entry.stop is None and number(entry.step) == -1


# Parts of what was put together.


@rewrite(EXACT, on=Subtensor, cheap=True)
def element_of_lengths(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """MakeVector(Shape_i{0}(x), Shape_i{1}(x))[1] -> Shape_i{1}(x)."""
    return _element(node, only_lengths=True)


@rewrite(RAISES, on=Subtensor)
def element_of_vector(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """MakeVector(a, b)[1] -> b; MakeVector(a, b, c)[1:] -> MakeVector(b, c)."""
    return _element(node, only_lengths=False)


def _element(node: Apply, only_lengths: bool) -> Replacement:
    vector = node.inputs[0].owner
    if vector is not None and isinstance(vector.op, Rebroadcast) and not any(b for _, b in vector.op.axes):
        vector = vector.inputs[0].owner
    if vector is None or not isinstance(vector.op, MakeVector):
        return None
    if only_lengths and not _lengths_of_one(vector.inputs):
        return None
    (entry,) = index_of(node)
    out = node.outputs[0]
    if isinstance(entry, slice):
        parts = [entry.start, entry.stop, entry.step]
        known = [None if p is None else number(p) for p in parts]
        if any(k is None and p is not None for k, p in zip(known, parts)) or known[2] == 0:
            return None
        new = vector.op.make_node(*vector.inputs[slice(*known)]).outputs[0]
        return [new] if new.type == out.type else None
    place = number(entry)
    if place is None or not -len(vector.inputs) <= place < len(vector.inputs):
        return None
    return [elemwise.cast(vector.inputs[place], out.type.dtype)]


def _lengths_of_one(elements: Sequence[Variable]) -> bool:
    """Are these lengths of one tensor, or just there, so that leaving some out cannot hide an error?"""
    computed = [v.owner for v in elements if v.owner is not None]
    return all(isinstance(n.op, Shape_i) for n in computed) and len({n.inputs[0] for n in computed}) <= 1


@rewrite(RAISES, on=Subtensor)
def part_of_stack(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Join(0, x, y)[1] -> y[0], where every part has length 1 there by its type."""
    join = node.inputs[0].owner
    if join is None or not isinstance(join.op, Join) or number(join.inputs[0]) != 0:
        return None
    parts = join.inputs[1:]
    first, *rest = index_of(node)
    place = None if isinstance(first, slice) else number(first)
    if place is None or not all(v.type.broadcastable[0] for v in parts) or not -len(parts) <= place < len(parts):
        return None
    part = parts[place]
    kept = DimShuffle(part.type.broadcastable, tuple(range(1, part.type.ndim)))(part)
    new = indexed(kept, rest)
    return [new] if new.type == node.outputs[0].type else None


@rewrite(RAISES, on=Subtensor)
def part_of_alloc(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Alloc(v, n, m)[a:b] -> Alloc(v, length of a:b, m), for a v of one element."""
    alloc = node.inputs[0].owner
    if alloc is None or not isinstance(alloc.op, Alloc) or not all(alloc.inputs[0].type.broadcastable):
        return None
    value, *lengths = alloc.inputs
    index = index_of(node)
    kept = [slice_length(n, e.start, e.stop, e.step) for n, e in zip(lengths, index) if isinstance(e, slice)]
    scalar = DimShuffle(value.type.broadcastable, ())(value)
    new = Alloc()(scalar, *kept, *lengths[len(index) :])
    return [new] if new.type == node.outputs[0].type else None


# What was just written, and what is written twice.


@rewrite(RAISES, on=Subtensor)
def read_what_was_set(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """set_subtensor(x[i], y)[i] -> y, where y has the part's type; set_subtensor(x[i][:], y) where it may stretch."""
    write = node.inputs[0].owner
    if write is None or not isinstance(write.op, IncSubtensor) or not write.op.set_instead_of_inc:
        return None
    if not _same_index(write, node):
        return None
    x, y, *index = write.inputs
    out = node.outputs[0]
    new = elemwise.cast(y, out.type.dtype)
    if new.type != out.type:
        return None
    surely = write.op.fits or all(out.type.broadcastable)
    return [new if surely else IncSubtensor((Span(),), True)(node.op(x, *index), new)]


@rewrite(RAISES, on=IncSubtensor)
def set_what_was_read(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """set_subtensor(x[i], x[i]) -> x."""
    read = node.inputs[1].owner
    if not node.op.set_instead_of_inc or read is None or not isinstance(read.op, Subtensor):  # type: ignore[attr-defined]
        return None
    return [node.inputs[0]] if read.inputs[0] is node.inputs[0] and _same_index(read, node) else None


@rewrite(RAISES, on=IncSubtensor)
def set_twice(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """set_subtensor(set_subtensor(x[i], y)[i], z) -> set_subtensor(x[i], z)."""
    first = node.inputs[0].owner
    if not node.op.set_instead_of_inc or first is None or first.op != node.op:  # type: ignore[attr-defined]
        return None
    if not _same_index(first, node):
        return None
    return node.op.make_node(first.inputs[0], *node.inputs[1:]).outputs


@rewrite(REAL, on="add")
def pieces_put_together(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """inc(0, g)[:a] + inc(0, h)[a:] -> Join(g, h): the gradient of a value that was cut to pieces."""
    total = node.outputs[0]
    read = fgraph.clients.get(total, ())
    if any(client.node is not None and client.node.op == node.op for client in read):
        return None  # the whole sum is looked at
    pieces: dict[tuple[int, int], Apply] = {}
    rest: list[Variable] = []
    for v in summands_of(total):
        place = _piece_of_zeros(v)
        axis = next(iter(pieces))[0] if pieces and place is not None else place and place[0]
        if place is None or place in pieces or place[0] != axis:
            rest.append(v)
        else:
            pieces[place] = v.owner  # type: ignore[assignment]
    if len(pieces) < 2:
        return None
    axis = next(iter(pieces))[0]
    parts: list[Variable] = []
    reached: int | None = 0
    for place in sorted(pieces):
        if place[1] != reached:
            return None
        parts.append(pieces[place].inputs[1])
        reached = number(index_of(pieces[place])[axis].stop)
    if reached is not None:
        behind = [FULL] * axis + [slice(_scalar(reached), None)]
        parts.append(indexed(next(iter(pieces.values())).inputs[0], behind))
    new = sum_of([elemwise.cast(Join()(axis, *parts), total.type.dtype), *rest])
    return [new] if new.type == total.type else None


def _piece_of_zeros(v: Variable) -> tuple[int, int] | None:
    """(axis, first place) if `v` is zeros with one slice, between constants from the front, incremented."""
    node = v.owner
    if node is None or not isinstance(node.op, IncSubtensor) or node.op.set_instead_of_inc:
        return None
    zeros = node.inputs[0].owner
    if zeros is None or not isinstance(zeros.op, Alloc) or not is_number(zeros.inputs[0], 0.0):
        return None
    index = index_of(node)
    cut = [axis for axis, entry in enumerate(index) if entry != FULL]
    if len(cut) != 1 or not isinstance(index[cut[0]], slice) or index[cut[0]].step is not None:
        return None
    axis, entry = cut[0], index[cut[0]]
    start = 0 if entry.start is None else number(entry.start)
    stop = number(entry.stop)
    pattern = node.inputs[1].type.broadcastable  # type: ignore[attr-defined]
    known = entry.stop is None or (stop is not None and stop >= 0)
    whole = node.op.fits and pattern == v.type.broadcastable and not v.type.broadcastable[axis]
    return (axis, start) if start is not None and start >= 0 and known and whole else None


# Compute only the part that is read.


@rewrite(EXACT, on=Subtensor)
def part_of_elementwise(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(x, 2)[i] -> f(x[i], 2), where f is correctly rounded and nobody else reads f(x, 2)."""
    return _lifted(fgraph, node, rounded=False)


@rewrite(REAL, on=Subtensor)
def part_of_function(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """exp(x)[i] -> exp(x[i]), where nobody else reads exp(x)."""
    return _lifted(fgraph, node, rounded=True)


def _lifted(fgraph: FunctionGraph, node: Apply, rounded: bool) -> Replacement:
    whole = node.inputs[0]
    inner = whole.owner
    if inner is None or not isinstance(inner.op, Elemwise) or len(fgraph.clients.get(whole, ())) != 1:
        return None
    if (inner.op.scalar_op.ulp > 0) is not rounded:
        return None
    wide = [k for k, v in enumerate(inner.inputs) if v.type.broadcastable == whole.type.broadcastable]
    others = [v for k, v in enumerate(inner.inputs) if k != wide[0]] if wide else list(inner.inputs)
    if not wide or not all(all(v.type.broadcastable) for v in others):
        return None
    index = index_of(node)
    kept = [k for k in range(whole.type.ndim) if k >= len(index) or isinstance(index[k], slice)]
    # Of one element each: all are read by the index, which rules for what is put together look through.
    read = wide if all(whole.type.broadcastable) else wide[:1]
    operands = [
        indexed(v, index) if k in read else DimShuffle(v.type.broadcastable, tuple(kept))(v)
        for k, v in enumerate(inner.inputs)
    ]
    new = inner.op(*operands)
    return [new] if new.type == node.outputs[0].type else None
