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
from difftest.oracle.bounds import Bound, walk
from difftest.oracle.probes import probes
from difftest.oracle.trace import finite, steps_of
from difftest.oracle.ulps import executor
from reference.graph.lazy import awaited
from reference.graph.traversal import graph_inputs
from reference.interpreter import without_effects


@dataclass(frozen=True)
class Broken:
    """An application that broke its promise."""

    rewrite: str
    promise: str
    where: str
    number: int
    what: str

    @classmethod
    def of(cls, application: Any, what: str) -> Broken:
        r = application.rewrite
        return cls(r.name, r.promise.name, r.where, application.number, what)

    def __str__(self) -> str:
        return f"rewrite {self.rewrite} ({self.promise}, {self.where}), application {self.number}: {self.what}"


STEPS = 3
"""In so many steps of a loop the applications inside it are judged."""

Known = dict[Any, Any]
"""Variable -> value."""


def validate(graph: Any, log: Iterable[Any], values: Sequence[Any]) -> Iterator[Broken]:
    """Judge each application in the `log` of a rewritten graph on these values of the graph's inputs.

    The log must have been recorded (``Mode.rewrite(record=True)``). An application inside a loop is judged on the
    values that its variables have in the first steps. Of a step with a broken one inside no more is said.
    """
    applications = list(log)
    surroundings = _Surroundings(applications, dict(zip(graph.inputs, values)))
    excused = surroundings.finite_inside()
    for application in applications:
        if application in excused:
            excused.add(surroundings.home(application))
            continue
        for known in surroundings.of(application):
            what = _judged_among(application, known, graph, values)
            if what is not None:
                yield Broken.of(application, what)
                excused.add(surroundings.home(application))
                break


def _judged_among(application: Any, known: Known, graph: Any, values: Sequence[Any]) -> str | None:
    """What is wrong with an application where this is known; None also where its inputs have no values."""
    snapshot = application.snapshot
    with np.errstate(all="ignore"), without_effects():
        try:
            given = {own: _value(leaf, known) for own, leaf in zip(snapshot.inputs, snapshot.leaves)}
        except Exception:
            return None
        return _twice_judged(application, given, graph, values)


def _twice_judged(application: Any, given: Known, graph: Any, values: Sequence[Any]) -> str | None:
    """What is wrong with an application, or None.

    A second time with the bounds of its inputs as functions of the graph's: each may be rounded by itself where the
    rewrite rightly takes one for a function of another.
    """
    snapshot, promise = application.snapshot, application.rewrite.promise.name
    what = judged(promise, snapshot.before, snapshot.after, given)
    if what is None or promise == "EXACT" or application.inner:
        return what
    found = walk(needed(snapshot.leaves), dict(zip(graph.inputs, values)), executor("reference", True))
    bounds = {own: found.of(leaf) for own, leaf in zip(snapshot.inputs, snapshot.leaves)}
    return judged(promise, snapshot.before, snapshot.after, given, bounds)


def validate_elsewhere(order: Sequence[Any], graph: Any, log: Iterable[Any], values: Sequence[Any]) -> Iterator[Broken]:
    """As `validate`, on other values of the graph's inputs: those at which functions disagree. `order` is the graph
    as it was written. Of each rewrite the first application outside of loops is judged."""
    applications = list(log)
    unlike = _Surroundings(applications, {}).finite_inside()
    first = {a.rewrite.name: a for a in reversed(applications) if not a.inner and a not in unlike}
    for others in probes(order, values, len(first)):
        known = dict(zip(graph.inputs, others))
        for application in first.values():
            what = _judged_among(application, known, graph, others)
            if what is not None:
                yield Broken.of(application, f"with the inputs {', '.join(map(repr, others))}:\n{what}")
                return


