"""Pooling: Theano's own results, windows written out, gradients of every order, and what is no pooling."""

import json
from pathlib import Path

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.tensor.signal import pool

GOLDEN = [json.loads(line) for line in (Path(__file__).parent / "golden" / "pool.1.0.txt").read_text().splitlines()]


def tensor(rank, name=None, dtype="float64"):
    return T.tensor(dtype, (False,) * rank, name=name)


def whole(shape, period):
    return (np.arange(np.prod(shape)) * 5 % period - 3).astype("float64").reshape(shape)


def digest(value):
    return [list(value.shape), float((value.ravel() * (np.arange(value.size) % 11 - 5)).sum())]


def same(found, wanted):
    return found[0] == wanted[0] and found[1] == pytest.approx(wanted[1], abs=1e-9, rel=1e-12)


@pytest.mark.parametrize(("shape", "options", "wanted"), GOLDEN, ids=lambda v: str(v))
def test_pooling_and_its_gradients_are_those_of_theano(shape, options, wanted):
    """The gradient's gradient too, for the largest."""
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    x, g, v = (tensor(len(shape), name) for name in "xgv")
    y = (pool.pool_2d if len(options["ws"]) == 2 else pool.pool_3d)(x, **options)
    gx = theano.Lop(y, x, g)
    image = whole(shape, 4) * 12
    result = theano.function([x], y)(image)
    top = whole(result.shape, 9) * 144
    assert same(digest(result), wanted[0])
    if wanted[1] is not None:
        assert same(digest(theano.function([x, g], gx, on_unused_input="ignore")(image, top)), wanted[1])
    if len(wanted) > 2:
        back = theano.function([x, g, v], theano.Lop(gx, g, v), on_unused_input="ignore")
        assert same(digest(back(image, top, whole(shape, 7))), wanted[2])


def test_every_largest_element_gets_the_gradient():
    x, g = tensor(2), tensor(2)
    gx = theano.Lop(pool.pool_2d(x, (2, 2), ignore_border=True, pad=(1, 1)), x, g)
    value = gx.eval({x: np.ones((3, 3)), g: np.array([[1.0, 10.0], [100.0, 1000.0]])})
    np.testing.assert_array_equal(value, [[1, 10, 10], [100, 1000, 1000], [100, 1000, 1000]])


def test_nan_is_the_largest_and_gets_no_gradient():
    x = tensor(2)
    y = pool.pool_2d(x, (1, 2), ignore_border=True)
    value, gx = theano.function([x], [y, T.grad(y.sum(), x)])(np.array([[1.0, np.nan, 2.0, 5.0]]))
    np.testing.assert_array_equal(value, [[np.nan, 5]])
    np.testing.assert_array_equal(gx, [[0, 0, 0, 1]])


def test_windows_may_lie_on_infinities():
    x = tensor(2)
    y = pool.pool_2d(x, (2, 2), ignore_border=True, pad=(1, 1))
    value, gx = theano.function([x], [y, T.grad(y.sum(), x)])(np.full((2, 2), -np.inf))
    assert (value == -np.inf).all() and (gx == 1).all()


@pytest.mark.parametrize(
    ("dtype", "mode"),
    [(d, m) for d in ("float16", "float32", "float64") for m in pool.MODES]
    + [(d, m) for d in ("int8", "uint8", "int64") for m in ("max", "sum")],
)
def test_the_dtype_stays(dtype, mode):
    x = tensor(2, dtype=dtype)
    y = pool.pool_2d(x, (2, 2), ignore_border=True, mode=mode)
    value = y.eval({x: np.array([[1, 2], [3, 6]], dtype)})
    assert y.dtype == value.dtype == dtype
    assert value.item() == {"max": 6, "sum": 12}.get(mode, 3)


@pytest.mark.parametrize("mode", pool.MODES)
@pytest.mark.parametrize(
    "options", [{"pad": (1, 0), "ignore_border": True}, {"stride": (1, 2), "ignore_border": False}]
)
def test_gradients_of_every_order(mode, options):
    values = [np.random.default_rng(2).permutation(20).reshape(1, 4, 5) / 7.0]

    def curved(x):
        return pool.pool_2d(x**3, (2, 3), mode=mode, **options)

    def slope(x):
        return T.grad((curved(x) ** 2).sum(), x)

    for function in (curved, slope, lambda x: T.grad(slope(x).sum(), x)):
        theano.gradient.verify_grad(function, values, rng=np.random.RandomState(0))


@pytest.mark.parametrize("mode", ["max", "sum", "average_exc_pad"])
def test_the_direction_forward(mode):
    x, d = tensor(2), tensor(2)
    y = pool.pool_2d(x, (2, 2), stride=(1, 1), ignore_border=True, mode=mode)
    moved = theano.function([x, d], theano.Rop(y, x, d), on_unused_input="ignore")
    image = np.random.default_rng(0).permutation(12).reshape(3, 4).astype("float64")
    step = np.arange(12.0).reshape(3, 4) / 64
    f = theano.function([x], y)
    np.testing.assert_allclose(moved(image, step), f(image + step) - f(image), atol=1e-12)


