"""`MRG_RandomStreams`, the name under which many programs ask for random streams.

Owns the name and its older signatures. The numbers are those of
`reference.tensor.shared_randomstreams.RandomStreams`: the same for one seed, whichever name is used.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any

from reference.config import config
from reference.graph.dtypes import upcast
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import cast, clip
from reference.tensor.quantile import normal_quantile
from reference.tensor.shared_randomstreams import RandomStreams

__all__ = ["MRG_RandomStreams"]

_BELOW_MINUS_TWO = erfc(sqrt(2.0)) / 2
"""The probability that a standard normal number is less than -2."""


class MRG_RandomStreams(RandomStreams):
    """Random streams whose samples are floatX unless `dtype` says otherwise.

    `nstreams` and `use_cuda` are accepted and mean nothing here: a draw is a function of its state and
    position alone, however it is split.
    """

    def __init__(self, seed: Any = 12345, use_cuda: bool | None = None):
        if isinstance(seed, int) and seed == 0:
            raise ValueError("MRG_RandomStreams takes seeds other than 0")
        super().__init__(seed)

    def inc_rstate(self) -> None:
        """Use the next seed: later streams are those of seed + 1."""
        first, *rest = [self._seed] if isinstance(self._seed, int) else list(self._seed)
        self._seed = [first + 1, *rest] if rest else first + 1

    def uniform(
        self,
        size: Any = None,
        low: Any = 0.0,
        high: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
        nstreams: int | None = None,
        **_: Any,
    ) -> Any:
        return super().uniform(size, low, high, ndim, dtype)

    def normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
        nstreams: int | None = None,
        truncate: bool = False,
        **_: Any,
    ) -> Any:
        """With `truncate`, normal given that it lies within two standard deviations of `avg`."""
        if not truncate:
            return super().normal(size, avg, std, ndim, dtype)
        avg, std = as_tensor_variable(avg), as_tensor_variable(std)
        dtype = dtype or upcast(config.floatX, avg.type.dtype, std.type.dtype)
        size = (avg + std).shape if size is None else size
        z = normal_quantile(super().uniform(size, _BELOW_MINUS_TWO, 1 - _BELOW_MINUS_TWO, ndim, dtype))
        return cast(avg + std * clip(z, -2, 2), dtype)

    def truncated_normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
        nstreams: int | None = None,
        **_: Any,
    ) -> Any:
        """``normal(truncate=True)``"""
        return self.normal(size, avg, std, ndim, dtype, truncate=True)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: str = "int64",
        prob: Any = None,
        nstreams: int | None = None,
        **_: Any,
    ) -> Any:
        return super().binomial(size, n, p, ndim, dtype, prob)
