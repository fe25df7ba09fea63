"""A loop as data: the attributes of a step `scan`, taken apart.

Owns `Loop`, what a scan reads, does and keeps, and `Loop.attributes`, the plain form that survives JSON. The body is
a list of steps over names of its own; what it reads from outside is written ``@k``, operand k of the scan. It must
not know how a loop is written as text, what it means, or how one is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from difftest.program import Operand, Step


@dataclass(frozen=True)
class Sequence_:
    """An operand that is read row by row: one local name a tap."""

    taps: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """An operand that holds the value before the first step, or with `spelled` its rows, and one local name a tap."""

    taps: tuple[int, ...]
    names: tuple[str, ...]
    spelled: bool = False
    """Written as ``dict(initial=, taps=)``."""

    @property
    def stacked(self) -> bool:
        return self.taps != (-1,)


@dataclass(frozen=True)
class Loop:
    """The parts of a scan, whose operands are: sequences, states, explicit non-sequences, then whatever ``@k`` needs.

    `states` has an entry an output, None for one that does not feed back. `carries` are pairs (operand that is a
    shared variable, its new value). `n_steps` is None, a number, ``@k``, or ``#k``, the length of operand k. `rows`
    says of each output what is kept, None if nothing: a text such as ``[-1]``. `gives` names the updates of random
    streams that inner loops return. `redrawn`: it captures a draw made outside, and draws it anew in every step.
    """

    sequences: tuple[Sequence_, ...] = ()
    states: tuple[State | None, ...] = ()
    explicit: tuple[str, ...] = ()
    body: tuple[Step, ...] = ()
    outputs: tuple[str, ...] = ()
    carries: tuple[tuple[str, str], ...] = ()
    gives: tuple[str, ...] = ()
    streams: bool = False
    redrawn: bool = False
    until: str | None = None
    n_steps: int | str | None = None
    rows: tuple[str | None, ...] = ()
    call: str = "scan"
    backwards: bool = False
    truncate: int = -1
    name: str | None = None
    strict: bool = False
    as_list: bool = False
    every: int = 0
    """Of a `scan_checkpoints`: it gives every so many-th row, and the last."""
    padding: bool = True

    @classmethod
    def of(cls, step: Step) -> Loop:
        given = dict(step.attributes)
        for key, make in _PARTS.items():
            if key in given:
                given[key] = tuple(part if part is None else make(*part) for part in given[key])
        return cls(**given)

    def attributes(self) -> dict[str, Any]:
        """What is not as by default, as tuples."""
        plain: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default:
                plain[f.name] = tuple(map(_plain, value)) if f.name in _PARTS else value
        return plain

    @property
    def initial(self) -> tuple[State, ...]:
        return tuple(s for s in self.states if s is not None)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The local names, in the order in which the step function takes them."""
        return (
            *(n for s in self.sequences for n in s.names),
            *(n for s in self.initial for n in s.names),
            *self.explicit,
        )

    @property
    def results(self) -> int:
        """How many values the step has, updates of streams aside."""
        return sum(rows is not None for rows in self.rows) + len(self.carries)


_PARTS: Mapping[str, Any] = {"sequences": Sequence_, "states": State, "body": Step}


def _plain(part: Any) -> Any:
    return part if part is None else tuple(getattr(part, f.name) for f in fields(part))


def body(step: Step) -> tuple[Step, ...]:
    """The steps inside a step; none if it is no loop."""
    return tuple(Step(*part) for part in step.attributes.get("body", ()))


def outer(name: Operand, operands: Sequence[str]) -> Operand:
    """What an operand of a body's step stands for: ``@k`` is operand k of the loop."""
    return operands[int(name[1:])] if isinstance(name, str) and name[0] == "@" else name
