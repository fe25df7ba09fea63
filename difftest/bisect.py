"""Which switch makes a failure vanish: the first rewrite application too many, or a phase of a backend.

Owns the bisection of `config.rewrite_limit`, which finds what translation validation cannot see (even where failing is
not monotone, it ends at an adjacent pair), and `PHASES`, the flags that turn a backend's phases off one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PHASES: Mapping[str, tuple[tuple[str, str, Any], ...]] = {
    "opencl": (
        ("inline", "opencl.threads", "driver"),
        ("plan", "opencl.replay", False),
        ("fusion", "opencl.fuse", False),
        ("plan", "opencl.reuse", False),
        ("machine", "opencl.interpret", False),
        ("driver", "opencl.optimize", False),
    ),
}
"""Backend -> (the phase, the flag, the value that turns it off)."""


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


def phase(backend: str, fails: Callable[..., bool]) -> tuple[str, str]:
    """The first phase without which nothing fails, and the flag that turns it off; two empty texts if there is none.

    ``fails(**flags)`` tells whether the failure shows under these flags.
    """
    for name, flag, off in PHASES.get(backend, ()):
        if not fails(**{flag: off}):
            return name, f"{flag}={off}"
    return "", ""
