"""Several tensors as one, and one as several.

Owns concatenation, splitting and what is made of them: stacking, tiling, rolling. Lengths are int64
scalars; axes are Python ints where they are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import is_discrete, upcast
from reference.graph.errors import ShapeError
from reference.graph.types import DisconnectedType, TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import DimShuffle, cast, pad_left
from reference.tensor.shape import (
    ONE,
    MakeVector,
    as_index,
    as_int64,
    element_of,
    flatten,
    normalize_axis,
    patternbroadcast,
    reshape,
    shape,
    shape_i,
    shape_of_argument,
    shape_padaxis,
    shape_tuple,
)

__all__ = [
    "Join", "Split", "concatenate", "horizontal_stack", "join", "roll", "split", "stack", "stacklists", "tile",
    "vertical_stack",
]  # fmt: skip


@dataclass(frozen=True)
class Join(Op):
    """Concatenate along an axis: inputs are the axis (int scalar), then tensors of one rank."""

    def make_node(self, axis: Any, *tensors: Any) -> Apply:
        axis = as_index(axis)
        tensors = tuple(as_tensor_variable(x) for x in tensors)
        if not tensors:
            raise ValueError("join needs at least one tensor")
        rank = tensors[0].type.ndim
        if rank == 0:
            raise TypeError("join cannot concatenate scalars; use T.stack")
        if any(x.type.ndim != rank for x in tensors):
            raise TypeError(f"join needs tensors of one rank, got {', '.join(f'{x}: {x.type}' for x in tensors)}")
        dtype = upcast(*[x.type.dtype for x in tensors])
        tensors = tuple(cast(x, dtype) for x in tensors)
        if isinstance(axis, Constant):
            k = normalize_axis(axis, rank, "join axis")
            axis = constant(np.int64(k))
            pattern = [any(x.type.broadcastable[i] for x in tensors) for i in range(rank)]
            pattern[k] = len(tensors) == 1 and tensors[0].type.broadcastable[k]
        else:
            pattern = [False] * rank
        return Apply(self, [axis, *tensors], [TensorType(dtype, tuple(pattern))()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray]:
        axis, *arrays = inputs
        k, rank = int(axis), arrays[0].ndim
        if not -rank <= k < rank:
            raise IndexError(f"join axis {k} is out of range for {rank} dimensions")
        try:
            return (np.concatenate(arrays, axis=k),)
        except ValueError:
            shapes = ", ".join(str(a.shape) for a in arrays)
            raise ShapeError(f"cannot join arrays of shapes {shapes} along axis {k}") from None

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        if not isinstance(node.inputs[0], Constant):
            raise NotImplementedError
        from reference.tensor.elemwise import add

        k = int(node.inputs[0].data) % node.outputs[0].type.ndim
        parts = shapes[1:]
        joined = parts[0][k] if len(parts) == 1 else add(*[s[k] for s in parts])
        pattern = node.outputs[0].type.broadcastable
        return [tuple(joined if i == k else ONE if b else parts[0][i] for i, b in enumerate(pattern))]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        axis, *tensors = inputs
        if is_discrete(outputs[0].type.dtype):
            return [None] * len(inputs)
        lengths = [shape(x)[axis] for x in tensors]
        parts = Split(len(tensors))(output_gradients[0], axis, as_tensor_variable(lengths), return_list=True)
        return [None, *[patternbroadcast(p, x.type.broadcastable) for p, x in zip(parts, tensors)]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] + [[True]] * (len(node.inputs) - 1)


@dataclass(frozen=True)
class Split(Op):
    """Cut along an axis into pieces of given lengths: inputs are the tensor, the axis, the lengths."""

    len_splits: int

    def make_node(self, x: Any, axis: Any, splits: Any) -> Apply:
        x, axis, splits = as_tensor_variable(x), as_index(axis), as_int64(as_tensor_variable(splits))
        if splits.type.ndim != 1:
            raise TypeError(f"the lengths of a split are an integer vector, got {splits} of type {splits.type}")
        pattern = [False] * x.type.ndim
        if isinstance(axis, Constant):
            k = normalize_axis(axis, x.type.ndim, "split axis")
            axis = constant(np.int64(k))
            pattern = [b and i != k for i, b in enumerate(x.type.broadcastable)]
        type_ = TensorType(x.type.dtype, tuple(pattern))
        return Apply(self, [x, axis, splits], [type_() for _ in range(self.len_splits)])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray, ...]:
        x, axis, splits = inputs
        lengths, k = splits.tolist(), int(axis)
        if len(lengths) != self.len_splits or min(lengths, default=0) < 0 or sum(lengths) != x.shape[k]:
            raise ShapeError(
                f"cannot split axis {k} of an array of shape {x.shape} into {self.len_splits} pieces of {lengths}"
            )
        before, ends = (slice(None),) * (k % x.ndim), accumulate(lengths)
        places = [(*before, slice(end - n, end)) for n, end in zip(lengths, ends)]
        return tuple(x[place].copy() for place in places)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        if not isinstance(node.inputs[1], Constant):
            raise NotImplementedError
        k = int(node.inputs[1].data) % node.inputs[0].type.ndim
        return [
            tuple(element_of(node.inputs[2], j) if i == k else n for i, n in enumerate(shapes[0]))
            for j in range(self.len_splits)
        ]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        from reference.tensor.creation import zeros_like

        pairs = zip(outputs, output_gradients)
        parts = [zeros_like(o) if isinstance(g.type, DisconnectedType) else g for o, g in pairs]
        return [patternbroadcast(Join()(inputs[1], *parts), inputs[0].type.broadcastable), None, None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] * self.len_splits, [False] * self.len_splits, [False] * self.len_splits]

    def __str__(self) -> str:
        return f"Split{{{self.len_splits}}}"


def join(axis: Any, *tensors: Any) -> Variable:
    """Concatenate along `axis`; a single tensor is returned as it is."""
    return as_tensor_variable(tensors[0]) if len(tensors) == 1 else Join()(axis, *tensors)


def concatenate(tensor_list: Sequence[Any], axis: Any = 0) -> Variable:
    """Concatenate a list of tensors along `axis`."""
    if not isinstance(tensor_list, list | tuple):
        raise TypeError(f"concatenate takes a list or tuple of tensors, got {tensor_list!r}")
    return join(axis, *tensor_list)


def stack(*tensors: Any, axis: int = 0) -> Variable:
    """Join tensors of one shape along a new axis: ``stack([a, b], axis)``, or the older ``stack(a, b)``."""
    parts = list(tensors)
    if tensors and isinstance(tensors[0], list | tuple):
        parts = list(tensors[0])
        axis = tensors[1] if len(tensors) > 1 else axis
    if not parts:
        raise ValueError("stack needs at least one tensor")
    parts = [as_tensor_variable(x) for x in parts]
    k = normalize_axis(axis, parts[0].type.ndim + 1)
    if parts[0].type.ndim == 0 and all(x.type.ndim == 0 for x in parts):
        return MakeVector(upcast(*[x.type.dtype for x in parts]))(*parts)
    return join(k, *[shape_padaxis(x, k) for x in parts])


def stacklists(arg: Any) -> Variable:
    """Nested lists of tensors as one tensor, a dimension a level."""
    return stack([stacklists(x) for x in arg]) if isinstance(arg, list | tuple) else as_tensor_variable(arg)


def split(x: Any, splits_size: Any, n_splits: int, axis: Any = 0) -> list[Variable]:
    """Cut `x` along `axis` into `n_splits` pieces of the given lengths."""
    return Split(n_splits)(x, axis, splits_size, return_list=True)


def horizontal_stack(*matrices: Any) -> Variable:
    """Matrices side by side."""
    return concatenate(matrices, axis=1)


def vertical_stack(*matrices: Any) -> Variable:
    """Matrices one above the other."""
    return concatenate(matrices, axis=0)


def tile(x: Any, reps: Any, ndim: int | None = None) -> Variable:
    """`x` repeated `reps[i]` times along each dimension, as `numpy.tile` does it."""
    x = as_tensor_variable(x)
    counts = shape_of_argument(reps)
    if not isinstance(counts, list):
        raise ValueError("tile needs a sequence of repetitions whose length is known; pass a list")
    rank = max(len(counts), x.type.ndim, ndim or 0)
    counts = [ONE] * (rank - len(counts)) + counts
    x = pad_left(x, rank)
    from reference.tensor.creation import Alloc
    from reference.tensor.elemwise import mul

    lengths = shape_tuple(x)
    doubled = DimShuffle(x.type.broadcastable, tuple(p for a in range(rank) for p in ("x", a)))(x)
    spread = Alloc()(doubled, *[n for pair in zip(counts, lengths) for n in pair])
    return reshape(spread, [mul(c, n) for c, n in zip(counts, lengths)])


def roll(x: Any, shift: Any, axis: int | None = None) -> Variable:
    """The elements shifted by `shift` places along `axis` (of the flattened array if None), around the end."""
    x = as_tensor_variable(x)
    if axis is None:
        return reshape(roll(flatten(x), shift, 0), shape_tuple(x)) if x.type.ndim != 1 else roll(x, shift, 0)
    k = normalize_axis(axis, x.type.ndim)
    from reference.tensor.elemwise import maximum, mod

    length = shape_i(x, k)
    cut = length - mod(as_index(shift), maximum(length, ONE))
    before = (slice(None),) * k
    return join(k, x[before + (slice(cut, None),)], x[before + (slice(None, cut),)])
