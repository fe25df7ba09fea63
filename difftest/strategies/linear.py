"""Steps that multiply matrices, and the usual functions of networks.

Owns how the second operand's shape follows from the first's.
"""

from __future__ import annotations

from math import prod

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES, is_float
from difftest.strategies.registry import Drawn, step


def _numeric(e: Entry) -> bool:
    return e.kind in "iuf"


def _matching(draw: Draw, pool: Pool, x: Entry, shapes: list[tuple[int, ...]]) -> Entry:
    """An earlier value with one of these shapes, or a new input with the first that is drawn."""
    known = pool.having(lambda e: e.shape in shapes and e.kind in "iuf" and (is_float(e.dtype) or e.dtype == x.dtype))
    if known and draw.often():
        return draw.choose(known)
    return pool.source(x.dtype, draw.choose(shapes))


@step("dot", "T.dot({0}, {1})", takes=lambda e: 1 <= e.ndim <= 2 and e.kind in "iuf")
def dot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    k = x.shape[-1]
    return (x.name, _matching(draw, pool, x, [(k, 2), (k,), (k, 3), (k, 1)]).name), {}


@step("dot", "T.batched_dot({0}, {1})", takes=lambda e: 2 <= e.ndim <= 3 and is_float(e.dtype) and e.shape[0] > 0)
def batched_dot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    batch, k = x.shape[0], x.shape[-1]
    shapes: list[tuple[int, ...]] = [(batch, k, 2), (batch, k)] if x.ndim == 3 else [(batch, k, 2), (batch, k, 1)]
    return (x.name, _matching(draw, pool, x, shapes).name), {}


@step("dot", "T.outer({0}, {1})", takes=lambda e: e.ndim == 1 and e.size <= 8 and e.kind in "iuf")
def outer(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _matching(draw, pool, x, [(3,), (2,), x.shape]).name), {}


@step("dot", "T.tensordot({0}, {1}, {axes})", takes=lambda e: 1 <= e.ndim <= 3 and is_float(e.dtype))
def tensordot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axes = draw.integer(1, min(2, x.ndim))
    shape = x.shape[-axes:]
    choices = [(*shape, 2), shape] if prod(x.shape[:-axes]) <= 16 else [shape]
    return (x.name, _matching(draw, pool, x, choices).name), {"axes": axes}


def _rows(e: Entry) -> bool:
    return e.ndim == 2 and is_float(e.dtype) and e.shape[1] > 0


@step("nnet", "T.nnet.softmax({0})", takes=_rows)
def softmax(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("nnet", "T.nnet.logsoftmax({0})", takes=_rows)
def logsoftmax(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("nnet", "T.nnet.relu({0})", takes=lambda e: is_float(e.dtype))
def relu(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("nnet", "T.nnet.binary_crossentropy({0}, {1})", takes=lambda e: is_float(e.dtype))
def binary_crossentropy(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    known = pool.having(lambda e: e.shape == x.shape and e.dtype == x.dtype)
    return (x.name, (draw.choose(known) if draw.often() else pool.source(x.dtype, x.shape)).name), {}


@step("nnet", "T.nnet.categorical_crossentropy({0}, {1})", takes=lambda e: _rows(e) and e.shape[0] > 0)
def categorical_crossentropy(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    labels = draw.integers(0, x.shape[1] - 1, x.shape[0])
    return (x.name, pool.fixed(labels, draw.choose(INDICES)).name), {}
