"""Modes: which rewrites are applied, and what watches the evaluation.

Owns the names of the modes and `Mode`. It must not know any particular rewrite. Theano's linker names
are accepted and mean nothing here: a backend, not a linker, decides how a graph is computed.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Observer, Promise, RewriteLog, Session
from reference.rewriting.pipeline import Choice, stages, unknown

Hook = Callable[[Apply, Sequence[Any], Sequence[Any]], None]
"""Called after a node was computed, with the values of its inputs and outputs."""

LINKERS = ("py", "c", "c|py", "cvm", "vm", "cvm_nogc", "vm_nogc", "c|py_nogc", "py_nogc", "jax", "numba")

_EXACT = frozenset({Promise.EXACT})
_SAFE = _EXACT | {Promise.REAL, Promise.STABLE, Promise.RAISES}

OPTIMIZERS: dict[str, Choice] = {
    "none": Choice(frozenset()),
    "merge": Choice(frozenset(), included=("merge",)),
    "fast_compile": Choice(_EXACT, cheap_only=True),
    "exact": Choice(_EXACT),
    "fast_run": Choice(_SAFE),
    "unsafe": Choice(_SAFE | {Promise.FINITE}),
}


class Mode:
    """How a function is rewritten and watched.

    `optimizer` is None or one of 'None', 'merge', 'fast_compile', 'exact', 'fast_run' ('default') and
    'unsafe', or a query for tags. `linker` takes Theano's names and has no effect.
    """

    debug = False

    def __init__(self, linker: str | None = None, optimizer: Any = "default"):
        if isinstance(linker, str) and linker not in LINKERS:
            raise ValueError(f"there is no linker {linker!r}; the names accepted are {', '.join(LINKERS)}")
        self.linker = linker
        self.name = "Mode"
        self.choice = _choice(optimizer)

    @property
    def exact(self) -> bool:
        """True if only rewrites that keep every bit are admitted."""
        admitted = stages(self._with_flags())
        return all(record.promise is Promise.EXACT for _, rewrites in admitted for record in rewrites)

    def _with_flags(self) -> Choice:
        """The choice, with the flags optimizer_including, _excluding and _requiring on top; the flags leave a
        mode that rewrites nothing alone."""
        if not self.choice.promises and not self.choice.included:
            return self.choice
        added = tuple(filter(None, config.optimizer_including.split(":")))
        removed = tuple(filter(None, config.optimizer_excluding.split(":")))
        needed = tuple(filter(None, config.optimizer_requiring.split(":")))
        return dataclasses.replace(
            self.choice,
            included=(*self.choice.included, *added),
            excluded=(*self.choice.excluded, *removed),
            required=(*self.choice.required, *needed),
        )

    def including(self, *names: str) -> Mode:
        """This mode with the named rewrites, families, stages or tags added."""
        return self._with(included=(*self.choice.included, *names))

    def excluding(self, *names: str) -> Mode:
        """This mode without the named rewrites, families, stages or tags."""
        return self._with(excluded=(*self.choice.excluded, *names))

    def requiring(self, *names: str) -> Mode:
        """This mode with only the rewrites that answer to every one of the names."""
        return self._with(required=(*self.choice.required, *names))

    def _with(self, **fields: Any) -> Mode:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.choice = dataclasses.replace(self.choice, **fields)
        return twin

    def rewrite(self, fgraph: FunctionGraph, observer: Observer | None = None, record: bool = False) -> RewriteLog:
        """Apply the admitted rewrites to `fgraph`; the log tells what was done.

        `observer` is called after each application. With `record` (or an observer) each application keeps
        both sides as graphs of their own.
        """
        with config.change_flags(compute_test_value="off"):
            return self.session(observer, record).run(fgraph)

    def session(self, observer: Observer | None = None, record: bool = False) -> Session:
        """The engine, ready to run."""
        return Session(stages(self._with_flags()), observer, record)

    def check_names(self) -> list[str]:
        """The names given to `including`, `excluding` or `requiring` that no rewrite answers to."""
        return unknown([*self.choice.included, *self.choice.excluded, *self.choice.required])

    def hooks(self, log: RewriteLog | None = None) -> Hook | None:
        """What the interpreter calls after each node; None if nothing watches.

        `log` is what `rewrite` returned. A hook may have a method ``start(values)``, which is called before
        the first node with one value an input.
        """
        return None

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}: {self.choice})"


class MonitorMode(Mode):
    """Calls `pre_func(i, node, fn)` and `post_func(i, node, fn)` around every node.

    `i` counts the nodes of a call, ``fn.inputs`` and ``fn.outputs`` hold each value in a list of its own,
    ``fn.outputs[0][0]``. Both are called after the node was computed: the interpreter is pure, so the inputs are
    unchanged.
    """

    def __init__(
        self,
        pre_func: Callable[..., Any] | None = None,
        post_func: Callable[..., Any] | None = None,
        optimizer: Any = "default",
        linker: str | None = None,
    ):
        super().__init__(linker, optimizer)
        self.name = "MonitorMode"
        self.pre_func, self.post_func = pre_func, post_func

    def hooks(self, log: RewriteLog | None = None) -> Hook:
        return _Monitor([f for f in (self.pre_func, self.post_func) if f is not None])


class _Monitor:
    """The hook of a MonitorMode: numbers the nodes of each call."""

    def __init__(self, functions: Sequence[Callable[..., Any]]):
        self.functions, self.count = functions, 0

    def start(self, values: Sequence[Any]) -> None:
        self.count = 0

    def __call__(self, node: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        fn = SimpleNamespace(inputs=[[v] for v in inputs], outputs=[[v] for v in outputs])
        for function in self.functions:
            function(self.count, node, fn)
        self.count += 1


def detect_nan(i: int, node: Apply, fn: Any) -> None:
    """A `post_func`: prints the graph, the inputs and the outputs of a node that computes NaN."""
    from reference.printing import debugprint

    if any(np.isnan(value).any() for (value,) in fn.outputs if np.asarray(value).dtype.kind in "fc"):
        print("*** NaN detected ***")
        debugprint(node)
        print(f"Inputs : {[value for (value,) in fn.inputs]}")
        print(f"Outputs: {[value for (value,) in fn.outputs]}")


def _choice(optimizer: Any) -> Choice:
    """What an optimizer's name means; a query of Theano's form gives its own by `as_choice`."""
    if hasattr(optimizer, "as_choice"):
        optimizer = optimizer.as_choice()
    if isinstance(optimizer, Choice):
        return optimizer
    key = "none" if optimizer is None else str(optimizer).lower()
    key = "fast_run" if key == "default" else key
    if key not in OPTIMIZERS:
        raise ValueError(f"there is no optimizer {optimizer!r}{_nearest(key, OPTIMIZERS)}")
    return OPTIMIZERS[key]


def _named(name: str, optimizer: str) -> Callable[[], Mode]:
    def make() -> Mode:
        mode = Mode(optimizer=optimizer)
        mode.name = name
        return mode

    return make


def _debug_mode() -> Mode:
    from reference.compile.debugmode import DebugMode

    return DebugMode()


def _nan_guard_mode() -> Mode:
    from reference.compile.nanguard import NanGuardMode

    return NanGuardMode()


PREDEFINED: dict[str, Callable[[], Mode]] = {
    "UNOPTIMIZED": _named("UNOPTIMIZED", "none"),
    "FAST_COMPILE": _named("FAST_COMPILE", "fast_compile"),
    "EXACT": _named("EXACT", "exact"),
    "FAST_RUN": _named("FAST_RUN", "fast_run"),
    "UNSAFE": _named("UNSAFE", "unsafe"),
    "Mode": Mode,
    "DebugMode": _debug_mode,
    "DEBUG_MODE": _debug_mode,
    "NanGuardMode": _nan_guard_mode,
}
"""Name -> a new mode. Names are accepted in any case."""


_BY_OPTIMIZER = {"fast_compile": "FAST_COMPILE", "o1": "FAST_COMPILE", "None": "UNOPTIMIZED", "unsafe": "UNSAFE"}


def get_mode(mode: Mode | str | None = None) -> Mode:
    """The mode of that name, or `mode` itself; None is what the flags mode and optimizer say."""
    if mode is None:
        mode = config.mode
        if mode == "FAST_RUN":
            mode = _BY_OPTIMIZER.get(config.optimizer, mode)
    if isinstance(mode, Mode):
        return mode
    if not isinstance(mode, str):
        raise TypeError(f"a mode is a Mode or the name of one, not {mode!r}")
    known = {name.lower(): make for name, make in PREDEFINED.items()}
    if mode.lower() not in known:
        names = ", ".join(PREDEFINED)
        raise ValueError(f"there is no mode {mode!r}{_nearest(mode, PREDEFINED)}; the modes are {names}")
    return known[mode.lower()]()


get_default_mode = get_mode


def register_mode(name: str, mode: Mode) -> None:
    """Make a mode known under a name of your own."""
    if name.lower() in (known.lower() for known in PREDEFINED):
        raise ValueError(f"the mode {name!r} exists already")
    PREDEFINED[name] = lambda: mode


def _nearest(name: str, names: Any) -> str:
    lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.4)
    return f"; did you mean {lower[near[0]]!r}?" if near else ""


__all__ = ["Mode", "MonitorMode", "detect_nan", "get_default_mode", "get_mode", "register_mode"]
