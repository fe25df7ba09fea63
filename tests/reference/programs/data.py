"""Small made-up data, in shared variables as tutorials keep them."""

import numpy
import theano
import theano.tensor as T


def striped(count=240, side=6, seed=3):
    """Noisy pictures of horizontal and vertical stripes and checks, and their labels."""
    rng = numpy.random.RandomState(seed)
    rows, columns = numpy.indices((side, side)) % 2
    patterns = numpy.array([rows, columns, rows ^ columns], dtype="float64").reshape(3, -1)
    labels = rng.randint(3, size=count)
    flips = rng.uniform(size=(count, side * side)) < 0.1
    return numpy.abs(patterns[labels] - flips), labels


def shared_dataset(data, borrow=True):
    """The pictures in floatX; the labels too, as devices want them, cast back to integers in the graph."""
    pictures, labels = (theano.shared(numpy.asarray(d, dtype=theano.config.floatX), borrow=borrow) for d in data)
    return pictures, T.cast(labels, "int32")
