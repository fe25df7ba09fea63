"""Cells: a mode on a backend, and what running a program in one gives.

Owns `Cell`, `Run` and `execute`, with the side conditions that hold for every run: arguments stay as they were,
results alias nothing, types are as promised, the same call gives the same result. It must not judge values.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from difftest.oracle.bits import same_bits
from difftest.program import Built
from reference.graph.dtypes import name_of

MODES = ("UNOPTIMIZED", "EXACT", "FAST_RUN")


@dataclass(frozen=True)
class Cell:
    """A mode's name, a backend's, and flags set otherwise than usual while it compiles and runs."""

    mode: str
    backend: str = "reference"
    flags: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join([f"{self.mode}/{self.backend}", *(f"{name}={value}" for name, value in self.flags)])

    @property
    def settings(self) -> dict[str, Any]:
        """The flags while it compiles and runs. What an earlier process left decides nothing."""
        return {**({"opencl.cache_dir": ""} if self.backend == "opencl" else {}), **dict(self.flags)}

    def plain(self, among: Iterable[Cell]) -> Cell:
        """The unoptimized cell of its backend and device, as far as it is `among` those that ran; else the meaning."""
        fitting = [
            cell
            for cell in among
            if cell.mode == "UNOPTIMIZED" and cell.backend == self.backend and set(cell.flags) <= set(self.flags)
        ]
        return max(fitting, key=lambda cell: len(cell.flags), default=BASE)

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell that prints as `text`."""
        where, *flags = text.split(" ")
        mode, backend = where.split("/")
        pairs = (flag.partition("=") for flag in flags)
        return cls(mode, backend, tuple((name, value) for name, _, value in pairs))


def cells(backends: Sequence[str] = ("reference",), modes: Sequence[str] = MODES) -> tuple[Cell, ...]:
    """Every mode on every backend, the defining cell first. ``opencl:DEVICE`` is the backend on one of its devices."""
    split = [backend.partition(":") for backend in backends]
    return tuple(
        Cell(mode, name, ((f"{name}.device", device),) if device else ()) for name, _, device in split for mode in modes
    )


UNSAFE = Cell("UNSAFE")

COMPILED = Cell("FAST_RUN", "opencl", (("opencl.interpret", "False"),))

GRAPHIC = Cell("FAST_RUN", "opencl", (("opencl.style", "gpu"), ("opencl.interpret", "False")))

SHARED = Cell("FAST_RUN", "opencl", (("opencl.threads", "both"), ("opencl.interpret", "False")))

APART = Cell("FAST_RUN", "opencl", (("opencl.threads", "driver"), ("opencl.interpret", "False")))

BUILDING = (COMPILED, SHARED, APART, GRAPHIC)
"""Cells that build a kernel for every loop, which takes long."""

INLINE = Cell("FAST_RUN", "opencl", (("opencl.threads", "caller"),))

SELDOM = (UNSAFE, Cell("FAST_COMPILE"), *BUILDING, INLINE)
"""Cells that join a session on their backend now and then: one admits every rewrite, one a part of those that keep all
bits, four build every kernel, as for processors, as for several who share out the work, as for drivers that do so by
themselves, and as for graphics cards, and one replays in the thread that calls."""

BASE = Cell("UNOPTIMIZED", "reference")
"""The cell that is the meaning."""


@dataclass(frozen=True)
class Trouble:
    """An exception that a cell raised: while compiling, or in which call."""

    stage: str
    kind: str
    text: str

    @classmethod
    def of(cls, stage: str, error: Exception) -> Trouble:
        return cls(stage, type(error).__name__, str(error))

    def __str__(self) -> str:
        return f"{self.kind} ({self.stage}): {self.text}"


@dataclass(eq=False)
class Call:
    """One call: the values of the graph's inputs (arguments, then shared state), the outputs, the state after, and what
    was printed on the way."""

    inputs: list[Any]
    outputs: list[np.ndarray]
    updates: list[np.ndarray]
    state: dict[str, np.ndarray]
    printed: str = ""
    held: Sequence[Any] = ()
    """The very arrays that were returned."""


@dataclass(eq=False)
class Run:
    """What one cell made of a program. `complaints` are violated side conditions."""

    cell: Cell
    function: Any = None
    calls: list[Call] = field(default_factory=list)
    trouble: Trouble | None = None
    complaints: list[str] = field(default_factory=list)

    @property
    def fired(self) -> dict[str, Any]:
        """Names of the rewrites that were applied -> their promises."""
        if self.function is None or self.function.rewrites is None:
            return {}
        return {a.rewrite.name: a.rewrite.promise for a in self.function.rewrites}

    def promised(self, *names: str) -> bool:
        """True if a rewrite with one of these promises was applied."""
        return any(promise.name in names for promise in self.fired.values())


def execute(built: Built, cell: Cell, record: bool = True) -> Run:
    """Compile and call a program in one cell. Exceptions become `trouble`; nothing is raised.

    With `record` the reference keeps both sides of every rewrite application, for `validate`.
    """
    with built.api.config.change_flags(cell.settings):
        return _executed(built, cell, record and cell.backend == "reference")


