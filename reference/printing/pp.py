"""Graphs as formulas: ``((x * y) + TensorConstant{1})``.

Owns `pp` and its table of infix operators. Always parenthesised; shared nodes are written out each time,
so a text that would grow beyond bounds is refused. It must not know ids or execution order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference.graph.core import Apply, Variable
from reference.graph.traversal import toposort
from reference.printing.debugprint import leaf_text

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "true_div": "/", "int_div": "//", "pow": "**",
}  # fmt: skip
_RENAMED = {"second": "fill", "abs_": "abs"}
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
    *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"),
)
_LONGEST = 1_000_000


def pp(variable: Any) -> str:
    """The formula of a variable, on one line.

    Raises ValueError if it has more than a million characters; `debugprint` writes shared parts once.
    """
    if not isinstance(variable, Variable):
        given = type(variable).__name__
        raise TypeError(f"pp writes the formula of a variable, not of a {given}; see debugprint")
    texts: dict[Variable, str] = {}
    for node in toposort([variable]):
        operands = [texts.get(v) or _leaf(v) for v in node.inputs]
        text = _formula(node, operands)
        if len(text) > _LONGEST:
            raise ValueError(f"the formula has more than {_LONGEST} characters at {node.op}; use debugprint")
        for out in node.outputs:
            texts[out] = text
    return texts.get(variable) or _leaf(variable)


pprint = pp


def _leaf(variable: Variable) -> str:
    text = leaf_text(variable)
    return f"\\{text}" if text in _GREEK else text


def _formula(node: Apply, operands: Sequence[str]) -> str:
    row = getattr(node.op, "scalar_op", None)
    if row is not None:
        return _elementwise(row.name, operands)
    special = _BY_CLASS.get(type(node.op).__name__)
    if special is not None:
        return special(node, operands)
    return f"{node.op}({', '.join(operands)})"


def _elementwise(name: str, operands: Sequence[str]) -> str:
    if name in _INFIX and len(operands) > 1:
        return f"({f' {_INFIX[name]} '.join(operands)})"
    if name == "neg":
        return f"(-{operands[0]})"
    if name == "abs_":
        return f"|{operands[0]}|"
    if name.startswith("Cast{"):
        return f"{name[5:-1]}({operands[0]})"
    return f"{_RENAMED.get(name, name)}({', '.join(operands)})"


def _dimshuffle(node: Apply, operands: Sequence[str]) -> str:
    order = list(node.op.new_order)  # type: ignore[attr-defined]
    rank = len(node.op.input_broadcastable)  # type: ignore[attr-defined]
    while order and order[0] == "x":
        del order[0]
    if order == list(range(rank)):
        return operands[0]
    if order == list(range(rank))[::-1]:
        return f"{operands[0]}.T"
    return f"DimShuffle{{{', '.join(map(str, order))}}}({operands[0]})"


def _subtensor(node: Apply, operands: Sequence[str]) -> str:
    """Integers are written out; of a slice, as in Theano, the dtypes."""
    values = iter(operands[1:])
    parts = []
    for entry in node.op.idx_list:  # type: ignore[attr-defined]
        if isinstance(entry, str):
            parts.append(next(values))
            continue
        for bound in entry.parts:
            if bound is not None:
                next(values)
        parts.append(str(entry) if entry.step else str(entry)[:-1])
    return f"{operands[0]}[{', '.join(parts)}]"


_BY_CLASS: dict[str, Callable[[Apply, Sequence[str]], str]] = {
    "DimShuffle": _dimshuffle,
    "Subtensor": _subtensor,
    "Dot": lambda node, operands: f"({operands[0]} \\dot {operands[1]})",
    "Join": lambda node, operands: f"join({', '.join(operands)})",
    "Alloc": lambda node, operands: f"alloc({', '.join(operands)})",
    "MakeVector": lambda node, operands: f"[{', '.join(operands)}]",
}
