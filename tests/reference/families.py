"""What the tests of operation families share: compare a graph with a NumPy function, and its gradient with slopes."""

import numpy as np

import reference as theano
import reference.tensor as T
from reference.graph.traversal import depends_on


def variables(values, broadcastable=None):
    """Inputs of the values' dtypes and ranks."""
    patterns = broadcastable or [(False,) * v.ndim for v in values]
    return [T.TensorType(v.dtype.name, p)(f"x{k}") for k, (v, p) in enumerate(zip(values, patterns))]


def check(graph, model, *values, gradients=True, broadcastable=None):
    """`graph` of variables computes what `model` does of arrays, in the shape it infers, with that gradient."""
    values = [np.asarray(v) for v in values]
    xs = variables(values, broadcastable)
    y = graph(*xs)
    result, shape = theano.function(xs, [y, y.shape], on_unused_input="ignore")(*values)
    expected = np.asarray(model(*values))
    assert result.shape == expected.shape == tuple(shape)
    assert (result.dtype.name, result.ndim) == (y.dtype, y.ndim)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)
    if gradients:
        check_gradient(y, xs, values)
    return result


def check_gradient(y, xs, values, step=1e-6):
    """The gradient of a random projection of y is its slope along a random direction; and it has a gradient."""
    rng = np.random.default_rng(0)
    ys = theano.function(xs, y, on_unused_input="ignore")(*values)
    cost = T.sum(y * rng.standard_normal(ys.shape))
    f = theano.function(xs, cost, on_unused_input="ignore")
    wrt = [x for x in xs if x.dtype == "float64" and depends_on(cost, [x])]
    gs = T.grad(cost, wrt)
    for x, g, computed in zip(wrt, gs, theano.function(xs, gs, on_unused_input="ignore")(*values)):
        k = xs.index(x)
        direction = rng.standard_normal(values[k].shape)
        ends = [[*values[:k], values[k] + sign * step * direction, *values[k + 1 :]] for sign in (1, -1)]
        slope = (f(*ends[0]) - f(*ends[1])) / (2 * step)
        np.testing.assert_allclose(np.sum(computed * direction), slope, rtol=1e-5, atol=1e-7)
        T.grad(T.sum(g**2), x, disconnected_inputs="ignore")
