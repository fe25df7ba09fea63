"""Corners of `function`, shared variables and graphs that programs written for Theano rely on, through the alias.

What is expected here was told by Theano 1.0.5 itself.
"""

import copy
import pickle
import sys

import numpy as np
import pytest

from reference.alias import install_as_theano

install_as_theano()

import theano  # noqa: E402
import theano.tensor as T  # noqa: E402

x, y = T.dvectors("x", "y")
ONE = np.ones(3)


@pytest.fixture(autouse=True)
def _alias():
    install_as_theano()


def counting():
    """A function with a default, a shared variable that it reads, and one that counts its calls."""
    state, count = theano.shared(np.ones(3), "state"), theano.shared(0, "count")
    f = theano.function([theano.In(x, name="xx"), theano.In(y, value=ONE)], x + y + state, updates=[(count, count + 1)])
    return f, state, count


def test_arguments_by_position_by_name_and_by_default():
    f, state, count = counting()
    for values in (f(ONE), f(xx=ONE), f(ONE, ONE), f(ONE, y=ONE)):
        np.testing.assert_array_equal(values, 3 * ONE)
    assert count.get_value() == 4
    np.testing.assert_array_equal(f[y], ONE)
    np.testing.assert_array_equal(f.value[y], ONE)
    f[state] = 5 * ONE
    np.testing.assert_array_equal(state.get_value(), 5 * ONE)
    assert f.get_shared() == [state, count] and f.unpack_single


def test_copies_of_a_function_share_their_state_unless_swapped():
    f, state, count = counting()
    np.testing.assert_array_equal(f.copy()(ONE), 3 * ONE)
    other = theano.shared(np.zeros(3), "other")
    swapped = f.copy(swap={state: other}, name="swapped")
    np.testing.assert_array_equal(swapped(ONE), 2 * ONE)
    assert swapped.name == "swapped" and count.get_value() == 2
    f.copy(delete_updates=True)(ONE)
    assert count.get_value() == 2
    with pytest.raises(TypeError, match="cannot swap state"):
        f.copy(swap={state: theano.shared(np.zeros((3, 3)))})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_deep_copies_and_pickles_of_a_function_own_their_state(copied):
    f, _, count = counting()
    f(ONE)
    twin = copied(f)
    np.testing.assert_array_equal(twin(ONE), 3 * ONE)
    assert count.get_value() == 1
    assert [int(s.get_value()) for s in twin.get_shared() if s.name == "count"] == [2]


def test_graphs_pickle_with_their_identities():
    a, b = pickle.loads(pickle.dumps((x, x + 1)))
    assert b.owner.inputs[0] is a
    s = theano.shared(np.arange(3.0), "s")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(s * 2)).eval(), [0, 2, 4])
    path_like = pickle.dumps([T.dmatrix("m"), T.iscalar(), T.constant([1.0, 2.0]), T.nnet.softmax(T.dmatrix())])
    assert [v.type for v in pickle.loads(path_like)][:2] == [T.dmatrix, T.iscalar]


def test_a_state_among_the_inputs():
    i, total = T.lscalar("i"), T.lscalar("total")
    f = theano.function([i, theano.In(total, value=0, update=total + i)], total)
    assert [int(f(k)) for k in (1, 2, 3)] == [0, 1, 3]
    f[total] = 100
    assert int(f(0)) == 100


@pytest.mark.parametrize(
    "type_, given, options, accepted",
    [
        (T.fvector, np.ones(2), {}, False),
        (T.fvector, np.ones(2) * 1.1, {"allow_input_downcast": True}, True),
        (T.fvector, [1.5, 2], {}, True),
        (T.fvector, [0.1, 2], {}, False),
        (T.lscalar, 1.0, {}, True),
        (T.lscalar, 1.5, {}, False),
        (T.dvector, np.ones(2, "float32"), {}, True),
        (T.dvector, np.ones((2, 1)), {}, False),
        (T.drow, np.ones((2, 2)), {}, False),
    ],
)
def test_which_arguments_are_accepted(type_, given, options, accepted):
    v = type_("v")
    f = theano.function([v], v, **options)
    if accepted:
        np.testing.assert_allclose(f(given), given, rtol=1e-7)
        assert f(given).dtype == v.dtype
    else:
        with pytest.raises(TypeError, match=r"bad input at position 0 \(v\)"):
            f(given)


