"""NumPy's legacy generator (MT19937), whose streams programs of Theano drew from: ``config.rng="numpy"``.

Owns a state as words, the seeds of streams, and the distributions as Theano took them from NumPy, to the bit: NumPy
keeps `RandomState` as it is for good. A draw reads as many words as it happens to need, one element after the
other, so it is made by NumPy, on the host, whatever the backend. It must not know graphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.tensor.distributions import Distribution, Shape

_KEY = 624
"""Words of the generator's key; its position follows, then whether a normal number is kept, then that number."""


def packed(generator: np.random.RandomState) -> np.ndarray:
    """The state of a generator as uint32 words."""
    _, key, position, kept, normal = generator.get_state(legacy=True)  # type: ignore[misc]
    return np.concatenate([key, [position, kept], np.array([normal]).view(np.uint32)]).astype(np.uint32)


def restored(words: np.ndarray) -> np.random.RandomState:
    """The generator in the state that `packed` wrote."""
    generator = np.random.RandomState(0)
    normal = float(np.ascontiguousarray(words[_KEY + 2 :]).view(np.float64)[0])
    generator.set_state(("MT19937", words[:_KEY], int(words[_KEY]), int(words[_KEY + 1]), normal))
    return generator


def seeds(seed: int | Sequence[int] | None) -> Callable[[], np.ndarray]:
    """What gives the states of the streams of one seed, in order of creation."""
    generator = np.random.RandomState(seed)
    return lambda: packed(np.random.RandomState(int(generator.randint(2**30))))


def draw(row: Distribution, state: np.ndarray, shape: Shape, dtype: str, parameters: Sequence[Any]) -> Any:
    """(the state after the draw, the sample)"""
    generator = restored(state)
    sample = np.asarray(row.sample(generator, shape, *parameters)).astype(dtype)
    return packed(generator), sample


def _random_integers(generator: np.random.RandomState, shape: Shape, low: np.ndarray, high: np.ndarray) -> Any:
    """One at a time, as the bounds differ."""
    if (low > high).any():
        raise ValueError(f"random_integers: low is above high (low={low.max()}, high={high.min()})")
    each = [generator.randint(int(a), int(b) + 1) for a, b in zip(low.reshape(-1), high.reshape(-1))]
    return np.array(each, dtype=np.int64).reshape(shape)


def _permutation(generator: np.random.RandomState, shape: Shape, n: np.ndarray) -> Any:
    each = [generator.permutation(int(n)) for _ in range(math.prod(shape))]
    return np.array(each, dtype=np.int64).reshape(*shape, int(n))


def _multinomial(generator: np.random.RandomState, shape: Shape, n: np.ndarray, pvals: np.ndarray) -> Any:
    """A row at a time; where rounding brings the sum above 1, or leaves the last category next to nothing, less."""
    rows = pvals.reshape(-1, pvals.shape[-1])
    counts = np.zeros(rows.shape, dtype=np.int64)
    for k, (trials, row) in enumerate(zip(n.reshape(-1), rows)):
        if 1.0 < row.sum() < 1.0 + 1e-5 or row[-1] < 5e-5:
            row = row * (1.0 - 5e-5)
        counts[k] = generator.multinomial(int(trials), row.astype(np.float64))
    return counts.reshape(*shape, pvals.shape[-1])


def _choice(replace: bool) -> Callable[..., Any]:
    def sample(generator: np.random.RandomState, shape: Shape, a: np.ndarray, p: np.ndarray | None = None) -> Any:
        return generator.choice(int(a), shape, replace, p)

    return sample


LEGACY: dict[str, Distribution] = {
    row.name: row
    for row in (
        Distribution("uniform", lambda r, shape, low, high: r.uniform(low, high, shape), (0, 0)),
        Distribution("normal", lambda r, shape, avg, std: r.normal(avg, std, shape), (0, 0)),
        Distribution("binomial", lambda r, shape, n, p: r.binomial(n, p, shape), (0, 0)),
        Distribution("poisson", lambda r, shape, lam: r.poisson(lam, shape), (0,)),
        Distribution("random_integers", _random_integers, (0, 0)),
        Distribution("multinomial", _multinomial, (0, 1), grows=True),
        Distribution("permutation", _permutation, (None,), grows=True),
        Distribution("choice", _choice(True), (None, None)),
        Distribution("choice_without_replacement", _choice(False), (None, None)),
    )
}
"""The same names and parameters as `DISTRIBUTIONS`; a sample is made of (generator, shape, *parameters)."""
