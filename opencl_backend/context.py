"""What a lowering works with: values of variables, new arrays, launches.

Owns `Context`, which records a plan while it runs a graph for the first time. Every launch is enqueued at
once and remembered; host values are computed at once and, where an input of theirs may change, again on
every replay. It must not know how any operation is lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any

import numpy as np

from opencl_backend import copies, fuse, lower, machine, render
from opencl_backend.launch import Code, Launch, Over
from opencl_backend.loop import Compute, Lazy, Load
from opencl_backend.plan import Host, MustRun, Plan, Stale, Value
from opencl_backend.postponed import Drawn, Postponed
from opencl_backend.runtime import Cell, DeviceArray, Number
from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.dtypes import COMPLEX
from reference.graph.lazy import deferred
from reference.graph.traversal import toposort
from reference.interpreter import explain
from reference.tensor.philox import next_state

LARGE = 1 << 20
"""Loops of so many elements get a kernel of their own, joined with their neighbours, at once; smaller ones
are interpreted by `machine` until a plan has proved worth compiling for."""
IN_EARNEST = 1 << 26
"""Kernels of so many operations are optimized at once; others are built in haste until their plan has."""

A_LOOP = 8
"""Simple operations that an element of a loop is taken for that says no more of itself."""


class Context:
    """What a lowering works with: values of variables, new arrays, launches.

    exact      results must have the reference's bits wherever they are defined to the bit.
    constants  those uploaded before, by this plan or another of the same function.
    records    nothing runs: a loop is being made one kernel
    copies     bytes may be copied without a kernel
    postpones  launches may wait for what is made of their results
    share      the rows of a batch that a work-item of such a kernel will own
    held       arrays whose memory nobody is given while this is recorded, so that launches may run side by side
    """

    records = False
    copies = True
    postpones = True
    share: int | None = None

    def __init__(
        self,
        plan: Plan,
        exact: bool,
        order: fuse.Order,
        left_to_host: Container[Apply] = (),
        constants: dict[Constant, DeviceArray] | None = None,
    ):
        self.plan = plan
        self.runtime = plan.runtime
        self.device = plan.runtime.device
        self.exact = exact
        self.values: dict[Variable, Value] = {}
        self.order = order
        self.left_to_host = left_to_host
        self.constants: dict[Constant, DeviceArray] = {} if constants is None else constants
        self.node: Apply | None = None
        self._made: dict[tuple[str, Variable], DeviceArray] = {}
        self._postponed: dict[int, Postponed] = {}
        self.held: list[DeviceArray] = []

    # Reading values.

    def value(self, variable: Variable) -> Value:
        """Whatever represents the variable now."""
        known = self.values.get(variable)
        if known is None:
            assert isinstance(variable, Constant), f"{variable} has no value"
            known = self.values[variable] = self._constant(variable)
        return known

    def shape(self, variable: Variable) -> tuple[int, ...]:
        return self.value(variable).shape

    def host(self, variable: Variable) -> Any:
        """The value as the host knows it; the plan holds only while it stays the same.

        A value that only the device knows is read back: such a plan is recorded anew on every call.
        """
        value = self.value(variable)
        if isinstance(value, Host):
            if value.live:
                self._guard(value)
            return value.value
        array = self.array(variable)
        if array.known is None:
            self.plan.replayable = False
            self.note(f"reads back {variable}")
            return array.to_host()
        return array.known

    def is_host(self, variable: Variable) -> bool:
        return isinstance(self.value(variable), Host)

    def array(self, variable: Variable) -> DeviceArray:
        """The value on the device, computed if it was not."""
        value = self.value(variable)
        if isinstance(value, DeviceArray):
            self.ready(value)
            return value
        array = self.computed(value) if isinstance(value, Lazy) else self._upload(value)
        self.values[variable] = array
        return array

    def lazy(self, variable: Variable) -> Lazy:
        """The value as an expression of one element, to be built upon."""
        value = self.value(variable)
        if isinstance(value, Lazy):
            return value
        return self.loaded(value if isinstance(value, DeviceArray) else self.array(variable))

    # Making values.

    def new(self, dtype: str, shape: Sequence[int]) -> DeviceArray:
        """A contiguous array to be written by launches."""
        return self.runtime.empty(dtype, shape, self.runtime.working)

    def once(self, what: str, variable: Variable, make: Callable[[], DeviceArray]) -> DeviceArray:
        """What several operations need to know of one variable, made for the first of them."""
        if not self.has_made(what, variable):
            self._made[what, variable] = make()
        return self._made[what, variable]

    def has_made(self, what: str, variable: Variable) -> bool:
        return (what, variable) in self._made

    def known(self, value: np.ndarray) -> DeviceArray:
        """A device copy of a value that the host knows and that is the same on every call of this plan."""
        array = self.runtime.upload(np.ascontiguousarray(value).reshape(value.shape), known=True)
        self.plan.constants.append(array)
        return array

    def contiguous(self, array: DeviceArray) -> DeviceArray:
        """The array itself or a copy in C order; its offset may still be nonzero."""
        return array if array.is_contiguous else self.copied(array)

    def row_major(self, lazy: Lazy) -> DeviceArray:
        """The elements as an array in C order; its offset may be nonzero."""
        return self.contiguous(lazy.expr.array) if isinstance(lazy.expr, Load) else self.computed(lazy)

    def copied(self, array: DeviceArray) -> DeviceArray:
        """A new array with the same elements."""
        return self.computed(Lazy(array.shape, Load(array)))

    def settled(self, array: DeviceArray) -> DeviceArray:
        """The array, or a copy if its offset changes from call to call."""
        return self.copied(array) if isinstance(array.offset, Cell) else array

    def cast(self, lazy: Lazy, dtype: str) -> Lazy:
        """The elements as another dtype."""
        if lazy.dtype == dtype:
            return lazy
        return Lazy(lazy.shape, Compute(f"Cast{{{dtype}}}", lazy.dtype, dtype, (lazy.dtype,), (lazy.expr,)))

    def step(self, row: str, dtype: str, *operands: Lazy, result: str | None = None) -> Lazy:
        """One row of the scalar table in `dtype` on operands of one shape; small ones are computed at once."""
        args = tuple(lazy.expr for lazy in operands)
        casts = tuple(lazy.dtype if row == "switch" and k == 0 else dtype for k, lazy in enumerate(operands))
        lazy = Lazy(operands[0].shape, Compute(row, dtype, result or dtype, casts, args))
        return lazy if self.is_large(lazy.size) else self.evaluated(lazy)

    def evaluated(self, lazy: Lazy) -> Lazy:
        """The same elements, read from an array."""
        return lazy if isinstance(lazy.expr, Load) else self.loaded(self.computed(lazy))

    def loaded(self, array: DeviceArray) -> Lazy:
        """An array as an expression."""
        return Lazy(array.shape, Load(array))

    def computed(self, lazy: Lazy) -> DeviceArray:
        """A new array filled with the elements of `lazy`."""
        target = self.new(lazy.dtype, lazy.shape)
        self.emit(lazy, target)
        return target

    def may_postpone(self, variable: Variable) -> bool:
        """Will an expression be made of this value, once, and of nothing else than it?"""
        return self.can_postpone() and self.order.is_part_of_one(variable)

    def can_postpone(self) -> bool:
        """Are there launches that wait for what is made of their results?"""
        return self.postpones and not self.records and self.plan.compiled and bool(config.opencl.fuse)

    def postpone(self, postponed: Postponed) -> None:
        self._postponed[id(postponed.array.storage)] = postponed

    def ready(self, array: DeviceArray) -> None:
        """Somebody reads this very array: if it was postponed, it is written now."""
        postponed = self._postponed.pop(id(array.storage), None)
        if postponed is not None:
            postponed.write()

    def forget(self, array: DeviceArray) -> None:
        """Nobody will read this very array."""
        del self._postponed[id(array.storage)]

    def mark(self) -> tuple[int, tuple[dict[Any, Any], ...]]:
        """Where recording stands, for `back_to`."""
        return len(self.plan.launches), (self.values.copy(), self._made.copy(), self._postponed.copy())

    def back_to(self, mark: tuple[int, tuple[dict[Any, Any], ...]]) -> None:
        """Forget what has been launched since then, and what was made by it; loops that are being made one kernel
        are forgotten as a whole."""
        if self.records:
            return
        count, (self.values, self._made, self._postponed) = mark
        del self.plan.launches[count:]

    def state_of(self, array: DeviceArray, size: int) -> list[Number] | None:
        """The words of the state that these numbers, all of them, may be drawn with in a loop over so many elements."""
        drawn = self._postponed.get(id(array.storage))
        return drawn.words if isinstance(drawn, Drawn) and drawn.is_all_of(array, size) else None

    def waits_for(self, lazy: Lazy) -> bool:
        """Is it an expression of an array that is not written yet?"""
        return bool(self._postponed) and any(id(array.storage) in self._postponed for array in lazy.arrays)

    def _finished(self, lazy: Lazy, target: DeviceArray) -> bool:
        """Write an expression along with what it waits for, where that can be."""
        for array in lazy.arrays[::-1]:
            postponed = self._postponed.get(id(array.storage))
            if postponed is not None and postponed.finish(lazy, target):
                return True
        return False

    def emit(self, source: Lazy | DeviceArray, target: DeviceArray) -> None:
        """Write the elements of `source` into the view `target` of the same shape."""
        lazy = source if isinstance(source, Lazy) else Lazy(source.shape, Load(source))
        assert lazy.shape == target.shape, (lazy.shape, target.shape)
        if lazy.size == 0 or (self._postponed and self._finished(lazy, target)):
            return
        if lazy.dtype in COMPLEX:
            assert isinstance(lazy.expr, Load)
            lazy, target = self.loaded(as_pairs(lazy.expr.array)), as_pairs(target)
        if self.copies and isinstance(lazy.expr, Load) and copies.run(self, lazy.expr.array, target):
            return
        if self.is_large(lazy.size) or not machine.run(self, lazy, target):
            render.run(self, lazy, target)

    def is_large(self, elements: int) -> bool:
        """Is a loop of so many elements worth a kernel of its own?"""
        return self.plan.compiled or elements >= LARGE

    def options(self, operations: int, kind: Hashable = None) -> tuple[str, ...]:
        """How a kernel of so many operations is compiled: in haste, until its plan has proved worth the time."""
        if self.plan.compiled or operations >= IN_EARNEST:
            return ()
        self.plan.count_interpreted(kind or (None if self.node is None else self.node.op))
        return machine.OPTIONS

    def launch(
        self,
        label: str,
        text: str,
        name: str,
        items: int,
        numbers: Sequence[Number],
        arrays: Sequence[DeviceArray],
        local: int = 1,
        elements: int = 0,
        options: tuple[str, ...] = (),
        work: int = 0,
        over: Over | None = None,
    ) -> None:
        """Enqueue kernel `name` of the program `text` over `items` work-items and remember it.

        The kernel's arguments are ``constant long *g`` with `numbers`, then one pointer an array, to the
        beginning of its storage: offsets and strides are passed among the numbers.
        """
        for array in arrays if self._postponed else ():
            self.ready(array)
        slots = [array.storage.slot for array in arrays]
        moved = sum(array.nbytes for array in {id(a): a for a in arrays}.values())
        if options == machine.OPTIONS and name != "machine" and self.runtime.are_kept([(text, ())]):
            options = ()
        code = Code(text, name, options)
        work = work or A_LOOP * elements
        made = Launch(self.runtime, label, code, items, numbers, slots, local, elements, work, moved)
        made.over = over
        self.plan.begin(made)

    def flag(self, make: Callable[[int], Exception]) -> tuple[DeviceArray, int]:
        """(a vector of longs, a place in it): a kernel that finds an error writes a nonzero number there.

        After the call ``make(that number)`` is raised.
        """
        assert self.node is not None
        return self.plan.flag_place(self.node, make)

    def stays(self, array: DeviceArray) -> bool:
        """Is it the same in every step of the loop that is being recorded?"""
        return False

    def advanced(self, state: Host) -> Host:
        """The state of a random stream after one draw more."""
        after = Host(next_state(state.value), state.live)
        if state.live:

            def again() -> None:
                after.value = next_state(state.value)

            self.plan.steps.append(again)
        return after

    def words(self, state: Host) -> list[Number]:
        """The four words of a stream's state as numbers of a kernel; they follow the state from call to call."""
        if not state.live:
            return [int(word) for word in state.value]
        cells = [Cell(int(word)) for word in state.value]

        def follow() -> None:
            for cell, word in zip(cells, state.value.tolist()):
                cell.value = word

        self.plan.steps.append(follow)
        return [*cells]

    def note(self, text: str) -> None:
        """A line for `explain`."""
        self.plan.notes.append(text)

    # Graphs within graphs.

    def inline(self, inputs: Sequence[Variable], outputs: Sequence[Variable], values: Sequence[Value]) -> list[Value]:
        """The values of `outputs` of an inner graph for these values of its inputs, as part of this plan."""
        outer, self.values = self.values, dict(zip(inputs, values))
        outer_order, self.order = self.order, fuse.Order(inputs, outputs)
        outer_node = self.node
        # What was made for the variables of an inner graph was made of other values.
        made, self._made = self._made, {}
        try:
            self.run()
            return [self.value(v) for v in outputs]
        finally:
            self.values, self.order, self.node, self._made = outer, outer_order, outer_node, made

    def run(self) -> None:
        """Lower every node in order; values are forgotten after their last reader."""
        for node in self.order.nodes:
            if node not in self.order.waiting:
                self._visit(node)
                for dead in self.order.dead_after.get(node, ()):
                    self.values.pop(dead, None)

    def demand(self, variables: Sequence[Variable]) -> list[Value]:
        """The values of variables that a lazy operation takes: the nodes that only it asks for are lowered now."""
        asking = self.node
        order = toposort(variables, stop_at=self.values)
        waiting = deferred(order, variables)
        for node in order:
            if node not in waiting:
                self._visit(node)
        self.node = asking
        return [self.value(v) for v in variables]

    def _visit(self, node: Apply) -> None:
        self.node = node
        try:
            self._lower(node)
        except (Stale, MustRun):
            raise
        except Exception as error:
            explain(error, node, [self._seen(v) for v in node.inputs])
            raise

    def _lower(self, node: Apply) -> None:
        if lower.on_host(node, self):
            self._perform(node)
            return
        if node in self.left_to_host:
            results: Any = self.interpreted(node)
        else:
            results = lower.lowering(node.op)(self, node)
        if not isinstance(results, list | tuple):
            results = [results]
        for variable, value in zip(node.outputs, results, strict=True):
            if isinstance(value, Lazy) and isinstance(value.expr, Load):
                value = value.expr.array
            if isinstance(value, Lazy) and not self.order.may_wait(variable, value, self):
                value = self.stored(variable, value)
            self.values[variable] = value

    def stored(self, variable: Variable, lazy: Lazy) -> DeviceArray:
        """Where the elements of a variable's value are put."""
        return self.computed(lazy)

    def _perform(self, node: Apply) -> None:
        """Compute on the host, now and, if an input is live, on every call."""
        sources = [self.value(v) for v in node.inputs]
        hosts = [s if isinstance(s, Host) else None for s in sources]
        given = [s.value if isinstance(s, Host) else s for s in sources]
        live = any(h is not None and h.live for h in hosts)
        thunk = node.op.thunk(node)
        with np.errstate(all="ignore"):
            results = [Host(r, live) for r in thunk(*given)]
        self.values.update(zip(node.outputs, results))
        if live:

            def again() -> None:
                arguments = [g if h is None else h.value for h, g in zip(hosts, given)]
                try:
                    values = thunk(*arguments)
                except Exception as error:
                    explain(error, node, arguments)
                    raise
                for result, new in zip(results, values):
                    result.value = new

            self.plan.steps.append(again)

    def interpreted(self, node: Apply) -> list[Value]:
        """Let the interpreter run one node that has no lowering: everything is fetched, and sent back."""
        self.plan.replayable = False
        arguments = [self.fetched(v) for v in node.inputs]
        with np.errstate(all="ignore"):
            results = node.op.perform(node, *arguments)
        return [self.known(r) if lower.lives_on_device(v) else Host(r, True) for v, r in zip(node.outputs, results)]

    def fetched(self, variable: Variable) -> Any:
        """The value on the host, now; the plan does not depend on it."""
        value = self.value(variable)
        if isinstance(value, Host):
            return value.value
        array = self.array(variable)
        return array.known if array.known is not None else array.to_host()

    def _seen(self, variable: Variable) -> Any:
        """The value for an error's text."""
        value = self.values.get(variable)
        if isinstance(value, Host):
            return value.value
        if isinstance(value, DeviceArray):
            return value.to_host()
        if isinstance(value, Lazy):
            return self.computed(value).to_host()
        return getattr(variable, "data", None)

    def _constant(self, variable: Constant) -> Value:
        if not lower.lives_on_device(variable):
            return Host(variable.data, False)
        if variable not in self.constants:
            self.constants[variable] = self.known(np.asarray(variable.data))
        return self.constants[variable]

    def _upload(self, value: Host) -> DeviceArray:
        data = np.asarray(value.value)
        if not value.live:
            return self.known(data)
        array = self.runtime.upload(data)
        self.plan.constants.append(array)
        shape = data.shape

        def again() -> None:
            new = np.asarray(value.value)
            if new.shape != shape:
                raise Stale
            self.runtime.write(array, new)

        self.plan.steps.append(again)
        return array

    def _guard(self, value: Host) -> None:
        now = value.value

        def same() -> None:
            if not _equal(value.value, now):
                raise Stale

        self.plan.steps.append(same)
        value.live = False


def as_pairs(array: DeviceArray) -> DeviceArray:
    """Complex numbers as pairs of floats, which copies can move."""
    assert isinstance(array.offset, int)
    part = {"complex64": "float32", "complex128": "float64"}[array.dtype]
    strides = (*(2 * s for s in array.strides), 1)
    return DeviceArray(array.runtime, array.storage, part, (*array.shape, 2), strides, 2 * array.offset)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool((a == b).all())
    return bool(a == b)
