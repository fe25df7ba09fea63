"""Steps one after the other, as straight-line Python written for the form of a loop.

Owns the text: which names a step reads, where its values go, what grows older. A form is written once. What a step
computes and what stacks are is the loop's business; between two steps nothing is made but rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

LAST, ALL, RING, GROWING = "last", "all", "ring", "growing"
"""How the rows of an output are kept: the last one; every one; the last few, around; as many as come."""

Rounds = Callable[..., tuple[int, list[Any], list[Any]]]


@lru_cache(maxsize=256)
def rounds(
    sequences: int, taps: tuple[tuple[int, ...], ...], carries: int, constants: int, until: bool, kept: tuple[str, ...]
) -> Rounds:
    """``f(run, steps, sequences, pasts, carries, constants, begin, changed, failed)``: (steps made, the last values of
    the outputs, the carries after them).

    run      one step: the values it reads in order, to the values it gives
    pasts    for each state the rows before the first step, oldest first
    begin    told the first step's values, it gives for each output the shape of its rows and what holds them
    changed  the error for output k of step t, whose value has another shape
    failed   told an error and its step
    """
    inner = [f"x{k}[t, ...]" for k in range(sequences)]
    pasts = [[f"h{k}_{ago}" for ago in range(-min(lags), 0, -1)] for k, lags in enumerate(taps)]
    for k, lags in enumerate(taps):
        inner += [f"h{k}_{-tap}" for tap in lags]
    inner += [f"c{k}" for k in range(carries)] + [f"k{k}" for k in range(constants)]
    stacked = [f"n{k}" for k in range(len(kept))]
    given = [*stacked, *(f"d{k}" for k in range(carries)), *(["end"] if until else [])]
    store = {LAST: "", ALL: "b{0}[t] = n{0}", RING: "b{0}[t % len(b{0})] = n{0}", GROWING: "b{0}(t, n{0})"}
    body = [f"{_names(given)} = run({', '.join(inner)})"]
    if stacked:
        body.append(f"if not t: {_names(f'(s{k}, b{k})' for k in range(len(kept)))} = begin({_names(stacked)})")
    for k, how in enumerate(kept):
        body += [f"if n{k}.shape != s{k}: raise changed({k}, t, s{k}, n{k}.shape)", store[how].format(k)]
    for k, past in enumerate(pasts):
        body += [f"{older} = {newer}" for older, newer in zip(past, [*past[1:], f"n{k}"])]
    body += [f"c{k} = d{k}" for k in range(carries)]
    if until:
        body.append("if end: made = t + 1; break")
    lines = [
        "def rounds(run, steps, sequences, pasts, carries, constants, begin, changed, failed):",
        *(f"    {_names(f'{kind}{k}' for k in range(count))} = {source}" for kind, count, source in (
            ("x", sequences, "sequences"), ("c", carries, "carries"), ("k", constants, "constants")) if count),
        *(f"    {_names(past)} = pasts[{k}]" for k, past in enumerate(pasts)),
        *(f"    {name} = None" for name in stacked),
        "    t, made = 0, steps",
        "    try:",
        "        for t in range(steps):",
        *(f"            {line}" for line in body if line),
        "    except Exception as error:",
        "        failed(error, t)",
        "        raise",
        f"    return made, [{', '.join(stacked)}], [{', '.join(f'c{k}' for k in range(carries))}]",
    ]  # fmt: skip
    known: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<the steps of a loop>", "exec"), known)
    return known["rounds"]


def _names(names: Any) -> str:
    """What unpacks into these names, or makes a tuple of them."""
    return "(" + "".join(f"{name}, " for name in names) + ")"
