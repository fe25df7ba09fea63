"""What every step should give: an independent NumPy line each, written from the documentation.

Owns `MODEL`, step name -> function of operand values and attributes, and `evaluate`. It never looks at the
reference's `perform`: that it says the same thing a second time is the point. Its dtypes follow Theano's
documented rules through `numpy.promote_types`. float16 and float32 transcendental functions are the float64
function rounded once, as documented.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from difftest.program import Program, Step

Value = np.ndarray
MODEL: dict[str, Callable[..., Any]] = {}


SHAPE_ONLY: set[str] = set()
"""Steps of which the model says dtype and shape alone."""


class Unknown(Exception):
    """The model cannot say: the step is opaque, or an operand is."""


def line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register the model of the step of the same name."""
    MODEL[function.__name__.strip("_")] = function
    return function


def shape_line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a model that knows only dtype and shape."""
    SHAPE_ONLY.add(function.__name__.strip("_"))
    return line(function)


def value(step: Step, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
    """The values of a step's results, with their dtypes."""
    with np.errstate(all="ignore"):
        if step.step in ELEMENTWISE:
            given: Any = elementwise(step.step, *map(operand, operands))
        elif step.step in MODEL:
            given = MODEL[step.step](*map(operand, operands), **step.attributes)
        else:
            raise Unknown(step.step)
    return tuple(np.asarray(r) for r in given) if isinstance(given, tuple) else (np.asarray(given),)


