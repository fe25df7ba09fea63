"""What this house says of a program: the value, the type and the error bound of every name in it.

Owns `Meaning`. It runs the unoptimized graph on the reference, all results of all steps at once, and shadows it for
another system's roundings when asked.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

import reference
from difftest.cells import BASE, execute
from difftest.oracle.bounds import Bound, Walk, walk
from difftest.program import Program, Step, step_source
from difftest.systems.ulps import foreign
from reference.tensor.legacy import packed

RANDOM = ("RandomStreams", "rng.")
"""A step whose text says so draws random numbers, and no two systems draw the same."""

LEGACY = ("theano",)
"""Systems that draw NumPy's numbers from one kind of stream, as we do when told."""


def random_steps(program: Program, system: str = "") -> list[str]:
    """The steps whose draws are not those of the system, by name."""
    texts = [(s.step, step_source(s)) for s in program.steps]
    unlike = ("MRG_RandomStreams",) if system in LEGACY else RANDOM
    return [name for name, text in texts if any(word in text for word in unlike)]


class Meaning:
    """A program with every result as an output. `trouble` says why there is none."""

    def __init__(self, program: Program, system: str = ""):
        self.program = program
        generator = "numpy" if system in LEGACY else "philox"
        results = [name for s in program.steps for name in s.results]
        self.everything = replace(program, outputs=tuple(n for n in results if n not in program.moved))
        self.trouble = ""
        self._walks: dict[tuple[str, bool, int], Walk] = {}
        try:
            # A program may print.
            with contextlib.redirect_stdout(io.StringIO()), reference.config.change_flags(rng=generator):
                self.built = self.everything.build(reference)
                self.run = execute(self.built, BASE)
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"
        else:
            self.trouble = "" if self.run.trouble is None else str(self.run.trouble)

    @cached_property
    def places(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.everything.outputs)}

    @cached_property
    def types(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The dtype and, in the first call, the shape of every name."""
        found = {i.name: (i.value.dtype, i.value.data.shape) for i in self.program.inputs}
        found |= {s.name: (s.value.dtype, s.value.data.shape) for s in self.program.shared}
        found |= {name: (v.dtype.name, v.shape) for name, v in zip(self.everything.outputs, self.run.calls[0].outputs)}
        return found

    @cached_property
    def patterns(self) -> dict[str, tuple[bool, ...]]:
        """Which dimensions of each result are known to have length 1."""
        return {n: tuple(self.built.names[n].type.broadcastable) for n in self.everything.outputs}

    def value(self, name: str, call: int = 0) -> np.ndarray:
        """The value of a step's result, an input or a shared variable."""
        if name in self.places:
            return self.run.calls[call].outputs[self.places[name]]
        for k, i in enumerate(self.program.inputs):
            if i.name == name:
                return (i.value if call == 0 else self.program.calls[call - 1][k]).data
        state = {s.name: s.value.data for s in self.program.shared} if call == 0 else self.run.calls[call - 1].state
        return state[name]

    def bound(self, system: str, fast: bool, name: str, call: int) -> Bound:
        """Where the value of a step's result must lie, computed by `system`."""
        key = system, fast, call
        graph = self.run.function.fgraph
        if key not in self._walks:
            values = dict(zip(graph.inputs, map(_stored, self.run.calls[call].inputs)))
            self._walks[key] = walk(graph.toposort(), values, foreign(system, fast))
        return self._walks[key].of(graph.outputs[self.places[name]])

    def operands(self, step: Step, call: int = 0) -> list[Any]:
        return [self.value(o, call) if isinstance(o, str) else o for o in step.operands]

    @cached_property
    def special(self) -> bool:
        """True if an infinity or a NaN appears anywhere."""
        values = [v for call in self.run.calls for v in (*call.inputs, *call.outputs)]
        return not all(np.all(np.isfinite(v)) for v in values if isinstance(v, np.ndarray) and v.dtype.kind == "f")


def _stored(value: Any) -> Any:
    """What a graph reads: the words of a random state, where a program sees the state."""
    return packed(value) if isinstance(value, np.random.RandomState) else value
