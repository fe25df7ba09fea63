"""The table of relations: what must hold between a program and another one made of it.

Owns `Twin`, `Relation`, the decorator `relation` and the table `RELATIONS`. A relation looks at a case and yields
twins: other programs, or the same one made into a function in another way, with the results that must agree. It
yields nothing where its conditions do not hold. It must not run anything; `trial` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from difftest.case import Case
from difftest.program import Program
from difftest.strategies.drawing import Draw, Tape

PROMISES = {
    "EXACT": "the same bits, but for products of matrices; with rewrites, within the bounds of both",
    "REAL": "within the bounds of both, in every cell",
    "BITS": "the same bits in every cell",
}
"""What a relation may promise, weakest last but one."""

MOST = 2
"""So many twins of a relation are tried on one program."""


@dataclass(frozen=True, eq=False)
class Twin:
    """Another program, or another way to run one, and which results agree.

    outputs   pairs (the first program's output, the twin's); `inner` if both are the twin's own.
    calls     pairs of calls that agree, (first program's, twin's); None: each with its like.
    shared    names of shared variables that end each call with the same values.
    promise   if not the relation's own. `alike`: the functions print the same, with `names` (the twin's) put back.
    modes     the modes in which it is tried, if not in all; `backends` likewise.
    computed  a number in it was computed by the reference: another backend's own may have other bits.
    scale     output of the first program -> the power of two by which the twin's is larger.
    flags     configuration while the function is compiled and called; `way` names another way of making it (see
              `ways`), with `options`.
    """

    program: Program
    outputs: Sequence[tuple[str, str]]
    calls: Sequence[tuple[int, int]] | None = None
    shared: Sequence[str] = ()
    promise: str = ""
    alike: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    modes: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    computed: bool = False
    scale: Mapping[str, int] = field(default_factory=dict)
    lifted: bool = False
    inner: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict)
    way: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


Twins = Callable[[Case, Draw], Iterator[Twin]]


@dataclass(frozen=True, eq=False)
class Relation:
    """A relation: its id and law, what it promises, and who is to blame where even the unoptimized graph breaks it."""

    id: str
    law: str
    promise: str
    subject: str
    family: str
    function: Twins

    def twins(self, case: Case) -> Iterator[Twin]:
        """The twins to be tried, always the same ones for the same program."""
        seed = int.from_bytes(hashlib.sha256(f"{self.id}:{case.program.digest}".encode()).digest()[:8], "big")
        return islice(self.function(case, Draw(Tape(seed))), MOST)


RELATIONS: dict[str, Relation] = {}


def relation(id: str, law: str, promise: str = "EXACT", subject: str = "interpreter") -> Callable[[Twins], Twins]:
    """Register the decorated ``f(case, draw) -> Iterator[Twin]``."""

    def register(function: Twins) -> Twins:
        if id in RELATIONS:
            raise ValueError(f"two relations are called {id!r}")
        if promise not in PROMISES:
            raise ValueError(f"{id}: the promise {promise!r} is none of {', '.join(PROMISES)}")
        family = function.__module__.rpartition(".")[2]
        RELATIONS[id] = Relation(id, law, promise, subject, family, function)
        return function

    return register


def rotated(number: int) -> list[str]:
    """Every relation, another one first for each example."""
    names = list(RELATIONS)
    start = number % len(names)
    return names[start:] + names[:start]


def asked(kind: str) -> tuple[str, ...]:
    """The relation that a failure of this kind broke, if it is one."""
    return (kind,) if kind in RELATIONS else ()


def chosen(ids: Iterable[str]) -> list[Relation]:
    """The relations of these ids. Raises ValueError for an unknown one."""
    unknown = [i for i in ids if i not in RELATIONS]
    if unknown:
        raise ValueError(f"there is no relation {unknown[0]!r}; there are {', '.join(RELATIONS)}")
    return [RELATIONS[i] for i in ids]


def table() -> str:
    """The page docs/relations.md."""
    lines = [_HEAD, *(f"- **{name}**: {what}." for name, what in PROMISES.items()), ""]
    lines += ["| id | law | from one to the other | promise | blames | family |", "|---|---|---|---|---|---|"]
    for r in sorted(RELATIONS.values(), key=lambda r: (int("".join(filter(str.isdigit, r.id))), r.id)):
        forms = " ".join((r.function.__doc__ or "").split())
        cells = [r.id, r.law, forms, r.promise, r.subject, r.family]
        lines.append(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |")
    return "\n".join(lines) + "\n"


_HEAD = """# Relations

What must hold between a program and a twin made of it: `check(program, relations=["MR7"])`. A session tries one that
applies on every program. A relation states its conditions, and yields nothing where they do not hold. This page is
written by `python -m difftest.relations > docs/relations.md`.

Promises:
"""
