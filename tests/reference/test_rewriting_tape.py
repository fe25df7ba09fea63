"""What a loop has computed its gradient reads: same values, no product twice, and memory only where it pays."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.traversal import toposort
from reference.scan.op import Scan
from reference.tensor.linalg import Dot

RNG = np.random.default_rng(3)
x, u, h, c = T.tensor3("x"), T.matrix("u"), T.matrix("h"), T.matrix("c")
X, U, H, C = (RNG.standard_normal(shape) / 2 for shape in ((5, 2, 12), (3, 12), (2, 3), (2, 3)))


def gates(z):
    return [z[:, 3 * k : 3 * k + 3] for k in range(4)]


def lstm(a, h, c, u):
    i, g, f, o = gates(a + T.dot(h, u))
    c = T.nnet.sigmoid(f) * c + T.nnet.sigmoid(i) * T.tanh(g)
    return T.nnet.sigmoid(o) * T.tanh(c), c


def states(step=lstm, sequences=x, initial=None, **more):
    return theano.scan(step, sequences=sequences, outputs_info=initial or [h, c], non_sequences=u, **more)[0]


def loops(f):
    return [node for node in f.fgraph.toposort() if isinstance(node.op, Scan)]


def products(node):
    return sum(isinstance(inner.op, Dot) for inner in toposort(node.op.inner_outputs))


def last_squared():
    return T.grad((states()[0][-1] ** 2).sum(), [x, u, h])


def every_row():
    return T.grad((states()[0] * T.cos(states()[1])).sum(), [x, u, c])


def backwards():
    return T.grad(states(go_backwards=True)[0].sum(), [x, u])


def turned_by_hand():
    return T.grad(states(sequences=x[::-1])[0].sum(), [x, u])


def several_taps():
    def step(a, h2, h1, u):
        return T.tanh(T.dot(h1, u)[:, :3] + a[:, :3]) * T.nnet.sigmoid(T.dot(h2, u)[:, 3:6])

    initial = {"initial": T.stack([h, c]), "taps": [-2, -1]}
    return T.grad((states(step, initial=[initial]) ** 2).sum(), [x, u, h])


def second_order():
    first = T.grad((states()[0][-1] ** 2).sum(), u)
    return T.grad((first**2).sum(), [u, h])


def two_costs():
    h_all, c_all = states()
    return [*T.grad((h_all**2).sum(), [u]), *T.grad(T.sin(c_all).sum(), [u, x])]


def in_a_loop():
    def step(weight):
        return T.grad((weight * states()[0][-1]).sum(), u)

    return [theano.scan(step, sequences=T.arange(3) * 0.5)[0]]


def truncated():
    return T.grad(states(truncate_gradient=2)[0].sum(), [x, u])


def ended():
    def step(a, h, c, u):
        new = lstm(a, h, c, u)
        return new, theano.scan_module.until(new[0].sum() > 100)

    return T.grad(states(step)[0].sum(), [x, u])


def rows_as_told():
    return T.grad(states(n_steps=3)[0].sum(), [x, u])


GRADIENTS = [
    last_squared, every_row, backwards, turned_by_hand, several_taps, second_order, two_costs, in_a_loop, truncated,
    ended, rows_as_told,
]  # fmt: skip
UNTOUCHED = (truncated, ended)


def compiled(outputs, mode="FAST_RUN"):
    return theano.function([x, u, h, c], outputs, mode=mode, on_unused_input="ignore")


@pytest.mark.parametrize("gradient", GRADIENTS, ids=lambda f: f.__name__)
def test_gradients_are_as_they_were(gradient):
    f, plain = compiled(gradient()), compiled(gradient(), "UNOPTIMIZED")
    for got, wanted in zip(f(X, U, H, C), plain(X, U, H, C), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12)
    assert bool(f.rewrites.counts().get("written_down")) == (gradient not in UNTOUCHED)


@pytest.mark.parametrize("gradient", GRADIENTS, ids=lambda f: f.__name__)
def test_bits_stay_where_they_must(gradient):
    f, plain = compiled(gradient(), "EXACT"), compiled(gradient(), "UNOPTIMIZED")
    for got, wanted in zip(f(X, U, H, C), plain(X, U, H, C), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_no_product_is_computed_twice_and_only_the_gates_are_written():
    forward, backward = loops(compiled(last_squared()))
    assert products(forward) == products(backward) == 1
    assert forward.op.n_mapped == 4
    assert not any(str(n.op) == "sigmoid" for n in compiled(last_squared()).fgraph.toposort())


def test_what_is_cheap_is_computed_again():
    def step(a, h, c, u):
        return T.tanh(h) * T.exp(a[:, :3] * c), c * 2

    f = compiled(T.grad(states(step)[0].sum(), [x, h]))
    assert "written_down" not in f.rewrites.counts()


def test_what_the_state_itself_shows_needs_no_other_row():
    def step(a, h, u):
        return T.tanh(a[:, :3] + T.dot(h, u)[:, :3])

    f = compiled(T.grad(states(step, initial=[h]).sum(), [x, u]))
    assert all(node.op.n_mapped == 0 for node in loops(f)[:1])


def test_checkpoints_go_on_saving_memory():
    steps, _ = theano.scan_checkpoints(lstm, sequences=x, outputs_info=[h, c], non_sequences=u, save_every_N=2)
    f = compiled(T.grad(steps[0][-1].sum(), [x, u]))
    outer = loops(f)[0]
    assert outer.op.name == "checkpointscan_fn_outer" and outer.op.n_mapped == 0