def test_windows_may_be_symbolic():
    x, ws = tensor(2), T.lvector("ws")
    y = pool.pool_2d(x, ws, ignore_border=False)
    f = theano.function([x, ws], [y, y.shape, T.grad(y.sum(), x)])
    for lengths in ((2, 2), (1, 3)):
        value, shape, gradient = f(np.arange(20.0).reshape(4, 5), lengths)
        assert value.shape == tuple(shape) and gradient.sum() == value.size


def test_a_shape_is_known_without_pooling():
    x = tensor(4)
    f = theano.function([x], pool.pool_2d(x, (2, 3), ignore_border=True).shape)
    assert f(np.zeros((3, 1, 5, 7))).tolist() == [3, 1, 2, 2]
    assert not any("Pool" in str(node.op) for node in f.fgraph.toposort())


def test_the_largest_in_their_places():
    x = tensor(2)
    value = pool.max_pool_2d_same_size(x, (2, 2)).eval({x: np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 5.0]])})
    np.testing.assert_array_equal(value, [[0, 0, 0], [4, 0, 0]])


def test_texts():
    x = tensor(4, "x")
    y = pool.pool_2d(x, (2, 2), ignore_border=True, mode="average_exc_pad")
    text = theano.printing.debugprint(T.grad(y.sum(), x), file="str")
    assert str(y.owner.op) == "Pool{ignore_border=True, mode='average_exc_pad', ndim=2}"
    assert "AveragePoolGrad{ignore_border=True, mode='average_exc_pad', ndim=2}" in text
    assert "MaxPoolGrad{ignore_border=True, mode='max', ndim=2}" in str(pool.max_pool_2d_same_size(x, (2, 2)).owner.op)


def test_older_names_warn():
    x = tensor(2)
    new = pool.pool_2d(x, (2, 2), ignore_border=True, stride=(1, 1), pad=(1, 1))
    with pytest.warns(DeprecationWarning, match="older name"):
        old = pool.pool_2d(x, ds=(2, 2), ignore_border=True, st=(1, 1), padding=(1, 1))
    image = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(old.eval({x: image}), new.eval({x: image}))
    with pytest.warns(UserWarning, match="ignore_border"):
        assert not pool.pool_2d(x, (2, 2)).owner.op.ignore_border


@pytest.mark.parametrize(
    ("error", "part", "options"),
    [
        (ValueError, "needs ws", {}), (ValueError, "one of the two", {"ws": (2, 2), "ds": (2, 2)}),
        (ValueError, "2 numbers each", {"ws": (2, 2, 2)}), (ValueError, "from 1 up", {"ws": (2, 0)}),
        (NotImplementedError, "less than the window", {"ws": (2, 2), "pad": (2, 0)}),
        (NotImplementedError, "ignore_border=True", {"ws": (2, 2), "pad": (1, 0), "ignore_border": False}),
        (ValueError, "'min'", {"ws": (2, 2), "mode": "min"}), (TypeError, "integers", {"ws": (2.5, 2)}),
    ],
)  # fmt: skip
def test_what_is_no_pooling(error, part, options):
    with pytest.raises(error, match=part):
        pool.pool_2d(tensor(2), **{"ignore_border": True, **options})


@pytest.mark.parametrize(
    ("rank", "dtype", "mode"), [(1, "float64", "max"), (2, "bool", "max"), (2, "int8", "average_inc_pad")]
)
def test_what_cannot_be_pooled(rank, dtype, mode):
    with pytest.raises(TypeError):
        pool.pool_2d(tensor(rank, dtype=dtype), (2, 2), ignore_border=True, mode=mode)


@pytest.mark.parametrize("shape", [(0, 4), (2, 0), (1, 1)])
@pytest.mark.parametrize("ignore_border", [True, False])
def test_of_nothing(shape, ignore_border):
    x = tensor(2)
    y = pool.pool_2d(x, (2, 2), ignore_border=ignore_border)
    value, gx = theano.function([x], [y, T.grad(y.sum(), x)])(np.ones(shape))
    assert value.size == (not ignore_border and 0 not in shape) and gx.shape == shape


def test_pooled_values_of_another_shape_are_told():
    x, z, g = tensor(2), tensor(2), tensor(2)
    y = pool.MaxPoolGrad(True)(x, z, g, (2, 2))
    with pytest.raises(ValueError, match=r"image of shape \(4, 4\) pooled values have shape \(2, 2\), not \(2, 1\)"):
        y.eval({x: np.ones((4, 4)), z: np.ones((2, 2)), g: np.ones((2, 1))})


@pytest.mark.parametrize("ignore_border", [True, False])
def test_the_shape_of_a_pooling_is_told_beforehand(ignore_border):
    from reference.tensor.signal.pool import Pool, pool_2d

    x, sizes = np.ones((2, 3, 7, 8)), {"ws": (3, 2), "stride": (2, 3)}
    made = theano.function([], pool_2d(x, ignore_border=ignore_border, **sizes), backend="reference")()
    assert Pool.out_shape(x.shape, ignore_border=ignore_border, **sizes) == list(made.shape)
