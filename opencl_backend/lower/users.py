"""What users build: graphs as operations, functions and classes in Python, conditions.

Owns these lowerings. A graph becomes part of the plan; Python runs on the host, on every call.
"""

from __future__ import annotations

from opencl_backend.context import Context
from opencl_backend.lower import makes_arrays, register
from opencl_backend.plan import Value
from reference.compile.builders import FromFunctionOp, OpFromGraph
from reference.graph.core import Apply
from reference.tensor.assertion import Assert

makes_arrays(OpFromGraph, Assert)


@register(OpFromGraph)
def graph(ctx: Context, node: Apply) -> list[Value]:
    """Its graph, lowered as part of the plan."""
    op: OpFromGraph = node.op  # type: ignore[assignment]
    return ctx.inline(op.inner_inputs, op.inner_outputs, [ctx.value(v) for v in node.inputs])


@register(FromFunctionOp)
def python(ctx: Context, node: Apply) -> list[Value]:
    """Runs in Python, on values that are fetched; so does every operation that a program defines itself."""
    ctx.note(f"runs {node.op} in Python")
    return ctx.interpreted(node)


@register(Assert)
def condition(ctx: Context, node: Apply) -> Value:
    """The first input; the host looks at the conditions on every call."""
    op: Assert = node.op  # type: ignore[assignment]
    ctx.plan.replayable = False
    op.check([ctx.fetched(c) for c in node.inputs[1:]])
    return ctx.value(node.inputs[0])
