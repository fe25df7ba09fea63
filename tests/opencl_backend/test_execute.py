"""Every lowering gives the reference's bits, in small plans that one kernel interprets and in compiled ones."""

import numpy as np
import pytest

import reference.tensor as T
from opencl_backend import context
from reference import function
from reference.config import config
from reference.graph.dtypes import DISCRETE, FLOATS
from reference.graph.errors import NotLowered

RNG = np.random.default_rng(5)
M = RNG.standard_normal((5, 4)).round(3)
M[0, 0], M[1, 1] = 0.0, -0.0
T3 = RNG.standard_normal((3, 5, 9))
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.5, 5e-324, 1e308, 0.5, -0.5, 2.0**40])


INTERPRETED, COMPILED = "interpreted", "compiled"
"""Small loops run by the one kernel, or every loop by its own. Compiling costs seconds: only what differs does."""


@pytest.fixture
def tier(request, monkeypatch):
    if request.param == COMPILED:
        monkeypatch.setattr(context, "LARGE", 0)
        monkeypatch.setattr(context, "IN_EARNEST", 0)


def in_tiers(names, compiled):
    """Parameters (name, tier) of a test: every name interpreted, some compiled too."""
    pairs = [(name, INTERPRETED) for name in names] + [(name, COMPILED) for name in compiled]
    return pytest.mark.parametrize("name, tier", pairs, indirect=["tier"])


