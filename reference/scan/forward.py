"""The R-operator of a loop, which is a loop again: beside every value that moves goes the change of that value.

Owns what a change touches over all steps, and the loop that carries both. The change of one step is the `Rop` of the
inner graph. It remembers nothing, where a gradient's gradient would remember every step twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import reference.tensor
from reference.graph.core import Variable
from reference.scan.grad import past, reaching, smooth
from reference.scan.parts import Carry, Loop, Mapped, Read, State

if TYPE_CHECKING:
    from reference.scan.op import Scan

ns: Any = reference.tensor


def changes(op: Scan, inputs: Sequence[Variable], points: Sequence[Variable | None]) -> list[Variable | None]:
    """The change of each output of a node whose inputs change by `points`; None where it does not."""
    if op.truncate_gradient >= 0:
        raise NotImplementedError(f"{op} lets gradients through its last {op.truncate_gradient} steps only")
    return _Forward(op, inputs, points).changes()


class _Forward:
    """The loop of one node with its changes, while it is built."""

    def __init__(self, op: Scan, inputs: Sequence[Variable], points: Sequence[Variable | None]):
        self.loop = Loop.of(op.make_node(*inputs), inputs, copy=True)
        self.loop.name = f"rop_of_{op.name}"
        self.parts = self.loop.parts
        given = zip(
            [*self.loop.sequences, *self.loop.states, *self.loop.carries, *self.loop.constants], points[1:], strict=True
        )
        self.given = {id(part): p for part, p in given if p is not None}
        self.change: dict[Variable, Variable] = {}
        """inner variable -> its change"""

    def changes(self) -> list[Variable | None]:
        self._find_moving()
        self._read()
        moving = [part for part in self.parts if id(part) in self.moving]
        new = self._of_step([part.new for part in moving])
        states, mapped, carries = [], [], []
        for part, value in zip(moving, new):
            made = _zeros(part.new) if value is None else _fit(value, part.new)
            if isinstance(part, State):
                states.append(self._state(part, made))
            elif isinstance(part, Mapped):
                mapped.append(Mapped(made, part.keep))
            else:
                carries.append(Carry(self._begin(part), self.change[part.inner], made))
        loop = self.loop
        places = {id(p): q for p, q in zip(moving, [*states, *mapped, *carries])}
        loop.states += states
        loop.mapped += mapped
        loop.carries += carries
        results: dict[int, Variable] = dict(zip(map(id, loop.parts), loop.apply()))
        return [results[id(places[id(p)])] if id(p) in places else None for p in self.parts]

    def _find_moving(self) -> None:
        """The parts that change: what they begin with does, or what they read."""
        loop = self.loop
        self.touched = {r.inner for r in (*loop.sequences, *loop.constants) if id(r) in self.given and smooth(r.inner)}
        back: list[State | Carry] = [*loop.states, *loop.carries]
        self.moving = {id(p) for p in back if id(p) in self.given and smooth(p.new)}
        count = -1
        while len(self.moving) != count:
            count = len(self.moving)
            self.touched.update(v for p in back if id(p) in self.moving for v in past(p))
            self.moving |= {id(p) for p in self.parts if smooth(p.new) and self.touched & reaching([p.new])}

    def _read(self) -> None:
        """Inner variables for what changes: read row by row, carried on, or the same in every step."""
        loop = self.loop
        for reads in (loop.sequences, loop.constants):
            for read in [r for r in reads if r.inner in self.touched]:
                reads.append(Read(_fit(self.given[id(read)], read.outer), self._beside(read.inner)))
        for part in self.parts:
            if id(part) in self.moving:
                for v in past(part):
                    self._beside(v)

    def _beside(self, v: Variable) -> Variable:
        return self.change.setdefault(v, v.type())

    def _begin(self, part: State | Carry) -> Variable:
        """The change of what stands before the first step."""
        given = self.given.get(id(part))
        return _zeros(part.outer) if given is None else _fit(given, part.outer)

    def _state(self, part: State, new: Variable) -> State:
        return State(self._begin(part), part.taps, tuple(self.change[v] for v in part.inner), new, part.keep)

    def _of_step(self, values: list[Variable]) -> list[Any]:
        from reference.gradient import Rop

        if not self.change or not values:
            return [None] * len(values)
        wrt, points = list(self.change), list(self.change.values())
        return list(Rop(values, wrt, points, disconnected_outputs="ignore", return_disconnected="None"))


def _zeros(v: Variable) -> Any:
    return _fit(ns.zeros_like(v), v)


def _fit(change: Any, like: Any) -> Any:
    """`change` in exactly the type of `like`."""
    return ns.patternbroadcast(ns.cast(change, like.type.dtype), like.type.broadcastable)
