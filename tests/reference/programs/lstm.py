"""A recurrent classifier of sequences of unlike lengths: masks, an LSTM by scan, mean pooling, dropout, adadelta."""

import json
from collections import OrderedDict

import numpy
import theano
import theano.tensor as T
from theano import config
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams


def numpy_floatX(data):
    return numpy.asarray(data, dtype=config.floatX)


def ortho_weight(rng, ndim):
    u, _, _ = numpy.linalg.svd(rng.randn(ndim, ndim))
    return u.astype(config.floatX)


def init_params(rng, words, size, classes):
    params = OrderedDict()
    params["Wemb"] = rng.randn(words, size).astype(config.floatX)
    params["lstm_W"] = numpy.concatenate([ortho_weight(rng, size) for _ in range(4)], axis=1)
    params["lstm_U"] = numpy.concatenate([ortho_weight(rng, size) for _ in range(4)], axis=1)
    params["lstm_b"] = numpy.zeros((4 * size,)).astype(config.floatX)
    params["U"] = rng.randn(size, classes).astype(config.floatX)
    params["b"] = numpy.zeros((classes,)).astype(config.floatX)
    return params


def lstm_layer(tparams, state_below, mask, size):
    nsteps, n_samples = state_below.shape[0], state_below.shape[1]

    def _slice(_x, n, dim):
        if _x.ndim == 3:
            return _x[:, :, n * dim:(n + 1) * dim]
        return _x[:, n * dim:(n + 1) * dim]

    def _step(m_, x_, h_, c_):
        preact = T.dot(h_, tparams["lstm_U"])
        preact += x_
        i, f, o = (T.nnet.sigmoid(_slice(preact, n, size)) for n in range(3))
        c = T.tanh(_slice(preact, 3, size))
        c = f * c_ + i * c
        c = m_[:, None] * c + (1.0 - m_)[:, None] * c_
        h = o * T.tanh(c)
        h = m_[:, None] * h + (1.0 - m_)[:, None] * h_
        return h, c

    state_below = T.dot(state_below, tparams["lstm_W"]) + tparams["lstm_b"]
    start = [T.alloc(numpy_floatX(0.0), n_samples, size) for _ in range(2)]
    rval, _updates = theano.scan(
        _step, sequences=[mask, state_below], outputs_info=start, name="lstm_layers", n_steps=nsteps
    )
    return rval[0]


def adadelta(lr, tparams, grads, x, mask, y, cost):
    zipped_grads = [theano.shared(p.get_value() * numpy_floatX(0.0), name=f"{k}_grad") for k, p in tparams.items()]
    running_up2 = [theano.shared(p.get_value() * numpy_floatX(0.0), name=f"{k}_rup2") for k, p in tparams.items()]
    running_grads2 = [theano.shared(p.get_value() * numpy_floatX(0.0), name=f"{k}_rg2") for k, p in tparams.items()]
    zgup = [(zg, g) for zg, g in zip(zipped_grads, grads)]
    rg2up = [(rg2, 0.95 * rg2 + 0.05 * (g ** 2)) for rg2, g in zip(running_grads2, grads)]
    f_grad_shared = theano.function([x, mask, y], cost, updates=zgup + rg2up, name="adadelta_f_grad_shared")
    updir = [
        -T.sqrt(ru2 + 1e-2) / T.sqrt(rg2 + 1e-2) * zg
        for zg, ru2, rg2 in zip(zipped_grads, running_up2, running_grads2)
    ]
    ru2up = [(ru2, 0.95 * ru2 + 0.05 * (ud ** 2)) for ru2, ud in zip(running_up2, updir)]
    param_up = [(p, p + ud) for p, ud in zip(tparams.values(), updir)]
    f_update = theano.function(
        [lr], [], updates=ru2up + param_up, on_unused_input="ignore", name="adadelta_f_update"
    )
    return f_grad_shared, f_update


def build_model(tparams, size):
    trng = RandomStreams(123)
    use_noise = theano.shared(numpy_floatX(0.0))
    x, mask, y = T.matrix("x", dtype="int64"), T.matrix("mask", dtype=config.floatX), T.vector("y", dtype="int64")
    n_timesteps, n_samples = x.shape[0], x.shape[1]
    emb = tparams["Wemb"][x.flatten()].reshape([n_timesteps, n_samples, size])
    proj = lstm_layer(tparams, emb, mask, size)
    proj = (proj * mask[:, :, None]).sum(axis=0) / mask.sum(axis=0)[:, None]
    dropped = proj * trng.binomial(proj.shape, p=0.5, n=1, dtype=proj.dtype)
    proj = T.switch(use_noise, dropped, proj * 0.5)
    pred = T.nnet.softmax(T.dot(proj, tparams["U"]) + tparams["b"])
    f_pred = theano.function([x, mask], pred.argmax(axis=1), name="f_pred")
    off = 1e-6 if pred.dtype != "float16" else 1e-3
    cost = -T.log(pred[T.arange(n_samples), y] + off).mean()
    return use_noise, x, mask, y, f_pred, cost


def sentences(rng, count, words):
    """Sequences that are of class 1 if they hold more large words than small ones."""
    lengths = rng.randint(3, 9, size=count)
    x, mask = numpy.zeros((8, count), dtype="int64"), numpy_floatX(numpy.zeros((8, count)))
    for k, n in enumerate(lengths):
        x[:n, k] = rng.randint(words, size=n)
        mask[:n, k] = 1
    y = ((x >= words // 2) * mask).sum(0) * 2 > lengths
    return x, mask, y.astype("int64")


def main(size=8, words=6, epochs=60):
    rng = numpy.random.RandomState(123)
    tparams = OrderedDict((k, theano.shared(v, name=k)) for k, v in init_params(rng, words, size, 2).items())
    use_noise, x, mask, y, f_pred, cost = build_model(tparams, size)
    cost += 1e-4 * (tparams["U"] ** 2).sum()
    grads = T.grad(cost, wrt=list(tparams.values()))
    lr = T.scalar(name="lr")
    f_grad_shared, f_update = adadelta(lr, tparams, grads, x, mask, y, cost)
    train, test = sentences(rng, 300, words), sentences(rng, 100, words)
    costs = []
    for _ in range(epochs):
        use_noise.set_value(1.0)
        costs.append(float(f_grad_shared(*train)))
        f_update(0.05)
    use_noise.set_value(0.0)
    print(json.dumps({"costs": costs, "right": float((f_pred(*test[:2]) == test[2]).mean())}))


if __name__ == "__main__":
    main()
