"""Fewer outputs, updates, givens, calls and steps.

Owns the cuts: one output alone, a step with what it was given, the last steps, all but one, a reader rewired to an
operand. A cut that needs a value takes the one the model knows, or the reference gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from difftest.program import Input, Program, Step
from difftest.reduce.edits import Fact, facts, kept_steps, operands, pruned_calls

REACH = (1, 2, 3)
"""How many steps in a row are tried alone."""


def one_output(program: Program) -> Iterator[Program]:
    """One output or update alone, without anything else; then with the rest as it is."""
    alone = replace(program, updates=(), givens=(), calls=())
    for name in program.outputs:
        yield pruned_calls(replace(alone, outputs=(name,)))
    if len(program.outputs) > 1:
        for name in program.outputs:
            yield pruned_calls(replace(program, outputs=(name,)))
        for name in program.outputs:
            yield pruned_calls(replace(program, outputs=tuple(n for n in program.outputs if n != name)))
    if program.outputs and program.updates:
        yield pruned_calls(replace(program, outputs=()))


def without_extras(program: Program) -> Iterator[Program]:
    """No later calls, no updates, no givens; or one less of each."""
    yield replace(program, calls=())
    yield pruned_calls(replace(program, updates=()))
    yield pruned_calls(replace(program, givens=()))
    yield replace(program, calls=program.calls[:1])
    for k in range(len(program.givens)):
        yield pruned_calls(replace(program, givens=program.givens[:k] + program.givens[k + 1 :]))
    for k in range(len(program.updates)):
        yield pruned_calls(replace(program, updates=program.updates[:k] + program.updates[k + 1 :]))


def cones(program: Program) -> Iterator[Program]:
    """One step on what it was given; then a step and those it reads; the results are the outputs."""
    known = facts(program)
    maker = {name: step for step in program.steps for name in step.results}
    alone = replace(program, updates=(), givens=(), calls=())
    for reach in REACH:
        if reach >= len(program.steps):
            return
        for step in reversed(program.steps):
            cone: list[Step] = [step]
            edge = [step]
            for _ in range(reach - 1):
                edge = [maker[n] for s in edge for n in operands(s) if n in maker and maker[n] not in cone]
                cone += edge
            if reach > 1 and not edge:
                continue
            results = _results(step, known)
            for whole in (alone, program):
                cut = kept_steps(replace(whole, outputs=results), cone, known)
                if cut is not None:
                    yield cut


def suffixes(program: Program) -> Iterator[Program]:
    """The last steps alone, few first; and the program up to an earlier step."""
    known = facts(program)
    total = len(program.steps)
    for count in dict.fromkeys((1, 2, 3, total // 4, total // 2, 3 * total // 4, total - 1)):
        if 0 < count < total:
            cut = kept_steps(program, program.steps[-count:], known)
            if cut is not None:
                yield cut
            steps = program.steps[:count]
            there = {*_sources(program), *(n for s in steps for n in s.results)}
            pairs = [p for p in program.updates if set(p) <= there], [p for p in program.givens if set(p) <= there]
            yield pruned_calls(
                replace(
                    program,
                    steps=steps,
                    outputs=_results(steps[-1], known),
                    updates=tuple(pairs[0]),
                    givens=tuple(pairs[1]),
                )
            )


def _results(step: Step, known: dict[str, Fact]) -> tuple[str, ...]:
    """What a step gives, as outputs; its first result if it cannot be built."""
    return tuple(name for name in step.results if name in known) or step.results[:1]


def fewer_steps(program: Program) -> Iterator[Program]:
    """Without half of the steps, a quarter, one: what they gave becomes inputs."""
    known = facts(program)
    length = max(len(program.steps) // 2, 1)
    while True:
        for start in range(0, len(program.steps), length):
            kept = program.steps[:start] + program.steps[start + length :]
            cut = kept_steps(program, kept, known)
            if kept and cut is not None:
                yield cut
        if length == 1:
            return
        length //= 2


def rewired(program: Program) -> Iterator[Program]:
    """Without one step: its readers take an operand of its, or an input, of the same type."""
    known = facts(program)
    for step in reversed(program.steps):
        others = [*operands(step), *_sources(program)]
        for result in step.results:
            for other in list(dict.fromkeys(o for o in others if _alike(known, o, result)))[:3]:
                yield pruned_calls(_renamed_readers(program, result, other))


def _sources(program: Program) -> list[str]:
    return [i.name for i in program.inputs] + [s.name for s in program.shared]


def _alike(known: dict[str, Fact], a: str, b: str) -> bool:
    if a not in known or b not in known:
        return False
    (x, p), (y, q) = known[a], known[b]
    return x.dtype == y.dtype and x.shape == y.shape and p == q


def _renamed_readers(program: Program, old: str, new: str) -> Program:
    def of(name: object) -> object:
        return new if isinstance(name, str) and name == old else name

    return replace(
        program,
        steps=tuple(replace(s, operands=tuple(map(of, s.operands))) for s in program.steps),  # type: ignore[arg-type]
        outputs=tuple(dict.fromkeys(map(of, program.outputs))),  # type: ignore[arg-type]
        updates=tuple((a, of(b)) for a, b in program.updates),  # type: ignore[misc]
        givens=tuple((a, of(b)) for a, b in program.givens if a != old),  # type: ignore[misc]
    )


def fewer_parts(program: Program) -> Iterator[Program]:
    """Shared variables that nothing updates become inputs; two inputs of one type become one; givens are written in."""
    updated = {s for s, _ in program.updates}
    for s in program.shared:
        if s.name not in updated:
            new = Input(s.name, (False,) * s.value.data.ndim, s.value)
            yield replace(
                program,
                inputs=(*program.inputs, new),
                shared=tuple(other for other in program.shared if other is not s),
                calls=tuple((*call, s.value) for call in program.calls),
            )
    for k, i in enumerate(program.inputs):
        for other in program.inputs[:k]:
            same = i.value.dtype == other.value.dtype and i.value.data.shape == other.value.data.shape
            if same and i.broadcastable == other.broadcastable:
                yield pruned_calls(_renamed_readers(program, i.name, other.name))
