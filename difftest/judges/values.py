"""Values of one cell against those of another.

EXACT agrees with UNOPTIMIZED of its backend to the bit, UNOPTIMIZED elsewhere with the reference, and FAST_RUN within
running error bounds and the promises of the rewrites that fired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE, Call, Run
from difftest.oracle import contract
from difftest.oracle.bits import bitwise, needed, same_bits
from difftest.oracle.ulps import executor

SAME_BITS = ("UNOPTIMIZED", "FAST_COMPILE", "EXACT")
"""Modes whose results have the very bits of the unoptimized graph on the same backend."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One output of one call of a run, and the run it is compared with."""

    run: Run
    other: Run
    call: int
    place: int
    name: str

    @property
    def same_start(self) -> bool:
        """True if both calls began with the same arguments and state: an earlier update may have rounded otherwise."""
        mine, theirs = self.run.calls[self.call], self.other.calls[self.call]
        return len(mine.inputs) == len(theirs.inputs) and all(
            same_bits(np.asarray(a), np.asarray(b)) for a, b in zip(mine.inputs, theirs.inputs)
        )

    @property
    def is_complex(self) -> bool:
        return self.other.function.fgraph.outputs[self.place].type.dtype.startswith("complex")

    @property
    def must_have_bits(self) -> bool:
        """True if no operation on the way may round differently there."""
        mine, theirs = self.run.cell, self.other.cell
        if mine.mode not in SAME_BITS:
            # Complex numbers have no bounds: where no rewrite may round, they keep their bits.
            moved = self.run.promised("REAL", "STABLE", "FINITE") or mine.backend != theirs.backend
            return self.is_complex and self.same_start and not moved
        if mine.backend == theirs.backend:
            return True
        graph = self.run.function.fgraph
        return self.same_start and bitwise(needed([graph.outputs[self.place]]), executor(mine.backend, False))


@judge("values")
def values(case: Case) -> Iterator[Failure]:
    for cell, run in case.report.runs.items():
        own = case.report.runs[cell.plain(case.report.runs)]
        other = case.base if own is run or own.trouble is not None else own
        if cell == BASE or run.function is None or other.function is None:
            continue
        for number in range(min(len(run.calls), len(other.calls))):
            if run.promised("FINITE") and not case.finite(number):
                case.count("calls", "not finite on the way")
                continue
            for pair, value, expected in _pairs(case, run, other, number):
                yield from _value(case, pair, value, expected)


def _pairs(case: Case, run: Run, other: Run, number: int) -> Iterator[tuple[Pair, np.ndarray, np.ndarray]]:
    names = [*case.program.outputs, *(f"the new value of {v}" for v in run.function.updated)]
    both = zip(names, _results(run.calls[number]), _results(other.calls[number]))
    for place, (name, value, expected) in enumerate(both):
        yield Pair(run, other, number, place, name), value, expected


def _results(call: Call) -> list[np.ndarray]:
    return [*call.outputs, *call.updates]


def _value(case: Case, pair: Pair, value: np.ndarray, expected: np.ndarray) -> Iterator[Failure]:
    run, other, cell, number = pair.run, pair.other, pair.run.cell, pair.call
    if value.dtype != expected.dtype or value.shape != expected.shape:
        what = f"dtype and shape {value.dtype}{value.shape}, in {other.cell} {expected.dtype}{expected.shape}"
        yield Failure("type", cell, what, pair.name, number)
    elif same_bits(value, expected):
        case.count("elements", "identical", value.size)
    elif value.dtype.kind not in "biufc" or pair.must_have_bits:
        what = contract.shown(value, expected, str(cell), str(other.cell))
        yield Failure("bits", cell, what, pair.name, number, expected=(expected, expected))
    else:
        bound = case.walk(run, number).of(run.function.fgraph.outputs[pair.place])
        met = contract.inside(value, bound)
        yield from case.compared("bound", cell, met, pair.name, number, value, expected)
        if pair.same_start:
            theirs = case.walk(other, number).of(other.function.fgraph.outputs[pair.place])
            met = contract.meet(bound, theirs, expected, run.promised("STABLE", "FINITE"))
            yield from case.compared("contract", cell, met, pair.name, number, value, expected)
