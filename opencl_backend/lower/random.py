"""Random draws: the state advances on the host, the sample is made on the device.

Owns how parameters reach the kernels of a draw. The state of a stream is four words that the host always
knows, so a replay or a step of a scan never waits for the device. From NumPy's generator (``rng="numpy"``) the host
draws. It must not know the formulas.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from opencl_backend.context import Context
from opencl_backend.kernels import philox
from opencl_backend.loop import Lazy, broadcast, chunk, spread, transposed
from opencl_backend.lower import makes_arrays, register, takes_expressions
from opencl_backend.lower.sort import argsorted
from opencl_backend.plan import Host
from opencl_backend.postponed import Drawn
from opencl_backend.runtime import DeviceArray, Number, contiguous_strides
from reference.graph.core import Apply, Variable
from reference.graph.errors import ShapeError
from reference.graph.types import TensorType
from reference.tensor.extra_ops import CumOp, SearchsortedOp
from reference.tensor.random import RandomFunction

makes_arrays(RandomFunction)
takes_expressions(RandomFunction)

A_DRAW = 32
"""Operations that a random number takes."""


@register(RandomFunction)
def random_function(ctx: Context, node: Apply) -> list[Any]:
    """(the next state, the sample)"""
    op = node.op
    assert isinstance(op, RandomFunction)
    if op.generator == "numpy":
        ctx.note(f"draws for {op} on the host, with NumPy's generator")
        return ctx.interpreted(node)
    state, size, *parameters = node.inputs
    shapes = [_Shaped(ctx.shape(p)) for p in parameters]
    lengths = tuple(np.asarray(ctx.host(size)).tolist())
    shape = op._draw_shape(lengths, shapes, [p.type for p in parameters])
    before = ctx.value(state)
    assert isinstance(before, Host)
    after = ctx.advanced(before)
    sample = _DRAWS.get(op.distribution, _elementwise)(ctx, node, shape, _Key(ctx, before))
    for axis, stretches in enumerate(op.broadcastable):
        if stretches and sample.shape[axis] != 1:
            raise ShapeError(f"{op} promised length 1 along axis {axis}, but the shape is {sample.shape}")
    return [after, sample]


class _Shaped:
    """Something with a shape, for the reference's own check."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.ndim = len(shape)


class _Key:
    """The four words of a state as numbers of a kernel."""

    def __init__(self, ctx: Context, state: Host):
        self.numbers = ctx.words(state)


def _parameter(ctx: Context, variable: Variable, shape: tuple[int, ...]) -> tuple[DeviceArray, bool]:
    """The array that kernels read, element by element in C order of `shape`, or (True) one value for all."""
    array = ctx.array(variable)
    if array.size == 1:
        return array, True
    return ctx.contiguous(broadcast(array, shape)), False


