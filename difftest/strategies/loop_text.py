"""A loop as it is written: a lambda where one expression does, else a nested function.

Owns the text alone. What the parts mean stands in `difftest.loop`.
"""

from __future__ import annotations

from typing import Any

from difftest.loop import Loop, outer
from difftest.program import Step, step_source


def source(*operands: str, **attributes: Any) -> str:
    """The lines of a step `scan`."""
    loop = Loop.of(Step("scan", operands, attributes))
    before, function = _function(loop, operands)
    call = f"theano.{loop.call}({', '.join([function, *_options(loop, operands)])})"
    kept = _kept(loop, operands)
    if len(kept) == 1 and not loop.streams and not loop.carries:
        return "\n".join([*before, f"RESULT = {call}[0]{kept[0]}"]) if before else f"{call}[0]{kept[0]}"
    carried = [f"updates[{outer(shared, operands)}]" for shared, _ in loop.carries]
    if loop.streams or loop.carries:
        carried.append("updates")
    values = [f"outs{text}" for text in kept] + carried
    return "\n".join([*before, f"outs, updates = {call}", f"RESULT = {', '.join(values)}"])


def _function(loop: Loop, operands: tuple[str, ...]) -> tuple[list[str], str]:
    """The lines that define the step function, and the function."""
    arguments = ", ".join(loop.arguments)
    lines: list[str] = []
    for step in loop.body:
        lines += step_source(
            Step(step.step, tuple(outer(o, operands) for o in step.operands), step.attributes, step.results)
        ).split("\n")
    returned = [str(outer(name, operands)) for name in loop.outputs]
    given = _given(loop, operands)
    if not given and len(returned) == 1 and not loop.as_list:
        if not lines:
            return [], f"lambda {arguments}: {returned[0]}"
        if len(lines) == 1 and lines[0].startswith(f"{returned[0]} = "):
            return [], f"lambda {arguments}: {lines[0].removeprefix(f'{returned[0]} = ')}"
    values = (
        [] if not returned else returned if len(returned) == 1 and not loop.as_list else [f"[{', '.join(returned)}]"]
    )
    what = ", ".join([*values, *given])
    return [f"def step({arguments}):", *(f"    {line}" for line in lines), f"    return {what}"], "step"


def _given(loop: Loop, operands: tuple[str, ...]) -> list[str]:
    """What a step returns beside its outputs: updates, and the condition that ends the loop."""
    given = []
    carried = [f"{outer(shared, operands)}: {outer(new, operands)}" for shared, new in loop.carries]
    if carried or loop.gives:
        given.append("{" + ", ".join([*carried, *(f"**{name}" for name in loop.gives)]) + "}")
    if loop.until is not None:
        given.append(f"theano.until({loop.until})" if loop.call == "scan" else loop.until)
    return given


def _options(loop: Loop, operands: tuple[str, ...]) -> list[str]:
    left = list(operands)
    sequences = [_sequence(left.pop(0), s.taps) for s in loop.sequences]
    states = ["None" if s is None else _state(left.pop(0), s.taps, s.spelled) for s in loop.states]
    others = [left.pop(0) for _ in loop.explicit]
    options = []
    if sequences:
        options.append(f"sequences=[{', '.join(sequences)}]")
    if any(s is not None for s in loop.states):
        options.append(f"outputs_info=[{', '.join(states)}]")
    if others:
        options.append(f"non_sequences=[{', '.join(others)}]")
    if loop.n_steps is not None:
        options.append(f"n_steps={_count(loop.n_steps, operands)}")
    if loop.backwards:
        options.append("go_backwards=True")
    if loop.truncate != -1:
        options.append(f"truncate_gradient={loop.truncate}")
    if loop.name is not None:
        options.append(f"name={loop.name!r}")
    if loop.strict:
        options.append("strict=True")
    if loop.call == "scan_checkpoints":
        options.append(f"save_every_N={loop.every}")
        if not loop.padding:
            options.append("padding=False")
    if loop.as_list:
        options.append("return_list=True")
    return options


def _count(n_steps: int | str, operands: tuple[str, ...]) -> str:
    if isinstance(n_steps, str):
        name = operands[int(n_steps[1:])]
        return name if n_steps[0] == "@" else f"{name}.shape[0]"
    return str(n_steps)


def _sequence(name: str, taps: tuple[int, ...]) -> str:
    return name if taps == (0,) else f"dict(input={name}, taps={list(taps)})"


def _state(name: str, taps: tuple[int, ...], spelled: bool) -> str:
    return f"dict(initial={name}, taps={list(taps)})" if spelled or taps != (-1,) else name


def _kept(loop: Loop, operands: tuple[str, ...]) -> list[str]:
    """What follows ``outs`` for each output that is kept."""
    many = loop.as_list or len(loop.outputs) > 1
    texts = []
    for k, rows in enumerate(loop.rows):
        if rows is not None:
            text = f"[{operands[int(rows[2:-1])]}]" if rows.startswith("[@") else rows
            texts.append((f"[{k}]" if many else "") + text)
    return texts