def evaluate(program: Program, arguments: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every value the model knows, for inputs and shared variables by name; what it cannot say is left out.

    Givens are applied as documented: simultaneously, the replacing value taken as it stands.
    """
    first = _run(program, dict(arguments), {})
    if not program.givens:
        return first
    replaced = {name: first[by] for name, by in program.givens if by in first}
    unknown = {name for name, by in program.givens if by not in first}
    return _run(program, {k: v for k, v in arguments.items() if k not in unknown} | replaced, replaced, unknown)


def _run(
    program: Program,
    names: dict[str, np.ndarray],
    fixed: Mapping[str, np.ndarray],
    unknown: frozenset[str] | set[str] = frozenset(),
) -> dict[str, np.ndarray]:
    for step in program.steps:
        if step.step in SHAPE_ONLY:
            continue
        try:
            operands = [names[o] if isinstance(o, str) else o for o in step.operands]
            results = value(step, operands)
        except (KeyError, Unknown):
            continue
        for name, result in zip(step.results, results):
            if name not in unknown:
                names[name] = fixed.get(name, result)
    return names


def operand(x: Any) -> np.ndarray:
    """An array; a Python number takes the smallest integer dtype, or float32 if that holds it, else float64."""
    if isinstance(x, bool):
        return np.array(x, "bool")
    if isinstance(x, int):
        return np.array(
            x, next(d for d in ("int8", "int16", "int32", "int64") if np.iinfo(d).min <= x <= np.iinfo(d).max)
        )
    if isinstance(x, float):
        return np.array(x, "float32" if float(np.float32(x)) == x else "float64")
    return x


def common(*arrays: np.ndarray) -> np.dtype:
    """Theano's upcast."""
    dtype = arrays[0].dtype
    for x in arrays[1:]:
        dtype = np.promote_types(dtype, x.dtype)
    return dtype


def continuous(*arrays: np.ndarray) -> np.dtype:
    """The float dtype functions of these operands give: at least float32 for integers, float64 for 32 bits and more."""
    dtype = common(*arrays)
    if dtype.kind in "fc":
        return dtype
    return np.dtype("float32" if dtype.itemsize <= 2 else "float64")


# Elementwise: a table a dtype rule. Operands are cast to the result's dtype first; what NumPy leaves open
# (division by zero, powers and casts of integers) is as the reference's documentation defines it.


def _int_divide(x: Value, y: Value) -> Value:
    if x.dtype.kind in "fc":
        return np.floor_divide(x, y)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    return np.where(y == 0, 0, np.floor_divide(x, np.where(y == 0, 1, y))).astype(x.dtype)


def _remainder(x: Value, y: Value) -> Value:
    if x.dtype.kind in "fc":
        return np.remainder(x, y)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    return np.where(y == 0, 0, np.remainder(x, np.where(y == 0, 1, y))).astype(x.dtype)


def _power(x: Value, y: Value) -> Value:
    """Integers modulo 2**bits; a negative exponent truncates 1/x**|y|."""
    if x.dtype.kind == "f":
        return (x.astype("float64") ** y.astype("float64")).astype(x.dtype)
    x, y = (v.astype("int8") if v.dtype.kind == "b" else v for v in np.broadcast_arrays(x, y))
    bits = 8 * x.dtype.itemsize

    def one(a: int, b: int) -> int:
        if b < 0:
            return {1: 1, -1: 1 if b % 2 == 0 else -1}.get(a, 0) % 2**bits
        return pow(a % 2**bits, b, 2**bits)

    flat = [one(int(a), int(b)) for a, b in zip(x.ravel(), y.ravel())]
    return np.array(flat, dtype=f"uint{bits}").astype(x.dtype).reshape(x.shape)


def _extreme(better: Callable[[Value, Value], Any]) -> Callable[[Value, Value], Value]:
    return lambda a, b: np.where(better(a, b) | (a != a), a, b)


def _away(x: Value) -> Value:
    return np.copysign(np.floor(np.abs(x)) + (np.abs(x) - np.floor(np.abs(x)) >= 0.5), x)


def _total(operation: Callable[[Value, Value], Value]) -> Callable[..., Value]:
    def folded(*xs: Value) -> Value:
        result = xs[0].copy()
        for x in xs[1:]:
            result = operation(result, x)
        return result

    return folded


SAME: dict[str, Callable[..., Any]] = {
    "add": _total(np.add),
    "mul": _total(np.multiply),
    "sub": np.subtract,
    "int_div": _int_divide,
    "mod": _remainder,
    "pow": _power,
    "neg": np.negative,
    "abs_": np.abs,
    "sgn": lambda x: x if x.dtype.kind == "b" else np.sign(x),
    "sqr": lambda x: _power(x, np.array(2, x.dtype)) if x.dtype.kind == "b" else x * x,
    "maximum": _extreme(lambda a, b: a > b),
    "minimum": _extreme(lambda a, b: a < b),
    "clip": lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
    "identity": lambda x: x.copy(),
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
    "invert": np.invert,
}
"""In the operands' common dtype."""

CONTINUOUS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "inv": lambda x: 1 / x,
    "ceil": np.ceil,
    "floor": np.floor,
    "trunc": np.trunc,
    "round_half_to_even": np.rint,
    "round_half_away_from_zero": _away,
}
"""In the operands' common float dtype."""

TRANSCENDENTAL: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    )},
    "sigmoid": lambda x: np.where(x < 0, np.exp(x) / (1 + np.exp(np.minimum(x, 0))), 1 / (1 + np.exp(-x))),
    "softplus": lambda x: np.logaddexp(0, x),
    "erf": np.vectorize(math.erf, otypes=["float64"]),
    "erfc": np.vectorize(math.erfc, otypes=["float64"]),
}  # fmt: skip
"""In float64, then rounded to the operands' common float dtype."""

