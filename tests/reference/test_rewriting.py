"""Rewrites keep their promises; the engine counts, limits, logs and explains."""

import ast
import itertools
from typing import Any

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.compile.debugmode import judge
from reference.compile.modes import Mode, get_mode
from reference.graph.errors import RewriteError
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import TensorType
from reference.interpreter import evaluate
from reference.rewriting import engine
from reference.rewriting.engine import REGISTRY, Promise, Rewrite, rewrite
from reference.rewriting.pipeline import Choice, load
from reference.rewriting.snapshot import Snapshot

FLOATS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.5, 40.0, -40.0, 800.0, 1e300, -1e-300, 5e-324, np.inf, -np.inf, np.nan]


def special_values(dtype: str) -> np.ndarray:
    """Every pair of special values of a dtype meets, if two such are taken as column and row."""
    with np.errstate(all="ignore"):
        if dtype.startswith("float"):
            return np.array(FLOATS).astype(dtype)
        if dtype == "bool":
            return np.array([True, False])
        limits = np.iinfo(dtype)
        values = {0, 1, 2, 3, 5, limits.max, limits.min, limits.max // 2}
        return np.array(sorted(values | ({-1, -2} if limits.min else set())), dtype=dtype)


# Every formula, for every dtype, on special values.


def formulas() -> list[Rewrite]:
    return [r for r in load() if r.rule.__name__ == r.name and r.rule.__qualname__.startswith("pattern.")]


def expression(text: str, bound: dict[str, Any]) -> Any:
    """The left side of a formula, built with the functions a user has."""
    return eval(compile(ast.parse(text, mode="eval"), text, "eval"), {"__builtins__": {}}, bound)


def functions() -> dict[str, Any]:
    return {name: getattr(T.elemwise, name) for name in theano.scalar.TABLE}


class _Comparable:
    """A variable for which == builds a comparison."""

    def __init__(self, variable: Any):
        self.variable = variable

    def __eq__(self, other: object) -> Any:
        return T.eq(self.variable, other.variable)  # type: ignore[attr-defined]

    def __ne__(self, other: object) -> Any:
        return T.neq(self.variable, other.variable)  # type: ignore[attr-defined]


def instances(text: str) -> list[tuple[Any, list[Any], list[np.ndarray]]]:
    """(expression, inputs, values) for every choice of dtypes and constants that has a meaning."""
    names = sorted({node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} - set(functions()))
    constants = [name for name in names if name.isupper()]
    variables = [name for name in names if not name.isupper()]
    dtypes = ("float64", "float32", "int32", "int8", "uint8", "bool")
    found = []
    for dtype, numbers in itertools.product(dtypes, itertools.product((3, -2.5, 0.25), repeat=len(constants))):
        bound: dict[str, Any] = dict(zip(constants, map(T.constant, numbers)))
        inputs, values = [], []
        for name in variables:
            bound[name] = TensorType(dtype, (False, False))(name)
            values.append(special_values(dtype))
            inputs.append(bound[name])
        grids = np.meshgrid(*values, indexing="ij")
        values = [np.ascontiguousarray(g.reshape(1, -1)) for g in grids]
        if "==" in text or "!=" in text:
            bound = {name: _Comparable(v) for name, v in bound.items()}
        try:
            found.append((expression(text, {**functions(), **bound}), inputs, values))
        except (TypeError, OverflowError):
            continue
    return found


@pytest.mark.parametrize("record", formulas(), ids=lambda r: r.name)
def test_formula_keeps_its_promise(record: Rewrite):
    text = record.summary.partition(" -> ")[0]
    only = Mode(optimizer=Choice(frozenset(), included=(record.name, "constant_folding")))
    applied = 0
    for z, inputs, values in instances(text):
        log = only.rewrite(FunctionGraph(inputs, [z]), record=True)
        applied += log.counts().get(record.name, 0)
        known = dict(zip(log.inputs, values))
        for application in log:
            judge(application, known)
    assert applied


# Rules about shapes, places and order, on graphs made for them.


def cases() -> list[tuple[str, Any, list[Any], list[Any]]]:
    """(name of a rewrite that must apply, expression, inputs, values)."""
    x, y, v, i = T.dmatrix("x"), T.dmatrix("y"), T.dvector("v"), T.lscalar("i")
    c = T.dcol("c")
    X = np.array([[1.5, -2.0, 0.5], [3.0, -0.0, np.inf], [0.1, 1e-3, 7.0], [2.0, 4.0, 8.0]])
    Y = np.arange(12.0).reshape(4, 3) - 5
    V = np.array([3.0, 1.0, 2.0, -1.0])
    one, two, row = ([x], [X]), ([x, y], [X, Y]), ([v], [V])
    return [
        ("merge_nodes", T.exp(x) + T.exp(x), *one),
        ("merge_nodes", (x * y) / (y * x), *two),
        ("constants_first", x + 2, *one),
        ("constants_first_of_many", T.add(x, y, T.constant(2.0)), *two),
        ("constant_folding", x + T.constant(2) * 3, *one),
        ("constant_folding_rounded", x + T.exp(T.constant(2.0)), *one),
        ("constant_folding_rounded", x + T.nnet.logsoftmax(T.constant(np.eye(4, 3))), *one),
        ("times_one", T.mul(x, T.constant(1), y), *two),
        ("plus_zero", x + 0, *one),
        ("plus_zero_of_integers", i + 0, [i], [3]),
        ("cast_to_same", T.Elemwise(theano.scalar.cast_to("float64"))(x), *one),
        ("cast_of_cast", T.cast(T.cast(T.iscalar("n"), "int64"), "float32"), [T.iscalar("n")], [3]),
        ("switch_on_constant", T.switch(T.constant(True), x, y), *two),
        ("switch_of_equals", T.switch(x > 0, x, x), *one),
        ("fill_of_same_shape", T.second(x, y), *two),
        ("fill_after_elementwise", T.sqr(T.ones_like(x)) * 2, *one),
        ("fill_after_function", T.exp(T.zeros_like(x)), *one),
        ("fill_inside_elementwise", T.ones_like(x) * y, *two),
        ("fill_to_alloc", T.zeros_like(x), *one),
        ("alloc_inside_elementwise", T.alloc(2.0, x.shape[0], x.shape[1]) * x, *one),
        ("alloc_of_same_pattern", T.alloc(x, x.shape[0], x.shape[1]), *one),
        ("shape_as_lengths", x.shape, *one),
        ("length_through_safe", T.exp(x).shape, *one),
        ("length_through_any", (x + y).shape, *two),
        ("cast_of_lengths", x.shape.astype("float64"), *one),
        ("dimshuffle_of_nothing", x.dimshuffle(0, 1), *one),
        ("dimshuffle_of_dimshuffle", x.T.dimshuffle(1, "x", 0), *one),
        ("reshape_of_reshape", x.reshape((2, 6)).reshape((3, 4)), *one),
        ("reshape_to_own_shape", x.reshape(x.shape), *one),
        ("reshape_to_own_shape", v.reshape((-1,)), *row),
        ("specify_shape_twice", T.specify_shape(T.specify_shape(x, (4, 3)), (4, 3)), *one),
        ("slice_plain", x[0:, ::1], *one),
        ("index_of_index", x[1:][2], *one),
        ("index_of_index", x[1:3][1:], *one),
        ("index_of_index", x[i][1], [x, i], [X, 2]),
        ("index_of_index", x[::-1][::-1], *one),
        ("end_of_slice", x[1:][-1], *one),
        ("element_of_lengths", x.shape[1], *one),
        ("element_of_vector", T.stack([v.sum(), v.max()])[1], *row),
        ("part_of_stack", T.stack([v, v * 2])[1], *row),
        ("part_of_alloc", T.alloc(2.0, i, 3)[1:], [i], [4]),
        ("read_what_was_set", T.set_subtensor(v[1:3], V[:2])[1:3], *row),
        ("set_what_was_read", T.set_subtensor(v[1:3], v[1:3]), *row),
        ("set_twice", T.set_subtensor(T.set_subtensor(v[1:3], 1.0)[1:3], 2.0), *row),
        ("part_of_elementwise", (x * 2)[1], *one),
        ("part_of_function", T.exp(x)[1:], *one),
        ("sum_of_sum", x[:3:2].sum(axis=0).sum(), *one),
        ("any_of_any", T.any(T.any(x > 1, axis=0)), *one),
        ("extreme_of_one", T.max(c, axis=1), [c], [V.reshape(4, 1)]),
        ("sum_of_one", c.sum(axis=1), [c], [V.reshape(4, 1)]),
        ("sum_of_minus", (-v).sum(), *row),
        ("sum_of_permuted", x.T.sum(), *one),
        ("only_max_or_argmax", T.max(x, axis=1), *one),
        ("only_max_or_argmax", T.argmax(x, axis=1), *one),
        ("transpose_of_dot", T.dot(x.T, y).T, *two),
        ("part_of_dot", T.dot(x.T, y)[1, 2:], *two),
        ("one_minus_sigmoid", 1 - T.sigmoid(x), *one),
        ("log_of_softmax", T.log(T.nnet.softmax(x)), [x], [Y]),
        ("log_of_part_of_softmax", T.log(T.nnet.softmax(x)[T.arange(4), T.arange(4) % 3]), [x], [Y]),
        ("crossentropy_of_softmax", T.nnet.categorical_crossentropy(T.nnet.softmax(x), T.arange(4) % 3), [x], [Y]),
        ("gradient_of_log_of_softmax", T.grad(T.log(T.nnet.softmax(x))[:, 1].sum(), x), [x], [Y]),
        ("logistic_in_product", T.grad(T.log(1 - 1 / (1 + T.exp(-v))).sum(), v), *row),
        ("logistic_in_product", T.grad(T.log(1 - T.nnet.sigmoid(v)).sum(), v), *row),
        ("logistic_over_terms", T.grad(T.nnet.binary_crossentropy(T.nnet.sigmoid(v), abs(v)).sum(), v), *row),
    ]


@pytest.mark.parametrize(("name", "z", "inputs", "values"), cases())
def test_rule_applies_and_keeps_its_promise(name: str, z: Any, inputs: list[Any], values: list[Any]):
    inputs = [next((v for v in theano.graph.traversal.graph_inputs([z]) if v.name == x.name), x) for x in inputs]
    values = [x.type.filter(value) for x, value in zip(inputs, values)]
    graph = FunctionGraph(inputs, [z])
    log = get_mode("UNSAFE").rewrite(graph, record=True)
    assert name in log.counts()
    known = dict(zip(log.inputs, values))
    for application in log:
        judge(application, known)
    assert len(get_mode("UNSAFE").rewrite(graph)) == 0, "rewriting a rewritten graph changes it"
    exact = FunctionGraph(inputs, [z])
    get_mode("EXACT").rewrite(exact)
    (expected,), (result,) = evaluate(FunctionGraph(inputs, [z]), values), evaluate(exact, values)
    assert z.type.values_eq(expected, result), "EXACT changed a bit"


def test_a_rule_that_waits_for_the_last_reader_gets_its_turn():
    x = T.dvector("x")
    y = T.exp(x)
    graph = FunctionGraph([x], [y[1], T.switch(T.constant(True), x, y)])
    log = get_mode("FAST_RUN").rewrite(graph)
    assert "part_of_function" in log.counts()
    assert len(get_mode("FAST_RUN").rewrite(graph)) == 0


def test_repeated_indices_are_left_alone():
    v, i = T.dvector("v"), T.lvector("i")
    written = T.set_subtensor(v[i], T.dvector("y"))[i]
    y = written.owner.inputs[0].owner.inputs[1]
    f = theano.function([v, i, y], written)
    assert f(np.zeros(3), [1, 1], [5.0, 6.0]).tolist() == [6.0, 6.0]


def test_errors_of_shapes_stay_in_exact_mode():
    x, y = T.dvectors("x", "y")
    for mode in ("FAST_COMPILE", "EXACT"):
        with pytest.raises(ValueError, match="mismatch"):
            theano.function([x, y], (x + y).shape[0], mode=mode)(np.ones(2), np.ones(3))
    assert theano.function([x, y], (x + y).shape[0], mode="FAST_RUN")(np.ones(2), np.ones(3)) == 2


def test_functions_that_overflow_are_replaced():
    x = T.dvector("x")
    values = np.array([-1000.0, 0.0, 1000.0])
    f = theano.function([x], [T.log(1 + T.exp(x)), T.log(T.sigmoid(x)), T.grad(T.log(1 + T.exp(x)).sum(), x)])
    softplus, log_sigmoid, slope = f(values)
    assert softplus == pytest.approx([0.0, np.log(2), 1000.0])
    assert log_sigmoid == pytest.approx([-1000.0, -np.log(2), 0.0])
    assert slope == pytest.approx([0.0, 0.5, 1.0])


LABELS = T.lvector("labels")


@pytest.mark.parametrize(
    "cost",
    [
        lambda x: -T.mean(T.log(T.nnet.softmax(x))[T.arange(LABELS.shape[0]), LABELS]),
        lambda x: -T.mean(T.log(T.nnet.softmax(x)[T.arange(LABELS.shape[0]), LABELS])),
        lambda x: T.nnet.categorical_crossentropy(T.nnet.softmax(x), LABELS).mean(),
    ],
    ids=["log of softmax", "log of part", "crossentropy"],
)
def test_cross_entropy_and_its_gradient_are_finite(cost: Any):
    x = T.dmatrix("x")
    scores = np.array([[1000.0, 0.0, -1000.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [-800.0, 800.0, 1.0]])
    value, slope = theano.function([x, LABELS], [cost(x), T.grad(cost(x), x)])(scores, [2, 0, 1, 0])
    assert value == pytest.approx((2000 + 2.40760596 + np.log(3) + 1600) / 4)
    assert slope[0] == pytest.approx([0.25, 0.0, -0.25])
    assert slope[2] == pytest.approx([1 / 12, -1 / 6, 1 / 12])


def test_very_many_operands_are_rewritten_one_by_one():
    x = T.dvector("x")
    total = T.add(*[x * (k + 1.5) for k in range(200)])
    f, plain = (theano.function([x], total, mode=mode) for mode in ("FAST_RUN", "UNOPTIMIZED"))
    node = f.fgraph.outputs[0].owner
    assert isinstance(node.inputs, tuple) and len(node.inputs) == 200
    assert f([1.0, 2.0]).tolist() == plain([1.0, 2.0]).tolist() == [20200.0, 40400.0]


def test_a_deep_graph_is_rewritten_once_through():
    x = T.dscalar("x")
    z = x
    for _ in range(3000):
        z = T.tanh(z) * 1 + 0
    graph = FunctionGraph([x], [z])
    log = get_mode("FAST_RUN").rewrite(graph)
    assert len(graph.apply_nodes) == 3000
    assert len(log) < 20000


def test_shared_subexpressions_do_not_explode():
    x = T.dscalar("x")
    for _ in range(60):
        x = x + x * 1
    graph = FunctionGraph([v for v in theano.graph.traversal.graph_inputs([x]) if v.name == "x"], [x])
    get_mode("FAST_RUN").rewrite(graph)
    assert len(graph.apply_nodes) <= 60


# The engine.


@pytest.fixture
def register():
    """Register rewrites for one test."""
    before = dict(REGISTRY)
    yield rewrite
    REGISTRY.clear()
    REGISTRY.update(before)


def alone(name: str) -> Mode:
    return Mode(optimizer=Choice(frozenset(), included=(name,)))


def test_the_log_tells_what_was_done():
    x = T.dvector("x")
    f = theano.function([x], x * 1 + T.exp(x) * 1, mode="FAST_RUN")
    names = f.rewrites.counts()
    assert names["times_one"] == 2
    assert [a.number for a in f.rewrites] == list(range(len(f.rewrites)))
    first = next(a for a in f.rewrites if a.rewrite.name == "times_one")
    assert "times_one" in str(first) and "EXACT" in str(first)
    assert "times_one" in str(f.rewrites)


def test_the_limit_stops_after_so_many_applications():
    x = T.dvector("x")
    z = x * 1 + T.exp(x) * 1
    total = len(theano.function([x], z).rewrites)
    for limit in range(total + 1):
        with theano.config.change_flags(rewrite_limit=limit):
            f = theano.function([x], z)
        assert len(f.rewrites) == limit
        assert f.rewrites.limit_reached is (limit < total)
        assert f([1.0]) == pytest.approx([1 + np.e])


def test_an_observer_sees_both_sides_of_each_application():
    x = T.dvector("x")
    seen: list[Any] = []
    get_mode("FAST_RUN").rewrite(FunctionGraph([x], [x * 1 + 0]), observer=seen.append)
    assert seen and all(isinstance(a.snapshot, Snapshot) for a in seen)
    for a in seen:
        values = [np.array([3.0, -1.0]) for _ in a.snapshot.inputs]
        before = evaluate(FunctionGraph(a.snapshot.inputs, a.snapshot.before), values)
        after = evaluate(FunctionGraph(a.snapshot.inputs, a.snapshot.after), values)
        assert np.array_equal(before[0], after[0])


def test_both_sides_stand_alone_however_far_down_they_meet():
    x = T.dvector("x")
    z = x
    for _ in range(40):
        z = T.tanh(z)
    log = get_mode("EXACT").rewrite(FunctionGraph([x], [z.shape]), record=True)
    snapshots = [a.snapshot for a in log if a.rewrite.name == "length_through_safe"]
    assert snapshots
    for kept in snapshots:
        assert kept is not None and len(kept.inputs) == 1
        for side in (kept.before, kept.after):
            assert evaluate(FunctionGraph(kept.inputs, side), [np.zeros(5)]) == [5]


def test_new_nodes_know_their_rewrite_and_the_users_line():
    x = T.dvector("x")
    z = T.log(1 + T.exp(x))
    graph = FunctionGraph([x], [z])
    get_mode("FAST_RUN").rewrite(graph)
    (node,) = graph.toposort()
    assert node.made_by == "log_of_one_plus_exp"
    assert node.line is not None and node.line.line == z.owner.line.line and node.line.file == __file__


def test_names_stay_with_what_replaces_them():
    x = T.dvector("x")
    z = T.log(1 + T.exp(x))
    z.name = "z"
    graph = FunctionGraph([x], [z])
    get_mode("FAST_RUN").rewrite(graph)
    assert graph.outputs[0].name == "z"


def test_a_rewrite_that_raises_is_named(register: Any):
    @register(Promise.EXACT, on="exp")
    def faulty(fgraph, node):
        """exp(x) -> nothing good."""
        raise KeyError("oops")

    x = T.dvector("x")
    with pytest.raises(RewriteError, match=r"(?s)faulty .*test_rewriting\.py.*oops.*optimizer_excluding=faulty"):
        theano.function([x], T.exp(x))
    with theano.config.change_flags(optimizer_excluding="faulty"):
        assert theano.function([x], T.exp(x))([0.0]) == [1.0]
    with theano.config.change_flags(on_opt_error="ignore"):
        assert theano.function([x], T.exp(x))([0.0]) == [1.0]
    with theano.config.change_flags(on_opt_error="warn"), pytest.warns(UserWarning, match="faulty"):
        assert theano.function([x], T.exp(x))([0.0]) == [1.0]


def test_a_change_of_type_is_refused(register: Any):
    @register(Promise.EXACT, on="exp")
    def narrowing(fgraph, node):
        """exp(x) -> float32."""
        return [T.cast(node.outputs[0].owner.inputs[0], "float32")]

    x = T.dvector("x")
    with pytest.raises(RewriteError, match=r"narrowing.*float32"):
        theano.function([x], T.exp(x))


def test_rewrites_that_never_end_are_stopped(register: Any):
    @register(Promise.EXACT, on="sin")
    def there(fgraph, node):
        """sin(x) -> cos(x)."""
        return [T.cos(node.inputs[0])]

    @register(Promise.EXACT, on="cos")
    def back(fgraph, node):
        """cos(x) -> sin(x)."""
        return [T.sin(node.inputs[0])]

    x = T.dvector("x")
    with pytest.raises(RewriteError, match=r"does not come to an end.*(there|back)"):
        theano.function([x], T.sin(x))


def test_a_replacement_that_reads_what_it_replaces_is_refused(register: Any):
    @register(Promise.EXACT, on="sin")
    def around(fgraph, node):
        """sin(x) -> sin(x) + 0."""
        return [node.outputs[0] + 0]

    x = T.dvector("x")
    with pytest.raises(RewriteError, match="reads the variable it replaces"):
        theano.function([x], T.sin(x))


def test_two_rewrites_of_one_name_are_refused(register: Any):
    with pytest.raises(ValueError, match="times_one"):

        @register(Promise.EXACT, name="times_one")
        def another(fgraph, node):
            """x -> x."""


def test_a_rule_may_replace_other_variables(register: Any):
    @register(Promise.EXACT, on="sin")
    def elsewhere(fgraph, node):
        """sin(x), cos(x) -> sin(x), sin(x)."""

        others = [n for n in fgraph.toposort() if getattr(n.op, "name", "") == "cos"]
        return {n.outputs[0]: node.outputs[0] for n in others} or None

    x = T.dvector("x")
    graph = FunctionGraph([x], [T.sin(x), T.cos(x)])
    alone("elsewhere").rewrite(graph)
    assert graph.outputs[0] is graph.outputs[1]


def test_a_session_is_active_only_while_rules_run():
    assert engine.current() is None


def test_a_cast_through_floats_saturates_where_one_of_integers_would_wrap():
    x = T.vector("x", dtype="uint32")
    f = theano.function([x], T.cast(T.cast(x, "float64"), "int8"), mode="EXACT")
    assert f(np.array([300, 5], "uint32")).tolist() == [127, 5]


@pytest.mark.backend("reference")
@pytest.mark.parametrize("expression", [lambda x: x * 1, lambda x: x / 1, lambda x: x**1])
def test_one_is_not_neutral_to_complex_infinities(expression):
    x = T.zvector("x")
    values = np.array([complex(-np.inf, 0.0), complex(0.0, np.inf), complex(1.0, -0.0)])
    with np.errstate(all="ignore"):
        plain, exact = (theano.function([x], expression(x), mode=m)(values) for m in ("UNOPTIMIZED", "EXACT"))
    assert np.array_equal(plain.view("float64"), exact.view("float64"), equal_nan=True)


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_three_constants_come_to_rest_where_nobody_folds(dtype):
    a, b, c = (T.constant(np.array(k, dtype)) for k in (2, 3, 5))
    for expression, value in ((a + (b + c), 10), (a * (b * c), 30), ((c + b) + a, 10)):
        f = theano.function([], expression, mode=theano.Mode().excluding("constant_folding"))
        assert f() == value


def test_complex_constants_are_one_only_if_both_parts_are():
    numbers = complex(np.nan, np.inf), complex(np.nan, -np.inf), np.nan
    a, b, c = (T.constant(np.array(v, "complex64")) for v in numbers)
    assert len({v.signature() for v in (a, b, c)}) == 3
    assert a.signature() == T.constant(np.array(complex(-np.nan, np.inf), "complex64")).signature()
