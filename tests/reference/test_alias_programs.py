"""Whole programs as users write them for Theano, run through the alias in a process of their own."""

import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def result(name: str, backend: str, *options: str) -> dict:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-m", "reference", "run", "--backend", backend, *options, f"{name}.py"],
        cwd=PROGRAMS, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def falls(costs: list) -> bool:
    return costs[-1] < 0.7 * costs[0] and sum(b < a for a, b in itertools.pairwise(costs)) > 0.6 * len(costs)


def test_logistic_regression(backend):
    found = result("logistic", backend)
    assert falls(found["costs"]) and found["best"] == 0 and found["right"] == 1
    # As printed by Theano 1.0.5: the arithmetic has no randomness.
    assert found["costs"][0] == pytest.approx(0.38158989964404105, rel=1e-12)
    assert found["costs"][-1] == pytest.approx(0.012377330999948465, rel=1e-12)


@pytest.mark.backend("reference")
@pytest.mark.parametrize("options", [("--mode", "FAST_COMPILE"), ("--floatX", "float32"), ("--mode", "DebugMode")])
def test_logistic_regression_with_flags(backend, options):
    found, plain = result("logistic", backend, *options), result("logistic", backend)
    assert found["costs"] == pytest.approx(plain["costs"], rel=1e-5) and found["right"] == 1


@pytest.mark.backend("reference")
def test_multilayer_perceptron(backend):
    found = result("mlp", backend)
    for name, costs in (("tanh", 0.0331749435012913), ("sigmoid", 0.22506315775247557), ("relu", None)):
        curve = [cost for cost, _ in found[name]]
        assert falls(curve) and found[name][-1][1] < 0.05
        if costs is not None:
            assert curve[-1] == pytest.approx(costs, rel=1e-9)


@pytest.mark.backend("reference")
def test_denoising_autoencoder(backend):
    assert falls(result("autoencoder", backend)["costs"])


@pytest.mark.backend("reference")
def test_restricted_boltzmann_machine(backend):
    found = result("rbm", backend)
    assert found["contrastive_kept"] and found["persistent_kept"]
    assert found["contrastive"][-1] > found["contrastive"][0] + 2
    assert found["persistent"][-1] > found["persistent"][0] + 5


@pytest.mark.backend("reference")
def test_hybrid_monte_carlo(backend):
    found = result("hmc", backend)
    assert found["mean"] == pytest.approx([1, 2], abs=0.1)
    assert found["covariance"] == [pytest.approx([1, 0.3], abs=0.15), pytest.approx([0.3, 0.5], abs=0.15)]
    assert 0.8 < found["rate"] <= 1


@pytest.mark.backend("reference")
def test_stacked_autoencoders(backend):
    found = result("stacked", backend)
    assert all(falls(costs) for costs in [*found["pretrained"], found["costs"]]) and found["errors"] == 0


def test_convolutional_network(backend):
    found = result("convolutional", backend)
    assert found["costs"][-1] == pytest.approx(0.04298791952916927, rel=1e-9) and found["errors"][-1] == 0


@pytest.mark.backend("reference")
def test_tagger(backend):
    found = result("tagger", backend)
    assert falls(found["costs"]) and found["right"] > 0.9
    assert found["costs"][-1] == pytest.approx(0.14703813732818455, rel=1e-9)


@pytest.mark.backend("reference")
def test_recurrent_network_over_boltzmann_machines(backend):
    found = result("rnnrbm", backend)
    assert found["monitor"][-1] > found["monitor"][0] + 1
    assert found["shape"] == [20, 8] and found["differ"] and found["binary"] == [0, 1]


@pytest.mark.backend("reference")
def test_conjugate_gradients_and_jacobians(backend):
    found = result("conjugate", backend)
    assert found["costs"] == sorted(found["costs"], reverse=True) and found["costs"][-1] < 0.021
    assert found["penalty"] < 1e-15 and found["size"] == pytest.approx(0.23586677400662423, rel=1e-12)


def test_lstm(backend):
    found = result("lstm", backend)
    assert found["costs"][-1] < 0.8 * found["costs"][0] and found["right"] > 0.75
