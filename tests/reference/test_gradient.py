"""`grad` and what is built on it: values, conventions, disconnected and undefined gradients."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.gradient import (
    DisconnectedInputError,
    disconnected_grad,
    grad_clip,
    grad_scale,
    subgraph_grad,
    verify_grad,
    zero_grad,
)

pytestmark = pytest.mark.usefixtures("backend")


def at(cost, x, value):
    return theano.function([x], T.grad(cost, x))(value)


KINKS = [
    ("abs at 0", abs, 0.0, 0.0),
    ("maximum(x, 0) at 0", lambda x: T.maximum(x, 0), 0.0, 1.0),
    ("relu at 0", T.nnet.relu, 0.0, 0.5),
    ("clip at its lower bound", lambda x: T.clip(x, 0, 1), 0.0, 1.0),
    ("floor", T.floor, 1.5, 0.0),
    ("sqrt at 0", T.sqrt, 0.0, np.inf),
    ("sgn", T.sgn, 2.0, 0.0),
    ("switch keeps the other branch's NaN out", lambda x: T.switch(x > 0, T.log(x), 0), -1.0, 0.0),
]


@pytest.mark.parametrize(("what", "f", "where", "expected"), KINKS, ids=[k[0] for k in KINKS])
def test_conventions_at_kinks(what, f, where, expected):
    x = T.dscalar("x")
    assert at(f(x), x, where) == expected


def test_ties_of_a_maximum_all_get_the_gradient():
    v = T.dvector("v")
    np.testing.assert_array_equal(at(T.max(v), v, [1, 3, 3]), [0, 1, 1])


def test_product_with_zeros():
    v = T.dvector("v")
    np.testing.assert_array_equal(at(T.prod(v), v, [0, 2, 3]), [6, 0, 0])
    np.testing.assert_array_equal(at(T.prod(v), v, [0, 0, 3]), [0, 0, 0])


def test_a_variable_used_twice_gets_both_terms():
    x = T.dscalar("x")
    assert at(x * x + x, x, 3.0) == 7


def test_structure_names_and_dtypes():
    x, y = T.dscalar("x"), T.fvector("y")
    cost = x * T.sum(y)
    cost.name = "cost"
    assert isinstance(T.grad(cost, [x]), list) and isinstance(T.grad(cost, (x,)), tuple)
    assert T.grad(cost, x).name == "(dcost/dx)"
    assert T.grad(T.sum(y.astype("float64")), y).dtype == "float32"


def test_broadcasting_is_summed_back():
    m, r, c = T.dmatrix("m"), T.drow("r"), T.dscalar("c")
    g = theano.function([m, r, c], T.grad(T.sum(m * r * c), [r, c]))
    gr, gc = g(np.ones((2, 3)), [[1, 2, 3]], 2)
    np.testing.assert_array_equal(gr, [[4, 4, 4]])
    assert gc == 12


INTEGERS = [
    (lambda i, x: i * x, 3), (lambda i, x: T.cast(i, "float64") * x, 3), (lambda i, x: x**i, 9 * np.log(3)),
    (lambda i, x: T.stack([i, x]).sum(), 1), (lambda i, x: T.exp(i), np.exp(2)),
    (lambda i, x: (i * 2) * x, 0), (lambda i, x: T.cast(i * 2, "float64") * x, 0),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "expected"), INTEGERS)
def test_an_integer_input_is_a_real_number_and_a_computed_one_a_step(graph, expected):
    i, x = T.lscalar("i"), T.dscalar("x")
    result = theano.function([i, x], T.grad(graph(i, x), i), on_unused_input="ignore")(2, 3.0)
    np.testing.assert_allclose(result, expected)


@pytest.mark.parametrize(
    "place", [T.argmax, T.argsort, lambda v: T.searchsorted(v, v), lambda v: T.floor(v), lambda v: v > 0]
)
def test_what_moves_in_steps_has_gradient_zero(place):
    v, x = T.dvector("v"), T.dscalar("x")
    gradient = theano.function([v, x], T.grad(T.sum(place(v) * x), v), on_unused_input="ignore")
    np.testing.assert_array_equal(gradient([1, 3, 2], 5), [0, 0, 0])


def test_disconnected_inputs():
    x, y = T.dscalar("x"), T.dvector("y")
    with pytest.raises(DisconnectedInputError, match="y"):
        T.grad(x * 2, y)
    zeros = T.grad(x * 2, y, disconnected_inputs="ignore")
    np.testing.assert_array_equal(theano.function([y], zeros)([1, 2]), [0, 0])
    assert T.grad(x * 2, y, disconnected_inputs="ignore", return_disconnected="None") is None
    with pytest.warns(UserWarning, match="does not depend"):
        T.grad(x * 2, y, disconnected_inputs="warn")


def test_the_cost_is_a_scalar():
    with pytest.raises(TypeError, match="cost must be"):
        T.grad(T.dvector("v"), T.dvector("v"))


def test_an_integer_cost_has_a_gradient_of_zeros():
    x, i = T.dscalar("x"), T.lscalar("i")
    with pytest.warns(UserWarning, match="integer"):
        zero = T.grad(T.cast(x * 3, "int64"), x)
    assert theano.function([x], zero, on_unused_input="ignore")(2.0) == 0
    with pytest.warns(UserWarning, match="integer"):
        assert theano.function([i], T.grad(i, i), on_unused_input="ignore")(5) == 1


def test_known_grads_and_consider_constant():
    x = T.dscalar("x")
    y = x * x
    assert theano.function([x], T.grad(None, x, known_grads={y: T.constant(10.0)}))(3) == 60
    assert at(y * x, x, 3.0) == 27
    assert theano.function([x], T.grad(y * x, x, consider_constant=[y]))(3) == 9


def test_operations_that_only_change_a_gradient():
    x = T.dscalar("x")
    assert at(x * zero_grad(x), x, 3.0) == 3
    assert at(x * disconnected_grad(x), x, 3.0) == 3
    assert at(grad_clip(x, -1, 1) * 5, x, 3.0) == 1
    assert at(grad_scale(x, -2) * 5, x, 3.0) == -10


def test_second_and_third_derivative():
    x = T.dscalar("x")
    g = x**4
    for expected in (32, 48, 48):
        g = T.grad(g, x)
        assert theano.function([x], g)(2.0) == expected


def test_derivatives_pass_through_scalars():
    x, v = T.dscalars("x", "v")
    y = 3 * T.tensor_from_scalar(T.scalar_from_tensor(x * x))
    f = theano.function([x, v], [T.grad(y, x), T.Rop(y, x, v)])
    assert f(2.0, 5.0) == [12.0, 60.0]


def test_l_and_r_operators():
    x, v = T.dvector("x"), T.dvector("v")
    W = np.arange(6.0).reshape(2, 3)
    y = T.dot(W, x) ** 2
    J = 2 * (W @ [1, 2, 3])[:, None] * W
    f = theano.function([x, v], T.Rop(y, x, v))
    np.testing.assert_allclose(f([1, 2, 3], [1, 0, 2]), J @ [1, 0, 2], rtol=1e-15)
    g = theano.function([x, v], T.Lop(y, x, v))
    np.testing.assert_allclose(g([1, 2, 3], [1, 2]), [1, 2] @ J, rtol=1e-15)


def test_jacobian_and_hessian():
    x = T.dvector("x")
    J = theano.function([x], T.jacobian(x**2, x))
    np.testing.assert_array_equal(J([1, 2, 3]), np.diag([2, 4, 6]))
    H = theano.function([x], T.hessian(T.sum(x**3), x))
    np.testing.assert_array_equal(H([1, 2]), np.diag([6, 12]))


def test_a_wide_sum_further_on_does_not_make_gradients_wide():
    x = T.fvector("x")
    for y in (T.cumsum(x), T.alloc(x, 3, 2), x**2):
        assert T.grad(T.sum(y, dtype="float64"), x).type.dtype == "float32"


def test_gradient_in_two_stages():
    x, w = T.dscalar("x"), T.dscalar("w")
    h = x * w
    b = T.dscalar("b")
    first, passed_on = subgraph_grad([b], [h], cost=h**2 * b)
    second, _ = subgraph_grad([w], [x], start={h: passed_on[0]})
    assert [float(v) for v in theano.function([x, w, b], [first[0], second[0]])(3, 2, 1)] == [36, 36]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: T.tanh(x) * T.exp(x),
        lambda x: T.nnet.softmax(x),
        lambda x: T.dot(x, x.T),
        lambda x: x.reshape((3, 2)) ** 2,
        lambda x: T.concatenate([x, x * 2], axis=1),
        lambda x: x[1:, ::2] * 3,
        lambda x: T.set_subtensor(x[0], x[1] * 2),
        lambda x: T.mean(x, axis=0) + T.var(x, axis=0),
        lambda x: T.nnet.sigmoid(x).T,
        lambda x: T.batched_dot(x.dimshuffle(0, 1, "x"), x.dimshuffle(0, "x", 1)),
    ],
)
def test_gradients_agree_with_finite_differences(f):
    verify_grad(f, [np.random.RandomState(0).rand(2, 3) + 0.5])


def test_verify_grad_sees_a_wrong_gradient():
    def f(x):
        return T.sqr(grad_scale(x, 1.01))

    with pytest.raises(AssertionError, match="symbolic"):
        verify_grad(f, [np.array([1.0, 2.0])])


@pytest.mark.parametrize(
    "f", [lambda v: T.eq(v, 0).sum() * 1.0, lambda v: T.cast(v, "int32").sum() * 1.0, lambda v: T.floor(v).sum()]
)
def test_what_is_constant_almost_everywhere_has_a_zero_gradient(f):
    v = T.dvector("v")
    g = theano.function([v], T.grad(f(v), v), on_unused_input="ignore")
    np.testing.assert_array_equal(g([1, 2]), [0, 0])


@pytest.mark.parametrize("name", ["gammau", "gammal", "pow", "arctan2"])
def test_functions_of_a_float_and_a_bool_have_gradients(name):
    pytest.importorskip("scipy")
    x, b = T.dvector("x"), T.vector("b", dtype="bool")
    g = theano.function([x, b], T.grad(T.sum(getattr(T, name)(x, b)), b))
    assert np.isfinite(g(np.array([0.5, 2.0]), np.array([True, True]))).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint64"])
def test_the_gradient_of_a_power_does_not_wrap_at_the_least_exponent(dtype):
    x, y = T.dvector("x"), T.vector("y", dtype=dtype)
    least = np.iinfo(dtype).min
    (g,) = theano.function([x, y], [T.grad(T.sum(x**y), x)])(np.array([1.5]), np.array([least], dtype))
    np.testing.assert_allclose(g, [float(least) * 1.5 ** (float(least) - 1)], rtol=1e-14)


def test_the_slope_of_an_angle_does_not_wrap_around_in_small_integers():
    y, x = T.dscalar(), T.bscalar()
    f = theano.function([y, x], T.grad(T.arctan2(y, x), y))
    assert f(1.0, -28) == pytest.approx(-28 / 785)


def test_the_r_operator_of_a_sum_of_two():
    """Both have one gradient, and each its own direction."""
    a, b, p, q = T.dvectors("a", "b", "p", "q")
    f = theano.function([p, q], T.Rop(a + b, [a, b], [p, q]), givens={a: p, b: q}, on_unused_input="ignore")
    assert f([1.0, 2.0], [10.0, 20.0]).tolist() == [11, 22]


def test_gradients_of_single_precision_are_verified_without_the_sum_s_rounding():
    rng = np.random.RandomState(5)
    point = [(1 + rng.uniform(size=(10, 20))).astype("float32")]
    T.verify_grad(lambda x: (x - 3) * 200 / T.sqrt(x), point, rng=rng)
    with pytest.raises(theano.gradient.GradientError):
        T.verify_grad(lambda x: theano.gradient.grad_scale(x, 1.1) * 200, point, rng=rng)


def test_a_row_at_which_a_gradient_is_verified_stretches():
    T.verify_grad(lambda x, row: x * row, [np.ones((3, 4)), np.ones((1, 4))], rng=np.random.RandomState(1))
