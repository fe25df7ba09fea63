"""The programs every session begins with: the examples this project was made for.

Owns the law of each: a function with givens is the function with the replacement written in; a scan that captures
its weights is the scan that is passed them; an LSTM with four weight matrices is the one with them merged. The laws are
checked in every cell, on text and on values. And normal numbers are the quantiles of the words that they are drawn
from: programs that draw them are compared among backends alone, as nothing independent has their very bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from difftest.case import Failure
from difftest.cells import Cell
from difftest.gradient_seeds import gradient_failures
from difftest.model.streams import Words
from difftest.oracle.bits import same_bits
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.text import difference, printed
from difftest.oracle.ulps import executor
from difftest.program import Program


@dataclass(frozen=True, eq=False)
class Twins:
    """Two builders of functions that must agree; `same_text` if they must print alike too, in which modes.

    `builder` is to blame if the graphs, each computed rightly, are not the same function.
    """

    name: str
    build: Callable[[Any, bool, dict[str, Any]], Any]
    calls: Sequence[Sequence[Any]]
    same_text: tuple[str, ...] = ()
    builder: str = "function"


def _givens(api: Any, second: bool, options: dict[str, Any]) -> Any:
    """A slice of shared data: as a given for an input, or written in."""
    T = api.tensor
    data = api.shared(np.arange(20.0), name="x")
    index = T.lscalar("index")
    part = data[index : index + 5]
    if second:
        return api.function([index], part, **options)
    x = T.dvector("x")
    return api.function([index], x, givens=[(x, part)], **options)


def _drawn(api: Any, second: bool, options: dict[str, Any]) -> Any:
    """A uniform draw as wide as a vector: the vector is a given, or written in."""
    T = api.tensor
    x, y = T.dvectors("x", "y")
    low = y if second else x
    draw = T.shared_randomstreams.RandomStreams(7).uniform(size=low.shape, low=low, high=1.0)
    return api.function([y], draw, **({} if second else {"givens": [(x, y)]}), **options)


def _held(api: Any, second: bool, options: dict[str, Any]) -> Any:
    """A slope with one factor held: told to `grad`, or marked in the expression."""
    T = api.tensor
    x = T.dvector("x")
    factor = x * x
    if second:
        slope = api.grad(T.sum(api.gradient.disconnected_grad(factor) * x), x)
    else:
        slope = api.grad(T.sum(factor * x), x, consider_constant=[factor])
    return api.function([x], slope, **options)


def _gibbs(api: Any, second: bool, options: dict[str, Any]) -> Any:
    """Three steps of Gibbs sampling: weights captured, or passed as non-sequences."""
    T = api.tensor
    rng = T.shared_randomstreams.RandomStreams(1234)
    shape = (4, 3)
    w = api.shared(np.linspace(-1, 1, 12).reshape(shape), name="W")
    bv = api.shared(np.zeros(4), name="bvis")
    bh = api.shared(np.zeros(3), name="bhid")

    def step(v: Any, *passed: Any) -> Any:
        W, vis, hid = passed or (w, bv, bh)
        hidden = rng.binomial(size=(3,), n=1, p=T.nnet.sigmoid(T.dot(v, W) + hid), dtype="float64")
        return rng.binomial(size=(4,), n=1, p=T.nnet.sigmoid(T.dot(hidden, W.T) + vis), dtype="float64")

    start = T.dvector("v0")
    others = {"non_sequences": [w, bv, bh]} if second else {}
    values, updates = api.scan(step, outputs_info=[start], n_steps=3, **others)
    return api.function([start], values, updates=updates, **options)


def _lstm(api: Any, second: bool, options: dict[str, Any]) -> Any:
    """A layer of three LSTM units over a sequence: four weight matrices, or one."""
    T = api.tensor
    units = 3
    numbers = np.sin(np.arange(4 * 2 * units)).reshape(4, 2, units)
    recurrent = np.cos(np.arange(4 * units * units)).reshape(4, units, units)
    xs = T.dmatrix("xs")
    zeros = np.zeros(units)

    def gates(x: Any, h: Any) -> list[Any]:
        if not second:
            return [T.dot(x, W) + T.dot(h, U) for W, U in zip(separate, separate_u)]
        joined = T.dot(x, merged) + T.dot(h, merged_u)
        return [joined[k * units : (k + 1) * units] for k in range(4)]

    separate = [api.shared(a, name=f"W_{k}") for a, k in zip(numbers, "icfo")]
    separate_u = [api.shared(a, name=f"U_{k}") for a, k in zip(recurrent, "icfo")]
    merged = api.shared(np.concatenate(list(numbers), axis=1), name="W")
    merged_u = api.shared(np.concatenate(list(recurrent), axis=1), name="U")

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        i, new, f, o = gates(x, h)
        c = T.nnet.sigmoid(f) * c + T.nnet.sigmoid(i) * T.tanh(new)
        return T.nnet.sigmoid(o) * T.tanh(c), c

    (hs, _), _ = api.scan(step, sequences=[xs], outputs_info=[T.constant(zeros), T.constant(zeros)])
    return api.function([xs], hs, **options)


SEEDS = (
    Twins("givens", _givens, [[0], [3], [18], [-7]], ("UNOPTIMIZED", "FAST_COMPILE", "EXACT", "FAST_RUN")),
    Twins("drawn", _drawn, [[np.array([0.0, 0.5])]] * 2, ("UNOPTIMIZED", "FAST_RUN")),
    Twins("held", _held, [[np.array([0.5, -2.0, 3.0])]], builder="gradient"),
    Twins("gibbs", _gibbs, [[np.array([1.0, 0.0, 1.0, 1.0])]] * 3, ("FAST_RUN",)),
    Twins("lstm", _lstm, [[np.linspace(-1, 1, 10).reshape(5, 2)]]),
)


def seed_failures(chosen: Sequence[Cell], api: Any = None) -> Iterator[tuple[Program, Failure]]:
    """What is wrong with the seed programs, in any of the cells."""
    if api is None:
        import reference as api  # type: ignore[no-redef]
    for twins in SEEDS:
        standard: dict[bool, list[Any]] = {}
        for cell in chosen:
            for failure in _failures(twins, api, cell, standard):
                culprit, failure.blame = _blamed(twins, api, failure, dict(standard))
                failure.culprit = twins.builder if culprit == "function" else culprit
                yield Program(), failure
    yield from gradient_failures(api)
    yield from _normal_failures(api)


AVG, STD, QUANTILE_ERROR = -1.5, 2.5, 1e-14
"""What the normal numbers are drawn with, and the relative error of either approximation of a quantile."""


def _normal_failures(api: Any) -> Iterator[tuple[Program, Failure]]:
    """Normal numbers of which the words, or the quantiles, are others."""
    size, seed = 300, 11
    stream = api.tensor.shared_randomstreams.RandomStreams(seed)
    drawn = api.function([], stream.normal((size,), avg=AVG, std=STD, dtype="float64"))()
    words, standard = Words(seed, 0, 0), NormalDist()
    for k, got in enumerate(drawn):
        u = ((words[2 * k] >> 6) * 2**26 + (words[2 * k + 1] >> 6) + 0.5) / 2**52
        z = standard.inv_cdf(u)
        if not abs(got - (AVG + STD * z)) <= QUANTILE_ERROR * (abs(AVG) + STD * abs(z)):
            what = f"normal number {k} of seed {seed}, spread {STD} around {AVG}, is {got!r}, not {AVG + STD * z!r}"
            yield Program(), Failure("seed", Cell("FAST_RUN", "reference"), what, culprit="random")
            return


Both = Sequence[tuple[Any, list[Any], list[Any]]]
"""The functions of the two forms, the values of their inputs call by call, and their results."""


def _failures(twins: Twins, api: Any, cell: Cell, standard: dict[bool, list[Any]]) -> list[Failure]:
    """What is wrong in one cell; the first cell's results become the standard for the others."""
    try:
        both = [_run(twins, api, second, cell) for second in (False, True)]
    except Exception as error:
        if type(error).__name__ == "NotLowered":
            return []
        return [Failure("seed", cell, f"{twins.name} raised {type(error).__name__}: {error}")]
    return list(_judged(twins, api, cell, both, standard))


