"""The scalar table: what each row's value, dtype, gradient and facts are."""

import itertools
import math
import pickle
import sys

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference import scalar
from reference.config import config
from reference.graph.dtypes import ALL, COMPLEX

ROWS = sorted(scalar.TABLE)
nan, inf = math.nan, math.inf


def row(name, *operands, dtype=None):
    with np.errstate(all="ignore"):
        return scalar.by_name(name)(*[np.asarray(x, dtype) for x in operands])


def arity(op):
    return 2 if op.nin < 0 else op.nin


def points(op, count=200):
    """Operands of a unary row across its domain."""
    low, high = op.domain or (-6.0, 6.0)
    return np.linspace(max(low, -6.0), min(high, 6.0), count + 2)[1:-1]


@pytest.mark.parametrize("name", ROWS)
def test_result_has_the_promised_dtype_and_shape(name):
    op = scalar.TABLE[name]
    for dtypes in itertools.product(("bool", "int8", "uint8", "int64", "float16", "float32", "float64", "complex64"),
                                    repeat=arity(op)):  # fmt: skip
        try:
            expected = op.output_dtype(*dtypes)
        except TypeError as error:
            assert name in str(error)
            continue
        for shape in ((), (3,), (0, 2)):
            with np.errstate(all="ignore"):
                result = op(*[np.ones(shape, d) for d in dtypes])
            assert (result.dtype.name, np.shape(result)) == (expected, shape), dtypes


DTYPES = [
    ("add", ("int8", "int16"), "int16"), ("add", ("int32", "float32"), "float64"),
    ("add", ("int8", "float32"), "float32"),
    ("true_div", ("int8", "int8"), "float64"), ("true_div", ("float32", "int8"), "float32"),
    ("int_div", ("int32", "int8"), "int32"), ("exp", ("int8",), "float32"), ("exp", ("int64",), "float64"),
    ("exp", ("float16",), "float16"), ("sqrt", ("int32",), "float64"), ("sqr", ("int8",), "int8"),
    ("inv", ("int32",), "float64"), ("eq", ("int32", "float32"), "bool"),
    ("switch", ("bool", "int8", "float32"), "float32"),
    ("second", ("float64", "int8"), "int8"), ("abs_", ("complex64",), "float32"), ("floor", ("int64",), "float64"),
    ("angle", ("complex128",), "float64"), ("complex", ("float32", "float32"), "complex64"),
    ("and_", ("bool", "int8"), "int8"), ("pow", ("bool", "bool"), "int8"), ("pow", ("int8", "bool"), "int8"),
    ("arctan2", ("bool", "float16"), "float32"), ("arctan2", ("int8", "uint16"), "float32"),
    ("arctan2", ("int8", "int32"), "float64"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "dtypes", "expected"), DTYPES)
def test_dtype_rules(name, dtypes, expected):
    assert scalar.TABLE[name].output_dtype(*dtypes) == expected


