"""Translation validation: every application of a rewrite, judged by its own promise.

Owns the evaluation of both sides of each application, as the engine recorded them, on the values its inputs have in
the program. It names the rewrite, its file and line, and the application, even where the final result hides the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from difftest.oracle import contract
from difftest.oracle.bits import needed, same_bits
from difftest.oracle.bounds import walk
from difftest.oracle.ulps import executor
from reference.interpreter import without_effects


@dataclass(frozen=True)
class Broken:
    """An application that broke its promise."""

    rewrite: str
    promise: str
    where: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"rewrite {self.rewrite} ({self.promise}, {self.where}), application {self.number}: {self.what}"


def validate(graph: Any, log: Iterable[Any], values: Sequence[Any]) -> Iterator[Broken]:
    """Judge each application in the `log` of a rewritten graph on these values of the graph's inputs.

    The log must have been recorded (``Mode.rewrite(record=True)``). An application inside a loop, whose variables
    have no one value, is left out.
    """
    known = dict(zip(graph.inputs, values))
    for application in log:
        snapshot, r = application.snapshot, application.rewrite
        with np.errstate(all="ignore"), without_effects():
            try:
                given = {own: _value(leaf, known) for own, leaf in zip(snapshot.inputs, snapshot.leaves)}
            except Exception:
                continue
            what = judged(r.promise.name, snapshot.before, snapshot.after, given)
        if what is not None:
            yield Broken(r.name, r.promise.name, r.where, application.number, what)


def _value(variable: Any, known: dict[Any, Any]) -> Any:
    if variable not in known:
        computed(variable, known)
    return known[variable]


class _OutOfReach(Exception):
    """A variable of an inner graph, which has no one value."""


def computed(variable: Any, known: dict[Any, Any]) -> None:
    """Evaluate a variable by its operations' own meaning, filling `known`."""
    stack = [variable]
    while stack:
        v = stack[-1]
        if v in known:
            stack.pop()
        elif hasattr(v, "data"):
            known[v] = v.data
        elif v.owner is None:
            raise _OutOfReach(str(v))
        else:
            missing = [i for i in v.owner.inputs if i not in known]
            if missing:
                stack.extend(missing)
                continue
            with np.errstate(all="ignore"):
                results = v.owner.op.perform(v.owner, *[known[i] for i in v.owner.inputs])
            known.update(zip(v.owner.outputs, results))


def _evaluated(variables: Sequence[Any], given: Mapping[Any, Any]) -> tuple[list[Any] | None, str, bool]:
    """The values, or the kind of the error; and whether every float on the way is finite."""
    known = dict(given)
    try:
        for v in variables:
            computed(v, known)
    except _OutOfReach:
        raise
    except Exception as error:
        return None, type(error).__name__, False
    finite = all(
        np.all(np.isfinite(x)) for x in known.values() if getattr(getattr(x, "dtype", None), "kind", "") in "fc"
    )
    return [known[v] for v in variables], "", finite


def judged(promise: str, before: Sequence[Any], after: Sequence[Any], given: Mapping[Any, Any]) -> str | None:
    """What is wrong with an application, or None."""
    try:
        old, old_error, finite = _evaluated(before, given)
        new, new_error, _ = _evaluated(after, given)
    except _OutOfReach:
        return None
    if old is None:
        if promise == "EXACT" and new_error != old_error:
            return f"the original raises {old_error}, the replacement {new_error or 'nothing'}"
        return None
    if new is None:
        return f"the replacement raises {new_error}, the original nothing"
    if promise == "FINITE" and not finite:
        return None
    shadows = None
    for k, (a, b) in enumerate(zip(old, new)):
        if not isinstance(a, np.ndarray):
            continue
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"the original has dtype and shape {a.dtype}{a.shape}, the replacement {b.dtype}{b.shape}"
        if same_bits(a, b):
            continue
        if promise == "EXACT":
            return contract.shown(b, a, "the replacement", "the original")
        if shadows is None:
            shadows = [walk(needed(side), given, executor("reference", True)) for side in (before, after)]
        theirs, mine = shadows[0].of(before[k]), shadows[1].of(after[k])
        met = contract.meet(mine, theirs, a, promise in ("STABLE", "FINITE"))
        if met.wrong.any():
            return met.describe(b, a)
    return None
