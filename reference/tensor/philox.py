"""Random words: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011), and uniforms made of them.

Owns the state of a stream, the words of a draw and their conversion to uniform numbers; every backend
makes the same bits. It must not know graphs or distributions.

A state is four uint32, ``(key0, key1, draw_low, draw_high)``. A draw owns an endless sequence of words:
word ``4*b + j`` is word ``j`` of the block with counter ``(b_low, b_high, draw_low, draw_high)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_MASK = 0xFFFFFFFF

_AT_ONCE = 8192
"""Blocks computed together: their scratch stays in the second-level cache."""
_FEW = 4
"""Up to so many blocks Python's integers are faster than arrays."""


def philox_block(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """One block, written with Python integers: the definition."""
    x0, x1, x2, x3 = (int(word) for word in counter)
    k0, k1 = (int(word) for word in key)
    for _ in range(_ROUNDS):
        low, high = _MULTIPLIERS[0] * x0, _MULTIPLIERS[1] * x2
        x0, x1, x2, x3 = (high >> 32) ^ x1 ^ k0, high & _MASK, (low >> 32) ^ x3 ^ k1, low & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return x0, x1, x2, x3


def philox_words(state: np.ndarray, n: int, start: int = 0) -> np.ndarray:
    """Words ``start`` to ``start + n - 1`` of the draw that `state` stands before."""
    first, last = start // 4, (start + n + 3) // 4
    if last - first <= _FEW:
        key0, key1, draw0, draw1 = (int(word) for word in state)
        blocks = [philox_block((b & _MASK, b >> 32, draw0, draw1), (key0, key1)) for b in range(first, last)]
        words = np.array(blocks, dtype=np.uint32).reshape(-1)
    else:
        words = _blocks(state, first, last).reshape(-1)
    return words[start - 4 * first : start - 4 * first + n]


def _blocks(state: np.ndarray, first: int, last: int) -> np.ndarray:
    """Blocks `first` to `last - 1`, many at a time: `philox_block` on arrays of 64-bit lanes."""
    key0, key1, draw0, draw1 = (int(word) for word in state)
    keys = [
        np.array([[(key0 + r * _WEYL[0]) & _MASK], [(key1 + r * _WEYL[1]) & _MASK]], dtype=np.uint64)
        for r in range(_ROUNDS)
    ]
    multipliers = np.array(_MULTIPLIERS, dtype=np.uint64).reshape(2, 1)
    mask, half = np.uint64(_MASK), np.uint64(32)
    words = np.empty((last - first, 4), dtype=np.uint32)
    width = min(_AT_ONCE, last - first)
    lanes = np.arange(width, dtype=np.uint64)
    even, odd, product, high = (np.empty((2, width), dtype=np.uint64) for _ in range(4))
    for begin in range(first, last, width):
        count = min(width, last - begin)
        block = lanes + np.uint64(begin)
        even[0], even[1], odd[0], odd[1] = block & mask, draw0, block >> half, draw1
        for key in keys:
            np.multiply(even, multipliers, out=product)
            np.right_shift(product, half, out=high)
            np.bitwise_xor(high[::-1], odd, out=even)
            np.bitwise_xor(even, key, out=even)
            np.bitwise_and(product[::-1], mask, out=odd)
        out = words[begin - first : begin - first + count]
        out[:, 0], out[:, 1], out[:, 2], out[:, 3] = (x[:count] for x in (even[0], odd[0], even[1], odd[1]))
    return words


def initial_state(seed: int | Sequence[int], index: int = 0) -> np.ndarray:
    """The state of stream number `index` of `seed`, before its first draw.

    The key is the first two words of the block with counter (seed_low, seed_high, index_low,
    index_high); a list of seeds is absorbed one after the other, each block keyed by the one before.
    """
    key = (0, 0)
    for number in [seed] if isinstance(seed, (int, np.integer)) else list(seed):
        number = int(number) & (1 << 64) - 1
        counter = (number & _MASK, number >> 32, index & _MASK, index >> 32)
        key = philox_block(counter, key)[:2]
    return np.array([*key, 0, 0], dtype=np.uint32)


def next_state(state: np.ndarray) -> np.ndarray:
    """The state before the next draw."""
    following = state.copy()
    following[2] = (int(state[2]) + 1) & _MASK
    if following[2] == 0:
        following[3] = (int(state[3]) + 1) & _MASK
    return following


def words_per_uniform(dtype: str) -> int:
    """How many words a uniform number of `dtype` takes."""
    return 2 if dtype == "float64" else 1


def uniforms(state: np.ndarray, n: int, dtype: str, start: int = 0) -> np.ndarray:
    """Uniform numbers ``start`` to ``start + n - 1`` of a draw, in [0, 1): as many bits as the dtype holds."""
    if dtype == "float64":
        words = philox_words(state, 2 * n, 2 * start)
        bits = (words[0::2] >> np.uint32(5)).astype(np.float64)
        bits *= 2.0**26
        bits += words[1::2] >> np.uint32(6)
        bits *= 2.0**-53
        return bits
    words = philox_words(state, n, start)
    if dtype == "float16":
        return (words >> np.uint32(21)).astype(np.float16) * np.float16(2.0**-11)
    numbers = (words >> np.uint32(8)).astype(np.float32)
    numbers *= np.float32(2.0**-24)
    return numbers


def open_uniforms(state: np.ndarray, n: int, dtype: str) -> np.ndarray:
    """Uniform numbers of (0, 1), never 0 nor 1, in float64: odd multiples of 2**-53 (for float64) or 2**-33."""
    if dtype == "float64":
        words = philox_words(state, 2 * n)
        bits = (words[0::2] >> np.uint32(6)).astype(np.float64)
        bits *= 2.0**26
        bits += words[1::2] >> np.uint32(6)
        bits += 0.5
        bits *= 2.0**-52
        return bits
    numbers = philox_words(state, n).astype(np.float64)
    numbers += 0.5
    numbers *= 2.0**-32
    return numbers
