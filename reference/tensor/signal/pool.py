"""Pooling: the largest, the sum or the mean of the elements in each of the windows that lie on an image.

Owns the operations and their gradients. Sums add up as `Sum` does; an element's gradient adds up what comes from its
windows, in the order of its places in them. It must not know convolution.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import COMPLEX, FLOATS, is_discrete
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.creation import zeros_like
from reference.tensor.elemwise import ge, maximum, minimum, switch
from reference.tensor.nnet.conv_windows import put_back, windows
from reference.tensor.reduce import Sum, reduce_in_order

__all__ = [
    "AveragePoolGrad", "DownsampleFactorMaxGradGrad", "MaxPoolGrad", "Pool", "max_pool_2d_same_size", "pool_2d",
    "pool_3d",
]  # fmt: skip

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


@dataclass(frozen=True)
class Grid:
    """Where windows lie on the last dimensions of an array: `lengths` of these, of a window (`ws`), `stride` from one
    to the next, `pad` before the first, and how many there are (`places`)."""

    lengths: tuple[int, ...]
    ws: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def around(self) -> list[tuple[int, int]]:
        """What is added before and after, so that every window is whole."""
        return [(p, after) for p, after in zip(self.pad, self._after())]

    def _after(self) -> list[int]:
        ends = [(o - 1) * s + w for o, s, w in zip(self.places, self.stride, self.ws)]
        return [max(p, end - n - p) for p, end, n in zip(self.pad, ends, self.lengths)]

    def windows(self, x: np.ndarray, value: Any) -> np.ndarray:
        """(..., *places, *ws); outside of `x` there is `value`."""
        leading = [(0, 0)] * (x.ndim - len(self.ws))
        padded = np.pad(x, [*leading, *self.around], constant_values=value)
        return windows(padded, self.ws, self.stride, (1,) * len(self.ws))

    def put_back(self, columns: np.ndarray) -> np.ndarray:
        """What stands in windows, added up for each element; float16 in float32."""
        wide = columns.astype("float32") if columns.dtype == "float16" else columns
        shape = [n + before + after for n, (before, after) in zip(self.lengths, self.around)]
        padded = put_back(wide, shape, self.stride, (1,) * len(shape))
        inner: Any = (..., *[slice(p, p + n) for p, n in zip(self.pad, self.lengths)])
        return padded[inner].astype(columns.dtype, order="C", copy=False)

    def counts(self, mode: str) -> np.ndarray:
        """How many elements each window's mean is over: with the padding, or without."""
        total = np.ones((), "int64")
        for n, w, s, p, o in zip(self.lengths, self.ws, self.stride, self.pad, self.places):
            low, high = (-p, n + p) if mode == "average_inc_pad" else (0, n)
            first = np.arange(o) * s - p
            total = total[..., None] * (np.minimum(first + w, high) - np.maximum(first, low))
        return total

    def spread(self, x: np.ndarray) -> np.ndarray:
        """One value a window as one for each of its elements."""
        return np.broadcast_to(x.reshape(*x.shape, *(1,) * len(self.ws)), (*x.shape, *self.ws))

    def summed(self, seen: np.ndarray) -> np.ndarray:
        """The sum of each window."""
        accumulator = Sum().resolved(seen.dtype.name)[1]
        axes = tuple(range(seen.ndim - len(self.ws), seen.ndim))
        return np.asarray(reduce_in_order(np.add, seen.astype(accumulator), axes)).astype(seen.dtype, copy=False)


