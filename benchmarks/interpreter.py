"""The reference against hand-written NumPy doing the same: one table of ratios, measured side by side in one run.

For each example's inner function: the median time of a call on the reference interpreter, with float32_math
exact and native, divided by that of NumPy code written by hand for the same arithmetic. Rounds are
interleaved (by hand, exact, native, by hand, ...), so that a noisy machine disturbs all three alike.

    OPENBLAS_NUM_THREADS=1 python benchmarks/interpreter.py [--backend NAME ...] [--rounds N]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import gibbs
import givens
import logistic_regression as logistic
import lstm

from reference.config import config
from reference.tensor.philox import philox_words

Call = Callable[[], object]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class Case:
    """One row: how the call is compiled for a backend, and the same by hand."""

    def __init__(self, name: str, compiled: Callable[[str], Call], by_hand: Call):
        self.name, self.compiled, self.by_hand = name, compiled, by_hand


def givens_case() -> Case:
    data = np.arange(100)

    def compiled(backend: str) -> Call:
        f, _ = givens.build(backend, mode="FAST_RUN")
        return lambda: f(3)

    return Case("givens", compiled, lambda: data[3:8].copy())


def logistic_case(batch: int, pixels: int) -> Case:
    rng = np.random.RandomState(0)
    x, y = rng.rand(2 * batch, pixels).astype("float32"), rng.randint(0, 10, 2 * batch).astype("int32")
    W, b = np.zeros((pixels, 10), dtype="float32"), np.zeros(10, dtype="float32")

    def compiled(backend: str) -> Call:
        model = logistic.Model(backend, data=(x, y, x, y), batch=batch)
        return lambda: model.train(0)

    name = f"logistic regression, batch {batch}, {pixels} pixels"
    return Case(name, compiled, lambda: logistic.numpy_step(x[:batch], y[:batch], W, b))


def gibbs_case(n_visible: int = 784, n_hidden: int = 500, batch: int = 20, steps: int = 10) -> Case:
    rbm = gibbs.RBM(n_visible, n_hidden)
    W, bvis, bhid = (v.get_value() for v in (rbm.W, rbm.bvis, rbm.bhid))
    start = (np.random.RandomState(0).rand(batch, n_visible) > 0.5).astype("float32")
    state = np.array([1, 2, 0, 0], dtype="uint32")

    def draw(p: np.ndarray) -> np.ndarray:
        state[2] += 1
        uniform = (philox_words(state, p.size) >> np.uint32(8)).astype("float32") * np.float32(2**-24)
        return (uniform.reshape(p.shape) < p).astype("float32")

    def by_hand() -> np.ndarray:
        v = start
        for _ in range(steps):
            h = draw(sigmoid(v @ W + bhid))
            v = draw(sigmoid(h @ W.T + bvis))
        return v

    def compiled(backend: str) -> Call:
        chain = rbm.chain(steps, explicit=False, backend=backend)
        return lambda: chain(start)

    return Case(f"Gibbs {n_visible}x{n_hidden}, batch {batch}, {steps} steps", compiled, by_hand)


def lstm_case(steps: int = 100, batch: int = 16, size: int = 128, dtype: str = "float32") -> Case:
    parameters = lstm.Parameters(size, size, dtype)
    W, U, b = (v.get_value() for v in parameters.all())
    x, target = lstm.data(dtype, steps, batch, size)

    def by_hand() -> np.float32:
        h = c = np.zeros((batch, size), dtype=dtype)
        for x_t in x:
            z = x_t @ W + h @ U + b
            i, f, o = (sigmoid(z[:, k * size : (k + 1) * size]) for k in (0, 2, 3))
            c = f * c + i * np.tanh(z[:, size : 2 * size])
            h = o * np.tanh(c)
        return np.mean((h - target) ** 2)

    def compiled(backend: str) -> Call:
        cost = lstm.build_cost(parameters, "merged", backend)
        return lambda: cost(x, target)

    return Case(f"LSTM {steps} steps, batch {batch}, {size} units, forward", compiled, by_hand)


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", action="append", default=[], help="a further backend beside the reference")
    parser.add_argument("--rounds", type=int, default=31)
    arguments = parser.parse_args()
    print(f"{'inner function':44s} {'NumPy by hand':>14s}  " + "ratio to it: exact, native" + "".join(
        f", {name}" for name in arguments.backend))  # fmt: skip
    for case in (givens_case(), logistic_case(100, 64), logistic_case(600, 784), gibbs_case(), lstm_case()):
        calls: list[tuple[str, Call]] = [("exact", case.by_hand)]
        calls.append(("exact", case.compiled("reference")))
        calls.append(("native", case.compiled("reference")))
        calls += [("exact", case.compiled(name)) for name in arguments.backend]
        times: list[list[float]] = [[] for _ in calls]
        for _ in range(arguments.rounds):
            for k, (math, call) in enumerate(calls):
                with config.change_flags(float32_math=math):
                    times[k].append(seconds(call))
        base, *rest = (median(t[2:]) for t in times)
        print(f"{case.name:44s} {1e3 * base:11.3f} ms  " + "  ".join(f"{r / base:8.2f}" for r in rest), flush=True)


if __name__ == "__main__":
    main()