def _executed(built: Built, cell: Cell, record: bool) -> Run:
    run = Run(cell)
    try:
        mode = built.api.compile.modes.get_mode(cell.mode)
        if record:
            mode.rewrite = partial(mode.rewrite, record=True)
        run.function = built.function(mode=mode, backend=cell.backend)
    except Exception as error:
        run.trouble = Trouble.of("compiling", error)
        return run
    for number, arguments in enumerate(built.program.call_values()):
        try:
            run.calls.append(_call(built, run, arguments))
        except Exception as error:
            run.trouble = Trouble.of(f"call {number + 1}", error)
            return run
    _again(built, run)
    for number, call in enumerate(run.calls, 1):
        for name, held, then in zip(built.program.outputs, call.held, call.outputs):
            if not same_bits(np.asarray(held), then):
                run.complaints.append(f"{name}, returned by call {number}, was changed by a later call")
    _check_state(built, run)
    return run


def _check_state(built: Built, run: Run) -> None:
    """A shared variable keeps its value to itself: what is got from it, and what it was set to, is the user's own."""
    for s in built.program.shared if run.cell.backend == BASE.backend else ():
        variable = built.names[s.name]
        for how in ("get_value", "set_value"):
            value = variable.get_value()
            if how == "set_value":
                variable.set_value(value)
            if np.shares_memory(value, variable.get_value(borrow=True)):
                run.complaints.append(f"the array of {how} shares memory with {s.name}")


def _call(built: Built, run: Run, arguments: list[np.ndarray]) -> Call:
    f = run.function
    before = [a.copy() for a in arguments]
    state = [s.get_value() for s in f.get_shared()]
    held = _holders(arguments)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        outputs = f(*arguments)
    if run.cell.backend == BASE.backend:
        _check_keepers(built, run, [now > n for now, n in zip(_holders(arguments), held)], _holders(outputs))
    for given, a, b in zip(built.program.arguments, arguments, before):
        if not same_bits(a, b):
            run.complaints.append(f"the call changed its argument {given.name}")
    _check_types(built, run, outputs)
    _check_aliases(built, run, outputs, arguments)
    updates = [np.asarray(v.get_value()) for v in f.updated]
    copies = [np.array(o) for o in outputs]
    return Call([*before, *state], copies, updates, built.shared_values(), said.getvalue(), outputs)


def _holders(values: Sequence[Any]) -> list[int]:
    """How many hold each of the values, beside the sequence; nobody knows it of other Pythons than this."""
    if sys.implementation.name != "cpython":
        return [0] * len(values)
    return [sys.getrefcount(values[k]) - 2 for k in range(len(values))]


def _check_keepers(built: Built, run: Run, taken: Sequence[bool], holders: Sequence[int]) -> None:
    """Between calls a function keeps neither what it was given nor what it returned: that would use up memory."""
    kept = [i.name for i, more in zip(built.program.arguments, taken) if more]
    kept += [name for name, n in zip(built.program.outputs, holders) if n > 0]
    if kept:
        run.complaints.append(f"the function keeps {', '.join(kept)} after the call")


def _check_types(built: Built, run: Run, outputs: Sequence[Any]) -> None:
    for name, variable, value in zip(built.program.outputs, built.outputs, outputs):
        if not isinstance(value, np.ndarray):
            run.complaints.append(f"{name} is a {type(value).__name__}, not an array")
        elif name_of(value.dtype) != variable.type.dtype or value.ndim != variable.type.ndim:
            run.complaints.append(
                f"{name} has type {variable.type} but its value has dtype {value.dtype} and shape {value.shape}"
            )
        elif any(b and n != 1 for b, n in zip(variable.type.broadcastable, value.shape)):
            run.complaints.append(f"{name} has type {variable.type} but its value has shape {value.shape}")


def _check_aliases(built: Built, run: Run, outputs: Sequence[Any], arguments: Sequence[np.ndarray]) -> None:
    names = built.program.outputs
    # Where state may stay on a device it is left there: what was lent to the host is sent anew by the next call.
    here = built.program.shared if run.cell.backend == BASE.backend else ()
    state = [(s.name, built.names[s.name].get_value(borrow=True)) for s in here]
    others = [*zip((i.name for i in built.program.arguments), arguments), *state]
    for k, value in enumerate(outputs):
        for name, other in [*others, *zip(names[:k], outputs[:k])]:
            if isinstance(value, np.ndarray) and isinstance(other, np.ndarray) and np.shares_memory(value, other):
                run.complaints.append(f"the output {names[k]} shares memory with {name}")


def _again(built: Built, run: Run) -> None:
    """The first call, with the state as it was then, gives the same bits."""
    built.reset()
    with contextlib.suppress(StopIteration):
        arguments = next(built.program.call_values())
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                outputs = run.function(*arguments)
        except Exception as error:
            run.complaints.append(f"the first call raised when it was repeated: {error}")
            return
        for name, new, old in zip(built.program.outputs, outputs, run.calls[0].outputs):
            if not same_bits(np.asarray(new), old):
                run.complaints.append(f"{name} changed when the first call was repeated")
