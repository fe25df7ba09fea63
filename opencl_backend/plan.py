"""The plan of a function for one signature: recorded while a call runs, replayed by later calls.

Owns launches, host values with their steps, guards, error flags, and replay. Host values (shapes, offsets,
trip counts, random states) are recomputed by the reference's own `perform` on every call; a plan holds as
long as those it depends on stay the same. It must not know operations: context.py records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Thread
from time import perf_counter
from typing import Any

import numpy as np

from opencl_backend.inline import Trial
from opencl_backend.launch import Launch, Work
from opencl_backend.loop import Lazy
from opencl_backend.ports import Host as Host
from opencl_backend.ports import Leave, WayIn, WayOut, staying, way_in, way_out
from opencl_backend.runtime import DeviceArray, Runtime, contiguous_strides, seen
from reference.graph.core import Apply
from reference.interpreter import explain


class Stale(Exception):
    """A host value that the plan depends on has changed: record again."""


class MustRun(Exception):
    """What is being recorded asks the device for a value, so it cannot be recorded without running it."""


Value = DeviceArray | Lazy | Host


class Flag:
    """An error that kernels report: element `place` of the flag vector becomes nonzero."""

    __slots__ = ("make", "node", "place")

    def __init__(self, place: int, node: Apply, make: Callable[[int], Exception]):
        self.place = place
        self.node = node
        self.make = make


class Plan:
    """What one call does: `steps` bring host values up to date, then `launches` run in order.

    signature    the shapes of the inputs
    leaves       place of an output -> how it leaves, unless as an array of the host's
    dry          nothing runs while it is recorded
    replayable   False: something was read back from the device while recording
    compiled     every loop has a kernel of its own
    seconds      that calls have taken so far
    inline       kernels run in the thread that waits for them
    ends_with_kernel   what is begun last is a kernel
    interpreted  launches of `machine` and other general kernels, those of steps included
    kinds        what they are: those of a kind could share a kernel of their own
    sought       a plan that takes over has been thought of
    following    it, which does when its kernels have been built
    building     the thread that builds this plan's kernels
    in_place     output -> the input whose memory it may be written to, by the last launch
    """

    FLAGS = 256
    WRITTEN = FLAGS - 1
    """The place that no error has: whoever writes over a shared variable's value leaves a mark there."""

    signature: Hashable = None

    def __init__(self, runtime: Runtime, compiled: bool, leaves: Mapping[int, Leave] | None = None, dry: bool = False):
        self.runtime = runtime
        self.compiled = compiled
        self.leaves = {} if leaves is None else leaves
        self.dry = dry
        self.launches: list[Work] = []
        self.steps: list[Callable[[], None]] = []
        self.flags: list[Flag] = []
        self.flag_array: DeviceArray | None = None
        self.constants: list[DeviceArray] = []
        self.inputs: list[Host | DeviceArray] = []
        self.outputs: list[Host | DeviceArray] = []
        self.ways_in: list[WayIn] = []
        self.ways_out: list[WayOut] = []
        self.notes: list[str] = []
        self._replayable = True
        self.replays = 0
        self.seconds = 0.0
        self.interpreted = 0
        self.kinds: set[Hashable] = set()
        self.inline = False
        self.ends_with_kernel = False
        self.trial: Trial | None = None
        self.sought = False
        self.following: Plan | None = None
        self.building: Thread | None = None
        self.in_place: dict[int, int] = {}
        self._begun: list[Any] = []

    @property
    def replayable(self) -> bool:
        return self._replayable

    @replayable.setter
    def replayable(self, can_be: bool) -> None:
        self._replayable = can_be
        if not can_be:
            self.must_run()

    def is_being_built(self) -> bool:
        return self.building is not None and self.building.is_alive()

    def must_run(self) -> None:
        """What is recorded next depends on what was recorded so far."""
        if self.dry:
            raise MustRun

    def begin(self, work: Work) -> None:
        """What is recorded is begun at once, but for a plan that is recorded dry."""
        self.launches.append(work)
        if not self.dry:
            work.enqueue()

    def replay(self, values: Sequence[Any]) -> list[Any]:
        """Run the plan on other inputs of the same signature; Stale if a guard fails, before any launch."""
        if self.trial is None:
            self.trial = Trial(self)
            self.ends_with_kernel = bool(self.launches) and isinstance(self.launches[-1], Launch)
            self.ways_in = [way_in(place, value) for place, value in zip(self.inputs, values)]
            self.ways_out = [
                way_out(output, self.leaves.get(k), self.in_place.get(k)) for k, output in enumerate(self.outputs)
            ]
        held = [way.take(value) for way, value in zip(self.ways_in, values)]  # until kernels have run
        for step in self.steps:
            step()
        begun = [way.begin(values) for way in self.ways_out]
        if self.in_place:
            self._mark()[0] = 0
            self._begun = begun
        trial = self.trial
        if trial.over and self.replays != trial.again and not trial.watched:
            self._launch()
        else:
            started = perf_counter()
            self._launch()
            trial.took(self, perf_counter() - started)
        del held
        self.replays += 1
        self._begun = []
        return [way.end(one) for way, one in zip(self.ways_out, begun)]

    def cut_short(self) -> dict[int, Any]:
        """Of a replay that was interrupted: new values of shared variables, all of them, if any was written in place.
        Its last launch had begun then, and nothing fails after that."""
        begun, self._begun = self._begun, []
        if not begun:
            return {}
        self.runtime.device.queue.finish()
        if not self._mark()[0]:
            return {}
        return {k: way.end(begun[k]) for k, way in enumerate(self.ways_out) if self.leaves.get(k) is staying}

    def _mark(self) -> np.ndarray:
        """What was written in place has left a mark here."""
        host = self.flag_vector().storage.host
        assert host is not None
        return seen(host, "int64", (self.FLAGS,))[self.WRITTEN :]

    def _launch(self) -> None:
        """All kernels, one after the other, and wait for them."""
        runtime = self.runtime
        if self.inline:
            runtime.queue = runtime.device.inline
        last_is_kernel = False
        try:
            for launch in self.launches:
                launch.enqueue()
            last_is_kernel = self.ends_with_kernel
        finally:
            # Also when it fails: kernels may still be reading what the caller holds.
            try:
                runtime.wait(last_is_kernel)
            finally:
                runtime.queue = runtime.device.queue

    def run_inline(self, inline: bool) -> bool:
        """Have kernels run in the thread that waits for them, or no longer; False if the driver cannot."""
        if inline and self.runtime.device.inline is None:
            return False
        if inline != self.inline:
            holders = [holder for launch in self.launches for holder in launch.kernels()]
            others = [self.runtime.elsewhere(holder.kernel) for holder in holders]
            if None in others:
                return False
            for holder, other in zip(holders, others):
                holder.kernel = other  # type: ignore[assignment]
            self.inline = inline
        return True

    def count_interpreted(self, kind: Hashable) -> None:
        """A general kernel has been launched for this plan."""
        self.interpreted += 1
        self.kinds.add(kind)

    def flag_place(self, node: Apply, make: Callable[[int], Exception]) -> tuple[DeviceArray, int]:
        """The flag vector and the place for `node`'s error."""
        for flag in self.flags:
            if flag.node is node:
                return self.flag_vector(), flag.place
        place = len(self.flags) % self.WRITTEN
        self.flags.append(Flag(place, node, make))
        return self.flag_vector(), place

    def flag_vector(self) -> DeviceArray:
        """Where kernels report errors."""
        if self.flag_array is None:
            self.flag_array = self.runtime.empty("int64", (self.FLAGS,))
            self.runtime.write(self.flag_array, np.zeros(self.FLAGS, np.int64))
        return self.flag_array

    def reported(self) -> tuple[Exception, Apply] | None:
        """The error of the first node that reported one, and the node."""
        if self.flag_array is None or not self.flags:
            return None
        host = self.flag_array.storage.host
        vector = self.flag_array.to_host() if host is None else seen(host, "int64", (self.FLAGS,))
        codes = vector[: len(self.flags)].tolist()
        for flag in self.flags if any(codes) else ():
            code = codes[flag.place]
            if code:
                self.runtime.write(self.flag_array, np.zeros(self.FLAGS, np.int64))
                error = flag.make(code)
                explain(error, flag.node, [])
                return error, flag.node
        return None


def placeholder(array: DeviceArray) -> DeviceArray:
    """An input's place in a plan: a storage of its own slot, so that each call can put its buffer there."""
    storage = array.storage.alias()
    return DeviceArray(array.runtime, storage, array.dtype, array.shape, contiguous_strides(array.shape))
