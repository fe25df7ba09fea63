"""Bounds hold whatever a conforming executor does, are zero where arithmetic is exact, and grow with its ulp."""

from fractions import Fraction

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.ulps import Executor, executor
from difftest.oracle.wide import bits_used, product_is_exact, quantum, sum_is_exact, wide

REFERENCE = executor("reference", False)


def random_graph(seed: int, dtype: str) -> tuple:
    """Six random elementwise steps on two vectors, and a sum."""
    rng = np.random.default_rng(seed)
    x, y = T.tensor(dtype, (False,), name="x"), T.tensor(dtype, (False,), name="y")
    pool = [x, y]
    unary = [T.tanh, T.sin, T.exp, T.sqrt, lambda v: v * v, T.neg, T.abs_, T.log1p, T.arctan, T.sigmoid]
    binary = [T.add, T.sub, T.mul, T.maximum, lambda a, b: a / (b * b + 1), lambda a, b: T.switch(a > b, a, b)]
    for _ in range(6):
        if rng.random() < 0.5:
            pool.append(unary[rng.integers(len(unary))](pool[rng.integers(len(pool))]))
        else:
            pool.append(binary[rng.integers(len(binary))](pool[rng.integers(len(pool))], pool[rng.integers(len(pool))]))
    pool.append(T.sum(pool[-1]))
    values = [rng.uniform(-2, 2, 9).astype(dtype) for _ in range(2)]
    return [x, y], pool[-2:], values


def graph_of(inputs, outputs):
    return theano.function(inputs, outputs, mode="UNOPTIMIZED", on_unused_input="ignore").fgraph


def perturbed(graph, values, executor_: Executor, rng) -> list:
    """Evaluate with every float result moved as far as the executor's ulp allows, in a random direction."""
    known = dict(zip(graph.inputs, values))
    for node in graph.toposort():
        with np.errstate(all="ignore"):
            results = node.op.perform(node, *[known.get(v, getattr(v, "data", None)) for v in node.inputs])
        row = getattr(node.op, "scalar_op", None)
        for variable, value in zip(node.outputs, results):
            if row is not None and value.dtype.kind == "f":
                for _ in range(int(executor_.extra_ulp(row, value.dtype.name))):
                    value = np.where(
                        rng.random(value.shape) < 0.5, np.nextafter(value, -np.inf), np.nextafter(value, np.inf)
                    )
                value = value.astype(variable.type.dtype)
            known[variable] = value
    return [known[v] for v in graph.outputs]


class Sloppy:
    """A table in which every row that is not exact may be off by some ulp."""

    def __init__(self, ulp: int):
        self._ulp = ulp

    def get(self, name: str):
        return self if theano.scalar.TABLE.get(name) is not None and theano.scalar.TABLE[name].transcendental else None

    def ulp(self, dtype: str, fast: bool) -> int:
        return self._ulp


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("seed", range(25))
def test_the_interpreter_stays_inside_its_bounds(seed, dtype):
    inputs, outputs, values = random_graph(seed, dtype)
    graph = graph_of(inputs, outputs)
    shadow = walk(graph.toposort(), dict(zip(graph.inputs, values)), REFERENCE)
    for variable, value in zip(graph.outputs, perturbed(graph, values, REFERENCE, None)):
        assert not inside(value, shadow.of(variable)).wrong.any()
    assert not shadow.uncompared


@pytest.mark.parametrize("seed", range(25))
def test_a_sloppy_executor_stays_inside_its_own_bounds_which_contain_the_strict_ones(seed):
    inputs, outputs, values = random_graph(seed, "float32")
    graph = graph_of(inputs, outputs)
    sloppy = Executor("sloppy", Sloppy(4))
    strict = walk(graph.toposort(), dict(zip(graph.inputs, values)), REFERENCE)
    loose = walk(graph.toposort(), dict(zip(graph.inputs, values)), sloppy)
    rng = np.random.default_rng(seed)
    for variable, value in zip(graph.outputs, perturbed(graph, values, sloppy, rng)):
        assert not inside(value, loose.of(variable)).wrong.any()
        assert np.all(strict.of(variable).e <= loose.of(variable).e)


