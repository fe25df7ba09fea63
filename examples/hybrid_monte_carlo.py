"""Hybrid Monte Carlo (Duane et al., 1987; Neal, 1996): softmax regression whose weights are drawn, not optimized.

A sample is a vector of all weights. A proposal rolls it along the posterior's surface: leapfrog steps by `scan`, each
with the gradient of the potential energy; the Metropolis rule takes it or leaves it. The step's length is a shared
variable that grows after what was taken and shrinks after what was not. Predictions are averaged over samples.

    pip install 'theano-reference[examples]'
    python examples/hybrid_monte_carlo.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from logistic_regression import digits
from training import run

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

PIXELS, CLASSES, LEAPS, PRECISION = 64, 10, 15, 1.0
SAMPLES, SKIPPED = 10, 3
"""Proposals an epoch; epochs whose samples are not yet counted."""


class Sampler:
    """`move` proposes once and returns the potential energy and whether the proposal was taken."""

    def __init__(self, backend: str | None = None, mode: str | None = None, n: int = 600):
        train_x, train_y, test_x, self.test_y = digits()
        self.x, self.y = theano.shared(train_x[:n], name="x"), theano.shared(train_y[:n], name="y")
        size = (PIXELS + 1) * CLASSES
        self.weights = theano.shared(np.zeros(size, "float32"), name="weights")
        self.length = theano.shared(np.float32(0.02), name="length")
        self.beliefs, self.epochs = np.zeros((len(test_x), CLASSES)), 0
        streams = RandomStreams(31)
        velocity = streams.normal(size=(size,), dtype="float32")

        def force(w):
            return -T.grad(self.potential(w), w)

        def leap(w, v):
            w = w + self.length * v
            return w, v + self.length * force(w)

        half = velocity + self.length / 2 * force(self.weights)
        (path, speeds), updates = theano.scan(leap, outputs_info=[self.weights, half], n_steps=LEAPS)
        end = path[-1]
        last = speeds[-1] - self.length / 2 * force(end)
        gained = self.energy(end, last) - self.energy(self.weights, velocity)
        taken = streams.uniform((), dtype="float32") < T.exp(T.minimum(-gained, 0))
        updates[self.weights] = T.switch(taken, end, self.weights)
        updates[self.length] = self.length * T.switch(taken, np.float32(1.02), np.float32(0.9))
        self.move = theano.function(
            [], [self.potential(self.weights), taken], updates=updates, mode=mode, backend=backend
        )
        rows = T.fmatrix("rows")
        p = theano.function([rows], T.nnet.softmax(self.scores(rows, self.weights)), mode=mode, backend=backend)
        self.predict = lambda: p(test_x)

    def scores(self, x, w):
        """The classes' scores with the weights in `w`, biases last."""
        return T.dot(x, w[: PIXELS * CLASSES].reshape((PIXELS, CLASSES))) + w[PIXELS * CLASSES :]

    def potential(self, w):
        """-log of the posterior, but for a constant: the data's cost, and a normal prior of the weights."""
        p = T.nnet.softmax(self.scores(self.x, w))
        return T.nnet.categorical_crossentropy(p, self.y).sum() + np.float32(PRECISION / 2) * T.sum(w**2)

    def energy(self, w, v):
        """Potential and kinetic."""
        return self.potential(w) + T.sum(v**2) / 2

    def epoch(self) -> dict[str, float]:
        energies, taken = zip(*[self.move() for _ in range(SAMPLES)])
        self.epochs += 1
        self.beliefs = self.beliefs * (self.epochs > SKIPPED) + self.predict()
        right = np.mean(self.beliefs.argmax(axis=1) == self.test_y)
        return {"potential": float(np.mean(energies)), "taken": float(np.mean(taken)), "test accuracy": float(right)}


if __name__ == "__main__":
    run(__doc__, Sampler, epochs=15)
