"""Convolutions: Theano's own results, loops written out, gradients of every order, and what does not fit."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.tensor.nnet import abstract_conv, conv
from reference.tensor.signal import conv as signal_conv

GOLDEN = [json.loads(line) for line in (Path(__file__).parent / "golden" / "conv.1.0.txt").read_text().splitlines()]


def tupled(value):
    return tuple(map(tupled, value)) if isinstance(value, list) else value


def tensor(rank, name=None, dtype="float64"):
    return T.tensor(dtype, (False,) * rank, name=name)


def whole(shape, period):
    """Small whole numbers, on which every order of summation is exact."""
    return (np.arange(np.prod(shape)) * 5 % period - 3).astype("float64").reshape(shape)


def digest(value):
    return [list(value.shape), float((value.ravel() * (np.arange(value.size) % 11 - 5)).sum())]


@pytest.mark.parametrize(("image", "kernel", "options", "wanted"), GOLDEN, ids=lambda v: str(v) if v else "plain")
def test_convolutions_and_their_gradients_are_those_of_theano(image, kernel, options, wanted):
    x, w, g = tensor(len(image)), tensor(len(kernel)), tensor(len(image))
    convolve = T.nnet.conv3d if len(image) == 5 else T.nnet.conv2d
    y = convolve(x, w, **{name: tupled(value) for name, value in options.items()})
    values = whole(image, 7), whole(kernel, 5)
    result = theano.function([x, w], y)(*values)
    gradients = theano.function([x, w, g], theano.Lop(y, [x, w], g))(*values, whole(result.shape, 9))
    assert [digest(v) for v in (result, *gradients)] == wanted


def by_loops(x, w, stride=1):
    """Correlation of (batch, channels, rows, columns) with (filters, channels, rows, columns), place by place."""
    rows, columns = ((n - k) // stride + 1 for n, k in zip(x.shape[2:], w.shape[2:]))
    out = np.zeros((len(x), len(w), rows, columns))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = np.sum(x[n, :, i * stride :, j * stride :][:, : w.shape[2], : w.shape[3]] * w[f])
    return out


@pytest.mark.parametrize("stride", [1, 2])
def test_a_filter_is_turned_round_unless_asked_not_to(stride):
    x, w = whole((2, 3, 5, 6), 11), whole((4, 3, 2, 3), 7)
    a, b = tensor(4), tensor(4)
    laid, turned = (
        T.nnet.conv2d(a, b, subsample=(stride, stride), filter_flip=flip).eval({a: x, b: w}) for flip in (False, True)
    )
    np.testing.assert_array_equal(laid, by_loops(x, w, stride))
    np.testing.assert_array_equal(turned, by_loops(x, w[:, :, ::-1, ::-1], stride))


@pytest.mark.parametrize(
    ("dtypes", "wanted"),
    [(("float32", "float32"), "float32"), (("float32", "float64"), "float64"), (("int8", "int8"), "int8"),
     (("int32", "float32"), "float64"), (("float16", "float16"), "float16")],
)  # fmt: skip
def test_dtypes(dtypes, wanted):
    x, w = (tensor(4, dtype=dtype) for dtype in dtypes)
    y = T.nnet.conv2d(x, w)
    assert y.dtype == wanted
    value = y.eval({x: np.ones((1, 2, 3, 3), dtypes[0]), w: np.ones((1, 2, 2, 2), dtypes[1])})
    assert value.dtype == wanted and (value == 8).all()


def test_integers_wrap():
    x, w = tensor(4, dtype="int8"), tensor(4, dtype="int8")
    value = T.nnet.conv2d(x, w).eval({x: np.full((1, 1, 2, 2), 100, "int8"), w: np.ones((1, 1, 2, 2), "int8")})
    assert value.item() == np.int8(400 % 256 - 256)


@pytest.mark.parametrize("shape", [(0, 2, 4, 4), (2, 2, 1, 4)])
def test_nothing_to_convolve_gives_nothing(shape):
    x, w = tensor(4), tensor(4)
    y = T.nnet.conv2d(x, w)
    result, gx, gw = theano.function([x, w], [y, *T.grad(y.sum(), [x, w])])(np.ones(shape), np.ones((3, 2, 2, 2)))
    assert result.size == 0 and gx.shape == shape and not gw.any()


SETTINGS = [
    {}, {"border_mode": "half", "subsample": (2, 1)}, {"border_mode": ((1, 0), 2), "filter_dilation": (1, 2)},
    {"num_groups": 2, "filter_flip": False}, {"unshared": True},
]  # fmt: skip


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_every_operation_of_the_family_is_differentiable(options):
    """Three orders: the gradients' gradients, and theirs."""
    rng = np.random.default_rng(3)
    channels = 2 // options.get("num_groups", 1)
    kernel = (2, *((3, 2) if options.get("unshared") else ()), channels, 2, 2)
    values = rng.standard_normal((1, 2, 4, 3)), rng.standard_normal(kernel)

    def curvature(x, w):
        y = T.nnet.conv2d(x, w, **options)
        gx, gw = T.grad((y**2).sum(), [x, w])
        return (gx**2).sum() + (gw * w).sum()

    theano.gradient.verify_grad(curvature, values, rng=np.random.RandomState(0))
    twice = lambda x, w: T.grad(curvature(x, w), [x, w])[0].sum()
    theano.gradient.verify_grad(twice, values, rng=np.random.RandomState(0))


