"""When two results may differ: inside bounds, and where the promises of the rewrites that fired allow it.

Owns the comparison of a value with a bound and of two bounds with each other, element by element, and the counts of
what could not be told: uncertain (nothing is known there), vacuous (the bound is too wide to mean much).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from difftest.oracle.bits import equal_elements
from difftest.oracle.bounds import FLOATS, Bound
from difftest.oracle.wide import INF, WIDE

VACUOUS = {"float16": 2.0**-4, "float32": 2.0**-8, "float64": 2.0**-26}
"""A bound wider than this share of the largest element says too little to count as a comparison."""


@dataclass(eq=False)
class Comparison:
    """Where a value is wrong, and how many elements were compared, uncertain, vacuous."""

    wrong: np.ndarray
    bound: Bound
    counts: Counter[str]

    def describe(self, value: np.ndarray, expected: np.ndarray) -> str:
        """The worst elements: value, expected, shadow and bound."""
        places = np.argwhere(self.wrong)
        lines = [f"{len(places)} of {self.wrong.size} elements are wrong"]
        for place in map(tuple, places[:3]):
            y = np.asarray(self.bound.y)[place] if self.bound.y is not None else "?"
            e = np.asarray(self.bound.e)[place] if self.bound.e is not None else "?"
            lines.append(
                f"  {list(map(int, place))}: {value[place]!r}, compared with {expected[place]!r}; shadow {y} +- {e}"
            )
        return "\n".join(lines)

    def interval(self, expected: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray] | None:
        """The least and the largest right value, in the dtype of the result; around `expected` if that is given."""
        if self.bound.y is None or self.bound.dtype not in FLOATS:
            return None
        centre = self.bound.y if expected is None else expected.astype(WIDE)
        with np.errstate(all="ignore"):
            low, high = ((centre + s * self.bound.e).astype(self.bound.dtype) for s in (-1, 1))
        exact = self.bound.e == 0
        return np.where(exact, low, np.nextafter(low, -np.inf)), np.where(exact, high, np.nextafter(high, np.inf))


def inside(value: np.ndarray, bound: Bound) -> Comparison:
    """A value against the shadow of its own graph."""
    if bound.y is None or np.shape(bound.y) != value.shape:
        return Comparison(np.zeros(value.shape, bool), bound, Counter({"uncertain": value.size}))
    with np.errstate(all="ignore"):
        distance = np.abs(value.astype(WIDE) - bound.y)
        right = (distance <= bound.e) | (value == bound.y) | (np.isnan(value) & np.isnan(bound.y))
    return _counted(bound, np.asarray(right), np.asarray(bound.e == INF))


def meet(mine: Bound, theirs: Bound, expected: np.ndarray, loose: bool) -> Comparison:
    """Two shadows of what should be one value: their intervals touch.

    `loose`: a STABLE or FINITE rewrite was applied, which may give anything where the original is not finite.
    """
    if mine.y is None or theirs.y is None or mine.y.shape != theirs.y.shape:
        return Comparison(np.zeros(expected.shape, bool), mine, Counter())
    with np.errstate(all="ignore"):
        reach = mine.e + theirs.e
        right = (np.abs(mine.y - theirs.y) <= reach) | (mine.y == theirs.y) | (np.isnan(mine.y) & np.isnan(theirs.y))
    right = right | (reach == INF)
    if loose:
        right = right | ~np.isfinite(expected)
    return Comparison(~np.asarray(right), Bound(theirs.y, reach, mine.dtype), Counter())


def _counted(bound: Bound, right: np.ndarray, unknown: np.ndarray) -> Comparison:
    counts: Counter[str] = Counter()
    counts["uncertain"] = int(unknown.sum())
    vacuous = np.zeros(right.shape, bool)
    if bound.dtype in FLOATS and right.size:
        with np.errstate(all="ignore"):
            scale = np.max(np.where(np.isfinite(bound.y), np.abs(bound.y), 0))
            vacuous = ~unknown & (bound.e > VACUOUS[bound.dtype] * scale) & (scale > 0)
    counts["vacuous"] = int(vacuous.sum())
    counts["bounded"] = int(right.size) - counts["uncertain"] - counts["vacuous"]
    return Comparison(~right & ~unknown, bound, counts)


def shown(value: np.ndarray, expected: np.ndarray, first: str, second: str) -> str:
    """The first elements whose bits differ."""
    places = np.argwhere(~equal_elements(value, expected))
    lines = [f"{len(places)} of {value.size} elements have other bits"]
    for place in map(tuple, places[:3]):
        lines.append(f"  {list(map(int, place))}: {value[place]!r} in {first}, {expected[place]!r} in {second}")
    return "\n".join(lines)
