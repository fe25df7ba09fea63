"""A recurrent network (Elman, 1990) that reads a digit row by row, eight pixels at a time, and names it at the end.

The loop over rows is a `scan`; its gradient is a `scan` that runs backwards. Gradients longer than a limit are
shortened (Pascanu, Mikolov and Bengio, 2013), with the length computed in the graph.

    pip install 'theano-reference[examples]'
    python examples/recurrent_net.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from training import Classifier, glorot, momentum, run, zeros

import reference as theano
import reference.tensor as T

SIDE, HIDDEN, BATCH, RATE, LIMIT = 8, 48, 50, 0.05, 1.0


class Recurrent(Classifier):
    """One layer of tanh units that remember; `train` takes the minibatch's number."""

    def __init__(self, backend: str | None = None, mode: str | None = None):
        rng = np.random.RandomState(11)
        W_in, b = glorot(rng, SIDE, HIDDEN, "W_in"), zeros(HIDDEN, "b")
        orthogonal = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))[0]
        W = theano.shared(orthogonal.astype("float32"), name="W")
        W_out, b_out = glorot(rng, HIDDEN, 10, "W_out"), zeros(10, "b_out")
        parameters = [W_in, W, b, W_out, b_out]

        def step(row, h):
            return T.tanh(T.dot(row, W_in) + T.dot(h, W) + b)

        x, y = T.fmatrix("x"), T.ivector("y")
        rows = x.reshape((-1, SIDE, SIDE)).dimshuffle(1, 0, 2)
        start = T.zeros((x.shape[0], HIDDEN), dtype="float32")
        states, _ = theano.scan(step, sequences=rows, outputs_info=start)
        p = T.nnet.softmax(T.dot(states[-1], W_out) + b_out)
        cost = T.nnet.categorical_crossentropy(p, y).mean()
        gradients = T.grad(cost, parameters)
        length = T.sqrt(sum(T.sum(g**2) for g in gradients))
        shorter = np.float32(LIMIT) / T.maximum(length, np.float32(LIMIT))
        updates = momentum(parameters, [g * shorter for g in gradients], RATE)
        self.compile(x, y, p, cost, updates, BATCH, mode, backend)


if __name__ == "__main__":
    run(__doc__, Recurrent, epochs=15)