VALUES = [
    ("int_div", "int32", ([7, -7, 7, -7], [2, 2, -2, -2]), [3, -4, -4, 3]),
    ("mod", "int32", ([7, -7, 7, -7], [3, 3, -3, -3]), [1, 2, -2, -1]),
    ("int_div", "int8", ([5, -128], [0, -1]), [0, -128]),
    ("mod", "int8", ([5, -128], [0, -1]), [0, 0]),
    ("pow", "float64", ([-np.inf, -0.0, 4.0], [0.5]), [np.inf, 0.0, 2.0]),
    ("pow", "float64", ([-np.inf, -0.0, 4.0], [0.5, 0.5, 0.5]), [np.inf, 0.0, 2.0]),
    ("int_div", "float64", ([7, -7, 7, 0], [2, 2, 0, 0]), [3, -4, inf, nan]),
    ("mod", "float64", ([-7, 7, 7, 7], [3, -3, 0, inf]), [2, -2, nan, 7]),
    ("add", "int8", ([127], [1]), [-128]),
    ("neg", "uint8", ([1],), [255]),
    ("pow", "int32", ([3, 2, -1, 1, 0, 5, -1], [3, 40, -3, -2, -1, -1, -4]), [27, 0, -1, 1, 0, 0, 1]),
    ("pow", "float64", ([0, 0, -8, 2], [0, -1, 1 / 3, -2]), [1, inf, nan, 0.25]),
    ("maximum", "float64", ([nan, 1, 2], [1, nan, 3]), [nan, nan, 3]),
    ("minimum", "float64", ([nan, 1, 2], [1, nan, 3]), [nan, nan, 2]),
    ("clip", "float64", ([0, 3, 9, nan], 1, 5), [1, 3, 5, nan]),
    ("clip", "float64", ([0, 3, 9], 5, 1), [5, 5, 1]),
    ("sgn", "float64", ([nan, -0.0, -3, inf],), [nan, 0, -1, 1]),
    ("sgn", "complex128", ([3 + 4j, 0],), [0.6 + 0.8j, 0]),
    ("add", "bool", ([True, True, False], [True, False, False]), [True, True, False]),
    ("mul", "bool", ([True, True, False], [True, False, False]), [True, False, False]),
    ("invert", "bool", ([True, False],), [False, True]),
    ("invert", "int32", ([7, -7],), [-8, 6]),
    ("eq", "float64", ([nan, 1], [nan, 1]), [False, True]),
    ("round_half_to_even", "float64", ([0.5, 1.5, 2.5, -0.5],), [0, 2, 2, -0.0]),
    ("round_half_away_from_zero", "float64", ([0.5, 1.5, 2.5, -0.5, 0.49999999999999994],), [1, 2, 3, -1, 0]),
    ("trunc", "float64", ([-1.5, 1.5],), [-1, 1]),
    ("sigmoid", "float64", ([-1000, -740, -40, 0, 1000],), [0, math.exp(-740), 4.248354255291589e-18, 0.5, 1]),
    ("softplus", "float64", ([-1000, 0, 1000, inf, nan],), [0, math.log(2), 1000, inf, nan]),
    ("isinf", "float64", ([inf, -inf, nan, 0],), [True, True, False, False]),
    ("erf", "float64", ([0, 0.5, inf, nan],), [0, math.erf(0.5), 1, nan]),
    ("gamma", "float64", ([0.0, -0.0, -1, 0.5, 5, 200],), [inf, -inf, nan, math.sqrt(math.pi), 24, inf]),
    ("gammaln", "float64", ([0, -1, 0.5, inf],), [inf, inf, 0.5723649429247001, inf]),
    ("psi", "float64", ([1, 0.5, 0, -1, inf],), [-0.5772156649015329, -1.9635100260214235, nan, nan, inf]),
    ("tri_gamma", "float64", ([1, 0.5, inf],), [math.pi**2 / 6, math.pi**2 / 2, 0]),
    ("complex", "float64", ([1, inf], [2, -0.0]), [1 + 2j, complex(inf, -0.0)]),
    ("angle", "complex128", ([1j, -1],), [math.pi / 2, math.pi]),
    ("ultra_fast_sigmoid", "float64", ([0, 8, -8, nan],), [0.5, 0.997527376843365, 0.5 * (1 - 0.99505475368673), nan]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "dtype", "operands", "expected"), VALUES)
def test_values_are_defined_everywhere(name, dtype, operands, expected):
    result = row(name, *operands, dtype=dtype)
    np.testing.assert_allclose(result, expected, rtol=4e-15, atol=0)
    if result.dtype.kind == "f":
        zero = np.asarray(expected) == 0
        np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(np.asarray(expected)[zero]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", [1, 3, 64, 1001])
@pytest.mark.parametrize("step", [1, 2])
def test_a_tie_gives_the_second_operand(dtype, size, step):
    plus, minus = np.zeros(size * step, dtype)[::step], np.full(size * step, -0.0, dtype)[::step]
    for name in ("maximum", "minimum"):
        assert np.signbit(row(name, plus, minus)).all()
        assert not np.signbit(row(name, minus, plus)).any()


CASTS = [
    ("int8", [nan, 300, -300, 127.9, -128.9, inf, -inf, 1.9], [0, 127, -128, 127, -128, 127, -128, 1]),
    ("uint8", [nan, 300, -1, -0.5, 255.9], [0, 255, 0, 0, 255]),
    ("int64", [1e30, -1e30, 2.0**62, nan], [2**63 - 1, -(2**63), 2**62, 0]),
    ("uint64", [1e30, -1, 2.0**63], [2**64 - 1, 0, 2**63]),
    ("bool", [0.0, -0.0, 0.5, nan], [False, False, True, True]),
]


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("dtype", "values", "expected"), CASTS)
def test_casts_of_floats_saturate(dtype, values, expected, source):
    with np.errstate(all="ignore"):
        kept = [
            (np.asarray(v, source), e)
            for v, e in zip(values, expected)
            if source != "float16" or not 6e4 < abs(v) < inf
        ]
        for value, wanted in kept:
            assert scalar.cast_to(dtype)(value) == wanted
        together = scalar.cast_to(dtype)(np.array([v for v, _ in kept]))
    assert together.tolist() == [e for _, e in kept]


def test_casts_of_integers_wrap():
    assert scalar.cast_to("int8")(np.array([300, -129], "int32")).tolist() == [44, 127]


