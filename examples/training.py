"""What the examples that train something share: layers' first weights, steps down a gradient, the command line.

A model has ``epoch()``, which trains for one epoch and returns the figures worth a line, by name.
"""

import argparse
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from logistic_regression import digits

import reference as theano
import reference.tensor as T


class Model(Protocol):
    """What `run` trains."""

    def epoch(self) -> dict[str, float]:
        """Train for one epoch; figures by name."""


def zeros(n: int, name: str) -> theano.Variable:
    """A bias."""
    return theano.shared(np.zeros(n, "float32"), name=name)


def glorot(rng: np.random.RandomState, inputs: int, outputs: int, name: str) -> theano.Variable:
    """Weights drawn uniformly, as wide as keeps the variance from layer to layer (Glorot and Bengio, 2010)."""
    bound = np.sqrt(6.0 / (inputs + outputs))
    return theano.shared(rng.uniform(-bound, bound, (inputs, outputs)).astype("float32"), name=name)


def momentum(parameters, gradients, rate: float, keep: float = 0.9):
    """Updates of stochastic gradient descent with momentum (Polyak, 1964)."""
    updates = []
    for v, g in zip(parameters, gradients):
        velocity = theano.shared(np.zeros_like(v.get_value()), name=f"velocity of {v.name}")
        faster = np.float32(keep) * velocity - np.float32(rate) * g
        updates += [(velocity, faster), (v, v + faster)]
    return updates


def accuracy(p, y):
    """The share of rows of `p` that are largest where `y` says."""
    return T.mean(T.eq(T.argmax(p, axis=1), y))


class Classifier:
    """A model of the digits, trained a minibatch at a time: `train` takes the minibatch's number, `test` nothing."""

    def compile(self, x, y, p, cost, updates, batch: int, mode: str | None, backend: str | None) -> None:
        """From the inputs and labels, their probabilities by class, and the cost with the updates that lower it."""
        data = digits()
        train_x, train_y, test_x, test_y = (theano.shared(part, borrow=True) for part in data)
        self.n_batches = len(data[0]) // batch
        index = T.lscalar("index")
        part = slice(index * batch, (index + 1) * batch)
        givens = {x: train_x[part], y: train_y[part]}
        self.train = theano.function([index], cost, updates=updates, givens=givens, mode=mode, backend=backend)
        self.test = theano.function([], accuracy(p, y), givens={x: test_x, y: test_y}, mode=mode, backend=backend)

    def epoch(self) -> dict[str, float]:
        cost = np.mean([self.train(k) for k in range(self.n_batches)])
        return {"cost": float(cost), "test accuracy": float(self.test())}


def run(doc: str, make: Callable[[str], Model], epochs: int) -> None:
    """Train on the backend that the command line names, a line an epoch."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--epochs", type=int, default=epochs)
    arguments = parser.parse_args()
    model = make(arguments.backend)
    start = time.perf_counter()
    for epoch in range(arguments.epochs):
        print(f"epoch {epoch:3d}" + "".join(f"   {name} {value:.5f}" for name, value in model.epoch().items()))
    print(f"{time.perf_counter() - start:.2f} s for {arguments.epochs} epochs on {arguments.backend}")
