"""Scan: every spelling, held against a plain Python loop, with and without rewrites."""

import pickle

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.errors import MissingInputError
from reference.scan import dropped_updates, foldl, foldr, map, reduce, scan, until
from reference.scan.unroll import unroll
from reference.tensor.shared_randomstreams import RandomStreams

MODES = ["UNOPTIMIZED", "FAST_COMPILE", "EXACT", "FAST_RUN"]
V = np.arange(1.0, 7.0)
M = np.arange(6.0).reshape(3, 2)

x, v, w, m, n = T.dscalar("x"), T.dvector("v"), T.dvector("w"), T.dmatrix("m"), T.iscalar("n")
VALUES = {x: 2.0, v: V, w: V[:3] * 0.5, m: M, n: 3}
ZERO, ONE = T.constant(np.float64(0)), T.constant(np.float64(1))


def run(mode, outputs, updates=None):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    f = theano.function(list(VALUES), outputs, updates=updates, mode=mode, on_unused_input="ignore")
    return f(*VALUES.values())


def cumulative(items, start, step):
    rows = []
    for item in items:
        start = step(item, start)
        rows.append(start)
    return rows


FORMS = {
    "map": (lambda: scan(lambda a: a * 2, v), V * 2),
    "theano.map": (lambda: map(lambda a: a * 2, v), V * 2),
    "reduce": (lambda: reduce(lambda a, acc: acc + a, v, ZERO), 21.0),
    "foldl": (lambda: foldl(lambda a, acc: acc * 2 + a, v, ZERO), 120.0),
    "foldr": (lambda: foldr(lambda a, acc: acc * 2 + a, v, ZERO), 321.0),
    "reduce, two results": (lambda: reduce(lambda a, p, q: [p + a, q * a], v, [ZERO, ONE]), [21.0, 720.0]),
    "backwards": (
        lambda: scan(lambda a, acc: acc * 2 + a, v, ZERO, go_backwards=True),
        cumulative(V[::-1], 0, lambda a, acc: acc * 2 + a),
    ),
    "backwards, taps": (
        lambda: scan(lambda a, b: a * 10 + b, {"input": v, "taps": [0, 1]}, go_backwards=True),
        [56, 45, 34, 23, 12],
    ),
    "backwards, n_steps": (lambda: scan(lambda a: a, v, n_steps=2, go_backwards=True), [6, 5]),
    "tap -1": (lambda: scan(lambda a: a, {"input": v, "taps": [-1]}), V[:5]),
    "tap 1": (lambda: scan(lambda a: a, {"input": v, "taps": [1]}), V[1:]),
    "tap given as a number": (lambda: scan(lambda a: a, {"input": v, "taps": 1}), V[1:]),
    "taps -2 0 2": (
        lambda: scan(lambda a, b, c: a + 10 * b + 100 * c, {"input": v, "taps": [-2, 0, 2]}),
        [531, 642],
    ),
    "taps in the order given": (lambda: scan(lambda a, b: a - b, {"input": v, "taps": [2, -2]}), [4, 4]),
    "the shortest of two sequences": (lambda: scan(lambda a, b: a + b, [v, w]), V[:3] * 1.5),
    "fewer steps than rows": (lambda: scan(lambda a: a, v, n_steps=2), V[:2]),
    "rows of a matrix": (lambda: scan(lambda row: row.sum(), m), M.sum(axis=1)),
    "state": (lambda: scan(lambda a: a * 2, outputs_info=v, n_steps=2), [V * 2, V * 4]),
    "symbolic n_steps": (lambda: scan(lambda a: a + 1, outputs_info=x, n_steps=n), [3, 4, 5]),
    "constant n_steps of 1": (lambda: scan(lambda a: a + 1, outputs_info=x, n_steps=1), [3]),
    "no steps": (lambda: scan(lambda a: a + 1, outputs_info=v, n_steps=0), np.empty((0, 6))),
    "no rows": (lambda: scan(lambda row: row.sum() * row, m[:0]), np.empty((0, 2))),
    "no rows and a state": (
        lambda: scan(lambda row, p: [p + row.sum(), row], m[:0], [x, None]),
        [np.empty(0), np.empty((0, 2))],
    ),
    "two taps": (
        lambda: scan(lambda a, b: a + b, outputs_info={"initial": v[:2], "taps": [-2, -1]}, n_steps=5),
        [3, 5, 8, 13, 21],
    ),
    "taps of a state in the order given": (
        lambda: scan(lambda a, b: a * 10 + b, outputs_info={"initial": v[:2], "taps": [-1, -2]}, n_steps=2),
        [21, 212],
    ),
    "initial value longer than needed": (
        lambda: scan(lambda a, b: a + b, outputs_info={"initial": v, "taps": [-3, -1]}, n_steps=4),
        [4, 6, 9, 13],
    ),
    "tap -2 alone": (
        lambda: scan(lambda a: a + 1, outputs_info={"initial": v[:2] * 10, "taps": [-2]}, n_steps=5),
        [11, 21, 12, 22, 13],
    ),
    "initial without taps": (
        lambda: scan(lambda a: a + 1, outputs_info={"initial": x, "taps": None}, n_steps=2),
        [3, 4],
    ),
    "a mix of outputs": (
        lambda: scan(lambda a, p: [a, p + a, a * p], v[:3], [None, x, {}]),
        [[1, 2, 3], [3, 5, 8], [2, 6, 15]],
    ),
    "numbers as initial values": (lambda: scan(lambda p: p + 1, outputs_info=[0], n_steps=2), [1, 2]),
    "a number as non-sequence": (lambda: scan(lambda a, k: a * k, v, non_sequences=3), V * 3),
    "an array as non-sequence": (lambda: scan(lambda a, k: a * k.sum(), v, non_sequences=[np.ones(3)]), V * 3),
    "an array as sequence": (lambda: scan(lambda a: a * 2, np.arange(3.0)), [0, 2, 4]),
    "a captured variable": (lambda: scan(lambda a: a * x, v), V * 2),
    "a captured expression": (lambda: scan(lambda a: a * (x**2 + w[0]), v), V * 4.5),
    "an explicit expression": (lambda: scan(lambda a, k: a * k, v, non_sequences=x**2), V * 4),
    "the step returns its input": (lambda: scan(lambda a: a, v), V),
    "the step returns a captured variable": (lambda: scan(lambda a: x, v), np.full(6, 2.0)),
    "the step returns a constant": (lambda: scan(lambda a: T.constant(3), v), np.full(6, 3)),
    "until": (
        lambda: scan(lambda p: (p * 2, until(p * 2 > 45)), outputs_info=ONE, n_steps=1024),
        [2, 4, 8, 16, 32, 64],
    ),
    "until at the first step": (lambda: scan(lambda p: (p * 2, until(p > 0)), outputs_info=ONE, n_steps=10), [2]),
    "until never": (lambda: scan(lambda p: (p * 2, until(p > 1e9)), outputs_info=ONE, n_steps=3), [2, 4, 8]),
    "until after many rows": (
        lambda: scan(lambda p: (p + 1, until(p > 150)), outputs_info=ZERO, n_steps=10**9),
        np.arange(1.0, 153.0),
    ),
    "until, mapped": (lambda: scan(lambda a: (a * 2, until(a > 2)), v), [2, 4, 6]),
    "nested": (lambda: scan(lambda row: scan(lambda e, p: p + e, row, ZERO)[0], m), np.cumsum(M, axis=1)),
    "nested, captured": (
        lambda: scan(lambda row: scan(lambda e: e * x + row.sum(), row)[0], m),
        M * 2 + M.sum(axis=1, keepdims=True),
    ),
    "the last of a nested loop": (lambda: scan(lambda row: scan(lambda e, p: p + e, row, ZERO)[0][-1], m), M.sum(1)),
    "a loop over a loop's output": (lambda: scan(lambda a: a + 1, scan(lambda a: a * 2, v)[0]), V * 2 + 1),
    "a broadcastable initial value": (
        lambda: scan(lambda p: p + m[:1], outputs_info=T.zeros((1, 2)), n_steps=2),
        [M[:1], 2 * M[:1]],
    ),
    "the last row": (lambda: (scan(lambda p: p + 1, outputs_info=x, n_steps=4)[0][-1], {}), 6.0),
    "the last rows": (lambda: (scan(lambda p: p + 1, outputs_info=x, n_steps=4)[0][-2:], {}), [5.0, 6.0]),
    "all rows backwards": (lambda: (scan(lambda p: p + 1, outputs_info=x, n_steps=3)[0][::-1], {}), [5, 4, 3]),
    "one row of a two-tap state": (
        lambda: (scan(lambda a, b: a + b, outputs_info={"initial": v[:2], "taps": [-2, -1]}, n_steps=5)[0][-3], {}),
        8.0,
    ),
    "three tuples": (
        lambda: scan(lambda a, p: (a + p, a - p, a * p), v[:2], [x, None, None]),
        [[3, 5], [-1, -1], [2, 6]],
    ),
    "a list of one": (lambda: scan(lambda a: [a], v), V),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_a_loop_computes_what_python_computes(form, mode):
    build, expected = FORMS[form]
    outputs, updates = build()
    several = isinstance(outputs, list)
    results = run(mode, outputs, updates)
    for result, wanted in zip(results, expected if several else [expected], strict=True):
        assert np.array_equal(result, wanted)
        assert result.shape == np.shape(wanted)


def test_until_in_a_loop_without_sequences_ends_with_the_row_that_met_it():
    total, _ = scan(lambda i, acc: (acc + i, until(acc + i > 10)), T.arange(100), T.constant(np.int64(0)))
    assert theano.function([], total[-1])() == 15


REFUSED = {
    "0-d sequence": (lambda: scan(lambda a: a, x), ValueError, "leading dimension"),
    "no number of steps": (lambda: scan(lambda a: a + 1, outputs_info=ZERO), ValueError, "number of steps"),
    "float n_steps": (
        lambda: scan(lambda a: a + 1, outputs_info=ZERO, n_steps=x),
        ValueError,
        "n_steps must be an int",
    ),
    "tap 0": (
        lambda: scan(lambda a: a, outputs_info={"initial": v, "taps": [0]}, n_steps=5),
        ValueError,
        "smaller than 0",
    ),
    "taps twice": (
        lambda: scan(lambda a, b: a, outputs_info={"initial": v, "taps": [-1, -1]}, n_steps=5),
        ValueError,
        "different",
    ),
    "taps without initial": (
        lambda: scan(lambda a: a, outputs_info={"taps": [-1]}, n_steps=5),
        ValueError,
        "initial state",
    ),
    "0-d initial with taps": (
        lambda: scan(lambda a: a, outputs_info={"initial": x, "taps": [-2]}, n_steps=5),
        ValueError,
        "leading dimension",
    ),
    "too few infos": (lambda: scan(lambda a, p: [a, p], v, [x]), ValueError, "provide None as outputs_info"),
    "too many infos": (lambda: scan(lambda a, p, q: a, v, [x, x]), ValueError, "provide None as outputs_info"),
    "dtype": (
        lambda: scan(lambda p: p + x, outputs_info=T.constant(np.float32(0)), n_steps=2),
        ValueError,
        "float32, but the step gives float64. Cast the initial value",
    ),
    "rank": (lambda: scan(lambda p: p + v, outputs_info=x, n_steps=2), ValueError, "0 dimension"),
    "a Python number": (lambda: scan(lambda a: 3, v), ValueError, "T.constant"),
    "only a condition": (lambda: scan(lambda a: until(a > 3), v), ValueError, "until"),
    "a condition with a dimension": (lambda: scan(lambda a: (a, until(v > 3)), v), TypeError, "scalar"),
    "wrong arity": (lambda: scan(lambda: x, v), TypeError, "positional"),
    "truncate_gradient=0": (lambda: scan(lambda a: a, v, truncate_gradient=0), ValueError, "truncate_gradient"),
    "an odd sequence": (lambda: scan(lambda a: a, {"inputs": v}), ValueError, "dict"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_a_wrong_loop_is_refused_while_it_is_built(form):
    build, error, text = REFUSED[form]
    with pytest.raises(error, match=text):
        build()


FAILING = {
    "sequence too short": (lambda: scan(lambda a: a, v, n_steps=10)[0], ValueError, "10 steps, .* 6 rows"),
    "initial too short": (
        lambda: scan(lambda a: a, outputs_info={"initial": w, "taps": [-4]}, n_steps=2)[0],
        ValueError,
        "need 4 initial",
    ),
    "negative n_steps": (lambda: scan(lambda a: a + 1, outputs_info=x, n_steps=-n)[0], ValueError, "negative"),
    "a state that grows": (
        lambda: scan(lambda p: T.concatenate([p, p]), outputs_info=v, n_steps=3)[0],
        ValueError,
        r"it had \(6,\), step 0 gave \(12,\)",
    ),
    "rows of several lengths": (
        lambda: scan(lambda k: T.arange(k), T.arange(1, 4))[0],
        ValueError,
        r"it had \(1,\), step 1 gave \(2,\)",
    ),
    "an error in a step": (lambda: scan(lambda k: v[k], T.arange(4, 9))[0], IndexError, "step 2 of 5"),
}


@pytest.mark.parametrize("form", FAILING)
def test_a_failing_step_says_which_and_why(form):
    build, error, text = FAILING[form]
    with pytest.raises(error, match=text):
        run("UNOPTIMIZED", build())


@pytest.mark.parametrize("mode", MODES)
def test_updates_see_the_value_before_the_step(mode):
    c = theano.shared(0.0, name="c")
    outputs, updates = scan(lambda a: (c + a, {c: c + 1}), v)
    f = theano.function([v], outputs, updates=updates, mode=mode)
    assert f(V).tolist() == [1, 3, 5, 7, 9, 11]
    assert c.get_value() == 6
    assert f(V).tolist() == [7, 9, 11, 13, 15, 17]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_added_up_may_have_another_length_in_every_step(mode):
    c = theano.shared(0, name="c")
    _, updates = scan(lambda k: {c: c + T.arange(k).sum()}, T.arange(5))
    theano.function([], [], updates=updates, mode=mode)()
    assert c.get_value() == 0 + 0 + 1 + 3 + 6


def test_updates_may_be_pairs_and_stand_alone():
    c = theano.shared(0.0, name="c")
    outputs, updates = scan(lambda: [(c, c + 1)], n_steps=5)
    assert outputs is None
    theano.function([], [], updates=updates)()
    assert c.get_value() == 5


def test_an_update_is_a_variable_of_the_outer_graph():
    a = theano.shared(1)
    _, updates = scan(lambda: {a: a + 1}, n_steps=10)
    assert [int(r) for r in theano.function([], [a + 1, updates[a] + 1], updates=updates)()] == [2, 12]
    assert a.get_value() == 11


def test_no_steps_leave_shared_variables_as_they_are():
    c = theano.shared(np.ones(2), name="c")
    _, updates = scan(lambda: {c: c + 1}, n_steps=n)
    f = theano.function([n], [], updates=updates)
    f(0)
    assert c.get_value().tolist() == [1, 1]
    f(2)
    assert c.get_value().tolist() == [3, 3]


def test_strict_refuses_undeclared_shared_variables_only():
    s = theano.shared(3.0, name="W")
    with pytest.raises(MissingInputError, match="W"):
        scan(lambda a: a * s, v, strict=True)
    scan(lambda a, s: a * s + x**2, v, non_sequences=s, strict=True)


def test_return_list():
    assert isinstance(scan(lambda a: a, v, return_list=True)[0], list)


def test_the_text_names_the_loop_and_its_inner_variables():
    outputs, _ = scan(lambda a, b, p: a * b + p * x, {"input": v, "taps": [0, 1]}, w[0], name="walk")
    node = outputs.owner
    assert str(node.op) == "for{cpu,walk}"
    assert [i.name for i in node.op.inner_inputs] == ["v[t]", "v[t+1]", "[t-1]", "x_copy"]
    assert node.op.outer_of(node)[3] is x
    loop, _ = scan(lambda p: (p, until(p > 1)), outputs_info=x, n_steps=3)
    assert str(loop.owner.op) == "do_while{cpu,scan_fn}"
    assert [str(i) for i in loop.owner.op.inner_inputs] == ["x[t-1]"]


def test_equal_loops_are_equal_and_others_are_not():
    def loop(step, **options):
        return scan(step, v, x, **options)[0].owner.op

    one = loop(lambda a, p: a * p)
    assert one == loop(lambda a, p: a * p)
    assert hash(one) == hash(loop(lambda a, p: a * p))
    assert one != loop(lambda a, p: p * a)
    assert one != loop(lambda a, p: a + p)
    assert one != loop(lambda a, p: a * p, name="other")


def test_a_loop_can_be_pickled():
    outputs, _ = scan(lambda a, p: a * p + w.sum(), v, x)
    op = outputs.owner.op
    assert pickle.loads(pickle.dumps(op)) == op


@pytest.mark.parametrize("form", ["two taps", "a mix of outputs", "tap -2 alone", "fewer steps than rows"])
def test_the_unrolled_graph_computes_the_same(form):
    outputs, _ = FORMS[form][0]()
    outputs = outputs if isinstance(outputs, list) else [outputs]
    results = run("UNOPTIMIZED", outputs)
    for a, b in zip(results, run("UNOPTIMIZED", unroll(outputs, len(results[0]))), strict=True):
        assert np.array_equal(a, b)


# Random streams in loops


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("captured", [False, True])
def test_a_random_variable_is_drawn_in_every_step(mode, captured):
    streams = RandomStreams(7)
    if captured:
        r = streams.uniform(())
        outputs, updates = scan(lambda: r + 0, n_steps=3)
    else:
        outputs, updates = scan(lambda: streams.uniform(()), n_steps=3)
    f = theano.function([], outputs, updates=updates, mode=mode)
    drawn = [*f(), *f()]
    single = theano.function([], RandomStreams(7).uniform(()))
    assert drawn == [single() for _ in range(6)]


def test_dropped_random_updates_are_named():
    streams = RandomStreams(7)
    outputs, updates = scan(lambda: streams.uniform(()), n_steps=3)
    assert dropped_updates([outputs], {}) == [streams.state_updates[0][0]]
    assert dropped_updates([outputs], updates) == []


def gibbs(version, steps=10):
    rng = np.random.RandomState(0)
    W = theano.shared(rng.uniform(-1, 1, (8, 6)), name="W")
    bvis, bhid = theano.shared(np.zeros(8), name="bvis"), theano.shared(np.zeros(6), name="bhid")
    streams = RandomStreams(1234)

    def step(vsample, W, bvis, bhid):
        hmean = T.nnet.sigmoid(T.dot(vsample, W) + bhid)
        hsample = streams.binomial(size=hmean.shape, n=1, p=hmean)
        vmean = T.nnet.sigmoid(T.dot(hsample, W.T) + bvis)
        return streams.binomial(size=vsample.shape, n=1, p=vmean, dtype=theano.config.floatX)

    sample = T.vector("sample")
    if version == "captured":
        rows, updates = scan(lambda s: step(s, W, bvis, bhid), outputs_info=sample, n_steps=steps)
    else:
        rows, updates = scan(
            step, outputs_info=sample, non_sequences=[W, bvis, bhid], n_steps=steps, strict=version == "strict"
        )
    return sample, rows, updates


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["explicit", "strict"])
def test_captured_and_explicit_variables_give_the_same_text_and_samples(mode, version):
    results, texts = [], []
    for kind in ("captured", version):
        sample, rows, updates = gibbs(kind)
        f = theano.function([sample], [rows, rows[-1]], updates=updates, mode=mode)
        results.append([f(np.ones(8)), f(np.ones(8))])
        texts.append(theano.printing.debugprint(f, file="str"))
    for a, b in zip(results[0], results[1]):
        assert all(np.array_equal(p, q) for p, q in zip(a, b))
    assert not np.array_equal(results[0][0][0], results[0][1][0])
    assert texts[0] == texts[1]


def test_every_mode_draws_the_same_samples():
    drawn = []
    for mode in MODES:
        sample, rows, updates = gibbs("captured")
        drawn.append(theano.function([sample], rows, updates=updates, mode=mode)(np.ones(8)))
    assert all(np.array_equal(d, drawn[0]) for d in drawn)


@pytest.mark.parametrize("pick", [lambda out: out.shape, lambda out: out])
def test_optimizing_leaves_the_users_step_as_it_was(pick):
    """What a step computes from constants alone may move out of the loop; the user's own loop keeps it."""

    def step(row):
        drawn = RandomStreams(0).random_integers(size=(5,)) + 2 + T.stack([2, 3]).sum()
        return RandomStreams(1).uniform(size=T.maximum(drawn, 1).shape)

    out, updates = theano.map(step, sequences=[m])
    before = theano.printing.debugprint(out, file="str")
    theano.function([m], pick(out), updates=updates, mode="FAST_RUN")
    assert theano.printing.debugprint(out, file="str") == before


@pytest.mark.parametrize("mode", MODES)
def test_a_shared_variable_is_an_output_like_any_other(mode):
    """(shared, until(...)) and (shared, {...}) are an output and what else a step returns, not one update."""
    a, b = theano.shared(2.0), theano.shared(1.0)
    out, updates = scan(lambda h: (a, until(h > 3)), v)
    assert not updates
    assert np.array_equal(run(mode, out)[0], [2.0] * 4)
    out, updates = scan(lambda: (a, {b: b * 2}), n_steps=3)
    assert list(updates) == [b]
    assert np.array_equal(run(mode, out, updates)[0], [2.0] * 3)
    assert b.get_value() == 8.0


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_that_does_nothing_prints_nothing(mode, capsys):
    """The shape of no rows is told by a step on zeros, which is nobody's step."""
    out, _ = scan(lambda row: theano.printing.Print("row")(row), v)
    assert theano.function([v], out, mode=mode)([]).shape == (0,)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("mode", MODES)
def test_the_last_row_may_be_cut_to_a_length_that_is_found_out_later(mode):
    rows, _ = map(lambda row: T.shape_padaxis(T.minimum(row.sum(), x), 0), m)
    last = rows[-1]
    out, _ = scan(lambda r, h: T.tanh(r + h), last, x, n_steps=last.shape[0])
    assert np.allclose(run(mode, out)[0], np.tanh([4.0]))


REVERSED = {
    "a state": (lambda seq, **o: scan(lambda a, p: T.tanh(a + p), seq, x, **o)[0], [v, x]),
    "a number of steps": (lambda seq, **o: scan(lambda a, p: T.tanh(a + p), seq, x, n_steps=n, **o)[0], [v, x, n]),
    "the last row": (lambda seq, **o: scan(lambda a, p: p * a, seq, x, **o)[0][-1], [v, x]),
    "its gradient": (lambda seq, **o: T.grad(scan(lambda a, p: p * a, seq, x, **o)[0][-1], [v, x]), [v, x]),
    "a map": (lambda seq, **o: scan(lambda a: T.exp(a) * x, seq, **o)[0], [v, x]),
    "two sequences": (lambda seq, **o: scan(lambda a, b, p: p * a + b, [seq, seq], x, **o)[0], [v, x]),
}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("form", REVERSED)
def test_a_sequence_read_backwards_prints_as_the_sequence_turned_round(form, mode):
    build, inputs = REVERSED[form]
    both = build(v, go_backwards=True), build(v[::-1])
    functions = [theano.function(inputs, out, mode=mode) for out in both]
    one, other = (theano.printing.debugprint(f, file="str") for f in functions)
    assert one == other
    results = [f(*[VALUES[i] for i in inputs]) for f in functions]
    for a, b in zip(*[r if isinstance(r, list) else [r] for r in results], strict=True):
        assert np.array_equal(a, b)


def test_the_text_of_a_loop_that_reads_backwards():
    out, _ = scan(lambda a, p: T.tanh(a + p), v, x, go_backwards=True)
    assert theano.printing.debugprint(theano.function([v, x], out), file="str", ids="") == (
        "for{cpu,scan_fn}  ''   3\n"
        " |Shape_i{0}  ''   1\n"
        " | |Subtensor{::int64}  ''   0\n"
        " |   |v \n"
        " |   |Constant{-1} \n"
        " |Subtensor{::int64}  ''   0\n"
        " |DimShuffle{x}  ''   2\n"
        "   |x \n"
        "\n"
        "Inner graphs of the scan ops:\n"
        "\n"
        "for{cpu,scan_fn}  ''   \n"
        " >Elemwise{tanh,no_inplace}  ''   \n"
        " > |Elemwise{add,no_inplace}  ''   \n"
        " >   |v[t] \n"
        " >   |x[t-1] \n"
    )


def test_the_text_of_gibbs_sampling():
    """What is captured and what is passed, one text; what is the same in every step stands outside."""
    sample, rows, updates = gibbs("captured")
    f = theano.function([sample], rows[-1], updates=updates)
    inner = theano.printing.debugprint(f, file="str", ids="").split("Inner graphs of the scan ops:")[1]
    for line in ("W_copy", "bhid_copy", "bvis_copy", "W.T_copy", "sample[t-1]"):
        assert line in inner
    assert "InplaceDimShuffle" not in inner
