"""Which loops are joined: when a value may wait as an expression until its reader runs.

Owns the order in which a graph is lowered, who reads what for the last time, and the rule of fusion. No
bit depends on it: kernels compute the same steps with the same rounding, joined or not. It must not know
kernels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from opencl_backend import lower
from opencl_backend.loop import Compute, Lazy, Load, walk
from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.lazy import deferred
from reference.graph.traversal import toposort
from reference.tensor.elemwise import Elemwise
from reference.tensor.shape import Reshape

if TYPE_CHECKING:
    from opencl_backend.context import Context

MOST_STEPS = 48
MOST_OPERANDS = 12
CHEAP = frozenset(("add", "sub", "mul", "neg", "sqr", "abs_", "eq", "neq", "lt", "le", "gt", "ge", "switch"))
"""Rows that cost no more than reading their result back."""


def is_cheap(lazy: Lazy) -> bool:
    """Is computing it for each of two readers less than writing it down and reading it twice?"""
    steps = [part for part in walk(lazy.expr) if not isinstance(part, Load)]
    few = len(steps) <= 3 and len({id(array.storage) for array in lazy.arrays}) <= 2
    plain = all(isinstance(part, Compute) and (part.row in CHEAP or part.row.startswith("Cast{")) for part in steps)
    return plain and (few or lazy.size == 1)


class Order:
    """The nodes of a graph in execution order, with their readers.

    dead_after  node -> variables that nobody reads afterwards
    waiting     nodes that run only if a lazy one asks for them
    updates     outputs that may be written over what others read, and so wait for the end
    """

    def __init__(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], updates: Collection[Variable] = ()
    ):
        self.updates = frozenset(updates)
        self.nodes: list[Apply] = toposort(outputs, stop_at=inputs)
        kept = set(outputs)
        self.waiting = deferred(self.nodes, outputs)
        last: dict[Variable, Apply] = {}
        self.readers: dict[Variable, dict[Apply, None]] = {}
        for node in self.nodes:
            for v in (*node.inputs, *node.outputs):
                last[v] = node
            for v in node.inputs:
                self.readers.setdefault(v, {})[node] = None
        self.kept = kept
        self.dead_after: dict[Apply, list[Variable]] = {}
        lazily = [node for node in self.nodes if node in self.waiting or node.op.lazy]
        asked = {v for node in lazily for v in (*node.inputs, *node.outputs)}
        for v, node in last.items():
            if v not in kept and v not in asked and not isinstance(v, Constant):
                self.dead_after.setdefault(node, []).append(v)

    def may_wait(self, variable: Variable, lazy: Lazy, ctx: Context) -> bool:
        """May `variable` stay an expression? If one node reads it, as part of its own loop, and it pays."""
        if not config.opencl.fuse or not ctx.is_large(lazy.size):
            return False
        if variable in self.kept:
            return variable in self.updates and ctx.waits_for(lazy) and not self.readers.get(variable)
        why = self._why_not(variable, lazy, ctx.waits_for(lazy))
        if why:
            ctx.note(f"{lazy.size} elements of {variable.owner.op if variable.owner else variable} are stored: {why}")
        return not why

    def is_part_of_one(self, variable: Variable) -> bool:
        """Does one elementwise operation read it, in whatever shape, and nobody else?"""
        while variable not in self.kept and len(readers := self._readers(variable)) == 1:
            if not isinstance(readers[0].op, Reshape) or readers[0].inputs[0] is not variable:
                return isinstance(readers[0].op, Elemwise)
            variable = readers[0].outputs[0]
        return False

    def _readers(self, variable: Variable) -> list[Apply]:
        """Those of more than the shape."""
        return [node for node in self.readers.get(variable, ()) if not lower.asks_for_shape(node.op)]

    def _why_not(self, variable: Variable, lazy: Lazy, once: bool = False) -> str:
        """Why a value, which must be computed `once` if so told, is stored."""
        readers = self._readers(variable)
        if len(readers) != 1 and not (len(readers) == 2 and is_cheap(lazy) and not once):
            return f"{len(readers)} operations read them"
        for reader in readers:
            if not lower.joins_loops(reader.op):
                return f"{reader.op} reads arrays"
        if lazy.weight > MOST_STEPS or len(set(map(id, lazy.arrays))) > MOST_OPERANDS:
            return "the loop is long enough"
        return ""
