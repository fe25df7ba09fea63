"""`Scan`, the loop as an operation: what goes in, what comes out, and what it means.

The meaning is `perform`: a Python loop. The step is held as data, a small graph from `inner_inputs` to
`inner_outputs`, so that a loop can be compared, printed, pickled, differentiated and rewritten like any
other operation. Who changes a loop takes it apart with `parts.Loop`. It must not know how users write one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from reference.compile.test_value import computed_later
from reference.graph.core import Apply, Op, Variable
from reference.graph.dtypes import INTEGERS
from reference.graph.errors import ShapeError
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import equal_graphs, toposort
from reference.graph.types import TensorType
from reference.interpreter import A_FEW, Program, without_effects
from reference.scan.arithmetic import Arithmetic, in_order
from reference.scan.rounds import ALL, GROWING, LAST, RING, rounds
from reference.tensor.basic import as_tensor_variable


@dataclass(frozen=True, eq=False)
class Scan(Op):
    """A loop of n steps.

    What a step reads and gives, in the order of `inner_inputs` and `inner_outputs`, with what stands for
    it outside, in the order of the node's inputs (after n_steps) and outputs:

    kind           a step reads                outside              a step gives    outside
    sequences      row t                       an array of n rows
    states         its value `taps` steps ago  the rows before t=0  the new value   the new values, stacked
    mapped                                                          a value         the values, stacked
    carries        its value                   the value at t=0     the new value   the last value
    non_sequences  the value                   the value

    With `until`, the last inner output is a condition: the step in which it is true is the last one.
    `keep[k]` says how many of the last rows of stacked output `k` are wanted, None for all.
    """

    inner_inputs: tuple[Variable, ...]
    inner_outputs: tuple[Variable, ...]
    n_sequences: int
    taps: tuple[tuple[int, ...], ...]
    n_mapped: int
    n_carries: int
    keep: tuple[int | None, ...]
    until: bool = False
    name: str = "scan_fn"
    truncate_gradient: int = -1

    @property
    def n_states(self) -> int:
        return len(self.taps)

    @property
    def n_stacked(self) -> int:
        return self.n_states + self.n_mapped

    def depth(self, state: int) -> int:
        """How many rows before the first step a state needs."""
        return -min(self.taps[state])

    def cut(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """The node's inputs after n_steps, kind by kind: sequences, states, carries, non-sequences."""
        a = self.n_sequences
        b = a + self.n_states
        c = b + self.n_carries
        return list(values[:a]), list(values[a:b]), list(values[b:c]), list(values[c:])

    def cut_inner(self, values: Sequence[Any]) -> tuple[list[Any], list[list[Any]], list[Any], list[Any]]:
        """The inner inputs kind by kind, a list of taps a state."""
        left = list(values)
        sequences = [left.pop(0) for _ in range(self.n_sequences)]
        states = [[left.pop(0) for _ in taps] for taps in self.taps]
        carries = [left.pop(0) for _ in range(self.n_carries)]
        return sequences, states, carries, left

    def outer_of(self, node: Apply) -> list[Variable]:
        """The node's input behind each inner input."""
        sequences, states, carries, constants = self.cut(node.inputs[1:])
        rows = [v for v, taps in zip(states, self.taps) for _ in taps]
        return [*sequences, *rows, *carries, *constants]

    def inner_names(self, node: Apply, known: Mapping[Variable, str | None]) -> list[str | None]:
        """What to call the inner inputs: X[t], h0[t-1], W_copy, after what stands outside now.

        A name given by the user stays. `known` names the inner inputs of loops around this one.
        """
        names = []
        for inner, outer in zip(self.inner_inputs, self.outer_of(node)):
            given = inner.name or ""
            place = _PLACE.search(given)
            root = _root(outer) if place else outer
            called = known.get(root, root.name)
            if place:
                names.append(None if called is None else called + place.group())
            elif given.endswith("_copy") or not given:
                names.append(None if called is None else f"{called}_copy")
            else:
                names.append(inner.name)
        return names

    def make_node(self, n_steps: Any, *outer: Any) -> Apply:
        steps = as_tensor_variable(n_steps)
        if steps.type.ndim != 0 or steps.type.dtype not in INTEGERS:
            raise TypeError(f"n_steps must be an integer scalar, got {steps} of type {steps.type}")
        sequences, states, carries, constants = self.cut(outer)
        inner = list(self.inner_inputs)
        inputs: list[Variable] = [steps]
        for v in sequences:
            inputs.append(_rows_of(inner.pop(0).type, v))
        for v, taps, new in zip(states, self.taps, self.inner_outputs):
            inputs.append(_rows_of(new.type, v))
            for tap in taps:
                read = inner.pop(0)
                if read.type != new.type:
                    raise TypeError(f"{self}: the state {v} is read {tap} as {read.type}, but a step gives {new.type}")
        for v in (*carries, *constants):
            inputs.append(inner.pop(0).type.filter_variable(v))
        stacked, finals = self.inner_outputs[: self.n_stacked], self.inner_outputs[self.n_stacked :]
        outputs = [TensorType(v.type.dtype, (False, *v.type.broadcastable))() for v in stacked]  # type: ignore[attr-defined]
        outputs += [v.type() for v in finals[: self.n_carries]]
        return Apply(self, inputs, outputs)

    @cached_property
    def program(self) -> Program:
        """The step, ready to run."""
        return Program(FunctionGraph(self.inner_inputs, self.inner_outputs))

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """The step where it is elementwise, ready to run."""
        return Arithmetic(self)

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return self.thunk(node)(*inputs)

    def thunk(self, node: Apply) -> Callable[..., tuple[Any, ...]]:
        def run(n_steps: Any, *outer: Any) -> tuple[Any, ...]:
            steps = int(n_steps)
            if steps > A_FEW and self.arithmetic.elementwise:
                loop = self.arithmetic.loop(steps, outer, lambda: self._kept(node, steps, outer))
                if loop is not None:
                    try:
                        return loop(steps, *outer)
                    except Exception:
                        # It will happen again below, where it is known in which step.
                        pass
            return self._rounds(node, steps, outer)

        return run

    def _rounds(self, node: Apply, steps: int, outer: Sequence[Any]) -> tuple[Any, ...]:
        """The results, whatever a step does."""
        kept = self._kept(node, steps, outer)
        sequences, states, carries, constants = self.cut(outer)
        lengths = [self._rows_kept(steps, keep) for keep in self.keep]
        pasts = [[rows[k, ...] for k in range(len(rows))] for rows in states]
        stacks: list[_Stack] = []
        changed_shape: list[Exception] = []

        def begin(values: Sequence[np.ndarray]) -> list[tuple[tuple[int, ...], Any]]:
            shapes = [rows.shape[1:] for rows in states] + [v.shape for v in values[self.n_states :]]
            stacks.extend(_Stack(*each) for each in zip(lengths, values, shapes))
            places = [stack.put if how == GROWING else stack.buffer for stack, how in zip(stacks, kept)]
            return list(zip(shapes, places))

        def changed(k: int, t: int, *shapes: tuple[int, ...]) -> Exception:
            changed_shape.append(self._changed_shape(node, k, t, *shapes))
            return changed_shape[0]

        def failed(error: Exception, t: int) -> None:
            if error not in changed_shape:
                self.program.blame(error)
                self.tell_step(error, t, steps)

        run = self.program.repeated(steps)
        follow = rounds(self.n_sequences, self.taps, self.n_carries, len(constants), self.until, kept)
        t, last, carries = follow(run, steps, sequences, pasts, carries, constants, begin, changed, failed)
        for stack, value in zip(stacks, last):
            stack.end(value)
        stacked = [s.rows(t) for s in stacks] if stacks else self._no_rows(node, [np.int64(steps), *outer])
        return (*stacked, *[v.copy() if isinstance(v, np.ndarray) else v for v in carries])

    def _kept(self, node: Apply, steps: int, outer: Sequence[Any]) -> tuple[str, ...]:
        """How the rows of each output are kept; an error if steps, rows and taps do not agree."""
        sequences, states, *_ = self.cut(outer)
        self._check(node, steps, sequences, states)
        return tuple(_how(self._rows_kept(steps, keep), steps) for keep in self.keep)

    def _rows_kept(self, steps: int, keep: int | None) -> int | None:
        """How many rows a stack will hold; None where only the loop itself can tell."""
        if keep is not None:
            return min(keep, steps)
        return None if self.until and steps > _FIRST_ROWS else steps

    def tell_step(self, error: Exception, t: int, steps: int) -> None:
        """Add to the text of an error in which step it happened."""
        text = str(error.args[0]) if error.args else type(error).__name__
        error.args = (f"{text}\nThis was step {t} of {steps} of {self}{self._stands}", *error.args[1:])

    def _check(self, node: Apply, steps: int, sequences: Sequence[Any], states: Sequence[Any]) -> None:
        if steps < 0:
            raise ValueError(
                f"{self} was asked to run for a negative number of steps: n_steps is {steps}{self._stands}"
            )
        for rows, variable, inner in zip(sequences, node.inputs[1:], self.inner_inputs):
            if len(rows) != steps:
                raise ValueError(
                    f"{self} runs {steps} steps, but its sequence {_root(variable)}, read as {inner}, has {len(rows)} "
                    f"rows (shape {rows.shape}); pass a sequence that is long enough, or fewer n_steps{self._stands}"
                )
        for k, rows in enumerate(states):
            if len(rows) != self.depth(k):
                raise ValueError(
                    f"{self}: the taps {list(self.taps[k])} of state {k} need {self.depth(k)} initial rows, but "
                    f"{_root(node.inputs[1 + self.n_sequences + k])} has {len(rows)} (shape {rows.shape}){self._stands}"
                )

    def _changed_shape(self, node: Apply, k: int, t: int, shape: tuple[int, ...], got: tuple[int, ...]) -> ShapeError:
        if k < self.n_states:
            initial = _root(node.inputs[1 + self.n_sequences + k])
            text = f"state {k} (initial value {initial}) must keep its shape"
        else:
            text = f"output {k} must have one shape in every step"
        return ShapeError(f"{self}: {text}: it had {shape}, step {t} gave {got}{self._stands}")

    @property
    def _stands(self) -> str:
        """Where the user wrote the step, for the end of a complaint."""
        lines = (v.owner.line for v in self.inner_outputs if v.owner is not None)
        line = next((line for line in lines if line is not None), None)
        return "" if line is None else f". Its step stands at {line}"

    def _no_rows(self, node: Apply, inputs: Sequence[Any]) -> list[np.ndarray]:
        """Stacks of no rows. What a step would give is told by one on zeros, or on ones, or else without a step."""
        sequences, states, carries, constants = self.cut(inputs[1:])
        shapes = [rows.shape[1:] for rows in states]
        if self.n_mapped:
            past = [rows[len(rows) + tap, ...] for rows, taps in zip(states, self.taps) for tap in taps]
            for row in (np.zeros, np.ones):
                # Ones as well: a zero may be the length of something whose last element the step takes.
                arguments = [row(rows.shape[1:], dtype=rows.dtype) for rows in sequences]
                with suppress(Exception), without_effects():
                    values = self.program.run([*arguments, *past, *carries, *constants])
                    shapes += [v.shape for v in values[self.n_states : self.n_stacked]]
                    break
            else:
                from reference.scan.shapes import rows_without_a_step

                shapes += rows_without_a_step(node, inputs)
        outs = self.inner_outputs[: self.n_stacked]
        return [np.empty((0, *shape), dtype=v.type.dtype) for v, shape in zip(outs, shapes)]  # type: ignore[attr-defined]

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        from reference.scan.shapes import stacked_shapes

        return [*stacked_shapes(self, node, shapes), *[None] * self.n_carries]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        from reference.scan.grad import gradients

        return computed_later(lambda: gradients(self, inputs, outputs, output_gradients))

    def R_op(self, inputs: Sequence[Variable], eval_points: Sequence[Variable | None]) -> Sequence[Variable | None]:
        from reference.scan.forward import changes

        return computed_later(lambda: changes(self, inputs, eval_points))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return self._connections

    @cached_property
    def _connections(self) -> list[list[bool]]:
        from reference.scan.grad import connections

        return connections(self)

    def __str__(self) -> str:
        return f"{'do_while' if self.until else 'for'}{{cpu,{self.name}}}"

    __repr__ = __str__

    def _form(self) -> tuple[Any, ...]:
        return tuple(getattr(self, f.name) for f in fields(self) if not f.name.startswith("inner_"))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Scan)
            and hash(self) == hash(other)
            and self._form() == other._form()
            and [v.type for v in self.inner_inputs] == [v.type for v in other.inner_inputs]
            and equal_graphs(self.inner_outputs, other.inner_outputs, dict(zip(self.inner_inputs, other.inner_inputs)))
        )

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        operations = tuple(node.op for node in toposort(self.inner_outputs))
        return hash((Scan, self._form(), operations, len(self.inner_inputs)))

    def __getstate__(self) -> dict[str, Any]:
        # The step's nodes first and in order, so that pickling a deep graph does not recurse.
        return {"nodes": toposort(self.inner_outputs), **{f.name: getattr(self, f.name) for f in fields(self)}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: value for name, value in state.items() if name != "nodes"})


