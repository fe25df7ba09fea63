"""Relations about what is made of a graph: outputs alone or together, in another order, under other names, or made
into a function in another way. The arithmetic is the same, so that the unoptimized bits are too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from difftest.case import Case
from difftest.program import Array, Input, Program
from difftest.relations.registry import Twin, relation
from difftest.relations.surgery import SLOPES, Surgery, carried, families, kinds, ordered, paired, pruned, renamed
from difftest.strategies.drawing import Draw


def shuffled(draw: Draw, items: list) -> list:
    """The items in a drawn order; none is lost."""
    left = list(items)
    return [left.pop(draw.integer(0, len(left) - 1)) for _ in items]


def shared_of(program: Program, twin: Program | None = None) -> list[str]:
    """The shared variables that both have, but for those that only a loop of the first changes."""
    twin = twin or program
    names = {s.name for s in twin.shared} - _left_behind(program, twin)
    return [s.name for s in program.shared if s.name in names]


def _left_behind(program: Program, twin: Program) -> set[str]:
    """The shared variables that loops of the first change, and none of the second."""
    changed, still = (set().union(*map(carried, p.steps)) for p in (program, twin))
    return changed - still


@relation("MR7", "every subset of outputs alone gives the same", subject="function")
def some_outputs(case: Case, draw: Draw) -> Iterator[Twin]:
    """outputs=[a, b, c] -> outputs=[b]"""
    program = case.program
    if len(program.outputs) < 2:
        return
    for name in shuffled(draw, list(program.outputs)):
        fewer = pruned(replace(program, outputs=(name,)))
        if fewer.moved != program.moved and "random" in families(fewer):
            continue  # without the loop a stream that is left does not move on
        read = fewer.upstream([*fewer.outputs, *(by for _, by in (*fewer.givens, *fewer.updates))])
        if read & _left_behind(program, fewer):
            continue  # without the loop a shared variable that is left keeps its value
        yield Twin(fewer, [(name, name)], shared=shared_of(program, fewer))


@relation("MR8", "what else a function computes changes nothing", subject="function")
def with_company(case: Case, draw: Draw) -> Iterator[Twin]:
    """outputs=[c] -> outputs=[c, a, b], where c was computed from a and b; or with a renamed copy of everything"""
    program, surgery = case.program, Surgery(case)
    made = [n for s in program.steps for n in s.results if n in surgery.values and n not in program.outputs]
    if made:
        more = shuffled(draw, made)[: 1 + draw.integer(0, 5)]
        twin = replace(program, outputs=(*program.outputs, *more))
        yield Twin(twin, paired(program.outputs), shared=shared_of(program))
    if not families(program) & {"random", "print"} and not program.givens and not program.moved:
        names = {n: f"{n}w" for s in program.steps for n in s.results}
        steps = [replace(renamed(s, names), results=tuple(names[r] for r in s.results)) for s in program.steps]
        both = [*program.steps, *steps]
        if draw.flag():
            both = [step for pair in zip(program.steps, steps) for step in pair]
        outputs = (*program.outputs, *(names.get(o, o) for o in program.outputs))
        twin = replace(program, steps=tuple(both), outputs=outputs)
        yield Twin(twin, paired(program.outputs), shared=shared_of(program))
        yield Twin(twin, paired(program.outputs, names), shared=shared_of(program))


@relation("MR22", "the order of outputs and updates is no matter", subject="function")
def other_order(case: Case, draw: Draw) -> Iterator[Twin]:
    """outputs=[a, b], updates=[(s, u), (r, v)] -> outputs=[b, a], updates=[(r, v), (s, u)]"""
    program = case.program
    twin = replace(
        program,
        outputs=tuple(shuffled(draw, list(program.outputs))),
        updates=tuple(shuffled(draw, list(program.updates))),
        givens=tuple(shuffled(draw, list(program.givens))),
    )
    if twin != program:
        yield Twin(twin, paired(program.outputs), shared=shared_of(program))


@relation("MR23", "steps that do not need each other may be written in any order", subject="function")
def other_steps_first(case: Case, draw: Draw) -> Iterator[Twin]:
    """b = f(x); a = g(x) -> a = g(x); b = f(x): the same values, and the same text"""
    program = case.program
    for _ in range(4):
        twin = replace(program, steps=tuple(ordered(program.steps, lambda ready: draw.choose(ready[::-1]))))
        if twin.steps != program.steps:
            yield Twin(twin, paired(program.outputs), shared=shared_of(program), alike=True)
            return


@relation("MR24", "names are no matter", subject="function")
def other_names(case: Case, draw: Draw) -> Iterator[Twin]:
    """x0 -> a name that sorts the other way: the same values, and the same text but for the names"""
    program = case.program
    inputs = [i.name for i in program.inputs]
    if not inputs:
        return
    names = {n: f"zz{len(inputs) - k}zz" for k, n in enumerate(inputs)}
    twin = replace(
        program,
        inputs=tuple(replace(i, name=names[i.name]) for i in program.inputs),
        steps=tuple(renamed(s, names) for s in program.steps),
        outputs=tuple(names.get(o, o) for o in program.outputs),
        updates=tuple((s, names.get(by, by)) for s, by in program.updates),
        givens=tuple((names.get(k, k), names.get(by, by)) for k, by in program.givens),
    )
    yield Twin(twin, paired(program.outputs, names), shared=shared_of(program), alike=True, names=names)


def _same(case: Case, **how: object) -> Twin:
    """The program itself, made or called in another way."""
    program = case.program
    return Twin(program, paired(program.outputs), shared=shared_of(program), **how)  # type: ignore[arg-type]


@relation(
    "MR14", "options change no answer: allow_gc, borrow, profile, a second compilation or call", subject="function"
)
def options(case: Case, draw: Draw) -> Iterator[Twin]:
    """the same program, made or called with other options"""
    ways = [
        {"flags": {"allow_gc": False}},
        {"way": "lent"},
        {"way": "profiled", "alike": True},
        {"way": "again", "alike": True},
        {"way": "warm", "alike": True},
        {"flags": {"floatX": "float32"}, "alike": True},
    ]
    for how in shuffled(draw, ways):
        yield _same(case, **how)


@relation("MR25", "a function that was pickled is the same function", promise="BITS", subject="function")
def pickled(case: Case, draw: Draw) -> Iterator[Twin]:
    """f -> loads(dumps(f)): the same bits, and the same text"""
    yield _same(case, way="pickled", alike=True)


@relation("MR26", "a copy of a function is the same function, also on other state", promise="BITS", subject="function")
def copied(case: Case, draw: Draw) -> Iterator[Twin]:
    """f -> f.copy() and f.copy(swap=...): the same bits, and the same text"""
    if case.program.shared and draw.flag():
        yield _same(case, way="swapped", alike=True)
    else:
        yield _same(case, way="copied", alike=True)


@relation("MR27", "an optimized function may do without any one rewrite", subject="function")
def without_a_rewrite(case: Case, draw: Draw) -> Iterator[Twin]:
    """mode="FAST_RUN" -> excluding one of the rewrites that were applied"""
    run = next((r for c, r in case.report.runs.items() if c.mode == "FAST_RUN"), None)
    fired = sorted(run.fired) if run is not None else []
    if fired:
        yield _same(case, flags={"optimizer_excluding": draw.choose(fired)}, modes=("FAST_RUN",))


@relation("MR28", "a value may be computed first and passed as an input", subject="function")
def cut_in_two(case: Case, draw: Draw) -> Iterator[Twin]:
    """f(x) = g(h(x)) -> g(y), with y = h(x) computed by itself"""
    program, surgery = case.program, Surgery(case)
    if "random" in families(program) or program.givens or program.moved:
        return
    sites = [
        v for v in surgery.values.values()
        if v.place >= 0 and v.name in surgery.read and not surgery.reaches(v.name, SLOPES)
    ]  # fmt: skip
    if sites:
        v = draw.choose(sites)
        yield _given_by_hand(surgery, v.name)


def _given_by_hand(surgery: Surgery, name: str) -> Twin:
    """The twin whose caller passes the value of `name`. Only the first call is compared: state moves on."""
    program = surgery.program
    (given,) = islice(surgery.fresh(), 1)
    value = Input(given, tuple(surgery.types[name].broadcastable), Array(surgery.computed(name)))
    read = {name: given}
    twin = replace(
        program,
        inputs=(*program.inputs, value),
        steps=tuple(renamed(s, read) for s in program.steps),
        outputs=tuple(read.get(o, o) for o in program.outputs),
        updates=tuple((s, read.get(by, by)) for s, by in program.updates),
        givens=tuple((k, by) for k, by in program.givens if k != name),
        calls=(),
    )
    twin = pruned(twin)
    return Twin(twin, paired(program.outputs, read), calls=[(0, 0)], shared=shared_of(program, twin), computed=True)


@relation("MR1", "givens are the graph with the replacement written in, or with its value passed", subject="function")
def givens(case: Case, draw: Draw) -> Iterator[Twin]:
    """f = function([y], z, givens={x: e(y)}) -> the steps that read x read e; or x is an argument again"""
    program, surgery = case.program, Surgery(case)
    keys = [k for k, _ in program.givens]
    sources = surgery.program.upstream(by for _, by in program.givens)
    if not keys or sources.intersection(keys) or "random" in families(program) or program.moved:
        return
    # A gradient is taken, and a clone made, before anything is replaced.
    early = [s for s in program.steps if s.step == "clone" or kinds(s).intersection(SLOPES)]
    if any(surgery.downstream(keys).intersection(s.results) for s in early):
        return
    if any(surgery.types[k] != surgery.types[by] for k, by in program.givens):
        return
    written = dict(program.givens)
    steps = [renamed(s, written) for s in program.steps]
    twin = replace(
        program,
        steps=tuple(ordered(steps)),
        outputs=tuple(written.get(o, o) for o in program.outputs),
        updates=tuple((s, written.get(by, by)) for s, by in program.updates),
        givens=(),
    )
    twin = pruned(twin)
    yield Twin(twin, paired(program.outputs, written), shared=shared_of(program, twin))
    yield _given_by_hand(surgery, draw.choose(keys))
