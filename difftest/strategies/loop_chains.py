"""Exhibits of loops: the forms that a loop's own code and the rewrites of loops are made for, on fixed values.

Owns the table: taps of every sign, states that are read in part, loops beside loops, work that can leave a loop, ends
that come early, and the gradient of each. Nothing is drawn. What a loop is as data stands in `difftest.loop`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from difftest.loop import Loop, Sequence_, State
from difftest.program import Step
from difftest.strategies.baits import Link
from difftest.strategies.exhibits import Exhibit

Read = Any
"""What a loop reads row by row, or begins with; a pair with its taps, if there are others than the usual one."""

NUMBERS = (np.arange(1.0, 31.0) * 7 % 11 - 5) / 8
X, Y = NUMBERS[:15].reshape(5, 3), NUMBERS[9:30].reshape(7, 3)
W, U = NUMBERS[3:12].reshape(3, 3), NUMBERS[14:23].reshape(3, 3) * 2
H, V, B = np.array([0.5, -0.25, 1.0]), np.array([0.125, 2.0, -1.5]), np.array([-1.0, 0.75, 0.25])
ROWS, CUBE = NUMBERS[:6].reshape(3, 2), NUMBERS[:24].reshape(4, 2, 3)


def loop(
    body: Sequence[tuple[Any, ...]],
    outputs: Sequence[str],
    sequences: Sequence[Read] = (),
    states: Sequence[Read | None] = (),
    captured: Sequence[str] = (),
    passed: Sequence[str] = (),
    rows: Sequence[str | None] | None = None,
    carries: Sequence[tuple[str, str]] = (),
    **options: Any,
) -> Link:
    """A step `scan`. Rows are called r0, r1, ..., the values of states h0, h1, ..., what is passed p0, p1, ..., the
    steps of the body b0, b1, ..., unless a line names its results; what is captured is written @k, counted from 0."""
    operands: list[Any] = []
    read: list[Any] = []
    begun: list[Any] = []
    for reads, letter, kept in ((sequences, "r", read), (states, "h", begun)):
        for given in reads:
            if given is None:
                kept.append(None)
                continue
            name, taps = given if isinstance(given[-1], tuple) else (given, (0,) if letter == "r" else (-1,))
            operands.append(name)
            first = sum(len(part.names) for part in kept if part is not None)  # type: ignore[attr-defined]
            names = tuple(f"{letter}{first + k}" for k in range(len(taps)))
            kept.append((Sequence_ if letter == "r" else State)(taps, names))  # type: ignore[arg-type]
    operands += passed
    first = len(operands)

    def placed(name: Any) -> Any:
        return f"@{first + int(name[1:])}" if isinstance(name, str) and name[0] == "@" else name

    steps = tuple(
        Step(line[0], tuple(map(placed, line[1])), *line[2:3] or ({},), *line[3:] or ((f"b{k}",),))
        for k, line in enumerate(body)
    )
    made = Loop(
        sequences=tuple(read),  # type: ignore[arg-type]
        states=tuple(begun) or (None,) * len(outputs),
        explicit=tuple(f"p{k}" for k in range(len(passed))),
        body=steps,
        outputs=tuple(map(placed, outputs)),
        rows=tuple(rows or ("",) * len(outputs)),
        carries=tuple((placed(shared), placed(new)) for shared, new in carries),
        **options,
    )
    return "scan", (*operands, *captured), made.attributes()


def _grad(cost: Any, *wrt: Any) -> Link:
    return "grad", (cost, *wrt), {"dtypes": ("float64",) * len(wrt)}


def _part(operand: Any, *index: Any) -> Link:
    return "subtensor", (operand,), {"index": index}


def _half(name: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return "literal", (name, 0.5), {"op": "*", "swapped": False}


DECAY = (_half("h0"), ("add", ("b0", "r0")))
"""h/2 + row."""

ALL = {"axis": None, "keepdims": False, "dtype": None, "acc_dtype": None}
"""A sum of all elements."""

LAST = ((-1,), ((-3, None, None),), (0,), ((-2, None, None),), ((1, 3, None),), (-2,), ((None, None, -1),), (1,))
"""What is read of the rows."""


def _reads() -> Iterator[Exhibit]:
    """Parts of the rows, one reader and several."""
    decay = loop(DECAY, ("b1",), ("x0",), ("x1",))
    for chosen in ((0, 1), (1, 2), (5,), (3, 0), (4, 0), (7, 0), (6,), (0,), (1,)):
        yield Exhibit((X, H), (decay, *(_part(0, *LAST[k]) for k in chosen)))
    for rows in ("[-2:]", ".shape", ".shape[0]", "[-1]"):
        yield Exhibit((X, H), (loop(DECAY, ("b1",), ("x0",), ("x1",), rows=(rows,)),))
    yield Exhibit((X, H), (loop(DECAY, ("b1",), ("x0",), ("x1",), rows=("[-2:]",)), ("shape", (0,), {})))
    behind = (("mul", ("h0", "r0")), ("add", ("r0", "h0", "b0")), _half("b1"))
    yield Exhibit((X, H), (loop(behind, ("b2",), ("x0",), ("x1",)),))
    yield Exhibit((X, H), (decay, _part(0, (-2, None, None)), ("shape", (1,), {}), ("shape", (0,), {})))
    far = loop((_half("h1"), ("add", ("b0", "h0")), ("sub", ("b1", "r0"))), ("b2",), ("x0",), (("x1", (-3, -1)),))
    for chosen in ((0,), (0, 1), (2,)):
        yield Exhibit((X, X[:3] * 2), (far, *(_part(0, *LAST[k]) for k in chosen)))
    late = (("mul", ("h0", "@0")), ("add", ("h1", "h0")), _half("b1"))
    yield Exhibit((H, V, B), (loop(late, ("b0", "b2"), (), ("x0", "x1"), ("x2",), rows=(None, ""), n_steps=4),))
    yield Exhibit((H, V, B), (loop(late, ("b0", "b2"), (), ("x0", "x1"), ("x2",), rows=(None, "[-1]"), n_steps=4),))
    yield Exhibit((X, H), (loop((*DECAY, ("sqr", ("r0",)), ("sqr", ("r0",))), ("b1", "b2", "b3"), ("x0",),
                                ("x1", None, None)),))  # fmt: skip
    yield Exhibit((X, H, V), (loop((("add", ("h0", "h1")), _half("b0")), ("h1", "b1"), ("x0",), ("x1", "x2")),))


def _taps() -> Iterator[Exhibit]:
    """Taps of every sign, of sequences and states; loops that go backwards; the calls that stand for loops."""
    difference = (("sub", ("r0", "r1")),)
    for taps in ((-1, 1), (-2, -1), (1, 2), (-2, 2), (0, -1)):
        for backwards in (False, True):
            yield Exhibit((Y,), (loop(difference, ("b0",), (("x0", taps),), backwards=backwards),))
    for tap in (-1, 2):
        yield Exhibit((Y, X), (loop((("sub", ("r0", "r1")),), ("b0",), (("x0", (tap,)), "x1")),))
    body = (("sub", ("h0", "h1")), _half("b0"), ("add", ("b1", "r0")))
    for taps, rows in (((-2, -1), 2), ((-3, -1), 3), ((-1, -3), 4), ((-1, -2), 4)):
        yield Exhibit((X, Y[:rows]), (loop(body, ("b2",), ("x0",), (("x1", taps),)), _grad(0, "x0", "x1")))
    distant = loop((_half("h0"), ("add", ("b0", "r0"))), ("b1",), ("x0",), (("x1", (-4,)),))
    for compiled in (False, True):
        yield Exhibit((X, Y[:5]), (distant,), compiled=compiled)
    fold = (("sub", ("r0", "h0")), _half("b0"))
    for call in ("reduce", "foldl", "foldr"):
        yield Exhibit((X, H), (loop(fold, ("b1",), ("x0",), ("x1",), call=call), _grad(0, "x0", "x1")))
    yield Exhibit((X, V), (loop((("mul", ("r0", "@0")), ("sub", ("r0", "@0"))), ("b0", "b1"), ("x0",), (), ("x1",),
                                call="map"),))  # fmt: skip
    mixed = (*DECAY, ("sqr", ("r0",)), ("sub", ("h1", "r0")), _half("b3"))
    for order in (("b2", "b1", "b4"), ("b1", "b2", "b4")):
        states: list[Read | None] = ["x1", "x2"]
        states.insert(order.index("b2"), None)
        yield Exhibit((X, H, V), (loop(mixed, order, ("x0",), states), _grad(("of", 0, 0), "x0")))
    for n in (0, 1):
        yield Exhibit((X, H), (loop((*DECAY, ("sqr", ("r0",))), ("b1", "b2"), ("x0",), ("x1", None), n_steps=n),))
    symbolic = loop(DECAY, ("b1",), ("x0",), ("x1",), ("x2",), n_steps="@2")
    yield Exhibit((X, H, np.array(3)), (symbolic, _part(0, -1)))
    yield Exhibit((Y, X), (loop((("sub", ("r0", "r1")),), ("b0",), ("x0", "x1")),
                           loop((("sub", ("r0", "r1")),), ("b0",), ("x1", "x0"))))  # fmt: skip
    yield Exhibit((X, H), (loop((("sub", ("h0", "r0")), _half("b0")), ("b1",), ("x0",), ("x1",)),
                           loop((("sub", ("r0", "h0")), _half("b0")), ("b1",), ("x0",), ("x1",))))  # fmt: skip
    yield Exhibit((X, H), (loop(DECAY, ("b1",), ("x0",), ("x1",), backwards=True), _grad(0, "x0", "x1")))


def _beside() -> Iterator[Exhibit]:
    """Two loops: of one length and of several, from one beginning and from two, read in different parts."""
    other = (("sub", ("h0", "r0")), _half("b0"))
    for second, begins in (("x0", "x1"), ("x0", "x2"), ("x3", "x1")):
        yield Exhibit((X, H, V, Y), (
            loop(DECAY, ("b1",), ("x0",), ("x1",)), loop(DECAY, ("b1",), (second,), (begins,)),
        ))  # fmt: skip
        yield Exhibit((X, H, V, Y), (
            loop(DECAY, ("b1",), ("x0",), ("x1",)), loop(other, ("b1",), (second,), (begins,)),
            _part(0, -1), _part(1, (-3, None, None)),
        ))  # fmt: skip
    yield Exhibit((X, H), (
        loop(DECAY, ("b1",), ("x0",), ("x1",)), loop(DECAY, ("b1",), ("x0",), ("x1",)),
        _part(0, (-3, None, None)), _part(1, -1),
    ))  # fmt: skip
    counted = (_half("h0"),)
    yield Exhibit((H, V), (loop(counted, ("b0",), (), ("x0",), n_steps=3), loop(counted, ("b0",), (), ("x1",),
                                                                                  n_steps=5)))  # fmt: skip
    yield Exhibit((X, Y), (loop((("sqr", ("r0",)), ("tanh", ("r0",))), ("b0", "b1"), ("x0",)),
                           loop((("neg", ("r0",)), ("exp", ("r0",))), ("b0", "b1"), ("x0",))))  # fmt: skip
    halves = ("split", ("r0",), {"sizes": (2, 2), "axis": 0}, ("b0a", "b0b"))
    yield Exhibit((np.concatenate([ROWS, ROWS[::-1] / 2], axis=1), ROWS[0], ROWS[1]), tuple(
        loop((halves, ("tanh", (which,)), ("mul", ("h0", "b1"))), ("b2", "b1"), ("x0",), (begins, None))
        for which, begins in (("b0a", "x1"), ("b0b", "x2"))
    ))  # fmt: skip
    first = loop((*DECAY, ("tanh", ("b1",))), ("b1", "b2"), ("x0",), ("x1", None))
    yield Exhibit((X, H, V), (first, loop(other, ("b1",), (("of", 0, 1),), ("x2",)), _part(1, -1)))


def _work() -> Iterator[Exhibit]:
    """Work that can leave the loop: on rows alone, on what never changes, products, sums."""
    for operands in (("r0", "@0"), ("@0", "r0")):
        yield Exhibit((X, W), (loop((("dot", operands),), ("b0",), ("x0",), (), ("x1",)), _grad(0, "x0", "x1")))
        step = (("dot", operands), ("add", ("b0", "h0")), ("tanh", ("b1",)))
        yield Exhibit((X, W, H), (loop(step, ("b2",), ("x0",), ("x2",), ("x1",)), _grad(0, "x0", "x1")))
        yield Exhibit((CUBE, U[:, :2] if operands[0] == "@0" else U),
                      (loop((("dot", operands),), ("b0",), ("x0",), (), ("x1",)),))  # fmt: skip
    yield Exhibit((X, U[:2]), (loop((("dot", ("@0", "r0")),), ("b0",), ("x0",), (), ("x1",)),))
    square = X[:3]
    spread = (("mul", ("r0", "@0")), ("add", ("h0", "b0")), ("tanh", ("b1",)))
    yield Exhibit((square, V, H), (loop(spread, ("b2",), ("x0",), ("x2",), ("x1",)),))
    yield Exhibit((square, V), (loop((("sub", ("r0", "@0")), ("exp", ("b0",))), ("b1",), ("x0",), (), ("x1",)),))
    yield Exhibit((square, V, B), (loop((("tanh", ("@0",)), ("exp", ("@1",)), ("mul", ("b0", "r0")),
                                         ("sub", ("b2", "b1"))), ("b3",), ("x0",), (), ("x1", "x2")),))  # fmt: skip
    yield Exhibit((square, V, B), (loop((("sub", ("p0", "p1")), ("mul", ("b0", "r0"))), ("b1",), ("x0",),
                                        passed=("x1", "x2")),))  # fmt: skip
    turned = (("mul", ("r0", "@1")), ("sub", ("b0", "@0")), ("mul", ("b1", "h0")), ("tanh", ("b2",)))
    found = loop(turned, ("b3",), ("x0",), ("x3",), ("x1", "x2"))
    yield Exhibit((square, V, B, H), (found, _part(0, -1)))
    yield Exhibit((square, V, B, H), (found, _grad(0, "x1", "x2")))
    late = (("sub", ("p1", "h0")), ("mul", ("b0", "p0")), ("add", ("b1", "r0")), _half("b2"))
    yield Exhibit((square, V, B, H), (loop(late, ("b3",), ("x0",), ("x3",), passed=("x1", "x2")), _grad(0, "x1", "x2")))
    three = (("add", ("h0", "r0", "r1", "r2")), _half("b0"))
    yield Exhibit((X, X * 2, X - 1, H), (loop(three, ("b1",), ("x0", "x1", "x2"), ("x3",)),))
    more = (("add", ("h0", "r0", "@0", "r1")), ("tanh", ("b0",)))
    yield Exhibit((X, X * 2, V, H), (loop(more, ("b1",), ("x0", "x1"), ("x3",), ("x2",)),))
    for last in (-1, (-2, None, None), (None, None, None)):
        yield Exhibit((X, H), (loop((("tanh", ("h0",)),), ("r0", "b0"), ("x0",), ("x1", None)), _part(0, last)))
        yield Exhibit((X, H), (loop((), ("r0",), ("x0",), ("x1",)), _part(0, last)))
        total = loop((("sqr", ("r0",)), ("add", ("h0", "b0"))), ("b1",), ("x0",), ("x1",))
        yield Exhibit((X, H), (total, _part(0, last)))
    kept = {k: v for k, v in ALL.items() if k != "axis"}
    for axis, start in ((0, H), (1, ROWS[0]), (None, np.array(2.5))):
        summed = (("sum", ("r0",), {"axis": axis, **kept}), ("add", ("h0", "b0")))
        yield Exhibit((CUBE, start), (loop(summed, ("b1",), ("x0",), ("x1",)), _part(0, -1)))
    outer = (("outer", ("r0", "r1")), ("add", ("h0", "b0")))
    yield Exhibit((X, CUBE[0][0] + X[:, :1] * 0 + X[:, 1:2], np.ones((3, 3))),
                  (loop(outer, ("b1",), ("x0", "x1"), ("x2",)), _part(0, -1)))  # fmt: skip
    yield Exhibit((X, X[:, :2] * 2, NUMBERS[:6].reshape(3, 2)),
                  (loop(outer, ("b1",), ("x0", "x1"), ("x2",)), _part(0, -1)))  # fmt: skip
    dots = (("dot", ("r0", "r1")), ("add", ("h0", "b0")))
    yield Exhibit((X, X * 2 - 1, np.array(1.5)), (loop(dots, ("b1",), ("x0", "x1"), ("x2",)), _part(0, -1)))


def _gates() -> Iterator[Exhibit]:
    """Several products of one operand, and sums of products, as in cells of networks."""
    two = (("dot", ("h0", "@0")), ("dot", ("h0", "@1")), ("sigmoid", ("b0",)), ("tanh", ("b1",)), ("mul", ("b2", "b3")),
           ("add", ("b4", "r0")), _half("b5"))  # fmt: skip
    yield Exhibit((X, H, W, U), (loop(two, ("b6",), ("x0",), ("x1",), ("x2", "x3")), _grad(0, "x2", "x3")))
    yield Exhibit((X, H, W, U[:, :2]), (loop((("dot", ("h0", "@0")), ("dot", ("h0", "@1")), ("add", ("b0", "r0")),
                                              ("tanh", ("b2",))), ("b3", "b1"), ("x0",), ("x1", None),
                                             ("x2", "x3")),))  # fmt: skip
    both = (("dot", ("r0", "@0")), ("dot", ("h0", "@1")), ("add", ("b0", "b1", "@2")), ("tanh", ("b2",)))
    yield Exhibit((X, H, W, U, B), (loop(both, ("b3",), ("x0",), ("x1",), ("x2", "x3", "x4")),))
    states = (("dot", ("h0", "@0")), ("dot", ("h1", "@1")), ("add", ("b0", "b1", "@2")), ("tanh", ("b2",)), _half("h1"),
              ("add", ("b4", "b3")))  # fmt: skip
    yield Exhibit((H, V, W, U, B), (loop(states, ("b3", "b5"), (), ("x0", "x1"), ("x2", "x3", "x4"), n_steps=4),))
    summed = (("dot", ("h0", "@0")), ("dot", ("h1", "@1")), ("add", ("b0", "b1")), ("tanh", ("b2",)), _half("h1"))
    yield Exhibit((H, V, W, U), (loop(summed, ("b3", "b4"), (), ("x0", "x1"), ("x2", "x3"), n_steps=4),))
    plain = (("dot", ("h0", "@0")), ("add", ("b0", "r0", "@1")), ("tanh", ("b1",)))
    first = loop(plain, ("b2",), ("x0",), ("x1",), ("x2", "x3"))
    yield Exhibit((X, H, W, B), (first, _grad(0, "x0", "x1", "x2")))
    behind = (("dot", ("r0", "@0")), ("sub", ("h0", "b0")))
    yield Exhibit((X, H, W, B), (first, loop(behind, ("b1",), (("of", 0, 0),), ("x1",), ("x2",), backwards=True)))


def _ends() -> Iterator[Exhibit]:
    """Loops that end early, or are long, or are differentiated in part."""
    grown = (_half("h0"), ("mul", ("b0", "r0")), ("add", ("b1", "r0")))
    for bound in (-0.5, 0.25):
        ending = (*grown, ("sum", ("b2",), ALL), ("lt", ("b3", "@0")))
        ended = loop(ending, ("b2",), ("x0",), ("x1",), ("x2",), until="b4")
        yield Exhibit((Y, H, np.array(bound)), (ended, _grad(0, "x0", "x1")))
        latest = loop(ending, ("b2",), ("x0",), ("x1",), ("x2",), until="b4", rows=("[-1]",))
        yield Exhibit((Y, H, np.array(bound)), (latest,), compiled=True)
    beyond = (*DECAY, ("sqr", ("r0",)), ("sum", ("b1",), ALL), ("gt", ("b3", "@0")))
    for bound in (-0.25, 0.25, 100.0, -100.0):
        early = loop(beyond, ("b1", "b2"), ("x0",), ("x1", None), ("x2",), until="b4")
        yield Exhibit((Y, H, np.array(bound)), (early, _part(0, -1), ("shape", (("of", 0, 1),), {})))
        yield Exhibit((Y, H, np.array(bound)), (early, _grad(0, "x0", "x1")))
        latest = loop(beyond, ("b1", "b2"), ("x0",), ("x1", None), ("x2",), until="b4", rows=("[-1]", "[-1]"))
        yield Exhibit((Y, H, np.array(bound)), (latest,), compiled=True)
        ordered = (("add", ("h0", "r0")), _half("b0"), ("sort", ("b1",), {"axis": 0}), ("sum", ("b1",), ALL),
                   ("gt", ("b3", "@0")))  # fmt: skip
        yield Exhibit((Y, H, np.array(bound)), (loop(ordered, ("b2",), ("x0",), ("x1",), ("x2",), until="b4"),))
        yield Exhibit((Y, W, np.array(bound)), (
            loop((("dot", ("r0", "@1")), ("sum", ("b0",), beyond[3][2]), ("gt", ("b1", "@0"))),
                 ("b0",), ("x0",), (), ("x2", "x1"), until="b2"),
        ))  # fmt: skip
    counting = (("literal", ("h0", 1.0), {"op": "+", "swapped": False}), ("gt", ("b0", "@0")))
    # Lengths that are known only in the step itself.
    growing = (("arange_to", ("r0",)), ("sum", ("b0",), ALL), ("add", ("h0", "b1")), ("ge", ("b2", "@0")))
    for last in (1, 4, 7):
        lengths = (np.array([2, 3, 1, 4]), np.array(0), np.array(last))
        yield Exhibit(lengths, (loop(growing, ("b2",), ("x0",), ("x1",), ("x2",), until="b3"),))
    for most in (70.0, 130.0):
        long = loop(counting, ("b0",), (), ("x0",), ("x1",), until="b1", n_steps=140)
        yield Exhibit((np.array(0.0), np.array(most)), (long,))
    for steps in (1, 2):
        yield Exhibit((X, H), (loop(DECAY, ("b1",), ("x0",), ("x1",), truncate=steps), _grad(0, "x0", "x1")))
    # Loops that differ in the result they read of an operation that has two.
    halves = ("split", ("r0",), {"sizes": (1, 1), "axis": 0}, ("b0a", "b0b"))
    two = (loop((halves, ("add", ("h0", half))), ("b1",), ("x0",), ("x1",)) for half in ("b0a", "b0b"))
    yield Exhibit((X[:, :2], H[:1]), tuple(two))
    twice = (*DECAY, ("mul", ("b1", "@0")))
    for outputs in (("b1", "b1"), ("b1", "b2"), ("b2", "b1")):
        states: list[Read | None] = ["x1", None]
        captured = ("x2",) if "b2" in outputs else ()
        found = loop(twice if captured else DECAY, outputs, ("x0",), states, captured)
        yield Exhibit((X, H, V), (found, ("add", (0, ("of", 0, 1)), {}), _grad(1, "x0", "x1", *captured)))
        yield Exhibit((X, H, V), (found, _part(0, -1), ("mul", (1, ("of", 0, 1)), {}), _grad(2, "x0", "x1")))
    cross = (_half("h1"), ("add", ("b0", "r0")), _half("h2"), ("tanh", ("h0",)))
    yield Exhibit(
        (X, H, V, B), (loop(cross, ("b1", "b2", "b3"), ("x0",), ("x1", "x2", "x3")), _grad(0, "x1", "x2", "x3"))
    )
    square = (("sqr", ("h0",)), _half("b0"), ("add", ("b1", "@0")))
    powers = loop(square, ("b2",), (), ("x0",), ("x1",), n_steps=3)
    again = {"order": 2, "dtype": "float64"}
    yield Exhibit((H, V), (powers, ("grad_again", (0, "x1"), again), ("grad_again", (0, "x0"), {**again, "order": 3})))
    yield Exhibit((H, V), (powers, _part(0, -1), _grad(1, "x0", "x1")))


def _carried() -> Iterator[Exhibit]:
    """Shared variables that a loop changes, and what it prints."""
    kept = {k: v for k, v in ALL.items() if k != "axis"}
    added: dict[str, Any] = {"carries": (("@0", "b1"),)}
    square = (("sqr", ("r0",)), ("add", ("@0", "b0")))
    yield Exhibit((X,), (loop(square, (), ("x0",), captured=("s0",), **added), _grad(0, "x0")), shared=(H,))
    yield Exhibit((X,), (loop(square, ("b0",), ("x0",), captured=("s0",), **added),), shared=(H,))
    for axis, start in ((0, H), (1, ROWS[0]), (None, np.array(2.5))):
        summed = (("sum", ("r0",), {"axis": axis, **kept}), ("add", ("@0", "b0")))
        yield Exhibit((CUBE,), (loop(summed, (), ("x0",), captured=("s0",), **added),), shared=(start,))
        varying = (("mul", ("h0", "r0")), ("sum", ("b0",), {"axis": axis, **kept}), ("add", ("@0", "b1")), _half("h0"))
        found = loop(varying, ("b3",), ("x0",), ("x1",), ("s0",), carries=(("@0", "b2"),))
        yield Exhibit((CUBE, H), (found,), shared=(start,))
    outer = (("outer", ("r0", "r1")), ("add", ("@0", "b0")))
    yield Exhibit((X, X[:, :2] * 2), (loop(outer, (), ("x0", "x1"), captured=("s0",), **added),),
                  shared=(NUMBERS[:6].reshape(3, 2),))  # fmt: skip
    product = (("mul", ("@0", "r0")), ("add", ("b0", "r0")))
    yield Exhibit((X,), (loop(product, ("b0",), ("x0",), captured=("s0",), **added), _grad(0, "x0"),
                         _grad(("of", 0, 1), "x0")), shared=(H,))  # fmt: skip
    yield Exhibit((X,), (loop((), (), ("x0",), captured=("s0",), carries=(("@0", "r0"),)),), shared=(H,))
    seen = {"message": "seen", "attrs": ("__str__",)}
    yield Exhibit((X, V), (loop((("printed", ("@0",), seen), ("mul", ("b0", "r0"))), ("b1",), ("x0",), (), ("x1",)),))
    yield Exhibit((X, V), (loop((("tanh", ("@0",)), ("printed", ("b0",), seen), ("mul", ("b1", "r0"))), ("b2",),
                                ("x0",), (), ("x1",)),))  # fmt: skip
    yield Exhibit((X, V), (loop((("printed", ("r0",), seen), ("mul", ("@0", "r0"))), ("b1",), ("x0",), (), ("x1",)),))


@cache
def loops() -> tuple[Exhibit, ...]:
    """All of them."""
    parts = (_reads, _taps, _beside, _work, _gates, _ends, _carried)
    return tuple(exhibit for part in parts for exhibit in part())
