"""What products are made of and what is made of them: operands as batches of matrices, expressions of the sums.

Owns how both are told to the kernels of products, and what a result may be written over. It must not know which kernel
pays (lower/linalg.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opencl_backend.kernels import gemm
from opencl_backend.launch import Over, over
from opencl_backend.render import DRAWN, MADE, NEXT, STRIDED, Step, access
from opencl_backend.runtime import DeviceArray, Number

if TYPE_CHECKING:
    from opencl_backend.context import Context


@dataclass(frozen=True)
class Operand:
    """A batch of matrices: where it begins and its strides, in elements; `words` if its numbers are drawn in place."""

    array: DeviceArray
    batch: int
    row: int
    column: int
    words: tuple[Number, ...] = ()

    @property
    def at(self) -> Number:
        return self.array.offset

    def turned(self) -> Operand:
        return replace(self, row=self.column, column=self.row)

    def lies_as(self, other: Operand) -> bool:
        """Is each element where the other's is, should they begin in the same memory?"""
        mine, its = [(x.array.dtype, x.at, x.row, x.column) for x in (self, other)]
        return mine == its


@dataclass(frozen=True)
class Epilogue:
    """What is made of the elements of a product: an expression's steps and operands; None is the product itself."""

    steps: tuple[Step, ...]
    operands: tuple[Operand | None, ...]

    def turned(self) -> Epilogue:
        return replace(self, operands=tuple(x and x.turned() for x in self.operands))

    @property
    def arrays(self) -> list[DeviceArray]:
        """Of the operands in memory."""
        return [x.array for x in self.operands if x is not None and not x.words]

    def over(self, a: Operand, b: Operand, c: Operand) -> Over:
        """What the result `c` of `a` and `b` may be written over, where sums wait elsewhere until they are finished."""
        read = [(x.array.storage.slot, not x.words and x.lies_as(c)) for x in self.operands if x is not None]
        return over(c.array.storage.slot, [*read, *((x.array.storage.slot, False) for x in (a, b))])

    def finish(self, ctx: Context, c: Operand, apart: bool = False) -> gemm.Finish:
        """How it is written; along the axis in which the elements of `c` lie side by side."""
        turned = c.column != 1 and c.row == 1
        loads = []
        for x in self.operands:
            along = None if x is None else x.row if turned else x.column
            how = MADE if along is None else DRAWN if x is not None and x.words else access((1, along))
            loads.append(((c if x is None else x).array.dtype, how))
        store = NEXT if turned or c.column == 1 else STRIDED
        return gemm.Finish(tuple(loads), self.steps, store, turned, not ctx.exact, ctx.device.fp64, apart)

    def numbers(self) -> list[Number]:
        given = [x for x in self.operands if x is not None]
        return [number for x in given for number in (x.at, x.row, x.column)] + [word for x in given for word in x.words]


NOTHING = Epilogue((), ())
