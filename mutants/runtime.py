"""Faults in what happens between launches: memory, plans, replays, caches, fusion."""

from mutants.mutant import patches

seed = patches("runtime", "opencl_backend/runtime.py", "plan ", "kernel ", "function")

seed(
    "buffers_given_twice",
    "memory that is handed out stays in the list of what is free",
    "buffer, host = free.pop()",
    "buffer, host = free[-1]",
    "plan ",
    "kernel ",
    "fusion ",
    "function",
    origin="memory reused while somebody still read it",
)
seed(
    "handed_out_and_kept",
    "an array the user holds goes back to the pool",
    "np.ndarray(shape, dtype, block)",
    "seen(storage.host, dtype, shape)",
    origin="a returned array aliased the runtime's memory",
)
seed(
    "download_from_the_beginning",
    "what is read back begins at the storage's first element",
    "np.lib.stride_tricks.as_strided(typed[first:], array.shape, byte_strides).copy()",
    "np.lib.stride_tricks.as_strided(typed, array.shape, byte_strides).copy()",
)
seed(
    "contiguous_by_length",
    "an array is contiguous if one of its axes is",
    "return self.size <= 1 or all(\n            length == 1 or mine == c",
    "return self.size <= 1 or any(\n            length == 1 or mine == c",
)

seed(
    "argument_believed_set",
    "a kernel is launched with the first argument of the launch before",
    "if given[k] != slot.stamp:",
    "if given[k] < 0 or (k and given[k] != slot.stamp):",
)

seed = patches("runtime", "opencl_backend/ports.py", "plan ", "kernel ", "function", "random")

seed(
    "replay_of_old_outputs",
    "a replay hands out new memory that nothing was written to",
    "        old.storage.slot.put(storage.buffer)\n",
    "",
)
seed(
    "result_not_copied",
    "a small result is the plan's own memory",
    "if self.view is None else self.view.copy()",
    "if self.view is None else self.view",
    origin="a returned array aliased the runtime's memory",
)
seed(
    "argument_of_the_first_replay",
    "a replay reads the host arrays of the call before",
    "        self.view[...] = value",
    "        self.view[()] = self.view if self.view.any() else value",
)

seed = patches("runtime", "opencl_backend/plan.py", "plan ", "kernel ", "function")

seed(
    "replay_without_steps",
    "a replay does not bring host values up to date",
    "        for step in self.steps:\n            step()\n        begun",
    "        begun",
    "plan ",
    "kernel ",
    "function",
    "random",
    origin="a stale cache",
)
seed = patches("runtime", "opencl_backend/launch.py", "plan ", "kernel ", "function")

seed(
    "numbers_not_refreshed",
    "a launch keeps the numbers it was recorded with",
    "                self.geometry = self.runtime.constants(self.numbers)\n",
    "                self.geometry = self.geometry or self.runtime.constants(self.numbers)\n",
    "plan ",
    "kernel ",
    "random",
    "scan",
)

seed = patches("runtime", "opencl_backend/__init__.py", "plan ", "function", "kernel ")

seed(
    "signature_without_shapes",
    "a plan serves every shape of the same rank",
    "else [v.shape for v in values])",
    "else [len(v.shape) for v in values])",
    origin="a stale cache: the key had no shapes",
)
seed(
    "shared_value_from_before",
    "a new value of a shared variable is not sent to the device",
    "array = container.device\n            if not (isinstance",
    'array = container.device or getattr(self, "_sent", {}).get(k)\n'
    '            self.__dict__.setdefault("_sent", {})[k] = array\n            if not (isinstance',
    "function",
    "plan ",
    "kernel ",
)
seed(
    "outputs_not_duplicated",
    "what a recorded call returns is the plan's own memory",
    "isinstance(o, Host) else self.runtime.duplicate(o) for o in plan.outputs]",
    "isinstance(o, Host) else o for o in plan.outputs]",
    "plan ",
    "function",
    origin="a returned array aliased the runtime's memory",
)

seed = patches("runtime", "opencl_backend/context.py", "plan ", "kernel ", "fusion ")

seed(
    "guard_of_shapes_only",
    "a host value that a plan depends on may change",
    "            if not _equal(value.value, now):\n                raise Stale\n",
    "            if np.shape(value.value) != np.shape(now):\n                raise Stale\n",
    origin="a stale cache",
)
seed(
    "draw_of_the_recording",
    "the words of a random stream's state do not follow it from call to call",
    "        self.plan.steps.append(follow)\n        return [*cells]",
    "        return [*cells]",
    "plan ",
    "kernel ",
    "random",
)
seed(
    "forgotten_too_early",
    "a value is forgotten after its first reader",
    "for dead in self.order.dead_after.get(node, ()):",
    "for dead in (v for v in node.inputs if len(self.order.readers.get(v, ())) > 1 and v not in"
    " self.order.kept and v.owner):",
    origin="Theano PR #796: gc freed a value still needed",
)

seed(
    "made_for_another_use",
    "what softmax knows of the rows of a graph's input is taken over to its next use",
    "made, self._made = self._made, {}",
    "made = self._made",
    "OpFromGraph",
    "function",
    "kernel ",
    origin="found in this backend: the second use of a graph had the first one's maxima",
)

seed = patches("runtime", "opencl_backend/fuse.py", "fusion ", "plan ", "kernel ")

seed(
    "fused_into_arrays",
    "a loop is joined with a reader that needs an array",
    "if not lower.joins_loops(reader.op):",
    "if False:",
)

seed = patches("runtime", "opencl_backend/replay.py", "plan Scan", "kernel Scan", "scan", "plan ")

seed(
    "second_step_skipped",
    "a replayed loop begins its steps with the second",
    "self.start(first)\n            for t in range(first, self.steps):",
    "self.start(first)\n            for t in range(first + 1, self.steps):",
)
seed(
    "track_of_the_last_step",
    "every step of a loop is launched with the first one's numbers",
    "return lambda t: enqueue(kernel, items, local, geometry[t], slots)",
    "return lambda t: enqueue(kernel, items, local, geometry[0], slots)",
)

seed = patches("runtime", "opencl_backend/updates.py", "plan ", "kernel ", "function", "fusion ", "driver ")

seed(
    "error_does_not_keep_an_update",
    "a new value is written over the old one although an error was found",
    "if (flags[k]) return 0;",
    "if (flags[k] < 0) return 0;",
    origin="a call that failed left half of its updates behind",
)
seed(
    "old_value_read_too_late",
    "a new value is written over the old one though that is read afterwards",
    "    if any(of in work.slots for work in later):\n",
    "    if any(of is work for work in later):\n",
)
