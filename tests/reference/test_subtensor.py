"""Indexing: every form of index, read, set and incremented, against NumPy; texts; errors."""

import numpy as np
import pytest
from families import check_gradient

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")

MATRIX = np.arange(12.0).reshape(3, 4)
CUBE = np.arange(60.0).reshape(3, 4, 5)

x, t = T.dmatrix("x"), T.dtensor3("t")
i, j = T.lscalar("i"), T.iscalar("j")
v, w = T.lvector("v"), T.lvector("w")
im = T.lmatrix("im")
m, mv = T.tensor("bool", (False, False), "m"), T.tensor("bool", (False,), "mv")

VALUES = {
    x: MATRIX, t: CUBE, i: np.asarray(1), j: np.asarray(2, "int32"), v: np.array([0, 2, 0]), w: np.array([1, 3, 1]),
    im: np.array([[0, 1], [1, 0], [0, 2]]), m: MATRIX % 3 == 0, mv: np.array([True, False, True]),
}  # fmt: skip

ALL = slice(None)
INDICES = [
    (x, i), (x, 0), (x, -1), (x, j), (x, slice(i, j)), (x, slice(None, None, 2)), (x, (slice(1, 3), i)),
    (x, (ALL, i)), (x, slice(None, None, -1)), (x, slice(None, None, -2)), (x, slice(-2, None)), (x, slice(5, 9)),
    (x, slice(i, 0, -1)),
    (x, (slice(3, None, -1), slice(None, -3, -1))), (x, slice(i, j, i)), (x, slice(-100, -1, 2)), (x, slice(2, 1)),
    (x, (slice(i, None), slice(None, j))), (t, (i, slice(1, j, 2), Ellipsis)), (t, (Ellipsis, 0)),
    (t, (0, Ellipsis, j)),
    (x, v), (x, (v, w)), (x, (ALL, w)), (x, (v, slice(1, 3))), (x, im), (x, (ALL, im)), (t, (ALL, v)),
    (t, (v, ALL, w)), (t, (0, ALL, v)), (t, (v, 1, ALL)), (t, (ALL, 0, v)), (t, (slice(0, 2), v, slice(None, None, 2))),
    (t, (im, v.dimshuffle("x", 0)[:, :2])), (x, m), (x, mv), (t, m), (t, (m, 0)), (t, (ALL, ALL, np.arange(5) > 2)),
    (x, np.array([1, 0])), (x, [1, 0]), (x, ([0, 1], [1, 2])), (x, np.array([], "int64")),
]  # fmt: skip


def concrete(index, inputs):
    """The index with every variable replaced by its value."""
    if isinstance(index, tuple):
        return tuple(concrete(part, inputs) for part in index)
    if isinstance(index, slice):
        return slice(*[concrete(part, inputs) for part in (index.start, index.stop, index.step)])
    if isinstance(index, theano.Variable):
        value = theano.function(inputs, index, on_unused_input="ignore")(*[VALUES[k] for k in inputs])
        return value if value.ndim else int(value)
    return index


def case(index):
    inputs = list(VALUES)
    return inputs, [VALUES[k] for k in inputs], concrete(index, inputs)


@pytest.mark.parametrize(("base", "index"), INDICES, ids=str)
def test_reading(base, index):
    inputs, values, numpy_index = case(index)
    part = base[index]
    result, shape = theano.function(inputs, [part, part.shape], on_unused_input="ignore")(*values)
    expected = VALUES[base][numpy_index]
    np.testing.assert_array_equal(result, expected)
    assert result.shape == expected.shape == tuple(shape)


@pytest.mark.parametrize(("base", "index"), INDICES, ids=str)
@pytest.mark.parametrize("how", ["set", "inc"])
def test_writing(base, index, how):
    inputs, values, numpy_index = case(index)
    part = base[index]
    y = part.type("y")
    new = np.random.default_rng(0).standard_normal(VALUES[base][numpy_index].shape)
    write = T.set_subtensor if how == "set" else T.inc_subtensor
    written = write(part, y)
    expected = VALUES[base].copy()
    if how == "set":
        expected[numpy_index] = new
    else:
        np.add.at(expected, numpy_index, new)
    f = theano.function([*inputs, y], written, on_unused_input="ignore")
    np.testing.assert_allclose(f(*values, new), expected, rtol=1e-15)


