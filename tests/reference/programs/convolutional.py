"""A convolutional network: two layers of convolution and pooling, a hidden layer, logistic regression."""

import json

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped
from logistic import LogisticRegression
from mlp import HiddenLayer
from theano.tensor.nnet import conv2d
from theano.tensor.signal import pool


class LeNetConvPoolLayer:
    def __init__(self, rng, input, filter_shape, image_shape, poolsize=(2, 2)):
        assert image_shape[1] == filter_shape[1]
        fan_in = numpy.prod(filter_shape[1:])
        fan_out = filter_shape[0] * numpy.prod(filter_shape[2:]) // numpy.prod(poolsize)
        bound = numpy.sqrt(6.0 / (fan_in + fan_out))
        initial = numpy.asarray(rng.uniform(low=-bound, high=bound, size=filter_shape), dtype=theano.config.floatX)
        self.W = theano.shared(initial, borrow=True)
        self.b = theano.shared(numpy.zeros((filter_shape[0],), dtype=theano.config.floatX), borrow=True)
        conv_out = conv2d(input=input, filters=self.W, filter_shape=filter_shape, input_shape=image_shape)
        pooled_out = pool.pool_2d(input=conv_out, ws=poolsize, ignore_border=True)
        self.output = T.tanh(pooled_out + self.b.dimshuffle("x", 0, "x", "x"))
        self.params = [self.W, self.b]


def main(batch_size=20, epochs=6, learning_rate=0.5):
    rng = numpy.random.RandomState(23455)
    train_x, train_y = shared_dataset(striped(120, side=10, seed=1))
    index, x, y = T.lscalar(), T.matrix("x"), T.ivector("y")
    layer0 = LeNetConvPoolLayer(rng, x.reshape((batch_size, 1, 10, 10)), (4, 1, 3, 3), (batch_size, 1, 10, 10))
    layer1 = LeNetConvPoolLayer(rng, layer0.output, (6, 4, 3, 3), (batch_size, 4, 4, 4))
    layer2 = HiddenLayer(rng, input=layer1.output.flatten(2), n_in=6, n_out=10, activation=T.tanh)
    layer3 = LogisticRegression(input=layer2.output, n_in=10, n_out=3)
    cost = layer3.negative_log_likelihood(y)
    params = layer3.params + layer2.params + layer1.params + layer0.params
    updates = [(p, p - learning_rate * g) for p, g in zip(params, T.grad(cost, params))]
    part = slice(index * batch_size, (index + 1) * batch_size)
    train = theano.function([index], [cost, layer3.errors(y)], updates=updates,
                            givens={x: train_x[part], y: train_y[part]})
    table = [[[float(v) for v in train(k)] for k in range(6)] for _ in range(epochs)]
    costs, errors = numpy.mean(table, axis=1).T.tolist()
    print(json.dumps({"costs": costs, "errors": errors}))


if __name__ == "__main__":
    main()
