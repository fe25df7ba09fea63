"""Other ways to come to a function of a program.

Owns `WAYS`: after a function is made it is pickled, copied, compiled once more; or it is made with other options.
`Otherwise` is a built program that cells run like any other. It must not compare anything.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from difftest.program import Built

Make = Callable[..., Any]
"""Compiles as usual, with more options for `function`."""

WAYS: dict[str, Callable[[Built, Make], Any]] = {}


def way(function: Callable[[Built, Make], Any]) -> Callable[[Built, Make], Any]:
    """Register a way under the name of the function."""
    WAYS[function.__name__] = function
    return function


class Otherwise(Built):
    """A built program whose function is made in another way.

    A function that came with shared variables of its own, as a pickled one does, is watched and reset through these.
    """

    def __init__(self, built: Built, way: str):
        built.reset()
        super().__init__(built.program, built.api, built.names)
        self._way, self.lending = way, False
        self._own: dict[str, Any] = {}
        self._own_first: list[tuple[Any, Any]] = []

    @property
    def outputs(self) -> list[Any]:
        found = super().outputs
        return [self.api.Out(v, borrow=True) for v in found] if self.lending else found

    def function(self, **options: Any) -> Any:
        made = WAYS[self._way](self, lambda **more: Built.function(self, **options, **more))
        known = {v for v, _ in self._first_values}
        strangers = [v for v in made.get_shared() if v not in known]
        self._own = {v.name: v for v in strangers if v.name}
        self._own_first = [(v, v.get_value()) for v in strangers]
        return made

    def reset(self) -> None:
        super().reset()
        for variable, value in self._own_first:
            variable.set_value(value)

    def shared_values(self) -> dict[str, np.ndarray]:
        return {s.name: self._own.get(s.name, self.names[s.name]).get_value() for s in self.program.shared}


@way
def pickled(built: Built, make: Make) -> Any:
    """The function, pickled and loaded."""
    return pickle.loads(pickle.dumps(make()))


@way
def copied(built: Built, make: Make) -> Any:
    """A copy of the function, on the same shared variables."""
    return make().copy()


@way
def swapped(built: Built, make: Make) -> Any:
    """A copy of the function on other shared variables that hold the same values."""
    made = make()
    others = {}
    for variable in made.get_shared():
        others[variable] = twin = variable.clone()
        twin.container = type(variable.container)(variable.get_value())
    return made.copy(swap=others)


@way
def again(built: Built, make: Make) -> Any:
    """The same function, compiled a second time."""
    make()
    return make()


@way
def warm(built: Built, make: Make) -> Any:
    """The function after a call, with the state set back: whatever it keeps between calls is there."""
    made = make()
    made(*next(built.program.call_values()))
    built.reset()
    return made


@way
def profiled(built: Built, make: Make) -> Any:
    """A function that has a name and is profiled."""
    return make(name="f", profile=True)


@way
def lent(built: Built, make: Make) -> Any:
    """Every output is handed out without a copy."""
    assert isinstance(built, Otherwise)
    built.lending = True
    try:
        return make()
    finally:
        built.lending = False
