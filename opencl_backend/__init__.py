"""Graphs on OpenCL devices.

Owns `compile`, the whole contract of a backend (docs/architecture.md): the executable keeps shared
variables on the device, records a plan for each signature of shapes and replays it. The meaning of every
graph is the reference's; nothing here changes a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any, NoReturn

import numpy as np

from opencl_backend import explain, lower
from opencl_backend.context import Context
from opencl_backend.device import current
from opencl_backend.explain import how as how
from opencl_backend.fuse import Order
from opencl_backend.plan import Host, Plan, Stale, placeholder
from opencl_backend.runtime import DeviceArray, Runtime, runtime, same_size_class
from reference.config import config
from reference.graph.core import Apply, Constant
from reference.graph.errors import NotLowered
from reference.graph.fgraph import FunctionGraph
from reference.interpreter import evaluate, without_effects

COMPILER_SECONDS = 0.3
"""What a kernel costs to build. A plan whose calls have taken as long as its kinds of small loops would take to
compile is recorded again with kernels of their own: never more than twice the best that was possible."""
MOST_PLANS = 32
"""Plans kept by one function; the one used least recently goes first."""


class Executable:
    """A compiled graph: called with one host array a non-shared input, it returns one value an output."""

    def __init__(self, fgraph: FunctionGraph, options: Any):
        self.runtime: Runtime = runtime(current())
        self.fgraph = fgraph
        self.shared = dict(options.shared)
        self.updates = dict(options.updates)
        self.exact = bool(options.exact)
        self.order = Order(fgraph.inputs, fgraph.outputs)
        self.on_device = [lower.lives_on_device(v) for v in fgraph.inputs]
        self.plans: dict[Any, Plan] = {}
        self.last: Plan | None = None
        self.recorded = 0
        self.constants: dict[Constant, DeviceArray] = {}
        refused = lower.check(self.order.nodes, fgraph.inputs)
        if refused and not config.opencl.allow_host:
            raise NotLowered(explain.refusals(refused))
        self.left_to_host = explain.warn_of(refused)

    def __call__(self, *inputs: Any) -> list[Any]:
        started = perf_counter()
        values = self._gather(inputs)
        try:
            outputs, plan = self._run(values)
        finally:
            # Also when it fails: kernels may still be reading the caller's arrays.
            self.runtime.wait()
        error = plan.reported()
        if error is not None:
            self._raise(*error, values)
        plan.seconds += perf_counter() - started if plan.replays else 0.0
        self.last = plan
        self.runtime.programs.save()
        return [self._delivered(k, value) for k, value in enumerate(outputs)]

    def explain(self) -> str:
        """The plan of the last call, as a table."""
        return explain.describe(self)

    def _gather(self, inputs: Sequence[Any]) -> list[Any]:
        """One value an input of the graph: a DeviceArray, or the host's own value."""
        explicit = iter(inputs)
        values: list[Any] = []
        for k, on_device in enumerate(self.on_device):
            container = self.shared.get(k)
            if container is None:
                value = next(explicit)
                values.append(self.runtime.borrow(value) if on_device else value)
            elif not on_device:
                values.append(container.read())
            else:
                array = container.device
                if not (isinstance(array, DeviceArray) and array.runtime is self.runtime and array.owns_storage):
                    array = container.device = self.runtime.upload(np.asarray(container.read()))
                values.append(array)
        return values

    def _run(self, values: list[Any]) -> tuple[list[Host | DeviceArray], Plan]:
        signature = tuple(v.shape if isinstance(v, DeviceArray) else np.shape(v) for v in values)
        compiled = False
        for key in [key for key in self.plans if key[0] == signature]:
            plan = self.plans.pop(key)
            if 0 < len(plan.kinds) * COMPILER_SECONDS <= plan.seconds and config.opencl.fuse:
                compiled = True
                continue
            self.plans[key] = plan
            try:
                return plan.replay(values), plan
            except Stale:
                continue
        plan, outputs = self._record(values, compiled)
        if plan.replayable and config.opencl.replay:
            self.recorded += 1
            self.plans[signature, self.recorded] = plan
            if len(self.plans) > MOST_PLANS:
                del self.plans[next(iter(self.plans))]
        return outputs, plan

    def _raise(self, error: Exception, node: Apply, values: Sequence[Any]) -> NoReturn:
        """Raise what a kernel reported; of a node within a loop the reference tells more: in which step it failed."""
        if node not in self.order.nodes:
            given = [value.to_host() if isinstance(value, DeviceArray) else value for value in values]
            try:
                with without_effects():
                    evaluate(self.fgraph, given)
            except type(error) as told:
                raise told from None
        raise error

    def _record(self, values: list[Any], compiled: bool) -> tuple[Plan, list[Host | DeviceArray]]:
        """Run the graph node by node and remember what was done."""
        plan = Plan(self.runtime, compiled or not config.opencl.interpret)
        ctx = Context(plan, self.exact, self.order, self.left_to_host, self.constants)
        for variable, value in zip(self.fgraph.inputs, values):
            place = placeholder(value) if isinstance(value, DeviceArray) else Host(value, True)
            plan.inputs.append(place)
            ctx.values[variable] = place
        ctx.run()
        taken: set[int] = set()
        for variable in self.fgraph.outputs:
            value = ctx.value(variable)
            if isinstance(value, Host):
                plan.outputs.append(value)
                continue
            array = ctx.array(variable)
            storage = array.storage
            own = storage.memory is self.runtime.working and id(storage) not in taken and array.owns_storage
            if not (own and same_size_class(array.nbytes, storage.nbytes)):
                array = ctx.copied(array)
            taken.add(id(array.storage))
            plan.outputs.append(array)
        # The plan's own buffers may hold other values while it runs: what the caller gets is a copy. Replays
        # put fresh buffers in the outputs' slots instead.
        outputs = [Host(o.value, False) if isinstance(o, Host) else self.runtime.duplicate(o) for o in plan.outputs]
        return plan, outputs

    def _delivered(self, k: int, value: Host | DeviceArray) -> Any:
        """An output as the caller may keep it."""
        if isinstance(value, Host):
            return np.array(value.value) if isinstance(value.value, np.ndarray) else value.value
        if k in self.updates:
            return value
        return self.runtime.hand_out(value)


def compile(fgraph: FunctionGraph, options: Any) -> Executable:
    """The backend contract: an executable for `fgraph`; NotLowered, naming them, if operations cannot run."""
    return Executable(fgraph, options)