_PLACE = re.compile(r"\[t([+-]\d+)?\]$")


def _root(v: Variable) -> Variable:
    """The variable whose rows a loop reads, behind the slices that bring them in place."""
    while v.name is None and v.owner is not None and type(v.owner.op).__name__ in _ARRANGING:
        v = v.owner.inputs[1 if type(v.owner.op).__name__ == "Join" else 0]
    return v


_ARRANGING = ("DimShuffle", "Join", "Rebroadcast", "Subtensor")


class _Stack:
    """The rows of one output: all of them, or the last ones in a ring of `length` (the last one as it is); None: as
    many as come."""

    def __init__(self, length: int | None, first: np.ndarray, shape: tuple[int, ...]):
        self.shape, self.length = shape, length
        if length == 1:
            self.buffer = first
        else:
            self.buffer = np.empty((_FIRST_ROWS if length is None else length, *first.shape), dtype=first.dtype)

    def put(self, t: int, value: np.ndarray) -> None:
        """Keep one more of as many as come."""
        if t == len(self.buffer):
            self.buffer = np.concatenate([self.buffer, np.empty_like(self.buffer)])
        self.buffer[t] = value

    def end(self, value: np.ndarray) -> None:
        """The loop is over, and this was its last value."""
        if self.length == 1:
            self.buffer = value

    def rows(self, steps: int) -> np.ndarray:
        """The rows in order, after so many steps."""
        if self.length == 1:
            return np.array([self.buffer])
        if self.length is None:
            return self.buffer[:steps]
        return in_order(self.buffer, steps)


_FIRST_ROWS = 64


def _how(length: int | None, steps: int) -> str:
    """How an output's rows are kept, `length` of them after so many steps."""
    if length is None:
        return GROWING
    return LAST if length == 1 else ALL if length >= steps else RING


def _rows_of(row: Any, stacked: Any) -> Variable:
    """`stacked`, checked to be a stack of values of type `row`."""
    v = as_tensor_variable(stacked)
    if v.type.dtype != row.dtype or v.type.broadcastable[1:] != row.broadcastable or v.type.ndim == 0:
        raise TypeError(f"expected rows of type {row}, got {v} of type {v.type}")
    return v
