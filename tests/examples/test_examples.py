"""The seed programs on every backend: what their texts promise is checked, not printed."""

import boltzmann_machine
import convolutional_net as convolutional
import denoising_autoencoder
import gibbs
import givens
import hybrid_monte_carlo
import logistic_regression as logistic
import lstm
import multilayer_perceptron
import numpy as np
import pytest
import recurrent_net

from reference.printing import debugprint

SEED = """\
DeepCopyOp [@A] ''   4
 |Subtensor{int32:int32:} [@B] ''   3
   |x [@C]
   |ScalarFromTensor [@D] ''   0
   | |index [@E]
   |ScalarFromTensor [@F] ''   2
     |Elemwise{add,no_inplace} [@G] ''   1
       |TensorConstant{5} [@H]
       |index [@E]
"""


def test_givens_print_and_compute_as_the_graph_written_out(backend):
    f, g = givens.build(backend)
    assert debugprint(f, file="str") == debugprint(g, file="str") == SEED
    for k in range(-3, 101):
        np.testing.assert_array_equal(f(k), np.arange(100)[k : k + 5])
        np.testing.assert_array_equal(f(k), g(k))


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn", reason="the examples' data: pip install scikit-learn")


def test_logistic_regression_learns_as_by_hand(backend, digits):
    epochs = 15
    model = logistic.Model(backend)
    curve = model.fit(epochs)
    by_hand, error_by_hand = logistic.numpy_error(epochs)
    # Same arithmetic in another order: rounding of 1e-7 a step, over 210 steps of a contraction.
    np.testing.assert_allclose(curve, by_hand, rtol=1e-4)
    assert float(model.error()) == error_by_hand


def test_logistic_regression_has_one_learning_curve_on_every_mode(backend, digits):
    exact = logistic.Model(backend, mode="EXACT").fit(3)
    assert exact == logistic.Model(backend, mode="UNOPTIMIZED").fit(3)


def test_a_convolutional_net_learns(backend, digits):
    costs, errors = zip(*convolutional.Model(backend, filters=(4, 8)).fit(4))
    assert list(costs) == sorted(costs, reverse=True)
    assert errors[-1] < 0.2 < errors[0]


LEARNERS = {
    "multilayer perceptron": (multilayer_perceptron.Perceptron, "test accuracy", 0.93),
    "denoising autoencoder": (denoising_autoencoder.Autoencoder, "test error", 0.05),
    "Boltzmann machine": (lambda backend: boltzmann_machine.Machine(backend, n=700), "pseudo-likelihood", -26.0),
    "recurrent net": (recurrent_net.Recurrent, "test accuracy", 0.9),
    "hybrid Monte Carlo": (lambda backend: hybrid_monte_carlo.Sampler(backend, n=200), "test accuracy", 0.83),
}
"""How to make one, a figure that it prints, and what that reaches in three epochs."""


@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_learns_alike_on_every_backend(name, backend, digits):
    make, figure, bound = LEARNERS[name]
    here, there = ([model.epoch() for _ in range(3)] for model in (make(backend), make("reference")))
    reached = here[-1][figure]
    assert reached < bound if "error" in figure else reached > bound
    # float32 sums in another order; a digit or two may be named otherwise for it.
    for a, b in zip(here, there):
        np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=2e-3)


@pytest.mark.parametrize("steps", [1, 10])
def test_gibbs_captured_and_explicit_draw_and_print_the_same(backend, steps):
    rbm = gibbs.RBM(64, 30)
    start = (np.random.RandomState(0).rand(20, 64) > 0.5).astype("float32")
    samples, texts = [], {}
    for mode in ("UNOPTIMIZED", "EXACT", "FAST_RUN"):
        for explicit in (False, True):
            chain = rbm.chain(steps, explicit, backend, mode)
            samples.append([chain(start), chain(start)])
            texts.setdefault(mode, set()).add(debugprint(chain, file="str"))
    first, second = samples[0]
    assert not np.array_equal(first, second), "the second call goes on where the first stopped"
    for other in samples[1:]:
        np.testing.assert_array_equal(other[0], first)
        np.testing.assert_array_equal(other[1], second)
    assert len(texts["EXACT"]) == len(texts["FAST_RUN"]) == 1


def test_gibbs_draws_the_same_on_the_reference(backend):
    rbm = gibbs.RBM(64, 30)
    start = (np.random.RandomState(0).rand(20, 64) > 0.5).astype("float32")
    here, there = (rbm.chain(5, True, name)(start) for name in (backend, "reference"))
    np.testing.assert_array_equal(here, there)


def test_gibbs_training_lowers_the_reconstruction_error(backend, digits):
    _, errors, _ = gibbs.trained(backend, epochs=2)
    assert errors[1] < errors[0] < 0.2


def test_lstm_forms_agree(backend):
    parameters = lstm.Parameters(8, 8)
    inputs = lstm.data(steps=6, batch=3, size=8)
    merged = lstm.build(parameters, "merged", backend)(*inputs)
    separate = lstm.build(parameters, "separate", backend)(*inputs)
    for a, b in zip(merged, [separate[0], *lstm.joined(separate[1:])]):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_lstm_training_lowers_the_cost(backend):
    step = lstm.build(lstm.Parameters(8, 8), "merged", backend, updates=True)
    inputs = lstm.data(steps=6, batch=3, size=8)
    costs = [float(step(*inputs)) for _ in range(5)]
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0]