TO_BOOL: dict[str, Callable[..., Any]] = {
    "eq": np.equal,
    "neq": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
"""Compared in the common dtype."""

ELEMENTWISE = ("true_div", "switch", "second", "isnan", "isinf", *SAME, *CONTINUOUS, *TRANSCENDENTAL, *TO_BOOL)


def elementwise(name: str, *xs: Value) -> Value:
    """The value of one elementwise operation."""
    if name == "second":
        return np.broadcast_arrays(xs[0], xs[1])[1].copy()
    if name == "switch":
        return np.where(xs[0] != 0, xs[1], xs[2]).astype(common(*xs[1:]))
    if name in ("isnan", "isinf"):
        return {"isnan": np.isnan, "isinf": np.isinf}[name](xs[0].astype("float64"))
    dtype = common(*xs)
    if name in TO_BOOL:
        return TO_BOOL[name](*[x.astype(dtype) for x in xs])
    if name == "true_div":
        dtype = np.dtype("float64") if dtype.kind in "biu" else dtype
        return np.true_divide(*[x.astype(dtype) for x in xs])
    if name in SAME:
        result = SAME[name](*[x.astype(dtype) for x in xs])
        return result if dtype.kind == "b" and name == "pow" else result.astype(dtype)
    dtype = continuous(*xs)
    if name in CONTINUOUS:
        return CONTINUOUS[name](*[x.astype(dtype) for x in xs])
    return TRANSCENDENTAL[name](*[x.astype("float64") for x in xs]).astype(dtype)


@line
def literal(x: Value, number: Value, op: str, swapped: bool) -> Value:
    names = {"+": "add", "-": "sub", "*": "mul", "/": "true_div", "//": "int_div", "%": "mod", "**": "pow",
             "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}  # fmt: skip
    return elementwise(names[op], *((number, x) if swapped else (x, number)))


@line
def cast(x: Value, dtype: str) -> Value:
    """Floats to integers: the fraction is dropped, out of range gives the nearest limit, NaN gives 0."""
    if np.dtype(dtype).kind not in "iu" or x.dtype.kind != "f":
        return x.astype(dtype)
    info = np.iinfo(dtype)
    whole = [
        0 if v != v else info.max if v > info.max else info.min if v < info.min else int(v) for v in x.ravel().tolist()
    ]
    return np.array([min(max(v, info.min), info.max) for v in whole], dtype).reshape(x.shape)


# Shape: the elements stay, their places change.


@line
def dimshuffle(x: Value, order: Sequence[Any]) -> Value:
    kept = [k for k in order if k != "x"]
    moved = x.reshape([x.shape[k] for k in range(x.ndim) if k in kept]).transpose(np.argsort(np.argsort(kept)))
    return moved.reshape([1 if k == "x" else x.shape[k] for k in order])


@line
def transpose(x: Value, axes: Sequence[int]) -> Value:
    return np.transpose(x, axes)


@line
def transposed(x: Value) -> Value:
    return x.T


@line
def reshape(x: Value, shape: Sequence[int]) -> Value:
    return x.reshape(shape)


@line
def reshape_by_shape(x: Value) -> Value:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


@line
def flatten(x: Value, outdim: int) -> Value:
    return x.reshape(*x.shape[: outdim - 1], math.prod(x.shape[outdim - 1 :]))


@line
def join(*parts: Value, axis: int) -> Value:
    return np.concatenate([p.astype(common(*parts)) for p in parts], axis)


@line
def stack(*parts: Value, axis: int) -> Value:
    return np.stack([p.astype(common(*parts)) for p in parts], axis)


@line
def split(x: Value, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
    ends = np.cumsum([0, *sizes])
    return tuple(np.take(x, range(a, b), axis) for a, b in pairwise(ends))


@line
def tile(x: Value, reps: Sequence[int]) -> Value:
    return np.tile(x, reps)


@line
def repeat(x: Value, times: int, axis: int) -> Value:
    return np.repeat(x, times, axis)


@line
def alloc(x: Value, shape: Sequence[int]) -> Value:
    return np.broadcast_to(x, shape).copy()


@line
def zeros_like(x: Value) -> Value:
    return np.zeros(x.shape, x.dtype)


@line
def ones_like(x: Value) -> Value:
    return np.ones(x.shape, x.dtype)


@line
def zeros(shape: Sequence[int], dtype: str) -> Value:
    return np.zeros(shape, dtype)


@line
def eye(n: int, m: int, k: int, dtype: str) -> Value:
    return np.eye(n, m, k, dtype)


@line
def arange(start: int, stop: int, step: int, dtype: str) -> Value:
    return np.array(list(range(start, stop, step)), dtype)


@line
def arange_to(n: Value) -> Value:
    return np.arange(int(n), dtype="int64")


@line
def constant(value: Any, dtype: str) -> Value:
    return np.array(value, dtype)


@line
def shape(x: Value) -> Value:
    return np.array(x.shape, "int64")


@line
def length(x: Value, axis: int) -> Value:
    return np.array(x.shape[axis], "int64")


# Indexing. An index is a tuple of None, "...", integers, (start, stop, step) and "@k" for operand k.


def index_of(items: Sequence[Any], operands: Sequence[Value]) -> tuple[Any, ...]:
    def one(item: Any) -> Any:
        if item == "...":
            return Ellipsis
        if isinstance(item, str):
            index = operands[int(item[1:]) - 1]
            return int(index) if index.ndim == 0 else index
        return slice(*item) if isinstance(item, tuple) else item

    return tuple(map(one, items))


@line
def subtensor(x: Value, *indices: Value, index: Sequence[Any]) -> Value:
    return np.array(x[index_of(index, indices)])


@line
def set_subtensor(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    result = x.copy()
    result[index_of(index, (y, *indices))] = y.astype(x.dtype)
    return result


@line
def inc_subtensor(x: Value, y: Value, *indices: Value, index: Sequence[Any]) -> Value:
    result = x.copy()
    np.add.at(result, index_of(index, (y, *indices)), y.astype(x.dtype))
    return result


@line
def take(x: Value, i: Value, axis: int) -> Value:
    return np.take(x, i, axis)


@line
def mask(x: Value, which: Value) -> Value:
    return x[which]


# Reductions.


def _accumulator(dtype: np.dtype, what: str) -> np.dtype:
    """Sums and products: float16 and float32 in float64, small integers in 64 bits."""
    if dtype.kind == "f":
        return np.dtype("float64")
    return np.dtype("uint64" if dtype.kind == "u" else "int64")


def _reduced(x: Value, axis: Any, dtype: str | None, operation: Callable[..., Value], keepdims: bool) -> Value:
    inner = _accumulator(x.dtype, "sum")
    outer = x.dtype if x.dtype.kind == "f" else inner
    if dtype is not None:
        outer = np.dtype(dtype)
        inner = np.dtype("float64") if outer.kind == "f" else outer
    return np.asarray(operation(x.astype(inner), axis=axis, keepdims=keepdims)).astype(outer)


@line
def sum_(x: Value, axis: Any, keepdims: bool, dtype: str | None) -> Value:
    return _reduced(x, axis, dtype, np.sum, keepdims)


@line
def prod(x: Value, axis: Any, keepdims: bool, dtype: str | None) -> Value:
    return _reduced(x, axis, dtype, np.prod, keepdims)


def _as_float(x: Value) -> Value:
    return x if x.dtype.kind == "f" else x.astype("float64")


@line
def mean(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.mean(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def var(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.var(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def std(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.std(_as_float(x).astype("float64"), axis=axis, keepdims=keepdims)).astype(_as_float(x).dtype)


@line
def max_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.max(x, axis=axis, keepdims=keepdims))


@line
def min_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.min(x, axis=axis, keepdims=keepdims))


@line
def all_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.all(x, axis=axis, keepdims=keepdims))


@line
def any_(x: Value, axis: Any, keepdims: bool) -> Value:
    return np.asarray(np.any(x, axis=axis, keepdims=keepdims))


@line
def argmax(x: Value, axis: int | None) -> Value:
    return np.asarray(np.argmax(x, axis)).astype("int64")


@line
def argmin(x: Value, axis: int | None) -> Value:
    return np.asarray(np.argmin(x, axis)).astype("int64")


@line
def max_and_argmax(x: Value, axis: int | None) -> tuple[Value, Value]:
    return max_(x, axis, False), argmax(x, axis)


@line
def cumsum(x: Value, axis: int | None) -> Value:
    return np.cumsum(x, axis, dtype=_running(x.dtype))


@line
def cumprod(x: Value, axis: int | None) -> Value:
    return np.cumprod(x, axis, dtype=_running(x.dtype))


def _running(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind == "f" else _accumulator(dtype, "cumsum")


@line
def sort(x: Value, axis: int | None) -> Value:
    return np.sort(x, axis, kind="stable")


@line
def argsort(x: Value, axis: int | None) -> Value:
    return np.argsort(x, axis, kind="stable").astype("int64")


@line
def diff(x: Value, axis: int) -> Value:
    return np.diff(x, axis=axis)


# Products of matrices.


@line
def dot(x: Value, y: Value) -> Value:
    return np.asarray(np.dot(x.astype(common(x, y)), y.astype(common(x, y))))


@line
def batched_dot(x: Value, y: Value) -> Value:
    dtype = common(x, y)
    rows = [np.dot(a, b) for a, b in zip(x.astype(dtype), y.astype(dtype))]
    shape = (*x.shape[:-1], *y.shape[2:])
    return np.array(rows, dtype).reshape(shape)


@line
def outer(x: Value, y: Value) -> Value:
    dtype = common(x, y)
    return np.multiply.outer(x.ravel().astype(dtype), y.ravel().astype(dtype))


@line
def tensordot(x: Value, y: Value, axes: int) -> Value:
    dtype = common(x, y)
    return np.asarray(np.tensordot(x.astype(dtype), y.astype(dtype), axes))


# Networks.


@line
def softmax(x: Value) -> Value:
    wide = x.astype("float64")
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(x.dtype)


@line
def logsoftmax(x: Value) -> Value:
    wide = x.astype("float64")
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).astype(x.dtype)


@line
def relu(x: Value) -> Value:
    return (x + np.abs(x)) * np.array(0.5, common(x, np.zeros((), "float32")))


@line
def binary_crossentropy(x: Value, target: Value) -> Value:
    dtype = common(x, target, np.zeros((), "float32"))  # 1.0 - target: the float constant is a float32
    wide, t = x.astype("float64"), target.astype("float64")
    return (-(t * np.log(wide) + (1 - t) * np.log(1 - wide))).astype(dtype)


@line
def categorical_crossentropy(x: Value, labels: Value) -> Value:
    return -np.log(x.astype("float64"))[np.arange(len(labels)), labels].astype(x.dtype)


# Loops. A body is text, what it reads (x a sequence, h a state, w a non-sequence), and its NumPy twin.

BODIES: dict[str, tuple[str, Callable[..., Any]]] = {
    "h + x": ("hx", lambda h, x, w: h + x),
    "T.tanh(h * 0.5 + x)": ("hx", lambda h, x, w: np.tanh((h * _half(h) + x).astype("float64")).astype(h.dtype)),
    "h * w + x": ("hxw", lambda h, x, w: h * w + x),
    "T.switch(h > x, h, x)": ("hx", lambda h, x, w: np.where(h > x, h, x)),
    "h * 0.5": ("h", lambda h, x, w: h * _half(h)),
    "T.cos(h) + w": ("hw", lambda h, x, w: np.cos(h.astype("float64")).astype(h.dtype) + w),
    "h - w * w": ("hw", lambda h, x, w: h - w * w),
    "x": ("x", lambda h, x, w: x),
    "x * 2": ("x", lambda h, x, w: x * np.array(2, x.dtype)),
    "T.exp(x) * w": ("xw", lambda h, x, w: np.exp(x.astype("float64")).astype(x.dtype) * w),
    "x - T.tanh(w)": ("xw", lambda h, x, w: x - np.tanh(w.astype("float64")).astype(w.dtype)),
}


def _half(h: Value) -> Value:
    return np.array(0.5, h.dtype)


def _kept(rows: list[Value], like: Value, text: str) -> Value:
    """The stacked rows, and what an index such as ``[-1]`` or ``[::-1]`` keeps of them."""
    result = np.array(rows, like.dtype).reshape(len(rows), *like.shape)
    return np.asarray(
        {
            "": result,
            "[::-1]": result[::-1],
            "[-2:]": result[-2:],
            "[1:]": result[1:],
            "[-1]": result[-1] if len(result) else result,
            "[0]": result[0] if len(result) else result,
        }[text]
    )


@line
def scan_map(x: Value, w: Value, body: str, explicit: bool, backwards: bool, rows: str) -> Value:
    step = BODIES[body][1]
    return _kept([step(None, row, w) for row in (x[::-1] if backwards else x)], np.zeros(x.shape[1:], x.dtype), rows)


@line
def scan_state(
    x: Value, h: Value, w: Value, body: str, explicit: bool, backwards: bool, n_steps: int | None, rows: str
) -> Value:
    found = []
    state = h
    for row in (x[::-1] if backwards else x)[:n_steps]:
        state = BODIES[body][1](state, row, w)
        found.append(state)
    return _kept(found, h, rows)


@line
def scan_loop(h: Value, w: Value, body: str, explicit: bool, n_steps: int, rows: str) -> Value:
    found = []
    state = h
    for _ in range(n_steps):
        state = BODIES[body][1](state, None, w)
        found.append(state)
    return _kept(found, h, rows)


@line
def scan_taps(x: Value, taps: Sequence[int], n_steps: int, rows: str) -> Value:
    past = [*x[: -taps[0]]]
    for _ in range(n_steps):
        g, h = past[taps[0]], past[taps[1]]
        past.append(np.tanh((g * _half(g) - h).astype("float64")).astype(g.dtype))
    return _kept(past[-taps[0] :], x[0], rows)


@line
def scan_windows(x: Value, taps: Sequence[int], rows: str) -> Value:
    first, last = -min((*taps, 0)), len(x) - max((*taps, 0))
    found = []
    for t in range(first, last):
        row = x[t + taps[0]]
        for k in taps[1:]:
            row = row - x[t + k]
        found.append(row)
    return _kept(found, x[0], rows)


@line
def scan_until(h: Value, limit: int, n_steps: int, rows: str) -> Value:
    found = []
    state = h
    for _ in range(n_steps):
        enough = bool(_reduced(state, None, None, np.sum, False) > limit)
        state = state + np.array(1, h.dtype)
        found.append(state)
        if enough:
            break
    return _kept(found, h, rows)


@line
def scan_two(x: Value, h: Value, rows: str) -> tuple[Value, Value]:
    states, products = [], []
    state = h
    for row in x:
        products.append(row * state)
        state = state * _half(h) + row
        states.append(state)
    return _kept(states, h, ""), _kept(products, h, "")


@line
def scan_nested(x: Value, h: Value, rows: str) -> Value:
    found = []
    for row in x:
        state = h
        for element in row:
            state = state * _half(h) + element
        found.append(state)
    return _kept(found, h, rows)


@line
def fold(x: Value, h: Value, which: str) -> Value:
    state = h
    for row in x[::-1] if which == "foldr" else x:
        state = state * _half(h) + row
    return state


# Of gradients and random draws only dtype and shape are known.


@shape_line
def grad(cost: Value, *wrt: Value) -> tuple[Value, ...]:
    return tuple(np.zeros_like(w) for w in wrt)


def _sample(seed: int, size: Sequence[int], dtype: str, **parameters: Any) -> Value:
    return np.zeros(size, dtype)


for _name in ("uniform", "normal", "binomial"):
    MODEL[_name] = _sample
    SHAPE_ONLY.add(_name)


@shape_line
def two_draws(seed: int, size: Sequence[int], dtype: str) -> tuple[Value, Value]:
    return np.zeros(size, dtype), np.zeros(size, dtype)
