"""How operations become device work: the registry, and what stays on the host.

Owns `register`, the table of operations without a lowering and why, and the rule which values the host
computes: integer scalars and short integer vectors (shapes, offsets, trip counts), random states, slices.
It must not know how any operation is lowered; every module beside this one registers its own.

A lowering is ``f(ctx, node)``; it returns the value of the output, or a list of them: a DeviceArray (often
a view of an input), a Lazy expression, or a Host value.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reference.compile.builders import FromFunctionOp
from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import COMPLEX, is_discrete
from reference.graph.errors import NotLowered
from reference.graph.types import TensorType

if TYPE_CHECKING:
    from opencl_backend.context import Context

Lowering = Callable[["Context", Apply], Any]
Refusal = Callable[[Apply], "str | None"]

_LOWERINGS: dict[type[Op], Lowering] = {}
_REFUSALS: dict[type[Op], Refusal] = {}
HOST_ONLY: dict[type[Op], str] = {}
"""Operations that only ever make or take host values, with a word on why."""
REASONS: dict[str, str] = {}
"""Class name of an Op without a lowering -> why."""

SHORT = 64


def register(*ops: type[Op], refuse: Refusal | None = None) -> Callable[[Lowering], Lowering]:
    """Decorate the lowering of these classes; ``refuse(node)`` may say why a node cannot be lowered."""

    def decorate(lowering: Lowering) -> Lowering:
        for op in ops:
            if op in _LOWERINGS:
                raise ValueError(f"{op.__name__} has two lowerings")
            _LOWERINGS[op] = lowering
            if refuse is not None:
                _REFUSALS[op] = refuse
        return lowering

    return decorate


def on_host_only(why: str, *ops: type[Op]) -> None:
    """State that these operations need no kernel: the interpreter's `perform` runs on host values."""
    for op in ops:
        HOST_ONLY[op] = why


def not_lowered(why: str, *names: str) -> None:
    """State why the Op classes of these names have no lowering."""
    REASONS.update(dict.fromkeys(names, why))


def lowering(op: Op) -> Lowering:
    """The lowering of an operation; NotLowered if it has none."""
    load_all()
    found = _lowering_of(op)
    if found is None:
        raise NotLowered(f"{op} has no lowering: {why_not(op)}")
    return found


def _of_class(table: Mapping[type[Op], Any], op: Op) -> Any:
    """The entry of an operation's class, or of the nearest class that it extends."""
    return next((table[cls] for cls in type(op).__mro__ if cls in table), None)


def _lowering_of(op: Op) -> Lowering | None:
    """What is registered for an operation; one that a program defines itself runs as a Python function does."""
    found = _of_class(_LOWERINGS, op)
    foreign = found is None and not type(op).__module__.startswith("reference.")
    if foreign or getattr(getattr(op, "scalar_op", None), "python", False):
        return _LOWERINGS[FromFunctionOp]
    return found


def why_not(op: Op) -> str:
    name = type(op).__name__
    return REASONS.get(name, f"nobody wrote one for {name} (opencl_backend/lower)")


def refusal(node: Apply) -> str | None:
    """Why this node cannot run on the device, or None if it can."""
    load_all()
    if _lowering_of(node.op) is None:
        return why_not(node.op)
    for v in (*node.inputs, *node.outputs):
        if isinstance(v.type, TensorType) and v.type.dtype in COMPLEX:
            return f"{v} is {v.type.dtype}, and complex numbers have no registers"
    refuse = _of_class(_REFUSALS, node.op)
    return None if refuse is None else refuse(node)


def check(nodes: Iterable[Apply], inputs: Sequence[Variable]) -> list[tuple[Apply, str]]:
    """The nodes that can run neither on the device nor as host values, with the reason."""
    hosted = {v for v in inputs if not lives_on_device(v)}
    refused = []
    for node in nodes:
        if _fits_host(node) and (
            type(node.op) in _SHAPES or all(v in hosted or _is_known(v) for v in node.inputs)
        ):
            hosted.update(node.outputs)
            continue
        reason = refusal(node)
        if reason is not None:
            refused.append((node, reason))
    return refused


def _is_known(v: Variable) -> bool:
    """Is it a constant that the host keeps?"""
    return isinstance(v, Constant) and not lives_on_device(v)


def lives_on_device(variable: Variable) -> bool:
    """Is a value of this variable, as an input or constant, kept on the device?"""
    type_ = variable.type
    if not isinstance(type_, TensorType):
        return False
    if not is_discrete(type_.dtype) or type_.ndim > 1:
        return True
    return type_.ndim == 1 and not (isinstance(variable, Constant) and variable.data.size <= SHORT)


def on_host(node: Apply, ctx: Context) -> bool:
    """Does the host compute this node? If it only asks for shapes, or makes host values of host values."""
    return _fits_host(node) and (type(node.op) in _SHAPES or all(ctx.is_host(v) for v in node.inputs))


def _fits_host(node: Apply) -> bool:
    load_all()
    return type(node.op) not in _MAKERS and all(
        not isinstance(v.type, TensorType) or (is_discrete(v.type.dtype) and v.type.ndim <= 1) for v in node.outputs
    )


_SHAPES: set[type[Op]] = set()
"""Operations that read shapes only."""
_MAKERS: set[type[Op]] = set()
"""Operations that make large arrays of small ones: never on the host, however small their inputs are."""


_JOINERS: set[type[Op]] = set()


def reads_shapes(*ops: type[Op]) -> None:
    """Declare operations that read nothing of their operand but its shape."""
    _SHAPES.update(ops)
    on_host_only("shapes are known to the host", *ops)


def makes_arrays(*ops: type[Op]) -> None:
    """Declare operations whose result may be large although their operands are numbers."""
    _MAKERS.update(ops)


def takes_expressions(*ops: type[Op]) -> None:
    """Declare operations that make their operands' loops part of their own."""
    _JOINERS.update(ops)


def asks_for_shape(op: Op) -> bool:
    return type(op) in _SHAPES


def joins_loops(op: Op) -> bool:
    return type(op) in _JOINERS


_loaded = False


def load_all() -> None:
    """Import every module of this package, once: importing registers."""
    global _loaded
    if not _loaded:
        for module in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{module.name}")
        _loaded = True


def state(op: type[Op]) -> str:
    """"lowered", "host: why", or "no: why" for an Op class; "" if nobody thought of it."""
    load_all()
    if op in HOST_ONLY:
        return f"host: {HOST_ONLY[op]}"
    lowered = next((cls for cls in op.__mro__ if cls in _LOWERINGS), None)
    if lowered is not None:
        summary = (_LOWERINGS[lowered].__doc__ or "").strip().splitlines()
        return f"lowered: {summary[0].rstrip('.')}" if summary else "lowered"
    return f"no: {REASONS[op.__name__]}" if op.__name__ in REASONS else ""
