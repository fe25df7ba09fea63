"""What each step means on jax arrays: a table of elementwise functions, and a function for every other step.

Owns `ELEMENTWISE` and `STEPS`. Operands are brought to the dtype that Theano's rules give the result, so that JAX's own
promotion plays no part; values and gradients are JAX's own. A step that is not here is not supported.
"""

# mypy: ignore-errors

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special
from worker import Missing


class Here:
    """What a step is told besides its operands: the dtypes and shapes of its results, if they are known."""

    def __init__(self, dtypes, shapes):
        self.dtypes, self.shapes = dtypes, shapes

    @property
    def dtype(self):
        return self.dtypes[0]


def literal_of(x):
    """A Python number takes the smallest dtype that holds it."""
    if isinstance(x, bool):
        return jnp.asarray(x)
    if isinstance(x, int):
        fits = (d for d in ("int8", "int16", "int32", "int64") if np.iinfo(d).min <= x <= np.iinfo(d).max)
        return jnp.asarray(x, next(fits))
    return jnp.asarray(x, "float32" if float(np.float32(x)) == x else "float64")


def cast(dtype, x):
    return x != 0 if dtype == "bool" and x.dtype != bool else x.astype(dtype)


def in_result(f):
    """Compute in the result's dtype."""
    return lambda dtype, *xs: f(*[cast(dtype, x) for x in xs]).astype(dtype)


def in_common(f):
    """Compute in the operands' common dtype; the result is a truth value."""

    def apply(dtype, *xs):
        common = xs[0].dtype
        for x in xs[1:]:
            common = np.promote_types(common, x.dtype)
        return f(*[cast(common, x) for x in xs])

    return apply


def folded(f):
    def apply(*xs):
        result = xs[0]
        for x in xs[1:]:
            result = f(result, x)
        return result

    return apply


def away(x):
    whole = jnp.trunc(x)
    return whole + jnp.sign(x) * (jnp.abs(x - whole) >= 0.5).astype(x.dtype)


def asked_as_float(f):
    return lambda dtype, x: f(x if x.dtype.kind == "f" else x.astype("float64"))


def switch(dtype, condition, a, b):
    return jnp.where(condition != 0, cast(dtype, a), cast(dtype, b))


ELEMENTWISE = {
    "add": in_result(folded(jnp.add)), "mul": in_result(folded(jnp.multiply)), "sub": in_result(jnp.subtract),
    "true_div": in_result(jnp.true_divide), "int_div": in_result(jnp.floor_divide), "mod": in_result(jnp.remainder),
    "pow": in_result(jnp.power), "neg": in_result(jnp.negative), "abs_": in_result(jnp.abs),
    "sgn": in_result(jnp.sign), "sqr": in_result(jnp.square), "maximum": in_result(jnp.maximum),
    "minimum": in_result(jnp.minimum), "identity": in_result(jnp.array), "and_": in_result(jnp.bitwise_and),
    "clip": in_result(lambda x, low, high: jnp.where(x < low, low, jnp.where(x > high, high, x))),
    "or_": in_result(jnp.bitwise_or), "xor": in_result(jnp.bitwise_xor), "invert": in_result(jnp.invert),
    "sqrt": in_result(jnp.sqrt), "inv": in_result(jnp.reciprocal), "ceil": in_result(jnp.ceil),
    "floor": in_result(jnp.floor), "trunc": in_result(jnp.trunc), "round_half_to_even": in_result(jnp.round),
    "round_half_away_from_zero": in_result(away), "sigmoid": in_result(jax.nn.sigmoid),
    "softplus": in_result(jax.nn.softplus), "erf": in_result(special.erf), "erfc": in_result(special.erfc),
    "eq": in_common(jnp.equal), "neq": in_common(jnp.not_equal), "lt": in_common(jnp.less),
    "le": in_common(jnp.less_equal), "gt": in_common(jnp.greater), "ge": in_common(jnp.greater_equal),
    "isnan": asked_as_float(jnp.isnan), "isinf": asked_as_float(jnp.isinf), "switch": switch,
    "second": lambda dtype, a, b: jnp.broadcast_arrays(a, cast(dtype, b))[1],
    **{name: in_result(getattr(jnp, name)) for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    )},
}  # fmt: skip
"""Row of the scalar table -> f(dtype of the result, *operands)."""

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "true_div", "//": "int_div", "%": "mod", "**": "pow",
             "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}  # fmt: skip

STEPS = {}


def step(function):
    STEPS[function.__name__.strip("_")] = function
    return function


@step
def literal(here, x, number, op, swapped):
    return ELEMENTWISE[OPERATORS[op]](here.dtype, *((number, x) if swapped else (x, number)))


@step
def _cast(here, x, dtype):
    return cast(dtype, x)


# Shapes.


@step
def dimshuffle(here, x, order):
    kept = [k for k in order if k != "x"]
    dropped = [k for k in range(x.ndim) if k not in kept]
    moved = jnp.transpose(x, [*kept, *dropped]).reshape([x.shape[k] for k in kept])
    return jnp.expand_dims(moved, [k for k, item in enumerate(order) if item == "x"])


def to_shape(here, x, **attributes):
    return x.reshape(here.shapes[0])


for _name in ("reshape", "reshape_by_shape", "flatten"):
    STEPS[_name] = to_shape
