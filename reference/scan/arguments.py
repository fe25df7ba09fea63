"""What a loop is given: sequences, initial values, a number of steps, in every spelling users have for them.

Owns those spellings and the complaints about them, and what the inner variables are called. It must not know the
step.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.config import config
from reference.graph.core import Constant, Variable
from reference.graph.dtypes import INTEGERS
from reference.scan.parts import Loop, Read, State
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import DimShuffle, minimum  # type: ignore[attr-defined]


def as_list(items: Any) -> list[Any]:
    if items is None:
        return []
    return list(items) if isinstance(items, list | tuple) else [items]


@dataclass
class Sequence_:
    """What is read row by row: one inner variable a tap, called X[t], X[t+1], X[t-1]."""

    input: Any
    taps: list[int]
    names: list[str]

    @property
    def first(self) -> int:
        return min(0, *self.taps)

    @property
    def last(self) -> int:
        return max(0, *self.taps)

    def shifted(self, tap: int) -> Any:
        """The rows that this tap reads, from step 0 on."""
        start, end = tap - self.first, tap - self.last
        return self.input[start:] if end == 0 else self.input[start:end]

    def backwards(self) -> Sequence_:
        """The same rows for every tap, the last step's first."""
        return Sequence_(self.input[::-1], [-tap for tap in self.taps], self.names)


def sequence_of(k: int, item: Any) -> Sequence_:
    """Entry `k` of `sequences`."""
    given = dict(item) if isinstance(item, Mapping) else {"input": item}
    if given.get("input") is None or any(key not in ("input", "taps") for key in given):
        raise ValueError(f"sequence {k} is a variable or dict(input=, taps=[...]), got {item}")
    variable = as_tensor_variable(given["input"])
    taps = [0] if given.get("taps") is None else _taps(f"sequence {k}", given["taps"])
    if not taps:
        raise ValueError(f"sequence {k} ({variable}) has no taps: the step would not read it")
    if variable.type.ndim == 0:
        raise ValueError(f"sequence {k} needs a leading dimension to run along, got {variable} of type {variable.type}")
    return Sequence_(variable, taps, [_at(variable.name, tap) for tap in taps])


def _taps(what: str, taps: Any) -> list[int]:
    try:
        return [operator.index(tap) for tap in as_list(taps)]
    except TypeError:
        raise TypeError(f"the taps of {what} are integers, got {taps!r}") from None


def number_of_steps(n_steps: Any, sequences: Sequence[Sequence_]) -> Variable:
    """The number of steps: what the user says, else the length of the shortest sequence after its taps."""
    if n_steps is not None:
        steps = as_tensor_variable(n_steps)
        if steps.type.ndim != 0 or steps.type.dtype not in INTEGERS:
            wrong = TypeError if isinstance(steps, Constant) and steps.type.ndim == 0 else ValueError
            raise wrong(f"n_steps must be an int, got {steps} of type {steps.type}")
        if isinstance(steps, Constant) and steps.data < 0:
            raise ValueError(
                f"n_steps is {steps.data}; a loop cannot make a negative number of steps. To read sequences from their "
                "ends, say go_backwards=True"
            )
        return steps
    lengths = [s.shifted(tap).shape[0] for s in sequences for tap in s.taps]
    if not lengths:
        raise ValueError(
            "No information about the number of steps provided. Either provide a value for n_steps argument "
            "of scan or provide an input sequence; with until, n_steps is the most steps there may be"
        )
    shortest = lengths[0]
    for length in lengths[1:]:
        shortest = minimum(shortest, length)
    return shortest


def read_sequence(loop: Loop, sequence: Sequence_) -> list[Variable]:
    """Add a sequence to the loop, one array a tap; the inner variables."""
    inner = []
    for tap, name in zip(sequence.taps, sequence.names):
        rows = sequence.shifted(tap)
        row = rows.type.clone(broadcastable=rows.type.broadcastable[1:])(name)
        _show(row, rows, 0)
        loop.sequences.append(Read(rows[: loop.n_steps], row))
        inner.append(row)
    return inner


def _show(inner: Variable, rows: Variable, place: int) -> None:
    """With test values, an inner variable's is the row that the first step reads."""
    if config.compute_test_value != "off" and hasattr(rows.tag, "test_value") and place < len(rows.tag.test_value):
        inner.tag.test_value = rows.tag.test_value[place]


def _at(name: str | None, tap: int) -> str:
    return f"{name or ''}[t{tap:+d}]" if tap else f"{name or ''}[t]"


@dataclass
class Info:
    initial: Any
    taps: list[int]

    @property
    def stacked(self) -> bool:
        """Does the initial value have a leading dimension?"""
        return self.taps != [-1]


def output_info(k: int, item: Any) -> Info | None:
    """Entry `k` of `outputs_info`."""
    if item is None:
        return None
    if not isinstance(item, Mapping):
        return Info(as_tensor_variable(item), [-1])
    unknown = [key for key in item if key not in ("initial", "taps", "inplace", "return_steps")]
    if unknown:
        raise ValueError(f"entry {k} of outputs_info is a value or dict(initial=, taps=[...]), got {item}")
    initial, taps = item.get("initial"), item.get("taps")
    if initial is None:
        if taps:
            raise ValueError(
                "If you are using slices of an output you need to provide a initial state for it: entry "
                f"{k} of outputs_info is {item}"
            )
        return None
    taps = [-1] if taps is None else _taps(f"entry {k} of outputs_info", taps)
    if any(tap >= 0 for tap in taps) or not taps:
        raise ValueError(f"All the tap values must be smaller than 0: entry {k} of outputs_info is {item}")
    if len(set(taps)) != len(taps):
        raise ValueError(f"All the taps must be different in `outputs_info`: entry {k} is {item}")
    info = Info(as_tensor_variable(initial), taps)
    if info.stacked:
        _refuse_short(k, info)
    return info


def _refuse_short(k: int, info: Info) -> None:
    """Taps read rows of the initial value: it needs as many."""
    called = f"the initial state of output {k} (outputs_info), {info.initial},"
    if info.initial.type.ndim == 0:
        raise ValueError(f"with the taps {info.taps} {called} needs a leading dimension, got type {info.initial.type}")
    if isinstance(info.initial, Constant) and len(info.initial.data) < -min(info.taps):
        raise ValueError(
            f"with the taps {info.taps} {called} needs {-min(info.taps)} rows, it has {len(info.initial.data)} "
            f"(shape {info.initial.data.shape})"
        )


def read_state(loop: Loop, info: Info) -> list[Variable]:
    """Add a state to the loop; the inner variables, named h0[t-1]."""
    initial: Any = info.initial
    if info.stacked:
        rows = initial[: -min(info.taps)]
    else:
        rows = DimShuffle(initial.type.broadcastable, ("x", *range(initial.type.ndim)))(initial)
    row = rows.type.clone(broadcastable=rows.type.broadcastable[1:])
    inner = tuple(row(_at(initial.name, tap)) for tap in info.taps)
    for variable, tap in zip(inner, info.taps):
        _show(variable, rows, tap - min(info.taps))
    loop.states.append(State(rows, tuple(info.taps), inner, inner[0]))
    return list(inner)
