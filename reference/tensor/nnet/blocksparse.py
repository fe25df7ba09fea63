"""Products with a few blocks of a large matrix: ``theano.tensor.nnet.blocksparse``.

Owns the two products as graphs of indexing, multiplication and sums, so that gradients follow. A matrix of blocks is
(blocks in, blocks out, size in, size out); which of them are meant is told row by row of a batch.
"""

from __future__ import annotations

from typing import Any

from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable
from reference.tensor.subtensor import inc_subtensor

__all__ = ["sparse_block_dot", "sparse_block_gemv", "sparse_block_outer"]


def sparse_block_gemv(o: Any, W: Any, h: Any, inputIdx: Any, outputIdx: Any) -> Variable:
    """o[b, j] + the sum over i of dot(h[b, i], W[inputIdx[b, i], outputIdx[b, j]]).

    o (batch, outputs, size out), h (batch, inputs, size in), `inputIdx` (batch, inputs), `outputIdx` (batch, outputs).
    """
    o, W, h, i, j = (as_tensor_variable(v) for v in (o, W, h, inputIdx, outputIdx))
    blocks = W[i.dimshuffle(0, 1, "x"), j.dimshuffle(0, "x", 1)]
    return o + (h.dimshuffle(0, 1, "x", 2, "x") * blocks).sum(axis=(1, 3))


def sparse_block_outer(o: Any, x: Any, y: Any, xIdx: Any, yIdx: Any, alpha: Any = None) -> Variable:
    """`o`, blocks (in, out, size in, size out), with the outer products of x[b, i] and y[b, j], times `alpha`, added to
    block (xIdx[b, i], yIdx[b, j])."""
    o, x, y, i, j = (as_tensor_variable(v) for v in (o, x, y, xIdx, yIdx))
    products = x.dimshuffle(0, 1, "x", 2, "x") * y.dimshuffle(0, "x", 1, "x", 2)
    if alpha is not None:
        products = as_tensor_variable(alpha) * products
    return inc_subtensor(o[i.dimshuffle(0, 1, "x"), j.dimshuffle(0, "x", 1)], products)


def sparse_block_dot(W: Any, h: Any, inputIdx: Any, b: Any, outputIdx: Any) -> Variable:
    """`sparse_block_gemv` onto the rows `outputIdx` of the biases `b` (blocks out, size out). Without a batch, `h` is
    (inputs, size in) and the indices are vectors; the result has a batch of one."""
    W, h, i, b, j = (as_tensor_variable(v) for v in (W, h, inputIdx, b, outputIdx))
    if i.type.ndim != h.type.ndim - 1 or j.type.ndim != i.type.ndim:
        raise TypeError(f"sparse_block_dot: the indices have one dimension less than h, got {h}, {i} and {j}")
    if h.type.ndim == 2:
        h, i, j = h.dimshuffle("x", 0, 1), i.dimshuffle("x", 0), j.dimshuffle("x", 0)
    return sparse_block_gemv(b[j], W, h, i, j)
