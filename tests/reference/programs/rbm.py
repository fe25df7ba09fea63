"""A restricted Boltzmann machine: contrastive divergence by scan, with a persistent chain in a shared variable."""

import json

import numpy
import theano
import theano.tensor as T
from data import shared_dataset, striped
from theano.tensor.shared_randomstreams import RandomStreams


class RBM:
    def __init__(self, input, n_visible, n_hidden, numpy_rng):
        self.theano_rng = RandomStreams(numpy_rng.randint(2 ** 30))
        W = numpy.asarray(0.1 * numpy_rng.randn(n_visible, n_hidden), dtype=theano.config.floatX)
        self.W = theano.shared(value=W, name="W", borrow=True)
        self.hbias = theano.shared(numpy.zeros(n_hidden, dtype=theano.config.floatX), name="hbias", borrow=True)
        self.vbias = theano.shared(numpy.zeros(n_visible, dtype=theano.config.floatX), name="vbias", borrow=True)
        self.input, self.n_visible = input, n_visible
        self.params = [self.W, self.hbias, self.vbias]

    def free_energy(self, v_sample):
        wx_b = T.dot(v_sample, self.W) + self.hbias
        return -T.sum(T.log(1 + T.exp(wx_b)), axis=1) - T.dot(v_sample, self.vbias)

    def sample_h_given_v(self, v):
        pre = T.dot(v, self.W) + self.hbias
        mean = T.nnet.sigmoid(pre)
        return [pre, mean, self.theano_rng.binomial(size=mean.shape, n=1, p=mean, dtype=theano.config.floatX)]

    def sample_v_given_h(self, h):
        pre = T.dot(h, self.W.T) + self.vbias
        mean = T.nnet.sigmoid(pre)
        return [pre, mean, self.theano_rng.binomial(size=mean.shape, n=1, p=mean, dtype=theano.config.floatX)]

    def gibbs_step(self, h0_sample):
        pre_v, v_mean, v_sample = self.sample_v_given_h(h0_sample)
        pre_h, h_mean, h_sample = self.sample_h_given_v(v_sample)
        return [pre_v, v_mean, v_sample, pre_h, h_mean, h_sample]

    def get_cost_updates(self, lr, persistent=None, k=1):
        _, _, ph_sample = self.sample_h_given_v(self.input)
        chain_start = ph_sample if persistent is None else persistent
        outputs, updates = theano.scan(
            self.gibbs_step, outputs_info=[None, None, None, None, None, chain_start], n_steps=k, name="gibbs_step"
        )
        pre_sigmoid_nvs, _, nv_samples, _, _, nh_samples = outputs
        chain_end = nv_samples[-1]
        cost = T.mean(self.free_energy(self.input)) - T.mean(self.free_energy(chain_end))
        gparams = T.grad(cost, self.params, consider_constant=[chain_end])
        for gparam, param in zip(gparams, self.params):
            updates[param] = param - gparam * T.cast(lr, dtype=theano.config.floatX)
        if persistent:
            updates[persistent] = nh_samples[-1]
            return self.pseudo_likelihood(updates), updates
        fit = T.nnet.sigmoid(pre_sigmoid_nvs[-1])
        return T.mean(T.sum(self.input * T.log(fit) + (1 - self.input) * T.log(1 - fit), axis=1)), updates

    def pseudo_likelihood(self, updates):
        bit = theano.shared(value=0, name="bit_i_idx")
        xi = T.round(self.input)
        flipped = T.set_subtensor(xi[:, bit], 1 - xi[:, bit])
        cost = T.mean(self.n_visible * T.log(T.nnet.sigmoid(self.free_energy(flipped) - self.free_energy(xi))))
        updates[bit] = (bit + 1) % self.n_visible
        return cost


def keeps_its_particles(rbm, first):
    """Draw from a chain whose last state stays in a shared variable for the next call."""
    particles = theano.shared(first, name="particles")
    [_, _, _, _, vis_mean, vis], updates = theano.scan(
        lambda v: [*rbm.sample_h_given_v(v), *rbm.sample_v_given_h(rbm.sample_h_given_v(v)[2])],
        outputs_info=[None, None, None, None, None, particles], n_steps=3,
    )
    updates.update({particles: vis[-1]})
    sample = theano.function([], [vis_mean[-1], vis[-1]], updates=updates, name="sample_fn")
    means, last = sample()
    return bool((particles.get_value() == last).all() and ((means > 0) & (means < 1)).all())


def main(batch_size=20, epochs=6):
    train_x, _ = shared_dataset(striped(seed=1))
    results = {}
    for name in ("contrastive", "persistent"):
        index, x = T.lscalar(), T.matrix("x")
        chain = None
        if name == "persistent":
            chain = theano.shared(numpy.zeros((batch_size, 24), dtype=theano.config.floatX), borrow=True)
        rbm = RBM(x, 36, 24, numpy.random.RandomState(123))
        cost, updates = rbm.get_cost_updates(lr=0.1, persistent=chain, k=5)
        part = train_x[index * batch_size: (index + 1) * batch_size]
        train = theano.function([index], cost, updates=updates, givens={x: part}, name="train_rbm")
        results[name] = [float(numpy.mean([train(k) for k in range(12)])) for _ in range(epochs)]
        results[name + "_kept"] = keeps_its_particles(rbm, train_x.get_value()[:4])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
