"""Elements moved as they are, by the driver: a copy of bytes needs no kernel, and no compiler.

Owns `Copy`, which is work of a plan, and which copies are one: rows of bytes side by side, at equal distances in source
and target. It must not know graphs; steps of a loop copy by kernels, which are launched for all steps together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opencl_backend.loop import joined
from opencl_backend.runtime import DeviceArray

if TYPE_CHECKING:
    from opencl_backend.context import Context

MOST_BYTES = 1 << 20
"""A larger copy is left to a kernel, which all of the device works on."""
LEAST_BYTES = 1 << 14
"""A smaller one becomes part of the kernels beside it, where those are built anyway."""


class Copy:
    """Rows of bytes from one array to another."""

    items = local = (1,)
    label = "copy"

    def __init__(
        self, source: DeviceArray, target: DeviceArray, region: tuple[int, ...], pitches: list[tuple[int, int]]
    ):
        self.runtime = source.runtime
        self.elements = source.size
        self.moved = source.nbytes + target.nbytes
        self.size = np.dtype(source.dtype).itemsize
        self.region = region
        self.pitches = pitches
        # The slots, not the storages: a plan does not keep memory from being used again.
        self.ends = [(array.storage.slot, array.offset) for array in (source, target)]
        self.slots = [slot for slot, _ in self.ends]

    def enqueue(self) -> None:
        (source, source_at), (target, target_at) = self.ends
        self.runtime.move(
            source.buffer,
            target.buffer,
            int(source_at) * self.size,
            int(target_at) * self.size,
            self.region,
            *self.pitches,
        )

    def kernels(self) -> tuple[()]:
        return ()


def run(ctx: Context, source: DeviceArray, target: DeviceArray) -> bool:
    """Copy `source` into `target` if bytes will do; False if they will not."""
    ctx.ready(source)
    least = LEAST_BYTES if ctx.plan.compiled and ctx.device.style == "cpu" else 0
    if source.dtype != target.dtype or source.storage.slot is target.storage.slot:
        return False
    if not least <= source.nbytes <= MOST_BYTES:
        return False
    geometry = joined(source.shape or (1,), [array.strides or (0,) for array in (source, target)])
    lengths, size = geometry.shape, np.dtype(source.dtype).itemsize
    if len(lengths) > 3 or (len(lengths) > 1 and ctx.device.style == "gpu"):
        return False
    if lengths[-1] > 1 and any(strides[-1] != 1 for strides in geometry.strides):
        return False
    bytes_ = lengths[-1] * size
    region = (bytes_, *lengths[-2::-1], 1, 1)[:3]
    pitches = []
    for strides in geometry.strides:
        row = strides[-2] * size if len(lengths) > 1 else bytes_
        plane = strides[-3] * size if len(lengths) > 2 else row * region[1]
        if row < bytes_ or plane < row * region[1] or plane % row:
            return False
        pitches.append((row, plane))
    copy = Copy(source, target, region, pitches)
    ctx.plan.begin(copy)
    return True