@pytest.mark.parametrize("index", [0, slice(None, None, -2), (ALL, w), v, m, (v, w), (v, slice(1, 3))], ids=str)
@pytest.mark.parametrize("how", ["read", "set", "inc"])
def test_gradients(index, how):
    inputs, values, numpy_index = case(index)
    part = x[index]
    if how == "read":
        return check_gradient(part, [x, *inputs[4:]], [MATRIX, *values[4:]])
    y = part.type("y")
    new = np.random.default_rng(1).standard_normal(MATRIX[numpy_index].shape)
    write = T.set_subtensor if how == "set" else T.inc_subtensor
    check_gradient(write(part, y), [x, y, *inputs[4:]], [MATRIX, new, *values[4:]])


NEW_AXES = [None, (ALL, None), (None, ALL, i), (Ellipsis, None), (0, None), (None, v), (ALL, None, v)]


@pytest.mark.parametrize("index", NEW_AXES, ids=str)
def test_new_axes(index):
    inputs, values, numpy_index = case(index)
    result = theano.function(inputs, x[index], on_unused_input="ignore")(*values)
    np.testing.assert_array_equal(result, MATRIX[numpy_index])


def test_a_new_axis_is_broadcastable():
    assert x[:, None].broadcastable == (False, True, False)


def test_repeated_indices_set_the_last_and_add_all():
    d = T.dvector("d")
    values, places = np.array([5.0, 6.0, 7.0]), np.array([0, -3, 1])
    f = theano.function([d, v], [T.set_subtensor(d[v], [1.0, 2.0, 3.0]), T.inc_subtensor(d[v], [1.0, 2.0, 3.0])])
    set_, added = f(values, places)
    assert set_.tolist() == [2, 3, 7]
    assert added.tolist() == [8, 9, 7]


def test_only_the_value_that_stays_has_a_gradient():
    d, y = T.dvector("d"), T.dvector("y")
    g = T.grad(T.sum(T.set_subtensor(d[v], y) ** 2), y)
    assert theano.function([d, v, y], g)(np.zeros(3), [0, 0, 1], [1, 2, 3]).tolist() == [0, 4, 6]


def test_a_value_stretches_along_lengths_of_1():
    f = theano.function([x], [T.set_subtensor(x[1:], 0), T.inc_subtensor(x[:, 1:], np.ones((3, 1)))])
    zeroed, added = f(MATRIX)
    assert not zeroed[1:].any()
    np.testing.assert_array_equal(added[:, 1:], MATRIX[:, 1:] + 1)
    y = T.dvector("y")
    stretched = theano.function([x, y], T.set_subtensor(x[0], y))
    assert stretched(MATRIX, [1.0])[0].tolist() == [1.0] * 4
    with pytest.raises(ValueError, match="does not fit"):
        stretched(MATRIX, [1.0, 2.0])


STRETCHED = [
    (x[0], (1,)), (x[1:], (1, 4)), (x[1:], (2, 1)), (x[3:], (1, 1)), (x[v], (1, 4)), (x[v, w], (1,)), (x[:, v], (3, 1)),
    (x[m], (1,)), (x[im], (1, 2, 1)),
]  # fmt: skip


@pytest.mark.parametrize("write", [T.set_subtensor, T.inc_subtensor], ids=["set", "inc"])
@pytest.mark.parametrize(("part", "shape"), STRETCHED, ids=str)
def test_the_gradient_of_what_stretched_is_summed(part, shape, write):
    y = T.TensorType("float64", (False,) * len(shape))("y")
    value = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    cost = T.sum(write(part, y) ** 3)
    beside = [x, v, w, im, m]
    compute = theano.function([y, *beside], [cost, T.grad(cost, y)], on_unused_input="ignore")

    def at(moved):
        return compute(moved, *[VALUES[k] for k in beside])

    gradient = at(value)[1]
    assert gradient.shape == shape
    step = np.cos(np.arange(value.size)).reshape(shape) * 1e-5
    np.testing.assert_allclose((gradient * step).sum() * 2, at(value + step)[0] - at(value - step)[0], rtol=1e-5)


def test_take():
    for axis in (None, 0, 1, -1):
        for places in ([0, 2, -1], [[0, 1], [2, 0]], 1):
            np.testing.assert_array_equal(
                theano.function([x], T.take(x, places, axis))(MATRIX), np.take(MATRIX, places, axis)
            )
    for mode in ("wrap", "clip"):
        np.testing.assert_array_equal(
            theano.function([x], T.take(x, [-5, 9], 1, mode=mode))(MATRIX), np.take(MATRIX, [-5, 9], 1, mode=mode)
        )


