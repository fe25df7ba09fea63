"""The meaning of a graph: run every node's `perform`, in order.

Owns the loop, the order, and the text of run-time errors. It must not know any operation: what a node
computes is the business of its Op alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from operator import itemgetter
from typing import Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import awaited, deferred
from reference.straight import Straight

Hook = Callable[[Apply, Sequence[Any], Sequence[Any]], None]
"""Called after each node with its inputs' and outputs' values."""

_AS_MUCH = (1 << 25) - (1 << 16)
"""The most bytes from whose return glibc learns."""
np.empty(_AS_MUCH, np.uint8)
# The arrays of a graph's inner values come and go on every call. An allocator that gives their pages back to the system
# has them zeroed again: a fifth of the time of training an LSTM. Glibc's keeps twice the largest that came and went.

_Step = tuple[Callable[..., Any], Apply, Callable[[Any], Sequence[Any]], slice, list[int]]
"""What computes a node, the node, what reads its arguments, where its results go, which values die."""

_silent = ContextVar("silent", default=False)
"""True while the interpreter runs beside another backend, which does the printing."""


@contextmanager
def without_effects() -> Iterator[None]:
    """Operations that do more than compute (`Print`) only compute inside."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def effects_are_off() -> bool:
    return _silent.get()


def evaluate(fgraph: FunctionGraph, values: Sequence[Any], hook: Hook | None = None) -> list[Any]:
    """The outputs of `fgraph` for one value an input."""
    return Program(fgraph).run(values, hook)


class Program:
    """A FunctionGraph made ready to run many times: places for values, and nodes that read and fill them.

    The graph must not change afterwards. Intermediate values are dropped after their last reader.
    """

    def __init__(self, fgraph: FunctionGraph, allow_gc: bool = True):
        self.inputs = list(fgraph.inputs)
        order = list(fgraph.toposort())
        place = {v: k for k, v in enumerate(fgraph.inputs)}
        for node in order:
            for v in (*node.inputs, *node.outputs):
                place.setdefault(v, len(place))
        for v in fgraph.outputs:
            place.setdefault(v, len(place))
        self.template: list[Any] = [v.data if isinstance(v, Constant) else None for v in place]
        self.outputs = [place[v] for v in fgraph.outputs]
        kept = {place[v] for v in fgraph.outputs} | {place[v] for v in place if isinstance(v, Constant)}
        waiting = deferred(order, fgraph.outputs)
        kept |= {place[v] for node in order if node in waiting or node.op.lazy for v in (*node.inputs, *node.outputs)}
        self.certain = [k for k, node in enumerate(order) if node not in waiting] if waiting else None
        """The nodes that are computed whatever a lazy one says; None if all are."""
        if waiting:
            self.makers = {v: k for k, node in enumerate(order) for v in node.outputs}
        last_reader: dict[int, int] = {}
        for k, node in enumerate(order):
            for v in node.inputs:
                last_reader[place[v]] = k
            for v in node.outputs:
                last_reader[place[v]] = k
        dead: list[list[int]] = [[] for _ in order]
        for slot, k in last_reader.items():
            if allow_gc and slot not in kept:
                dead[k].append(slot)
        self.places = place
        self.straight: Straight | None = None
        self.steps: list[_Step] = [
            (node.op.thunk(node), node, _reader([place[v] for v in node.inputs]), _places(node, place), dead[k])
            for k, node in enumerate(order)
        ]

    def run(self, values: Sequence[Any], hook: Hook | None = None) -> list[Any]:
        """The outputs for one value an input; floating-point warnings are off, NaN and inf just flow."""
        with np.errstate(all="ignore"):
            return self.run_quietly(values, hook)

    def run_quietly(self, values: Sequence[Any], hook: Hook | None = None) -> list[Any]:
        """`run` for callers that have turned NumPy's warnings off themselves (a loop of many runs)."""
        slots = self.template.copy()
        slots[: len(values)] = values
        for thunk, node, read, targets, dead in self.steps if self.certain is None else self._on_demand(slots):
            arguments = read(slots)
            try:
                slots[targets] = results = thunk(*arguments)
            except Exception as error:
                explain(error, node, arguments)
                raise
            if hook is not None:
                hook(node, arguments, results)
            for s in dead:
                slots[s] = None
        return [slots[s] for s in self.outputs]

    def repeated(self, times: int) -> Callable[..., list[Any]]:
        """What runs the program quietly on its inputs' values, for one who will do so many times.

        When it fails, `blame` tells the error which node it was.
        """
        if self.certain is not None or times <= A_FEW:
            return lambda *values: self.run_quietly(values)
        if self.straight is None:
            steps = [
                (thunk, node, [self.places[v] for v in node.inputs], [self.places[v] for v in node.outputs], dead)
                for thunk, node, _, _, dead in self.steps
            ]
            known = {k: v.data for v, k in self.places.items() if isinstance(v, Constant)}
            self.straight = Straight(steps, len(self.inputs), self.outputs, known)
        return self.straight.run

    def blame(self, error: Exception) -> None:
        """Add to an error of `repeated` which node failed."""
        found = None if self.straight is None else self.straight.failed(error.__traceback__)
        if found is not None:
            explain(error, *found)

    def _on_demand(self, slots: Sequence[Any]) -> Iterator[_Step]:
        """The steps that this run needs, in order: a lazy node's condition comes before what the node takes."""
        assert self.certain is not None
        done: set[int] = set()
        stack = self.certain[::-1]
        while stack:
            k = stack[-1]
            missing = [] if k in done else [m for m in self._needed(k, slots, done) if m not in done]
            if missing:
                stack += missing[::-1]
                continue
            stack.pop()
            if k not in done:
                done.add(k)
                yield self.steps[k]

    def _needed(self, k: int, slots: Sequence[Any], done: Set[int]) -> list[int]:
        """The steps that must come before step `k`, as far as is known yet."""
        node = self.steps[k][1]
        if not node.op.lazy:
            return [self.makers[v] for v in node.inputs if v in self.makers]
        condition = node.inputs[0]
        maker = self.makers.get(condition)
        if maker is not None and maker not in done:
            return [maker]
        wanted = [node.inputs[i] for i in awaited(node, slots[self.places[condition]])]
        return [self.makers[v] for v in wanted if v in self.makers]


