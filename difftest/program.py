"""A program as pure data: what a differential test runs, shrinks, saves and shows.

Owns `Program` and its three forms: the text of a Theano-style program (which is also how it is built, so
what is shown is what ran), JSON with hexadecimal floats, and the symbolic graph made through the public API
alone. It must not know how programs are drawn, nor what their values should be.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Operand = str | int | float
"""The name of an earlier value, or a Python number written into the expression."""

LAYOUTS = ("C", "F", "strided", "negative", "offset", "stretched")
"""How an array may lie in memory. An offset one does not begin where its buffer begins; a stretched one has stride 0
along every dimension in which nothing changes."""


@dataclass(frozen=True, eq=False)
class Array:
    """An array literal: its values, and how they lie in memory when a function is called with it."""

    data: np.ndarray
    layout: str = "C"

    def __post_init__(self) -> None:
        data = np.array(self.data, order="C", copy=True)
        data.flags.writeable = False
        object.__setattr__(self, "data", data)

    @property
    def dtype(self) -> str:
        return str(self.data.dtype.name)

    def fresh(self) -> np.ndarray:
        """A new array with these values and this layout."""
        data = self.data
        if self.layout == "F":
            return np.array(data, order="F")
        if self.layout == "strided" and data.ndim:
            room = np.zeros((*data.shape[:-1], 2 * data.shape[-1]), data.dtype)
            view = room[..., ::2]
        elif self.layout == "negative" and data.ndim:
            view = np.zeros(data.shape, data.dtype)[(slice(None, None, -1),) * data.ndim]
        elif self.layout == "offset":
            view = np.zeros(data.size + 3, data.dtype)[3:].reshape(data.shape)
        elif self.layout == "stretched" and data.size:
            return np.broadcast_to(_once(data).copy(), data.shape)
        else:
            return data.copy()
        view[...] = data
        return view

    def to_source(self) -> str:
        return array_source(self.data)

    def to_json(self) -> dict[str, Any]:
        flat = self.data.ravel()
        if flat.dtype.kind == "f":
            items: list[Any] = [float(v).hex() for v in flat]
        elif flat.dtype.kind == "c":
            items = [[float(v.real).hex(), float(v.imag).hex()] for v in flat]
        else:
            items = [v.item() for v in flat]
        return {"dtype": self.dtype, "shape": list(self.data.shape), "items": items, "layout": self.layout}

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Array:
        dtype, items = np.dtype(form["dtype"]), form["items"]
        if dtype.kind == "f":
            items = [float.fromhex(v) for v in items]
        elif dtype.kind == "c":
            items = [complex(float.fromhex(re), float.fromhex(im)) for re, im in items]
        return cls(np.array(items, dtype).reshape(form["shape"]), form.get("layout", "C"))


def _once(data: np.ndarray) -> np.ndarray:
    """The array with length 1 in every dimension along which its bits do not change."""
    for axis in range(data.ndim):
        first = data[(slice(None),) * axis + (slice(0, 1),)]
        if np.broadcast_to(first, data.shape).tobytes() == data.tobytes():
            data = first
    return data


@dataclass(frozen=True)
class Input:
    """A symbolic input and the value of the first call."""

    name: str
    broadcastable: tuple[bool, ...]
    value: Array


@dataclass(frozen=True)
class Shared:
    """A shared variable and its value before the first call."""

    name: str
    value: Array


@dataclass(frozen=True)
class Step:
    """One line: `results` = the template of the step called `step`, filled with operands and attributes."""

    step: str
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """Inputs, shared variables, steps, and the function made of them.

    `givens` replaces a name by another; a replaced input is no argument of the function. `spelling` says whether
    givens and updates are written as a list of pairs, a dict or an OrderedDict. `calls` holds the arguments of the
    second and later calls, one array an input.
    """

    inputs: tuple[Input, ...] = ()
    shared: tuple[Shared, ...] = ()
    steps: tuple[Step, ...] = ()
    outputs: tuple[str, ...] = ()
    updates: tuple[tuple[str, str], ...] = ()
    givens: tuple[tuple[str, str], ...] = ()
    calls: tuple[tuple[Array, ...], ...] = ()
    spelling: str = "list"

    @cached_property
    def arguments(self) -> tuple[Input, ...]:
        """The inputs that a caller supplies: those that no given replaces."""
        replaced = {name for name, _ in self.givens}
        return tuple(i for i in self.inputs if i.name not in replaced)

    @cached_property
    def moved(self) -> tuple[str, ...]:
        """Names of the updates, of random streams, that loops ask the function to make."""
        from difftest.strategies import STEPS

        kinds = [(s, STEPS[s.step].moves) for s in self.steps]
        return tuple(s.results[-1] for s, moves in kinds if moves is not None and moves(s))

    def call_values(self) -> Iterator[list[np.ndarray]]:
        """Fresh arguments, call by call."""
        where = {i.name: k for k, i in enumerate(self.inputs)}
        for values in (tuple(i.value for i in self.inputs), *self.calls):
            yield [values[where[i.name]].fresh() for i in self.arguments]

    def build(self, api: Any) -> Built:
        """The symbolic graph, by running the program's own text with `api` in the place of theano."""
        names: dict[str, Any] = {"theano": api, "T": api.tensor, "np": np}
        exec(_compiled("\n".join([*self._declarations(), *map(step_source, self.steps)])), names)
        return Built(self, api, names)

    def to_source(self, api: str = "reference", options: Sequence[str] = ()) -> str:
        """A program that anyone can run: it prints what each call returns and leaves in shared variables."""
        arguments = [f"[{', '.join(i.name for i in self.arguments)}]", f"[{', '.join(self.outputs)}]"]
        if self.updates or self.moved:
            arguments.append(f"updates={_pairs(self.updates, self.spelling, self.moved)}")
        if self.givens:
            arguments.append(f"givens={_pairs(self.givens, self.spelling)}")
        arguments += [*options, 'on_unused_input="ignore"']
        lines = [
            *(["from collections import OrderedDict"] if self.spelling == "OrderedDict" else []),
            "import numpy as np",
            f"import {api} as theano",
            f"import {api}.tensor as T",
            "",
            *self._declarations(),
            *map(step_source, self.steps),
            "",
            f"f = theano.function({', '.join(arguments)})",
        ]
        replaced = {name for name, _ in self.givens}
        for values in (tuple(i.value for i in self.inputs), *self.calls):
            given = [v.to_source() for i, v in zip(self.inputs, values) if i.name not in replaced]
            lines.append(f"print(f({', '.join(given)}))")
            lines += [f"print({s.name!r}, {s.name}.get_value())" for s in self.shared]
        return "\n".join(lines) + "\n"

    def _declarations(self) -> list[str]:
        lines = [f"{i.name} = T.tensor({i.value.dtype!r}, {i.broadcastable!r}, name={i.name!r})" for i in self.inputs]
        lines += [f"{s.name} = theano.shared({s.value.to_source()}, name={s.name!r})" for s in self.shared]
        return lines

    def upstream(self, names: Iterable[str]) -> set[str]:
        """These names, and all that they are computed from, givens not regarded."""
        found = set(names)
        for step in reversed(self.steps):
            if found.intersection(step.results):
                found.update(o for o in step.operands if isinstance(o, str))
        return found

    def to_json(self) -> str:
        return json.dumps(_plain(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Program:
        form = json.loads(text)
        return cls(
            inputs=tuple(
                Input(i["name"], tuple(i["broadcastable"]), Array.from_json(i["value"])) for i in form["inputs"]
            ),
            shared=tuple(Shared(s["name"], Array.from_json(s["value"])) for s in form["shared"]),
            steps=tuple(
                Step(
                    s["step"],
                    _tuples(s["operands"]),
                    {k: _tuples(v) for k, v in s["attributes"].items()},
                    tuple(s["results"]),
                )
                for s in form["steps"]
            ),
            outputs=tuple(form["outputs"]),
            updates=_tuples(form["updates"]),
            givens=_tuples(form["givens"]),
            calls=tuple(tuple(map(Array.from_json, call)) for call in form["calls"]),
            spelling=form.get("spelling", "list"),
        )

    @cached_property
    def digest(self) -> str:
        """Eight letters that name this program in files."""
        return hashlib.sha256(json.dumps(_plain(self)).encode()).hexdigest()[:8]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return self.to_source()


def _drawn(program: Program) -> set[str]:
    """The random draws of a program, and all that they lead to."""
    from difftest.strategies import STEPS

    found: set[str] = set()
    for step in program.steps:
        random = STEPS[step.step].family == "random" or step.results[-1] in program.moved
        if random or found.intersection(map(str, step.operands)):
            found.update(step.results)
    return found


def _chained(program: Program) -> bool:
    """True if a value that a given puts in reads another that is replaced."""
    replaced = {name for name, _ in program.givens}
    reading: set[str] = set()
    for step in program.steps:
        if (replaced | reading).intersection(map(str, step.operands)):
            reading.update(step.results)
    return any(by in reading for _, by in program.givens)


def _read_twice(step: Step, givens: Sequence[tuple[str, str]]) -> bool:
    """Does a step read under two names what the givens make one? A loop that is built so reads it once."""
    by = dict(givens)
    names = {o for o in step.operands if isinstance(o, str)}
    return len({by.get(name, name) for name in names}) < len(names)


class Built:
    """A program's symbolic variables by name, made by one `api`."""

    def __init__(self, program: Program, api: Any, names: dict[str, Any]):
        self.program, self.api, self.names = program, api, names
        self._first_values = [(v, v.get_value()) for v in _state_of(names.values())]

    @property
    def inputs(self) -> list[Any]:
        return [self.names[i.name] for i in self.program.arguments]

    @property
    def outputs(self) -> list[Any]:
        return [self.names[name] for name in self.program.outputs]

    def pairs(self, which: Sequence[tuple[str, str]]) -> Any:
        """Givens or updates, as the program spells them."""
        return self._spelled([(self.names[a], self.names[b]) for a, b in which])

    def _updates(self, names: Mapping[str, Any]) -> Any:
        """The updates, those of loops included, where `names` says what a new value is."""
        pairs = [(self.names[s], names[by]) for s, by in self.program.updates]
        moved = {s: by for name in self.program.moved for s, by in names[name].items()}
        return self._spelled([*pairs, *moved.items()])

    def _spelled(self, pairs: list[tuple[Any, Any]]) -> Any:
        return {"list": list, "dict": dict, "OrderedDict": OrderedDict}[self.program.spelling](pairs)

    def function(self, **options: Any) -> Any:
        """The compiled function; shared variables are set back to their first values."""
        self.reset()
        return self.api.function(
            self.inputs,
            self.outputs,
            updates=self._updates(self.names),
            givens=self.pairs(self.program.givens),
            on_unused_input="ignore",
            **options,
        )

    def function_written_in(self, **options: Any) -> Any:
        """The same function with every given written into the graph by hand.

        None if that is another function, or another text. A gradient is taken when it is built, before the
        replacement, and that of the replaced expression is another; a loop draws in every step the random numbers that
        its step mentions, but not those that a given puts there, reads once what it is passed twice, and may refuse
        (`strict`) a shared variable that a given puts there; what replaces
        is taken as it stands, so that it is written twice if it reads what is replaced; and of a constant more is known
        while the graph is built.
        """
        if _chained(self.program) or any(hasattr(self.names[by], "data") for _, by in self.program.givens):
            return None
        from difftest.strategies import STEPS

        program, names = self.program, dict(self.names)
        chosen = {name: self.names[name].type.filter_variable(self.names[by]) for name, by in program.givens}
        names.update(chosen)
        touched = set(chosen)
        drawn = not _drawn(program).isdisjoint(by for _, by in program.givens)
        twice = program.upstream([by for _, by in program.givens])
        for step in program.steps:
            if touched.intersection(map(str, step.operands)):
                loops = STEPS[step.step].family == "scan"
                if STEPS[step.step].family in ("grad", "curvature", "flow"):
                    return None
                if step.attributes.get("strict"):
                    return None
                if loops and (drawn or twice.intersection(step.results) or _read_twice(step, program.givens)):
                    return None
                exec(_compiled(step_source(step)), names)
                touched.update(step.results)
                names.update({name: chosen[name] for name in step.results if name in chosen})
        self.reset()
        return self.api.function(
            self.inputs,
            [names[name] for name in program.outputs],
            updates=self._updates(names),
            on_unused_input="ignore",
            **options,
        )

    def reset(self) -> None:
        """Set every shared variable, random streams included, back to its first value."""
        for variable, value in self._first_values:
            variable.set_value(value)

    def shared_values(self) -> dict[str, np.ndarray]:
        return {s.name: self.names[s.name].get_value() for s in self.program.shared}


def _state_of(values: Iterable[Any]) -> list[Any]:
    """Every shared variable that the given variables depend on, also through default updates."""
    seen: dict[Any, None] = {}
    stack = [v for v in values if hasattr(v, "owner")]
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen[variable] = None
        if variable.owner is not None:
            stack.extend(variable.owner.inputs)
        if getattr(variable, "default_update", None) is not None:
            stack.append(variable.default_update)
    return [v for v in seen if hasattr(v, "set_value")]


def step_source(step: Step) -> str:
    """The line (or lines) of a step."""
    from difftest.strategies import STEPS

    template = STEPS[step.step].source
    fields = dict(step.attributes)
    operands = [o if isinstance(o, str) else _float(o) for o in step.operands]
    if callable(template):
        text = template(*operands, **fields)
    else:
        text = template.format(*operands, **fields)
    if "\n" in text:
        return text.replace("RESULT", ", ".join(step.results))
    return f"{', '.join(step.results)} = {text}"


def array_source(data: np.ndarray) -> str:
    """An expression whose value is exactly this array."""
    if data.size == 0:
        return f"np.zeros({data.shape}, {data.dtype.name!r})"
    return f"np.array({_nested(data)}, {data.dtype.name!r})"


def _nested(data: np.ndarray) -> str:
    if data.ndim:
        return "[" + ", ".join(map(_nested, data)) + "]"
    value = data.item()
    if data.dtype.kind == "c":
        return f"complex({_float(value.real)}, {_float(value.imag)})"
    return _float(value) if data.dtype.kind == "f" else repr(value)


def _float(value: float) -> str:
    return repr(value) if np.isfinite(value) else f"np.{value}" if value > 0 or value != value else "-np.inf"


def _pairs(pairs: Sequence[tuple[str, str]], spelling: str, moved: Sequence[str] = ()) -> str:
    if len(moved) > 1:
        moved = ["{" + ", ".join(f"**{m}" for m in moved) + "}"]
    if spelling == "dict":
        return "{" + ", ".join([*(f"{a}: {b}" for a, b in pairs), *(f"**{m}" for m in moved)]) + "}"
    text = "[" + ", ".join([*(f"({a}, {b})" for a, b in pairs), *(f"*{m}.items()" for m in moved)]) + "]"
    return text if spelling == "list" else f"OrderedDict({text})"


def _plain(value: Any) -> Any:
    if isinstance(value, Array):
        return value.to_json()
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    # JSON has no word for these, and what reads it takes them for nothing.
    if isinstance(value, complex):
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": value.hex()}
    return value


def _tuples(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"complex"}:
        return complex(*map(float.fromhex, value["complex"]))
    if isinstance(value, dict) and value.keys() == {"float"}:
        return float.fromhex(value["float"])
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_CODE: dict[str, Any] = {}


def _compiled(text: str) -> Any:
    if text not in _CODE:
        if len(_CODE) > 2000:
            _CODE.clear()
        _CODE[text] = compile(text, "<program>", "exec")
    return _CODE[text]
