"""Random streams, from their definition: Philox4x32-10 as its authors give it, and the documented distributions.

Owns `Draws`, which counts how often each stream was drawn from, and one function a distribution. A draw owns the
words W[4b+j] = philox(counter=(b_low, b_high, draw_low, draw_high), key)[j]. It must not look at the reference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from difftest.model.base import MODEL, SHAPE_ONLY, Value, line

STREAMS: dict[str, int] = {}
"""Steps that draw -> how many streams each makes. Their lines take the number of the draw first."""


class Draws:
    """How often each stream was drawn from, by the name of the step that made it."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.lost = False
        """A loop drew, nobody knows how often, from a stream made outside."""

    def next(self, name: str) -> int:
        self.made[name] += 1
        return self.made[name] - 1

    def copy(self) -> Draws:
        other = Draws()
        other.made.update(self.made)
        other.lost = self.lost
        return other


def stream_line(function: Callable[..., Any], streams: int = 1) -> Callable[..., Any]:
    name = function.__name__.strip("_")
    MODEL[name] = function
    STREAMS[name] = streams
    return function


_WORD = 2**32


def _stirred(c0: Any, c1: Any, c2: Any, c3: Any, k0: int, k1: int) -> tuple[Any, Any, Any, Any]:
    """Ten rounds: two products, whose high halves meet the other words and the keys; the keys follow Weyl sequences."""
    for _ in range(10):
        a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = b // _WORD ^ c1 ^ k0, b % _WORD, a // _WORD ^ c3 ^ k1, a % _WORD
        k0, k1 = (k0 + 0x9E3779B9) % _WORD, (k1 + 0xBB67AE85) % _WORD
    return c0, c1, c2, c3


_block = cache(_stirred)
"""The words of one block."""


