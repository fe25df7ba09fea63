"""Rules written as formulas: ``log(1 + exp(x)) -> softplus(x)``.

Owns the small language and its matching on elementwise operations, and what rules written by hand share
with it: reading constants, keeping types. It must not know any particular rule.

A formula is a Python expression. Calls are elementwise operations, operators are theirs. A lower-case name
stands for any variable, the same name for the same variable. A capital letter stands for a constant that is
the same number everywhere; a number for a constant of exactly that value, the sign of zero included.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Variable
from reference.graph.dtypes import COMPLEX, is_discrete, upcast
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Rewrite, add

Binding = dict[str, Variable]

_OPERATORS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "true_div", ast.FloorDiv: "int_div",
    ast.Mod: "mod", ast.Pow: "pow", ast.USub: "neg", ast.Invert: "invert",
    ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
    ast.Eq: "eq", ast.NotEq: "neq", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
_NUMBERS = {"nan": np.nan, "inf": np.inf}
_INNER = "#"
"""Marks, in a binding, the variables between the root and what the names stand for."""


def pattern(
    promise: Promise,
    name: str,
    text: str,
    stage: str = "canonicalize",
    when: Callable[[Binding], bool] | None = None,
    cheap: bool = False,
    tags: tuple[str, ...] = (),
) -> Rewrite:
    """Register the rewrite ``before -> after``; `when` sees what the names stand for and may refuse.

    An EXACT pattern applies only where every variable has one dtype, others where every dtype converts to
    the result's and no integer in between could wrap. Complex numbers never match. The replacement has the
    replaced variable's type or the pattern does not apply.
    """
    before, arrow, after = text.partition(" -> ")
    if not arrow:
        raise ValueError(f"a pattern is written 'before -> after', got {text!r}")
    left, right = _parse(before), _parse(after)
    root = _row_of(left)

    def rule(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
        out = node.outputs[0]
        for found in _match_node(left, node, {}):
            variables = [v for key, v in found.items() if key[0].islower()]
            inner = [v for key, v in found.items() if key[0] == _INNER]
            if _dtypes_fit(promise, variables, inner, out) and (when is None or when(found)):
                result = keep_type(_build(right, found, out.type.dtype), out, variables)
                if result is not None:
                    return [result]
        return None

    frame = sys._getframe(1)
    rule.__doc__, rule.__name__, rule.__module__ = f"{text}.", name, frame.f_globals["__name__"]
    place = frame.f_code.co_filename, frame.f_lineno
    return add(Rewrite(name, promise, rule, (root,), stage, frozenset(tags), cheap, *place))


def _dtypes_fit(promise: Promise, variables: list[Variable], inner: list[Variable], out: Variable) -> bool:
    result = out.type.dtype
    dtypes = {v.type.dtype for v in (*variables, *inner)}
    if result in COMPLEX or dtypes & set(COMPLEX):
        return False
    if promise is Promise.EXACT:
        return len(dtypes if result == "bool" else {*dtypes, result}) == 1
    wraps = any(is_discrete(v.type.dtype) and v.type.dtype != result for v in inner)
    return not wraps and all(upcast(dtype, result) == result for dtype in dtypes if result != "bool")


def _parse(text: str) -> ast.expr:
    tree = ast.parse(text.strip(), mode="eval").body
    return tree


def _row_of(tree: ast.expr) -> str:
    """The elementwise operation at the root of a formula."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return tree.func.id
    if isinstance(tree, ast.BinOp | ast.UnaryOp):
        return _OPERATORS[type(tree.op)]
    if isinstance(tree, ast.Compare):
        return _OPERATORS[type(tree.ops[0])]
    raise ValueError(f"not an operation: {ast.unparse(tree)}")


def _operands(tree: ast.expr) -> list[ast.expr]:
    if isinstance(tree, ast.Call):
        return tree.args
    if isinstance(tree, ast.BinOp):
        return [tree.left, tree.right]
    if isinstance(tree, ast.UnaryOp):
        return [tree.operand]
    assert isinstance(tree, ast.Compare)
    return [tree.left, tree.comparators[0]]


