"""Which forms of scan a loop is an example of.

Owns the names, so that a campaign can count them and say which were never drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from difftest.loop import Loop
from difftest.program import Step

FORMS: dict[str, Callable[[Loop], bool]] = {}


def forms(step: Step) -> Iterator[str]:
    loop = Loop.of(step)
    for name, holds in FORMS.items():
        if holds(loop):
            yield f"scan {name}"
