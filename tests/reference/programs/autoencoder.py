"""A denoising autoencoder: tied weights, corruption by RandomStreams, cross-entropy of the reconstruction."""

import json
import sys

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped
from theano.tensor.shared_randomstreams import RandomStreams


class dA:
    def __init__(self, numpy_rng, theano_rng=None, input=None, n_visible=36, n_hidden=16, W=None, bhid=None, bvis=None):
        if not theano_rng:
            theano_rng = RandomStreams(numpy_rng.randint(2 ** 30))
        if not W:
            bound = 4 * numpy.sqrt(6.0 / (n_hidden + n_visible))
            initial = numpy.asarray(numpy_rng.uniform(-bound, bound, (n_visible, n_hidden)), dtype=theano.config.floatX)
            W = theano.shared(value=initial, name="W", borrow=True)
        if not bvis:
            bvis = theano.shared(value=numpy.zeros(n_visible, dtype=theano.config.floatX), borrow=True)
        if not bhid:
            bhid = theano.shared(value=numpy.zeros(n_hidden, dtype=theano.config.floatX), name="b", borrow=True)
        self.W, self.b, self.b_prime, self.W_prime = W, bhid, bvis, W.T
        self.theano_rng = theano_rng
        self.x = T.dmatrix(name="input") if input is None else input
        self.params = [self.W, self.b, self.b_prime]

    def get_corrupted_input(self, input, corruption_level):
        keep = self.theano_rng.binomial(size=input.shape, n=1, p=1 - corruption_level, dtype=theano.config.floatX)
        return keep * input

    def get_cost_updates(self, corruption_level, learning_rate):
        tilde_x = self.get_corrupted_input(self.x, corruption_level)
        y = T.nnet.sigmoid(T.dot(tilde_x, self.W) + self.b)
        z = T.nnet.sigmoid(T.dot(y, self.W_prime) + self.b_prime)
        L = -T.sum(self.x * T.log(z) + (1 - self.x) * T.log(1 - z), axis=1)
        cost = T.mean(L)
        gparams = T.grad(cost, self.params)
        return cost, [(param, param - learning_rate * gparam) for param, gparam in zip(self.params, gparams)]


def main(corruption, epochs=10, batch_size=20):
    train_x, _ = shared_dataset(striped(seed=1))
    index, x = T.lscalar(), T.matrix("x")
    rng = numpy.random.RandomState(123)
    da = dA(numpy_rng=rng, theano_rng=RandomStreams(rng.randint(2 ** 30)), input=x)
    cost, updates = da.get_cost_updates(corruption_level=corruption, learning_rate=0.1)
    train_da = theano.function(
        [index], cost, updates=updates, givens={x: train_x[index * batch_size: (index + 1) * batch_size]}
    )
    costs = [float(numpy.mean([train_da(k) for k in range(12)])) for _ in range(epochs)]
    print(json.dumps({"costs": costs}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.3)