def test_borrowed_memory():
    array = np.ones(3)
    s, own = theano.shared(array, borrow=True), theano.shared(array)
    array += 1
    np.testing.assert_array_equal(s.get_value(), 2 * ONE)
    np.testing.assert_array_equal(own.get_value(), ONE)
    assert s.get_value(borrow=True) is s.get_value(borrow=True)
    assert s.get_value() is not s.get_value(borrow=True)


def test_default_updates_and_how_to_leave_them_out():
    n = theano.shared(0, "n")
    n.default_update = n + 10
    for options, after in (({}, 10), ({"no_default_updates": True}, 10), ({"no_default_updates": [n]}, 10), ({}, 20)):
        theano.function([], n, **options)()
        assert n.get_value() == after
    theano.function([], n, updates={n: n * 2})()
    assert n.get_value() == 40


def test_clone_replaces():
    np.testing.assert_array_equal(theano.clone(x + y, replace={x: y * 2}).eval({y: ONE}), 3 * ONE)
    assert theano.clone([x + y, x], replace=[(x, y)])[1] is y
    with pytest.raises(TypeError):
        theano.clone(x + y, replace={x: T.dmatrix()})
    assert theano.clone(x + y, replace={x: T.dmatrix()}, strict=False).type == T.dmatrix
    assert theano.clone(x + y, share_inputs=False).owner.inputs[0] is not x


def test_rebuild_collect_shared():
    from theano.compile.pfunc import rebuild_collect_shared

    s = theano.shared(ONE, "s")
    s.default_update = s + 1
    inputs, outputs, others = rebuild_collect_shared([x * y + s], [x, y], replace={x: y})
    assert inputs == [y, y]
    _, updates, pairs, shared = others
    assert shared == [s] and list(updates) == [s] and pairs[0][0] is s
    np.testing.assert_array_equal(outputs[0].eval({y: 2 * ONE}), 5 * ONE)


def test_helpers_for_graphs():
    from theano.gof import graph
    from theano.scan_module.scan_utils import equal_computations

    a, b, c, d = T.dvectors("abcd")
    out = a + b * c
    assert graph.inputs([out]) == [a, b, c]
    assert graph.ancestors([out])[0] is out and len(graph.ancestors([out])) == 5
    order = [str(node.op) for node in graph.io_toposort([a, b, c], [out])]
    assert order == ["Elemwise{mul,no_inplace}", "Elemwise{add,no_inplace}"]
    assert graph.orphans([a, b], [out]) == [c]
    assert len(graph.list_of_nodes([a, b, c], [out])) == len(graph.ops([a, b, c], [out])) == 2
    assert graph.as_string([a, b, c], [out]) == ["Elemwise{add,no_inplace}(a, Elemwise{mul,no_inplace}(b, c))"]
    new_inputs, (new_out,) = graph.clone([a, b, c], [out])
    assert graph.inputs([new_out]) == new_inputs != [a, b, c]
    assert graph.clone([a, b, c], [out], copy_inputs=False)[0] == [a, b, c]
    assert graph.is_same_graph(a + b, a + b) and not graph.is_same_graph(a + b, a + c)
    assert graph.is_same_graph(a + b, a + c, givens={b: c})
    assert equal_computations([a + b], [c + d], [a, b], [c, d]) and not equal_computations([a + b], [c + d])
    assert graph.is_in_ancestors(out.owner, (b * c).owner) is False
    assert graph.is_in_ancestors(out.owner, out.owner.inputs[1].owner)
    assert graph.io_connection_pattern([a, b], [out, b * 2]) == [[True, False], [True, True]]


def test_what_programs_ask_of_variables_nodes_and_types():
    out = x + y
    assert out.get_parents() == [out.owner] and out.owner.get_parents() == [x, y]
    assert out.owner.default_output() is out and out.owner.clone().outputs[0] is not out
    assert T.constant(1.0).equals(T.constant(1.0)) and not T.constant(1.0).equals(T.constant(2.0))
    assert T.dvector.values_eq_approx(ONE, ONE + 1e-9) and not T.dvector.values_eq(ONE, ONE + 1e-9)
    assert T.dvector.is_valid_value(ONE) and not T.dvector.is_valid_value([1.0])
    assert T.dmatrix.convert_variable(T.drow()).type == T.dmatrix and T.drow.convert_variable(T.dmatrix()) is None
    assert T.TensorType("float64", (False,), name="mine")("v").type == T.dvector
    assert [v.name for v in T.matrices("pt")] == ["p", "t"] and len(T.dscalars(3)) == 3
    assert (str(theano.In(x)), str(theano.Out(x))) == ("In(x)", "Out(x,False)")


