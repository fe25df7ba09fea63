"""The second question: does it help to pass a scan's shared variables as ``non_sequences``?

A restricted Boltzmann machine is trained on handwritten digits by one step of contrastive divergence, then
a Gibbs chain is run by `scan` in two versions: the step captures W, bvis and bhid, or receives them as
explicit ``non_sequences`` with ``strict=True``. Both print the same graph after optimization and draw the
same bits, on every backend, optimized or not.

    pip install 'theano-reference[examples]'
    python examples/gibbs.py [--backend reference|opencl] [--steps N]
"""

import argparse
import time

import numpy as np

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

HIDDEN, BATCH, RATE = 50, 20, 0.1


def binary_digits() -> np.ndarray:
    """scikit-learn's 1797 digits of 8x8 pixels, black or white."""
    from sklearn.datasets import load_digits

    return (load_digits().data > 7).astype("float32")


class RBM:
    """Weights, biases and the two conditional samplers."""

    def __init__(self, n_visible: int, n_hidden: int, seed: int = 0):
        rng = np.random.RandomState(seed)
        self.W = theano.shared((0.01 * rng.randn(n_visible, n_hidden)).astype("float32"), name="W")
        self.bvis = theano.shared(np.zeros(n_visible, dtype="float32"), name="bvis")
        self.bhid = theano.shared(np.zeros(n_hidden, dtype="float32"), name="bhid")

    def cd1(self, data: np.ndarray, backend: str | None = None, mode: str | None = None):
        """A function of the minibatch's number that makes one CD-1 update and returns the reconstruction error."""
        trng = RandomStreams(99)
        x, index = T.fmatrix("x"), T.lscalar("index")
        shared_data = theano.shared(data, name="data", borrow=True)
        h0 = T.nnet.sigmoid(T.dot(x, self.W) + self.bhid)
        h0_sample = trng.binomial(size=h0.shape, n=1, p=h0, dtype="float32")
        v1 = T.nnet.sigmoid(T.dot(h0_sample, self.W.T) + self.bvis)
        h1 = T.nnet.sigmoid(T.dot(v1, self.W) + self.bhid)
        rate = np.float32(RATE / BATCH)
        return theano.function(
            [index],
            T.mean(T.sqr(x - v1)),
            updates=[
                (self.W, self.W + rate * (T.dot(x.T, h0) - T.dot(v1.T, h1))),
                (self.bvis, self.bvis + rate * T.sum(x - v1, axis=0)),
                (self.bhid, self.bhid + rate * T.sum(h0 - h1, axis=0)),
            ],
            givens={x: shared_data[index * BATCH : (index + 1) * BATCH]},
            mode=mode,
            backend=backend,
        )

    def chain(self, steps: int, explicit: bool, backend: str | None = None, mode: str | None = None, seed: int = 1234):
        """A function of the visible units that runs the Gibbs chain and returns the last sample."""
        trng = RandomStreams(seed)

        def gibbs(vsample, W, bvis, bhid):
            hmean = T.nnet.sigmoid(theano.dot(vsample, W) + bhid)
            hsample = trng.binomial(size=hmean.shape, n=1, p=hmean, dtype="float32")
            vmean = T.nnet.sigmoid(theano.dot(hsample, W.T) + bvis)
            return trng.binomial(size=vsample.shape, n=1, p=vmean, dtype="float32")

        sample = T.fmatrix("sample")
        if explicit:
            values, updates = theano.scan(
                gibbs, outputs_info=sample, non_sequences=[self.W, self.bvis, self.bhid], n_steps=steps, strict=True
            )
        else:
            values, updates = theano.scan(
                lambda vsample: gibbs(vsample, self.W, self.bvis, self.bhid), outputs_info=sample, n_steps=steps
            )
        return theano.function([sample], values[-1], updates=updates, mode=mode, backend=backend)


def trained(
    backend: str | None = None, epochs: int = 5, mode: str | None = None
) -> tuple[RBM, list[float], np.ndarray]:
    """An RBM trained on the digits, the reconstruction error of each epoch, and the data."""
    data = binary_digits()
    rbm = RBM(data.shape[1], HIDDEN)
    step = rbm.cd1(data, backend, mode)
    errors = [float(np.mean([step(k) for k in range(len(data) // BATCH)])) for _ in range(epochs)]
    return rbm, errors, data


def show(row: np.ndarray) -> str:
    """A sample of 64 pixels as 8 lines of text."""
    return "\n".join("  " + "".join("#" if pixel else "." for pixel in line) for line in row.reshape(8, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()
    theano.config.scan.allow_gc = False
    rbm, errors, data = trained(arguments.backend)
    print("reconstruction error by epoch:", " ".join(f"{e:.4f}" for e in errors))
    captured = rbm.chain(arguments.steps, explicit=False, backend=arguments.backend)
    explicit = rbm.chain(arguments.steps, explicit=True, backend=arguments.backend)
    unoptimized = rbm.chain(arguments.steps, explicit=True, backend=arguments.backend, mode="UNOPTIMIZED")
    texts = [theano.printing.debugprint(f, file="str") for f in (captured, explicit)]
    start = time.perf_counter()
    samples = [f(data[:BATCH]) for f in (captured, explicit, unoptimized)]
    seconds = time.perf_counter() - start
    print(f"three chains of {arguments.steps} steps on {arguments.backend} in {seconds:.3f} s, compilation included")
    print("captured and explicit print the same:  ", texts[0] == texts[1])
    print("captured and explicit draw the same:   ", np.array_equal(samples[0], samples[1]))
    print("unoptimized draws the same:            ", np.array_equal(samples[0], samples[2]))
    print("one sample:\n" + show(samples[0][0]))


if __name__ == "__main__":
    main()
