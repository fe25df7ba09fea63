"""Exhibits of what lies between an operation and memory: strides, tails, and calls that are not the first.

Owns the arrays on which loops over elements go wrong: no whole number of vectors, axes that cannot be joined, rows that
are stretched, ties and zeros along columns, rows that are long; and functions whose later calls have other shapes,
other indices, other state. Nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from difftest.model.streams import Words
from difftest.strategies.baits import Link
from difftest.strategies.exhibits import CUBE, MATRIX, TIES, ZEROS, Exhibit
from difftest.strategies.loop_chains import loop

TALL = (np.arange(35.0).reshape(7, 5) * 11 % 13 - 6) / 4
Line = tuple[Any, ...]
LINE = (np.arange(13.0) * 5 % 13 - 6) / 4
RAGGED = np.sin(np.arange(1.0, 301.0)) * np.exp(np.cos(np.arange(300.0)) * 6)
"""Numbers of all sizes: every order of adding them up has bits of its own."""

_SUM: dict[str, Any] = {"keepdims": False, "dtype": None, "acc_dtype": None}


def _over(name: str, *axes: Any, of: Any = "x0") -> tuple[Link, ...]:
    more = _SUM if name in ("sum", "prod") else {"keepdims": False}
    return tuple((name, (of,), {"axis": axis, **more}) for axis in axes)


def _part(operand: Any, *index: Any) -> Link:
    return "subtensor", (operand,), {"index": index}


def _nests() -> Iterator[Exhibit]:
    """Loops over elements, with tails and strides of every kind."""
    for dtype in ("float64", "float32", "int8"):
        yield Exhibit((LINE.astype(dtype), (LINE[::-1] * 2).astype(dtype)), (
            ("add", ("x0", "x1"), {}), ("mul", (0, "x0"), {}), ("maximum", (1, "x1"), {}), ("abs_", ("x1",), {}),
        ), compiled=True)  # fmt: skip
    turned: Link = ("transposed", ("x0",), {})
    yield Exhibit((TALL, TALL.T.copy(), TALL[:1], TALL[:, 1:2]), (
        turned, ("add", (0, "x1"), {}), ("mul", ("x0", "x2"), {}), ("sub", ("x3", "x0"), {}),
        ("add", ("x2", "x3"), {}), ("add", ("x2", "x0", "x3"), {}), _part("x0", (None, None, -1), (None, None, 2)),
        ("neg", (6,), {}), _part("x0", (1, 6, 2), (4, 1, -1)), ("sqr", (8,), {}),
    ), {2: (True, False), 3: (False, True)}, compiled=True)  # fmt: skip
    yield Exhibit((CUBE, CUBE * 2), (
        ("dimshuffle", ("x0",), {"order": (2, 0, 1)}), ("dimshuffle", ("x1",), {"order": (2, 0, 1)}),
        _part(0, (None, None, None), (None, None, None), (None, 2, None)), ("neg", (2,), {}),
        ("add", (0, 1), {}), ("mul", (4, 0), {}), _part("x0", (None, None, None), (None, None, 2)),
        ("exp", (6,), {}), ("dimshuffle", ("x0",), {"order": (1, 0, 2)}), ("sub", (8, 8), {}), ("sqr", (8,), {}),
    ), compiled=True)  # fmt: skip
    places, columns = np.array([1, -1, 2, 0, -3]), np.array([0, -1, 1, 2, -2])
    yield Exhibit((TALL, places, columns, TALL[:5]), (
        ("places", ("x0", "x1"), {"index": ("@1",)}), ("add", (0, "x3"), {}),
        ("places", ("x0", "x1", "x2"), {"index": ("@1", "@2")}), ("exp", (2,), {}), *_over("sum", 0, 1, of=1),
    ), compiled=True)  # fmt: skip
    # Rows so long, of so much work, that vectors are computed side by side; one by one is what is left of them.
    waves = np.sin(np.arange(3.0 * 300)).reshape(3, 300)
    for dtype in ("float64", "float32"):
        yield Exhibit((waves.astype(dtype), waves[:, :1].astype(dtype)), (
            ("tanh", ("x0",), {}), ("exp", (0,), {}), ("mul", (1, "x1"), {}), ("add", (2, 0), {}), ("tanh", (3,), {}),
            ("sub", (4, "x0"), {}),
        ), {1: (False, True)}, compiled=True)  # fmt: skip
    infinite: Link = ("constant", (), {"value": (float("inf"), float("-inf"), float("nan")), "dtype": "float64"})
    yield Exhibit((np.array([0.5, -1.0, 3.0]),), (
        ("literal", ("x0", ("number", 0.1)), {"op": "+", "swapped": False}), ("tanh", (0,), {}),
        ("literal", ("x0", ("number", float("inf"))), {"op": "*", "swapped": False}), infinite,
        ("maximum", ("x0", 3), {}), ("literal", ("x0", ("number", float("inf"))), {"op": "<", "swapped": False}),
    ), compiled=True)  # fmt: skip
    yield Exhibit((LINE, LINE > 0, (LINE * 4).astype("int8")), (
        ("cast", ("x0",), {"dtype": "float32"}), ("add", (0, "x2"), {}), ("cast", ("x2",), {"dtype": "float32"}),
        ("switch", ("x1", "x0", "x2"), {}), ("add", ("x1", "x2"), {}), ("mul", ("x1", "x0"), {}),
        ("clip", ("x2", "x0", "x0"), {}), ("cast", ("x0",), {"dtype": "bool"}), ("second", ("x0", "x2"), {}),
    ), compiled=True)  # fmt: skip


def _finished() -> Iterator[Exhibit]:
    """Products of which something is made, with operands that lie as their rows do, across, or repeat."""
    right = (np.arange(5.0 * 21).reshape(5, 21) * 5 % 11 - 5) / 2
    product: Link = ("dot", ("x0", "x1"), {})
    beside = np.arange(7.0 * 21).reshape(7, 21) % 9 - 4
    for dtype in ("float64", "float32"):
        arrays = [x.astype(dtype) for x in (TALL, right, beside)]
        for length in (21, 5):
            left, wide, other = arrays[0], arrays[1][:, :length], arrays[2][:, :length]
            yield Exhibit((left, wide, other[:1]), (product, ("add", (0, "x2"), {}), ("tanh", (1,), {})),
                          {2: (True, False)}, compiled=True)  # fmt: skip
            yield Exhibit((left, wide, other), (product, ("sub", ("x2", 0), {})), compiled=True)
    turned: Link = ("transposed", ("x2",), {})
    yield Exhibit((TALL, right, beside.T.copy()), (product, turned, ("mul", (0, 1), {})), compiled=True)
    yield Exhibit((TALL, right, beside[:, :1]), (product, ("mul", (0, "x2"), {})), {2: (False, True)}, compiled=True)


def _handed_over() -> Iterator[Exhibit]:
    """Parts of what lies in memory, given to operations that ask for all of a matrix."""
    square = TALL[:3, :3] + 4 * np.eye(3)
    wide = np.block([[TALL[3:6, :3], TALL[:3, 2:5]], [TALL[2:5, :3], square]])
    whole, last, turned = (None, None, None), (3, None, None), (None, 2, -1)
    for part in ((last, last), (turned, last), (last, turned)):
        yield Exhibit((wide, TALL[:3, :2]), (
            _part("x0", *part), ("det", (0,), {}), ("matrix_inverse", (0,), {}),
            ("solve", (0, "x1"), {"which": "solve"}), _part("x0", last, whole), ("cumsum", (4,), {"axis": 1}),
            ("sort", (4,), {"axis": 1}),
        ))  # fmt: skip


def _folds() -> Iterator[Exhibit]:
    """Reductions along rows and columns, short and long."""
    for dtype in ("float64", "float32"):
        yield Exhibit((RAGGED.astype(dtype), RAGGED.reshape(3, 100).astype(dtype)), (
            *_over("sum", 0), *_over("sum", 0, 1, of="x1"), ("cumsum", ("x0",), {"axis": 0}),
        ))  # fmt: skip
    for compiled in (False, True):
        yield Exhibit((TALL,), _over("sum", 0, 1, None) + _over("max", 0, 1) + _over("prod", 0, 1), compiled=compiled)
        for values in (TIES, ZEROS):
            extremes = [link for name in ("max", "min", "argmax", "argmin") for link in _over(name, 0, 1)]
            yield Exhibit((values,), (*extremes, *_over("sum", 0, 1)), compiled=compiled)
        yield Exhibit((CUBE > -0.5,), _over("all", 0, 1, 2, (0, 2)) + _over("any", 0, 1, 2, (0, 2)), compiled=compiled)
        yield Exhibit((CUBE,), _over("max", (0, 2), (0, 1), 1) + _over("sum", (0, 2), 1), compiled=compiled)
    minus = np.full((3, 4), -0.0)
    yield Exhibit((minus,), _over("sum", 0, 1, None))
    nothing = _over("sum", 0) + _over("prod", 0, None) + _over("prod", 1, of="x1")
    yield Exhibit((np.zeros((0, 4)), np.zeros((3, 0))), nothing)
    long = (np.arange(37.0) * 7 % 5 - 2).astype("float64")
    long[[3, 20]] = np.nan
    yield Exhibit((long, np.arange(37) * 7 % 5), tuple(
        (name, (x,), {"axis": 0}) for name in ("sort", "argsort") for x in ("x0", "x1")
    ))  # fmt: skip
    along = tuple((name, ("x0",), {"axis": a}) for name in ("sort", "argsort", "cumsum") for a in (0, 1))
    yield Exhibit((TALL,), along)


def _later_calls() -> Iterator[Exhibit]:
    """Calls with other shapes, other indices, other lengths than the first; and state."""
    yield Exhibit((MATRIX, MATRIX * 2), (("add", ("x0", "x1"), {}), ("exp", (0,), {}), *_over("sum", 0, None)),
                  calls=((TALL, TALL + 1), (MATRIX + 1, MATRIX)))  # fmt: skip
    index: Link = ("subtensor", ("x0", "x1", "x2"), {"index": (("@1", "@2", None),)})
    one: Link = ("subtensor", ("x0", "x1"), {"index": ("@1",)})
    places = (np.array(1), np.array(4))
    later = ((TALL, np.array(2), np.array(6)), (TALL, np.array(0), np.array(2)))
    yield Exhibit((TALL, *places), (index, ("neg", (0,), {}), one, ("exp", (2,), {})), calls=later)
    written: Link = ("set_subtensor", ("x0", "x3", "x1"), {"index": ("@2",)})
    yield Exhibit((TALL, *places, TALL[0] * 8), (written, _part(0, 0)), calls=tuple((*c, TALL[1] * 8) for c in later))
    # What begins elsewhere and is as long: nothing but the place tells the calls from each other.
    moved = tuple((TALL, np.array(k), np.array(k + 3)) for k in (2, 0, 4))
    for links in ((index,), (index, ("neg", (0,), {})), (one,), (index, _part(0, 1)), (index, *_over("sum", 0, of=0))):
        yield Exhibit((TALL, *places), links, calls=moved)
    for name in ("set_subtensor", "inc_subtensor"):
        yield Exhibit((TALL, *places, TALL[:3] * 8), (
            (name, ("x0", "x3", "x1", "x2"), {"index": (("@2", "@3", None),)}),
        ), calls=tuple((*c, TALL[1:4] * 8) for c in moved))  # fmt: skip
    yield Exhibit((np.array(3), LINE), (
        ("arange_to", ("x0",), {}), ("alloc", ("x0", "x0"), {"shape": ("@1", 2)}),
        ("repeat", ("x1", "x0"), {"times": None, "axis": 0}),
    ), calls=((np.array(5), LINE), (np.array(2), LINE + 1)))  # fmt: skip
    yield Exhibit((np.array(0.5), LINE), (("mul", ("x0", "x1"), {}), ("add", (0, "x0"), {}), ("exp", ("x0",), {})),
                  calls=((np.array(2.5), LINE), (np.array(-1.0), LINE * 2)))  # fmt: skip
    chances = np.array([0.1, 0.9, 0.5, 0.0, 1.0] * 3)
    yield Exhibit((chances,), (("binomial_with", ("x0",), {"seed": 3, "n": 5}),), calls=((chances[::-1],), (chances,)))


def _streams() -> Iterator[Exhibit]:
    """Draws of more elements than a work item makes, draws with a parameter an element, several from one state."""
    many: tuple[Link, ...] = tuple(
        (name, (), {"seed": 2, "size": size, "dtype": dtype})
        for name in ("uniform", "normal") for size, dtype in (((700,), "float64"), ((301, 2), "float32"))
    )  # fmt: skip
    some: tuple[Link, ...] = (
        ("binomial", (), {"seed": 1, "size": (41,), "n": 3, "p": 0.25, "dtype": "int64"}),
        ("random_integers", (), {"seed": 1, "size": (50,), "low": -2, "high": 3}),
        ("multinomial", (), {"seed": 1, "size": (9,), "n": 3, "pvals": (0.25, 0.25, 0.5)}),
        ("two_draws", (), {"seed": 1, "size": (3,), "dtype": "float64"}),
    )
    # More numbers than are made at once, of which a part begins at an odd place.
    yield Exhibit((), (("binomial", (), {"seed": 1, "size": (5,), "n": 2**18 - 1, "p": 0.5, "dtype": "int64"}),))
    for trials, dtype in ((1, "float64"), (2, "float64"), (5, "float64"), (3, "float32")):
        # Chances that are the very numbers drawn, or lie next to them: all their bits decide.
        chances = np.array([Words(3, 0, 0).uniform(k * trials + k % trials, dtype) for k in range(12)], dtype)
        chances[1::3] = np.nextafter(chances[1::3], chances.dtype.type(1))
        yield Exhibit((chances,), (("binomial_with", ("x0",), {"seed": 3, "n": trials}),))
    around = np.array([-2.0, 0.0, 10.0, 0.5, 3.0])
    for link in (*many, *some):
        yield Exhibit((), (link,), calls=((), ()))
    both = (("normal_around", ("x0",), {"seed": 1, "std": 2.5}), ("uniform_from", ("x0",), {"seed": 3, "high": 12.5}))
    yield Exhibit((around,), both, calls=((around[::-1],), (around,)))
    yield from _drawing_loops()


def _drawing_loops() -> Iterator[Exhibit]:
    """Loops that draw: from one stream and from two, so much a step, and several times a step from one."""
    uniform = ("uniform", (), {"seed": 1, "size": (3,), "dtype": "float64"})
    chosen = ("binomial", (), {"seed": 2, "size": (3,), "n": 1, "p": 0.5, "dtype": "float64"})
    half = ("literal", ("h0", 0.5), {"op": "*", "swapped": False})
    whole = loop((uniform, half, ("add", ("b0", "b1"))), ("b2",), (), ("x0",), n_steps=4, streams=True)
    two = loop((uniform, chosen, ("mul", ("b0", "h0")), ("sub", ("b2", "b1"))), ("b3",), (), ("x0",), n_steps=4,
               streams=True)  # fmt: skip
    likely = loop((("sigmoid", ("h0",)), ("binomial_with", ("b0",), {"seed": 2, "n": 1}), ("sub", ("b1", "h0"))),
                  ("b2",), (), ("x0",), n_steps=4, streams=True)  # fmt: skip
    for made in (whole, two, likely):
        yield Exhibit((LINE[:3],), (made,), calls=((LINE[3:6],), (LINE[:3],)), compiled=True)
    for steps in (2, 4):
        inside = loop((uniform, ("add", ("b0", "h0"))), ("b1",), (), ("x0",), rows=("[-1]",), n_steps=steps,
                      streams=True)  # fmt: skip
        body = (half, ("scan", ("b0",), inside[2], ("b1a", "b1b")))
        yield Exhibit((LINE[:3],), (loop(body, ("b1a",), (), ("x0",), n_steps=3, streams=True, gives=("b1b",)),),
                      calls=((LINE[3:6],),), compiled=True)  # fmt: skip


def _batches() -> Iterator[Exhibit]:
    """Loops over a batch, a row of which reads itself alone, or others: the first, or the one at the other end."""
    batch = np.sin(np.arange(1.0, 25.0)).reshape(8, 3)
    product: Line = ("dot", ("h0", "@0"))
    bodies: tuple[tuple[Line, ...], ...] = (
        (product, ("tanh", ("b0",))),
        (product, ("subtensor", ("b0",), {"index": (0,)}), ("add", ("b0", "b1")), ("tanh", ("b2",))),
        (product, ("subtensor", ("b0",), {"index": ((None, None, -1),)}), ("tanh", ("b1",))),
    )
    for body in bodies:
        made = loop(body, (f"b{len(body) - 1}",), (), ("x0",), ("x1",), n_steps=4)
        yield Exhibit((batch, TALL[:3, :3]), (made,), compiled=True)


def _large() -> Iterator[Exhibit]:
    """More than one work-item is given alone: loops that are run step by step, and two updates by products."""
    waves = np.sin(np.arange(90.0 * 90)).reshape(90, 90)
    steps = (("dot", ("@0", "h0")), ("add", ("b0", "r0")))
    yield Exhibit((waves[:4], waves, waves.T / 90), (loop(steps, ("b1",), ("x0",), ("x1",), ("x2",)),), compiled=True)
    left, right, other, value = waves[:, :66], waves[:66], waves[-66:], waves / 8
    yield Exhibit((left, right, other), (
        ("dot", ("x0", "x1"), {}), ("sub", ("s0", 0), {}), ("dot", ("x0", "x2"), {}), ("sub", ("s1", 2), {}),
        ("shape", (1,), {}), ("shape", (3,), {}),
    ), shared=(value, value.T), updates=(("s0", "v1"), ("s1", "v3")), calls=((right.T, right, other),),
        compiled=True)  # fmt: skip


def _descents() -> Iterator[Exhibit]:
    """Values that are updated by loops and by what is made of products, beside readers of the old value and indices."""
    rows = np.array([1, -1, 0])
    for dtype in ("float32", "float64"):
        for height, width in ((7, 21), (53, 21), (7, 4)):
            wide = np.sin(np.arange(53.0 * 5)).reshape(53, 5)[:height].astype(dtype)
            right = np.cos(np.arange(5.0 * width)).reshape(5, width).astype(dtype)
            value = (np.arange(1.0 * height * width).reshape(height, width) % 7 / 8).astype(dtype)
            yield Exhibit((wide, right, rows), (
                ("dot", ("x0", "x1"), {}), ("sub", ("s0", 0), {}), ("places", ("x0", "x2"), {"index": ("@1",)}),
                ("mul", ("s1", "s1"), {}), ("add", ("s1", "s2"), {}),
                *(_over("sum", 0, of=k)[0] for k in (1, 3, 4) if width > 4),
            ), shared=(value, right, right), updates=(("s0", "v1"), ("s1", "v3"), ("s2", "v4")),
                calls=((wide, right, rows),) * 2, compiled=True)  # fmt: skip


def _functions() -> Iterator[Exhibit]:
    """Updates that read each other's variables, and givens that stand beside each other."""
    a, b, c = np.array([1.0, -2.0, 3.0]), np.array([0.5, 4.0, -1.0]), np.array([2.0, 2.5, -3.0])
    yield Exhibit((a,), (("add", ("s0", "s1", "x0"), {}),), shared=(b, c), updates=(("s0", "s1"), ("s1", "s0")))
    in_turn: tuple[Link, ...] = (("add", ("s0", "x0"), {}), ("mul", ("s0", "s1"), {}), ("neg", ("s2",), {}),
                                 ("sub", ("s1", "s2"), {}))  # fmt: skip
    changed = (("s0", "v0"), ("s1", "v1"), ("s2", "v2"))
    yield Exhibit((a,), in_turn, shared=(a, b, c), updates=changed, calls=((b,), (c,)))
    yield Exhibit((a, b), (("neg", ("x1",), {}), ("mul", ("x0", "x0"), {}), ("add", ("s0", "x0"), {})),
                  shared=(c,), updates=(("s0", "v2"),), givens=(("x0", "v0"),))  # fmt: skip
    beside: tuple[Link, ...] = (("exp", ("x0",), {}), ("neg", ("x0",), {}), ("mul", (1, 1), {}), ("sqr", ("x0",), {}),
                                ("sub", (0, 1), {}))  # fmt: skip
    yield Exhibit((a,), beside, givens=(("v0", "v2"), ("v1", "v3")))
    yield Exhibit((a,), beside, givens=(("v1", "v3"), ("v0", "v2")))
    # A draw, and the state after it, whose parameter is replaced.
    drawn: tuple[Link, ...] = (("neg", ("x1",), {}), ("uniform_from", ("x0",), {"seed": 1, "high": 9.5}))
    yield Exhibit((a, b), drawn, givens=(("x0", "v0"),), calls=((a, b), (a, c)))
    yield Exhibit((np.arange(4.0),), (("split", ("x0",), {"sizes": (2, 2), "axis": 0}),
                                      ("sub", (("of", 0, 1), ("of", 0, 0)), {})))  # fmt: skip


@cache
def layouts() -> tuple[Exhibit, ...]:
    """All of them."""
    places = (*_nests(), *_finished(), *_handed_over(), *_folds())
    return (*places, *_later_calls(), *_functions(), *_descents(), *_streams(), *_batches(), *_large())
