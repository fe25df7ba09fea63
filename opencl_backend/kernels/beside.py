"""Launches that do not need one another as one kernel: the items of the first, then those of the next, and so on.

Owns its text. Waking a driver's threads once is quicker than twice, and none of them waits for the last item of one
launch while there is work in the next. It must not know what the parts compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from opencl_backend.kernels.rows import Call, functions
from opencl_backend.render import header


@cache
def text(arrays: int, calls: Sequence[Call], fp64: bool) -> str:
    """The program; its kernel is ``beside``, with as many items as all calls have."""
    lines, names = functions(calls)
    given = ", ".join(["constant long *g", *(f"global uchar *p{k}" for k in range(arrays))])
    out = [
        "__attribute__((reqd_work_group_size(1, 1, 1)))",
        f"kernel void beside({given}) {{",
        "const long i = get_global_id(0);",
    ]
    before = 0
    for call in calls:
        upto = before + call.items
        pointers = "".join(f", (global void *)p{p}" for p in call.places)
        out.append(f"if (i >= {before} && i < {upto}) {names[call.text]}(i - {before}, g + {call.at}{pointers});")
        before = upto
    return header(fp64) + "\n".join([*lines, *out]) + "\n}\n"
