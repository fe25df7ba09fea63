"""Updates in place: where the new value of a shared variable is written over the old one, and what keeps it from being.

Owns the proof, made when a plan has been recorded, and the guard of the kernels that write so. A call that fails leaves
every shared variable as it was, so that nothing may fail after them: they are in the last launch of a plan, and write
nothing if a kernel before them has reported an error. It must not know what kernels compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opencl_backend.joins import written
from opencl_backend.kernels.rows import KERNEL
from opencl_backend.launch import Code, Launch
from opencl_backend.plan import Plan
from opencl_backend.runtime import DeviceArray
from reference.config import config

ELSEWHERE = "the new value of {} gets memory of its own: {}"

_GUARD = f"""
static int may_write(volatile global long *flags, long count) {{
  for (long k = 0; k < count; k++) if (flags[k]) return 0;
  flags[{Plan.WRITTEN}] = 1;
  return 1;
}}
"""


def proven(plan: Plan, sources: Mapping[int, int], names: Sequence[str]) -> dict[int, int]:
    """Of outputs, and the inputs whose next values they are, those that may share memory with them; their kernels are
    guarded. To be asked before launches are joined."""
    device = plan.runtime.device
    if not (device.shares_host_memory and device.style == "cpu" and config.opencl.reuse):
        return {}
    found: dict[int, Launch] = {}
    for output, source in sources.items():
        new, old = plan.outputs[output], plan.inputs[source]
        if isinstance(new, DeviceArray) and isinstance(old, DeviceArray):
            launch = _writes_over(plan, new, old)
            if isinstance(launch, Launch):
                launch.replaces = old.storage.slot
                found[output] = launch
            else:
                plan.notes.append(ELSEWHERE.format(names[source], launch))
    for launch in found.values():
        _guard(plan, launch)
    return {output: sources[output] for output in found}


def in_the_last(plan: Plan, outputs: Mapping[int, int], names: Sequence[str]) -> dict[int, int]:
    """Those of them that the last launch writes, after which nothing is begun. To be asked when launches are joined."""
    found = {}
    for output, source in outputs.items():
        slot = plan.outputs[output].storage.slot  # type: ignore[union-attr]
        if any(slot in work.slots for work in plan.launches[:-1]):
            plan.notes.append(ELSEWHERE.format(names[source], "other launches follow"))
        else:
            plan.notes.append(f"the new value of {names[source]} is written over the old one")
            found[output] = source
    return found


def _writes_over(plan: Plan, new: DeviceArray, old: DeviceArray) -> Launch | str:
    """The launch that makes `new` and may do so in the memory of `old`, or why there is none."""
    into, of = new.storage.slot, old.storage.slot
    place = next((k for k, work in enumerate(plan.launches) if into in work.slots), -1)
    launch = plan.launches[place] if place >= 0 else None
    over = launch.over if isinstance(launch, Launch) and KERNEL.search(launch.code.text) else None
    if (new.shape, new.dtype) != (old.shape, old.dtype) or not over or over.target is not into:
        return "no loop over all of it makes it"
    assert isinstance(launch, Launch)
    if of not in over.sources:
        return "it is not made of the old one element by element"
    later = plan.launches[place + 1 :]
    if any(into in written(work) for work in later):
        return "it is made in several steps"
    if any(of in work.slots for work in later):
        return "the old one is read afterwards"
    if plan.flag_array and any(plan.flag_array.storage.slot in written(work) for work in plan.launches[place:]):
        return "errors may be found afterwards"
    return launch


def _guard(plan: Plan, launch: Launch) -> None:
    """Have it write nothing if a flag is up, and else leave a mark."""
    kernel = KERNEL.search(launch.code.text)
    assert kernel is not None
    text, first, last = launch.code.text, *kernel.span(1)
    # Arguments are no longer the only ways to their memory, and drivers must not think so.
    given = kernel.group(1).replace("restrict ", "")
    check = f"\n  if (!may_write(flags, g[{len(launch.numbers)}])) return;"
    text = (
        f"{text[: kernel.start()]}{_GUARD}{text[kernel.start() : first]}{given}, volatile global long *flags"
        f"{text[last : kernel.end()]}{check}{text[kernel.end() :]}"
    )
    launch.code = Code(text, *launch.code[1:])
    launch.numbers.append(len(plan.flags))
    launch.slots.append(plan.flag_vector().storage.slot)
