"""A finding as a script: literal inputs, the expected result, exit status 1 while the fault lives.

Owns the text of `repro_<hash>.py`, and the finding as JSON. Where values are wrong, or something is raised, the script
imports only `reference`; for other oracles it carries the program as JSON and asks `difftest` again.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import indent

import numpy as np

from difftest.case import Failure
from difftest.cells import BASE, Cell
from difftest.program import Array, Program, array_source

_VALUES = '''"""{claim}

{details}
"""
import sys

{body}


def right(x, low, high):
    x = np.asarray(x)
    if x.dtype != low.dtype or x.shape != low.shape:
        return False
    if x.dtype.kind != "f":
        return np.array_equal(x, low)
    inside = ((low <= x) & (x <= high)) | (np.isnan(x) & np.isnan(low))
    same_zero = (low != high) | (np.signbit(x) == np.signbit(low)) | np.isnan(x)
    return bool(np.all(inside & (same_zero | {zeros})))


low = {low}
high = {high}
print("got", got, "\\nexpected", low if np.array_equal(low, high, equal_nan=low.dtype.kind == "f") else (low, high))
if not right(got, low, high):
    print({claim!r})
    sys.exit(1)
print("the fault is gone")
'''

_RAISES = '''"""{claim}

{details}
"""
import sys

try:
{body}
except Exception as error:
    print(type(error).__name__, error)
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
report = check(Program.from_json({json}), {cells}{relations})
print(report)
sys.exit(0 if report.ok else 1)
'''


_DATA = "# finding: "

LOGGED = 30
"""Rewrite applications that are listed."""


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
        """The script; its last line is the finding as data, which `replay` and `adopt` read."""
        return f"{self._script()}\n{_DATA}{json.dumps(json.loads(self.to_json()))}\n"

    @classmethod
    def from_source(cls, text: str) -> Repro:
        """The finding that a script was written from."""
        line = next((line for line in text.splitlines() if line.startswith(_DATA)), None)
        if line is None:
            raise ValueError("this script does not say which program it was written from")
        return cls.from_json(line[len(_DATA) :])

    def _script(self) -> str:
        details = "\n\n".join(filter(None, (str(self.failure), self._log(), self._versions())))
        details = details.replace('"""', "'''").replace("\\", "/")
        failure = self.failure
        if failure.expected is not None and (failure.output in self.program.outputs or self._state):
            return self._values(details, *failure.expected)
        if failure.kind == "error" and failure.message.startswith("raised "):
            body = "\n".join(self._lines()[0] + self._lines()[1])
            return _RAISES.format(claim=self.claim, details=details, body=indent(body, "    "))
        return self._asked(details)

    @property
    def _state(self) -> str:
        """The shared variable whose new value is wrong."""
        name = self.failure.output.partition("the new value of ")[2]
        return name if any(s.name == name for s in self.program.shared) else ""

    def _lines(self) -> tuple[list[str], list[str]]:
        """The program's lines up to the function, flags set first; and its calls."""
        cell = self.failure.cell
        options = (f"mode={cell.mode!r}", f"backend={cell.backend!r}")
        lines = self.program.to_source(options=options).rstrip().split("\n")
        start = next((k for k, line in enumerate(lines) if line.startswith("print(")), len(lines))
        flags = [f"theano.config.{name} = {value!r}" for name, value in cell.settings.items()]
        imported = next(k for k, line in enumerate(lines) if line.endswith(".tensor as T")) + 1
        calls = [line[len("print(") : -1] for line in lines[start:] if line.startswith("print(f(")]
        return [*lines[:imported], *flags, *lines[imported:start]], calls

    def _values(self, details: str, low: np.ndarray, high: np.ndarray) -> str:
        failure = self.failure
        lines, calls = self._lines()
        lines += calls[: failure.call]
        if self._state:
            lines += [calls[failure.call], f"got = {self._state}.get_value()"]
        else:
            lines.append(f"got = {calls[failure.call]}[{self.program.outputs.index(failure.output)}]")
        return _VALUES.format(
            claim=self.claim,
            details=details,
            body="\n".join(lines),
            low=array_source(low),
            high=array_source(high),
            zeros=failure.kind != "bits",
        )

    def _asked(self, details: str) -> str:
        chosen = ", ".join(map(repr, cells_of(self.failure)))
        source = self.program.to_source().replace("\n", "\n# ").rstrip("# ")
        return _ASKED.format(
            claim=self.claim,
            details=details,
            source=source,
            json=repr(self.program.to_json()),
            cells=f"[{chosen}]",
            relations="".join(f", relations=({kind!r},)" for kind in relations_of(self.failure)),
        )

    def _log(self) -> str:
        """The rewrites that were applied, in order."""
        import reference

        mode = self.failure.cell.mode
        if mode == "UNOPTIMIZED":
            return ""
        try:
            f = self.program.build(reference).function(mode=mode, backend="reference")
        except Exception:
            return ""
        names = [f"{a.number} {a.rewrite.name} ({a.rewrite.where})" for a in f.rewrites or ()]
        return "\n".join(["Rewrites applied:", *names[:LOGGED], *(["..."] if len(names) > LOGGED else [])])

    def _versions(self) -> str:
        """What it ran on, and the example it came from."""
        import reference
        from difftest.plugin import devices

        backend = self.failure.cell.backend
        try:
            device = str(devices(backend))
        except Exception:
            device = backend
        found = f"Python {platform.python_version()}, NumPy {np.__version__}, reference {reference.__version__}"
        return f"{found}, {platform.machine()}, {backend}: {device}" + (f"\n{self.address}" if self.address else "")

    # As data.

    def to_json(self) -> str:
        """Everything, as text that `from_json` reads."""
        failure = {f.name: getattr(self.failure, f.name) for f in fields(Failure)}
        failure["cell"] = str(self.failure.cell)
        if self.failure.expected is not None:
            failure["expected"] = [Array(x).to_json() for x in self.failure.expected]
        program = json.loads(self.program.to_json())
        return json.dumps({"program": program, "failure": failure, "address": self.address}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Repro:
        form = json.loads(text)
        given = dict(form["failure"])
        given["cell"] = Cell.parse(given["cell"])
        if given.get("expected") is not None:
            low, high = (Array.from_json(x).data for x in given["expected"])
            given["expected"] = low, high
        return cls(Program.from_json(json.dumps(form["program"])), Failure(**given), form.get("address", ""))


def cells_of(failure: Failure) -> list[Cell]:
    """The cells in which the failure shows."""
    plain = Cell("UNOPTIMIZED", failure.cell.backend)
    return list(dict.fromkeys([BASE, plain, failure.cell]))


def relations_of(failure: Failure) -> tuple[str, ...]:
    """The relation that is broken, to be tried again."""
    return (failure.kind,) if failure.kind.startswith("MR") else ()
