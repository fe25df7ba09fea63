"""Runs rows of the C table on a device, for tests: one kernel that switches between rows, values in and out."""

from __future__ import annotations

import numpy as np
import pyopencl as cl

from opencl_backend.device import current
from opencl_backend.render import unaligned, unaligned_types
from opencl_backend.scalar_c import STORAGE, CType, by_name, cast, prelude
from reference.scalar import by_name as meaning

Row = tuple[str, tuple[str, ...]]
"""A row's name and the dtypes of its operands."""


TOGETHER = 8
"""Rows in one kernel: compilers take their time for every kernel, and more than their time for long ones."""


class RowKernel:
    """Rows on vectors of `width`, a few in each kernel, which switches between them."""

    def __init__(self, rows: list[Row], width: int, fast: bool = False):
        self.rows, self.width, self.fast = rows, width, fast
        self.helpers: list[str] = []
        cases = [f"  case {k}: {{\n{self._case(*row)}\n  }} break;" for k, row in enumerate(rows)]
        types = unaligned_types([(d, width) for d in STORAGE]) if width > 1 else ""
        pragma = f"#pragma OPENCL FP_CONTRACT {'ON' if fast else 'OFF'}\n"
        starts = range(0, len(rows), TOGETHER)
        kernels = "".join(self._kernel(start, cases[start : start + TOGETHER]) for start in starts)
        self.device = current()
        text = pragma + types + prelude(self.helpers) + kernels
        program = cl.Program(self.device.context, text).build(["-cl-opt-disable"])
        self.kernels = [cl.Kernel(program, f"rows_{start}") for start in starts]

    def _kernel(self, start: int, cases: list[str]) -> str:
        pointers = ", ".join(f"global uchar *p{k}" for k in range(4))
        opening = f"kernel void rows_{start}(int row, {pointers}) {{\n  size_t at = get_global_id(0) * {self.width};"
        return "\n".join([opening, "  switch (row) {", *cases, "  }", "}\n"])

    def __call__(self, k: int, *arrays: np.ndarray) -> np.ndarray:
        """The values of row number `k`."""
        flags, queue = cl.mem_flags, self.device.queue
        name, operands = self.rows[k]
        result = np.empty(arrays[0].shape, meaning(name).output_dtype(*operands))
        given = [
            cl.Buffer(self.device.context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=np.ascontiguousarray(a))
            for a in (*arrays, *[np.zeros(1)] * (3 - len(arrays)))
        ]
        taken = cl.Buffer(self.device.context, flags.READ_WRITE, result.nbytes)
        kernel = self.kernels[k // TOGETHER]
        kernel.set_args(np.int32(k), *given, taken)
        cl.enqueue_nd_range_kernel(queue, kernel, (result.size // self.width,), (1,))
        cl.enqueue_copy(queue, result, taken)
        return result

    def _case(self, name: str, operands: tuple[str, ...]) -> str:
        """Loads, casts to the operands' dtypes, the row, a cast to the output's dtype, a store."""
        op, row = meaning(name), by_name(name)
        inner = op.operand_dtypes(*operands)
        ct = CType(inner[-1], self.width, self.fast)
        self.helpers += row.helpers(ct)
        lines = []
        for i, (dtype, wanted) in enumerate(zip(operands, inner)):
            memory = self._memory(dtype, f"p{i}", "const ")
            if dtype == "float16":
                memory = f"{self._half('load')}({memory})"
            text, needed = cast(ct.of(dtype), f"x{i}", wanted)
            self.helpers += needed
            lines += [f"    {ct.of(dtype).name} x{i} = {memory};", f"    {ct.of(wanted).name} y{i} = {text};"]
        produced, out = ct.of(row.result(ct.dtype)), op.output_dtype(*operands)
        lines.append(f"    {produced.name} z = {row.expr(ct, *[f'y{i}' for i in range(len(operands))])};")
        text, needed = cast(produced, "z", out)
        self.helpers += needed
        if out == "float16":
            text = f"{self._half('store')}({text})"
        lines.append(f"    {self._memory(out, 'p3')} = {text};")
        return "\n".join(lines)

    def _half(self, what: str) -> str:
        name = f"{what}_half_{CType('float16', self.width).name}"
        self.helpers.append(name)
        return name

    def _memory(self, dtype: str, pointer: str, const: str = "") -> str:
        typed = f"((global {const}{STORAGE[dtype]} *){pointer} + at)"
        return f"*{typed}" if self.width == 1 else f"*(global {const}{unaligned(dtype, self.width)} *){typed}"
