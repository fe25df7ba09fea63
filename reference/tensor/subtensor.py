"""Indexing: what stands between the brackets of ``x[...]``, in NumPy's meaning.

Owns the way from Python's indices to the operations of `indexing.py`, `take`, and the writing of parts:
``set_subtensor(x[1:3], y)``. It must not compute anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.graph.core import Constant, Variable
from reference.graph.dtypes import INTEGERS, is_discrete
from reference.graph.types import NoneTypeT, ScalarType, TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import DimShuffle, clip, mod, pad_left, second, sub
from reference.tensor.indexing import (
    ARRAY,
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Index,
    Reading,
    Span,
    Subtensor,
    slice_length,
)
from reference.tensor.shape import (
    ONE,
    Reshape,
    flatten,
    normalize_axis,
    reshape,
    scalar_from_tensor,
    shape_i,
    shape_tuple,
)

__all__ = [
    "AdvancedIncSubtensor", "AdvancedIncSubtensor1", "AdvancedSubtensor", "AdvancedSubtensor1", "IncSubtensor",
    "Span", "Subtensor", "inc_subtensor", "set_subtensor", "slice_length", "take",
]  # fmt: skip


def _scalar_index(i: Any) -> Variable | None:
    """An integer index as a ScalarType variable; None if it is no such thing."""
    if isinstance(i, bool | np.bool_):
        raise TypeError("a Python bool is no index; make a mask with numpy.array([...]), or compare tensors")
    if isinstance(i, int | np.integer):
        dtype = "int64" if isinstance(i, int) else i.dtype.name
        return Constant(ScalarType(dtype), np.dtype(dtype).type(i))
    if isinstance(i, np.ndarray) and i.ndim == 0 and i.dtype.kind in "iu":
        return _scalar_index(i[()])
    if isinstance(i, Variable) and getattr(i.type, "dtype", None) in INTEGERS:
        if isinstance(i.type, ScalarType):
            return i
        if i.type.ndim == 0:
            return _scalar_index(i.data[()]) if isinstance(i, Constant) else scalar_from_tensor(i)
    return None


def _is_none(i: Any) -> bool:
    return i is None or (isinstance(i, Variable) and isinstance(i.type, NoneTypeT))


def _array_index(i: Any) -> Variable:
    v = as_tensor_variable(np.empty(0, "int64") if isinstance(i, list) and not i else i)
    if not is_discrete(v.type.dtype) or v.type.ndim == 0:
        raise TypeError(f"an index is an integer, a slice, an integer tensor or a mask, not {i}: {v.type}")
    return v


def take_index(x: Any, args: Any) -> Any:
    """``x[args]``, with everything that NumPy's indexing knows."""
    if isinstance(args, list) and any(isinstance(a, slice) for a in args):
        args = tuple(args)  # programs compute such lists: x[[slice(None)] * k + [i]]
    args = args if isinstance(args, tuple) else (args,)
    consumed = 0
    entries: list[Any] = []
    for i in args:
        if isinstance(i, list):
            i = as_tensor_variable(i if _holds_variables(i) else np.asarray(i, dtype=None if i else "int64"))
        if i is Ellipsis or isinstance(i, slice) or _is_none(i):
            consumed += isinstance(i, slice)
            entries.append(i)
            continue
        scalar = _scalar_index(i)
        if scalar is not None:
            entries.append(scalar)
            consumed += 1
        else:
            entries.append(_array_index(i))
            consumed += entries[-1].type.ndim if entries[-1].type.dtype == "bool" else 1
    if consumed > x.type.ndim:
        raise IndexError(f"too many indices: {consumed} for {x}, which has {x.type.ndim} dimensions")
    entries = _without_ellipsis(entries, x.type.ndim - consumed)
    if any(_is_none(e) for e in entries):
        x, entries, only_new = _with_new_axes(x, entries)
        if only_new:
            return x
    return _indexed(x, entries)


def _holds_variables(items: Any) -> bool:
    return any(_holds_variables(i) if isinstance(i, list) else isinstance(i, Variable) for i in items)


