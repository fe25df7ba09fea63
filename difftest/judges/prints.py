"""What a program prints: the same lines whatever its mode, as `Print` is documented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from difftest.case import Case, Failure, judge
from difftest.cells import BASE


@judge("prints")
def prints(case: Case) -> Iterator[Failure]:
    """As many lines of each message as the defining cell, call by call; those about shapes word by word."""
    for cell, run in case.report.runs.items():
        for number, (call, standard) in enumerate(zip(run.calls, case.base.calls)):
            mine, theirs = _lines(call.printed), _lines(standard.printed)
            case.count("printed", "lines", sum(theirs.values()))
            if cell != BASE and mine != theirs:
                what = (
                    f"prints other lines: {sorted((mine - theirs).items())} and not {sorted((theirs - mine).items())}"
                )
                yield Failure("prints", cell, what, call=number)


def _lines(text: str) -> Counter[str]:
    """The lines that open a message, without the values: those may be rounded."""
    heads: Counter[str] = Counter()
    for line in text.splitlines():
        head, found, _ = line.partition(" = ")
        if found:
            heads[head if head.endswith("__str__") else line] += 1
    return heads
