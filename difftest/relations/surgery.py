"""Operations on programs as data: what depends on what, names, and steps put between a value and its readers.

Owns `Surgery`, what is known of one program's values (their types from the graph, their numbers from the model), and
the cuts. It must not know any relation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from difftest import model
from difftest.case import Case
from difftest.loop import Loop, body, outer
from difftest.program import Input, Operand, Program, Step
from difftest.strategies import STEPS
from difftest.strategies.finishing import pruned as without_the_dead
from reference.interpreter import without_effects

SLOPES = ("grad", "curvature")
"""Families of steps that look at the graph above them: a change there may add their terms in another order."""


@dataclass(frozen=True, eq=False)
class Value:
    """A value of a program: where it is made (-1: before all steps), its type, and the numbers of the first call."""

    name: str
    place: int
    dtype: str
    broadcastable: tuple[bool, ...]
    data: np.ndarray

    @property
    def kind(self) -> str:
        return self.data.dtype.kind

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def plain(self) -> bool:
        """True if the type declares every dimension of length 1 broadcastable, as an operation on it would find."""
        return all(b == (n == 1) for b, n in zip(self.broadcastable, self.shape))

    @property
    def solid(self) -> bool:
        """True if no dimension has length 1: any operation that keeps the shape keeps the type."""
        return 1 not in self.shape and not any(self.broadcastable)


class Surgery:
    """One program on the table."""

    def __init__(self, case: Case):
        self.case, self.program = case, case.program

    @cached_property
    def values(self) -> dict[str, Value]:
        """Inputs, shared variables and results whose numbers the model knows, in order.

        None where a later call has other shapes: what holds for these numbers might not hold for those.
        """
        program, found = self.program, {}
        if any(v.data.shape != i.value.data.shape for call in program.calls for i, v in zip(program.inputs, call)):
            return {}
        known = model.evaluate(
            program, {i.name: i.value.data for i in program.inputs} | {s.name: s.value.data for s in program.shared}
        )
        for name, place in self.places.items():
            type_: Any = getattr(self.case.built.names.get(name), "type", None)
            data = known.get(name)
            if data is not None and getattr(type_, "broadcastable", None) is not None and data.ndim == type_.ndim:
                found[name] = Value(name, place, type_.dtype, tuple(type_.broadcastable), data)
        return found

    @cached_property
    def places(self) -> dict[str, int]:
        """Name -> the number of the step that makes it, -1 for what is there from the start."""
        start = dict.fromkeys((*(i.name for i in self.program.inputs), *(s.name for s in self.program.shared)), -1)
        return start | {name: k for k, step in enumerate(self.program.steps) for name in step.results}

    @cached_property
    def read(self) -> set[str]:
        """Names that something reads: steps, outputs, updates, givens."""
        p = self.program
        return {o for s in p.steps for o in s.operands if isinstance(o, str)} | {
            *p.outputs, *(by for _, by in p.updates), *(by for _, by in p.givens)
        }  # fmt: skip

    def fresh(self, stem: str = "q") -> Iterator[str]:
        """Names that the program does not use."""
        return (name for k in range(10**6) if (name := f"{stem}{k}") not in self.places)

    def downstream(self, names: Iterable[str]) -> set[str]:
        """These names, and all that is computed from them, givens included."""
        found = set(names)
        for _ in range(1 + len(self.program.givens)):
            found |= {key for key, by in self.program.givens if by in found}
            for step in self.program.steps:
                if found.intersection(map(str, step.operands)):
                    found.update(step.results)
        return found

    def reaches(self, name: str, families: Sequence[str]) -> bool:
        """True if a step of one of these families depends on the value."""
        after = self.downstream([name])
        return any(kinds(s).intersection(families) and after.intersection(s.results) for s in self.program.steps)

    def told_apart(self, name: str) -> bool:
        """True if a clone keeps the value, as it has no maker, and a gradient can tell it from a copy."""
        after = self.downstream([name])
        readers = [s for s in self.program.steps if after.intersection(map(str, s.operands))]
        cloned = any(inner.step == "clone" for s in readers for inner in (s, *body(s)))
        return cloned and self.places[name] < 0 and self.reaches(name, SLOPES)

    def drawn(self, names: Iterable[str]) -> bool:
        """True if one of the values is made of random draws: what a loop captures of these it draws in every step."""
        above = self.program.upstream(names)
        return any("random" in kinds(s) and above.intersection(s.results) for s in self.program.steps)

    @cached_property
    def bound_to(self) -> set[str]:
        """What must stay what it is: values that a given replaces, shared variables that a loop changes."""
        return {k for k, _ in self.program.givens}.union(*map(carried, self.program.steps))

    def fixed(self, name: str) -> bool:
        """True if the value is one of its kind: a given replaces it, or a gradient is taken with respect to it."""
        return name in self.bound_to or any(
            kinds(s).intersection(SLOPES) and name in s.operands[1:] for s in self.program.steps
        )

    def inserted(self, name: str, steps: Sequence[Step], last: str, inputs: Sequence[Input] = ()) -> Program:
        """The program in which everybody who read `name` reads `last`, which `steps` compute from it."""
        program = self.program
        cut = self.places[name] + 1
        if steps and inputs is not None:
            read = {o for s in steps for o in s.operands if isinstance(o, str)}
            cut = max([cut, *(self.places[o] + 1 for o in read if o in self.places)])
        turned = {name: last}
        after = [renamed(s, turned) for s in program.steps[cut:]]
        return self.with_inputs(
            replace(
                program,
                steps=(*program.steps[:cut], *steps, *after),
                outputs=tuple(turned.get(o, o) for o in program.outputs),
                updates=tuple((s, turned.get(by, by)) for s, by in program.updates),
                givens=tuple((k, turned.get(by, by)) for k, by in program.givens),
            ),
            inputs,
        )

    @cached_property
    def types(self) -> dict[str, Any]:
        """The symbolic type of everything that has one."""
        named = ((n, getattr(self.case.built.names.get(n), "type", None)) for n in self.places)
        return {n: t for n, t in named if t is not None}

    def computed(self, name: str) -> np.ndarray:
        """The value in the first call, to the bit, computed by the unoptimized graph."""
        built = self.case.built
        built.reset()
        function = built.api.function(
            built.inputs,
            built.names[name],
            givens=built.pairs(self.program.givens),
            no_default_updates=True,
            on_unused_input="ignore",
            mode="UNOPTIMIZED",
            backend="reference",
        )
        with without_effects():
            return np.asarray(function(*next(self.program.call_values())))

    def with_inputs(self, program: Program, inputs: Sequence[Input]) -> Program:
        """The program with more inputs, which have the same value in every call."""
        more = tuple(i.value for i in inputs)
        return replace(
            program, inputs=(*program.inputs, *inputs), calls=tuple((*call, *more) for call in program.calls)
        )


def pruned(program: Program) -> Program:
    """The program without what nothing needs; the arguments of later calls keep their places."""
    slim = without_the_dead(program)
    alive = {i.name for i in slim.inputs}
    kept = [k for k, i in enumerate(program.inputs) if i.name in alive]
    return replace(slim, calls=tuple(tuple(call[k] for k in kept) for call in program.calls))


def family(step: Step) -> str:
    return STEPS[step.step].family


def kinds(*steps: Step) -> set[str]:
    """The families of the steps, and of those inside loops."""
    found = set()
    for step in steps:
        found |= {family(step)} | kinds(*body(step))
    return found


def families(program: Program) -> set[str]:
    return kinds(*program.steps)


def carried(step: Step) -> set[str]:
    """The shared variables that a loop changes itself."""
    if step.step != "scan":
        return set()
    operands = tuple(map(str, step.operands))
    inner = [o for s in body(step) for o in carried(s)]
    return {str(outer(o, operands)) for o in (*inner, *(o for o, _ in Loop.of(step).carries))}


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """The step reading other names; its results keep theirs."""
    return replace(step, operands=tuple(names.get(o, o) if isinstance(o, str) else o for o in step.operands))


def ordered(steps: Sequence[Step], pick: Callable[[list[Step]], Step] = lambda ready: ready[0]) -> list[Step]:
    """The steps so that each follows those it reads; `pick` chooses among those that may come next."""
    left, found = list(steps), []
    while left:
        waiting = {n for s in left for n in s.results}
        found.append(pick([s for s in left if not waiting.intersection(map(str, s.operands))]))
        left.remove(found[-1])
    return found


def paired(outputs: Sequence[str], names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Each output with that of the same, or its new, name."""
    return [(o, (names or {}).get(o, o)) for o in outputs]


def line(step: str, operands: Sequence[Operand], result: str, **attributes: Any) -> Step:
    """A step with one result."""
    return Step(step, tuple(operands), attributes, (result,))
