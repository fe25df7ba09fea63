"""What a step gives back: outputs, updates and a condition, in any order and any mix.

Owns the two things that a step may return besides variables, `OrderedUpdates` and `until`, and the sorting of what it
returned. It must not know the loop around the step.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from reference.compile.shared import SharedVariable
from reference.graph.core import Variable
from reference.tensor.basic import as_tensor_variable


class OrderedUpdates(OrderedDict[SharedVariable, Variable]):
    """Updates in order; adding two of them refuses two values for one variable."""

    def __setitem__(self, key: SharedVariable, value: Variable) -> None:
        if not isinstance(key, SharedVariable):
            raise TypeError(f"the keys of updates are shared variables, not {key!r}")
        super().__setitem__(key, value)

    def __add__(self, other: Any) -> OrderedUpdates:
        result = OrderedUpdates(self)
        for key, value in dict(other).items():
            if key in result and result[key] is not value:
                raise KeyError(f"two different updates for {key}")
            result[key] = value
        return result

    def __radd__(self, other: Any) -> OrderedUpdates:
        return OrderedUpdates(other) + self


class until:
    """Returned by a step, beside its outputs: the loop ends after the step in which `condition` is true."""

    def __init__(self, condition: Any):
        self.condition = as_tensor_variable(condition)
        if self.condition.type.ndim != 0:
            raise TypeError(f"the condition of until must be a scalar, got {condition} of type {self.condition.type}")


Updates = dict[SharedVariable, Variable]


def parse(returned: Any) -> tuple[list[Any], Updates, Variable | None]:
    """What a step returned, as outputs, updates and condition."""
    outputs: list[Any] = []
    updates: Updates = OrderedUpdates()
    condition: Variable | None = None
    for item in _items(returned):
        if isinstance(item, until):
            if condition is not None:
                raise ValueError("the step returns two conditions; until((a | b)) ends the loop by either")
            condition = item.condition
        elif isinstance(item, dict) or _is_pairs(item):
            for key, value in dict(item).items():
                if key in updates and updates[key] is not value:
                    raise ValueError(f"the step gives two updates of {key}: {updates[key]} and {value}")
                updates[key] = value
        elif item is not None:
            outputs += item if isinstance(item, list | tuple) else [item]
    for value in outputs:
        if not isinstance(value, Variable):
            raise ValueError(
                "a step returns variables, updates and until(condition), in a tuple or list; it returned "
                f"{value!r}. Make a constant with T.constant(...)"
            )
    if not outputs and not updates:
        found = "only until(condition)" if condition is not None else "nothing"
        raise ValueError(f"a step that returns {found} computes nothing; let it return an output or updates")
    return outputs, updates, condition


def _items(returned: Any) -> list[Any]:
    """The things returned side by side: outputs alone may be a list, with anything else that list is one of them."""
    if isinstance(returned, list) and not _is_pairs(returned) and not _is_pair(returned):
        mixed = any(isinstance(item, until | dict | list | tuple) for item in returned)
        return returned if mixed else [returned]
    return list(returned) if isinstance(returned, tuple) and not _is_pair(returned) else [returned]


def _is_pairs(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) > 0 and all(_is_pair(pair) for pair in item)


def _is_pair(item: Any) -> bool:
    """Is it (shared variable, new value), and not an output that is a shared variable beside something else?"""
    if not isinstance(item, list | tuple) or len(item) != 2 or not isinstance(item[0], SharedVariable):
        return False
    return not isinstance(item[1], until | dict | list | tuple)
