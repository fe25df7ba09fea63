"""Chains of steps that rewrites are made for.

Owns the bait: several steps in a row on one value, such as log(1 + exp(x)) or a set followed by a read of the same
part. Chance alone would seldom write them; which rewrites they wake is for the rewrites to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from difftest.strategies.drawing import Entry
from difftest.strategies.dtypes import is_float, is_integer

Link = tuple[str, tuple[Any, ...], Mapping[str, Any]]
"""A step, its operands and its attributes. Operands: "x" the value the chain began with, 0, 1, ... the results of the
chain's own steps, a pair ("number", n) a Python number."""


@dataclass(frozen=True)
class Bait:
    """A chain, and what its first value must be."""

    needs: Callable[[Entry], bool]
    links: tuple[Link, ...]
    kind: str = ""


def _number(step: int | str, op: str, n: float, swapped: bool = False) -> Link:
    return "literal", (step, ("number", n)), {"op": op, "swapped": swapped}


def _row(name: str, *operands: int | str) -> Link:
    return name, operands, {}


def _float(e: Entry) -> bool:
    return is_float(e.dtype)


def _integer(e: Entry) -> bool:
    return is_integer(e.dtype) and e.dtype[0] == "i"


def _matrix(e: Entry) -> bool:
    return is_float(e.dtype) and e.ndim == 2 and min(e.shape) > 0


def _long(e: Entry) -> bool:
    return 1 <= e.ndim <= 3 and e.shape[0] >= 2 and e.dtype != "bool"


def _unary(*names: str) -> Bait:
    links = [_row(names[0], "x")]
    links += [_row(name, k) for k, name in enumerate(names[1:])]
    return Bait(_float, tuple(links))


_KEPT: dict[str, Any] = {"axis": None, "keepdims": False, "dtype": None}
_PART: dict[str, Any] = {"index": ((1, None, None),)}

BAITS: tuple[Bait, ...] = (
    *(_unary(a, b) for a, b in (
        ("exp", "log"), ("log", "exp"), ("sqrt", "sqr"), ("sqr", "sqrt"), ("inv", "inv"), ("neg", "abs_"),
        ("neg", "sqr"), ("abs_", "sqr"), ("sqr", "abs_"), ("ceil", "ceil"), ("floor", "floor"), ("trunc", "trunc"),
        ("neg", "neg"),
        ("round_half_to_even", "round_half_to_even"), ("round_half_away_from_zero", "round_half_away_from_zero"),
        ("exp", "log1p"), ("log1p", "expm1"), ("erf", "erfc"),
    )),
    _unary("sigmoid", "neg", "log1p"),
    _unary("sigmoid", "log"),
    Bait(_float, (_row("exp", "x"), _number(0, "+", 1), _row("log", 1))),
    Bait(_float, (_row("exp", "x"), _number(0, "-", 1))),
    Bait(_float, (_row("neg", "x"), _row("exp", 0), _number(1, "+", 1), _number(2, "/", 1, True))),
    Bait(_float, (_row("neg", "x"), _row("exp", 0), _number(1, "+", 1), _row("inv", 2))),
    Bait(_float, (_row("exp", "x"), _number(0, "+", 1, True), _number(1, "/", 1, True))),
    Bait(_float, (_row("exp", "x"), _number(0, "+", 1), _row("inv", 1))),
    Bait(_float, (_row("exp", "x"), _number(0, "+", 1), _row("true_div", 0, 1), _row("log", 2))),
    Bait(_float, (_row("exp", "x"), _number(0, "+", 1), _row("true_div", "x", 1), _row("mul", 2, 0))),
    Bait(_float, (_row("erf", "x"), _number(0, "-", 1, True))),
    Bait(_float, (_row("erfc", "x"), _number(0, "-", 1, True))),
    Bait(_float, (_row("sigmoid", "x"), _number(0, "-", 1, True))),
    Bait(_float, (_number("x", "+", 2), _number(0, "+", 3))),
    Bait(_float, (_number("x", "*", 2), _number(0, "*", 3))),
    Bait(_float, (_number("x", "*", 0.1), _number(0, "*", 10.0), _number(1, "/", 3))),
    Bait(_float, (_number("x", "**", 0.5), _number("x", "**", -0.5))),
    Bait(_float, (_row("neg", "x"), _row("mul", 0, 0))),
    Bait(_float, (_number("x", "-", 0, True),)),
    Bait(_float, (_row("sub", "x", "x"), _row("true_div", "x", "x"))),
    Bait(_float, (_row("eq", "x", "x"), _row("le", "x", "x"), _row("neq", "x", "x"), _row("ge", "x", "x"))),
    Bait(_integer, (_row("eq", "x", "x"), _row("le", "x", "x"), _row("neq", "x", "x"), _row("ge", "x", "x"))),
    Bait(_integer, (_row("and_", "x", "x"), _row("or_", "x", "x"), _row("xor", "x", "x"), _row("invert", "x"))),
    Bait(_integer, (_number("x", "+", 2), _number(0, "+", 3), _number(1, "*", 2), _number(2, "*", 3))),
    Bait(_integer, (_number("x", "//", 1), _number("x", "-", 0, True), _number("x", "**", 2))),
    Bait(_matrix, (_row("softmax", "x"), _row("log", 0))),
    Bait(_matrix, (_row("softmax", "x"), ("subtensor", (0,), {"index": (0,)}), _row("log", 1))),
    Bait(_matrix, (_row("transposed", "x"), _row("dot", "x", 0), _row("transposed", 1))),
    Bait(_matrix, (
        _row("transposed", "x"), _row("dot", "x", 0), ("subtensor", (1,), {"index": (0, (0, 1, None))}),
    )),
    Bait(_matrix, (("sum", ("x",), {**_KEPT, "axis": 1}), ("sum", (0,), {**_KEPT, "axis": 0}))),
    Bait(_matrix, (("prod", ("x",), {**_KEPT, "axis": 1}), ("prod", (0,), _KEPT))),
    Bait(_matrix, (("dimshuffle", ("x",), {"order": (1, "x", 0)}), ("sum", (0,), _KEPT))),
    Bait(_matrix, (
        _number("x", ">", 0), ("any", (0,), {"axis": 1, "keepdims": False}),
        ("any", (1,), {"axis": None, "keepdims": False}),
    )),
    Bait(_long, (("subtensor", ("x",), _PART), ("subtensor", (0,), {"index": (-1,)}))),
    Bait(_long, (
        ("subtensor", ("x",), {"index": ((None, None, -1),)}), ("subtensor", (0,), {"index": ((0, 2, None),)}),
    )),
    Bait(_long, (("subtensor", ("x",), _PART), ("set_subtensor", ("x", 0), _PART))),
    Bait(_long, (
        ("subtensor", ("x",), _PART), _row("sqr", 0), ("set_subtensor", ("x", 1), _PART), ("subtensor", (2,), _PART),
        ("set_subtensor", (2, 0), _PART), ("inc_subtensor", (4, 0), _PART),
    )),
    Bait(lambda e: e.ndim <= 2 and e.size <= 16, (
        ("stack", ("x", "x", "x"), {"axis": 0}), ("subtensor", (0,), {"index": (1,)}),
        ("subtensor", (0,), {"index": ((1, None, None),)}), ("subtensor", (2,), {"index": (-1,)}),
    )),
    Bait(lambda e: e.ndim == 0, (
        ("alloc", ("x",), {"shape": (3, 2)}), ("subtensor", (0,), {"index": ((1, None, None),)}),
    )),
)  # fmt: skip
"""Simplest first."""
