"""Formulas that overflow or lose digits, replaced by functions that do not.

Owns the known pitfalls of logarithms, exponentials and the logistic function. Every rule here promises
STABLE: where the original is finite the two agree within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from reference.graph.core import Apply, Variable
from reference.graph.dtypes import FLOATS
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import is_number, keep_type, pattern, row_name
from reference.rewriting.summands import sum_of
from reference.tensor.elemwise import mul, neg, sigmoid, true_div

STABLE = Promise.STABLE


_stable = partial(pattern, STABLE, stage="stabilize")

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


_MOST_FACTORS = 16


class Product:
    """A product and quotient taken apart: ``negative``, the factors above and those below the line."""

    def __init__(self, fgraph: FunctionGraph, root: Variable):
        self.negative = False
        self.above: list[Variable] = []
        self.below: list[Variable] = []
        stack = [(root, True)]
        while stack:
            v, upper = stack.pop()
            apart = v is root or (len(fgraph.clients[v]) == 1 and len(stack) < _MOST_FACTORS)
            row = row_name(v) if apart else None
            operands = v.owner.inputs if v.owner is not None else ()
            if row == "mul":
                stack.extend((u, upper) for u in reversed(operands))
            elif row == "true_div":
                stack += [(operands[1], not upper), (operands[0], upper)]
            elif row == "inv":
                stack.append((operands[0], not upper))
            elif row == "neg":
                self.negative = not self.negative
                stack.append((operands[0], upper))
            else:
                (self.above if upper else self.below).append(v)

    def simplify(self) -> bool:
        """Join what makes a logistic function; True if anything did."""
        changed = False
        while self._step():
            changed = True
        return changed

    def _step(self) -> bool:
        for k, v in enumerate(self.below):
            x = _exponent_of_one_plus_exp(v)
            if x is not None:
                del self.below[k]
                self.above.append(sigmoid(_opposite(x)))
                return True
            for j, u in enumerate(self.above):
                if _side(v) is not None and _side(v) == _side(u):
                    del self.below[k], self.above[j]
                    return True
        for k, v in enumerate(self.above):
            for j, u in enumerate(self.above):
                y = _logistic(u)
                if row_name(v) == "exp" and y is not None and _are_opposite(v.owner.inputs[0], y):  # type: ignore[union-attr]
                    self.above[j] = sigmoid(v.owner.inputs[0])  # type: ignore[union-attr]
                    del self.above[k]
                    return True
        return False

    def cancel(self, factors: Sequence[Variable]) -> int:
        """Multiply by `factors`, logistic functions; how many of them were below the line."""
        found = 0
        for v in factors:
            k = next((k for k, u in enumerate(self.below) if _side(u) == _side(v)), None)
            if k is None:
                self.above.append(v)
            else:
                del self.below[k]
                found += 1
        return found

    def rebuilt(self) -> Variable | None:
        if not self.above:
            return None
        new = self.above[0] if len(self.above) == 1 else mul(*self.above)
        for v in self.below:
            new = true_div(new, v)
        return neg(new) if self.negative else new

    def in_place_of(self, old: Variable, factors: list[Variable]) -> Replacement:
        """The product as a replacement of `old`, whose factors those were."""
        new = self.rebuilt()
        new = None if new is None else keep_type(new, old, factors)
        return None if new is None else [new]


def _exponent_of_one_plus_exp(v: Variable) -> Variable | None:
    if row_name(v) != "add" or v.owner is None or len(v.owner.inputs) != 2:
        return None
    for one, power in (v.owner.inputs, v.owner.inputs[::-1]):
        if is_number(one, 1) and row_name(power) == "exp" and power.owner is not None:
            return power.owner.inputs[0]
    return None


def _logistic(v: Variable) -> Variable | None:
    """x, if v is sigmoid(x)."""
    return v.owner.inputs[0] if row_name(v) == "sigmoid" and v.owner is not None else None


def _side(v: Variable) -> tuple[Variable, bool] | None:
    """(x, False) if v is sigmoid(x), (x, True) if it is sigmoid(-x) or 1 - sigmoid(x)."""
    turned = row_name(v) == "sub" and v.owner is not None and is_number(v.owner.inputs[0], 1)
    x = _logistic(v.owner.inputs[1] if turned else v)  # type: ignore[union-attr]
    while x is not None and row_name(x) == "neg":
        x, turned = x.owner.inputs[0], not turned  # type: ignore[union-attr]
    return None if x is None else (x, turned)


def _opposite(x: Variable) -> Variable:
    return x.owner.inputs[0] if row_name(x) == "neg" and x.owner is not None else neg(x)


def _are_opposite(x: Variable, y: Variable) -> bool:
    return (row_name(x) == "neg" and x.owner.inputs[0] is y) or (row_name(y) == "neg" and y.owner.inputs[0] is x)  # type: ignore[union-attr]


@rewrite(STABLE, on=("mul", "true_div"), stage="stabilize")
def logistic_in_product(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """y / (1 + exp(x)) * exp(x) -> y * sigmoid(x); y * sigmoid(x) / sigmoid(x) -> y; or of 1 - sigmoid(x)."""
    out = node.outputs[0]
    if out.type.dtype not in FLOATS:
        return None
    product = Product(fgraph, out)
    factors = [*product.above, *product.below]
    if not product.simplify():
        return None
    return product.in_place_of(out, factors)


@rewrite(STABLE, on="mul", stage="stabilize")
def logistic_over_terms(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """(y / sigmoid(x) + z / (1 - sigmoid(x))) * sigmoid(x) -> y + z * sigmoid(x) / (1 - sigmoid(x)); or any terms."""
    out = node.outputs[0]
    if out.type.dtype not in FLOATS:
        return None
    product = Product(fgraph, out)
    factors = [*product.above, *product.below]
    logistic = [v for v in product.above if _side(v) is not None]
    for k, v in enumerate(product.above) if logistic else ():
        terms = _terms(fgraph, v)
        if terms and sum(term.cancel(logistic) for term in terms) > 0:
            parts = [term.rebuilt() for term in terms]
            if any(p is None for p in parts):
                return None
            rest = [u for j, u in enumerate(product.above) if j != k and u not in logistic]
            product.above = [sum_of(parts), *rest]
            return product.in_place_of(out, factors)
    return None


def _terms(fgraph: FunctionGraph, v: Variable) -> list[Product]:
    """The terms of a sum, or difference, that nobody else reads."""
    row = row_name(v)
    if row not in ("add", "sub") or v.owner is None or len(fgraph.clients[v]) > 1:
        return []
    terms = [Product(fgraph, u) for u in v.owner.inputs]
    if row == "sub":
        terms[1].negative = not terms[1].negative
    return terms
