"""Algebra of elementwise operations and sums.

Owns the identities of arithmetic, each under the promise it keeps in floating point: ``x * 1`` is x to the
bit, ``x + 0`` is not when x is -0.0, ``x * 0`` is 0 only for finite x. It must not drop an operand whose
shape could have raised an error, unless the promise says so; integers wrap, and wrapping commutes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference.graph.core import Apply, Constant
from reference.graph.dtypes import COMPLEX, FLOATS, INTEGERS, is_discrete, upcast
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Replacement, rewrite
from reference.rewriting.pattern import (
    Binding,
    constant_value,
    is_number,
    keep_type,
    pattern,
    row_name,
    values,
)
from reference.rewriting.rules.merge import commutes_exactly
from reference.tensor import elemwise

EXACT, REAL, STABLE, FINITE, RAISES = Promise


def _floats(found: Binding) -> bool:
    return all(v.type.dtype in FLOATS for v in found.values())


def _integers(found: Binding) -> bool:
    return all(is_discrete(v.type.dtype) for v in found.values())


def _real(found: Binding) -> bool:
    """Complex products, quotients and powers with 1 are computed in parts: an infinite one spoils the other."""
    return not any(v.type.dtype in COMPLEX for v in found.values())


def _signed(found: Binding) -> bool:
    return all(not v.type.dtype.startswith(("u", "bool")) for v in found.values())


# The order of operands.


@rewrite(EXACT, on=lambda op: hasattr(op, "scalar_op"), tags=("order",))
def constants_first(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x + c -> c + x, for two operands that commute to the bit."""
    if not commutes_exactly(node):
        return None
    left, right = node.inputs
    if isinstance(right, Constant) and not isinstance(left, Constant):
        return node.op.make_node(right, left).outputs
    return None


