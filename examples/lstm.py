"""An LSTM by `scan`, with four separate gate matrices and with one merged matrix.

The two forms are the same function: their costs and gradients agree to rounding.

    python examples/lstm.py [--backend reference|opencl]
"""

import argparse
import time

import numpy as np

import reference as theano
import reference.tensor as T

STEPS, BATCH, SIZE = 20, 16, 32


class Parameters:
    """Input weights, recurrent weights and biases of the gates i, c, f, o, side by side."""

    def __init__(self, n_in: int, n_hidden: int, dtype: str = "float64", seed: int = 0):
        rng = np.random.RandomState(seed)
        self.W = theano.shared((rng.randn(n_in, 4 * n_hidden) / np.sqrt(n_in)).astype(dtype), name="W")
        self.U = theano.shared((rng.randn(n_hidden, 4 * n_hidden) / np.sqrt(n_hidden)).astype(dtype), name="U")
        self.b = theano.shared(np.zeros(4 * n_hidden, dtype=dtype), name="b")
        self.n_hidden = n_hidden

    def separate(self) -> list[list[theano.Variable]]:
        """The same numbers as four shared variables each: [W_i, ...], [U_i, ...], [b_i, ...]."""
        return [
            [
                theano.shared(np.split(v.get_value(), 4, axis=-1)[k], name=f"{v.name}_{gate}")
                for k, gate in enumerate("icfo")
            ]
            for v in (self.W, self.U, self.b)
        ]

    def all(self) -> list[theano.Variable]:
        return [self.W, self.U, self.b]


def _cell(i, c_new, f, o, c):
    i, f, o = T.nnet.sigmoid(i), T.nnet.sigmoid(f), T.nnet.sigmoid(o)
    c = f * c + i * T.tanh(c_new)
    return o * T.tanh(c), c


def merged(x, h0, c0, W, U, b, n):
    """The hidden states; one product with the joined matrices a step."""

    def step(x_t, h, c, W, U, b):
        z = T.dot(x_t, W) + T.dot(h, U) + b
        return _cell(z[:, :n], z[:, n : 2 * n], z[:, 2 * n : 3 * n], z[:, 3 * n :], c)

    (h, _), _ = theano.scan(step, sequences=x, outputs_info=[h0, c0], non_sequences=[W, U, b])
    return h


def separate(x, h0, c0, W, U, b):
    """The hidden states; four products with the input and four with the state a step."""

    def step(x_t, h, c, *matrices):
        W, U, b = matrices[0:4], matrices[4:8], matrices[8:12]
        return _cell(*[T.dot(x_t, W[k]) + T.dot(h, U[k]) + b[k] for k in range(4)], c)

    (h, _), _ = theano.scan(step, sequences=x, outputs_info=[h0, c0], non_sequences=[*W, *U, *b])
    return h


def _cost(parameters: Parameters, form: str):
    """The inputs, the variables of the parameters, and the cost: mean squared error of the last state."""
    dtype = parameters.W.dtype
    x, target = T.tensor3("x", dtype=dtype), T.matrix("target", dtype=dtype)
    zero = T.zeros((x.shape[1], parameters.n_hidden), dtype=dtype)
    if form == "merged":
        variables = parameters.all()
        h = merged(x, zero, zero, *variables, parameters.n_hidden)
    else:
        groups = parameters.separate()
        variables = [v for group in groups for v in group]
        h = separate(x, zero, zero, *groups)
    return [x, target], variables, T.mean(T.sqr(h[-1] - target))


def build_cost(parameters: Parameters, form: str, backend: str | None = None, mode: str | None = None):
    """A function (x, target) -> cost."""
    inputs, _, cost = _cost(parameters, form)
    return theano.function(inputs, cost, mode=mode, backend=backend)


def build(
    parameters: Parameters, form: str, backend: str | None = None, mode: str | None = None, updates: bool = False
):
    """A function (x, target) -> cost and gradients of the parameters, or with `updates` a training step."""
    inputs, variables, cost = _cost(parameters, form)
    gradients = T.grad(cost, variables)
    if updates:
        rate = np.asarray(0.1, dtype=parameters.W.dtype)
        steps = [(v, v - rate * g) for v, g in zip(variables, gradients)]
        return theano.function(inputs, cost, updates=steps, mode=mode, backend=backend)
    return theano.function(inputs, [cost, *gradients], mode=mode, backend=backend)


def data(dtype: str = "float64", steps: int = STEPS, batch: int = BATCH, size: int = SIZE):
    rng = np.random.RandomState(1)
    return rng.randn(steps, batch, size).astype(dtype), rng.rand(batch, size).astype(dtype)


def joined(gradients: list[np.ndarray]) -> list[np.ndarray]:
    """The twelve gradients of the separate form as the three of the merged form."""
    return [np.concatenate(gradients[4 * k : 4 * k + 4], axis=-1) for k in range(3)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    backend = parser.parse_args().backend
    parameters = Parameters(SIZE, SIZE)
    inputs = data()
    results = {}
    for form in ("merged", "separate"):
        start = time.perf_counter()
        f = build(parameters, form, backend)
        compiled = time.perf_counter()
        first = f(*inputs)
        called = time.perf_counter()
        f(*inputs)
        again = time.perf_counter()
        results[form] = first if form == "merged" else [first[0], *joined(first[1:])]
        print(
            f"{form:9s} cost {float(first[0]):.15f}   compile {compiled - start:.2f} s   "
            f"first call {called - compiled:.2f} s   next {1e3 * (again - called):.1f} ms"
        )
    for name, a, b in zip(["cost", "dW", "dU", "db"], results["merged"], results["separate"]):
        print(f"largest difference in {name:4s}: {np.abs(a - b).max():.1e}")


if __name__ == "__main__":
    main()
