"""What a user may write for a function's inputs, outputs, updates and givens.

Owns `In`, `Out` and the checks on all four; every complaint names the variable and the line it comes
from. It must not compile anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reference.compile.shared import SharedVariable
from reference.graph.core import Constant, Variable
from reference.graph.errors import UnusedInputError

Pairs = Iterable[tuple[Any, Any]] | Mapping[Any, Any]


@dataclass(eq=False, repr=False)
class In:
    """An input of a function, with options.

    value      default; the argument may then be left out.
    update     expression whose value replaces the default after each call: a state of the function.
    strict     accept values of exactly the right type only.
    allow_downcast   True casts silently, False never loses precision, None lets Python floats into floatX.
    borrow, mutable  accepted: the caller's array is never written to.
    """

    variable: Variable
    name: str | None = None
    value: Any = None
    update: Any = None
    mutable: bool | None = None
    strict: bool = False
    allow_downcast: bool | None = None
    autoname: bool = True
    implicit: bool | None = None
    borrow: bool | None = None
    shared: bool = False

    def __post_init__(self) -> None:
        if self.name is None and self.autoname:
            self.name = getattr(self.variable, "name", None)
        if self.update is not None:
            self.update = update_value(self.variable, self.update)

    def __str__(self) -> str:
        return f"In({self.variable} -> {self.update})" if self.update is not None else f"In({self.variable})"

    __repr__ = __str__


def Param(variable: Variable, default: Any = None, name: str | None = None, **options: Any) -> In:
    """The older spelling of `In`, whose `value` it calls `default`."""
    return In(variable, name=name, value=default, **options)


@dataclass(eq=False, repr=False)
class Out:
    """An output of a function.

    borrow  True lets it share memory with inputs or shared variables. On a device with memory of its own it stays
            there: an array of the backend's own library, which other functions take without a copy.
    """

    variable: Variable
    borrow: bool = False

    def __str__(self) -> str:
        return f"Out({self.variable},{self.borrow})"

    __repr__ = __str__


SymbolicInput, SymbolicOutput = In, Out


def where(variable: Variable) -> str:
    """ " (created at ...)", if known."""
    return f" (created at {variable.line})" if variable.line else ""


def as_inputs(inputs: Any, allow_downcast: bool | None) -> list[In]:
    """The declared inputs, checked one by one and against each other."""
    if not isinstance(inputs, list | tuple):
        raise TypeError(
            f"the inputs of a function are a list of variables, got {inputs!r}; write function([{inputs}], ...)"
        )
    declared = []
    for k, item in enumerate(inputs):
        spec = item if isinstance(item, In) else _input_from(item, k)
        variable = spec.variable
        if isinstance(variable, SharedVariable):
            raise TypeError(
                f"Cannot use a shared variable ({variable}) as explicit input. Consider substituting a non-shared "
                f"variable via the `givens` parameter, givens={{{variable}: x}}"
            )
        if isinstance(variable, Constant) or not isinstance(variable, Variable):
            raise TypeError(f"input {k} must be a variable, not {variable!r}")
        if spec.allow_downcast is None:
            spec.allow_downcast = allow_downcast
        declared.append(spec)
    seen: dict[Variable, int] = {}
    for k, spec in enumerate(declared):
        if spec.variable in seen:
            raise UnusedInputError(
                f"the variable {spec.variable} is used twice in inputs, at positions {seen[spec.variable]} and {k}"
            )
        seen[spec.variable] = k
    return declared


def _input_from(item: Any, position: int) -> In:
    if isinstance(item, Variable):
        return In(item)
    if isinstance(item, list | tuple):
        if len(item) == 2 and isinstance(item[1], Variable) and isinstance(item[0], str):
            return In(item[1], name=item[0])
        if len(item) == 2 and isinstance(item[0], Variable):
            return In(item[0], value=item[1])
    raise TypeError(f"input {position} must be a variable or In(variable, ...), got {item!r}")


def as_output(item: Any) -> Out:
    """One output: a variable, a number, or `Out`."""
    from reference.tensor.basic import as_tensor_variable

    if isinstance(item, Out):
        return item
    if isinstance(item, Variable):
        return Out(item)
    try:
        return Out(as_tensor_variable(item))
    except (TypeError, ValueError):
        raise TypeError(f"an output must be a variable, got {item!r} of type {type(item).__name__}") from None


def as_pairs(pairs: Pairs | None, what: str) -> list[tuple[Any, Any]]:
    """Updates or givens as a list of pairs, whichever way they were written."""
    if pairs is None:
        return []
    items = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs)
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise ValueError(f"{what} must be a dict or a list of pairs, got the element {item!r}")
    return [(a, b) for a, b in items]


def as_updates(updates: Pairs | None) -> dict[SharedVariable, Variable]:
    """Updates with every new value converted to its shared variable's type."""
    checked: dict[SharedVariable, Variable] = {}
    for target, value in as_pairs(updates, "updates"):
        if not isinstance(target, SharedVariable):
            described = f"{target} of type {target.type}" if isinstance(target, Variable) else repr(target)
            raise TypeError(f"an update must be of a shared variable, not of {described}")
        if target in checked:
            raise ValueError(f"the shared variable {target} is updated twice, with {checked[target]} and with {value}")
        checked[target] = update_value(target, value)
    return checked


def update_value(target: Variable, value: Any) -> Variable:
    """`value` as a variable of the type of the state that it is for; TypeError tells both types."""
    try:
        return target.type.filter_variable(value)
    except TypeError as error:
        given = f"{value} of type {value.type}" if isinstance(value, Variable) else repr(value)
        kind, hint = "shared variable" if isinstance(target, SharedVariable) else "input", ""
        if isinstance(value, Variable) and getattr(value.type, "dtype", None) != getattr(target.type, "dtype", None):
            hint = f"; to keep its dtype, cast the update: T.cast(..., {target.type.dtype!r})"  # type: ignore[attr-defined]
        raise TypeError(
            f"the update of the {kind} {target} of type {target.type}{where(target)} must have its type, "
            f"got {given}{hint} ({error})"
        ) from None


def as_givens(givens: Pairs | None, inputs: list[In], strict: bool) -> dict[Variable, Variable]:
    """Givens with every replacement converted to the type of what it replaces (unless not `strict`)."""
    from reference.tensor.basic import as_tensor_variable

    declared = {spec.variable for spec in inputs}
    checked: dict[Variable, Variable] = {}
    for old, new in as_pairs(givens, "givens"):
        if not isinstance(old, Variable):
            raise TypeError(f"givens replace variables, got the key {old!r}")
        if old in declared:
            raise RuntimeError(
                f"the variable {old} is an input and is also replaced in `givens`; declare the replacement's "
                f"own variables as inputs instead of {old}"
            )
        if old in checked:
            raise ValueError(f"givens replace {old} twice, with {checked[old]} and with {new}")
        if not strict:
            checked[old] = as_tensor_variable(new)
            continue
        try:
            checked[old] = old.type.filter_variable(new)
        except TypeError as error:
            given = f"{new} of type {new.type}" if isinstance(new, Variable) else repr(new)
            raise TypeError(
                f"Cannot convert the replacement {given} of {old} of type {old.type}{where(old)} in givens; the two "
                f"types must be the same. You can try to manually convert it, for example with T.cast ({error})"
            ) from None
    return checked
