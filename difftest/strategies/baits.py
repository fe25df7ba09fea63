"""Chains of steps that rewrites are made for.

Owns the bait: several steps in a row on one value, such as log(1 + exp(x)) or a set followed by a read of the same
part. Chance alone would seldom write them; which rewrites they wake is for the rewrites to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.program import Array
from difftest.strategies.drawing import Entry
from difftest.strategies.dtypes import is_float

Attributes = Mapping[str, Any] | Callable[[Entry], Mapping[str, Any]]
Link = tuple[str, tuple[Any, ...], Attributes]
"""A step, its operands and its attributes (or what gives them for the chain's first value). Operands: "x" the first
value, 0, 1, ... the (first) results of the chain's own steps, ("of", k, j) result j of step k, ("number", n) a Python
number, ("labels",) a class a row."""


@dataclass(frozen=True)
class Bait:
    """A chain, what its first value must be, and the policy that likes it."""

    needs: Callable[[Entry], bool]
    links: tuple[Link, ...]
    kind: str = ""


def labels(x: Entry) -> Array:
    """A class for each row of a matrix."""
    return Array(np.arange(x.shape[0]) % x.shape[1])


def _number(step: int | str, op: str, n: float, swapped: bool = False) -> Link:
    return "literal", (step, ("number", n)), {"op": op, "swapped": swapped}


def _own(step: int | str, op: str, n: int) -> Link:
    """A number of the first value's own dtype."""
    return "numpy_number", (step,), lambda e: {"op": op, "number": n, "dtype": e.dtype}


def _row(name: str, *operands: int | str) -> Link:
    return name, operands, {}


def _float(e: Entry) -> bool:
    return is_float(e.dtype)


def _signed(e: Entry) -> bool:
    return e.kind == "i"


def _discrete(e: Entry) -> bool:
    return e.kind in "iu"


def _real(e: Entry) -> bool:
    return e.kind in "iuf"


def _narrow(e: Entry) -> bool:
    return e.dtype in ("float32", "float16", "int8", "uint8", "int16")


def _matrix(e: Entry) -> bool:
    return is_float(e.dtype) and e.ndim == 2 and min(e.shape) > 0


def _smooth_matrix(e: Entry) -> bool:
    return _matrix(e) and e.name in e.roots and e.orders > 0


def _long(e: Entry) -> bool:
    return 1 <= e.ndim <= 3 and e.shape[0] >= 2 and e.dtype != "bool"


def _any_rank(e: Entry) -> bool:
    return 1 <= e.ndim <= 3 and e.size > 0 and e.kind in "iuf"


def _unary(*names: str) -> Bait:
    links = [_row(names[0], "x")]
    links += [_row(name, k) for k, name in enumerate(names[1:])]
    return Bait(_real if SIGNS.issuperset(names) else _float, tuple(links), "inverse")


SIGNS = {"neg", "abs_", "sqr"}
"""Rows that keep integers integers, which may wrap."""

_KEPT: dict[str, Any] = {"axis": None, "keepdims": False, "dtype": None}
_ONE: dict[str, Any] = {"axis": 0, "keepdims": False}
_PART: dict[str, Any] = {"index": ((1, None, None),)}
_SLOPE: Attributes = lambda e: {"dtypes": (e.dtype,)}
_SHIFT: Attributes = lambda e: {"order": ("x", *range(e.ndim))}
_TURN: Attributes = lambda e: {"order": tuple(range(e.ndim))[::-1]}


def _part(operand: int | str, *index: Any) -> Link:
    return "subtensor", (operand,), {"index": index}


INVERSE = (
    *(_unary(a, b) for a, b in (
        ("exp", "log"), ("log", "exp"), ("sqrt", "sqr"), ("sqr", "sqrt"), ("inv", "inv"), ("neg", "abs_"),
        ("neg", "sqr"), ("abs_", "sqr"), ("abs_", "abs_"), ("sqr", "abs_"), ("ceil", "ceil"), ("floor", "floor"),
        ("trunc", "trunc"), ("neg", "neg"), ("round_half_to_even", "round_half_to_even"),
        ("round_half_away_from_zero", "round_half_away_from_zero"), ("exp", "log1p"), ("log1p", "expm1"),
        ("erf", "erfc"),
    )),
    _unary("sigmoid", "neg", "log1p"),
    _unary("sigmoid", "log"),
    Bait(_discrete, (_row("invert", "x"), _row("invert", 0)), "inverse"),
    Bait(_any_rank, (("dimshuffle", ("x",), _TURN), ("dimshuffle", (0,), _TURN)), "inverse"),
    Bait(_real, (("cast_node", ("x",), lambda e: {"dtype": e.dtype}),), "inverse"),
    Bait(_narrow, (("cast", ("x",), {"dtype": "float64"}), ("cast", (0,), {"dtype": "float32"})), "inverse"),
)  # fmt: skip

STABLE = (
    (_row("exp", "x"), _number(0, "+", 1), _row("log", 1)),
    (_row("exp", "x"), _number(0, "-", 1)),
    (_number("x", "+", 1), _row("log", 0)),
    (_number("x", "-", 1, True), _row("log", 0)),
    (_row("neg", "x"), _row("exp", 0), _number(1, "+", 1), _number(2, "/", 1, True)),
    (_row("neg", "x"), _row("exp", 0), _number(1, "+", 1), _row("inv", 2)),
    (_row("exp", "x"), _number(0, "+", 1, True), _number(1, "/", 1, True)),
    (_row("exp", "x"), _number(0, "+", 1), _row("inv", 1)),
    (_row("exp", "x"), _number(0, "+", 1), _row("true_div", 0, 1)),
    (_row("exp", "x"), _number(0, "+", 1), _row("true_div", 0, 1), _row("log", 2)),
    (_row("exp", "x"), _number(0, "+", 1), _row("true_div", "x", 1), _row("mul", 2, 0)),
    (_row("erf", "x"), _number(0, "-", 1, True)),
    (_row("erfc", "x"), _number(0, "-", 1, True)),
    (_row("sigmoid", "x"), _number(0, "-", 1, True)),
    (_row("sigmoid", "x"), _number(0, "-", 1, True), _row("true_div", "x", 0), _row("true_div", "x", 1),
     _row("sub", 2, 3), _row("mul", 4, 0), _row("mul", 5, 1)),
)

CONSTANTS = (
    *(Bait(_float, (_number("x", op, n, swapped),)) for op, n, swapped in (
        ("*", 1, False), ("*", 0, False), ("*", -1, True), ("+", 0, False), ("-", 0, False), ("-", 0, True),
        ("/", 1, False), ("/", 2, False), ("/", 3, False), ("/", 0, True), ("/", 1, True), ("**", 0, False),
        ("**", 1, False), ("**", 2, False), ("**", -1, False), ("**", 0.5, False), ("**", -0.5, False),
    )),
    *(Bait(_discrete, (_own("x", op, n),)) for op, n in (
        ("*", 1), ("*", 0), ("+", 0), ("-", 0), ("//", 1), ("**", 0), ("**", 1), ("**", 2),
    )),
    Bait(_signed, (_number("x", "-", 0, True), _number("x", "*", -1))),
    Bait(_float, (_number("x", "+", 2), _number(0, "+", 3))),
    Bait(_float, (_number("x", "*", 2), _number(0, "*", 3))),
    Bait(_float, (_number("x", "*", 0.1), _number(0, "*", 10.0), _number(1, "/", 3))),
    Bait(_discrete, (_own("x", "+", 2), _own(0, "+", 3), _own(1, "*", 2), _own(2, "*", 3))),
    Bait(_discrete, (_own("x", "+", 2), _own(0, "+", 3))),
    Bait(_discrete, (_own("x", "*", 2), _own(0, "*", 3))),
    Bait(_real, (("constant", (), {"value": True, "dtype": "bool"}), _row("sqr", "x"), _row("switch", 0, "x", 1))),
    Bait(_real, (("constant", (), {"value": 2.5, "dtype": "float64"}), _row("add", "x", "x", 0))),
)  # fmt: skip

_TOTAL = ("sum", ("x",), {"axis": None, "keepdims": False, "dtype": None})

CHOICES = (
    Bait(_real, (("ifelse", (("number", 1), "x", "x"), {}), _row("sqr", 0))),
    Bait(_real, (_TOTAL, _row("sqr", "x"), ("ifelse", (0, 1, 1), {}))),
    Bait(_float, (
        _TOTAL, _row("sqr", "x"), ("ifelse", (0, "x", 1), {}), _row("neg", 2), ("ifelse", (0, 3, 1), {}),
    )),
)  # fmt: skip

REPEATED = (
    Bait(_float, (_row("sub", "x", "x"), _row("true_div", "x", "x"))),
    *(Bait(_real, (_row(a, "x", "x"), _row(b, "x", "x"))) for a, b in (
        ("eq", "neq"), ("le", "ge"), ("lt", "gt"), ("maximum", "minimum"),
    )),
    Bait(_discrete, (_row("and_", "x", "x"), _row("or_", "x", "x"), _row("xor", "x", "x"), _row("sub", "x", "x"))),
    Bait(_float, (_row("neg", "x"), _row("mul", 0, 0))),
    Bait(_real, (_row("sqr", "x"), _row("neg", "x"), _row("add", 0, 1), _row("sub", 0, 1))),
    Bait(_real, (_row("gt", "x", "x"), _row("sqr", "x"), _row("switch", 0, 1, 1))),
    Bait(_float, (_row("exp", "x"), _row("exp", "x"), _row("add", 0, 1))),
)  # fmt: skip

SLICES = (
    Bait(_long, (_part("x", (1, None, None)), _part(0, -1))),
    Bait(_long, (_part("x", (0, None, None)), _part(0, 1))),
    Bait(_long, (_part("x", (None, None, -1)), _part(0, (None, None, -1)))),
    Bait(_long, (_part("x", (None, None, -1)), _part(0, (0, 2, None)))),
    Bait(_long, (_part("x", (0, None, 1)), _part("x", (None, 9, None)))),
    Bait(lambda e: _long(e) and e.kind == "f", (_row("exp", "x"), _part(0, 0))),
    Bait(lambda e: _long(e) and e.kind == "f", (_number("x", "*", 2), _part(0, (1, None, None)))),
    Bait(lambda e: e.ndim <= 2 and e.size <= 16, (
        ("stack", ("x", "x", "x"), {"axis": 0}), _part(0, 1), _part(0, (1, None, None)), _part(2, -1),
    )),
    Bait(lambda e: e.ndim == 0, (("alloc", ("x",), {"shape": (3, 2)}), _part(0, (1, None, None)))),
    Bait(lambda e: e.ndim >= 2, (_row("shape", "x"), _part(0, 1), _part(0, (1, None, None)))),
    Bait(lambda e: e.ndim == 0, (("stack", ("x", "x", "x"), {"axis": 0}), _part(0, 1), _part(0, (1, None, None)))),
)  # fmt: skip

WRITES = (
    Bait(_long, (_part("x", (1, None, None)), ("set_subtensor", ("x", 0), _PART))),
    Bait(_long, (_part("x", (1, None, None)), _row("sqr", 0), ("set_subtensor", ("x", 1), _PART),
                 _part(2, (1, None, None)))),
    Bait(_long, (
        _part("x", (1, None, None)), _row("sqr", 0), ("set_subtensor", ("x", 1), _PART),
        ("set_subtensor", (2, 0), _PART), ("inc_subtensor", (3, 0), _PART),
    )),
)  # fmt: skip

SHAPES = (
    Bait(_any_rank, (("dimshuffle", ("x",), _SHIFT), ("sum", (0,), _ONE))),
    Bait(_any_rank, (("dimshuffle", ("x",), _SHIFT), ("max", (0,), _ONE))),
    Bait(lambda e: e.ndim <= 3, (("dimshuffle", ("x",), _SHIFT), ("any", (0,), _ONE))),
    Bait(lambda e: e.ndim >= 1, (_row("shape", "x"), ("cast", (0,), {"dtype": "int32"}), _part(1, 0))),
    Bait(lambda e: e.ndim >= 1, (_row("reshape_own", "x"),)),
    Bait(lambda e: e.ndim >= 1, (("flatten", ("x",), {"outdim": 1}), ("reshape", (0,), lambda e: {"shape": e.shape}))),
    Bait(lambda e: True, (
        ("specify_shape", ("x",), lambda e: {"shape": e.shape}), ("specify_shape", (0,), lambda e: {"shape": e.shape}),
    )),
    Bait(lambda e: True, (("rebroadcast", ("x",), lambda e: {"pattern": e.broadcastable}),)),
    Bait(lambda e: True, (_row("zeros_like", "x"), _row("add", 0, "x"))),
    Bait(_float, (_row("ones_like", "x"), _row("exp", 0), _number(0, "*", 3))),
    Bait(lambda e: e.ndim == 0 and e.kind == "f", (
        ("alloc", ("x",), {"shape": (2,)}), ("constant", (), {"value": (0.5, 1.5), "dtype": "float64"}),
        _row("mul", 0, 1),
    )),
    Bait(lambda e: e.ndim == 0, (("dimshuffle", ("x",), {"order": ("x",)}), ("alloc", (0,), {"shape": (1,)}))),
    Bait(lambda e: e.ndim > 0, (("alloc", ("x",), lambda e: {"shape": e.shape}),)),
    Bait(lambda e: e.ndim == 0, (_row("through_scalar", "x"),)),
    Bait(lambda e: e.ndim == 1, (("reshape", ("x",), {"shape": (-1,)}),)),
)  # fmt: skip

SUMS = (
    Bait(_float, (_row("neg", "x"), ("sum", (0,), _KEPT))),
    Bait(_matrix, (("sum", ("x",), {**_KEPT, "axis": 1}), ("sum", (0,), {**_KEPT, "axis": 0}))),
    Bait(_matrix, (("prod", ("x",), {**_KEPT, "axis": 1}), ("prod", (0,), _KEPT))),
    Bait(_matrix, (("dimshuffle", ("x",), {"order": (1, "x", 0)}), ("sum", (0,), _KEPT))),
    Bait(_matrix, (_number("x", ">", 0), ("any", (0,), {**_ONE, "axis": 1}), ("any", (1,), {**_ONE, "axis": None}))),
    Bait(_matrix, (_number("x", ">", 0), ("all", (0,), {**_ONE, "axis": 1}), ("all", (1,), {**_ONE, "axis": None}))),
    Bait(_any_rank, (("max_and_argmax", ("x",), _ONE),)),
)  # fmt: skip

NETWORKS = (
    Bait(_matrix, (_row("softmax", "x"), _row("log", 0))),
    Bait(_matrix, (_row("softmax", "x"), _part(0, 0), _row("log", 1))),
    Bait(_matrix, (_row("softmax", "x"), _part(0, (None, 1, None)), _row("log", 1))),
    Bait(_matrix, (_row("softmax", "x"), ("categorical_crossentropy", (0, ("labels",)), {}))),
    Bait(_smooth_matrix, (_row("softmax", "x"), _row("log", 0), _row("sqr", 1), ("grad", (2, "x"), _SLOPE))),
    Bait(_matrix, (_row("transposed", "x"), _row("dot", "x", 0), _row("transposed", 1))),
    Bait(_matrix, (_row("transposed", "x"), _row("dot", "x", 0), _part(1, 0, (0, 1, None)))),
)  # fmt: skip

BAITS: tuple[Bait, ...] = (
    *INVERSE,
    *(Bait(_float, links, "constants") for links in STABLE),
    *(Bait(b.needs, b.links, kind) for kind, baits in (
        ("constants", CONSTANTS), ("repeated", REPEATED), ("slices", SLICES), ("writes", WRITES), ("shapes", SHAPES),
        ("shapes", SUMS), ("network", NETWORKS), ("repeated", CHOICES),
    ) for b in baits),
)  # fmt: skip
"""Simplest first."""
