"""What users make themselves: graphs as operations, Python functions, assertions.

A graph means what is written in it; an assertion that holds is its operand. It must not look at the reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from difftest.model.base import MODEL, Value, line
from difftest.model.elementwise import elementwise

_GRAPHS: dict[str, Any] = {
    "double": lambda a: elementwise("add", a, a),
    "product": lambda a, b: elementwise("sub", elementwise("mul", a, b), a),
    "bent": lambda a, b: elementwise("mul", elementwise("tanh", a), b),
    "spread": lambda a: elementwise("exp", elementwise("neg", elementwise("sqr", a))),
    "both": lambda a, b: (elementwise("maximum", a, b), elementwise("minimum", a, b)),
    "whole": lambda a: (
        MODEL["sum"](elementwise("sqr", a), axis=None, keepdims=False, dtype=None), elementwise("neg", a),
    ),
}  # fmt: skip


@line
def graph_op(*operands: Value, graph: str, inline: bool) -> Any:
    return _GRAPHS[graph](*operands)


@line
def python_function(x: Value, function: str) -> Value:
    return np.asarray(getattr(np, function.removeprefix("np."))(x))


@line
def asserted(x: Value, message: str, least: int, ndim: int) -> Value:
    return x
