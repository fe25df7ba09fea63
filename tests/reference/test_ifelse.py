"""The lazy choice: only what is taken is computed, also in gradients, in loops and on every backend."""

import pickle

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.ifelse import IfElse, ifelse
from reference.scan import scan

MODES = ["UNOPTIMIZED", "FAST_COMPILE", "EXACT", "FAST_RUN", "DebugMode"]
c, x, y, a = T.lscalar("c"), T.dvector("x"), T.dvector("y"), T.dscalar("a")
X, Y = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def seen(name, v):
    """`v`, which says when it is computed."""
    return theano.printing.Print(name, ["ndim"])(v)


@pytest.mark.parametrize("mode", MODES)
def test_only_the_taken_side_is_computed(mode, capsys):
    out = ifelse(T.gt(c, 0), seen("then", x).sum(), seen("else", y).prod())
    f = theano.function([c, x, y], out, mode=mode)
    assert f(1, X, Y) == 3
    assert "else" not in capsys.readouterr().out
    assert f(0, X, Y) == 12
    assert "then" not in capsys.readouterr().out


@pytest.mark.parametrize("mode", MODES)
def test_a_side_that_is_not_taken_may_be_impossible(mode):
    f = theano.function([c, x], ifelse(c < x.shape[0], x[c], T.constant(np.float64(-1))), mode=mode)
    assert f(1, X) == 2
    assert f(2, X) == -1
    nested = ifelse(c < 10, ifelse(c < 2, x[c], a), x[c - 10] * a)
    f = theano.function([c, x, a], [nested, x.sum()], mode=mode)
    assert [f(k, X, 7.0)[0] for k in (0, 1, 5, 11)] == [1, 2, 7, 14]


@pytest.mark.parametrize("mode", MODES)
def test_a_value_that_several_choices_share_is_computed_where_any_takes_it(mode, capsys):
    shared = seen("shared", x) * 2
    f = theano.function([c, a, x, y], [ifelse(c > 0, shared, y), ifelse(a > 0, y, shared + 1)], mode=mode)
    for k, s, printed in [(1, 1, 1), (0, 1, 0), (0, -1, 1), (1, -1, 1)]:
        one, two = f(k, s, X, Y)
        assert np.array_equal(one, 2 * X if k else Y)
        assert np.array_equal(two, Y if s > 0 else 2 * X + 1)
        assert capsys.readouterr().out.count("shared") == printed


@pytest.mark.parametrize("kind", [list, tuple])
def test_branches_may_be_lists(kind):
    out = ifelse(c, kind([x, a]), kind([y, a * 2]), name="pick")
    assert type(out) is kind
    assert str(out[0].owner.op) == "if{pick}"
    assert out[0].owner is out[1].owner
    f = theano.function([c, x, y, a], list(out))
    assert [v.tolist() for v in f(0, X, Y, 2.0)] == [[3, 4], 4]
    assert [v.tolist() for v in f(-3, X, Y, 2.0)] == [[1, 2], 2]


def test_numbers_and_looser_broadcast_patterns_fit_together():
    f = theano.function([c, a], ifelse(c, a, 0))
    assert [f(1, 2.5), f(0, 2.5)] == [2.5, 0]
    row, m = T.drow("row"), T.dmatrix("m")
    out = ifelse(c, row, m)
    assert out.type.broadcastable == (False, False)
    assert theano.function([c, row, m], out)(0, np.ones((1, 2)), np.ones((3, 2))).shape == (3, 2)


