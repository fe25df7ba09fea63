"""The registry of steps: what can be written as one line of a program.

Owns `@step` and the table `STEPS`. A step says what its first operand must be (`takes`), draws the rest and its
attributes, and gives its line as a template. Its value is the line of the same name in `difftest.model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from difftest.program import Operand, Step
from difftest.strategies.drawing import Draw, Entry, Pool

Drawn = tuple[tuple[Operand, ...], Mapping[str, Any]]


@dataclass(frozen=True)
class StepKind:
    """`source` is a format string of operands ``{0}`` and attributes ``{axis}``, or a function giving the text.

    `smooth`: gradients flow from every float operand to the result, `orders` times at most; those of the operands in
    `rough` are undefined. `firm`: it rounds nothing. `loose`: the shape of the result depends on values.
    `undefined`: whether a step has no gradients after all. `moves`: whether it also gives updates, as its last result.
    `forms`: names of what it is an example of.
    """

    name: str
    family: str
    source: str | Callable[..., str]
    takes: Callable[[Entry], bool] | None
    draw: Callable[[Draw, Pool, Entry], Drawn]
    smooth: bool = True
    rough: tuple[int, ...] = ()
    orders: int = 9
    firm: bool = False
    loose: bool = False
    moves: Callable[[Step], bool] | None = None
    forms: Callable[[Step], Iterable[str]] | None = None
    undefined: Callable[[Step], bool] | None = None


STEPS: dict[str, StepKind] = {}

MOVING = (
    "dimshuffle", "reshape", "join", "split", "tile", "alloc", "subtensor", "places", "shapes", "creation", "select",
    "rebroadcast", "diagonal",
)  # fmt: skip
"""Families that only move elements, and so round nothing."""


def step(
    family: str,
    source: str | Callable[..., str],
    takes: Callable[[Entry], bool] | None = lambda e: True,
    name: str | None = None,
    smooth: bool = True,
    rough: tuple[int, ...] = (),
    orders: int = 9,
    firm: bool | None = None,
    loose: bool = False,
    moves: Callable[[Step], bool] | None = None,
    forms: Callable[[Step], Iterable[str]] | None = None,
    undefined: Callable[[Step], bool] | None = None,
) -> Callable[[Callable[..., Drawn]], Callable[..., Drawn]]:
    """Register the decorated ``draw(draw, pool, x) -> (operands, attributes)``; `takes=None` needs no operand."""

    def register(function: Callable[..., Drawn]) -> Callable[..., Drawn]:
        key = name or function.__name__.strip("_")
        if key in STEPS:
            raise ValueError(f"two steps are called {key!r}")
        moving = family in MOVING if firm is None else firm
        STEPS[key] = StepKind(
            key, family, source, takes, function, smooth, rough, orders, moving, loose, moves, forms, undefined
        )
        return function

    return register


def families() -> list[str]:
    return list(dict.fromkeys(kind.family for kind in STEPS.values()))


def call(function: str) -> Callable[..., str]:
    """The text of a call: the operands, then every attribute that is not None, as a keyword."""

    def text(*operands: str, **attributes: Any) -> str:
        given = [f"{name}={value!r}" for name, value in attributes.items() if value is not None]
        return f"{function}({', '.join([*operands, *given])})"

    return text
