"""Reductions: values, dtypes, texts, and the order in which elements are combined."""

import itertools

import numpy as np
import pytest
from families import check

import reference as theano
import reference.tensor as T
from reference.tensor.reduce import reduce_in_order

pytestmark = pytest.mark.usefixtures("backend")

RNG = np.random.default_rng(0)
CUBE = RNG.standard_normal((2, 3, 4))


def pairwise(v):
    """NumPy's pairwise sum, written out."""
    n = len(v)
    if n < 8:
        total = v.dtype.type(-0.0)
        for x in v:
            total = total + x
        return total
    if n > 128:
        half = n // 2 - n // 2 % 8
        return pairwise(v[:half]) + pairwise(v[half:])
    whole = n - n % 8
    partial = v[:whole].reshape(-1, 8)
    r = partial[0].copy()
    for row in partial[1:]:
        r = r + row
    total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    for x in v[whole:]:
        total = total + x
    return total


def sequential(v, combine):
    total = v[0]
    for x in v[1:]:
        total = combine(total, x)
    return total


def by_definition(combine, unit, x, axes):
    for axis in sorted(axes, reverse=True):
        rows = np.moveaxis(x, axis, 0)
        in_pairs = combine is np.add and int(np.prod(x.shape[axis + 1 :])) == 1
        out = np.full(rows.shape[1:], unit, x.dtype)
        if len(rows) and out.size:
            if in_pairs:
                for place in np.ndindex(*out.shape):
                    out[place] = pairwise(np.array([row[place] for row in rows], x.dtype))
            else:
                out[...] = sequential(rows, combine)
        x = out
    return x


