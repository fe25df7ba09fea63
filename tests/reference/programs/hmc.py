"""Hybrid Monte Carlo: leapfrog steps by scan, acceptance by switch, a step size that adapts by updates."""

import json

import numpy
import theano
import theano.tensor as T
from theano import function, shared
from theano.tensor.shared_randomstreams import RandomStreams


def sharedX(value, name=None):
    return shared(numpy.asarray(value, dtype=theano.config.floatX), name=name)


def simulate_dynamics(initial_pos, initial_vel, stepsize, n_steps, energy_fn):
    def leapfrog(pos, vel, step):
        new_vel = vel - step * T.grad(energy_fn(pos).sum(), pos)
        return [pos + step * new_vel, new_vel], {}

    half = initial_vel - 0.5 * stepsize * T.grad(energy_fn(initial_pos).sum(), initial_pos)
    pos_full_step = initial_pos + stepsize * half
    (all_pos, all_vel), scan_updates = theano.scan(
        leapfrog, outputs_info=[{"initial": pos_full_step}, {"initial": half}], non_sequences=[stepsize],
        n_steps=n_steps - 1,
    )
    final_pos, final_vel = all_pos[-1], all_vel[-1]
    assert not scan_updates
    return final_pos, final_vel - 0.5 * stepsize * T.grad(energy_fn(final_pos).sum(), final_pos)


def hmc_move(s_rng, positions, energy_fn, stepsize, n_steps):
    initial_vel = s_rng.normal(size=positions.shape, dtype=theano.config.floatX)
    final_pos, final_vel = simulate_dynamics(positions, initial_vel, stepsize, n_steps, energy_fn)

    def hamiltonian(pos, vel):
        return energy_fn(pos) + 0.5 * (vel ** 2).sum(axis=1)

    difference = hamiltonian(positions, initial_vel) - hamiltonian(final_pos, final_vel)
    accept = (T.exp(difference) - s_rng.uniform(size=(positions.shape[0],), dtype=theano.config.floatX)) >= 0
    return accept, final_pos


def hmc_updates(positions, stepsize, avg_acceptance_rate, final_pos, accept, target=0.9):
    mask = accept.dimshuffle(*((0,) + ("x",) * (final_pos.ndim - 1)))
    new_positions = T.switch(mask, final_pos, positions)
    larger, smaller = stepsize * 1.02, stepsize * 0.98
    adapted = T.switch(avg_acceptance_rate > target, larger, smaller).clip(0.001, 0.25)
    rate = T.add(0.9 * avg_acceptance_rate, (1 - 0.9) * accept.mean(dtype=theano.config.floatX))
    return [(positions, new_positions), (stepsize, adapted), (avg_acceptance_rate, rate)]


def main(n_samples=160, burnin=40, dim=2, batch_size=16):
    rng = numpy.random.RandomState(123)
    mu = numpy.array([1.0, 2.0], dtype=theano.config.floatX)
    cov = numpy.array([[1.0, 0.3], [0.3, 0.5]], dtype=theano.config.floatX)
    cov_inv = numpy.linalg.inv(cov).astype(theano.config.floatX)

    def gaussian_energy(x):
        return 0.5 * (T.dot((x - mu), cov_inv) * (x - mu)).sum(axis=1)

    positions = sharedX(rng.randn(batch_size, dim), name="position")
    stepsize, rate = sharedX(0.1, "stepsize"), sharedX(0.9, "avg_acceptance_rate")
    s_rng = RandomStreams(5)
    accept, final_pos = hmc_move(s_rng, positions, gaussian_energy, stepsize, n_steps=10)
    simulate = function([], [], updates=hmc_updates(positions, stepsize, rate, final_pos, accept))
    for _ in range(burnin):
        simulate()
    samples = []
    for _ in range(n_samples):
        simulate()
        samples.append(positions.get_value(borrow=False))
    flat = numpy.asarray(samples).T.reshape(dim, -1).T
    print(json.dumps({
        "mean": flat.mean(axis=0).tolist(), "covariance": numpy.cov(flat.T).tolist(),
        "rate": float(rate.get_value()), "stepsize": float(stepsize.get_value()),
    }))


if __name__ == "__main__":
    main()