def _launch(
    ctx: Context, draw: philox.Draw, shape: tuple[int, ...], key: _Key, arrays: list[DeviceArray],
    target: DeviceArray | None = None,
) -> DeviceArray:  # fmt: skip
    total = prod(shape)
    target = ctx.new(draw.dtype, shape) if target is None else target
    if total:
        each = chunk(total, 4 * ctx.device.compute_units, 256, 64)
        numbers = [total, each, *key.numbers, *[a.offset for a in arrays]]
        ctx.launch(
            draw.distribution, philox.text(draw), "draw", -(-total // each), numbers, [*arrays, target], 1, total,
            ctx.options(total * A_DRAW),
        )  # fmt: skip
    return target


def _elementwise(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> DeviceArray:
    """uniform, normal: an element reads one uniform number."""
    op = node.op
    assert isinstance(op, RandomFunction)
    given = [_parameter(ctx, p, shape) for p in node.inputs[2:]]
    kinds = tuple((p.type.dtype, once) for p, (_, once) in zip(node.inputs[2:], given))
    draw = philox.Draw(op.distribution, op.dtype, kinds, fp64=ctx.device.fp64)
    return _launch(ctx, draw, shape, key, [array for array, _ in given])


def _drawn(ctx: Context, dtype: str, shape: tuple[int, ...], key: _Key) -> Lazy | None:
    """Uniform numbers as an expression: the loop that reads them makes them; None if there are no such loops."""
    can = ctx.can_postpone() and ctx.device.style == "cpu" and prod(shape) > 0
    if not can or dtype not in ("float32", "float64"):
        return None
    array = ctx.new(dtype, shape)
    draw = philox.Draw("unit", dtype, (), fp64=ctx.device.fp64)

    def write() -> None:
        _launch(ctx, draw, shape, key, [], array)

    ctx.postpone(Drawn(array, write, lambda lazy, into: False, key.numbers))
    return ctx.loaded(array)


def _part(ctx: Context, variable: Variable, shape: tuple[int, ...]) -> Lazy:
    """A parameter as part of such an expression."""
    lazy = ctx.lazy(variable)
    if lazy.weight and lazy.size < prod(shape):
        lazy = ctx.loaded(ctx.array(variable))
    return spread(transposed(lazy, ["x"] * (len(shape) - len(lazy.shape)) + [*range(len(lazy.shape))]), shape)


def _uniform(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> DeviceArray | Lazy:
    """u * (high - low) + low"""
    dtype = node.outputs[1].type.dtype
    u = _drawn(ctx, dtype, shape, key)
    if u is None:
        return _elementwise(ctx, node, shape, key)
    low, high = (ctx.cast(_part(ctx, v, shape), dtype) for v in node.inputs[2:])
    return ctx.step("add", dtype, ctx.step("mul", dtype, u, ctx.step("sub", dtype, high, low)), low)


def _most(ctx: Context, n: Variable) -> int:
    return max(0, int(np.max(ctx.host(n), initial=0)))


def _binomial(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> DeviceArray | Lazy:
    """One trial reads one uniform number; with more of them an item goes from trial to trial."""
    op = node.op
    assert isinstance(op, RandomFunction)
    n, p = node.inputs[2:]
    most = _most(ctx, n)
    kind = "float32" if p.type.dtype in ("float16", "float32") else "float64"
    u = _drawn(ctx, kind, shape, key) if most == np.min(ctx.host(n), initial=1) == 1 else None
    if u is not None:
        return ctx.cast(ctx.step("lt", kind, u, _part(ctx, p, shape), result="bool"), op.dtype)
    given = [_parameter(ctx, v, shape) for v in (n, p)]
    kinds = tuple((v.type.dtype, once) for v, (_, once) in zip((n, p), given))
    draw = philox.Draw(op.distribution, op.dtype, kinds, kind, ctx.device.fp64)
    arrays = [array for array, _ in given]
    if most <= 1:
        return _launch(ctx, draw, shape, key, arrays)
    target, total = ctx.new(op.dtype, shape), prod(shape)
    if total:
        each = chunk(total, 4 * ctx.device.compute_units, 16, 1)
        numbers = [total, each, *key.numbers, *[a.offset for a in arrays], most]
        text = philox.trials_text(draw)
        ctx.launch("binomial", text, "trials", -(-total // each), numbers, [*arrays, target], elements=total * most)
    return target


def _multinomial(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> DeviceArray | Lazy:
    op = node.op
    assert isinstance(op, RandomFunction)
    n, pvals = node.inputs[2:]
    most, categories, rows = _most(ctx, n), ctx.shape(pvals)[-1], prod(shape)
    trials = ctx.contiguous(broadcast(ctx.computed(ctx.cast(ctx.lazy(n), "int64")), shape))
    weights = ctx.contiguous(broadcast(ctx.array(pvals), (*shape, categories)))
    counts = ctx.new("int64", (*shape, categories))
    if counts.size:
        each = chunk(rows, 4 * ctx.device.compute_units, 4, 1)
        numbers = [rows, each, *key.numbers, trials.offset, weights.offset, most, categories]
        text = philox.categories_text(pvals.type.dtype, ctx.device.fp64)
        ctx.launch("multinomial", text, "categories", -(-rows // each), numbers, [trials, weights, counts])
    return ctx.cast(ctx.loaded(counts), op.dtype)


def _words(ctx: Context, shape: tuple[int, ...], key: _Key) -> DeviceArray:
    return _launch(ctx, philox.Draw("words", "uint32", (), fp64=ctx.device.fp64), shape, key, [])


def _permutation(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> Lazy:
    op = node.op
    assert isinstance(op, RandomFunction)
    length = _length(ctx, op, node.inputs[2])
    order = argsorted(ctx, _words(ctx, (*shape, length), key))
    return ctx.cast(ctx.loaded(order), op.dtype)


def _length(ctx: Context, op: RandomFunction, n: Variable, at_least: int = 0) -> int:
    length = int(ctx.host(n))
    if length < at_least:
        raise ValueError(f"{op.distribution}: the number of items must be at least {at_least}, got {length}")
    return length


def _random_integers(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> DeviceArray:
    """low + a 64-bit word modulo the span; the host looks at the bounds."""
    low, high = node.inputs[2:]
    bounds = np.asarray(ctx.host(low)), np.asarray(ctx.host(high))
    if np.any(bounds[0] > bounds[1]):
        raise ValueError(f"random_integers: low is above high (low={bounds[0].max()}, high={bounds[1].min()})")
    return _elementwise(ctx, node, shape, key)


def _choice(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> Any:
    """With replacement: integers, or with weights the place of u * sum(p) among their running sums."""
    op = node.op
    assert isinstance(op, RandomFunction)
    length = _length(ctx, op, node.inputs[2], at_least=1)
    if len(node.inputs) == 3:
        bounds = [ctx.known(np.array(n, np.int64)) for n in (0, length - 1)]
        draw = philox.Draw("random_integers", op.dtype, (("int64", True),) * 2, fp64=ctx.device.fp64)
        return _launch(ctx, draw, shape, key, bounds)
    sums = _inline(ctx, CumOp(0, "add"), _weights(ctx, node.inputs[3], length))
    last = sums.view((), (), _after(sums.offset, length - 1))
    zero = ctx.known(np.zeros((), np.float64))
    draw = philox.Draw("uniform", "float64", (("float64", True),) * 2, fp64=ctx.device.fp64)
    places = _inline(ctx, SearchsortedOp("right"), sums, _launch(ctx, draw, shape, key, [zero, last]))
    return ctx.cast(ctx.loaded(places), op.dtype)


def _inline(ctx: Context, op: Any, *arrays: DeviceArray) -> DeviceArray:
    """The result of another family's operation on these arrays."""
    inputs = [TensorType(a.dtype, (False,) * a.ndim)() for a in arrays]
    (value,) = ctx.inline(inputs, [op(*inputs)], arrays)
    assert isinstance(value, DeviceArray)
    return value


def _after(offset: Number, places: int) -> Number:
    assert isinstance(offset, int)
    return offset + places


def _weights(ctx: Context, p: Variable, length: int) -> DeviceArray:
    if ctx.shape(p) != (length,):
        raise ValueError(f"choice: p must hold one weight an item: {length} items, p has shape {ctx.shape(p)}")
    return ctx.contiguous(ctx.computed(ctx.cast(ctx.lazy(p), "float64")))


def _choice_once(ctx: Context, node: Apply, shape: tuple[int, ...], key: _Key) -> Any:
    """Without replacement: the first of the order that sorts the words, or with weights -log(u) / p."""
    op = node.op
    assert isinstance(op, RandomFunction)
    length, wanted = _length(ctx, op, node.inputs[2]), prod(shape)
    available = length
    if len(node.inputs) == 3:
        keys = _words(ctx, (length,), key)
    else:
        weights = _weights(ctx, node.inputs[3], length)
        available = int(np.count_nonzero(ctx.host(node.inputs[3])))
        draw = philox.Draw("weighted_keys", "float64", (("float64", False),), fp64=ctx.device.fp64)
        keys = _launch(ctx, draw, (length,), key, [weights])
    if wanted > available:
        raise ValueError(
            f"choice without replacement: {wanted} numbers (size {shape}) are wanted, "
            f"but only {available} can be chosen"
        )
    order = argsorted(ctx, keys)
    first = order.view(shape, contiguous_strides(shape))
    return ctx.cast(ctx.loaded(first), op.dtype)


_DRAWS = {
    "uniform": _uniform, "binomial": _binomial, "multinomial": _multinomial, "permutation": _permutation,
    "random_integers": _random_integers, "choice": _choice, "choice_without_replacement": _choice_once,
}  # fmt: skip
"""Distributions that are more than one kernel that reads one uniform number an element."""