A_FEW = 2
"""Runs that are not worth a program's being written as straight lines."""


def _reader(places: list[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """What takes the values at `places` out of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0, 0))


def _places(node: Apply, place: dict[Variable, int]) -> slice:
    """A node's outputs lie side by side."""
    first = place[node.outputs[0]] if node.outputs else 0
    return slice(first, first + len(node.outputs))


def explain(error: Exception, node: Apply, values: Sequence[Any]) -> None:
    """Add to an exception's text which node failed, on what, and the user's line that built it."""
    if getattr(error, "_explained", False):
        return
    lines = [str(error.args[0]) if error.args else type(error).__name__, f"Node that failed: {node}"]
    for k, (variable, value) in enumerate(zip(node.inputs, values)):
        seen = describe_value(value, verbose=config.exception_verbosity == "high")
        lines.append(f"  input {k}: {variable}, {variable.type}, {seen}")
    if node.line is not None:
        lines.append(f"Built at: {node.line}")
    if node.made_by is not None:
        lines.append(f"Made by the rewrite {node.made_by!r} (optimizer_excluding={node.made_by} leaves it out)")
    error.args = ("\n".join(lines), *error.args[1:])
    error._explained = True  # type: ignore[attr-defined]


def describe_value(value: Any, verbose: bool = False) -> str:
    """Shape, dtype and, if small or `verbose`, the numbers."""
    if not isinstance(value, np.ndarray):
        return f"value {value!r}"
    text = f"shape {value.shape}, dtype {value.dtype}"
    if verbose or value.size <= 5:
        text += f", value {np.array2string(value, threshold=20)}"
    return text


_OFTEN = 16
"""Calls after which a function is worth being written as straight lines: of no more nodes than `_LONG`."""
_LONG = 2000


class Executable:
    """What `compile` returns: call it with one value a non-shared input, get one value an output."""

    def __init__(self, fgraph: FunctionGraph, options: Any):
        self.program = Program(fgraph, allow_gc=config.allow_gc)
        self.shared = dict(options.shared)
        self.hook = options.hook
        self.explicit = [k for k in range(len(fgraph.inputs)) if k not in self.shared]
        self.calls = 0

    def __call__(self, *inputs: Any) -> list[Any]:
        values: list[Any] = [None] * len(self.program.inputs)
        for k, value in zip(self.explicit, inputs, strict=True):
            values[k] = value
        for k, container in self.shared.items():
            values[k] = container.read()
        if self.hook is None:
            self.calls += 1
            return self._run_often(values) if self.calls > _OFTEN else self.program.run(values)
        if hasattr(self.hook, "start"):
            self.hook.start(values)
        return self.program.run(values, self.hook)

    def _run_often(self, values: list[Any]) -> list[Any]:
        run = self.program.repeated(_OFTEN if len(self.program.steps) <= _LONG else 1)
        with np.errstate(all="ignore"):
            try:
                return run(*values)
            except Exception as error:
                self.program.blame(error)
                raise

    def explain(self) -> str:
        """The plan, a line a node."""
        return "\n".join(f"{k:4d}  {node}" for k, (_, node, *_rest) in enumerate(self.program.steps))


def compile(fgraph: FunctionGraph, options: Any) -> Executable:
    """The backend contract (docs/architecture.md), fulfilled by interpretation."""
    return Executable(fgraph, options)
