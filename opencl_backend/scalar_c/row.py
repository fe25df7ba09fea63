"""What a row of the C table is.

Owns `CRow`, the C side of one scalar operation. It must not know which rows there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opencl_backend.scalar_c.ctype import CType


def nothing(ct: CType) -> tuple[str, ...]:
    return ()


def unchanged(dtype: str) -> str:
    return dtype


def exact(dtype: str, fast: bool) -> float:
    return 0.0


@dataclass(frozen=True)
class CRow:
    """One scalar operation in OpenCL C.

    name    the row of the reference's scalar table it mirrors.
    nin     operands; -1: any number.
    render  (ct, *args) -> a C expression. `ct` is the register of the reference's `compute_dtype`; every
            argument is a register of its `operand_dtypes`, given as a plain name or a literal, as the
            text may repeat it.
    result  compute dtype -> dtype of the expression (the caller casts it to `output_dtype`).
    needs   ct -> the helper functions that the text calls.
    error   (dtype, fast) -> guaranteed error in ulp of the result; 0: the reference's own bits.
    """

    name: str
    nin: int
    render: Callable[..., str]
    result: Callable[[str], str] = unchanged
    needs: Callable[[CType], tuple[str, ...]] = nothing
    error: Callable[[str, bool], float] = exact

    def expr(self, ct: CType, *args: str) -> str:
        """The C expression of the operation on `args`."""
        return self.render(ct, *args)

    def helpers(self, ct: CType) -> tuple[str, ...]:
        """C names of the functions that `expr` calls; `scalar_c.prelude` writes them and what they need."""
        return self.needs(ct)

    def ulp(self, dtype: str, fast: bool = False) -> float:
        """The largest difference from the reference, in ulp of a result of that dtype."""
        return self.error(dtype, fast)
