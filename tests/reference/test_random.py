"""Random streams: the words, the formulas made of them, and the variables programs use."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.errors import ShapeError
from reference.sandbox.rng_mrg import MRG_RandomStreams
from reference.tensor import distributions
from reference.tensor.philox import (
    initial_state,
    next_state,
    open_uniforms,
    philox_block,
    philox_words,
    uniforms,
)
from reference.tensor.shared_randomstreams import RandomStreams

ONES = 0xFFFFFFFF

KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_published_words(counter, key, words):
    assert philox_block(counter, key) == words


def test_words_are_the_blocks_in_order_wherever_the_draw_is_cut():
    state = np.array([1, ONES, 7, ONES], dtype=np.uint32)
    expected = [philox_block((b, 0, 7, ONES), (1, ONES)) for b in range(2100)]
    whole = philox_words(state, 8400)
    assert np.array_equal(whole, np.array(expected, dtype=np.uint32).reshape(-1))
    for start, n in [(0, 0), (1, 1), (3, 5), (5, 17), (4, 100), (8000, 123)]:
        assert np.array_equal(philox_words(state, n, start), whole[start : start + n])


def test_the_block_number_uses_64_bits():
    state = initial_state(5)
    words = philox_words(state, 8, start=4 * (2**32 - 1))
    assert tuple(words[4:]) == philox_block((0, 1, 0, 0), state[:2])


def test_the_next_state_carries_into_the_high_half():
    assert next_state(np.array([1, 2, ONES, 3], dtype=np.uint32)).tolist() == [1, 2, 0, 4]


def test_streams_and_seeds_have_different_keys():
    keys = {tuple(initial_state(seed, index)) for seed in (0, 1, 2**40, [1, 2], [2, 1]) for index in range(3)}
    assert len(keys) == 15


def test_uniforms_use_the_high_bits_of_their_words():
    state = initial_state(1)
    w = philox_words(state, 10).astype(object)
    assert np.array_equal(uniforms(state, 10, "float32"), [float(x >> 8) / 2**24 for x in w])
    double = [float((w[2 * k] >> 5) * 2**26 + (w[2 * k + 1] >> 6)) / 2**53 for k in range(5)]
    assert np.array_equal(uniforms(state, 5, "float64"), double)
    assert uniforms(state, 10**5, "float16").max() < 1


def test_the_logarithm_is_within_two_ulp():
    x = np.concatenate([open_uniforms(initial_state(2), 20000, "float64"), np.linspace(0.7, 1.5, 2001)])
    exact = np.log(x.astype(np.longdouble))
    assert (np.abs(distributions.log(x) - exact) <= 2 * np.spacing(np.abs(exact.astype(float)))).all()


def test_the_normal_quantile_inverts_the_distribution_function():
    special = pytest.importorskip("scipy.special")
    u = np.concatenate([open_uniforms(initial_state(3), 20000, "float64"), [2.0**-53, 1 - 2.0**-53, 1e-9, 0.925]])
    np.testing.assert_allclose(distributions.normal_quantile(u), special.ndtri(u), rtol=3e-15)
    assert distributions.normal_quantile(np.array([0.5]))[0] == 0


def first(sample):
    """The first value of a stream's variable and the state it was drawn from."""
    state = sample.rng.get_value()
    return theano.function([], sample)(), state


def test_uniform_is_low_plus_u_times_the_span():
    value, state = first(RandomStreams(4).uniform((2, 3), low=-1.0, high=3.0, dtype="float32"))
    u = uniforms(state, 6, "float32").reshape(2, 3)
    assert value.dtype == "float32"
    assert np.array_equal(value, np.float32(-1) + u * np.float32(4))


def test_normal_is_rounded_once():
    value, state = first(RandomStreams(4).normal((7,), avg=2.0, std=0.5, dtype="float32"))
    z = distributions.normal_quantile(open_uniforms(state, 7, "float32"))
    assert np.array_equal(value, (2.0 + 0.5 * z).astype("float32"))


