"""python -m opencl_backend measure: fill the table of what pays on this device, and keep it.

Owns the measuring: each question is asked of several sizes, both ways in turn, and the answer is the size from which
one way stays the faster. It must not know kernels: it runs whole functions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from opencl_backend import costs, device
from opencl_backend.costs import NEVER, Costs
from opencl_backend.device import Device
from reference.config import config

SIDES = (128, 192, 256, 384, 512, 640, 768, 896, 1024, 1280, 1536)
"""Of square matrices."""
ROWS = (8, 16, 24, 32, 48, 64, 96, 128, 256)
"""Of products with a matrix of 768 x 512."""
SQUARE = 1024
"""Rows and columns of the product that tries the blocks of a graphics card."""
PAYS = 0.95
"""A way is the faster one if it takes at most this share of the other's time."""
ROUNDS, SECONDS = 7, 0.02
"""Of the rounds the quickest counts: other work can only slow a product down."""

Way = Callable[[], object]


def main() -> int:
    """Measure, print and keep the table of the device that the flags choose."""
    chosen = device.current()
    print(chosen.describe())
    found = measured(chosen, print)
    if costs.keep(chosen.fingerprint, chosen.style, found):
        print("kept; functions that are compiled from now on go by it")
    else:
        print("not kept: the flag opencl.cache_dir is empty")
    return 0


def measured(chosen: Device, say: Callable[[str], object] = lambda line: None) -> Costs:
    """The table of a device."""
    found = costs.of(chosen.fingerprint, chosen.style)
    with config.change_flags(opencl__interpret=False):
        for dtype in ("float32", "float64") if chosen.fp64 else ("float32",):
            if chosen.style == "gpu":
                found = replace(found, block={**found.block, dtype: _block(chosen, dtype, found, say)})
            elif chosen.shares_host_memory:
                found = replace(found, blas={**found.blas, dtype: _blas(chosen, dtype, found, say)})
        if chosen.style == "cpu":
            found = replace(found, pack=_pack(chosen, found, say))
    return found


def _blas(chosen: Device, dtype: str, found: Costs, say: Callable[[str], object]) -> int:
    """Operations from which BLAS is faster than our own kernels."""
    ways = [replace(found, blas={**found.blas, dtype: limit}) for limit in (NEVER, 0)]
    sizes = ((n, n, n) for n in SIDES)
    side = _from(SIDES, _times(chosen, dtype, sizes, ways, say, ("own", "BLAS")))
    return NEVER if side is None else 2 * side**3


def _pack(chosen: Device, found: Costs, say: Callable[[str], object]) -> int:
    """Rows from which blocks of the right operand are copied."""
    ways = [replace(found, pack=limit) for limit in (NEVER, 1)]
    sizes = ((m, 768, 512) for m in ROWS)
    rows = _from(ROWS, _times(chosen, "float32", sizes, ways, say, ("as it lies", "copied")))
    return NEVER if rows is None else rows


def _block(chosen: Device, dtype: str, found: Costs, say: Callable[[str], object]) -> int:
    """Sums a side with which a large product is fastest."""
    sides = (1, 2, 4, 8)
    ways = [replace(found, block={**found.block, dtype: side}) for side in sides]
    (times,) = _times(chosen, dtype, [(SQUARE, SQUARE, SQUARE)], ways, say, [f"{side} x {side}" for side in sides])
    return sides[int(np.argmin(times))]


def _from(sizes: Sequence[int], times: Iterator[list[float]]) -> int | None:
    """The size from which the second way stays the faster one."""
    pays = [second <= PAYS * first for first, second in times]
    behind = max((k for k, better in enumerate(pays) if not better), default=-1)
    return sizes[behind + 1] if behind + 1 < len(sizes) else None


def _times(
    chosen: Device, dtype: str, sizes: Any, ways: Sequence[Costs], say: Callable[[str], object], names: Sequence[str]
) -> Iterator[list[float]]:
    """For each size the seconds of a product by each way."""
    for m, k, n in sizes:
        calls = [_product(chosen, dtype, m, k, n, way) for way in ways]
        rounds = [[_call(call) for call in calls] for _ in range(ROUNDS)]
        times = [min(column) for column in zip(*rounds)]
        rates = ", ".join(f"{name} {2e-9 * m * k * n / t:.1f}" for name, t in zip(names, times))
        say(f"{dtype} {m} x {k} x {n}, GFLOP/s: {rates}")
        yield times


def _product(chosen: Device, dtype: str, m: int, k: int, n: int, way: Costs) -> Way:
    """A function of its own, whose plan was made by this table."""
    from reference import function, shared, tensor

    rng = np.random.default_rng(m * n + k)
    a, b = (shared(rng.standard_normal(shape).astype(dtype)) for shape in ((m, k), (k, n)))
    call = function([], tensor.dot(a, b), backend="opencl")
    with costs.supposed(chosen.fingerprint, chosen.style, way):
        for _ in range(3):
            call()
    return call


def _call(way: Way) -> float:
    """Seconds a call, of as many as fit."""
    begin, calls = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < SECONDS or calls == 0:
        way()
        calls += 1
    return spent / calls