def same_bits(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    nan = np.isnan(a)
    return np.array_equal(nan, np.isnan(b)) and a[~nan].tobytes() == b[~nan].tobytes()


def check(inputs, outputs, *values):
    """Both backends compute the same bits, and the OpenCL backend twice the same."""
    reference = function(inputs, outputs, mode="UNOPTIMIZED", backend="reference")
    opencl = function(inputs, outputs, mode="UNOPTIMIZED", backend="opencl")
    expected = reference(*values)
    for got in (opencl(*values), opencl(*values)):
        for k, (a, b) in enumerate(zip(expected, got, strict=True)):
            assert same_bits(a, b), f"output {k}, {outputs[k]}:\n{a}\n{b}"


x, y, row = T.dmatrix("x"), T.dmatrix("y"), T.drow("row")
i, j, k = T.lvector("i"), T.lvector("j"), T.lscalar("k")
t = T.dtensor3("t")

CASES = {
    "arithmetic": ([x, y], [x + y, x - y, x * y, x / y, x // y, x % y, -x, abs(x), T.sgn(x), T.sqr(x)], [M, M[::-1]]),
    "comparisons": ([x, y], [T.eq(x, y), x < y, x >= y, T.maximum(x, y), T.minimum(x, y), T.isnan(x)], [M, M[::-1]]),
    "rounding": ([x], [T.floor(x), T.ceil(x), T.trunc(x), T.round(x), T.sqrt(x), 1 / x], [M * 7]),
    "broadcasting": ([x, row], [x + row, row * 2 - x, T.switch(x > 0, x, row)], [M, M[:1]]),
    "mixed dtypes": ([x, k], [x * k, T.cast(x, "int8") + k, T.cast(x, "float32") * T.cast(k, "int16")], [M, 3]),
    "transposes": ([x, t], [x.T, x.T + 1, t.dimshuffle(2, "x", 0, 1) * 2, x.T.T - x], [M, RNG.random((2, 3, 4))]),
    "slices": ([x, k], [x[1:3], x[::-1, ::2], x[k], x[k:, -1], x[-1:0:-2] + 1, x[5:9]], [M, 2]),
    "writes": (
        [x, k], [T.set_subtensor(x[k], 0), T.inc_subtensor(x[:, 1:3], 1.5), T.set_subtensor(x[::-2], x[::2])], [M, 1],
    ),
    "gathers": ([x, i, j], [x[i], x[:, i], x[i, j], x[1:4, i] * 2, x[i][:, j]], [M, [0, 3, -1], [1, 2, 0]]),
    "masks": ([x], [x[x > 0], x.nonzero()[1]], [M]),
    "joins": ([x, y], [T.concatenate([x, y * 2]), T.stack([x, y]), T.join(1, x, y[:, :0], y)], [M, M[::-1]]),
    "reshapes": ([x, k], [x.reshape((2, 10)), x.T.flatten(), x.reshape((k, -1)), T.tile(x, (2, 3))], [M, 10]),
    "allocations": ([k], [T.zeros((k, 2)), T.arange(k), T.arange(1, k, 2) * 0.5, T.eye(k), T.tri(k, 2)], [4]),
    "shapes": ([x], [x.shape, x.shape[0] * 2, x.size, T.zeros_like(x), T.ones_like(x, dtype="int8")], [M]),
    "running": ([x], [T.cumsum(x), T.cumsum(x, axis=0), T.cumprod(x, axis=1)], [M]),
    "sums": ([x, t], [x.sum(), x.sum(axis=0), x.mean(axis=1), x.prod(), t.sum(axis=(0, 2))], [M, T3]),
    "extremes": ([x], [x.max(), x.argmax(axis=0), x.min(axis=1), T.any(x > 1), T.all(x < 9, axis=0)], [M]),
    "empty": ([x], [x.sum(), x.sum(axis=0), x + 1, x.T, T.all(x, axis=1), T.concatenate([x, x], axis=1)], [M[:, :0]]),
    "choices": ([i, x], [T.choose(i, [x[0, :3], x[1, :3]]), T.extra_ops.repeat(x[:3], i, axis=0)], [[0, 1, 1], M]),
    "diagonals": ([x, k], [T.extra_ops.fill_diagonal(x, 7.0), T.extra_ops.fill_diagonal_offset(x, 7.0, k)], [M, -1]),
    "searches": ([i, x], [T.extra_ops.searchsorted(x[0].sort(), x[1:3])], [[0], M]),
}


@in_tiers(CASES, ["broadcasting", "transposes", "slices", "writes", "gathers", "joins", "running"])
def test_the_bits_are_those_of_the_reference(name, tier):
    inputs, outputs, values = CASES[name]
    used = [(v, value) for v, value in zip(inputs, values)]
    with config.change_flags(on_unused_input="ignore"):
        check([v for v, _ in used], outputs, *[value for _, value in used])


@in_tiers(FLOATS, ["float32"])
def test_special_values_go_through_arithmetic(name, tier):
    dtype = name
    a, b = T.TensorType(dtype, (False, True))("a"), T.TensorType(dtype, (True, False))("b")
    with np.errstate(all="ignore"):
        values = SPECIAL.astype(dtype)
    check(
        [a, b], [a + b, a * b, a / b, a % b, a // b, T.maximum(a, b), a < b, T.clip(a, b, 1), T.floor(a) + T.sgn(b)],
        values[:, None], values[None, :],
    )


@in_tiers(DISCRETE, ["int16"])
def test_integers_wrap_and_divide_as_defined(name, tier):
    dtype = name
    info = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = np.array([0, 1, *info, *([] if dtype == "bool" else [7, info[1] - 1, info[0] + 1])], dtype)
    a, b = T.TensorType(dtype, (False, True))("a"), T.TensorType(dtype, (True, False))("b")
    outputs = [a + b, a * b, a // b, a % b, a / b, a & b, a | b, a ^ b, ~a, T.eq(a, b), T.maximum(a, b), a**b]
    check([a, b], outputs, values[:, None], values[None, :])


@in_tiers([*FLOATS, "int64", "uint8", "bool"], ["float32"])
def test_casts_are_defined_for_every_value(name, tier):
    source = name
    a = T.TensorType(source, (False,))("a")
    with np.errstate(all="ignore"):
        values = SPECIAL.astype(source) if source in FLOATS else np.array([0, 1, 200]).astype(source)
    check([a], [T.cast(a, d) for d in (*FLOATS, *DISCRETE) if d != source], values)


@in_tiers(["exp", "log1p", "tanh", "sigmoid", "sin", "erf", "gammaln"], ["tanh"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_single_precision_functions_are_double_precision_rounded_once(name, dtype, tier):
    a = T.TensorType(dtype, (False,))("a")
    check([a], [getattr(T, name)(a)], RNG.uniform(-0.9, 3, 300).astype(dtype))


@pytest.mark.parametrize("shape", [(7,), (8,), (129,), (1000,), (3, 130), (300, 70), (2, 3, 140), (1, 5, 1)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "bool"])
def test_sums_have_the_order_of_the_reference(shape, dtype):
    a = T.TensorType(dtype, (False,) * len(shape))("a")
    values = (RNG.standard_normal(shape) * 9).astype(dtype)
    axes = [None, *range(len(shape)), tuple(range(len(shape)))[::2]]
    check([a], [getattr(T, f)(a, axis=axis) for axis in axes for f in ("sum", "prod", "max", "argmax")], values)


def test_sums_of_transposed_and_sliced_operands_do_not_depend_on_their_layout():
    a = T.fmatrix("a")
    values = RNG.standard_normal((300, 200)).astype("float32")
    check([a], [a.T.sum(axis=0), a.T.sum(axis=1), a[::2, ::-1].sum(axis=1), (a.T * 2).sum()], values)


def test_softmax_and_costs():
    a, labels = T.fmatrix("a"), T.lvector("labels")
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(a), labels)
    values = RNG.standard_normal((6, 11)).astype("float32")
    check([a, labels], [T.nnet.softmax(a), T.nnet.logsoftmax(a), cost], values, [0, 1, 10, 3, 4, 5])


def test_joined_loops_give_the_bits_of_separate_ones(monkeypatch):
    monkeypatch.setattr(context, "LARGE", 0)
    a, b = T.fmatrix("a"), T.fvector("b")
    expr = [T.tanh(a * b + 1) * T.sigmoid(a) - a.T.T / (1 + abs(b)), (T.exp(a) * b).sum(axis=1)]
    values = RNG.standard_normal((350, 270)).astype("float32"), RNG.standard_normal(270).astype("float32")
    results = []
    for fuse in (True, False):
        with config.change_flags(opencl__fuse=fuse):
            f = function([a, b], expr, backend="opencl", mode="UNOPTIMIZED")
            results.append(f(*values))
            launches = len(f.executable.last.launches)
            assert launches <= 4 if fuse else launches > 6
    assert all(same_bits(p, q) for p, q in zip(*results))


def test_gpu_style_gives_the_same_bits():
    with config.change_flags(opencl__style="gpu"):
        check([x, row, i], [T.tanh(x * 0) + row, x.T + 1, x[i] * 2, x.sum(axis=1), T.nnet.softmax(x * 0)],
              M, M[:1], [0, -1])  # fmt: skip


def test_a_question_about_a_complex_constant_is_refused_by_name():
    z = T.constant(np.array(1j, "complex64"))
    with pytest.raises(NotLowered, match="complex numbers have no registers"):
        function([], T.neq(z, 0), backend="opencl", mode="UNOPTIMIZED")
