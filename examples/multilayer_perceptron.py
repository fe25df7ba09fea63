"""A multilayer perceptron on handwritten digits: one layer of tanh, softmax, momentum, weight decay.

Minibatches are cut from shared variables by ``givens``, as in `logistic_regression`.

    pip install 'theano-reference[examples]'
    python examples/multilayer_perceptron.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from training import Classifier, glorot, momentum, run, zeros

import reference.tensor as T

HIDDEN, BATCH, RATE, DECAY = 64, 50, 0.05, 1e-4


class Perceptron(Classifier):
    """Two layers; `train` takes the minibatch's number."""

    def __init__(self, backend: str | None = None, mode: str | None = None):
        rng = np.random.RandomState(3)
        W1, b1 = glorot(rng, 64, HIDDEN, "W1"), zeros(HIDDEN, "b1")
        W2, b2 = glorot(rng, HIDDEN, 10, "W2"), zeros(10, "b2")
        parameters = [W1, b1, W2, b2]
        x, y = T.fmatrix("x"), T.ivector("y")
        hidden = T.tanh(T.dot(x, W1) + b1)
        p = T.nnet.softmax(T.dot(hidden, W2) + b2)
        cost = T.nnet.categorical_crossentropy(p, y).mean()
        penalized = cost + np.float32(DECAY) * sum(T.sum(W**2) for W in (W1, W2))
        updates = momentum(parameters, T.grad(penalized, parameters), RATE)
        self.compile(x, y, p, cost, updates, BATCH, mode, backend)


if __name__ == "__main__":
    run(__doc__, Perceptron, epochs=20)
