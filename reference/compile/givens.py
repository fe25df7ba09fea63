"""Writing givens into the expressions of a function, and the updates that come along with what they reach.

Owns the meaning of simultaneous substitution and of default updates. It must not know what the pairs were
called (io does) nor what becomes of the expressions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from reference.compile.io import In, update_value
from reference.compile.shared import SharedVariable
from reference.graph.core import Constant, Variable
from reference.graph.traversal import clone_replace, graph_inputs


class Substitution:
    """Simultaneous substitution in any number of expressions.

    A key that is left as a free variable nobody supplies is replaced in turn. What two expressions share
    they share afterwards as well, whether they were substituted together or one after the other: a draw of
    random numbers and the default update of its stream are two results of one node.
    """

    def __init__(self, replace: Mapping[Variable, Variable], supplied: Iterable[Variable] = ()):
        self.replace, self.supplied = replace, set(supplied)
        self._rounds: list[dict[Variable, Variable]] = [{} for _ in range(len(replace) + 1)]

    def __call__(self, expressions: Sequence[Variable]) -> list[Variable]:
        """The expressions with every key replaced."""
        expressions, pairs = list(expressions), self.replace
        for memo in self._rounds:
            if not pairs:
                break
            expressions = clone_replace(expressions, pairs, memo)
            pairs = {v: self.replace[v] for v in graph_inputs(expressions) if self._left(v)}
        return expressions

    def _left(self, leaf: Variable) -> bool:
        if leaf not in self.replace or leaf in self.supplied:
            return False
        return not isinstance(leaf, SharedVariable | Constant)


def free_inputs(specs: Sequence[In], replace: Mapping[Variable, Variable]) -> tuple[list[In], dict[Variable, Variable]]:
    """Inputs that are computed become free: the graph above them is cut off, also in what the givens put in."""
    free = {s.variable: s.variable.type(s.variable.name) for s in specs if s.variable.owner is not None}
    if not free:
        return list(specs), dict(replace)
    inputs = [dataclasses.replace(s, variable=free.get(s.variable, s.variable)) for s in specs]
    return inputs, dict(zip(replace, clone_replace(list(replace.values()), free))) | free


def add_default_updates(
    roots: list[Variable],
    updates: dict[SharedVariable, Variable],
    excluded: bool | Sequence[SharedVariable],
    substitute: Substitution,
) -> None:
    """Default updates of every shared variable reached, also through other updates, unless excluded."""
    if not isinstance(excluded, bool | list | tuple | set):
        raise TypeError(f"no_default_updates is True, False or a list of shared variables, not {excluded!r}")
    if excluded is True:
        return
    skipped = set() if excluded is False else set(excluded)
    roots = [*roots, *updates.values()]
    seen: set[Variable] = set()
    while roots:
        found = [v for v in graph_inputs(roots) if isinstance(v, SharedVariable) and v not in seen]
        seen.update(found)
        roots = []
        for variable in found:
            if variable.default_update is not None and variable not in updates and variable not in skipped:
                (value,) = substitute([update_value(variable, variable.default_update)])
                updates[variable] = update_value(variable, value)
                roots.append(value)