REFUSED = {
    "a vector as condition": (lambda: ifelse(x, x, y), TypeError, r"condition of if\{\} must be a scalar.*got x"),
    "ranks": (lambda: ifelse(c, x, a), TypeError, "branches of output 0 must have one type, got x of type"),
    "dtypes": (lambda: ifelse(c, x, y.astype("float32"), name="n"), TypeError, "ifelse 'n'.*cast one of them"),
    "numbers": (lambda: ifelse(c, [x], [y, a]), ValueError, "a list of 1 then and a list of 2 else"),
    "a list and a variable": (lambda: ifelse(c, [x], y), ValueError, "a list of 1 then and one variable else"),
    "a number that does not fit": (lambda: ifelse(a, c, 0.5), TypeError, "TensorType"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_does_not_fit_is_refused(form):
    build, error, text = REFUSED[form]
    with pytest.raises(error, match=text):
        build()


def test_the_text_is_theanos():
    out = ifelse(T.gt(c, 0), x.sum(), y.prod())
    assert theano.printing.debugprint(out, file="str", ids="").splitlines() == [
        "if{}  ''   ",
        " |Elemwise{gt,no_inplace}  ''   ",
        " | |c ",
        " | |TensorConstant{0} ",
        " |Sum{acc_dtype=float64}  ''   ",
        " | |x ",
        " |Prod{axis=None, dtype='float64', acc_dtype='float64'}  ''   ",
        "   |y ",
    ]
    assert theano.pp(out) == (
        "if{}(gt(c, TensorConstant{0}), Sum{acc_dtype=float64}(x), "
        "Prod{axis=None, dtype='float64', acc_dtype='float64'}(y))"
    )


def test_shapes_are_told_without_the_values():
    out = ifelse(c, T.exp(x), T.concatenate([y, y]))
    f = theano.function([c, x, y], out.shape)
    assert [f(k, X, Y).tolist() for k in (1, 0)] == [[2], [4]]
    assert "exp" not in theano.printing.debugprint(f, file="str")


def test_equal_choices_are_equal_and_can_be_pickled():
    assert IfElse(2) == IfElse(2) != IfElse(1)
    op = ifelse(c, x, y, name="n").owner.op
    assert pickle.loads(pickle.dumps(op)) == op


# Gradients


@pytest.mark.parametrize("mode", MODES)
def test_gradients_flow_through_the_taken_side_alone(mode, capsys):
    """Three orders, and the product with the Jacobian; neither NaN nor any work comes from the other side."""
    out = ifelse(a > 0, T.sqrt(seen("then", a) * a * a), seen("else", a) ** 2 * 3)
    orders = [out]
    for _ in range(3):
        orders.append(T.grad(orders[-1], a))
    f = theano.function([a], [*orders, T.Rop(out, a, a)], mode=mode)
    np.testing.assert_allclose(f(4.0), [8, 3, 0.375, -0.046875, 12])
    assert "else" not in capsys.readouterr().out
    np.testing.assert_allclose(f(-2.0), [12, -12, 6, 0, 24])
    assert "then" not in capsys.readouterr().out


def test_a_nested_choice_has_the_gradient_of_what_is_taken():
    out = ifelse(a > 0, ifelse(a > 1, T.sqrt(a - 1), T.sqrt(a)) * a, ifelse(a > -1, a, T.log(-a)))
    f = theano.function([a], T.grad(out, a))
    for value, slope in [(2.0, 1 + 1), (0.25, 0.5 + 0.25), (-0.5, 1), (-4.0, -0.25)]:
        np.testing.assert_allclose(f(value), slope)


def test_the_condition_has_a_zero_gradient_and_the_sides_their_own():
    f = theano.function([a, x, y], T.grad(ifelse(a, x * 2, y * 3).sum(), [a, x, y]))
    assert [g.tolist() for g in f(1.0, X, Y)] == [0, [2, 2], [0, 0]]
    assert [g.tolist() for g in f(0.0, X, Y[:1])] == [0, [0, 0], [3]]


def test_one_output_of_several_has_a_gradient_of_its_own():
    one, two = ifelse(c, [x.sum(), a * x], [x.prod(), x])
    f = theano.function([c, x, a], [T.grad(one, x), *T.grad(two.sum(), [x, a])])
    assert [g.tolist() for g in f(1, X, 2.0)] == [[1, 1], [2, 2], 3]
    assert [g.tolist() for g in f(0, X, 2.0)] == [[2, 1], [1, 1], 0]


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_in_a_choice_runs_if_it_is_taken(mode, capsys):
    rows, _ = scan(lambda r, h: T.tanh(seen("step", r) + h), x, a)
    out = ifelse(c, rows[-1], a * 2)
    f = theano.function([c, x, a], [out, T.grad(out, a)], mode=mode)
    np.testing.assert_allclose(f(0, X, 0.5), [1, 2])
    assert capsys.readouterr().out == ""
    h = np.tanh(1.5)
    last = np.tanh(2 + h)
    np.testing.assert_allclose(f(1, X, 0.5), [last, (1 - last**2) * (1 - h**2)])


@pytest.mark.parametrize("mode", MODES)
def test_a_choice_in_a_loop_is_made_in_every_step(mode):
    """A row that is not there is not read; what never changes is not taken out of the loop to fail there."""
    rows, _ = scan(lambda i, h: ifelse(i < x.shape[0], h + x[i], h * a), T.arange(4), T.constant(np.float64(0)))
    f = theano.function([x, a], [rows, *T.grad(rows[-1], [x, a])], mode=mode)
    values, slope, last = f(X, 3.0)
    assert values.tolist() == [1, 3, 9, 27]
    assert slope.tolist() == [9, 9]
    assert last == 18
    kept, _ = scan(lambda h: ifelse(c < 2, h + x[c], h + a), outputs_info=a, n_steps=2)
    f = theano.function([c, x, a], kept, mode=mode)
    assert f(1, X, 3.0).tolist() == [5, 7]
    assert f(2, X, 3.0).tolist() == [6, 9]
    mapped, _ = scan(lambda i: ifelse(i < 2, x[i], a), T.arange(3))
    assert theano.function([x, a], mapped, mode=mode)(X, 3.0).tolist() == [1, 2, 3]


# Rewrites


def applied(out, inputs):
    f = theano.function(inputs, out, on_unused_input="ignore")
    return f.rewrites.counts(), f


def test_a_known_choice_is_made():
    counts, f = applied(ifelse(T.constant(0), x, y), [x, y])
    assert counts["choice_known"] == 1
    assert f(X, Y).tolist() == [3, 4]


def test_a_choice_between_equals_is_none():
    counts, f = applied(ifelse(c, x * 2, x * 2), [c, x])
    assert counts["choice_of_equals"] == 1
    assert f(0, X).tolist() == [2, 4]


def test_a_choice_that_was_made_above_is_not_made_again():
    counts, f = applied(ifelse(c, ifelse(c, x, y) * 2, ifelse(c, x, y) + 1), [c, x, y])
    assert f.rewrites.counts().get("choice_made_above", 0) == 0
    out = ifelse(c, T.sqr(ifelse(c, x, y)), y)
    counts, f = applied(out, [c, x, y])
    assert counts["choice_made_above"] == 1
    assert theano.printing.debugprint(f, file="str").count("if{}") == 1
    assert f(1, X, Y).tolist() == [1, 4]
    assert f(0, X, Y).tolist() == [3, 4]
