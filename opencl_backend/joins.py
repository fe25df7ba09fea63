"""Small launches that follow one another as one kernel, which does them one after the other.

Owns which are joined, and their launch. A launch takes ten microseconds or more, whatever it does, as threads are woken
up and waited for; what one of them does alone in less is better done along with its neighbours. It must not know what
kernels compute.
"""

from __future__ import annotations

from collections.abc import Sequence

from opencl_backend.kernels import rows
from opencl_backend.plan import Code, Launch, Work
from opencl_backend.runtime import Number, Slot

MOST_WORK = 1 << 18
"""Operations of a launch that one work-item may do: some forty microseconds."""
MOST_PARTS = 32
"""Launches in one: compilers are slow with long functions."""
MOST_ARRAYS = 64
"""Arguments of a kernel: every device takes so many pointers."""


def joined(launches: Sequence[Work]) -> list[Work]:
    """The same work, in the same order, with fewer launches."""
    result: list[Work] = []
    run: list[Launch] = []
    for work in (*launches, None):
        if isinstance(work, Launch) and _is_small(work) and _fits(run, work):
            run.append(work)
            continue
        result += run if len(run) < 2 else [_one(run)]
        run = []
        if isinstance(work, Launch) and _is_small(work):
            run.append(work)
        elif work is not None:
            result.append(work)
    return result


def _is_small(launch: Launch) -> bool:
    plain = launch.local == (1,) and not launch.code.options
    return plain and launch.work <= MOST_WORK and len(rows.KERNEL.findall(launch.code.text)) == 1


def _fits(run: Sequence[Launch], launch: Launch) -> bool:
    slots = dict.fromkeys(slot for one in (*run, launch) for slot in one.slots)
    return len(run) < MOST_PARTS and len(slots) <= MOST_ARRAYS


def _one(run: Sequence[Launch]) -> Launch:
    """A kernel of one work-item for all of these."""
    runtime = run[0].runtime
    places: dict[Slot, int] = {}
    numbers: list[Number] = [1, 1]
    calls = []
    for launch in run:
        arrays = tuple(places.setdefault(slot, len(places)) for slot in launch.slots)
        calls.append(rows.Call(launch.code.text, arrays, len(numbers), len(launch.numbers), launch.items[0], 0))
        numbers += launch.numbers
    kinds, still = ["uchar"] * len(places), [rows.Place(k) for k in range(len(places))]
    text = rows.text(kinds, still, calls, None, runtime.device.fp64)
    total = [sum(each) for each in zip(*((x.elements, x.work, x.moved) for x in run))]
    label = ", ".join(launch.label for launch in run)
    return Launch(runtime, label, Code(text, "loop"), 1, numbers, list(places), 1, *total)
