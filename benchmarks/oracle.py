"""How well running bounds tell right from wrong, beside fixed tolerances: `python -m benchmarks.oracle`.

Random float32 graphs of five families are run by executors that are right (the reference, inside its own bounds; the
reference with NumPy's own float32 functions, also beside the first) and with a fault seeded in one intermediate value.
For each way of comparing: the share of right graphs it calls wrong, and the share of faults it catches.

`--evaluations N` asks one thing only: N elements of intermediate values and results, computed with other orders of
summation, half of them with another library's functions, against their bounds. None may lie outside. `--backend NAME`
looks at what a backend computes instead.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import reference as theano
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.ulps import Executor, executor
from reference.scan.op import Scan

T: Any = theano.tensor
SIZE = 32
TOLERANCES = {"1e-2/1e-3": (1e-2, 1e-3), "1e-4": (1e-4, 0.0), "1e-5/1e-8": (1e-5, 1e-8), "1e-6": (1e-6, 0.0)}
Values = list[np.ndarray]


class Native:
    """The table of an executor whose float32 functions are those of a C library: 4 ulp off at most."""

    ulps = 4.0

    def get(self, name: str) -> Any:
        row = theano.scalar.TABLE.get(name)
        return self if row is not None and row.transcendental else None

    def ulp(self, dtype: str, fast: bool) -> float:
        return self.ulps


STRICT, LOOSE = executor("reference", False), Executor("native", Native())  # type: ignore[arg-type]

UNARY = (T.tanh, T.sin, T.exp, T.sigmoid, T.log1p, T.sqr, T.neg, T.cos, T.arctan)
BINARY = (T.add, T.sub, T.mul, lambda a, b: a / (T.sqr(b) + 1), T.maximum)


def elementwise(rng: np.random.Generator, x: Any, steps: int = 7) -> Any:
    pool = [x, x * 0.5]
    for _ in range(int(rng.integers(3, steps))):
        a, b = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        if rng.random() < 0.6:
            unary = UNARY[int(rng.integers(len(UNARY)))]
            pool.append(unary(abs(a)) if unary is T.log1p else unary(T.tanh(a)) if unary is T.exp else unary(a))
        else:
            pool.append(BINARY[int(rng.integers(len(BINARY)))](a, b))
    return pool[-1]


def reduction(rng: np.random.Generator, x: Any) -> Any:
    y = elementwise(rng, x, 5)
    return T.cumsum(y) if rng.random() < 0.3 else T.stack([y.sum(), y.mean(), T.max(y), T.sqr(y).sum()])


def dot(rng: np.random.Generator, x: Any) -> Any:
    a = elementwise(rng, x, 5).reshape((4, 8))
    return T.dot(a, T.tanh(elementwise(rng, x, 4)).reshape((8, 4)))


def loop(rng: np.random.Generator, x: Any) -> Any:
    w = T.tanh(elementwise(rng, x, 4))
    rows, _ = theano.scan(lambda s, w: T.tanh(s * w + elementwise(rng, s, 4) * 0.5), outputs_info=x, non_sequences=w,
                          n_steps=int(rng.integers(2, 9)))  # fmt: skip
    return rows[-1]


def gradient(rng: np.random.Generator, x: Any) -> Any:
    return theano.grad(elementwise(rng, x, 6).sum(), x, disconnected_inputs="ignore")


FAMILIES: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "elementwise": elementwise, "reductions": reduction, "dots": dot, "loops": loop, "gradients": gradient,
}  # fmt: skip

FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "times 1+1e-5": lambda v: v * np.float32(1 + 1e-5),
    "half precision": lambda v: v.astype("float16").astype("float32"),
    "bfloat16": lambda v: (v.copy().view("uint32") & np.uint32(0xFFFF0000)).view("float32"),
    "flush below 1e-4": lambda v: np.where(np.abs(v) < 1e-4, np.float32(0), v),
}


def run(graph: Any, value: np.ndarray, wrong: tuple[int, Any] | None = None, native: bool = False) -> Values:
    """Evaluate node by node; `wrong` = (number of a node, the fault in its result)."""
    known = dict(zip(graph.inputs, [value]))
    with theano.config.change_flags(float32_math="native" if native else "exact"), np.errstate(all="ignore"):
        for number, node in enumerate(graph.toposort()):
            results = node.op.perform(node, *[known.get(v, getattr(v, "data", None)) for v in node.inputs])
            if wrong is not None and wrong[0] == number:
                results = [np.asarray(wrong[1](np.array(r)), r.dtype) for r in results]
            known.update(zip(node.outputs, results))
    return [np.asarray(known[v]) for v in graph.outputs]


def shaken(node: Any, inputs: Values, rng: np.random.Generator) -> Values:
    """What the node gives where sums are added up in another order."""
    name = type(node.op).__name__
    x, *rest = inputs
    if name == "Sum":
        axes = range(x.ndim) if node.op.axis is None else node.op.axis
        for axis in axes:
            x = rng.permutation(x, axis=axis)
    elif name == "Dot":
        order = rng.permutation(x.shape[-1])
        x, rest = x[..., order], [rest[0][order]]
    elif name == "Softmax":
        order = rng.permutation(x.shape[1])
        (found,) = node.op.perform(node, x[:, order])
        return [found[:, np.argsort(order)]]
    return list(node.op.perform(node, x, *rest))


def outside(family: str, seed: int, times: int) -> tuple[int, int]:
    """How many elements lie outside of their bounds, and of how many: a graph, evaluated so many times."""
    rng = np.random.default_rng([seed, len(family), 1])
    x = T.tensor("float32", (False,), name="x")
    graph = theano.function([x], FAMILIES[family](rng, x), mode="UNOPTIMIZED", on_unused_input="ignore").fgraph
    value = rng.uniform(-2, 2, SIZE).astype("float32")
    order = graph.toposort()
    bounds = [walk(order, dict(zip(graph.inputs, [value])), e) for e in (STRICT, LOOSE)]
    wrong = looked = 0
    for number in range(times):
        native = number % 2
        known = dict(zip(graph.inputs, [value]))
        with theano.config.change_flags(float32_math="native" if native else "exact"), np.errstate(all="ignore"):
            for node in order:
                given = [known.get(v, getattr(v, "data", None)) for v in node.inputs]
                known.update(zip(node.outputs, shaken(node, given, rng) if given else node.op.perform(node)))
        for node in order:
            for v in node.outputs:
                if getattr(v.type, "dtype", "") == "float32":
                    wrong += int(inside(np.asarray(known[v]), bounds[native].of(v)).wrong.sum())
                    looked += known[v].size
    return wrong, looked


def many(evaluations: int) -> int:
    """Print how many of so many elements lie outside."""
    total = 0
    for family in FAMILIES:
        wrong = looked = seed = 0
        while looked < evaluations / len(FAMILIES):
            more = outside(family, seed, 40)
            wrong, looked, seed = wrong + more[0], looked + more[1], seed + 1
        print(f"{family}: {wrong} of {looked} elements outside of their bounds, {seed} graphs", flush=True)
        total += wrong
    return total


def suspects(graph: Any) -> list[int]:
    """Nodes with float32 results that compute: a fault there changes what is computed."""
    return [
        k
        for k, node in enumerate(graph.toposort())
        if getattr(node.outputs[0].type, "dtype", "") == "float32"
        and (hasattr(node.op, "scalar_op") or isinstance(node.op, Scan) or type(node.op).__name__ in ("Dot", "Sum"))
    ]


def compared(value: np.ndarray, right: np.ndarray, bound: Any) -> Iterator[tuple[str, bool]]:
    """(way of comparing, whether it calls the value wrong)"""
    yield "bound", bool(inside(value, bound).wrong.any())
    for name, (rtol, atol) in TOLERANCES.items():
        yield name, not np.allclose(value, right, rtol=rtol, atol=atol, equal_nan=True)


def measure(family: str, graphs: int) -> tuple[Counter[tuple[str, str]], Counter[str], list[float]]:
    flagged: Counter[tuple[str, str]] = Counter()
    tried: Counter[str] = Counter()
    ratios: list[float] = []
    for seed in range(graphs):
        rng = np.random.default_rng([seed, len(family)])
        x = T.tensor("float32", (False,), name="x")
        graph = theano.function([x], FAMILIES[family](rng, x), mode="UNOPTIMIZED", on_unused_input="ignore").fgraph
        value = rng.uniform(-2, 2, SIZE).astype("float32")
        (right,) = run(graph, value)
        inputs = dict(zip(graph.inputs, [value]))
        strict, loose = (walk(graph.toposort(), inputs, e).of(graph.outputs[0]) for e in (STRICT, LOOSE))
        tried["right"] += 1
        for bound, native in ((strict, False), (loose, True)):
            (got,) = run(graph, value, native=native)
            flagged.update(("right", name) for name, wrong in compared(got, right, bound) if wrong)
            off = np.abs(got - bound.y)
            ratios += list((bound.e / np.where(off > 0, off, np.inf)).ravel()[(off > 0).ravel()].astype(float))
        places = suspects(graph)
        for name, fault in FAULTS.items() if places else ():
            (got,) = run(graph, value, (places[int(rng.integers(len(places)))], fault))
            if np.array_equal(got, right, equal_nan=True):
                continue
            tried[name] += 1
            flagged.update((name, way) for way, wrong in compared(got, right, strict) if wrong)
    return flagged, tried, ratios


def on_backend(backend: str, graphs: int) -> None:
    """Print how often a backend's right results are called wrong: inside its own bounds, and by tolerances."""
    ways = ("bound", *TOLERANCES)
    print("| family | mode | runs | " + " | ".join(ways) + " | bound / distance from the reference, median |")
    print("|---|---|---|" + "---|" * (len(ways) + 1))
    for family, build in FAMILIES.items():
        for mode in ("UNOPTIMIZED", "FAST_RUN"):
            flagged: Counter[str] = Counter()
            ratios: list[float] = []
            for seed in range(graphs):
                rng = np.random.default_rng([seed, len(family)])
                x = T.tensor("float32", (False,), name="x")
                y = build(rng, x)
                value = rng.uniform(-2, 2, SIZE).astype("float32")
                right = theano.function([x], y, mode="UNOPTIMIZED", on_unused_input="ignore")(value)
                f = theano.function([x], y, mode=mode, backend=backend, on_unused_input="ignore")
                got, who = np.asarray(f(value)), executor(backend, mode == "FAST_RUN")
                bound = walk(f.fgraph.toposort(), {f.fgraph.inputs[0]: value}, who).of(f.fgraph.outputs[0])
                flagged.update(name for name, wrong in compared(got, right, bound) if wrong)
                off = np.abs(got - right)
                ratios += list((bound.e / np.where(off > 0, off, np.inf)).ravel()[(off > 0).ravel()].astype(float))
            shares = (f"{flagged[way] / graphs:.1%}" for way in ways)
            median = f"{np.median(ratios):.0f}" if ratios else "same bits"
            print(f"| {family} | {mode} | {graphs} | " + " | ".join(shares) + f" | {median} |", flush=True)


def table(graphs: int) -> None:
    ways = ("bound", *TOLERANCES)
    for family in FAMILIES:
        flagged, tried, ratios = measure(family, graphs)
        print(f"\n| {family} | runs | " + " | ".join(ways) + " |\n|---|---|" + "---|" * len(ways))
        for row in ("right", *FAULTS):
            shares = (f"{flagged[row, way] / max(tried[row], 1):.1%}" for way in ways)
            print(f"| {row} | {tried[row]} | " + " | ".join(shares) + " |")
        print(f"\nbound / actual error, median: {np.median(ratios):.0f}" if ratios else "")


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m benchmarks.oracle")
    made.add_argument("graphs", type=int, nargs="?", default=60, help="graphs of each family")
    made.add_argument("--evaluations", type=int, help="only look whether any of so many elements lies outside")
    made.add_argument("--backend", help="only look at what this backend computes")
    options = made.parse_args(arguments)
    if options.evaluations:
        return 1 if many(options.evaluations) else 0
    if options.backend:
        on_backend(options.backend, options.graphs)
    else:
        table(options.graphs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
