"""`rebuild_collect_shared`: what `function` does before it compiles, for programs that do it themselves.

Owns the form in which Theano hands it back. The substitution and the updates are `function`'s own.
"""

from __future__ import annotations

from typing import Any

from reference.compile.function import Function, function
from reference.compile.givens import Substitution, add_default_updates
from reference.compile.io import In, Out, as_givens, as_inputs, as_updates
from reference.compile.shared import SharedVariable
from reference.graph.core import Variable
from reference.graph.traversal import graph_inputs

__all__ = ["pfunc", "rebuild_collect_shared"]


def pfunc(params: Any, outputs: Any = None, *args: Any, **kwargs: Any) -> Function:
    """`function`, whose inputs it calls `params`."""
    return function(params, outputs, *args, **kwargs)


def rebuild_collect_shared(
    outputs: Any,
    inputs: Any = None,
    replace: Any = None,
    updates: Any = None,
    rebuild_strict: bool = True,
    copy_inputs_over: bool = True,
    no_default_updates: Any = False,
) -> tuple[list[Variable], Any, list[Any]]:
    """`outputs` with the pairs of `replace` replaced, and the shared variables and updates that belong to them.

    Returns (inputs, outputs, [old variable -> new one, updates as a dict, updates as pairs, shared variables]).
    `outputs` may be None, a variable, `Out`, or a list. Unless `copy_inputs_over`, inputs are copied.
    """
    declared = [item if isinstance(item, In) else In(item) for item in inputs or ()]
    many = list(outputs) if isinstance(outputs, list | tuple) else [] if outputs is None else [outputs]
    variables = [o.variable if isinstance(o, Out) else o for o in many]
    pairs = as_givens(replace, as_inputs([], None), rebuild_strict)
    if not copy_inputs_over:
        pairs = {**{spec.variable: spec.variable.clone() for spec in declared}, **pairs}
    pending = as_updates(updates)
    substitute = Substitution(pairs)
    results = substitute([*variables, *pending.values()])
    known = dict(zip(pending, results[len(variables) :]))
    results = results[: len(variables)]
    add_default_updates(results, known, no_default_updates, substitute)
    leaves = graph_inputs([*results, *known.values()])
    shared = [v for v in dict.fromkeys([*leaves, *known]) if isinstance(v, SharedVariable)]
    rebuilt = [Out(v, o.borrow) if isinstance(o, Out) else v for o, v in zip(many, results)]
    handed_back: Any = None if outputs is None else rebuilt if isinstance(outputs, list | tuple) else rebuilt[0]
    new = [pairs.get(spec.variable, spec.variable) for spec in declared]
    equivalents = {**{v: v for v in leaves}, **dict(zip(variables, results)), **pairs}
    return new, handed_back, [equivalents, known, list(known.items()), shared]
