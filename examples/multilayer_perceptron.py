"""A multilayer perceptron on handwritten digits: one layer of tanh, softmax, momentum, weight decay.

Minibatches are cut from shared variables by ``givens``, as in `logistic_regression`.

    pip install 'theano-reference[examples]'
    python examples/multilayer_perceptron.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from logistic_regression import digits
from training import accuracy, glorot, momentum, run, zeros

import reference as theano
import reference.tensor as T

HIDDEN, BATCH, RATE, DECAY = 64, 50, 0.05, 1e-4


class Perceptron:
    """Two layers; `train` takes the minibatch's number."""

    def __init__(self, backend: str | None = None, mode: str | None = None):
        data = digits()
        train_x, train_y, test_x, test_y = (theano.shared(part, borrow=True) for part in data)
        rng = np.random.RandomState(3)
        W1, b1 = glorot(rng, 64, HIDDEN, "W1"), zeros(HIDDEN, "b1")
        W2, b2 = glorot(rng, HIDDEN, 10, "W2"), zeros(10, "b2")
        parameters = [W1, b1, W2, b2]
        x, y, index = T.fmatrix("x"), T.ivector("y"), T.lscalar("index")
        hidden = T.tanh(T.dot(x, W1) + b1)
        p = T.nnet.softmax(T.dot(hidden, W2) + b2)
        cost = T.nnet.categorical_crossentropy(p, y).mean()
        penalized = cost + np.float32(DECAY) * sum(T.sum(W**2) for W in (W1, W2))
        self.n_batches = len(data[0]) // BATCH
        batch = slice(index * BATCH, (index + 1) * BATCH)
        self.train = theano.function(
            [index],
            cost,
            updates=momentum(parameters, T.grad(penalized, parameters), RATE),
            givens={x: train_x[batch], y: train_y[batch]},
            mode=mode,
            backend=backend,
        )
        self.test = theano.function([], accuracy(p, y), givens={x: test_x, y: test_y}, mode=mode, backend=backend)

    def epoch(self) -> dict[str, float]:
        cost = np.mean([self.train(k) for k in range(self.n_batches)])
        return {"cost": float(cost), "test accuracy": float(self.test())}


if __name__ == "__main__":
    run(__doc__, Perceptron, epochs=20)
