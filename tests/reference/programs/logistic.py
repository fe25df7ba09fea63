"""Logistic regression by minibatches: data in shared variables, picked by givens; the best classifier is pickled."""

import json
import pickle

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped


class LogisticRegression:
    def __init__(self, input, n_in, n_out):
        zeros = numpy.zeros((n_in, n_out), dtype=theano.config.floatX)
        self.W = theano.shared(value=zeros, name="W", borrow=True)
        self.b = theano.shared(value=numpy.zeros((n_out,), dtype=theano.config.floatX), name="b", borrow=True)
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [self.W, self.b]
        self.input = input

    def negative_log_likelihood(self, y):
        return -T.mean(T.log(self.p_y_given_x)[T.arange(y.shape[0]), y])

    def errors(self, y):
        if y.ndim != self.y_pred.ndim:
            raise TypeError("y should have the shape of self.y_pred", ("y", y.type, "y_pred", self.y_pred.type))
        if not y.dtype.startswith("int"):
            raise NotImplementedError
        return T.mean(T.neq(self.y_pred, y))


def main(rate=0.3, epochs=12, batch_size=20):
    train_x, train_y = shared_dataset(striped(seed=1))
    valid_x, valid_y = shared_dataset(striped(100, seed=2))
    n_batches = train_x.get_value(borrow=True).shape[0] // batch_size
    index, x, y = T.lscalar(), T.matrix("x"), T.ivector("y")
    classifier = LogisticRegression(input=x, n_in=36, n_out=3)
    cost = classifier.negative_log_likelihood(y)
    g_W, g_b = T.grad(cost=cost, wrt=classifier.W), T.grad(cost=cost, wrt=classifier.b)
    updates = [(classifier.W, classifier.W - rate * g_W), (classifier.b, classifier.b - rate * g_b)]
    train_model = theano.function(
        inputs=[index], outputs=cost, updates=updates,
        givens={
            x: train_x[index * batch_size: (index + 1) * batch_size],
            y: train_y[index * batch_size: (index + 1) * batch_size],
        },
    )
    validate_model = theano.function([], classifier.errors(y), givens={x: valid_x, y: valid_y})
    best, costs = numpy.inf, []
    for _ in range(epochs):
        costs.append(float(numpy.mean([train_model(k) for k in range(n_batches)])))
        loss = float(validate_model())
        if loss < best:
            best, saved = loss, pickle.dumps(classifier)
    again = pickle.loads(saved)
    predict = theano.function(inputs=[again.input], outputs=again.y_pred)
    right = numpy.mean(predict(valid_x.get_value()) == valid_y.eval())
    print(json.dumps({"costs": costs, "best": best, "right": float(right)}))


if __name__ == "__main__":
    main()
