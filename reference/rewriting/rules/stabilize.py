"""Formulas that overflow or lose digits, replaced by functions that do not.

Owns the known pitfalls of logarithms, exponentials and the logistic function. Every rule here promises
STABLE: where the original is finite the two agree within rounding.
"""

from __future__ import annotations

from reference.graph.core import Apply
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import is_number, pattern, row_name
from reference.tensor.elemwise import neg, sigmoid

STABLE = Promise.STABLE


def _stable(name: str, text: str) -> None:
    pattern(STABLE, name, text, stage="stabilize")


_stable("log_of_one_plus_exp", "log(1 + exp(x)) -> softplus(x)")
_stable("log1p_of_exp", "log1p(exp(x)) -> softplus(x)")
_stable("log_of_one_plus", "log(1 + x) -> log1p(x)")
_stable("log_of_one_minus", "log(1 - x) -> log1p(-x)")
_stable("log_of_sigmoid", "log(sigmoid(x)) -> -softplus(-x)")
_stable("log1p_of_minus_sigmoid", "log1p(-sigmoid(x)) -> -softplus(x)")
_stable("log_of_exp_over_one_plus_exp", "log(exp(x) / (1 + exp(x))) -> -softplus(-x)")
_stable("exp_minus_one", "exp(x) - 1 -> expm1(x)")
_stable("one_over_one_plus_exp_of_minus", "1 / (1 + exp(-x)) -> sigmoid(x)")
_stable("inverse_of_one_plus_exp_of_minus", "inv(1 + exp(-x)) -> sigmoid(x)")
_stable("one_over_one_plus_exp", "1 / (1 + exp(x)) -> sigmoid(-x)")
_stable("inverse_of_one_plus_exp", "inv(1 + exp(x)) -> sigmoid(-x)")
_stable("exp_over_one_plus_exp", "exp(x) / (1 + exp(x)) -> sigmoid(x)")
_stable("exp_times_sigmoid_of_minus", "exp(x) * sigmoid(-x) -> sigmoid(x)")
_stable("factor_over_one_plus_exp_times_exp", "(y / (1 + exp(x))) * exp(x) -> y * sigmoid(x)")
_stable("factor_times_sigmoid_of_minus_times_exp", "(y * sigmoid(-x)) * exp(x) -> y * sigmoid(x)")
_stable("one_minus_erf", "1 - erf(x) -> erfc(x)")
_stable("one_minus_erfc", "1 - erfc(x) -> erf(x)")


@rewrite(STABLE, on="sub", stage="stabilize")
def one_minus_sigmoid(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """1 - sigmoid(x) -> sigmoid(-x), where nobody else reads sigmoid(x)."""
    one, logistic = node.inputs
    if not is_number(one, 1) or row_name(logistic) != "sigmoid" or len(fgraph.clients[logistic]) > 1:
        return None
    new = sigmoid(neg(logistic.owner.inputs[0]))  # type: ignore[union-attr]
    return [new] if new.type == node.outputs[0].type else None
