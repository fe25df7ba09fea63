"""Fourier transforms of real tensors, ``T.fft``: `rfft` and `irfft`, over all dimensions but the first.

Owns the two operations, each the other's gradient. Complex numbers are pairs (real, imaginary) along a last dimension
of length 2; of the last transformed one only the frequencies from 0 up to the half are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import FLOATS, is_discrete
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.elemwise import cast, int_div, sqrt
from reference.tensor.reduce import prod
from reference.tensor.shape import as_shape_vector, shape_i
from reference.tensor.subtensor import set_subtensor

__all__ = ["IRFFTOp", "RFFTOp", "irfft", "irfft_op", "rfft", "rfft_op"]


TWO = constant(np.int64(2))


@dataclass(frozen=True)
class _Transform(Op):
    """Inputs a, and the lengths `s` of the real tensor's dimensions after the first."""

    def operands(self, a: Any, s: Any, least: int) -> tuple[Variable, Variable]:
        a = as_tensor_variable(a)
        if a.type.dtype not in FLOATS or a.type.ndim < least:
            raise TypeError(f"{self} takes floats of at least {least} dimensions, got {a} of type {a.type}")
        s = as_tensor_variable(s)
        if s.type.ndim != 1 or not is_discrete(s.type.dtype):
            raise TypeError(f"{self}: lengths are a vector of integers, got {s} of type {s.type}")
        return a, s

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]


def _lengths(op: Op, a: np.ndarray, s: np.ndarray, rank: int) -> tuple[int, ...]:
    lengths = tuple(s.tolist())
    if len(lengths) != rank or min(lengths, default=1) < 1:
        raise ShapeError(f"{op}: {rank} lengths from 1 up for a tensor of shape {a.shape}, got {lengths}")
    return lengths


class RFFTOp(_Transform):
    """The transform of a real tensor, without a factor."""

    def make_node(self, a: Any, s: Any = None) -> Apply:
        a = as_tensor_variable(a)
        a, s = self.operands(a, a.shape[1:] if s is None else s, 2)
        return Apply(self, [a, s], [TensorType(a.type.dtype, (False,) * (a.type.ndim + 1))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        a, s = inputs
        found = np.fft.rfftn(np.ascontiguousarray(a), _lengths(self, a, s, a.ndim - 1), axes=tuple(range(1, a.ndim)))
        return (np.stack([found.real, found.imag], axis=-1).astype(a.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        s = node.inputs[1]
        rank = len(shapes[0])
        return [(shapes[0][0], *(s[k] for k in range(rank - 2)), int_div(s[rank - 2], np.int64(2)) + 1, TWO)]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (_, s), (g,) = inputs, output_gradients
        return [irfft_op(_inner_times(g, s, 0.5), s), None]


class IRFFTOp(_Transform):
    """The real tensor of a transform, times the number of its elements (the sum, without a factor)."""

    def make_node(self, a: Any, s: Any = None) -> Apply:
        a = as_tensor_variable(a)
        a, s = self.operands(a, _real_lengths(a, False) if s is None else s, 3)
        return Apply(self, [a, s], [TensorType(a.type.dtype, (False,) * (a.type.ndim - 1))()])

    def perform(self, node: Apply, *inputs: np.ndarray) -> tuple[np.ndarray]:
        a, s = inputs
        lengths = _lengths(self, a, s, a.ndim - 2)
        if a.shape[-1] != 2 or a.shape[1:-1] != (*lengths[:-1], lengths[-1] // 2 + 1):
            raise ShapeError(f"{self}: a transform of shape {a.shape} is not one of lengths {lengths}")
        pairs = a[..., 0] + 1j * a[..., 1]
        found = np.fft.irfftn(pairs, lengths, axes=tuple(range(1, pairs.ndim))) * np.prod(lengths)
        return (np.ascontiguousarray(found, dtype=a.dtype),)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[tuple[Variable, ...]]:
        s = node.inputs[1]
        return [(shapes[0][0], *(s[k] for k in range(len(shapes[0]) - 2)))]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        (_, s), (g,) = inputs, output_gradients
        return [_inner_times(rfft_op(g, s), s, 2.0), None]


rfft_op = RFFTOp()
irfft_op = IRFFTOp()


def _inner_times(g: Variable, s: Variable, factor: float) -> Variable:
    """`g` with the frequencies that stand for two, themselves and their negatives, times a factor."""
    last = s[s.shape[0] - 1]
    inner = (slice(None),) * (g.type.ndim - 2) + (slice(1, int_div(last - 1, np.int64(2)) + 1),)
    return set_subtensor(g[inner], g[inner] * np.asarray(factor, g.type.dtype))


def _real_lengths(a: Variable, is_odd: bool) -> Variable:
    """The lengths of the tensor that a transform is of."""
    rank = a.type.ndim - 2
    last = (shape_i(a, rank) - 1) * 2 + int(is_odd)
    return as_shape_vector([*(shape_i(a, k) for k in range(1, rank)), last])


def _factor(s: Variable, norm: str | None, whole: str | None, dtype: str) -> Variable | None:
    """What to divide by: the number of elements if `norm` is `whole`, its root for 'ortho'; None for nothing."""
    if norm not in (None, "ortho", "no_norm"):
        raise ValueError(f"norm is None, 'ortho' or 'no_norm', not {norm!r}")
    count = cast(prod(s), dtype)
    return sqrt(count) if norm == "ortho" else count if norm == whole and norm != "no_norm" else None


def rfft(inp: Any, norm: str | None = None) -> Any:
    """The transform of a batch of real tensors: (batch, ..., n) gives (batch, ..., n // 2 + 1, 2).

    `norm`: None or 'no_norm' for no factor, 'ortho' to divide by the root of the number of elements.
    """
    a = as_tensor_variable(inp)
    s = a.shape[1:]
    factor = _factor(s, norm, "", a.type.dtype)
    return rfft_op(a, s) if factor is None else rfft_op(a, s) / factor


def irfft(inp: Any, norm: str | None = None, is_odd: bool = False) -> Any:
    """The batch of real tensors of these transforms; `is_odd` if their last length is.

    `norm`: None to divide by the number of elements, 'ortho' by its root, 'no_norm' for no factor.
    """
    a = as_tensor_variable(inp)
    s = _real_lengths(a, bool(is_odd))
    factor = _factor(s, norm, None, a.type.dtype)
    return irfft_op(a, s) if factor is None else irfft_op(a, s) / factor
