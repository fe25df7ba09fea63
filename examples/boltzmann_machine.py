"""A restricted Boltzmann machine by persistent contrastive divergence (Tieleman, 2008), on black and white digits.

The chains live in a shared variable and go on, by `scan`, from where the last minibatch left them. The gradient is
that of the difference of two mean free energies, the chains' end taken for constant. Progress is measured by the
pseudo-likelihood of the data, in a random pixel of each digit.

    pip install 'theano-reference[examples]'
    python examples/boltzmann_machine.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from gibbs import binary_digits
from training import glorot, run, zeros

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

VISIBLE, HIDDEN, BATCH, CHAINS, STEPS, RATE = 64, 64, 50, 50, 3, 0.1


class Machine:
    """`train` takes the minibatch's number and returns its pseudo-likelihood, a natural logarithm."""

    def __init__(self, backend: str | None = None, mode: str | None = None, n: int = 1400):
        data = binary_digits()[:n]
        rows, self.n_batches = theano.shared(data, name="data", borrow=True), len(data) // BATCH
        self.W = glorot(np.random.RandomState(8), VISIBLE, HIDDEN, "W")
        self.b, self.c = zeros(VISIBLE, "b"), zeros(HIDDEN, "c")
        self.chains = theano.shared(np.zeros((CHAINS, VISIBLE), "float32"), name="chains")
        self.streams = RandomStreams(21)
        parameters = [self.W, self.b, self.c]
        x, index = T.fmatrix("x"), T.lscalar("index")
        path, updates = theano.scan(self.gibbs, outputs_info=self.chains, n_steps=STEPS)
        end = theano.gradient.disconnected_grad(path[-1])
        cost = T.mean(self.free_energy(x)) - T.mean(self.free_energy(end))
        for v, g in zip(parameters, T.grad(cost, parameters)):
            updates[v] = v - np.float32(RATE) * g
        updates[self.chains] = path[-1]
        self.train = theano.function(
            [index],
            self.pseudo_likelihood(x),
            updates=updates,
            givens={x: rows[index * BATCH : (index + 1) * BATCH]},
            mode=mode,
            backend=backend,
        )

    def free_energy(self, v):
        """-log of the sum of exp(-energy) over all hidden units, a row."""
        return -T.dot(v, self.b) - T.sum(T.nnet.softplus(T.dot(v, self.W) + self.c), axis=1)

    def gibbs(self, v):
        """All hidden units given the visible ones, then these anew."""
        hidden = T.nnet.sigmoid(T.dot(v, self.W) + self.c)
        h = self.streams.binomial(size=hidden.shape, n=1, p=hidden, dtype="float32")
        visible = T.nnet.sigmoid(T.dot(h, self.W.T) + self.b)
        return self.streams.binomial(size=visible.shape, n=1, p=visible, dtype="float32")

    def pseudo_likelihood(self, x):
        """The mean of log p(pixel | the others), from a random pixel of each row, times their number."""
        row = T.arange(x.shape[0])
        pixel = self.streams.random_integers(size=row.shape, low=0, high=VISIBLE - 1)
        flipped = T.set_subtensor(x[row, pixel], 1 - x[row, pixel])
        return VISIBLE * T.mean(-T.nnet.softplus(self.free_energy(x) - self.free_energy(flipped)))

    def epoch(self) -> dict[str, float]:
        likelihoods = [self.train(k) for k in range(self.n_batches)]
        return {"pseudo-likelihood": float(np.mean(likelihoods)), "pixels on": float(self.chains.get_value().mean())}


if __name__ == "__main__":
    run(__doc__, Machine, epochs=15)
