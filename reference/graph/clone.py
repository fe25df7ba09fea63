"""`clone`: an expression with parts of it replaced.

Owns the user's spelling of the substitution that `function`'s givens and scan use too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reference.graph.core import Variable
from reference.graph.traversal import clone_replace, graph_inputs


def clone(
    output: Any,
    replace: Mapping[Variable, Any] | Iterable[tuple[Variable, Any]] | None = None,
    strict: bool = True,
    share_inputs: bool = True,
) -> Any:
    """A copy of `output` (a variable or a list) with every key of `replace` replaced, simultaneously.

    strict        replacements must have the type of what they replace (TypeError); otherwise types are
                  inferred again.
    share_inputs  False gives the copy input variables of its own.
    """
    outputs = list(output) if isinstance(output, list | tuple) else [output]
    pairs = dict(replace or {})
    memo = {old: old.type.filter_variable(new) if strict else new for old, new in pairs.items()}
    if not share_inputs:
        for v in graph_inputs(outputs):
            memo.setdefault(v, v.clone())
    copies = clone_replace(outputs, memo, copy_all=True)
    return copies if isinstance(output, list) else tuple(copies) if isinstance(output, tuple) else copies[0]
