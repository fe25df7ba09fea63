"""What the language offers, as one page: docs/ops.md.

Owns the tables of elementwise operations, operations with structure, functions and methods, all read off the code.
What a backend does with them it is asked (``how``, docs/architecture.md). It must not know any of them by name.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from textwrap import wrap
from types import ModuleType
from typing import Any

import reference
from reference.compile.function import Function
from reference.compile.shared import SharedVariable
from reference.graph.core import Op, Variable
from reference.graph.types import NullType, TensorType
from reference.scalar import ALIASES, TABLE
from reference.scalar_op import ScalarOp
from reference.tensor import random

How = Callable[[Any], str]
"""An Op class or a row of the scalar table -> how a backend computes it."""

_PREFACE = """\
# Operations and functions

Written by `python -m reference ops --markdown --backend {backend}`; a test holds it to the code. `T` is
`reference.tensor`, or `theano.tensor` through the alias. What a function is made of, `debugprint` shows.

R-operators: `Rop` of everything that has a gradient is made from that gradient, which is linear in what it is given;
loops have one of their own. How results are compared, by bits or by bounds, says [difftest.md](difftest.md).
"""

_ROWS = """\
## Elementwise

The dtype of the result for operands of one dtype; for several the common one counts. Operands broadcast where their
types say so. *Gradient*: one entry an operand; 0 where the function is flat or jumps, - where the operand is
discrete by nature. *Bits*: the same on every backend, or how far float64 may be off, in units in the last place;
float32 and float16 are then the float64 value rounded once.
"""

_OPS = """\
## Operations with structure

What graphs are made of; the functions below build them. *Gradient*: whether there is one, be it zero, as of what gives
whole numbers. On a backend, "host" means the interpreter's own code on values that are known there.
"""

_FUNCTIONS = """\
## Functions

Beside these there are the variables' constructors: `scalar`, `vector`, `row`, `col`, `matrix`, `tensor3` to `tensor7`,
of dtype floatX or, behind a letter, another (`b` int8, `w` int16, `i` int32, `l` int64, `f` float32, `d` float64,
`c` complex64, `z` complex128), and several at once by an s (`dmatrices("xy")`).
"""

_SAMPLES = "bool", "int8", "int32", "float32", "complex64"

_MODULES = {
    "theano": "reference", "T": "reference.tensor", "T.nnet": "reference.tensor.nnet",
    "T.nnet.neighbours": "reference.tensor.nnet.neighbours",
    "T.nnet.blocksparse": "reference.tensor.nnet.blocksparse", "T.nnet.conv3d2d": "reference.tensor.nnet.conv3d2d",
    "T.nnet.conv": "reference.tensor.nnet.conv", "T.signal.pool": "reference.tensor.signal.pool",
    "T.signal.conv": "reference.tensor.signal.conv", "T.nlinalg": "reference.tensor.nlinalg",
    "T.slinalg": "reference.tensor.slinalg", "T.fft": "reference.tensor.fft", "T.xlogx": "reference.tensor.xlogx",
    "theano.gradient": "reference.gradient", "theano.printing": "reference.printing",
    "theano.ifelse": "reference.ifelse", "theano.scan_module": "reference.scan",
    "theano.compile.modes": "reference.compile.modes", "theano.compile.builders": "reference.compile.builders",
}  # fmt: skip
"""Modules whose functions users call, by Theano's path."""


