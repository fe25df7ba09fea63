"""Exhibits of what leaves a loop: every operation that has a meaning for all rows at once, and what loops become then.

Owns the table, on fixed values: steps that do not wait for each other, work that only outputs need, gates side by side,
loops behind and beside each other, loops of a few steps. Its second half pairs each with a state, so that the loop
stays and reads the moved work row by row. Nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from difftest.strategies.exhibits import Exhibit
from difftest.strategies.loop_chains import ALL, CUBE, DECAY, NUMBERS, ROWS, B, H, U, V, W, X, Y, loop

Line = tuple[Any, ...]

ONE = {"axis": 0, "keepdims": False}
WHOLE: Any = (None, None, None)
GRAD = {"dtypes": ("float64", "float64")}

ON_VECTORS: tuple[tuple[Line, ...], ...] = (
    (("exp", ("r0",)), ("mul", ("b0", "@0"))),
    (("outer", ("r0", "@0")), ("dimshuffle", ("b0",), {"order": (1, "x", 0)})),
    (("outer", ("r0", "r0")), ("sum", ("b0",), {**ALL, "axis": 0})),
    (("outer", ("r0", "@0")), ("prod", ("b0",), {**ALL, "axis": 1})),
    (("sum", ("r0",), ALL), ("max", ("r0",), {**ONE, "axis": None}), ("add", ("b0", "b1"))),
    (("max_and_argmax", ("r0",), ONE),),
    (("argmax", ("r0",), ONE),),
    (("literal", ("r0", 0.0), {"op": ">", "swapped": False}), ("any", ("b0",), ONE)),
    (("literal", ("r0", -1.0), {"op": ">", "swapped": False}), ("all", ("b0",), ONE)),
    (("cumsum", ("r0",), {"axis": 0}), ("cumprod", ("r0",), {"axis": 0}), ("sub", ("b0", "b1"))),
    (("sort", ("r0",), {"axis": 0}),),
    (("argsort", ("r0",), {"axis": 0}),),
    (("softmax", ("r0",)),),
    (("outer", ("r0", "@0")), ("logsoftmax", ("b0",))),
    (("subtensor", ("r0",), {"index": (1,)}),),
    (("subtensor", ("r0",), {"index": ((1, None, None),)}), ("neg", ("b0",))),
    (("outer", ("r0", "@0")), ("subtensor", ("b0",), {"index": (WHOLE, (None, None, -1))})),
    (("sqr", ("r0",)), ("subtensor", ("r0",), {"index": (0,)}), ("set_subtensor", ("b0", "b1"), {"index": (2,)})),
    (("sqr", ("r0",)), ("inc_subtensor", ("b0", "r0"), {"index": (WHOLE,)})),
    (("outer", ("r0", "@0")), ("inc_subtensor", ("b0", "r0"), {"index": (1,)})),
    (("join", ("r0", "@0", "r0"), {"axis": 0}),),
    (("stack", ("r0", "@0"), {"axis": 1}),),
    (("outer", ("r0", "@0")), ("reshape", ("b0",), {"shape": (9,)})),
    (("alloc", ("r0",), {"shape": (2, 3)}),),
    (("dot", ("r0", "r0")), ("dot", ("r0", "@0")), ("add", ("b0", "b1"))),
    (("outer", ("r0", "@0")), ("dot", ("b0", "@0")), ("dot", ("@0", "b0")), ("sub", ("b1", "b2"))),
    (("outer", ("r0", "@0")), ("outer", ("@0", "r0")), ("dot", ("b0", "b1"))),
    (("shape", ("r0",)), ("sum", ("b0",), {**ALL, "dtype": None}), ("add", ("r0", "b1"))),
)  # fmt: skip
"""Steps on a row r0, a vector of three, and a captured @0 of three."""

ON_MATRICES: tuple[tuple[Line, ...], ...] = (
    (("dot", ("r0", "@0")),),
    (("transposed", ("r0",)), ("transposed", ("@0",)), ("dot", ("b1", "b0"))),
    (("softmax", ("r0",)), ("logsoftmax", ("r0",)), ("sub", ("b0", "b1"))),
    (("max", ("r0",), {"axis": 1, "keepdims": False}),),
    (("subtensor", ("r0",), {"index": (0, (1, None, None))}),),
    (("join", ("r0", "@0"), {"axis": 0}),),
    (("stack", ("r0", "r0"), {"axis": 0}), ("stack", ("@0", "@0"), {"axis": 0}), ("batched_dot", ("b0", "b1"))),
    (("transposed", ("r0",)), ("dot", ("r0", "b0"))),
    (("cumsum", ("r0",), {"axis": 1}), ("sort", ("b0",), {"axis": 1})),
)  # fmt: skip
"""Steps on a row r0, a matrix of two rows and three columns, and a captured @0 of three by three."""


def _last(body: tuple[Line, ...]) -> str:
    return f"b{len(body) - 1}"


def _maps() -> Iterator[Exhibit]:
    """Steps that do not wait for each other: the loop is gone."""
    for values, bodies in (((X, V), ON_VECTORS), ((CUBE, W), ON_MATRICES)):
        for body in bodies:
            pair = body[-1][0] == "max_and_argmax"
            if not pair:
                yield Exhibit(values, (loop(body, (_last(body),), ("x0",), (), ("x1",)),))
    yield Exhibit((X, V), (loop((("mul", ("r0", "@0")), ("sqr", ("b0",))), ("b1",), ("x0",), (), ("x1",), n_steps=3),))
    yield Exhibit((X, V), (loop((("tanh", ("@0",)),), ("b0",), ("x0",), (), ("x1",)),))
    yield Exhibit((V,), (loop((("tanh", ("@0",)),), ("b0",), (), (), ("x0",), n_steps=4),))
    yield Exhibit((V,), (loop((("tanh", ("@0",)),), ("b0",), (), (), ("x0",), n_steps=4, rows=("[-2:]",)),))
    early = (("sum", ("r0",), ALL), ("gt", ("b0", "@0")))
    yield Exhibit((X, np.array(0.25)), (loop(early, ("r0",), ("x0",), (), ("x1",), until="b1"),))
    yield Exhibit((X, H), (loop((("exp", ("r0",)), ("tanh", ("h0",))), ("b0", "b1"), ("x0",), ("x1", None)),
                           ("add", (0, ("of", 0, 1)), {})))  # fmt: skip


def _beside_a_state() -> Iterator[Exhibit]:
    """The same work beside a state, whose loop stays."""
    for values, bodies in (((X, V, H), ON_VECTORS[:6] + ON_VECTORS[9:]), ((CUBE, W, H), ON_MATRICES)):
        for body in bodies:
            if body[-1][0] in ("max_and_argmax", "argsort", "argmax"):
                continue
            n = len(body)
            more = (*body, ("sum", (_last(body),), ALL), ("add", (f"b{n}", "h0")), ("tanh", (f"b{n + 1}",)))
            yield Exhibit(values, (loop(more, (f"b{n + 2}",), ("x0",), ("x2",), ("x1",)),))


def _after() -> Iterator[Exhibit]:
    """Work that only outputs need."""
    cell = (("add", ("h0", "r0")), ("tanh", ("b0",)))
    for more in ((("dot", ("b1", "@0")),), (("softmax", ("b1",)),), (("sqr", ("b1",)), ("sum", ("b2",), ALL)),
                 (("dot", ("@0", "b1")), ("tanh", ("b2",)), ("dot", ("b3", "@0")))):  # fmt: skip
        body = (*cell, *more)
        made = loop(body, ("b1", _last(body)), ("x0",), ("x1", None), ("x2",))
        yield Exhibit((X, H, W), (made,))
        yield Exhibit((X, H, W), (made, ("grad", (("of", 0, 1), "x0", "x2"), GRAD)))
        yield Exhibit(
            (X, H, W), (loop(body, ("b1", _last(body)), ("x0",), ("x1", None), ("x2",), rows=(None, "[-2:]")),)
        )
        yield Exhibit((X, H, W), (loop(body, ("b1", _last(body)), ("x0",), ("x1", None), ("x2",), rows=("[-1]", "")),))


def _two_states() -> Iterator[Exhibit]:
    """Two states, one of which is read by what is moved, or by a loop behind."""
    both = (("sub", ("h0", "r0")), ("tanh", ("b0",)), ("add", ("h1", "b1")), ("tanh", ("b2",)))
    for second in ("b1", "b3"):
        body = (*both, ("dot", (second, "@0")))
        yield Exhibit((X, H, V, W), (loop(body, ("b1", "b3", "b4"), ("x0",), ("x1", "x2", None), ("x3",)),))
    first = loop(both, ("b1", "b3"), ("x0",), ("x1", "x2"))
    behind = (("sub", ("h0", "r0")), ("tanh", ("b0",)))
    for place in (0, 1):
        yield Exhibit((X, H, V), (first, loop(behind, ("b1",), (("of", 0, place),), ("x2",))))
    more = loop((*DECAY, ("tanh", ("h0",)), ("sub", ("h1", "b2"))), ("b1", "b3"), ("x0",), ("x1", "x1"))
    for last in ((-1, (-3, None, None)), ((-3, None, None), -1), ((-2, None, None), WHOLE)):
        parts = [("subtensor", (("of", k, 0),), {"index": (last[k],)}) for k in range(2)]
        yield Exhibit((X, H), (loop(DECAY, ("b1",), ("x0",), ("x1",)), more, *parts))


def _cells() -> Iterator[Exhibit]:
    """Gates side by side: products of a row and of a state, with biases and without."""
    gates = (("dot", ("r0", "@0")), ("dot", ("r0", "@1")), ("dot", ("h0", "@2")), ("dot", ("h0", "@3")))
    plain = (*gates, ("add", ("b0", "b2")), ("add", ("b1", "b3")), ("sigmoid", ("b4",)), ("tanh", ("b5",)),
             ("mul", ("b6", "b7")))  # fmt: skip
    biased = (*gates, ("add", ("b0", "b2", "@4")), ("add", ("b1", "b3", "@5")), ("sigmoid", ("b4",)), ("tanh", ("b5",)),
              ("mul", ("b6", "b7")))  # fmt: skip
    more = (*gates, ("add", ("b0", "b2", "r0")), ("add", ("b1", "b3", "h0")), *plain[6:])
    weights = ("x2", "x3", "x4", "x5")
    one, two = NUMBERS[1:10].reshape(3, 3), NUMBERS[5:14].reshape(3, 3) / 2
    for body, captured in ((plain, weights), (biased, (*weights, "x6", "x7")), (more, weights)):
        made = loop(body, ("b8",), ("x0",), ("x1",), captured)
        yield Exhibit((X, H, W, U, one, two, V, B), (made,))
        for wrt in (("x2", "x4"), ("x3", "x5"), ("x0", "x1")):
            yield Exhibit((X, H, W, U, one, two, V, B), (made, ("grad", (0, *wrt), GRAD)))
        yield Exhibit((CUBE, ROWS.T[:2, :3] / 2, W, U, one, two, V, B), (made, ("grad", (0, "x2", "x4"), GRAD)))
    whole = np.concatenate([W, U], axis=1)
    cut = (("dot", ("h0", "@0")), ("subtensor", ("b0",), {"index": ((None, 3, None),)}),
           ("subtensor", ("b0",), {"index": ((3, None, None),)}), ("sigmoid", ("b1",)), ("tanh", ("b2",)),
           ("mul", ("b3", "b4")), ("add", ("b5", "r0")))  # fmt: skip
    yield Exhibit((X, H, whole), (loop(cut, ("b6",), ("x0",), ("x1",), ("x2",)), ("grad", (0, "x1", "x2"), GRAD)))


def _pieces() -> Iterator[Exhibit]:
    """A value cut to pieces, and its gradient, which puts them together; pieces that overlap or leave a gap."""
    for cuts in (((0, 2, None), (2, None, None)), ((None, 1, None), (1, 3, None)), ((0, 2, None), (1, None, None)),
                 ((None, 1, None), (2, None, None)), ((-2, None, None), (None, -2, None))):  # fmt: skip
        parts = [("subtensor", ("x0",), {"index": (WHOLE, cut)}) for cut in cuts]
        more = [("exp", (0,), {}), ("sqr", (1,), {}), ("sum", (2,), ALL), ("sum", (3,), ALL), ("add", (4, 5), {})]
        yield Exhibit((X,), (*parts, *more, ("grad", (6, "x0"), {"dtypes": ("float64",)})))


def _together() -> Iterator[Exhibit]:
    """Loops that become one: one behind the other, and beside each other."""
    other = (("sub", ("h0", "r0")), ("literal", ("b0", 0.5), {"op": "*", "swapped": False}))
    first = loop(DECAY, ("b1",), ("x0",), ("x1",))
    for rows in ("", "[-1]", "[-2:]"):
        yield Exhibit((X, H, V), (first, loop(other, ("b1",), (("of", 0, 0),), ("x2",), rows=(rows,))))
    yield Exhibit((X, H, V), (first, ("subtensor", (0,), {"index": ((None, None, -1),)}),
                              loop(other, ("b1",), (("of", 1, 0),), ("x2",))))  # fmt: skip
    yield Exhibit((X, H, V), (first, loop(other, ("b1",), (("of", 0, 0), "x0"), ("x2",))))
    yield Exhibit((X, H, V), (first, loop((*other, ("mul", ("b1", "r1"))), ("b2",), (("of", 0, 0), "x0"), ("x2",)),
                              ("grad", (1, "x0", "x1"), GRAD)))  # fmt: skip
    for span in ((None, 4, None), (1, None, None), (None, -1, None)):
        part = ("subtensor", ("x0",), {"index": (span,)})
        two = (loop(DECAY, ("b1",), ("x0",), ("x1",)), loop(DECAY, ("b1",), (("of", 0, 0),), ("x2",)))
        yield Exhibit((X, H, V), (part, *two))
        yield Exhibit((X,), (part, loop((("exp", ("r0",)),), ("b0",), (("of", 0, 0),))))
    grown = (("tanh", ("h0",)),)
    for steps in ((9, 9), (9, 8)):
        moved = (*grown, ("add", ("b0", "@0")))
        pair = [loop(moved, ("b1",), (), (f"x{k}",), (f"x{1 - k}",), n_steps=n) for k, n in enumerate(steps)]
        yield Exhibit((H, V), tuple(pair))
        yield Exhibit((H, V), tuple(loop(grown, ("b0",), (), (f"x{k}",), n_steps=n) for k, n in enumerate(steps)))
    yield Exhibit((X, Y[:5], H, V), (loop(DECAY, ("b1",), ("x0",), ("x2",)), loop(DECAY, ("b1",), ("x1",), ("x3",))))
    stable = (("exp", ("h0",)), ("literal", ("b0", 1.0), {"op": "+", "swapped": False}), ("log", ("b1",)))
    yield Exhibit((H,), (loop(stable, ("b2",), (), ("x0",), n_steps=20),))


def _few() -> Iterator[Exhibit]:
    """Loops of few steps, which are written out."""
    body = (("sub", ("h0", "@0")), ("tanh", ("b0",)))
    for steps in (1, 2, 3):
        for rows in ("", "[-1]", "[-2:]", "[0]"):
            yield Exhibit((V, H), (loop(body, ("b1",), (), ("x1",), ("x0",), n_steps=steps, rows=(rows,)),))
        two = (("sub", ("h0", "h1")), ("tanh", ("b0",)))
        made = loop(two, ("b1",), (), (("x0", (-2, -1)),), n_steps=steps)
        yield Exhibit((X[:2],), (made, ("grad", (0, "x0"), {"dtypes": ("float64",)})))


@cache
def moves() -> tuple[Exhibit, ...]:
    """All of them, simplest first."""
    families = (_maps, _after, _two_states, _cells, _pieces, _together, _few, _beside_a_state)
    return tuple(exhibit for family in families for exhibit in family())
