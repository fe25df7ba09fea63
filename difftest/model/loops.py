"""What a loop gives: its body, evaluated step by step with the model of every step in it.

Owns the meaning of sequences, taps, states, carries, `until` and what is kept of the rows, as documented. It must not
look at the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from difftest.loop import Loop
from difftest.model.base import Value
from difftest.model.streams import Draws
from difftest.program import Step

Evaluate = Callable[[Step, Sequence[Any], Draws, str], tuple[Value, ...]]
"""(step, operands, draws made, prefix of the names of streams) -> values"""


def looped(step: Step, operands: Sequence[Value], draws: Draws, within: str, evaluate: Evaluate) -> tuple[Value, ...]:
    """The values of a scan."""
    run = _Run(Loop.of(step), list(operands), draws, f"{within}{step.results[0] if step.results else ''}/", evaluate)
    run.all()
    return (*run.kept(), *run.carried.values())


class _Run:
    """One execution of a loop."""

    def __init__(self, loop: Loop, operands: list[Value], draws: Draws, within: str, evaluate: Evaluate):
        self.loop, self.operands, self.draws, self.within, self.evaluate = loop, operands, draws, within, evaluate
        left = list(operands)
        self.rows = [rows for s in loop.sequences for rows in self._read(left.pop(0), s.taps)]
        self.past = [self._first(left.pop(0), s.taps) for s in loop.initial]
        self.given = dict(zip(loop.explicit, left))
        self.carried = {shared: operands[int(shared[1:])] for shared, _ in loop.carries}
        self.found: list[list[Value]] = [[] for _ in loop.outputs]

    def _read(self, x: Value, taps: Sequence[int]) -> list[Value]:
        """The rows each tap reads: at step t row t + tap, counted so that the first step has every row it needs."""
        first, last = min((*taps, 0)), max((*taps, 0))
        length = max(len(x) - last + first, 0)
        parts = [x[tap - first : tap - first + length] for tap in taps]
        return [part[::-1] for part in parts] if self.loop.backwards or self.loop.call == "foldr" else parts

    def _first(self, initial: Value, taps: Sequence[int]) -> list[Value]:
        """What happened before the first step, oldest first."""
        return [initial] if tuple(taps) == (-1,) else [np.asarray(row) for row in initial[: -min(taps)]]

    def steps(self) -> int:
        n = self.loop.n_steps
        if n is None:
            return min(map(len, self.rows))
        if isinstance(n, str):
            operand = self.operands[int(n[1:])]
            return int(operand) if n[0] == "@" else len(operand)
        return n

    def all(self) -> None:
        steps = self.steps()
        if steps == 0:
            self._nothing()
        for t in range(steps):
            names = self._step([np.asarray(rows[t]) for rows in self.rows], self.draws)
            states = iter(self.past)
            for found, state, name in zip(self.found, self.loop.states, self.loop.outputs):
                value = self._named(names, name)
                found.append(value)
                if state is not None:
                    next(states).append(value)
            self.carried = {shared: self._named(names, new) for shared, new in self.loop.carries}
            if self.loop.until is not None and self._named(names, self.loop.until) != 0:
                break

    def _nothing(self) -> None:
        """No step: empty stacks, of the shape that a step on zeros would give."""
        names = self._step([np.zeros(rows.shape[1:], rows.dtype) for rows in self.rows], Draws())
        self.found = [_Empty(np.asarray(self._named(names, name))) for name in self.loop.outputs]

    def _step(self, rows: Iterable[Value], draws: Draws) -> dict[str, Value]:
        """Every local name in one step."""
        taps = [past[tap] for past, state in zip(self.past, self.loop.initial) for tap in state.taps]
        names = dict(zip(self.loop.arguments, [*rows, *taps, *self.given.values()]))
        for step in self.loop.body:
            operands = [self._named(names, o) for o in step.operands]
            names.update(zip(step.results, self.evaluate(step, operands, draws, self.within)))
        return names

    def _named(self, names: dict[str, Value], name: Any) -> Any:
        if not isinstance(name, str):
            return name
        if name[0] != "@":
            return names[name]
        return self.carried[name] if name in self.carried else self.operands[int(name[1:])]

    def kept(self) -> list[Value]:
        """What is kept of each output."""
        last = self.loop.call in ("reduce", "foldl", "foldr")
        kept = []
        for found, rows in zip(self.found, self.loop.rows):
            if rows is not None:
                stack = found.stack if isinstance(found, _Empty) else np.stack(found)
                if self.loop.call == "scan_checkpoints":
                    ends = [*range(self.loop.every, len(stack), self.loop.every), len(stack)] if len(stack) else []
                    stack = stack[[end - 1 for end in ends]]
                kept.append(stack[-1] if last else self._part(stack, rows))
        return kept

    def _part(self, stack: Value, rows: str) -> Value:
        if rows == ".shape":
            return np.array(stack.shape, "int64")
        if rows == ".shape[0]":
            return np.array(len(stack), "int64")
        if rows.startswith("[@"):
            return stack[int(self.operands[int(rows[2:-1])])]
        if ":" in rows:
            return stack[slice(*(int(n) if n else None for n in rows[1:-1].split(":")))]
        return stack[int(rows[1:-1])] if rows else stack


class _Empty(list):
    """The rows of a loop that did nothing."""

    def __init__(self, like: Value):
        super().__init__()
        self.stack = np.zeros((0, *like.shape), like.dtype)