TEXTS = [
    (x[i], "Subtensor{int64}"), (x[j], "Subtensor{int32}"), (x[-1], "Subtensor{int64}"),
    (x[i:i + 5], "Subtensor{int64:int64:}"), (x[::2], "Subtensor{::int64}"), (x[:, i], "Subtensor{::, int64}"),
    (x[1:3, i], "Subtensor{int64:int64:, int64}"), (x[i:, :j], "Subtensor{int64::, :int32:}"),
    (t[..., 0], "Subtensor{::, ::, int64}"),
    (t[i, 1:j:2, ...], "Subtensor{int64, int64:int32:int64, ::}"), (x[None, :, i], "Subtensor{::, ::, int64}"),
    (x[v], "AdvancedSubtensor1"), (x[v, w], "AdvancedSubtensor"),
    (T.set_subtensor(x[i], 0.0), "IncSubtensor{Set;int64}"),
    (T.inc_subtensor(x[1:3, i], 2), "IncSubtensor{Inc;int64:int64:, int64}"),
    (T.inc_subtensor(x[v], 1.0), "AdvancedIncSubtensor1{no_inplace,inc}"),
    (T.set_subtensor(x[v, w], 1.0), "AdvancedIncSubtensor{inplace=False,  set_instead_of_inc=True}"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_texts(part, text):
    assert str(part.owner.op) == text


def test_constants_in_an_index_are_scalar_constants():
    assert [str(v) for v in x[1:3, -1].owner.inputs] == ["x", "Constant{1}", "Constant{3}", "Constant{-1}"]


BAD_INDICES = [
    (1.5, TypeError, "index is an integer"), (True, TypeError, "bool is no index"), ((0, 0, 0), IndexError, "too many"),
    (x, TypeError, "index is an integer"), ((Ellipsis, Ellipsis), IndexError, "single ellipsis"),
    ((m, 0), IndexError, "too many"), (slice(i, 1.5), TypeError, "parts of a slice"),
]  # fmt: skip


@pytest.mark.parametrize(("index", "error", "match"), BAD_INDICES, ids=str)
def test_indices_without_meaning(index, error, match):
    with pytest.raises(error, match=match):
        x[index]


def test_the_last_of_equal_places_wins_however_indices_lie_in_memory():
    rows, columns, values = np.array([1, 0, 1]), np.array([0, 2, 0]), np.array([7.0, 8.0, 9.0])
    v_, y = T.lvector("v_"), T.dvector("y")
    f = theano.function([x, v, v_, y], T.set_subtensor(x[v, v_], y))
    for order in (1, -1):
        taken = [np.ascontiguousarray(a[::order])[::order] for a in (rows, columns, values)]
        assert f(MATRIX, *taken)[1, 0] == 9.0


def test_a_mask_of_no_length_takes_nothing():
    f = theano.function([x, mv], [x[mv], T.set_subtensor(x[:, mv], 7.0)])
    taken, left = f(MATRIX, np.zeros(0, bool))
    assert taken.shape == (0, 4) and np.array_equal(left, MATRIX)


def test_errors_at_run_time():
    f = theano.function([x, i], x[:, i])
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 1 with size 4"):
        f(MATRIX, 7)
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        theano.function([x, v], x[v])(MATRIX, [7])
    with pytest.raises(IndexError, match="boolean"):
        theano.function([x, mv], x[mv])(MATRIX, [True, False])
    with pytest.raises(ValueError, match="do not fit together"):
        theano.function([x, v, w], x[v, w])(MATRIX, [0], [0, 1])


def test_what_cannot_be_written():
    with pytest.raises(TypeError, match="take an indexed tensor"):
        T.set_subtensor(x, 1)
    with pytest.raises(TypeError, match="does not go into"):
        T.set_subtensor(v[0], 1.5)
    with pytest.raises(TypeError, match="dimensions"):
        T.set_subtensor(x[0], x)


def test_writing_leaves_the_original():
    original = MATRIX.copy()
    theano.function([x], T.set_subtensor(x[0], 0))(original)
    np.testing.assert_array_equal(original, MATRIX)


def test_increments_repeated_over_a_matrix_of_places_are_read_from_where_they_are():
    # NumPy's add.at reads beyond the end of such increments, even in 2.5.
    x, y, places = T.dvector(), T.dvector(), T.lmatrix()
    f = theano.function([x, y, places], T.inc_subtensor(x[places], y))
    np.testing.assert_array_equal(f([0.0], [1.0, 2.0], np.zeros((3, 2), int)), [9.0])


def test_an_empty_list_takes_nothing():
    x = T.dmatrix("x")
    taken = theano.function([x], [x[[]], T.set_subtensor(x[[]], 1.0)])
    empty, same = taken(np.eye(2))
    assert empty.shape == (0, 2)
    np.testing.assert_array_equal(same, np.eye(2))
