"""Scalar operations of a program's own: `theano.scalar.UnaryScalarOp`, `BinaryScalarOp`, their dtype rules.

Owns how a class with `impl` and `grad` becomes a row that `Elemwise` takes, and how rows that are here are applied to
variables. A gradient is written for tensors as it is for numbers: by operators, and by functions of `theano.scalar`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, cast

import numpy as np

from reference import scalar_op
from reference.alias.graphs import MethodNotDefined
from reference.graph.core import Variable
from reference.graph.dtypes import upcast
from reference.graph.types import DisconnectedType, ScalarType
from reference.scalar import TABLE
from reference.scalar_op import ScalarOp as Row
from reference.tensor.elemwise import Elemwise

__all__ = ["BinaryScalarOp", "ScalarOp", "UnaryScalarOp", "specific_out", "transfer_type"]

def _at_least(dtype: str) -> Callable[..., str]:
    return lambda *dtypes: upcast(dtype, *dtypes)


_DTYPES: dict[str, Callable[..., str]] = {
    "upcast_out": scalar_op.same, "upcast_out_nobool": scalar_op.no_bool, "upcast_out_min8": _at_least("int8"),
    "upcast_out_no_complex": scalar_op.real, "upgrade_to_float": scalar_op.to_float,
    "upgrade_to_float64": lambda *dtypes: upcast("float64", scalar_op.to_float(*dtypes)),
    "upgrade_to_float_no_complex": scalar_op.to_real_float, "same_out": scalar_op.same,
    "same_out_nobool": scalar_op.no_bool, "same_out_min8": _at_least("int8"), "same_out_nocomplex": scalar_op.real,
    "int_out": lambda *dtypes: "int64", "float_out": lambda *dtypes: "float64", "real_out": scalar_op.to_part,
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A rule by its name: the types of the operands give the type of the result, in a tuple."""

    name: str

    def __call__(self, *operands: ScalarType) -> tuple[ScalarType]:
        return (ScalarType(_DTYPES[self.name](*[t.dtype for t in operands])),)


RULES = {name: Rule(name) for name in _DTYPES}


class specific_out:
    """The rule that gives these types, whatever the operands are."""

    def __init__(self, *types: ScalarType):
        self.types = types

    def __call__(self, *operands: ScalarType) -> Sequence[ScalarType]:
        return self.types


class transfer_type:
    """The rule that gives, for each result, the type of the operand of that number, or the type itself."""

    def __init__(self, *transfer: Any):
        self.transfer = transfer

    def __call__(self, *operands: ScalarType) -> Sequence[ScalarType]:
        return [operands[t] if isinstance(t, int) else t for t in self.transfer]


class ScalarOp:
    """An operation on numbers: `nin` operands, `impl`, and `grad` (or `L_op`). C code in it is not used."""

    name: str | None = None
    nin = -1
    nout = 1
    nfunc_spec: tuple[str, int, int] | None = None
    output_types_preference: Any = None

    def __init__(self, output_types_preference: Any = None, name: str | None = None):
        self.name = name
        if output_types_preference is not None:
            if not callable(output_types_preference):
                raise TypeError(f"output_types_preference is a function of types, not {output_types_preference!r}")
            self.output_types_preference = output_types_preference

    def output_types(self, types: Sequence[ScalarType]) -> Sequence[ScalarType]:
        """The type of the result, in a list."""
        rule = self.__dict__.get("output_types_preference") or getattr(type(self), "output_types_preference", None)
        if rule is None:
            raise NotImplementedError(f"{self} says nothing of its result's type; pass output_types_preference")
        return cast(Sequence[ScalarType], rule(*types))

    def impl(self, *operands: Any) -> Any:
        """The value, for numbers."""
        raise NotImplementedError(f"{type(self).__name__} does not define impl")

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_gradients: Sequence[Any]) -> Sequence[Any]:
        return self.grad(inputs, output_gradients)

    def grad(self, inputs: Sequence[Any], output_gradients: Sequence[Any]) -> Sequence[Any]:
        raise MethodNotDefined(f"the gradient of {self} is not defined")

    @cached_property
    def lifted(self) -> Elemwise:
        """The operation on tensors."""
        return Elemwise(self)

    def __call__(self, *operands: Any) -> Any:
        return self.lifted(*operands)

    def as_row(self, name: str | None = None) -> Row:
        """The row of the scalar table that this operation would be."""
        return UserRow(self, name)

    def __str__(self) -> str:
        return self.name or type(self).__name__.lower()

    __repr__ = __str__