def test_the_direction_forward_agrees_with_differences():
    rng = np.random.default_rng(5)
    x, w, dx, dw = (tensor(4, name) for name in ("x", "w", "dx", "dw"))
    values = [rng.standard_normal(shape) for shape in [(2, 2, 4, 4), (3, 2, 2, 2)] * 2]
    y = T.nnet.conv2d(x, w, border_mode=1)
    moved = theano.function([x, w, dx, dw], theano.Rop(y, [x, w], [dx, dw]))(*values)
    f = theano.function([x, w], y)
    step = 2.0**-10
    ends = [f(*(v + s * step * d for v, d in zip(values[:2], values[2:]))) for s in (1, -1)]
    np.testing.assert_allclose(moved, (ends[0] - ends[1]) / (2 * step), rtol=1e-9, atol=1e-9)


def test_the_transpose_of_a_convolution_spreads_an_image():
    x, w = tensor(4), tensor(4)
    y = T.nnet.conv2d_transpose(x, w, (None, None, 5, 5), input_dilation=(2, 2), filter_flip=False)
    value = y.eval({x: np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), w: np.ones((1, 1, 3, 3))})
    wanted = np.zeros((5, 5))
    for (i, j), v in zip(itertools.product((0, 2), (0, 2)), (1.0, 2.0, 3.0, 4.0)):
        wanted[i : i + 3, j : j + 3] += v
    np.testing.assert_array_equal(value[0, 0], wanted)


def test_gradients_take_symbolic_lengths():
    x, w, g = tensor(4), tensor(4), tensor(4)
    y = T.nnet.conv2d(x, w, subsample=(2, 2))
    explicit = [
        T.nnet.conv2d_grad_wrt_inputs(g, w, (None, 2, x.shape[2], x.shape[3]), subsample=(2, 2)),
        T.nnet.conv2d_grad_wrt_weights(x, g, (3, 2, w.shape[2], 2), subsample=(2, 2)),
    ]
    values = whole((1, 2, 5, 6), 7), whole((3, 2, 2, 2), 5), whole((1, 3, 2, 3), 9)
    results = [theano.function([x, w, g], gradients)(*values) for gradients in (explicit, theano.Lop(y, [x, w], g))]
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_separable_filters_are_a_product_of_two():
    x, depth, point = whole((1, 2, 4, 4), 7), whole((4, 1, 2, 2), 5), whole((3, 4, 1, 1), 3)
    a, b, c = tensor(4), tensor(4), tensor(4)
    value = T.nnet.separable_conv2d(a, b, c, 2).eval({a: x, b: depth, c: point})
    whole_filters = np.zeros((3, 2, 2, 2))
    for channel in range(2):
        for k in (2 * channel, 2 * channel + 1):
            whole_filters[:, channel] += point[:, k] * depth[k, 0]
    np.testing.assert_array_equal(value, by_loops(x, whole_filters[:, :, ::-1, ::-1]))


