"""A failing program made as small as it gets, by what we know of programs.

Owns the search: passes, in the order of what they are expected to save, each repeated while it helps, all of them
until none does or patience ends. What a pass tries stands in `structure` (outputs, steps), `loops` (bodies,
taps, numbers of steps) and `plain` (attributes, lengths, values, names); `edits` has the tools they share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from difftest.case import Failure
from difftest.cells import Cell
from difftest.probe import Probe
from difftest.program import Program
from difftest.reduce import loops, plain, structure
from difftest.reduce.edits import Pass, size

__all__ = ["reduced", "smallest"]

PATIENCE = 10.0
"""Seconds after which the smallest program so far is good enough."""

PASSES: tuple[Pass, ...] = (
    structure.one_output,
    structure.without_extras,
    structure.cones,
    structure.suffixes,
    structure.fewer_steps,
    structure.rewired,
    loops.smaller_loops,
    structure.fewer_parts,
    plain.fewer_lengths,
    plain.plainer_values,
    plain.smaller_attributes,
    plain.plain_dtypes,
    plain.plain_layouts,
    plain.plain_names,
)


def smallest(program: Program, failure: Failure, chosen: Sequence[Cell] = (), api: Any = None) -> Program:
    """The smallest program found that fails alike."""
    probe = Probe(program, failure, chosen, api)
    return reduced(program, probe.shows)


def is_given(program: Program) -> bool:
    """Has every input a value? A replaced one has none for what replaces it."""
    replaced = {i.name for i in program.inputs} & {name for name, _ in program.givens}
    return not replaced & program.upstream(by for _, by in program.givens)


def reduced(program: Program, fails: Callable[[Program], bool], patience: float = PATIENCE) -> Program:
    """The smallest program found for which `fails` still holds."""
    deadline = time.monotonic() + patience
    tried: set[str] = set()

    def first(candidates: Iterator[Program], least: tuple[int, ...]) -> Program | None:
        # What the reference does may be wrong in any way: a pass that stumbles has nothing more to try.
        with suppress(Exception):
            for candidate in candidates:
                if time.monotonic() > deadline:
                    return None
                if size(candidate) < least and candidate.digest not in tried and is_given(candidate):
                    tried.add(candidate.digest)
                    if fails(candidate):
                        return candidate
        return None

    found = True
    while found:
        found = False
        for shrink in PASSES:
            while (smaller := first(shrink(program), size(program))) is not None:
                program, found = smaller, True
    return program
