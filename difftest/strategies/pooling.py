"""Steps that pool: windows that overlap, touch, leave gaps or reach over the edge.

Owns windows that fit an image.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, call, step

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def _fits(ndim: int) -> Any:
    return lambda e: e.kind in "iuf" and e.ndim >= ndim


def _draw(ndim: int) -> Any:
    def draw_pooling(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        ignore_border = draw.flag()
        ws = tuple(draw.integer(1, 3) for _ in range(ndim))
        padded = ignore_border and min(x.shape[-ndim:]) > 0 and draw.flag()
        options: dict[str, Any] = {
            "ws": ws,
            "ignore_border": ignore_border,
            "stride": tuple(draw.integer(1, 3) for _ in range(ndim)) if draw.flag() else None,
            "pad": tuple(draw.integer(0, w - 1) for w in ws) if padded else None,
            "mode": draw.choose(MODES if is_float(x.dtype) else MODES[:2]),
        }
        return (x.name,), {name: value for name, value in options.items() if value is not None}

    return draw_pooling


for _ndim in (2, 3):
    step("pool", call(f"T.signal.pool.pool_{_ndim}d"), takes=_fits(_ndim), name=f"pool_{_ndim}d")(_draw(_ndim))


@step("pool", "T.signal.pool.max_pool_2d_same_size({0}, {ws})", takes=_fits(2), firm=True)
def max_pool_2d_same_size(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"ws": (draw.integer(1, 3), draw.integer(1, 3))}
