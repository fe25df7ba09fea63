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
from reference.graph.core import Apply
from reference.graph.errors import ShapeError
from reference.tensor.nnet.crossentropy import CrossentropyCategorical1Hot
from reference.tensor.nnet.softmax import LogSoftmax, Softmax
from reference.tensor.reduce import Sum

takes_expressions(CrossentropyCategorical1Hot)


def _centered(ctx: Context, x: Lazy) -> Lazy:
    """``x - max(x)`` by rows."""
    if x.size == 0:
        return x
    (largest,) = run(ctx, Fold("extreme", x.dtype, x.dtype), x, 1, 1, "Max")
    return ctx.step("sub", x.dtype, x, _by_rows(ctx.loaded(largest), x.shape))


def _by_rows(vector: Lazy, shape: tuple[int, ...]) -> Lazy:
    return spread(transposed(vector, [0, "x"]), shape)


def _row_sums(ctx: Context, x: Lazy) -> Lazy:
    dtype, acc = Sum().resolved(x.dtype)
    return ctx.loaded(run(ctx, Fold("add", acc, dtype), ctx.cast(x, acc), 1, 1, "Sum")[0])


@register(Softmax)
def softmax(ctx: Context, node: Apply) -> Lazy:
    """``e / sum(e)`` with ``e = exp(x - max(x))``."""
    x = ctx.loaded(ctx.array(node.inputs[0]))
    e = ctx.evaluated(ctx.step("exp", x.dtype, _centered(ctx, x)))
    return ctx.step("true_div", x.dtype, e, _by_rows(_row_sums(ctx, e), x.shape))


@register(LogSoftmax)
def log_softmax(ctx: Context, node: Apply) -> Lazy:
    """``d - log(sum(exp(d)))`` with ``d = x - max(x)``."""
    x = ctx.loaded(ctx.array(node.inputs[0]))
    d = ctx.evaluated(_centered(ctx, x))
    total = ctx.step("log", x.dtype, _row_sums(ctx, ctx.step("exp", x.dtype, d)))
    return ctx.step("sub", x.dtype, d, _by_rows(ctx.evaluated(total), x.shape))


@register(CrossentropyCategorical1Hot)
def crossentropy(ctx: Context, node: Apply) -> Lazy:
    """``-log(coding[i, label[i]])``"""
    coding, labels = ctx.array(node.inputs[0]), ctx.lazy(node.inputs[1])
    if coding.shape[0] != labels.shape[0]:
        raise ShapeError(f"{node.op}: {labels.shape[0]} labels for probabilities of shape {coding.shape}")
    chosen = gathered(ctx, coding, labels.shape, [(0, 0)], [(1, labels)])
    chosen = chosen if ctx.is_large(chosen.size) else ctx.evaluated(chosen)
    return ctx.step("neg", coding.dtype, ctx.step("log", coding.dtype, chosen))
