"""The recurrent networks of the tutorials, each as a cost: what their loops come down to is counted in tests."""

import numpy as np

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

STEPS, BATCH, N_IN, SIZE = 6, 3, 5, 4

sigmoid = T.nnet.sigmoid


class Weights:
    """Shared variables made as they are asked for, in order."""

    def __init__(self):
        self.rng = np.random.RandomState(0)
        self.all = []

    def __call__(self, name, *shape):
        self.all.append(theano.shared(self.rng.randn(*shape) * 0.3, name=name))
        return self.all[-1]

    def gates(self, name, letters, *shape):
        return [self(f"{name}_{letter}", *shape) for letter in letters]


def training(cost, weights, inputs, gradients, updates=None, fixed=()):
    """A function of the cost; with `gradients` a step of training, in which the variables in `fixed` do not move."""
    slopes = T.grad(cost, weights.all, consider_constant=list(fixed)) if gradients else []
    steps = [(w, w - 0.1 * g) for w, g in zip(weights.all, slopes)]
    return theano.function(inputs, cost, updates=[*steps, *(updates or {}).items()])


def lstm(gradients, merged=False, rank=2):
    """Four gates of vectors or of batches, with separate matrices or merged ones."""
    w = Weights()
    letters = [""] if merged else "icfo"
    width = 4 * SIZE if merged else SIZE
    W, U, b = w.gates("W", letters, N_IN, width), w.gates("U", letters, SIZE, width), w.gates("b", letters, width)
    x, y = (T.tensor3("x"), T.matrix("y")) if rank == 2 else (T.matrix("x"), T.vector("y"))

    def step(x_t, h, c):
        z = [T.dot(x_t, W[k]) + T.dot(h, U[k]) + b[k] for k in range(len(W))]
        if merged:
            z = [z[0][..., k * SIZE : (k + 1) * SIZE] for k in range(4)]
        c = sigmoid(z[2]) * c + sigmoid(z[0]) * T.tanh(z[1])
        return sigmoid(z[3]) * T.tanh(c), c

    zero = T.zeros((x.shape[1], SIZE)) if rank == 2 else T.zeros((SIZE,))
    (h, _), _ = theano.scan(step, sequences=x, outputs_info=[zero, zero])
    f = training(T.mean(T.sqr(h[-1] - y)), w, [x, y], gradients)
    batch = (BATCH,) * (rank - 1)
    return f, (
        np.cos(np.arange(STEPS * BATCH ** (rank - 1) * N_IN)).reshape(STEPS, *batch, N_IN),
        np.ones((*batch, SIZE)),
    )


def gru(gradients, before=True):
    """Two gates and a candidate; the reset gate works before the product or after it."""
    w = Weights()
    W, U, b = w.gates("W", "zrh", N_IN, SIZE), w.gates("U", "zrh", SIZE, SIZE), w.gates("b", "zrh", SIZE)
    x, y = T.tensor3("x"), T.matrix("y")

    def step(x_t, h):
        z, r = (sigmoid(T.dot(x_t, W[k]) + T.dot(h, U[k]) + b[k]) for k in range(2))
        recurrent = T.dot(r * h, U[2]) if before else r * T.dot(h, U[2])
        return (1 - z) * h + z * T.tanh(T.dot(x_t, W[2]) + recurrent + b[2])

    h, _ = theano.scan(step, sequences=x, outputs_info=T.zeros((x.shape[1], SIZE)))
    f = training(T.mean(T.sqr(h[-1] - y)), w, [x, y], gradients)
    return f, (np.cos(np.arange(STEPS * BATCH * N_IN)).reshape(STEPS, BATCH, N_IN), np.ones((BATCH, SIZE)))


def simple(gradients, tied=False, both=False):
    """A recurrent layer and a softmax on top; with tied weights; or in both directions."""
    w = Weights()
    V, b, h0 = w("V", N_IN, SIZE), w("b", N_IN), w("h0", SIZE)
    cells = [(w("W", N_IN, SIZE), w("U", SIZE, SIZE), w("c", SIZE)) for _ in range(1 + both)]
    top = V.T if tied else w("top", SIZE, N_IN)
    x, y = T.matrix("x"), T.matrix("y")

    def step(x_t, h, W, U, c):
        return T.tanh(T.dot(x_t, V if tied else W) + T.dot(h, U) + c)

    def with_output(x_t, h, W, U, c):
        h = step(x_t, h, W, U, c)
        return h, T.nnet.softmax(T.dot(h, top) + b)[0]

    if both:
        h = [theano.scan(step, x, h0, cell, go_backwards=k == 1)[0][:: 1 - 2 * k] for k, cell in enumerate(cells)]
        p = T.nnet.softmax(T.dot(h[0] * h[1], top) + b)
    else:
        (_, p), _ = theano.scan(with_output, x, [h0, None], cells[0])
    used = [v for v in w.all if v not in ((cells[0][0],) if tied else (V,))]
    w.all = used
    f = training(-T.mean(y * T.log(p)), w, [x, y], gradients)
    return f, (np.cos(np.arange(STEPS * N_IN)).reshape(STEPS, N_IN), np.full((STEPS, N_IN), 0.2))


def attention(gradients):
    """Each step weighs a memory by what it holds against the state."""
    w = Weights()
    W, U, R, C = (w(name, SIZE, SIZE) for name in "WURC")
    v, V = w("v", SIZE), w("V", N_IN, SIZE)
    x, memory, y = T.tensor3("x"), T.tensor3("memory"), T.matrix("y")

    def step(x_t, h):
        energy = T.dot(T.tanh(T.dot(memory, U) + T.dot(h, W)[None]), v)
        weight = T.nnet.softmax(energy.T).T
        context = (weight[:, :, None] * memory).sum(axis=0)
        return T.tanh(T.dot(h, R) + T.dot(context, C) + T.dot(x_t, V))

    h, _ = theano.scan(step, sequences=x, outputs_info=T.zeros((x.shape[1], SIZE)))
    f = training(T.mean(T.sqr(h[-1] - y)), w, [x, memory, y], gradients)
    return f, (
        np.cos(np.arange(STEPS * BATCH * N_IN)).reshape(STEPS, BATCH, N_IN),
        np.sin(np.arange(7 * BATCH * SIZE)).reshape(7, BATCH, SIZE), np.ones((BATCH, SIZE)),
    )  # fmt: skip


def boltzmann(gradients):
    """A restricted Boltzmann machine: a chain of Gibbs samples, and the gradient of free energies at its ends."""
    w = Weights()
    W, b, c = w("W", N_IN, SIZE), w("b", SIZE), w("c", N_IN)
    v0, streams = T.matrix("v0"), RandomStreams(3)

    def sample(p):
        return streams.binomial(size=p.shape, n=1, p=p, dtype=theano.config.floatX)

    def step(v):
        return sample(sigmoid(T.dot(sample(sigmoid(T.dot(v, W) + b)), W.T) + c))

    chain, updates = theano.scan(step, outputs_info=v0, n_steps=15)

    def energy(v):
        return T.mean(-T.dot(v, c) - T.sum(T.log(1 + T.exp(T.dot(v, W) + b)), axis=1))

    end = chain[-1]
    return training(energy(v0) - energy(end), w, [v0], gradients, updates, [end]), (
        (np.arange(BATCH * N_IN).reshape(BATCH, N_IN) % 2) * 1.0,
    )
