"""Products of vectors and matrices.

Owns what moves transposes and indices through a product. A product has no fixed order of summation, so
every rule that changes its operands promises REAL.
"""

from __future__ import annotations

from reference.graph.core import Apply
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.rules.subtensor import FULL, index_of, indexed
from reference.tensor.elemwise import DimShuffle
from reference.tensor.indexing import Subtensor
from reference.tensor.linalg import Dot

REAL = Promise.REAL


def _only_read_here(fgraph: FunctionGraph, node: Apply) -> Apply | None:
    """The product that computes the node's first input, if the node is its only reader."""
    product = node.inputs[0].owner
    if product is None or not isinstance(product.op, Dot) or len(fgraph.clients[node.inputs[0]]) > 1:
        return None
    return product


@rewrite(REAL, on=DimShuffle)
def transpose_of_dot(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """dot(a, b).T -> dot(b.T, a.T), where nobody else reads the product."""
    product = _only_read_here(fgraph, node)
    if product is None or node.op.new_order != (1, 0):  # type: ignore[attr-defined]
        return None
    a, b = (DimShuffle(v.type.broadcastable, (1, 0))(v) for v in product.inputs)
    return [Dot()(b, a)]


@rewrite(REAL, on=Subtensor)
def part_of_dot(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """dot(a, b)[i, j] -> dot(a[i], b[:, j]), where nobody else reads the product."""
    product = _only_read_here(fgraph, node)
    if product is None:
        return None
    a, b = product.inputs
    index = iter(index_of(node))
    if a.type.ndim == 2:
        a = indexed(a, [next(index)])
    if b.type.ndim == 2:
        b = indexed(b, [FULL, next(index, FULL)])
    new = Dot()(a, b)
    return [new] if new.type == node.outputs[0].type else None