class _Surroundings:
    """What is known where an application happened: the graph's inputs, or a step's, in each of a loop's first steps.

    Applications inside a loop are followed by that of the rewrite which puts the new step in the loop's place; its
    replacement holds the very variables that the inner graph read.
    """

    def __init__(self, applications: Sequence[Any], known: Known):
        self._outer = known
        self._inside = [a for a in applications if a.inner]
        self._homes: dict[Any, Any] = {}
        self._steps: dict[Any, list[Known]] = {}
        for a in applications:
            for v in getattr(getattr(a.new[0].owner, "op", None), "inner_inputs", ()):
                self._homes.setdefault(v, a)

    def home(self, application: Any) -> Any:
        """The application that put the step in place which this one happened in; None outside of loops."""
        if not application.inner:
            return None
        roots = graph_inputs([*application.snapshot.leaves, *application.old])
        found = next((self._homes[v] for v in roots if v in self._homes), None)
        return found if hasattr(getattr(found, "op", None), "inner_inputs") else None

    def finite_inside(self) -> set[Any]:
        """The applications that put steps in place of which a rewrite holds for finite values only: whether those
        of a step are finite nobody sees from outside of the loop."""
        return {self.home(a) for a in self._inside if a.rewrite.promise.name == "FINITE"}

    def of(self, application: Any) -> list[Known]:
        if not application.inner:
            return [self._outer]
        home = self.home(application)
        if home is None:
            return [{}]
        if home not in self._steps:
            self._steps[home] = list(self._first_steps(home))
        return self._steps[home]

    def _first_steps(self, home: Any) -> Iterator[Known]:
        """The values of a loop's inner inputs, in each of its first steps."""
        snapshot, names = home.snapshot, home.new[0].owner.op.inner_inputs
        for around in self.of(home):
            with np.errstate(all="ignore"), without_effects():
                try:
                    known = {own: _value(leaf, around) for own, leaf in zip(snapshot.inputs, snapshot.leaves)}
                    given = [_value(v, known) for v in snapshot.before[0].owner.inputs]
                    for arguments in steps_of(home.op, given, STEPS):
                        yield dict(zip(names, arguments))
                except Exception:
                    return


def _value(variable: Any, known: dict[Any, Any]) -> Any:
    if variable not in known:
        computed(variable, known)
    return known[variable]


class _OutOfReach(Exception):
    """A variable of an inner graph, which has no one value."""


def computed(variable: Any, known: dict[Any, Any]) -> None:
    """Evaluate a variable by its operations' own meaning, filling `known`."""
    stack = [variable]
    with np.errstate(all="ignore"):
        while stack:
            v = stack[-1]
            if v in known:
                stack.pop()
            elif v.owner is not None:
                missing = [i for i in _needed(v.owner, known) if i not in known]
                if missing:
                    stack.extend(missing)
                    continue
                results = v.owner.op.perform(v.owner, *[known.get(i) for i in v.owner.inputs])
                known.update(zip(v.owner.outputs, results))
            elif hasattr(v, "data"):
                known[v] = v.data
            else:
                raise _OutOfReach(str(v))


def _needed(node: Any, known: dict[Any, Any]) -> Sequence[Any]:
    """The inputs that a node's value depends on: of a lazy one the condition, then what that takes."""
    if not node.op.lazy:
        return node.inputs
    condition = node.inputs[0]
    return [node.inputs[k] for k in awaited(node, known[condition])] if condition in known else [condition]


def _evaluated(variables: Sequence[Any], given: Mapping[Any, Any]) -> tuple[list[Any] | None, str, Known]:
    """The values, or the kind of the error; and all values on the way."""
    known = dict(given)
    try:
        for v in variables:
            computed(v, known)
    except _OutOfReach:
        raise
    except Exception as error:
        return None, type(error).__name__, known
    return [known[v] for v in variables], "", known


def judged(
    promise: str,
    before: Sequence[Any],
    after: Sequence[Any],
    given: Mapping[Any, Any],
    bounds: Mapping[Any, Bound] | None = None,
) -> str | None:
    """What is wrong with an application, or None. `given` are the inputs' values; they are exact unless their `bounds`
    are known."""
    try:
        old, old_error, on_the_way = _evaluated(before, given)
        new, new_error, _ = _evaluated(after, given)
    except _OutOfReach:
        return None
    if old is None:
        if promise == "EXACT" and new_error != old_error:
            return f"the original raises {old_error}, the replacement {new_error or 'nothing'}"
        return None
    if new is None:
        return f"the replacement raises {new_error}, the original nothing"
    if promise == "FINITE" and not all(map(finite, on_the_way.values())):
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
            exact = given if bounds is None else {}
            shadows = [walk(needed(side), exact, executor("reference", True), bounds) for side in (before, after)]
        theirs, mine = shadows[0].of(before[k]), shadows[1].of(after[k])
        met = contract.meet(mine, theirs, a, promise in ("STABLE", "FINITE"))
        if met.wrong.any():
            return met.describe(b, a)
    return None
