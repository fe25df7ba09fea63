"""Neural network functions against formulas."""

import numpy as np
import pytest
from families import check

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")

nnet = T.nnet
RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((3, 4))
LABELS = np.array([1, 0, 3])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


PROBABILITIES = softmax(SCORES)


def test_softmax():
    check(nnet.softmax, softmax, SCORES)
    check(nnet.logsoftmax, lambda x: np.log(softmax(x)), SCORES)
    check(nnet.softmax_graph, softmax, SCORES)
    check(nnet.softmax_with_bias, lambda x, b: softmax(x + b), SCORES, SCORES[0])


def test_softmax_of_a_vector_is_a_row():
    assert nnet.softmax(T.dvector()).broadcastable == (True, False)
    check(nnet.softmax, lambda x: softmax(x)[None], SCORES[0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_softmax_is_its_definition_to_the_bit(dtype):
    x = T.TensorType(dtype, (False, False))("x")
    d = x - T.max(x, axis=1, keepdims=True)
    e = T.exp(d)
    definition = [e / T.sum(e, axis=1, keepdims=True), d - T.log(T.sum(e, axis=1, keepdims=True))]
    f = theano.function([x], [nnet.softmax(x), nnet.logsoftmax(x), *definition], mode="UNOPTIMIZED")
    sm, logsm, sm_by_definition, logsm_by_definition = f((3 * RNG.standard_normal((20, 50))).astype(dtype))
    np.testing.assert_array_equal(sm, sm_by_definition)
    np.testing.assert_array_equal(logsm, logsm_by_definition)


def test_softmax_at_the_edges():
    x = T.dmatrix("x")
    f = theano.function([x], [nnet.softmax(x), nnet.logsoftmax(x)])
    sm, logsm = f([[1000, 0], [-1000, 0]])
    np.testing.assert_array_equal(sm, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(logsm, [[0, -1000], [-1000, 0]])
    assert np.isnan(f([[np.inf, 0]])[0]).any()
    assert [r.shape for r in f(np.zeros((0, 3)))] == [(0, 3)] * 2
    assert [r.shape for r in f(np.zeros((2, 0)))] == [(2, 0)] * 2


def test_softmax_takes_floats_of_rank_one_or_two():
    for bad in (T.dtensor3(), T.lmatrix()):
        with pytest.raises(ValueError, match="vector or matrix of floats"):
            nnet.softmax(bad)


def test_categorical_crossentropy():
    rows = np.arange(3)
    check(nnet.categorical_crossentropy, lambda p, y: -np.log(p[rows, y]), PROBABILITIES, LABELS)
    others = PROBABILITIES[::-1].copy()
    check(nnet.categorical_crossentropy, lambda p, q: -(q * np.log(p)).sum(1), PROBABILITIES, others)
    check(
        lambda x, b, y: nnet.crossentropy_softmax_1hot_with_bias(x, b, y)[0],
        lambda x, b, y: -np.log(softmax(x + b)[rows, y]),
        SCORES, SCORES[0], LABELS,
    )  # fmt: skip


def test_crossentropy_with_its_largest_probability():
    x, y = T.dmatrix("x"), T.lvector("y")
    outputs = nnet.crossentropy_softmax_max_and_argmax_1hot(x, y)
    nll, sm, largest, place = theano.function([x, y], outputs)(SCORES, LABELS)
    np.testing.assert_allclose(nll, -np.log(PROBABILITIES[np.arange(3), LABELS]))
    np.testing.assert_allclose(sm, PROBABILITIES)
    np.testing.assert_allclose(largest, PROBABILITIES.max(1))
    np.testing.assert_array_equal(place, PROBABILITIES.argmax(1))
    i, b = T.ivector("i"), T.dvector("b")
    outputs = nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, i)
    _, _, place = theano.function([x, b, i], outputs)(SCORES, np.zeros(SCORES.shape[1]), np.asarray(LABELS, "int32"))
    np.testing.assert_array_equal(place, PROBABILITIES.argmax(1))
    assert place.dtype == "int32"


def test_crossentropy_errors():
    p, y = T.dmatrix("p"), T.lvector("y")
    f = theano.function([p, y], nnet.categorical_crossentropy(p, y))
    with pytest.raises(ValueError, match=r"2 labels for probabilities of shape \(3, 4\)"):
        f(PROBABILITIES, LABELS[:2])
    with pytest.raises(IndexError, match="out of bounds"):
        f(PROBABILITIES, LABELS + 4)
    with pytest.raises(TypeError, match="rank mismatch"):
        nnet.categorical_crossentropy(p, T.dtensor3())


def test_binary_crossentropy():
    target = RNG.uniform(0, 1, (3, 4))
    check(
        nnet.binary_crossentropy, lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)), sigmoid(SCORES), target
    )
    check(
        nnet.sigmoid_binary_crossentropy,
        lambda x, y: -(y * np.log(sigmoid(x)) + (1 - y) * np.log(1 - sigmoid(x))),
        SCORES, target,
    )  # fmt: skip
    x = T.dvector("x")
    assert np.isfinite(theano.function([x], nnet.sigmoid_binary_crossentropy(x, 1.0))([-1e4, 1e4])).all()


