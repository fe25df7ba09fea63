"""Steps of networks: activations, softmax, costs of classifiers, batch normalization.

Owns labels (in the range of the classes) and the shapes of parameters.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES, is_float
from difftest.strategies.registry import Drawn, call, step


def _float(e: Entry) -> bool:
    return is_float(e.dtype)


def _rows(e: Entry) -> bool:
    return e.ndim == 2 and is_float(e.dtype) and e.shape[1] > 0


def _matrix(draw: Draw, pool: Pool, x: Entry) -> Entry:
    return pool.fitting(x, lambda e: _rows(e) and e.shape[0] > 0, draw.choose(("float32", "float64")), (2, 3))


def _unary(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


for _name in ("softmax", "logsoftmax"):
    step(
        "nnet",
        f"T.nnet.{_name}({{0}})",
        takes=lambda e: is_float(e.dtype) and 1 <= e.ndim <= 2 and e.shape[-1] > 0,
        name=_name,
    )(_unary)
step("nnet", "T.nnet.softmax_graph({0})", takes=lambda e: _float(e) and e.ndim == 2, name="softmax_graph")(_unary)
for _name in ("softsign", "hard_sigmoid", "selu"):
    step("nnet", f"T.nnet.{_name}({{0}})", takes=_float, name=_name)(_unary)


@step("nnet", "T.nnet.softmax_with_bias({0}, {1})")
def softmax_with_bias(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = _matrix(draw, pool, x)
    return (x.name, _like(draw, pool, x, x.shape[1:]).name), {}


def _like(draw: Draw, pool: Pool, x: Entry, shape: tuple[int, ...]) -> Entry:
    """An earlier value or new input of this dtype and shape."""
    known = pool.having(lambda e: e.shape == shape and e.dtype == x.dtype)
    return draw.choose(known) if known and draw.often() else pool.source(x.dtype, shape)


@step("nnet", call("T.nnet.relu"), takes=_float)
def relu(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"alpha": draw.choose((0, 0, 0.25, 0.5))}


@step("nnet", call("T.nnet.elu"), takes=_float)
def elu(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"alpha": draw.choose((1, 0.5, 2))}


for _name in ("binary_crossentropy", "sigmoid_binary_crossentropy"):

    @step("cost", f"T.nnet.{_name}({{0}}, {{1}})", takes=_float, name=_name)
    def binary(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name, _like(draw, pool, x, x.shape).name), {}


def _labels(draw: Draw, pool: Pool, x: Entry) -> Entry:
    return pool.fixed(draw.integers(0, x.shape[1] - 1, x.shape[0]), draw.choose(INDICES))


@step("cost", "T.nnet.categorical_crossentropy({0}, {1})")
def categorical_crossentropy(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = _matrix(draw, pool, x)
    return (x.name, (_labels(draw, pool, x) if draw.often() else _like(draw, pool, x, x.shape)).name), {}


def _softmax_cost(x: str, labels: str, *bias: str, which: str) -> str:
    suffix = "_with_bias" if bias else ""
    return f"T.nnet.crossentropy_softmax_{which}1hot{suffix}({', '.join([x, *bias, labels])})"


@step("cost", _softmax_cost)
def crossentropy_softmax(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = _matrix(draw, pool, x)
    which = draw.choose(("", "max_and_argmax_", "argmax_"))
    bias = [_like(draw, pool, x, x.shape[1:]).name] if which == "argmax_" or draw.flag() else []
    return (x.name, _labels(draw, pool, x).name, *bias), {"which": which}


def _parameters(draw: Draw, pool: Pool, x: Entry, axes: Any, count: int) -> list[str]:
    gone = (0,) if axes == "per-activation" else (0, *range(2, x.ndim)) if axes == "spatial" else axes
    shape = tuple(n for k, n in enumerate(x.shape) if k not in gone)
    return [_like(draw, pool, x, shape).name for _ in range(count)]


def _normal_axes(draw: Draw, x: Entry) -> Any:
    return draw.choose(("per-activation", "spatial", (0,), tuple(range(x.ndim))[:2]))


def _batch(e: Entry) -> bool:
    return is_float(e.dtype) and 2 <= e.ndim <= 3 and min(e.shape) > 0


@step("batch", "T.nnet.batch_normalization({0}, {1}, {2}, {3}, {4})")
def batch_normalization(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, _batch, draw.choose(("float32", "float64")), (3, 2))
    return (x.name, *(_like(draw, pool, x, x.shape[1:]).name for _ in range(4))), {}


@step("batch", "T.nnet.batch_normalization_test({0}, {1}, {2}, {3}, {4}, axes={axes!r})")
def batch_normalization_test(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, _batch, draw.choose(("float32", "float64")), (3, 2))
    axes = _normal_axes(draw, x)
    return (x.name, *_parameters(draw, pool, x, axes, 4)), {"axes": axes}


@step("batch", "T.nnet.batch_normalization_train({0}, {1}, {2}, axes={axes!r})")
def batch_normalization_train(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    x = pool.fitting(x, _batch, draw.choose(("float32", "float64")), (3, 2))
    axes = _normal_axes(draw, x)
    return (x.name, *_parameters(draw, pool, x, axes, 2)), {"axes": axes}
