"""Small launches that follow one another as one kernel, which does them one after the other.

Owns which are joined, and their launch. A launch takes ten microseconds or more, whatever it does, as threads are woken
up and waited for; what one of them does alone in less is better done along with its neighbours. It must not know what
kernels compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from opencl_backend.crew import MOST_STAGES, Crew, Rounds
from opencl_backend.kernels import beside, crew, rows
from opencl_backend.kernels.rows import KERNEL
from opencl_backend.launch import Code, Launch, Work
from opencl_backend.runtime import Number, Slot
from reference.config import config

MOST_WORK = 1 << 18
"""Operations of a launch that one work-item may do: some forty microseconds."""
MOST_ALONE = 1 << 15
"""The same within one kernel for a whole plan, where sharing work out takes a microsecond."""
MUCH = 1 << 24
"""Operations of a launch above which being joined with others saves nothing that counts."""
MOST_LARGE = 4
"""Launches of so many in a plan that is shared out: it would take the compiler longer than it ever saves."""
MOST_PARTS = 32
"""Launches in one: compilers are slow with long functions."""
MOST_ARRAYS = 64
"""Arguments of a kernel: every device takes so many pointers."""


def joined(launches: Sequence[Work]) -> list[Work]:
    """The same work, in the same order, with fewer launches."""
    crews = _may_be_crews(launches)
    last = [] if crews else _last_together(launches)
    launches = launches[: len(launches) - len(last)]
    may_join, most = (_is_plain, MOST_STAGES) if crews else (_is_small, MOST_PARTS)
    result: list[Work] = []
    run: list[Launch] = []
    for work in (*launches, None):
        joins = isinstance(work, Launch) and may_join(work)
        if isinstance(work, Launch) and joins and _fits(run, work, most):
            run.append(work)
            continue
        result += _one_of(run, crews)
        run = []
        if isinstance(work, Launch) and joins:
            run.append(work)
        elif work is not None:
            result.append(work)
    return [*result, _beside(last)] if last else result


def written(work: Work) -> Sequence[Slot]:
    """The memory that it writes to, marks aside, by what its kernel says of its arguments; else all that it knows."""
    kernel = KERNEL.search(work.code.text) if isinstance(work, Launch) else None
    if not isinstance(work, Launch) or kernel is None:
        return work.slots
    _, *arrays = kernel.group(1).split(",")
    found = [slot for slot, a in zip(work.slots, arrays, strict=True) if not ("const " in a or "volatile " in a)]
    return found if work.replaces is None else [*found, work.replaces]


def _independent(one: Launch, other: Launch) -> bool:
    """Does neither write what the other reads or writes?"""
    memory = [_memory(work, work.slots) for work in (one, other)]
    changed = [_memory(work, written(work)) for work in (one, other)]
    return not (changed[0] & memory[1] or changed[1] & memory[0])


def _memory(launch: Launch, slots: Sequence[Slot]) -> set[int]:
    """What tells slots apart, and memory that was given to one after the other; not that of a shared variable's new
    value, which calls replace."""
    new = launch.over.target if launch.over and launch.replaces else None
    return {*map(id, slots), *(id(slot.buffer) for slot in slots if slot is not new)}


def _last_together(launches: Sequence[Work]) -> list[Launch]:
    """The last launches, if each is to be part of the last one and none needs another; where all are small, they are
    part of it anyway."""
    run: list[Launch] = []
    for work in launches[::-1]:
        if not (isinstance(work, Launch) and work.replaces and _is_plain(work) and _fits(run, work, MOST_PARTS)):
            break
        if not all(_independent(work, other) for other in run):
            break
        run.insert(0, work)
    return run if len(run) > 1 and not all(map(_is_small, run)) else []


def in_turn(launches: Sequence[Launch], rounds: int) -> Rounds | None:
    """All of these launches, so many times, as one; or None."""
    if _may_be_crews(launches) and _fits(launches[:-1], launches[-1], MOST_STAGES):
        return Rounds(rounds, *_shared_out(launches))
    return None


def _one_of(run: list[Launch], crews: bool) -> list[Launch]:
    if crews and not all(map(_is_alone, run)):
        return [Crew(*_shared_out(run))]
    return run if len(run) < 2 else [_one(run)]


def _may_be_crews(launches: Sequence[Work]) -> bool:
    """Can all that kernels do be shared out, and is it worth the compiler's time?"""
    kernels = [work for work in launches if list(work.kernels())]
    plain = [work for work in kernels if isinstance(work, Launch) and _is_plain(work)]
    if not plain or len(plain) < len(kernels) or not plain[0].runtime.device.has_crews:
        return False
    if config.opencl.threads == "driver":
        return False
    return sum(work.work > MUCH for work in plain) <= MOST_LARGE


