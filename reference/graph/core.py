"""Variables, operations and the nodes that join them.

Owns `Variable`, `Constant`, `Apply`, `Op` and the record of the user's line that built a node. A graph
is immutable once built: only a `FunctionGraph`, which works on its own copies, may change a node's
inputs. It must not know of any particular type, operation, rewrite or backend.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from reference.config import config
from reference.graph.adapter import fills_storage, returning, typed_node

_HOUSE = str(Path(__file__).resolve().parents[1])


class UserLine(NamedTuple):
    """Where in the user's program something was built."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line}, in {self.function}'


_inherited_line: list[UserLine | None] = []


def user_line() -> UserLine | None:
    """The innermost frame outside this package, or the line inherited inside `inherit_line`."""
    if _inherited_line:
        return _inherited_line[-1]
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HOUSE):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    return UserLine(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


class inherit_line:
    """Nodes built inside the ``with`` block (by a rewrite or a gradient) say that they come from `line`."""

    __slots__ = ("line",)

    def __init__(self, line: UserLine | None):
        self.line = line

    def __enter__(self) -> None:
        _inherited_line.append(self.line)

    def __exit__(self, *error: object) -> None:
        _inherited_line.pop()


class Tag:
    """A place for notes about a variable or node; programs may put their own (``tag.test_value``)."""

    test_value: Any
    given_to_loop: Any

    def __repr__(self) -> str:
        return f"Tag({vars(self)})"


class Type:
    """What values a variable may have. Subclasses are frozen dataclasses: equality is by fields."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return `value` as a legal value of this type, or raise TypeError."""
        raise NotImplementedError

    def filter_variable(self, other: Any) -> Variable:
        """Return a variable of exactly this type that stands for `other`, or raise TypeError."""
        if isinstance(other, Variable) and other.type == self:
            return other
        described = f"{other} of type {other.type}" if isinstance(other, Variable) else repr(other)
        raise TypeError(f"cannot convert {described} into a variable of type {self}")

    def is_valid_value(self, value: Any) -> bool:
        """True if `value` may be that of a variable of this type as it stands."""
        try:
            self.filter(value, strict=True)
        except (TypeError, ValueError):
            return False
        return True

    def convert_variable(self, variable: Variable) -> Variable | None:
        """`filter_variable`, or None where it would raise."""
        try:
            return self.filter_variable(variable)
        except TypeError:
            return None

    def make_variable(self, name: str | None = None) -> Variable:
        return Variable(self, name=name)

    def make_constant(self, value: Any, name: str | None = None) -> Constant:
        return Constant(self, self.filter(value), name=name)

    def __call__(self, name: str | None = None) -> Variable:
        return self.make_variable(name)

    def values_eq(self, a: Any, b: Any) -> bool:
        """True if the two values are the same, bit for bit; every NaN equals every NaN."""
        return bool(a == b)

    def values_eq_approx(self, a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
        """True if the two values are the same but for rounding."""
        return self.values_eq(a, b)

    def signature(self, value: Any) -> Any:
        """A hashable key that is equal exactly when `values_eq` holds: merging constants needs it."""
        return value


class Variable:
    """A node's output, a function's input, or a constant.

    `owner` is the `Apply` that computes it (None for an input), `index` its place among the outputs.
    Comparing two variables with ``==`` compares identity.
    """

    def __init__(self, type: Type, owner: Apply | None = None, index: int | None = None, name: str | None = None):
        if name is not None and not isinstance(name, str):
            raise TypeError(f"a variable's name is a string or None, not {name!r}")
        self.type: Any = type
        self.owner = owner
        self.index = index
        self.name = name
        self.line: UserLine | None = user_line() if owner is None else owner.line

    if TYPE_CHECKING:
        # Tensors, the variables that most code handles, get operators and methods from tables.
        __add__: Any
        __radd__: Any
        __sub__: Any
        __rsub__: Any
        __mul__: Any
        __rmul__: Any
        __truediv__: Any
        __rtruediv__: Any
        __floordiv__: Any
        __mod__: Any
        __pow__: Any
        __neg__: Any
        __invert__: Any
        __and__: Any
        __or__: Any
        __lt__: Any
        __le__: Any
        __gt__: Any
        __ge__: Any
        __getitem__: Any

        def __getattr__(self, name: str) -> Any: ...

    @property
    def tag(self) -> Tag:
        if "_tag" not in self.__dict__:
            self._tag = Tag()
        return self.__dict__["_tag"]

    def get_parents(self) -> list[Apply]:
        """The node that computes it, in a list; an empty one for an input."""
        return [] if self.owner is None else [self.owner]

    def clone(self, name: str | None = None) -> Variable:
        """An input variable of the same type, without an owner."""
        twin = self._copy()
        twin.owner = twin.index = None
        if name is not None:
            twin.name = name
        return twin

    def _copy(self) -> Variable:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("_tag", None)
        return twin

    def eval(self, inputs_to_values: Mapping[Variable, Any] | None = None) -> Any:
        """Compute this variable, given values for the inputs it depends on."""
        from reference.compile.function import function

        given = dict(inputs_to_values or {})
        return function(list(given), self, on_unused_input="ignore")(*given.values())

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is None:
            return f"<{self.type}>"
        suffix = f".{self.index}" if len(self.owner.outputs) > 1 else ".0"
        return f"{self.owner.op}{suffix}"

    __repr__ = __str__


class Constant(Variable):
    """A variable whose value is known while the graph is built. `data` must not be modified."""

    def __init__(self, type: Type, data: Any, name: str | None = None):
        super().__init__(type, name=name)
        self.data = data

    @property
    def value(self) -> Any:
        return self.data

    def equals(self, other: Any) -> bool:
        """True if `other` is a constant of the same type and bits."""
        return isinstance(other, Constant) and self.signature() == other.signature()

    def signature(self) -> tuple[Type, Any]:
        """Equal for two constants exactly when they have one type and the same bits."""
        return self.type, self.type.signature(self.data)

    def clone(self, name: str | None = None) -> Constant:
        return self

    def __str__(self) -> str:
        return self.name if self.name is not None else f"Constant{{{self.data}}}"

    __repr__ = __str__


serials = itertools.count()
"""The numbers of nodes, in the order in which they are built."""


class Apply:
    """One use of an operation: `op` applied to `inputs` gives `outputs`.

    `line` is the user's line that built it, `made_by` the name of the rewrite that did, if one did. `serial`
    grows with every node: of two nodes, the one with the smaller number was built first.
    """

    __slots__ = ("inputs", "line", "made_by", "op", "outputs", "serial")

    def __init__(self, op: Op, inputs: Sequence[Variable], outputs: Sequence[Variable]):
        self.op = op
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.line = user_line()
        self.made_by: str | None = None
        self.serial = next(serials)
        for k, v in enumerate(self.inputs):
            if not isinstance(v, Variable):
                raise TypeError(f"input {k} of {op} is not a variable: {v!r}")
        for k, out in enumerate(self.outputs):
            if out.owner is not None:
                raise ValueError(f"output {k} of {op} already belongs to {out.owner}")
            out.owner, out.index, out.line = self, k, self.line

    @property
    def out(self) -> Variable:
        """The only output (or the op's default output)."""
        return self.outputs[self.op.default_output or 0]

    def default_output(self) -> Variable:
        """`out`."""
        return self.out

    def get_parents(self) -> list[Variable]:
        """The inputs."""
        return list(self.inputs)

    def clone(self) -> Apply:
        """The same operation on the same inputs once more."""
        return self.clone_with_new_inputs(self.inputs)

    @property
    def nin(self) -> int:
        return len(self.inputs)

    @property
    def nout(self) -> int:
        return len(self.outputs)

    def clone_with_new_inputs(self, inputs: Sequence[Variable]) -> Apply:
        """The same operation on other inputs. Output types are inferred again if an input's type changed."""
        if all(new.type is old.type or new.type == old.type for new, old in zip(inputs, self.inputs, strict=True)):
            node = object.__new__(Apply)
            node.op, node.inputs, node.serial = self.op, tuple(inputs), next(serials)
            outputs = []
            for old in self.outputs:
                twin = old._copy()
                twin.owner = node
                outputs.append(twin)
            node.outputs = tuple(outputs)
        else:
            node = self.op.make_node(*inputs)
            for new, old in zip(node.outputs, self.outputs, strict=True):
                new.name = old.name
        node.line, node.made_by = self.line, self.made_by
        for out in node.outputs:
            out.line = node.line
        return node

    def change_input(self, index: int, new: Variable) -> Variable:
        """Read `new` there from now on: for a `FunctionGraph`, on its own nodes. Returns what was read before."""
        inputs = list(self.inputs)
        old, inputs[index] = inputs[index], new
        self.inputs = tuple(inputs)
        return old

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.inputs))})"

    __repr__ = __str__

    def __getstate__(self) -> tuple[Any, ...]:
        return self.op, self.inputs, self.outputs, self.line, self.made_by

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.op, self.inputs, self.outputs, self.line, self.made_by = state
        self.serial = next(serials)


