"""Small words that every kind of report uses: moments, durations, plurals.

Owns how they are written.
"""

from __future__ import annotations

import time


def day(seen: float) -> str:
    """A moment, to the minute, in universal time; empty where none is known."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seen)) if seen else ""


def duration(seconds: float) -> str:
    """``90 s``, ``12 min`` or ``7.5 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def many(number: int, word: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{number:,} {word}{'s' * (number != 1)}"