def _without_ellipsis(entries: list[Any], missing: int) -> list[Any]:
    dots = [k for k, e in enumerate(entries) if e is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if dots:
        entries = [*entries[: dots[0]], *[slice(None)] * missing, *entries[dots[0] + 1 :]]
    return entries


def _with_new_axes(x: Variable, entries: list[Any]) -> tuple[Variable, list[Any], bool]:
    """Put None's dimensions into `x`, and full slices in their place; the last: was that all there is?"""
    order: list[int | str] = []
    axis = 0
    for e in entries:
        if _is_none(e):
            order.append("x")
            continue
        width = e.type.ndim if isinstance(e, Variable) and getattr(e.type, "dtype", "") == "bool" else 1
        order.extend(range(axis, axis + width))
        axis += width
    order.extend(range(axis, x.type.ndim))
    x = DimShuffle(x.type.broadcastable, tuple(order))(x)
    rest = [slice(None) if _is_none(e) else e for e in entries]
    return x, rest, all(_is_full(e) for e in rest)


def _is_full(e: Any) -> bool:
    return isinstance(e, slice) and e.start is None and e.stop is None and e.step is None


def _indexed(x: Variable, entries: list[Any]) -> Variable:
    arrays = [k for k, e in enumerate(entries) if isinstance(e, Variable) and isinstance(e.type, TensorType)]
    others = [e for k, e in enumerate(entries) if k not in arrays]
    if len(arrays) == 1 and entries[arrays[0]].type.dtype != "bool" and all(_is_full(e) for e in others):
        return take(x, entries[arrays[0]], axis=arrays[0])
    pattern: list[Index] = []
    values: list[Variable] = []
    for k, e in enumerate(entries):
        if isinstance(e, slice):
            parts = [None if _is_none(p) else _slice_part(p) for p in (e.start, e.stop, e.step)]
            pattern.append(Span(*[None if p is None else p.type.dtype for p in parts]))
            values.extend(p for p in parts if p is not None)
        else:
            pattern.append(ARRAY if k in arrays else e.type.dtype)
            values.append(e)
    if arrays:
        return AdvancedSubtensor(tuple(pattern))(x, *values)
    return Subtensor(tuple(pattern))(x, *values) if pattern else x


def _slice_part(p: Any) -> Any:
    scalar = _scalar_index(p)
    if scalar is None:
        raise TypeError(f"the parts of a slice are integers, not {p!r}")
    return scalar


def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements of `a` at `indices` along `axis` (of the flattened tensor if None).

    `mode` says what happens to an index out of range: 'raise', 'wrap' around, or 'clip' (which does not
    count negative indices from the end).
    """
    a, indices = as_tensor_variable(a), as_tensor_variable(indices)
    if indices.type.dtype not in INTEGERS:
        raise TypeError(f"take needs integer indices, got {indices} of type {indices.type}")
    if axis is None:
        a, axis = flatten(a), 0
    axis = normalize_axis(axis, a.type.ndim)
    if mode == "wrap":
        indices = mod(indices, shape_i(a, axis))
    elif mode == "clip":
        indices = clip(indices, 0, sub(shape_i(a, axis), ONE))
    elif mode != "raise":
        raise ValueError(f"take's mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    if indices.type.ndim == 0:
        return a[(slice(None),) * axis + (indices,)]
    if indices.type.ndim > 1:
        lengths = (*shape_tuple(a)[:axis], *shape_tuple(indices), *shape_tuple(a)[axis + 1 :])
        return reshape(take(a, flatten(indices), axis), lengths)
    if axis == 0:
        return AdvancedSubtensor1()(a, indices)
    order = list(range(a.type.ndim))
    order[0], order[axis] = axis, 0
    rows = AdvancedSubtensor1()(_permuted(a, order), indices)
    return _permuted(rows, order)


def _permuted(x: Variable, order: Sequence[Any]) -> Variable:
    return DimShuffle(x.type.broadcastable, tuple(order))(x)


def inc_subtensor(
    x: Any,
    y: Any,
    inplace: bool = False,
    set_instead_of_inc: bool = False,
    tolerate_inplace_aliasing: bool = False,
) -> Any:
    """A new tensor: what `x`, an indexed tensor such as ``a[1:3]``, was taken from, with that part incremented
    by `y`. The flags about working in place are accepted and change nothing."""
    return _written(as_tensor_variable(x), as_tensor_variable(y), set_instead_of_inc)


def set_subtensor(x: Any, y: Any, inplace: bool = False, tolerate_inplace_aliasing: bool = False) -> Any:
    """As `inc_subtensor`, with the part replaced by `y`."""
    return inc_subtensor(x, y, set_instead_of_inc=True)


def _written(part: Variable, y: Variable, set_instead_of_inc: bool) -> Variable:
    """Write `y` to where `part` was read, looking through the permutations and reshapes that
    indexing itself puts around the reading."""
    op, inputs = (None, ()) if part.owner is None else (part.owner.op, part.owner.inputs)
    if isinstance(op, Reading):
        x, *index = inputs
        return op.writing(set_instead_of_inc)(x, y, *index)
    if isinstance(op, DimShuffle) and len(op.kept) == len(op.new_order) == len(op.input_broadcastable):
        back = [op.new_order.index(k) for k in range(len(op.new_order))]
        y = _permuted(pad_left(y, part.type.ndim), back)
        return _permuted(_written(inputs[0], y, set_instead_of_inc), op.new_order)
    if isinstance(op, Reshape):
        whole = second(part, y) if y.type.ndim == 0 else IncSubtensor((Span(),), True)(part, y)
        y = reshape(whole, shape_tuple(inputs[0]))
        return _written(inputs[0], y, set_instead_of_inc)
    raise TypeError(
        f"set_subtensor and inc_subtensor take an indexed tensor such as a[1:3], got {part} of type {part.type}"
    )
