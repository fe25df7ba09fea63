"""The step that loops: a scan, drawn as a program within the program.

Owns which sequences, states and numbers of steps a scan gets, what becomes of the body's values and what is kept of
the rows. The body is drawn by `loop_bodies`, written by `loop_text`, and what forms it is an example of says
`loop_forms`. States shrink most numbers, so that bounds stay meaningful.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from difftest import model
from difftest.loop import Loop, Sequence_, State, body
from difftest.program import Array, Operand, Step
from difftest.strategies import loop_baits, loop_forms, loop_text, shapes
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.loop_bodies import ROOM, Body, Inside
from difftest.strategies.recording import RANDOM
from difftest.strategies.registry import STEPS, Drawn, step

LONGEST = 6
GENERAL = ("scan", "scan_checkpoints")
"""What takes states and mapped outputs in any mix."""

PLAIN_TAPS = (0,)
SEQUENCE_TAPS = ((-1,), (1,), (-1, 0), (0, 1), (-2,), (2,), (-1, 0, 1), (-2, -1), (1, 2), (-2, 2), (0, -1))
STATE_TAPS = ((-2, -1), (-1,), (-3, -1), (-4,), (-1, -2), (-3,))


def moves(made: Step) -> bool:
    """True if the function must be given updates that the loop returns."""
    return bool(made.attributes.get("streams") or made.attributes.get("carries"))


def undefined(made: Step) -> bool:
    """True if a gradient may meet what has none: a random draw's parameter, or a derivative that is not known."""
    for inner in body(made):
        kind = STEPS[inner.step]
        if (kind.family == "random" and inner.operands) or kind.rough or kind.orders < 9 or undefined(inner):
            return True
    return bool(made.attributes.get("redrawn"))


