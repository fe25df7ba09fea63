"""Loops within loops: whatever the inner step takes from around it is that of the outer loop's present step."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from opencl_backend.lower import scan_kernel
from reference import function, scan, shared
from reference.config import config
from reference.ifelse import ifelse
from reference.scan import until
from reference.tensor.shared_randomstreams import RandomStreams

X, H, k = T.dmatrix("X"), T.dvector("H"), T.lscalar("k")
ZEROS = T.zeros((3,))


def inner(step, initial=ZEROS, n_steps=2, **given):
    return scan(step, outputs_info=initial, n_steps=n_steps, **given)[0][-1]


def row():
    return scan(lambda r, h: inner(lambda g: r, h), sequences=X, outputs_info=H)[0]


def part_of_a_row():
    return scan(lambda r, h: inner(lambda g: g + r[1] - r[::-1], h), sequences=X, outputs_info=H)[0]


def row_beside_its_own():
    def step(r, h):
        return scan(lambda e, g: g * 0.5 + e + r, sequences=[X], outputs_info=[h])[0][-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def rows_of_a_row():
    def step(r, h):
        return scan(lambda e, g: g * 0.5 + e * h, sequences=[T.outer(r, r)], outputs_info=[h])[0][-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def elements_of_a_row():
    def step(r, s):
        return scan(lambda e, g: g * 0.5 + e, sequences=r, outputs_info=s)[0][-1]

    return scan(step, sequences=X, outputs_info=T.constant(0.0, dtype="float64"))[0]


def state():
    return scan(lambda r, h: inner(lambda g: g * 0.5 + h, r), sequences=X, outputs_info=H)[0]


def states_further_back():
    initial = {"initial": T.stack([H, H * 2, H * 3]), "taps": [-3, -1]}
    return scan(lambda r, h3, h1: inner(lambda g: g * 0.5 + h3 - h1, r), sequences=X, outputs_info=initial)[0]


def values():
    def step(r, h):
        a, b = T.exp(r) + h, r.sum()
        return inner(lambda g: g * b + a, h * 2)

    return scan(step, sequences=X, outputs_info=H)[0]


def value_of_an_inner_loop():
    def step(r, h):
        first = inner(lambda g: g + r, h)
        return inner(lambda g: g * 0.5 + first, r)

    return scan(step, sequences=X, outputs_info=H)[0]


def number_of_the_step():
    def step(t, r, h):
        return inner(lambda g: g * t + r[t % 3], h)

    return scan(step, sequences=[T.arange(X.shape[0]), X], outputs_info=H)[0]


def updated():
    total = shared(np.ones(3))

    def step(r):
        return inner(lambda g: g + total * r), {total: total + r}

    return scan(step, sequences=X)[0]


def in_three_loops():
    def step(r, h):
        return inner(lambda g: inner(lambda f: f * 0.5 + r - g, g + h), r)

    return scan(step, sequences=X, outputs_info=H)[0]


def product():
    def step(r, h):
        return inner(lambda g: T.dot(g, T.outer(r, h)) * 0.25 + r, h)

    return scan(step, sequences=X, outputs_info=H)[0]


def batch():
    def step(r, h):
        return inner(lambda g: T.dot(g, X[:3, :3]) * 0.25 + h + r, h * 2)

    return scan(step, sequences=X, outputs_info=T.outer(H, H))[0]


def gradient():
    def step(r, h):
        return inner(lambda g: g * r + T.sin(h), h)

    return T.grad((scan(step, sequences=X, outputs_info=H)[0] ** 2).sum(), X)


def as_many_steps_as_told():
    return scan(lambda r, h: inner(lambda g: g + r, h, n_steps=k), sequences=X, outputs_info=H)[0]


def chosen():
    return scan(lambda r, h: inner(lambda g: ifelse(k - 2, g + r, h * 3), h), sequences=X, outputs_info=H)[0]


def drawn():
    stream = RandomStreams(7)

    def step(r, h):
        g, _ = scan(lambda g: g + stream.uniform((3,)), outputs_info=r, n_steps=2)
        return g[-1] + h

    return scan(step, sequences=X, outputs_info=H)[0]


def until_in_every_step():
    def step(r, h):
        g, _ = scan(lambda g, d: (g * 0.5 + d, until((g * d).sum() > 1)), outputs_info=r, non_sequences=h, n_steps=9)
        return g[-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def until_of_numbers():
    def step(r, s):
        started = [abs(r), 0.0]
        results, _ = scan(lambda g, c: ([g * 1.5 + 0.1, c + 1], until(g > 3 + s)), outputs_info=started, n_steps=9)
        return results[0][-1] - results[1][-1]

    return scan(step, sequences=X[:, 0], outputs_info=T.constant(0.0, dtype="float64"))[0]


def until_by_a_number_beside_columns():
    def step(r, h):
        results, _ = scan(lambda g, c: ([g * 0.5 + h, c * 2], until(c > 8)), outputs_info=[r, abs(r[0]) + 1], n_steps=9)
        return results[0][-1] + results[1][-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def until_with_rows_from_far_back():
    def step(r, h):
        far = {"initial": T.stack([r, h, r + h]), "taps": [-3, -1]}
        return scan(lambda a, b: (a - b * 0.5, until(b.sum() > 1)), outputs_info=far, n_steps=8)[0][-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def until_of_several_states():
    def step(r, h):
        results, _ = scan(
            lambda g, c, d: ([g * 0.5 + d, c + g.sum(), d - g], until(c > 2)), outputs_info=[r, abs(r[0]), h], n_steps=9
        )
        return results[0][-1] + results[1][-1] * results[2][-1]

    return scan(step, sequences=X, outputs_info=H)[0]


def until_that_keeps_rows():
    def step(r, h):
        g, _ = scan(lambda g: (g * 0.5 + h, until(g.sum() > 1)), outputs_info=r, n_steps=9)
        return g.sum(axis=0)

    return scan(step, sequences=X, outputs_info=H)[0]


LOOPS = [
    row, part_of_a_row, row_beside_its_own, rows_of_a_row, elements_of_a_row, state, states_further_back, values,
    value_of_an_inner_loop, number_of_the_step, updated, in_three_loops, product, batch, gradient,
    as_many_steps_as_told, chosen, drawn, until_in_every_step, until_of_numbers, until_by_a_number_beside_columns,
    until_with_rows_from_far_back, until_of_several_states, until_that_keeps_rows,
]  # fmt: skip


def compared(loop, mode):
    """Calls with other values, then other lengths; the first ones again at the end."""
    rng = np.random.default_rng(2)
    f, g = (
        function([X, H, k], loop(), backend=backend, mode=mode, on_unused_input="ignore")
        for backend in ("opencl", "reference")
    )
    for rows, number in ((4, 2), (4, 2), (4, 3), (6, 1), (4, 2)):
        given = rng.standard_normal((rows, 3)), rng.standard_normal(3), number
        np.testing.assert_allclose(f(*given), g(*given), rtol=1e-10, atol=1e-12)
    return f


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN", "EXACT"])
@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_what_an_inner_step_takes_moves_with_the_outer_loop(loop, mode):
    compared(loop, mode)


@pytest.mark.parametrize("mode", ["UNOPTIMIZED", "FAST_RUN", "EXACT"])
@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_in_loops_that_are_one_kernel(loop, mode, monkeypatch):
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", 0)
    with config.change_flags(scan__unroll=0):
        compared(loop, mode)


def test_a_loop_in_a_loop_is_a_part_of_one_kernel(monkeypatch):
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", 0)
    with config.change_flags(scan__unroll=0):
        for loop in (row, state, values, states_further_back):
            assert "parts a step" in compared(loop, "UNOPTIMIZED").executable.explain()


def test_a_loop_in_a_loop_that_ends_by_a_condition_is_a_part_where_last_values_are_wanted(monkeypatch):
    monkeypatch.setattr(scan_kernel, "COMPILER_STEPS", 0)
    with config.change_flags(scan__unroll=0):
        for loop in LOOPS[-6:-1]:
            f = compared(loop, "FAST_RUN")
            assert "parts a step" in f.executable.explain(), loop
            assert "replayed 0 times" not in f.executable.explain()
        assert "which alone tells how many rows" in compared(until_that_keeps_rows, "FAST_RUN").executable.explain()


def alternating(backend, replay):
    """What a step computes is decided by numbers that an update changes."""
    s, n = shared(np.int64(1), "s"), shared(np.int64(2), "n")
    r, _ = scan(lambda r, h: ifelse(s, h + r, h - r) + T.arange(n).sum(), sequences=X, outputs_info=H)
    twice, _ = scan(lambda r: inner(lambda g: ifelse(s, g + r, g - r)), sequences=X)
    with config.change_flags(opencl__replay=replay):
        f = function([X, H], [r, twice, s * 2], updates={s: 1 - s, n: n % 3 + 1}, backend=backend, mode="UNOPTIMIZED")
        return [[*f(np.ones((3, 3)), np.zeros(3)), s.get_value(), n.get_value()] for _ in range(7)]


@pytest.mark.parametrize("replay", [True, False])
def test_a_number_that_steps_depend_on_goes_on_changing_in_the_plan(replay):
    for got, wanted in zip(alternating("opencl", replay), alternating("reference", replay)):
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a, b)