ACTIVATIONS = [
    (nnet.sigmoid, sigmoid), (nnet.softplus, lambda x: np.log1p(np.exp(x))), (nnet.relu, lambda x: np.maximum(x, 0)),
    (lambda x: nnet.relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
    (nnet.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
    (nnet.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    (nnet.softsign, lambda x: x / (1 + np.abs(x))), (nnet.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "model"), ACTIVATIONS)
def test_activations(graph, model):
    check(graph, model, SCORES)


@pytest.mark.parametrize(("dtype", "expected"), [("int8", "float32"), ("int32", "float64"), ("float16", "float16")])
def test_softsign_of_integers_is_the_float_that_holds_them(dtype, expected):
    assert nnet.softsign(T.vector(dtype=dtype)).dtype == expected


def test_activations_keep_float32():
    x = T.fmatrix("x")
    with theano.config.change_flags(floatX="float32"):
        for f in (nnet.relu, nnet.elu, nnet.selu, nnet.softsign, nnet.hard_sigmoid, nnet.sigmoid, nnet.softmax):
            assert f(x).dtype == "float32"


def test_confusion_matrix():
    actual, predicted = T.lvector("actual"), T.lvector("predicted")
    counts, order = theano.function([actual, predicted], nnet.confusion_matrix(actual, predicted))(
        [2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]
    )
    np.testing.assert_array_equal(counts, [[2, 0, 0], [0, 0, 1], [1, 0, 2]])
    np.testing.assert_array_equal(order, [0, 1, 2])


NORMALIZATIONS = [("per-activation", (0,), (1, 3, 4, 2)), ("spatial", (0, 2, 3), (1, 3, 1, 1))]


@pytest.mark.parametrize(("axes", "summed", "shape"), NORMALIZATIONS)
def test_batch_normalization(axes, summed, shape):
    x = RNG.standard_normal((5, 3, 4, 2))
    gamma, beta, mean, var = RNG.uniform(0.5, 1.5, (4, *shape))

    def model(x, gamma, beta):
        return (x - x.mean(summed, keepdims=True)) / np.sqrt(x.var(summed, keepdims=True) + 1e-4) * gamma + beta

    check(lambda x, g, b: nnet.batch_normalization_train(x, g, b, axes)[0], model, x, gamma, beta)
    check(
        lambda *args: nnet.batch_normalization_test(*args, axes=axes),
        lambda x, g, b, m, v: (x - m) * g / np.sqrt(v + 1e-4) + b,
        x, gamma, beta, mean, var,
    )  # fmt: skip
    for given in (gamma, gamma.reshape([n for k, n in enumerate(shape) if k not in summed])):
        statistics = nnet.batch_normalization_train(x, given, given, axes)[1:]
        assert [s.eval().shape for s in statistics] == [given.shape] * 2
    count = np.prod([x.shape[k] for k in summed])
    check(
        lambda x, g, b, m, v: nnet.batch_normalization_train(x, g, b, axes, running_mean=m, running_var=v)[4],
        lambda x, g, b, m, v: 0.9 * v + 0.1 * x.var(summed, keepdims=True) * count / (count - 1),
        x, gamma, beta, mean, var,
    )  # fmt: skip
