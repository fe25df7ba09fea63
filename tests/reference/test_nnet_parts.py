"""What of ``T.nnet`` is made of other operations: patches, blocks, softmax in levels, films, checks of shapes."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.tensor.nnet.abstract_conv import assert_conv_shape
from reference.tensor.nnet.blocksparse import sparse_block_dot, sparse_block_outer
from reference.tensor.nnet.conv3d2d import conv3d
from reference.tensor.nnet.neighbours import images2neibs, neibs2images

RNG = np.random.RandomState(12)
IMAGES = RNG.normal(size=(2, 3, 6, 8))


def patches(images, shape, step, mode):
    """By loops, as documented."""
    (r, c), (dr, dc) = shape, step
    frame = {"half": (r // 2, c // 2), "full": (r - 1, c - 1)}.get(mode, (0, 0))
    images = np.pad(images, [(0, 0), (0, 0), *[(n, n) for n in frame]])
    wrap = mode == "wrap_centered"
    height, width = images.shape[2:]
    downs = [np.arange(r) + k - wrap * (r // 2) for k in range(0, height if wrap else height - r + 1, dr)]
    acrosses = [np.arange(c) + k - wrap * (c // 2) for k in range(0, width if wrap else width - c + 1, dc)]
    return np.array([
        channel[np.ix_(down % height, across % width)].ravel()
        for image in images for channel in image for down in downs for across in acrosses
    ])  # fmt: skip


CUTS = [
    ("valid", (2, 2), (2, 2)), ("valid", (2, 4), (1, 2)), ("ignore_borders", (4, 3), (4, 3)),
    ("ignore_borders", (3, 3), (2, 2)), ("wrap_centered", (3, 3), (3, 3)), ("wrap_centered", (3, 5), (2, 1)),
    ("half", (3, 3), (1, 1)), ("half", (2, 2), (2, 2)), ("full", (3, 3), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "shape", "step"), CUTS)
def test_patches_are_cut(mode, shape, step):
    x = T.dtensor4("x")
    neibs = images2neibs(x, shape, None if step == shape else step, mode=mode)
    np.testing.assert_array_equal(theano.function([x], neibs)(IMAGES), patches(IMAGES, shape, step, mode))


@pytest.mark.parametrize(("mode", "shape", "step"), [CUTS[k] for k in (1, 4, 6)])
def test_the_gradient_goes_back_to_where_a_patch_came_from(mode, shape, step):
    x, weights = T.dtensor4("x"), T.dmatrix("weights")
    places = patches(1 + np.arange(IMAGES.size, dtype=float).reshape(IMAGES.shape), shape, step, mode).astype(int)
    value = RNG.randint(-9, 9, places.shape).astype(float)
    expected = np.zeros(1 + IMAGES.size)
    np.add.at(expected, places, value)
    gradient = T.grad(T.sum(weights * images2neibs(x, shape, step, mode=mode)), x)
    found = theano.function([x, weights], gradient)(IMAGES, value)
    np.testing.assert_array_equal(found.ravel(), expected[1:])


@pytest.mark.parametrize(("mode", "shape"), [("valid", (2, 4)), ("ignore_borders", (4, 3))])
def test_patches_are_put_together_again(mode, shape):
    x = T.dtensor4("x")
    whole = theano.function([x], neibs2images(images2neibs(x, shape, mode=mode), shape, x.shape, mode=mode))(IMAGES)
    down, across = (n // k * k for n, k in zip(IMAGES.shape[2:], shape))
    expected = np.zeros_like(IMAGES)
    expected[:, :, :down, :across] = IMAGES[:, :, :down, :across]
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize(("mode", "shape"), [("valid", (4, 4)), ("wrap_centered", (2, 3))])
def test_patches_that_do_not_fit(mode, shape):
    x = T.dtensor4("x")
    with pytest.raises(TypeError, match="images2neibs"):
        theano.function([x], images2neibs(x, shape, mode=mode))(IMAGES)


def test_modes_of_patches_have_names():
    with pytest.raises(ValueError, match="valid"):
        images2neibs(T.dtensor4(), (2, 2), mode="Valid")


SPARSE = {
    "W": RNG.normal(size=(3, 4, 2, 5)), "h": RNG.normal(size=(2, 2, 2)), "i": np.array([[0, 2], [1, 1]]),
    "b": RNG.normal(size=(4, 5)), "j": np.array([[3, 0, 1], [2, 2, 0]]),
}  # fmt: skip


def test_products_with_blocks():
    W, h, i, b, j = SPARSE.values()
    expected = np.array([
        [b[out] + sum(h[k, m] @ W[i[k, m], out] for m in range(2)) for out in j[k]] for k in range(2)
    ])  # fmt: skip
    names = [T.dtensor4("W"), T.dtensor3("h"), T.lmatrix("i"), T.dmatrix("b"), T.lmatrix("j")]
    product = theano.function(names, sparse_block_dot(*names))
    np.testing.assert_allclose(product(W, h, i, b, j), expected, rtol=1e-12)
    T.verify_grad(lambda W, h, b: sparse_block_dot(W, h, i, b, j), [W, h, b], rng=RNG)


def test_a_product_with_blocks_without_a_batch():
    W, h, i, b, j = SPARSE.values()
    names = [T.dtensor4("W"), T.dmatrix("h"), T.lvector("i"), T.dmatrix("b"), T.lvector("j")]
    alone = theano.function(names, sparse_block_dot(*names))(W, h[1], i[1], b, j[1])
    assert alone.shape == (1, 3, 5)
    with pytest.raises(TypeError, match="one dimension less"):
        sparse_block_dot(names[0], names[1], T.lmatrix(), names[3], names[4])


def test_outer_products_onto_blocks():
    W, h, i, _, j = SPARSE.values()
    y = RNG.normal(size=(2, 3, 5))
    expected = W.copy()
    for k in range(2):
        for m in range(2):
            for n in range(3):
                expected[i[k, m], j[k, n]] += 0.5 * np.outer(h[k, m], y[k, n])
    np.testing.assert_allclose(theano.function([], sparse_block_outer(W, h, y, i, j, 0.5))(), expected, rtol=1e-12)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_softmax_in_two_levels():
    x, W1, b1 = RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3)), RNG.normal(size=3)
    W2, b2, target = RNG.normal(size=(3, 5, 4)), RNG.normal(size=(3, 4)), np.array([0, 5, 10, 3])
    within = softmax(np.einsum("bf,cfo->bco", x, W2) + b2)
    expected = (softmax(x @ W1 + b1)[:, :, None] * within).reshape(4, 12)[:, :11]
    sizes = (4, 11, 3, 4)
    everything = theano.function([], T.nnet.h_softmax(x, *sizes, W1, b1, W2, b2))()
    np.testing.assert_allclose(everything, expected, rtol=1e-12)
    alone = theano.function([], T.nnet.h_softmax(x, *sizes, W1, b1, W2, b2, target))()
    np.testing.assert_allclose(alone, expected[np.arange(4), target], rtol=1e-12)
    T.verify_grad(lambda x, W2: T.nnet.h_softmax(x, *sizes, W1, b1, W2, b2, target), [x, W2], rng=RNG)


def test_films_have_time_before_channels():
    films, filters = RNG.normal(size=(2, 5, 2, 4, 4)), RNG.normal(size=(3, 2, 2, 3, 3))
    expected = theano.function([], T.nnet.conv3d(films.swapaxes(1, 2), filters.swapaxes(1, 2)))().swapaxes(1, 2)
    np.testing.assert_array_equal(theano.function([], conv3d(films, filters))(), expected)
    wide = theano.function([], conv3d(films, filters, None, filters.shape, ("full", "valid", "valid")))()
    assert wide.shape == (2, 6, 3, 2, 2)
    np.testing.assert_allclose(wide[:, 1:-1], expected, rtol=1e-12)
    with pytest.raises(ValueError, match="filters_shape"):
        conv3d(films, filters, border_mode=("full", "valid", "valid"))


def test_shapes_of_images_are_checked_if_asked():
    x, w = T.dtensor4("x"), np.ones((1, 3, 2, 2))
    with theano.config.change_flags(conv__assert_shape=True):
        checked = theano.function([x], T.nnet.conv2d(x, w, input_shape=(None, 3, 6, 9)))
    with pytest.raises(AssertionError, match="input_shape"):
        checked(IMAGES)
    assert theano.function([x], T.nnet.conv2d(x, w, input_shape=(None, 3, 6, 8)))(IMAGES).shape == (2, 1, 5, 7)


def test_lengths_of_a_convolution_are_positive():
    n = T.lscalar("n")
    lengths = theano.function([n], list(assert_conv_shape((n, n, n, n))[1:3]))
    assert [int(v) for v in lengths(2)] == [2, 2]
    with pytest.raises(AssertionError, match="dimension 2 must be at least 1"):
        lengths(0)
    with pytest.raises(ValueError, match="dimension 3"):
        assert_conv_shape((1, 0, 1, 0))
