"""Loops that rewrites are made for, written by hand.

Owns the bait: bodies with work that can leave the loop, matrix products that can be joined, sums that can be taken
outside, copies that can be dropped. Chance alone would seldom write them; which rewrites they wake is for the rewrites
to know. A bait fills a body and says what it gives; sizes and values are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from difftest.strategies.drawing import Entry
from difftest.strategies.dtypes import is_float

if TYPE_CHECKING:
    from difftest.strategies.loops import Growth

Bait = Callable[["Growth", Entry], "list[tuple[int | None, Entry]]"]
"""(growth, a float sequence) -> for each output the state it is of (None for a mapped one) and its new value."""

BAITS: dict[str, Bait] = {}


def bait(function: Bait) -> Bait:
    BAITS[function.__name__] = function
    return function


def fits(x: Entry) -> bool:
    """True if the baits may be made of `x`: a float sequence of vectors or scalars, of declared length."""
    return is_float(x.dtype) and x.dtype != "float16" and 1 <= x.ndim <= 2 and min(x.shape) >= 1 and max(x.shape) <= 6


def _weights(g: Growth, x: Entry, rows: int, columns: int) -> Entry:
    return g.pool.source(x.dtype, (rows, columns))


@bait
def gates(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """Two products of one row and two of one state, as in an LSTM."""
    row, body = g.read(x), g.body
    width = x.shape[-1] if x.ndim == 2 else 2
    h, c = (g.state(g.surroundings.source(x.dtype, (2,))) for _ in range(2))
    if row.ndim:
        inputs = [body.record("dot", (row.name, _weights(g, x, width, 2).name)) for _ in range(2)]
    else:
        inputs = [row, row]
    past = [body.record("dot", (h.name, _weights(g, x, 2, 2).name)) for _ in range(2)]
    sums = [body.record("add", (a.name, b.name)) for a, b in zip(past, inputs)]
    gate, value = body.record("sigmoid", (sums[0].name,)), body.record("tanh", (sums[1].name,))
    cell = body.record("add", (body.record("mul", (gate.name, c.name)).name, value.name))
    return [(0, body.record("tanh", (cell.name,))), (1, body.record("clip", (cell.name, -2, 2)))]


@bait
def sampling(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A state drawn from one drawn from it, as in Gibbs sampling."""
    body = g.body
    v = g.state(g.surroundings.source(x.dtype, (3,)))
    w = _weights(g, x, 3, 2)
    up = body.record("sigmoid", (body.record("dot", (v.name, w.name)).name,))
    hidden = body.record("binomial_with", (up.name,), {"seed": 1, "n": 1})
    down = body.record("dot", (hidden.name, body.record("transposed", (w.name,)).name))
    chance = body.record("sigmoid", (down.name,))
    return [(None, hidden), (0, body.record("binomial_with", (chance.name,), {"seed": 2, "n": 1}))]


@bait
def outer_products(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A sum of outer products, which is a product of matrices."""
    row, body = g.read(x), g.body
    n = x.shape[1] if x.ndim == 2 else 1
    if not row.ndim:
        row = body.record("dimshuffle", (row.name,), {"order": ("x",)})
    total = g.state(g.surroundings.source(x.dtype, (n, n)))
    return [(0, body.record("add", (total.name, body.record("outer", (row.name, row.name)).name)))]


@bait
def powers(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A product with what is the same in every step."""
    h = g.state(g.pool.surroundings.source(x.dtype, (2,)))
    w = g.pool.source(x.dtype, (2,))
    return [(0, g.body.record("mul", (h.name, w.name)))]


@bait
def work_that_can_leave(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """Work on the row alone, and work on what is the same in every step."""
    row, body = g.read(x), g.body
    w = g.pool.source(x.dtype, row.shape)
    h = g.state(g.surroundings.source(x.dtype, row.shape))
    early = body.record("mul", (body.record("sigmoid", (row.name,)).name, body.record("tanh", (w.name,)).name))
    return [(0, body.record("tanh", (body.record("add", (h.name, early.name)).name,)))]


@bait
def rows_times_weights(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A product of each row, which is one of the whole sequence."""
    row, body = g.read(x), g.body
    if row.ndim:
        return [(None, body.record("dot", (row.name, _weights(g, x, x.shape[1], 2).name)))]
    return [(None, body.record("mul", (row.name, g.pool.source(x.dtype, ()).name)))]


@bait
def copies(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A state that is the last row, and one that is the last value of the other."""
    row = g.read(x)
    a, b = (g.state(g.surroundings.source(x.dtype, row.shape)) for _ in range(2))
    return [(0, row), (1, a), (None, b)]


@bait
def running(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A running sum, product or maximum."""
    row = g.read(x)
    h = g.state(g.surroundings.source(x.dtype, row.shape))
    return [(0, g.body.record(g.draw.choose(("add", "maximum", "mul", "minimum")), (h.name, row.name)))]


@bait
def elementwise_map(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A loop that is no loop."""
    row, body = g.read(x), g.body
    made = body.record("literal", (body.record("tanh", (row.name,)).name, 2), {"op": "*", "swapped": False})
    return [(None, made), (None, body.record("sqr", (made.name,)))]


@bait
def two_sequences(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A dot of the rows of two sequences, summed: one number of two matrices."""
    row, other = g.read(x), g.read(g.surroundings.source(x.dtype, x.shape))
    total = g.state(g.surroundings.source(x.dtype, ()))
    product = g.body.record("dot" if row.ndim else "mul", (row.name, other.name))
    return [(0, g.body.record("add", (total.name, product.name)))]


@bait
def far_back(g: Growth, x: Entry) -> list[tuple[int | None, Entry]]:
    """A state that reads only what it was four steps ago."""
    h = g.state(g.surroundings.source(x.dtype, (4, 2)), (-4,))
    return [(0, g.body.record("literal", (h.name, 0.5), {"op": "*", "swapped": False}))]
