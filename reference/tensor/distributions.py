"""The distributions: one row each, a pure function of a draw's words.

Owns what each sample is, to the bit. Only correctly rounded operations are used (+ - * / sqrt, integer
arithmetic, comparisons, stable sorts), each rounded where the formula says, so every backend makes the
same bits. It must not know graphs. Adding a distribution is adding a row to `DISTRIBUTIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.tensor.philox import open_uniforms, philox_words, uniforms

Shape = tuple[int, ...]

_AT_ONCE = 1 << 18
"""Uniform numbers made together where an element takes several."""


@dataclass(frozen=True)
class Distribution:
    """One row.

    sample   (state, shape, dtype, *parameters) -> the sample; `shape` is that of the draw, and the
             parameters come broadcast to it (read-only views) where `core` says 0.
    core     one entry a parameter: how many trailing dimensions the distribution itself reads;
             None: the parameter is one value for the whole draw.
    grows    True if a sample is a vector: the result has one dimension more than the draw.
    """

    name: str
    sample: Callable[..., np.ndarray]
    core: tuple[int | None, ...]
    grows: bool = False


def log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of positive, normal float64 numbers to within 2 ulp, the same on every machine.

    x = m * 2**e with m in [sqrt(1/2), sqrt(2)); log(m) = 2 atanh(s), s = (m - 1) / (m + 1), by its
    Taylor series, whose next term is below 1e-18. ln(2) is a short part and a small rest, so that
    e times the short part is exact.
    """
    m, e = np.frexp(x)
    low = m < _SQRT_HALF
    m = np.where(low, m * 2.0, m)
    exponent = (e - low).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    t = s * s
    series = np.full_like(t, 1.0 / (2 * _TERMS + 1))
    for k in range(_TERMS - 1, 0, -1):
        series = series * t + 1.0 / (2 * k + 1)
    return exponent * _LN2_HIGH + (2.0 * s + (2.0 * s * (t * series) + exponent * _LN2_LOW))


_SQRT_HALF = 0.7071067811865476
_TERMS = 11
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10


def normal_quantile(u: np.ndarray) -> np.ndarray:
    """The standard normal's inverse distribution function on (0, 1), in float64.

    Wichura's rational approximations (Algorithm AS 241, PPND16, 1988), good to about 1e-16.
    """
    q = u - 0.5
    z = q * _ratio(_CENTRAL, 0.180625 - q * q)
    tails = np.abs(q) > 0.425
    if tails.any():
        outer = q[tails]
        r = np.sqrt(-log(np.where(outer < 0, u[tails], 1.0 - u[tails])))
        value = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR_TAIL, r - 5.0))
        z[tails] = np.where(outer < 0, -value, value)
    return z


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: np.ndarray) -> np.ndarray:
    """Two polynomials by Horner's rule, highest power first, and their quotient."""
    top, bottom = (np.full_like(r, c[0]) for c in coefficients)
    for a, b in zip(coefficients[0][1:], coefficients[1][1:]):
        top = top * r + a
        bottom = bottom * r + b
    return top / bottom


_CENTRAL = (
    (
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
    ),
    (
        5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0,
    ),
)  # fmt: skip
_TAIL = (
    (
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
        0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
    ),
)  # fmt: skip
_FAR_TAIL = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
        0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
        0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0,
    ),
)  # fmt: skip


