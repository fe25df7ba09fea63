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
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.graph.core import Apply, Constant, Variable
from reference.graph.dtypes import COMPLEX, is_discrete, upcast
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Rewrite, add
from reference.tensor import elemwise
from reference.tensor.basic import constant

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
    if not left.row:
        raise ValueError(f"not an operation: {before}")

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
    return add(Rewrite(name, promise, rule, (left.row,), stage, frozenset(tags), cheap, *place))


def _dtypes_fit(promise: Promise, variables: list[Variable], inner: list[Variable], out: Variable) -> bool:
    result = out.type.dtype
    dtypes = {v.type.dtype for v in (*variables, *inner)}
    if result in COMPLEX or dtypes & set(COMPLEX):
        return False
    if promise is Promise.EXACT:
        return len(dtypes if result == "bool" else {*dtypes, result}) == 1
    wraps = any(is_discrete(v.type.dtype) and v.type.dtype != result for v in inner)
    return not wraps and all(upcast(dtype, result) == result for dtype in dtypes if result != "bool")


@dataclass(frozen=True)
class _Formula:
    """One side of a pattern or a part of it: a number, a name, or an elementwise operation (`row`) on parts."""

    number: float | None = None
    name: str = ""
    row: str = ""
    parts: tuple[_Formula, ...] = ()

    def fits(self, variable: Variable) -> bool:
        """Could `variable` be this, by what it is itself? Most are not, which is told before anything is bound."""
        if self.row:
            return row_name(variable) == self.row
        if self.number is not None:
            return is_number(variable, self.number)
        return self.name[0].islower() or constant_value(variable) is not None


def _parse(text: str) -> _Formula:
    return _formula(ast.parse(text.strip(), mode="eval").body)


def _formula(tree: ast.expr) -> _Formula:
    number = _number(tree)
    if number is not None:
        return _Formula(number=number)
    if isinstance(tree, ast.Name):
        return _Formula(name=tree.id)
    row, operands = _operation(tree)
    return _Formula(row=row, parts=tuple(map(_formula, operands)))


def _operation(tree: ast.expr) -> tuple[str, list[ast.expr]]:
    """The elementwise operation at the root of a formula, and what it is applied to."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return tree.func.id, tree.args
    if isinstance(tree, ast.BinOp):
        return _OPERATORS[type(tree.op)], [tree.left, tree.right]
    if isinstance(tree, ast.UnaryOp):
        return _OPERATORS[type(tree.op)], [tree.operand]
    if isinstance(tree, ast.Compare):
        return _OPERATORS[type(tree.ops[0])], [tree.left, tree.comparators[0]]
    raise ValueError(f"not an operation: {ast.unparse(tree)}")


def _number(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.Constant):
        return tree.value  # type: ignore[return-value]
    if isinstance(tree, ast.Name):
        return _NUMBERS.get(tree.id)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return None if inner is None else -inner
    return None


def _match_node(formula: _Formula, node: Apply, bound: Binding) -> Iterator[Binding]:
    """Every way in which `node` is the operation that `formula` says, given what the names stand for already."""
    parts, operands = formula.parts, node.inputs
    if len(parts) != len(operands):
        return
    if _fit(parts, operands):
        yield from _match_all(parts, operands, bound)
    if len(parts) == 2 and node.op.scalar_op.commutative:  # type: ignore[attr-defined]
        operands = operands[::-1]
        if _fit(parts, operands):
            yield from _match_all(parts, operands, bound)


def _fit(parts: tuple[_Formula, ...], operands: tuple[Variable, ...]) -> bool:
    return all(part.fits(variable) for part, variable in zip(parts, operands))


def _match_all(parts: tuple[_Formula, ...], operands: tuple[Variable, ...], bound: Binding) -> Iterator[Binding]:
    """The same for parts each of which fits its operand."""
    if not parts:
        yield bound
        return
    for found in _match(parts[0], operands[0], bound):
        yield from _match_all(parts[1:], operands[1:], found)


def _match(part: _Formula, variable: Variable, bound: Binding) -> Iterator[Binding]:
    if part.name:
        known = bound.get(part.name)
        if known is None:
            yield {**bound, part.name: variable}
        elif known is variable:
            yield bound
    elif part.row:
        assert variable.owner is not None
        for found in _match_node(part, variable.owner, bound):
            yield {**found, f"{_INNER}{len(found)}": variable}
    else:
        yield bound


def _build(formula: _Formula, bound: Binding, dtype: str) -> Variable:
    if formula.number is not None:
        return constant(np.asarray(formula.number, dtype))
    if formula.name:
        variable = bound[formula.name]
        return variable if dtype == "bool" else elemwise.cast(variable, dtype)
    return getattr(elemwise, formula.row)(*[_build(part, bound, dtype) for part in formula.parts])


def row_name(variable: Variable) -> str | None:
    """The elementwise operation that computes `variable`, None if another kind of operation does."""
    row = None if variable.owner is None else getattr(variable.owner.op, "scalar_op", None)
    return None if row is None else row.name


def constant_value(variable: Variable) -> Any:
    """The number that `variable` is everywhere, as a NumPy scalar, or None.

    Only where every dimension is broadcastable: then it fits whatever it meets, and leaving it out cannot
    hide an error.
    """
    while variable.owner is not None and isinstance(variable.owner.op, elemwise.DimShuffle):
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
