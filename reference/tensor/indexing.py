"""The operations of indexing: reading a part of a tensor, and a tensor with a part set or incremented.

Owns how an index is described in an op. Basic indices (integers and slices) are scalars, one node input
each, described by the op's `idx_list`; arrays and masks are tensors. Where an index occurs twice the last
value is kept by a set and every value is added, in index order, by an increment. It must not know how
brackets are read: `subtensor.py` makes these operations of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import INTEGERS
from reference.graph.errors import ShapeError
from reference.graph.types import ScalarType, TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import (
    eq,
    mul,
    second,
    switch,
)
from reference.tensor.shape import (
    ONE,
    addbroadcast,
    reshape,
    shape_i,
    shape_tuple,
)
from reference.tensor.slices import known_index, slice_length

__all__ = [
    "AdvancedIncSubtensor", "AdvancedIncSubtensor1", "AdvancedSubtensor", "AdvancedSubtensor1", "IncSubtensor",
    "Span", "Subtensor", "slice_length",
]  # fmt: skip

ARRAY = "array"
"""Marks, in the pattern of an advanced index, an index that is a tensor: integers, or a mask if bool."""


@dataclass(frozen=True)
class Span:
    """A slice in an index description: the dtype of each of its parts that is given."""

    start: str | None = None
    stop: str | None = None
    step: str | None = None

    @property
    def parts(self) -> tuple[str | None, str | None, str | None]:
        return self.start, self.stop, self.step

    def __str__(self) -> str:
        return f"{self.start or ''}:{self.stop or ''}:{self.step or ''}"


FULL = Span()
Index = str | Span


def described(idx_list: Sequence[Index]) -> str:
    return ", ".join(map(str, idx_list))


def with_values(idx_list: Sequence[Index], values: Sequence[Any]) -> tuple[Any, ...]:
    """The index with a value for each dtype: integers and slices (arrays where the pattern says so)."""
    rest = iter(values)

    def fill(entry: Index) -> Any:
        if isinstance(entry, Span):
            return slice(*[None if part is None else next(rest) for part in entry.parts])
        return next(rest)

    return tuple(fill(entry) for entry in idx_list)


def _count(idx_list: Sequence[Index]) -> int:
    return sum(3 - entry.parts.count(None) if isinstance(entry, Span) else 1 for entry in idx_list)


def _check_indices(op: Op, idx_list: Sequence[Index], values: Sequence[Any]) -> None:
    if len(values) != _count(idx_list):
        raise TypeError(f"{op} takes {_count(idx_list)} index values, got {len(values)}")
    for v in values:
        if not isinstance(v, Variable) or not isinstance(v.type, ScalarType | TensorType):
            raise TypeError(f"{op}: {v!r} is no index")


def sum_to(g: Variable, y: Variable, fits: bool) -> Variable:
    """The gradient `g` of a region, summed over the dimensions along which `y` was stretched to fill it; unless y
    `fits`, along which of them is known when lengths are."""
    from reference.tensor.joining import join
    from reference.tensor.reduce import sum as sum_

    extra = g.type.ndim - y.type.ndim
    if extra:
        g = sum_(g, axis=list(range(extra)))
    stretched = [k for k, b in enumerate(y.type.broadcastable) if b and not g.type.broadcastable[k]]
    g = sum_(g, axis=stretched, keepdims=True) if stretched else g
    for axis in [] if fits else [k for k, b in enumerate(y.type.broadcastable) if not b]:
        n, wanted = shape_i(g, axis), shape_i(y, axis)
        both = join(axis, g, sum_(g, axis=axis, keepdims=True))
        start = switch(eq(n, wanted), 0, n)
        g = both[(slice(None),) * axis + (slice(start, start + wanted),)]
    return g


class Reading(Op):
    """What the operations that read a part share: inputs are the tensor, then the index."""

    def writing(self, set_instead_of_inc: bool, fits: bool = False) -> Op:
        """The operation that writes the same part."""
        raise NotImplementedError

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        x, *index = inputs
        (g,) = output_gradients
        zeros = second(x, np.zeros((), g.type.dtype))
        return [self.writing(False, fits=True)(zeros, g, *index), *[None] * len(index)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)


class Writing(Op):
    """What the operations that write a part share: inputs are the tensor, the values, then the index.

    Values stretch along dimensions of length 1, be that in their type or found at run time; not if `fits` says that
    they have the part's shape, as those of a gradient do.
    """

    set_instead_of_inc: bool
    fits: bool

    def reading(self) -> Reading:
        """The operation that reads the same part."""
        raise NotImplementedError

    def make_node(self, x: Any, y: Any, *values: Any) -> Apply:
        x, y, _ = self.prepared(x, y, *values)
        return Apply(self, [x, y, *values], [x.type()])

    def prepared(self, x: Any, y: Any, *index: Any) -> tuple[Variable, Variable, Variable]:
        """x, y and the part of x, after checking that y fits it."""
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        part = self.reading()(x, *index)
        if y.type.ndim > part.type.ndim:
            raise TypeError(
                f"{self}: the part of {x} has {part.type.ndim} dimensions, the value {y} has {y.type.ndim}"
            )
        if not np.can_cast(y.type.dtype, x.type.dtype, casting="same_kind"):
            raise TypeError(f"{self}: {y}, a {y.type.dtype}, does not go into {x} of type {x.type}; cast it")
        narrow = part.type.broadcastable[part.type.ndim - y.type.ndim :]
        fixed = [k for k, b in enumerate(narrow) if b and not y.type.broadcastable[k]]
        return x, addbroadcast(y, *fixed) if fixed else y, part

    def written(self, node: Apply, x: np.ndarray, y: np.ndarray, index: Any) -> np.ndarray:
        """A copy of `x` with `y` written where `index`, as NumPy takes it, says."""
        result = x.copy()
        repeats = any(isinstance(i, np.ndarray) and i.dtype != bool for i in index)
        # In C order: NumPy goes through indices as they lie in memory, and of those named twice the last one wins.
        index = tuple(np.asarray(i, order="C") if isinstance(i, np.ndarray) else i for i in index)
        # The part's shape: read from a stand-in, so that no data moves.
        part = np.broadcast_to(np.int8(0), x.shape)[index].shape
        stretches = node.inputs[1].type.broadcastable
        for axis in range(-y.ndim, 0):
            if y.shape[axis] != part[axis] and not (y.shape[axis] == 1 and (stretches[axis] or not self.fits)):
                raise ShapeError(f"{self}: a value of shape {y.shape} does not fit a part of shape {part}")
        y = y.astype(x.dtype, copy=False)
        if self.set_instead_of_inc:
            result[index] = y
        elif repeats:
            # Of one dimension, NumPy's add.at reads beyond the end of increments that it has to repeat.
            np.add.at(result, index, np.broadcast_to(y, part))
        else:
            result[index] += y
        return result

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        x, y, *index = inputs
        (g,) = output_gradients
        part = self.reading()(g, *index)
        if self.set_instead_of_inc:
            winners = self.winners(x, index)
            if winners is not None:
                part = switch(winners, part, 0)
            gx = self.reading().writing(True)(g, np.zeros((), g.type.dtype), *index)
        else:
            gx = g
        return [gx, sum_to(part, y, self.fits), *[None] * len(index)]

    def winners(self, x: Variable, index: Sequence[Variable]) -> Variable | None:
        """Which places of the part are kept by a set: where an index occurs twice, the last. None: all are."""
        if not any(isinstance(i.type, TensorType) and i.type.dtype in INTEGERS for i in index):
            return None
        from reference.tensor.creation import arange

        marks = second(x, np.int64(-1))
        lengths = shape_tuple(self.reading()(marks, *index))
        numbers = reshape(arange(mul(ONE, *lengths)), lengths)
        pattern = self.reading()(x, *index).type.broadcastable
        numbers = addbroadcast(numbers, *[k for k, b in enumerate(pattern) if b])
        reading = self.reading()
        return eq(reading(reading.writing(True, fits=True)(marks, numbers, *index), *index), numbers)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True]] + [[False]] * (len(node.inputs) - 2)


@dataclass(frozen=True)
class Subtensor(Reading):
    """``x[i, j:k, ...]`` with integers and slices: inputs are x, then a scalar for each dtype in `idx_list`."""

    idx_list: tuple[Index, ...]

    view_of = {0: 0}

    def __post_init__(self) -> None:
        object.__setattr__(self, "idx_list", tuple(self.idx_list))

    def make_node(self, x: Any, *values: Any) -> Apply:
        x = as_tensor_variable(x)
        if len(self.idx_list) > x.type.ndim:
            raise IndexError(f"too many indices: {len(self.idx_list)} for {x} of type {x.type}")
        _check_indices(self, self.idx_list, values)
        index = with_values(self.idx_list, values)
        pattern = [
            stretches and _keeps_one(entry)
            for entry, stretches in zip(index, x.type.broadcastable)
            if isinstance(entry, slice)
        ]
        return Apply(self, [x, *values], [TensorType(x.type.dtype, (*pattern, *x.type.broadcastable[len(index) :]))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        return self._reader()(*inputs)

    def thunk(self, node: Apply) -> Callable[..., tuple[np.ndarray]]:
        if not all(isinstance(v, Constant) for v in node.inputs[1:]):
            return self._reader()
        index = (*with_values(self.idx_list, [v.data for v in node.inputs[1:]]), ...)
        return lambda x, *_: (x[index],)

    def _reader(self) -> Callable[..., tuple[np.ndarray]]:
        """The meaning, with the values' places in the index found once."""
        places = with_values(self.idx_list, range(_count(self.idx_list)))

        def run(x: np.ndarray, *values: Any) -> tuple[np.ndarray]:
            index: list[Any] = []
            for place in places:
                if isinstance(place, slice):
                    parts = (place.start, place.stop, place.step)
                    index.append(slice(*[None if k is None else values[k] for k in parts]))
                else:
                    index.append(values[place])
            index.append(Ellipsis)
            return (x[tuple(index)],)

        return run

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        index = with_values(self.idx_list, node.inputs[1:])
        lengths = [
            slice_length(n, entry.start, entry.stop, entry.step)
            for entry, n in zip(index, shapes[0])
            if isinstance(entry, slice)
        ]
        return [(*lengths, *shapes[0][len(index) :])]

    def writing(self, set_instead_of_inc: bool, fits: bool = False) -> IncSubtensor:
        return IncSubtensor(self.idx_list, set_instead_of_inc, fits)

    def __str__(self) -> str:
        return f"Subtensor{{{described(self.idx_list)}}}"


