"""Softmax and its kin, as the reference composes them from rows of the scalar table and sums.

Owns the composition, step by step in the reference's order, so that the bits are the reference's. It must
not know kernels.
"""

from __future__ import annotations

from opencl_backend.context import Context
from opencl_backend.fold import Fold, run
from opencl_backend.loop import Lazy, spread, transposed
from opencl_backend.lower import register, takes_expressions
from opencl_backend.lower.subtensor import gathered
from opencl_backend.runtime import DeviceArray
from reference.graph.core import Apply, Variable
from reference.graph.errors import ShapeError
from reference.tensor.nnet.crossentropy import CrossentropyCategorical1Hot
from reference.tensor.nnet.softmax import LogSoftmax, Softmax
from reference.tensor.reduce import Sum

takes_expressions(CrossentropyCategorical1Hot)


def _centered(ctx: Context, v: Variable) -> Lazy:
    """``x - max(x)`` by rows."""
    x = ctx.loaded(ctx.array(v))
    if x.size == 0:
        return x
    largest = ctx.once("row maxima", v, lambda: run(ctx, Fold("extreme", x.dtype, x.dtype), x, 1, 1, "Max")[0])
    return ctx.step("sub", x.dtype, x, _by_rows(ctx.loaded(largest), x.shape))


def _by_rows(vector: Lazy, shape: tuple[int, ...]) -> Lazy:
    return spread(transposed(vector, [0, "x"]), shape)


def _row_sums(ctx: Context, x: Lazy) -> DeviceArray:
    dtype, acc = Sum().resolved(x.dtype)
    return run(ctx, Fold("add", acc, dtype), ctx.cast(x, acc), 1, 1, "Sum")[0]


EXP_SUMS = "row sums of exponentials"
"""Softmax and its logarithm of one variable share them, as they share the maxima."""


@register(Softmax)
def softmax(ctx: Context, node: Apply) -> Lazy:
    """``e / sum(e)`` with ``e = exp(x - max(x))``."""
    (x,) = node.inputs
    d = _centered(ctx, x)
    e = ctx.step("exp", d.dtype, d)
    if not ctx.has_made(EXP_SUMS, x):
        e = ctx.evaluated(e)
    sums = ctx.once(EXP_SUMS, x, lambda: _row_sums(ctx, e))
    return ctx.step("true_div", d.dtype, e, _by_rows(ctx.loaded(sums), d.shape))


@register(LogSoftmax)
def log_softmax(ctx: Context, node: Apply) -> Lazy:
    """``d - log(sum(exp(d)))`` with ``d = x - max(x)``."""
    (x,) = node.inputs
    d = _centered(ctx, x)
    sums = ctx.once(EXP_SUMS, x, lambda: _row_sums(ctx, ctx.step("exp", d.dtype, d)))
    total = ctx.step("log", d.dtype, ctx.loaded(sums))
    return ctx.step("sub", d.dtype, d, _by_rows(ctx.evaluated(total), d.shape))


@register(CrossentropyCategorical1Hot)
def crossentropy(ctx: Context, node: Apply) -> Lazy:
    """``-log(coding[i, label[i]])``"""
    coding, labels = ctx.array(node.inputs[0]), ctx.lazy(node.inputs[1])
    if coding.shape[0] != labels.shape[0]:
        raise ShapeError(f"{node.op}: {labels.shape[0]} labels for probabilities of shape {coding.shape}")
    chosen = gathered(ctx, coding, labels.shape, [(0, 0)], [(1, labels)])
    chosen = chosen if ctx.is_large(chosen.size) else ctx.evaluated(chosen)
    return ctx.step("neg", coding.dtype, ctx.step("log", coding.dtype, chosen))
