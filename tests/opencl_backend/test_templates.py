"""Every template of kernels in small: both styles, rendered and general kernels, memory of the host's and the device's.

Values are quarters, of which every sum and product is exact, so that the reference's bits are demanded of optimized
kernels too; where functions round, graphs are compiled exactly. All is small enough for Oclgrind, which watches bounds,
races and what nobody has written (tox -e oclgrind). It takes memory shared with the host for unwritten, so devices have
memory of their own there, as graphics cards have.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyopencl")

import reference.tensor as T
from difftest.oracle.bits import same_bits
from opencl_backend import copies, device
from opencl_backend.runtime import Memory
from reference import function, grad, scan, shared
from reference.config import config
from reference.ifelse import ifelse
from reference.scan import until
from reference.tensor.nnet import conv2d, conv3d, softmax
from reference.tensor.shared_randomstreams import RandomStreams
from reference.tensor.signal.pool import pool_2d

pyopencl = device.import_pyopencl()
Case = tuple[list[Any], list[Any], list[np.ndarray]]
"""Inputs, outputs, arguments."""

TEMPLATES: dict[str, tuple[Callable[[], Case], str]] = {}


def template(make: Callable[[], Case], mode: str = "FAST_RUN") -> Callable[[], Case]:
    TEMPLATES[make.__name__] = make, mode
    return make


def exactly(make: Callable[[], Case]) -> Callable[[], Case]:
    return template(make, "EXACT")


def quarters(*shape: int, dtype: str = "float32") -> np.ndarray:
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) * 7 % 23 / 4 - 2.5).astype(dtype)


def fresh(*arrays: np.ndarray) -> list[Any]:
    return [T.TensorType(a.dtype.name, (False,) * a.ndim)() for a in arrays]


def of(expression: Callable[..., list[Any]], *arrays: np.ndarray) -> Case:
    inputs = fresh(*arrays)
    return inputs, expression(*inputs), list(arrays)


@template
def nests() -> Case:
    """Chunks in vectors with a rest, broadcasts, transposes, strides, offsets that move, other dtypes."""
    return of(
        lambda x, y, i: [
            T.sqr(x) + y, x.T * 2, x[::-2, 1:] - y[1:], T.switch(x > 0, x, y), T.cast(x, "int16") // 3, x[i] + 1,
            T.join(0, x * 2, T.zeros_like(x)), T.cast(x, "float16") + T.cast(y, "float16"),
            T.set_subtensor(x[1:, 2], 0),
        ],
        quarters(5, 37), quarters(37), np.array(2),
    )  # fmt: skip


@template
def doubles() -> Case:
    return of(lambda x: [T.sqr(x) + x[:, :1].sum(axis=1, keepdims=True), abs(x).T], quarters(3, 19, dtype="float64"))


@template
def folds() -> Case:
    """Sums of rows and columns, short and beyond a leaf of 128, several of one pass, extremes."""
    return of(
        lambda x, y: [
            x.sum(), x.sum(axis=0), T.sqr(x).sum(axis=1), y.sum(axis=1), y.mean(axis=0), x.max(axis=1), x.min(),
            x.argmax(axis=0), T.all(x > 0, axis=1), T.any(x > 0), T.cast(x, "int32").prod(axis=1), T.cumsum(x, axis=1),
        ],
        quarters(3, 5), quarters(2, 300),
    )  # fmt: skip


@exactly
def softmaxes() -> Case:
    return of(lambda x: [softmax(x), T.nnet.logsoftmax(x), T.tanh(x)], quarters(3, 19))


@template
def products() -> Case:
    """Whole tiles and rests of rows and columns, either operand turned, vectors, batches, integers."""
    return of(
        lambda x, y, v, b: [
            T.dot(x, y), T.dot(y.T, x.T), T.dot(x.T, x), T.dot(x, v), T.dot(v, y),
            T.batched_dot(b, b.dimshuffle(0, 2, 1)), T.dot(T.cast(x, "int32"), T.cast(y, "int32")),
            T.nnet.relu(T.dot(x, y) + y[0]),
        ],
        quarters(9, 20), quarters(20, 35), quarters(20), quarters(2, 3, 5),
    )  # fmt: skip


@template
def packed_products() -> Case:
    """Rows enough that columns are copied side by side first, and deeper than a block."""
    return of(
        lambda x, y, z: [T.dot(x, y), T.dot(x, x[:20].T), T.dot(y.T, z)],
        quarters(70, 9), quarters(9, 17), quarters(9, 21),
    )  # fmt: skip


@template
def products_along_the_depth() -> Case:
    return of(lambda x: [T.dot(x, x[:3].T)], quarters(6, 530))


@template
def products_of_doubles() -> Case:
    return of(lambda x: [T.dot(x, x.T), T.dot(x[:, :4], x[1:])], quarters(5, 9, dtype="float64"))


@template
def convolutions() -> Case:
    def both(images: Any, filters: Any) -> list[Any]:
        maps = conv2d(images, filters)
        strided = conv2d(images, filters, border_mode="half", subsample=(2, 1))
        return [maps, strided, *(g for y in (maps, strided) for g in grad(T.sqr(y).sum(), [images, filters]))]

    return of(both, quarters(2, 2, 6, 5), quarters(3, 2, 3, 2))


@template
def convolutions_of_volumes() -> Case:
    def both(images: Any, filters: Any) -> list[Any]:
        maps = conv3d(images, filters)
        return [maps, *grad(T.sqr(maps).sum(), [images, filters])]

    return of(both, quarters(1, 2, 4, 3, 4), quarters(2, 2, 2, 2, 3))


@template
def pools() -> Case:
    def every(x: Any) -> list[Any]:
        pooled = [pool_2d(x, (2, 2), ignore_border=True), pool_2d(x, (3, 2), ignore_border=True, stride=(1, 1))]
        pooled.append(pool_2d(x, (2, 2), ignore_border=True, mode="sum"))
        return [*pooled, *(grad(T.sqr(y).sum(), x) for y in pooled)]

    return of(every, quarters(1, 2, 6, 5))


@template
def scatters() -> Case:
    return of(
        lambda x, i, m: [
            x[i], T.inc_subtensor(x[i], x[: i.shape[0]]), T.set_subtensor(x[i], 1), T.inc_subtensor(x[:, i], 2),
            x[i, i], T.inc_subtensor(x[i, i], 3), x[m.nonzero()], x.take(i, axis=1), T.extra_ops.repeat(x, 2, axis=0),
        ],
        quarters(5, 7), np.array([3, 0, 3, 4]), np.array([[True, False] * 3 + [True]] * 5),
    )  # fmt: skip


@template
def sorts() -> Case:
    return of(
        lambda x, k: [T.sort(x, axis=1), T.argsort(x, axis=0), T.sort(k), T.argsort(x, axis=None)],
        quarters(3, 37), np.arange(19)[::-1] % 5,
    )  # fmt: skip


@exactly
def draws() -> Case:
    streams, p = RandomStreams(3), shared(np.array([0.25, 0.5, 0.25], "float32"))
    return [], [
        streams.uniform((70,), dtype="float32"), streams.uniform((3, 5), 1.0, 2.0),
        streams.normal((9,), dtype="float32"), streams.binomial((2, 9), 1, 0.5), streams.binomial((5,), 3, 0.5),
        streams.random_integers((7,), 0, 9), streams.permutation(n=6), streams.multinomial((2,), 3, [0.25, 0.75]),
        streams.choice((5,), a=3, p=p),
    ], []  # fmt: skip


@exactly
def draws_where_they_are_read() -> Case:
    """In loops and products, from any place of a block on, in rows shorter and longer than what is made at once."""
    streams = RandomStreams(5)

    def uniform(*shape: int) -> Any:
        return streams.uniform(shape, dtype="float32")

    def drawn(x: Any, y: Any) -> list[Any]:
        narrow, wide = T.dot(x, y), T.dot(y.T, y)
        return [
            T.sqr(uniform(3, 13)) + x, streams.binomial(x.shape, 1, T.sqr(x) / 8), narrow * uniform(3, 70),
            uniform(70) + T.dot(x[0], y), uniform(13, 70) - y,
            streams.binomial((70, 70), 1, abs(wide) / 8, dtype="float32"),
        ]  # fmt: skip

    return of(drawn, quarters(3, 13), quarters(13, 70))


@template
def loops_of_columns() -> Case:
    """Loops of elements: the last row, all rows, taps, a value for all columns, an end."""

    def every(h: Any, x: Any, n: Any) -> list[Any]:
        last, _ = scan(lambda h: h * 0.5 + 1, outputs_info=h, n_steps=n)
        rows, _ = scan(lambda r, h: r - h * 0.5, sequences=x, outputs_info=h)
        start = {"initial": x[:2], "taps": [-2, -1]}
        taps, _ = scan(lambda a, b, s: a * 0.5 + b * s, outputs_info=start, non_sequences=h[0], n_steps=n)
        ended, _ = scan(lambda k, h: ((k + 1, h + 1), until(k >= 2)), outputs_info=[T.zeros_like(n), h], n_steps=9)
        return [last[-1], rows, taps[-1], ended[1][-1], grad(rows.sum(), h)]

    return of(every, quarters(37), quarters(4, 37), np.array(5))


@template
def loops_of_rows() -> Case:
    """Loops with products and sums, of a batch and without one, forward and backward; a loop in a loop."""

    def every(h: Any, W: Any, x: Any) -> list[Any]:
        rows, _ = scan(lambda r, h, W: T.dot(h, W) + r, sequences=x, outputs_info=h, non_sequences=W)
        total, _ = scan(lambda r, s: r.sum() - s, sequences=x, outputs_info=T.constant(np.float32(0)))

        def outer(r: Any, h: Any, W: Any) -> Any:
            inner, _ = scan(lambda g, W: T.dot(g, W) * 0.25, outputs_info=h, non_sequences=W, n_steps=18)
            return inner[-1] + r

        nested, _ = scan(outer, sequences=x[:, :2, :4], outputs_info=h[:2, :4], non_sequences=W[:4, :4] * 0 + 0.5)
        return [rows, total, nested[-1], *grad(rows.sum(), [h, W])]

    return of(every, quarters(3, 5), np.eye(5, k=1, dtype="float32"), quarters(18, 3, 5))


@exactly
def loops_that_draw() -> Case:
    streams, h = RandomStreams(5), T.fvector()
    rows, _ = scan(lambda h: streams.uniform((5,), dtype="float32") * 0.5 + h * 0.5, outputs_info=h, n_steps=18)
    return [h], [rows], [quarters(5)]


@template
def choices() -> Case:
    def every(x: Any) -> list[Any]:
        return [ifelse(x[0, 0] > 9, x * 2, x + 1), T.eye(3), T.arange(7) * 2, T.tile(x, (2, 1))]

    return of(every, quarters(3, 5))


@pytest.fixture(params=["cpu", "gpu"])
def style(request, monkeypatch):
    """A style, on a device opened for the test alone."""
    monkeypatch.setattr(device, "_open", {})
    with config.change_flags(opencl__style=request.param):
        yield request.param


@pytest.fixture(params=["shared", "apart"])
def memory(request, style, monkeypatch):
    """Is a device's memory the host's own?"""
    if "Oclgrind" in device.current().name:
        if request.param == "shared":
            pytest.skip("memory shared with the host counts as unwritten there")
        monkeypatch.setattr(copies, "run", lambda *given: False)  # what drivers copy in rows counts as unwritten, too
    if request.param == "apart":
        vars(device.current())["shares_host_memory"] = False
    return request.param


UNTOLD = ("draws", "products_along_the_depth", "products_of_doubles")
"""When Oclgrind 21.10 is asked what is unwritten, it takes upper halves of vectors for it, and does not know LLVM's
instruction `freeze`, of which it makes use itself."""


class Kept(pyopencl.Buffer):
    """Memory that is never given back: at a place that was another buffer's before, Oclgrind 21.10 takes for unwritten
    what has been written since. Loops that run step by step have many short buffers."""

    every: list[pyopencl.Buffer] = []

    def __init__(self, *given: Any, **named: Any):
        super().__init__(*given, **named)
        self.every.append(self)


@pytest.fixture
def spoiled(monkeypatch):
    """Memory that is handed out holds no numbers, and is not what it was a moment ago."""
    given = Memory.of_size

    def of_size(self: Memory, size: int) -> Any:
        storage = given(self, size)
        self._cl.enqueue_fill_buffer(self.device.queue, storage.buffer, np.uint8(0xFF), 0, storage.nbytes).wait()
        return storage

    if "OCLGRIND_UNINITIALIZED" not in os.environ:
        monkeypatch.setattr(Memory, "of_size", of_size)
    else:
        monkeypatch.setattr(pyopencl, "Buffer", Kept)


@pytest.mark.usefixtures("spoiled")
@pytest.mark.filterwarnings("ignore:a scan draws")
@pytest.mark.parametrize("haste", [False, True])
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_gives_the_references_bits(name, style, memory, haste):
    if "OCLGRIND_UNINITIALIZED" in os.environ and name in UNTOLD:
        pytest.skip("Oclgrind cannot tell")
    make, mode = TEMPLATES[name]

    def results(mode: str, backend: str) -> list[list[np.ndarray]]:
        inputs, outputs, arguments = make()
        f = function(inputs, outputs, mode=mode, backend=backend)
        return [f(*arguments) for _ in "12"]

    with config.change_flags(opencl__interpret=haste):
        for expected, found in zip(results("UNOPTIMIZED", "reference"), results(mode, "opencl")):
            assert all(map(same_bits, expected, found))
