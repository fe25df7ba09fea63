"""Variables, constants and shapes as they are built: dtypes, broadcast patterns, values."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T

pytestmark = pytest.mark.usefixtures("backend")

x, v, m, r, c = T.dscalar("x"), T.dvector("v"), T.dmatrix("m"), T.drow("r"), T.dcol("c")
VALUES = {x: 2.0, v: [1.0, 2.0, 3.0], m: np.arange(12.0).reshape(3, 4), r: [[1.0, 2.0, 3.0]], c: [[1.0], [2.0]]}

PATTERNS = [
    (r[0:1], (True, False)), (r[:2], (True, False)), (r[0:1:2], (True, False)), (r[::-1], (True, False)),
    (r[1:], (False, False)), (r[:1:-1], (False, False)), (r[:-1], (False, False)), (c[:, 0:1], (False, True)),
    (x.flatten(), (True,)), (v.flatten(), (False,)), (T.outer(x, v), (True, False)), (T.outer(m, x), (False, True)),
    (m.reshape((1, 12)), (True, False)), (T.alloc(x, 2, 1), (False, True)),
    (T.constant(np.ones((1, 3))), (True, False)),
]  # fmt: skip


@pytest.mark.parametrize(("built", "pattern"), PATTERNS, ids=lambda p: str(p))
def test_broadcast_patterns(built, pattern):
    assert built.type.broadcastable == pattern
    values = {k: value for k, value in VALUES.items() if k in (x, v, m, r, c)}
    shape = theano.function(list(values), built, on_unused_input="ignore")(*values.values()).shape
    assert all(n == 1 for n, b in zip(shape, pattern) if b)


def test_vectors_of_known_length_can_be_unpacked():
    rows, columns = m.shape
    assert theano.function([m], rows * 10 + columns)(VALUES[m]) == 34
    a, b = T.stack([x, x + 1])
    assert theano.function([x], a - b)(5.0) == -1
    assert [int(k.eval()) for k in T.constant([7, 8])] == [7, 8]
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(v)


def test_constructors_with_a_dtype_are_types():
    assert T.dmatrix == T.TensorType("float64", (False, False)) == m.type
    assert str(T.lscalar) == "TensorType(int64, scalar)"
    assert T.dmatrix("a").name == "a" and [q.name for q in T.fvectors("p", "q")] == ["p", "q"]


@pytest.mark.parametrize(
    ("variable", "expected", "dtype"),
    [
        (T.constant(3) + 4, 7, "int8"), (T.constant(7) // 2, 3, "int8"), (T.eq(T.constant(7), 2), False, "bool"),
        (T.cast(T.constant(300), "int64") * 1.0, 300.0, "float64"), (T.stack([3, T.lscalar()])[0], 3, "int64"),
        (T.zeros((2, 3)), 0.0, "float64"), (T.constant([2, 2]), 2, "int64"),
    ],
)  # fmt: skip
def test_values_known_while_the_graph_is_built(variable, expected, dtype):
    value = T.get_scalar_constant_value(variable)
    assert value == expected and value.dtype == dtype and value.shape == ()


def test_values_not_known():
    for variable in (x, x + 1, T.constant([1, 2]), T.stack([x, x])[0]):
        with pytest.raises(T.basic.NotScalarConstantError):
            T.get_scalar_constant_value(variable)


def test_grids():
    i = T.lscalar("i")
    for mine, numpys in ((T.mgrid[0:2:0.5, 1:4], np.mgrid[0:2:0.5, 1:4]), (T.ogrid[0:3, 1:3], np.ogrid[0:3, 1:3])):
        for a, b in zip(mine, numpys):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.eval(), b)
    rows, columns = T.mgrid[0:2, i : i + 3]
    np.testing.assert_array_equal(theano.function([i], rows + columns)(4), sum(np.mgrid[0:2, 4:7]))


def test_an_operation_that_changes_what_is_broadcastable():
    column = T.Rebroadcast((0, False), (1, True))(T.drow("x"))
    assert column.type.broadcastable == (False, True)
    assert theano.function([], T.Rebroadcast((0, True))(T.constant(np.ones((1, 2)))))().shape == (1, 2)