def test_a_causal_convolution_looks_back_only():
    x, w = tensor(3), tensor(3)
    y = abstract_conv.causal_conv1d(x, w, (1, 1, 2), filter_dilation=2)
    value = y.eval({x: np.arange(1.0, 6.0).reshape(1, 1, 5), w: np.array([[[10.0, 1.0]]])})
    np.testing.assert_array_equal(value, [[[10, 20, 31, 42, 53]]])


@pytest.mark.parametrize("ratio", [2, 3])
def test_bilinear_upsampling_keeps_a_plane(ratio):
    x = tensor(4)
    plane = np.arange(4.0)[:, None] + 2 * np.arange(5.0)
    value = abstract_conv.bilinear_upsampling(x, ratio).eval({x: plane[None, None]})[0, 0]
    assert value.shape == (4 * ratio, 5 * ratio)
    inner = value[ratio:-ratio, ratio:-ratio]
    np.testing.assert_allclose(np.diff(inner, axis=0), 1 / ratio, rtol=1e-6)
    np.testing.assert_allclose(np.diff(inner, axis=1), 2 / ratio, rtol=1e-6)


@pytest.mark.parametrize("image", [(5, 5), (2, 5, 5)])
@pytest.mark.parametrize("kernel", [(2, 3), (3, 2, 3)])
@pytest.mark.parametrize("mode", ["valid", "full"])
def test_images_without_channels(image, kernel, mode):
    x, w = tensor(len(image)), tensor(len(kernel))
    value = signal_conv.conv2d(x, w, border_mode=mode).eval({x: whole(image, 7), w: whole(kernel, 5)})
    images, kernels = (v if v.ndim == 3 else v[None] for v in (whole(image, 7), whole(kernel, 5)))
    if mode == "full":
        images = np.pad(images, [(0, 0), (1, 1), (2, 2)])
    wanted = by_loops(images[:, None], kernels[:, None, ::-1, ::-1])
    assert value.ndim == 2 + (len(image) == 3) + (len(kernel) == 3)
    np.testing.assert_array_equal(value, wanted.reshape(value.shape))


def test_older_spellings():
    x, w = tensor(4, "x"), tensor(4, "w")
    new = T.nnet.conv2d(x, w, input_shape=(1, 2, 4, 4), filter_shape=(3, 2, 2, 2), border_mode="full")
    for old in (
        T.nnet.conv2d(x, w, image_shape=(1, 2, 4, 4), filter_shape=(3, 2, 2, 2), border_mode="full"),
        conv.conv2d(x, w, image_shape=(1, 2, 4, 4), filter_shape=(3, 2, 2, 2), border_mode="full", unroll_batch=2),
    ):
        assert old.owner.op == new.owner.op
    assert str(new.owner.op) == (
        "AbstractConv2d{convdim=2, border_mode='full', subsample=(1, 1), filter_flip=True, imshp=(1, 2, 4, 4), "
        "kshp=(3, 2, 2, 2), filter_dilation=(1, 1), num_groups=1, unshared=False}"
    )


@pytest.mark.parametrize(
    ("image", "kernel", "mode", "step", "apart", "wanted"),
    [
        ((1, 2, 3, 4), (5, 2, 4, 5), "valid", 1, 1, (1, 5, 0, 0)),
        ((1, 2, 3, 4), (5, 2, 5, 6), "valid", 2, 1, (1, 5, 0, 0)),
        ((1, 2, None, 4), (5, 2, 2, 2), "half", 2, 1, (1, 5, None, 3)),
        ((1, 2, 9, 9), (5, 2, 2, 3), "half", 2, 2, (1, 5, 5, 5)),
        ((1, 2, 9, 9), (5, 2, 2, 3), ((1, 2), (0, 3)), 2, 2, (1, 5, 5, 4)),
    ],
)
def test_lengths_that_are_known(image, kernel, mode, step, apart, wanted):
    assert abstract_conv.get_conv_output_shape(image, kernel, mode, (step, step), (apart, apart)) == wanted


