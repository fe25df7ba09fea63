"""A hidden layer, two penalties, momentum; the whole in classes; trained by minibatches."""

import json
from collections import OrderedDict

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped
from logistic import LogisticRegression


class HiddenLayer:
    def __init__(self, rng, input, n_in, n_out, W=None, b=None, activation=T.tanh):
        if W is None:
            bound = numpy.sqrt(6.0 / (n_in + n_out))
            W_values = numpy.asarray(rng.uniform(-bound, bound, (n_in, n_out)), dtype=theano.config.floatX)
            if activation == theano.tensor.nnet.sigmoid:
                W_values *= 4
            W = theano.shared(value=W_values, name="W", borrow=True)
        if b is None:
            b = theano.shared(value=numpy.zeros((n_out,), dtype=theano.config.floatX), name="b", borrow=True)
        self.W, self.b, self.params = W, b, [W, b]
        lin_output = T.dot(input, self.W) + self.b
        self.output = lin_output if activation is None else activation(lin_output)


class MLP:
    def __init__(self, rng, input, n_in, n_hidden, n_out, activation):
        self.hiddenLayer = HiddenLayer(rng=rng, input=input, n_in=n_in, n_out=n_hidden, activation=activation)
        self.top = LogisticRegression(input=self.hiddenLayer.output, n_in=n_hidden, n_out=n_out)
        self.L1 = abs(self.hiddenLayer.W).sum() + abs(self.top.W).sum()
        self.L2_sqr = (self.hiddenLayer.W ** 2).sum() + (self.top.W ** 2).sum()
        self.params = self.hiddenLayer.params + self.top.params


def momentum(cost, params, rate, friction):
    updates = OrderedDict()
    for param, gparam in zip(params, T.grad(cost, params)):
        velocity = theano.shared(param.get_value() * numpy.asarray(0, theano.config.floatX), name=param.name + "_v")
        new = friction * velocity - rate * gparam
        updates[velocity] = new
        updates[param] = param + new
    return updates


def main(batch_size=20, epochs=8):
    train_x, train_y = shared_dataset(striped(seed=1))
    index, x, y = T.lscalar("index"), T.matrix("x"), T.ivector("y")
    results = {}
    for name, activation in (("tanh", T.tanh), ("sigmoid", T.nnet.sigmoid), ("relu", T.nnet.relu)):
        classifier = MLP(numpy.random.RandomState(1234), x, 36, 20, 3, activation)
        cost = classifier.top.negative_log_likelihood(y) + 0.0001 * classifier.L1 + 0.0001 * classifier.L2_sqr
        rate = numpy.asarray(0.1, dtype=theano.config.floatX)
        part = slice(index * batch_size, (index + 1) * batch_size)
        train = theano.function(
            [index], [cost, classifier.top.errors(y)], updates=momentum(cost, classifier.params, rate, 0.5),
            givens={x: train_x[part], y: train_y[part]}, name="train",
        )
        table = [[[float(v) for v in train(k)] for k in range(12)] for _ in range(epochs)]
        results[name] = numpy.mean(table, axis=1).tolist()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