def _keeps_one(part: slice) -> bool:
    """Does this slice of a dimension of length 1 surely have length 1?"""
    if part.start is not None and known_index(part.start) != 0:
        return False
    if part.stop is None:
        return True
    stop, step = known_index(part.stop), 1 if part.step is None else known_index(part.step)
    return stop is not None and stop > 0 and step is not None and step > 0


@dataclass(frozen=True)
class IncSubtensor(Writing):
    """`x` with ``x[index]`` set to y, or incremented by it; the index as `Subtensor` takes it."""

    idx_list: tuple[Index, ...]
    set_instead_of_inc: bool = False
    fits: bool = False

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        x, y, *values = inputs
        return (self.written(node, x, y, (*with_values(self.idx_list, values), ...)),)

    def reading(self) -> Subtensor:
        return Subtensor(self.idx_list)

    def __str__(self) -> str:
        return f"IncSubtensor{{{'Set' if self.set_instead_of_inc else 'Inc'};{described(self.idx_list)}}}"


def _index_vector(op: Op, i: Any) -> Variable:
    i = as_tensor_variable(i)
    if i.type.ndim != 1 or i.type.dtype not in INTEGERS:
        raise TypeError(f"{op} takes a vector of integers, got {i} of type {i.type}")
    return i


@dataclass(frozen=True)
class AdvancedSubtensor1(Reading):
    """The rows ``x[i]`` for an integer vector i."""

    def make_node(self, x: Any, i: Any) -> Apply:
        x, i = as_tensor_variable(x), _index_vector(self, i)
        if x.type.ndim == 0:
            raise TypeError(f"{x} has no dimension to index")
        pattern = (i.type.broadcastable[0], *x.type.broadcastable[1:])
        return Apply(self, [x, i], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, i = inputs
        return (np.asarray(x[i]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [(shapes[1][0], *shapes[0][1:])]

    def writing(self, set_instead_of_inc: bool, fits: bool = False) -> AdvancedIncSubtensor1:
        return AdvancedIncSubtensor1(set_instead_of_inc, fits)


@dataclass(frozen=True)
class AdvancedIncSubtensor1(Writing):
    """`x` with the rows ``x[i]`` set to y or incremented by it: inputs x, y, i."""

    set_instead_of_inc: bool = False
    fits: bool = False

    def make_node(self, x: Any, y: Any, i: Any) -> Apply:
        i = _index_vector(self, i)
        x, y, _ = self.prepared(x, y, i)
        return Apply(self, [x, y, i], [x.type()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, y, i = inputs
        return (self.written(node, x, y, (i,)),)

    def reading(self) -> AdvancedSubtensor1:
        return AdvancedSubtensor1()

    def __str__(self) -> str:
        return f"AdvancedIncSubtensor1{{no_inplace,{'set' if self.set_instead_of_inc else 'inc'}}}"


class _Arrays:
    """NumPy's rule for where the dimensions of index arrays go, for one pattern and one list of index values.

    Arrays and, beside them, integers are broadcast together. If they stand side by side their dimensions
    take that place, else they come first. A mask of rank m stands for m vectors.
    """

    def __init__(self, pattern: Sequence[Index], index: Sequence[Any]):
        self.slices: list[tuple[int, slice]] = []
        self.arrays: list[Variable] = []
        axis = before = 0
        places: list[int] = []
        for k, (entry, value) in enumerate(zip(pattern, index)):
            if isinstance(entry, Span):
                self.slices.append((axis, value))
                axis += 1
                continue
            if not places:
                before = len(self.slices)
            places.append(k)
            if entry == ARRAY:
                self.arrays.append(value)
                axis += value.type.ndim if value.type.dtype == "bool" else 1
            else:
                axis += 1
        self.consumed = axis
        self.front = before if places[-1] - places[0] == len(places) - 1 else 0

    def ranks(self) -> list[int]:
        return [1 if a.type.dtype == "bool" else a.type.ndim for a in self.arrays]

    def pattern(self) -> tuple[bool, ...]:
        """The broadcast pattern of the arrays' common shape."""
        rank = max(self.ranks())
        rows = [
            (False,) if a.type.dtype == "bool" else (True,) * (rank - a.type.ndim) + a.type.broadcastable
            for a in self.arrays
        ]
        padded = [(True,) * (rank - len(row)) + row for row in rows]
        return tuple(all(column) for column in zip(*padded))

    def place(self, slices: Sequence[Any], common: Sequence[Any], rest: Sequence[Any]) -> tuple[Any, ...]:
        """What belongs to the result's dimensions, in their order."""
        return (*slices[: self.front], *common, *slices[self.front :], *rest)


@dataclass(frozen=True)
class AdvancedSubtensor(Reading):
    """``x[index]`` where some indices are tensors: integers of any rank, or masks.

    `pattern` holds, for each index, "array", the dtype of an integer, or a `Span`; inputs are x, then the
    values in that order. Index arrays whose lengths differ must be declared broadcastable there.
    """

    pattern: tuple[Index, ...]

    def _arrays(self, values: Sequence[Any]) -> _Arrays:
        return _Arrays(self.pattern, with_values(self.pattern, values))

    def make_node(self, x: Any, *values: Any) -> Apply:
        x = as_tensor_variable(x)
        _check_indices(self, self.pattern, values)
        arrays = self._arrays(values)
        if arrays.consumed > x.type.ndim:
            raise IndexError(f"too many indices: {arrays.consumed} for {x} of type {x.type}")
        kept = [x.type.broadcastable[axis] and _keeps_one(part) for axis, part in arrays.slices]
        pattern = arrays.place(kept, arrays.pattern(), x.type.broadcastable[arrays.consumed :])
        return Apply(self, [x, *values], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        x, *values = inputs
        check_index_arrays(node.inputs[1:], values)
        return (np.asarray(x[with_values(self.pattern, values)]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        arrays = self._arrays(node.inputs[1:])
        if any(a.type.dtype == "bool" for a in arrays.arrays):
            raise NotImplementedError
        known = dict(zip(node.inputs, shapes))
        pattern = arrays.pattern()
        common = []
        for k, stretches in enumerate(pattern):
            fixed = [
                known[a][a.type.ndim - len(pattern) + k]
                for a in arrays.arrays
                if a.type.ndim >= len(pattern) - k and not a.type.broadcastable[a.type.ndim - len(pattern) + k]
            ]
            common.append(ONE if stretches else fixed[0])
        lengths = [slice_length(shapes[0][axis], p.start, p.stop, p.step) for axis, p in arrays.slices]
        return [arrays.place(lengths, common, shapes[0][arrays.consumed :])]

    def writing(self, set_instead_of_inc: bool, fits: bool = False) -> AdvancedIncSubtensor:
        return AdvancedIncSubtensor(self.pattern, set_instead_of_inc, fits)

    def __str__(self) -> str:
        return "AdvancedSubtensor"


def check_index_arrays(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    """Raise ShapeError unless index arrays agree wherever their types do not say broadcastable."""
    lengths: dict[int, int] = {}
    for v, value in zip(variables, values):
        if not isinstance(v.type, TensorType) or v.type.dtype == "bool":
            continue
        for axis, n in enumerate(value.shape):
            if v.type.broadcastable[axis]:
                continue
            if lengths.setdefault(axis - value.ndim, n) != n:
                shapes = ", ".join(str(np.shape(a)) for a in values if np.ndim(a))
                raise ShapeError(f"index arrays of shapes {shapes} do not fit together")


@dataclass(frozen=True)
class AdvancedIncSubtensor(Writing):
    """`x` with ``x[index]`` set to y or incremented by it; the index as `AdvancedSubtensor` takes it."""

    pattern: tuple[Index, ...]
    set_instead_of_inc: bool = False
    fits: bool = False

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        x, y, *values = inputs
        check_index_arrays(node.inputs[2:], values)
        return (self.written(node, x, y, with_values(self.pattern, values)),)

    def reading(self) -> AdvancedSubtensor:
        return AdvancedSubtensor(self.pattern)

    def __str__(self) -> str:
        return f"AdvancedIncSubtensor{{inplace=False,  set_instead_of_inc={self.set_instead_of_inc}}}"