def _number(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.Constant):
        return tree.value  # type: ignore[return-value]
    if isinstance(tree, ast.Name):
        return _NUMBERS.get(tree.id)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return None if inner is None else -inner
    return None


def _match(tree: ast.expr, variable: Variable, bound: Binding) -> Iterator[Binding]:
    """Every way in which `variable` is what `tree` says, given what the names stand for already."""
    number = _number(tree)
    if number is not None:
        value = constant_value(variable)
        if value is not None and value == number and np.signbit(value.real) == np.signbit(number):
            yield bound
    elif isinstance(tree, ast.Name):
        known = bound.get(tree.id)
        fits = constant_value(variable) is not None if tree.id[0].isupper() else known in (None, variable)
        if known is None and fits:
            yield {**bound, tree.id: variable}
        elif known is variable:
            yield bound
    elif variable.owner is not None and row_name(variable) == _row_of(tree):
        for found in _match_node(tree, variable.owner, bound):
            yield {**found, f"{_INNER}{len(found)}": variable}


def _match_node(tree: ast.expr, node: Apply, bound: Binding) -> Iterator[Binding]:
    wanted = _operands(tree)
    if len(wanted) != len(node.inputs):
        return
    orders = [node.inputs]
    if len(wanted) == 2 and node.op.scalar_op.commutative:  # type: ignore[attr-defined]
        orders.append(node.inputs[::-1])
    for operands in orders:
        yield from _match_all(wanted, operands, bound)


def _match_all(wanted: list[ast.expr], operands: tuple[Variable, ...], bound: Binding) -> Iterator[Binding]:
    if not wanted:
        yield bound
        return
    for found in _match(wanted[0], operands[0], bound):
        yield from _match_all(wanted[1:], operands[1:], found)


def _build(tree: ast.expr, bound: Binding, dtype: str) -> Variable:
    from reference.tensor import elemwise
    from reference.tensor.basic import constant

    number = _number(tree)
    if number is not None:
        return constant(np.asarray(number, dtype))
    if isinstance(tree, ast.Name):
        variable = bound[tree.id]
        return variable if dtype == "bool" else elemwise.cast(variable, dtype)
    return getattr(elemwise, _row_of(tree))(*[_build(part, bound, dtype) for part in _operands(tree)])


def row_name(variable: Variable) -> str | None:
    """The elementwise operation that computes `variable`, None if another kind of operation does."""
    row = None if variable.owner is None else getattr(variable.owner.op, "scalar_op", None)
    return None if row is None else row.name


def constant_value(variable: Variable) -> Any:
    """The number that `variable` is everywhere, as a NumPy scalar, or None.

    Only where every dimension is broadcastable: then it fits whatever it meets, and leaving it out cannot
    hide an error.
    """
    from reference.tensor.elemwise import DimShuffle

    while variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        variable = variable.owner.inputs[0]
    if not isinstance(variable, Constant) or not isinstance(variable.type, TensorType):
        return None
    if not all(variable.type.broadcastable) or variable.data.size != 1:
        return None
    return variable.data.reshape(())[()]


def is_number(variable: Variable, number: float) -> bool:
    """Is it `number` everywhere, the sign of zero included?"""
    value = constant_value(variable)
    return value is not None and value == number and bool(np.signbit(value.real) == np.signbit(number))


def keep_type(new: Variable, old: Variable, shaped_like: list[Variable]) -> Variable | None:
    """`new` with the type of `old`: cast, and stretched to the shape of one of `shaped_like`; else None."""
    from reference.tensor import elemwise

    if new.type.dtype != old.type.dtype:
        new = elemwise.cast(new, old.type.dtype)
    if new.type == old.type:
        return new
    for model in shaped_like:
        if model.type.broadcastable == old.type.broadcastable:
            new = elemwise.second(model, new)
            return new if new.type == old.type else None
    return None


def values(found: Mapping[str, Variable], *names: str) -> list[Any]:
    """The numbers that some capital letters stand for."""
    return [constant_value(found[name]) for name in names]
