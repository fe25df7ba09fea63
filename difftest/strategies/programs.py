"""Whole programs: a loop that adds one step at a time to a pool of values.

Owns the loop, and the swarm: each program may use only about half of the families of steps. What it is about stands in
`policies`, how it ends in `finishing`. Every program is valid by construction, because the values are known while it
grows; nothing is ever filtered out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from difftest.program import Array, Operand, Program, Shared, Step
from difftest.strategies import dtypes, shapes, values
from difftest.strategies.baits import BAITS, Bait, Link, labels
from difftest.strategies.drawing import Draw, Entry, Pool, Tape, hypothesis_source
from difftest.strategies.drills import KINDS, Topic, source_for, topic_of
from difftest.strategies.exhibits import Exhibit
from difftest.strategies.finishing import finished, pruned
from difftest.strategies.policies import INVERSE, POLICIES
from difftest.strategies.recording import recorded
from difftest.strategies.registry import STEPS, StepKind, families

__all__ = ["PROFILES", "Profile", "drawn", "programs", "pruned"]

T = TypeVar("T")

WEIGHTS = {"elementwise": 6, "literal": 2, "scan": 2, "subtensor": 2, "places": 2, "grad": 3, "reduction": 2}
"""Families that have many steps, or of which much can go wrong, come more often than the others, which weigh 1."""


@dataclass(frozen=True)
class Profile:
    """What a campaign concentrates on: the families that are never banned, how often some come (beside `WEIGHTS`), and
    the number of steps; `drills`: they come first, and then every second example is one."""

    always: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    steps: int = 8
    bait: int = 0
    likes: Mapping[str, int] = field(default_factory=dict)
    drills: bool = False


PROFILES = {
    "all": Profile(drills=True),
    "elementwise": Profile(only=("elementwise", "literal", "cast", "dimshuffle", "reduction")),
    "indexing": Profile(always=("subtensor", "set_subtensor")),
    "scan": Profile(always=("scan", "grad", "random"), likes={"scan": 16, "grad": 8, "random": 2}),
    "gradients": Profile(always=("grad",)),
    "rewrites": Profile(steps=3, bait=13),
    "large": Profile(steps=20),
}


def programs(profile: str | Profile = "all") -> st.SearchStrategy[Program]:
    """Programs that are valid by construction, simplest first."""
    return _programs(PROFILES[profile] if isinstance(profile, str) else profile)


def drawn(source: Tape | int, profile: str | Profile = "all", number: int | None = None) -> Program:
    """The one program that a tape, or a seed, draws; without Hypothesis, and alike on every machine.

    `number` is that of the example in its session, if it is of one: it says what a drill is about.
    """
    tape = Tape(source) if isinstance(source, int) else source
    chosen = PROFILES[profile] if isinstance(profile, str) else profile
    topic = topic_of(number) if chosen.drills and number is not None else None
    growth = _Growth(Draw(tape), chosen)
    if isinstance(topic, Exhibit):
        return growth.exhibit(topic)
    return growth.program() if topic is None else growth.drill(topic)


@st.composite
def _programs(draw: Callable[[Any], Any], profile: Profile) -> Program:
    return _Growth(Draw(hypothesis_source(draw)), profile).program()


class _Growth:
    """One program while it grows."""

    def __init__(self, draw: Draw, profile: Profile):
        self.draw, self.profile = draw, profile
        self.policy = draw.choose(POLICIES)
        self.pool = Pool(draw, draw.choose(values.KINDS), dtypes.palette(draw), self.policy.lengths)
        self.steps: list[Step] = []
        self.salt = draw.integer(0, 9999)
        self.kinds, self.likings = self._swarm()

    def _swarm(self) -> tuple[dict[str, list[StepKind]], list[str]]:
        """The steps of each family that this program may use, and the families, each as often as it is liked."""
        names = [f for f in families() if not self.profile.only or f in self.profile.only]
        always = {*self.profile.always, *self.policy.likes}
        banned = self.draw.integers(0, 1, len(names))
        kept = [f for f, out in zip(names, banned) if not out or f in always] or names
        kinds: dict[str, list[StepKind]] = {f: [] for f in kept}
        for kind in STEPS.values():
            if kind.family in kinds:
                kinds[kind.family].append(kind)
        weights = {**WEIGHTS, **self.policy.likes}
        for name, times in self.profile.likes.items():
            weights[name] = max(times, weights.get(name, 1))
        return kinds, [f for f in kept for _ in range(weights.get(f, 1))]

    def program(self) -> Program:
        draw, pool = self.draw, self.pool
        if draw.integer(0, 31) < 31 or self.profile.only:
            shape = shapes.shape(draw, choices=pool.lengths)
            pattern = tuple(n == 1 for n in shape) if self.policy.declared else shapes.pattern(draw, shape)
            pool.source(pool.dtypes[0], shape, pattern)
        else:
            constant = STEPS["constant"]
            self._record("constant", *constant.draw(draw, pool, None))  # type: ignore[arg-type]
        while len(self.steps) < self.profile.steps and (not self.steps or draw.integer(0, 9)):
            self._grow()
        if not self.profile.only and draw.seldom():
            self._differentiate()
        return finished(draw, pool, self.steps, self._record)

    def exhibit(self, shown: Exhibit) -> Program:
        """The program that it is, of which nothing is drawn."""
        for k, value in enumerate(shown.values):
            self.pool.source_of(Array(value), shown.patterns.get(k))
        for k, value in enumerate(shown.shared):
            self.pool.shared.append(Shared(f"s{k}", Array(value)))
            roots = frozenset([f"s{k}"])
            self.pool.add(Entry(f"s{k}", value, (False,) * value.ndim, roots, needs=roots, firm=True))
        self._links(shown.links)
        read = {o for s in self.steps if STEPS[s.step].family != "grad" for o in s.operands}
        made = Program(tuple(self.pool.inputs), tuple(self.pool.shared), tuple(self.steps))
        results = tuple(name for s in self.steps for name in s.results if name not in {*read, *made.moved})
        later = shown.calls or ((shown.values,) * 2 if shown.shared else ())
        calls = tuple(tuple(map(Array, values)) for values in later)
        return replace(made, outputs=results, calls=calls, updates=shown.updates, givens=shown.givens)

    def drill(self, topic: Topic) -> Program:
        """A program about one thing, with its gradient every second time."""
        self.pool.kind = self.draw.choose(KINDS)
        x = source_for(topic, self.pool)
        if x is None:
            return self.program()
        if isinstance(topic, Bait):
            self.take_bait(x, topic)
        else:
            self._take(topic, x)
        if self.draw.flag():
            self._differentiate()
        elif self.draw.seldom():
            self._grow()
        return finished(self.draw, self.pool, self.steps, self._record)

    def _differentiate(self) -> None:
        """End with a gradient of the newest value that has one: by chance alone one program in forty takes any."""
        cost = next((e for e in self.pool.entries if e.name[0] == "v" and takes(STEPS["grad"], e)), None)
        if cost is not None:
            self._take(STEPS["grad"], cost)

    def _grow(self) -> None:
        policy = self.policy
        last = self.steps[-1] if self.steps else None
        entries = self.pool.entries
        x = entries[-1] if policy.oldest else entries[0] if self.draw.often() else self.draw.choose(entries)
        chance = 15 - self.draw.integer(0, 15)
        bait = max(policy.bait, self.profile.bait)
        if chance < bait and not self.profile.only:
            return self._bait(x)
        if last is not None and chance < bait + policy.repeat:
            return self._record(last.step, last.operands, last.attributes)
        if last is not None and chance < bait + policy.repeat + policy.undo and last.step in INVERSE:
            undo = STEPS[INVERSE[last.step]]
            made = self.pool.named(last.results[0])
            if made is not None and takes(undo, made):
                return self._take(undo, made)
        self._take(self._kind(x), x)

    def _take(self, kind: StepKind, x: Entry) -> None:
        operands, attributes = kind.draw(self.draw, self.pool, x)
        self._record(kind.name, operands, attributes)

    def _bait(self, x: Entry) -> None:
        wanted = [b for b in BAITS if (not self.policy.baits or b.kind == self.policy.baits) and b.needs(x)]
        if wanted:
            self.take_bait(x, self._spread(wanted))
        else:
            self._take(self._kind(x), x)

    def take_bait(self, x: Entry, bait: Bait) -> None:
        """Write a whole chain on `x`."""
        self._links(bait.links, x)

    def _links(self, links: Sequence[Link], x: Entry | None = None) -> None:
        made: list[tuple[str, ...]] = []
        for name, operands, attributes in links:
            given = [self._operand(x, made, o) for o in operands]
            self._record(name, tuple(given), attributes(x) if callable(attributes) else attributes)  # type: ignore[arg-type]
            made.append(self.steps[-1].results)

    def _operand(self, x: Entry | None, made: Sequence[tuple[str, ...]], o: Any) -> Operand:
        if isinstance(o, str):
            return o if x is None else x.name
        if isinstance(o, int):
            return made[o][0]
        if o[0] == "number":
            return o[1]
        if o[0] == "of":
            return made[o[1]][o[2]]
        assert x is not None
        return self.pool.pin(self.pool.source_of(labels(x))).name

    def _kind(self, x: Entry) -> StepKind:
        """A step that takes `x`: of a family drawn by liking, or of the next that has one."""
        start = self._place(self.likings)
        tried = set()
        for family in (*self.likings[start:], *self.likings[:start]):
            if family not in tried:
                tried.add(family)
                fitting = [k for k in self.kinds[family] if takes(k, x)]
                if fitting:
                    return self._spread(fitting)
        return STEPS["identity"]

    def _spread(self, items: Sequence[T]) -> T:
        return items[self._place(items)]

    def _place(self, items: Sequence[Any]) -> int:
        """A choice that every program makes in an order of its own: Hypothesis prefers small numbers."""
        turned = self.salt * (2 * len(self.steps) + 1)
        return (self.draw.integer(0, len(items) - 1) + turned) % len(items)

    def _record(self, name: str, operands: Sequence[Operand], attributes: Any) -> None:
        self.steps.append(recorded(self.pool, f"v{len(self.steps)}", name, operands, attributes))


def takes(kind: StepKind, x: Entry) -> bool:
    """True if the step can be applied to `x`."""
    return kind.takes is None or kind.takes(x)