class Words:
    """The endless words of one draw of stream number `index` of a seed."""

    def __init__(self, seed: int, index: int, draw: int):
        self.key = _block(seed % _WORD, seed // _WORD, index % _WORD, index // _WORD, 0, 0)[:2]
        self.draw = draw

    def __getitem__(self, place: int) -> int:
        block, j = divmod(place, 4)
        return _block(block % _WORD, block // _WORD, self.draw % _WORD, self.draw // _WORD, *self.key)[j]

    def uniform(self, place: int, dtype: str) -> float:
        """As many leading bits as the dtype holds, in [0, 1)."""
        if dtype == "float64":
            return ((self[2 * place] >> 5) * 2**26 + (self[2 * place + 1] >> 6)) / 2**53
        bits = {"float32": 24, "float16": 11}[dtype]
        return (self[place] >> (32 - bits)) / 2**bits

    def uniforms(self, shape: Sequence[int], dtype: str) -> Value:
        """The first of them; many blocks at a time, in words of 64 bits, which hold the products."""
        count = math.prod(shape)
        blocks = np.arange(-(-(2 * count if dtype == "float64" else count) // 4), dtype="uint64")
        made = _stirred(blocks, blocks * 0, self.draw % _WORD + blocks * 0, self.draw // _WORD, *self.key)
        words = np.stack(np.broadcast_arrays(*made), axis=-1).ravel()
        if dtype == "float64":
            numbers = ((words[::2] >> 5) * 2**26 + (words[1::2] >> 6)) / 2**53
        else:
            bits = {"float32": 24, "float16": 11}[dtype]
            numbers = (words >> (32 - bits)) / 2**bits
        return numbers[:count].astype(dtype).reshape(shape)

    def wide(self, place: int) -> int:
        return self[2 * place] + _WORD * self[2 * place + 1]


def _words(seed: int, draw: int, index: int = 0) -> Words:
    return Words(seed, index, draw)


def _uniform(words: Words, shape: Sequence[int], dtype: str, low: Value, high: Value) -> Value:
    low, high = low.astype(dtype), high.astype(dtype)
    return low + words.uniforms(shape, dtype) * (high - low)


@stream_line
def uniform(draw: int, seed: int, size: Sequence[int], dtype: str, mrg: bool = False) -> Value:
    return _words(seed, draw).uniforms(size, dtype)


@stream_line
def uniform_from(draw: int, low: Value, seed: int, high: float, mrg: bool = False) -> Value:
    return _uniform(_words(seed, draw), low.shape, str(low.dtype), low, np.array(high))


@stream_line
def normal(draw: int, seed: int, size: Sequence[int], dtype: str, mrg: bool = False) -> Value:
    return np.zeros(size, dtype)


@stream_line
def normal_around(draw: int, avg: Value, seed: int, std: float = 1.0, mrg: bool = False) -> Value:
    return np.zeros(avg.shape, avg.dtype)


SHAPE_ONLY.update(
    ("normal", "normal_around")
)  # the quantile is a rational approximation: nothing independent has its bits


def _successes(words: Words, shape: Sequence[int], dtype: str, n: int, p: Value) -> Value:
    """Trial t of element k reads uniform number k * n + t: 24 bits where p is no float64."""
    kind = "float64" if p.dtype == "float64" else "float32"
    chances = np.broadcast_to(p.astype(kind), shape).ravel()
    hits = words.uniforms((len(chances), n), kind) < chances[:, None]
    return hits.sum(axis=1).astype(dtype).reshape(shape)


@stream_line
def binomial(draw: int, seed: int, size: Sequence[int], n: int, p: float, dtype: str, mrg: bool = False) -> Value:
    single = float(np.float32(p)) == p
    return _successes(_words(seed, draw), size, dtype, n, np.array(p, "float32" if single else "float64"))


@stream_line
def binomial_with(draw: int, p: Value, seed: int, n: int, mrg: bool = False) -> Value:
    return _successes(_words(seed, draw), p.shape, str(p.dtype), n, p)


@stream_line
def random_integers(draw: int, seed: int, size: Sequence[int], low: int, high: int) -> Value:
    words = _words(seed, draw)
    values = [low + words.wide(k) % (high - low + 1) for k in range(math.prod(size))]
    return np.array(values, "int64").reshape(size)


@stream_line
def permutation(draw: int, seed: int, size: Sequence[int], n: int) -> Value:
    return _orders(_words(seed, draw), size, n)


def _orders(words: Words, shape: Sequence[int], n: int) -> Value:
    """The order that sorts n words, ties by index; one order a row."""
    rows = [sorted(range(n), key=lambda i, r=r: (words[r * n + i], i)) for r in range(math.prod(shape))]
    return np.array(rows, "int64").reshape(*shape, n)


@stream_line
def shuffled(draw: int, x: Value, seed: int) -> Value:
    return np.take_along_axis(x, _orders(_words(seed, draw), x.shape[:-1], x.shape[-1]), -1)


@stream_line
def choice(draw: int, seed: int, size: Sequence[int], a: int, replace: bool, p: Sequence[float] | None) -> Value:
    words, count = _words(seed, draw), math.prod(size)
    if not replace:
        return _orders(words, (), a)[:count].reshape(size)
    if p is None:
        return random_integers(draw, seed, size, 0, a - 1)
    sums = np.cumsum(np.array(p, "float64"))
    chosen = [int(np.sum(sums <= words.uniform(k, "float64") * sums[-1])) for k in range(count)]
    return np.array(chosen, "int64").reshape(size)


@stream_line
def multinomial(draw: int, seed: int, size: Sequence[int], n: int, pvals: Sequence[float]) -> Value:
    """Trial t of row r falls into the category that counts the cumulative sums, all but the last, at most its u."""
    words, sums = _words(seed, draw), np.cumsum(np.array(pvals, "float64"))[:-1]
    counts = np.zeros((math.prod(size), len(pvals)), "int64")
    for r in range(len(counts)):
        for t in range(n):
            counts[r, int(np.sum(sums <= words.uniform(r * n + t, "float64")))] += 1
    return counts.reshape(*size, len(pvals))


def two_draws(draw: int, seed: int, size: Sequence[int], dtype: str) -> tuple[Value, Value]:
    return tuple(_words(seed, draw, index).uniforms(size, dtype) for index in (0, 1))  # type: ignore[return-value]


stream_line(two_draws, streams=2)


# What only watches.


@line
def printed(x: Value, message: str, attrs: Sequence[str]) -> Value:
    return x
