"""Another system in an interpreter of its own: started once, asked many times, killed when it hangs.

Owns `System` (a name, a Python, where its adapter stands) and `Worker`, the process. A crash and a time-out are
answers like any other. It must not know what a program means, nor judge what comes back.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from difftest.program import Array, Program, step_source

MODES = ("UNOPTIMIZED", "FAST_RUN")
"""The modes every system is run in: as the graph was written, and as the system likes best."""

HERE = Path(__file__).parent / "elsewhere"
SCRIPT = HERE / "worker.py"
STARTING = 120.0
"""Seconds that an interpreter may take to import its system."""

ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "theano": {"THEANO_FLAGS": "cxx=,device=cpu,floatX=float64"},
    "pytensor": {"PYTENSOR_FLAGS": "cxx=,floatX=float64"},
    "jax": {"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"},
}
"""What each system must be told before it starts: no compilers, one processor, double precision."""


@dataclass(frozen=True)
class System:
    """Another system: the name of its adapter, the Python that has it, the script that answers."""

    name: str
    python: str
    script: Path = SCRIPT
    timeout: float = 60.0

    @cached_property
    def worker(self) -> Worker:
        return Worker(self)


class Worker:
    """The process of one system; it is started when first asked, and again after it died."""

    def __init__(self, system: System):
        self.system = system
        self.process: subprocess.Popen[str] | None = None
        self.answers: queue.Queue[str | None] = queue.Queue()
        self.versions: dict[str, str] = {}
        atexit.register(self.stop)

    def start(self) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "THEANO_"))}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  lives as long as the process
        self.process = subprocess.Popen(
            [self.system.python, str(self.system.script), self.system.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **ENVIRONMENT.get(self.system.name, {})},
            cwd=tempfile.gettempdir(),
        )
        self.answers = queue.Queue()
        threading.Thread(target=_listen, args=(self.process.stdout, self.answers), daemon=True).start()
        ready = self._next(STARTING)
        if "ready" not in ready:
            raise RuntimeError(f"{self.system.name} does not start with {self.system.python}: {ready['fatal']}")
        self.versions = ready["ready"]

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one job. What kills the process is told under ``fatal``, as ``crash`` or ``timeout``."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        assert self.process is not None and self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except OSError:
            return {"fatal": f"crash: {self._last_words()}"}
        return self._next(self.system.timeout)

    def _next(self, seconds: float) -> dict[str, Any]:
        try:
            line = self.answers.get(timeout=seconds)
        except queue.Empty:
            self.stop()
            return {"fatal": f"timeout: no answer in {seconds:g} seconds"}
        if line is None:
            words = self._last_words()
            self.stop()
            return {"fatal": f"crash: {words}"}
        return json.loads(line)

    def _last_words(self) -> str:
        status = self.process.wait(10) if self.process is not None else None
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return f"exit status {status}" + (f", {lines[-1][:300]}" if lines else "")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _listen(stream: Any, answers: queue.Queue[str | None]) -> None:
    for line in stream:
        answers.put(line)
    answers.put(None)


def job(
    program: Program,
    modes: Sequence[str] = MODES,
    types: Mapping[str, tuple[str, tuple[int, ...]]] | None = None,
    exclude: Sequence[str] = (),
    texts: bool = False,
) -> dict[str, Any]:
    """The program as a worker reads it: its text line by line, its steps as data, its calls.

    `types` says what dtype and shape each name has here, for systems that must be told; `exclude` names rewrites of
    the system to be left out; `texts` asks how the outputs print.
    """
    form = json.loads(program.to_json())
    lines = [[line, []] for line in program._declarations()]
    return {
        "id": program.digest,
        "lines": [*lines, *([step_source(s), list(s.results)] for s in program.steps)],
        "declarations": len(lines),
        "steps": form["steps"],
        "inputs": [i["name"] for i in form["inputs"]],
        "arguments": [i.name for i in program.arguments],
        "shared": [s.name for s in program.shared],
        "state": {s["name"]: s["value"] for s in form["shared"]},
        "values": {i["name"]: i["value"] for i in form["inputs"]},
        "outputs": list(program.outputs),
        "updates": form["updates"],
        "moved": list(program.moved),
        "givens": form["givens"],
        "calls": [_arguments(program, values) for values in (tuple(i.value for i in program.inputs), *program.calls)],
        "types": {name: [dtype, list(shape)] for name, (dtype, shape) in (types or {}).items()},
        "modes": list(modes),
        "exclude": list(exclude),
        "texts": texts,
    }


def _arguments(program: Program, values: Sequence[Array]) -> list[Any]:
    where = {i.name: k for k, i in enumerate(program.inputs)}
    return [values[where[i.name]].to_json() for i in program.arguments]