def _uniform(state: np.ndarray, shape: Shape, dtype: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """low + u * (high - low), each operation rounded in the dtype."""
    low, high = low.astype(dtype), high.astype(dtype)
    u = uniforms(state, math.prod(shape), dtype).reshape(shape)
    u *= high - low
    u += low
    return u


def _normal(state: np.ndarray, shape: Shape, dtype: str, avg: np.ndarray, std: np.ndarray) -> np.ndarray:
    """avg + std * quantile(u), in float64, rounded once to the dtype."""
    z = normal_quantile(open_uniforms(state, math.prod(shape), dtype)).reshape(shape)
    return (avg.astype("float64") + std.astype("float64") * z).astype(dtype)


def _binomial(state: np.ndarray, shape: Shape, dtype: str, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How many of n uniform numbers lie below p.

    Trial t of element k reads uniform number k * N + t, N being the largest n of the draw; float32
    uniforms (24 bits) for float32 and float16 p, else float64 ones (53 bits).
    """
    kind = "float32" if p.dtype.name in ("float16", "float32") else "float64"
    elements, trials = math.prod(shape), max(0, int(n.max(initial=0)))
    if trials == 1:
        hit = uniforms(state, elements, kind).reshape(shape) < p.astype(kind, copy=False)
        return (hit & (n > 0) if n.min() < 1 else hit).astype(dtype)
    n, p = n.reshape(-1), p.reshape(-1).astype(kind)
    counts = np.zeros(elements, dtype=dtype)
    rows = max(1, _AT_ONCE // max(1, trials))
    for k in range(0, elements if trials else 0, rows):
        part = slice(k, min(k + rows, elements))
        u = uniforms(state, (part.stop - k) * trials, kind, start=k * trials).reshape(-1, trials)
        hits = (u < p[part, None]) & (np.arange(trials) < n[part, None])
        counts[part] = np.add.reduce(hits, axis=1, dtype=np.int64)
    return counts.reshape(shape)


def _random_integers(state: np.ndarray, shape: Shape, dtype: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """low + (a 64-bit word modulo high - low + 1), in 64-bit arithmetic; high is included.

    Element k reads words 2k (low half) and 2k + 1 (high half).
    """
    if (low > high).any():
        raise ValueError(f"random_integers: low is above high (low={low.max()}, high={high.min()})")
    base = low.astype(np.int64).astype(np.uint64)
    span = high.astype(np.int64).astype(np.uint64) - base + np.uint64(1)
    wide = _wide_words(state, math.prod(shape)).reshape(shape)
    return (base + np.where(span == 0, wide, wide % np.where(span == 0, np.uint64(1), span))).astype(dtype)


def _wide_words(state: np.ndarray, n: int) -> np.ndarray:
    words = philox_words(state, 2 * n)
    return words[0::2].astype(np.uint64) | words[1::2].astype(np.uint64) << np.uint64(32)


def _permutation(state: np.ndarray, shape: Shape, dtype: str, n: np.ndarray) -> np.ndarray:
    """The order that sorts n words, ties by index. Row r reads words r * n to r * n + n - 1."""
    length = _length("permutation", n)
    words = philox_words(state, math.prod(shape) * length).reshape(*shape, length)
    return np.argsort(words, axis=-1, kind="stable").astype(dtype)


def _choice(state: np.ndarray, shape: Shape, dtype: str, a: np.ndarray, p: np.ndarray | None = None) -> np.ndarray:
    """With replacement: a 64-bit word modulo a; with p, the number of cumulative sums <= u * sum(p)."""
    length = _length("choice", a, at_least=1)
    if p is None:
        zero = np.zeros(shape, dtype=np.int64)
        return _random_integers(state, shape, dtype, zero, zero + (length - 1))
    sums = np.add.accumulate(_weights(p, length))
    u = uniforms(state, math.prod(shape), "float64")
    return np.searchsorted(sums, u * sums[-1], side="right").astype(dtype).reshape(shape)


def _choice_once(state: np.ndarray, shape: Shape, dtype: str, a: np.ndarray, p: np.ndarray | None = None) -> np.ndarray:
    """Without replacement: the first of the order that sorts the words, or with p, that sorts -log(u) / p."""
    length, wanted = _length("choice", a), math.prod(shape)
    if p is None:
        available = length
        keys = philox_words(state, length)
    else:
        weights = _weights(p, length)
        available = int(np.count_nonzero(weights))
        with np.errstate(divide="ignore"):
            keys = -log(open_uniforms(state, length, "float64")) / weights
    if wanted > available:
        raise ValueError(
            f"choice without replacement: {wanted} numbers (size {shape}) are wanted, "
            f"but only {available} can be chosen"
        )
    return np.argsort(keys, kind="stable")[:wanted].astype(dtype).reshape(shape)


def _multinomial(state: np.ndarray, shape: Shape, dtype: str, n: np.ndarray, pvals: np.ndarray) -> np.ndarray:
    """How often each category is met in n trials; the last one takes what the others leave of 1.

    A trial's category is the number of cumulative sums of pvals (float64, all but the last) that are at
    most u. Trial t of row r reads float64 uniform number r * N + t, N being the largest n of the draw.
    """
    rows, categories = math.prod(shape), pvals.shape[-1]
    trials = max(0, int(n.max(initial=0)))
    n = n.reshape(-1)
    sums = np.add.accumulate(pvals.reshape(rows, categories).astype(np.float64), axis=1)[:, :-1]
    counts = np.zeros((rows, categories), dtype=np.int64)
    u = uniforms(state, rows * trials, "float64").reshape(rows, trials)
    for t in range(trials if categories else 0):
        category = np.add.reduce(sums <= u[:, t, None], axis=1, dtype=np.int64)
        counts[np.arange(rows), category] += t < n
    return counts.astype(dtype).reshape(*shape, categories)


def _length(name: str, n: np.ndarray, at_least: int = 0) -> int:
    length = int(n)
    if length < at_least:
        raise ValueError(f"{name}: the number of items must be at least {at_least}, got {length}")
    return length


def _weights(p: np.ndarray, length: int) -> np.ndarray:
    if p.shape != (length,):
        raise ValueError(f"choice: p must hold one weight an item: {length} items, p has shape {p.shape}")
    return p.astype(np.float64)


DISTRIBUTIONS: dict[str, Distribution] = {
    row.name: row
    for row in (
        Distribution("uniform", _uniform, (0, 0)),
        Distribution("normal", _normal, (0, 0)),
        Distribution("binomial", _binomial, (0, 0)),
        Distribution("random_integers", _random_integers, (0, 0)),
        Distribution("multinomial", _multinomial, (0, 1), grows=True),
        Distribution("permutation", _permutation, (None,), grows=True),
        Distribution("choice", _choice, (None, None)),
        Distribution("choice_without_replacement", _choice_once, (None, None)),
    )
}


def broadcast_parameters(row: Distribution, shape: Shape, parameters: list[Any]) -> list[Any]:
    """Parameters stretched to the draw's shape where the row reads them element by element."""
    return [
        value if core is None else np.broadcast_to(value, shape + value.shape[value.ndim - core :])
        for value, core in zip(parameters, row.core)
    ]
