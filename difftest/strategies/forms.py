"""The forms that a program is an example of, so that they can be counted and none is forgotten.

Owns `FORMS`, all their names, and `forms_of`. The forms of one step are the step's own (`StepKind.forms`); here are
those that only a whole program shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from difftest.loop import Loop
from difftest.program import Program, Step
from difftest.strategies import choosing, loop_forms
from difftest.strategies.registry import STEPS


def _loops(p: Program) -> list[Step]:
    return [s for s in p.steps if s.step == "scan"]


def _choices(p: Program) -> list[Step]:
    return [s for s in p.steps if STEPS[s.step].family == "choice"]


def _results(steps: Sequence[Step]) -> set[str]:
    return {r for s in steps for r in s.results}


def _feeds(p: Program) -> bool:
    return any(p.upstream(map(str, s.operands)) & _results([o for o in _loops(p) if o is not s]) for s in _loops(p))


def _equal(p: Program) -> bool:
    seen = [(s.operands, s.attributes) for s in _loops(p)]
    return any(one in seen[:k] for k, one in enumerate(seen))


def _of_one_sequence(p: Program) -> bool:
    """Two loops over one value, which therefore have one length."""
    firsts = [s.operands[0] for s in _loops(p) if Loop.of(s).sequences]
    return len(set(firsts)) < len(firsts)


def _slopes(p: Program) -> Iterator[tuple[Step, Step, str]]:
    """(gradient, loop it goes through, what it is taken by)."""
    for g in p.steps:
        if g.step == "grad":
            read = p.upstream([str(g.operands[0])])
            for loop in _loops(p):
                if read.intersection(loop.results):
                    yield from ((g, loop, str(by)) for by in g.operands[1:])


def _by(p: Program, which: Callable[[Loop, int], bool]) -> bool:
    """A gradient by what a loop reads in some place."""
    for _, step, by in _slopes(p):
        loop = Loop.of(step)
        for k, operand in enumerate(step.operands):
            if which(loop, k) and by in p.upstream([str(operand)]):
                return True
    return False


def _place(loop: Loop, k: int) -> str:
    ends = (len(loop.sequences), len(loop.initial), len(loop.explicit))
    for name, count in zip(("sequence", "state", "explicit"), ends):
        if k < count:
            return name
        k -= count
    return "captured"


def _twice(p: Program) -> bool:
    slopes = {s.results[0] for s in p.steps if s.step == "grad"}
    return any(p.upstream([str(g.operands[0])]) & slopes for g, _, _ in _slopes(p))


def _given(p: Program, which: Callable[[str], bool] = lambda place: True) -> bool:
    """A given replaces something that a loop reads."""
    keys = {k for k, _ in p.givens}
    return any(
        which(_place(Loop.of(s), k)) and keys & p.upstream([str(o)])
        for s in _loops(p)
        for k, o in enumerate(s.operands)
    )


def _ends(p: Program) -> bool:
    return any(Loop.of(loop).until is not None for _, loop, _ in _slopes(p))


PROGRAM_FORMS: dict[str, Callable[[Program], bool]] = {
    "scan feeds a scan": _feeds,
    "scan twice": _equal,
    "scans of one sequence": _of_one_sequence,
    "scan's gradient by a sequence": lambda p: _by(p, lambda loop, k: _place(loop, k) == "sequence"),
    "scan's gradient by an initial state": lambda p: _by(p, lambda loop, k: _place(loop, k) == "state"),
    "scan's gradient by a non-sequence": lambda p: _by(p, lambda loop, k: _place(loop, k) == "explicit"),
    "scan's gradient by a captured value": lambda p: _by(p, lambda loop, k: _place(loop, k) == "captured"),
    "scan's gradient's gradient": _twice,
    "scan's gradient, until": _ends,
    "scan's gradient, truncated": lambda p: any(Loop.of(s).truncate != -1 for _, s, _ in _slopes(p)),
    "scan's gradient, checkpoints": lambda p: any(Loop.of(s).every for _, s, _ in _slopes(p)),
    "scan's gradient, printing": lambda p: any(
        "printed" in [b.step for b in Loop.of(s).body] for _, s, _ in _slopes(p)
    ),
    "scan's result updates a shared variable": lambda p: any(
        p.upstream([by]) & _results(_loops(p)) for _, by in p.updates
    ),
    "scan reads what a given replaces": _given,
    "scan captures what a given replaces": lambda p: _given(p, lambda place: place == "captured"),
    "ifelse of a scan": lambda p: any(p.upstream(map(str, s.operands[1:])) & _results(_loops(p)) for s in _choices(p)),
    "ifelse's gradient": lambda p: any(
        p.upstream([str(g.operands[0])]) & _results(_choices(p)) for g in p.steps if g.step == "grad"
    ),
    "given made by a scan": lambda p: any(p.upstream([by]) & _results(_loops(p)) for _, by in p.givens),
}
"""Name -> whether a program is an example."""

FORMS = (*loop_forms.FORMS, *choosing.FORMS, *PROGRAM_FORMS)


def forms_of(program: Program) -> Iterator[str]:
    """The names of the forms of which a program is an example; of several steps, as often as there are steps."""
    for step in program.steps:
        named = STEPS[step.step].forms
        if named is not None:
            yield from named(step)
    for name, holds in PROGRAM_FORMS.items():
        if holds(program):
            yield name
