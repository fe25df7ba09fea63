"""Plainer programs of the same steps: short lengths, small attributes, values 0 and 1, float64, names in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from difftest.program import Array, Program, Step
from difftest.reduce.edits import PLAIN, arrays, cost, tidy_names, with_arrays, with_step

DTYPES = tuple(np.dtype(c).name for c in "?bhilBHILefdFD")

FEW = 8
"""Arrays of up to so many elements are made plainer element by element."""


def fewer_lengths(program: Program) -> Iterator[Program]:
    """Every dimension of one length made 1 or 2, everywhere; then one input's alone."""
    lengths = sorted({n for a in arrays(program) for n in a.data.shape if n > 1}, reverse=True)
    for length in lengths:
        for part in _parts(length):

            def cut(value: Array, length: int = length, part: slice = part) -> Array:
                index = tuple(part if n == length else slice(None) for n in value.data.shape)
                return Array(value.data[index], value.layout)

            shorter = len(range(length)[part])
            yield with_arrays(program, cut)
            steps = tuple(
                replace(s, attributes={k: _replaced(v, length, shorter) for k, v in s.attributes.items()})
                for s in program.steps
            )
            yield replace(with_arrays(program, cut), steps=steps)
    for k, i in enumerate(program.inputs):
        for axis, length in enumerate(i.value.data.shape):
            for part in _parts(length):
                index = (slice(None),) * axis + (part,)
                yield _with_input(program, k, lambda value, index=index: Array(value.data[index], value.layout))


def _parts(length: int) -> list[slice]:
    """The first and the last, the first two and the last two, all but one."""
    ends = [slice(1), slice(-1, None), slice(2), slice(-2, None), slice(length - 1), slice(1, None)]
    return [part for part in ends if 0 < len(range(length)[part]) < length]


def _replaced(value: Any, old: int, new: int) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_replaced(v, old, new) for v in value)
    return new if isinstance(value, int) and not isinstance(value, bool) and value == old else value


def _with_input(program: Program, k: int, change: Any) -> Program:
    """One input changed, in every call."""
    changed = replace(program.inputs[k], value=change(program.inputs[k].value))
    return replace(
        program,
        inputs=(*program.inputs[:k], changed, *program.inputs[k + 1 :]),
        calls=tuple((*call[:k], change(call[k]), *call[k + 1 :]) for call in program.calls),
    )


def plainer_values(program: Program) -> Iterator[Program]:
    """Zeros, ones, 1, 2, 3..., whole numbers: everywhere, then array by array, then element by element."""
    for change in _PLAINER:
        yield with_arrays(program, lambda value, change=change: _filled(value, change))
    for k, i in enumerate(program.inputs):
        for change in _PLAINER:
            yield _with_input(program, k, lambda value, change=change: _filled(value, change))
        if 1 < i.value.data.size <= FEW:
            for place in range(i.value.data.size):
                for number in (0, 1):
                    yield _with_input(program, k, lambda v, place=place, number=number: _element(v, place, number))
    for k, s in enumerate(program.shared):
        for change in _PLAINER:
            plain = replace(s, value=_filled(s.value, change))
            yield replace(program, shared=(*program.shared[:k], plain, *program.shared[k + 1 :]))


def _counting(x: np.ndarray) -> np.ndarray:
    return np.arange(1, x.size + 1).reshape(x.shape) % 120


def _whole(x: np.ndarray) -> np.ndarray:
    """Whole numbers, near by if they are small."""
    if x.dtype.kind in "fc":
        return np.where(np.isfinite(x), np.rint(np.clip(x.real, -100, 100)), x)
    return x % 10


def _quarters(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), np.rint(np.clip(x.real, -100, 100) * 4) / 4, x)


_PLAINER = (np.zeros_like, np.ones_like, _counting, _whole, _quarters)


