"""One vector of parameters cut into parts, for an optimizer of SciPy's; the contractive penalty; Hessian products."""

import json

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped


def main(n_in=36, n_out=3, batch_size=40):
    train_x, train_y = shared_dataset(striped(seed=1))
    offset, x, y = T.lscalar(), T.matrix("x"), T.ivector("y")
    theta = theano.shared(numpy.zeros(n_in * n_out + n_out, dtype=theano.config.floatX), name="theta", borrow=True)
    W, b = theta[0:n_in * n_out].reshape((n_in, n_out)), theta[n_in * n_out:n_in * n_out + n_out]
    p = T.nnet.softmax(T.dot(x, W) + b)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y]) + 1e-3 * (theta ** 2).sum()
    part = {x: train_x[offset:offset + batch_size], y: train_y[offset:offset + batch_size]}
    batch_cost = theano.function([offset], cost, givens=part, name="batch_cost")
    batch_grad = theano.function([offset], T.grad(cost, theta), givens=part, name="batch_grad")
    direction = T.vector("direction")
    bend = T.grad(T.sum(T.grad(cost, theta) * direction), theta)
    curvature = theano.function([offset, direction], bend, givens=part)
    n_batches = 240 // batch_size

    def train_fn(theta_value):
        theta.set_value(theta_value, borrow=True)
        return float(numpy.mean([batch_cost(i * batch_size) for i in range(n_batches)]))

    def train_fn_grad(theta_value):
        theta.set_value(theta_value, borrow=True)
        return sum(batch_grad(i * batch_size) for i in range(n_batches)) / n_batches

    # Nonlinear conjugate gradients with the exact curvature for the step.
    point = theta.get_value()
    gradient = train_fn_grad(point)
    way, costs = -gradient, [train_fn(point)]
    for _ in range(12):
        theta.set_value(point)
        bend = sum(curvature(i * batch_size, way) for i in range(n_batches)) / n_batches
        point = point - way.dot(gradient) / way.dot(bend) * way
        new = train_fn_grad(point)
        way = -new + max(0, new.dot(new - gradient) / gradient.dot(gradient)) * way
        gradient = new
        costs.append(train_fn(point))

    # The squared Jacobian of a hidden layer, by hand as contractive autoencoders have it, and by scan.
    U = theano.shared(numpy.random.RandomState(2).randn(n_in, 5).astype(theano.config.floatX) / 6, name="U")
    h = T.nnet.sigmoid(T.dot(x, U))
    by_hand = T.reshape(h * (1 - h), (batch_size, 1, 5)) * T.reshape(U, (1, n_in, 5))
    row = T.vector("row")
    by_scan = theano.gradient.jacobian(T.nnet.sigmoid(T.dot(row, U)), row)
    penalty = theano.function([x], (by_hand ** 2).sum(axis=(1, 2)))(train_x.get_value()[:batch_size])
    jacobian = theano.function([row], by_scan)
    single = [float((jacobian(v) ** 2).sum()) for v in train_x.get_value()[:batch_size]]
    print(json.dumps({"costs": costs, "penalty": float(abs(penalty - single).max()), "size": float(penalty[0])}))


if __name__ == "__main__":
    main()