def _blamed(twins: Twins, api: Any, failure: Failure, standard: dict[bool, list[Any]]) -> tuple[str, str]:
    from difftest.blame import Retrial, of_retrial

    def fails(**flags: Any) -> bool:
        with api.config.change_flags(flags):
            return bool(_failures(twins, api, failure.cell, dict(standard)))

    def graphs(mode: str) -> Iterator[tuple[Any, Sequence[Any]]]:
        for second in (False, True):
            f, values, _ = _run(twins, api, second, Cell(mode, "reference"))
            yield f, list(map(np.asarray, values[0]))

    def again() -> None:
        for second in (False, True):
            _run(twins, api, second, failure.cell)

    return of_retrial(api, failure, Retrial(fails, graphs, again))


def _run(twins: Twins, api: Any, second: bool, cell: Cell) -> tuple[Any, list[Any], list[Any]]:
    f = twins.build(api, second, {"mode": cell.mode, "backend": cell.backend})
    states, results = [], []
    for call in twins.calls:
        states.append([*call, *[v.get_value() for v in f.get_shared()]])
        results.append(np.asarray(f(*call)))
    return f, states, results


def _judged(twins: Twins, api: Any, cell: Cell, both: Both, first: dict[bool, list[Any]]) -> Iterator[Failure]:
    if cell.mode in twins.same_text:
        texts = [printed(api, f) for f, _, _ in both]
        if texts[0] != texts[1]:
            yield Failure(
                "seed",
                cell,
                f"{twins.name}: the two functions print differently\n" + difference(texts[0], texts[1], ("1", "2")),
            )
    for second, (f, states, results) in zip((False, True), both):
        standard = first.setdefault(False, results)
        for number, (value, expected) in enumerate(zip(results, standard)):
            if same_bits(value, expected):
                continue
            who = executor(cell.backend, cell.mode == "FAST_RUN")
            values = dict(zip(f.fgraph.inputs, map(np.asarray, states[number])))
            bound = walk(f.fgraph.toposort(), values, who).of(f.fgraph.outputs[0])
            doubled = inside(expected, bound)
            if value.shape != expected.shape or doubled.wrong.any():
                yield Failure(
                    "seed", cell, f"{twins.name}, form {1 + second}, call {number + 1}: {value}, elsewhere {expected}"
                )
