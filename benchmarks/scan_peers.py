"""Loops in JAX and in PyTensor, run in an interpreter that has them installed.

Owns the loops' sizes and data; a peer's environment needs nothing but the peer.

    PYTHON benchmarks/scan_peers.py jax|pytensor
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from side_by_side import Call, Tables, drawn, serve

STEPS, BATCH, SIZE = 100, 16, 128
VISIBLE, HIDDEN, CHAINS, DRAWS = 784, 500, 20, 10
LENGTHS = tuple(10**k for k in range(1, 7))
STATES = tuple(10**k for k in range(7))


@drawn
def lstm_arrays() -> list[np.ndarray]:
    """W, U, b, x and the target, as examples/lstm.py makes them."""
    rng = np.random.RandomState(0)
    W = (rng.randn(SIZE, 4 * SIZE) / np.sqrt(SIZE)).astype("float32")
    U = (rng.randn(SIZE, 4 * SIZE) / np.sqrt(SIZE)).astype("float32")
    rng = np.random.RandomState(1)
    x, target = rng.randn(STEPS, BATCH, SIZE).astype("float32"), rng.rand(BATCH, SIZE).astype("float32")
    return [W, U, np.zeros(4 * SIZE, dtype="float32"), x, target]


@drawn
def gibbs_arrays() -> list[np.ndarray]:
    """W, the biases, and the visible units to begin with."""
    W = (0.01 * np.random.RandomState(0).randn(VISIBLE, HIDDEN)).astype("float32")
    start = (np.random.RandomState(0).rand(CHAINS, VISIBLE) > 0.5).astype("float32")
    return [W, np.zeros(VISIBLE, dtype="float32"), np.zeros(HIDDEN, dtype="float32"), start]


@drawn
def vectors(size: int) -> list[np.ndarray]:
    """A state and the two coefficients of a recurrence."""
    rng = np.random.RandomState(0)
    return [a.astype("float32") for a in (rng.rand(size), 0.5 * rng.rand(size), rng.rand(size))]


@drawn
def near_one(size: int) -> np.ndarray:
    """Numbers whose powers are no denormal ones, which some peers do without."""
    return (1 + 1e-3 * np.random.RandomState(3).rand(size)).astype("float32")


@drawn
def rows_of(count: int, size: int) -> np.ndarray:
    return np.random.RandomState(2).rand(count, size).astype("float32")


def jax_rows() -> Tables:
    import jax
    import jax.numpy as jnp

    def ready(f: Callable, *arrays: np.ndarray) -> Call:
        compiled, arguments = jax.jit(f), [jnp.asarray(a) for a in arrays]
        return lambda: jax.block_until_ready(compiled(*arguments))

    def gibbs() -> Call:
        W, bvis, bhid, start = gibbs_arrays()

        def chain(key, W, bvis, bhid, v):
            def step(v, key):
                one, two = jax.random.split(key)
                h = jax.random.bernoulli(one, jax.nn.sigmoid(v @ W + bhid)).astype(jnp.float32)
                return jax.random.bernoulli(two, jax.nn.sigmoid(h @ W.T + bvis)).astype(jnp.float32), None

            return jax.lax.scan(step, v, jax.random.split(key, DRAWS))[0]

        return ready(chain, jax.random.PRNGKey(0), W, bvis, bhid, start)

    def lstm_cost(form: str) -> Callable:
        def cell(z, c):
            i, new, f, o = z
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(new)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c

        def cost(parameters, x, target):
            def step(state, x_t):
                h, c = state
                if form == "merged":
                    W, U, b = parameters
                    h, c = cell(jnp.split(x_t @ W + h @ U + b, 4, axis=1), c)
                else:
                    h, c = cell([x_t @ W + h @ U + b for W, U, b in zip(*parameters)], c)
                return (h, c), None

            zero = jnp.zeros(target.shape, dtype=jnp.float32)
            (h, _), _ = jax.lax.scan(step, (zero, zero), x)
            return jnp.mean((h - target) ** 2)

        return cost

    def lstm(form: str, train: bool) -> Callable[[], Call]:
        def make() -> Call:
            W, U, b, x, target = (jnp.asarray(a) for a in lstm_arrays())
            parameters = (W, U, b) if form == "merged" else tuple(jnp.split(v, 4, axis=-1) for v in (W, U, b))
            cost = lstm_cost(form)
            if not train:
                forward = jax.jit(cost)
                return lambda: jax.block_until_ready(forward(parameters, x, target))

            @jax.jit
            def update(parameters, x, target):
                value, gradients = jax.value_and_grad(cost)(parameters, x, target)
                return value, jax.tree_util.tree_map(lambda p, g: p - 0.1 * g, parameters, gradients)

            held = [parameters]

            def call() -> object:
                value, held[0] = jax.block_until_ready(update(held[0], x, target))
                return value

            return call

        return make

    def recurrence(size: int, steps: int) -> Callable[[], Call]:
        def last(h, a, b):
            return jax.lax.scan(lambda h, _: (a * h + b, None), h, None, length=steps)[0]

        return lambda: ready(last, *vectors(size))

    def filtered(size: int, steps: int) -> Callable[[], Call]:
        def every(h, a, x):
            return jax.lax.scan(lambda h, r: (a * h + r,) * 2, h, x)[1]

        return lambda: ready(every, *vectors(size)[:2], rows_of(steps, size))

    def nested(size: int, outer: int, inner: int) -> Callable[[], Call]:
        def last(h, a, b):
            def step(h, _):
                g = jax.lax.scan(lambda g, _: (jnp.tanh(a * g + b), None), h, None, length=inner)[0]
                return 0.5 * (g + h), None

            return jax.lax.scan(step, h, None, length=outer)[0]

        return lambda: ready(last, *vectors(size))

    def power(size: int, steps: int) -> Callable[[], Call]:
        def last(a):
            return jax.lax.scan(lambda r, _: (r * a, None), jnp.ones_like(a), None, length=steps)[0]

        return lambda: ready(last, near_one(size))

    return table(lambda form: gibbs, lstm, recurrence, filtered, nested, power)


def pytensor_rows() -> Tables:
    import pytensor
    import pytensor.tensor as T
    from pytensor.tensor.random.utils import RandomStream

    def scan(*args, **kwargs):
        return pytensor.scan(*args, **kwargs, return_updates=False)

    def shared(arrays: list[np.ndarray]) -> list:
        return [pytensor.shared(a) for a in arrays]

    def gibbs(form: str) -> Callable[[], Call]:
        def make() -> Call:
            *given, start = gibbs_arrays()
            parameters = shared(given)
            stream = RandomStream(1)

            def step(v, W, bvis, bhid):
                h = stream.binomial(1, T.sigmoid(v @ W + bhid), size=(CHAINS, HIDDEN)).astype("float32")
                return stream.binomial(1, T.sigmoid(h @ W.T + bvis), size=(CHAINS, VISIBLE)).astype("float32")

            v = T.matrix("v", dtype="float32", shape=start.shape)
            explicit = {"non_sequences": parameters, "strict": True}
            chosen = (step, explicit) if form == "explicit" else (lambda v: step(v, *parameters), {})
            rows, updates = pytensor.scan(chosen[0], outputs_info=v, n_steps=DRAWS, **chosen[1])
            f = pytensor.function([v], rows[-1], updates=updates)
            return lambda: f(start)

        return make

    def lstm(form: str, train: bool) -> Callable[[], Call]:
        def make() -> Call:
            W, U, b, x, target = lstm_arrays()
            groups = [[v] for v in (W, U, b)] if form == "merged" else [np.split(v, 4, axis=-1) for v in (W, U, b)]
            parameters = [shared(list(g)) for g in groups]
            flat = [v for g in parameters for v in g]

            def step(x_t, h, c, *weights):
                k = len(weights) // 3
                z = [x_t @ W + h @ U + b for W, U, b in zip(weights[:k], weights[k : 2 * k], weights[2 * k :])]
                i, new, f, o = z if k > 1 else [z[0][:, g * SIZE : (g + 1) * SIZE] for g in range(4)]
                c = T.sigmoid(f) * c + T.sigmoid(i) * T.tanh(new)
                return T.sigmoid(o) * T.tanh(c), c

            xs, ts = T.tensor3("x", dtype="float32"), T.matrix("target", dtype="float32")
            zero = T.zeros((BATCH, SIZE), dtype="float32")
            h, _ = scan(step, sequences=xs, outputs_info=[zero, zero], non_sequences=flat)
            cost = T.mean((h[-1] - ts) ** 2)
            steps = [(p, p - np.float32(0.1) * g) for p, g in zip(flat, T.grad(cost, flat))] if train else []
            f = pytensor.function([xs, ts], cost, updates=steps)
            return lambda: f(x, target)

        return make

    def of_vectors(step: Callable, size: int) -> Callable[[], Call]:
        return of_arrays(step, vectors(size))

    def of_arrays(step: Callable, arrays: list[np.ndarray]) -> Callable[[], Call]:
        def make() -> Call:
            inputs = [T.vector(dtype="float32") for _ in arrays]
            f = pytensor.function(inputs, step(*inputs))
            return lambda: f(*arrays)

        return make

    def recurrence(size: int, steps: int) -> Callable[[], Call]:
        def last(h, a, b):
            return scan(lambda h, a, b: a * h + b, outputs_info=h, non_sequences=[a, b], n_steps=steps)[-1]

        return of_vectors(last, size)

    def filtered(size: int, steps: int) -> Callable[[], Call]:
        def make() -> Call:
            (h0, a0, _), x0 = vectors(size), rows_of(steps, size)
            h, a, x = T.vector(dtype="float32"), T.vector(dtype="float32"), T.matrix(dtype="float32")
            r = scan(lambda x, h, a: a * h + x, sequences=x, outputs_info=h, non_sequences=a)
            f = pytensor.function([h, a, x], r)
            return lambda: f(h0, a0, x0)

        return make

    def nested(size: int, outer: int, inner: int) -> Callable[[], Call]:
        def step(h, a, b):
            g = scan(lambda g, a, b: T.tanh(a * g + b), outputs_info=h, non_sequences=[a, b], n_steps=inner)[-1]
            return np.float32(0.5) * (g + h)

        return of_vectors(lambda h, a, b: scan(step, outputs_info=h, non_sequences=[a, b], n_steps=outer)[-1], size)

    def power(size: int, steps: int) -> Callable[[], Call]:
        def last(a):
            return scan(lambda r, a: r * a, outputs_info=T.ones_like(a), non_sequences=a, n_steps=steps)[-1]

        return of_arrays(last, [near_one(size)])

    return table(gibbs, lstm, recurrence, filtered, nested, power)


def table(gibbs, lstm, recurrence, filtered, nested, power) -> Tables:
    """The rows by table and name, of one implementation of each loop."""
    rows = {
        "Gibbs captured": gibbs("captured"),
        "Gibbs explicit": gibbs("explicit"),
        "LSTM separate": lstm("separate", False),
        "LSTM merged": lstm("merged", False),
        "LSTM separate, trained": lstm("separate", True),
        "LSTM merged, trained": lstm("merged", True),
        "recurrence 100 x 100000": recurrence(100, 100_000),
        "recurrence 1e6 x 10": recurrence(1_000_000, 10),
        "filter 100 x 10000, all rows": filtered(100, 10_000),
        "nested 100 x 100 x 20": nested(100, 100, 20),
        "power 1e6 x 10": power(1_000_000, 10),
        "power 100 x 1000": power(100, 1000),
    }
    longer = {str(steps): recurrence(100, steps) for steps in LENGTHS}
    wider = {str(size): recurrence(size, 100) for size in STATES}
    return {"loops": rows, "steps": longer, "values": wider}


def main() -> None:
    name = sys.argv[1]
    serve({"jax": jax_rows, "pytensor": pytensor_rows}[name](), version(name))


if __name__ == "__main__":
    main()