def test_binomial_counts_uniforms_below_p():
    p = np.array([0.2, 0.5, 0.9])
    value, state = first(RandomStreams(4).binomial((3,), n=5, p=p))
    u = uniforms(state, 15, "float64").reshape(3, 5)
    assert value.dtype == "int64"
    assert np.array_equal(value, (u < p[:, None]).sum(axis=1))


def test_binomial_may_have_a_count_for_each_element():
    value, state = first(RandomStreams(4).binomial(n=np.array([2, 0, 4]), p=0.3, dtype="float64"))
    u = uniforms(state, 12, "float64").reshape(3, 4)
    assert np.array_equal(value, [(u[0, :2] < 0.3).sum(), 0, (u[2] < 0.3).sum()])


def test_binomial_with_float32_probabilities_reads_one_word_a_trial():
    value, state = first(RandomStreams(4).binomial((50,), p=np.float32(0.3)))
    assert np.array_equal(value, uniforms(state, 50, "float32") < np.float32(0.3))


def test_random_integers_include_both_ends():
    value, _ = first(RandomStreams(4).random_integers((500,), -2, 2))
    assert set(value.tolist()) == {-2, -1, 0, 1, 2}


def test_a_permutation_is_one_for_each_row():
    value, _ = first(RandomStreams(4).permutation((20,), n=6))
    assert value.shape == (20, 6)
    assert np.array_equal(np.sort(value, axis=1), np.tile(np.arange(6), (20, 1)))
    assert len({tuple(row) for row in value.tolist()}) > 10


def test_multinomial_counts_sum_to_n():
    value, _ = first(RandomStreams(4).multinomial((4,), n=30, pvals=[0.2, 0.3, 0.5]))
    assert value.shape == (4, 3)
    assert value.sum(axis=1).tolist() == [30] * 4


def test_multinomial_takes_a_row_of_probabilities_each():
    pvals = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    value, _ = first(RandomStreams(4).multinomial(pvals=pvals))
    assert np.array_equal(value, pvals)


def test_choice_without_replacement_takes_each_once():
    value, _ = first(RandomStreams(4).choice((2, 3), a=6, replace=False))
    assert sorted(value.reshape(-1).tolist()) == list(range(6))


def test_choice_follows_the_weights():
    value, _ = first(RandomStreams(4).choice((300,), a=4, p=[0.5, 0.0, 0.5, 0.0]))
    assert set(value.tolist()) == {0, 2}
    once, _ = first(RandomStreams(4).choice((2,), a=4, replace=False, p=[0.5, 0.0, 0.5, 0.0]))
    assert sorted(once.tolist()) == [0, 2]


def test_choice_of_a_vector_returns_its_elements():
    value, _ = first(RandomStreams(4).choice((50,), a=np.array([1.5, 2.5])))
    assert set(value.tolist()) == {1.5, 2.5}


def test_shuffling_rows_keeps_their_elements():
    x = T.matrix("x")
    data = np.arange(30.0).reshape(5, 6)
    value = theano.function([x], RandomStreams(4).shuffle_row_elements(x))(data)
    assert np.array_equal(np.sort(value, axis=1), data)
    assert not np.array_equal(value, data)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda s: s.uniform((2,), low=np.zeros(3)), "does not fit"),
        (lambda s: s.uniform((-1,)), "no shape"),
        (lambda s: s.choice((5,), a=3, replace=False), "only 3 can be chosen"),
        (lambda s: s.choice((5,), a=3, p=[0.5, 0.5]), "3 items, p has shape"),
        (lambda s: s.random_integers((5,), 3, 2), "low is above high"),
    ],
)
def test_impossible_draws_say_what_is_wrong(draw, message):
    with pytest.raises((ShapeError, ValueError), match=message):
        theano.function([], draw(RandomStreams(1)))()


@pytest.mark.parametrize(
    ("draw", "error"),
    [
        (lambda s: s.uniform(T.lvector("size")), ValueError),
        (lambda s: s.uniform((2, 2), ndim=1), ValueError),
        (lambda s: s.uniform((2.5,)), TypeError),
        (lambda s: s.uniform((2,), low=np.zeros((2, 2))), ValueError),
        (lambda s: s.uniform((2,), dtype="int64"), TypeError),
        (lambda s: s.binomial((2,), n=1.5), TypeError),
    ],
)
def test_wrong_arguments_are_refused_while_the_graph_is_built(draw, error):
    with pytest.raises(error):
        draw(RandomStreams(1))