class UnaryScalarOp(ScalarOp):
    """A function of one number."""

    nin = 1


class BinaryScalarOp(ScalarOp):
    """A function of two numbers."""

    nin = 2
    commutative: bool | None = None
    associative: bool | None = None


class UserRow(Row):
    """A row that a program defines."""

    python = True

    def __init__(self, op: ScalarOp, name: str | None = None):
        if op.nin < 1 or op.nout != 1:
            raise TypeError(f"{op} needs a fixed number of operands and one result: nin = {op.nin}, nout = {op.nout}")
        called = name or str(op)
        super().__init__(
            # Rules of rewriting and of backends go by names.
            name=f"{called}_" if called in TABLE else called,
            nin=op.nin, numpy=_value(op), out=self._result, compute=scalar_op.by_itself, grad=self._gradient,
            bare=name is not None,
        )  # fmt: skip
        self.__dict__["op"] = op

    def __call__(self, *operands: Any) -> Any:
        outer = np.dtype(self.output_dtype(*[x.dtype.name for x in operands]))
        result = self.numpy(*operands)
        # Integers that do not fit wrap, as those of arrays do.
        return result.astype("int64").astype(outer) if outer.kind == "i" else result.astype(outer)

    def _result(self, *dtypes: str) -> str:
        (found,) = self.__dict__["op"].output_types([ScalarType(d) for d in dtypes])
        return str(found.dtype)

    def _gradient(self, ns: Any, inputs: Sequence[Any], output: Any, g: Any) -> list[Any]:
        op = self.__dict__["op"]
        terms = list(op.L_op(inputs, [output], [g]))
        if len(terms) != len(inputs):
            raise ValueError(f"the gradient of {op} has {len(terms)} terms for {len(inputs)} operands")
        return [None if _is_nothing(t) else ns.as_tensor_variable(t) for t in terms]

    def __reduce__(self) -> Any:
        return UserRow, (self.__dict__["op"], self.name if self.bare else None)


def _is_nothing(term: Any) -> bool:
    return term is None or (isinstance(term, Variable) and isinstance(term.type, DisconnectedType))


def _value(op: ScalarOp) -> Callable[..., np.ndarray]:
    """`impl` over arrays; the function of NumPy or SciPy that `nfunc_spec` names, where there is no `impl`."""
    if type(op).impl is ScalarOp.impl and op.nfunc_spec is not None:
        module, _, function = ("numpy." + op.nfunc_spec[0]).removeprefix("numpy.scipy.").rpartition(".")
        return cast(Any, getattr(import_module(module if module.startswith("numpy") else f"scipy.{module}"), function))
    each = np.frompyfunc(op.impl, op.nin, 1)
    return lambda *operands: np.asarray(each(*operands), dtype=object)


class Applied:
    """A row by its name in `theano.scalar`: as good as the row, and a function of variables."""

    def __init__(self, row: Row):
        self.row = row

    def __call__(self, *operands: Any) -> Any:
        return Elemwise(self.row)(*operands) if any(isinstance(x, Variable) for x in operands) else self.row(*operands)

    def as_row(self, name: str | None = None) -> Row:
        return self.row

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)

    def __eq__(self, other: object) -> bool:
        return self.row is getattr(other, "row", other)

    def __hash__(self) -> int:
        return hash(self.row)

    def __repr__(self) -> str:
        return self.row.name


class Types(tuple[ScalarType, ...]):
    """Types of numbers. A tensor's type is among them if its dtype is."""

    def __contains__(self, item: object) -> bool:
        return any(t.dtype == getattr(item, "dtype", None) for t in self)
