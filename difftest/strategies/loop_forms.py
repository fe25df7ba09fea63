"""Which forms of scan a loop is an example of.

Owns the names, so that a campaign can count them and say which were never drawn. What a form looks like in a whole
program (a gradient, an update) stands in `forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from difftest.loop import Loop, body
from difftest.program import Step


def _taps(loop: Loop) -> list[tuple[int, ...]]:
    return [s.taps for s in loop.initial]


def _reads(loop: Loop) -> list[tuple[int, ...]]:
    return [s.taps for s in loop.sequences]


def _rows(loop: Loop) -> set[str]:
    return {n for s in loop.sequences for n in s.names}


def _old(loop: Loop) -> set[str]:
    return {n for s in loop.initial for n in s.names}


def _news(loop: Loop) -> list[tuple[tuple[str, ...], str]]:
    """The local names and the new value of each state."""
    return [(s.names, new) for s, new in zip(loop.states, loop.outputs) if s is not None]


def _mapped(loop: Loop) -> list[str]:
    return [new for s, new in zip(loop.states, loop.outputs) if s is None]


def _names(loop: Loop) -> list[str]:
    return [s.step for s in loop.body]


def _inner(loop: Loop) -> list[Step]:
    return [s for s in loop.body if s.step == "scan"]


def _captured(step: Step, loop: Loop, letter: str) -> bool:
    read = {o for s in loop.body for o in s.operands if isinstance(o, str) and o[0] == "@"} | set(loop.outputs)
    return any(f"@{k}" in read and str(o)[0] == letter for k, o in enumerate(step.operands))


def _shared_operand(loop: Loop) -> bool:
    """Two dots in one step read one value."""
    read = [o for s in loop.body if s.step == "dot" for o in s.operands]
    return any(read.count(o) > 1 for o in read)


def _streams(loop: Loop) -> int:
    from difftest.model import STREAMS

    return sum(STREAMS.get(s.step, 0) + (s.step == "scan" and Loop.of(s).streams) for s in loop.body)


TABLE: dict[str, Callable[[Step, Loop], bool]] = {
    "no sequence": lambda s, l: not l.sequences,
    "one sequence": lambda s, l: len(l.sequences) == 1,
    "several sequences": lambda s, l: len(l.sequences) > 1,
    "sequence taps": lambda s, l: any(t != (0,) for t in _reads(l)),
    "several sequence taps": lambda s, l: any(len(t) > 1 for t in _reads(l)),
    "past taps": lambda s, l: any(min(t) < 0 for t in _reads(l)),
    "future taps": lambda s, l: any(max(t) > 0 for t in _reads(l)),
    "go_backwards": lambda s, l: l.backwards,
    "map output": lambda s, l: bool(_mapped(l)),
    "one state": lambda s, l: len(l.initial) == 1,
    "several states": lambda s, l: len(l.initial) > 1,
    "state and map output": lambda s, l: bool(l.initial) and bool(_mapped(l)),
    "state dict": lambda s, l: any(i.spelled for i in l.initial),
    "state taps -2 -1": lambda s, l: any(set(t) == {-2, -1} for t in _taps(l)),
    "state taps -3 -1": lambda s, l: any(set(t) == {-3, -1} for t in _taps(l)),
    "state tap -4 alone": lambda s, l: (-4,) in _taps(l),
    "constant output": lambda s, l: any(o[0] in "@w" for o in l.outputs) or "constant" in _names(l),
    "output equal to a row": lambda s, l: bool(_rows(l).intersection(_mapped(l))),
    "output equal to an old state": lambda s, l: bool(_old(l).intersection(_mapped(l))),
    "identity carry": lambda s, l: any(new in _rows(l) for _, new in _news(l)),
    "state from another state": lambda s, l: any(new in _old(l) and new not in own for own, new in _news(l)),
    "explicit non-sequence": lambda s, l: bool(l.explicit),
    "captured input": lambda s, l: _captured(s, l, "x"),
    "captured shared": lambda s, l: _captured(s, l, "s"),
    "captured expression": lambda s, l: _captured(s, l, "v"),
    "strict": lambda s, l: l.strict,
    "shared updates": lambda s, l: bool(l.carries),
    "random stream": lambda s, l: _streams(l) == 1,
    "several random streams": lambda s, l: _streams(l) > 1,
    "draw shared with the outside": lambda s, l: l.redrawn,
    "print": lambda s, l: "printed" in _names(l),
    "ifelse": lambda s, l: any(name.startswith("ifelse") for name in _names(l)),
    "gradient inside": lambda s, l: "grad" in _names(l),
    "dot": lambda s, l: "dot" in _names(l),
    "two dots of one operand": lambda s, l: _shared_operand(l),
    "outer product": lambda s, l: "outer" in _names(l),
    "n_steps number": lambda s, l: isinstance(l.n_steps, int),
    "n_steps 0": lambda s, l: l.n_steps == 0,
    "n_steps 1": lambda s, l: l.n_steps == 1,
    "n_steps symbolic": lambda s, l: str(l.n_steps)[0] == "@",
    "n_steps from a shape": lambda s, l: str(l.n_steps)[0] == "#",
    "until": lambda s, l: l.until is not None,
    "until with sequences": lambda s, l: l.until is not None and bool(l.sequences),
    "until with several states": lambda s, l: l.until is not None and len(l.initial) > 1,
    "truncate_gradient": lambda s, l: l.truncate != -1,
    "return_list": lambda s, l: l.as_list,
    "name": lambda s, l: l.name is not None,
    "map": lambda s, l: l.call == "map",
    "reduce": lambda s, l: l.call == "reduce",
    "foldl": lambda s, l: l.call == "foldl",
    "foldr": lambda s, l: l.call == "foldr",
    "scan_checkpoints": lambda s, l: l.call == "scan_checkpoints",
    "scan_checkpoints of no padding": lambda s, l: l.call == "scan_checkpoints" and not l.padding,
    "scan_checkpoints with a state": lambda s, l: l.call == "scan_checkpoints" and bool(l.initial),
    "nested": lambda s, l: bool(_inner(l)),
    "nested, reading a row": lambda s, l: any(_rows(l).intersection(map(str, i.operands)) for i in _inner(l)),
    "nested, reading a state": lambda s, l: any(_old(l).intersection(map(str, i.operands)) for i in _inner(l)),
    "keeps all rows": lambda s, l: "" in l.rows and l.call in ("scan", "map"),
    "keeps [-1]": lambda s, l: "[-1]" in l.rows,
    "keeps [-k:]": lambda s, l: "[-2:]" in l.rows,
    "keeps [0]": lambda s, l: "[0]" in l.rows,
    "keeps [::-1]": lambda s, l: "[::-1]" in l.rows,
    "keeps [i]": lambda s, l: any(r is not None and r.startswith("[@") for r in l.rows),
    "keeps the shape": lambda s, l: ".shape" in l.rows,
    "output unused": lambda s, l: None in l.rows,
}
"""Name -> whether a loop is an example."""

FORMS = tuple(f"scan {name}" for name in TABLE)


def forms(step: Step) -> Iterator[str]:
    loop = Loop.of(step)
    for name, holds in TABLE.items():
        if holds(step, loop):
            yield f"scan {name}"
    for inner in body(step):
        if inner.step == "scan":
            yield from forms(inner)
