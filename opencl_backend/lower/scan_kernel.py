"""What loops that are one kernel have in common: how a step is lowered without running it.

Owns `Recorder`, the context of such a step; `Moving`, what marks arrays of which there is another in every step;
`Unfit`, which says why a loop is not such a kernel; and when one is worth the compiler's time. It must not know
what becomes of what was recorded (scan_columns.py, scan_rows.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from opencl_backend.context import Context
from opencl_backend.fuse import Order
from opencl_backend.plan import Host, Value
from opencl_backend.runtime import DeviceArray, Storage, contiguous_strides
from reference.graph.core import Apply, Variable
from reference.graph.traversal import toposort
from reference.graph.types import TensorType
from reference.scan.op import Scan

if TYPE_CHECKING:
    from opencl_backend.lower.scan_ring import Ring

COMPILER_STEPS = 10_000
"""So many operations replayed, over all steps, take as long as building the kernel of a loop in haste."""
MOST_ROWS = 1 << 26
"""Bytes that are set aside for an output whose length only the loop itself can tell."""


class Unfit(Exception):
    """The loop cannot be this kernel: `why`."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


def not_worth_it(ctx: Context, node: Apply, steps: int) -> str:
    """Why replaying steps is good enough, or "": the compiler's time is worth it."""
    op = node.op
    assert isinstance(op, Scan)
    elements = max((v.size for v in (ctx.value(v) for v in node.inputs[1:])), default=1)
    if steps * len(toposort(op.inner_outputs)) >= COMPILER_STEPS or ctx.is_large(elements):
        return ""
    return "it is too small to be worth the compiler's time"


def tells_its_steps(ctx: Context, op: Scan) -> bool:
    """Must somebody be told how many steps the loop made, as it keeps more than last values?"""
    if not op.until or not (any(keep != 1 for keep in op.keep) or _carries_a_stream(op)):
        return False
    if ctx.records:
        raise Unfit("it ends by a condition, which alone tells how many rows there are")
    return True


def _carries_a_stream(op: Scan) -> bool:
    return any(not isinstance(v.type, TensorType) for v in op.inner_outputs[op.n_stacked :][: op.n_carries])


def on_device(ctx: Context, variable: Variable) -> DeviceArray:
    """The value as an array; what the host knows it goes on knowing, for whoever asks next."""
    value = ctx.value(variable)
    array = ctx.array(variable)
    if isinstance(value, Host):
        ctx.values[variable] = value
    return array


class Moving(Storage):
    """What a step reads or makes that is not where it was in the step before.

    kind    "row" of a sequence, a "state" in registers, a row of a "ring", or a "value" made in the step
    number  which state or value; for a ring: how many steps ago
    size    elements
    rows    the sequence or the ring's rows
    step    the step that it moves with; in the steps of loops within, it stands still
    """

    __slots__ = ("kind", "number", "ring", "rows", "size", "step")

    def __init__(self, step: Recorder, kind: str, number: int, size: int, rows: DeviceArray | None = None):
        super().__init__(None, None, 0, None)
        self.step, self.kind, self.number, self.size, self.rows = step, kind, number, size, rows
        self.ring: Ring | None = None


class Recorder(Context):
    """Lowers a step without running it. What its lowerings upload or ask of the host is the outer plan's."""

    records = True
    copies = False

    def __init__(self, outer: Context, order: Order):
        super().__init__(outer.plan, outer.exact, order, constants=outer.constants)
        self.outer = outer

    def marked(
        self, kind: str, number: int, dtype: str, shape: Sequence[int], rows: DeviceArray | None = None
    ) -> DeviceArray:
        """An array that only the loop will hold."""
        shape = tuple(shape)
        marker = Moving(self, kind, number, prod(shape), rows)
        return DeviceArray(self.runtime, marker, dtype, shape, contiguous_strides(shape))

    def moving(self, array: DeviceArray) -> Moving | None:
        """The mark of an array, if it moves with this step."""
        marker = array.storage
        return marker if isinstance(marker, Moving) and marker.step is self else None

    def is_large(self, elements: int) -> bool:
        return True

    def options(self, operations: int, kind: Hashable = None) -> tuple[str, ...]:
        return ()

    def host(self, variable: Variable) -> Any:
        value = self.value(variable)
        if isinstance(value, Host) or self.array(variable).known is not None:
            return super().host(variable)
        raise Unfit(f"the host must know {variable} in every step")

    def fetched(self, variable: Variable) -> Any:
        raise Unfit(f"the host must know {variable} in every step")

    def interpreted(self, node: Apply) -> list[Value]:
        raise Unfit(f"the interpreter runs {node.op}")

    def _guard(self, value: Host) -> None:
        self.outer._guard(value)

    def _seen(self, variable: Variable) -> Any:
        return None
