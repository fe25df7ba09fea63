"""A denoising autoencoder after Vincent et al. (2008): digits with pixels put out are to be made whole.

Each call puts out other pixels: the mask is a draw of a random stream in the graph. Encoder and decoder share one
matrix. What has been learnt is measured on digits that were not trained on, all damaged in the same way.

    pip install 'theano-reference[examples]'
    python examples/denoising_autoencoder.py [--backend reference|opencl] [--epochs N]
"""

import numpy as np
from logistic_regression import digits
from training import glorot, momentum, run, zeros

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

HIDDEN, BATCH, RATE, DAMAGE = 100, 50, 0.02, 0.3


class Autoencoder:
    """`train` takes the minibatch's number; `reconstruct` takes damaged digits."""

    def __init__(self, backend: str | None = None, mode: str | None = None):
        train_x, _, self.test_x, _ = digits()
        data = theano.shared(train_x, name="data", borrow=True)
        W = glorot(np.random.RandomState(5), 64, HIDDEN, "W")
        hidden_bias, visible_bias = zeros(HIDDEN, "c"), zeros(64, "b")
        parameters = [W, hidden_bias, visible_bias]
        streams = RandomStreams(17)

        def whole(damaged):
            code = T.nnet.sigmoid(T.dot(damaged, W) + hidden_bias)
            return T.nnet.sigmoid(T.dot(code, W.T) + visible_bias)

        x, index = T.fmatrix("x"), T.lscalar("index")
        mask = streams.binomial(size=x.shape, n=1, p=1 - DAMAGE, dtype="float32")
        cost = T.nnet.binary_crossentropy(whole(x * mask), x).sum(axis=1).mean()
        self.n_batches = len(train_x) // BATCH
        self.train = theano.function(
            [index],
            cost,
            updates=momentum(parameters, T.grad(cost, parameters), RATE),
            givens={x: data[index * BATCH : (index + 1) * BATCH]},
            mode=mode,
            backend=backend,
        )
        self.reconstruct = theano.function([x], whole(x), mode=mode, backend=backend)
        kept = np.random.RandomState(6).uniform(size=self.test_x.shape) >= DAMAGE
        self.damaged = (self.test_x * kept).astype("float32")

    def error(self, images: np.ndarray) -> float:
        """The mean squared difference from the whole test digits."""
        return float(np.mean((images - self.test_x) ** 2))

    def epoch(self) -> dict[str, float]:
        cost = np.mean([self.train(k) for k in range(self.n_batches)])
        error = self.error(self.reconstruct(self.damaged))
        return {"cost": float(cost), "test error": error, "of the damaged": self.error(self.damaged)}


if __name__ == "__main__":
    run(__doc__, Autoencoder, epochs=20)
