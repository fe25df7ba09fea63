"""Loops made smaller: fewer steps, shorter bodies, fewer sequences, states and options.

It knows the parts of a loop (`difftest.loop`), not what they mean: whether a smaller one makes sense, the model says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from difftest.loop import Loop
from difftest.program import Array, Input, Program, Step
from difftest.reduce.edits import facts, pruned_calls, with_step
from difftest.reduce.plain import simpler, with_attribute


def smaller_loops(program: Program) -> Iterator[Program]:
    for k, step in enumerate(program.steps):
        if step.step == "scan":
            yield from _unrolled(program, k, step)
            for smaller in _smaller(step):
                yield pruned_calls(with_step(program, k, smaller))


def _unrolled(program: Program, k: int, step: Step) -> Iterator[Program]:
    """The body itself in the place of the loop, on the rows that the first step reads."""
    known, loop = facts(program), Loop.of(step)
    places = {f"@{n}": o for n, o in enumerate(step.operands)}
    values: dict[str, Any] = {}
    for n, sequence in enumerate(loop.sequences):
        rows = known.get(str(step.operands[n]))
        if rows is None or not len(rows[0]):
            return
        values.update(dict.fromkeys(sequence.names, (rows[0][0], rows[1][1:])))
    for n, state in enumerate(loop.initial, len(loop.sequences)):
        start = known.get(str(step.operands[n]))
        if start is None:
            return
        value, pattern = (start[0][0], start[1][1:]) if state.stacked or state.spelled else start
        values.update(dict.fromkeys(state.names, (value, pattern)))
    first = len(loop.sequences) + len(loop.initial)
    places |= {name: step.operands[first + n] for n, name in enumerate(loop.explicit)}
    body = tuple(
        replace(
            s,
            operands=tuple(
                places.get(o, f"b_{o}" if isinstance(o, str) else o) if isinstance(o, str) else o for o in s.operands
            ),
            results=tuple(f"b_{name}" for name in s.results),
        )
        for s in loop.body
    )
    new = tuple(Input(f"b_{name}", pattern, Array(value)) for name, (value, pattern) in values.items())
    made = tuple(name for s in body for name in s.results)
    if made:
        yield pruned_calls(
            replace(
                program,
                inputs=program.inputs + new,
                steps=program.steps[:k] + body,
                outputs=made,
                updates=(),
                givens=(),
                calls=(),
            )
        )


def _smaller(step: Step) -> Iterator[Step]:
    loop = Loop.of(step)
    yield from (_with(step, loop, **{f.name: f.default}) for f in fields(Loop) if f.name in _OPTIONS)
    for end in range(1, len(loop.body)):
        yield from _result_is(step, loop, end)
    for n, inner in enumerate(loop.body):
        others = [o for o in inner.operands if isinstance(o, str)]
        without = loop.body[:n] + loop.body[n + 1 :]
        for other in others if len(inner.results) == 1 else []:
            yield _renamed(_with(step, loop, body=without), inner.results[0], other)
        for name, value in inner.attributes.items() if inner.step != "scan" else ():
            for simple in simpler(value):
                yield _with(step, loop, body=(*loop.body[:n], with_attribute(inner, name, simple), *loop.body[n + 1 :]))
        if inner.step == "scan":
            for smaller in _smaller(inner):
                yield _with(step, loop, body=(*loop.body[:n], smaller, *loop.body[n + 1 :]))
    if isinstance(loop.n_steps, int):
        yield from (_with(step, loop, n_steps=n) for n in (1, 2, 3) if n < loop.n_steps)
    for n, rows in enumerate(loop.rows):
        if rows:
            yield _with(step, loop, rows=(*loop.rows[:n], "", *loop.rows[n + 1 :]))
    yield from _fewer_taps(step, loop)


_OPTIONS = ("until", "truncate", "backwards", "name", "strict", "as_list", "call", "streams")


def _with(step: Step, loop: Loop, **changed: Any) -> Step:
    return replace(step, attributes=replace(loop, **changed).attributes())


def _result_is(step: Step, loop: Loop, end: int) -> Iterator[Step]:
    """The first steps of the body only; what an output was made of takes its place."""
    gone = {name for s in loop.body[end:] for name in s.results}
    last = loop.body[end - 1].results[-1]
    outputs = tuple(last if name in gone else name for name in loop.outputs)
    yield _with(step, loop, body=loop.body[:end], outputs=outputs)


def _renamed(step: Step, old: str, new: str) -> Step:
    loop = Loop.of(step)

    def of(name: Any) -> Any:
        return new if isinstance(name, str) and name == old else name

    return _with(
        step,
        loop,
        body=tuple(replace(s, operands=tuple(map(of, s.operands))) for s in loop.body),
        outputs=tuple(map(of, loop.outputs)),
        until=of(loop.until),
    )


def _fewer_taps(step: Step, loop: Loop) -> Iterator[Step]:
    for which, parts in (("sequences", loop.sequences), ("states", loop.states)):
        for n, part in enumerate(parts):
            if part is None or len(part.taps) < 2:
                continue
            for drop in range(len(part.taps)):
                keep = 1 if drop == 0 else 0
                taps = part.taps[:drop] + part.taps[drop + 1 :]
                names = part.names[:drop] + part.names[drop + 1 :]
                fewer = (*parts[:n], replace(part, taps=taps, names=names), *parts[n + 1 :])
                yield _renamed(_with(step, loop, **{which: fewer}), part.names[drop], part.names[keep])
