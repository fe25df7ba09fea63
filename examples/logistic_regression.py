"""Logistic regression on handwritten digits, minibatches cut from a shared array by ``givens``.

The tutorial's pattern: the data live in shared variables, the function takes the minibatch's number, and
``givens`` puts ``train_x[index*b:(index+1)*b]`` in the place of ``x``. A loop of plain NumPy that does the
same arithmetic runs beside it, so that the two accuracies can be compared.

    pip install 'theano-reference[examples]'
    python examples/logistic_regression.py [--backend reference|opencl] [--epochs N]
"""

import argparse
import time

import numpy as np

import reference as theano
import reference.tensor as T

BATCH, RATE = 100, 0.5


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's 1797 digits of 8x8 pixels in [0, 1]: 1400 to train on, the rest to test."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.RandomState(0).permutation(len(data.target))
    x = (data.data[order] / 16).astype("float32")
    y = data.target[order].astype("int32")
    return x[:1400], y[:1400], x[1400:], y[1400:]


class Model:
    """Softmax regression: a train function over the minibatch's number and the test error."""

    def __init__(self, backend: str | None = None, mode: str | None = None, data=None, batch: int = BATCH):
        train_x, train_y, test_x, test_y = data or digits()
        self.train_x = theano.shared(train_x, name="train_x", borrow=True)
        self.train_y = theano.shared(train_y, name="train_y", borrow=True)
        self.W = theano.shared(np.zeros((train_x.shape[1], 10), dtype="float32"), name="W")
        self.b = theano.shared(np.zeros(10, dtype="float32"), name="b")
        index = T.lscalar("index")
        x, y = T.fmatrix("x"), T.ivector("y")
        p = T.nnet.softmax(T.dot(x, self.W) + self.b)
        cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
        g_W, g_b = T.grad(cost, [self.W, self.b])
        self.n_batches = len(train_x) // batch
        self.train = theano.function(
            [index],
            cost,
            updates=[(self.W, self.W - np.float32(RATE) * g_W), (self.b, self.b - np.float32(RATE) * g_b)],
            givens={
                x: self.train_x[index * batch : (index + 1) * batch],
                y: self.train_y[index * batch : (index + 1) * batch],
            },
            mode=mode,
            backend=backend,
        )
        self.error = theano.function(
            [], T.mean(T.neq(T.argmax(p, axis=1), y)), givens={x: test_x, y: test_y}, mode=mode, backend=backend
        )

    def fit(self, epochs: int) -> list[float]:
        """The mean cost of each epoch."""
        return [float(np.mean([self.train(k) for k in range(self.n_batches)])) for _ in range(epochs)]


def numpy_step(x: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.float32:
    """One minibatch by hand; W and b change in place."""
    z = x @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    cost = -np.log(p)[rows, y].mean()
    d = p
    d[rows, y] -= 1
    d /= np.float32(len(y))
    W -= np.float32(RATE) * (x.T @ d)
    b -= np.float32(RATE) * d.sum(axis=0)
    return cost


def numpy_error(epochs: int) -> tuple[list[float], float]:
    """The same training by hand: mean cost of each epoch, and the test error."""
    train_x, train_y, test_x, test_y = digits()
    W, b = np.zeros((train_x.shape[1], 10), dtype="float32"), np.zeros(10, dtype="float32")
    slices = [slice(k * BATCH, (k + 1) * BATCH) for k in range(len(train_x) // BATCH)]
    curve = [float(np.mean([numpy_step(train_x[s], train_y[s], W, b) for s in slices])) for _ in range(epochs)]
    return curve, float(np.mean((test_x @ W + b).argmax(axis=1) != test_y))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--epochs", type=int, default=50)
    arguments = parser.parse_args()
    model = Model(arguments.backend)
    start = time.perf_counter()
    curve = model.fit(arguments.epochs)
    seconds = time.perf_counter() - start
    by_hand, error_by_hand = numpy_error(arguments.epochs)
    for epoch in range(0, arguments.epochs, max(1, arguments.epochs // 10)):
        print(f"epoch {epoch:3d}   cost {curve[epoch]:.6f}   NumPy by hand {by_hand[epoch]:.6f}")
    print(f"test accuracy {1 - float(model.error()):.4f}   NumPy by hand {1 - error_by_hand:.4f}")
    print(f"{seconds:.2f} s for {arguments.epochs} epochs on {arguments.backend}")


if __name__ == "__main__":
    main()
