"""Where a function's time goes: ``function(..., profile=True)``, then ``f.profile.summary()``.

Owns the counting and the text. On the reference every node is timed; another backend is timed as a whole, as
its plan is not a node at a time (``f.explain()`` shows it).
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import IO, Any

from reference.config import config
from reference.graph.core import Apply, Op

__all__ = ["ProfileStats", "print_global_stats"]

_all: list[ProfileStats] = []


class ProfileStats:
    """Times in seconds, and counts, of the calls of one or several functions.

    compile_time, optimizer_time      building the function, and its rewriting alone
    fct_callcount, fct_call_time      calls
    apply_callcount, apply_time       a number for each node
    """

    def __init__(self, message: str | None = None, atexit_print: bool = True, **_: Any):
        self.message = message
        self.compile_time = self.optimizer_time = self.fct_call_time = 0.0
        self.fct_callcount = 0
        self.apply_callcount: dict[Apply, int] = {}
        self.apply_time: dict[Apply, float] = {}
        self._last = 0.0
        self._first = True
        if atexit_print:
            if not _all:
                atexit.register(print_global_stats)
            _all.append(self)

    # What the interpreter calls.

    def start(self, values: Sequence[Any]) -> None:
        """A call begins to compute."""
        self._last = perf_counter()

    def __call__(self, node: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        now = perf_counter()
        self.apply_time[node] = self.apply_time.get(node, 0.0) + now - self._last
        self.apply_callcount[node] = self.apply_callcount.get(node, 0) + 1
        self._last = perf_counter()

    def called(self, seconds: float) -> None:
        """A call has ended."""
        if self._first and config.profiling.ignore_first_call:
            self.apply_time.clear()
            self.apply_callcount.clear()
        else:
            self.fct_callcount += 1
            self.fct_call_time += seconds
        self._first = False

    # What users ask.

    def op_time(self) -> dict[Op, float]:
        """Seconds by operation."""
        return self._by_op(self.apply_time)

    def op_callcount(self) -> dict[Op, int]:
        """How often each operation ran."""
        return self._by_op(self.apply_callcount)

    def op_nodes(self) -> dict[Op, int]:
        """How many nodes each operation has."""
        return self._by_op(dict.fromkeys(self.apply_time, 1))

    def _by_op(self, figures: dict[Apply, Any]) -> dict[Op, Any]:
        table: dict[Op, Any] = {}
        for node, figure in figures.items():
            table[node.op] = table.get(node.op, 0) + figure
        return table

    def summary(
        self, file: IO[str] | None = None, n_ops_to_print: int | None = None, n_apply_to_print: int | None = None
    ) -> None:
        """Write where the time went, to stderr unless a file is given: by operation, then by node."""
        print(self.text(n_ops_to_print, n_apply_to_print), file=file or sys.stderr)

    def text(self, n_ops: int | None = None, n_apply: int | None = None) -> str:
        """What `summary` writes."""
        n_ops = config.profiling.n_ops if n_ops is None else n_ops
        n_apply = config.profiling.n_apply if n_apply is None else n_apply
        inside = sum(self.apply_time.values())
        lines = [
            "Function profiling",
            "==================",
            f"  Message: {self.message or ''}",
            f"  Time in {self.fct_callcount} calls to Function.__call__: {self.fct_call_time:e}s",
            f"  Time in nodes: {inside:e}s ({_share(inside, self.fct_call_time)})",
            f"  Total compile time: {self.compile_time:e}s, of which rewriting {self.optimizer_time:e}s",
        ]
        if not self.apply_time:
            return "\n".join([*lines, "  No node was timed: only the reference runs a graph node by node"])
        seconds, counts, nodes = self.op_time(), self.op_callcount(), self.op_nodes()
        lines += ["", "Ops", "---", "<% time> <sum %> <apply time> <time per call> <#call> <#apply> <Op name>"]
        lines += _rows(seconds, counts, inside, n_ops, lambda op: f"{nodes[op]:4d}  {op}")
        lines += ["", "Apply", "------", "<% time> <sum %> <apply time> <time per call> <#call> <id> <Apply name>"]
        number = {node: k for k, node in enumerate(self.apply_time)}
        lines += _rows(
            self.apply_time, self.apply_callcount, inside, n_apply, lambda node: f"{number[node]:4d}  {node}"
        )
        return "\n".join(lines)


def _rows(
    seconds: dict[Any, float], counts: dict[Any, int], total: float, most: int, label: Callable[[Any], str]
) -> Iterable[str]:
    summed = 0.0
    ranked = sorted(seconds, key=lambda key: -seconds[key])
    for key in ranked[:most]:
        summed += seconds[key]
        yield (
            f"  {_share(seconds[key], total)}  {_share(summed, total)}  {seconds[key]:8.3f}s  "
            f"{seconds[key] / counts[key]:.2e}s  {counts[key]:6d}  {label(key)}"
        )
    if len(ranked) > most:
        rest = sum(seconds[key] for key in ranked[most:])
        yield f"   ... (remaining {len(ranked) - most} account for {_share(rest, total)} of the time)"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:5.1f}%"


def print_global_stats() -> None:
    """Write the summary of every profile that was to be printed at the end of the program."""
    for profile in _all:
        if profile.fct_callcount:
            profile.summary()


def profile_for(wanted: Any, label: str) -> ProfileStats | None:
    """The profile that ``function(profile=wanted)`` means: None asks the flag, a text is the message."""
    if isinstance(wanted, ProfileStats):
        return wanted
    from_flag = wanted is None and config.profile
    if not wanted and not from_flag:
        return None
    return ProfileStats(wanted if isinstance(wanted, str) else label, atexit_print=from_flag)


def hooks(watch: Any, profile: ProfileStats | None) -> Any:
    """What is called after each node: what the mode wants, what the profile wants, or both."""
    if watch is None or profile is None:
        return watch or profile
    both = [watch, profile]

    def hook(*seen: Any) -> None:
        for h in both:
            h(*seen)

    def start(values: Sequence[Any]) -> None:
        for h in both:
            if hasattr(h, "start"):
                h.start(values)

    hook.start = start  # type: ignore[attr-defined]
    return hook