SHAPES = [(n,) for n in (0, 1, 7, 8, 9, 127, 128, 129, 136, 1000, 9001)] + [
    (2, 20001),
    *itertools.product((0, 1, 2, 9, 130), (0, 1, 3, 17, 200)),
    *itertools.product((1, 3, 17), (1, 9, 40), (1, 2, 130)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_order_is_a_function_of_the_shape(shape, dtype):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)).astype(dtype)
    for count in range(1, len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            expected = by_definition(np.add, 0, x, axes)
            for layout in (x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
                np.testing.assert_array_equal(reduce_in_order(np.add, layout, axes), expected)
            product = reduce_in_order(np.multiply, 1 + x / 1e4, axes)
            np.testing.assert_array_equal(product, by_definition(np.multiply, 1, 1 + x / 1e4, axes))


AXES = [None, 0, 1, -1, (0, 2), [1, 0], (0, 1, 2)]


def numpy_axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min"])
def test_values_and_gradients(name, axis, keepdims):
    check(
        lambda x: getattr(T, name)(x, axis=axis, keepdims=keepdims),
        lambda x: getattr(np, name)(x, axis=numpy_axis(axis), keepdims=keepdims),
        CUBE,
    )


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin", "any", "all"])
def test_places_and_truth(name, axis):
    x = np.round(CUBE)
    check(lambda x: getattr(T, name)(x, axis=axis), lambda x: getattr(np, name)(x, axis=axis), x, gradients=False)


def test_the_arguments_of_mean_stand_as_in_theano():
    x = T.dmatrix("x")
    assert T.mean(x, 0, None, False, True).type.broadcastable == (True, False)


def test_argmax_over_several_axes_counts_them_in_order():
    check(
        lambda x: T.argmax(x, axis=(0, 2)),
        lambda x: x.transpose(1, 0, 2).reshape(3, 8).argmax(1),
        CUBE,
        gradients=False,
    )


def test_ptp():
    check(lambda x: T.ptp(x, axis=1), lambda x: np.ptp(x, axis=1), CUBE)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("corrected", [False, True])
def test_variance_with_fewer_degrees_of_freedom(ddof, corrected):
    check(
        lambda x: T.var(x, axis=(0, 2), ddof=ddof, corrected=corrected),
        lambda x: np.var(x, axis=(0, 2), ddof=ddof),
        CUBE,
    )


def test_the_gradient_of_a_product_with_zeros():
    x = T.dmatrix("x")
    g = theano.function([x], T.grad(T.sum(T.prod(x, axis=1)), x))
    np.testing.assert_array_equal(g([[0, 2, 3], [0, 0, 3], [1, 2, 3]]), [[6, 0, 0], [0, 0, 0], [6, 3, 2]])


DTYPES = [
    (T.sum, "bool", "int64"), (T.sum, "int8", "int64"), (T.sum, "uint8", "uint64"), (T.sum, "float16", "float16"),
    (T.sum, "float32", "float32"), (T.prod, "int16", "int64"), (T.mean, "int8", "float64"),
    (T.mean, "float32", "float32"), (T.mean, "float16", "float16"), (T.var, "int32", "float64"),
    (T.max, "int8", "int8"), (T.argmax, "float32", "int64"), (T.any, "float32", "bool"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "dtype", "expected"), DTYPES)
def test_dtypes(f, dtype, expected):
    x = T.TensorType(dtype, (False,))("x")
    assert f(x).dtype == expected
    assert theano.function([x], f(x))(np.ones(3, dtype)).dtype == expected


def test_integers_wrap_in_the_accumulator_that_was_asked_for():
    x = T.bmatrix("x")
    narrow = [x.sum(axis=axis, acc_dtype="int8") for axis in (0, 1, None)] + [x.prod(axis=1, acc_dtype="int8")]
    rows, columns, total, product = theano.function([x], narrow)(np.full((2, 3), 100, "int8"))
    assert [rows.tolist(), columns.tolist(), total] == [[-56] * 3, [44] * 2, 88]
    assert product.tolist() == [64] * 2
    assert {out.dtype.name for out in (rows, columns, total, product)} == {"int64"}


def test_float32_is_accumulated_in_float64():
    x = T.fvector("x")
    values = np.full(100_000, 0.1, "float32")
    assert theano.function([x], T.sum(x))(values) == np.float32(values.astype("float64").sum())
    narrow = T.sum(x, acc_dtype="float32")
    assert theano.function([x], narrow)(values) == np.add.reduce(values)


def test_extremes_of_integers_do_not_overflow():
    x = T.bvector("x")
    assert theano.function([x], [T.min(x), T.argmin(x), T.max(x)])([5, -128, 127]) == [-128, 1, 127]


def test_nan_and_ties():
    x = T.dvector("x")
    f = theano.function([x], [T.max(x), T.min(x), T.argmax(x), T.argmin(x)])
    largest, smallest, *places = f([1, np.nan, 2, np.nan])
    assert np.isnan(largest) and np.isnan(smallest)
    assert places == [1, 1]
    assert f([1, 3, 3, 1])[2:] == [1, 0]


@pytest.mark.parametrize("zeros", [[0.0, -0.0], [-0.0, 0.0], [-0.0], [-1.0, -0.0, 0.0]])
def test_a_zero_extreme_has_the_sign_of_the_first(zeros):
    x = T.dvector("x")
    first = next(z for z in zeros if z == 0)
    largest = theano.function([x], T.max(x))(zeros)
    assert largest == 0 and np.signbit(largest) == np.signbit(first)


def test_reductions_of_nothing():
    x = T.dvector("x")
    f = theano.function([x], [T.sum(x), T.prod(x), T.mean(x), T.all(x), T.any(x)])
    total, product, mean, every, some = f(np.zeros(0))
    assert (total, product, every, some) == (0, 1, True, False)
    assert np.isnan(mean)
    with pytest.raises(ValueError, match=r"shape \(0,\): the extreme of no elements"):
        theano.function([x], T.max(x))(np.zeros(0))


TEXTS = [
    (lambda x: T.sum(x), "Sum{acc_dtype=float64}"), (lambda x: T.sum(x, axis=1), "Sum{axis=[1], acc_dtype=float64}"),
    (lambda x: T.sum(x, axis=[1, 0]), "Sum{axis=[0, 1], acc_dtype=float64}"),
    (lambda x: T.prod(x), "Prod{axis=None, dtype='float64', acc_dtype='float64'}"),
    (lambda x: T.prod(x, axis=1), "Prod{axis=(1,), dtype='float64', acc_dtype='float64'}"),
    (lambda x: T.max(x), "MaxAndArgmax{axis=(0, 1)}"), (lambda x: T.argmax(x, axis=1), "MaxAndArgmax{axis=(1,)}"),
    (lambda x: T.all(x), "All"), (lambda x: T.any(x, axis=-1), "Any{1}"),
    (lambda x: T.min(x), "Elemwise{neg,no_inplace}"),
    (lambda x: T.mean(x), "Elemwise{true_div,no_inplace}"), (lambda x: T.std(x), "Elemwise{sqrt,no_inplace}"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_texts(f, text):
    assert str(f(T.dmatrix("x")).owner.op) == text


def test_names():
    x = T.dmatrix("x")
    assert [f(x).name for f in (T.max, T.argmax, T.mean, T.var, T.std)] == ["max", "argmax", "mean", "var", "std"]


def test_axes_that_do_not_exist():
    x = T.dmatrix("x")
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        T.sum(x, axis=2)
    with pytest.raises(ValueError, match="twice"):
        T.sum(x, axis=(0, -2))
    with pytest.raises(TypeError, match="no order"):
        T.max(T.zmatrix("z"))


@pytest.mark.parametrize("axis", [np.array(1), np.array([0, 1]), np.int8(-1)])
def test_axes_may_be_arrays(axis):
    x = T.dmatrix("x")
    value = np.arange(6.0).reshape(2, 3)
    wanted = tuple(np.ravel(axis).tolist())
    found = theano.function([x], [T.sum(x, axis=axis), T.max(x, axis=axis), T.sum(x, axis=axis, keepdims=True)])(value)
    for f, expected in zip(found, (value.sum(wanted), value.max(wanted), value.sum(wanted, keepdims=True))):
        np.testing.assert_array_equal(f, expected)