def test_lengths_of_gradients_that_are_known():
    shape = abstract_conv.get_conv_gradinputs_shape
    assert shape((5, 2, 3, 3), (1, 5, 4, 4), "valid", (1, 1)) == (1, 2, 6, 6)
    assert shape((5, 2, 3, 3), (1, 5, 4, 4), "valid", (2, 1)) == (1, 2, None, 6)
    shape = abstract_conv.get_conv_gradweights_shape
    assert shape((1, 2, 9, 9), (1, 5, 7, 7), "valid", (1, 1)) == (5, 2, 3, 3)
    assert shape((1, 2, 9, 9), (1, 5, 7, 7), "half", (1, 2)) == (5, 2, None, None)


def test_a_shape_is_known_without_convolving():
    x, w = tensor(4, "x"), tensor(4, "w")
    f = theano.function([x, w], T.nnet.conv2d(x, w, border_mode=(1, (0, 2)), subsample=(2, 1)).shape)
    assert f(np.ones((2, 3, 7, 8)), np.ones((5, 3, 2, 4))).tolist() == [2, 5, 4, 7]
    assert not any("Conv" in str(node.op) for node in f.fgraph.toposort())


def test_what_is_broadcastable():
    x, w = T.tensor("float64", (True, True, False, False)), T.tensor("float64", (True, True, False, False))
    y = T.nnet.conv2d(x, w)
    assert y.broadcastable == (True, True, False, False)
    gx, gw = T.grad(y.sum(), [x, w])
    assert gx.broadcastable == x.broadcastable and gw.broadcastable == w.broadcastable


@pytest.mark.parametrize(
    ("error", "part", "options"),
    [
        (ValueError, "'same'", {"border_mode": "same"}), (ValueError, "-1", {"border_mode": -1}),
        (ValueError, "entries", {"border_mode": (1,)}), (ValueError, "pair", {"border_mode": (1, (1, 2, 3))}),
        (ValueError, "subsample", {"subsample": (1, 0)}), (ValueError, "subsample", {"subsample": (1, 1, 1)}),
        (ValueError, "filter_dilation", {"filter_dilation": (0, 1)}), (ValueError, "num_groups", {"num_groups": 0}),
        (TypeError, "6 dimensions", {"unshared": True}), (ValueError, "4 entries", {"input_shape": (1, 2, 3)}),
        (ValueError, "not both", {"input_shape": (1, 1, 3, 3), "image_shape": (1, 1, 3, 3)}),
    ],
)  # fmt: skip
def test_what_is_no_convolution_is_told_when_it_is_written(error, part, options):
    with pytest.raises(error, match=part):
        T.nnet.conv2d(tensor(4), tensor(4), **options)


@pytest.mark.parametrize(
    ("image", "kernel", "options", "part"),
    [
        ((1, 3, 5, 5), (2, 2, 3, 3), {}, r"\(1, 3, 5, 5\) has 3 channels"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"num_groups": 2}, "3 filters do not make"),
        ((1, 2, 3, 3), (3, 2, 5, 2), {}, r"\(3, 2, 5, 2\) do not fit into an image of shape \(1, 2, 3, 3\)"),
        ((1, 2, 5, 5), (3, 2, 0, 2), {}, "do not fit"),
        ((1, 2, 5, 5), (3, 2, 2, 2, 3, 3), {"unshared": True}, r"\(2, 2\) places.*\(3, 3\)"),
    ],
)
def test_what_does_not_fit_is_told_with_its_shapes(image, kernel, options, part):
    x, w = tensor(len(image)), tensor(len(kernel))
    with pytest.raises(ValueError, match=part):
        T.nnet.conv2d(x, w, **options).eval({x: np.ones(image), w: np.ones(kernel)})


def test_a_result_of_other_places_is_told():
    g, w = tensor(4), tensor(4)
    y = T.nnet.conv2d_grad_wrt_inputs(g, w, (None, None, 5, 5))
    with pytest.raises(ValueError, match=r"give a result of shape \(1, 3, 3, 3\), not \(1, 3, 4, 4\)"):
        y.eval({g: np.ones((1, 3, 4, 4)), w: np.ones((3, 2, 3, 3))})
