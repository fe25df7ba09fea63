"""Gradients of loops: held against the unrolled graph, against finite differences, and in closed form."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.gradient import verify_grad
from reference.graph.errors import DisconnectedInputError
from reference.scan import reduce, scan, until
from reference.scan.unroll import unroll
from reference.tensor.shared_randomstreams import RandomStreams

MODES = ["UNOPTIMIZED", "FAST_RUN"]
rng = np.random.RandomState(0)
x, W, h, k = T.dvector("x"), T.dmatrix("W"), T.dmatrix("h"), T.iscalar("k")
X, WV, H = rng.rand(4), rng.rand(3, 3), rng.rand(2, 3)
ONE = T.constant(np.float64(1))


def times(p, w):
    return (p.dimshuffle(0, "x") * w).sum(axis=0)


LOOPS = {
    "map": (lambda x: scan(lambda a: T.exp(a) * a, x)[0], [X]),
    "recurrence": (lambda x, W, h: scan(lambda a, p, w: T.tanh(times(p, w) + a), x, h[0], W)[0], [X, WV, H]),
    "backwards": (
        lambda x, W, h: scan(lambda a, p: T.tanh(times(p, W) + a), x, h[0], go_backwards=True)[0],
        [X, WV, H],
    ),
    "taps -2 -1": (
        lambda x, W, h: scan(lambda a, p, q: T.tanh(times(p, W) * a + q), x, {"initial": h, "taps": [-2, -1]})[0],
        [X, WV, H],
    ),
    "tap -2": (lambda x, h: scan(lambda a, p: T.sin(p) * a, x, {"initial": h, "taps": [-2]})[0], [X, H]),
    "several outputs": (
        lambda x, h: T.concatenate(
            [
                o.flatten()
                for o in scan(
                    lambda a, b, p, q: [T.tanh(p * a + q), T.sin(q) + p * b, p * q],
                    {"input": x, "taps": [0, -1]},
                    [h[0], h[1], None],
                )[0]
            ]
        ),
        [X, H],
    ),
    "captured expressions": (
        lambda x, W, h: scan(lambda a, p: T.tanh(times(p, W**2) + a * h[1]), x, h[0])[0],
        [X, WV, H],
    ),
    "fewer steps than rows": (lambda x: scan(lambda a, p: p * a, x, ONE, n_steps=2)[0], [X]),
    "one state read by nobody": (lambda x, h: scan(lambda a, p: a * h[0], x, h[1])[0], [X, H]),
    "only the last": (lambda x: reduce(lambda a, p: T.sin(p) * a, x, ONE)[0], [X]),
    "a nested loop": (
        lambda W: scan(lambda row: scan(lambda e, p: T.sin(p) * e, row, ONE)[0], W)[0],
        [WV],
    ),
    "a nested loop in a recurrence": (
        lambda W, h: scan(lambda row, p: p * scan(lambda e, q: T.sin(q) * e + p.sum(), row, ONE)[0][-1], W, h[0])[0],
        [WV, H],
    ),
    "integers beside floats": (
        lambda x: scan(lambda i, a, p: p * a + T.cast(i, "float64"), [T.arange(4), x], ONE)[0],
        [X],
    ),
    "an integer state": (
        lambda x: scan(lambda a, i, p: [i + 1, p * a * i], x, [T.constant(np.int64(1)), ONE])[0][1],
        [X],
    ),
    "a shared carry": (lambda x: _with_carry(x), [X]),
}


def _with_carry(x):
    c = theano.shared(0.5, name="c")
    outputs, updates = scan(lambda a: (c * a, {c: T.sin(c) + a}), x)
    return T.concatenate([outputs, updates[c].dimshuffle("x")])


@pytest.mark.parametrize("name", LOOPS)
def test_gradients_agree_with_finite_differences(name):
    build, values = LOOPS[name]
    verify_grad(build, values, n_tests=1)


UNROLLED = [name for name in LOOPS if "fewer" not in name and "nested" not in name and "several" not in name]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", UNROLLED)
def test_gradients_of_three_orders_agree_with_the_unrolled_loop(name, mode):
    build, values = LOOPS[name]
    args = [{1: x, 2: h if v is H else W}[v.ndim] for v in values]
    rows = build(*args)
    cost = (rows * T.cos(T.arange(rows.size).reshape(rows.shape))).sum()
    for _ in range(3):
        found = T.grad(cost, args, disconnected_inputs="ignore")
        steps = 3 if name.startswith("a nested") else 4
        options = {"mode": mode, "on_unused_input": "ignore"}
        loop = theano.function(args, [cost, *found], **options)(*values)
        plain = theano.function(args, unroll([cost, *found], steps), **options)(*values)
        for a, b in zip(loop, plain):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
        cost = sum((g * T.cos(T.arange(g.size).reshape(g.shape))).sum() for g in found)


def power(truncate, steps=5):
    a = T.dscalar("a")
    p, _ = scan(lambda p, a: p * a, outputs_info=ONE, non_sequences=a, n_steps=steps, truncate_gradient=truncate)
    return a, p


@pytest.mark.parametrize(("truncate", "slope"), [(-1, 80), (1, 16), (2, 32), (5, 80), (10, 80)])
def test_a_truncated_gradient_flows_through_the_last_steps(truncate, slope):
    a, p = power(truncate)
    assert theano.function([a], T.grad(p[-1], a))(2.0) == slope


@pytest.mark.parametrize("truncate", [1, 2, 3, 4, 7])
def test_a_truncated_gradient_reaches_sequences_and_initial_values_of_the_last_steps(truncate):
    """As the unrolled loop, with the states cut off before the steps that count."""
    steps = 5
    seq, start = T.dvector("seq"), T.dvector("start")

    def step(a, p, q):
        return T.sin(p) * a + q * q

    rows, _ = scan(step, seq, {"initial": start, "taps": [-3, -1]}, truncate_gradient=truncate)
    past = [start[0], start[1], start[2]]
    for t in range(steps):
        if t == max(0, steps - truncate):
            past = [*past[:3], *[theano.gradient.disconnected_grad(p) for p in past[3:]]]
        row = seq[t] if t >= steps - truncate else theano.gradient.disconnected_grad(seq[t])
        past.append(step(row, past[t], past[t + 2]))
    options = {"disconnected_inputs": "ignore"}
    values = [rng.rand(steps), rng.rand(3)]
    found = theano.function([seq, start], T.grad(rows[-1], [seq, start]))(*values)
    wanted = theano.function([seq, start], T.grad(past[-1], [seq, start], **options))(*values)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b)


def test_the_fourth_derivative_of_a_power():
    a, p = power(-1)
    y = p[-1]
    found = []
    for _ in range(4):
        y = T.grad(y, a)
        found.append(y)
    assert [float(r) for r in theano.function([a], found)(2.0)] == [80, 160, 240, 240]


@pytest.mark.parametrize("mode", MODES)
def test_an_until_loop_has_the_gradient_of_the_steps_it_makes(mode):
    a, seq = T.dscalar("a"), T.dvector("seq")

    def step(s, p, a):
        new = p * a + s
        return new, until(new > 20)

    rows, _ = scan(step, seq, ONE, a, n_steps=50)
    cost = (rows * rows).sum()
    found = T.grad(cost, [a, seq])
    plain = unroll([cost], 5)[0]
    wanted = T.grad(plain, [a, seq])
    values = [2.0, np.linspace(0, 1, 50)]
    f = theano.function([a, seq], [rows, *found], mode=mode)
    results = f(*values)
    assert len(results[0]) == 5
    for r, t in zip(results[1:], theano.function([a, seq], wanted, on_unused_input="ignore")(*values)):
        np.testing.assert_allclose(r, t)
    assert results[2].shape == (50,)


def test_no_steps_have_zero_gradients():
    a, seq = T.dscalar("a"), T.dvector("seq")
    rows, _ = scan(lambda s, p: p * a + s, seq, a)
    f = theano.function([a, seq], [rows, *T.grad(rows.sum(), [a, seq])])
    rows, slope, rest = f(2.0, np.empty(0))
    assert rows.shape == rest.shape == (0,)
    assert slope == 0


def test_the_number_of_steps_has_no_gradient():
    rows, _ = scan(lambda p: p + 1, outputs_info=ONE, n_steps=k)
    with pytest.raises(DisconnectedInputError):
        T.grad(rows[-1], k)


def test_a_step_may_take_a_gradient():
    a = T.dvector("a")
    rows, _ = scan(lambda s: T.grad(T.sin(s) * s, s), a)
    values = rng.rand(3)
    np.testing.assert_allclose(theano.function([a], rows)(values), np.cos(values) * values + np.sin(values))


@pytest.mark.parametrize("mode", MODES)
def test_random_numbers_are_the_same_in_the_gradient(mode):
    """Every step multiplies by noise; the gradient must see the noise of that step."""
    a = T.dscalar("a")
    streams = RandomStreams(5)

    def step(p):
        noise = streams.uniform(())
        return [p * a * noise, noise]

    (rows, noise), updates = scan(step, outputs_info=[ONE, None], n_steps=4)
    f = theano.function([a], [rows[-1], T.grad(rows[-1], a), noise], updates=updates, mode=mode)
    for _ in range(2):
        last, slope, noise_seen = f(2.0)
        np.testing.assert_allclose(last, 16 * noise_seen.prod())
        np.testing.assert_allclose(slope, 32 * noise_seen.prod())


def test_the_product_through_draws_in_a_loop_says_what_has_no_gradient():
    """The state of the stream, which the draw gives, too, has none to be asked for."""
    a, streams = T.dvector("a"), RandomStreams(5)
    whole, updates = scan(lambda p: streams.binomial(size=(), n=3, p=p), sequences=a)
    sharp, _ = scan(lambda p: streams.normal(size=(), avg=p), sequences=a)
    values = np.array([0.25, 0.5])
    assert theano.function([a], theano.Rop(whole, a, T.ones_like(a)), updates=updates)(values).tolist() == [0, 0]
    with pytest.raises(theano.gradient.NullTypeGradError, match="no gradient with respect to the distribution"):
        theano.Rop(sharp, a, T.ones_like(a))


def test_float32_states_keep_their_dtype():
    seq, start = T.fvector("seq"), T.fscalar("start")
    rows, _ = scan(lambda a, p: T.tanh(p + a), seq, start)
    f = theano.function([seq, start], T.grad(rows.sum(), [seq, start]))
    assert [g.dtype.name for g in f(np.ones(3, "float32"), 1.0)] == ["float32", "float32"]


def test_the_gradient_loop_is_named_after_the_loop():
    rows, _ = scan(lambda a, p: p * a, x, ONE, name="walk")
    text = theano.printing.debugprint(T.grad(rows.sum(), x), file="str")
    assert "for{cpu,grad_of_walk}" in text


@pytest.mark.parametrize("mode", MODES)
def test_the_jacobian_and_hessian(mode):
    v = T.dvector("v")
    y = T.sin(v) * v.sum()
    J = theano.function([v], theano.gradient.jacobian(y, v), mode=mode)(X)
    np.testing.assert_allclose(J, np.diag(np.cos(X) * X.sum()) + np.sin(X)[:, None])
    Hs = theano.function([v], theano.gradient.hessian((v**3).sum() * v[0], v), mode=mode)(X)
    wanted = np.diag(6 * X * X[0])
    wanted[0] += 3 * X**2
    wanted[:, 0] += 3 * X**2
    np.testing.assert_allclose(Hs, wanted)


def test_the_r_operator_goes_through_a_loop():
    d = T.dvector("d")
    rows, _ = scan(lambda a, p: T.sin(p) * a, x, ONE)
    forward = theano.function([x, d], T.Rop(rows, x, d))
    columns = theano.function([x], theano.gradient.jacobian(rows, x))
    values, direction = rng.rand(4), rng.rand(4)
    np.testing.assert_allclose(forward(values, direction), columns(values) @ direction)


def test_an_until_loop_of_updates_alone_has_a_gradient():
    a, c = T.dscalar("a"), theano.shared(1.0, name="c")
    _, updates = scan(lambda: ({c: c * a}, until(c * a > 20)), n_steps=50)
    assert [float(r) for r in theano.function([a], [updates[c], T.grad(updates[c], a)])(2.0)] == [32, 80]


@pytest.mark.parametrize("mode", MODES)
def test_no_steps_over_a_jacobian_of_nothing_have_its_shape(mode):
    """A step on zeros fails: it would read a row that is not there. The lengths are known all the same."""
    y = T.dmatrix("y")
    out, _ = scan(lambda row: theano.gradient.jacobian(row[:0] * 2, row), y)
    f = theano.function([y], [out, out.shape], mode=mode)
    values, shape = f(np.ones((0, 3)))
    assert values.shape == tuple(shape) == (0, 0, 3)


@pytest.mark.parametrize("name", LOOPS)
def test_the_r_operator_is_the_jacobian_times_a_direction(name):
    """A loop pushes changes forwards: no step is remembered, and none is gone through backwards."""
    build, values = LOOPS[name]
    args = [{1: x, 2: h if v is H else W}[v.ndim] for v in values]
    ways = [v.type(f"d{v.name}") for v in args]
    directions = [rng.rand(*v.shape) for v in values]
    out = build(*args)
    moved = T.Rop(out, args, ways)
    assert "grad_of" not in theano.printing.debugprint(moved, file="str")
    rows = [theano.gradient.jacobian(out.flatten(), v, disconnected_inputs="ignore") for v in args]
    f = theano.function([*args, *ways], [moved, *rows], on_unused_input="ignore")
    found, *columns = f(*values, *directions)
    wanted = sum(c.reshape(len(c), -1) @ d.ravel() for c, d in zip(columns, directions))
    np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-12)


def test_the_r_operator_of_a_truncated_loop_is_truncated():
    a, p = power(2)
    f = theano.function([a], T.Rop(p[-1], a, T.constant(np.float64(1))))
    assert f(2.0) == 32


def test_the_r_operator_ends_where_the_loop_ends_and_draws_what_it_draws():
    a, streams = T.dscalar("a"), RandomStreams(5)
    rows, updates = scan(lambda p: (p * a * streams.uniform(()), until(p > 8)), outputs_info=ONE, n_steps=50)
    f = theano.function([a], [rows, T.Rop(rows, a, T.constant(np.float64(1)))], updates=updates)
    values, slopes = f(4.0)
    np.testing.assert_allclose(slopes, values * np.arange(1, len(values) + 1) / 4)


def test_an_integer_from_outside_counts_as_the_real_number_it_is():
    w = T.lscalar("w")
    rows = theano.scan(lambda s: T.exp(w * 0.5) * s, outputs_info=[T.constant(np.float64(1))], n_steps=3)[0]
    for y in (rows[-1], T.exp(w * 0.5) ** 3):
        np.testing.assert_allclose(theano.function([w], theano.grad(y, w))(2), 1.5 * np.exp(3), rtol=1e-14)


@pytest.mark.parametrize(("last", "expected"), [(1, [0.0, 0.0]), (2, [2.75, 5.25]), (-1, [2.75, 5.25])])
def test_a_truncated_gradient_does_not_reach_the_first_value_of_shared_state(last, expected):
    state = theano.shared(np.array([1.0, 2.0]))
    rows, updates = theano.scan(lambda: (state**2, {state: state * 0.5}), n_steps=2, truncate_gradient=last)
    slope = T.grad(rows.sum() + updates[state].sum(), state)
    assert np.array_equal(theano.function([], slope)(), expected)
