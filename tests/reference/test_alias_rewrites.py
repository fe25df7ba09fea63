"""Rewrites written as for Theano: they are applied, logged and checked like any other."""

import importlib

import numpy as np
import pytest

from reference.alias import install_as_theano, uninstall
from reference.rewriting import engine


@pytest.fixture(autouse=True)
def _alias():
    before = dict(engine.REGISTRY)
    install_as_theano()
    yield
    uninstall()
    engine.REGISTRY.clear()
    engine.REGISTRY.update(before)


@pytest.fixture
def theano():
    return importlib.import_module("theano")


def applied(f, name):
    return f.rewrites.counts().get(name, 0)


def test_a_decorated_function_is_applied_and_counted(theano):
    T = theano.tensor

    @T.opt.register_specialize
    @theano.gof.local_optimizer([T.sin])
    def sine_of_zero_more(node):
        (x,) = node.inputs
        if x.owner is not None and x.owner.op == T.neg:
            return [-T.sin(x.owner.inputs[0])]
        return False

    x = T.dvector("x")
    f = theano.function([x], T.sin(-x), mode="FAST_RUN")
    assert applied(f, "sine_of_zero_more") == 1
    np.testing.assert_array_equal(f([0.5]), -np.sin([0.5]))
    without = theano.function([x], T.sin(-x), mode=theano.Mode().excluding("sine_of_zero_more"))
    assert applied(without, "sine_of_zero_more") == 0
    assert applied(theano.function([x], T.sin(-x), mode="UNOPTIMIZED"), "sine_of_zero_more") == 0


def test_an_optimizer_that_is_not_for_every_mode_waits_to_be_asked_for(theano):
    T = theano.tensor
    quotient = theano.gof.PatternSub((T.true_div, (T.sinh, "x"), (T.cosh, "x")), (T.tanh, "x"), name="quotient")
    theano.compile.optdb.register("tangent", theano.gof.TopoOptimizer(quotient), 1.2, "mine")
    x = T.dvector("x")
    assert applied(theano.function([x], T.sinh(x) / T.cosh(x)), "tangent") == 0
    for word in ("tangent", "mine"):
        f = theano.function([x], T.sinh(x) / T.cosh(x), mode=theano.Mode().including(word))
        assert applied(f, "tangent") == 1
        np.testing.assert_array_equal(f([0.0, 1.0]), np.tanh([0.0, 1.0]))


def test_patterns(theano):
    T, PatternSub = theano.tensor, theano.gof.PatternSub
    x, y = T.dmatrix("x"), T.dmatrix("y")

    def becomes(pattern, graph):
        fgraph = theano.gof.FunctionGraph([x, y], [graph])
        pattern.optimize(fgraph)
        return theano.printing.debugprint(fgraph.outputs[0], file="str", ids="").replace("  ''", "").split()

    twice = PatternSub((T.sqr, (T.neg, "x")), (T.sqr, "x"))
    assert becomes(twice, T.sqr(-x)) == becomes(twice, T.sqr(x))
    shared = -x
    assert "|Elemwise{neg,no_inplace}" in becomes(twice, T.sqr(shared) + shared)
    everywhere = PatternSub((T.sqr, (T.neg, "x")), (T.sqr, "x"), allow_multiple_clients=True)
    assert "|Elemwise{sqr,no_inplace}" in becomes(everywhere, T.sqr(shared) + shared)
    same = PatternSub((T.sub, "x", "x"), (T.zeros_like, "x"))
    assert becomes(same, x - y) != becomes(same, x - x)
    number = PatternSub((T.mul, "x", 3), (T.add, "x", (T.add, "x", "x")))
    assert becomes(number, x * 3) == becomes(number, x + (x + x)) and becomes(number, x * 4) == becomes(twice, x * 4)
    named = {"pattern": "x", "constraint": lambda v: v.name == "y"}
    only_y = PatternSub((T.exp, named), (T.log, "x"))
    assert becomes(only_y, T.exp(y)) == becomes(only_y, T.log(y)) != becomes(only_y, T.exp(x))