def test_a_complex_number_is_not_cast_to_a_real_one():
    with pytest.raises(TypeError, match="real, imag"):
        scalar.cast_to("float64").output_dtype("complex128")


UNARY = [n for n in ROWS if scalar.TABLE[n].nin == 1]
TRANSCENDENTAL = [n for n in UNARY if scalar.TABLE[n].transcendental and n != "angle"]


@pytest.mark.parametrize("name", TRANSCENDENTAL)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_floats_are_the_float64_function_rounded_once(name, dtype):
    op = scalar.TABLE[name]
    if op.needs:
        pytest.importorskip(op.needs)
    x = points(op, 1000).astype(dtype)
    with np.errstate(all="ignore"):
        expected = op(x.astype("float64")).astype(dtype)
        np.testing.assert_array_equal(op(x), expected)
        np.testing.assert_array_equal(op(np.repeat(x, 3)[::3]), expected)


def test_native_float32_math_is_numpys_own():
    x = np.linspace(-3, 3, 1000, dtype="float32")
    exact = scalar.TABLE["exp"](x)
    with config.change_flags(float32_math="native"):
        np.testing.assert_array_equal(scalar.TABLE["exp"](x), np.exp(x))
    np.testing.assert_array_equal(scalar.TABLE["exp"](x), exact)


@pytest.mark.parametrize("name", [n for n in UNARY if scalar.TABLE[n].monotone])
def test_monotone_rows_are(name):
    op = scalar.TABLE[name]
    if op.needs:
        pytest.importorskip(op.needs)
    try:
        op.output_dtype("float64")
        x = points(op, 2000)
    except TypeError:
        x = np.arange(-100, 100)
    with np.errstate(all="ignore"):
        assert (np.diff(op(x).astype("float64")) * op.monotone >= -1e-15).all()


@pytest.mark.parametrize("name", [n for n in UNARY if scalar.TABLE[n].critical])
def test_rows_turn_only_where_they_say(name):
    op = scalar.TABLE[name]
    if op.needs:
        pytest.importorskip(op.needs)
    x = points(op, 4000) + 1e-4
    signs = np.sign(np.diff(op(x)))
    turns = x[1:-1][signs[1:] * signs[:-1] < 0]
    assert len(turns) > 0
    for turn in turns:
        away = [turn - c for c in op.critical]
        if op.period:
            away = [d - op.period * round(d / op.period) for d in away]
        assert min(map(abs, away)) < 0.01


@pytest.mark.parametrize("name", [n for n in UNARY if scalar.TABLE[n].domain])
def test_values_are_real_within_the_domain(name):
    op = scalar.TABLE[name]
    if op.needs:
        pytest.importorskip(op.needs)
    with np.errstate(all="ignore"):
        assert np.isfinite(op(points(op))).all()
    low, high = op.domain
    outside = [low - 0.5] * (low > -inf) + [high + 0.5] * (high < inf)
    if name not in ("gamma", "gammaln", "psi", "tri_gamma"):
        assert np.isnan(row(name, outside)).all()


AGAINST_SCIPY = ["erf", "erfc", "gamma", "gammaln", "psi"]


@pytest.mark.parametrize("name", AGAINST_SCIPY)
def test_our_special_functions_agree_with_scipy(name):
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-5.9, 20, 500), np.logspace(-6, 2, 50)])
    np.testing.assert_allclose(row(name, x), getattr(special, name)(x), rtol=5e-13)


def differentiable():
    for name in ROWS:
        op = scalar.TABLE[name]
        try:
            if op.grad is not None and op.output_dtype(*["float64"] * arity(op)) == "float64":
                yield name
        except TypeError:
            continue


