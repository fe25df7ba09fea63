"""Several launches as one kernel, whose work-items share out the work of each among themselves, for some rounds.

Owns its text. All work is numbered; whoever is free takes the next number, waits until what it depends on is done, and
does it. So no work-item ever waits for one that has not begun, however many of them run, one after the other or at
once: one alone does everything. The numbers begin with how many rounds there are and how many longs those of a round
take. It must not know what the parts compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from opencl_backend.kernels.rows import Call, functions
from opencl_backend.render import header

LINE = 8
"""Longs of a cache line: one for the number that comes next, then one a stage for what is done of it."""
SIDE = 24
"""Bits of a call's number. Those above tell, where there are two work-items, which end each takes a stage's items from:
1 the first, 2 the last. It counts what it has taken itself, and together they take all."""
CALL = 32
"""Bits of the number that comes next; those above tell one call from another."""

_TAKE = """
static long crew_take(volatile global long *turns, long start, long beyond) {
  long now = __atomic_load_n(turns, __ATOMIC_ACQUIRE);
  while (now >= start && now < beyond)
    if (__atomic_compare_exchange_n(turns, &now, now + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return now - start;
  return -1;
}
static long crew_done(volatile global long *done) {
  return __atomic_load_n(done, __ATOMIC_ACQUIRE);
}
static void crew_pause() {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}
"""


@dataclass(frozen=True)
class Stage:
    """Calls that may run at once, item by item; or, `alone`, one after the other by whoever takes them."""

    calls: tuple[Call, ...]
    alone: bool

    @property
    def items(self) -> int:
        return 1 if self.alone else sum(call.items for call in self.calls)


@cache
def text(arrays: int, stages: Sequence[Stage], fp64: bool) -> str:
    """The program; its kernel is ``crew``. It is told which call it belongs to: an item that comes too late, when the
    next one has begun, finds no work."""
    lines, names = functions([call for stage in stages for call in stage.calls])
    given = ", ".join(["constant long *g", *(f"global uchar *p{k}" for k in range(arrays))])
    total = sum(stage.items for stage in stages)
    out = [
        "__attribute__((reqd_work_group_size(1, 1, 1)))",
        f"kernel void crew({given}, volatile global long *turns, long call) {{",
        f"const long side = call >> {SIDE}, start = (call & {(1 << SIDE) - 1}) << {CALL};",
        f"const long rounds = g[0], beyond = start + rounds * {total};",
        "long here = -1, taken = 0;",
        "for (;;) {",
        "long i = crew_take(turns, start, beyond);",
        "if (i < 0) break;",
        f"const long round = i / {total};",
        "constant long *n = g + round * g[1];",
        f"i %= {total};",
    ]
    first = 0
    for k, stage in enumerate(stages):
        out.append(f"{'else ' if k else ''}if (i < {first + stage.items}) {{")
        # All that the stage before does in this round; before the first one, all that the last did in rounds before.
        done, rounds = (k, "(round + 1)") if k else (len(stages), "round")
        out.append(f"while (crew_done(turns + {LINE * done}) < {rounds} * {stages[k - 1].items}) crew_pause();")
        if stage.items > 1:
            out.append(f"if (here != round * {len(stages)} + {k}) {{ here = round * {len(stages)} + {k}; taken = 0; }}")
            out.append(f"if (side) i = side == 1 ? {first} + taken : {first + stage.items - 1} - taken;")
            out.append("taken++;")
        before = first
        for call in stage.calls:
            name = names[call.text]
            pointers = "".join(f", (global void *)p{p}" for p in call.places)
            if stage.alone:
                out.append(f"for (long k = 0; k < {call.items}; k++) {name}(k, n + {call.at}{pointers});")
            else:
                upto = before + call.items
                out.append(f"if (i >= {before} && i < {upto}) {name}(i - {before}, n + {call.at}{pointers});")
                before = upto
        out.append(f"__atomic_fetch_add(turns + {LINE * (k + 1)}, 1, __ATOMIC_ACQ_REL);")
        out.append("}")
        first += stage.items
    last = f"crew_done(turns + {LINE * len(stages)}) < rounds * {stages[-1].items}"
    out += ["}", f"while (crew_done(turns) == beyond && {last}) crew_pause();"]
    return header(fp64) + "\n".join(lines) + _TAKE + "\n".join(out) + "\n}\n"
