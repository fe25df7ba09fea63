"""`function`: arguments, outputs, updates, givens, defaults, copies, pickling."""

import pickle

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.tensor.shared_randomstreams import RandomStreams

pytestmark = pytest.mark.usefixtures("backend")


def test_outputs_come_back_in_the_shape_they_were_asked_for():
    x = T.dscalar("x")
    assert theano.function([x], x * 2)(3) == 6
    assert theano.function([x], [x * 2, x])(3) == [6, 3]
    assert theano.function([x], {"b": x * 2, "a": x})(3) == {"a": 3, "b": 6}
    assert theano.function([x], None, on_unused_input="ignore")(3) == []
    assert list(theano.function([x], {"b": x, "a": x})(1)) == ["a", "b"]


def test_results_are_arrays_even_without_dimensions():
    x = T.dscalar("x")
    result = theano.function([x], x + 1)(1)
    assert isinstance(result, np.ndarray) and result.shape == () and result.dtype == "float64"


def test_updates_are_simultaneous_and_outputs_show_old_values():
    a, b = theano.shared(1.0, "a"), theano.shared(2.0, "b")
    f = theano.function([], [a, b], updates=[(a, b), (b, a + b)])
    assert [float(v) for v in f()] == [1, 2]
    assert (a.get_value(), b.get_value()) == (2, 3)
    assert [float(v) for v in f()] == [2, 3]
    assert (a.get_value(), b.get_value()) == (3, 5)


def test_swapping_two_shared_variables():
    a, b = theano.shared(np.arange(3.0)), theano.shared(np.ones(3))
    theano.function([], updates=[(a, b), (b, a)])()
    np.testing.assert_array_equal(a.get_value(), np.ones(3))
    np.testing.assert_array_equal(b.get_value(), np.arange(3.0))
    a.set_value(np.zeros(3))
    np.testing.assert_array_equal(b.get_value(), np.arange(3.0))


def test_outputs_never_alias_shared_storage_or_inputs():
    s, x = theano.shared(np.arange(4.0)), T.dvector("x")
    f = theano.function([x], [s, s[1:], x, x[::2], s])
    given = np.arange(4.0)
    results = f(given)
    for r in results:
        r[...] = -1
    np.testing.assert_array_equal(given, np.arange(4.0))
    np.testing.assert_array_equal(s.get_value(), np.arange(4.0))
    assert not np.shares_memory(results[0], results[4])


def test_default_updates_follow_shared_variables_through_other_updates():
    a, b = theano.shared(0.0, "a"), theano.shared(10.0, "b")
    b.default_update = b + 1
    a.default_update = a + b
    f = theano.function([], a * 1)
    f(), f()
    assert (a.get_value(), b.get_value()) == (21, 12)
    theano.function([], a * 1, no_default_updates=True)()
    assert a.get_value() == 21
    theano.function([], a * 1, no_default_updates=[a])()
    assert (a.get_value(), b.get_value()) == (21, 12)


class TestGivens:
    def test_replace_in_outputs_and_updates(self):
        x, y = T.dscalar("x"), T.dscalar("y")
        n = theano.shared(5.0, "n")
        f = theano.function([x], n + y, updates=[(n, n + y)], givens={y: x * 2})
        assert f(3) == 11 and n.get_value() == 11

    def test_of_a_shared_variable(self):
        n, x = theano.shared(5.0, "n"), T.dscalar("x")
        f = theano.function([x], n * 2, updates=[(n, n + 1)], givens={n: x})
        assert f(10) == 20 and n.get_value() == 11

    def test_of_an_expression_and_by_itself(self):
        s = theano.shared(10.0, "s")
        assert theano.function([], s * s, givens={s: s + 1})() == 121
        x = T.dscalar("x")
        e = x + 1
        assert theano.function([], e * 3, givens={e: np.float64(4)})() == 12

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_order_of_pairs_means_nothing(self, order):
        a, b, c = T.dscalars("a", "b", "c")
        pairs = [(a, b), (b, c)]
        f = theano.function([c], a * 100 + b, givens=[pairs[k] for k in order])
        assert f(2) == 202

    def test_swap(self):
        a, b = theano.shared(1.0), theano.shared(2.0)
        assert theano.function([], a * 10 + b, givens=[(a, b), (b, a)])() == 21

    def test_the_seed(self):
        x = theano.shared(np.arange(100), borrow=True, name="x")
        index = T.scalar(dtype="int32", name="index")
        f = theano.function([index], x, givens={x: x[index : index + 5]})
        g = theano.function([index], x[index : index + 5])
        for k in (0, 3, 97, 98, 100, 200, -2, -7):
            np.testing.assert_array_equal(f(k), np.arange(100)[k : k + 5])
            np.testing.assert_array_equal(f(k), g(k))
        assert theano.printing.debugprint(f, file="str") == theano.printing.debugprint(g, file="str")


