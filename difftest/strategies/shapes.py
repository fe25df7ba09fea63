"""Shapes: small, with every oddity (rank 0, length 0, length 1) common.

Owns the order in which shapes shrink. A shape comes with its broadcast pattern; a length of 1 is declared
broadcastable about half the time.
"""

from __future__ import annotations

from math import prod

from difftest.strategies.drawing import LENGTHS, Draw

MOST_ELEMENTS = 64


def shape(draw: Draw, least: int = 0, most: int = 4, choices: tuple[int, ...] = LENGTHS) -> tuple[int, ...]:
    """A shape of `least` to `most` dimensions and at most 64 elements."""
    ranks = [r for r in (1, 2, 0, 1, 2, 3, 2, 4) if least <= r <= most] or [least]
    lengths: list[int] = []
    for _ in range(draw.choose(ranks)):
        lengths.append(draw.choose(choices))
        if prod(lengths) > MOST_ELEMENTS:
            lengths[-1] = 1
    return tuple(lengths)


def pattern(draw: Draw, lengths: tuple[int, ...]) -> tuple[bool, ...]:
    """A broadcast pattern that fits the lengths."""
    return tuple(length == 1 and draw.flag() for length in lengths)


def stretched(draw: Draw, lengths: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """A shape and pattern that broadcast to `lengths`: leading dimensions left out, others of length 1."""
    if draw.often():
        return lengths, pattern(draw, lengths)
    kept = lengths[draw.integer(0, len(lengths)) :]
    declared = tuple(draw.flag() for _ in kept)
    return tuple(1 if b else n for n, b in zip(kept, declared)), declared
