"""How graphs print: Theano's text of a program's outputs beside ours.

Owns which systems should print as we do, and what is made alike before two texts are compared. It must not know how
either text is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import reference
from difftest.systems.meaning import Meaning

ALIKE = ("theano",)
"""Systems whose texts and static broadcast patterns are ours, but for what is known."""

SAME = (
    (re.compile(r",no_inplace"), ""),
)
"""What is written otherwise by design."""


def pairs(theirs: Mapping[str, Any], meaning: Meaning) -> Iterator[tuple[str, str, str]]:
    """What was printed, Theano's text, our text."""
    if not theirs:
        return
    built = meaning.program.build(reference)
    yield "debugprint", theirs["debugprint"], reference.printing.debugprint(built.outputs, file="str", dialect="1.0")
    for output, text in zip(built.outputs, theirs["pp"], strict=True):
        if text is not None:
            yield "pp", text, reference.pp(output)


def plain(text: str) -> str:
    """The text without what is known to be written otherwise."""
    for pattern, by in SAME:
        text = pattern.sub(by, text)
    return text


def first_difference(theirs: str, ours: str) -> str:
    """The first lines that differ."""
    for a, b in zip(theirs.splitlines() + [""], ours.splitlines() + [""]):
        if plain(a) != plain(b):
            return f"{a.strip()!r}, here {b.strip()!r}"
    return "the number of lines"