def operations() -> list[type[Op]]:
    """Every concrete operation, by module and name."""
    for module in pkgutil.walk_packages(reference.__path__, "reference."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[type[Op], None] = {}
    stack: list[type[Op]] = [Op]
    while stack:
        for cls in stack.pop().__subclasses__():
            if cls not in found:
                found[cls] = None
                stack.append(cls)
    concrete = [op for op in found if op.__module__.startswith("reference.") and not op.__name__.startswith("_")
                and _has(op, "make_node") and _has(op, "perform")]  # fmt: skip
    return sorted(concrete, key=lambda op: (op.__module__, op.__name__))


def _has(op: type[Op], method: str) -> bool:
    return getattr(op, method) is not getattr(Op, method)


def page(backend: str) -> str:
    """docs/ops.md, with what this backend does."""
    how: How = importlib.import_module(f"{backend}_backend").how
    lines = [_PREFACE.format(backend=backend), _ROWS, *_elementwise(backend, how), "", _OPS, *_structured(backend, how)]
    lines += ["", *_FUNCTIONS.splitlines()]
    told: set[int] = set()
    for path, name in _MODULES.items():
        lines += _functions(path, importlib.import_module(name), told)
    for title, kind in (("Variables", Variable), ("Tensors", TensorType.variable_class),
                        ("Random streams", reference.RandomStreams), ("Shared variables", SharedVariable),
                        ("Compiled functions", Function)):  # fmt: skip
        lines += _methods(title, kind, told)
    return "\n".join(lines).rstrip() + "\n"


def _elementwise(backend: str, how: How) -> Iterator[str]:
    yield f"| operation | also | operands | {' | '.join(_SAMPLES)} | gradient | bits | {backend} |"
    yield "|---" * (6 + len(_SAMPLES)) + "|"
    spellings: dict[str, list[str]] = {}
    for other, name in ALIASES.items():
        spellings.setdefault(name, []).append(other)
    for name, row in sorted(TABLE.items()):
        count = "any" if row.nin < 0 else str(row.nin)
        bits = "same" if not row.transcendental else f"{row.ulp:g}" + (", SciPy" if row.needs else "")
        dtypes = [_dtype(row, d) for d in _SAMPLES]
        cells = [name, " ".join(spellings.get(name, [])), count, *dtypes, _slopes(row), bits, how(row)]
        yield f"| {' | '.join(cells)} |"


def _dtype(row: ScalarOp, dtype: str) -> str:
    try:
        return row.output_dtype(*[dtype] * max(1, row.nin))
    except TypeError:
        return "error"


def _slopes(row: ScalarOp) -> str:
    """The gradient by each operand, for float64."""
    from reference.tensor.elemwise import Elemwise

    inputs = [TensorType("float64")() for _ in range(abs(row.nin))]
    if row.grad is None or _dtype(row, "float64") == "error":
        return "none"
    output = Elemwise(row)(*inputs)
    slopes = [_slope(g) for g in row.grad(reference.tensor, inputs, output, TensorType("float64")())]
    return slopes[0] if len(set(slopes)) == 1 else ", ".join(slopes)


def _slope(gradient: Any) -> str:
    from reference.tensor.basic import NotScalarConstantError, get_scalar_constant_value

    if gradient is None:
        return "-"
    if isinstance(gradient, NullType) or isinstance(getattr(gradient, "type", None), NullType):
        return "undefined"
    try:
        return "0" if get_scalar_constant_value(gradient) == 0 else "yes"
    except NotScalarConstantError:
        return "yes"


def _structured(backend: str, how: How) -> Iterator[str]:
    yield f"| operation | what it is | gradient | {backend} |"
    yield "|---|---|---|---|"
    for op in operations():
        gradient = "yes" if _has(op, "L_op") or _has(op, "grad") else "none"
        place = op.__module__.removeprefix("reference.")
        yield f"| `{place}.{op.__name__}` | {_first_line(op)} | {gradient} | {how(op)} |"


def _functions(path: str, module: ModuleType, told: set[int]) -> Iterator[str]:
    """A table of a module's own functions that no table before has."""
    rows = []
    for name in sorted(getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]):
        thing = getattr(module, name)
        ours = inspect.isfunction(thing) and thing.__module__.startswith("reference.")
        if ours and id(thing) not in told and not _is_constructor(name):
            told.add(id(thing))
            rows.append(f"| `{name}{_signature(thing)}` | {_first_line(thing)} |")
    if rows:
        yield from ("", f"### {path}", "", "| function | what it gives |", "|---|---|", *rows)


def _is_constructor(name: str) -> bool:
    """Is it a constructor of variables, or of several, as ``dmatrices``?"""
    one = re.sub("s$", "", re.sub("ices$", "ix", name))
    return re.fullmatch("[bwilfdcz]?(scalar|vector|row|col|matrix|tensor[3-7])", one) is not None


def _methods(title: str, kind: type, told: set[int]) -> Iterator[str]:
    rows, elsewhere = [], []
    for name in sorted(n for n in dir(kind) if not n.startswith("_")):
        thing = inspect.getattr_static(kind, name)
        thing = getattr(thing, "__func__", thing)
        if inspect.isfunction(thing) and id(thing) not in told:
            told.add(id(thing))
            if _first_line(thing).startswith("See `reference.tensor."):
                elsewhere.append(f"`{name}`")
            else:
                rows.append(f"| `{name}{_signature(thing, method=True)}` | {_explained(thing)} |")
    yield from ("", f"## {title}", "", "| method | what it does |", "|---|---|", *rows)
    if elsewhere:
        yield from ("", *wrap(f"Functions of `T` with the variable first: {', '.join(elsewhere)}.", 119))


def _explained(thing: Any) -> str:
    """The first line, or that of the distribution that it refers to."""
    text = _first_line(thing)
    see = re.fullmatch(r"See `random\.(\w+)`\.", text)
    return _first_line(getattr(random, see[1])) if see else text


def _signature(function: Any, method: bool = False) -> str:
    """Names and defaults, without types."""
    parameters = list(inspect.signature(function).parameters.values())[1 if method else 0 :]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare)).replace("|", "\\|")


def _first_line(thing: Any) -> str:
    """The docstring's first sentence or paragraph, on one line."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return text.replace("|", "\\|")
