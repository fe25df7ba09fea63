"""Every rewrite of loops applies where it should, keeps the values, and leaves alone what it must."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.compile.modes import Mode
from reference.graph.traversal import toposort
from reference.scan.op import Scan
from reference.tensor.linalg import Dot

X = np.arange(12.0).reshape(4, 3) / 7 - 0.5
Y = np.cos(np.arange(12.0)).reshape(4, 3)
W = np.sin(np.arange(9.0)).reshape(3, 3)
V = np.cos(np.arange(6.0)).reshape(3, 2)
H = np.array([0.5, -1.0, 0.25])
CUBE = np.sin(np.arange(24.0)).reshape(4, 2, 3)


def loops(f):
    return [node for node in f.fgraph.toposort() if isinstance(node.op, Scan)]


def dots(node):
    return sum(isinstance(inner.op, Dot) for inner in toposort(node.op.inner_outputs))


def scanned(step, sequences=(), states=(None,), **more):
    return theano.scan(step, sequences=list(sequences), outputs_info=list(states), **more)[0]


def compiled(inputs, outputs, mode="FAST_RUN"):
    return theano.function(inputs, outputs, mode=mode, on_unused_input="ignore")


def held_against_the_loop(inputs, outputs, values, mode="FAST_RUN"):
    """The function, after checking that it gives what the unoptimized loop gives."""
    f, plain = compiled(inputs, outputs, mode), compiled(inputs, outputs, "UNOPTIMIZED")
    given, expected = f(*values), plain(*values)
    for got, wanted in zip(*[v if isinstance(v, list) else [v] for v in (given, expected)]):
        assert got.shape == wanted.shape and got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
    return f


x, y, w, v, h = T.matrix("x"), T.matrix("y"), T.matrix("w"), T.matrix("v"), T.vector("h")
cube, n = T.tensor3("cube"), T.lscalar("n")


def recurrent(s, *terms):
    return T.tanh(s + sum(terms))


CASES = {
    "reads_dropped": (lambda: scanned(lambda a, b, s, r: (s * a, r + b), [x, y], [h, h])[0], [x, y, h], [X, Y, H]),
    "outputs_dropped": (lambda: scanned(lambda s, r: (s * 2, r + s), (), [h, h], n_steps=20)[0], [h], [H]),
    "outputs_once": (lambda: scanned(lambda s: (s * 2, s * 2), (), [h, None], n_steps=20), [h], [H]),
    "last_rows_only": (lambda: scanned(lambda a, s: recurrent(s, a), [x], [h])[-1], [x, h], [X, H]),
    "slice_to_own_length": (lambda: x[: x.shape[0]], [x], [X]),
    "invariant": (lambda: scanned(lambda s, w, v: recurrent(s, T.dot(w, v).sum(axis=1)), (), [h], non_sequences=[w, v],
                                  n_steps=n)[-1], [h, w, v, n], [H, W, V, 20]),
    "rows_at_once_safe": (lambda: scanned(lambda a, s: recurrent(s, T.exp(a)), [x], [h]), [x, h], [X, H]),
    "rows_at_once": (lambda: scanned(lambda a, b, s: recurrent(s, a * b), [x, y], [h]), [x, y, h], [X, Y, H]),
    "dots_at_once": (lambda: scanned(lambda a, s: recurrent(s, T.dot(a, w)), [x], [h]), [x, w, h], [X, W, H]),
    "rows_summed_first": (lambda: scanned(lambda a, b, s: T.tanh((a + s) + b), [x, y], [h]), [x, y, h], [X, Y, H]),
    "rows_after": (lambda: scanned(lambda a, s: (recurrent(s, a), T.nnet.softmax(recurrent(s, a))), [x], [h, None]),
                   [x, h], [X, H]),
    "dots_after": (lambda: scanned(lambda a, s: (recurrent(s, a), T.dot(recurrent(s, a), v)), [x], [h, None]),
                   [x, h, v], [X, H, V]),
    "gates_side_by_side": (
        lambda: scanned(lambda a, s: T.tanh(T.dot(a, w) + T.dot(s, w)) * T.tanh(T.dot(a, y) + T.dot(s, y)), [x], [h]),
        [x, w, y, h], [X, W, W.T, H]),
    "dots_of_one_operand": (
        lambda: scanned(lambda a, s: T.tanh(T.dot(s, w) * T.dot(s, y) + a), [x], [h]), [x, w, y, h], [X, W, W.T, H]),
    "written_down": (
        lambda: T.grad(scanned(lambda a, s: T.tanh(T.dot(s, w)) * T.nnet.sigmoid(T.dot(s, y) + a), [x], [h]).sum(), w),
        [x, w, y, h], [X, W, W.T, H]),
    "sum_of_dots": (
        lambda: scanned(lambda a, s, r: (T.tanh(T.dot(s, w) + T.dot(r, y) + a), T.tanh(s)), [x], [h, h])[0],
        [x, w, y, h], [X, W, W.T, H]),
    "sums_after": (
        lambda: T.grad(scanned(lambda a, s: T.tanh(T.dot(s, w) + a), [x], [h]).sum(), w), [x, w, h], [X, W, H]),
    "row_given_back": (lambda: scanned(lambda a: T.exp(a) * 2, [x]), [x], [X]),
    "row_given_back_checked": (lambda: scanned(lambda a: T.exp(a) * 2, [x], n_steps=n), [x, n], [X, 3]),
    "row_repeated": (lambda: scanned(lambda: h * 2, n_steps=n), [h, n], [H, 5]),
    "state_of_rows": (lambda: scanned(lambda a, s: (a * 2, T.exp(s)), [x], [h, None]), [x, h], [X, H]),
    "loops_joined": (
        lambda: [scanned(lambda a, s: recurrent(s, a), [x], [h]), scanned(lambda a, s: T.cos(s * a), [x], [h])],
        [x, h], [X, H]),
    "loops_chained": (
        lambda: scanned(lambda a, s: T.cos(s * a), [scanned(lambda a, s: recurrent(s, a), [x], [h])], [h]),
        [x, h], [X, H]),
    "loops_of_one_length": (
        lambda: [scanned(lambda s: T.tanh(s * 2), (), [x[0]], n_steps=n),
                 scanned(lambda s: T.cos(s * 3), (), [h], n_steps=n)], [x, h, n], [X, H, 9]),
    "few_steps_unrolled": (lambda: scanned(lambda s: T.tanh(s) * 2, (), [h], n_steps=3), [h], [H]),
    "pieces_put_together": (
        lambda: T.grad((T.exp(x[:, :1]).sum() + T.sqr(x[:, 1:2]).sum() + T.cos(x[:, 2:]).sum()), x), [x], [X]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_rewrite_applies_and_keeps_the_values(name):
    make, inputs, values = CASES[name]
    f = held_against_the_loop(inputs, make(), values)
    assert name in f.rewrites.counts()


MAPS = {
    "elements": lambda a: T.exp(a) * 2 + w[0],
    "outer product": lambda a: T.outer(a, a),
    "turned": lambda a: T.outer(a, w[0]).T,
    "sum": lambda a: a.sum(),
    "sum of an axis": lambda a: T.outer(a, a).sum(axis=0),
    "product, mean": lambda a: a.prod() + a.mean(),
    "largest": lambda a: a.max() + T.argmax(a),
    "largest and where": lambda a: T.max_and_argmax(a, axis=0),
    "all, any": lambda a: [(a > 0).all(), (a > 0).any()],
    "running sum": lambda a: T.cumsum(a, axis=0),
    "sorted": lambda a: [T.sort(a), T.argsort(a)],
    "softmax": lambda a: T.nnet.softmax(a)[0],
    "logsoftmax": lambda a: T.nnet.logsoftmax(T.outer(a, a)),
    "vector times matrix": lambda a: T.dot(a, w),
    "matrix times vector": lambda a: T.dot(w, a),
    "vector times vector": lambda a: T.dot(a, a) + T.dot(a, w[0]),
    "matrix times matrix": lambda a: T.dot(T.outer(a, w[0]), w),
    "matrix of weights times matrix": lambda a: T.dot(w, T.outer(w[0], a)),
    "vector of weights times matrix": lambda a: T.dot(w[1], T.outer(a, w[0])),
    "matrix times matrix of the step": lambda a: T.dot(T.outer(a, w[0]), T.outer(w[1], a)),
    "element": lambda a: a[1],
    "slice": lambda a: a[1:],
    "slice of a matrix": lambda a: T.outer(a, a)[:, ::-1],
    "row of a table": lambda a: w[T.cast(T.argmax(a), "int64")],
    "rows of a table": lambda a: w[T.argsort(a)],
    "elements at fixed places": lambda a: a[T.constant([2, 0])],
    "set": lambda a: T.set_subtensor(a[1:], 0.5),
    "incremented": lambda a: T.inc_subtensor(a[1], a[0]),
    "zeros with a part": lambda a: T.inc_subtensor(T.zeros(5)[1:4], a),
    "joined": lambda a: T.concatenate([a, w[0], a]),
    "stacked": lambda a: T.stack([a[0], w[0, 0], a[1] * 2]),
    "split": lambda a: T.split(a, [1, 2], 2, axis=0),
    "reshaped": lambda a: T.outer(a, a).reshape((9,)),
    "reshaped to a length": lambda a: T.outer(a, a).reshape((a.shape[0] * a.shape[0],)),
    "spread": lambda a: T.alloc(a, 2, 3),
    "cross-entropy": lambda a: T.nnet.categorical_crossentropy(
        T.nnet.softmax(T.outer(a, w[0])), T.constant([0, 1, 2])),
    "cross-entropy of the step": lambda a: T.nnet.categorical_crossentropy(
        T.nnet.softmax(T.outer(a, w[0])), T.argsort(a)),
    "length": lambda a: a.shape[0] + a,
}  # fmt: skip

STAY = {"reshaped to a length": "only a run tells that no length is -1"}


@pytest.mark.parametrize("name", MAPS)
def test_a_loop_of_independent_steps_is_no_loop(name):
    f = held_against_the_loop([x, w], scanned(MAPS[name], [x], None or ()), [X, W])
    assert bool(loops(f)) == (name in STAY)


@pytest.mark.parametrize("name", ["sum", "vector times matrix", "softmax", "slice", "joined", "split"])
@pytest.mark.parametrize("mode", ["FAST_RUN", "EXACT"])
def test_a_loop_of_no_steps_keeps_its_shape(name, mode):
    held_against_the_loop([x, w], scanned(MAPS[name], [x], ()), [X[:0], W], mode)


def test_a_map_of_matrices_is_no_loop():
    step = {
        "dot": lambda a: T.dot(a, w), "turned": lambda a: T.dot(w.T, a.T), "softmax": T.nnet.softmax,
        "batched": lambda a: T.batched_dot(T.stack([a, a]), T.stack([w, w])),
        "max": lambda a: a.max(axis=1), "part": lambda a: a[0, 1:], "take": lambda a: a[T.constant([1, 0])],
    }  # fmt: skip
    for make in step.values():
        assert not loops(held_against_the_loop([cube, w], scanned(make, [cube], ()), [CUBE, W]))


def test_a_sequence_too_short_for_its_loop_is_still_an_error():
    f = compiled([x, n], scanned(lambda a: a * 2, [x], (), n_steps=n))
    assert not loops(f) and f(X, 2).shape == (2, 3)
    with pytest.raises(ValueError, match="shape"):
        f(X, 9)


def test_what_may_end_early_stays():
    def step(a, s):
        return (s + a, T.exp(a)), theano.scan_module.until(s[0] > 0)

    f = held_against_the_loop([x, h], scanned(step, [x], [h, None]), [X, H])
    assert len(loops(f)) == 1


def test_what_prints_stays(capsys):
    f = compiled([x], scanned(lambda a: theano.printing.Print("a")(a) * 2, [x], ()))
    f(X[:2])
    assert capsys.readouterr().out.count("a __str__") == 2
    assert loops(f)


def test_a_loop_that_prints_is_not_joined():
    one = scanned(lambda a, s: theano.printing.Print("one")(s) + a, [x], [h])
    two = scanned(lambda a, s: theano.printing.Print("two")(s) + T.sqr(a), [x], [h])
    assert len(loops(compiled([x, h], [one, two]))) == 2


def test_loops_of_one_length_are_found_behind_other_expressions():
    first = scanned(lambda a, s: T.tanh(s * a), [x], [h])
    second = scanned(lambda a, s: T.cos(s - a), [T.nnet.softmax(T.dot(x, w))], [h])
    f = held_against_the_loop([x, w, h], [first, second, T.exp(first[::-1]).shape[0]], [X, W, H])
    assert len(loops(f)) == 1


def test_loops_that_are_not_of_a_kind_stay_apart():
    products = scanned(lambda s: T.tanh(T.dot(s, w)), (), [h], n_steps=n)
    elements = scanned(lambda s: T.tanh(s), (), [x[0]], n_steps=n)
    numbers = scanned(lambda s: T.cos(s), (), [y[0, 0]], n_steps=n)
    f = held_against_the_loop([x, y, w, h, n], [products, elements, numbers], [X, Y, W, H, 30])
    assert len(loops(f)) == 3


def test_a_chain_that_looks_back_or_ahead_stays_two_loops():
    first = scanned(lambda a, s: T.tanh(s + a), [x], [h])
    for rows in (first[::-1], T.concatenate([first[1:], first[:1]])):
        second = scanned(lambda a, s: T.cos(s * a), [rows], [h])
        assert len(loops(held_against_the_loop([x, h], second, [X, H]))) == 2


def test_a_layer_on_top_keeps_its_product_with_the_whole_sequence():
    """Joining two recurrent layers would bring the second's product with its sequence back into the step."""
    first = scanned(lambda a, s: T.tanh(T.dot(s, w) + a), [x], [h])
    second = scanned(lambda a, s: T.tanh(T.dot(s, w) + T.dot(a, y)), [first], [h])
    f = held_against_the_loop([x, y, w, h], second, [X, W.T, W, H])
    assert [dots(node) for node in loops(f)] == [1, 1]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_are_written_out_with_their_gradients(steps):
    rows, last = scanned(lambda s: (T.tanh(T.dot(s, w)), T.dot(s, s)), (), [h, None], n_steps=steps)
    outputs = [rows, last, *T.grad(rows.sum() + last[-1], [w, h])]
    f = held_against_the_loop([w, h], outputs, [W, H])
    assert len(loops(f)) <= (steps > 1) * 2