@step("scan", loop_text.source, moves=moves, forms=loop_forms.forms, undefined=undefined)
def scan(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return Growth(draw, pool).drawn(x)


@dataclass
class Growth:
    """One scan while it is drawn."""

    draw: Draw
    surroundings: Pool
    operands: list[Entry] = field(default_factory=list)
    sequences: list[Sequence_] = field(default_factory=list)
    states: list[tuple[State, Entry]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    made: list[tuple[int | None, Entry]] | None = None
    call: str = "scan"

    def __post_init__(self) -> None:
        self.pool = Inside(self.surroundings)
        self.body = Body(self.pool)

    def drawn(self, x: Entry) -> Drawn:
        draw = self.draw
        if draw.integer(0, 4) == 4 and loop_baits.fits(x):
            self.made = draw.choose(tuple(loop_baits.BAITS.values()))(self, x)
            self._count()
            return self._finished()
        self.call = draw.choose(("scan",) * 9 + ("map", "reduce", "foldl", "foldr", "scan_checkpoints"))
        as_sequence = x.ndim >= 1 and x.shape[0] <= LONGEST and x.size <= ROOM * 4 and draw.often()
        if as_sequence:
            self.read(x, self._taps(x))
            while len(self.sequences) < 3 and draw.seldom():
                other = self._other_sequence(x)
                self.read(other, self._taps(other))
        elif self.call not in GENERAL:
            self.read(self.surroundings.source(x.dtype, (draw.choose((3, 2, 1)), *x.shape[1:3])))
        wanted = draw.choose((1, 0, 1, 2)) if self.sequences else draw.choose((1, 1, 2))
        if self.call not in GENERAL:
            wanted = 0 if self.call == "map" else 1
            if self.call != "map" and min(self.lengths) == 0:
                self.call, wanted = "map", 0
        self._count()
        for _ in range(wanted):
            self._draw_state(x)
        if not as_sequence and x.size <= ROOM and not any(e is x for e in self.operands):
            self.pool.admit(x)
        if draw.seldom():
            near = [e for e in self.surroundings.entries[:6] if e.size <= ROOM]
            if near:
                self.pool.admit(draw.choose(near))
        drawn = [e for e in self.surroundings.entries if RANDOM in e.needs and e.size <= ROOM]
        if drawn and draw.seldom():
            self.pool.admit(draw.choose(drawn), explicit=False)
        for _ in range(draw.choose((1, 2, 3, 1, 4))):
            self.body.grow()
        return self._finished()

    def _other_sequence(self, x: Entry) -> Entry:
        known = self.surroundings.having(lambda e: e.ndim >= 1 and 1 <= e.shape[0] <= LONGEST and e.size <= ROOM * 2)
        if known and self.draw.flag():
            return self.draw.choose(known)
        length = self.draw.choose((x.shape[0], 4, 2, 3))
        return self.surroundings.source(self.draw.choose((x.dtype, *self.surroundings.dtypes)), (length, *x.shape[1:2]))

    def _taps(self, x: Entry) -> tuple[int, ...]:
        if self.call == "scan_checkpoints":
            return PLAIN_TAPS
        fitting = [t for t in SEQUENCE_TAPS if max((*t, 0)) - min((*t, 0)) <= x.shape[0]]
        return PLAIN_TAPS if not fitting or self.draw.often() else self.draw.choose(fitting)

    def read(self, x: Entry, taps: tuple[int, ...] = PLAIN_TAPS) -> Entry:
        """One more sequence; its last row's local value. Sequences come before states."""
        first = len([n for s in self.sequences for n in s.names])
        names = tuple(self.pool.local("r", first + k) for k in range(len(taps)))
        self.sequences.append(Sequence_(taps, names))
        self.operands.append(x)
        self.lengths.append(x.shape[0] - max((*taps, 0)) + min((*taps, 0)))
        row = np.asarray(x.value[0] if len(x.value) else np.zeros(x.shape[1:], x.dtype))
        return [self.pool.enter(name, row, x.broadcastable[1:], x.opaque) for name in names][-1]

    def _count(self) -> None:
        """How many steps, and how that is written."""
        draw = self.draw
        longest = min(self.lengths, default=5)
        self.n_steps: int | str | None = None
        self.steps = longest
        self.number: Entry | None = None
        if self.call not in GENERAL or (self.sequences and draw.often()):
            return
        self.steps = min(draw.choose((2, 3, 1, 0, 4, 5)), longest)
        how = draw.choose(("number", "number", "symbolic", "shape"))
        self.n_steps = self.steps
        if how == "symbolic":
            self.number = self.surroundings.number(self.steps)
            self.n_steps = "@"
        elif how == "shape":
            known = self.surroundings.having(lambda e: e.ndim >= 1 and e.shape[0] <= longest and not e.opaque)
            if known:
                self.number = draw.choose(known)
                self.n_steps, self.steps = "#", self.number.shape[0]

    def _draw_state(self, x: Entry) -> None:
        draw = self.draw
        row = self.pool.entries[0] if self.pool.entries else x
        shape = row.shape if row.size <= ROOM and draw.often() else ()
        dtype = row.dtype if draw.often() and row.kind in "fiu" else self.surroundings.dtypes[0]
        taps = draw.choose(STATE_TAPS) if draw.seldom() and self.call == "scan" else (-1,)
        lead = (-min(taps) + (1 if draw.seldom() else 0),) if taps != (-1,) else ()
        wide = (*lead, *shape)
        known = self.surroundings.having(lambda e: e.dtype == dtype and e.shape == wide)
        if known and draw.often():
            initial = draw.choose(known)
        else:
            initial = self.surroundings.source(dtype, wide, None if lead else shapes.pattern(draw, wide))
        self.state(initial, taps, taps == (-1,) and draw.seldom())

    def state(self, initial: Entry, taps: tuple[int, ...] = (-1,), spelled: bool = False) -> Entry:
        """One more state; its local value at the last tap."""
        first = sum(len(s.names) for s, _ in self.states)
        names = tuple(self.pool.local("h", first + k) for k in range(len(taps)))
        state = State(taps, names, spelled)
        inner = []
        for name, tap in zip(names, taps):
            value = initial.value[tap - min(taps)] if state.stacked else initial.value
            pattern = initial.broadcastable[1:] if state.stacked else initial.broadcastable
            inner.append(self.pool.enter(name, np.asarray(value), pattern, initial.opaque))
        self.states.append((state, inner[-1]))
        self.operands.append(initial)
        return inner[-1]

    def _finished(self) -> Drawn:
        draw = self.draw
        infos, outputs = self._outputs()
        carries = self._carries()
        if not outputs and not carries:
            infos, outputs = [None], [self.body.record("zeros_like", (self.pool.entries[-1].name,)).name]
        until = None
        if self.call == "scan" and self.steps and draw.integer(0, 5) == 5 and not self._opaque():
            found = self.body.condition()
            until = None if found is None else found.name
        loop = Loop(
            states=tuple(infos),
            outputs=tuple(outputs),
            carries=tuple((shared.name, new) for shared, new in carries),
            until=until,
            n_steps=self.n_steps,
            call=self.call,
            backwards=draw.integer(0, 7) == 7 and bool(self.sequences) and self.call in ("scan", "map", "reduce"),
            truncate=draw.choose((1, 2)) if draw.integer(0, 11) == 11 and self.call in ("scan", "map") else -1,
            name=draw.choose(("loop", "step")) if draw.integer(0, 7) == 7 else None,
            as_list=self.call == "scan" and draw.integer(0, 7) == 7,
            strict=self.call == "scan" and draw.integer(0, 7) == 7,
        )
        if self.call == "scan_checkpoints":
            loop = replace(loop, every=draw.choose((2, 1, 3, 4)))
            loop = replace(loop, padding=self.steps % loop.every != 0 or draw.flag())
        return self._assembled(loop)

    def _outputs(self) -> tuple[list[State | None], list[str]]:
        """What each output is of, and its value."""
        draw = self.draw
        infos: list[State | None] = []
        if self.made is not None:
            infos = [None if k is None else self.states[k][0] for k, _ in self.made]
            return infos, [e.name for _, e in self.made]
        outputs: list[str] = []
        for state, inner in self.states:
            infos.append(state)
            outputs.append(self._next(inner))
        most = 64 // max(self.steps, 1)
        values = [e for e in self.pool.entries if e.size <= min(ROOM, most)]
        mapped = draw.choose((0, 0, 1)) if outputs else draw.choose((1, 1, 2))
        for _ in range(mapped if values and self.call in (*GENERAL, "map") else 0):
            infos.insert(place := draw.integer(0, len(outputs)), None)
            outputs.insert(place, values[0].name if draw.often() else draw.choose(values).name)
        return infos, outputs

    def _next(self, inner: Entry) -> str:
        """The new value of a state: of the body's making, now and then a row, another state or what never changes."""
        draw = self.draw
        if draw.integer(0, 7) == 7:
            others = self.body.fitting(inner, lambda e: e is not inner)
            if others:
                return draw.choose(others).name
        return self.body.contracted(self.body.like(inner)).name

    def _carries(self) -> list[tuple[Entry, str]]:
        """A shared variable that the body changes in every step. Nothing captured may be made of it."""
        pool, draw = self.pool, self.draw
        if self.call not in GENERAL or pool.depth > 1 or draw.integer(0, 7) < 7:
            return []
        chosen = self._carried()
        outside = [e for e in (*pool.outside, *self.operands) if chosen is not None and chosen.name in e.needs]
        if chosen is None or any(e.name != chosen.name or e not in pool.captured for e in outside):
            return []
        entry = pool.admit(chosen, explicit=False)
        pool.pinned.add(chosen.name)
        return [(entry, self.body.contracted(self.body.like(entry)).name)]

    def _carried(self) -> Entry | None:
        """A shared variable that nothing else updates."""
        shared = [
            e
            for e in self.surroundings.entries
            if e.name[0] == "s" and e.name not in self.pool.pinned and e.size <= ROOM and e.kind in "fi"
        ]
        if shared:
            return self.draw.choose(shared)
        made = self.surroundings.source_of(Array(np.array(self.draw.integers(-4, 4, 2)) / 4), may_be_shared=True)
        return made if made.name[0] == "s" else None

    def _opaque(self) -> bool:
        return any(e.opaque for e in (*self.operands, *self.pool.outside)) or not all(map(model.known, self.body.steps))

    def _assembled(self, loop: Loop) -> Drawn:
        """The step: dead steps left out, what is read from outside written as operands, rows chosen."""
        pool = self.pool
        wanted = [*loop.outputs, *(n for pair in loop.carries for n in pair), *([loop.until] if loop.until else [])]
        steps = self.body.live(wanted)
        read = {o for s in steps for o in s.operands if isinstance(o, str)} | set(wanted)
        explicit = [(name, e) for name, e in pool.explicit if name in read]
        captured = [e for e in pool.captured if e.name in read]
        operands = [*self.operands, *(e for _, e in explicit), *captured]
        if self.number is not None:
            loop = replace(loop, n_steps=f"{loop.n_steps}{len(operands)}")
            operands.append(self.number)
        if loop.strict and any(n[0] == "s" for e in captured for n in e.needs):
            loop = replace(loop, strict=False)
        places = {e.name: f"@{k}" for k, e in enumerate(operands) if e in captured}

        def placed(name: Any) -> Any:
            return places.get(name, name)

        redrawn = any(RANDOM in e.needs for e in captured)
        streams = [s for s in steps if s.step in model.STREAMS or moves_inside(s)]
        loop = replace(
            loop,
            sequences=tuple(self.sequences),
            explicit=tuple(name for name, _ in explicit),
            body=tuple(replace(s, operands=tuple(map(placed, s.operands))) for s in steps),
            outputs=tuple(map(placed, loop.outputs)),
            carries=tuple((placed(a), placed(b)) for a, b in loop.carries),
            gives=tuple(s.results[-1] for s in steps if moves_inside(s)),
            streams=bool(streams) or redrawn,
            redrawn=redrawn,
        )
        rows = [self._rows(loop, operands) for _ in loop.outputs]
        if len(rows) > 1 and self.draw.seldom():
            rows[self.draw.integer(0, len(rows) - 1)] = None
        loop = replace(loop, rows=tuple(rows))
        names: tuple[Operand, ...] = tuple(e.name for e in operands)
        return names, loop.attributes()

    def _rows(self, loop: Loop, operands: list[Entry]) -> str | None:
        """What is kept of an output."""
        draw = self.draw
        if loop.call in ("reduce", "foldl", "foldr"):
            return ""
        if not self.steps:
            return draw.choose(("", "[::-1]", ".shape", "[1:]"))
        if loop.until is not None and self.pool.depth > 1:
            return draw.choose(("[-1]", "[0]", ".shape"))  # in another outer step there are other rows
        steps = -(-self.steps // loop.every) if loop.every else self.steps
        kept = draw.choose(("", "[-1]", "[0]", "[::-1]", "[-2:]", "[1:]", "", "[-1]", "[i]", ".shape", "[:-1]"))
        if kept == "[i]":
            index = self.surroundings.number(draw.integer(-1, 0) if loop.until else draw.integer(-steps, steps - 1))
            operands.append(index)
            return f"[@{len(operands) - 1}]"
        return kept


def moves_inside(made: Step) -> bool:
    return made.step == "scan" and moves(made)