class Wide(Apply):
    """A node of a FunctionGraph with very many inputs: a list while they are changed one by one, a tuple again when
    somebody looks. Without it, to rewrite a sum's terms one after the other would copy all of them each time."""

    __slots__ = ()
    LEAST = 64

    @property
    def inputs(self) -> tuple[Variable, ...]:  # type: ignore[override]
        held = _held(self)
        if isinstance(held, list):
            held = tuple(held)
            _hold(self, held)
        return held

    @inputs.setter
    def inputs(self, inputs: tuple[Variable, ...]) -> None:
        _hold(self, inputs)

    def change_input(self, index: int, new: Variable) -> Variable:
        held = _held(self)
        if isinstance(held, tuple):
            held = list(held)
            _hold(self, held)
        old, held[index] = held[index], new
        return old


_held: Callable[[Apply], Any] = Apply.inputs.__get__  # type: ignore[attr-defined]
_hold: Callable[[Apply, Any], None] = Apply.inputs.__set__  # type: ignore[attr-defined]


class Op:
    """An operation. Write one as a frozen dataclass, methods in this order:

    `make_node`    checks the inputs' types and says what type each output has;
    `perform`      the meaning: arrays in, a tuple of arrays out, never writing to an input;
    `infer_shape`  the outputs' shapes as variables, from the inputs' shapes;
    `L_op`         gradients of the inputs from those of the outputs; `R_op` the other way.

    Equality is by class and fields, so merging and printing come for free.
    """

    default_output: ClassVar[int | None] = None
    view_of: ClassVar[Mapping[int, int]] = {}
    """output index -> index of the input it may be a view of."""
    lazy: ClassVar[bool] = False
    """The first input decides which of the others are computed: those of the side that is `taken`."""
    rows: ClassVar[tuple[str, ...]] = ()
    """Rows of the scalar table that `perform` applies inside: where they may round otherwise, so may the result."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if fills_storage(cls.__dict__.get("perform")):
            cls.perform = returning(cls.perform)  # type: ignore[method-assign]

    def make_node(self, *inputs: Any) -> Apply:
        return typed_node(self, inputs)

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not define perform")

    def thunk(self, node: Apply) -> Callable[..., tuple[Any, ...]]:
        """`perform` for one node, made ready: what an evaluator calls with the inputs' values, many times."""
        return partial(self.perform, node)

    def plain(self, node: Apply) -> Callable[..., Any] | None:
        """What gives the one result, bare, for operands of one and the same shape; None if `thunk` alone can."""
        return None

    def infer_shape(self, node: Apply, shapes: Sequence[tuple[Variable, ...] | None]) -> list[tuple[Variable, ...]]:
        """The shape of each output: a tuple of int64 scalars, one a dimension.

        `shapes` holds the inputs' shapes, None for an input that is no tensor. The default says that
        nothing is known before the node has run.
        """
        raise NotImplementedError

    def L_op(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> Sequence[Any]:
        """One gradient an input; see `reference.gradient` for how to say "disconnected" or "undefined"."""
        return self.grad(inputs, output_gradients)

    def grad(self, inputs: Sequence[Variable], output_gradients: Sequence[Variable]) -> Sequence[Variable]:
        """Theano's older spelling of `L_op`; define either."""
        raise NotImplementedError(f"the gradient of {self} is not defined")

    def R_op(self, inputs: Sequence[Variable], eval_points: Sequence[Variable | None]) -> Sequence[Variable | None]:
        raise NotImplementedError(f"the R-operator of {self} is not defined")

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """``[i][o]``: does output `o` depend differentiably on input `i`?"""
        return [[True] * len(node.outputs) for _ in node.inputs]

    def taken(self, condition: Any) -> int:
        """The side that a lazy operation takes, by the value of its first input."""
        raise NotImplementedError(f"{self} takes all its inputs")

    def branch_of(self, k: int) -> int:
        """The side of a lazy operation to which its input `k` belongs."""
        raise NotImplementedError(f"{self} takes all its inputs")

    def __call__(self, *inputs: Any, name: str | None = None, return_list: bool = False, **kwargs: Any) -> Any:
        """Build a node and return its output, its default output, or the list of all."""
        node = self.make_node(*inputs, **kwargs)
        if config.compute_test_value != "off":
            from reference.compile.test_value import compute_test_value

            compute_test_value(node, config.compute_test_value)
        if name is not None:
            node.outputs[self.default_output or 0].name = name
        if return_list:
            return list(node.outputs)
        if self.default_output is not None:
            return node.outputs[self.default_output]
        return node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)

    def _props(self) -> tuple[Any, ...] | None:
        kind: Any = type(self)
        names = _field_names(kind)
        if names is None:
            names = getattr(self, "__props__", None)
        return None if names is None else tuple([(n, getattr(self, n)) for n in names])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        mine = self._props()
        return mine is not None and type(self) is type(other) and mine == other._props()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        props = self._props()
        return object.__hash__(self) if props is None else hash((type(self), props))

    def __str__(self) -> str:
        props = self._props()
        if not props:
            return type(self).__name__
        return f"{type(self).__name__}{{{', '.join(f'{name}={value!r}' for name, value in props)}}}"


@cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None
