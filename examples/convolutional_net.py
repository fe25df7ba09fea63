"""A convolutional network after LeCun et al. (1998) on handwritten digits, minibatches cut by ``givens``.

Two layers of filters, each followed by the largest of 2x2 windows and tanh; a hidden layer; softmax. The data live
in shared variables and the function takes the minibatch's number.

    pip install 'theano-reference[examples]'
    python examples/convolutional_net.py [--backend reference|opencl] [--epochs N]
"""

import argparse
import time

import numpy as np
from logistic_regression import digits

import reference as theano
import reference.tensor as T
from reference.tensor.signal.pool import pool_2d

BATCH, RATE = 50, 0.25
SIDE = 8


class Layer:
    """Weights drawn uniformly, as wide as keeps tanh out of saturation, and a bias of zeros."""

    def __init__(self, rng: np.random.RandomState, shape: tuple[int, ...], fan_in: int, fan_out: int):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        self.W = theano.shared(rng.uniform(-bound, bound, shape).astype("float32"), name="W")
        self.b = theano.shared(np.zeros(shape[0] if len(shape) == 4 else shape[1], "float32"), name="b")
        self.parameters = [self.W, self.b]


class Convolution(Layer):
    """`filters` filters of `side` x `side`; 'half' borders keep the image's size, pooling halves it."""

    def __init__(self, rng: np.random.RandomState, channels: int, filters: int, side: int):
        super().__init__(rng, (filters, channels, side, side), channels * side**2, filters * side**2 // 4)

    def __call__(self, images):
        maps = T.nnet.conv2d(images, self.W, border_mode="half")
        return T.tanh(pool_2d(maps, (2, 2), ignore_border=True) + self.b.dimshuffle("x", 0, "x", "x"))


class Dense(Layer):
    """All inputs to all outputs, linearly."""

    def __init__(self, rng: np.random.RandomState, inputs: int, outputs: int):
        super().__init__(rng, (inputs, outputs), inputs, outputs)

    def __call__(self, rows):
        return T.dot(rows, self.W) + self.b


class Model:
    """The network: a train function over the minibatch's number, and the test error."""

    def __init__(self, backend: str | None = None, mode: str | None = None, filters: tuple[int, int] = (8, 16)):
        train_x, train_y, test_x, test_y = digits()
        self.train_x, self.train_y = theano.shared(train_x, name="train_x"), theano.shared(train_y, name="train_y")
        rng = np.random.RandomState(7)
        small = SIDE // 4
        first, second = Convolution(rng, 1, filters[0], 3), Convolution(rng, *filters, 3)
        hidden, output = Dense(rng, filters[1] * small**2, 32), Dense(rng, 32, 10)
        index = T.lscalar("index")
        x, y = T.fmatrix("x"), T.ivector("y")
        maps = second(first(x.reshape((-1, 1, SIDE, SIDE))))
        p = T.nnet.softmax(output(T.tanh(hidden(maps.flatten(2)))))
        cost = T.nnet.categorical_crossentropy(p, y).mean()
        self.parameters = [v for layer in (first, second, hidden, output) for v in layer.parameters]
        gradients = T.grad(cost, self.parameters)
        self.n_batches = len(train_x) // BATCH
        batch = slice(index * BATCH, (index + 1) * BATCH)
        self.train = theano.function(
            [index],
            cost,
            updates=[(v, v - np.float32(RATE) * g) for v, g in zip(self.parameters, gradients)],
            givens={x: self.train_x[batch], y: self.train_y[batch]},
            mode=mode,
            backend=backend,
        )
        self.error = theano.function(
            [], T.mean(T.neq(T.argmax(p, axis=1), y)), givens={x: test_x, y: test_y}, mode=mode, backend=backend
        )

    def fit(self, epochs: int) -> list[tuple[float, float]]:
        """(mean cost, test error) of each epoch."""
        return [
            (float(np.mean([self.train(k) for k in range(self.n_batches)])), float(self.error())) for _ in range(epochs)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    model = Model(arguments.backend)
    start = time.perf_counter()
    for epoch in range(arguments.epochs):
        ((cost, error),) = model.fit(1)
        print(f"epoch {epoch:3d}   cost {cost:.6f}   test accuracy {1 - error:.4f}")
    print(f"{time.perf_counter() - start:.2f} s for {arguments.epochs} epochs on {arguments.backend}")


if __name__ == "__main__":
    main()
