"""Loops on this package's backends, by `scan` as users write it, and by hand in NumPy.

    python benchmarks/scan.py serve numpy|reference|opencl
    python benchmarks/scan.py memory
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import gibbs
import lstm
import numpy as np
import scan_peers as shapes
from side_by_side import Call, Tables, serve

import reference.tensor as T
from reference import function, scan
from reference.tensor.philox import philox_words


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class Loops:
    """Each loop compiled for a backend: the methods that `scan_peers.table` names rows after."""

    def __init__(self, backend: str):
        self.backend = backend

    def gibbs(self, form: str) -> Callable[[], Call]:
        def make() -> Call:
            *_, start = shapes.gibbs_arrays()
            rbm = gibbs.RBM(shapes.VISIBLE, shapes.HIDDEN)
            chain = rbm.chain(shapes.DRAWS, explicit=form == "explicit", backend=self.backend)
            return lambda: chain(start)

        return make

    def lstm(self, form: str, train: bool) -> Callable[[], Call]:
        def make() -> Call:
            *_, x, target = shapes.lstm_arrays()
            parameters = lstm.Parameters(shapes.SIZE, shapes.SIZE, "float32")
            if train:
                f = lstm.build(parameters, form, self.backend, updates=True)
            else:
                f = lstm.build_cost(parameters, form, self.backend)
            return lambda: f(x, target)

        return make

    def _of(self, expression: Callable, *arrays: np.ndarray) -> Call:
        inputs = [T.TensorType(a.dtype.name, (False,) * a.ndim)() for a in arrays]
        f = function(inputs, expression(*inputs), backend=self.backend)
        return lambda: f(*arrays)

    def recurrence(self, size: int, steps: int) -> Callable[[], Call]:
        def last(h, a, b):
            return scan(lambda h, a, b: a * h + b, outputs_info=h, non_sequences=[a, b], n_steps=steps)[0][-1]

        return lambda: self._of(last, *shapes.vectors(size))

    def filtered(self, size: int, steps: int) -> Callable[[], Call]:
        def every(h, a, x):
            return scan(lambda x, h, a: a * h + x, sequences=x, outputs_info=h, non_sequences=a)[0]

        return lambda: self._of(every, *shapes.vectors(size)[:2], shapes.rows_of(steps, size))

    def nested(self, size: int, outer: int, inner: int) -> Callable[[], Call]:
        def step(h, a, b):
            g, _ = scan(lambda g, a, b: T.tanh(a * g + b), outputs_info=h, non_sequences=[a, b], n_steps=inner)
            return np.float32(0.5) * (g[-1] + h)

        def last(h, a, b):
            return scan(step, outputs_info=h, non_sequences=[a, b], n_steps=outer)[0][-1]

        return lambda: self._of(last, *shapes.vectors(size))

    def power(self, size: int, steps: int) -> Callable[[], Call]:
        def last(a):
            return scan(lambda r, a: r * a, outputs_info=T.ones_like(a), non_sequences=a, n_steps=steps)[0][-1]

        return lambda: self._of(last, shapes.near_one(size))

    def rows(self) -> Tables:
        return shapes.table(self.gibbs, self.lstm, self.recurrence, self.filtered, self.nested, self.power)


class ByHand(Loops):
    """The same loops in NumPy as one would write them: results of a step go where the next one reads them."""

    def __init__(self) -> None:
        super().__init__("")

    def gibbs(self, form: str) -> Callable[[], Call]:
        W, bvis, bhid, start = shapes.gibbs_arrays()
        state = np.array([1, 2, 0, 0], dtype="uint32")

        def draw(p: np.ndarray) -> np.ndarray:
            state[2] += 1
            uniform = (philox_words(state, p.size) >> np.uint32(8)).astype("float32") * np.float32(2**-24)
            return (uniform.reshape(p.shape) < p).astype("float32")

        def call() -> np.ndarray:
            v = start
            for _ in range(shapes.DRAWS):
                v = draw(sigmoid(draw(sigmoid(v @ W + bhid)) @ W.T + bvis))
            return v

        return lambda: call

    def lstm(self, form: str, train: bool) -> Callable[[], Call]:
        n = shapes.SIZE
        W, U, b, x, target = shapes.lstm_arrays()

        def call() -> np.float32:
            h = c = np.zeros(target.shape, dtype="float32")
            kept = []
            projected = x @ W + b
            for z in projected:
                z = z + h @ U
                i, f, o = (sigmoid(z[:, k * n : (k + 1) * n]) for k in (0, 2, 3))
                g = np.tanh(z[:, n : 2 * n])
                before, c_before = h, c
                c = f * c + i * g
                t = np.tanh(c)
                h = o * t
                kept.append((before, c_before, i, g, f, o, t))
            if train:
                backward(kept, 2 * (h - target) / h.size)
            return np.mean((h - target) ** 2)

        def backward(kept: list, dh: np.ndarray) -> None:
            dc = np.zeros_like(dh)
            dz = np.empty((len(x), len(dh), 4 * n), dtype="float32")
            for k in range(len(x) - 1, -1, -1):
                _, c, i, g, f, o, t = kept[k]
                dc = dc + dh * o * (1 - t * t)
                dz[k, :, :n] = dc * g * i * (1 - i)
                dz[k, :, n : 2 * n] = dc * i * (1 - g * g)
                dz[k, :, 2 * n : 3 * n] = dc * c * f * (1 - f)
                dz[k, :, 3 * n :] = dh * t * o * (1 - o)
                dc = dc * f
                dh = dz[k] @ U.T
            flat, rate = dz.reshape(-1, 4 * n), np.float32(0.1)
            states = np.concatenate([before for before, *_ in kept])
            W[...] -= rate * (x.reshape(-1, n).T @ flat)
            U[...] -= rate * (states.T @ flat)
            b[...] -= rate * flat.sum(axis=0)

        return lambda: call

    def recurrence(self, size: int, steps: int) -> Callable[[], Call]:
        h0, a, b = shapes.vectors(size)

        def call() -> np.ndarray:
            h = h0
            for _ in range(steps):
                h = a * h + b
            return h

        return lambda: call

    def filtered(self, size: int, steps: int) -> Callable[[], Call]:
        h0, a, _ = shapes.vectors(size)
        x = shapes.rows_of(steps, size)

        def call() -> np.ndarray:
            out, h = np.empty_like(x), h0
            for t in range(steps):
                h = out[t] = a * h + x[t]
            return out

        return lambda: call

    def nested(self, size: int, outer: int, inner: int) -> Callable[[], Call]:
        h0, a, b = shapes.vectors(size)

        def call() -> np.ndarray:
            h = h0
            for _ in range(outer):
                g = h
                for _ in range(inner):
                    g = np.tanh(a * g + b)
                h = np.float32(0.5) * (g + h)
            return h

        return lambda: call

    def power(self, size: int, steps: int) -> Callable[[], Call]:
        a = shapes.near_one(size)

        def call() -> np.ndarray:
            r = np.ones_like(a)
            for _ in range(steps):
                r = r * a
            return r

        return lambda: call


def memory() -> None:
    """The most bytes at a time of a recurrence of 1000 values whose last row alone is wanted, over its steps."""
    h, n = T.fvector("h"), T.lscalar("n")
    last = scan(lambda h: h * np.float32(0.5), outputs_info=h, n_steps=n)[0][-1]
    given = np.ones(1000, dtype="float32")
    for steps in (100, 10_000):
        line = f"{steps:6d} steps"
        for backend in ("reference", "opencl"):
            f = function([h, n], last, backend=backend)
            tracemalloc.start()
            before = f.executable.runtime.working.allocated if backend == "opencl" else 0
            f(given, steps)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            if backend == "opencl":
                most = f.executable.runtime.working.allocated - before
            line += f"   {backend} {most}"
        print(line, flush=True)


def main() -> None:
    if sys.argv[1] == "memory":
        memory()
    else:
        name = sys.argv[2]
        serve((ByHand() if name == "numpy" else Loops(name)).rows(), np.__version__)


if __name__ == "__main__":
    main()
