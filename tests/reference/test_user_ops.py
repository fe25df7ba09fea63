"""Operations that users make: of graphs, of Python functions, of classes in Theano's form; assertions."""

import pickle

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.alias.scalar_ops import RULES, UnaryScalarOp
from reference.graph.dtypes import upcast
from reference.graph.errors import MissingInputError
from reference.graph.types import DisconnectedType
from reference.printing.breakpoint import PdbBreakpoint
from reference.tensor.assertion import Assert, assert_op

x, y = T.dvectors("x", "y")
A, B = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])


def graph_op(**options):
    weight = theano.shared(np.array([1.0, 2.0, 3.0]), "weight")
    return theano.OpFromGraph([x, y], [x + y * weight, T.tanh(x).sum()], **options), weight


def by_hand(a, b, weight):
    return a + b * weight, T.tanh(a).sum()


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN", "DebugMode"])
@pytest.mark.parametrize("inline", [False, True])
def test_a_graph_as_an_operation_computes_as_the_graph(inline, mode):
    op, weight = graph_op(inline=inline)

    def all_of(build):
        a, b = build(T.exp(y), x)
        cost = (a**2).sum() + b
        return [a, b, a.shape, *T.grad(cost, [x, y, weight])]

    ours = theano.function([x, y], all_of(op), mode=mode)(A, B)
    hand = theano.function([x, y], all_of(lambda p, q: by_hand(p, q, weight)), mode=mode)(A, B)
    for one, other in zip(ours, hand, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_inline_decides_whether_rewriting_opens_the_graph():
    for inline in (False, True):
        op, _ = graph_op(inline=inline)
        f = theano.function([x, y], op(x, y)[0])
        assert any(node.op is op for node in f.fgraph.toposort()) is not inline


def test_a_graph_as_an_operation_is_differentiated_twice_and_forwards():
    op, weight = graph_op()
    both = (op, lambda a, b: by_hand(a, b, weight))
    second = [T.grad(T.grad((build(x, y)[0] ** 3).sum(), y).sum(), x) for build in both]
    point = [T.Rop(build(x, y)[0], [x], [y]) for build in both]
    for one, other in (second, point):
        np.testing.assert_allclose(*theano.function([x, y], [one, other], on_unused_input="ignore")(A, B))


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ({"lop_overrides": lambda i, o, g: [g[0] + 6, g[0] * 2 * o[0]]}, (7 * np.ones(3), 2 * (A * B))),
        ({"lop_overrides": [lambda i, o, g: g[0] + i[1], "default"]}, (1 + B, A)),
        ({"grad_overrides": [lambda i, g: g[0] + 4, "default"]}, (5 * np.ones(3), A)),
        ({"grad_overrides": theano.OpFromGraph([x, y, T.dvector()], [x * 2, y * 3])}, (2 * A, 3 * B)),
    ],
)  # fmt: skip
def test_gradients_can_be_overridden(overrides, expected):
    if isinstance(overrides.get("grad_overrides"), theano.OpFromGraph):
        seed = T.dvector("seed")
        overrides = {"grad_overrides": theano.OpFromGraph([x, y, seed], [x * 2 * seed, y * 3 * seed])}
    op = theano.OpFromGraph([x, y], [x * y], **overrides)
    results = theano.function([x, y], T.grad(op(x, y).sum(), [x, y]), on_unused_input="ignore")(A, B)
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("none", [None, DisconnectedType()()])
def test_an_overridden_gradient_can_be_disconnected(none):
    op = theano.OpFromGraph([x, y], [x * y], lop_overrides=[none, "default"])
    with pytest.raises(theano.gradient.DisconnectedInputError):
        T.grad(op(x, y).sum(), x)


def test_a_graph_as_an_operation_says_what_it_misses():
    z = T.dvector("z")
    with pytest.raises(MissingInputError, match="z"):
        theano.OpFromGraph([x], [x + z])
    with pytest.raises(TypeError, match="takes 2 inputs, got 1"):
        theano.OpFromGraph([x, z], [x + z])(x)
    with pytest.raises(ValueError, match="not both"):
        theano.OpFromGraph([x], [x + 1], lop_overrides=[None], grad_overrides=[None])


