"""Whole programs as Theano programs, by hand in NumPy, and in JAX and PyTensor where an interpreter has them.

Training steps with ``givens``, a chain of elementwise operations, summaries of the rows of a matrix, products. Owns
their sizes, their data and what each computes; a peer's environment needs nothing but the peer.

    PYTHON benchmarks/program_peers.py jax|pytensor
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from side_by_side import Call, Make, Tables, drawn, serve

RATE = np.float32(0.1)
CLASSES, PIXELS, SIDE = 10, 784, 28
FILTERS, FIELD = (20, 50), 5
CHAINS = tuple(10**k for k in range(2, 8))
PRODUCTS = tuple(2**k for k in range(4, 12))
MAPS = FILTERS[1] * (((SIDE - FIELD + 1) // 2 - FIELD + 1) // 2) ** 2


@drawn
def labelled(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    return rng.rand(count, PIXELS).astype("float32"), rng.randint(0, CLASSES, count).astype("int32")


@drawn
def weights(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Matrices and filters of small numbers; biases of zeros."""
    rng = np.random.RandomState(1)
    return [(0.05 * rng.randn(*s) if len(s) > 1 else np.zeros(s)).astype("float32") for s in shapes]


def logistic_weights() -> list[np.ndarray]:
    return weights((PIXELS, CLASSES), (CLASSES,))


def mlp_weights(hidden: int) -> list[np.ndarray]:
    return weights((PIXELS, hidden), (hidden,), (hidden, CLASSES), (CLASSES,))


def lenet_weights() -> list[np.ndarray]:
    one, two = FILTERS
    maps = weights((one, 1, FIELD, FIELD), (one,), (two, one, FIELD, FIELD), (two,))
    return maps + weights((MAPS, 500), (500,), (500, CLASSES), (CLASSES,))


