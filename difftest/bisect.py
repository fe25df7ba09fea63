"""Bisection over the number of rewrite applications.

Owns the search for the first application without which a program is right, through `config.rewrite_limit`. It finds
what translation validation cannot see; even where failing is not monotone, it ends at an adjacent pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """With `number` applications right, with one more wrong."""

    number: int
    total: int


def bisect(total: int, fails: Callable[[int], bool]) -> Step | None:
    """The application after which a program fails; None if it fails without any, or never."""
    if total == 0 or fails(0) or not fails(total):
        return None
    good, bad = 0, total
    while bad - good > 1:
        middle = (good + bad) // 2
        if fails(middle):
            bad = middle
        else:
            good = middle
    return Step(good, total)
