"""Where the rows of a loop's states and outputs live.

Owns `Ring`: rows that steps write one after the other, as many as are wanted and as taps look back. It must not
know how steps run.
"""

from __future__ import annotations

from math import prod

from opencl_backend.context import Context
from opencl_backend.loop import Lazy, Load
from opencl_backend.runtime import Cell, DeviceArray, contiguous_strides


class Ring:
    """Rows that steps write, each after the last, from the beginning again when there is no more room.

    before  rows that stand before the first step's
    """

    def __init__(self, ctx: Context, dtype: str, row: tuple[int, ...], before: int, length: int):
        self.row = row
        self.before = before
        self.length = length
        self.array = self.first = ctx.new(dtype, (length, *row))

    def offset(self, t: int) -> int:
        """Where the row of step t begins."""
        return (t + self.before) % self.length * prod(self.row)

    def at(self, offset: int | Cell) -> DeviceArray:
        return self.first.view(self.row, contiguous_strides(self.row), offset)

    def grow(self, ctx: Context, rows: int) -> None:
        """Make room for `rows` rows in all, while nothing has wrapped around.

        Steps go on naming the first storage, whose slot shows them the new buffer.
        """
        if rows <= self.length:
            return
        old = self.array
        self.length = max(rows, 2 * self.length)
        self.array = ctx.new(old.dtype, (self.length, *self.row))
        ctx.emit(Lazy(old.shape, Load(old)), self.array.view(old.shape, old.strides))
        self.first.storage.slot.put(self.array.storage.buffer)

    def last(self, ctx: Context, steps: int, rows: int) -> DeviceArray:
        """The last `rows` rows after so many steps, in order."""
        shape = (rows, *self.row)
        strides = contiguous_strides(shape)
        size = prod(self.row)
        first = self.offset(steps - rows)
        turn = self.length - first // size if size else rows
        if rows <= turn:
            return self.array.view(shape, strides, first)
        out = ctx.new(self.array.dtype, shape)
        for start, count, source in ((0, turn, first), (turn, rows - turn, 0)):
            part = (count, *self.row)
            view = self.array.view(part, strides, source)
            ctx.emit(Lazy(part, Load(view)), out.view(part, strides, start * size))
        return out
