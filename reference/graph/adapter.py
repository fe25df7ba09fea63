"""Operations as Theano's programs write them, made to fit `Op`.

Owns ``perform(self, node, inputs, output_storage)``, which fills cells instead of returning values, may write
to inputs that `destroy_map` names and may return views; and `itypes` and `otypes` in the place of `make_node`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from reference.graph.core import Apply, Op


def fills_storage(perform: Any) -> bool:
    """Whether a `perform` names its two arguments after the node: ours takes ``*inputs``."""
    code = getattr(perform, "__code__", None)
    return code is not None and code.co_argcount in (4, 5) and not code.co_flags & inspect.CO_VARARGS


def returning(perform: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """``perform(self, node, inputs, output_storage)`` as ``perform(self, node, *inputs)``."""

    @functools.wraps(perform)
    def adapted(self: Op, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        written = {k for places in getattr(self, "destroy_map", {}).values() for k in places}
        given = [x.copy() if k in written and isinstance(x, np.ndarray) else x for k, x in enumerate(inputs)]
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        answer = perform(self, node, given, storage, *_params(perform))
        if answer is not None:
            raise TypeError(
                f"the perform of {self} takes (node, inputs, output_storage) and so puts its results in "
                "output_storage[k][0]; to return a tuple of results, write perform(self, node, *inputs)"
            )
        results = []
        for k, (variable, cell) in enumerate(zip(node.outputs, storage)):
            if cell[0] is None and type(variable.type).__name__ not in ("Generic", "NoneTypeT"):
                raise ValueError(f"the perform of {self} left output_storage[{k}][0] empty")
            results.append(variable.type.filter(cell[0]))
        return apart(results, inputs)

    return adapted


def _params(perform: Callable[..., Any]) -> tuple[Any, ...]:
    """None for an argument `params` without a default."""
    code = perform.__code__
    return (None,) if code.co_argcount == 5 and not perform.__defaults__ else ()  # type: ignore[attr-defined]


def apart(results: Sequence[Any], inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The results, copied where they share memory with an input or with a result before them."""
    own: list[Any] = []
    for r in results:
        shares = isinstance(r, np.ndarray) and any(
            isinstance(x, np.ndarray) and np.may_share_memory(r, x) for x in (*inputs, *own)
        )
        own.append(r.copy() if shares else r)
    return tuple(own)


def typed_node(op: Op, inputs: Sequence[Any]) -> Apply:
    """The node of an operation that declares `itypes` and `otypes`."""
    from reference.graph.core import Apply

    itypes, otypes = getattr(op, "itypes", None), getattr(op, "otypes", None)
    if itypes is None or otypes is None:
        raise NotImplementedError(f"{type(op).__name__} defines neither make_node nor itypes and otypes")
    if len(inputs) != len(itypes):
        raise TypeError(f"{op} takes {len(itypes)} inputs, got {len(inputs)}")
    return Apply(op, [t.filter_variable(x) for t, x in zip(itypes, inputs)], [t() for t in otypes])