def _is_plain(launch: Launch) -> bool:
    return launch.local == (1,) and not launch.code.options and len(KERNEL.findall(launch.code.text)) == 1


def _is_small(launch: Launch) -> bool:
    """Would threads not share it out, or not be worth waking for it?"""
    return _is_plain(launch) and (launch.work <= MOST_WORK or launch.items == (1,))


def _is_alone(launch: Launch) -> bool:
    """Is it quicker done than shared out?"""
    small = launch.work <= MOST_ALONE or launch.items == (1,)
    return small and config.opencl.threads != "both"


def _fits(run: Sequence[Launch], launch: Launch, most: int) -> bool:
    slots = dict.fromkeys(slot for one in (*run, launch) for slot in one.slots)
    return len(run) < most and len(slots) < MOST_ARRAYS


class _Calls:
    """What launches call, as parts of one kernel: its arrays, its numbers, and the calls."""

    def __init__(self, run: Sequence[Launch]):
        self.places: dict[Slot, int] = {}
        self.numbers: list[Number] = [1, 1]
        self.calls: list[rows.Call] = []
        for launch in run:
            arrays = tuple(self.places.setdefault(slot, len(self.places)) for slot in launch.slots)
            at, count = len(self.numbers), len(launch.numbers)
            self.calls.append(rows.Call(launch.code.text, arrays, at, count, launch.items[0], 0))
            self.numbers += launch.numbers
        self.label = ", ".join(launch.label for launch in run)
        self.total = [sum(each) for each in zip(*((x.elements, x.work, x.moved) for x in run))]


def _beside(run: Sequence[Launch]) -> Launch:
    """A kernel whose items are those of all of these, which do not need one another."""
    runtime, of = run[0].runtime, _Calls(run)
    text = beside.text(len(of.places), tuple(of.calls), runtime.device.fp64)
    items = sum(call.items for call in of.calls)
    return Launch(runtime, of.label, Code(text, "beside"), items, of.numbers, list(of.places), 1, *of.total)


def _one(run: Sequence[Launch]) -> Launch:
    """A kernel of one work-item for all of these."""
    runtime, of = run[0].runtime, _Calls(run)
    kinds, still = ["uchar"] * len(of.places), [rows.Place(k) for k in range(len(of.places))]
    text = rows.text(kinds, still, of.calls, None, runtime.device.fp64)
    return Launch(runtime, of.label, Code(text, "loop"), 1, of.numbers, list(of.places), 1, *of.total)


def _shared_out(run: Sequence[Launch]) -> tuple[Any, ...]:
    """A crew's arguments: several work-items do all of these, where there is enough to do for several."""
    of = _Calls(run)
    stages = []
    for alone, together in groupby(zip(run, of.calls), lambda pair: _is_alone(pair[0])):
        calls = [call for _, call in together]
        stages += [crew.Stage(tuple(calls), True)] if alone else [crew.Stage((call,), False) for call in calls]
    return run[0].runtime, of.label, stages, of.numbers, list(of.places), *of.total
