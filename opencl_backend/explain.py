"""What the backend says about itself: plans as tables, what has a lowering.

Owns texts only, docs/lowering.md among them. It must not know how plans are made.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opencl_backend import lower, scalar_c
from reference.catalog import operations
from reference.graph.core import Apply, Op
from reference.scalar_op import ScalarOp

PAGE = """# What runs on the device

Written by `python -m opencl_backend lowering`; a test compares. Host values (integer scalars, shapes, random
states, slices) are computed by the reference's own `perform`. An operation that is not in this table has no
lowering: compiling it raises `NotLowered`, unless `config.opencl.allow_host` lets the interpreter run it.

| operation | how |
|---|---|
{operations}

Elementwise rows of the scalar table without a C expression:

| row | why |
|---|---|
{rows}
"""


def how(operation: type[Op] | ScalarOp) -> str:
    """How the device computes an operation, or a row of the scalar table; why not."""
    if isinstance(operation, ScalarOp):
        why = scalar_c.NOT_LOWERED.get(operation.name)
        return "lowered" if why is None else f"no: {why}"
    return lower.state(operation) or "**missing**"


def lowering_page() -> str:
    """docs/lowering.md."""
    lines = [f"| `{op.__module__}.{op.__name__}` | {how(op)} |" for op in operations()]
    rows = [f"| `{name}` | {why} |" for name, why in sorted(scalar_c.NOT_LOWERED.items())]
    return PAGE.format(operations="\n".join(lines), rows="\n".join(rows))


if TYPE_CHECKING:
    from opencl_backend import Executable


def warn_of(refused: Sequence[tuple[Apply, str]]) -> set[Apply]:
    """Say which nodes the interpreter will run; the set of them."""
    for node, why in refused:
        warnings.warn(f"the interpreter runs {node.op} on the host: {why}", RuntimeWarning, stacklevel=4)
    return {node for node, _ in refused}


def refusals(refused: Sequence[tuple[Apply, str]]) -> str:
    """The text of NotLowered: every node, why, and where the user built it."""
    lines = []
    for node, why in refused:
        lines.append(f"the OpenCL backend cannot run {node.op}: {why}")
        lines += [f"Built at: {node.line}"] if node.line else []
    lines.append("with config.opencl.allow_host=True the interpreter runs such operations, slowly")
    return "\n".join(lines)


def describe(executable: Executable) -> str:
    """The plan of the last call: a line a kernel, then totals and notes."""
    plan = executable.last
    device = executable.runtime.device
    if plan is None:
        return f"{device.describe()}\nnot called yet: plans are made by the first call with a signature"
    lines = [device.describe(), f"{'':>4}  {'elements':>10}  {'bytes':>12}  {'items':>8}  kernel"]
    for k, launch in enumerate(plan.launches):
        lines.append(f"{k:4d}  {launch.elements:10d}  {launch.moved:12d}  {launch.items[0]:8d}  {launch.label}")
    lines.append(
        f"{len(plan.launches)} launches, {plan.interpreted} of them by general kernels or such as were built in haste; "
        f"{len(plan.steps)} host steps; replayed {plan.replays} times"
    )
    if plan.inline:
        lines.append("kernels run in the thread that waits for them")
    if not plan.replayable:
        lines.append("recorded anew on every call, because the device's values decide what is done")
    lines += dict.fromkeys(plan.notes)
    return "\n".join(lines)