def test_whether_there_is_a_variable():
    assert bool(x) and bool(theano.shared(ONE)) and bool(x + 1)
    for comparison in (lambda: bool(x > y), lambda: 0 < x < 1, lambda: bool(T.eq(x, y))):
        with pytest.raises(TypeError, match="do not support boolean operations"):
            comparison()


def test_test_values():
    v = T.dvector("v")
    v.tag.test_value = ONE
    np.testing.assert_array_equal(theano.gof.op.get_test_value(v), ONE)
    with theano.change_flags(compute_test_value="raise"):
        np.testing.assert_array_equal(theano.gof.op.get_test_value(T.exp(v)), np.exp(ONE))


def test_flags():
    assert theano.config.device == "cpu" and theano.config.gcc.cxxflags == ""
    theano.config.nvcc.fastmath = True
    theano.config.nvcc.fastmath = False
    assert theano.configparser.change_flags(floatX="float32")(lambda: T.matrix().dtype)() == "float32"
    with theano.change_flags(**{"scan.allow_gc": True}):
        assert theano.config.scan.allow_gc is True
    with pytest.raises(AttributeError, match="did you mean 'floatX'"):
        theano.config.flotX = "float32"
    with pytest.raises(ValueError, match="'float31' is not one of"):
        theano.config.floatX = "float31"


def test_flags_of_a_programs_own(monkeypatch):
    from theano.configparser import AddConfigVar, EnumStr, IntParam

    table = sys.modules["reference.config"]
    monkeypatch.setattr(table, "_ROWS", dict(table._ROWS))
    AddConfigVar("mylib.depth", "how deep", IntParam(3))
    AddConfigVar("mylib.kind", "which", EnumStr("a", "b"))
    assert theano.config.mylib.depth == 3
    theano.config.mylib.kind = "b"
    with pytest.raises(ValueError, match="'c' is not one of"):
        theano.config.mylib.kind = "c"
    for name in ("mylib.depth", "mylib.kind"):
        del theano.config._values[name]


@pytest.mark.parametrize(
    "optimizer, mode",
    [("fast_compile", "FAST_COMPILE"), ("None", "UNOPTIMIZED"), ("o4", "FAST_RUN"), ("unsafe", "UNSAFE")],
)
def test_the_flag_optimizer_chooses_the_mode(optimizer, mode):
    with theano.change_flags(optimizer=optimizer):
        assert theano.function([x], x + 1).mode.name == mode
        assert theano.function([x], x + 1, mode="EXACT").mode.name == "EXACT"


def test_flags_are_the_defaults_of_the_modes_that_watch(backend):
    f = theano.function([x], 1e11 * x, mode="NanGuardMode")
    with pytest.raises(AssertionError, match="beyond 1e"):
        f(ONE)
    with theano.change_flags(NanGuardMode__big_is_error=False):
        theano.function([x], 1e11 * x, mode="NanGuardMode")(ONE)
    with theano.change_flags(DebugMode__check_finite=True):
        f = theano.function([x], 1 / x, mode="DebugMode")
    with pytest.raises(AssertionError):
        f(np.zeros(2))


def test_pkl_utils(tmp_path):
    from theano.misc import pkl_utils

    with open(tmp_path / "saved", "wb") as file:
        pkl_utils.dump({"f": theano.function([x], x * 2)}, file)
    with open(tmp_path / "saved", "rb") as file:
        np.testing.assert_array_equal(pkl_utils.load(file)["f"](ONE), 2 * ONE)


def test_shapes_of_variables():
    from theano.tensor.utils import shape_of_variables

    a, b = T.dmatrix("a"), T.dvector("b")
    graph = theano.gof.FunctionGraph([a, b], [T.dot(a, b)], clone=False)
    shapes = shape_of_variables(graph, {a: (2, 3), b: (3,)})
    assert shapes[graph.outputs[0]] == (2,) and shapes[a] == (2, 3)


def test_inplace_names_are_plain_functions():
    from theano.tensor import inplace

    np.testing.assert_allclose(inplace.exp_inplace(x).eval({x: ONE}), np.exp(ONE))
    with pytest.raises(AttributeError, match="exq_inplace"):
        inplace.exq_inplace  # noqa: B018


def test_scalar_types_and_promotion():
    assert theano.scalar.upcast("int8", "float32") == "float32"
    assert theano.scalar.upcast("int32", "float32") == "float64"
    assert [str(t) for t in theano.scalar.float_types] == ["float16", "float32", "float64"]


