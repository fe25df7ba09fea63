"""A recurrent network whose state biases an RBM at every time step: scans in scans, updates passed on and extended."""

import json

import numpy
import theano
import theano.tensor as T
from theano.tensor.shared_randomstreams import RandomStreams

rng = RandomStreams(seed=7)
theano.config.warn.subtensor_merge_bug = False


def build_rbm(v, W, bv, bh, k):
    def gibbs_step(v):
        mean_h = T.nnet.sigmoid(T.dot(v, W) + bh)
        h = rng.binomial(size=mean_h.shape, n=1, p=mean_h, dtype=theano.config.floatX)
        mean_v = T.nnet.sigmoid(T.dot(h, W.T) + bv)
        return mean_v, rng.binomial(size=mean_v.shape, n=1, p=mean_v, dtype=theano.config.floatX)

    chain, updates = theano.scan(lambda v: gibbs_step(v)[1], outputs_info=[v], n_steps=k)
    v_sample = chain[-1]
    mean_v = gibbs_step(v_sample)[0]
    monitor = T.xlogx.xlogy0(v, mean_v) + T.xlogx.xlogy0(1 - v, 1 - mean_v)

    def free_energy(v):
        return -(v * bv).sum() - T.log(1 + T.exp(T.dot(v, W) + bh)).sum()

    cost = (free_energy(v) - free_energy(v_sample)) / v.shape[0]
    return v_sample, cost, monitor.sum() / v.shape[0], updates


def build_rnnrbm(n_visible, n_hidden, n_recurrent):
    numpy_rng = numpy.random.RandomState(1)

    def normal(rows, columns, scale):
        return theano.shared(numpy_rng.normal(0, scale, (rows, columns)).astype(theano.config.floatX))

    def zeros(length):
        return theano.shared(numpy.zeros((length,), dtype=theano.config.floatX))

    W = normal(n_visible, n_hidden, 0.01)
    bv, bh = zeros(n_visible), zeros(n_hidden)
    Wuh, Wuv = normal(n_recurrent, n_hidden, 0.0001), normal(n_recurrent, n_visible, 0.0001)
    Wvu, Wuu, bu = normal(n_visible, n_recurrent, 0.0001), normal(n_recurrent, n_recurrent, 0.0001), zeros(n_recurrent)
    params = W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu
    v, u0 = T.matrix(), T.zeros((n_recurrent,))

    def recurrence(v_t, u_tm1):
        bv_t, bh_t = bv + T.dot(u_tm1, Wuv), bh + T.dot(u_tm1, Wuh)
        generate = v_t is None
        if generate:
            v_t, _, _, updates = build_rbm(T.zeros((n_visible,)), W, bv_t, bh_t, k=5)
        u_t = T.tanh(bu + T.dot(v_t, Wvu) + T.dot(u_tm1, Wuu))
        return ([v_t, u_t], updates) if generate else [u_t, bv_t, bh_t]

    (_, bv_t, bh_t), updates_train = theano.scan(
        lambda v_t, u_tm1, *_: recurrence(v_t, u_tm1), sequences=v, outputs_info=[u0, None, None], non_sequences=params
    )
    v_sample, cost, monitor, updates_rbm = build_rbm(v, W, bv_t[:], bh_t[:], k=3)
    updates_train.update(updates_rbm)
    (v_t, _), updates_generate = theano.scan(
        lambda u_tm1, *_: recurrence(None, u_tm1), outputs_info=[None, u0], non_sequences=params, n_steps=20
    )
    return v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate


def main(n_visible=8, epochs=25, lr=0.05):
    v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = build_rnnrbm(n_visible, 12, 6)
    gradient = T.grad(cost, params, consider_constant=[v_sample])
    updates_train.update(((p, p - lr * g) for p, g in zip(params, gradient)))
    train = theano.function([v], monitor, updates=updates_train)
    generate = theano.function([], v_t, updates=updates_generate)
    # Notes that step upwards, one at a time, over and over.
    roll = numpy.eye(n_visible, dtype=theano.config.floatX)[numpy.arange(40) % n_visible]
    curve = [float(train(roll)) for _ in range(epochs)]
    first, second = generate(), generate()
    print(json.dumps({
        "monitor": curve, "notes": [float(first.sum()), float(second.sum())], "shape": first.shape,
        "differ": bool((first != second).any()), "binary": sorted(set(first.ravel().tolist())),
    }))


if __name__ == "__main__":
    main()
