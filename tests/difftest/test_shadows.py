"""The oracle looks at itself: a shadow in float64, as on machines without a wider float, tells nothing else."""

import sys

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from difftest.oracle import differences, rules, wide  # noqa: F401  all of the oracle is loaded
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.ulps import executor

NARROW = {
    "WIDE": np.float64,
    "SLACK": np.float64(4) * np.finfo("float64").eps,
    "INF": np.float64(np.inf),
    "ZERO": np.float64(0),
    "_SPLIT": np.float64(2.0**27 + 1),
}


@pytest.fixture
def in_float64(monkeypatch):
    """A function that makes every shadow from now on one of float64."""

    def narrow():
        for name, module in list(sys.modules.items()):
            for constant, value in NARROW.items() if name.startswith("difftest.oracle.") else ():
                if hasattr(module, constant):
                    monkeypatch.setattr(module, constant, value)

    return narrow


def looped(x):
    rows, _ = theano.scan(lambda s, x: T.tanh(s * x) - x, outputs_info=T.ones_like(x), non_sequences=x, n_steps=4)
    return rows


PROGRAMS = {
    "arithmetic": lambda x: (x + 0.3) * x / (x * x + 1) - x,
    "functions": lambda x: T.exp(T.sin(x)) + T.log1p(abs(x)) * T.tanh(x),
    "sums": lambda x: T.stack([T.sum(x * x), T.mean(x), T.prod(x), T.max(x)]),
    "products": lambda x: T.dot(T.outer(x, x), x),
    "softmax": lambda x: T.nnet.softmax(x[None]),
    "running": lambda x: T.cumsum(x * 0.1),
    "decisions": lambda x: T.switch(x > 0.1, T.sqrt(abs(x)), T.floor(x * 3)),
    "powers": lambda x: abs(x) ** 1.7 + T.arctan2(x, x + 3),
    "writes": lambda x: T.inc_subtensor(x[1:], T.exp(x[:-1])),
    "loop": looped,
    "gradient": lambda x: theano.grad(T.sum(T.tanh(x * x) * x), x),
}
VALUES = np.array([0.3, -1.2, 2.5, 0.75, -0.001])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_shadows_of_two_precisions_nest(name, dtype, in_float64):
    x = T.tensor(dtype, (False,), name="x")
    f = theano.function([x], PROGRAMS[name](x), mode="UNOPTIMIZED")
    value, who = VALUES.astype(dtype), executor("reference", False)
    result, order, graph = f(value), f.fgraph.toposort(), f.fgraph
    fine = walk(order, {graph.inputs[0]: value}, who)
    in_float64()
    coarse = walk(order, {graph.inputs[0]: value}, who)
    assert coarse.of(graph.outputs[0]).y.dtype == np.float64
    assert not inside(np.asarray(result), coarse.of(graph.outputs[0])).wrong.any()
    for v in (v for node in order for v in node.outputs):
        one, other = fine.of(v), coarse.of(v)
        if one.y is not None:
            apart = np.abs(one.y - other.y.astype(np.longdouble))
            assert np.all((apart <= one.e + other.e) | (one.y == other.y)), v.owner
            assert np.all(one.e <= other.e * (1 + 1e-3)), v.owner