@drawn
def pair(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(2)
    return rng.randn(size).astype("float32"), rng.randn(size).astype("float32")


def chain_of(ns, x, y):
    """Eleven operations, two of them transcendental, no intermediate wanted."""
    z = ns.tanh(x) * np.float32(0.5) + y
    z = z * z - x
    z = ns.exp(-(z * z)) + np.float32(1)
    return z / (np.float32(1) + y * y)


@drawn
def matrix(rows: int, columns: int) -> np.ndarray:
    return np.random.RandomState(3).randn(rows, columns).astype("float32")


def table(trained: Callable, chain: Callable, summaries: Callable, product: Callable) -> Tables:
    """The rows by table and name, of one implementation of each program."""
    rows = {
        "logistic 600 x 784": trained("logistic", logistic_weights, 600),
        "MLP 784-500-10, batch 20": trained("mlp", lambda: mlp_weights(500), 20),
        "LeNet 28 x 28, batch 100": trained("lenet", lenet_weights, 100),
    }
    rows |= {f"chain of 11, {size:.0e} floats": chain(size) for size in (1000, 100_000, 10_000_000)}
    rows |= {"softmax, sum, argmax, mean of 2000 x 5000": summaries(2000, 5000)}
    grown = {"chain": {str(n): chain(n) for n in CHAINS}, "product": {str(n): product(n) for n in PRODUCTS}}
    return {"programs": rows} | grown


def numpy_rows() -> Tables:
    def softmax(z: np.ndarray) -> np.ndarray:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def slope(p: np.ndarray, y: np.ndarray) -> tuple[np.float32, np.ndarray]:
        rows = np.arange(len(y))
        cost = -np.log(p)[rows, y].mean()
        p[rows, y] -= 1
        p /= np.float32(len(y))
        return cost, p

    def logistic(x: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.float32:
        cost, d = slope(softmax(x @ W + b), y)
        W -= RATE * (x.T @ d)
        b -= RATE * d.sum(axis=0)
        return cost

    def mlp(x: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray, V: np.ndarray, c: np.ndarray) -> np.float32:
        h = np.tanh(x @ W + b)
        cost, d = slope(softmax(h @ V + c), y)
        dh = (d @ V.T) * (1 - h * h)
        V -= RATE * (h.T @ d)
        c -= RATE * d.sum(axis=0)
        W -= RATE * (x.T @ dh)
        b -= RATE * dh.sum(axis=0)
        return cost

    def trained(kind: str, weights: Callable[[], list[np.ndarray]], batch: int) -> Make:
        steps: dict[str, Callable] = {"logistic": logistic, "mlp": mlp}
        step = steps.get(kind)

        def make() -> Call:
            if step is None:
                raise NotImplementedError(f"nobody writes {kind} by hand")
            (x, y), parameters = labelled(2 * batch), weights()
            return lambda: step(x[:batch], y[:batch], *parameters)

        return make

    def of(f: Callable, arrays: Callable[[], Sequence[np.ndarray]]) -> Make:
        def make() -> Call:
            given = arrays()
            return lambda: f(*given)

        return make

    def chain(size: int) -> Make:
        return of(lambda x, y: chain_of(np, x, y), lambda: pair(size))

    def four(x: np.ndarray) -> object:
        return softmax(x), x.sum(axis=1), x.argmax(axis=1), x.mean(axis=1)

    def summaries(rows: int, columns: int) -> Make:
        return of(four, lambda: [matrix(rows, columns)])

    def product(n: int) -> Make:
        return of(np.matmul, lambda: [matrix(n, n)] * 2)

    return table(trained, chain, summaries, product)


def jax_rows() -> Tables:
    import jax
    import jax.numpy as jnp

    def logistic(p, x):
        return x @ p[0] + p[1]

    def mlp(p, x):
        return jnp.tanh(x @ p[0] + p[1]) @ p[2] + p[3]

    def layer(images, W, b):
        maps = jax.lax.conv_general_dilated(images, W, (1, 1), "VALID")
        windows = (1, 1, 2, 2)
        largest = jax.lax.reduce_window(maps, -jnp.inf, jax.lax.max, windows, windows, "VALID")
        return jnp.tanh(largest + b[:, None, None])

    def lenet(p, x):
        maps = layer(layer(x.reshape(-1, 1, SIDE, SIDE), *p[:2]), *p[2:4])
        return mlp(p[4:], maps.reshape(len(x), -1))

    def trained(kind: str, weights: Callable[[], list[np.ndarray]], batch: int) -> Make:
        model = {"logistic": logistic, "mlp": mlp, "lenet": lenet}[kind]

        def cost(p, x, y):
            return -jnp.mean(jax.nn.log_softmax(model(p, x))[jnp.arange(batch), y])

        @jax.jit
        def step(p, x, y, index):
            x = jax.lax.dynamic_slice_in_dim(x, index * batch, batch)
            y = jax.lax.dynamic_slice_in_dim(y, index * batch, batch)
            value, slopes = jax.value_and_grad(cost)(p, x, y)
            return value, [v - RATE * g for v, g in zip(p, slopes)]

        def make() -> Call:
            x, y = map(jnp.asarray, labelled(2 * batch))
            state = [list(map(jnp.asarray, weights()))]

            def call() -> float:
                value, state[0] = step(state[0], x, y, 0)
                return float(value)

            return call

        return make

    def ready(f: Callable, arrays: Callable[[], Sequence[np.ndarray]]) -> Make:
        def make() -> Call:
            compiled, arguments = jax.jit(f), [jnp.asarray(a) for a in arrays()]
            return lambda: jax.block_until_ready(compiled(*arguments))

        return make

    def chain(size: int) -> Make:
        return ready(lambda x, y: chain_of(jnp, x, y), lambda: pair(size))

    def summaries(rows: int, columns: int) -> Make:
        def four(x):
            return jax.nn.softmax(x, axis=1), x.sum(axis=1), x.argmax(axis=1), x.mean(axis=1)

        return ready(four, lambda: [matrix(rows, columns)])

    def product(n: int) -> Make:
        return ready(jnp.matmul, lambda: [matrix(n, n)] * 2)

    return table(trained, chain, summaries, product)


def theano_rows(api, softmax: Callable, **options: Any) -> Tables:
    """The programs as Theano programs, for whatever has Theano's interface; it may have no convolutions."""
    T = api.tensor

    def logistic(p, x):
        return T.dot(x, p[0]) + p[1]

    def mlp(p, x):
        return T.dot(T.tanh(T.dot(x, p[0]) + p[1]), p[2]) + p[3]

    def layer(images, W, b):
        maps = T.nnet.conv2d(images, W)
        return T.tanh(T.signal.pool.pool_2d(maps, (2, 2), ignore_border=True) + b.dimshuffle("x", 0, "x", "x"))

    def lenet(p, x):
        maps = layer(layer(x.reshape((-1, 1, SIDE, SIDE)), *p[:2]), *p[2:4])
        return mlp(p[4:], maps.flatten(2))

    def trained(kind: str, weights: Callable[[], list[np.ndarray]], batch: int) -> Make:
        model = {"logistic": logistic, "mlp": mlp, "lenet": lenet}[kind]

        def make() -> Call:
            if kind == "lenet" and not hasattr(T, "nnet"):
                raise NotImplementedError(f"{api.__name__} has no convolutional nets")
            images, labels = map(api.shared, labelled(2 * batch))
            p = [api.shared(v) for v in weights()]
            x, y, index = T.matrix(dtype="float32"), T.vector(dtype="int32"), T.scalar(dtype="int64")
            chosen = softmax(model(p, x))[T.arange(y.shape[0]), y]
            cost = -T.mean(T.log(chosen))
            part = slice(index * batch, (index + 1) * batch)
            f = api.function(
                [index],
                cost,
                updates=[(v, v - RATE * g) for v, g in zip(p, api.grad(cost, p))],
                givens={x: images[part], y: labels[part]},
                **options,
            )
            return lambda: f(0)

        return make

    def chain(size: int) -> Make:
        def make() -> Call:
            x, y = T.vector(dtype="float32"), T.vector(dtype="float32")
            f = api.function([x, y], chain_of(T, x, y), **options)
            one, other = pair(size)
            return lambda: f(one, other)

        return make

    def summaries(rows: int, columns: int) -> Make:
        def make() -> Call:
            x = T.matrix(dtype="float32")
            four = [softmax(x), x.sum(axis=1), T.argmax(x, axis=1), x.mean(axis=1)]
            f, data = api.function([x], four, **options), matrix(rows, columns)
            return lambda: f(data)

        return make

    def product(n: int) -> Make:
        def make() -> Call:
            x, y = T.matrix(dtype="float32"), T.matrix(dtype="float32")
            f, data = api.function([x, y], T.dot(x, y), **options), matrix(n, n)
            return lambda: f(data, data)

        return make

    return table(trained, chain, summaries, product)


def pytensor_rows() -> Tables:
    import pytensor
    from pytensor.tensor.special import softmax

    return theano_rows(pytensor, lambda z: softmax(z, axis=1))


def main() -> None:
    name = sys.argv[1]
    serve({"jax": jax_rows, "pytensor": pytensor_rows}[name](), version(name))


if __name__ == "__main__":
    main()