def test_a_graph_as_an_operation_prints_as_theano_prints_it():
    op = theano.OpFromGraph([x, y], [x * y + 1])
    text = theano.printing.debugprint(op(y, x), file="str", dialect="1.0")
    assert text == "OpFromGraph{inline=False} [id A] ''   \n |y [id B]\n |x [id C]\n"


def test_a_function_of_a_graph_operation_is_pickled():
    op, _ = graph_op()
    f = theano.function([x, y], op(x, y))
    for one, other in zip(pickle.loads(pickle.dumps(f))(A, B), f(A, B), strict=True):
        np.testing.assert_array_equal(one, other)


# Python.


@theano.as_op(itypes=[T.dvector, T.dvector], otypes=[T.dvector, T.dscalar])
def sorted_merge(a, b):
    return np.sort(np.concatenate([a, b])), float(a.sum())


def test_a_python_function_as_an_operation():
    merged, total = sorted_merge(x * 2, y)
    f = theano.function([x, y], [T.exp(merged) * total, merged.shape])
    np.testing.assert_allclose(f(A, B)[0], np.exp(np.sort(np.concatenate([2 * A, B]))) * 12)
    np.testing.assert_array_equal(f(A, B)[1], [6])
    assert str(sorted_merge) == "FromFunctionOp{sorted_merge}"
    with pytest.raises(NotImplementedError, match="FromFunctionOp"):
        T.grad(total, x)


def test_a_python_function_that_returns_too_little():
    broken = theano.as_op(T.dvector, [T.dvector, T.dvector])(lambda a: a)
    with pytest.raises(ValueError, match="returned 1 values for 2 outputs"):
        broken(x)[0].eval({x: A})


class Scaled(theano.Op):
    """An operation in Theano's own form."""

    __props__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def make_node(self, a):
        a = T.as_tensor_variable(a)
        return theano.Apply(self, [a], [a.type()])

    def perform(self, node, inputs, output_storage):
        (a,) = inputs
        output_storage[0][0] = a * self.factor

    def infer_shape(self, node, i0_shapes):
        return i0_shapes

    def grad(self, inputs, output_grads):
        return [output_grads[0] * self.factor]

    def c_code(self, node, name, inputs, outputs, sub):
        raise NotImplementedError


class InPlace(Scaled):
    destroy_map = {0: [0]}

    def perform(self, node, inputs, output_storage, params=None):
        inputs[0] *= self.factor
        output_storage[0][0] = inputs[0]


@pytest.mark.parametrize("kind", [Scaled, InPlace])
def test_an_operation_in_theanos_form(kind):
    given = A.copy()
    doubled = kind(2.0)(x)
    f = theano.function([x], [T.exp(doubled), T.grad((doubled**2).sum(), x), doubled.shape, x + 1])
    for one, other in zip(f(given), [np.exp(2 * A), 8 * A, [3], A + 1], strict=True):
        np.testing.assert_allclose(one, other)
    np.testing.assert_array_equal(given, A)
    assert kind(2.0) == kind(2.0) != kind(3.0)
    T.verify_grad(kind(3.0), [A])


def test_equal_operations_of_users_are_merged():
    f = theano.function([x], Scaled(2.0)(x) + Scaled(2.0)(x))
    assert sum(isinstance(node.op, Scaled) for node in f.fgraph.toposort()) == 1


class Total(theano.Op):
    itypes = [T.dvector]
    otypes = [T.dscalar]

    def perform(self, node, inp, out):
        out[0][0] = inp[0].sum()


def test_types_instead_of_make_node():
    assert float(Total()(x).eval({x: A})) == 6
    with pytest.raises(TypeError, match="takes 1 inputs, got 2"):
        Total()(x, x)
    with pytest.raises(TypeError, match="float32"):
        Total()(T.fvector("fvector"))


def test_the_form_with_a_tuple():
    class Pair(theano.Op):
        def make_node(self, a, b):
            return theano.Apply(self, [a, b], [a.type(), b.type()])

        def perform(self, node, *inputs):
            return inputs[1] + 1, inputs[0] - 1

    one, other = theano.function([x, y], Pair()(x, y))(A, B)
    np.testing.assert_array_equal(one, B + 1)
    np.testing.assert_array_equal(other, A - 1)


