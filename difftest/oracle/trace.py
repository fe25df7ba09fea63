"""What a loop's step is given, step by step.

Owns the run of a loop by its own step that keeps the arguments. It must not judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from reference.interpreter import without_effects


def steps_of(op: Any, given: Sequence[Any], limit: int | None = None) -> Iterator[list[Any]]:
    """The values of a loop's inner inputs in each of its steps, or of the first so many."""
    steps, *outer = given
    sequences, states, carries, constants = op.cut(outer)
    history = [list(rows) for rows in states]
    for t in islice(range(int(steps)), limit):
        past = [np.asarray(rows[tap]) for rows, taps in zip(history, op.taps) for tap in taps]
        arguments = [*(np.asarray(rows[t]) for rows in sequences), *past, *carries, *constants]
        yield arguments
        with without_effects():
            values = op.program.run(arguments)
        for rows, value in zip(history, values):
            rows.append(value)
        carries = values[op.n_stacked : op.n_stacked + op.n_carries]
        if op.until and values[-1]:
            return


def first_arguments(op: Any, given: Sequence[Any]) -> list[Any] | None:
    """What a loop's step is given first; None if the loop makes no step."""
    return next(steps_of(op, given, 1), None)


def finite(value: Any) -> bool:
    """True if no float of the value is infinite or NaN."""
    return getattr(getattr(value, "dtype", None), "kind", "") not in ("f", "c") or bool(np.isfinite(value).all())