def test_unittest_tools():
    from theano.tests import unittest_tools as tools

    assert tools.fetch_seed() == 666 and tools.fetch_seed(3) == 3
    tools.assert_allclose(ONE, ONE + 1e-9)
    with pytest.raises(tools.WrongValue, match=r"worst at \(1,\)"):
        tools.assert_allclose(ONE, [1, 2, 1])
    tools.verify_grad(T.tanh, [ONE / 3])
    with pytest.raises(AssertionError):
        tools.verify_grad(lambda v: theano.gradient.disconnected_grad(v) * v, [ONE])


def test_small_helpers():
    from theano.gof import utils

    assert utils.flatten([1, [2, (3, [4])]]) == [1, 2, 3, 4]
    assert utils.give_variables_names([T.dscalar("a"), T.dscalar("a"), T.iscalar()]) == ["a_0", "a_1", "int32_2"]
    assert T.get_vector_length(T.stack([x[0], y[0]])) == 2
    with pytest.raises(ValueError, match="not known"):
        T.get_vector_length(x)
    assert T.extract_constant(T.constant(3)) == 3 and T.basic.extract_constant(x[0]).owner is not None
    text = theano.printing.min_informative_str(T.exp(x + x))
    assert text.startswith("A. Elemwise{exp,no_inplace}\n B. Elemwise{add,no_inplace}\n  C. x\n  <C>")


def test_limits_of_x_log_y():
    a, b = T.dvectors("ab")
    f = theano.function([a, b], [T.xlogx.xlogx(a), T.xlogx.xlogy0(a, b), *T.grad(T.xlogx.xlogy0(a, b).sum(), [a, b])])
    points = np.array([0.0, 0.0, 0.0, 2.0, 0.0]), np.array([0.0, 3.0, -1.0, 3.0, np.inf])
    xlogx, xlogy, by_a, by_b = f(*points)
    np.testing.assert_allclose(xlogx, [0, 0, 0, 2 * np.log(2), 0])
    np.testing.assert_allclose(xlogy, [0, 0, 0, 2 * np.log(3), 0])
    np.testing.assert_allclose(by_a[[1, 3]], np.log([3, 3]))
    np.testing.assert_allclose(by_b, [0, 0, 0, 2 / 3, 0])


def test_axes_of_tensordot_in_an_array():
    a, b = T.dtensor3("a"), T.dtensor3("b")
    axes = np.asarray([[0, 2], [1, 2]])
    p, q = np.random.RandomState(0).rand(2, 3, 4), np.random.RandomState(1).rand(5, 2, 4)
    np.testing.assert_allclose(T.tensordot(a, b, axes).eval({a: p, b: q}), np.tensordot(p, q, axes.tolist()))


def test_a_list_with_slices_is_an_index_of_several_dimensions():
    m = T.dmatrix("m")
    value = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(m[[slice(None), slice(None, None, -1)]].eval({m: value}), value[:, ::-1])
    np.testing.assert_array_equal(m[[0, 1]].eval({m: value}), value)


def test_the_normal_quantile():
    from statistics import NormalDist

    from reference.tensor.quantile import normal_quantile

    points = np.concatenate([np.linspace(0.001, 0.999, 999), [1e-9, 1 - 1e-9, 0.075, 0.925]])
    expected = [NormalDist().inv_cdf(p) for p in points]
    np.testing.assert_allclose(normal_quantile(x).eval({x: points}), expected, rtol=1e-13, atol=1e-15)


def test_truncated_normal(backend):
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    streams = MRG_RandomStreams(5)
    draws = streams.normal((4000,), avg=1.0, std=0.5, truncate=True), streams.truncated_normal((4000,), dtype="float32")
    wide, plain = theano.function([], draws)()
    assert wide.dtype == theano.config.floatX and plain.dtype == "float32"
    assert abs(plain).max() <= 2 and wide.min() >= 0 and wide.max() <= 2
    # The standard deviation of a normal number within two of them is 0.8796.
    assert abs(plain.mean()) < 0.05 and abs(plain.std() - 0.8796) < 0.03
    assert abs(wide.mean() - 1) < 0.03 and abs(wide.std() - 0.4398) < 0.02
    assert streams.normal(avg=T.zeros((3,)), truncate=True).eval().shape == (3,)


