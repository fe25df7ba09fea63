"""Random streams as programs use them: `RandomStreams`, whose states are shared variables.

Owns the states and their default updates. Stream i of a seed starts at `philox.initial_state(seed, i)`:
the streams of one object are numbered in the order of the calls that make them, so the same program
draws the same numbers on every backend. With ``config.rng="numpy"`` they start where Theano's did. It must not know
any distribution.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.compile.shared import SharedVariable, shared_constructor
from reference.config import config
from reference.graph.core import Variable
from reference.graph.types import RandomStateType
from reference.tensor import legacy, random
from reference.tensor.basic import as_tensor_variable
from reference.tensor.philox import initial_state

__all__ = ["RandomStateSharedVariable", "RandomStreams"]

Seed = int | Sequence[int] | None


class StreamState(np.ndarray):
    """A stream's words, with the methods of NumPy's generators that programs call on them."""

    def seed(self, seed: int | Sequence[int]) -> None:
        """Become the state of the first stream of `seed`."""
        self[...] = initial_state(seed)

    def get_state(self) -> np.ndarray:
        """The words."""
        return np.array(self)

    def set_state(self, state: np.ndarray) -> None:
        """Take the words of another state."""
        self[...] = state


class RandomStateSharedVariable(SharedVariable):
    """The state of one stream. Its value is a copy, `StreamState` or NumPy's `RandomState`: call `set_value`."""

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The state, with the methods ``seed``, ``get_state`` and ``set_state``."""
        words = np.array(super().get_value(borrow))
        if return_internal_type:
            return words
        return legacy.restored(words) if self.type == RandomStateType("numpy") else words.view(StreamState)

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Go on from a state that `get_value` returned."""
        super().set_value(legacy.packed(value) if isinstance(value, np.random.RandomState) else value, borrow)


@shared_constructor
def randomstate_constructor(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None, borrow: bool = False
) -> SharedVariable:
    """A shared variable on NumPy's generator: ``theano.shared(numpy.random.RandomState(1))``."""
    if not isinstance(value, np.random.RandomState):
        raise TypeError(f"not a generator of NumPy's: {value!r}")
    return RandomStateSharedVariable(RandomStateType("numpy"), legacy.packed(value), name=name)


class RandomStreams:
    """A family of random streams: every method adds one stream and returns a variable that draws from it.

    A function that computes the variable also moves its stream on (the state's `default_update`), so each
    call draws anew. The variable carries `rng`, the shared state, and `update`, the pair (state, next
    state). ``seed=None`` takes a seed from the operating system.
    """

    def __init__(self, seed: Seed = None):
        self.default_instance_seed = seed
        self.generator = config.rng
        self.state_updates: list[tuple[SharedVariable, Variable]] = []
        """(state, next state) of every stream, in order of creation"""
        self._seed = _concrete(seed)
        self._starts = legacy.seeds(seed) if self.generator == "numpy" else None

    def seed(self, seed: Seed = None) -> None:
        """Start every stream again, in order of creation, from `seed` or from the constructor's."""
        seed = self.default_instance_seed if seed is None else seed
        if self.generator == "numpy":
            starts = legacy.seeds(seed)
            for state, _ in self.state_updates:
                state.set_value(starts())
            return
        self._seed = _concrete(seed)
        for index, (state, _) in enumerate(self.state_updates):
            state.set_value(initial_state(self._seed, index), borrow=True)

    def updates(self) -> list[tuple[SharedVariable, Variable]]:
        """The pairs (state, next state), as `function(updates=)` takes them."""
        return list(self.state_updates)

    def __getitem__(self, state: RandomStateSharedVariable) -> Any:
        return state.get_value()

    def __setitem__(self, state: RandomStateSharedVariable, value: Any) -> None:
        state.set_value(value)

    def gen(self, draw: Callable[..., random.Pair], *args: Any, **kwargs: Any) -> Any:
        """A stream for any ``draw(state, *args, **kwargs) -> (next state, sample)``."""
        start = self._starts() if self._starts else initial_state(self._seed, len(self.state_updates))
        state = RandomStateSharedVariable(RandomStateType(self.generator), start, borrow=True)
        after, sample = draw(state, *args, **kwargs)
        state.default_update = after
        self.state_updates.append((state, after))
        sample.rng, sample.update = state, (state, after)  # type: ignore[attr-defined]
        return sample

    def uniform(
        self,
        size: Any = None,
        low: Any = 0.0,
        high: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
    ) -> Any:
        """See `random.uniform`."""
        return self.gen(random.uniform, size, low, high, ndim=ndim, dtype=dtype)

    def normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
    ) -> Any:
        """See `random.normal`."""
        return self.gen(random.normal, size, avg, std, ndim=ndim, dtype=dtype)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: str = "int64",
        prob: Any = None,
    ) -> Any:
        """See `random.binomial`."""
        return self.gen(random.binomial, size, n, p, ndim=ndim, dtype=dtype, prob=prob)

    def poisson(self, size: Any = None, lam: Any = 1.0, ndim: int | None = None, dtype: str = "int64") -> Any:
        """See `random.poisson`."""
        return self.gen(random.poisson, size, lam, ndim=ndim, dtype=dtype)

    def random_integers(
        self, size: Any = None, low: Any = 0, high: Any = 1, ndim: int | None = None, dtype: str = "int64"
    ) -> Any:
        """See `random.random_integers`."""
        return self.gen(random.random_integers, size, low, high, ndim=ndim, dtype=dtype)

    def choice(
        self,
        size: Any = None,
        a: Any = 2,
        replace: bool = True,
        p: Any = None,
        ndim: int | None = None,
        dtype: str | None = None,
    ) -> Any:
        """See `random.choice`."""
        return self.gen(random.choice, size, a, replace, p, ndim=ndim, dtype=dtype)

    def permutation(self, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: str = "int64") -> Any:
        """See `random.permutation`."""
        return self.gen(random.permutation, size, n, ndim=ndim, dtype=dtype)

    def multinomial(
        self,
        size: Any = None,
        n: Any = 1,
        pvals: Any = (0.5, 0.5),
        ndim: int | None = None,
        dtype: str = "int64",
    ) -> Any:
        """See `random.multinomial`."""
        return self.gen(random.multinomial, size, n, pvals, ndim=ndim, dtype=dtype)

    def shuffle_row_elements(self, input: Any) -> Any:
        """`input` with the elements of each row (its last dimension) in random order, every row its own."""
        import reference.tensor as ns

        x = as_tensor_variable(input)
        rank = x.type.ndim
        if rank == 0:
            raise ValueError(f"{x} has no rows to shuffle: it has no dimension")
        lengths = [x.shape[k] for k in range(rank)]
        order = self.permutation(size=lengths[:-1], n=lengths[-1])
        index = []
        for k in range(rank - 1):
            pattern = ["x"] * k + [0] + ["x"] * (rank - 1 - k)
            index.append(ns.arange(lengths[k]).dimshuffle(*pattern))
        index.append(order)
        return x[tuple(index)]


def _concrete(seed: Seed) -> int | Sequence[int]:
    return int.from_bytes(os.urandom(8), "little") if seed is None else seed