def test_defaults_keywords_and_state():
    x, y, s = T.dscalar("x"), T.dscalar("y"), T.dscalar("s")
    f = theano.function([x, theano.In(y, value=10.0)], x + y)
    assert f(1) == 11 and f(1, 2) == 3 and f(x=1, y=3) == 4
    count = theano.function([x, theano.In(s, value=0.0, update=s + x)], s)
    assert [float(count(2)) for _ in range(3)] == [0, 2, 4]
    assert count[s] == 6
    count[s] = 100
    assert count(1) == 100 and count(1, 5) == 5 and count(1) == 6
    assert theano.function([x, theano.Param(y, default=10.0)], x + y)(1) == 11
    first = theano.function([theano.In(y, value=10.0), x], y - x)
    assert first(x=1) == 9 and first(3, 1) == 2


def test_conversion_of_arguments():
    f32, f64, i8 = T.fvector("f"), T.dvector("d"), T.bvector("i")
    assert theano.function([f64], f64)(np.ones(2, "float32")).dtype == "float64"
    assert theano.function([f64], f64)([1, 2]).tolist() == [1, 2]
    with pytest.raises(TypeError, match="float64"):
        theano.function([f32], f32)(np.ones(2))
    assert theano.function([f32], f32, allow_input_downcast=True)(np.ones(2)).dtype == "float32"
    assert theano.function([i8], i8)([1, 2]).dtype == "int8"
    with pytest.raises(TypeError):
        theano.function([i8], i8)([1000])


def test_copy_and_swap():
    s, t, x = theano.shared(1.0, "s"), theano.shared(50.0, "t"), T.dscalar("x")
    f = theano.function([x], s + x, updates=[(s, s + 1)])
    g = f.copy(swap={s: t})
    assert g(1) == 51 and t.get_value() == 51 and s.get_value() == 1
    h = f.copy(delete_updates=True)
    assert h(0) == 1 and h(0) == 1 and f(0) == 1 and s.get_value() == 2


def test_pickling_keeps_state():
    s, x = theano.shared(np.arange(3.0), "s"), T.dvector("x")
    f = theano.function([x], s + x, updates=[(s, s * 2)])
    f(np.zeros(3))
    g = pickle.loads(pickle.dumps(f))
    np.testing.assert_array_equal(g(np.zeros(3)), [0, 2, 4])
    np.testing.assert_array_equal(s.get_value(), [0, 2, 4])


def test_compiling_does_not_change_the_users_graph():
    x = T.dvector("x")
    y = T.log(1 + T.exp(x)) * 1 + 0
    before = theano.printing.debugprint(y, file="str")
    theano.function([x], y)
    assert theano.printing.debugprint(y, file="str") == before


def test_a_deep_graph_is_an_ordinary_graph():
    x = T.dscalar("x")
    y = x
    for _ in range(5000):
        y = y + x
    assert theano.function([x], y, mode="FAST_COMPILE")(1) == 5001


def test_a_draw_and_the_update_of_its_stream_stay_one_node_beside_givens():
    x, y = T.dvectors("x", "y")

    def text(low, **options):
        draw = RandomStreams(7).uniform(size=low.shape, low=low, high=1.0)
        return theano.printing.debugprint(theano.function([y], draw, **options), file="str")

    given = text(x, givens={x: y})
    assert given == text(y)
    assert given.count("RandomFunction") == 2 and "[@A]" in given.splitlines()[-1]


def test_givens_reach_what_a_loop_captured():
    x, y = T.dvector("x"), T.dscalar("y")
    scaled = T.sum(x) * 2
    rows, _ = theano.scan(lambda h: h + scaled, outputs_info=T.constant(0.0, dtype="float64"), n_steps=3)
    f = theano.function([y], rows, givens={scaled: y})
    np.testing.assert_array_equal(f(5), [5, 10, 15])
    written, _ = theano.scan(lambda h: h + y, outputs_info=T.constant(0.0, dtype="float64"), n_steps=3)
    g = theano.function([y], written)
    assert theano.printing.debugprint(f, file="str") == theano.printing.debugprint(g, file="str")


def test_the_graph_is_reached_as_in_theano():
    x = T.dscalar("x")
    f = theano.function([x], x * 2)
    assert f.maker.fgraph is f.fgraph and len(f.maker.fgraph.toposort()) == 1


def test_a_step_that_returns_nothing_is_an_error():
    with pytest.raises(ValueError, match="returns nothing"):
        theano.scan(lambda a: None, sequences=T.dvector("v"))
