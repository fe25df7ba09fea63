"""How far a row is from what the machine can do: its least work, and the rates of copies and of products.

A row must read what it is given and write what it returns, once, and do its multiplications and additions. Its limit is
the longer of two times: a copy of as many bytes, and as many operations at the rate of a large product on all cores,
both measured in the same rounds as the row. Where data stay in caches between calls or steps wait for each other,
that is a bound and no aim. It must not know how anything is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np
import program_peers as programs
import scan_peers as loops
from side_by_side import Column, Measure, seconds

PRODUCT = "product/1024"
FLOAT = 4


@dataclass(frozen=True)
class Work:
    operations: float
    bytes: float


def product(*sizes: int) -> float:
    return 2.0 * float(np.prod(sizes, dtype=float))


def work() -> dict[str, Work]:
    """The least work of a call of each row, by table and name."""
    matrix = product(loops.VISIBLE, loops.HIDDEN)
    gibbs = Work(2 * loops.DRAWS * loops.CHAINS * matrix, FLOAT * matrix / 2)
    weights, rows = 8 * loops.SIZE**2, loops.STEPS * loops.BATCH
    forward = Work(2 * product(rows, loops.SIZE, 4 * loops.SIZE), FLOAT * (weights + rows * loops.SIZE))
    trained = Work(3 * forward.operations, forward.bytes + FLOAT * weights)
    found = {"loops/Gibbs captured": gibbs, "loops/Gibbs explicit": gibbs}
    for form in ("separate", "merged"):
        found |= {f"loops/LSTM {form}": forward, f"loops/LSTM {form}, trained": trained}

    def recurrence(size: int, steps: int) -> Work:
        return Work(2.0 * size * steps, 4 * FLOAT * size)

    found["loops/recurrence 100 x 100000"] = recurrence(100, 100_000)
    found["loops/recurrence 1e6 x 10"] = recurrence(1_000_000, 10)
    found["loops/filter 100 x 10000, all rows"] = Work(2.0 * 10**6, 2 * FLOAT * 10**6)
    found["loops/nested 100 x 100 x 20"] = Work(100 * (3.0 * 20 + 2) * 100, 4 * FLOAT * 100)
    found["loops/power 1e6 x 10"] = Work(1e7, 2 * FLOAT * 10**6)
    found["loops/power 100 x 1000"] = Work(1e5, 2 * FLOAT * 100)
    found |= {f"steps/{n}": recurrence(100, n) for n in loops.LENGTHS}
    found |= {f"values/{n}": recurrence(n, 100) for n in loops.STATES}

    chain = {n: Work(13.0 * n, 3 * FLOAT * n) for n in (*programs.CHAINS, 1000, 100_000, 10_000_000)}
    for n in (1000, 100_000, 10_000_000):
        found[f"programs/chain of 11, {n:.0e} floats"] = chain[n]
    found |= {f"chain/{n}": chain[n] for n in programs.CHAINS}
    found |= {f"product/{n}": Work(product(n, n, n), 3 * FLOAT * n * n) for n in programs.PRODUCTS}
    found["programs/softmax, sum, argmax, mean of 2000 x 5000"] = Work(6e7, 2 * FLOAT * 10**7)
    classes, pixels = programs.CLASSES, programs.PIXELS
    found["programs/logistic 600 x 784"] = Work(
        2 * product(600, pixels, classes), FLOAT * (600 * pixels + 2 * pixels * classes)
    )
    mlp = 2 * product(20, pixels, 500) + 3 * product(20, 500, classes)
    found["programs/MLP 784-500-10, batch 20"] = Work(mlp, 2 * FLOAT * (pixels + classes) * 500 + FLOAT * 20 * pixels)
    one, two = programs.FILTERS
    window = programs.FIELD**2
    lenet = 2 * product(100, one, 24, 24, window) + 3 * product(100, two, 8, 8, one * window)
    lenet += 3 * (product(100, programs.MAPS, 500) + product(100, 500, classes))
    found["programs/LeNet 28 x 28, batch 100"] = Work(lenet, FLOAT * (2 * programs.MAPS * 500 + 100 * pixels))
    return found


class Machine:
    """Measures of what the machine does at best: NumPy's products on one thread and on two, and copies."""

    def __init__(self, numpy: Column):
        self.products = {n: numpy.start(OPENBLAS_NUM_THREADS=str(n)) for n in (1, 2)}
        self.pool = ThreadPoolExecutor(2)
        for server in self.products.values():
            server.ask("first", PRODUCT)

    def close(self) -> None:
        self.pool.shutdown()
        for server in self.products.values():
            server.close()

    def measures(self, work: Work) -> dict[str, Measure]:
        """What takes the row's limits, to be measured beside the row."""
        half = np.ones(max(2, int(work.bytes / 2)), dtype="uint8")
        found: dict[str, Measure] = {f"threads {n}": server.column(PRODUCT) for n, server in self.products.items()}
        return found | {"copy": self._copy(half, 1), "shared copy": self._copy(half, 2)}

    def _copy(self, source: np.ndarray, threads: int) -> Measure:
        """Copy the array in as many threads: so many bytes are read and so many written."""
        pairs = list(zip(*(np.array_split(array, threads) for array in (np.zeros_like(source), source))))

        def copied() -> None:
            if threads == 1:
                np.copyto(*pairs[0])
            else:
                list(self.pool.map(np.copyto, *zip(*pairs)))

        return lambda: seconds(copied)

    def copied(self, megabytes: int = 256, rounds: int = 5) -> float:
        """Bytes a second of large copies, read and written ones together."""
        work = Work(0, 1e6 * megabytes)
        alone, shared = (self.measures(work)[name] for name in ("copy", "shared copy"))
        return work.bytes / min(median(alone() for _ in range(rounds)), median(shared() for _ in range(rounds)))


def rate(found: Mapping[str, float], threads: int) -> float:
    """Operations a second of the products that were measured."""
    return product(1024, 1024, 1024) / found[f"threads {threads}"]


def limit(work: Work, found: Mapping[str, float]) -> tuple[float, str]:
    """Seconds at best by what was measured beside the row, and what takes them."""
    copying = min(found["copy"], found["shared copy"])
    return max((copying, "memory"), (work.operations / max(rate(found, n) for n in (1, 2)), "arithmetic"))