def _filled(value: Array, change: Any) -> Array:
    if value.data.dtype.kind == "b":
        return value
    with np.errstate(all="ignore"):
        return Array(np.asarray(change(value.data)).astype(value.data.dtype), value.layout)


def _element(value: Array, place: int, number: int) -> Array:
    flat = value.data.ravel().copy()
    flat[place] = number
    return Array(flat.reshape(value.data.shape), value.layout)


def smaller_attributes(program: Program) -> Iterator[Program]:
    """One attribute of one step at a time."""
    for k, step in enumerate(program.steps):
        for name, value in step.attributes.items():
            for smaller in simpler(value) if step.step != "scan" else ():
                yield with_step(program, k, with_attribute(step, name, smaller))
    if program.spelling != "list":
        yield replace(program, spelling="list")


def with_attribute(step: Step, name: str, value: Any) -> Step:
    return replace(step, attributes={**step.attributes, name: value})


def simpler(value: Any) -> Iterator[Any]:
    """Attributes with less to them, in the place of this one."""
    return (smaller for smaller in _simpler(value) if cost(smaller) < cost(value))


def _simpler(value: Any) -> Iterator[Any]:
    if value is None:
        return
    if isinstance(value, bool):
        yield False
        return
    yield None
    if isinstance(value, int):
        yield from (0, 1, -1, 2, value // 2, value - 1)
    elif isinstance(value, str):
        yield "float64" if value in DTYPES else ""
    elif isinstance(value, (tuple, list)):
        for k, item in enumerate(value):
            yield (*value[:k], *value[k + 1 :])
            for smaller in _simpler(item):
                if smaller is not None:
                    yield (*value[:k], smaller, *value[k + 1 :])
    elif isinstance(value, Mapping):
        for name, item in value.items():
            for smaller in _simpler(item):
                yield {**value, name: smaller}


def plain_dtypes(program: Program) -> Iterator[Program]:
    """float64 and int64 in the place of others, everywhere, then input by input; nothing declared broadcastable."""
    names = sorted({a.dtype for a in arrays(program) if a.dtype not in PLAIN})

    def widened(value: Array, only: tuple[str, ...]) -> Array:
        if value.dtype not in only:
            return value
        with np.errstate(all="ignore"):
            return Array(value.data.astype("int64" if value.data.dtype.kind in "iu" else "float64"), value.layout)

    for only in (tuple(names), *((name,) for name in names)):
        steps = tuple(
            replace(s, attributes={k: "float64" if v in only else v for k, v in s.attributes.items()})
            for s in program.steps
        )
        yield replace(with_arrays(program, lambda value, only=only: widened(value, only)), steps=steps)
    for k in range(len(program.inputs)):
        yield _with_input(program, k, lambda value: widened(value, tuple(names)))
    yield replace(
        program,
        inputs=tuple(replace(i, broadcastable=(False,) * len(i.broadcastable)) for i in program.inputs),
    )


def plain_layouts(program: Program) -> Iterator[Program]:
    """Arrays in C order."""
    yield with_arrays(program, lambda value: Array(value.data))
    for k in range(len(program.inputs)):
        yield _with_input(program, k, lambda value: Array(value.data))


def plain_names(program: Program) -> Iterator[Program]:
    """Names x0.., s0.., v0.. in order."""
    names = tidy_names(program)

    def of(name: Any) -> Any:
        return names.get(name, name) if isinstance(name, str) else name

    yield replace(
        program,
        inputs=tuple(replace(i, name=of(i.name)) for i in program.inputs),
        shared=tuple(replace(s, name=of(s.name)) for s in program.shared),
        steps=tuple(
            replace(s, operands=tuple(map(of, s.operands)), results=tuple(map(of, s.results))) for s in program.steps
        ),
        outputs=tuple(map(of, program.outputs)),
        updates=tuple((of(a), of(b)) for a, b in program.updates),
        givens=tuple((of(a), of(b)) for a, b in program.givens),
    )
