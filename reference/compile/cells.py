"""Cells: Theano's way to what a function remembers, ``f.container[x].value`` and ``f.input_storage``.

Owns the view of an input as a cell. The values stay where they are: with the function, or with its shared variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reference.compile.function import Function


class Cell:
    """One input: `value` is its default, None without one, or what a shared variable holds."""

    def __init__(self, function: Function, variable: Any, name: str | None):
        self._function, self.variable, self.name = function, variable, name

    @property
    def value(self) -> Any:
        return self._function.remembered(self.variable)

    @value.setter
    def value(self, value: Any) -> None:
        self._function[self.variable] = value

    data = value

    @property
    def type(self) -> Any:
        """The type that values must have."""
        return self.variable.type

    @property
    def storage(self) -> list[Any]:
        """The value in a list; what is written into the list is not seen."""
        return [self.value]

    def __repr__(self) -> str:
        return f"<{self.name}: {self.value!r}>"


class Cells:
    """The cells of a function, by variable, by name, or in order."""

    def __init__(self, function: Function):
        self._function = function
        named = [(spec.variable, spec.name) for spec in function.specs]
        named += [(v, v.name) for v in function.shared_variables]
        self._cells = [Cell(function, variable, name) for variable, name in named]

    def __getitem__(self, item: Any) -> Cell:
        found = self._function.input_of(item)
        variable = getattr(found, "variable", found)
        return next(cell for cell in self._cells if cell.variable is variable)

    def __setitem__(self, item: Any, value: Any) -> None:
        self[item].value = value

    def __contains__(self, item: Any) -> bool:
        return item in self._function

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)
