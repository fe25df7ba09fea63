"""A finding as a script: literal inputs, the expected result, exit status 1 while the fault lives.

Owns the text of `repro_<hash>.py`. Where values are wrong it imports only `reference`; for other oracles it carries
the program as JSON and asks `difftest` again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from difftest.case import Failure
from difftest.cells import BASE, Cell
from difftest.program import Program, array_source

_VALUES = '''"""{claim}

{details}
"""
import sys

{body}

def difference(x, low, high):
    if isinstance(low, type) or isinstance(x, Exception):
        return type(x).__name__ != low.__name__ if isinstance(low, type) else True
    x = np.asarray(x)
    if x.dtype != low.dtype or x.shape != low.shape:
        return True
    if x.dtype.kind == "f":
        inside = ((low <= x) & (x <= high)) | (np.isnan(x) & np.isnan(low))
        same_zero = (low != high) | (np.signbit(x) == np.signbit(low)) | np.isnan(x)
        return not np.all(inside & (same_zero | {zeros}))
    return not np.array_equal(x, low)


low = {low}
high = {high}
print("got", got, "\\nexpected", low if np.array_equal(low, high, equal_nan=True) else (low, high))
if difference(got, low, high):
    print({claim!r})
    sys.exit(1)
print("the fault is gone")
'''

_ASKED = '''"""{claim}

{details}
"""
import sys

from difftest import Cell, Program, check

# {source}
report = check(Program.from_json({json}), {cells})
print(report)
sys.exit(0 if report.ok else 1)
'''


@dataclass(frozen=True, eq=False)
class Repro:
    """A failing program and its failure, ready to be written out; `address` tells which example it came from."""

    program: Program
    failure: Failure
    address: str = ""

    @property
    def name(self) -> str:
        return f"repro_{self.program.digest}.py"

    @property
    def claim(self) -> str:
        return f"{self.failure.kind} in {self.failure.cell}: {self.failure.message.partition(chr(10))[0]}"

    def write(self, folder: str | Path = ".") -> Path:
        """Write the script; returns its path."""
        path = Path(folder) / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_source())
        return path

    def to_source(self) -> str:
        details = f"{self.failure}\n\n{_versions()}".replace('"""', "'''").replace("\\", "/")
        expected = self.failure.expected
        if expected is not None and self.failure.output in self.program.outputs:
            return self._values(details, *expected)
        return self._asked(details)

    def _values(self, details: str, low: np.ndarray, high: np.ndarray) -> str:
        failure, cell = self.failure, self.failure.cell
        options = (f'mode="{cell.mode}"', f'backend="{cell.backend}"')
        lines = self.program.to_source(options=options).rstrip().split("\n")
        start = next(k for k, line in enumerate(lines) if line.startswith("print("))
        calls = [line[len("print(") : -1] for line in lines[start:] if line.startswith("print(f(")][: failure.call + 1]
        body = "\n".join(lines[:start])
        for number, call in enumerate(calls):
            which = f"[{self.program.outputs.index(failure.output)}]" if number == failure.call else ""
            body += f"\n{'got = ' if number == failure.call else ''}{call}{which}"
        return _VALUES.format(
            claim=self.claim,
            details=details,
            body=body,
            low=array_source(low),
            high=array_source(high),
            zeros=failure.kind != "bits",
        )

    def _asked(self, details: str) -> str:
        chosen = ", ".join(
            repr(c) for c in dict.fromkeys([BASE, Cell("UNOPTIMIZED", self.failure.cell.backend), self.failure.cell])
        )
        source = self.program.to_source().replace("\n", "\n# ").rstrip("# ")
        return _ASKED.format(
            claim=self.claim, details=details, source=source, json=repr(self.program.to_json()), cells=f"[{chosen}]"
        )


def _versions() -> str:
    import hypothesis

    import reference

    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "reference": reference.__version__,
        "hypothesis": hypothesis.__version__,
    }
    return ", ".join(f"{k} {v}" for k, v in found.items())
