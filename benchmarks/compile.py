"""How compile time grows with the graph: one row a kind and size of graph, processor seconds a phase.

`build` is the user's expression, `plain` `function` in UNOPTIMIZED (givens, copies, the backend's plan), `optimized` in
FAST_RUN, `call` the first call of that one, and `print` its debugprint. `us a node` is `optimized` over the nodes of
the expression: where it stays level, compile time grows with the graph and no faster. The last rows are the project's
examples, whose first result should come within a second.

    OPENBLAS_NUM_THREADS=1 python benchmarks/compile.py [--backend NAME] [--largest N] [--kind NAME ...]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import gibbs
import lstm

import reference as theano
import reference.tensor as T
from reference.graph.traversal import toposort

Case = tuple[list[Any], Any, list[tuple[Any, Any]], list[np.ndarray]]
"""What `function` is given: inputs, an output, updates; and the arguments of a call."""

VECTOR = np.full(4, 0.5)


def chain(n: int) -> Case:
    """Elementwise operations one behind the other, the input read again and again."""
    x = T.dvector("x")
    y = x
    for k in range(n // 2):
        y = T.tanh(y) if k % 2 else T.sqr(y)
        y = y + x
    return [x], y, [], [VECTOR]


def wide(n: int) -> Case:
    """One sum of very many different terms."""
    x = T.dvector("x")
    return [x], T.add(*[x * (1.0 + k) for k in range(n - 1)]), [], [VECTOR]


def sums(n: int) -> Case:
    """The same terms added up one by one."""
    x = T.dvector("x")
    y = x
    for k in range(n // 2):
        y = y + x * (1.5 + k)
    return [x], y, [], [VECTOR]


def tree(n: int) -> Case:
    """Pairs added, and pairs of pairs, up to one."""
    x = T.dvector("x")
    level = [T.tanh(x * (1.5 + k)) for k in range(n // 3)]
    while len(level) > 1:
        level = [T.add(*level[k : k + 2]) for k in range(0, len(level), 2)]
    return [x], level[0], [], [VECTOR]


def shared(n: int) -> Case:
    """Very many shared variables, each updated from itself and an input."""
    x = T.dvector("x")
    states = [theano.shared(VECTOR, name=f"s{k}") for k in range(n // 2)]
    return [x], x.sum(), [(s, s - x * 0.5) for s in states], [VECTOR]


def twins(n: int) -> Case:
    """The same expression again and again: all of it merges."""
    x = T.dvector("x")
    return [x], T.add(*[T.tanh(x + 1) for _ in range(n // 2)]), [], [VECTOR]


def gradients(n: int) -> Case:
    """The gradient of layers one behind the other."""
    x = T.dvector("x")
    y = x
    for k in range(n // 8):
        y = T.tanh(y * (1.5 + k) + x)
    return [x], T.grad(y.sum(), x), [], [VECTOR]


def slices(n: int) -> Case:
    """Elements of a vector, taken one by one and joined again."""
    x = T.dvector("x")
    return [x], T.stack([x[k % 4] * 2 for k in range(n // 3)]), [], [VECTOR]


KINDS: dict[str, Callable[[int], Case]] = {
    f.__name__: f for f in (chain, wide, sums, tree, shared, twins, gradients, slices)
}


def spent(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and the result."""
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


@dataclass(frozen=True)
class Compiled:
    """What one graph took, in processor seconds."""

    kind: str
    nodes: int
    after: int
    rewrites: int
    build: float
    plain: float
    optimized: float
    call: float
    printing: float

    @property
    def microseconds(self) -> float:
        """Of FAST_RUN, a node of the expression."""
        return 1e6 * self.optimized / max(self.nodes, 1)

    def __str__(self) -> str:
        phases = (self.build, self.plain, self.optimized, self.call, self.printing)
        counts = f"{self.kind:20}{self.nodes:8}{self.after:8}{self.rewrites:8}"
        return counts + "".join(f"{phase:10.3f}" for phase in phases) + f"{self.microseconds:10.0f}"


def measured(kind: str, size: int, backend: str, printed: bool = True) -> Compiled:
    build, (inputs, output, updates, arguments) = spent(lambda: KINDS[kind](size))
    nodes = len(toposort([output, *[new for _, new in updates]]))

    def compiled(mode: str) -> Any:
        return theano.function(inputs, output, updates=updates, mode=mode, backend=backend)

    plain, _ = spent(lambda: compiled("UNOPTIMIZED"))
    optimized, f = spent(lambda: compiled("FAST_RUN"))
    call, _ = spent(lambda: f(*arguments))
    printing, _ = spent(lambda: theano.printing.debugprint(f, file="str") if printed else None)
    after = len(f.fgraph.apply_nodes)
    return Compiled(kind, nodes, after, len(f.rewrites), build, plain, optimized, call, printing)


def sizes(largest: int) -> list[int]:
    return [10**k for k in range(2, 7) if 10**k <= largest]


def settle(backend: str) -> None:
    """Let imports and the device's start be over before anything is measured."""
    x = T.dvector()
    theano.function([x], T.exp(x) + 1, backend=backend)(VECTOR)


def example(name: str, build: Callable[[], Any], arguments: list[np.ndarray]) -> str:
    compiling, f = spent(build)
    call, _ = spent(lambda: f(*arguments))
    return f"{name:32}{len(f.fgraph.apply_nodes):8}{len(f.rewrites):8}{compiling:10.3f}{call:10.3f}"


def examples(backend: str) -> Iterator[str]:
    x, target = lstm.data("float64", 5, 2, 8)
    for form in ("merged", "separate"):
        yield example(
            f"LSTM with updates, {form}",
            lambda form=form: lstm.build(lstm.Parameters(8, 8), form, backend=backend, updates=True),  # type: ignore[misc]
            [x, target],
        )
    digits = (np.random.RandomState(0).rand(20, 16) > 0.5).astype("float32")
    for explicit in (False, True):
        yield example(
            f"Gibbs chain, {'explicit' if explicit else 'captured'}",
            lambda explicit=explicit: gibbs.RBM(16, 10).chain(10, explicit, backend=backend),  # type: ignore[misc]
            [digits],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--largest", type=int, default=10_000)
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    settle(options.backend)
    titles = ("build", "plain", "optimized", "call", "print", "us a node")
    print(f"{'graph':20}{'nodes':>8}{'after':>8}{'rewrites':>8}" + "".join(f"{t:>10}" for t in titles))
    for kind in options.kind:
        for size in sizes(options.largest):
            print(measured(kind, size, options.backend), flush=True)
    print(f"\n{'example':32}{'after':>8}{'rewrites':>8}{'compile':>10}{'call':>10}")
    for line in examples(options.backend):
        print(line, flush=True)


if __name__ == "__main__":
    main()
