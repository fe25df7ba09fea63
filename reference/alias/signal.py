"""`theano.tensor.signal.downsample`, the older place and names of pooling."""

from __future__ import annotations

from typing import Any

__all__ = ["max_pool_2d", "max_pool_2d_same_size"]


def max_pool_2d(input: Any, ds: Any = None, ignore_border: bool | None = None, st: Any = None,
                padding: Any = (0, 0), mode: str = "max", **options: Any) -> Any:  # fmt: skip
    """`pool_2d` with `ds` for ws, `st` for stride and `padding` for pad."""
    from reference.tensor.signal.pool import pool_2d

    ws = options.pop("ws", ds)
    return pool_2d(input, ws, ignore_border, options.pop("stride", st), options.pop("pad", padding), mode, **options)


def max_pool_2d_same_size(input: Any, patch_size: Any) -> Any:
    """The maxima of patches in their places, zeros elsewhere."""
    from reference.tensor.signal import pool

    return pool.max_pool_2d_same_size(input, patch_size)