STEPS["transpose"] = lambda here, x, axes: jnp.transpose(x, axes)
STEPS["transposed"] = lambda here, x: x.T
STEPS["tile"] = lambda here, x, reps: jnp.tile(x, reps)
STEPS["repeat"] = lambda here, x, times, axis: jnp.repeat(x, times, axis)
STEPS["alloc"] = lambda here, x, shape: jnp.broadcast_to(x, shape)
STEPS["zeros_like"] = lambda here, x: jnp.zeros_like(x)
STEPS["ones_like"] = lambda here, x: jnp.ones_like(x)
STEPS["zeros"] = lambda here, shape, dtype: jnp.zeros(shape, dtype)
STEPS["eye"] = lambda here, n, m, k, dtype: jnp.eye(n, m, k, dtype)
STEPS["arange"] = lambda here, start, stop, step, dtype: jnp.arange(start, stop, step, dtype)
STEPS["arange_to"] = lambda here, x: jnp.arange(here.shapes[0][0], dtype=here.dtype)
STEPS["constant"] = lambda here, value, dtype: jnp.asarray(np.array(value, dtype))
STEPS["shape"] = lambda here, x: jnp.asarray(x.shape, here.dtype)
STEPS["printed"] = lambda here, x, **attributes: x
STEPS["length"] = lambda here, x, axis: jnp.asarray(x.shape[axis], here.dtype)


@step
def join(here, *parts, axis):
    return jnp.concatenate([cast(here.dtype, p) for p in parts], axis)


@step
def stack(here, *parts, axis):
    return jnp.stack([cast(here.dtype, p) for p in parts], axis)


@step
def split(here, x, sizes, axis):
    return tuple(jnp.split(x, np.cumsum(sizes)[:-1].tolist(), axis))


# Parts.


def index_of(items, operands):
    def one(item):
        if isinstance(item, list):
            if any(isinstance(end, str) for end in item):
                raise Missing("a slice whose end is a variable")
            return slice(*item)
        if isinstance(item, str):
            return Ellipsis if item == "..." else operands[int(item[1:])]
        return item

    return tuple(map(one, items))


@step
def subtensor(here, x, *rest, index):
    return x[index_of(index, (x, *rest))]


@step
def take(here, x, which, axis):
    return jnp.take(x, jnp.where(which < 0, which + x.shape[axis], which), axis)


@step
def mask(here, x, which):
    return x[jnp.nonzero(which, size=here.shapes[0][0])]


@step
def set_subtensor(here, x, y, *rest, index):
    return x.at[index_of(index, (x, y, *rest))].set(y)


@step
def inc_subtensor(here, x, y, *rest, index):
    return x.at[index_of(index, (x, y, *rest))].add(y)


# Reductions.


def axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def total(f):
    return lambda here, x, axis, keepdims, dtype: f(x, axis=axes(axis), dtype=here.dtype, keepdims=keepdims)


def in_float(f):
    return lambda here, x, axis, keepdims: f(x.astype(here.dtype), axis=axes(axis), keepdims=keepdims)


def place(f):
    return lambda here, x, axis: f(x, axis=axis).astype(here.dtype)


STEPS.update({
    "sum": total(jnp.sum), "prod": total(jnp.prod), "mean": in_float(jnp.mean), "var": in_float(jnp.var),
    "std": in_float(jnp.std), "max": in_float(jnp.max), "min": in_float(jnp.min), "all": in_float(jnp.all),
    "any": in_float(jnp.any), "argmax": place(jnp.argmax), "argmin": place(jnp.argmin), "sort": place(jnp.sort),
    "argsort": place(jnp.argsort),
    "max_and_argmax": lambda here, x, axis: (jnp.max(x, axis=axis), jnp.argmax(x, axis=axis).astype(here.dtypes[1])),
    "cumsum": lambda here, x, axis: jnp.cumsum(x, axis=axis, dtype=here.dtype),
    "cumprod": lambda here, x, axis: jnp.cumprod(x, axis=axis, dtype=here.dtype),
    "diff": lambda here, x, axis: jnp.diff(x.astype(here.dtype), axis=axis),
})  # fmt: skip


# Products of matrices, and functions of networks.


def product(f):
    return lambda here, a, b, **attributes: f(a.astype(here.dtype), b.astype(here.dtype), **attributes)


BATCHED = {(3, 3): "bik,bkj->bij", (2, 3): "bk,bkj->bj", (3, 2): "bik,bk->bi", (2, 2): "bk,bk->b"}


def batched(a, b):
    return jnp.einsum(BATCHED[a.ndim, b.ndim], a, b)


def binary_crossentropy(here, x, t):
    x, t = x.astype(here.dtype), t.astype(here.dtype)
    return -(t * jnp.log(x) + (1 - t) * jnp.log(1 - x))


STEPS.update({
    "dot": product(jnp.dot), "outer": product(jnp.outer), "batched_dot": product(batched),
    "tensordot": product(lambda a, b, axes: jnp.tensordot(a, b, axes)),
    "softmax": lambda here, x: jax.nn.softmax(x, axis=-1), "relu": lambda here, x: jax.nn.relu(x.astype(here.dtype)),
    "logsoftmax": lambda here, x: jax.nn.log_softmax(x, axis=-1), "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": lambda here, x, labels: -jnp.log(x[jnp.arange(x.shape[0]), labels]),
})  # fmt: skip
