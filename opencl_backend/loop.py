"""LoopNest: each element of an output from elements of inputs at affine positions.

Owns the expression form that elementwise work, broadcasts, transposes, slices and ranges share, and its
geometry: strides, joined axes, chunks. Views are strides and offsets, never kernels. It must not know
OpenCL's language (render.py writes it) or when a nest runs (plan.py decides).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from opencl_backend.runtime import DeviceArray

# Expressions are compared by identity: a shared part is one object and is computed once.


@dataclass(frozen=True, eq=False)
class Load:
    """The element of `array` at the loop's position; the array has the loop's shape (stride 0 repeats)."""

    array: DeviceArray

    @property
    def dtype(self) -> str:
        return self.array.dtype


@dataclass(frozen=True, eq=False)
class Position:
    """``start + step * i`` as int64, `i` counting along `axis` of the loop."""

    axis: int
    start: int = 0
    step: int = 1

    dtype = "int64"


@dataclass(frozen=True, eq=False)
class Gather:
    """The element of `array` at the loop's position, moved by index values: ``sum(index * stride)``.

    indices  the index expressions (integers); a negative one counts from the end
    strides, lengths   of the dimensions they index
    flag     (vector, place): where an index out of range is reported, as ``16 * value + 1 + its number``
    """

    array: DeviceArray
    indices: tuple[Expr, ...]
    strides: tuple[int, ...]
    lengths: tuple[int, ...]
    flag: tuple[DeviceArray, int]

    @property
    def dtype(self) -> str:
        return self.array.dtype


@dataclass(frozen=True, eq=False)
class Compute:
    """A row of the scalar table, computed in `compute` dtype, as a `dtype` value.

    casts   what each argument is converted to first.
    """

    row: str
    compute: str
    dtype: str
    casts: tuple[str, ...]
    args: tuple[Expr, ...]


Expr = Load | Position | Gather | Compute


def parts_of(part: Expr) -> tuple[Expr, ...]:
    """What the value of `part` is made of."""
    return part.args if isinstance(part, Compute) else part.indices if isinstance(part, Gather) else ()


View = Callable[[DeviceArray], DeviceArray]


def walk(root: Expr) -> list[Expr]:
    """Every part of an expression once, parts before what they are part of."""
    order: list[Expr] = []
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        part, opened = stack.pop()
        if opened:
            order.append(part)
        elif id(part) not in seen:
            seen.add(id(part))
            stack.append((part, True))
            stack.extend((arg, False) for arg in reversed(parts_of(part)))
    return order


def rebuild(root: Expr, view: View, position: Callable[[Position], Position]) -> Expr:
    """The expression with other views of its arrays and other positions."""
    new: dict[int, Expr] = {}
    for part in walk(root):
        args = tuple(new[id(arg)] for arg in parts_of(part))
        if isinstance(part, Compute):
            new[id(part)] = replace(part, args=args)
        elif isinstance(part, Gather):
            new[id(part)] = replace(part, array=view(part.array), indices=args)
        elif isinstance(part, Load):
            new[id(part)] = Load(view(part.array))
        else:
            new[id(part)] = position(part)
    return new[id(root)]


@dataclass(frozen=True, eq=False)
class Lazy:
    """A tensor that has not been computed: its shape and the expression of one element."""

    shape: tuple[int, ...]
    expr: Expr

    @property
    def dtype(self) -> str:
        return self.expr.dtype

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def weight(self) -> int:
        """How many operations an element costs."""
        return sum(isinstance(part, Compute | Gather) for part in walk(self.expr))

    @property
    def arrays(self) -> list[DeviceArray]:
        return [part.array for part in walk(self.expr) if isinstance(part, Load | Gather)]


def transposed(lazy: Lazy, order: Sequence[int | str]) -> Lazy:
    """The axes in another order; 'x' is a new axis of length 1, an axis of length 1 may be left out."""
    shape = tuple(1 if axis == "x" else lazy.shape[axis] for axis in order)  # type: ignore[index]
    place = {axis: k for k, axis in enumerate(order) if axis != "x"}

    def view(array: DeviceArray) -> DeviceArray:
        strides = tuple(0 if axis == "x" else array.strides[axis] for axis in order)  # type: ignore[index]
        known = None
        if array.known is not None:
            dropped = [k for k in range(array.ndim) if k not in place]
            kept = [int(axis) for axis in order if axis != "x"]
            known = array.known.transpose(kept + dropped).reshape(shape)
        return array.view(shape, strides, known=known)

    def position(part: Position) -> Position:
        return Position(place.get(part.axis, 0), part.start, part.step if part.axis in place else 0)

    return Lazy(shape, rebuild(lazy.expr, view, position))


def spread(lazy: Lazy, shape: Sequence[int]) -> Lazy:
    """The same, repeated along axes of length 1 to fill `shape` (of the same rank)."""
    shape = tuple(shape)
    if shape == lazy.shape:
        return lazy

    def position(part: Position) -> Position:
        stretched = lazy.shape[part.axis] == 1 and shape[part.axis] != 1
        return Position(part.axis, part.start, 0 if stretched else part.step)

    return Lazy(shape, rebuild(lazy.expr, lambda array: broadcast(array, shape), position))


def broadcast(array: DeviceArray, shape: Sequence[int]) -> DeviceArray:
    """A view of `array` with `shape`: missing axes on the left and axes of length 1 get stride 0."""
    shape = tuple(shape)
    if array.shape == shape:
        return array
    missing = len(shape) - array.ndim
    strides = (0,) * missing + tuple(
        s if n == wanted else 0 for s, n, wanted in zip(array.strides, array.shape, shape[missing:])
    )
    return array.view(shape, strides)


class Geometry(NamedTuple):
    """The index space of a nest after joining axes that every operand walks through in one go.

    shape     lengths, none of them 1 (a nest of one element has the shape (1,))
    strides   for each operand its strides
    """

    shape: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]


def joined(shape: Sequence[int], operands: Sequence[Sequence[int]], keep: bool = False) -> Geometry:
    """Fewer, longer axes for the same walk. `keep` leaves the axes as they are (positions count on them)."""
    if keep:
        return Geometry(tuple(shape), tuple(map(tuple, operands)))
    axes = [axis for axis, n in enumerate(shape) if n != 1]
    lengths: list[int] = []
    walks: list[list[int]] = [[] for _ in operands]
    for axis in axes:
        n = shape[axis]
        if lengths and all(w[-1] == s[axis] * n for w, s in zip(walks, operands)):
            lengths[-1] *= n
            for w, s in zip(walks, operands):
                w[-1] = s[axis]
        else:
            lengths.append(n)
            for w, s in zip(walks, operands):
                w.append(s[axis])
    if not lengths:
        return Geometry((1,), tuple((0,) for _ in operands))
    return Geometry(tuple(lengths), tuple(map(tuple, walks)))


def chunk(total: int, items: int, least: int = 1024, multiple: int = 16) -> int:
    """How many elements a work-item takes: at least `least`, `items` items at most."""
    each = max(least, -(-total // items))
    return -(-each // multiple) * multiple