def test_the_size_may_be_symbolic():
    x = T.matrix("x")
    f = theano.function([x], RandomStreams(1).uniform(x.shape))
    assert f(np.zeros((2, 5))).shape == (2, 5)


def test_without_a_size_the_parameters_give_the_shape():
    p = T.matrix("p")
    f = theano.function([p], RandomStreams(1).binomial(n=1, p=p))
    assert f(np.full((3, 2), 0.5)).shape == (3, 2)
    assert theano.function([], RandomStreams(1).uniform())().shape == ()


def test_each_call_draws_anew_and_a_seed_repeats():
    streams = RandomStreams(9)
    f = theano.function([], [streams.uniform((3,)), streams.normal((2,))])
    first_call, second_call = f(), f()
    assert not np.array_equal(first_call[0], second_call[0])
    streams.seed()
    assert all(map(np.array_equal, f(), first_call))
    other = RandomStreams(9)
    g = theano.function([], [other.uniform((3,)), other.normal((2,))])
    assert all(map(np.array_equal, g(), first_call))
    streams.seed(10)
    assert not np.array_equal(f()[0], first_call[0])


def test_without_default_updates_the_numbers_repeat():
    f = theano.function([], RandomStreams(9).uniform((3,)), no_default_updates=True)
    assert np.array_equal(f(), f())


def test_one_variable_is_drawn_once_however_often_it_is_used():
    u = RandomStreams(9).uniform((3,))
    a, b = theano.function([], [u, u + u])()
    assert np.array_equal(b, 2 * a)


def test_two_functions_advance_the_same_stream():
    u = RandomStreams(9).uniform((3,))
    f, g = theano.function([], u), theano.function([], u)
    assert not np.array_equal(f(), g())


def test_a_variable_carries_its_state_and_update():
    streams = RandomStreams(9)
    u = streams.uniform((3,))
    assert streams.updates() == [u.update]
    assert u.update[0] is u.rng
    assert u.rng.default_update is u.update[1]


def test_mrg_streams_draw_the_same_numbers():
    a = theano.function([], RandomStreams(3).uniform((4,)))()
    b = theano.function([], MRG_RandomStreams(3, use_cuda=False).uniform((4,), nstreams=7))()
    assert np.array_equal(a, b)


def test_the_gradient_with_respect_to_a_parameter_is_undefined():
    low = T.scalar("low")
    sample = RandomStreams(3).uniform((4,), low=low)
    with pytest.raises(TypeError, match="uniform"):
        theano.grad(sample.sum(), low)


def test_a_state_is_seeded_and_put_back():
    sample = RandomStreams(7).uniform((3,))
    draw = theano.function([], sample)
    first, state = draw(), sample.rng.get_value()
    state.seed(7)
    sample.rng.set_value(state)
    np.testing.assert_array_equal(draw(), first)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_moments(dtype):
    streams = RandomStreams(11)
    u, z = theano.function([], [streams.uniform((20000,), dtype=dtype), streams.normal((20000,), dtype=dtype)])()
    assert u.dtype == z.dtype == dtype
    assert abs(u.mean(dtype="float64") - 0.5) < 0.01
    assert abs(z.mean(dtype="float64")) < 0.03
    assert abs(z.std(dtype="float64") - 1) < 0.03


def test_four_words_in_an_array_are_no_random_state():
    assert theano.shared(np.arange(4, dtype="uint32")).type.dtype == "uint32"


@pytest.mark.parametrize("draw", ["uniform", "normal", "binomial", "random_integers", "choice"])
def test_a_single_number_is_an_array_too(draw):
    value = theano.function([], getattr(RandomStreams(3), draw)(()))()
    assert isinstance(value, np.ndarray)
    assert value.shape == ()