def lowest(dtype: np.dtype[Any]) -> Any:
    """What no element is below."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _places(n: Any, w: Any, s: Any, p: Any, ignore_border: bool) -> Any:
    """How many windows there are along a dimension, for numbers and symbolically."""
    if ignore_border:
        return _greatest(0, (n + 2 * p - w) // s + 1)
    cover = _either(s, w, (n - 1) // s + 1, _greatest(0, (n - 1 - w) // s + 1) + 1)
    return minimum(n, cover) if isinstance(cover, Variable) else min(n, cover)


def _greatest(a: Any, b: Any) -> Any:
    return maximum(a, b) if isinstance(b, Variable) else max(a, b)


def _either(s: Any, w: Any, apart: Any, overlapping: Any) -> Any:
    """The one if windows do not overlap, else the other."""
    if isinstance(s, Variable) or isinstance(w, Variable):
        return switch(ge(s, w), apart, overlapping)
    return apart if s >= w else overlapping


@dataclass(frozen=True)
class _Pooling(Op):
    """What pooling and its gradients share: the last three inputs are vectors, `ws`, `stride` and `pad`.

    Without `ignore_border` the last window may reach over the edge, and there is no padding.
    """

    ignore_border: bool = False
    mode: str = "max"
    ndim: int = 2

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"the mode of a pooling is one of {MODES}, not {self.mode!r}")
        object.__setattr__(self, "ignore_border", bool(self.ignore_border))

    def image(self, x: Any) -> Variable:
        x = as_tensor_variable(x)
        if x.type.ndim < self.ndim or x.type.dtype in ("bool", *COMPLEX):
            raise TypeError(f"{self} takes real numbers of at least {self.ndim} dimensions, got {x} of type {x.type}")
        return x

    def geometry(self, ws: Any, stride: Any, pad: Any) -> list[Variable]:
        """The three vectors, checked if they are known."""
        stride = ws if stride is None else stride
        pad = (0,) * self.ndim if pad is None else pad
        given = [as_tensor_variable(v, ndim=1) for v in (ws, stride, pad)]
        for v, name in zip(given, ("ws", "stride", "pad")):
            if not is_discrete(v.type.dtype):
                raise TypeError(f"{self}: {name} is a vector of integers, got {v} of type {v.type}")
        if all(isinstance(v, Constant) for v in given):
            self._checked([v.data.tolist() for v in given])
        return given

    def _checked(self, given: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
        ws, stride, pad = map(tuple, given)
        told = f"ws={ws}, stride={stride}, pad={pad}"
        if {len(ws), len(stride), len(pad)} != {self.ndim}:
            raise ValueError(f"{self} takes {self.ndim} numbers each: {told}")
        if min(*ws, *stride) < 1 or min(pad) < 0:
            raise ValueError(f"{self}: windows and strides count from 1 up, padding from 0 up: {told}")
        if any(pad) and not self.ignore_border:
            raise NotImplementedError(f"{self}: padding needs ignore_border=True: {told}")
        if any(p >= w for p, w in zip(pad, ws)):
            raise NotImplementedError(f"{self}: padding must be less than the window: {told}")
        return ws, stride, pad

    def grid(self, shape: Sequence[int], given: Sequence[np.ndarray]) -> Grid:
        """Where the windows lie on an array of that shape."""
        ws, stride, pad = self._checked([v.tolist() for v in given])
        lengths = tuple(shape[-self.ndim :])
        places = tuple(_places(*numbers, self.ignore_border) for numbers in zip(lengths, ws, stride, pad))
        if 0 in lengths and 0 not in places:
            raise ShapeError(f"{self} of an array of shape {tuple(shape)}: windows with nothing but padding in them")
        return Grid(lengths, ws, stride, pad, places)

    def agree(self, grid: Grid, x: np.ndarray, *pooled: np.ndarray) -> None:
        """Raise unless these arrays have an element a window of `x`."""
        wanted = (*x.shape[: x.ndim - self.ndim], *grid.places)
        for v in pooled:
            if v.shape != wanted:
                raise ShapeError(
                    f"{self}: for an image of shape {x.shape} pooled values have shape {wanted}, not {v.shape}"
                )

    def pooled_type(self, x: Variable, dtype: str) -> TensorType:
        return TensorType(dtype, (*x.type.broadcastable[: x.type.ndim - self.ndim], *[False] * self.ndim))

    def pooled_shape(self, node: Apply, shape: Sequence[Any]) -> tuple[Any, ...]:
        ws, stride, pad = (v.data.tolist() if isinstance(v, Constant) else v for v in node.inputs[-3:])
        lengths = shape[len(shape) - self.ndim :]
        places = (_places(n, ws[k], stride[k], pad[k], self.ignore_border) for k, n in enumerate(lengths))
        return (*shape[: len(shape) - self.ndim], *places)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[k < len(node.inputs) - 3] for k in range(len(node.inputs))]

    def __str__(self) -> str:
        shown = f"ignore_border={self.ignore_border}, mode={self.mode!r}, ndim={self.ndim}"
        return f"{type(self).__name__}{{{shown}}}"


class Pool(_Pooling):
    """A number a window: inputs x, ws, stride, pad.

    'max': the first NaN, or the first of the largest. The means are over the elements of the window, of the padding
    too or not.
    """

    @staticmethod
    def out_shape(
        imgshape: Sequence[Any], ws: Any = None, ignore_border: bool = False, stride: Any = None, pad: Any = None,
        ndim: int = 2, ds: Any = None, st: Any = None, padding: Any = None,
    ) -> list[Any]:  # fmt: skip
        """The shape that the pooling of such a shape has: numbers of numbers, variables of variables."""
        windows = ds if ws is None else ws
        steps = next((s for s in (stride, st) if s is not None), windows)
        zeros = next((p for p in (pad, padding) if p is not None), (0,) * ndim)
        lengths = zip(list(imgshape)[-ndim:], windows, steps, zeros)
        return [*list(imgshape)[:-ndim], *[_places(n, w, s, p, ignore_border) for n, w, s, p in lengths]]

    def make_node(self, x: Any, ws: Any, stride: Any = None, pad: Any = None) -> Apply:
        x = self.image(x)
        if self.mode.startswith("average") and x.type.dtype not in FLOATS:
            raise TypeError(f"{self}: means of integers are no integers; cast {x} of type {x.type} to floats")
        return Apply(self, [x, *self.geometry(ws, stride, pad)], [self.pooled_type(x, x.type.dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, *given = inputs
        grid = self.grid(x.shape, given)
        if self.mode != "max":
            total = grid.summed(grid.windows(x, 0))
            return (total if self.mode == "sum" else np.true_divide(total, grid.counts(self.mode).astype(x.dtype)),)
        seen = grid.windows(x, lowest(x.dtype))
        rows = seen.reshape(*seen.shape[: x.ndim], np.prod(grid.ws, dtype=int))
        largest = np.take_along_axis(rows, rows.argmax(axis=-1)[..., None], axis=-1)
        return (np.ascontiguousarray(largest[..., 0]),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [self.pooled_shape(node, shapes[0])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, *given), (g,) = inputs, output_gradients
        if self.mode == "max":
            gx = MaxPoolGrad(self.ignore_border, "max", self.ndim)(x, outputs[0], g, *given)
        else:
            gx = AveragePoolGrad(self.ignore_border, self.mode, self.ndim)(x, g, *given)
        return [gx, None, None, None]


class MaxPoolGrad(_Pooling):
    """The gradient of a largest element: the whole of it to every element that equals the largest of its window.

    Inputs x, the pooled values, their gradient, ws, stride, pad.
    """

    def make_node(self, x: Any, maxout: Any, gz: Any, ws: Any, stride: Any = None, pad: Any = None) -> Apply:
        x, maxout, gz = self.image(x), self.image(maxout), self.image(gz)
        given = self.geometry(ws, stride, pad)
        return Apply(self, [x, maxout, gz, *given], [TensorType(gz.type.dtype, x.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, maxout, gz, *given = inputs
        grid = self.grid(x.shape, given)
        self.agree(grid, x, maxout, gz)
        chosen = grid.windows(x, lowest(x.dtype)) == grid.spread(maxout)
        return (grid.put_back(np.where(chosen, grid.spread(gz), np.zeros((), gz.dtype))),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, maxout, _, *given), (g,) = inputs, output_gradients
        back = DownsampleFactorMaxGradGrad(self.ignore_border, "max", self.ndim)(x, maxout, g, *given)
        return [_nothing(x, g), _nothing(maxout, g), back, None, None, None]


class DownsampleFactorMaxGradGrad(_Pooling):
    """The sum, for each window, of what stands at the elements that equal its largest.

    Inputs x, the pooled values, what is summed, ws, stride, pad.
    """

    def make_node(self, x: Any, maxout: Any, gz: Any, ws: Any, stride: Any = None, pad: Any = None) -> Apply:
        x, maxout, gz = self.image(x), self.image(maxout), self.image(gz)
        given = self.geometry(ws, stride, pad)
        return Apply(self, [x, maxout, gz, *given], [self.pooled_type(x, gz.type.dtype)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, maxout, gz, *given = inputs
        grid = self.grid(x.shape, given)
        self.agree(grid, x, maxout)
        if gz.shape != x.shape:
            raise ShapeError(f"{self}: what is summed has the image's shape {x.shape}, not {gz.shape}")
        chosen = grid.windows(x, lowest(x.dtype)) == grid.spread(maxout)
        return (grid.summed(np.where(chosen, grid.windows(gz, 0), np.zeros((), gz.dtype))),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[1]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, maxout, _, *given), (g,) = inputs, output_gradients
        back = MaxPoolGrad(self.ignore_border, "max", self.ndim)(x, maxout, g, *given)
        return [_nothing(x, g), _nothing(maxout, g), back, None, None, None]


class AveragePoolGrad(_Pooling):
    """The gradient of sums and means: inputs x, of which only the shape counts, the gradient, ws, stride, pad."""

    def make_node(self, x: Any, gz: Any, ws: Any, stride: Any = None, pad: Any = None) -> Apply:
        x, gz = self.image(x), self.image(gz)
        given = self.geometry(ws, stride, pad)
        return Apply(self, [x, gz, *given], [TensorType(gz.type.dtype, x.type.broadcastable)()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, gz, *given = inputs
        grid = self.grid(x.shape, given)
        self.agree(grid, x, gz)
        if self.mode != "sum":
            gz = np.true_divide(gz, grid.counts(self.mode).astype(gz.dtype))
        return (grid.put_back(grid.spread(gz)),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [shapes[0]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (x, _, *given), (g,) = inputs, output_gradients
        return [_nothing(x, g), Pool(self.ignore_border, self.mode, self.ndim)(g, *given), None, None, None]


def _nothing(x: Variable, g: Variable) -> Variable:
    """The gradient by values of which only the places of the largest, or the shape, count."""
    return zeros_like(x, dtype=g.type.dtype)


def pool_2d(
    input: Any,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Any:
    """A number for each window of `ws` rows and columns on the last two dimensions.

    ignore_border   True: only whole windows count; False: the last may reach over the edge
    stride          from one window to the next; `ws` if not given
    pad             rows and columns added on every side (zeros for sums and means); with ignore_border only
    mode            'max', 'sum', 'average_inc_pad', 'average_exc_pad': the mean with or without the padding

    `ds`, `st` and `padding` are older names of `ws`, `stride` and `pad`.
    """
    return _pooled(2, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def pool_3d(
    input: Any,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Any:
    """`pool_2d` on the last three dimensions."""
    return _pooled(3, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def _pooled(
    ndim: int, input: Any, ws: Any, ignore_border: bool | None, stride: Any, pad: Any, mode: str, *older: Any
) -> Any:
    ds, st, padding = older
    ws = _renamed("ws", ws, "ds", ds)
    if ws is None:
        raise ValueError(f"pool_{ndim}d needs ws, the lengths of a window")
    stride = _renamed("stride", stride, "st", st)
    pad = _renamed("pad", pad if padding is None or np.any(pad) else None, "padding", padding)
    if ignore_border is None:
        warnings.warn(f"pool_{ndim}d: say ignore_border=True, or False, which is the default", stacklevel=3)
    return Pool(bool(ignore_border), mode, ndim)(input, ws, stride, pad)


def _renamed(name: str, value: Any, older: str, given: Any) -> Any:
    if given is None:
        return value
    if value is not None:
        raise ValueError(f"{older} is an older name of {name}; give one of the two")
    warnings.warn(f"{older} is an older name of {name}", DeprecationWarning, stacklevel=4)
    return given


def max_pool_2d_same_size(input: Any, patch_size: Any) -> Any:
    """`input` with zeros wherever it is not the largest of its patch; what is left of the last whole patch is 0."""
    output = Pool(True)(input, patch_size)
    return MaxPoolGrad(True)(input, output, output, patch_size)