@rewrite(REAL, on=("add", "mul"), tags=("order",))
def constants_first_of_many(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x + y + c -> c + x + y, in an operation of three or more operands."""
    if len(node.inputs) < 3:
        return None
    order = sorted(node.inputs, key=lambda v: not isinstance(v, Constant))
    return node.op.make_node(*order).outputs if tuple(order) != node.inputs else None


# Neutral operands.


def _without(node: Apply, number: float) -> Replacement:
    """The sum or product without the operands that are `number`."""
    kept = [v for v in node.inputs if not is_number(v, number)]
    out = node.outputs[0]
    if len(kept) == len(node.inputs) or not kept:
        return None
    if len(kept) > 1:
        shorter = node.op.make_node(*kept).outputs[0]
        return [shorter] if shorter.type == out.type else None
    alone = keep_type(kept[0], out, [])
    return None if alone is None else [alone]


@rewrite(EXACT, on="mul", cheap=True)
def times_one(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x * 1 -> x, for real numbers."""
    return None if node.outputs[0].type.dtype in COMPLEX else _without(node, 1)


@rewrite(EXACT, on="add", cheap=True)
def plus_zero_of_integers(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """i + 0 -> i, for integers."""
    return _without(node, 0) if is_discrete(node.outputs[0].type.dtype) else None


@rewrite(REAL, on="add")
def plus_zero(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """x + 0 -> x, which keeps the sign of -0.0."""
    return None if is_discrete(node.outputs[0].type.dtype) else _without(node, 0)


pattern(EXACT, "minus_zero", "x - 0 -> x", cheap=True)
pattern(EXACT, "divided_by_one", "x / 1 -> x", cheap=True, when=_real)
pattern(EXACT, "power_of_one", "x ** 1 -> x", cheap=True, when=_real)
pattern(EXACT, "power_of_zero", "x ** 0 -> 1")
pattern(EXACT, "zero_minus_integer", "0 - i -> -i", when=_integers)
pattern(REAL, "zero_minus", "0 - x -> -x", when=_signed)
pattern(EXACT, "integer_division_by_one", "i // 1 -> i", when=_integers)
pattern(EXACT, "times_minus_one", "x * -1 -> -x", when=_signed)

# Absorbing operands and equal operands. The shape is kept by filling x with the result.

pattern(EXACT, "integer_times_zero", "i * 0 -> 0", when=_integers)
pattern(FINITE, "times_zero", "x * 0 -> 0", when=_floats)
pattern(FINITE, "zero_over", "0 / x -> 0", when=_floats)
pattern(EXACT, "integer_minus_itself", "i - i -> 0", when=_integers)
pattern(FINITE, "minus_itself", "x - x -> 0", when=_floats)
pattern(FINITE, "over_itself", "x / x -> 1", when=_floats)
pattern(EXACT, "integer_equals_itself", "i == i -> 1", when=_integers)
pattern(EXACT, "integer_differs_from_itself", "i != i -> 0", when=_integers)
pattern(EXACT, "integer_at_most_itself", "i <= i -> 1", when=_integers)
pattern(EXACT, "integer_at_least_itself", "i >= i -> 1", when=_integers)
pattern(FINITE, "equals_itself", "x == x -> 1", when=_floats)
pattern(FINITE, "differs_from_itself", "x != x -> 0", when=_floats)
pattern(FINITE, "at_most_itself", "x <= x -> 1", when=_floats)
pattern(FINITE, "at_least_itself", "x >= x -> 1", when=_floats)
pattern(EXACT, "less_than_itself", "x < x -> 0")
pattern(EXACT, "greater_than_itself", "x > x -> 0")
pattern(EXACT, "maximum_of_itself", "maximum(x, x) -> x", cheap=True)
pattern(EXACT, "minimum_of_itself", "minimum(x, x) -> x", cheap=True)
pattern(EXACT, "and_itself", "i & i -> i", cheap=True)
pattern(EXACT, "or_itself", "i | i -> i", cheap=True)
pattern(EXACT, "xor_itself", "i ^ i -> 0")

# Signs.

pattern(EXACT, "minus_minus", "-(-x) -> x", cheap=True)
pattern(EXACT, "not_not", "~(~i) -> i", cheap=True)
pattern(EXACT, "plus_minus", "x + -y -> x - y", when=_signed)
pattern(EXACT, "minus_plus", "x - -y -> x + y", when=_signed)
pattern(EXACT, "minus_times_minus", "-x * -y -> x * y", when=_signed)
pattern(EXACT, "abs_of_minus", "abs_(-x) -> abs_(x)", when=_signed)
pattern(EXACT, "abs_of_abs", "abs_(abs_(x)) -> abs_(x)")
pattern(EXACT, "square_of_minus", "sqr(-x) -> sqr(x)", when=_signed)
pattern(EXACT, "square_of_abs", "sqr(abs_(x)) -> sqr(x)")
pattern(EXACT, "abs_of_square", "abs_(sqr(x)) -> sqr(x)", when=_floats)

# Idempotent functions of floats; of integers they are conversions.

for _name in ("floor", "ceil", "trunc", "round_half_to_even", "round_half_away_from_zero"):
    pattern(EXACT, f"{_name}_twice", f"{_name}({_name}(x)) -> {_name}(x)", when=_floats)

# Powers and inverses.


def _within_range(found: Binding) -> bool:
    """1/A is a normal number, and A is."""
    (a,) = values(found, "A")
    if a.dtype.name not in FLOATS:
        return a != 0
    tiny = np.finfo(a.dtype).tiny
    return bool(np.isfinite(a) and tiny <= abs(a) <= 1 / tiny)


def _power_of_two(found: Binding) -> bool:
    (a,) = values(found, "A")
    return _within_range(found) and abs(np.frexp(np.float64(a))[0]) == 0.5


pattern(REAL, "power_of_two", "x ** 2 -> sqr(x)")
pattern(FINITE, "power_of_half", "x ** 0.5 -> sqrt(x)", when=_floats)
pattern(FINITE, "power_of_minus_half", "x ** -0.5 -> inv(sqrt(x))", when=_floats)
pattern(REAL, "power_of_minus_one", "x ** -1 -> inv(x)", when=_floats)
pattern(STABLE, "root_of_square", "sqrt(sqr(x)) -> abs_(x)", stage="stabilize")
pattern(REAL, "square_of_root", "sqr(sqrt(x)) -> switch(x >= 0, x, nan)", stage="stabilize", when=_floats)
pattern(FINITE, "inverse_of_inverse", "inv(inv(x)) -> x", when=_floats)
pattern(EXACT, "one_over", "1 / x -> inv(x)", stage="specialize", when=_floats)
pattern(EXACT, "over_power_of_two", "x / A -> x * inv(A)", stage="specialize", when=_power_of_two)
pattern(REAL, "over_constant", "x / A -> x * inv(A)", stage="specialize", when=_within_range)

# Constants that meet. A sum or product of two constants in range is folded afterwards.


def _product_in_range(found: Binding) -> bool:
    dtype = upcast(*[v.type.dtype for v in found.values()])
    if dtype not in FLOATS:
        return False
    a, b = (np.float64(v) for v in values(found, "A", "B"))
    with np.errstate(all="ignore"):
        return bool(np.finfo(dtype).tiny <= abs(a * b) <= np.finfo(dtype).max)


def _sum_in_range(found: Binding) -> bool:
    dtype = upcast(*[v.type.dtype for v in found.values()])
    a, b = (np.float64(v) for v in values(found, "A", "B"))
    with np.errstate(all="ignore"):
        return dtype in FLOATS and bool(abs(a + b) <= np.finfo(dtype).max)


def _one_integer_dtype(found: Binding) -> bool:
    return _integers(found) and len({v.type.dtype for v in found.values()}) == 1


def _gathers(condition: Callable[[Binding], bool]) -> Callable[[Binding], bool]:
    """What is gathered is not constant itself: where nobody folds, three constants would change places for ever."""
    return lambda found: not isinstance(found.get("i", found.get("x")), Constant) and condition(found)


pattern(EXACT, "integer_constants_of_product", "A * (B * i) -> (A * B) * i", when=_gathers(_one_integer_dtype))
pattern(EXACT, "integer_constants_of_sum", "A + (B + i) -> (A + B) + i", when=_gathers(_one_integer_dtype))
pattern(STABLE, "constants_of_product", "A * (B * x) -> (A * B) * x", when=_gathers(_product_in_range))
pattern(REAL, "constants_of_sum", "A + (B + x) -> (A + B) + x", when=_gathers(_sum_in_range))

# Functions that undo each other.

pattern(STABLE, "log_of_exp", "log(exp(x)) -> x", stage="stabilize", when=_floats)
pattern(REAL, "exp_of_log", "exp(log(x)) -> switch(x >= 0, x, nan)", stage="stabilize", when=_floats)

# Conversions.

_HOLDS_ALL = {("int64", "float64"), ("uint64", "float64")}
"""Pairs that `upcast` joins although the second does not hold every value of the first."""


def _lossless(source: str, target: str) -> bool:
    return upcast(source, target) == target and (source, target) not in _HOLDS_ALL


def _is_cast(op: object) -> bool:
    row = getattr(op, "scalar_op", None)
    return row is not None and row.name.startswith("Cast{")


@rewrite(EXACT, on=_is_cast, cheap=True)
def cast_to_same(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """cast(x, dtype of x) -> x."""
    return [node.inputs[0]] if node.inputs[0].type == node.outputs[0].type else None


@rewrite(EXACT, on=_is_cast, cheap=True)
def cast_of_cast(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """cast(cast(x, wider), dtype) -> cast(x, dtype), where the wider dtype holds every x."""
    inner = node.inputs[0].owner
    if inner is None or not _is_cast(inner.op):
        return None
    x, middle, target = inner.inputs[0], node.inputs[0].type.dtype, node.outputs[0].type.dtype
    if not _lossless(x.type.dtype, middle) or target.startswith("complex"):
        return None
    if x.type.dtype in INTEGERS and middle in FLOATS and target in INTEGERS and not _lossless(x.type.dtype, target):
        return None  # a float out of range saturates, an integer wraps
    return [elemwise.cast(x, target)]


@rewrite(EXACT, on="identity", cheap=True)
def identity_of_tensor(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """identity(x) -> x."""
    return [node.inputs[0]]


# Choices.


@rewrite(RAISES, on="switch")
def switch_on_constant(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """switch(constant, x, y) -> x or y, where it has the result's shape."""
    condition, yes, no = node.inputs
    value = constant_value(condition)
    if value is None:
        return None
    chosen = keep_type(yes if value else no, node.outputs[0], [no if value else yes])
    return None if chosen is None else [chosen]


@rewrite(RAISES, on="switch")
def switch_of_equals(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """switch(c, x, x) -> x, where x has the result's shape."""
    condition, yes, no = node.inputs
    if yes is not no:
        return None
    chosen = keep_type(yes, node.outputs[0], [condition])
    return None if chosen is None else [chosen]


# Fills: `second(x, v)` is v in the shape of x.


@rewrite(RAISES, on="second")
def fill_of_same_shape(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """second(x, v) -> v, where v has x's broadcast pattern."""
    return [node.inputs[1]] if node.inputs[1].type == node.outputs[0].type else None


@rewrite(EXACT, on=lambda op: hasattr(op, "scalar_op") and op.scalar_op.ulp == 0)
def fill_after_elementwise(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(second(x, v), 2) -> second(x, f(v, 2)), where f is correctly rounded and 2 is one element."""
    return _filled_afterwards(node)


@rewrite(REAL, on=lambda op: hasattr(op, "scalar_op") and op.scalar_op.ulp > 0)
def fill_after_function(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """exp(second(x, v)) -> second(x, exp(v))."""
    return _filled_afterwards(node)


def _filled_afterwards(node: Apply) -> Replacement:
    if row_name(node.outputs[0]) == "second":
        return None
    wide = [k for k, v in enumerate(node.inputs) if not all(v.type.broadcastable)]
    if len(wide) != 1 or row_name(node.inputs[wide[0]]) != "second":
        return None
    model, value = node.inputs[wide[0]].owner.inputs  # type: ignore[union-attr]
    inner = node.op(*[value if k == wide[0] else v for k, v in enumerate(node.inputs)])
    return [elemwise.second(model, inner)]


@rewrite(RAISES, on=lambda op: hasattr(op, "scalar_op") and op.scalar_op.nin != 1)
def fill_inside_elementwise(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(second(x, v), y) -> f(v, y), where y has the result's shape."""
    if row_name(node.outputs[0]) == "second":
        return None
    inputs = list(node.inputs)
    for k, v in enumerate(inputs):
        if row_name(v) == "second" and v.owner is not None:
            shorter = [*inputs[:k], v.owner.inputs[1], *inputs[k + 1 :]]
            if tuple(map(all, zip(*[x.type.broadcastable for x in shorter]))) == _pattern_of(node):
                inputs = shorter
    return node.op.make_node(*inputs).outputs if tuple(inputs) != node.inputs else None


def _pattern_of(node: Apply) -> tuple[bool, ...]:
    return node.outputs[0].type.broadcastable