@pytest.mark.parametrize("seed", range(10))
def test_shadows_of_two_precisions_nest(seed):
    """On the same numbers, the interval of the float32 graph holds that of the float64 graph."""
    shadows = []
    for dtype in ("float32", "float64"):
        inputs, outputs, values = random_graph(seed, dtype)
        same = [v.astype("float32").astype(dtype) for v in values]
        graph = graph_of(inputs, outputs)
        found = walk(graph.toposort(), dict(zip(graph.inputs, same)), REFERENCE)
        shadows.append([found.of(v) for v in graph.outputs])
    for single, double in zip(*shadows):
        with np.errstate(all="ignore"):
            nested = (single.low <= double.low) & (double.high <= single.high)
        assert np.all(nested | ~np.isfinite(single.e) | (single.y == double.y) | np.isnan(single.y))


@pytest.mark.parametrize("seed", range(10))
def test_the_exact_value_lies_inside(seed):
    """Rational arithmetic without any rounding agrees with the shadow of +, -, *, /."""
    rng = np.random.default_rng(seed)
    x = T.dscalar("x")
    value = rng.uniform(1, 2)
    expression, exact = x, Fraction(value)
    for _ in range(8):
        factor = float(rng.uniform(0.5, 1.5))
        operation = rng.integers(4)
        expression = [expression + factor, expression - factor, expression * factor, expression / factor][operation]
        fraction = Fraction(factor)
        exact = [exact + fraction, exact - fraction, exact * fraction, exact / fraction][operation]
    graph = graph_of([x], [expression])
    bound = walk(graph.toposort(), {graph.inputs[0]: np.array(value)}, REFERENCE).of(graph.outputs[0])
    low, high = Fraction(*bound.low.item().as_integer_ratio()), Fraction(*bound.high.item().as_integer_ratio())
    assert low <= exact <= high


def bound_of(expression, inputs, values):
    graph = graph_of(inputs, [expression])
    return walk(graph.toposort(), dict(zip(graph.inputs, values)), REFERENCE).of(graph.outputs[0])


@pytest.mark.parametrize(
    "build",
    [
        lambda x: T.sum(x),
        lambda x: T.sum(x * x),
        lambda x: T.dot(x, x),
        lambda x: (x + 0.25) * x - x,
        lambda x: T.prod(x + 2),
        lambda x: T.max(x),
        lambda x: T.argmax(x),
        lambda x: T.floor(x) + (x > 0.25),
        lambda x: T.cumsum(x),
    ],
)
def test_on_a_dyadic_grid_nothing_is_in_doubt(build):
    x = T.tensor("float32", (False,))
    assert not np.any(bound_of(build(x), [x], [np.array([0.25, -1.5, 1.75, 0.0], "float32")]).e)


def test_a_comparison_of_what_is_uncertain_is_a_question():
    x = T.dvector()
    thirds = np.array([1 / 3, 2 / 3, 0.5])
    bound = bound_of(T.gt(x * 3 - 1, 0), [x], [thirds])
    assert bound.e.tolist() == [1, 0, 0]


def test_a_pole_inside_the_interval_is_unknown():
    x = T.dvector()
    bound = bound_of(1 / (T.exp(x) - np.e), [x], [np.array([1.0, 2.0])])
    assert np.isinf(bound.e[0]) and np.isfinite(bound.e[1])


def test_an_exponential_beyond_every_range_is_an_overflow():
    x = T.dvector()
    assert np.isinf(bound_of(-0.25 / T.log(T.exp(x)), [x], [np.array([1e3, 1e10])]).e).all()


def test_near_a_root_a_special_function_is_known_in_digits_after_the_point():
    x = T.dvector()
    near_two = np.nextafter(2.0, 0)
    bound = bound_of(T.gammaln(x), [x], [np.array([near_two, 3.0])])
    right = (np.euler_gamma - 1) * (2 - near_two)  # the first term of the series at 2
    assert abs(right - bound.y[0]) <= bound.e[0] < 1e-14
    assert bound.e[1] < 1e-14


def test_a_running_product_may_underflow_on_the_way():
    x = T.tensor("float16", (False,))
    bound = bound_of(T.log(T.cumprod(x)), [x], [np.array([2.0**-20, 0.5, 2.0**-14], "float16")])
    assert np.isinf(bound.e[2])


def test_error_free_transformations():
    a, b = wide(np.array([1.0, 1.0])), wide(np.array([2.0**-40, 2.0**-80]))
    assert sum_is_exact(a, b, a + b).tolist() == [True, False]
    third = wide(np.array([1 / 3]))
    assert not product_is_exact(third, third, third * third)[0]
    assert product_is_exact(a, b, a * b).all()


def test_quantum_and_bits():
    grid = wide(np.array([0.75, -2.0, 0.0, 1.5]))
    assert quantum(grid) == 0.25
    assert bits_used(grid).tolist() == [2, 1, 0, 2]