def test_operations_are_exchanged_and_removed(theano):
    T, gof = theano.tensor, theano.gof
    x = T.dvector("x")
    fgraph = gof.FunctionGraph([x], [T.exp(T.neg(x))])
    gof.EquilibriumOptimizer([gof.OpSub(T.exp, T.tanh), gof.OpRemove(T.neg)], max_use_ratio=10).optimize(fgraph)
    assert theano.printing.pp(fgraph.outputs[0]) == "tanh(x)"


def test_debugmode_finds_a_rewrite_that_is_wrong(theano):
    T = theano.tensor

    @T.opt.register_canonicalize("mine")
    @theano.gof.local_optimizer([T.tanh])
    def tanh_is_sine(node):
        return [T.sin(node.inputs[0])]

    x = T.dvector("x")
    with pytest.raises(theano.compile.debugmode.BadOptimization, match="tanh_is_sine"):
        theano.function([x], T.tanh(x), mode="DebugMode")([0.5])


def test_optimizers_of_whole_graphs_are_called_by_hand(theano):
    gof, T = theano.gof, theano.tensor

    class Twist(gof.Optimizer):
        def apply(self, fgraph):
            for node in list(fgraph.toposort()):
                if node.op == T.exp:
                    fgraph.replace(node.outputs[0], T.tanh(node.inputs[0]))

    x = T.dvector("x")
    fgraph = gof.FunctionGraph([x], [T.exp(x) + 1])
    Twist().optimize(fgraph)
    assert "tanh" in theano.printing.pp(fgraph.outputs[0])
    with pytest.raises(TypeError, match="look at one node"):
        theano.compile.optdb.register("twist", Twist(), 70, "fast_run")


def test_databases_have_names(theano):
    with pytest.raises(KeyError, match="canonicalize"):
        theano.compile.mode.optdb["canonicalise"]
    with pytest.raises(TypeError, match="list of operations"):
        theano.gof.local_optimizer(theano.tensor.exp)


def test_a_function_is_written_down_and_made_elsewhere(theano, tmp_path):
    x = theano.tensor.dvector("x")
    theano.function_dump(str(tmp_path / "f.pkl"), [x], x * 2)
    with open(tmp_path / "f.pkl", "rb") as file:
        again = theano.function(**theano.misc.pkl_utils.load(file))
    np.testing.assert_array_equal(again([1.0]), [2.0])


def test_values_are_compared_as_operations_say(theano):
    type_ = theano.tensor.type
    nan, inf, one = np.array([np.nan]), np.array([np.inf]), np.array([1.0])
    assert type_.values_eq_approx(nan, nan) and not type_.values_eq_approx(nan, one)
    assert type_.values_eq_approx_remove_nan(nan, one) and not type_.values_eq_approx_remove_nan(inf, one)
    assert type_.values_eq_approx_remove_inf(inf, one) and type_.values_eq_approx_remove_inf_nan(nan, inf)
    assert type_.values_eq_approx(one, one + 1e-12) and not type_.values_eq_approx(one, one.astype("float32"))


def test_indexing_has_functions(theano):
    T = theano.tensor
    x, i = T.dvector("x"), T.lvector("i")
    f = theano.function([x, i], [
        T.advanced_subtensor1(x, i), T.advanced_inc_subtensor1(x, T.ones_like(i, "float64"), i),
        T.advanced_set_subtensor1(x, T.zeros_like(i, "float64"), i), T.advanced_subtensor(x, i),
    ])  # fmt: skip
    for found, expected in zip(f([5.0, 6.0], [1, 1]), ([6.0, 6.0], [5.0, 8.0], [5.0, 0.0], [6.0, 6.0])):
        np.testing.assert_array_equal(found, expected)
