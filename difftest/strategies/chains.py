"""Exhibits of chains: all that rewrites are made for, on fixed values, many chains in one program.

Owns the arrays that every bait is laid out on, and the chains that are too many to be drawn one by one: slices of
slices, casts of casts, constants of several dtypes, writes beside reads. Nothing is drawn; which rewrites they wake is
for the rewrites to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from difftest.strategies.baits import BAITS, Bait, Link, labels
from difftest.strategies.drawing import Entry
from difftest.strategies.exhibits import CUBE, MATRIX, SPANS, Exhibit, special
from difftest.strategies.loop_chains import loop
from difftest.strategies.own import FUNCTIONS, GRAPHS

Chain = Sequence[Link]
Line = tuple[Any, ...]

TOGETHER = 9
"""So many chains stand in one program."""

LAID_OUT: tuple[tuple[np.ndarray, tuple[bool, ...] | None], ...] = (
    (np.array([0.5, -1.25, 2.0, 0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 1000.0, -1000.0, 1e-9]), None),
    (np.array([[0.5, -1.25], [2.0, 0.75], [-3.0, 0.25]], "float32"), None),
    (np.array(0.3), None),
    (np.array([3, -1, 2, 127, -128, 0, 100, 12], "int8"), None),
    (np.array([[3, 255, 0], [200, 1, 16]], "uint8"), None),
    (np.array([[0.25, -2.0, 0.5]]), (True, False)),
)
"""Arrays for baits, and what they declare."""


def one_after_another(chains: Sequence[Chain]) -> tuple[Link, ...]:
    """Chains as one: their numbers count the links of all."""
    links: list[Link] = []
    for chain in chains:
        first = len(links)
        for name, operands, attributes in chain:
            links.append((name, tuple(o + first if isinstance(o, int) else o for o in operands), attributes))
    return tuple(links)


def _baits() -> Iterator[Exhibit]:
    """Every bait on every array that it may be made of. Those that stand together are of different kinds."""
    for value, pattern in LAID_OUT:
        x = Entry("x0", value, pattern or (False,) * value.ndim, frozenset(["x0"]), needs=frozenset(["x0"]), firm=True)
        fitting = [bait for bait in BAITS if bait.needs(x)]
        programs = -(-len(fitting) // TOGETHER)
        for k in range(programs):
            chains = [_written(bait, x) for bait in fitting[k::programs]]
            with_labels = any(o == "x1" for chain in chains for _, operands, _ in chain for o in operands)
            values = (value, labels(x).data) if with_labels else (value,)
            yield Exhibit(values, one_after_another(chains), {} if pattern is None else {0: pattern})


def _written(bait: Bait, x: Entry) -> Chain:
    """The links of a bait on x0, its labels being x1."""
    names = {"x": "x0", ("labels",): "x1"}
    return [
        (name, tuple(names.get(o, o) for o in operands), attributes(x) if callable(attributes) else attributes)
        for name, operands, attributes in bait.links
    ]


def _part(operand: int | str, *index: Any) -> Link:
    return "subtensor", (operand,), {"index": index}


def _number(operand: int | str, op: str, n: float, swapped: bool = False) -> Link:
    return "literal", (operand, ("number", n)), {"op": op, "swapped": swapped}


def _own(operand: int | str, op: str, n: int, dtype: str) -> Link:
    return "numpy_number", (operand,), {"op": op, "number": n, "dtype": dtype}


FIRST = (
    (1, None, None), (None, 4, None), (1, 4, None), (-2, None, None), (-4, -1, None), (None, None, -1), (3, None, -1),
    (0, None, -1), (None, None, 2), (1, None, 2), (2, None, None),
)  # fmt: skip
THEN = (0, 1, -1, (None, 2, None), (1, None, None), (0, 1, None), (None, None, -1), (1, 3, None), (-1, None, None))


def _slices() -> Iterator[Exhibit]:
    """A part of a part, and a part of what was computed, stacked, joined or filled."""
    rows = np.arange(15.0).reshape(5, 3)
    for first in FIRST:
        length = len(rows[slice(*first)])
        legal = [then for then in THEN if isinstance(then, tuple) or -length <= then < length]
        yield Exhibit((rows,), one_after_another([[_part("x0", first), _part(0, then)] for then in legal]))
    both = product(((1, None, None), (None, 4, None)), ((1, None, None), (None, None, 2)))
    yield Exhibit((rows,), one_after_another([
        [_part("x0", *first), _part(0, *then)] for first in both for then in ((0, -1), (-1, 0), (1, (None, -1, None)))
    ]))  # fmt: skip
    for index in ((1,), (0, (None, None, 2)), ((1, None, None), 1), ((None, None, -1),)):
        yield Exhibit((rows, rows[0] / 4), one_after_another([
            [("exp", ("x0",), {}), _part(0, *index)], [("add", ("x0", "x1"), {}), _part(0, *index)],
            [_number("x0", "*", 2), _part(0, *index)], [("neg", ("x0",), {}), _part(0, *index)],
        ]))  # fmt: skip
    numbers = (np.array(0.5), np.array(-1.5), np.array(3.0), np.array(2))
    stack: Link = ("stack", ("x0", "x1", "x2", "x3"), {"axis": 0})
    yield Exhibit(numbers, one_after_another([
        [stack, _part(0, i)] for i in (-1, 0, -2, 2, (1, None, None), (None, None, -1), (None, -1, 2))
    ]))  # fmt: skip
    slope = {"dtypes": ("float64",) * 3}
    yield Exhibit((*numbers[:3], MATRIX[0]), (
        ("stack", ("x0", "x1", "x2"), {"axis": 0}), ("mul", (0, "x3"), {}), ("grad", (1, "x0", "x1", "x2"), slope),
    ))  # fmt: skip
    parts = (MATRIX[:1], MATRIX[1:, :2], MATRIX[1:] * 3)
    declared = dict.fromkeys(range(3), (True, False))
    yield Exhibit(parts, one_after_another([
        [("join", ("x0", "x1"), {"axis": 1}), _part(0, i)] for i in (0, -1, (0, 1, None))
    ] + [[("join", ("x0", "x2"), {"axis": 0}), _part(0, i, *more)] for i in (0, 1, -1) for more in ((), (1,))]
    ), declared)  # fmt: skip
    yield Exhibit((np.array(2.5),), one_after_another([
        [("alloc", ("x0",), {"shape": (5, 3)}), _part(0, *i)]
        for i in (((1, None, None),), (2,), ((None, None, 2), 1), ((None, 2, None), (-1, None, None)), ((4, 1, -1),))
    ]))  # fmt: skip


def _writes() -> Iterator[Exhibit]:
    """Reads of what was written, there and elsewhere; writes of what was read, and twice."""
    rows, other = np.arange(15.0).reshape(5, 3), np.arange(15.0).reshape(5, 3) * -2
    places = (((0, 2, None),), ((1, 3, None),), ((0, 2, None), 1), ((0, 2, None), 2), (1,), (3,))
    for name in ("set_subtensor", "inc_subtensor"):
        links: list[Chain] = []
        for i, j in product(places, places):
            if (len(i), type(i[0])) == (len(j), type(j[0])):
                write: Chain = [_part("x1", *i), ("sqr", (0,), {}), (name, ("x0", 1), {"index": i})]
                links += [[*write, _part(2, *j)], [*write, _part("x1", *j), (name, (2, 3), {"index": j})]]
        yield Exhibit((rows, other), one_after_another(links))
        yield Exhibit((rows, other), one_after_another([
            [_part(source, *i), (name, ("x0", 0), {"index": j})]
            for source in ("x0", "x1") for i, j in ((places[0],) * 2, (places[0], places[1]), (places[2], places[3]))
        ]))  # fmt: skip


def _casts() -> Iterator[Exhibit]:
    """A conversion of a conversion."""
    between = ("float64", "float32", "float16", "int64", "int8", "uint8", "bool")
    for source in ("float64", "float32", "int64", "int16", "uint8", "bool"):
        yield Exhibit((special(source, 1),), one_after_another([
            [("cast_node", ("x0",), {"dtype": middle}), ("cast_node", (0,), {"dtype": target})]
            for middle in between for target in ("float64", "float32", "int32", "int8", "uint8", "bool")
            if middle not in (source, target)
        ]))  # fmt: skip
    for dtype in ("int8", "uint8", "int16"):
        # What wraps first, and becomes a float then.
        yield Exhibit((special(dtype, 1),), one_after_another([
            [(first, ("x0",) * (1 + (first in ("mul", "add"))), {}), (then, (0,), {})]
            for first in ("sqr", "neg", "abs_", "mul", "add") for then in ("sqrt", "log", "exp", "inv", "log1p", "tanh")
        ]))  # fmt: skip


def _constants() -> Iterator[Exhibit]:
    """Constants of several dtypes beside one value, constants alone, and what is told by constants."""
    for dtype in ("int64", "int16", "int8", "uint8", "float32"):
        others = [d for d in ("int8", "uint8", "int64") if d != dtype]
        chains = [[_own("x0", op, 100, a), _own(0, op, 100, b)] for op in "+*" for a in others for b in others]
        chains += [[_own("x0", op, 1, "bool"), _own(0, op, 1, "bool")] for op in "+*"]
        yield Exhibit((np.array([0, 1, 2, 50, 100], dtype),), one_after_another(chains))
    third: Link = ("constant", (), {"value": (0.1, 1 / 3, -0.0, 1e300), "dtype": "float64"})
    halves: Link = ("constant", (), {"value": (0.1, 0.7), "dtype": "float32"})
    yes: Link = ("constant", (), {"value": True, "dtype": "bool"})
    no: Link = ("constant", (), {"value": False, "dtype": "bool"})
    yield Exhibit((np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, -6.0, np.nan, 0.0])), one_after_another([
        [third, ("mul", (0, 0), {}), ("add", (1, "x0"), {})], [third, _number(0, "/", 3), ("add", (1, "x0"), {})],
        [halves, ("sub", (0, 0), {}), ("mul", (0, 0), {}), ("exp", (2,), {})], [third, ("sub", ("x0", 0), {})],
        [yes, ("switch", (0, "x0", "x1"), {})], [no, ("switch", (0, "x0", "x1"), {})],
        [("gt", ("x0", "x1"), {}), ("switch", (0, "x0", "x1"), {}), ("switch", (0, "x1", "x1"), {})],
        [third, ("int_div", ("x0", 0), {})], [third, ("maximum", (0, "x0"), {})], [third, ("sub", (0, "x0"), {})],
        [third, ("true_div", (0, "x1"), {})], [third, ("pow", ("x0", 0), {})],
    ]))  # fmt: skip
    zeros: Link = ("constant", (), {"value": (0.0, 0.0), "dtype": "float64"})
    minus: Link = ("constant", (), {"value": (-0.0, -0.0), "dtype": "float64"})
    yield Exhibit((np.array([2.0, -2.0]),), one_after_another([
        [zeros, minus, ("true_div", ("x0", 0), {})], [zeros, minus, ("true_div", ("x0", 1), {})],
        [_number("x0", "*", 0.0)], [_number("x0", "*", -0.0)], [_number("x0", "/", 0.0)], [_number("x0", "/", -0.0)],
    ]))  # fmt: skip


def _shapes() -> Iterator[Exhibit]:
    """Lengths, reshapes of reshapes, axes turned twice, fills, and products turned over."""
    length = [("length", ("x0",), {"axis": k}) for k in range(3)]
    yield Exhibit((CUBE,), one_after_another([
        [length[0], ("reshape_to", ("x0", 0), {"shape": ("@1", 4, 3)})],
        [length[2], ("reshape_to", ("x0", 0), {"shape": (3, 2, "@1")})],
        [length[0], length[1], ("reshape_to", ("x0", 0, 1), {"shape": ("@1", "@2", 4)})],
        [("reshape", ("x0",), {"shape": (4, 6)}), ("reshape", (0,), {"shape": (3, 8)})],
        [("flatten", ("x0",), {"outdim": 2}), ("reshape", (0,), {"shape": (2, 4, 3)})],
        [("dimshuffle", ("x0",), {"order": (1, 2, 0)}), ("dimshuffle", (0,), {"order": (1, 2, 0)})],
        [("dimshuffle", ("x0",), {"order": (1, "x", 2, 0)}), ("dimshuffle", (0,), {"order": (3, 0, 1, 2)})],
        [("dimshuffle", ("x0",), {"order": (2, 0, 1)}), ("shape", (0,), {})],
        [("exp", ("x0",), {}), ("shape", (0,), {})], [("cumsum", ("x0",), {"axis": 1}), ("length", (0,), {"axis": 2})],
        [("sum", ("x0",), {"axis": 1, "keepdims": False, "dtype": None, "acc_dtype": None}), ("shape", (0,), {})],
        [_part("x0", (None, None, -1), (1, None, None)), ("shape", (0,), {})],
        [("tile", ("x0",), {"reps": (1, 2, 1)}), ("shape", (0,), {})],
    ]))  # fmt: skip
    yield Exhibit((CUBE, np.array(1.5)), one_after_another([
        [("second", ("x0", "x1"), {})], [("second", ("x0", "x1"), {}), ("exp", (0,), {})],
        [("second", ("x0", "x1"), {}), ("add", (0, "x0"), {})], [("zeros_like", ("x0",), {"dtype": None})],
        [("second", ("x0", "x1"), {}), ("mul", (0, "x1"), {})], [("second", ("x0", "x1"), {}), ("shape", (0,), {})],
    ]))  # fmt: skip
    yield Exhibit((MATRIX, CUBE), (("alloc", ("x0",), {"shape": (2, 3)}), ("alloc", ("x0",), {"shape": (4, 2, 3)})))
    rows = np.arange(15.0).reshape(5, 3)
    yield Exhibit((rows,), one_after_another([[_part("x0", span), ("shape", (0,), {})] for span in SPANS]))
    one: Link = ("dimshuffle", ("x0",), {"order": (0, "x", 1)})
    reductions = [(name, axis) for name in ("sum", "prod", "max", "min") for axis in (1, (0, 1), (1, 2))]
    full = {"keepdims": False, "dtype": None, "acc_dtype": None}
    yield Exhibit((MATRIX,), one_after_another([
        [one, (name, (0,), {"axis": a, **(full if name in ("sum", "prod") else {"keepdims": False})})]
        for name, a in reductions
    ]))  # fmt: skip
    twice = [(a, b) for a in (0, 1, 2) for b in (0, 1)]
    yield Exhibit((CUBE,), one_after_another([
        [(first, ("x0",), {"axis": a, **full}), (then, (0,), {"axis": b, **full})]
        for first, then in (("sum", "sum"), ("prod", "prod"), ("sum", "prod"), ("prod", "sum")) for a, b in twice
    ]))  # fmt: skip
    truth = {"keepdims": False}
    yield Exhibit((CUBE > -0.5,), one_after_another([
        [(first, ("x0",), {"axis": a, **truth}), (then, (0,), {"axis": b, **truth})]
        for first, then in (("any", "any"), ("all", "all"), ("all", "any"), ("any", "all")) for a, b in twice
    ]))  # fmt: skip
    other = np.arange(12.0).reshape(3, 4) - 5
    for dtype in ("float64", "int8"):
        dot: Link = ("dot", ("x0", "x1"), {})
        yield Exhibit((MATRIX.astype(dtype), other.astype(dtype)), one_after_another([
            [dot, ("transposed", (0,), {})], [dot, _part(0, 1)], [dot, _part(0, 0, 2)],
            [dot, _part(0, (None, None, None), (1, None, None))], [dot, _part(0, (1, None, None), (None, 2, None))],
        ]))  # fmt: skip


def _effects() -> Iterator[Exhibit]:
    """What prints is kept, whatever becomes of its value."""
    printed: Link = ("printed", ("x0",), {"message": "seen", "attrs": ("__str__",)})
    for chain in (
        [printed, _number(0, "*", 0)], [printed, ("sub", (0, 0), {})], [printed, _part(0, 0)],
        [printed, printed, ("add", (0, 1), {})], [printed, ("shape", (0,), {})],
    ):  # fmt: skip
        yield Exhibit((np.array([1, -2, 3]),), tuple(chain))
    part = {"index": ((1, None, None),)}
    yes: Link = ("constant", (), {"value": True, "dtype": "bool"})
    for chain in (
        [printed, ("set_subtensor", (0, "x1"), part), ("subtensor", (1,), part)],
        [printed, yes, ("switch", (1, "x0", 0), {})], [printed, ("stack", ("x0", 0), {"axis": 0}), _part(1, 0)],
        [_part("x0", 0), ("printed", (0,), printed[2]), ("stack", (0, 1), {"axis": 0}), _part(2, 0)],
    ):  # fmt: skip
        yield Exhibit((np.array([1, -2, 3]), np.array([5, 6])), tuple(chain))


def _choices() -> Iterator[Exhibit]:
    """Choices between two values, by what is known and what is not."""
    yes: Link = ("constant", (), {"value": True, "dtype": "bool"})
    no: Link = ("constant", (), {"value": False, "dtype": "bool"})
    known: list[Chain] = [[("ifelse", (("number", n), "x0", "x1"), {})] for n in (1, 0, 0.5)]
    for condition in (1, 0):
        yield Exhibit((MATRIX, MATRIX * 2 + 1, np.array(condition)), one_after_another([
            *known, [yes, ("ifelse", (0, "x0", "x1"), {})], [no, ("ifelse", (0, "x0", "x1"), {})],
            [("ifelse", ("x2", "x0", "x1"), {}), ("ifelse", ("x2", 0, "x0"), {})],
            [("ifelse", ("x2", "x1", "x0"), {}), ("neg", (0,), {})], [("ifelse", ("x2", "x0", "x0"), {})],
        ]))  # fmt: skip


def _own_operations() -> Iterator[Exhibit]:
    """Graphs as operations, put in their place or not, and among others; functions; assertions."""
    slope = {"dtypes": ("float64", "float64")}
    for inline in (True, False):
        made = {name: ("graph_op", ("x0", "x1")[: graph.operands], {"graph": name, "inline": inline})
                for name, graph in GRAPHS.items()}  # fmt: skip
        yield Exhibit((MATRIX, MATRIX[::-1] * 2), tuple(made.values()))
        for name in ("bent", "product"):
            yield Exhibit((MATRIX, MATRIX[::-1] * 2), (made[name], ("sqr", (0,), {}), ("grad", (1, "x0", "x1"), slope)))
        inner = {"graph": "product", "inline": inline}
        body: tuple[Line, ...] = (("graph_op", ("h0", "r0"), inner), ("tanh", ("b0",)))
        yield Exhibit((MATRIX, MATRIX[0]), (loop(body, ("b1",), ("x0",), ("x1",)), ("grad", (0, "x0", "x1"), slope)))
    held = {"message": "holds", "least": 1, "ndim": 2}
    functions = tuple(("python_function", ("x0",), {"function": name}) for name in FUNCTIONS)
    yield Exhibit((MATRIX,), (*functions, ("exp", (1,), {}), ("asserted", ("x0",), held), ("neg", (4,), {})))


@cache
def chains() -> tuple[Exhibit, ...]:
    """All of them."""
    parts = (_baits, _slices, _writes, _casts, _constants, _shapes, _effects, _choices, _own_operations)
    return tuple(exhibit for part in parts for exhibit in part())
