"""``config.rng="numpy"``: the streams of Theano's programs, number for number, on every backend."""

import pickle

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.sandbox.rng_mrg import MRG_RandomStreams
from reference.tensor import legacy, random
from reference.tensor.shared_randomstreams import RandomStreams

CHAIN = [
    1.6557538103058285, -0.46531508809958, -1.2737850330127365, 1.118171798773301, -0.22781394958615542,
    -0.2834378623552859,
]  # fmt: skip
"""Two calls of the chain below, by Theano 1.0.5."""


@pytest.fixture(autouse=True)
def _numpy_streams():
    with theano.config.change_flags(rng="numpy"):
        yield


def starts(seed, n):
    """The generators that a family of n streams begins with."""
    seeds = np.random.RandomState(seed)
    return [np.random.RandomState(int(seeds.randint(2**30))) for _ in range(n)]


DRAWS = {
    "uniform": (lambda s: s.uniform((2, 3), -1, 4), lambda r: r.uniform(-1, 4, (2, 3))),
    "normal": (lambda s: s.normal((3,), 1, 2, dtype="float32"), lambda r: r.normal(1, 2, 3).astype("float32")),
    "binomial": (lambda s: s.binomial((4,), 5, 0.3), lambda r: r.binomial(5, 0.3, 4)),
    "poisson": (lambda s: s.poisson((2, 2), 3.5), lambda r: r.poisson(3.5, (2, 2))),
    "random_integers": (lambda s: s.random_integers((3,), 1, 6), lambda r: r.randint(1, 7, 3)),
    "permutation": (lambda s: s.permutation((2,), 5), lambda r: np.stack([r.permutation(5), r.permutation(5)])),
    "multinomial": (lambda s: s.multinomial((2,), 5, [0.2, 0.8]), lambda r: r.multinomial(5, [0.2, 0.8], 2)),
    "choice": (lambda s: s.choice((3,), a=5), lambda r: r.choice(5, 3)),
    "choice of a vector": (lambda s: s.choice((3,), a=[4.0, 2.0, 9.0]), lambda r: r.choice([4.0, 2.0, 9.0], 3)),
    "choice with weights": (lambda s: s.choice((3,), a=2, p=[0.1, 0.9]), lambda r: r.choice(2, 3, p=[0.1, 0.9])),
    "choice without replacement": (lambda s: s.choice((3,), 5, False), lambda r: r.choice(5, 3, False)),
    "shuffled rows": (lambda s: s.shuffle_row_elements(np.arange(5)), lambda r: r.permutation(5)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_is_numpy_s(name):
    symbolic, concrete = DRAWS[name]
    streams = RandomStreams(234)
    streams.uniform()
    draw = theano.function([], symbolic(streams))
    _, generator = starts(234, 2)
    for _ in range(3):
        np.testing.assert_array_equal(draw(), concrete(generator))


def test_parameters_may_be_arrays():
    p = T.fvector("p")
    value = np.array([0.1, 0.5, 0.9], "float32")
    draw = theano.function([p], RandomStreams(9).binomial(size=p.shape, n=1, p=p, dtype="float32"))
    (generator,) = starts(9, 1)
    for _ in range(2):
        np.testing.assert_array_equal(draw(value), generator.binomial(1, value, 3))


def test_the_numbers_are_those_that_theano_printed():
    streams = RandomStreams(234)
    draw = theano.function([], [streams.uniform((2,), -1, 1), streams.normal((3,), 1, 2)])
    assert draw()[1].tolist() == [1.746568945534983, -0.3149334374586965, 0.27395254248414236]
    x = T.dscalar("x")
    streams = RandomStreams(3)
    rows, updates = theano.scan(lambda h: h * 0.5 + streams.normal((), 0, 1), outputs_info=x, n_steps=3)
    chain = theano.function([x], rows, updates=updates)
    assert np.concatenate([chain(1.0), chain(1.0)]).tolist() == CHAIN


def test_a_stream_is_seeded_as_in_the_tutorial():
    streams = RandomStreams(234)
    sample = streams.uniform((2, 2))
    draw = theano.function([], sample)
    first = draw()
    state = sample.rng.get_value(borrow=True)
    state.seed(89234)
    sample.rng.set_value(state, borrow=True)
    np.testing.assert_array_equal(draw(), np.random.RandomState(89234).uniform(size=(2, 2)))
    streams.seed(902340)
    np.testing.assert_array_equal(draw(), starts(902340, 1)[0].uniform(size=(2, 2)))
    streams.seed()
    np.testing.assert_array_equal(draw(), first)
    streams[sample.rng] = np.random.RandomState(1)
    np.testing.assert_array_equal(draw(), np.random.RandomState(1).uniform(size=(2, 2)))


def test_states_are_copied_between_graphs_and_pickled():
    one, other = RandomStreams(1).normal((3,)), RandomStreams(2).normal((3,))
    draw_one, draw_other = theano.function([], one), theano.function([], other)
    draw_one()
    other.rng.set_value(one.rng.get_value())
    loaded = pickle.loads(pickle.dumps(draw_one))
    expected = draw_one()
    np.testing.assert_array_equal(draw_other(), expected)
    np.testing.assert_array_equal(loaded(), expected)


def test_a_generator_of_numpy_s_is_shared_state():
    state = theano.shared(np.random.RandomState(5), name="state")
    after, sample = random.uniform(state, (2,))
    draw = theano.function([], sample, updates=[(state, after)])
    generator = np.random.RandomState(5)
    for _ in range(2):
        np.testing.assert_array_equal(draw(), generator.uniform(size=2))


def test_a_kept_normal_number_is_part_of_the_state():
    generator = np.random.RandomState(1)
    generator.normal()
    assert legacy.restored(legacy.packed(generator)).normal() == generator.normal()


def test_functions_repeat_and_share_streams_as_ever():
    sample = RandomStreams(4).uniform((2,))
    moving, standing = theano.function([], sample), theano.function([], sample, no_default_updates=True)
    before = standing()
    np.testing.assert_array_equal(standing(), before)
    np.testing.assert_array_equal(moving(), before)
    assert not np.array_equal(standing(), before)


def test_mrg_streams_are_numpy_s_too():
    draw = theano.function([], MRG_RandomStreams(6).uniform((3,), dtype="float64"))
    np.testing.assert_array_equal(draw(), starts(6, 1)[0].uniform(size=3))


def test_a_state_of_one_generator_is_not_taken_for_another_s():
    sample = RandomStreams(1).uniform((2,))
    with theano.config.change_flags(rng="philox"):
        other = RandomStreams(1).uniform((2,))
    with pytest.raises(TypeError, match="random state"):
        other.rng.set_value(sample.rng.get_value())
