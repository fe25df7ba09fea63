"""Every application of a rewrite is judged, inside loops too, by its own promise."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from difftest.validate import validate
from reference.rewriting import engine
from reference.rewriting.engine import Promise, rewrite


@pytest.fixture
def wrong_rewrite():
    """Register a rewrite for one test; whatever the test did, it is gone afterwards."""
    before = dict(engine.REGISTRY)
    yield rewrite
    engine.REGISTRY.clear()
    engine.REGISTRY.update(before)


def looped(x, w):
    """A loop whose step has work that no other rewrite moves out of it."""
    rows, _ = theano.scan(lambda r, s, w: T.tanh(s * w * 1 + r), sequences=x, outputs_info=T.zeros(()), non_sequences=w)
    return rows


def nested(x, w):
    """The same, one loop further in."""

    def outer(r, s, w):
        inner, _ = theano.scan(lambda q, p: T.tanh(q + p * s), sequences=T.stack([r, s, w]), outputs_info=r)
        return inner[-1] * w

    rows, _ = theano.scan(outer, sequences=x, outputs_info=T.ones(()), non_sequences=w)
    return rows


def broken(build, finite=True):
    x, w = T.dvector("x"), T.dscalar("w")
    graph = theano.function([x, w], build(x, w), mode="UNOPTIMIZED").fgraph
    log = theano.compile.modes.get_mode("UNSAFE").rewrite(graph, record=True)
    assert any(a.inner for a in log)
    first = 0.5 if finite else np.inf
    return [b.rewrite for b in validate(graph, log, [np.array([first, -1.0, 2.0]), np.array(0.75)])]


@pytest.mark.parametrize("build", [looped, nested])
def test_right_rewrites_inside_a_loop_are_let_be(build):
    assert broken(build) == []


@pytest.mark.parametrize("promise", [Promise.EXACT, Promise.REAL, Promise.FINITE])
@pytest.mark.parametrize("build", [looped, nested])
def test_a_wrong_rewrite_inside_a_loop_is_named(wrong_rewrite, build, promise):
    @wrong_rewrite(promise, on="tanh", stage="specialize")
    def tanh_is_sin(fgraph, node):
        """tanh(x) -> sin(x)"""
        return [T.sin(*node.inputs)]

    assert set(broken(build)) == {"tanh_is_sin"}


@pytest.mark.parametrize("finite", [True, False])
def test_a_finite_rewrite_is_held_to_its_word_where_all_is_finite(finite):
    def build(x, w):
        rows, _ = theano.scan(lambda r, s: (r - r) + T.tanh(s * 1), sequences=x, outputs_info=w)
        return rows

    assert broken(build, finite) == []