ROUNDING = ("ceil", "floor", "trunc", "round_half_to_even", "round_half_away_from_zero", "sgn", "int_div")
APPROXIMATE = ("ultra_fast_sigmoid", "tri_gamma")


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", [n for n in differentiable() if n not in ROUNDING + APPROXIMATE])
def test_gradients_are_derivatives(name):
    op = scalar.TABLE[name]
    if op.needs:
        pytest.importorskip(op.needs)
    first_fixed = name in ("jv", "iv", "gammainc", "gammaincc", "gammal", "gammau")
    low, high = op.domain or (0.3, 2.7)
    rng = np.random.default_rng(0)
    operands = [rng.uniform(max(low, -3) + 0.1, min(high, 3) - 0.1, 5) for _ in range(arity(op))]
    xs = [T.dvector(f"x{k}") for k in range(len(operands))]
    y = getattr(T, name)(*xs)
    wrt = xs[:1] if name == "chi2sf" else xs[1:] if first_fixed or name == "second" else xs
    gradients = T.grad(T.sum(y), wrt)
    backend = "reference" if op.needs else None
    computed = theano.function(xs, gradients, backend=backend)(*operands)
    for x, g in zip(wrt, computed):
        k = xs.index(x)
        step = 1e-6
        up, down = ([o + step * sign * (j == k) for j, o in enumerate(operands)] for sign in (1, -1))
        with np.errstate(all="ignore"):
            slope = (op(*up) - op(*down)) / (2 * step)
        np.testing.assert_allclose(g, slope, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("name", ROUNDING)
def test_the_gradient_of_rounding_is_zero(name):
    x = T.dvector("x")
    y = getattr(T, name)(x, 3.0) if name == "int_div" else getattr(T, name)(x)
    assert not theano.function([x], T.grad(T.sum(y), x))([0.2, 1.5, -0.7]).any()


KINKS = [
    (lambda x: T.maximum(x, x), 1.0, 1.0), (lambda x: T.minimum(x, 0), 0.0, 1.0), (lambda x: T.maximum(0, x), 0.0, 0.0),
    (lambda x: T.clip(x, 0, 1), 1.0, 1.0), (lambda x: T.clip(x, 0, 1), 1.5, 0.0), (lambda x: x % 3, 4.0, 1.0),
    (lambda x: x**2, 0.0, 0.0), (lambda x: x**0, 0.0, nan), (T.log1p, 0.0, 1.0), (T.tanh, 0.0, 1.0), (abs, 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("f", "where", "expected"), KINKS)
def test_gradients_at_kinks(f, where, expected):
    x = T.dscalar("x")
    g = theano.function([x], T.grad(f(x), x), mode="UNOPTIMIZED")(where)
    np.testing.assert_equal(float(g), expected)


def test_a_product_of_many_has_each_gradient():
    xs = T.dscalars("a", "b", "c")
    assert theano.function(xs, T.grad(T.mul(*xs), xs))(2, 3, 5) == [15, 10, 6]


def test_gradients_keep_float32():
    x = T.fvector("x")
    for f in (T.exp2, T.log10, T.erf, T.sqr, T.sqrt, T.inv, T.clip, T.rad2deg):
        y = f(x, 0, 1) if f is T.clip else f(x)
        assert T.grad(T.sum(y), x).dtype == "float32"


def test_a_derivative_that_nobody_knows_is_undefined():
    x = T.dscalar("x")
    with pytest.raises(Exception, match=r"tri_gamma .* not defined"):
        T.grad(T.tri_gamma(x), x)


@pytest.mark.parametrize("name", [*ROWS, "Cast{float32}"])
def test_rows_pickle_by_name(name):
    op = scalar.by_name(name)
    assert pickle.loads(pickle.dumps(op)) is op


def test_aliases_name_rows():
    for alias, name in scalar.ALIASES.items():
        assert scalar.by_name(alias) is scalar.TABLE[name]
    with pytest.raises(KeyError, match="no elementwise operation is called 'exq'"):
        scalar.by_name("exq")


def test_a_missing_scipy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match="erfinv is computed by SciPy"):
        row("erfinv", [0.5])


def test_operations_without_meaning_say_so():
    for name, dtypes in (("sub", ("bool", "bool")), ("and_", ("float32", "int8")), ("floor", ("complex64",))):
        with pytest.raises(TypeError, match=rf"{name}\({', '.join(dtypes)}\)"):
            scalar.TABLE[name].output_dtype(*dtypes)
    with pytest.raises(TypeError, match="exp takes 1 operand, got 2"):
        scalar.TABLE["exp"].output_dtype("float64", "float64")


def test_every_pair_of_dtypes_casts():
    for source, target in itertools.product(ALL, ALL):
        if source in COMPLEX and target not in COMPLEX:
            continue
        assert scalar.cast_to(target)(np.ones(2, source)).tolist() == [1, 1]


@pytest.mark.parametrize("name", ["exp", "exp2", "expm1", "log", "log1p", "log10"])
@pytest.mark.parametrize("rounding", ["exact", "native"])
def test_functions_round_alike_whichever_way_memory_is_read(name, rounding):
    values = np.abs(np.random.default_rng(0).standard_normal((400, 3))) * 50
    with config.change_flags(float32_math=rounding), np.errstate(over="ignore"):
        for x in (values, values.astype("float32")):
            row = scalar.TABLE[name]
            np.testing.assert_array_equal(row(x[::-1, ::-1])[::-1, ::-1], row(x))
            np.testing.assert_array_equal(row.specialized(x.dtype.name)(x[::-1])[::-1], row(x))
