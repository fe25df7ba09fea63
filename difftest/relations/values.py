"""Relations about one value: written twice, led through a way that ends where it began, hidden behind a switch.

Each puts steps between a value and all who read it that give back the very bits they were given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from difftest.case import Case
from difftest.program import Array, Input, Step
from difftest.relations.functions import shared_of, shuffled
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, Value, carried, families, kinds, line, paired, renamed
from difftest.strategies.drawing import Draw

RoundTrip = Callable[[Draw, Value, str, Iterator[str]], "list[Step] | None"]
"""(draw, value, the name to read it by, fresh names) -> steps whose last result is the value again."""


def _sites(surgery: Surgery, wanted: Callable[[Value], bool]) -> list[Value]:
    free = surgery.read - surgery.bound_to
    return [v for v in surgery.values.values() if v.name in free and wanted(v) and not surgery.told_apart(v.name)]


def _led(case: Case, draw: Draw, trips: list[tuple[Callable[[Value], bool], RoundTrip]]) -> Iterator[Twin]:
    """Twins in which one value makes one of the round trips."""
    surgery = Surgery(case)
    for wanted, trip in shuffled(draw, trips):
        sites = _sites(surgery, wanted)
        if not sites:
            continue
        v = draw.choose(sites)
        steps = trip(draw, v, v.name, surgery.fresh())
        if steps:
            last = steps[-1].results[0]
            yield _twin(surgery, v, surgery.inserted(v.name, steps, last), last)


def _twin(surgery: Surgery, v: Value, twin, last: str) -> Twin:
    # A gradient adds the terms of what was put in: zeros, and signs of zeros.
    promise = "REAL" if surgery.reaches(v.name, SLOPES) else ""
    return Twin(
        twin, paired(surgery.program.outputs, {v.name: last}), shared=shared_of(surgery.program), promise=promise
    )


@relation("MR10", "a result written twice is the same result", subject="interpreter")
def written_twice(case: Case, draw: Draw) -> Iterator[Twin]:
    """v = f(x); g(v), h(v) -> v = f(x); w = f(x); g(v), h(w)"""
    program, surgery = case.program, Surgery(case)
    sites = [
        k for k, s in enumerate(program.steps)
        if not kinds(s) & {"random", "print"} and not carried(s) and not any(map(surgery.fixed, s.results))
    ]  # fmt: skip
    if not sites:
        return
    read = Counter([*program.outputs, *(o for s in program.steps for o in s.operands)])
    k = draw.choose([k for k in sites if any(read[r] > 1 for r in program.steps[k].results)] or sites)
    step, names = program.steps[k], surgery.fresh()
    turned = {name: next(names) for name in step.results}
    after = [renamed(s, turned) if draw.flag() else s for s in program.steps[k + 1 :]]
    copy = replace(step, results=tuple(turned.values()))
    outputs = tuple(turned[o] if o in turned and draw.flag() else o for o in program.outputs)
    readers = [j for j, s in enumerate(after) if turned.keys() & set(s.operands)]
    if readers and after == list(program.steps[k + 1 :]) and outputs == program.outputs:
        after[readers[0]] = renamed(after[readers[0]], turned)  # by chance nobody reads the second
    twin = replace(program, steps=(*program.steps[: k + 1], copy, *after), outputs=outputs)
    promise = "REAL" if any(surgery.reaches(name, SLOPES) for name in step.results) else ""
    if after != list(program.steps[k + 1 :]) or outputs != program.outputs:
        pairs = list(zip(program.outputs, outputs))
        yield Twin(twin, pairs, shared=shared_of(program), promise=promise)


@relation("MR11", "a part that is set to itself changes nothing", subject="interpreter")
def set_to_itself(case: Case, draw: Draw) -> Iterator[Twin]:
    """v -> set_subtensor(v[i], v[i]), also where i repeats an index"""
    surgery = Surgery(case)
    sites = _sites(surgery, lambda v: v.ndim >= 1 and v.dtype != "bool" and v.solid)
    if not sites:
        return
    v, names = draw.choose(sites), surgery.fresh()
    part, last, index = islice(names, 3)
    inputs: list[Input] = []
    if v.shape[0] and draw.flag():
        rows = draw.integers(-v.shape[0], v.shape[0] - 1, 3)
        inputs = [Input(index, (False,), Array(np.array(rows, "int64")))]
        steps = [
            line("subtensor", (v.name, index), part, index=("@1",)),
            line("set_subtensor", (v.name, part, index), last, index=("@2",)),
        ]
    else:
        span = (draw.choose((None, 1, 0, -2)), draw.choose((None, -1, 2, 9)), draw.choose((None, 2, -1)))
        if 1 in np.empty(v.shape)[slice(*span)].shape:
            span = (None, None, -1)
        steps = [
            line("subtensor", (v.name,), part, index=(span,)),
            line("set_subtensor", (v.name, part), last, index=(span,)),
        ]
    yield _twin(surgery, v, surgery.inserted(v.name, steps, last, inputs), last)


def _transposed_twice(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    order = shuffled(draw, list(range(v.ndim)))
    back = [order.index(k) for k in range(v.ndim)]
    place = draw.integer(0, v.ndim)
    forth: list = [*order[:place], "x", *order[place:]]
    there, here = islice(names, 2)
    return [
        line("dimshuffle", (name,), there, order=tuple(forth)),
        line("dimshuffle", (there,), here, order=tuple(k + (k >= place) for k in back)),
    ]


def _reshaped_twice(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    size = int(np.prod(v.shape))
    shape = draw.choose([(size,), (1, size), *([(v.shape[1], v.shape[0], *v.shape[2:])] if v.ndim > 1 else [])])
    return [line("reshape", (name,), there, shape=shape), line("reshape", (there,), here, shape=v.shape)]


def _split_and_joined(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    axis = draw.integer(0, v.ndim - 1)
    first = draw.integer(0, v.shape[axis])
    left, right, here = islice(names, 3)
    split = Step("split", (name,), {"sizes": (first, v.shape[axis] - first), "axis": axis}, (left, right))
    return [split, line("join", (left, right), here, axis=axis)]


def _turned_twice(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    index = (*[(None, None, None)] * draw.integer(0, v.ndim - 1), (None, None, -1))
    return [line("subtensor", (name,), there, index=index), line("subtensor", (there,), here, index=index)]


def _stacked(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    row = draw.integer(0, 1)
    return [
        line("stack", (name, name), there, axis=0),
        line("subtensor", (there,), here, index=(row - 2 * draw.integer(0, 1),)),
    ]


@relation("MR12", "a way there and back changes nothing: transposing, reshaping, splitting, turning, stacking")
def there_and_back(case: Case, draw: Draw) -> Iterator[Twin]:
    """v -> v.T.T, v.reshape(s).reshape(v.shape), concatenate(split(v)), v[::-1][::-1], stack([v, v])[0]"""
    yield from _led(
        case,
        draw,
        [
            (lambda v: 1 <= v.ndim <= 3, _transposed_twice),
            (lambda v: v.ndim >= 1 and v.solid and v.data.size > 0, _reshaped_twice),
            (lambda v: v.ndim >= 1 and v.solid, _split_and_joined),
            (lambda v: v.ndim >= 1 and v.solid, _turned_twice),
            (lambda v: v.ndim <= 3 and v.plain, _stacked),
        ],
    )


WIDER = {
    "float16": "float32", "float32": "float64", "int8": "int16", "int16": "int32", "int32": "int64", "uint8": "int16",
    "uint16": "uint32", "uint32": "int64", "bool": "int8", "complex64": "complex128",
}  # fmt: skip
"""A dtype that holds every value of another."""


def _negated_twice(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    return [line("neg", (name,), there), line("neg", (there,), here)]


def _cast_twice(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    return [line("cast", (name,), there, dtype=WIDER[v.dtype]), line("cast", (there,), here, dtype=v.dtype)]


def _times_one(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    (here,) = islice(names, 1)
    op = draw.choose(("*", "/")) if v.kind == "f" else "*"
    return [line("literal", (name, 1), here, op=op, swapped=op == "*" and draw.flag())]


def _doubled_and_halved(draw: Draw, v: Value, name: str, names: Iterator[str]) -> list[Step]:
    there, here = islice(names, 2)
    return [
        line("literal", (name, 2), there, op="*", swapped=False),
        line("literal", (there, 2), here, op="/", swapped=False),
    ]


def _far_from_the_ends(v: Value) -> bool:
    finite = np.abs(v.data[np.isfinite(v.data)])
    return bool(np.all(finite < np.finfo(v.dtype).max / 4))


@relation("MR29", "arithmetic there and back changes nothing: -(-v), a wider dtype and back, v*1, v*2/2")
def computed_back(case: Case, draw: Draw) -> Iterator[Twin]:
    """v -> -(-v), cast(cast(v, wider), own), v * 1, v * 2 / 2"""
    yield from _led(
        case,
        draw,
        [
            (lambda v: v.kind in "fi", _negated_twice),
            (lambda v: v.dtype in WIDER, _cast_twice),
            (lambda v: v.kind in "fi", _times_one),
            (lambda v: v.kind == "f" and _far_from_the_ends(v) and not case.program.calls, _doubled_and_halved),
        ],
    )


@relation("MR18", "a branch that is never taken changes nothing, whatever stands in it")
def behind_a_switch(case: Case, draw: Draw) -> Iterator[Twin]:
    """v -> switch(true, v, junk), where only the call knows that it is true, and junk is inf, NaN or another value"""
    surgery = Surgery(case)
    sites = _sites(surgery, lambda v: v.kind == "f")
    if not sites or "print" in families(case.program):
        return
    v, names = draw.choose(sites), surgery.fresh()
    last, junk, true, length = islice(names, 4)
    inputs, steps = [], []
    if v.ndim and draw.flag():
        steps = [
            line("length", (v.name,), length, axis=draw.integer(0, v.ndim - 1)),
            line("literal", (length, 0), true, op=">=", swapped=False),
        ]
    else:
        inputs = [Input(true, (), Array(np.array(True)))]
    others = [
        o for o in _sites(surgery, lambda o: o.name != v.name and (o.dtype, o.shape) == (v.dtype, v.shape))
        if o.broadcastable == v.broadcastable and o.place <= v.place
    ]  # fmt: skip
    # What stands for a given variable must not mention it.
    stands_for_another = v.name in case.program.upstream(by for _, by in case.program.givens)
    if others and not stands_for_another and draw.flag():
        junk = draw.choose(others).name
    else:
        bad = draw.choose((np.nan, np.inf, -np.inf, 0.0))
        inputs.append(Input(junk, v.broadcastable, Array(np.full(v.shape, bad, v.dtype))))
    steps.append(line("switch", (true, v.name, junk), last))
    yield _twin(surgery, v, surgery.inserted(v.name, steps, last, inputs), last)
