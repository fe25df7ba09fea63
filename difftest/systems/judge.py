"""The verdict on another system's answer to one program.

Owns `judge`. Every name's dtype is compared as built; the outputs are compared with our running error bounds, in both
modes. What is wrong in one mode alone is that system's optimizer, what is wrong in both is a difference of meaning,
and is traced to the first step with right operands and a wrong result. What `known` explains is counted, not told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from difftest.cells import Cell
from difftest.oracle.bits import equal_elements, same_bits
from difftest.oracle.contract import inside
from difftest.program import Array, Program, Step
from difftest.systems import known, texts
from difftest.systems.meaning import Meaning, random_steps
from difftest.systems.process import MODES, System, job
from difftest.verdict import Failure

PLAIN, FAST = MODES


@dataclass(eq=False)
class Verdict:
    """What was found wrong, what explained it, and counts of what was compared: (table, row) -> how often."""

    program: Program
    failures: list[Failure] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rewrites: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        return bool(self.counts["programs", "compared"])


def judge(program: Program, system: System) -> Verdict:
    """Run `program` on `system` in both of its modes, and say what is wrong with what came back."""
    verdict = Verdict(program)
    drawn = random_steps(program, system.name)
    meaning = None if drawn else Meaning(program, system.name)
    if meaning is None or meaning.trouble:
        verdict.counts["programs", "random" if drawn else "without a meaning"] += 1
        return verdict
    answer = system.worker.ask(job(program, types=meaning.types, texts=system.name in texts.ALIKE))
    if "unsupported" in answer:
        verdict.counts["programs", "not supported"] += 1
        verdict.counts["not supported", answer["unsupported"]] += 1
        return verdict
    verdict.counts["programs", "compared"] += 1
    _Judge(verdict, system, meaning, answer).all()
    return verdict


def judged(program: Program, system: System, answer: dict[str, Any]) -> Verdict:
    """The verdict on an answer that has come already."""
    verdict = Verdict(program)
    _Judge(verdict, system, Meaning(program, system.name), answer).all()
    return verdict


class _Judge:
    def __init__(self, verdict: Verdict, system: System, meaning: Meaning, answer: dict[str, Any]):
        self.verdict, self.system, self.meaning, self.answer = verdict, system, meaning, answer
        self.program = meaning.program
        self.apart: set[str] = set()
        """Names that mean something else there, by a difference that has been told or is known."""
        self.looser: set[str] = set()
        """Names whose broadcast pattern is another there."""

    def all(self) -> None:
        if "fatal" in self.answer:
            kind, _, text = self.answer["fatal"].partition(": ")
            self._tell(kind, PLAIN, text, None)
        elif self.answer.get("error"):
            self._built_wrong(self.answer["error"])
        else:
            self._types()
            self._texts()
            self._runs()

    def _tell(self, kind: str, mode: str, message: str, step: Step | None, **more: Any) -> None:
        """A failure, unless it is known."""
        name = "" if step is None else step.step
        explained = known.explain(self.system.name, kind, message, step, self.meaning)
        if explained is not None:
            self.verdict.counts["known", explained.what] += 1
            return
        more.setdefault("culprit", f"{kind} {name}".strip())
        self.verdict.failures.append(Failure(kind, Cell(mode, self.system.name), message, **more))

    def _built_wrong(self, error: dict[str, Any]) -> None:
        number = error["step"]
        step = self.program.steps[number] if number is not None and number >= 0 else None
        self._tell("refusal", PLAIN, f"building: {_said(error)}", step)

    def _results(self, step: Step) -> list[str]:
        """What the step computes; the updates of a loop are no value."""
        return [name for name in step.results if name not in self.program.moved]

    def _types(self) -> None:
        """Every result's dtype and rank as the graph declares them."""
        for step in self.program.steps:
            if self.apart.intersection(o for o in step.operands if isinstance(o, str)):
                self.apart.update(step.results)
                continue
            for name in self._results(step):
                dtype, shape = self.meaning.types[name]
                theirs = self.answer["types"].get(name)
                if theirs is None:
                    continue
                if (theirs[0], len(theirs[1])) != (dtype, len(shape)):
                    self.apart.add(name)
                    what = f"{theirs[0]} of rank {len(theirs[1])}, here {dtype} of rank {len(shape)}"
                    self._tell("dtype", PLAIN, what, step, output=name)

    def _texts(self) -> None:
        """The broadcast pattern of every result, and how the outputs print before they are optimized."""
        if self.system.name not in texts.ALIKE:
            return
        for step in self.program.steps:
            for name in self._results(step):
                pattern, answer = self.meaning.patterns[name], self.answer["types"].get(name)
                if answer is None or len(answer[1]) != len(pattern) or name in self.apart:
                    continue
                alike = tuple(answer[1]) == pattern
                self.verdict.counts["patterns", "equal" if alike else "other"] += 1
                known_above = (self.apart | self.looser).intersection(o for o in step.operands if isinstance(o, str))
                if not alike and not known_above:
                    self._tell("pattern", PLAIN, f"{tuple(answer[1])}, here {pattern}", step, output=name)
                if not alike:
                    self.looser.add(name)
        for which, theirs, ours in texts.pairs(self.answer.get("texts", {}), self.meaning):
            alike = texts.plain(theirs) == texts.plain(ours)
            self.verdict.counts["texts", f"{which} {'equal' if alike else 'other'}"] += 1
            if not alike:
                self._tell("text", PLAIN, texts.first_difference(theirs, ours), None, culprit=f"text {which}")

    def _runs(self) -> None:
        plain, fast = (self.answer["runs"][mode] for mode in MODES)
        self.verdict.rewrites = tuple(fast.get("rewrites", ()))
        if plain["error"] or fast["error"]:
            self._errors(plain["error"], fast["error"])
        wrong = {mode: self._wrong(mode) for mode in MODES}
        special = "special" if self.meaning.special else ""
        self._one_mode(special or "optimizer", FAST, wrong[FAST] - wrong[PLAIN])
        self._one_mode("special", FAST, self._special_changes() - wrong[FAST])
        self._one_mode(special or "unoptimized", PLAIN, wrong[PLAIN] - wrong[FAST])
        if wrong[FAST] & wrong[PLAIN]:
            self._semantics(min(wrong[FAST] & wrong[PLAIN], key=self._order))

    def _errors(self, plain: dict[str, Any] | None, fast: dict[str, Any] | None) -> None:
        if plain and fast:
            self._tell("refusal", PLAIN, _said(plain), self._raising(plain), culprit=f"refusal {_said(plain)[:60]}")
        elif fast:
            self._tell("optimizer error", FAST, _said(fast), None, culprit=f"optimizer error {_said(fast)[:60]}")
        else:
            self.verdict.counts["programs", "optimized away its error"] += 1

    def _raising(self, error: dict[str, Any]) -> Step | None:
        """The first step that raises when only what it needs is computed."""
        from difftest.strategies.programs import pruned

        for step in self.program.steps:
            part = pruned(replace(self.program, outputs=step.results, updates=(), calls=()))
            answer = self.system.worker.ask(job(part, [PLAIN], self.meaning.types))
            run = answer.get("runs", {}).get(PLAIN)
            if run is not None and run["error"]:
                return step
        return None

    def _values(self, mode: str) -> Iterator[tuple[str, int, np.ndarray]]:
        for number, (call, ours) in enumerate(zip(self.answer["runs"][mode]["calls"], self.meaning.run.calls)):
            for name, form in zip(self.program.outputs, call["outputs"]):
                if name not in self.apart and name in self.meaning.places:
                    yield name, number, Array.from_json(form).data
            state = {name: Array.from_json(form).data for name, form in call["state"].items()}
            if not all(same_bits(state[name], ours.state[name]) for name in state):
                return  # from here on the two compute with other numbers

    def _wrong(self, mode: str) -> set[tuple[str, int]]:
        """The outputs, and the calls, that are wrong in this mode."""
        found = set()
        for name, call, value in self._values(mode):
            if self._is_wrong(name, call, value, mode == FAST, count=True):
                found.add((name, call))
        return found

    def _is_wrong(self, name: str, call: int, value: np.ndarray, fast: bool, count: bool = False) -> bool:
        expected = self.meaning.value(name, call)
        counts: Counter[str] = Counter()
        if value.dtype != expected.dtype or value.shape != expected.shape:
            return True
        if same_bits(value, expected):
            counts["identical"] = value.size
            bad = False
        else:
            met = inside(value, self.meaning.bound(self.system.name, fast, name, call))
            counts = met.counts
            bad = bool(np.any(met.wrong & _finite(expected)))
        if count:
            self.verdict.counts.update({("elements", row): n for row, n in counts.items() if n})
        return bad

    def _special_changes(self) -> set[tuple[str, int]]:
        """Where our value is not finite, and the system's two modes do not agree whether theirs is."""
        found = set()
        fast = {(name, call): value for name, call, value in self._values(FAST)}
        for name, call, value in self._values(PLAIN):
            other = fast.get((name, call))
            expected = self.meaning.value(name, call)
            if other is None or expected.dtype.kind != "f" or other.shape != value.shape != expected.shape:
                continue
            unsure = ~_finite(expected)
            if unsure.shape == value.shape == other.shape and value.dtype.kind == "f":
                agree = equal_elements(_kind_of(value), _kind_of(other))
                if np.any(unsure & ~agree):
                    found.add((name, call))
        return found

    def _order(self, where: tuple[str, int]) -> tuple[int, int]:
        """The first call first, and in it what was computed first."""
        return where[1], self.meaning.places.get(where[0], 0)

    def _one_mode(self, kind: str, mode: str, wrong: set[tuple[str, int]]) -> None:
        """Tell of the first output that is wrong in one mode alone: the others follow from it, more often than not."""
        if wrong:
            name, call = min(wrong, key=self._order)
            shown = {m: v for m in MODES for n, c, v in self._values(m) if (n, c) == (name, call)}
            step = next((s for s in self.program.steps if name in s.results), None)
            self._tell(kind, mode, self._shown(name, call, shown), step, output=name, call=call)

    def _shown(self, name: str, call: int, found: dict[str, np.ndarray]) -> str:
        given = "; ".join(f"{mode}: {_few(value)}" for mode, value in found.items())
        return f"{given}; here {_few(self.meaning.value(name, call))}"

    def _semantics(self, first: tuple[str, int]) -> None:
        """Trace what is wrong in both modes to the first steps with right operands and a wrong result."""
        everything = job(self.meaning.everything, [PLAIN], self.meaning.types)
        run = self.system.worker.ask(everything).get("runs", {}).get(PLAIN, {"calls": []})
        output, call = first
        told = False
        if len(run["calls"]) > call:
            values = dict(zip(self.meaning.everything.outputs, run["calls"][call]["outputs"]))
            bad = set(self.apart)
            for step in self.program.steps:
                theirs = {n: Array.from_json(values[n]).data for n in self._results(step)}
                mine = [n for n, v in theirs.items() if n not in self.apart and self._is_wrong(n, call, v, False)]
                bad.update(mine)
                if mine and not bad.intersection(o for o in step.operands if isinstance(o, str)):
                    told = True
                    self._tell("semantics", PLAIN, self._shown(mine[0], call, {PLAIN: theirs[mine[0]]}), step,
                               output=mine[0], call=call)  # fmt: skip
        if not told:
            self._tell("semantics", PLAIN, "no single step is to blame", None, output=output, call=call)


def _said(error: dict[str, Any]) -> str:
    text = error["text"].partition("\nApply node")[0].partition("\n\n")[0].replace("\n", " ")
    return f"{error['kind']} ({error['stage'].split()[0]}): {text[:300]}"


def _few(value: np.ndarray) -> str:
    flat = ", ".join(repr(v.item()) for v in value.ravel()[:6])
    return f"{value.dtype}{list(value.shape)} {flat}" + (", ..." if value.size > 6 else "")


def _finite(value: np.ndarray) -> np.ndarray:
    return np.isfinite(value) if value.dtype.kind in "fc" else np.ones(value.shape, bool)


def _kind_of(value: np.ndarray) -> np.ndarray:
    """NaN and infinities as they are, every finite number alike."""
    return np.where(np.isfinite(value), 0.0, value)