def test_poisson():
    streams = T.shared_randomstreams.RandomStreams(3)
    lam = T.dvector("lam")
    f = theano.function([lam], [streams.poisson((3000, 3), lam), streams.poisson(size=(4,), lam=2.5, dtype="int32")])
    rates = np.array([0.0, 0.7, 30.0])
    (many, few), (again, _) = f(rates), f(rates)
    assert many.dtype == "int64" and few.dtype == "int32" and few.shape == (4,) and many.shape == (3000, 3)
    assert (many != again).any() and not many[:, 0].any()
    # Mean and variance are both lam; so many draws tell them to within four standard errors.
    np.testing.assert_allclose(many.mean(axis=0), rates, atol=0.4)
    np.testing.assert_allclose(many.var(axis=0), rates, rtol=0.12)
    assert streams.poisson(lam=T.ones((2,))).eval().shape == (2,)
    assert streams.poisson(T.constant([2, 3]), 1.0).eval().shape == (2, 3)


# Profiles.


def test_a_profile_counts_and_times(backend):
    f = theano.function([x], T.exp(x).sum(), profile=True, name="timed")
    for _ in range(3):
        f(ONE)
    assert f.profile.fct_callcount == 3 and f.profile.fct_call_time > 0 and f.profile.compile_time > 0
    text = f.profile.text()
    assert "Message: timed" in text and "Time in 3 calls" in text
    if backend == "reference":
        assert set(map(str, f.profile.op_callcount())) == {"Elemwise{exp,no_inplace}", "Sum{acc_dtype=float64}"}
        assert set(f.profile.op_callcount().values()) == {3}
        assert "Elemwise{exp,no_inplace}(x)" in text
    assert theano.function([x], x).profile is None


def test_a_profile_beside_a_watching_mode_and_over_several_functions(capsys):
    stats = theano.compile.ProfileStats(atexit_print=False, message="both")
    with theano.change_flags(profiling__ignore_first_call=True):
        for mode in ("NanGuardMode", "FAST_RUN"):
            f = theano.function([x], T.exp(x), profile=stats, mode=mode)
            f(ONE)
            f(ONE)
    assert stats.fct_callcount == 3
    stats.summary()
    assert "Message: both" in capsys.readouterr().err


def test_a_shared_variable_refuses_options_that_nobody_knows():
    with pytest.raises(TypeError, match="bad_kw"):
        theano.shared(7, bad_kw=False)
    with pytest.raises(TypeError, match="broadcastable"):
        theano.shared([1, 2], broadcastable=(True,))


def test_pfunc_calls_its_inputs_params():
    double = theano.compile.pfunc(params=[x], outputs=x * 2)
    np.testing.assert_array_equal(double(ONE), 2 * ONE)


def test_an_r_operator_that_cannot_be_is_a_value_error():
    class Opaque(theano.Op):
        __props__ = ()

        def make_node(self, v):
            return theano.Apply(self, [v], [v.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0].copy()

        def grad(self, inputs, output_gradients):
            return [theano.gradient.grad_undefined(self, 0, inputs[0])]

    with pytest.raises(ValueError, match="not defined"):
        T.Rop(Opaque()(x), x, x)


def test_pieces_of_networks_have_names():
    nnet = theano.tensor.nnet
    matrix = T.dmatrix("matrix")
    made = [nnet.softmax_op(matrix), nnet.prepend_1_to_each_row(matrix), nnet.prepend_0_to_each_row(matrix)]
    soft, ones, zeros = theano.function([matrix], made)(np.zeros((2, 2)))
    np.testing.assert_array_equal(soft, np.full((2, 2), 0.5))
    np.testing.assert_array_equal(ones, [[1, 0, 0]] * 2)
    np.testing.assert_array_equal(zeros, np.zeros((2, 3)))


def test_an_index_of_an_operation_may_be_a_list():
    indexing = theano.tensor.subtensor.Subtensor([])
    assert indexing == theano.tensor.subtensor.Subtensor(())
    assert theano.function([], indexing(T.constant(3.0)))() == 3


def test_an_operation_of_a_graph_takes_options_of_functions():
    graph = theano.OpFromGraph([x, y], [x * 2], on_unused_input="ignore", mode="FAST_RUN")
    np.testing.assert_array_equal(theano.function([x, y], graph(x, y))(ONE, ONE), 2 * ONE)
    with pytest.raises(TypeError, match="updates"):
        theano.OpFromGraph([x], [x * 2], updates=[])


def test_values_of_tests_are_compared_as_theano_s_tests_do():
    from theano.tests import unittest_tools as utt

    utt.assert_allclose(np.ones(3), 1.0)
    utt.assert_allclose(np.ones((1, 3)), np.ones(3))
    for wrong in (np.ones(2), np.zeros(3)):
        with pytest.raises(utt.WrongValue):
            utt.assert_allclose(np.ones(3), wrong)