def test_a_perform_that_mixes_the_forms_is_told_so():
    class Mixed(theano.Op):
        itypes, otypes = [T.dvector, T.dvector], [T.dvector]

        def perform(self, node, a, b):
            return (a,)

    class Empty(theano.Op):
        itypes, otypes = [T.dvector], [T.dvector]

        def perform(self, node, inputs, out):
            pass

    class Wrong(Empty):
        def perform(self, node, inputs, out):
            out[0][0] = inputs[0].sum()

    with pytest.raises(TypeError, match=r"perform\(self, node, \*inputs\)"):
        Mixed()(x, y).eval({x: A, y: B})
    with pytest.raises(ValueError, match=r"output_storage\[0\]\[0\] empty"):
        Empty()(x).eval({x: A})
    with pytest.raises(TypeError, match="number of dimensions"):
        Wrong()(x).eval({x: A})


# Assertions.


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN"])
def test_an_assertion_passes_its_value_on_or_raises(mode):
    checked = Assert("must be positive")(x, T.all(x > 0), x.shape[0] < 4)
    f = theano.function([x], [checked * 2, T.grad(checked.sum(), x)], mode=mode)
    np.testing.assert_array_equal(f(A)[0], 2 * A)
    np.testing.assert_array_equal(f(A)[1], np.ones(3))
    with pytest.raises(AssertionError, match="must be positive"):
        f(-A)
    with pytest.raises(AssertionError, match="must be positive"):
        f(np.ones(4))
    np.testing.assert_array_equal(f(A)[0], 2 * A)
    np.testing.assert_array_equal(assert_op(x, True).eval({x: A}), A)


class Cube(UnaryScalarOp):
    def impl(self, number):
        return number**3

    def grad(self, inputs, output_gradients):
        return [3 * inputs[0] ** 2 * output_gradients[0]]


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN", "DebugMode"])
def test_a_scalar_operation_of_a_program_s_own_runs_in_loops_and_beside_others(mode):
    cube = T.Elemwise(Cube(RULES["upgrade_to_float"]), name="cube")

    def chain(power):
        h, _ = theano.scan(lambda a, s: T.tanh(power(s + a)), sequences=x, outputs_info=y[0])
        cost = (T.exp(power(h)) * y[: h.shape[0]]).sum()
        return [h, *T.grad(cost, [x, y]), power(T.cast(y, "int8"))]

    ours = pickle.loads(pickle.dumps(theano.function([x, y], chain(cube), mode=mode)))(A / 9, B / 9)
    hand = theano.function([x, y], chain(lambda v: T.cast(v, upcast("float32", v.dtype)) ** 3))(A / 9, B / 9)
    for one, other in zip(ours, hand, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
        assert one.dtype == other.dtype


def test_a_scalar_operation_without_a_type_or_a_value_says_so():
    with pytest.raises(NotImplementedError, match="pass output_types_preference"):
        T.Elemwise(Cube())(x)
    with pytest.raises(NotImplementedError, match="does not define impl"):
        theano.function([x], T.Elemwise(UnaryScalarOp(RULES["same_out"]))(x))(A)
    with pytest.raises(TypeError, match="takes 1 operand"):
        T.Elemwise(Cube(RULES["same_out"]))(x, y)


def test_a_breakpoint_opens_the_debugger_where_its_condition_holds(monkeypatch):
    opened = []
    monkeypatch.setattr("pdb.set_trace", lambda: opened.append(1))
    value, twice = PdbBreakpoint("here")(x.sum() > 0, x, x * 2)
    f = theano.function([x], [value.sum(), T.grad(twice.sum(), x)])
    for point, times in ((A, 1), (-A, 1), (A, 2)):
        total, gradient = f(point)
        assert (total, gradient.tolist(), len(opened)) == (point.sum(), [2, 2, 2], times)
    with pytest.raises(TypeError, match=r"the condition of .* is a scalar"):
        PdbBreakpoint("here")(x, x)
