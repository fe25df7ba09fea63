"""Convolutions of two and three dimensions: an operation and its two gradients, each made of the other two.

Owns the three families, of which a class is one number of dimensions. The order in which a product of floats is summed
is the library's own, as that of `Dot`; float16 is computed in float32 and rounded once. It must not know pooling, nor
the functions for users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import is_discrete, upcast
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import cast
from reference.tensor.nnet.conv_product import Layout
from reference.tensor.nnet.conv_shape import border_mode_to_pad, checked_border_mode, dilated, get_conv_output_shape
from reference.tensor.shape import as_shape_vector

__all__ = [
    "AbstractConv2d", "AbstractConv2d_gradInputs", "AbstractConv2d_gradWeights",
    "AbstractConv3d", "AbstractConv3d_gradInputs", "AbstractConv3d_gradWeights",
]  # fmt: skip


@dataclass(frozen=True)
class _Convolution(Op):
    """What an image, filters and a result have to do with each other.

    An image is (batch, channels, *lengths), a result (batch, filters, *places). Filters are (filters, channels of a
    group, *lengths); `unshared` ones, of which each place has its own, (filters, *places, channels of a group,
    *lengths). They are laid on the image turned round, unless `filter_flip` is False. `imshp` and `kshp`, what the
    user says of the shapes of image and filters, are notes on which nothing depends.
    """

    imshp: Any = None
    kshp: Any = None
    border_mode: Any = "valid"
    subsample: Any = None
    filter_flip: bool = True
    filter_dilation: Any = None
    num_groups: int = 1
    unshared: bool = False

    convdim: ClassVar[int]

    def __post_init__(self) -> None:
        d = self.convdim
        checked = {
            "imshp": _known_shape(self.imshp, 2 + d, "the shape of the input"),
            "kshp": _known_shape(self.kshp, self.kernel_rank, "the shape of the filters"),
            "border_mode": checked_border_mode(self.border_mode, d),
            "subsample": _counts(self.subsample, d, "subsample"),
            "filter_flip": bool(self.filter_flip),
            "filter_dilation": _counts(self.filter_dilation, d, "filter_dilation"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not isinstance(self.num_groups, int | np.integer) or self.num_groups < 1:
            raise ValueError(f"num_groups is an integer from 1 up, not {self.num_groups!r}")

    @property
    def kernel_rank(self) -> int:
        return 2 + self.convdim * (2 if self.unshared else 1)

    def of_family(self, family: type[_Convolution]) -> Any:
        """The operation of another family on the same shapes."""
        return _CLASSES[family, self.convdim](*(getattr(self, f.name) for f in fields(self)))

    def result_shape(self, image: Sequence[Any], kernel: Sequence[Any]) -> tuple[Any, ...]:
        return get_conv_output_shape(image, kernel, self.border_mode, self.subsample, self.filter_dilation)

    def layout(self, image: Sequence[int], kernel: Sequence[int], top: Sequence[int] | None = None) -> Layout:
        """How arrays of these shapes become matrices; an error if they do not fit."""
        d, groups = self.convdim, int(self.num_groups)
        image, kernel = tuple(image), tuple(kernel)
        name = type(self).__name__
        if kernel[0] % groups:
            raise ShapeError(f"{name}: {kernel[0]} filters do not make num_groups={groups} equal groups")
        if image[1] != kernel[-d - 1] * groups:
            raise ShapeError(
                f"{name}: an image of shape {image} has {image[1]} channels; filters of shape {kernel} with "
                f"num_groups={groups} take {kernel[-d - 1] * groups}"
            )
        result = self.result_shape(image, kernel)
        if min(kernel[-d:]) < 1 or min(result[2:]) < 0:
            raise ShapeError(
                f"{name}: filters of shape {kernel} do not fit into an image of shape {image} with "
                f"border_mode={self.border_mode!r} and filter_dilation={self.filter_dilation}"
            )
        if self.unshared and kernel[1 : 1 + d] != result[2:]:
            raise ShapeError(
                f"{name}: unshared filters of shape {kernel} are for {kernel[1 : 1 + d]} places; an image of shape "
                f"{image} has {result[2:]}"
            )
        if top is not None and result != tuple(top):
            raise ShapeError(
                f"{name}: an image of shape {image} and filters of shape {kernel} give a result of shape {result}, "
                f"not {tuple(top)}"
            )
        reach = [dilated(n, step) for n, step in zip(kernel[-d:], self.filter_dilation)]
        pads = border_mode_to_pad(self.border_mode, d, reach)
        return Layout(
            image, kernel, result, pads, self.subsample, self.filter_dilation, groups, self.filter_flip, self.unshared
        )

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        x, y, *lengths = inputs
        dtype = node.outputs[0].type.dtype
        wide = "float32" if dtype == "float16" else dtype
        known = lengths[0].tolist() if lengths else []
        result = self.compute(x.astype(wide, copy=False), y.astype(wide, copy=False), known)
        return (result.astype(dtype, order="C", copy=False),)

    def compute(self, x: np.ndarray, y: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """The result for operands of one dtype, in that dtype."""
        raise NotImplementedError

    def node(self, inputs: Sequence[Variable], first: bool, second: bool, rank: int) -> Apply:
        """A node for a result of that rank; its first dimension, or its channels, are 1 if that is known."""
        dtype = upcast(inputs[0].type.dtype, inputs[1].type.dtype)
        if dtype == "bool":
            raise TypeError(f"{type(self).__name__} of truth values; cast {inputs[0]} or {inputs[1]} to numbers")
        places = (False,) * (rank - 2 - self.convdim)
        return Apply(self, inputs, [TensorType(dtype, (first, *places, second, *[False] * self.convdim))()])

    def operand(self, x: Any, what: str, rank: int) -> Variable:
        x = as_tensor_variable(x)
        if x.type.ndim != rank:
            raise TypeError(f"{type(self).__name__}: {what} has {rank} dimensions; got {x} of type {x.type}")
        return x

    def image(self, x: Any) -> Variable:
        return self.operand(x, "an image", 2 + self.convdim)

    def filters(self, x: Any) -> Variable:
        return self.operand(x, "a tensor of filters", self.kernel_rank)

    def top(self, x: Any) -> Variable:
        return self.operand(x, "a result", 2 + self.convdim)

    def lengths(self, shape: Any) -> Variable:
        shape = as_shape_vector(shape) if isinstance(shape, list | tuple) else as_tensor_variable(shape)
        if shape.type.ndim != 1 or not is_discrete(shape.type.dtype):
            raise TypeError(f"{type(self).__name__}: lengths are a vector of integers, got {shape} of {shape.type}")
        return shape if shape.type.dtype == "int64" else cast(shape, "int64")

    def lengths_of(self, x: Variable) -> Variable:
        return x.shape[-self.convdim :]

    def __str__(self) -> str:
        shown = "border_mode subsample filter_flip imshp kshp filter_dilation num_groups unshared"
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown.split())
        return f"{type(self).__name__}{{convdim={self.convdim}, {values}}}"


def _counts(given: Any, convdim: int, name: str) -> tuple[int, ...]:
    """An integer from 1 up for each dimension."""
    counts = (1,) * convdim if given is None else tuple(given) if isinstance(given, list | tuple) else ()
    if len(counts) != convdim or not all(isinstance(n, int | np.integer) and n > 0 for n in counts):
        raise ValueError(f"{name} is a tuple of {convdim} integers from 1 up, not {given!r}")
    return tuple(map(int, counts))


def _known_shape(given: Any, rank: int, name: str) -> tuple[int | None, ...]:
    """Lengths, None where one is not known."""
    if given is None:
        return (None,) * rank
    lengths = tuple(n.data.item() if isinstance(n, Constant) else n for n in given)
    if len(lengths) != rank or not all(n is None or isinstance(n, int | np.integer) for n in lengths):
        raise ValueError(f"{name} is given by {rank} entries, each a constant integer or None, not by {given!r}")
    return tuple(None if n is None else int(n) for n in lengths)


class _Forward(_Convolution):
    """Filters laid on every place of an image: inputs image, filters."""

    def make_node(self, img: Any, kern: Any) -> Apply:
        img, kern = self.image(img), self.filters(kern)
        return self.node([img, kern], img.type.broadcastable[0], kern.type.broadcastable[0], 2 + self.convdim)

    def compute(self, x: np.ndarray, y: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        layout = self.layout(x.shape, y.shape)
        return layout.top_of(layout.columns(x) @ layout.filters(y))

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        return [self.result_shape(*shapes)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (img, kern), (g,) = inputs, output_gradients
        gimg = self.of_family(_GradInputs)(kern, g, self.lengths_of(img))
        gkern = self.of_family(_GradWeights)(img, g, self.lengths_of(kern))
        return [gimg, gkern]


class _GradInputs(_Convolution):
    """The image's gradient: inputs filters, the result's gradient, and the lengths of the image."""

    def make_node(self, kern: Any, topgrad: Any, shape: Any, add_assert_shape: bool = True) -> Apply:
        kern, topgrad, shape = self.filters(kern), self.top(topgrad), self.lengths(shape)
        one_channel = kern.type.broadcastable[-self.convdim - 1] and self.num_groups == 1
        return self.node([kern, topgrad, shape], topgrad.type.broadcastable[0], one_channel, 2 + self.convdim)

    def compute(self, x: np.ndarray, y: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        layout = self.layout(self.image_shape(x.shape, y.shape, lengths), x.shape, y.shape)
        return layout.image_of(layout.rows(y) @ layout.filters(x).swapaxes(-1, -2))

    def image_shape(self, kernel: Sequence[Any], top: Sequence[Any], lengths: Sequence[Any]) -> tuple[Any, ...]:
        channels = kernel[-self.convdim - 1]
        return (top[0], channels if self.num_groups == 1 else channels * int(self.num_groups), *lengths)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        kernel, top, _ = shapes
        return [self.image_shape(kernel, top, [node.inputs[2][k] for k in range(self.convdim)])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (kern, top, _), (g,) = inputs, output_gradients
        gkern = self.of_family(_GradWeights)(g, top, self.lengths_of(kern))
        return [gkern, self.of_family(_Forward)(g, kern), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]


class _GradWeights(_Convolution):
    """The filters' gradient: inputs image, the result's gradient, and the lengths of the filters."""

    def make_node(self, img: Any, topgrad: Any, shape: Any, add_assert_shape: bool = True) -> Apply:
        img, topgrad, shape = self.image(img), self.top(topgrad), self.lengths(shape)
        one_channel = img.type.broadcastable[1]
        return self.node([img, topgrad, shape], topgrad.type.broadcastable[1], one_channel, self.kernel_rank)

    def compute(self, x: np.ndarray, y: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        layout = self.layout(x.shape, self.kernel_shape(x.shape, y.shape, lengths), y.shape)
        return layout.filters_of(layout.columns(x).swapaxes(-1, -2) @ layout.rows(y))

    def kernel_shape(self, image: Sequence[Any], top: Sequence[Any], lengths: Sequence[Any]) -> tuple[Any, ...]:
        channels = image[1] if self.num_groups == 1 else image[1] // int(self.num_groups)
        return (top[1], *(top[2:] if self.unshared else ()), channels, *lengths)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        image, top, _ = shapes
        return [self.kernel_shape(image, top, [node.inputs[2][k] for k in range(self.convdim)])]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (img, top, _), (g,) = inputs, output_gradients
        gimg = self.of_family(_GradInputs)(g, top, self.lengths_of(img))
        return [gimg, self.of_family(_Forward)(img, g), None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]


class AbstractConv2d(_Forward):
    """The convolution of a batch of images with filters."""

    convdim = 2


class AbstractConv2d_gradInputs(_GradInputs):
    """The gradient of `AbstractConv2d` by its images."""

    convdim = 2


class AbstractConv2d_gradWeights(_GradWeights):
    """The gradient of `AbstractConv2d` by its filters."""

    convdim = 2


class AbstractConv3d(_Forward):
    """The convolution of a batch of volumes with filters."""

    convdim = 3


class AbstractConv3d_gradInputs(_GradInputs):
    """The gradient of `AbstractConv3d` by its volumes."""

    convdim = 3


class AbstractConv3d_gradWeights(_GradWeights):
    """The gradient of `AbstractConv3d` by its filters."""

    convdim = 3


_CLASSES: dict[tuple[type[_Convolution], int], type[_Convolution]] = {
    (family, cls.convdim): cls for family in (_Forward, _GradInputs, _GradWeights) for cls in family.__subclasses__()
}
