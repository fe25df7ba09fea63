"""Relations about loops: unrolled, split, turned round, stopped by a count, with everything passed or captured.

A loop is data (`difftest.loop`), so that its body can be written out. Only the first call is compared: how often a
loop runs may follow from values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from difftest import model
from difftest.case import Case
from difftest.loop import Loop, Sequence_, body
from difftest.program import Operand, Step
from difftest.relations.functions import shared_of, shuffled
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, families, family, kinds, line, paired
from difftest.strategies.drawing import Draw

LOOPS = {"subject": "scan"}


class Site:
    """A loop of a program that neither draws nor changes state itself, taken apart."""

    def __init__(self, surgery: Surgery, place: int):
        self.surgery, self.place = surgery, place
        self.step = surgery.program.steps[place]
        self.loop = Loop.of(self.step)
        self.operands: tuple[str, ...] = tuple(map(str, self.step.operands))

    @property
    def kept(self) -> list[tuple[int, str, str]]:
        """(output, what is kept of it, the result's name)"""
        rows = [(k, text) for k, text in enumerate(self.loop.rows) if text is not None]
        return [(k, text, name) for (k, text), name in zip(rows, self.step.results)]

    @property
    def known(self) -> bool:
        """True if types are plain: every operand has the lengths its type says."""
        return all(o in self.surgery.values and self.surgery.values[o].plain for o in self.operands)

    @property
    def solid(self) -> bool:
        """True if no row, state or captured value has a length of 1 that may or may not be declared."""
        values = [self.surgery.values[o] for o in self.operands]
        return all(1 not in v.shape[v.ndim > 1 :] and not any(v.broadcastable) for v in values)

    def trips(self) -> int | None:
        """How many steps the loop takes in the first call; None if the model cannot say."""
        values = self.surgery.values
        names = tuple(f"rows{k}" for k in range(len(self.loop.outputs)))
        if not names or any(o not in values for o in self.operands):
            return None
        whole = replace(self.loop, rows=("",) * len(names), call="scan", backwards=self.turned, every=0)
        full = Step("scan", self.step.operands, whole.attributes(), names)
        return len(model.value(full, [values[o].data for o in self.operands])[0])

    @property
    def folds(self) -> bool:
        return self.loop.call in ("reduce", "foldl", "foldr")

    @property
    def turned(self) -> bool:
        """True if the sequences are read from the end."""
        return self.loop.backwards or self.loop.call == "foldr"

    def differentiated(self) -> bool:
        return any(self.surgery.reaches(name, SLOPES) for name in self.step.results)

    def twin(self, steps: Sequence[Step], **how: Any) -> Twin:
        """The program with these steps in the place of the loop."""
        program = self.surgery.program
        new = replace(program, steps=(*program.steps[: self.place], *steps, *program.steps[self.place + 1 :]), calls=())
        if self.differentiated():
            how.setdefault("promise", "REAL")
        return Twin(new, paired(program.outputs), calls=[(0, 0)], shared=shared_of(program), **how)

    def remade(self, loop: Loop, operands: Sequence[Operand] | None = None) -> Step:
        """The step with another loop in it."""
        return Step("scan", tuple(operands or self.step.operands), loop.attributes(), self.step.results)

    def picked(self, stacks: Mapping[int, str], names: Iterator[str]) -> list[Step]:
        """Steps that keep of each stack what the loop keeps."""
        steps = []
        for k, text, result in self.kept:
            stack = stacks[k]
            if text == ".shape":
                steps.append(line("shape", (stack,), result))
            elif text == ".shape[0]":
                steps.append(line("length", (stack,), result, axis=0))
            elif text.startswith("[@"):
                index = self.operands[int(text[2:-1])]
                steps.append(line("subtensor", (stack, index), result, index=("@1",)))
            elif text:
                steps.append(line("subtensor", (stack,), result, index=(_index(text),)))
            else:
                steps.append(line("subtensor", (stack,), result, index=((None, None, None),)))
        return steps


def _index(text: str) -> Any:
    """The index item that `text` writes: an integer, or a slice as a triple."""
    parts = [int(p) if p else None for p in text[1:-1].split(":")]
    return parts[0] if len(parts) == 1 else tuple([*parts, None][:3])


def sites(case: Case) -> list[Site]:
    """The loops of a program that give all rows, or the last."""
    return [s for s in all_sites(case) if not s.loop.every]


def all_sites(case: Case) -> list[Site]:
    surgery = Surgery(case)
    found = [Site(surgery, k) for k, s in enumerate(case.program.steps) if s.step == "scan"]
    return [s for s in found if not kinds(s.step) & {"random", "print"} and not s.loop.carries and not s.loop.streams]


@relation("MR2", "a loop is its steps written one after another", **LOOPS)
def unrolled(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(f, x, h) -> h1 = f(x[0], h); h2 = f(x[1], h1); stack([h1, h2])"""
    for site in shuffled(draw, sites(case)):
        if site.loop.truncate != -1 and site.differentiated():
            continue
        if not site.known or not site.solid:
            continue
        n = site.trips()
        if n is None or not 2 <= n <= 6 or n * len(site.loop.body) > 40:
            continue
        yield site.twin(_written_out(site, n))


def _written_out(site: Site, n: int) -> list[Step]:
    loop, names, values = site.loop, site.surgery.fresh(), site.surgery.values
    steps: list[Step] = []

    def row(operand: str, index: int) -> str:
        name = next(names)
        steps.append(line("subtensor", (operand,), name, index=(index,)))
        return name

    left = list(site.operands)
    sequences = [(left.pop(0), s) for s in loop.sequences]
    past: list[list[str]] = []
    for state in loop.initial:
        operand = left.pop(0)
        past.append([row(operand, k) for k in range(-min(state.taps))] if state.stacked else [operand])
    given = dict(zip(loop.explicit, left))
    found: list[list[str]] = [[] for _ in loop.outputs]
    for t in range(n):
        local: dict[str, str] = dict(given)
        for operand, s in sequences:
            first, last = min((*s.taps, 0)), max((*s.taps, 0))
            length = values[operand].shape[0] - last + first
            at = length - 1 - t if site.turned else t
            local |= {name: row(operand, tap - first + at) for tap, name in zip(s.taps, s.names)}
        for before, fed_back in zip(past, loop.initial):
            local |= {name: before[tap] for tap, name in zip(fed_back.taps, fed_back.names)}

        def named(o: Operand, local: dict[str, str] = local) -> Operand:
            if not isinstance(o, str):
                return o
            return site.operands[int(o[1:])] if o[0] == "@" else local[o]

        for step in loop.body:
            operands = tuple(map(named, step.operands))
            results = tuple(next(names) for _ in step.results)
            local |= dict(zip(step.results, results))
            steps.append(replace(step, operands=operands, results=results))
        fed = iter(past)
        for rows, info, output in zip(found, loop.states, loop.outputs):
            rows.append(str(named(output)))
            if info is not None:
                next(fed).append(rows[-1])
    stacks = {}
    for k, _, result in site.kept:
        if site.folds:
            steps.append(line("subtensor", (_stack(steps, names, found[k]),), result, index=(-1,)))
        else:
            stacks[k] = _stack(steps, names, found[k])
    return [*steps, *(site.picked(stacks, names) if stacks else [])]


def _stack(steps: list[Step], names: Iterator[str], rows: Sequence[str]) -> str:
    name = next(names)
    steps.append(line("stack", rows, name, axis=0))
    return name


def _passed(site: Site, names: Iterator[str]) -> tuple[Loop, tuple[Operand, ...]]:
    """The loop with everything it captures passed as a non-sequence."""
    loop, operands = site.loop, site.step.operands
    head = len(loop.sequences) + len(loop.initial) + len(loop.explicit)
    read = {o for s in loop.body for o in s.operands if isinstance(o, str)} | set(loop.outputs)
    captured = [k for k in range(len(operands)) if f"@{k}" in read]
    local = {f"@{k}": next(names) for k in captured}

    def placed(text: Any) -> Any:
        return local.get(text, text)

    def later(k: str) -> int:
        return int(k) + (len(captured) if int(k) >= head else 0)

    n_steps = loop.n_steps
    if isinstance(n_steps, str):
        n_steps = f"{n_steps[0]}{later(n_steps[1:])}"
    passed = replace(
        loop,
        explicit=(*loop.explicit, *(local[f"@{k}"] for k in captured)),
        body=tuple(replace(s, operands=tuple(map(placed, s.operands))) for s in loop.body),
        outputs=tuple(map(placed, loop.outputs)),
        n_steps=n_steps,
        rows=tuple(f"[@{later(r[2:-1])}]" if r is not None and r.startswith("[@") else r for r in loop.rows),
    )
    return passed, (*operands[:head], *(operands[k] for k in captured), *operands[head:])


def _captured(site: Site) -> Loop:
    """The loop with everything it is passed captured instead."""
    loop = site.loop
    first = len(loop.sequences) + len(loop.initial)
    local = {name: f"@{first + k}" for k, name in enumerate(loop.explicit)}

    def placed(text: Any) -> Any:
        return local.get(text, text)

    return replace(
        loop,
        explicit=(),
        strict=False,
        body=tuple(replace(s, operands=tuple(map(placed, s.operands))) for s in loop.body),
        outputs=tuple(map(placed, loop.outputs)),
    )


@relation("MR3", "what a loop captures may be passed, and what it is passed captured; strict or not", **LOOPS)
def captured_or_passed(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(lambda x: x * w, x) -> scan(lambda x, w: x * w, x, non_sequences=[w], strict=True): the same text, too"""
    for site in shuffled(draw, sites(case)):
        passed, operands = _passed(site, site.surgery.fresh())
        if len(passed.explicit) > len(site.loop.explicit):
            strict = site.loop.call == "scan" and not any(s.step == "scan" for s in site.loop.body)
            yield site.twin([site.remade(replace(passed, strict=strict), operands)], promise="EXACT", alike=True)
        if site.loop.explicit and not site.surgery.drawn(site.operands):
            yield site.twin([site.remade(_captured(site))], promise="EXACT", alike=True)


def _plain(site: Site) -> bool:
    """True for a scan over whole rows and single states, stopped by its sequences or a number."""
    loop = site.loop
    return (
        loop.call == "scan"
        and loop.until is None
        and not loop.backwards
        and all(s.taps == (0,) for s in loop.sequences)
        and all(s.taps == (-1,) for s in loop.initial)
        and (loop.truncate == -1 or not site.differentiated())
    )


@relation("MR4", "a loop of n steps is a loop of the first k, and one of the others that goes on from there", **LOOPS)
def split(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(f, x, h) -> a = scan(f, x[:k], h); b = scan(f, x[k:], a[-1]); concatenate([a, b])"""
    for site in shuffled(draw, sites(case)):
        loop = site.loop
        if not site.known or not site.solid or not _plain(site):
            continue
        n = site.trips()
        if n is None or n < 2:
            continue
        k, names = draw.integer(1, n - 1), site.surgery.fresh()
        steps: list[Step] = []
        operands: list[list[Operand]] = [list(site.step.operands), list(site.step.operands)]
        for j in range(len(loop.sequences)):
            for half, span in enumerate(((None, k, None), (k, n, None))):
                part = next(names)
                steps.append(line("subtensor", (site.operands[j],), part, index=(span,)))
                operands[half][j] = part
        whole = replace(loop, rows=("",) * len(loop.outputs), as_list=False)
        counts = (k, n - k)
        results: list[list[str]] = []
        for half in (0, 1):
            results.append([next(names) for _ in loop.outputs])
            part_loop = replace(whole, n_steps=None if loop.sequences else counts[half])
            steps.append(Step("scan", tuple(operands[half]), part_loop.attributes(), tuple(results[half])))
            feeding = [r for r, s in zip(results[0], loop.states) if s is not None]
            if half == 0:
                for j, r in enumerate(feeding):
                    last = next(names)
                    steps.append(line("subtensor", (r,), last, index=(-1,)))
                    operands[1][len(loop.sequences) + j] = last
        stacks = {}
        for j, _, _ in site.kept:
            stacks[j] = next(names)
            steps.append(line("join", (results[0][j], results[1][j]), stacks[j], axis=0))
        yield site.twin([*steps, *site.picked(stacks, names)])


@relation("MR5", "reading backwards is reading what was turned round", **LOOPS)
def turned_round(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(f, x, go_backwards=True) -> scan(f, x[::-1])"""
    for site in shuffled(draw, sites(case)):
        loop = site.loop
        if not loop.sequences or any(s.taps != (0,) for s in loop.sequences) or loop.call not in ("scan", "map"):
            continue
        names = site.surgery.fresh()
        operands, steps = list(site.step.operands), []
        for j in range(len(loop.sequences)):
            turned = next(names)
            steps.append(line("subtensor", (site.operands[j],), turned, index=((None, None, -1),)))
            operands[j] = turned
        if not loop.backwards and not _same_lengths(site):
            continue
        yield site.twin([*steps, site.remade(replace(loop, backwards=not loop.backwards), operands)])


def _same_lengths(site: Site) -> bool:
    """True if turning round reads the same rows: all sequences have the length of the loop."""
    values = site.surgery.values
    lengths = {values[o].shape[0] if o in values else -1 for o in site.operands[: len(site.loop.sequences)]}
    return len(lengths) == 1


@relation("MR6", "a loop that ends by itself is a loop of as many steps", **LOOPS)
def counted(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(..., until(c)) that ends after 3 steps -> scan(..., n_steps=3)"""
    for site in shuffled(draw, sites(case)):
        n = site.trips() if site.loop.until is not None else None
        if n:
            yield site.twin([site.remade(replace(site.loop, until=None, n_steps=n))])


@relation("MR7b", "the rows that are kept are those of all rows", **LOOPS)
def all_rows(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(f, x)[-1] -> r = scan(f, x); r[-1], with r an output too"""
    for site in shuffled(draw, sites(case)):
        loop, names = site.loop, site.surgery.fresh()
        if site.folds or not any(text for _, text, _ in site.kept):
            continue
        results = [next(names) for _ in loop.outputs]
        full = Step("scan", site.step.operands, replace(loop, rows=("",) * len(results)).attributes(), tuple(results))
        made = site.twin([full, *site.picked(dict(enumerate(results)), names)])
        seen = [results[k] for k, _, _ in site.kept]
        yield replace(made, program=replace(made.program, outputs=(*made.program.outputs, *seen)))


@relation("MR9", "a loop that only maps is its body on all rows at once", promise="REAL", **LOOPS)
def vectorised(case: Case, draw: Draw) -> Iterator[Twin]:
    """scan(lambda x: exp(x) + w, x) -> exp(x) + w; and exp(x) -> scan(exp, x)"""
    for site in shuffled(draw, sites(case)):
        loop, values = site.loop, site.surgery.values
        if loop.call not in ("scan", "map") or loop.initial or loop.until is not None or "[@" in str(loop.rows):
            continue
        if not loop.sequences or any(s.taps != (0,) for s in loop.sequences) or not site.known or not site.solid:
            continue
        if not kinds(*loop.body) <= {"elementwise", "cast", "literal"} or any(body(s) for s in loop.body):
            continue
        n, count = site.trips(), len(loop.sequences)
        ranks = {values[o].ndim - 1 for o in site.operands[:count]}
        if n and len(ranks) == 1 and max((values[o].ndim for o in site.operands[count:]), default=0) <= max(ranks):
            steps = _at_once(site, n)
            if steps is not None:
                yield site.twin(steps)
    yield from _row_by_row(case, draw)


def _row_by_row(case: Case, draw: Draw) -> Iterator[Twin]:
    """An elementwise step, as a loop over the rows of its operands."""
    program, values = case.program, Surgery(case).values
    found = []
    for k, step in enumerate(program.steps):
        operands = [values[o] for o in step.operands if o in values]
        result = values.get(step.results[0])
        if family(step) != "elementwise" or result is None or len(operands) < len(step.operands):
            continue
        if families(program).intersection(SLOPES) and any(not v.dtype.startswith("float") for v in operands):
            continue  # a row of integers is computed, and behind computed integers gradients are zero
        if result.ndim and all(v.solid for v in operands) and any(v.ndim == result.ndim for v in operands):
            found.append((k, result.ndim, list(dict.fromkeys(v.name for v in operands))))
    if not found:
        return
    k, rank, names = draw.choose(found)
    step = program.steps[k]
    rows = [o for o in names if values[o].ndim == rank]
    others = [o for o in names if o not in rows]
    local = {o: f"r{j}" for j, o in enumerate(rows)} | {o: f"w{j}" for j, o in enumerate(others)}
    loop = Loop(
        sequences=tuple(Sequence_((0,), (local[o],)) for o in rows),
        states=(None,),
        explicit=tuple(local[o] for o in others),
        body=(Step(step.step, tuple(local[str(o)] for o in step.operands), step.attributes, ("y",)),),
        outputs=("y",),
        rows=("",),
    )
    made = Step("scan", (*rows, *others), loop.attributes(), step.results)
    steps = (*program.steps[:k], made, *program.steps[k + 1 :])
    yield Twin(replace(program, steps=steps), paired(program.outputs), shared=shared_of(program))


def _at_once(site: Site, n: int) -> list[Step] | None:
    loop, names = site.loop, site.surgery.fresh()
    steps: list[Step] = []
    left = list(site.operands)
    local: dict[str, str] = {}
    for s in loop.sequences:
        rows = left.pop(0)
        name = next(names)
        span = (None, None, -1) if loop.backwards else (None, n, None)
        steps.append(line("subtensor", (rows,), name, index=(span,)))
        if loop.backwards:
            short = next(names)
            steps.append(line("subtensor", (name,), short, index=((None, n, None),)))
            name = short
        local[s.names[0]] = name
    local |= dict(zip(loop.explicit, left))
    batched = {s.names[0] for s in loop.sequences}

    def named(o: Operand) -> Operand:
        if not isinstance(o, str):
            return o
        return site.operands[int(o[1:])] if o[0] == "@" else local[o]

    for step in loop.body:
        if batched.intersection(map(str, step.operands)):
            batched.update(step.results)
        results = tuple(next(names) for _ in step.results)
        steps.append(replace(step, operands=tuple(map(named, step.operands)), results=results))
        local |= dict(zip(step.results, results))
    if not all(o in batched for o in loop.outputs):
        return None
    stacks = {k: str(named(o)) for k, o in enumerate(loop.outputs)}
    return [*steps, *site.picked(stacks, names)]
