"""What the backend says about itself: plans as tables, operations left to the host.

Owns texts only. It must not know how plans are made.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reference.graph.core import Apply

if TYPE_CHECKING:
    from opencl_backend import Executable


def warn_of(refused: Sequence[tuple[Apply, str]]) -> set[Apply]:
    """Say which nodes the interpreter will run; the set of them."""
    for node, why in refused:
        warnings.warn(f"the interpreter runs {node.op} on the host: {why}", RuntimeWarning, stacklevel=4)
    return {node for node, _ in refused}


def describe(executable: Executable) -> str:
    """The plan of the last call: a line a kernel, then totals and notes."""
    plan = executable.last
    device = executable.runtime.device
    if plan is None:
        return f"{device.describe()}\nnot called yet: plans are made by the first call with a signature"
    lines = [device.describe(), f"{'':>4}  {'elements':>10}  {'bytes':>12}  {'items':>8}  kernel"]
    for k, launch in enumerate(plan.launches):
        lines.append(f"{k:4d}  {launch.elements:10d}  {launch.moved:12d}  {launch.items[0]:8d}  {launch.label}")
    state = "kernels of their own" if plan.compiled else "interpreted by one kernel a dtype when small"
    lines.append(
        f"{len(plan.launches)} launches, {len(plan.steps)} host steps; loops are {state}; replayed {plan.replays} times"
    )
    if not plan.replayable:
        lines.append("recorded anew on every call, because the device's values decide what is done:")
    lines += [f"  {note}" for note in dict.fromkeys(plan.notes)]
    return "\n".join(lines)
