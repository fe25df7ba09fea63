"""Graphs on OpenCL devices.

Owns `compile`, the whole contract of a backend (docs/architecture.md): the executable keeps shared
variables on the device, records a plan for each signature of shapes and replays it. The meaning of every
graph is the reference's; nothing here changes a graph.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from time import perf_counter
from typing import Any, NoReturn

import numpy as np

from opencl_backend import explain, joins, lower, machine, updates
from opencl_backend.cache import Key
from opencl_backend.context import Context
from opencl_backend.device import current
from opencl_backend.disk import folder
from opencl_backend.explain import how as how
from opencl_backend.fuse import Order
from opencl_backend.guests import admitted, as_guest, is_guest
from opencl_backend.launch import Launch
from opencl_backend.plan import Host, MustRun, Plan, Stale, placeholder
from opencl_backend.ports import Leave, handed_out, staying
from opencl_backend.runtime import HOPES, DeviceArray, Runtime, runtime, same_size_class
from reference.config import config
from reference.graph.core import Apply, Constant
from reference.graph.errors import NotLowered
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import RandomStateType, ScalarType, TensorType
from reference.interpreter import evaluate, without_effects

COMPILER_SECONDS = 0.15
"""What an optimized kernel costs. A plan whose calls have taken as long as it would take to compile its kinds of small
loops, and of kernels built in haste, is recorded again with such kernels: never more than twice the best possible."""
MOST_NODES = 2000
"""Of a graph whose first call looks for kernels of earlier processes, which takes as long as recording it."""
AHEAD = 3
"""So much sooner are kernels begun for which nobody waits: a thread builds them while calls go on."""
MOST_PLANS = 32
"""Plans kept by one function; the one that was used least recently goes first."""


class Executable:
    """A compiled graph: called with one host array a non-shared input, it returns one value an output.

    anew    seconds of calls whose plans could not be kept, and which built nothing
    """

    def __init__(self, fgraph: FunctionGraph, options: Any):
        self.runtime: Runtime = runtime(current())
        self.fgraph = fgraph
        self.shared = dict(options.shared)
        self.updates = dict(options.updates)
        self.leaves: dict[int, Leave] = dict.fromkeys(options.updates, staying)
        places = {container: k for k, container in self.shared.items()}
        self.sources = {k: places[container] for k, container in self.updates.items() if container in places}
        if not self.runtime.device.shares_host_memory:
            self.leaves |= dict.fromkeys(options.borrowed, as_guest)
        self.has_guests = False
        self.exact = bool(options.exact)
        machine.prepare(self.runtime, self.exact, fgraph.inputs)
        self.order = Order(fgraph.inputs, fgraph.outputs, [fgraph.outputs[k] for k in self.sources])
        self.on_device = [lower.lives_on_device(v) for v in fgraph.inputs]
        self.explicit = [k for k in range(len(fgraph.inputs)) if k not in self.shared]
        self.borrowed = {k for k in self.explicit if self.on_device[k]}
        self.opaque = not all(isinstance(v.type, TensorType | ScalarType | RandomStateType) for v in fgraph.inputs)
        self.plans: list[Plan] = []
        self.last: Plan | None = None
        self.anew = 0.0
        self.constants: dict[Constant, DeviceArray] = {}
        refused = lower.check(self.order.nodes, fgraph.inputs)
        if refused and not config.opencl.allow_host:
            raise NotLowered(explain.refusals(refused))
        self.left_to_host = explain.warn_of(refused)

    def __call__(self, *inputs: Any) -> list[Any]:
        device = self.runtime
        with device.turn:
            if device.busy:
                with device.apart():
                    return self._recorded(self._gathered(inputs), None, False)
            device.busy = True
            try:
                return self._called(inputs)
            finally:
                device.busy = False

    def _called(self, inputs: Sequence[Any]) -> list[Any]:
        started = perf_counter()
        values = self._gathered(inputs)
        signature = tuple([np.shape(v) for v in values] if self.opaque else [v.shape for v in values])
        if self.has_guests:
            signature += tuple([k for k in self.borrowed if isinstance(values[k], DeviceArray)])
        compiled = False
        for plan in self.plans[::-1]:
            if plan.signature != signature:
                continue
            if plan.kinds:
                if not plan.sought and _worth_compiling(plan, AHEAD * plan.seconds):
                    self._seek(plan, values)
                if plan.following is None and _worth_compiling(plan, plan.seconds):
                    compiled = True
                    self.plans.remove(plan)
                    continue
                if plan.following is not None and not plan.following.is_being_built():
                    self.plans[self.plans.index(plan)] = plan = plan.following
            try:
                outputs = self._replayed(plan, values)
            except Stale:
                continue
            if plan is not self.plans[-1]:
                self.plans.remove(plan)
                self.plans.append(plan)
            plan.seconds += perf_counter() - started
            return outputs
        if config.opencl.replay and not compiled and (self.last is None or self.last.replayable):
            ready = self._from_kept(values, signature) if config.opencl.interpret else self._dry(values, signature)
            if ready is not None:
                self._keep(ready)
                outputs = self._replayed(ready, values)
                self.runtime.programs.save()
                return outputs
        return self._recorded(values, signature, compiled)

    def _replayed(self, plan: Plan, values: list[Any]) -> list[Any]:
        try:
            outputs = plan.replay(values)
        except BaseException:
            for k, value in plan.cut_short().items():
                self.updates[k].write(value)
            raise
        error = plan.reported()
        if error is not None:
            self._raise(*error, values)
        self.last = plan
        return outputs

    def _keep(self, plan: Plan) -> None:
        self.plans.append(plan)
        del self.plans[:-MOST_PLANS]

    def _dry(self, values: list[Any], signature: Hashable) -> Plan | None:
        """A plan with kernels for all loops, recorded without being run; None if that cannot be."""
        try:
            plan, _ = self._record(self._lent(values), True, dry=True)
        except MustRun:
            return None
        plan.signature = signature
        return plan

    def _from_kept(self, values: list[Any], signature: Hashable) -> Plan | None:
        """The plan for which an earlier process has left all kernels; None if it has not."""
        runtime = self.runtime
        if runtime.hopes <= 0 or len(self.order.nodes) > MOST_NODES or not (config.opencl.fuse and folder()):
            return None
        plan = self._dry(values, signature)
        found = plan is not None and runtime.are_kept(_programs(plan))
        runtime.hopes = min(HOPES, runtime.hopes + 1) if found else runtime.hopes - 1
        return plan if found else None

    def _seek(self, plan: Plan, values: list[Any]) -> None:
        """Find the plan that takes over when its kernels have been built, while calls go on with this one. There is
        none where it cannot be recorded without being run."""
        plan.sought = True
        plan.following = self._dry(values, plan.signature)
        if plan.following is not None:
            plan.following.building = self.runtime.begin(_programs(plan.following))

    def admit(self, position: int, value: Any) -> Any:
        """An argument that is no array of the host's: an array of PyOpenCL's as a value on the device, if it fits."""
        if not is_guest(value):
            return value
        type_ = self.fgraph.inputs[position].type
        taken = admitted(self.runtime, value, type_) if self.on_device[position] else value.get()
        self.has_guests |= isinstance(taken, DeviceArray)
        return taken

    def explain(self) -> str:
        """The plan of the last call, as a table."""
        return explain.describe(self)

    def _gathered(self, inputs: Sequence[Any]) -> list[Any]:
        """One value an input of the graph: an array on the device for what is kept there, else the host's own value."""
        if not self.shared:
            return list(inputs)
        values: list[Any] = [None] * len(self.on_device)
        for k, value in zip(self.explicit, inputs, strict=True):
            values[k] = value
        for k, container in self.shared.items():
            if not self.on_device[k]:
                values[k] = container.read()
                continue
            array = container.device
            if not (isinstance(array, DeviceArray) and array.runtime is self.runtime and array.owns_storage):
                array = container.device = self.runtime.upload(np.asarray(container.read()))
            values[k] = array
        return values

    def _recorded(self, values: list[Any], signature: tuple[Any, ...] | None, compiled: bool) -> list[Any]:
        """Run while recording a plan, which is kept if later calls can replay it and it has a signature."""
        started, builds = perf_counter(), self.runtime.programs.builds
        last = self.last
        if last is not None and last.signature == signature and not last.replayable:
            compiled = last.compiled or _worth_compiling(last, self.anew)
        try:
            plan, outputs = self._record(self._lent(values), compiled)
        finally:
            # Also when it fails: kernels may still be reading the caller's arrays.
            self.runtime.wait()
        plan.signature = signature
        if plan.replayable and signature is not None and config.opencl.replay:
            self._keep(plan)
        error = plan.reported()
        if error is not None:
            self._raise(*error, values)
        self.last = plan
        self.runtime.programs.save()
        if not plan.replayable and builds == self.runtime.programs.builds:
            self.anew += perf_counter() - started
        return [handed_out(self.runtime, value, self.leaves.get(k)) for k, value in enumerate(outputs)]

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

    def _lent(self, values: list[Any]) -> list[Any]:
        """The host's arrays as arrays on the device, for the time of one call."""
        return [
            self.runtime.borrow(v) if k in self.borrowed and not isinstance(v, DeviceArray) else v
            for k, v in enumerate(values)
        ]

    def _in_order(self, ctx: Context) -> list[int]:
        """Outputs as they are to be completed: old values are copied before they may be written over, and whoever asks
        for a new one as well gets the copy."""
        new = {id(v.storage) for k in self.sources if isinstance(v := ctx.value(self.fgraph.outputs[k]), DeviceArray)}

        def turn(k: int) -> int:
            value = ctx.value(self.fgraph.outputs[k])
            return 1 if k in self.sources else 2 * (isinstance(value, DeviceArray) and id(value.storage) in new)

        return sorted(range(len(self.fgraph.outputs)), key=turn)

    def _record(
        self, values: list[Any], compiled: bool, dry: bool = False
    ) -> tuple[Plan, list[Host | DeviceArray]]:
        """Run the graph node by node and remember what was done; or, `dry`, what would be done."""
        plan = Plan(self.runtime, compiled or not config.opencl.interpret, self.leaves, dry)
        ctx = Context(plan, self.exact, self.order, self.left_to_host, self.constants)
        for variable, value in zip(self.fgraph.inputs, values):
            place = placeholder(value) if isinstance(value, DeviceArray) else Host(value, True)
            plan.inputs.append(place)
            ctx.values[variable] = place
        ctx.run()
        taken: set[int] = set()
        made: dict[int, Host | DeviceArray] = {}
        for k in self._in_order(ctx):
            variable = self.fgraph.outputs[k]
            value = ctx.value(variable)
            if isinstance(value, Host):
                made[k] = value
                continue
            array = ctx.array(variable)
            storage = array.storage
            own = storage.memory is self.runtime.working and id(storage) not in taken and array.owns_storage
            if not (own and same_size_class(array.nbytes, storage.nbytes)):
                array = ctx.copied(array)
            taken.add(id(array.storage))
            made[k] = array
        plan.outputs = [made[k] for k in range(len(made))]
        if dry:
            if config.opencl.fuse:
                names = [str(v) for v in self.fgraph.inputs]
                proven = updates.proven(plan, self.sources, names)
                plan.launches = joins.joined(plan.launches)
                plan.in_place = updates.in_the_last(plan, proven, names)
            return plan, []
        # The plan's own buffers may hold other values while it runs: what the caller gets is a copy. Replays
        # put fresh buffers in the outputs' slots instead.
        outputs = [Host(o.value, False) if isinstance(o, Host) else self.runtime.duplicate(o) for o in plan.outputs]
        return plan, outputs


def _programs(plan: Plan) -> list[Key]:
    """Those of its kernels, and how they are compiled."""
    codes = [holder.code for work in plan.launches for holder in work.kernels()]
    return [(code.text, code.options) for code in codes]


def _worth_compiling(plan: Plan, seconds: float) -> bool:
    """Have calls that took so long earned optimized kernels for what `plan` has done without?"""
    return 0 < len(plan.kinds) * COMPILER_SECONDS <= seconds and bool(config.opencl.fuse)


def queue() -> Any:
    """The PyOpenCL queue that functions use. Arrays of its context are arguments that are not copied."""
    return runtime(current()).queue


def compile(fgraph: FunctionGraph, options: Any) -> Executable:
    """The backend contract: an executable for `fgraph`; NotLowered, naming them, if operations cannot run."""
    return Executable(fgraph, options)