def test_a_short_loop_that_may_miss_rows_is_not_written_out():
    """Only the loop would say well what is missing."""
    for rows in (
        scanned(lambda a, s: s + a, [x], [h], n_steps=2),
        scanned(lambda s: s, (), [{"initial": x, "taps": [-2]}], n_steps=2),
    ):
        f = held_against_the_loop([x, h], rows, [X, H])
        assert loops(f)
    with pytest.raises(ValueError, match=r"for\{cpu,scan_fn\} runs 2 steps, but its sequence .* has 1 rows"):
        compiled([x, h], scanned(lambda a, s: s + a, [x], [h], n_steps=2))(X[:1], H)


def test_writing_out_is_limited_and_left_to_modes_that_may_hide_errors():
    rows = scanned(lambda s: T.tanh(s) * 2, (), [h], n_steps=3)
    assert loops(compiled([h], rows, "EXACT"))
    assert loops(compiled([h], scanned(lambda s: T.tanh(s) * 2, (), [h], n_steps=30)))
    with theano.config.change_flags(scan__unroll=0):
        assert loops(compiled([h], rows))


def test_what_both_directions_need_of_a_sequence_is_computed_once():
    cost = scanned(lambda a, s: T.tanh(T.dot(a, w) + T.dot(s, w)), [x], [h]).sum()
    f = held_against_the_loop([x, w, h], [cost, T.grad(cost, w)], [X, W, H])
    products = [node for node in f.fgraph.toposort() if isinstance(node.op, Dot)]
    assert sum(f.fgraph.inputs[0] in node.inputs for node in products) == 1


@pytest.mark.parametrize("name", CASES)
def test_exact_modes_keep_every_bit(name):
    make, inputs, values = CASES[name]
    outputs = make()
    exact, plain = (theano.function(inputs, outputs, mode=mode, on_unused_input="ignore") for mode in
                    (Mode(None, "exact"), "UNOPTIMIZED"))  # fmt: skip
    for got, wanted in zip(*[r if isinstance(r, list) else [r] for r in (exact(*values), plain(*values))]):
        assert got.tobytes() == wanted.tobytes()


def test_a_side_that_is_never_taken_stays_where_it_is():
    """Two rows cannot be multiplied with three: only a step that takes that side may say so."""

    def step(a, s):
        return theano.ifelse.ifelse(s[0] > 9, T.tanh(T.dot(a, v) + T.dot(s, v))[:1] + s, T.tanh(s + a))

    f = held_against_the_loop([x, h, v], scanned(step, [x], [h]), [X, H, V[:2]])
    assert len(loops(f)) == 1
