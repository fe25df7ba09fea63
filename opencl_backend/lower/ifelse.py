"""The lazy choice: the host reads the condition, and the plan holds what the taken side needs.

A plan is recorded for one outcome. A condition that the host knows (integers, shapes) is watched: another outcome
finds its own plan. One that the device computes is read back, and such a plan is recorded anew on every call. It
must not know what the sides compute.
"""

from __future__ import annotations

from opencl_backend.context import Context
from opencl_backend.lower import makes_arrays, register
from opencl_backend.plan import Value
from reference.graph.core import Apply
from reference.graph.lazy import awaited
from reference.ifelse import IfElse

makes_arrays(IfElse)


@register(IfElse)
def if_else(ctx: Context, node: Apply) -> list[Value]:
    """The side that the condition chooses; the other is not computed."""
    places = awaited(node, ctx.host(node.inputs[0]))
    return ctx.demand([node.inputs[k] for k in places])
